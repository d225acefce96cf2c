"""How often and how long a run tries again before it leaves the rest to the next one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reconciler.model import LONGEST_WAIT


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When a change is tried again, and when the run gives up. Times are in seconds.

    A change fails after `max_errors` errors or `max_throttled` 429s; the pause between its attempts doubles from
    `first_backoff` to `max_backoff`. After `max_unanswered` requests in a row without any answer only one at a time is
    sent, and after `max_probes` more of those the run gives up. Where Azure asks to wait longer than `max_wait`, nobody
    waits: the next run does it.
    """

    max_errors: int = 6
    max_throttled: int = 60
    first_backoff: float = 0.5
    max_backoff: float = 30.0
    max_unanswered: int = 8
    max_probes: int = 6
    max_wait: float = LONGEST_WAIT

    def backoff(self, errors: int) -> float:
        """The pause after so many errors (1 or more) of one change."""
        return min(self.first_backoff * 2.0 ** (errors - 1), self.max_backoff)


DEFAULT_POLICY: Final = RetryPolicy()
