"""What a commit holds of the repository of exemptions, and what the main line did to it since.

Nothing is checked out: files are read from git's objects, as bytes, so that no filter or hook has a say.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from reconciler.problems import ReconcilerError, UsageError
from reconciler.repository.base import Same
from reconciler.repository.main_line import touches
from reconciler.repository.work_tree import FOLDER, READ_FROM, RUN_IN_A_CLONE, WorkTree, no_history, open_work_tree

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REGULAR: Final = frozenset({"100644", "100755"})
_MAX_BYTES: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A commit: its hash, its `files` (paths as in the repository of exemptions), and the names of the declarations that
    came back: some commit on the main line since then removed them, or changed them to what neither this commit nor
    HEAD says; `came_back_files` are those of reconciler.yaml and catalog.yaml of which the same is true.
    """

    sha: str
    files: Mapping[str, bytes]
    came_back: frozenset[str]
    came_back_files: frozenset[str]


def read_revision(root: Path, text: str, is_same: Same, is_same_file: Same) -> Revision:
    """What the commit `text`, a whole hash, holds. `is_same` says whether two versions of a declaration mean the same,
    `is_same_file` whether two of reconciler.yaml or catalog.yaml do.

    Raises:
        UsageError: it is no whole hash, or git does not know it.
        ReconcilerError: there is no git, the clone lacks a file, or the commit holds what is no plain file.
    """
    tree = open_work_tree(root)
    if tree is None:
        raise UsageError(f"--approved {text}: {no_history(root)}", RUN_IN_A_CLONE)
    if not _COMMIT.fullmatch(text):
        raise UsageError(
            f"--approved: {text!r} is no whole commit hash",
            "give all its hexadecimal digits, as the outcomes of an apply say them; a name could be anything",
        )
    sha = tree.ask("rev-parse", "--verify", "--quiet", f"{text}^{{commit}}")
    if sha != text:
        raise UsageError(
            f"--approved {text}: git knows no such commit",
            "fetch it (in a pipeline: a clone with full history); if main was rewritten, apply once with approval",
        )
    blobs = dict(blobs_at(tree, sha))
    files = {path: tree.blob(blob, path) for path, blob in blobs.items()}
    return Revision(
        sha=sha,
        files=files,
        came_back=_came_back(tree, sha, blobs, is_same),
        came_back_files=_came_back_files(tree, sha, blobs, is_same_file),
    )


def blobs_at(tree: WorkTree, commit: str) -> Iterator[tuple[str, str]]:
    """The path and blob of each file that exempt reads at a commit."""
    total = 0
    paths = [tree.path(name) for name in READ_FROM]
    for entry in tree.run("ls-tree -r -l -z --full-tree", commit, "--", *paths).split("\x00"):
        if not entry:
            continue
        head, _, path = entry.partition("\t")
        mode, _, blob, size = head.split()
        name = path.removeprefix(tree.prefix)
        if mode not in _REGULAR or ".." in PurePosixPath(name).parts:
            raise ReconcilerError(f"{commit[:12]} holds {name}, which is no plain file", "apply once with approval")
        total += int(size)
        if total > _MAX_BYTES:
            raise ReconcilerError(f"the declarations at {commit[:12]} have more than {_MAX_BYTES:,} bytes together")
        yield name, blob


def _came_back(tree: WorkTree, commit: str, blobs: Mapping[str, str], is_same: Same) -> frozenset[str]:
    before = {_stem(path): blob for path, blob in blobs.items()}
    now = {_stem(path): blob for path, blob in blobs_at(tree, "HEAD")}
    between: dict[str, set[str | None]] = defaultdict(set)
    for touch in touches(tree, f"{commit}..HEAD"):
        states: dict[str, str | None] = {_stem(path): None for path in touch.blobs}
        states.update((_stem(path), blob) for path, blob in touch.blobs.items() if blob is not None)
        for stem, state in states.items():  # a file that only moved is not gone
            between[stem].add(state)

    def is_known(stem: str, state: str | None) -> bool:
        sides = {before.get(stem), now.get(stem)}
        return state in sides or any(
            state is not None and side is not None and is_same(tree.blob(side), tree.blob(state)) for side in sides
        )

    return frozenset(stem for stem, states in between.items() if not all(is_known(stem, state) for state in states))


def _came_back_files(tree: WorkTree, commit: str, blobs: Mapping[str, str], is_same: Same) -> frozenset[str]:
    now = dict(blobs_at(tree, "HEAD"))
    names = [name for name in READ_FROM if name != FOLDER]
    states: dict[str, set[str | None]] = defaultdict(set)
    for touch in touches(tree, f"{commit}..HEAD", names):
        for path, blob in touch.blobs.items():
            states[path.removeprefix(tree.prefix)].add(blob)

    def contents(blob: str | None) -> bytes:
        return b"" if blob is None else tree.blob(blob)

    def is_known(name: str, state: str | None) -> bool:
        return any(is_same(contents(side), contents(state)) for side in {blobs.get(name), now.get(name)})

    return frozenset(name for name in names if not all(is_known(name, state) for state in states[name]))


def _stem(path: str) -> str:
    return PurePosixPath(path).stem
