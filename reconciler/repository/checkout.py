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
from reconciler.repository.work_tree import READ_FROM, WHOLE_CLONE, WorkTree

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


_NEVER_WORDS: Final = ("nothing of the commit is checked out", "run `git checkout HEAD`")
_UNFETCHED_WORDS: Final = (
    "this is a partial clone (--filter), which never got what the commit holds here",
    WHOLE_CLONE,
)
_REPLACED_WORDS: Final = (
    "the commit holds it, but `git replace` shows another one in its place, without it",
    "run `git replace -d` on what `git replace --list` names, then `git checkout HEAD -- .`",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A path of the repository of exemptions that is not here as the commit has it, why, and what to do."""

    path: str
    reason: str
    remedy: str


def missing_files(tree: WorkTree | None, root: Path) -> tuple[Missing, ...]:
    """Everything that HEAD holds and the working tree around `root` lacks, or hides from git; sorted. Nothing without git.

    Raises:
        ReconcilerError: git cannot tell what HEAD holds, as in a clone that lacks its folders.
    """
    if tree is None:
        return ()
    paths = [tree.path(name) for name in READ_FROM]
    listing = tree.ask("ls-tree -r -z --full-tree HEAD", "--", *paths)
    if listing is None:
        raise ReconcilerError(f"git cannot tell what the commit in {root} holds", WHOLE_CLONE)
    entries = [entry.partition("\t") for entry in listing.split("\x00") if entry]
    committed = {
        path: (mode, blob)
        for head, _, path in entries
        for mode, _, blob in [head.split()]
        if mode == _SUBMODULE or path.endswith(_READ)
    }
    index = tree.ask("rev-parse", "--path-format=absolute", "--git-path", "index")
    if not (index and Path(index).is_file()):
        names = (path.removeprefix(tree.prefix) for path in sorted(committed))
        return tuple(Missing(path=name, reason=_NEVER_WORDS[0], remedy=_NEVER_WORDS[1]) for name in names)
    rows = tree.run("ls-files -v -z --full-name", "--", *paths).split("\x00")
    deleted, flags = _deleted(tree, paths), {row[2:]: row[0] for row in rows if row}
    unfetched, is_replaced = _unfetched(tree, paths), _is_replaced(tree, paths)
    missing = []
    for path, (mode, blob) in committed.items():
        name, flag = path.removeprefix(tree.prefix), flags.get(path, "")
        is_here = os.path.lexists(root / name)
        words: tuple[str, str] | None = None
        if blob in unfetched and not is_here:
            words = _UNFETCHED_WORDS
        elif is_replaced and not is_here:
            words = _REPLACED_WORDS
        elif path not in deleted:
            words = _why_missing(tree, root / name, mode, blob, flag)
        if words is not None:
            missing.append(Missing(path=name, reason=words[0], remedy=words[1]))
    return tuple(sorted(missing, key=lambda entry: entry.path))


def _why_missing(tree: WorkTree, file: Path, mode: str, blob: str, flag: str) -> tuple[str, str] | None:
    """Why a file is not here as the commit has it, and what to do; None where it is. `flag` is git's letter for it in
    the index: S is skip-worktree, a small letter assume-unchanged.
    """
    is_hidden = flag == _SKIPPED or flag.islower()
    if mode == _SUBMODULE:
        return _SUBMODULE_WORDS
    if os.path.lexists(file):
        if not is_hidden:
            return None
        try:  # line ends may be the checkout's
            is_equal = file.read_bytes().replace(b"\r\n", b"\n") == tree.blob(blob).replace(b"\r\n", b"\n")
        except OSError:
            is_equal = False
        return None if is_equal else _DIFFERS_WORDS
    if flag == _SKIPPED:
        return "left out by a sparse checkout or skip-worktree", "run `git sparse-checkout disable`"
    if is_hidden:
        return "missing, and git is told not to look (assume-unchanged)", "run `git update-index --really-refresh`"
    return "the commit holds it, and it is not found here", "check that its folder may be read, or check it out again"


def _deleted(tree: WorkTree, paths: list[str]) -> frozenset[str]:
    """What git shows as deleted, in the index or only in the working tree: an edit that anybody sees."""
    out = tree.run(
        "diff-index --raw -z --no-renames --no-ext-diff --ignore-submodules --no-relative HEAD", "--", *paths
    )
    fields = out.split("\x00")
    return frozenset(path for head, path in zip(fields[::2], fields[1::2], strict=False) if head.endswith(" D"))


def _unfetched(tree: WorkTree, paths: list[str]) -> frozenset[str]:
    """The blobs of HEAD that a partial clone lacks: nobody can have deleted what was never here."""
    if not tree.is_partial:
        return frozenset()
    rows = tree.run("rev-list --objects --missing=print --no-walk HEAD", "--", *paths).splitlines()
    return frozenset(row[1:] for row in rows if row.startswith("?"))


def _is_replaced(tree: WorkTree, paths: list[str]) -> bool:
    """Whether HEAD, or a folder on the way to what is read, is replaced by something else (`git replace`): what is checked
    out may then lack files that nobody deleted.
    """
    replaced = (tree.ask("for-each-ref", "--format=%(refname:lstrip=2)", "refs/replace/") or "").split()
    if not replaced:
        return False
    folders = [row.split() for row in tree.run("ls-tree -r -t -z --full-tree HEAD", "--", *paths).split("\x00")]
    trees = {row[2] for row in folders if row and row[1] == "tree"}
    tops = (tree.run("rev-parse", "HEAD", "HEAD^{tree}")).split()
    return not trees.union(tops).isdisjoint(replaced)
