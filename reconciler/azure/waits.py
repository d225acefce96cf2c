"""Tells a person what a read waits for, before it looks like a hang."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from reconciler.model import LONGEST_WAIT

_SHORT_SECONDS: Final = 1.0
"""Waits below are not told: they are over before they are read."""

_QUIET_SECONDS: Final = 5.0
"""Between two messages: many threads wait for the same thing."""

_UNANSWERED_SECONDS: Final = 60.0
"""How long anything is tried again while nothing at all has answered: then Azure, the proxy or the network is down."""


class Waits:
    """What the requests of one run wait for. Safe among threads; `tell` hears of it, at most every five seconds."""

    def __init__(self, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._lock = threading.Lock()
        self._began: float | None = None
        self._answered = False
        self._told_at = -_QUIET_SECONDS

    def sent(self) -> None:
        """A request goes out."""
        if self._began is None:
            self._began = self._clock()

    def answered(self, status: int) -> None:
        """An answer came; a fault of the service says only that something stands in its place."""
        if status < 500 and status != 408:
            self._answered = True

    def is_worthwhile(self, seconds: float) -> bool:
        """Whether waiting so long is sensible: not longer than looks like a hang, nor for what has never answered."""
        if seconds > LONGEST_WAIT:
            return False
        return self._answered or self._began is None or self._clock() - self._began + seconds <= _UNANSWERED_SECONDS

    def waiting(self, cause: str, attempt: int, attempts: int, seconds: float) -> None:
        """A request is sent again after so many seconds."""
        if seconds < _SHORT_SECONDS:
            return
        with self._lock:
            if self._clock() - self._told_at < _QUIET_SECONDS:
                return
            self._told_at = self._clock()
        self._tell(f"{cause}; try {attempt} of {attempts} in {seconds:.0f} s")
