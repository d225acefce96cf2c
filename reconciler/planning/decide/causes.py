"""Why cells of an exemption of ours may go: only expiry or an edit of the repository is a cause."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.catalog.subjects import ResolvedSubject
from reconciler.model import Declaration, Settings, Snapshot, SubjectKind
from reconciler.planning.desired.subjects import still_means_any
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.marks import is_mark_ours, target_of
from reconciler.planning.values import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalCauses:
    """What the repository says against exemptions of ours. `taken_out` are declarations with folded targets that recent
    versions of files listed (None: not known).
    """

    declarations: Mapping[str, Declaration]
    subjects: Mapping[str, ResolvedSubject]
    snapshot: Snapshot
    settings: Settings
    now: datetime
    taken_out: Collection[tuple[str, str]] | None = None

    def reason(self, existing: ExistingExemption, cells: frozenset[str]) -> Reason | None:
        """Which cause these cells of it have to go; None: none."""
        if not existing.mark:
            return None
        declaration = self.declarations.get(existing.mark)
        if declaration is None or not declaration.enabled:
            return Reason.REMOVED
        if declaration.has_expired(self.now):
            return Reason.EXPIRED
        target = target_of(existing.exemption)
        if target and target not in {scope.key for scope in declaration.scopes}:
            return Reason.REMOVED
        subject = self.subjects.get(declaration.name)
        if subject is None:
            return None
        key = existing.exemption.assignment.key
        if subject.kind is SubjectKind.ASSIGNMENT and key != subject.only:  # the ids say so, even where it is gone
            return Reason.REMOVED
        assignment = self.snapshot.assignments.get(key)
        if assignment is None or still_means_any(subject, cells, assignment, self.snapshot.initiatives.get(key)):
            return None
        return Reason.REMOVED

    def is_explained(self, existing: ExistingExemption) -> bool:
        """Whether the repository itself says what the mark says, where somebody else may have written that: the named
        declaration lists the target, or did so lately. Else a stranger's edits would look like many removals.
        """
        if self.taken_out is None or is_mark_ours(existing.exemption, self.settings.writers):
            return True
        target = target_of(existing.exemption)
        declaration = self.declarations.get(existing.mark)
        listed = {scope.key for scope in declaration.scopes} if declaration else set()
        return target in listed or (existing.mark, target) in self.taken_out
