"""Existing exemptions that meet nothing desired: when one of ours goes, and why everything else stays.

| ours, and …                                              | decision                                                 |
|----------------------------------------------------------|----------------------------------------------------------|
| outside the scopes of reconciler.yaml                    | never deleted                                            |
| its assignment could not be read, or no declaration is   | kept, finding *held*                                     |
| marked on it                                             |                                                          |
| its declaration is absent or disabled                    | delete (*removed*)                                       |
| its declaration has expired                              | delete (*expired*)                                       |
| its declaration no longer lists the marked target        | delete (*removed*)                                       |
| its declaration means no definition behind its cells     | delete (*removed*)                                       |
| something of a declaration is held there                 | kept                                                     |
| its assignment is gone, or no longer at or above it, or  | kept, finding *orphaned*; goes by --delete-orphans       |
| the initiative has none of its references any more       |                                                          |
| the assignment excludes it (notScopes)                   | kept, finding *moot*                                     |
| its declaration has it on a containing scope as well     | delete (*duplicate*)                                     |
| none of these                                            | kept, finding *held*                                     |

| not ours, and …                                          | decision                                                 |
|----------------------------------------------------------|----------------------------------------------------------|
| of another owner                                         | untouched (expired: finding)                             |
| expired                                                  | untouched, finding *expired*                             |
| its assignment is gone                                   | untouched, finding *orphaned*                            |
| for a whole assignment                                   | untouched, finding *overlap*                             |
| anything else                                            | finding *unmanaged*; deleted under `unmanaged: delete`   |
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.model import Assignment, Declaration, Exemption, Settings, Snapshot, Unmanaged
from reconciler.planning import hold_messages
from reconciler.planning.decide.proposals import ConfirmedExemption, ProposedChange
from reconciler.planning.desired.protections import Protections
from reconciler.planning.desired.resolve import Slot
from reconciler.planning.desired.subjects import ResolvedSubject, existing_cells, still_means_any
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.findings import messages as finding_messages
from reconciler.planning.marks import Ownership, made_by_user, target_of
from reconciler.planning.tree import Tree
from reconciler.planning.values import Finding, Reason

PruneResult = ProposedChange | Finding | None
"""A delete, a finding about what is kept, or nothing to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedExemptions:
    """The deletes, and what a person should know about what is kept."""

    proposed: tuple[ProposedChange, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruner:
    """Judges existing exemptions that meet nothing desired. `defender` says whether an assignment is of an initiative
    with Defender policies.
    """

    declarations: Mapping[str, Declaration]
    subjects: Mapping[str, ResolvedSubject]
    snapshot: Snapshot
    tree: Tree
    settings: Settings
    now: datetime
    protections: Protections
    defender: Callable[[Assignment], bool]
    delete_orphans: bool = False

    def reason(self, existing: ExistingExemption, cells: frozenset[str]) -> Reason | None:
        """Why cells of an existing one may go: of ours only by expiry or an edit of the repository, of nobody's only under
        `unmanaged: delete`.
        """
        if existing.ownership is Ownership.UNOWNED:
            return Reason.UNMANAGED if self.tree.managed(existing.scope) and self._may_go(existing) else None
        if not existing.mark or not self.tree.managed(existing.scope) or self._assignment_unread(existing.exemption):
            return None
        declaration = self.declarations.get(existing.mark)
        if declaration is None or not declaration.enabled:
            return Reason.REMOVED
        if declaration.has_expired(self.now):
            return Reason.EXPIRED
        target = target_of(existing.exemption)
        if target and target not in {scope.key for scope in declaration.scopes}:
            return Reason.REMOVED
        assignment = self.snapshot.assignments.get(existing.exemption.assignment.key)
        if assignment is None:
            return None
        initiative = self.snapshot.initiatives.get(assignment.id.key)
        subject = self.subjects.get(declaration.name)
        kept = subject is None or still_means_any(subject, cells, assignment, initiative)
        return None if kept else Reason.REMOVED

    def prune_all(
        self, unclaimed: Iterable[ExistingExemption], confirmed: Iterable[ConfirmedExemption]
    ) -> PrunedExemptions:
        """What happens to all that meet nothing desired; `confirmed` is what this plan leaves in authority."""
        confirmed_slots: dict[Slot, set[str]] = defaultdict(set)
        for item in confirmed:
            confirmed_slots[item.desired.slot].add(item.desired.declaration.name)
        results = [self.prune(existing, confirmed_slots) for existing in unclaimed]
        return PrunedExemptions(
            proposed=tuple(result for result in results if isinstance(result, ProposedChange)),
            findings=tuple(result for result in results if isinstance(result, Finding)),
        )

    def prune(self, existing: ExistingExemption, confirmed_slots: Mapping[Slot, Collection[str]]) -> PruneResult:
        """What happens to an existing exemption that meets nothing desired."""
        match existing.ownership:
            case Ownership.OURS:
                return self._ours(existing, confirmed_slots)
            case Ownership.FOREIGN:
                return (
                    finding_messages.expired_foreign(existing.exemption)
                    if existing.expired and self.tree.managed(existing.scope)
                    else None
                )
            case Ownership.UNOWNED:
                return self._unowned(existing) if self.tree.managed(existing.scope) else None

    # --- ours ---

    def _ours(self, existing: ExistingExemption, confirmed_slots: Mapping[Slot, Collection[str]]) -> PruneResult:
        exemption = existing.exemption
        declaration = self.declarations.get(existing.mark)
        source = declaration.source if declaration else None
        if not self.tree.managed(existing.scope):
            return finding_messages.kept_outside(exemption)
        if self._assignment_unread(exemption):
            return finding_messages.kept_unclear(
                exemption, f"its assignment {exemption.assignment} could not be read", source
            )
        reason = self.reason(existing, existing.cells)
        if reason is not None:
            return ProposedChange(existing=existing, after=None, reason=reason, declaration=declaration)
        if self._is_protected(existing):
            return None
        if (why := self._orphaned(existing) or self._stale(existing)) is not None:
            if self.delete_orphans:
                return ProposedChange(existing=existing, after=None, reason=Reason.ORPHAN, declaration=declaration)
            return finding_messages.orphaned(exemption, why, source, ours=True)
        return self._related(existing, declaration, confirmed_slots)

    def _related(
        self,
        existing: ExistingExemption,
        declaration: Declaration | None,
        confirmed_slots: Mapping[Slot, Collection[str]],
    ) -> PruneResult:
        """Its assignment stands at or above it and its declaration still means it."""
        exemption, assignment = existing.exemption, self.snapshot.assignments[existing.exemption.assignment.key]
        source = declaration.source if declaration else None
        chain = self.tree.chain(existing.scope)
        if any(excluded.key in chain for excluded in assignment.not_scopes):
            return finding_messages.kept_moot(exemption, assignment, source)
        if any(existing.mark in confirmed_slots.get((outer, assignment.id.key), ()) for outer in chain[1:]):
            return ProposedChange(existing=existing, after=None, reason=Reason.DUPLICATE, declaration=declaration)
        return finding_messages.kept_unclear(exemption, self._unclear(existing), source)

    def _unclear(self, existing: ExistingExemption) -> str:
        """Why one of ours that meets nothing desired cannot go: no edit of the repository is the cause."""
        target = target_of(existing.exemption)
        if not existing.mark:
            return "its mark names no declaration, so no edit of the repository can be the cause"
        if target and target not in self.tree.chain(existing.scope):
            return f"its declaration still lists {target}, which {existing.scope} does not lie below any more"
        return "its declaration still lists the target and means its policies"

    def _is_protected(self, existing: ExistingExemption) -> bool:
        return bool(self.protections.at(existing.scope.key, existing.exemption.assignment.key, existing.cells))

    def _assignment_unread(self, exemption: Exemption) -> bool:
        key = exemption.assignment.key
        return key not in self.snapshot.assignments and key not in self.snapshot.gone

    def _orphaned(self, existing: ExistingExemption) -> str | None:
        """Why it has no effect for good: its assignment is gone or does not reach it any more."""
        assignment = self.snapshot.assignments.get(existing.exemption.assignment.key)
        if assignment is None:
            return f"its assignment {existing.exemption.assignment.name!r} no longer exists"
        if existing.exemption.validation.lower() == "donotvalidate" or self.tree.contains(
            assignment.scope.key, existing.scope
        ):
            return None
        return f"assignment {hold_messages.label(assignment)!r} is no longer at or above {existing.scope}"

    def _stale(self, existing: ExistingExemption) -> str | None:
        """Why one of ours has no effect: its initiative has none of its reference ids any more."""
        initiative = self.snapshot.initiatives.get(existing.exemption.assignment.key)
        if not existing.exemption.reference_ids or existing_cells(existing.cells, initiative):
            return None
        return f"its initiative has no reference id {', '.join(map(repr, existing.exemption.reference_ids))} any more"

    # --- nobody's ---

    def _unowned(self, existing: ExistingExemption) -> PruneResult:
        exemption = existing.exemption
        if existing.expired:
            return finding_messages.expired_foreign(exemption)
        if (why := self._orphaned(existing)) is not None:
            unread = self._assignment_unread(exemption)
            return (
                finding_messages.unmanaged(exemption)
                if unread
                else finding_messages.orphaned(exemption, why, None, ours=False)
            )
        assignment = self.snapshot.assignments[exemption.assignment.key]
        if existing.whole:
            return finding_messages.overlap(exemption, assignment)
        if self._may_go(existing):
            return ProposedChange(existing=existing, after=None, reason=Reason.UNMANAGED)
        return finding_messages.unmanaged(exemption)

    def _may_go(self, existing: ExistingExemption) -> bool:
        """Whether `unmanaged: delete` concerns it: made by a user, on a Defender initiative, not for all of it, old
        enough.
        """
        assignment = self.snapshot.assignments.get(existing.exemption.assignment.key)
        if self.settings.unmanaged is not Unmanaged.DELETE or assignment is None or existing.whole:
            return False
        made = existing.exemption.system.created_at if existing.exemption.system else None
        old_enough = made is not None and self.now - made >= self.settings.limits.min_age
        return (
            old_enough
            and made_by_user(existing.exemption)
            and not self._is_protected(existing)
            and self.defender(assignment)
        )
