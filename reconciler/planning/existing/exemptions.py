"""Existing exemptions as authority sees them: whose they are, which cells they cover, whether Azure honours them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from reconciler.arm.canonical import folded_selectors, has_expired
from reconciler.arm.standard_properties import EXCLUDED
from reconciler.model import ArmId, Exemption, Settings, Snapshot
from reconciler.planning.desired.subjects import cells_of, existing_cells
from reconciler.planning.marks import Ownership, declaration_of, ownership
from reconciler.planning.tree import Slot

_UNDATED: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ExistingExemption:
    """One existing exemption with what deciding about it needs. `cells` are those that it lists, `covering` those that
    are exempt because of it right now; `whole`: it lists no references of an initiative; `ours`: it bears our mark;
    `mark`: the declaration which that names, or empty.
    """

    exemption: Exemption
    scope: ArmId
    ownership: Ownership
    cells: frozenset[str]
    covering: frozenset[str]
    expired: bool
    whole: bool
    selector_key: str
    ours: bool
    mark: str

    @property
    def age(self) -> tuple[datetime, str]:
        """Sorts the oldest first, then by name; what has no date comes last."""
        created_at = self.exemption.system.created_at if self.exemption.system else None
        return created_at or _UNDATED, self.exemption.id.key


def classify(exemption: Exemption, snapshot: Snapshot, settings: Settings, now: datetime) -> ExistingExemption:
    """One existing exemption, judged."""
    assignment = snapshot.assignments.get(exemption.assignment.key)
    initiative = snapshot.initiatives.get(exemption.assignment.key)
    whose = ownership(exemption, settings)
    cells = cells_of(exemption.reference_ids, assignment, initiative)
    expired = bool(exemption.expires_on) and has_expired(exemption, now)
    ours = whose is Ownership.OURS
    return ExistingExemption(
        exemption=exemption,
        scope=exemption.scope,
        ownership=whose,
        cells=cells,
        covering=frozenset() if expired else existing_cells(cells, initiative),
        expired=expired,
        whole=not exemption.reference_ids and (assignment is None or assignment.is_initiative),
        selector_key=repr(folded_selectors(exemption.selectors)) if exemption.selectors else "",
        ours=ours,
        mark=declaration_of(exemption) if ours else "",
    )


def left_out(exemption: Exemption, chain: Sequence[str]) -> str:
    """The scope by which the `excludedScopes` of a standard assignment leave a resource out; empty where they do not.
    `chain` are the folded ids of the resource and of all that contains it.
    """
    for group in exemption.selectors[:1]:  # every group says the same scopes
        for part in group.selectors:
            if part.kind == EXCLUDED:
                return next((scope for scope in part.values if scope.lower().rstrip("/") in chain), "")
    return ""


def by_slot(existing_exemptions: Iterable[ExistingExemption]) -> Mapping[Slot, list[ExistingExemption]]:
    """Existing exemptions by where they can meet desired ones, each list sorted by id."""
    slots: dict[Slot, list[ExistingExemption]] = defaultdict(list)
    for existing in existing_exemptions:
        slots[existing.scope.key, existing.exemption.assignment.key].append(existing)
    for at_slot in slots.values():
        at_slot.sort(key=lambda existing: existing.exemption.id.key)
    return slots
