"""Everything that is exempt in Azure, whoever made it: one entry for each live exemption. What an auditor asks for."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from reconciler.arm.canonical import has_expired, instant
from reconciler.drift.coverage import recommendation_titles, worst_severity
from reconciler.drift.inputs import DriftInputs
from reconciler.drift.silencers import Silencers
from reconciler.model import ArmId, Exemption
from reconciler.planning.marks import Ownership, declaration_of, owners, ownership, revision_of, run_of
from reconciler.planning.provenance import Approval, who_asked
from reconciler.planning.tree import tree_of

_NOBODY: Final = Approval()


class State(enum.StrEnum):
    """Whether Azure honours an exemption now."""

    ACTIVE = "active"
    EXPIRED = "expired"
    ORPHANED = "orphaned"


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryEntry:
    """One live exemption. `marked_by` is whose mark it bears, empty for nobody; `declaration` the one that our mark names,
    `is_declared` whether this repository has that; `recommendations` are titles, empty for a whole initiative, `severity`
    the worst of them. `owner` answers for the risk, `requested_by` asked, `approval` says who agreed, `commit` is the
    revision that was applied, `run` the address of the pipeline's run that did, `applied_at` when, `effect` what Defender makes of it; all empty where nobody knows.
    """

    exemption: Exemption
    ownership: Ownership
    state: State
    marked_by: str = ""
    declaration: str = ""
    is_declared: bool = False
    recommendations: tuple[str, ...] = ()
    severity: str = ""
    owner: str = ""
    requested_by: str = ""
    ticket: str = ""
    commit: str = ""
    run: str = ""
    applied_at: datetime | None = None
    effect: str = ""
    approval: Approval = _NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All entries, sorted by scope, assignment and name, as Azure was at `taken_at`; what has expired is judged by `now`.
    `only` is the scope that it is narrowed to, `left_out` counts what a selection does not contain. `silencers` is the census of what else keeps Defender silent, None where that was not asked.
    """

    tenant_id: str
    owner: str
    taken_at: datetime
    now: datetime
    entries: tuple[InventoryEntry, ...]
    complete: bool = True
    only: ArmId | None = None
    left_out: int = 0
    silencers: Silencers | None = None

    def count(self, of: Ownership | State) -> int:
        """How many entries are of that ownership or state."""
        return sum(of in (entry.ownership, entry.state) for entry in self.entries)


def take_inventory(
    inputs: DriftInputs,
    only: ArmId | None = None,
    approvals: Mapping[str, Approval] = MappingProxyType({}),
    effects: Mapping[str, str] = MappingProxyType({}),
) -> Inventory:
    """Everything that is exempt in a snapshot, or what sits at a scope and below it: Azure lists what is above as well.
    `approvals` by the commit that last changed a declaration, `effects` by folded id of the exemption.
    """
    snapshot = inputs.snapshot
    tree = tree_of(snapshot, inputs.settings, only.key if only else None)
    inside = [exemption for exemption in snapshot.exemptions if tree.in_run(exemption.scope)]
    inside.sort(key=lambda exemption: (exemption.scope.key, exemption.assignment.key, exemption.id.key))
    entries = (
        replace(_entry(exemption, inputs, approvals), effect=effects.get(exemption.id.key, "")) for exemption in inside
    )
    return Inventory(
        tenant_id=snapshot.tenant_id,
        owner=inputs.settings.owner,
        taken_at=snapshot.taken_at,
        now=inputs.now,
        entries=tuple(entries),
        complete=snapshot.complete,
        only=only,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which entries are asked for; what is None or empty restricts nothing. `recommendation` is a part of a title or a
    policy's reference id, `owner` of who answers or whose mark it is, both without regard to letter case; `expires_before`
    leaves out what never ends.
    """

    recommendation: str = ""
    category: str = ""
    owner: str = ""
    severity: str = ""
    expires_before: datetime | None = None
    never_ends: bool = False
    is_declared: bool | None = None

    def contains(self, entry: InventoryEntry) -> bool:
        """Whether the entry is asked for."""
        exemption = entry.exemption
        end = instant(exemption.expires_on)
        return (
            _is_part(self.recommendation, (*entry.recommendations, *exemption.reference_ids))
            and self.category.lower() in {"", exemption.category.lower()}
            and _is_part(self.owner, (entry.owner, entry.marked_by))
            and self.severity in {"", entry.severity}
            and (self.expires_before is None or (end is not None and end < self.expires_before))
            and not (self.never_ends and end is not None)
            and self.is_declared in {None, entry.is_declared}
        )


def select(inventory: Inventory, selection: Selection) -> Inventory:
    """The inventory of what is asked for."""
    entries = tuple(entry for entry in inventory.entries if selection.contains(entry))
    return replace(inventory, entries=entries, left_out=inventory.left_out + len(inventory.entries) - len(entries))


def _is_part(text: str, candidates: Iterable[str]) -> bool:
    return not text or any(text.lower() in candidate.lower() for candidate in candidates)


def _entry(exemption: Exemption, inputs: DriftInputs, approvals: Mapping[str, Approval]) -> InventoryEntry:
    whose_mark = ownership(exemption, inputs.settings)
    marked_by = owners(exemption)
    is_ours = whose_mark is Ownership.OURS
    name = declaration_of(exemption) if is_ours else ""
    declaration = inputs.declaration(name)
    commit = inputs.commit(declaration)
    state = State.EXPIRED if has_expired(exemption, inputs.now) else State.ACTIVE
    if exemption.assignment.key in inputs.snapshot.gone:
        state = State.ORPHANED
    system, writers = exemption.system, inputs.settings.writers
    # not known where Azure says that somebody else wrote it since
    is_last_ours = is_ours and system is not None and (not writers or system.last_modified_by.lower() in writers)
    return InventoryEntry(
        exemption=exemption,
        ownership=whose_mark,
        state=state,
        marked_by=inputs.settings.owner if is_ours else (marked_by[0] if marked_by else ""),
        declaration=name,
        is_declared=declaration is not None,
        recommendations=tuple(recommendation_titles(exemption, inputs)),
        severity=worst_severity(exemption, inputs),
        owner=declaration.owner if declaration else "",
        requested_by=who_asked(declaration, inputs.history)
        if declaration
        else str(exemption.metadata.get("requestedBy") or ""),
        ticket=str(exemption.metadata.get("ticket") or ""),
        commit=revision_of(exemption),
        run=run_of(exemption) if is_ours else "",
        applied_at=system.last_modified_at if system and is_last_ours else None,
        approval=approvals.get(commit.sha, _NOBODY) if commit else _NOBODY,
    )
