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
from typing import Final as Constant

from reconciler.model import Exemption
from reconciler.planning.draft import Draft, Final
from reconciler.planning.reduction import Keepers
from reconciler.planning.tree import Tree
from reconciler.planning.values import Reason

SCOPE_QUOTA: Constant = 1000
"""Exemptions that Azure allows on one scope (azure-policy-limits)."""


@dataclass(slots=True, kw_only=True)
class Waits:
    """For each reducing draft (by folded id): what keeps its cells, and which writes it waits for.

    `firm` waits protect something: that write adds cells which this one takes away. The `loose` ones only keep an
    order, which may be turned round: then the pair stands in `ahead`, and the other write waits for this one.
    """

    keeping: dict[str, list[Final]] = field(default_factory=dict)
    firm: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    loose: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    ahead: set[tuple[str, str]] = field(default_factory=set)

    def of(self, key: str) -> set[str]:
        """All ids that the draft with this id waits for."""
        return self.firm.get(key, set()) | self.loose.get(key, set())

    def relies_on(self, key: str) -> tuple[Exemption, ...]:
        """What keeps the cells that this draft gives up, as it is when the turn of the draft has come."""
        return tuple(
            final.draft.live.exemption
            if final.draft is not None and final.draft.live is not None and (key, final.draft.id.key) in self.ahead
            else final.exemption
            for final in self.keeping.get(key, ())
        )

    def turn_round(self, key: str, other: str) -> None:
        """Lets the first go before the other, instead of after it."""
        self.loose[key].discard(other)
        self.firm[other].add(key)
        self.ahead.add((key, other))


def order(
    drafts: Sequence[Draft], finals: Sequence[Final], tree: Tree, renew: Callable[[Draft], Draft]
) -> tuple[list[Draft], list[Final], Waits]:
    """The drafts with circles opened, the finals that belong to them, and the waits.

    `renew` turns an update into the create that takes its place under another name.
    """
    current, confirmed = list(drafts), list(finals)
    while True:
        waits = _waits(current, confirmed, tree)
        last = _last_of_circles(waits)
        if not last:
            _open_loose_circles(waits)
            return current, confirmed, waits
        current, confirmed = _recreate(last, current, confirmed, renew)


def _waits(drafts: Sequence[Draft], finals: Sequence[Final], tree: Tree) -> Waits:
    reducing = [draft for draft in drafts if draft.reduces]
    keepers = Keepers.of(finals, reducing, tree)
    waits = Waits()
    for draft in sorted(reducing, key=lambda each: each.id.key):
        keeping = keepers.keeping(draft)
        waits.keeping[draft.id.key] = keeping
        for final in keeping:
            if final.draft is not None:
                adds = not final.draft.gained.isdisjoint(draft.lost)
                (waits.firm if adds else waits.loose)[draft.id.key].add(final.draft.id.key)
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
    keys: set[str], drafts: Iterable[Draft], finals: Iterable[Final], renew: Callable[[Draft], Draft]
) -> tuple[list[Draft], list[Final]]:
    """Replaces updates by a create under a new name and the delete of the old object."""
    written: list[Draft] = []
    renewed: dict[int, Draft] = {}
    for draft in drafts:
        if draft.id.key not in keys:
            written.append(draft)
            continue
        created = renew(draft)
        renewed[id(draft)] = created
        written += [created, replace(draft, after=None, reason=Reason.DUPLICATE, cells=frozenset(), wish=None)]
    confirmed = [
        replace(final, exemption=renewed[id(final.draft)].subject, draft=renewed[id(final.draft)])
        if id(final.draft) in renewed
        else final
        for final in finals
    ]
    return written, confirmed


def make_room(drafts: Sequence[Draft], counts: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """At the quota of a scope, creates wait for the deletes of our expired ones there. Folded create id to ids.

    `counts` maps a folded scope to how many exemptions sit on it now.
    """
    creates = Counter(draft.subject.scope.key for draft in drafts if draft.live is None)
    full = {scope for scope, more in creates.items() if counts.get(scope, 0) + more > SCOPE_QUOTA}
    if not full:
        return {}
    going: dict[str, list[str]] = defaultdict(list)
    for draft in drafts:
        if draft.live is not None and draft.after is None and draft.live.expired and draft.live.scope.key in full:
            going[draft.live.scope.key].append(draft.id.key)
    return {
        draft.id.key: tuple(sorted(going[draft.subject.scope.key]))
        for draft in drafts
        if draft.live is None and draft.subject.scope.key in full
    }
