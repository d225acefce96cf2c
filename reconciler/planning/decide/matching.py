"""Which existing exemption keeps which desired one: the *keeper* of `authority`'s table, as a stable matching.

A desired exemption prefers, in this order: ours that meets it with its own mark, ours that meets it, ours with its own
mark, an adoptable one whose references lie within it (those that the initiative no longer has do not count). Among
these: more shared references, then one that needs no write, then one with its selectors, then the older, then by name.
An existing one prefers the declaration whose mark it bears, then the one it shares most with, then by the
declaration's name. Matching both preferences at once (Gale and Shapley 1962) makes the outcome independent of any order
of files or lists, and keeps two declarations that swapped what they want from swapping their objects.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass

from reconciler.model import Initiative, Settings
from reconciler.planning.decide.build import is_named_by_us
from reconciler.planning.decide.slots import SlotContents
from reconciler.planning.desired.subjects import existing_cells
from reconciler.planning.desired.values import DesiredExemption
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.marks import Ownership, made_by_user, owners


class Relation(enum.Enum):
    """What an existing exemption is to a desired one at the same scope and assignment."""

    OURS = "ours"
    ADOPTABLE = "adoptable"
    FOREIGN = "foreign"
    FORGED = "forged"
    APPLICATION = "application"
    OVERLAP = "overlap"
    NOTHING = "nothing"


def relation(existing: ExistingExemption, desired: DesiredExemption, settings: Settings) -> Relation:
    """What the existing exemption is to the desired one; whether they share a cell is another question."""
    if existing.ours:
        return Relation.OURS
    if existing.expired or existing.selector_key != desired.selector_key:
        return Relation.NOTHING
    if existing.ownership is Ownership.FOREIGN:
        is_taken_over = desired.declaration.take_over in owners(existing.exemption)
        return Relation.ADOPTABLE if is_taken_over else Relation.FOREIGN
    if existing.ownership is Ownership.FORGED:
        return Relation.ADOPTABLE if desired.declaration.adopt else Relation.FORGED
    if existing.whole and not desired.match.whole:
        return Relation.OVERLAP
    is_adoptable = (
        desired.declaration.adopt
        or made_by_user(existing.exemption)
        or is_named_by_us(existing.exemption.id, desired, settings)
    )
    return Relation.ADOPTABLE if is_adoptable else Relation.APPLICATION


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """One existing exemption that could keep a desired one, as both sides rank it (smaller is better)."""

    existing: int
    for_desired: tuple[object, ...]
    for_existing: tuple[object, ...]


def match_keepers(
    contents: SlotContents,
    settings: Settings,
    is_right: Callable[[DesiredExemption, ExistingExemption], bool],
    excluded: Container[tuple[int, int]] = (),
) -> Mapping[int, int]:
    """The keeper of each desired exemption: its position to the position of the existing one. `is_right` says whether
    one already is what is desired; it is only asked where there is a choice. `excluded` are pairs that cannot be.
    """
    if not contents.existing:
        return {}
    offers = [
        [
            offer
            for offer in _offers(desired, contents, settings, is_right)
            if (position, offer.existing) not in excluded
        ]
        for position, desired in enumerate(contents.desired)
    ]
    keepers: dict[int, tuple[int, _Offer]] = {}
    free = list(range(len(offers)))[::-1]
    while free:
        desired = free.pop()
        while offers[desired]:
            offer = offers[desired].pop(0)
            rival = keepers.get(offer.existing)
            if rival is None or offer.for_existing < rival[1].for_existing:
                keepers[offer.existing] = (desired, offer)
                if rival is not None:
                    free.append(rival[0])
                break
    return {desired: existing for existing, (desired, _) in keepers.items()}


def _offers(
    desired: DesiredExemption,
    contents: SlotContents,
    settings: Settings,
    is_right: Callable[[DesiredExemption, ExistingExemption], bool],
) -> list[_Offer]:
    """The offers to one desired exemption, the best first."""
    tiers = [_tier(existing, desired, settings, contents.initiative) for existing in contents.existing]
    is_choice = sum(tier is not None for tier in tiers) > 1
    offers: list[_Offer] = []
    for position, (existing, tier) in enumerate(zip(contents.existing, tiers, strict=True)):
        if tier is not None:
            shared = -len(existing.cells & desired.cells)
            is_wrong = is_choice and not is_right(desired, existing)
            has_other_selectors = existing.selector_key != desired.selector_key
            for_desired = (tier, shared, is_wrong, has_other_selectors, existing.age)
            for_existing = (existing.mark != desired.declaration.name, shared, desired.declaration.name)
            offers.append(_Offer(existing=position, for_desired=for_desired, for_existing=for_existing))
    return sorted(offers, key=lambda offer: offer.for_desired)


def _tier(
    existing: ExistingExemption, desired: DesiredExemption, settings: Settings, initiative: Initiative | None
) -> int | None:
    meets = not existing.cells.isdisjoint(desired.cells)
    match relation(existing, desired, settings):
        case Relation.OURS if meets:
            return 0 if existing.mark == desired.declaration.name else 1
        case Relation.OURS if existing.mark == desired.declaration.name:
            return 2
        case Relation.ADOPTABLE if meets and existing_cells(existing.cells, initiative) <= desired.cells:
            return 3
        case _:
            return None
