"""Which write waits for which, without circles.

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

from reconciler.model import Exemption
from reconciler.planning.decide.proposals import ConfirmedExemption, ProposedChange
from reconciler.planning.order.reduction import Keepers
from reconciler.planning.tree import Tree
from reconciler.planning.values import Reason

SCOPE_QUOTA: Final = 1000
"""Exemptions that Azure allows on one scope (azure-policy-limits)."""


@dataclass(slots=True, kw_only=True)
class Waits:
    """For each reducing proposed (by folded id): what keeps its cells, and which writes it waits for.

    `firm` waits protect something: that write adds cells which this one takes away. The `loose` ones only keep an
    order, which may be turned round: then the pair relation_ in `ahead`, and the other write waits for this one.
    """

    keeping: dict[str, list[ConfirmedExemption]] = field(default_factory=dict)
    firm: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    loose: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    ahead: set[tuple[str, str]] = field(default_factory=set)

    def of(self, key: str) -> set[str]:
        """All ids that the proposed with this id waits for."""
        return self.firm.get(key, set()) | self.loose.get(key, set())

    def relies_on(self, key: str) -> tuple[Exemption, ...]:
        """What keeps the cells that this proposed gives up, as it is when the turn of the proposed has come."""
        return tuple(
            confirmed.proposed.existing.exemption
            if confirmed.proposed is not None
            and confirmed.proposed.existing is not None
            and (key, confirmed.proposed.id.key) in self.ahead
            else confirmed.exemption
            for confirmed in self.keeping.get(key, ())
        )

    def turn_round(self, key: str, other: str) -> None:
        """Lets the first go before the other, instead of after it."""
        self.loose[key].discard(other)
        self.firm[other].add(key)
        self.ahead.add((key, other))


def order(
    proposed_changes: Sequence[ProposedChange],
    confirmed_exemptions: Sequence[ConfirmedExemption],
    tree: Tree,
    renew: Callable[[ProposedChange], ProposedChange],
) -> tuple[list[ProposedChange], list[ConfirmedExemption], Waits]:
    """The proposed_changes with circles opened, the confirmed_exemptions that belong to them, and the waits.

    `renew` turns an update into the create that takes its place under another name.
    """
    current, confirmed_now = list(proposed_changes), list(confirmed_exemptions)
    while True:
        waits = _waits(current, confirmed_now, tree)
        last = _last_of_circles(waits)
        if not last:
            _open_loose_circles(waits)
            return current, confirmed_now, waits
        current, confirmed_now = _recreate(last, current, confirmed_now, renew)


def _waits(
    proposed_changes: Sequence[ProposedChange], confirmed_exemptions: Sequence[ConfirmedExemption], tree: Tree
) -> Waits:
    reducing = [proposed for proposed in proposed_changes if proposed.reduces]
    keepers = Keepers.of(confirmed_exemptions, reducing, tree)
    waits = Waits()
    for proposed in sorted(reducing, key=lambda each: each.id.key):
        keeping = keepers.keeping(proposed)
        waits.keeping[proposed.id.key] = keeping
        for confirmed in keeping:
            if confirmed.proposed is not None:
                adds = not confirmed.proposed.gained.isdisjoint(proposed.lost)
                (waits.firm if adds else waits.loose)[proposed.id.key].add(confirmed.proposed.id.key)
    return waits


def _last_of_circles(waits: Waits) -> set[str]:
    """The last id by name of each circle that order alone does not open."""
    graph = {key: sorted(others) for key, others in sorted(waits.firm.items())}
    last: set[str] = set()
    while True:
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            found = str(max(error.args[1]))
            last.add(found)
            del graph[found]
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
        for other in others:
            waiting[other].append(key)
    ready = [key for key, others in pending.items() if not others]
    free = [key for key, others in firm.items() if not others]
    while pending:
        key = heapq.heappop(ready or free)
        if key not in pending:
            continue
        for other in sorted(pending.pop(key)):
            waits.turn_round(key, other)
        for after in waiting[key]:
            if after in pending:
                pending[after].discard(key)
                firm[after].discard(key)
                _push(after, ready, pending[after])
                _push(after, free, firm[after])


def _push(key: str, heap: list[str], unmet: set[str]) -> None:
    if not unmet:
        heapq.heappush(heap, key)


def _recreate(
    keys: set[str],
    proposed_changes: Iterable[ProposedChange],
    confirmed_exemptions: Iterable[ConfirmedExemption],
    renew: Callable[[ProposedChange], ProposedChange],
) -> tuple[list[ProposedChange], list[ConfirmedExemption]]:
    """Replaces updates by a create under a new name and the delete of the old object."""
    written: list[ProposedChange] = []
    renewed: dict[int, ProposedChange] = {}
    for proposed in proposed_changes:
        if proposed.id.key not in keys:
            written.append(proposed)
            continue
        created = renew(proposed)
        renewed[id(proposed)] = created
        written += [created, replace(proposed, after=None, reason=Reason.DUPLICATE, cells=frozenset(), desired=None)]
    confirmed_now = [
        replace(
            confirmed, exemption=renewed[id(confirmed.proposed)].exemption, proposed=renewed[id(confirmed.proposed)]
        )
        if id(confirmed.proposed) in renewed
        else confirmed
        for confirmed in confirmed_exemptions
    ]
    return written, confirmed_now


def make_room(proposed_changes: Sequence[ProposedChange], counts: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """At the quota of a scope, creates wait for the deletes of our expired ones there. Folded create id to ids.

    `counts` maps a folded scope to how many exemptions sit on it now.
    """
    creates = Counter(proposed.exemption.scope.key for proposed in proposed_changes if proposed.existing is None)
    full = {scope for scope, more in creates.items() if counts.get(scope, 0) + more > SCOPE_QUOTA}
    if not full:
        return {}
    going: dict[str, list[str]] = defaultdict(list)
    for proposed in proposed_changes:
        if (
            proposed.existing is not None
            and proposed.after is None
            and proposed.existing.expired
            and proposed.existing.scope.key in full
        ):
            going[proposed.existing.scope.key].append(proposed.id.key)
    return {
        proposed.id.key: tuple(sorted(going[proposed.exemption.scope.key]))
        for proposed in proposed_changes
        if proposed.existing is None and proposed.exemption.scope.key in full
    }
