"""Keeps to Azure's rate limits without knowing them: one token bucket per subscription and kind of request.

Azure limits each principal by token buckets and tells after every request how many tokens remain. So a bucket here
counts what was sent since Azure's last answer, never sends more than remains, and learns from the answers how fast
tokens come back. Nothing about sizes is assumed: the first request of a bucket goes alone. After a 429 the bucket is
blocked as long as Azure asked and then sends one request at a time until one is answered, so that those who waited do
not run all at once.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.model import Operation

_FIRST_LOOK: Final = 1.0  # seconds from an empty bucket to the next request while the rate of refill is unknown
_LONGEST_BLIND: Final = 5.0  # seconds to trust a learnt rate without a new answer
_LEARNING_SPAN: Final = 2.0  # seconds between two looks at the rate: shorter ones drown in requests in flight
_LEARNING_TOKENS: Final = 4.0  # and fewer tokens in their rounding
_LONGEST_BLOCK: Final = 60.0  # seconds, after 429s that do not say how long


@dataclass(frozen=True, slots=True, order=True)
class BucketId:
    """What Azure limits apart: a subscription (empty: the tenant) and a kind of request."""

    subscription: str
    operation: Operation


class _Bucket:
    """What is known about one of Azure's buckets. Guarded by the limiter's lock."""

    __slots__ = (
        "anchor",
        "answered",
        "blocked_until",
        "in_flight",
        "is_alone",
        "largest",
        "observed_at",
        "peak",
        "refill_rate",
        "refusals",
        "remaining",
        "slow_from",
        "window",
    )

    def __init__(self) -> None:
        self.remaining: float | None = None  # tokens that Azure's last answer showed
        self.largest = 0.0  # the most that any answer showed: the bucket may hold no more
        self.observed_at = 0.0
        self.in_flight = 0
        self.is_alone = True  # what is in flight was sent when nothing else was, and nothing after it
        self.window = 1.0  # how many may be in flight while Azure shows no tokens
        self.slow_from = math.inf  # the window from which on it grows slowly
        self.refill_rate = 0.0  # learnt tokens per second; 0: not yet
        self.answered = 0
        self.anchor: tuple[float, float] | None = None  # when how many tokens had been granted, at the last look
        self.peak = (0.0, -math.inf)  # the same at best since then
        self.blocked_until = 0.0
        self.refusals = 0

    def delay(self, now: float, amount: int) -> float:
        """Seconds until `amount` requests may go; 0 for now, infinite for not before something is answered."""
        if now < self.blocked_until:
            return self.blocked_until - now
        if self.refusals or self.remaining is None:
            return 0.0 if self.in_flight < (1 if self.refusals else self.window) else math.inf
        shortage = self.in_flight + amount - self._expected(now, self.remaining)
        if shortage <= 0:
            return 0.0
        if self.in_flight:
            return shortage / self.refill_rate if self.refill_rate else math.inf
        # Nothing is in flight, so no answer will correct the guess: look again before long.
        look = self.observed_at + (_LONGEST_BLIND if self.refill_rate else _FIRST_LOOK) - now
        return max(0.0, min(look, shortage / self.refill_rate) if self.refill_rate else look)

    def record_answer(self, now: float, remaining: int | None) -> None:
        """An answer that was no refusal. One that comes while blocked was asked for before, and lifts no caution."""
        self.answered += 1
        blocked = now < self.blocked_until
        if not blocked:
            self.refusals = 0
        if remaining is not None:
            self.largest = max(self.largest, remaining)
            trusted: float = remaining
            if self.remaining is not None and self.in_flight and not self.is_alone:
                # Answers overtake each other: a number that is too high may only be an old one, though it is the last.
                trusted = min(remaining, self._expected(now, self.remaining))
            self.remaining, self.observed_at = trusted, now
            self._learn(now, trusted + self.answered)
        elif self.remaining is None and blocked:
            pass
        elif self.remaining is None:
            self.window += 1.0 if self.window < self.slow_from else 1.0 / self.window
        else:
            self.remaining -= 1

    def _expected(self, now: float, remaining: float) -> float:
        """The tokens there must be by now if the rate is right."""
        return min(remaining + self.refill_rate * (now - self.observed_at), self.largest + 1)

    def _learn(self, now: float, granted: float) -> None:
        """Tokens remaining plus tokens used is what the bucket ever granted: its slope is the rate of refill.

        Requests whose answer is still due make it look smaller than it is, so the best of each span counts.
        """
        if self.anchor is None:
            self.anchor = (now, granted)
        self.peak = max(self.peak, (now, granted), key=lambda observation: observation[1])
        (since, before), (then, best) = self.anchor, self.peak
        overdue = now - since >= 5 * _LEARNING_SPAN
        if not overdue and (then - since < _LEARNING_SPAN or best - before < _LEARNING_TOKENS):
            return
        slope = max(0.0, best - before) / max(then - since, _LEARNING_SPAN)
        # A full bucket and other users only make it look slower, so that a faster look counts for more.
        weight = 0.5 if slope > self.refill_rate else 0.1
        self.refill_rate = self.refill_rate + weight * (slope - self.refill_rate) if self.refill_rate else slope
        self.anchor, self.peak = self.peak, (now, -math.inf)

    def block(self, now: float, seconds: float | None) -> None:
        """A refusal: wait as long as Azure asked, else longer each time, and trust less in what was learnt."""
        if now >= self.blocked_until:
            self.slow_from, self.window = max(1.0, self.window / 2), 1.0
            self.refill_rate /= 2
        self.refusals += 1
        wait = min(2.0 ** (self.refusals - 1), _LONGEST_BLOCK) if seconds is None else seconds
        self.blocked_until = max(self.blocked_until, now + wait)


class RateLimiter:
    """The buckets of a run. Thread-safe. Calling it is the transport's rate observer (`model.RateObserver`)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: defaultdict[BucketId, _Bucket] = defaultdict(_Bucket)

    def __call__(
        self, subscription: str | None, operation: Operation, remaining: int | None, retry_after: float | None
    ) -> None:
        """Takes in what one response said (see `model.RateObserver`)."""
        with self._lock:
            bucket = self._buckets[BucketId((subscription or "").lower(), operation)]
            if retry_after is not None:
                bucket.block(self._clock(), retry_after)
            else:
                bucket.record_answer(self._clock(), remaining)

    def throttled(self, identifier: BucketId) -> None:
        """A 429. Of one that said how long to wait the transport told already; after others the wait doubles."""
        with self._lock:
            bucket = self._buckets[identifier]
            if self._clock() >= bucket.blocked_until:
                bucket.block(self._clock(), None)

    def delay(self, requests: Mapping[BucketId, int]) -> float:
        """Seconds until all of these may be sent; 0 for now, infinite for not before something is answered."""
        with self._lock:
            now = self._clock()
            return max((self._buckets[key].delay(now, amount) for key, amount in requests.items()), default=0.0)

    def blocked_for(self) -> float:
        """Seconds until the last bucket that Azure refused may go on; 0 while none is blocked."""
        with self._lock:
            now = self._clock()
            return max((0.0, *(bucket.blocked_until - now for bucket in self._buckets.values())))

    def acquire(self, requests: Mapping[BucketId, int]) -> None:
        """Counts these as in flight."""
        with self._lock:
            for key, amount in requests.items():
                bucket = self._buckets[key]
                bucket.is_alone = bucket.in_flight == 0 and amount == 1
                bucket.in_flight += amount

    def release(self, requests: Mapping[BucketId, int]) -> None:
        """They are answered, or were not sent after all."""
        with self._lock:
            for key, amount in requests.items():
                self._buckets[key].in_flight -= amount
