"""Existing exemptions that meet nothing desired: when one of ours goes, and why everything else stays.

| ours, and …                                              | decision                                                 |
|----------------------------------------------------------|----------------------------------------------------------|
| outside the scopes of reconciler.yaml                    | never deleted                                            |
| its assignment could not be read, or no declaration is   | kept, finding *held*                                     |
| marked on it                                             |                                                          |
| what follows would delete it, but none of `writers` wrote| kept, finding *held*                                     |
| its mark, and no recent version of the declaration that  |                                                          |
| it names listed its target                               |                                                          |
| its declaration is absent or disabled                    | delete (*removed*)                                       |
| its declaration has expired                              | delete (*expired*)                                       |
| its declaration no longer lists the marked target        | delete (*removed*)                                       |
| its declaration means no definition behind those of its  | delete (*removed*)                                       |
| cells that the initiative still has                      |                                                          |
| its declaration names another assignment                 | delete (*removed*), even where its own is gone           |
| something of a declaration is held there                 | kept, and said                                           |
| its assignment is gone, or no longer at or above it, or  | kept, finding *orphaned*; goes by --delete-orphans       |
| the initiative has none of its references any more       |                                                          |
| its scope was moved away from the marked target          | kept, finding *orphaned*; goes by --delete-orphans       |
| the assignment excludes it (notScopes)                   | kept, finding *moot*                                     |
| its declaration has it on a containing scope as well     | delete (*duplicate*)                                     |
| none of these                                            | kept, finding *held*                                     |

| not ours, and …                                          | decision                                                 |
|----------------------------------------------------------|----------------------------------------------------------|
| of another owner                                         | untouched (expired: finding)                             |
| forged: our mark, but no writer of ours and no record    | untouched, finding *forged*                              |
| expired                                                  | untouched, finding *expired*                             |
| its assignment is gone                                   | untouched, finding *orphaned*                            |
| for a whole assignment                                   | untouched, finding *overlap*                             |
| anything else                                            | finding *unmanaged*; deleted under `unmanaged: delete`   |
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.model import Assignment, Declaration, Exemption, Settings, Snapshot, Unmanaged
from reconciler.planning import hold_messages
from reconciler.planning.decide.causes import RemovalCauses
from reconciler.planning.decide.holds import hold_for
from reconciler.planning.decide.proposals import ProposedChange
from reconciler.planning.desired.protections import Protections
from reconciler.planning.desired.subjects import existing_cells
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.findings import about_exemptions
from reconciler.planning.findings.about_exemptions import Orphan, OrphanCause
from reconciler.planning.marks import Ownership, made_by_user, target_of
from reconciler.planning.tree import Slot, Tree
from reconciler.planning.values import Finding, Held, Reason

PruneResult = ProposedChange | Finding | Held | None
"""A delete, why something is kept, or nothing to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruner:
    """Judges existing exemptions that meet nothing desired. `confirmed` are the slots that this plan leaves in
    authority, with the names of their declarations; `defender` says whether an assignment is of an initiative with
    Defender policies.
    """

    causes: RemovalCauses
    snapshot: Snapshot
    tree: Tree
    settings: Settings
    now: datetime
    protections: Protections
    confirmed: Mapping[Slot, Collection[str]]
    defender: Callable[[Assignment], bool]
    delete_orphans: bool = False

    def prune(self, existing: ExistingExemption) -> PruneResult:
        """What happens to an existing exemption that meets nothing desired."""
        return self.prune_cells(existing, existing.cells)

    def prune_cells(self, existing: ExistingExemption, cells: frozenset[str]) -> PruneResult:
        """The same, as if it had only these of its cells."""
        exemption = existing.exemption
        is_managed = self.tree.managed(existing.scope)
        match existing.ownership:
            case Ownership.OURS:
                return self._ours(existing, cells) if is_managed else about_exemptions.kept_outside(exemption)
            case Ownership.FOREIGN:
                return about_exemptions.expired_foreign(exemption) if existing.expired and is_managed else None
            case Ownership.FORGED:
                return about_exemptions.forged(exemption) if is_managed else None
            case Ownership.UNOWNED:
                return self._unowned(existing) if is_managed else None

    # --- ours ---

    def _ours(self, existing: ExistingExemption, cells: frozenset[str]) -> PruneResult:
        exemption = existing.exemption
        declaration = self.causes.declarations.get(existing.mark)
        source = declaration.source if declaration else None
        if self._assignment_unread(exemption):
            return about_exemptions.kept_unclear(
                exemption, f"its assignment {exemption.assignment} could not be read", source
            )
        if (reason := self.causes.reason(existing, cells)) is not None:
            if not self.causes.is_explained(existing):
                return about_exemptions.kept_unproven(exemption, source)
            return ProposedChange(existing=existing, after=None, reason=reason, declaration=declaration)
        protection = self.protections.first_at(existing, cells)
        if protection is not None:
            is_own = protection.declaration == existing.mark  # whose held line says so
            return None if is_own else hold_for(existing, protection, declaration)
        if (orphan := self._left_over(existing, cells)) is not None:
            if self.delete_orphans:
                return ProposedChange(
                    existing=existing, after=None, reason=Reason.ORPHAN, declaration=declaration, why=orphan.cause.value
                )
            return about_exemptions.orphaned(exemption, orphan, source, ours=True)
        return self._related(existing, declaration)

    def _related(self, existing: ExistingExemption, declaration: Declaration | None) -> PruneResult:
        """Its assignment stands at or above it and its declaration still means it."""
        exemption, assignment = existing.exemption, self.snapshot.assignments[existing.exemption.assignment.key]
        source = declaration.source if declaration else None
        chain = self.tree.chain(existing.scope)
        if any(excluded.key in chain for excluded in assignment.not_scopes):
            return about_exemptions.kept_moot(exemption, assignment, source)
        if any(existing.mark in self.confirmed.get((outer, assignment.id.key), ()) for outer in chain[1:]):
            return ProposedChange(existing=existing, after=None, reason=Reason.DUPLICATE, declaration=declaration)
        why = (
            "its declaration still lists the target and means its policies"
            if existing.mark
            else "its mark names no declaration, so no edit of the repository can be the cause"
        )
        return about_exemptions.kept_unclear(exemption, why, source)

    def _assignment_unread(self, exemption: Exemption) -> bool:
        key = exemption.assignment.key
        return key not in self.snapshot.assignments and key not in self.snapshot.gone

    def _orphaned(self, existing: ExistingExemption) -> Orphan | None:
        """Why it has no effect for good: its assignment is gone or does not reach it any more."""
        assignment = self.snapshot.assignments.get(existing.exemption.assignment.key)
        if assignment is None:
            why = f"its assignment {existing.exemption.assignment.name!r} no longer exists"
            return Orphan(cause=OrphanCause.ASSIGNMENT_GONE, why=why)
        if existing.exemption.validation.lower() == "donotvalidate" or self.tree.contains(
            assignment.scope.key, existing.scope
        ):
            return None
        why = f"assignment {hold_messages.label(assignment)!r} is no longer at or above this scope"
        return Orphan(cause=OrphanCause.OUT_OF_REACH, why=why)

    def _left_over(self, existing: ExistingExemption, cells: frozenset[str]) -> Orphan | None:
        """Why one of ours has no effect, or is meant no more: it is orphaned, its initiative has none of its reference ids
        any more, or its scope was moved away from the target for which it was made.
        """
        exemption, target = existing.exemption, target_of(existing.exemption)
        if (orphan := self._orphaned(existing)) is not None:
            return orphan
        if exemption.reference_ids and not existing_cells(
            cells, self.snapshot.initiatives.get(exemption.assignment.key)
        ):
            listed = ", ".join(map(repr, exemption.reference_ids))
            why = f"its initiative has no reference id {listed} any more"
            return Orphan(cause=OrphanCause.REFERENCES_GONE, why=why)
        if existing.mark and target and target not in self.tree.chain(existing.scope):
            why = f"its declaration still lists {target}, which this scope does not lie below any more"
            return Orphan(cause=OrphanCause.MOVED, why=why)
        return None

    # --- nobody's ---

    def _unowned(self, existing: ExistingExemption) -> PruneResult:
        """Under `unmanaged: delete` goes what a user made, on a Defender initiative, not for all of it, old enough."""
        exemption = existing.exemption
        if existing.expired:
            return about_exemptions.expired_foreign(exemption)
        if (orphan := self._orphaned(existing)) is not None:
            if self._assignment_unread(exemption):
                return about_exemptions.unmanaged(exemption)
            return about_exemptions.orphaned(exemption, orphan, None, ours=False)
        assignment = self.snapshot.assignments[exemption.assignment.key]
        if existing.whole:
            return about_exemptions.overlap(exemption, assignment)
        created_at = exemption.system.created_at if exemption.system else None
        old_enough = created_at is not None and self.now - created_at >= self.settings.limits.min_age
        if (
            self.settings.unmanaged is Unmanaged.DELETE
            and old_enough
            and made_by_user(exemption)
            and self.protections.first_at(existing, existing.cells) is None
            and self.defender(assignment)
        ):
            return ProposedChange(existing=existing, after=None, reason=Reason.UNMANAGED)
        return about_exemptions.unmanaged(exemption)
