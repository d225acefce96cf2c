"""Keeps to Azure's limits without knowing them: one meter per subscription and kind of request.

Azure meters each principal by token buckets and tells after every request how many tokens are left. So a meter counts
what it sent since Azure last spoke, never sends more than is left, and learns from the answers how fast tokens come
back. Nothing about sizes is assumed: the first request of a meter goes alone. After a 429 the meter rests as long as
Azure asked and then sends one request at a time until one is answered, so that those who waited do not run all at once.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from reconciler.model import Operation

_FIRST_LOOK: Final = 1.0  # seconds from an empty bucket to the next request while the rate of refill is unknown
_LONGEST_BLIND: Final = 5.0  # seconds to trust a learnt rate without a new answer
_LEARNING_SPAN: Final = 2.0  # seconds between two looks at the rate: shorter ones drown in requests under way
_LEARNING_TOKENS: Final = 4.0  # and fewer tokens in their rounding
_LONGEST_REST: Final = 60.0  # seconds, after 429s that do not say how long


@dataclass(frozen=True, slots=True, order=True)
class MeterId:
    """What Azure meters apart: a subscription (empty: the tenant) and a kind of request."""

    subscription: str
    operation: Operation


class _Meter:
    """What is known about one of Azure's buckets. Guarded by the pace's lock."""

    __slots__ = (
        "anchor",
        "answered",
        "careful",
        "left",
        "most",
        "peak",
        "rate",
        "rests_until",
        "seen_at",
        "strikes",
        "under_way",
        "window",
    )

    def __init__(self) -> None:
        self.left: float | None = None  # tokens that Azure's last answer showed
        self.most = 0.0  # the most that any answer showed: the bucket may hold no more
        self.seen_at = 0.0
        self.under_way = 0
        self.window = 1.0  # how many may be under way while Azure shows no tokens
        self.careful = math.inf  # the window from which on it grows slowly
        self.rate = 0.0  # learnt tokens per second; 0: not yet
        self.answered = 0
        self.anchor: tuple[float, float] | None = None  # when how many tokens had been given, at the last look
        self.peak = (0.0, -math.inf)  # the same at best since then
        self.rests_until = 0.0
        self.strikes = 0

    def delay(self, now: float, amount: int) -> float:
        """Seconds until `amount` requests may go; 0 for now, infinite for not before something is answered."""
        if now < self.rests_until:
            return self.rests_until - now
        if self.strikes or self.left is None:
            return 0.0 if self.under_way < (1 if self.strikes else self.window) else math.inf
        short = self.under_way + amount - self._expected(now, self.left)
        if short <= 0:
            return 0.0
        if self.under_way:
            return short / self.rate if self.rate else math.inf
        # Nothing is under way, so no answer will correct the guess: look again before long.
        look = self.seen_at + (_LONGEST_BLIND if self.rate else _FIRST_LOOK) - now
        return max(0.0, min(look, short / self.rate) if self.rate else look)

    def answer(self, now: float, left: int | None) -> None:
        """An answer that was no refusal. One that comes during a rest was asked for before, and lifts no caution."""
        self.answered += 1
        resting = now < self.rests_until
        if not resting:
            self.strikes = 0
        if left is not None:
            self.most = max(self.most, left)
            self.left, self.seen_at = self._trusted(now, left), now
            self._learn(now, self.left + self.answered)
        elif self.left is None and resting:
            pass
        elif self.left is None:
            self.window += 1.0 if self.window < self.careful else 1.0 / self.window
        else:
            self.left -= 1

    def _expected(self, now: float, left: float) -> float:
        """The tokens there must be by now if the rate is right."""
        return min(left + self.rate * (now - self.seen_at), self.most + 1)

    def _trusted(self, now: float, left: float) -> float:
        """Answers overtake each other: while others are under way, a number that is too high may only be an old one."""
        if self.left is None or self.under_way <= 1:
            return left
        return min(left, self._expected(now, self.left))

    def _learn(self, now: float, granted: float) -> None:
        """Tokens left plus tokens used is what the bucket ever gave: its slope is the rate of refill.

        Requests whose answer is still due make it look smaller than it is, so the best of each span counts.
        """
        if self.anchor is None:
            self.anchor = (now, granted)
        self.peak = max(self.peak, (now, granted), key=lambda seen: seen[1])
        (since, before), (then, best) = self.anchor, self.peak
        overdue = now - since >= 5 * _LEARNING_SPAN
        if not overdue and (then - since < _LEARNING_SPAN or best - before < _LEARNING_TOKENS):
            return
        slope = max(0.0, best - before) / max(then - since, _LEARNING_SPAN)
        # A full bucket and other users only make it look slower, so that a faster look counts for more.
        weight = 0.5 if slope > self.rate else 0.1
        self.rate = self.rate + weight * (slope - self.rate) if self.rate else slope
        self.anchor, self.peak = self.peak, (now, -math.inf)

    def rest(self, now: float, seconds: float | None) -> None:
        """A refusal: rest as long as Azure asked, else longer each time, and trust less in what was learnt."""
        if now >= self.rests_until:
            self.careful, self.window, self.rate = max(1.0, self.window / 2), 1.0, self.rate / 2
        self.strikes += 1
        wait = min(2.0 ** (self.strikes - 1), _LONGEST_REST) if seconds is None else seconds
        self.rests_until = max(self.rests_until, now + wait)


class Pace:
    """The meters of a run. Thread-safe. Calling it is the transport's rate observer (`model.RateObserver`)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._meters: defaultdict[MeterId, _Meter] = defaultdict(_Meter)

    def __call__(
        self, subscription: str | None, operation: Operation, remaining: int | None, retry_after: float | None
    ) -> None:
        """Takes in what one response said (see `model.RateObserver`)."""
        with self._lock:
            meter = self._meters[MeterId((subscription or "").lower(), operation)]
            if retry_after is not None:
                meter.rest(self._clock(), retry_after)
            else:
                meter.answer(self._clock(), remaining)

    def refused(self, identifier: MeterId) -> None:
        """A 429 whose answer did not say how long to wait, or whose transport told nothing."""
        with self._lock:
            meter = self._meters[identifier]
            if self._clock() >= meter.rests_until:
                meter.rest(self._clock(), None)

    def delay(self, needs: dict[MeterId, int]) -> float:
        """Seconds until all of these may be sent; 0 for now, infinite for not before something is answered."""
        with self._lock:
            now = self._clock()
            return max((self._meters[key].delay(now, amount) for key, amount in needs.items()), default=0.0)

    def resting(self) -> float:
        """Seconds until the last meter that Azure refused may go on; 0 while none rests."""
        with self._lock:
            now = self._clock()
            return max(0.0, *(meter.rests_until - now for meter in self._meters.values()), 0.0)

    def take(self, needs: dict[MeterId, int]) -> None:
        """Counts these as under way."""
        with self._lock:
            for key, amount in needs.items():
                self._meters[key].under_way += amount

    def give_back(self, needs: dict[MeterId, int]) -> None:
        """They are answered, or were not sent after all."""
        with self._lock:
            for key, amount in needs.items():
                self._meters[key].under_way -= amount
