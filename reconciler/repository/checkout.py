"""What the working tree lacks although the commit holds it, without anybody having edited it away.

A submodule that was not initialised, a sparse checkout, a file that git is told not to look at, a folder that cannot be
read: such a declaration is not removed, it is missing here. What somebody deleted is an edit that git shows.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.problems import ReconcilerError
from reconciler.repository.work_tree import FOLDER, READ_FROM, WorkTree, open_work_tree

_READ: Final = ".yaml"
_SUBMODULE: Final = "160000"
_SKIPPED: Final = "S"
_SUBMODULE_WORDS: Final = (
    "this is a submodule: what it holds is reviewed elsewhere, and may be absent here",
    "keep declarations as files of this repository",
)
_DIFFERS_WORDS: Final = (
    "it differs from the commit, and git is told not to look at it",
    "run `git update-index --no-assume-unchanged --no-skip-worktree` on it, then commit or restore it",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A path of the repository of exemptions that is not here as the commit has it, why, and what to do."""

    path: str
    reason: str
    remedy: str


def missing_files(root: Path) -> tuple[Missing, ...]:
    """Everything that HEAD holds and the working tree lacks, or hides from git; sorted. Nothing without git.

    Raises:
        ReconcilerError: git cannot tell what HEAD holds, as in a clone that lacks its folders.
    """
    tree = open_work_tree(root)
    if tree is None:
        return ()
    paths = [tree.path(name) for name in READ_FROM]
    listing = tree.ask("ls-tree", "-r", "-z", "--full-tree", "HEAD", "--", *paths)
    if listing is None:
        raise ReconcilerError(
            f"git cannot tell what the commit in {root} holds",
            "clone without a filter (in a pipeline: fetch-depth 0), or run `git fetch --refetch`",
        )
    entries = [entry.partition("\t") for entry in listing.split("\x00") if entry]
    committed = {
        path: (mode, blob)
        for head, _, path in entries
        for mode, _, blob in [head.split()]
        if mode == _SUBMODULE or path.endswith(_READ)
    }
    index = tree.ask("rev-parse", "--path-format=absolute", "--git-path", "index")
    if committed and not (index and Path(index).is_file()):
        reason, remedy = "nothing of the commit is checked out", "run `git checkout HEAD`"
        return (Missing(path=FOLDER, reason=reason, remedy=remedy),)
    deleted, flags = _deleted(tree, paths), _flags(tree, paths)
    missing = []
    for path, (mode, blob) in committed.items():
        name, flag = path.removeprefix(tree.prefix), flags.get(path, "")
        if path not in deleted and (words := _why_missing(tree, root / name, mode, blob, flag)) is not None:
            missing.append(Missing(path=name, reason=words[0], remedy=words[1]))
    return tuple(sorted(missing, key=lambda entry: entry.path))


def _why_missing(tree: WorkTree, file: Path, mode: str, blob: str, flag: str) -> tuple[str, str] | None:
    """Why a file is not here as the commit has it, and what to do; None where it is. `flag` is git's letter for it."""
    is_hidden = flag == _SKIPPED or flag.islower()
    if mode == _SUBMODULE:
        return _SUBMODULE_WORDS
    if os.path.lexists(file):
        return _DIFFERS_WORDS if is_hidden and _differs(tree, file, blob) else None
    if flag == _SKIPPED:
        return "left out by a sparse checkout or skip-worktree", "run `git sparse-checkout disable`"
    if is_hidden:
        return "missing, and git is told not to look (assume-unchanged)", "run `git update-index --really-refresh`"
    return "the commit holds it, and it is not found here", "check that its folder may be read, or check it out again"


def _differs(tree: WorkTree, file: Path, blob: str) -> bool:
    """Whether a file says something else than the commit; line ends may be the checkout's."""
    try:
        return file.read_bytes().replace(b"\r\n", b"\n") != tree.blob(blob).replace(b"\r\n", b"\n")
    except OSError:
        return True


def _deleted(tree: WorkTree, paths: list[str]) -> frozenset[str]:
    """What git shows as deleted, in the index or only in the working tree: an edit that anybody sees."""
    out = tree.run("diff-index", "--raw", "-z", "--no-renames", "--no-ext-diff", "--ignore-submodules", "--no-relative", "HEAD", "--", *paths)  # fmt: skip
    fields = out.split("\x00")
    return frozenset(path for head, path in zip(fields[::2], fields[1::2], strict=False) if head.endswith(" D"))


def _flags(tree: WorkTree, paths: list[str]) -> dict[str, str]:
    """Git's letter for each file in the index: S is skip-worktree, a small letter assume-unchanged."""
    rows = tree.run("ls-files", "-v", "-z", "--full-name", "--", *paths).split("\x00")
    return {row[2:]: row[0] for row in rows if row}
