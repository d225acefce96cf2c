"""What may be taken away, and after which writes: a write that reduces coverage waits for every write that
covers the same policy and assignment at the same, a containing or a contained scope, and names the exemptions that
keep what it gives up, so that apply can re-read them just before.

It is held where something it may depend on was not read, is held itself, or lies outside the run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from reconciler.model import Diagnostic
from reconciler.planning import hold_messages
from reconciler.planning.decide.proposals import ConfirmedExemption, ProposedChange
from reconciler.planning.desired.protections import Protection, Protections
from reconciler.planning.desired.resolve import DesiredExemption, Slot
from reconciler.planning.tree import Tree
from reconciler.planning.values import Held, HeldCause


@dataclass(slots=True, kw_only=True)
class Keepers:
    """Confirmed desired_exemptions, found from any scope of the same assignment that they are related to."""

    tree: Tree
    _at: dict[Slot, list[ConfirmedExemption]] = field(default_factory=lambda: defaultdict(list))
    _within: dict[Slot, list[ConfirmedExemption]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(
        cls, confirmed_exemptions: Iterable[ConfirmedExemption], reducing: Iterable[ProposedChange], tree: Tree
    ) -> Keepers:
        """Only assignments in which something is reduced are looked at; that is none in most runs."""
        concerned = {proposed.exemption.assignment.key for proposed in reducing}
        keepers = cls(tree=tree)
        for confirmed in confirmed_exemptions if concerned else ():
            assignment = confirmed.desired.assignment.id.key
            if assignment in concerned:
                scope, *above = tree.chain(confirmed.desired.scope)
                keepers._at[scope, assignment].append(confirmed)
                for outer in above:
                    keepers._within[outer, assignment].append(confirmed)
        return keepers

    def keeping(self, proposed: ProposedChange) -> list[ConfirmedExemption]:
        """The desired_exemptions that are confirmed by another object and share a cell with what the write gives up."""
        assignment, lost = proposed.exemption.assignment.key, proposed.lost
        if not lost:
            return []
        scope = proposed.exemption.scope
        related = [confirmed for key in self.tree.chain(scope) for confirmed in self._at.get((key, assignment), ())]
        related += self._within.get((scope.key, assignment), ())
        found = [f for f in related if f.exemption.id.key != proposed.id.key and not f.cells.isdisjoint(lost)]
        return sorted(found, key=lambda confirmed: confirmed.exemption.id.key)


def split_reductions(
    proposed_changes: Sequence[ProposedChange],
    protections: Protections,
    left_out: Iterable[DesiredExemption],
    tree: Tree,
) -> tuple[list[ProposedChange], list[tuple[ProposedChange, Held]]]:
    """The proposed_changes that may be written, and those that must be held, each with why."""
    outside = Protections(tree=tree, snapshot=protections.snapshot)
    for desired in left_out:
        outside.add(Protection(scope=desired.scope, assignment=desired.assignment.id.key, subject=desired.subject))
    allowed: list[ProposedChange] = []
    held: list[tuple[ProposedChange, Held]] = []
    for proposed in proposed_changes:
        line = _why_not(proposed, protections, outside, tree) if proposed.reduces else None
        if line is None:
            allowed.append(proposed)
        else:
            held.append((proposed, line))
    return allowed, held


def _why_not(proposed: ProposedChange, protections: Protections, outside: Protections, tree: Tree) -> Held | None:
    scope, assignment = proposed.exemption.scope, proposed.exemption.assignment.key
    if (unread := tree.blocks_reduction(scope)) is not None:
        return hold_change(proposed, HeldCause.UNREAD, hold_messages.reduction_unread(unread))
    if (protection := protections.first(scope, assignment, proposed.lost)) is not None:
        words = hold_messages.neighbour_held(proposed.exemption, protection.declaration, protection.scope)
        return hold_change(proposed, HeldCause.NEIGHBOUR, words)
    if outside.touching(scope, assignment, proposed.lost):
        return hold_change(proposed, HeldCause.LEFT_OUT, hold_messages.left_out(scope))
    return None


def hold_change(proposed: ProposedChange, cause: HeldCause, words: Diagnostic) -> Held:
    """A proposed that is not written, as a held line."""
    subject = proposed.exemption
    name = proposed.declaration.name if proposed.declaration else (proposed.existing.mark if proposed.existing else "")
    source = proposed.declaration.source if proposed.declaration else None
    return Held(
        declaration=name,
        scope=subject.scope,
        assignment=subject.assignment,
        reference_ids=subject.reference_ids,
        cause=cause,
        message=words.message,
        remedy=words.remedy,
        source=source,
        exemption=subject.id,
    )
