"""Which write waits for which, without circles.

Creates wait for nothing, deletes are waited for by nobody, so only updates that both give and take can wait for each
other. Where such a circle would form, first the waits fall that protect nothing (the other write does not add what
this one takes away); if that does not open it, the last update by name becomes a create and a delete (§5).
"""

from __future__ import annotations

import graphlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final as Constant

from reconciler.planning.draft import Draft, Final
from reconciler.planning.reduction import Keepers
from reconciler.planning.tree import Tree
from reconciler.planning.values import Reason

SCOPE_QUOTA: Constant = 1000
"""Exemptions that Azure allows on one scope (azure-policy-limits)."""


@dataclass(slots=True)
class Waits:
    """For each reducing draft (by folded id): what keeps its cells, and which writes it waits for.

    `firm` waits protect something: that write adds cells which this one takes away. The others only keep the order.
    """

    keeping: dict[str, list[Final]] = field(default_factory=dict)
    firm: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    loose: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def of(self, key: str) -> set[str]:
        """All ids that the draft with this id waits for."""
        return self.firm.get(key, set()) | self.loose.get(key, set())


def order(
    drafts: Sequence[Draft], finals: Sequence[Final], tree: Tree, renew: Callable[[Draft], Draft]
) -> tuple[list[Draft], list[Final], Waits]:
    """The drafts with circles opened, the finals that belong to them, and the waits.

    `renew` turns an update into the create that takes its place under another name.
    """
    current, confirmed = list(drafts), list(finals)
    while True:
        waits = _waits(current, confirmed, tree)
        last = _open_circles(waits)
        if last is None:
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


def _open_circles(waits: Waits) -> str | None:
    """Drops loose waits that close a circle; returns the last id by name of one that only firm waits close."""
    while True:
        sorter = graphlib.TopologicalSorter({key: sorted(waits.of(key)) for key in sorted(waits.keeping)})
        try:
            sorter.prepare()
        except graphlib.CycleError as error:
            circle = error.args[1]
        else:
            return None
        edges = list(zip(circle[1:], circle[:-1], strict=True))  # each waits for the one before it
        loose = [(key, other) for key, other in edges if other in waits.loose.get(key, ())]
        if not loose:
            return str(max(circle))
        for key, other in loose:
            waits.loose[key].discard(other)


def _recreate(
    key: str, drafts: Iterable[Draft], finals: Iterable[Final], renew: Callable[[Draft], Draft]
) -> tuple[list[Draft], list[Final]]:
    """Replaces one update by a create under a new name and the delete of its old object."""
    written: list[Draft] = []
    renewed: dict[int, Draft] = {}
    for draft in drafts:
        if draft.id.key != key:
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
