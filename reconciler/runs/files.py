"""Files that commands read and write. What is written is the whole new one or the old one, never a half."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from reconciler.model import agree
from reconciler.problems import ReconcilerError, UsageError


def read_file(path: Path, *, label: str, remedy: str, limit: int) -> bytes:
    """The bytes of a file that somebody named, at most one more than `limit`, so that the reader refuses what is larger.

    Raises:
        UsageError: there is none, or it cannot be read. `label`, what it should be, stands in the message.
    """
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError:
        raise UsageError(f"there is no {label} {str(path)!r}", remedy) from None
    except IsADirectoryError:
        raise UsageError(f"{str(path)!r} is a folder, not a {label}", remedy) from None
    except OSError as error:
        raise UsageError(f"{label} {str(path)!r} cannot be read: {error.strerror}", remedy) from None


def write_file(path: Path, text: str | Iterable[str]) -> None:
    """Replaces a file's content at once; what is not a plain file (`/dev/stdout`, a pipe) is written in place. A text of
    hundreds of megabytes is better given in pieces.

    Raises:
        ReconcilerError: it cannot be written.
    """
    pieces = (text,) if isinstance(text, str) else text
    try:
        if path.exists() and not path.is_file():
            with path.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(pieces)
            return
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        draft = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.writelines(pieces)
            umask = os.umask(0)  # reading it means setting it
            os.umask(umask)
            draft.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~umask)
            draft.replace(path.resolve())
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ReconcilerError(f"{path} cannot be written: {error.strerror}", "check that its folder exists") from error


def require_paths(paths: Iterable[Path]) -> None:
    """That everything which a command line names is there, before anything is done.

    Raises:
        UsageError: something is not; all of that is named.
    """
    if missing := [repr(str(path)) for path in paths if not os.path.lexists(path)]:
        raise UsageError(
            f"there is no file or folder {', '.join(missing)}", f"correct the {agree(len(missing), 'path', 'paths')}"
        )
