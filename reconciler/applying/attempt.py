"""One try at one change: re-read it, judge, write, and judge the answer.

A write never goes by what the plan remembers: the object is read just before, and so is everything that keeps what a
reducing write stops covering. Nothing here waits or repeats; what may be tried again is handed back as `Again`.

| live object | create | update | delete |
|---|---|---|---|
| missing | write | skipped: removed since | unchanged (done, if we sent it) |
| says what the plan wants | unchanged (done, if we sent it) | likewise | - |
| is the plan's *before* | - | write | write |
| anything else | skipped: appeared since | skipped: changed since | skipped: changed since |
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from reconciler.applying.faults import ORPHAN_REMEDY, RERUN, Fault, classify, correlation, describe, remedy
from reconciler.applying.outcomes import Outcome
from reconciler.applying.pace import MeterId
from reconciler.applying.ports import Stop, Writer
from reconciler.model import ArmId, Exemption, Operation, Status
from reconciler.planning import canonical
from reconciler.planning.values import Action, Change, HeldCause
from reconciler.problems import AzureError, ReconcilerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """A change on its way. `sent` says that a write went out whose fate is unknown; `tries` and `throttled` count
    what went wrong so far, by faults and by 429s.
    """

    change: Change
    sent: bool = False
    tries: int = 0
    throttled: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A try that ended without an outcome: the next one, what this one met, and at which request."""

    next: Try
    fault: Fault
    error: ReconcilerError
    asked: MeterId


def meter(identifier: ArmId, operation: Operation) -> MeterId:
    """The meter that a request for this object counts on."""
    return MeterId(identifier.subscription or "", operation)


def write_meter(change: Change) -> MeterId:
    """The meter that the write itself counts on."""
    return meter(change.id, Operation.DELETES if change.action is Action.DELETE else Operation.WRITES)


def needs(change: Change) -> dict[MeterId, int]:
    """The requests of one try: the object itself and its keepers are read, then one write."""
    reads = Counter(meter(found, Operation.READS) for found in (change.id, *(kept.id for kept in change.relies_on)))
    return {write_meter(change): 1, **reads}


def attempt(this: Try, writer: Writer, stop: Stop) -> Outcome | Again:
    """Tries once. At most one write is sent."""
    try:
        live = writer.read(this.change.id)
    except ReconcilerError as error:
        return _met(this, error, meter(this.change.id, Operation.READS))
    if (settled := _judge(this, live)) is not None:
        return settled
    if (unkept := _unkept(this, writer)) is not None:
        return unkept
    if stop.is_set():
        return interrupted(this)
    return _write(this, writer)


def settle(this: Try, writer: Writer) -> Outcome:
    """After the run was asked to end: one read for a write whose answer was lost, and nothing more."""
    try:
        live = writer.read(this.change.id)
    except ReconcilerError as error:
        message = (
            f"a write was sent and its answer lost; the run was interrupted, and reading it failed: {describe(error)}"
        )
        return Outcome(change=this.change, status=Status.SKIPPED, message=message, remedy=RERUN, cut_short=True)
    return _judge(this, live) or interrupted(this)


def interrupted(this: Try) -> Outcome:
    """What a change comes to that Azure does not hold, and that is not tried (again) because the run was asked to end."""
    message = "not started: the run was interrupted"
    if this.sent:
        message = "a write was sent and its answer lost; it had not taken effect when the run was interrupted"
    return Outcome(change=this.change, status=Status.SKIPPED, message=message, remedy=RERUN, cut_short=True)


def _judge(this: Try, live: Exemption | None) -> Outcome | None:
    """The outcome where the live object already decides it; None where the write is to be sent."""
    change = this.change
    if _is_reached(change, live):
        return (
            Outcome(change=change, status=Status.DONE)
            if this.sent
            else Outcome(change=change, status=Status.UNCHANGED, message="already so in Azure")
        )
    if _is_before(change, live):
        return None
    if live is None:
        what = "it was removed after the plan was made"
    elif change.before is None:
        what = "another object with this id appeared after the plan was made"
    else:
        what = "it was changed after the plan was made" + _by(live)
    return Outcome(change=change, status=Status.SKIPPED, message=what, remedy=RERUN)


def _is_reached(change: Change, live: Exemption | None) -> bool:
    if live is None or change.after is None:
        return live is None and change.after is None
    return canonical.same(live, change.after)


def _is_before(change: Change, live: Exemption | None) -> bool:
    if live is None or change.before is None:
        return live is None and change.before is None
    return canonical.same(live, change.before)


def _by(live: Exemption) -> str:
    return f" by {live.system.last_modified_by}" if live.system and live.system.last_modified_by else ""


