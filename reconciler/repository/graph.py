"""The graph of commits below HEAD, and what each merge of the main line brought."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.repository.work_tree import WorkTree

Parents = Mapping[str, tuple[str, ...]]
"""By commit, its parents in their order."""


def parents_below_head(tree: WorkTree) -> Parents:
    """The parents of HEAD and of all that it contains."""
    lines = (line.split() for line in tree.run("rev-list", "--parents", "HEAD").splitlines())
    return {commit: tuple(parents) for commit, *parents in lines}


def reachable(revision: str, parents: Parents, without: frozenset[str] | set[str] = frozenset()) -> set[str]:
    """A revision and all its ancestors, but for those in `without` and what is found through them; empty where it is unknown."""
    if revision not in parents or revision in without:
        return set()
    contained = {revision}
    waiting = [revision]
    while waiting:
        for parent in parents.get(waiting.pop(), ()):
            if parent not in contained and parent not in without:
                contained.add(parent)
                waiting.append(parent)
    return contained


def branch_starts(head: str, parents: Parents) -> Mapping[str, str]:
    """By merge on the first-parent line of `head`, the first commit of the branch that it brought: who made that began to
    ask, whoever mended the branch later.
    """
    line = []
    commit = head
    while commit in parents:
        line.append(commit)
        commit = next(iter(parents[commit]), "")
    contained: set[str] = set()
    starts: dict[str, str] = {}
    for commit in reversed(line):
        if len(parents[commit]) > 1:
            start = before = parents[commit][1]
            while before in parents and before not in contained:
                start, before = before, next(iter(parents[before]), "")
            starts[commit] = start
        contained |= reachable(commit, parents, contained)
    return starts
