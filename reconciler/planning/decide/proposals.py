"""Writes while they are still being decided, and what each adds to or takes from what is exempt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reconciler.arm.canonical import folded_selectors, instant
from reconciler.model import ArmId, Declaration, Exemption
from reconciler.planning.desired.values import DesiredExemption
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.values import Reason, Widening


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ProposedChange:
    """One write: `existing` as it is (None: create), `after` as it shall be (None: delete) with the cells it covers.
    `why` is the cause of a delete where the reason alone does not say it.
    """

    existing: ExistingExemption | None
    after: Exemption | None
    reason: Reason
    cells: frozenset[str] = frozenset()
    desired: DesiredExemption | None = None
    declaration: Declaration | None = None
    why: str = ""

    @property
    def exemption(self) -> Exemption:
        """The side that exists."""
        side = self.after if self.existing is None else self.existing.exemption
        assert side is not None
        return side

    @property
    def id(self) -> ArmId:
        """The ARM id that is written."""
        return self.exemption.id

    @property
    def lost(self) -> frozenset[str]:
        """Cells it stops covering, fully or in part (earlier end, other selectors)."""
        if self.existing is None:
            return frozenset()
        if self.after is None or shrinks(self.existing.exemption, self.after):
            return self.existing.covering
        return self.existing.covering - self.cells

    @property
    def gained(self) -> frozenset[str]:
        """Cells it covers that the existing object did not cover, or not as long or as broadly."""
        if self.after is None:
            return frozenset()
        if self.existing is None:
            return self.cells
        if shrinks(self.after, self.existing.exemption):
            return self.cells
        return self.cells - self.existing.covering

    @property
    def reduces(self) -> bool:
        """Whether it takes anything away: every delete, and an update that loses cells."""
        return self.after is None or bool(self.lost)


def ends_earlier(before: Exemption, after: Exemption) -> bool:
    """Whether going from `before` to `after` brings the end forward."""
    first, second = _end(before), _end(after)
    return second is not None and (first is None or second < first)


def _end(exemption: Exemption) -> datetime | None:
    return instant(exemption.expires_on) if exemption.expires_on else None


def selects_less(before: Exemption, after: Exemption) -> bool:
    """Whether going from `before` to `after` may leave out something that `before` selects."""
    if not after.selectors:
        return False
    return folded_selectors(before.selectors) != folded_selectors(after.selectors)


def shrinks(before: Exemption, after: Exemption) -> bool:
    """Whether a reference that both list is exempt for a shorter time, or for less, after than before."""
    return ends_earlier(before, after) or selects_less(before, after)


def widens(proposed: ProposedChange, broader_than: bool) -> tuple[Widening, ...]:
    """In which respects a write exempts more than what stands in Azure; `broader_than` says that we hold an exemption at
    a narrower scope of the same assignment, which this one replaces or joins.
    """
    widened = [Widening.SCOPE] if broader_than else []
    if proposed.existing is None or proposed.after is None:
        return tuple(widened)
    before, after = proposed.existing.exemption, proposed.after
    if before.category.lower() != after.category.lower():
        widened.append(Widening.CATEGORY)
    if ends_earlier(after, before):
        widened.append(Widening.EXPIRY)
    if not proposed.cells <= proposed.existing.cells:
        widened.append(Widening.REFERENCES)
    if selects_less(after, before):
        widened.append(Widening.SELECTORS)
    return tuple(widened)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ConfirmedExemption:
    """A desired exemption as this plan leaves it: the exemption that confirms it, and the write that does so, if one is needed."""

    desired: DesiredExemption
    exemption: Exemption
    cells: frozenset[str]
    proposed: ProposedChange | None = None
