"""Live exemptions that keep no wish: when one of ours goes, and why everything else stays.

| ours, and …                                              | verdict                                                  |
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

| not ours, and …                                          | verdict                                                  |
|----------------------------------------------------------|----------------------------------------------------------|
| of another owner                                         | untouched (expired: finding)                             |
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
from reconciler.planning import remarks, wording
from reconciler.planning.blocked import Blocked
from reconciler.planning.draft import Draft
from reconciler.planning.live import Live
from reconciler.planning.marks import Ownership, made_by_a_user, target_of
from reconciler.planning.meaning import Meaning, existing_cells, means_any
from reconciler.planning.resolve import Place
from reconciler.planning.tree import Tree
from reconciler.planning.values import Finding, Reason

Fate = Draft | Finding | None
"""A delete, a finding about what is kept, or nothing to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwanted:
    """Judges live exemptions that no wish claims. `confirmed` holds the places that have a confirmed wish, with the
    declaration's name; `defender` says whether an assignment is of an initiative with Defender policies.
    """

    declarations: Mapping[str, Declaration]
    meanings: Mapping[str, Meaning]
    snapshot: Snapshot
    tree: Tree
    settings: Settings
    now: datetime
    blocked: Blocked
    defender: Callable[[Assignment], bool]
    delete_orphans: bool = False

    def reason(self, live: Live, cells: frozenset[str]) -> Reason | None:
        """Why cells of a live one may go: of ours only by expiry or an edit of the repository, of nobody's only under
        `unmanaged: delete`.
        """
        if live.ownership is Ownership.UNOWNED:
            return Reason.UNMANAGED if self.tree.managed(live.scope) and self._may_go(live) else None
        if not live.mark or not self.tree.managed(live.scope) or self._assignment_unread(live.exemption):
            return None
        declaration = self.declarations.get(live.mark)
        if declaration is None or not declaration.enabled:
            return Reason.REMOVED
        if declaration.has_expired(self.now):
            return Reason.EXPIRED
        target = target_of(live.exemption)
        if target and target not in {scope.key for scope in declaration.scopes}:
            return Reason.REMOVED
        assignment = self.snapshot.assignments.get(live.exemption.assignment.key)
        if assignment is None:
            return None
        initiative = self.snapshot.initiatives.get(assignment.id.key)
        meaning = self.meanings.get(declaration.name)
        kept = meaning is None or means_any(meaning, cells, assignment, initiative)
        return None if kept else Reason.REMOVED

    def fate(self, live: Live, confirmed: Mapping[Place, Collection[str]]) -> Fate:
        """What happens to a live exemption that keeps no wish."""
        match live.ownership:
            case Ownership.OURS:
                return self._ours(live, confirmed)
            case Ownership.FOREIGN:
                return (
                    remarks.expired_foreign(live.exemption) if live.expired and self.tree.managed(live.scope) else None
                )
            case Ownership.UNOWNED:
                return self._unowned(live) if self.tree.managed(live.scope) else None

    # --- ours ---

    def _ours(self, live: Live, confirmed: Mapping[Place, Collection[str]]) -> Fate:
        exemption = live.exemption
        declaration = self.declarations.get(live.mark)
        source = declaration.source if declaration else None
        if not self.tree.managed(live.scope):
            return remarks.kept_outside(exemption)
        if self._assignment_unread(exemption):
            return remarks.kept_unclear(exemption, f"its assignment {exemption.assignment} could not be read", source)
        reason = self.reason(live, live.cells)
        if reason is not None:
            return Draft(live=live, after=None, reason=reason, declaration=declaration)
        if self._is_blocked(live):
            return None
        if (why := self._orphaned(live) or self._stale(live)) is not None:
            if self.delete_orphans:
                return Draft(live=live, after=None, reason=Reason.ORPHAN, declaration=declaration)
            return remarks.orphaned(exemption, why, source, ours=True)
        return self._related(live, declaration, confirmed)

    def _related(self, live: Live, declaration: Declaration | None, confirmed: Mapping[Place, Collection[str]]) -> Fate:
        """Its assignment stands at or above it and its declaration still means it."""
        exemption, assignment = live.exemption, self.snapshot.assignments[live.exemption.assignment.key]
        source = declaration.source if declaration else None
        chain = self.tree.chain(live.scope)
        if any(excluded.key in chain for excluded in assignment.not_scopes):
            return remarks.kept_moot(exemption, assignment, source)
        if any(live.mark in confirmed.get((outer, assignment.id.key), ()) for outer in chain[1:]):
            return Draft(live=live, after=None, reason=Reason.DUPLICATE, declaration=declaration)
        return remarks.kept_unclear(exemption, self._unclear(live), source)

    def _unclear(self, live: Live) -> str:
        """Why one of ours that keeps no wish cannot go: no edit of the repository is the cause."""
        target = target_of(live.exemption)
        if not live.mark:
            return "its mark names no declaration, so no edit of the repository can be the cause"
        if target and target not in self.tree.chain(live.scope):
            return f"its declaration still lists {target}, which {live.scope} does not lie below any more"
        return "its declaration still lists the target and means its policies"

    def _is_blocked(self, live: Live) -> bool:
        return bool(self.blocked.at(live.scope.key, live.exemption.assignment.key, live.cells))

    def _assignment_unread(self, exemption: Exemption) -> bool:
        key = exemption.assignment.key
        return key not in self.snapshot.assignments and key not in self.snapshot.gone

    def _orphaned(self, live: Live) -> str | None:
        """Why it has no effect for good: its assignment is gone or does not reach it any more."""
        assignment = self.snapshot.assignments.get(live.exemption.assignment.key)
        if assignment is None:
            return f"its assignment {live.exemption.assignment.name!r} no longer exists"
        if live.exemption.validation.lower() == "donotvalidate" or self.tree.contains(assignment.scope.key, live.scope):
            return None
        return f"assignment {wording.label(assignment)!r} is no longer at or above {live.scope}"

    def _stale(self, live: Live) -> str | None:
        """Why one of ours has no effect: its initiative has none of its reference ids any more."""
        initiative = self.snapshot.initiatives.get(live.exemption.assignment.key)
        if not live.exemption.reference_ids or existing_cells(live.cells, initiative):
            return None
        return f"its initiative has no reference id {', '.join(map(repr, live.exemption.reference_ids))} any more"

    # --- nobody's ---

    def _unowned(self, live: Live) -> Fate:
        exemption = live.exemption
        if live.expired:
            return remarks.expired_foreign(exemption)
        if (why := self._orphaned(live)) is not None:
            unread = self._assignment_unread(exemption)
            return remarks.unmanaged(exemption) if unread else remarks.orphaned(exemption, why, None, ours=False)
        assignment = self.snapshot.assignments[exemption.assignment.key]
        if live.whole:
            return remarks.overlap(exemption, assignment)
        if self._may_go(live):
            return Draft(live=live, after=None, reason=Reason.UNMANAGED)
        return remarks.unmanaged(exemption)

    def _may_go(self, live: Live) -> bool:
        """Whether `unmanaged: delete` concerns it: made by a user, on a Defender initiative, not for all of it, old
        enough.
        """
        assignment = self.snapshot.assignments.get(live.exemption.assignment.key)
        if self.settings.unmanaged is not Unmanaged.DELETE or assignment is None or live.whole:
            return False
        made = live.exemption.system.created_at if live.exemption.system else None
        old_enough = made is not None and self.now - made >= self.settings.limits.min_age
        return (
            old_enough and made_by_a_user(live.exemption) and not self._is_blocked(live) and self.defender(assignment)
        )
