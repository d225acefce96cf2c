"""What the main line got, and when: every commit on the first-parent line that touched a declaration.

A branch's commits count from the merge that brought them: until then nobody had agreed to them, whatever dates they
bear. File names, dates and encodings are anybody's text: what cannot be read is left out, and nothing here fails for it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from reconciler.planning.provenance import Commit
from reconciler.repository.work_tree import FOLDER, WorkTree

_ABSENT: Final = frozenset("0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file as a commit left it. `blob` is None where it is gone, `moved_from` set where only its path changed."""

    path: str
    blob: str | None
    moved_from: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """One commit of the main line and the files it touched. `commit` is None where its date cannot be read."""

    sha: str
    commit: Commit | None
    entries: tuple[Entry, ...]

    @property
    def blobs(self) -> Mapping[str, str | None]:
        """The blob of each path that was touched, None where nothing is there any more."""
        moved = {entry.moved_from: None for entry in self.entries if entry.moved_from is not None}
        return {**moved, **{entry.path: entry.blob for entry in self.entries}}


def touches(tree: WorkTree, revisions: str, names: Sequence[str] = (FOLDER,)) -> Iterator[Touch]:
    """Every commit of these revisions (`HEAD`, `COMMIT..HEAD`) on the main line that touched a declaration, or any of these
    `names` of what exempt reads, newest first.
    """
    out = tree.run(
        "log --first-parent -m --no-color --no-show-signature --no-ext-diff --no-textconv --no-relative --encoding=UTF-8 "
        "--raw -z --no-abbrev -M100% -l0",
        "--format=%H %ct",
        revisions,
        "--",
        *map(tree.path, names),
    )
    header: str | None = None
    entries: list[Entry] = []
    tokens = iter(out.split("\x00"))
    for token in tokens:
        text = token.lstrip("\n")
        if text.startswith(":"):  # in a fixed place, so that no path is ever taken for one
            # Modes, blobs and status, then one path, or two where it moved.
            *_, blob, status = text.split()
            path, moved_from = next(tokens, ""), None
            if status[0] in "RC":
                moved_from, path = path if status[0] == "R" else None, next(tokens, "")
            entries.append(Entry(path=path, blob=None if _ABSENT.issuperset(blob) else blob, moved_from=moved_from))
        elif text:
            if header is not None:
                yield _touch(header, entries)
            header, entries = text, []
    if header is not None:
        yield _touch(header, entries)


def _touch(header: str, entries: list[Entry]) -> Touch:
    sha, _, seconds = header.partition(" ")
    commit = None
    # A date may be none, or one that no calendar of ours has.
    with contextlib.suppress(ValueError, OverflowError, OSError):
        commit = Commit(sha, datetime.fromtimestamp(int(seconds), UTC))
    return Touch(sha=sha, commit=commit, entries=tuple(entries))