def _unkept(this: Try, writer: Writer) -> Outcome | Again | None:
    """Holds a reducing write when something that keeps its cells is gone, changed or cannot be read."""
    for keeper in this.change.relies_on:
        try:
            live = writer.read(keeper.id)
        except ReconcilerError as error:
            return _unkept_by(this, keeper, error)
        if live is None or not canonical.same(live, keeper):
            what = "is gone" if live is None else "was changed" + _by(live)
            message = f"{keeper.id}, which keeps what this stops covering, {what}"
            return Outcome(
                change=this.change, status=Status.HELD, message=message, remedy=RERUN, cause=HeldCause.CONFLICT
            )
    return None


def _unkept_by(this: Try, keeper: Exemption, error: ReconcilerError) -> Outcome | Again:
    match _met(this, error, meter(keeper.id, Operation.READS)):
        case Again() as again:
            return again
        case outcome:
            cause = HeldCause.CONFLICT if outcome.is_gone else HeldCause.UNREAD
            message = f"{keeper.id}, which keeps what this stops covering, cannot be read: {describe(error)}"
            return replace(outcome, status=Status.HELD, cause=cause, message=message)


def _write(this: Try, writer: Writer) -> Outcome | Again:
    after = this.change.after
    try:
        if after is None:
            writer.delete(this.change.id)
            return Outcome(change=this.change, status=Status.DONE)
        stored = writer.put(after)
    except ReconcilerError as error:
        lost = isinstance(error, AzureError) and classify(error) is Fault.LOST
        return _met(replace(this, sent=this.sent or lost), error, write_meter(this.change))
    if canonical.same(stored, after):
        return Outcome(change=this.change, status=Status.DONE)
    return _stored_differently(this.change, stored, after)


def _stored_differently(change: Change, stored: Exemption, after: Exemption) -> Outcome:
    """Azure took the write and dropped or changed a part of it: never to be called done."""
    sent, found = canonical.comparable(after), canonical.comparable(stored)
    fields = sorted(key for key in sent.keys() | found.keys() if sent.get(key) != found.get(key))
    message = f"Azure stored it differently from what was sent: {', '.join(fields)}"
    return Outcome(
        change=change,
        status=Status.FAILED,
        message=message,
        remedy="check apiVersion in reconciler.yaml: an older one drops fields",
    )


def _met(this: Try, error: ReconcilerError, asked: MeterId) -> Outcome | Again:
    """What an error comes to: another try, a hold where something is gone, or a failure with Azure's own words."""
    match classify(error):
        case Fault.SCOPE_GONE:
            return _gone(this.change, error)
        case Fault.ASSIGNMENT_GONE:
            return _held(this.change, error, HeldCause.ASSIGNMENT_GONE)
        case Fault.REFUSED:
            return failed(this, error)
        case Fault.THROTTLED as fault:
            return Again(next=replace(this, throttled=this.throttled + 1), fault=fault, error=error, asked=asked)
        case fault:
            return Again(next=replace(this, tries=this.tries + 1), fault=fault, error=error, asked=asked)


def _gone(change: Change, error: ReconcilerError) -> Outcome:
    """The scope no longer exists. What is to be removed there is out of everybody's reach, and covers nothing."""
    held = _held(change, error, HeldCause.RESOURCE_GONE)
    if change.action is Action.DELETE:
        return replace(held, remedy=ORPHAN_REMEDY)
    return replace(held, remedy=f"retire the declaration, or take {change.subject.scope} out of its scopes")


def _held(change: Change, error: ReconcilerError, cause: HeldCause) -> Outcome:
    return Outcome(
        change=change,
        status=Status.HELD,
        message=describe(error),
        remedy=remedy(error),
        cause=cause,
        correlation=correlation(error),
    )


def failed(this: Try, error: ReconcilerError) -> Outcome:
    """A failure in Azure's own words, with what to do about it."""
    again = f" (after {this.tries + this.throttled} tries)" if this.tries + this.throttled > 1 else ""
    return Outcome(
        change=this.change,
        status=Status.FAILED,
        message=describe(error) + again,
        remedy=remedy(error),
        correlation=correlation(error),
    )


def unanswered(this: Try, silence: ReconcilerError) -> Outcome:
    """A failure because Azure no longer answers at all."""
    message = f"{_not_written(this)}, since Azure no longer answers: {describe(silence)}"
    return Outcome(change=this.change, status=Status.FAILED, message=message, remedy=remedy(silence))


def put_off(this: Try, seconds: float) -> Outcome:
    """A failure because Azure asks for more patience than a run has."""
    message = f"{_not_written(this)}, since Azure asks to wait {seconds:.0f} s before the next request"
    return Outcome(
        change=this.change,
        status=Status.FAILED,
        message=message,
        remedy="run apply again after that time: it writes what is left",
    )


def _not_written(this: Try) -> str:
    return "a write was sent and its answer lost; not settled" if this.sent else "not written"


def circular(change: Change) -> Outcome:
    """A change that waits for one which waits for it. The planner makes no such plan."""
    message, to_do = "waits for changes that wait for it", "report this plan: it should not exist"
    return Outcome(change=change, status=Status.HELD, message=message, remedy=to_do, cause=HeldCause.CONFLICT)
