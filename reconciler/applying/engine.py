"""Carries changes out: many at once, each when its turn has come and Azure's pace allows, each to exactly one outcome.

One thread decides (the one that drains the outcomes), a fixed number of others send requests. The deciding thread takes
the next change whose subscription may be written to now, so that one that rests keeps no other waiting. Nothing is kept
between runs: killed at any request, the next run plans from what Azure holds.
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
    Again,
    Try,
    attempt,
    circular,
    failed,
    interrupted,
    needs,
    put_off,
    settle,
    unanswered,
    write_meter,
)
from reconciler.applying.faults import DEFECT_REMEDY, Fault
from reconciler.applying.order import Order
from reconciler.applying.outcomes import Outcome
from reconciler.applying.pace import MeterId, Pace
from reconciler.applying.patience import USUAL, Patience
from reconciler.applying.ports import Observer, Stop, Writer
from reconciler.applying.progress import Tally
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
class World:
    """What a run needs besides its changes. `concurrency` is the number of requests under way over all subscriptions."""

    writer: Writer
    pace: Pace
    stop: Stop = NEVER
    observer: Observer | None = None
    concurrency: int = 32
    patience: Patience = USUAL
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def carry_out(changes: Sequence[Change], world: World) -> Iterator[Outcome]:
    """Writes the changes and yields every one's outcome as it ends, in no particular order.

    The caller drains it; leaving it early waits for the requests under way and sends no more, but for a
    KeyboardInterrupt, which waits for nothing.
    """
    run, patient = _Run(changes, world), True
    pool = ThreadPoolExecutor(world.concurrency, thread_name_prefix="apply")
    try:
        yield from run.drain(pool)
    except KeyboardInterrupt:
        patient = False
        raise
    finally:
        pool.shutdown(wait=patient, cancel_futures=True)


class _Run:
    """The state of one run; only the deciding thread touches it."""

    def __init__(self, changes: Sequence[Change], world: World) -> None:
        self.world = world
        self.order = Order(changes)
        self.ready: dict[MeterId, deque[Try]] = {}
        self.turns: deque[MeterId] = deque()
        self.later: list[tuple[float, int, Try]] = []
        self.running: dict[Future[Outcome | Again], Try] = {}
        self.settling: set[str] = set()
        self.serial = itertools.count()
        self.silent = self.probes = 0
        self.silence: ReconcilerError | None = None
        self.resumes_at = 0.0
        self.stopped = False  # looked at once a turn, so that a turn is of one mind
        self.tally = Tally(len(changes), world.clock)

    def drain(self, pool: ThreadPoolExecutor) -> Iterator[Outcome]:
        ready, stranded = self.order.start()
        yield from self._counted(stranded)
        self._enqueue(ready)
        while not self.order.is_finished:
            self.stopped = self.world.stop.is_set()
            pause = self._submit(pool)
            if not self.running and (
                self.stopped or self._gave_up or self._is_stuck or pause > self.world.patience.rest
            ):
                yield from self._counted(self._abandon(pause))
                return
            for future in self._wait(pause):
                yield from self._counted(self._finish(future))

    # --- sending ---

    def _submit(self, pool: ThreadPoolExecutor) -> float:
        """Sends all that may go now; the seconds until something more may, infinite if only an answer helps."""
        if self.stopped:
            self._settle(pool)
        if self.stopped or self._gave_up:
            return 0.0 if not self.running else _TICK
        now = self.world.clock()
        while self.later and self.later[0][0] <= now:
            this = heapq.heappop(self.later)[2]
            self._queue(this.change).appendleft(this)
        pause = self.later[0][0] - now if self.later else float("inf")
        if now < self.resumes_at:
            return min(self.resumes_at - now, pause)
        return min(pause, self._take_turns(pool))

    def _take_turns(self, pool: ThreadPoolExecutor) -> float:
        """Sends one change of each subscription in turn while there is room; the seconds until more may go."""
        pause, blocked = float("inf"), 0
        while blocked < len(self.turns) and len(self.running) < self._limit:
            meter = self.turns[0]
            wanted = needs(self.ready[meter][0].change)
            if (delay := self.world.pace.delay(wanted)) > 0:
                pause, blocked = min(pause, delay), blocked + 1
                self.turns.rotate(-1)
                continue
            self._send(meter, wanted, pool)
            blocked = 0
        return pause

    def _send(self, meter: MeterId, wanted: dict[MeterId, int], pool: ThreadPoolExecutor) -> None:
        this = self.ready[meter].popleft()
        self.turns.popleft()
        if self.ready[meter]:
            self.turns.append(meter)
        else:
            del self.ready[meter]
        self.world.pace.take(wanted)
        self.running[pool.submit(attempt, this, self.world.writer, self.world.stop)] = this

    def _settle(self, pool: ThreadPoolExecutor) -> None:
        """The run was asked to end: one read for each write whose answer was lost, whatever else was to come."""
        for this in self._waiting():
            if this.sent and this.change.id.key not in self.settling:
                self.settling.add(this.change.id.key)
                self.world.pace.take(needs(this.change))
                self.running[pool.submit(settle, this, self.world.writer)] = this

    @property
    def _limit(self) -> int:
        """One at a time while Azure does not answer at all, so that those who wait do not run into the wall together."""
        return 1 if self.silent >= self.world.patience.silent else self.world.concurrency

    @property
    def _gave_up(self) -> bool:
        return self.probes > self.world.patience.probes

    @property
    def _is_stuck(self) -> bool:
        return not self.ready and not self.later

    def _enqueue(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._queue(change).append(Try(change=change))

    def _queue(self, change: Change) -> deque[Try]:
        """The queue of the change's meter, which takes turns with the others as long as it is not empty."""
        meter = write_meter(change)
        if meter not in self.ready:
            self.ready[meter] = deque()
            self.turns.append(meter)
        return self.ready[meter]

    # --- waiting ---

    def _wait(self, pause: float) -> set[Future[Outcome | Again]]:
        self._show()
        if not self.running:
            self.world.sleep(min(pause, _TICK))
            return set()
        return wait(self.running, timeout=min(pause, _TICK), return_when=FIRST_COMPLETED).done

    def _show(self) -> None:
        if self.world.observer:
            paused = 0.0 if self.running else self.world.pace.resting()
            self.world.observer(self.tally.progress(len(self.running), paused))

    # --- ending ---

    def _finish(self, future: Future[Outcome | Again]) -> list[Outcome]:
        this = self.running.pop(future)
        self.world.pace.give_back(needs(this.change))
        match _result(future, this):
            case Again() as again:
                return self._again(again)
            case outcome:
                self.silent = self.probes = 0
                return self._end(outcome)

    def _again(self, again: Again) -> list[Outcome]:
        """Another try later, or the end of patience."""
        this, patience = again.next, self.world.patience
        self._heard(again)
        if self.stopped and not this.sent:
            return self._end(interrupted(this))
        if not self.stopped and (this.tries >= patience.tries or this.throttled >= patience.throttled):
            return self._end(failed(this, again.error))
        pause = 0.0
        if again.fault is Fault.THROTTLED:
            self.world.pace.refused(again.asked)
        else:
            pause = patience.before(this.tries)
        heapq.heappush(self.later, (self.world.clock() + pause, next(self.serial), this))
        return []

    def _heard(self, again: Again) -> None:
        """Counts requests in a row that nobody answered; after some, everything rests a while."""
        if again.fault is not Fault.LOST or (isinstance(again.error, AzureError) and again.error.status):
            self.silent = self.probes = 0
            return
        self.silent += 1
        self.silence = again.error
        if self.silent >= self.world.patience.silent and not self.running:
            self.resumes_at = self.world.clock() + min(2.0**self.probes, self.world.patience.longest)
            self.probes += 1

    def _end(self, outcome: Outcome) -> list[Outcome]:
        freed, ended = self.order.end(outcome)
        self._enqueue(freed)
        return ended

    def _abandon(self, pause: float) -> list[Outcome]:
        """Ends what never started, or never will, or not for so many seconds."""
        if self.stopped:
            return self.order.abandon(lambda change: interrupted(Try(change=change)))
        if self._is_stuck:
            return self.order.abandon(circular)
        begun = {this.change.id.key: this for this in self._waiting()}
        silence = self.silence if self._gave_up else None
        if silence is None:
            return self.order.abandon(lambda change: put_off(begun.get(change.id.key, Try(change=change)), pause))
        return self.order.abandon(lambda change: unanswered(begun.get(change.id.key, Try(change=change)), silence))

    def _waiting(self) -> Iterator[Try]:
        """Every try that is to come."""
        yield from (entry[-1] for entry in self.later)
        for queue in self.ready.values():
            yield from queue

    def _counted(self, outcomes: list[Outcome]) -> Iterator[Outcome]:
        for outcome in outcomes:
            self.tally.add()
            self._show()
            yield outcome


def _result(future: Future[Outcome | Again], this: Try) -> Outcome | Again:
    """What a worker came to. A defect of ours ends this one change, and the run goes on to report the rest."""
    error = future.exception()
    if error is None:
        return future.result()
    _LOG.error("a defect while writing %s", this.change.id, exc_info=error)
    message = f"a defect in exempt itself: {type(error).__name__}: {error}"
    return Outcome(change=this.change, status=Status.FAILED, message=message, remedy=DEFECT_REMEDY)
