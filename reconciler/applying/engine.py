"""Applies changes: many at once, each when its turn has come and Azure's rate limits allow, each to exactly one outcome.

One thread decides (the one that drains the outcomes), a fixed number of others send requests. The deciding thread takes
the next change whose subscription may be written to now, so that one that is blocked keeps no other waiting. Nothing is
kept between runs: killed at any request, the next run plans from what Azure holds.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final

from reconciler.applying.attempt import (
    Attempt,
    Retry,
    circular,
    failed,
    interrupted,
    postponed,
    required_requests,
    run_attempt,
    settle_lost_write,
    unanswered,
    write_bucket,
)
from reconciler.applying.dependencies import DependencyGraph
from reconciler.applying.errors import DEFECT_REMEDY, ErrorKind, obstacle
from reconciler.applying.outcomes import Outcome
from reconciler.applying.ports import Observer, Stop, Writer
from reconciler.applying.progress import ProgressTracker
from reconciler.applying.rate_limiter import BucketId, RateLimiter
from reconciler.applying.retry_policy import DEFAULT_POLICY, RetryPolicy
from reconciler.model import Status
from reconciler.planning.values import Change
from reconciler.problems import AzureError, ReconcilerError

_LOG: Final = logging.getLogger(__name__)
_TICK: Final = 0.25  # seconds between looks at the stop flag and the display while nothing else happens


class _Never:
    """A stop flag that nobody sets."""

    def is_set(self) -> bool:
        return False


NEVER: Final = _Never()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyContext:
    """What a run needs besides its changes. `concurrency` is the number of requests in flight over all subscriptions."""

    writer: Writer
    rate_limiter: RateLimiter
    stop: Stop = NEVER
    observer: Observer | None = None
    concurrency: int = 32
    retry_policy: RetryPolicy = DEFAULT_POLICY
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def apply_changes(changes: Sequence[Change], context: ApplyContext) -> Iterator[Outcome]:
    """Writes the changes and yields every one's outcome as it ends, in no particular order.

    The caller drains it; leaving it early waits for the requests in flight and sends no more, but for a
    KeyboardInterrupt, which waits for nothing.
    """
    scheduler, wait_for_pool = _Scheduler(changes, context), True
    pool = ThreadPoolExecutor(context.concurrency, thread_name_prefix="apply")
    try:
        yield from scheduler.drain(pool)
    except KeyboardInterrupt:
        wait_for_pool = False
        raise
    finally:
        pool.shutdown(wait=wait_for_pool, cancel_futures=True)


class _Scheduler:
    """The state of one run; only the deciding thread touches it."""

    def __init__(self, changes: Sequence[Change], context: ApplyContext) -> None:
        self.context = context
        self.policy = context.retry_policy
        self.limiter = context.rate_limiter
        self.graph = DependencyGraph(changes)
        self.ready: dict[BucketId, deque[Attempt]] = {}
        self.turns: deque[BucketId] = deque()
        self.later: list[tuple[float, int, Attempt]] = []
        self.running: dict[Future[Outcome | Retry], Attempt] = {}
        self.settling: set[str] = set()
        self.serial = itertools.count()
        self.unanswered = self.probes = 0
        self.last_unanswered: ReconcilerError | None = None
        self.resumes_at = 0.0
        self.obstacle = ""
        self.stopped = False  # looked at once a turn, so that a turn is of one mind
        self.tracker = ProgressTracker(len(changes), context.clock)

    def drain(self, pool: ThreadPoolExecutor) -> Iterator[Outcome]:
        ready, excluded = self.graph.start()
        yield from self._counted(excluded)
        self._enqueue(ready)
        while not self.graph.is_finished:
            self.stopped = self.context.stop.is_set()
            pause = self._submit(pool)
            if not self.running and (self.stopped or self._gave_up or self._is_stuck or pause > self.policy.max_wait):
                yield from self._counted(self._abandon(pause))
                return
            self._show()
            if not self.running:
                self.context.sleep(min(pause, _TICK))
                continue
            for future in wait(self.running, timeout=min(pause, _TICK), return_when=FIRST_COMPLETED).done:
                yield from self._counted(self._finish(future))

    # --- sending ---

    def _submit(self, pool: ThreadPoolExecutor) -> float:
        """Sends all that may go now; the seconds until something more may, infinite if only an answer helps."""
        if self.stopped:  # one read for each write whose answer was lost, whatever else was to come
            for attempt in self._pending():
                if attempt.sent and attempt.change.id.key not in self.settling:
                    self.settling.add(attempt.change.id.key)
                    self.limiter.acquire(required_requests(attempt.change))
                    self.running[pool.submit(settle_lost_write, attempt, self.context.writer)] = attempt
        if self.stopped or self._gave_up:
            return 0.0 if not self.running else _TICK
        now = self.context.clock()
        while self.later and self.later[0][0] <= now:
            attempt = heapq.heappop(self.later)[2]
            self._queue(attempt.change).appendleft(attempt)
        pause = self.later[0][0] - now if self.later else float("inf")
        if now < self.resumes_at:
            return min(self.resumes_at - now, pause)
        return min(pause, self._take_turns(pool))

    def _take_turns(self, pool: ThreadPoolExecutor) -> float:
        """Sends one change of each subscription in turn while there is room; the seconds until more may go."""
        pause, blocked = float("inf"), 0
        while blocked < len(self.turns) and len(self.running) < self._limit:
            bucket = self.turns[0]
            requests = required_requests(self.ready[bucket][0].change)
            if (delay := self.limiter.delay(requests)) > 0:
                pause, blocked = min(pause, delay), blocked + 1
                self.turns.rotate(-1)
                continue
            attempt = self.ready[bucket].popleft()
            self.turns.popleft()
            if self.ready[bucket]:
                self.turns.append(bucket)
            else:
                del self.ready[bucket]
            self.limiter.acquire(requests)
            self.running[pool.submit(run_attempt, attempt, self.context.writer, self.context.stop)] = attempt
            blocked = 0
        return pause

    @property
    def _limit(self) -> int:
        """One at a time while Azure does not answer at all, so that those who wait do not run into the wall together."""
        return 1 if self.unanswered >= self.policy.max_unanswered else self.context.concurrency

    @property
    def _gave_up(self) -> bool:
        return self.probes > self.policy.max_probes

    @property
    def _is_stuck(self) -> bool:
        return not self.ready and not self.later

    def _enqueue(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._queue(change).append(Attempt(change=change))

    def _queue(self, change: Change) -> deque[Attempt]:
        """The queue of the change's bucket, which takes turns with the others as long as it is not empty."""
        bucket = write_bucket(change)
        if bucket not in self.ready:
            self.ready[bucket] = deque()
            self.turns.append(bucket)
        return self.ready[bucket]

    def _show(self) -> None:
        if self.context.observer:
            paused = 0.0 if self.running else self.limiter.blocked_for()
            self.context.observer(self.tracker.progress(len(self.running), paused, self.obstacle))

    # --- ending ---

    def _finish(self, future: Future[Outcome | Retry]) -> list[Outcome]:
        attempt = self.running.pop(future)
        self.limiter.release(required_requests(attempt.change))
        if (error := future.exception()) is None:
            result = future.result()
            if isinstance(result, Retry):
                return self._retry(result)
        else:  # a defect of ours ends this one change, and the run goes on to report the rest
            _LOG.error("a defect while writing %s", attempt.change.id, exc_info=error)
            message = f"a defect in exempt itself: {type(error).__name__}: {error}"
            result = Outcome(change=attempt.change, status=Status.FAILED, message=message, remedy=DEFECT_REMEDY)
        self.unanswered = self.probes = 0
        self.obstacle = ""
        return self._end(result)

    def _retry(self, retry: Retry) -> list[Outcome]:
        """Another attempt later, or none after too many."""
        attempt, policy = retry.attempt, self.policy
        self.obstacle = obstacle(retry.error)
        self._count_unanswered(retry)
        if self.stopped and not attempt.sent:
            return self._end(interrupted(attempt))
        if not self.stopped and (attempt.errors >= policy.max_errors or attempt.throttled >= policy.max_throttled):
            return self._end(failed(attempt, retry.error))
        pause = 0.0
        if retry.kind is ErrorKind.THROTTLED:
            self.limiter.throttled(retry.bucket)
        else:
            pause = policy.backoff(attempt.errors)
        heapq.heappush(self.later, (self.context.clock() + pause, next(self.serial), attempt))
        return []

    def _count_unanswered(self, retry: Retry) -> None:
        """Counts requests in a row that nobody answered; after some, everything waits a while."""
        if retry.kind is not ErrorKind.LOST or (isinstance(retry.error, AzureError) and retry.error.status):
            self.unanswered = self.probes = 0
            return
        self.unanswered += 1
        self.last_unanswered = retry.error
        if self.unanswered >= self.policy.max_unanswered and not self.running:
            self.resumes_at = self.context.clock() + min(2.0**self.probes, self.policy.max_backoff)
            self.probes += 1

    def _end(self, outcome: Outcome) -> list[Outcome]:
        freed, ended = self.graph.end(outcome)
        self._enqueue(freed)
        return ended

    def _abandon(self, pause: float) -> list[Outcome]:
        """Ends what never started, or never will, or not for so many seconds."""
        if self.stopped:
            return self.graph.abandon(lambda change: interrupted(Attempt(change=change)))
        if self._is_stuck:
            return self.graph.abandon(circular)
        begun = {attempt.change.id.key: attempt for attempt in self._pending()}
        error = self.last_unanswered if self._gave_up else None

        def ending(change: Change) -> Outcome:
            attempt = begun.get(change.id.key, Attempt(change=change))
            return postponed(attempt, pause) if error is None else unanswered(attempt, error)

        return self.graph.abandon(ending)

    def _pending(self) -> Iterator[Attempt]:
        """Every attempt that is to come."""
        yield from (entry[-1] for entry in self.later)
        for queue in self.ready.values():
            yield from queue

    def _counted(self, outcomes: list[Outcome]) -> Iterator[Outcome]:
        for outcome in outcomes:
            self.tracker.add()
            self._show()
            yield outcome
