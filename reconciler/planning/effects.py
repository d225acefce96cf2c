"""Whether a change exempts more or less in Azure than before, judged among everything that its decision has there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from reconciler.arm.canonical import has_expired
from reconciler.model import Exemption, textual_containers
from reconciler.planning.decide.proposals import shrinks
from reconciler.planning.tree import Slot
from reconciler.planning.values import Change, Reason

_KEPT_ELSEWHERE = frozenset({Reason.DUPLICATE, Reason.NARROW, Reason.RENAME})
"""What such a change takes from one exemption, another one exempts."""


def slots_of(exemptions: Iterable[Exemption]) -> frozenset[Slot]:
    """Where these exemptions sit."""
    return frozenset((exemption.scope.key, exemption.assignment.key) for exemption in exemptions)


def _is_covered(exemption: Exemption, slots: frozenset[Slot]) -> bool:
    """Whether something sits in the same assignment at the same scope or one that contains it, as its text shows."""
    if not slots:
        return False
    key = exemption.scope.key
    return any((scope, exemption.assignment.key) in slots for scope in (key, *textual_containers(key)))


def adds(change: Change, before: frozenset[Slot], now: datetime) -> bool:
    """Whether Azure exempts more by it than before: nothing as wide was there in this assignment, or it widens."""
    if change.after is None:
        return False
    if change.before is None or has_expired(change.before, now):
        return not _is_covered(change.after, before) or bool(change.widens)
    return bool(change.widens)


def removes(change: Change, after: frozenset[Slot], now: datetime) -> bool:
    """Whether Azure exempts less by it, and nothing else of the decision exempts the same."""
    if change.before is None or change.reason in _KEPT_ELSEWHERE or has_expired(change.before, now):
        return False
    if change.after is None:
        return not _is_covered(change.before, after)
    old, new = change.before.reference_ids, change.after.reference_ids
    if old != new and new:
        folded = {reference.lower() for reference in new}
        if not old or any(reference.lower() not in folded for reference in old):
            return True
    return shrinks(change.before, change.after)
