"""Tells what is decided as changes: with reason, fingerprint, what they widen, what they wait for and rely on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model import Carrier
from reconciler.planning.decide.proposals import ProposedChange, widens
from reconciler.planning.decide.reasons import CreateReasons
from reconciler.planning.descriptions import describe_removal
from reconciler.planning.fingerprint import fingerprint
from reconciler.planning.order.waits import make_room
from reconciler.planning.stages import PlanBasis
from reconciler.planning.tree import Slot
from reconciler.planning.values import Change, Reason


def describe_changes(basis: PlanBasis) -> tuple[Change, ...]:
    """Every write of a run, sorted by folded id."""
    carried = (item.scope.key for item in basis.existing if item.exemption.carrier is Carrier.POLICY)
    room = make_room(basis.proposed, Counter(carried))
    reasons = CreateReasons(snapshot=basis.inputs.snapshot, history=basis.inputs.history, existing=basis.existing)
    narrower = _Narrower.of(basis)
    declared = {declaration.name: declaration for declaration in basis.inputs.declarations.declarations}
    changes: list[Change] = []
    for proposed in basis.proposed:
        before = proposed.existing.exemption if proposed.existing else None
        mark = proposed.existing.mark if proposed.existing else ""
        name = proposed.declaration.name if proposed.declaration else mark
        declaration = proposed.declaration or declared.get(name)
        reason, why, key = proposed.reason, proposed.why, proposed.id.key
        if proposed.desired is not None and reason is Reason.DECLARED:
            reason = reasons.reason(proposed.desired)
        if before is not None and reason is Reason.REMOVED:
            why = describe_removal(before, declared.get(name), basis.inputs.now)
        changes.append(
            Change(
                before=before,
                after=proposed.after,
                reason=reason,
                fingerprint=fingerprint(
                    basis.inputs.snapshot.tenant_id, basis.inputs.settings.owner, before, proposed.after
                ),
                declaration=name or None,
                source=declaration.source if declaration else None,
                widens=widens(proposed, narrower.is_broadened_by(proposed)),
                waits_for=tuple(sorted({*basis.waits.of(key), *room.get(key, ())})),
                relies_on=basis.waits.relies_on(key),
                also_exempts=proposed.desired.subject.also if proposed.desired and proposed.after is not None else (),
                why=why,
            )
        )
    return tuple(sorted(changes, key=lambda change: change.id.key))


@dataclass(frozen=True, slots=True)
class _Narrower:
    """What of ours a create may stand above: `held` are folded scopes strictly around what a declaration's mark holds
    in an assignment, `given_up` the cells that this plan takes from any of ours below a place.
    """

    held: Mapping[tuple[str, str], set[str]]
    given_up: Mapping[Slot, set[str]]

    @classmethod
    def of(cls, basis: PlanBasis) -> _Narrower:
        occupied: dict[tuple[str, str], set[str]] = defaultdict(set)
        given_up: dict[Slot, set[str]] = defaultdict(set)
        for existing in basis.existing:
            if existing.ours:
                occupied[existing.mark, existing.exemption.assignment.key].update(basis.tree.chain(existing.scope)[1:])
        for proposed in basis.proposed:
            if proposed.existing is not None and proposed.existing.ours and proposed.reduces:
                for outer in basis.tree.chain(proposed.existing.scope)[1:]:
                    given_up[outer, proposed.exemption.assignment.key] |= proposed.lost
        return cls(occupied, given_up)

    def is_broadened_by(self, proposed: ProposedChange) -> bool:
        """Whether a create takes the place of something narrower: of its own declaration, or of one that ends here."""
        if proposed.desired is None or proposed.existing is not None:
            return False
        scope, assignment = proposed.desired.slot
        joins = scope in self.held.get((proposed.desired.declaration.name, assignment), ())
        return joins or not proposed.cells.isdisjoint(self.given_up.get((scope, assignment), ()))
