"""Two declarations that want the same: an error where the files show it (the declarations room says so), held on both
sides where only Azure's hierarchy does (§5).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from reconciler.planning import wording
from reconciler.planning.blocked import Entry
from reconciler.planning.resolve import Desired, Place, Resolution
from reconciler.planning.tree import Tree
from reconciler.planning.values import Held, HeldCause


def hold_conflicts(resolution: Resolution, tree: Tree) -> Resolution:
    """The resolution with every pair of conflicting wishes held instead of wanted."""
    everything = resolution.desired + resolution.left_out
    losers: dict[int, Held] = {}
    for mine, other in _conflicts(everything, tree):
        losers.setdefault(id(mine), _held(mine, other))
        losers.setdefault(id(other), _held(other, mine))
    if not losers:
        return resolution
    for each in everything:
        if id(each) in losers:
            resolution.blocked.add(Entry(each.scope, each.assignment.id.key, each.meaning))
    return Resolution(
        tuple(each for each in resolution.desired if id(each) not in losers),
        resolution.held + tuple(losers[id(each)] for each in resolution.desired if id(each) in losers),
        resolution.findings,
        resolution.blocked,
        tuple(each for each in resolution.left_out if id(each) not in losers),
    )


def _conflicts(everything: Iterable[Desired], tree: Tree) -> Iterator[tuple[Desired, Desired]]:
    by_place: dict[Place, list[Desired]] = defaultdict(list)
    for each in everything:
        by_place[each.place].append(each)
    for here in by_place.values():
        yield from _at_one_place(here)
        for outer in tree.chain(here[0].scope)[1:]:
            for broader in by_place.get((outer, here[0].assignment.id.key), ()):
                yield from ((each, broader) for each in here if _clash(each, broader))


def _at_one_place(here: list[Desired]) -> Iterator[tuple[Desired, Desired]]:
    for position, mine in enumerate(here):
        for other in here[position + 1 :]:
            if mine.selector_key == other.selector_key and _clash(mine, other):
                yield mine, other


def _clash(mine: Desired, other: Desired) -> bool:
    return mine.declaration.name != other.declaration.name and not mine.cells.isdisjoint(other.cells)


def _held(mine: Desired, other: Desired) -> Held:
    words = wording.conflict(mine.declaration, other.declaration, mine.scope, other.scope, mine.assignment)
    shared = mine.cells & other.cells
    references = tuple(reference for reference in mine.match.references if reference.lower() in shared)
    return Held(
        mine.declaration.name, mine.scope, mine.assignment.id, references,
        HeldCause.CONFLICT, words.message, words.remedy, mine.declaration.source,
    )  # fmt: skip
