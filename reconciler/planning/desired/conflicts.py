"""Two declarations that want the same: an error where the files show it (the declarations room says so), held on both
sides where only Azure's hierarchy does.

Only the cells that both want are held; what else a declaration wants at that slot goes on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.kinds import HeldCause
from reconciler.planning import hold_messages
from reconciler.planning.desired.subjects import reference_texts
from reconciler.planning.desired.values import DesiredExemption, Resolution
from reconciler.planning.tree import Tree
from reconciler.planning.values import Held


@dataclass(frozen=True, slots=True, kw_only=True)
class _Conflict:
    """What others want too of a desired exemption: the cells, and the first of them for the message."""

    desired: DesiredExemption
    rival: DesiredExemption
    cells: frozenset[str]


def hold_conflicts(resolution: Resolution, tree: Tree) -> Resolution:
    """The resolution with every cell that two declarations want held instead of wanted."""
    conflicts: dict[int, _Conflict] = {}
    for desired, rival in _overlapping(resolution.desired + resolution.left_out, tree):
        cells = desired.cells & rival.cells
        for mine, theirs in ((desired, rival), (rival, desired)):
            first = conflicts.get(id(mine))
            conflicts[id(mine)] = _Conflict(
                desired=mine,
                rival=first.rival if first else theirs,
                cells=cells | first.cells if first else cells,
            )
    if not conflicts:
        return resolution
    lines: list[Held] = []
    for conflict in (conflicts[id(item)] for item in resolution.desired if id(item) in conflicts):
        desired, rival = conflict.desired, conflict.rival
        message = hold_messages.conflict(
            mine=desired.declaration,
            theirs=rival.declaration,
            scope=desired.scope,
            other_scope=rival.scope,
            assignment=desired.assignment,
        )
        initiative = resolution.protections.snapshot.initiatives.get(desired.assignment.id.key)
        lines.append(desired.hold(HeldCause.CONFLICT, message, reference_texts(conflict.cells, initiative)))
    protections = [conflict.desired.protect(conflict.cells) for conflict in conflicts.values()]
    return Resolution(
        desired=_remaining(resolution.desired, conflicts),
        held=(*resolution.held, *lines),
        findings=resolution.findings,
        protections=resolution.protections.extended(protections),
        left_out=_remaining(resolution.left_out, conflicts),
    )


def _remaining(
    exemptions: Sequence[DesiredExemption], conflicts: Mapping[int, _Conflict]
) -> tuple[DesiredExemption, ...]:
    parts = (item.without(conflicts[id(item)].cells) if id(item) in conflicts else item for item in exemptions)
    return tuple(part for part in parts if part is not None)


def _overlapping(
    exemptions: Iterable[DesiredExemption], tree: Tree
) -> Iterator[tuple[DesiredExemption, DesiredExemption]]:
    """Pairs of two declarations that want some cell at the same slot and selectors, or at a scope and one above it."""
    by_assignment: dict[str, dict[str, list[DesiredExemption]]] = defaultdict(lambda: defaultdict(list))
    for desired in exemptions:
        scope, assignment = desired.slot
        by_assignment[assignment][scope].append(desired)
    for scopes in by_assignment.values():
        for at_scope in scopes.values():
            for position, desired in enumerate(at_scope):
                for rival in at_scope[position + 1 :]:
                    if desired.selector_key == rival.selector_key and _clash(desired, rival):
                        yield desired, rival
            above = tree.chain(at_scope[0].scope)[1:]
            for outer in () if scopes.keys().isdisjoint(above) else above:
                for broader in scopes.get(outer, ()):
                    yield from ((desired, broader) for desired in at_scope if _clash(desired, broader))


def _clash(desired: DesiredExemption, rival: DesiredExemption) -> bool:
    return desired.declaration.name != rival.declaration.name and not desired.cells.isdisjoint(rival.cells)
