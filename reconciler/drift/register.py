"""Everything that is exempt in Azure, whoever made it: one entry for each live exemption. The auditor's register."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.arm.canonical import has_expired
from reconciler.drift.exempted import titles
from reconciler.drift.facts import Facts
from reconciler.model import Exemption
from reconciler.planning.marks import Ownership, declaration_of, owners, ownership


class State(enum.StrEnum):
    """Whether Azure honours an exemption now."""

    ACTIVE = "active"
    EXPIRED = "expired"
    ORPHANED = "orphaned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
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
class Register:
    """All entries, sorted by scope, assignment and name, as they were at one time."""

    tenant_id: str
    owner: str
    taken_at: datetime
    entries: tuple[Entry, ...]
    complete: bool = True

    def count(self, of: Ownership | State) -> int:
        """How many entries are of that ownership or state."""
        return sum(of in (entry.ownership, entry.state) for entry in self.entries)


def register(facts: Facts) -> Register:
    """The register of a snapshot."""
    snapshot = facts.snapshot
    entries = (_entry(exemption, facts) for exemption in _sorted(snapshot.exemptions))
    return Register(
        tenant_id=snapshot.tenant_id,
        owner=facts.settings.owner,
        taken_at=snapshot.taken_at,
        entries=tuple(entries),
        complete=snapshot.complete,
    )


def _sorted(exemptions: Iterable[Exemption]) -> Sequence[Exemption]:
    return sorted(exemptions, key=lambda one: (one.scope.key, one.assignment.key, one.id.key))


def _entry(exemption: Exemption, facts: Facts) -> Entry:
    whose = ownership(exemption, facts.settings)
    named = owners(exemption)
    return Entry(
        exemption=exemption,
        ownership=whose,
        state=_state(exemption, facts),
        owner=facts.settings.owner if whose is Ownership.OURS else (named[0] if named else ""),
        declaration=declaration_of(exemption) if whose is Ownership.OURS else "",
        recommendations=tuple(titles(exemption, facts)),
    )


def _state(exemption: Exemption, facts: Facts) -> State:
    if exemption.assignment.key in facts.snapshot.gone:
        return State.ORPHANED
    return State.EXPIRED if has_expired(exemption, facts.now) else State.ACTIVE
