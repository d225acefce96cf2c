"""How far a run is and how long it will still take."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from reconciler.applying.ports import Progress


class ProgressTracker:
    """How many have ended and how fast, by the last few seconds: a first burst says nothing about the rest."""

    _SPAN = 10.0

    def __init__(self, total: int, clock: Callable[[], float]) -> None:
        self._total = total
        self._clock = clock
        self._began = clock()
        self._finished = 0
        self._recent: deque[float] = deque()

    def add(self) -> None:
        now = self._clock()
        self._finished += 1
        self._recent.append(now)
        while now - self._recent[0] > self._SPAN:
            self._recent.popleft()

    def progress(self, running: int, paused: float, obstacle: str = "") -> Progress:
        now = self._clock()
        elapsed = now - self._began
        recent = sum(now - then <= self._SPAN for then in self._recent)
        rate = recent / min(elapsed, self._SPAN) if elapsed > 0 else 0.0
        seconds_left = (self._total - self._finished) / rate if rate else None
        return Progress(
            total=self._total,
            finished=self._finished,
            running=running,
            elapsed=elapsed,
            rate=rate,
            seconds_left=seconds_left,
            paused=paused,
            obstacle=obstacle,
        )
