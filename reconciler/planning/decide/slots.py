"""One scope and one assignment on its way through the stages: what meets there, who keeps what, what becomes of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.model import Initiative
from reconciler.planning.decide.proposals import ConfirmedExemption, ProposedChange
from reconciler.planning.desired.protections import Protection
from reconciler.planning.desired.values import DesiredExemption
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.values import Finding, Held


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotContents:
    """Everything at one scope and assignment: what is desired there and what exists."""

    desired: Sequence[DesiredExemption]
    existing: Sequence[ExistingExemption]
    initiative: Initiative | None


Protected = Mapping[ExistingExemption, frozenset[str]]
"""The cells that are exempt because of each existing exemption and that something held may depend on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMatch:
    """What a slot settles before anything is written: who keeps what, and what others hold of it.

    `keepers` maps the position of a desired exemption to that of an existing one; `withheld` has the held cells of each
    desired one. `excluded` are pairs of positions that cannot be: the existing one would not stay as somebody held
    needs it.
    """

    contents: SlotContents
    keepers: Mapping[int, int]
    withheld: tuple[frozenset[str], ...]
    held: tuple[Held, ...]
    findings: tuple[Finding, ...]
    excluded: frozenset[tuple[int, int]] = frozenset()

    def protections(self) -> list[Protection]:
        """What nothing may be taken from, because somebody else holds it."""
        pairs = zip(self.contents.desired, self.withheld, strict=True)
        return [desired.protect(cells) for desired, cells in pairs if cells]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSlot:
    """What a slot comes to for what is desired there; `leftovers` are the existing exemptions that keep nothing."""

    contents: SlotContents
    protected: Protected
    confirmed: tuple[ConfirmedExemption, ...]
    proposed: tuple[ProposedChange, ...]
    leftovers: tuple[ExistingExemption, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReducedSlot:
    """What becomes of the leftovers of a slot; `held` says which of ours stay because something held needs them,
    `unclaimed` are those that meet nothing desired.
    """

    proposed: tuple[ProposedChange, ...]
    held: tuple[Held, ...]
    unclaimed: tuple[ExistingExemption, ...]
