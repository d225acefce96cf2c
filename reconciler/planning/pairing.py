"""Which live exemption keeps which wish: the *keeper* of `authority`'s table, as a stable matching.

A wish prefers, in this order: ours that meets it with its own mark, ours that meets it, ours with its own mark, an
adoptable one whose references lie within it (those that the initiative no longer has do not count). Among these: more
shared references, then one that needs no write, then one with its selectors, then the older, then by name. A live
exemption prefers the wish whose mark it bears, then the one it shares most with, then by the declaration's name.
Matching both preferences at once (Gale and Shapley 1962) makes the outcome independent of any order of files or lists,
and keeps two declarations that swapped what they want from swapping their objects.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reconciler.model import Initiative, Settings
from reconciler.planning.canonical import folded_selectors
from reconciler.planning.live import Live
from reconciler.planning.marks import Ownership, made_by_a_user, owners
from reconciler.planning.meaning import existing_cells
from reconciler.planning.naming import bears_our_name, name_hash
from reconciler.planning.resolve import Desired


class Standing(enum.Enum):
    """What a live exemption is to one wish at the same scope and assignment."""

    OURS = "ours"
    ADOPTABLE = "adoptable"
    FOREIGN = "foreign"
    APPLICATION = "application"
    OVERLAP = "overlap"
    NOTHING = "nothing"


def hash_of(desired: Desired, settings: Settings) -> str:
    """The hash in the name of a new exemption for a wish (see `naming`)."""
    selectors = folded_selectors(desired.declaration.selectors)
    return name_hash(settings.owner, desired.scope, desired.assignment.id, desired.match.policies, selectors)


def standing(live: Live, desired: Desired, settings: Settings) -> Standing:
    """How the live exemption stands to the wish; whether they share a cell is another question."""
    if live.ours:
        return Standing.OURS
    if live.expired or live.selector_key != desired.selector_key:
        return Standing.NOTHING
    if live.ownership is Ownership.FOREIGN:
        taken = desired.declaration.take_over in owners(live.exemption)
        return Standing.ADOPTABLE if taken else Standing.FOREIGN
    if live.whole and not desired.match.whole:
        return Standing.OVERLAP
    return Standing.ADOPTABLE if _adoptable(live, desired, settings) else Standing.APPLICATION


def _adoptable(live: Live, desired: Desired, settings: Settings) -> bool:
    return (
        desired.declaration.adopt
        or made_by_a_user(live.exemption)
        or bears_our_name(live.exemption.id, hash_of(desired, settings))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """Everything at one scope and assignment: what is wanted there and what lives there."""

    wishes: Sequence[Desired]
    lives: Sequence[Live]
    initiative: Initiative | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """One live exemption that could keep a wish, as both sides rank it (smaller is better)."""

    live: int
    for_wish: tuple[object, ...]
    for_live: tuple[object, ...]


def pair(meeting: Meeting, settings: Settings, is_right: Callable[[Desired, Live], bool]) -> dict[int, int]:
    """The keeper of each wish: position of the wish to position of the live exemption. `is_right` says whether one
    already is what a wish asks for; it is only asked where there is a choice.
    """
    if not meeting.lives:
        return {}
    offers = [_offers(wish, meeting, settings, is_right) for wish in meeting.wishes]
    keepers: dict[int, tuple[int, _Offer]] = {}
    free = list(range(len(offers)))[::-1]
    while free:
        wish = free.pop()
        while offers[wish]:
            offer = offers[wish].pop(0)
            rival = keepers.get(offer.live)
            if rival is None or offer.for_live < rival[1].for_live:
                keepers[offer.live] = (wish, offer)
                if rival is not None:
                    free.append(rival[0])
                break
    return {wish: live for live, (wish, _) in keepers.items()}


def _offers(
    wish: Desired, meeting: Meeting, settings: Settings, is_right: Callable[[Desired, Live], bool]
) -> list[_Offer]:
    """The offers to one wish, the best first."""
    tiers = [_tier(live, wish, settings, meeting.initiative) for live in meeting.lives]
    choice = sum(tier is not None for tier in tiers) > 1
    found: list[_Offer] = []
    for position, (live, tier) in enumerate(zip(meeting.lives, tiers, strict=True)):
        if tier is not None:
            shared = -len(live.cells & wish.cells)
            wrong = choice and not is_right(wish, live)
            for_wish = (tier, shared, wrong, live.selector_key != wish.selector_key, live.age)
            for_live = (live.mark != wish.declaration.name, shared, wish.declaration.name)
            found.append(_Offer(live=position, for_wish=for_wish, for_live=for_live))
    return sorted(found, key=lambda offer: offer.for_wish)


def _tier(live: Live, wish: Desired, settings: Settings, initiative: Initiative | None) -> int | None:
    meets = not live.cells.isdisjoint(wish.cells)
    match standing(live, wish, settings):
        case Standing.OURS if meets:
            return 0 if live.mark == wish.declaration.name else 1
        case Standing.OURS if live.mark == wish.declaration.name:
            return 2
        case Standing.ADOPTABLE if meets and existing_cells(live.cells, initiative) <= wish.cells:
            return 3
        case _:
            return None
