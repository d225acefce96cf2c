"""What differs from the base: which declarations somebody is changing now, and so answers for.

The base is the merge base with the remote's default branch, or with the revision that the caller names. The work tree
is compared, with what is not committed yet. A moved file is no change, nor is one that means the same as before.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from reconciler.problems import UsageError
from reconciler.repository.work_tree import FOLDER, READ_FROM, WorkTree, no_history

_BRANCHES: Final = ("HEAD", "main", "master")
_PLACES: Final = ("refs/", "refs/tags/", "refs/heads/", "refs/remotes/")
"""Where git looks a short name up, in this order."""

_SUFFIX: Final = re.compile(r"[~^@:]")
_MAX_BYTES: Final = 1024 * 1024

Same = Callable[[bytes, bytes], bool]
"""Whether two versions of a file mean the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One file of the base beside one of the work tree; either may be missing. `base` is the blob there."""

    base: str | None
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The work tree beside its base. `changed` are the names (stems of files) of the declarations that differ in meaning
    from it, those that are gone among them; None where everything counts as changed: without git, without a remote, or
    without a history in common. `commit` is the base, None likewise.
    """

    tree: WorkTree | None = None
    commit: str | None = None
    changed: frozenset[str] | None = None
    differences: tuple[Difference, ...] = ()

    def proposed(self) -> frozenset[str] | None:
        """Of `changed`, what the change under review is about; None where it is about all of them: where everything
        counts as changed, where reconciler.yaml or catalog.yaml differ, and where nothing is under review because the
        base itself is checked out.
        """
        if self.tree is None or self.commit is None:
            return None
        settings = [self.tree.path(name) for name in READ_FROM if name != FOLDER]
        if self.tree.run("diff-index --raw -z --no-ext-diff --no-relative", self.commit, "--", *settings):
            return None
        return self.changed if self.changed or self.commit != self.tree.head else None

    def contents_at_base(self) -> tuple[bytes, ...]:
        """The files of declarations as they stood at the base, as far as they differ now."""
        if self.tree is None:
            return ()
        blobs = {entry.base: entry.before or "" for entry in self.differences if entry.base is not None}
        return tuple(self.tree.blob(blob, name) for blob, name in sorted(blobs.items()))


def compare(tree: WorkTree | None, root: Path, base: str | None = None, is_same: Same = operator.eq) -> Comparison:
    """What differs from the base in the repository of exemptions at `root`; `tree` is the work tree around it.

    Raises:
        UsageError: `base` names no commit.
    """
    if tree is None and base is not None:
        raise UsageError(f"--base {base}: {no_history(root)}", "leave the option out")
    if tree is None:
        return Comparison()
    if base is not None:
        commit: str | None = _named(tree, base)
    else:
        # Where we left the remote's default branch: what it says that is, else `main` or `master`; `origin` first.
        refs = (tree.ask("for-each-ref", "--format=%(refname)", "refs/remotes") or "").split()
        branches = [(ref.rpartition("/")[0], ref.rpartition("/")[2]) for ref in refs]
        tips = [
            (remote != "refs/remotes/origin", _BRANCHES.index(name), f"{remote}/{name}")
            for remote, name in branches
            if name in _BRANCHES
        ]
        commit = tree.ask("merge-base", min(tips)[2], "HEAD") if tips else None
    if commit is None:
        return Comparison(tree=tree)
    differences = tuple(_differences(tree, commit))
    changed = _changed(tree, differences, root, is_same)
    return Comparison(tree=tree, commit=commit, changed=changed, differences=differences)


def _named(tree: WorkTree, base: str) -> str:
    """The merge base with a revision that the caller names, or that revision where they share no history."""
    # A short name is the tag's before the branch's: whoever may push a tag would choose what is judged.
    name = _SUFFIX.split(base, maxsplit=1)[0]
    candidates = [f"{place}{name}" for place in _PLACES]
    refs = [ref for ref in candidates if tree.ask("rev-parse", "--verify", "--quiet", ref) is not None]
    if len(refs) > 1:
        raise UsageError(
            f"--base {base}: that name is ambiguous: it is {', '.join(refs)}", f"write it whole, such as {refs[-1]}"
        )
    commit = None if base.startswith("-") else tree.ask("rev-parse", "--verify", "--quiet", f"{base}^{{commit}}")
    if not commit:
        raise UsageError(
            f"--base {base}: git knows no such revision",
            "fetch it first (in a pipeline: a clone with full history), or correct it",
        )
    return tree.ask("merge-base", commit, "HEAD") or commit


def _changed(tree: WorkTree, differences: Sequence[Difference], root: Path, is_same: Same) -> frozenset[str]:
    removed = {
        _stem(difference.before): difference.base
        for difference in differences
        if difference.after is None and difference.before is not None
    }
    names = set()
    for difference in differences:
        if difference.after is None:
            continue
        blob = (
            difference.base
            if difference.before and _stem(difference.before) == _stem(difference.after)
            else removed.get(_stem(difference.after))
        )
        file = root / difference.after.removeprefix(tree.prefix)
        is_readable = not file.is_symlink() and file.is_file() and file.stat().st_size <= _MAX_BYTES
        if blob is None or not is_readable or not is_same(tree.blob(blob, difference.after), file.read_bytes()):
            names.add(_stem(difference.after))
    return frozenset(
        names
        | (removed.keys() - {_stem(difference.after) for difference in differences if difference.after is not None})
    )


def _differences(tree: WorkTree, commit: str) -> Iterator[Difference]:
    """What differs between a commit and the work tree, files that git does not track yet among it."""
    folder = tree.path(FOLDER)
    out = tree.run(
        "diff-index --raw -z --no-abbrev --no-ext-diff --ignore-submodules --no-relative -M100% -l0",
        commit,
        "--",
        folder,
    )
    words = iter(out.split("\x00"))
    for header in words:
        if not header:
            continue
        *_, blob, _, status = header.split()
        path = next(words)
        match status[0]:
            case "D":
                yield Difference(base=blob, before=path, after=None)
            case "A":
                yield Difference(base=None, before=None, after=path)
            case "R":
                yield Difference(base=blob, before=path, after=next(words))
            case _:
                yield Difference(base=blob, before=path, after=path)
    for path in tree.run("ls-files", "--others", "-z", "--", folder).split("\x00"):
        if path:
            yield Difference(base=None, before=None, after=path)


def _stem(path: str | None) -> str:
    return PurePosixPath(path or "").stem
