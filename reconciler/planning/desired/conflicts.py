"""Two declarations that want the same: an error where the files show it (the declarations room says so), held on both
sides where only Azure's hierarchy does.

Only the cells that both want are held; what else a declaration wants at that place goes on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from reconciler.model import Snapshot
from reconciler.planning import hold_messages
from reconciler.planning.decide.build import reference_texts
from reconciler.planning.desired.protections import Protection
from reconciler.planning.desired.resolve import DesiredExemption, Resolution
from reconciler.planning.tree import Tree
from reconciler.planning.values import Held, HeldCause


@dataclass(slots=True, kw_only=True)
class _Loser:
    """A desired that others want too: the cells it shares with any of them, and the first of them for the message."""

    desired: DesiredExemption
    other: DesiredExemption
    cells: frozenset[str]


def hold_conflicts(resolution: Resolution, tree: Tree) -> Resolution:
    """The resolution with every cell that two declarations want held instead of wanted."""
    losers: dict[int, _Loser] = {}
    for mine, other in _conflicts(resolution.desired + resolution.left_out, tree):
        _note(losers, mine, other)
        _note(losers, other, mine)
    if not losers:
        return resolution
    for loser in losers.values():
        desired = loser.desired
        resolution.protections.add(
            Protection(
                scope=desired.scope,
                assignment=desired.assignment.id.key,
                subject=desired.subject,
                cells=loser.cells,
                declaration=desired.declaration.name,
            )
        )
    lines = tuple(
        _held(losers[id(desired)], resolution.protections.snapshot)
        for desired in resolution.desired
        if id(desired) in losers
    )
    return Resolution(
        desired=_remaining(resolution.desired, losers),
        held=resolution.held + lines,
        findings=resolution.findings,
        protections=resolution.protections,
        left_out=_remaining(resolution.left_out, losers),
    )


def _note(losers: dict[int, _Loser], mine: DesiredExemption, other: DesiredExemption) -> None:
    shared = mine.cells & other.cells
    known = losers.setdefault(id(mine), _Loser(desired=mine, other=other, cells=shared))
    known.cells |= shared


def _remaining(
    desired_exemptions: Sequence[DesiredExemption], losers: dict[int, _Loser]
) -> tuple[DesiredExemption, ...]:
    parts = (
        desired.without(losers[id(desired)].cells) if id(desired) in losers else desired
        for desired in desired_exemptions
    )
    return tuple(part for part in parts if part is not None)


def _conflicts(
    everything: Iterable[DesiredExemption], tree: Tree
) -> Iterator[tuple[DesiredExemption, DesiredExemption]]:
    at: dict[str, dict[str, list[DesiredExemption]]] = defaultdict(lambda: defaultdict(list))
    for each in everything:
        scope, assignment = each.slot
        at[assignment][scope].append(each)
    for scopes in at.values():
        for here in scopes.values():
            yield from _at_one_place(here)
            above = tree.chain(here[0].scope)[1:]
            for outer in () if scopes.keys().isdisjoint(above) else above:
                for broader in scopes.get(outer, ()):
                    yield from ((each, broader) for each in here if _clash(each, broader))


def _at_one_place(here: list[DesiredExemption]) -> Iterator[tuple[DesiredExemption, DesiredExemption]]:
    for position, mine in enumerate(here):
        for other in here[position + 1 :]:
            if mine.selector_key == other.selector_key and _clash(mine, other):
                yield mine, other


def _clash(mine: DesiredExemption, other: DesiredExemption) -> bool:
    return mine.declaration.name != other.declaration.name and not mine.cells.isdisjoint(other.cells)


def _held(loser: _Loser, snapshot: Snapshot) -> Held:
    mine, other = loser.desired, loser.other
    initiative = snapshot.initiatives.get(mine.assignment.id.key)
    words = hold_messages.conflict(mine.declaration, other.declaration, mine.scope, other.scope, mine.assignment)
    return Held(
        declaration=mine.declaration.name,
        scope=mine.scope,
        assignment=mine.assignment.id,
        reference_ids=reference_texts(loser.cells, initiative),
        cause=HeldCause.CONFLICT,
        message=words.message,
        remedy=words.remedy,
        source=mine.declaration.source,
    )
