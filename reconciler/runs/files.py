"""Files that commands write. What is written is the whole new one or the old one, never a half."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from reconciler.model import agree
from reconciler.problems import ReconcilerError, UsageError

_UNWRITABLE: Final = "name a file in a folder that exists, where this user may write and the disk has room"
_LINKS: Final = 40
"""As many links after each other as the system itself follows."""
_BLOCK: Final = 1 << 18
"""Bytes that are written at once: hundreds of megabytes come in pieces of one line."""


def write_file(path: Path, content: str | bytes | Iterable[str]) -> None:
    """Replaces a file's content at once; what is not a plain file (a pipe, a device) is written in place, and a stream of
    this process (`/dev/stdout`) goes on, wherever it leads. A text of hundreds of megabytes is better given in pieces.

    Raises:
        ReconcilerError: it cannot be written.
    """
    pieces = (content,) if isinstance(content, str | bytes) else content
    encoded = (piece if isinstance(piece, bytes) else piece.encode() for piece in pieces)
    try:
        stream = stream_at(path)
        if stream is not None or (path.exists() and not path.is_file()):
            with path.open("wb") if stream is None else os.fdopen(os.dup(stream), "wb") as file:
                file.writelines(encoded)
            return
        target = path.resolve()  # of a link, where it leads: the draft must lie on the same disk
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        draft = Path(name)
        try:
            with os.fdopen(handle, "wb", _BLOCK) as file:
                file.writelines(encoded)
            umask = os.umask(0)  # reading it means setting it
            os.umask(umask)
            draft.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~umask)
            draft.replace(target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except (OSError, RuntimeError) as error:  # the latter is pathlib's of a link that leads to itself
        why = error.strerror if isinstance(error, OSError) else "its link leads to itself"
        raise ReconcilerError(f"{path} cannot be written: {why}", _UNWRITABLE) from error


def stream_at(path: Path) -> int | None:
    """The number of the stream of this process that a path names (`/dev/stderr`, `/dev/fd/3`), if it names one.

    Opened by its path, a file to which it was redirected would begin anew, and what both write would lie over each other.
    """
    folders = {os.path.realpath("/dev/fd"), os.path.realpath("/proc/self/fd")}
    for _ in range(_LINKS):
        if path.name.isdecimal() and os.path.realpath(path.parent) in folders:
            return int(path.name)
        if not path.is_symlink():
            break
        path = path.parent / path.readlink()
    return None


def make_folder(path: Path) -> None:
    """Makes a folder that somebody named, with all above it, unless it is there.

    Raises:
        ReconcilerError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        remedy = "name a folder where this user may write and the disk has room"
        raise ReconcilerError(f"the folder {path} cannot be made: {error.strerror}", remedy) from error


def require_places(files: Iterable[Path | None], folders: Iterable[Path | None] = ()) -> None:
    """That files can be written where a command line wants them, and folders made, before anything is done for it.

    Raises:
        UsageError: somewhere they cannot; all of that is told.
    """
    faults = []
    for path in filter(None, files):
        if path.is_dir():
            faults.append(f"{str(path)!r} is a folder")
        elif not path.parent.is_dir():
            faults.append(f"there is no folder {str(path.parent)!r} for {path.name!r}")
        elif not os.access(path if path.exists() else path.parent, os.W_OK):
            faults.append(f"this user may not write {str(path)!r}")
    faults += [f"{str(path)!r} is a file, and no folder" for path in filter(None, folders) if path.is_file()]
    if faults:
        raise UsageError(f"nothing could be saved: {'; '.join(faults)}", _UNWRITABLE)


def require_paths(paths: Iterable[Path]) -> None:
    """That everything which a command line names is there, before anything is done.

    Raises:
        UsageError: something is not; all of that is named.
    """
    if missing := [repr(str(path)) for path in paths if not os.path.lexists(path)]:
        raise UsageError(
            f"there is no file or folder {', '.join(missing)}", f"correct the {agree(len(missing), 'path', 'paths')}"
        )
