"""What the working tree lacks although the commit holds it, without anybody having edited it away.

A submodule that was not initialised, a sparse checkout, a file that git is told not to look at, a folder that cannot be
read: such a declaration is not removed, it is missing here. What somebody deleted is an edit that git shows.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
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
    committed = _committed(listing)
    if not _has_index(tree):
        names = (path.removeprefix(tree.prefix) for path in sorted(committed))
        return tuple(Missing(path=name, reason=_NEVER_WORDS[0], remedy=_NEVER_WORDS[1]) for name in names)
    rows = tree.run("ls-files -v -z --full-name", "--", *paths).split("\x00")
    flags, present = {row[2:]: row[0] for row in rows if row}, _present(committed, root, tree.prefix)
    odd = {
        path: entry
        for path, entry in committed.items()
        if path not in present or entry[0] == _SUBMODULE or _is_hidden(flags.get(path, ""))
    }
    return _explained(tree, root, odd, present, flags) if odd else ()  # as nearly always


def _explained(
    tree: WorkTree, root: Path, odd: Mapping[str, tuple[str, str]], present: frozenset[str], flags: Mapping[str, str]
) -> tuple[Missing, ...]:
    """Why each path that is not there, or hidden from git, is not as the commit has it; nothing of what is an edit."""
    paths = [tree.path(name) for name in READ_FROM]
    deleted, unfetched, is_replaced = _deleted(tree, paths), _unfetched(tree, paths), _is_replaced(tree, paths)
    missing = []
    for path, (mode, blob) in odd.items():
        name = path.removeprefix(tree.prefix)
        words: tuple[str, str] | None = None
        if blob in unfetched and path not in present:
            words = _UNFETCHED_WORDS
        elif is_replaced and path not in present:
            words = _REPLACED_WORDS
        elif path not in deleted and mode == _SUBMODULE:
            words = _SUBMODULE_WORDS
        elif path not in deleted:
            words = _hidden_edit(tree, root / name, blob) if path in present else _why_missing(flags.get(path, ""))
        if words is not None:
            missing.append(Missing(path=name, reason=words[0], remedy=words[1]))
    return tuple(sorted(missing, key=lambda entry: entry.path))


def _committed(listing: str) -> Mapping[str, tuple[str, str]]:
    """Mode and blob, by path, of the declarations that a commit holds, and of its submodules."""
    committed = {}
    for entry in listing.split("\x00"):
        head, _, path = entry.partition("\t")
        if path.endswith(_READ) or head.startswith(_SUBMODULE):
            mode, _, blob = head.split()
            committed[path] = mode, blob
    return committed


def _has_index(tree: WorkTree) -> bool:
    """Whether anything was ever checked out."""
    index = tree.ask("rev-parse", "--path-format=absolute", "--git-path", "index")
    return bool(index and Path(index).is_file())


def _present(paths: Iterable[str], root: Path, prefix: str) -> frozenset[str]:
    """The paths at which there is anything. Each folder is listed once: to ask for each of 10,000 files takes ten times as
    long; only what no list shows, as where letter case makes no difference, is asked for by itself.
    """
    folders: dict[str, frozenset[str]] = {}
    present = set()
    for path in paths:
        folder, _, name = path.removeprefix(prefix).rpartition("/")
        if folder not in folders:
            try:
                folders[folder] = frozenset(os.listdir(root / folder))  # noqa: PTH208 - names alone, without a Path for each
            except OSError:
                folders[folder] = frozenset()
        if name in folders[folder] or os.path.lexists(root / folder / name):
            present.add(path)
    return frozenset(present)


def _is_hidden(flag: str) -> bool:
    """Whether git is told not to look. `flag` is its letter for a file in the index: S is skip-worktree, a small letter
    assume-unchanged.
    """
    return flag == _SKIPPED or flag.islower()


def _hidden_edit(tree: WorkTree, file: Path, blob: str) -> tuple[str, str] | None:
    """What to say of a file that is here, and that git is told not to look at; nothing where it is as committed."""
    try:  # line ends may be the checkout's
        is_equal = file.read_bytes().replace(b"\r\n", b"\n") == tree.blob(blob).replace(b"\r\n", b"\n")
    except OSError:
        is_equal = False
    return None if is_equal else _DIFFERS_WORDS


def _why_missing(flag: str) -> tuple[str, str]:
    """Why a file is not here, and what to do."""
    if flag == _SKIPPED:
        return "left out by a sparse checkout or skip-worktree", "run `git sparse-checkout disable`"
    if _is_hidden(flag):
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
