"""What Ctrl-C and SIGTERM do: end at once what only reads; finish and report what is in flight once something is written."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Final, NoReturn

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_STOPPING: Final = "stopping: what is under way is finished and reported; once more ends it at once\n"
_ABORTED: Final = "writes under way may have reached Azure or not; the next run finds out and finishes the work"


def end_on_sigterm() -> None:
    """Lets SIGTERM end a command as Ctrl-C does: said, tidied up, by the same exit code."""
    signal.signal(signal.SIGTERM, _interrupt)


def ignore() -> None:
    """From here on the process only ends: its exit code stands."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise KeyboardInterrupt


class Interrupts:
    """Until `finish_first` a signal ends the run at once; after it the first one sets the flag, the second ends it."""

    def __init__(self) -> None:
        self._asked = self._patient = False

    def is_set(self) -> bool:
        """Whether the run was asked to end: finish what is in flight, start nothing more."""
        return self._asked

    def finish_first(self) -> None:
        """From here on things are written."""
        self._patient = True

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handles a signal."""
        if not self._patient:
            _interrupt(number, frame)
        if self._asked:
            raise KeyboardInterrupt(_ABORTED)
        self._asked = True
        with contextlib.suppress(OSError, ValueError):  # past sys.stderr's buffer, which the run may be writing to now
            os.write(sys.stderr.fileno(), _STOPPING.encode())


@contextlib.contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Handles both signals within the block."""
    handler = Interrupts()
    earlier = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield handler
    finally:
        for number, before in earlier.items():
            signal.signal(number, before)
