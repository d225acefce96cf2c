"""Provenance: the commit that last changed each declaration, and which commits a revision contains.

One pass over `git log` and one over the commit graph, however many files there are. A file that was only moved keeps
the commit that last changed its contents; what a shallow clone cannot know is not guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from reconciler.planning.provenance import Commit
from reconciler.repository.work_tree import WorkTree, open_work_tree

_FOLDER: Final = "exemptions"
_READ_BY_US: Final = (_FOLDER, "reconciler.yaml", "catalog.yaml")
_MAX_REMEMBERED: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHistory:
    """What git knows. `commits` maps a file (relative to the repository of exemptions) to its last commit; `parents`
    is the graph below `head`. Without git everything is empty.
    """

    head: str | None = None
    dirty: bool = False
    commits: Mapping[str, Commit] = field(default_factory=dict)
    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    _contained: dict[str, frozenset[str]] = field(default_factory=dict, compare=False, repr=False)

    def last_commit(self, file: str) -> Commit | None:
        """The last commit that changed the file, or None."""
        return self.commits.get(file)

    def contains(self, revision: str, commit: str) -> bool:
        """Whether `commit` is `revision` or an ancestor of it; False where either is unknown."""
        return commit in self._ancestors(revision)

    def _ancestors(self, revision: str) -> frozenset[str]:
        """All that a revision contains, remembered: planning asks about few revisions and many commits."""
        known = self._contained.get(revision)
        if known is None:
            if len(self._contained) >= _MAX_REMEMBERED:
                self._contained.clear()
            known = self._contained[revision] = _reachable(revision, self.parents)
        return known


def read(root: Path) -> FileHistory:
    """The history of the repository of exemptions at `root`; empty without git."""
    tree = open_work_tree(root)
    if tree is None:
        return FileHistory()
    head = tree.run("rev-parse", "HEAD").strip()
    commits = _last_commits(_log(tree), tree.prefix)
    shallow = _shallow(tree)
    known = {file: commit for file, commit in commits.items() if commit.sha not in shallow}
    return FileHistory(head=head, dirty=_is_dirty(tree), commits=known, parents=_parents(tree))


def _reachable(revision: str, parents: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    if revision not in parents:
        return frozenset()
    found = {revision}
    waiting = [revision]
    while waiting:
        for parent in parents.get(waiting.pop(), ()):
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return frozenset(found)


def _parents(tree: WorkTree) -> Mapping[str, tuple[str, ...]]:
    lines = (line.split() for line in tree.run("rev-list", "--parents", "HEAD").splitlines())
    return {commit: tuple(parents) for commit, *parents in lines}


def _is_dirty(tree: WorkTree) -> bool:
    paths = [tree.path(name) for name in _READ_BY_US]
    return bool(
        tree.run("status", "--porcelain", "-z", "--untracked-files=all", "--ignore-submodules=all", "--", *paths)
    )


def _shallow(tree: WorkTree) -> frozenset[str]:
    """Commits at which a shallow clone is cut off: they seem to have added every file."""
    path = tree.ask("rev-parse", "--git-path", "shallow")
    file = Path(str(tree.repo.working_tree_dir), path or "shallow")
    return frozenset(file.read_text("ascii").split()) if file.is_file() else frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Touch:
    """One commit touching one file; `moved_from` where the contents stayed."""

    commit: Commit
    path: str
    moved_from: str | None = None
    deleted: bool = False


def _log(tree: WorkTree) -> Iterator[_Touch]:
    """Every touch of a declaration's file, newest first. Merges count where they differ from all their parents."""
    out = tree.run(
        "log",
        "--no-color",
        "--no-show-signature",
        "--no-ext-diff",
        "--no-relative",
        "--format=%x01%H%x00%ct",
        "--name-status",
        "-z",
        "-c",
        "-M100%",
        "-l0",
        "HEAD",
        "--",
        tree.path(_FOLDER),
    )
    for part in out.split("\x01")[1:]:
        sha, seconds, *fields = part.split("\x00")
        commit = Commit(sha, datetime.fromtimestamp(int(seconds), UTC))
        words = iter([word.lstrip("\n") for word in fields if word.strip("\n")])
        for status in words:
            path = next(words, "")
            if status[1:].isdecimal():  # R100 or C100: the old path, then the new one
                yield _Touch(commit=commit, path=next(words, ""), moved_from=path)
            else:
                yield _Touch(commit=commit, path=path, deleted=status == "D")


def _last_commits(touches: Iterator[_Touch], prefix: str) -> dict[str, Commit]:
    """By today's path, the first touch that changed contents; moves are followed back."""
    found: dict[str, Commit] = {}
    today: dict[str, str] = {}
    settled: set[str] = set()
    for touch in touches:
        if touch.path in settled:
            continue
        settled.add(touch.path)
        current = today.pop(touch.path, touch.path)
        if touch.moved_from is not None:
            today[touch.moved_from] = current
            settled.discard(touch.moved_from)
        elif not touch.deleted:
            found[current.removeprefix(prefix)] = touch.commit
    return found
