"""Provenance: the commit by which the main line last changed each declaration, and which commits a revision contains.

One pass over `git log` and one over the commit graph, however many files there are. A file that was only moved keeps
the commit that last changed its contents; what a shallow clone cannot know is not guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from reconciler.planning.provenance import Commit
from reconciler.repository.approval import approvals_in, requester
from reconciler.repository.graph import parents_below_head, reachable
from reconciler.repository.main_line import Touch, touches
from reconciler.repository.work_tree import READ_FROM, WorkTree

_MAX_REMEMBERED: Final = 64
_COMMITS_BACK: Final = 50
_MOST_REPLACED: Final = 200
"""How far back versions of declarations are looked at of which something may be left in Azure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHistory:
    """What git knows. `commits` maps a file (relative to the repository of exemptions) to the last commit of the main line
    that changed it, `requesters` to who asked for it; `parents` is the graph below `head`. `replaced` maps the blobs of the
    versions that the newest commits of the main line replaced or took out to their paths; `is_recent_whole`: those are all
    of them. Without git everything is empty.
    """

    head: str | None = None
    dirty: bool = False
    commits: Mapping[str, Commit] = field(default_factory=dict)
    requesters: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    replaced: Mapping[str, str] = field(default_factory=dict)
    is_recent_whole: bool = False
    _contained: dict[str, frozenset[str]] = field(default_factory=dict, compare=False, repr=False)

    def last_commit(self, file: str) -> Commit | None:
        """The last commit of the main line that changed the file, or None."""
        return self.commits.get(file)

    def requester(self, file: str) -> str:
        """Who made the commit that brought the declaration to the main line; empty where nobody can say."""
        return self.requesters.get(file, "")

    def contains(self, revision: str, commit: str) -> bool:
        """Whether `commit` is `revision` or an ancestor of it; False where either is unknown."""
        # All that a revision contains, remembered: planning asks about few revisions and many commits.
        ancestors = self._contained.get(revision)
        if ancestors is None:
            if len(self._contained) >= _MAX_REMEMBERED:
                self._contained.clear()
            ancestors = self._contained[revision] = frozenset(reachable(revision, self.parents))
        return commit in ancestors


def read(tree: WorkTree | None) -> FileHistory:
    """The history of the repository of exemptions in a work tree; empty without git."""
    if tree is None:
        return FileHistory()
    parents = parents_below_head(tree)
    line = tuple(touches(tree, tree.head))
    # The commits at which a shallow clone is cut off seem to have added every file.
    shallow = Path(str(tree.repo.working_tree_dir), tree.ask("rev-parse", "--git-path", "shallow") or "shallow")
    cut_off = frozenset(shallow.read_text("ascii").split()) if shallow.is_file() else frozenset[str]()
    firsts = {} if cut_off else _first_commits(line, tree.prefix)
    agreed = approvals_in(tree, firsts.values(), parents)
    paths = [tree.path(name) for name in READ_FROM]
    replaced = _replaced(line)
    return FileHistory(
        head=tree.head,
        dirty=bool(tree.run("status --porcelain -z --untracked-files=all --ignore-submodules=all", "--", *paths)),
        commits=_last_commits(line, tree.prefix, cut_off),
        requesters={file: requester(agreed[sha].author) for file, sha in firsts.items()},
        parents=parents,
        replaced=replaced,
        is_recent_whole=not cut_off and len(replaced) < _MOST_REPLACED,
    )


def _replaced(line: Sequence[Touch]) -> dict[str, str]:
    """What the newest commits replaced or took out, the newest first."""
    replaced: dict[str, str] = {}
    pending: set[str] = set()
    for position, touch in enumerate(line):
        for path, blob in touch.blobs.items():
            if path in pending and blob is not None and len(replaced) < _MOST_REPLACED:
                replaced.setdefault(blob, path)
            pending.discard(path)
        if position < _COMMITS_BACK:
            pending.update(touch.blobs)
    return replaced


def _last_commits(line: Iterable[Touch], prefix: str, unknown: frozenset[str]) -> dict[str, Commit]:
    """By today's path, the newest commit of the main line that changed contents; moves are followed back. Nothing is said
    of a file whose commit is `unknown` or has a date that cannot be read.
    """
    commits: dict[str, Commit] = {}
    today: dict[str, str] = {}
    settled: set[str] = set()
    for touch in line:
        for entry in touch.entries:
            if entry.path in settled:
                continue
            settled.add(entry.path)
            current = today.pop(entry.path, entry.path)
            if entry.moved_from is not None:
                today[entry.moved_from] = current
                settled.discard(entry.moved_from)
            elif entry.blob is not None and touch.commit is not None and touch.sha not in unknown:
                commits[current.removeprefix(prefix)] = touch.commit
    return commits


def _first_commits(line: Sequence[Touch], prefix: str) -> Mapping[str, str]:
    """By today's path, the commit of the main line that brought the declaration; moves are followed, and what was deleted
    and brought again counts from then.
    """
    firsts: dict[str, str] = {}
    for touch in reversed(line):
        moved = {
            entry.moved_from: firsts.pop(entry.moved_from, touch.sha) for entry in touch.entries if entry.moved_from
        }
        for entry in touch.entries:
            if entry.blob is None:
                firsts.pop(entry.path, None)
            elif entry.moved_from is not None:
                firsts[entry.path] = moved[entry.moved_from]
            else:
                firsts.setdefault(entry.path, touch.sha)
    return {path.removeprefix(prefix): sha for path, sha in firsts.items()}
