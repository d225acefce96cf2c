"""Everything that is exempt in Azure, whoever made it: one entry for each live exemption. What an auditor asks for."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.arm.canonical import has_expired
from reconciler.drift.coverage import recommendation_titles
from reconciler.drift.inputs import DriftInputs
from reconciler.model import ArmId, Exemption
from reconciler.planning.marks import Ownership, declaration_of, owners, ownership
from reconciler.planning.tree import tree_of


class State(enum.StrEnum):
    """Whether Azure honours an exemption now."""

    ACTIVE = "active"
    EXPIRED = "expired"
    ORPHANED = "orphaned"


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryEntry:
    """One live exemption. `owner` is who marked it, empty for nobody; `declaration` the one that our mark names;
    `recommendations` are titles, empty for a whole initiative.
    """

    exemption: Exemption
    ownership: Ownership
    state: State
    owner: str = ""
    declaration: str = ""
    recommendations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All entries, sorted by scope, assignment and name, as Azure was at `taken_at`; what has expired is judged by `now`."""

    tenant_id: str
    owner: str
    taken_at: datetime
    now: datetime
    entries: tuple[InventoryEntry, ...]
    complete: bool = True

    def count(self, of: Ownership | State) -> int:
        """How many entries are of that ownership or state."""
        return sum(of in (entry.ownership, entry.state) for entry in self.entries)


def take_inventory(inputs: DriftInputs, only: ArmId | None = None) -> Inventory:
    """Everything that is exempt in a snapshot, or what sits at a scope and below it: Azure lists what is above as well."""
    snapshot = inputs.snapshot
    tree = tree_of(snapshot, inputs.settings, only.key if only else None)
    inside = (exemption for exemption in snapshot.exemptions if tree.in_run(exemption.scope))
    entries = (_entry(exemption, inputs) for exemption in _sorted(inside))
    return Inventory(
        tenant_id=snapshot.tenant_id,
        owner=inputs.settings.owner,
        taken_at=snapshot.taken_at,
        now=inputs.now,
        entries=tuple(entries),
        complete=snapshot.complete,
    )


def _sorted(exemptions: Iterable[Exemption]) -> Sequence[Exemption]:
    return sorted(exemptions, key=lambda exemption: (exemption.scope.key, exemption.assignment.key, exemption.id.key))


def _entry(exemption: Exemption, inputs: DriftInputs) -> InventoryEntry:
    whose_mark = ownership(exemption, inputs.settings)
    marked_by = owners(exemption)
    return InventoryEntry(
        exemption=exemption,
        ownership=whose_mark,
        state=_state(exemption, inputs),
        owner=inputs.settings.owner if whose_mark is Ownership.OURS else (marked_by[0] if marked_by else ""),
        declaration=declaration_of(exemption) if whose_mark is Ownership.OURS else "",
        recommendations=tuple(recommendation_titles(exemption, inputs)),
    )


def _state(exemption: Exemption, inputs: DriftInputs) -> State:
    if exemption.assignment.key in inputs.snapshot.gone:
        return State.ORPHANED
    return State.EXPIRED if has_expired(exemption, inputs.now) else State.ACTIVE
