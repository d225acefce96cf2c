"""What may be taken away. A change that reduces coverage is held where something it may depend on was not read, is held
itself, or lies outside the run; and so is whatever would have waited for a change that is held.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from reconciler.kinds import HeldCause
from reconciler.model import Diagnostic
from reconciler.planning import hold_messages
from reconciler.planning.decide.holds import hold_exemption
from reconciler.planning.decide.proposals import ConfirmedExemption, ProposedChange
from reconciler.planning.desired.protections import Protection, Protections
from reconciler.planning.desired.values import DesiredExemption
from reconciler.planning.tree import Tree
from reconciler.planning.values import Held, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedChanges:
    """The changes that may be written with what they confirm, and a held line for each of the others."""

    proposed: tuple[ProposedChange, ...]
    confirmed: tuple[ConfirmedExemption, ...]
    held: tuple[Held, ...]


def hold_reductions(
    proposed: Sequence[ProposedChange],
    confirmed: Sequence[ConfirmedExemption],
    protections: Protections,
    left_out: Iterable[DesiredExemption],
) -> AllowedChanges:
    """Holds what may not be taken away, then whatever would have waited for a change that is now held."""
    tree = protections.tree
    outside = Protections(
        tree=tree,
        snapshot=protections.snapshot,
        protections=tuple(
            Protection(
                scope=desired.scope,
                assignment=desired.assignment.id.key,
                subject=desired.subject,
                declaration=desired.declaration.name,
            )
            for desired in left_out
        ),
    )
    lines: dict[int, Held] = {}
    for change in proposed:
        line = _why_not(change, protections, outside) if change.reduces else None
        if line is not None:
            lines[id(change)] = line
    stopped = [change for change in proposed if id(change) in lines]
    while stopped:
        keeping: dict[str, list[ProposedChange]] = defaultdict(list)
        for change in stopped:
            if change.desired is not None:
                keeping[change.exemption.assignment.key].append(change)
        stopped = []
        for change in proposed:
            if id(change) not in lines and change.reduces:
                needed = _first_needed(change, keeping[change.exemption.assignment.key], tree)
                if needed is not None and needed.desired is not None:
                    name = needed.desired.declaration.name
                    message = hold_messages.neighbour_held(change.exemption, name, needed.exemption.scope)
                    lines[id(change)] = _hold(change, HeldCause.NEIGHBOUR, message)
                    stopped.append(change)
    return AllowedChanges(
        proposed=tuple(change for change in proposed if id(change) not in lines),
        confirmed=tuple(item for item in confirmed if item.proposed is None or id(item.proposed) not in lines),
        held=tuple(lines.values()),
    )


def _first_needed(change: ProposedChange, stopped: Iterable[ProposedChange], tree: Tree) -> ProposedChange | None:
    """The first by id of those that would have kept something that this one takes away."""
    needed = (
        keeper
        for keeper in stopped
        if not change.lost.isdisjoint(keeper.cells) and tree.related(change.exemption.scope, keeper.exemption.scope)
    )
    return min(needed, key=lambda keeper: keeper.id.key, default=None)


def _why_not(change: ProposedChange, protections: Protections, outside: Protections) -> Held | None:
    scope = change.exemption.scope
    assert change.existing is not None  # a create reduces nothing
    if (unread := protections.tree.blocks_reduction(scope)) is not None:
        return _hold(change, HeldCause.UNREAD, hold_messages.reduction_unread(unread))
    if (protection := protections.first(change.existing, change.lost)) is not None:
        message = hold_messages.neighbour_held(change.exemption, protection.declaration, protection.scope)
        return _hold(change, HeldCause.NEIGHBOUR, message)
    if change.reason is Reason.REMOVED and (protection := protections.moving(change.existing)) is not None:
        message = hold_messages.neighbour_held(change.exemption, protection.declaration, protection.scope)
        return _hold(change, HeldCause.NEIGHBOUR, message)
    is_moving = change.reason is Reason.REMOVED and outside.moving(change.existing) is not None
    if is_moving or outside.touching(change.existing, change.lost):
        return _hold(change, HeldCause.LEFT_OUT, hold_messages.left_out(scope))
    return None


def _hold(change: ProposedChange, cause: HeldCause, message: Diagnostic) -> Held:
    """A change that is not written, as a held line: it names what is not taken away, and what is not added either."""
    mark = change.existing.mark if change.existing else ""
    line = hold_exemption(change.exemption, cause, message, mark=mark, declaration=change.declaration)
    added = (change.after.reference_ids or sorted(change.cells)) if change.after else ()  # none listed: all of them
    if not line.reference_ids or not added:
        return line
    texts = {reference.lower(): reference for reference in (*line.reference_ids, *added)}
    return replace(line, reference_ids=tuple(texts[key] for key in sorted(texts)))
