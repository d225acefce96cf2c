"""Files that somebody named on a command line."""

from __future__ import annotations

from pathlib import Path

from reconciler.problems import UsageError


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
        raise UsageError(f"{str(path)!r} is a folder, and no {label}", remedy) from None
    except OSError as error:
        raise UsageError(f"{label} {str(path)!r} cannot be read: {error.strerror}", remedy) from None
