"""Two declarations that want the same: an error where the files show it (the declarations room says so), held on both
sides where only Azure's hierarchy does.

Only the cells that both want are held; what else a declaration wants at that place goes on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from reconciler.model import Snapshot
from reconciler.planning import wording
from reconciler.planning.blocked import Entry
from reconciler.planning.build import reference_texts
from reconciler.planning.resolve import Desired, Resolution
from reconciler.planning.tree import Tree
from reconciler.planning.values import Held, HeldCause


@dataclass(slots=True, kw_only=True)
class _Loser:
    """A wish that others want too: the cells it shares with any of them, and the first of them for the message."""

    wish: Desired
    other: Desired
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
        wish = loser.wish
        resolution.blocked.add(
            Entry(
                scope=wish.scope,
                assignment=wish.assignment.id.key,
                meaning=wish.meaning,
                cells=loser.cells,
                declaration=wish.declaration.name,
            )
        )
    lines = tuple(
        _held(losers[id(wish)], resolution.blocked.snapshot) for wish in resolution.desired if id(wish) in losers
    )
    return Resolution(
        desired=_remaining(resolution.desired, losers),
        held=resolution.held + lines,
        findings=resolution.findings,
        blocked=resolution.blocked,
        left_out=_remaining(resolution.left_out, losers),
    )


def _note(losers: dict[int, _Loser], mine: Desired, other: Desired) -> None:
    shared = mine.cells & other.cells
    known = losers.setdefault(id(mine), _Loser(wish=mine, other=other, cells=shared))
    known.cells |= shared


def _remaining(wishes: Sequence[Desired], losers: dict[int, _Loser]) -> tuple[Desired, ...]:
    parts = (wish.without(losers[id(wish)].cells) if id(wish) in losers else wish for wish in wishes)
    return tuple(part for part in parts if part is not None)


def _conflicts(everything: Iterable[Desired], tree: Tree) -> Iterator[tuple[Desired, Desired]]:
    at: dict[str, dict[str, list[Desired]]] = defaultdict(lambda: defaultdict(list))
    for each in everything:
        scope, assignment = each.place
        at[assignment][scope].append(each)
    for scopes in at.values():
        for here in scopes.values():
            yield from _at_one_place(here)
            above = tree.chain(here[0].scope)[1:]
            for outer in () if scopes.keys().isdisjoint(above) else above:
                for broader in scopes.get(outer, ()):
                    yield from ((each, broader) for each in here if _clash(each, broader))


def _at_one_place(here: list[Desired]) -> Iterator[tuple[Desired, Desired]]:
    for position, mine in enumerate(here):
        for other in here[position + 1 :]:
            if mine.selector_key == other.selector_key and _clash(mine, other):
                yield mine, other


def _clash(mine: Desired, other: Desired) -> bool:
    return mine.declaration.name != other.declaration.name and not mine.cells.isdisjoint(other.cells)


def _held(loser: _Loser, snapshot: Snapshot) -> Held:
    mine, other = loser.wish, loser.other
    initiative = snapshot.initiatives.get(mine.assignment.id.key)
    words = wording.conflict(mine.declaration, other.declaration, mine.scope, other.scope, mine.assignment)
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
