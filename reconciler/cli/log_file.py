"""`--log-file FILE`: every request to Azure with its correlation id, for a support case; no tokens, bodies or queries.

Defects of our own are noted there with their traceback, which no other output shows.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from reconciler.reports.escape import printable
from reconciler.runs.files import require_places, stream_at

_LOGGERS: Final = ("exempt", "reconciler")


@contextlib.contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Notes what happens in the block. The file is readable by its owner only; a stream of this process
    (`/dev/stderr`) goes on.

    Raises:
        UsageError: the file could not be written, as its place and its rights say.
        OSError: it cannot be opened all the same, or what is noted last finds no room.
    """
    require_places([path])
    stream = stream_at(path)
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if stream is None else os.dup(stream)
    with os.fdopen(opened, "w", encoding="utf-8") as file:
        handler = logging.StreamHandler(file)
        handler.setFormatter(_Printable())
        loggers = [logging.getLogger(name) for name in _LOGGERS]
        for logger in loggers:
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            for logger in loggers:
                logger.removeHandler(handler)


class _Printable(logging.Formatter):
    """UTC times, one record a line; what others wrote cannot pass for a record of ours."""

    def __init__(self) -> None:
        super().__init__("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """The record, and its traceback indented."""
        first, *rest = super().format(record).splitlines()
        return "\n".join([printable(first), *(f"    {printable(line)}" for line in rest)])
