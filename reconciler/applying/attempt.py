"""One attempt at one change: re-read it, judge, write, and judge the answer.

A write never goes by what the plan remembers: the object is read just before, and so is everything that keeps what a
reducing write stops covering. Nothing here waits or repeats; what may be tried again is handed back as a `Retry`.

| live object | create | update | delete |
|---|---|---|---|
| missing | write | skipped: removed since | unchanged (done, if we sent it) |
| says what the plan wants | unchanged (done, if we sent it) | likewise | - |
| is the plan's *before* | - | write | write |
| anything else | skipped: appeared since | skipped: changed since | skipped: changed since |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.applying.errors import ORPHAN_REMEDY, RERUN, ErrorKind, classify, correlation, describe, remedy_for
from reconciler.applying.outcomes import Outcome
from reconciler.applying.ports import Stop, Writer
from reconciler.applying.rate_limiter import BucketId
from reconciler.arm import canonical
from reconciler.kinds import HeldCause
from reconciler.model import ArmId, Carrier, Exemption, Operation, Status, carrier_of
from reconciler.planning.values import Action, Change
from reconciler.problems import AzureError, ReconcilerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A change on its way. `sent` says that a write went out whose effect is unknown; `errors` and `throttled` count
    what earlier attempts met: errors, and 429s.
    """

    change: Change
    sent: bool = False
    errors: int = 0
    throttled: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """An attempt that ended without an outcome: the next one, the error that this one met, and the bucket of the
    request that met it.
    """

    attempt: Attempt
    kind: ErrorKind
    error: ReconcilerError
    bucket: BucketId


def bucket_of(identifier: ArmId, operation: Operation) -> BucketId:
    """The bucket that a request for this object draws from; Defender for Cloud has one for all it is asked."""
    if carrier_of(identifier) is Carrier.STANDARD:
        operation = Operation.RESOURCE_REQUESTS
    return BucketId(identifier.subscription or "", operation)


def write_bucket(change: Change) -> BucketId:
    """The bucket that the write itself draws from."""
    return bucket_of(change.id, Operation.DELETES if change.action is Action.DELETE else Operation.WRITES)


def required_requests(change: Change) -> Mapping[BucketId, int]:
    """The requests of one attempt: the object itself and its keepers are read, then one write."""
    objects = (change.id, *(keeper.id for keeper in change.relies_on))
    reads = (bucket_of(identifier, Operation.READS) for identifier in objects)
    return Counter([write_bucket(change), *reads])


def run_attempt(attempt: Attempt, writer: Writer, stop: Stop) -> Outcome | Retry:
    """Tries once. At most one write is sent."""
    try:
        live = writer.read(attempt.change.id)
    except ReconcilerError as error:
        return _after_error(attempt, error, bucket_of(attempt.change.id, Operation.READS))
    if (outcome := _judge(attempt, live)) is not None:
        return outcome
    if (unkept := _check_keepers(attempt, writer)) is not None:
        return unkept
    if stop.is_set():
        return interrupted(attempt)
    return _write(attempt, writer)


def settle_lost_write(attempt: Attempt, writer: Writer) -> Outcome:
    """After the run was asked to end: one read for a write whose answer was lost, and nothing more."""
    try:
        live = writer.read(attempt.change.id)
    except ReconcilerError as error:
        message = (
            f"a write was sent and its answer lost; the run was interrupted, and reading it failed: {describe(error)}"
        )
        return Outcome(change=attempt.change, status=Status.SKIPPED, message=message, remedy=RERUN, cut_short=True)
    return _judge(attempt, live) or interrupted(attempt)


def _judge(attempt: Attempt, live: Exemption | None) -> Outcome | None:
    """The outcome where the live object already decides it; None where the write is to be sent."""
    change = attempt.change
    if _is_equal(live, change.after):
        if attempt.sent:
            return Outcome(change=change, status=Status.DONE)
        return Outcome(change=change, status=Status.UNCHANGED, message="already so in Azure")
    if _is_equal(live, change.before):
        return None
    if live is None:
        message = "it was removed after the plan was made"
    elif change.before is None:
        message = "another object with this id appeared after the plan was made"
    else:
        message = "it was changed after the plan was made" + _modifier(live)
    return Outcome(change=change, status=Status.SKIPPED, message=message, remedy=RERUN)


def _is_equal(live: Exemption | None, planned: Exemption | None) -> bool:
    if live is None or planned is None:
        return live is planned
    return canonical.equivalent(live, planned)


def _modifier(live: Exemption) -> str:
    return f" by {live.system.last_modified_by}" if live.system and live.system.last_modified_by else ""


def _check_keepers(attempt: Attempt, writer: Writer) -> Outcome | Retry | None:
    """Holds a reducing write when something that keeps its cells is gone, changed or cannot be read."""
    for keeper in attempt.change.relies_on:
        role = f"{keeper.id}, which keeps what this stops covering,"
        try:
            live = writer.read(keeper.id)
        except ReconcilerError as error:
            result = _after_error(attempt, error, bucket_of(keeper.id, Operation.READS))
            if isinstance(result, Retry):
                return result
            cause = HeldCause.CONFLICT if result.is_gone else HeldCause.UNREAD
            message = f"{role} cannot be read: {describe(error)}"
            return replace(result, status=Status.HELD, cause=cause, message=message)
        if not _is_equal(live, keeper):
            message = f"{role} {'is gone' if live is None else 'was changed' + _modifier(live)}"
            cause = HeldCause.CONFLICT
            return Outcome(change=attempt.change, status=Status.HELD, message=message, remedy=RERUN, cause=cause)
    return None


