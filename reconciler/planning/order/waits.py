"""Which write waits for which, without circles.

A write that reduces coverage waits for every write that covers the same policy and assignment at the same, a containing
or a contained scope, and names the exemptions that keep what it gives up, so that apply can re-read them just before.

Creates wait for nothing, deletes are waited for by nobody, so only updates that both give and take can wait for each
other. Most such circles open by order: where the other write does not add what this one takes away, this one may as
well go first, and relies on the other object as it is now. Where that does not help, the last update by name becomes a
create and a delete.
"""

from __future__ import annotations

import graphlib
import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.model import Carrier, Exemption
from reconciler.planning.decide.proposals import ConfirmedExemption, ProposedChange
from reconciler.planning.tree import Slot, Tree
from reconciler.planning.values import Reason

SCOPE_QUOTA: Final = 1000
"""Exemptions that Azure allows on one scope (azure-policy-limits)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """For each reducing change (by folded id): what keeps its cells, and which writes it waits for.

    `firm` waits protect something: that write adds cells which this one takes away. The `loose` ones only keep an
    order, which may be turned round: then the pair stands in `ahead`, and the other write waits for this one.
    """

    keeping: dict[str, list[ConfirmedExemption]] = field(default_factory=dict)
    firm: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    loose: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    ahead: set[tuple[str, str]] = field(default_factory=set)

    def of(self, key: str) -> set[str]:
        """All ids that the change with this id waits for."""
        return self.firm.get(key, set()) | self.loose.get(key, set())

    def relies_on(self, key: str) -> tuple[Exemption, ...]:
        """What keeps the cells that this change gives up, as it is when the turn of the change has come."""
        return tuple(
            confirmed.proposed.existing.exemption
            if confirmed.proposed is not None
            and confirmed.proposed.existing is not None
            and (key, confirmed.proposed.id.key) in self.ahead
            else confirmed.exemption
            for confirmed in self.keeping.get(key, ())
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedChanges:
    """The changes with circles opened, what they confirm, and the waits."""

    proposed: tuple[ProposedChange, ...]
    confirmed: tuple[ConfirmedExemption, ...]
    waits: Waits


def order(
    proposed: Sequence[ProposedChange],
    confirmed: Sequence[ConfirmedExemption],
    tree: Tree,
    recreated: Callable[[ProposedChange], ProposedChange],
) -> OrderedChanges:
    """Every change after what it waits for. `recreated` turns an update into the create that takes its place under
    another name.
    """
    ordered = OrderedChanges(proposed=tuple(proposed), confirmed=tuple(confirmed), waits=Waits())
    while True:
        waits = _waits(ordered.proposed, ordered.confirmed, tree)
        last = _last_of_circles(waits)
        if not last:
            _open_loose_circles(waits)
            return replace(ordered, waits=waits)
        ordered = _recreate(last, ordered, recreated)


def _waits(proposed: Iterable[ProposedChange], confirmed: Sequence[ConfirmedExemption], tree: Tree) -> Waits:
    reducing = [change for change in proposed if change.reduces]
    keepers = _Keepers.of(confirmed, reducing, tree)
    by_declaration: dict[str, list[ConfirmedExemption]] = defaultdict(list)
    for item in confirmed if reducing else ():
        by_declaration[item.desired.declaration.name].append(item)
    waits = Waits()
    for change in sorted(reducing, key=lambda change: change.id.key):
        heirs = by_declaration.get(change.existing.mark, ()) if change.existing else ()
        keeping = [*keepers.keeping(change), *_successors(change, heirs, tree)]
        waits.keeping[change.id.key] = keeping
        for keeper in keeping:
            if keeper.proposed is not None:
                adds = not keeper.proposed.gained.isdisjoint(change.lost)
                (waits.firm if adds else waits.loose)[change.id.key].add(keeper.proposed.id.key)
    return waits


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keepers:
    """Confirmed exemptions, found from any scope of the same assignment that they are related to."""

    tree: Tree
    at: Mapping[Slot, Sequence[ConfirmedExemption]]
    within: Mapping[Slot, Sequence[ConfirmedExemption]]

    @classmethod
    def of(cls, exemptions: Iterable[ConfirmedExemption], reducing: Iterable[ProposedChange], tree: Tree) -> _Keepers:
        """Only assignments in which something is reduced are looked at; that is none in most runs."""
        concerned = {change.exemption.assignment.key for change in reducing}
        at: dict[Slot, list[ConfirmedExemption]] = defaultdict(list)
        within: dict[Slot, list[ConfirmedExemption]] = defaultdict(list)
        for confirmed in exemptions if concerned else ():
            assignment = confirmed.desired.assignment.id.key
            if assignment in concerned:
                scope, *above = tree.chain(confirmed.desired.scope)
                at[scope, assignment].append(confirmed)
                for outer in above:
                    within[outer, assignment].append(confirmed)
        return cls(tree=tree, at=at, within=within)

    def keeping(self, change: ProposedChange) -> list[ConfirmedExemption]:
        """Those that stand on another object and share a cell with what the change gives up."""
        assignment, lost = change.exemption.assignment.key, change.lost
        if not lost:
            return []
        scope = change.exemption.scope
        related = [keeper for key in self.tree.chain(scope) for keeper in self.at.get((key, assignment), ())]
        related += self.within.get((scope.key, assignment), ())
        keeping = [
            keeper
            for keeper in related
            if keeper.exemption.id.key != change.id.key and not keeper.cells.isdisjoint(lost)
        ]
        return sorted(keeping, key=lambda keeper: keeper.exemption.id.key)


def _successors(change: ProposedChange, heirs: Iterable[ConfirmedExemption], tree: Tree) -> list[ConfirmedExemption]:
    """Where a declaration moves to the other kind of ARM object: what takes the place of one of ours that goes. They
    share no cell, but the resource must not be bare in between.
    """
    existing = change.existing
    if change.after is not None or existing is None or not existing.mark:
        return []
    successors = (
        item
        for item in heirs
        if item.exemption.carrier is not existing.exemption.carrier and tree.related(item.desired.scope, existing.scope)
    )
    return sorted(successors, key=lambda keeper: keeper.exemption.id.key)


def _last_of_circles(waits: Waits) -> set[str]:
    """The last id by name of each circle that order alone does not open."""
    graph = {key: sorted(others) for key, others in sorted(waits.firm.items())}
    last: set[str] = set()
    while True:
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            key = str(max(error.args[1]))
            last.add(key)
            del graph[key]
        else:
            return last


def _open_loose_circles(waits: Waits) -> None:
    """Goes through the writes in an order that keeps every firm wait, and turns round the loose ones against it.

    There is always one that waits for nothing firm, since firm waits form no circle.
    """
    pending = {key: waits.of(key) & waits.keeping.keys() for key in sorted(waits.keeping)}
    firm = {key: waits.firm.get(key, set()) & waits.keeping.keys() for key in pending}
    waiting: dict[str, list[str]] = defaultdict(list)
    for key, others in pending.items():
        for keeper in others:
            waiting[keeper].append(key)
    ready = [key for key, others in pending.items() if not others]
    free = [key for key, others in firm.items() if not others]
    while pending:
        key = heapq.heappop(ready or free)
        if key not in pending:
            continue
        for keeper in sorted(pending.pop(key)):
            waits.loose[key].discard(keeper)
            waits.firm[keeper].add(key)
            waits.ahead.add((key, keeper))
        for after in waiting[key]:
            if after in pending:
                for unmet, heap in ((pending, ready), (firm, free)):
                    unmet[after].discard(key)
                    if not unmet[after]:
                        heapq.heappush(heap, after)


def _recreate(
    keys: set[str], ordered: OrderedChanges, recreated: Callable[[ProposedChange], ProposedChange]
) -> OrderedChanges:
    """Replaces updates by a create under a new name and the delete of the old object."""
    proposed: list[ProposedChange] = []
    creates: dict[int, ProposedChange] = {}
    for change in ordered.proposed:
        if change.id.key in keys:
            created = recreated(change)
            creates[id(change)] = created
            proposed += [created, replace(change, after=None, reason=Reason.DUPLICATE, cells=frozenset(), desired=None)]
        else:
            proposed.append(change)
    confirmed = (
        replace(item, exemption=creates[id(item.proposed)].exemption, proposed=creates[id(item.proposed)])
        if id(item.proposed) in creates
        else item
        for item in ordered.confirmed
    )
    return replace(ordered, proposed=tuple(proposed), confirmed=tuple(confirmed))


def _counts(exemption: Exemption) -> bool:
    return exemption.carrier is Carrier.POLICY


def make_room(proposed: Sequence[ProposedChange], counts: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """At the quota of a scope, creates wait for the deletes of our expired ones there. Folded create id to ids.

    `counts` maps a folded scope to how many policy exemptions sit on it now; no limit of standard assignments is known.
    """
    creates = [change for change in proposed if change.existing is None and _counts(change.exemption)]
    new = Counter(change.exemption.scope.key for change in creates)
    full = {scope for scope, count in new.items() if counts.get(scope, 0) + count > SCOPE_QUOTA}
    deleted: dict[str, list[str]] = defaultdict(list)
    for change in proposed if full else ():
        if (
            change.existing is not None
            and change.after is None
            and change.existing.expired
            and _counts(change.exemption)
        ):
            deleted[change.existing.scope.key].append(change.id.key)
    return {
        change.id.key: tuple(sorted(deleted[change.exemption.scope.key]))
        for change in creates
        if change.exemption.scope.key in full
    }
