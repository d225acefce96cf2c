"""Finds and reads the files of `exemptions/`, trusting nothing about them.

A pull request decides what lies there: links out of the repository, devices, pipes, folders without end, names that
fall together on another file system. The walk follows no link, opens nothing but regular files, leaves no folder and
stops at limits that say so. Reading is lazy, so that the bytes of one file are held at a time.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.codes import FileCode
from reconciler.documents.characters import describe, not_one_line
from reconciler.model import Severity, Source
from reconciler.problems import Problem

MAX_BYTES: Final = 256 * 1024
MAX_TOTAL_BYTES: Final = 256 * 1024 * 1024
MAX_FILES: Final = 50_000
MAX_FOLDERS_DEEP: Final = 20
SUFFIX: Final = ".yaml"
_MISTAKEN_SUFFIXES: Final = frozenset({".yml", ".yaml", ".json"})
_ATTRIBUTES: Final = ".gitattributes"
_QUIET_SUFFIXES: Final = frozenset({".md", ".txt", ".rst"})
_OPEN_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A regular file: where it is, and its repository-relative path with forward slashes, fit to be shown."""

    path: str
    name: str


def walk(root: Path, folder: str) -> Iterator[SourceFile | Problem]:
    """Every declaration file below `root/folder`, sorted by path, and a problem for all that must not be there.

    A folder that does not exist holds nothing.
    """
    top = os.path.join(root, folder)  # noqa: PTH118 - paths stay text here: a Path for each of 50,000 files costs seconds
    mode = _mode(top)
    if mode is None:
        return
    if not stat.S_ISDIR(mode):
        yield _refused(folder, mode, "where the folder of declarations should be")
        return
    count = 0
    for entry in _folder(top, folder, 1):
        count += isinstance(entry, SourceFile)
        if count > MAX_FILES:
            yield Problem(
                source=Source(folder),
                code=FileCode.TOO_MANY_FILES,
                message=f"more than {MAX_FILES:,} declarations; the rest is not read",
                remedy="one declaration may name up to 1,000 scopes: put together what belongs together",
            )
            return
        yield entry


def read(file: SourceFile) -> bytes | Problem:
    """The bytes of a file, or why they cannot be had."""
    try:
        descriptor = os.open(file.path, _OPEN_FLAGS)
    except OSError as error:
        mode = _mode(file.path)
        is_link = mode is not None and stat.S_ISLNK(mode)
        return _refused(file.name, mode or 0, "where a file should be") if is_link else _unreadable(file.name, error)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return _refused(file.name, status.st_mode, "where a file should be")
        if status.st_size > MAX_BYTES:
            return _too_large(file.name, status.st_size)
        # As much as there is: room for the largest that may be would be cleared anew for each of many small files.
        data = os.read(descriptor, status.st_size + 1)
        if len(data) != status.st_size:  # it grew, its file system knows no sizes, or gave less than there is
            while len(data) <= MAX_BYTES and (piece := os.read(descriptor, MAX_BYTES)):
                data += piece
        return data if len(data) <= MAX_BYTES else _too_large(file.name, len(data))
    except OSError as error:
        return _unreadable(file.name, error)
    finally:
        os.close(descriptor)


def printable_path(path: str) -> str:
    """A path that can be printed and encoded: bytes that are no UTF-8 become visible escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace").replace(os.sep, "/")


def _folder(path: str, name: str, depth: int) -> Iterator[SourceFile | Problem]:
    """The contents of one folder, then of the folders below it."""
    if depth > MAX_FOLDERS_DEEP:
        yield Problem(
            source=Source(name),
            code=FileCode.TOO_DEEP,
            message=f"folders are nested more than {MAX_FOLDERS_DEEP} deep; what is below is not read",
            remedy="move its files up",
        )
        return
    try:
        with os.scandir(path) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        yield _unreadable(name, error)
        return
    twins: dict[str, str] = {}
    for entry in entries:
        below = f"{name}/{printable_path(entry.name)}"
        odd = not_one_line(entry.name)
        if odd is not None:
            yield Problem(
                source=Source(below),
                code=FileCode.HIDDEN_CHARACTER,
                message=f"its name holds {describe(odd)}; such a name looks like another one",
                remedy="rename it with plain letters, digits, dots, dashes and underscores",
            )
            continue
        first = twins.setdefault(unicodedata.normalize("NFC", entry.name).casefold(), below)
        if first != below:
            yield Problem(
                source=Source(below),
                code=FileCode.CASE_TWIN,
                message=f"its name differs from {first!r} in case only",
                remedy="macOS and Windows take both for one: give one of them another name",
            )
        elif entry.is_dir(follow_symlinks=False):
            yield from _folder(entry.path, below, depth + 1)
        else:
            yield from _entry(entry, below)


def _entry(entry: os.DirEntry[str], name: str) -> Iterator[SourceFile | Problem]:
    """One thing that is no folder: a declaration, something to refuse, or something that is none of our business."""
    if not entry.is_file(follow_symlinks=False):
        yield _refused(name, _mode(entry.path) or 0, "where a file should be")
        return
    if entry.name.casefold() == _ATTRIBUTES:
        yield Problem(
            source=Source(name),
            code=FileCode.ATTRIBUTES,
            message="git would obey this file: it can hide a declaration's changes from reviewers or turn its bytes",
            remedy="remove it; attributes belong into the file at the root of the repository, which has other owners",
        )
        return
    stem, suffix = os.path.splitext(entry.name)  # noqa: PTH122 - as above
    if suffix == SUFFIX:
        yield SourceFile(entry.path, name)
    elif suffix.lower() in _MISTAKEN_SUFFIXES:
        yield Problem(
            source=Source(name),
            code=FileCode.SUFFIX,
            message=f"it ends in {suffix!r}, so it would not be read as a declaration",
            remedy=f"rename it to {stem}{SUFFIX}"
            if suffix != ".json"
            else f"write it as YAML in {stem}{SUFFIX}; a file of EPAC is read by `exempt import epac`",
        )
    elif suffix.lower() not in _QUIET_SUFFIXES and not entry.name.startswith(".") and entry.name != "CODEOWNERS":
        yield Problem(
            source=Source(name),
            code=FileCode.SUFFIX,
            message=f"it does not end in {SUFFIX!r}, so it is not read",
            remedy=f"rename it if it is a declaration, or move it out of {name.split('/', 1)[0]}/ if it is none",
            severity_override=Severity.WARNING,
        )


def _mode(path: str) -> int | None:
    try:
        return os.lstat(path).st_mode
    except (OSError, ValueError):
        return None


def _refused(name: str, mode: int, where: str) -> Problem:
    kinds = (
        (stat.S_ISLNK, "a symbolic link"),
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a named pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISBLK, "a device"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISREG, "a file"),
    )
    kind = next((text for test, text in kinds if test(mode)), "something that cannot be examined")
    return Problem(
        source=Source(name),
        code=FileCode.NOT_A_FILE,
        message=f"this is {kind} {where}; it is not opened",
        remedy="what is read here is a regular file inside the repository: put the file itself here",
    )


def _too_large(name: str, size: int) -> Problem:
    return Problem(
        source=Source(name),
        code=FileCode.TOO_LARGE,
        message=f"the file has {size:,} bytes; at most {MAX_BYTES:,} are read",
        remedy="split it: one declaration may name up to 1,000 scopes",
    )


def _unreadable(name: str, error: OSError) -> Problem:
    reason = (error.strerror or "unknown reason").lower()
    return Problem(
        source=Source(name),
        code=FileCode.UNREADABLE,
        message=f"it cannot be read: {reason}",
        remedy="check that the file is there and may be read",
    )