def _write(attempt: Attempt, writer: Writer) -> Outcome | Retry:
    change = attempt.change
    try:
        if change.after is None:
            writer.delete(change.id)
            return Outcome(change=change, status=Status.DONE)
        stored = writer.put(change.after)
    except ReconcilerError as error:
        lost = isinstance(error, AzureError) and classify(error) is ErrorKind.LOST
        return _after_error(replace(attempt, sent=attempt.sent or lost), error, write_bucket(change))
    if canonical.equivalent(stored, change.after):
        return Outcome(change=change, status=Status.DONE)
    # Azure took the write and dropped or changed a part of it: never to be called done.
    expected, actual = canonical.comparable(change.after), canonical.comparable(stored)
    fields = sorted(key for key in expected.keys() | actual.keys() if expected.get(key) != actual.get(key))
    return Outcome(
        change=change,
        status=Status.FAILED,
        message=f"Azure stored it differently from what was sent: {', '.join(fields)}",
        remedy="check apiVersion in reconciler.yaml: an older one drops fields",
    )


def _after_error(attempt: Attempt, error: ReconcilerError, bucket: BucketId) -> Outcome | Retry:
    """What an error comes to: another attempt, a hold where something is gone, or a failure with Azure's own words."""
    change = attempt.change
    match classify(error):
        case ErrorKind.SCOPE_GONE if change.action is Action.DELETE:
            # Out of everybody's reach, and it covers nothing.
            return replace(_held(change, error, HeldCause.RESOURCE_GONE), remedy=ORPHAN_REMEDY)
        case ErrorKind.SCOPE_GONE:
            remedy = f"retire the declaration, or take {change.exemption.scope} out of its scopes"
            return replace(_held(change, error, HeldCause.RESOURCE_GONE), remedy=remedy)
        case ErrorKind.ASSIGNMENT_GONE:
            return _held(change, error, HeldCause.ASSIGNMENT_GONE)
        case ErrorKind.REFUSED:
            return failed(attempt, error)
        case ErrorKind.THROTTLED as kind:
            attempt = replace(attempt, throttled=attempt.throttled + 1)
            return Retry(attempt=attempt, kind=kind, error=error, bucket=bucket)
        case kind:
            return Retry(attempt=replace(attempt, errors=attempt.errors + 1), kind=kind, error=error, bucket=bucket)


def _held(change: Change, error: ReconcilerError, cause: HeldCause) -> Outcome:
    return Outcome(
        change=change,
        status=Status.HELD,
        message=describe(error),
        remedy=remedy_for(error),
        cause=cause,
        correlation=correlation(error),
    )


# --- outcomes of what is not tried (again) -----------------------------------------------------------------------


def interrupted(attempt: Attempt) -> Outcome:
    """What a change comes to that Azure does not hold, and that is not tried (again) because the run was asked to end."""
    message = "not started: the run was interrupted"
    if attempt.sent:
        message = "a write was sent and its answer lost; it had not taken effect when the run was interrupted"
    return Outcome(change=attempt.change, status=Status.SKIPPED, message=message, remedy=RERUN, cut_short=True)


def failed(attempt: Attempt, error: ReconcilerError) -> Outcome:
    """A failure in Azure's own words, with what to do about it."""
    attempts = attempt.errors + attempt.throttled
    return Outcome(
        change=attempt.change,
        status=Status.FAILED,
        message=describe(error) + (f" (after {attempts} tries)" if attempts > 1 else ""),
        remedy=remedy_for(error),
        correlation=correlation(error),
    )


def unanswered(attempt: Attempt, error: ReconcilerError) -> Outcome:
    """A failure because Azure no longer answers at all."""
    message = f"{_not_written(attempt)}, since Azure no longer answers: {describe(error)}"
    return Outcome(change=attempt.change, status=Status.FAILED, message=message, remedy=remedy_for(error))


def postponed(attempt: Attempt, seconds: float) -> Outcome:
    """A failure because Azure asks to wait longer than a run waits."""
    return Outcome(
        change=attempt.change,
        status=Status.FAILED,
        message=f"{_not_written(attempt)}, since Azure asks to wait {seconds:.0f} s before the next request",
        remedy="run apply again after that time: it writes what is left",
    )


def _not_written(attempt: Attempt) -> str:
    return "a write was sent and its answer lost; not settled" if attempt.sent else "not written"


def circular(change: Change) -> Outcome:
    """A change that waits for one which waits for it. The planner makes no such plan."""
    return Outcome(
        change=change,
        status=Status.HELD,
        message="waits for changes that wait for it",
        remedy="report this plan: it should not exist",
        cause=HeldCause.CONFLICT,
    )
