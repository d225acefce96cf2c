"""What a plan is decided from: declarations with what they mean, settings, history, and what Azure holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.subjects import ResolvedSubject, resolve_subject
from reconciler.model import ArmId, Declaration, Settings, Snapshot
from reconciler.planning.allowances import Allowances
from reconciler.planning.provenance import History


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedDeclarations:
    """The declarations, sorted by name, and the subject of each that the catalogue knows."""

    declarations: Sequence[Declaration]
    subjects: Mapping[str, ResolvedSubject]

    @classmethod
    def of(cls, declarations: Iterable[Declaration], catalogue: Catalogue) -> ResolvedDeclarations:
        """Looks every declaration up; one that the catalogue does not know is invalid and has no subject here."""
        listed = tuple(sorted(declarations, key=lambda declaration: declaration.name))
        resolved = {declaration.name: resolve_subject(declaration.subject, catalogue) for declaration in listed}
        subjects = {name: subject for name, subject in resolved.items() if subject is not None}
        return cls(declarations=listed, subjects=subjects)

    def active(self, now: datetime) -> list[Declaration]:
        """Those that want something now."""
        return [d for d in self.declarations if d.enabled and not d.has_expired(now) and d.name in self.subjects]

    def by_name(self) -> Mapping[str, Declaration]:
        """All of them, found by name."""
        return {declaration.name: declaration for declaration in self.declarations}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInputs:
    """What one run is decided from. `only` narrows it to a scope and everything below. `taken_out` are names of
    declarations with folded targets that recent versions of their files listed; None where that is not known.
    """

    declarations: ResolvedDeclarations
    catalogue: Catalogue
    snapshot: Snapshot
    settings: Settings
    history: History
    now: datetime
    allowed: Allowances
    only: ArmId | None
    taken_out: frozenset[tuple[str, str]] | None = None
