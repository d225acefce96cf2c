"""Which reason a change is given, as far as marks and git's history tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from reconciler.arm.canonical import equivalent
from reconciler.model import Exemption, Initiative, Settings
from reconciler.planning.desired.resolve import DesiredExemption
from reconciler.planning.desired.subjects import existing_cells
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.marks import Ownership, declaration_of, revision_of
from reconciler.planning.provenance import History
from reconciler.planning.values import Reason


def update_reason(  # noqa: PLR0913 - the sides that may have changed
    keeper: ExistingExemption,
    desired: DesiredExemption,
    after: Exemption,
    *,
    initiative: Initiative | None,
    settings: Settings,
    history: History,
) -> Reason:
    """Why a keeper is updated, told by which side changed: it was not ours, bore another mark, the initiative has other
    references than when it was written, somebody changed it by hand, or the declaration was edited.
    """
    match keeper.ownership:
        case Ownership.UNOWNED | Ownership.FORGED:
            return Reason.ADOPT
        case Ownership.FOREIGN:
            return Reason.TAKE_OVER
        case Ownership.OURS:
            pass
    metadata = keeper.exemption.metadata
    if declaration_of(keeper.exemption) != desired.declaration.name or metadata.get("owner") != settings.owner:
        return Reason.RENAME
    commit = history.last_commit(desired.declaration.source.file)
    was_applied = commit is not None and history.contains(revision_of(keeper.exemption), commit.sha)
    if _follows_initiative(keeper, desired, after, initiative, was_applied=was_applied):
        return Reason.FAN_OUT
    return Reason.REVERT if was_applied else Reason.EDITED


def _follows_initiative(
    keeper: ExistingExemption,
    desired: DesiredExemption,
    after: Exemption,
    initiative: Initiative | None,
    *,
    was_applied: bool,
) -> bool:
    """Whether an earlier state of the initiative explains the whole difference: the keeper says what is declared but
    for its references, and lists none that the initiative has and the declaration does not mean.

    Azure takes no unknown reference, so one that the initiative does not have shows that it had it. A list that is only
    shorter may have been cut by hand, or be from before an edit.
    """
    before = keeper.exemption
    if initiative is None or not before.reference_ids or not after.reference_ids:
        return False
    current = existing_cells(keeper.cells, initiative)
    if not current <= desired.declared or not equivalent(replace(before, reference_ids=after.reference_ids), after):
        return False
    by_hand = before.system is not None and before.system.last_modified_by_type.lower() == "user"
    return current != keeper.cells or (was_applied and not by_hand)


class CreateReasons:
    """Why exemptions are created. Remembers which commits are in the revision of some existing one of ours."""

    def __init__(self, existing_exemptions: Iterable[ExistingExemption], history: History) -> None:
        self.history = history
        self._revisions = sorted(
            {revision_of(existing.exemption) for existing in existing_exemptions if existing.ours} - {""}
        )
        self._applied: dict[str, bool] = {}

    def reason(self, desired: DesiredExemption) -> Reason:
        """*fan-out*: the assignment is younger than the declaration's last commit. *recreate*: that commit had been
        applied, so the exemption was deleted, Azure refused it, or the initiative gained the policy later; marks alone
        do not tell which. Else *declared*.
        """
        commit = self.history.last_commit(desired.declaration.source.file)
        if commit is None:
            return Reason.DECLARED
        assigned_at = desired.assignment.system.created_at if desired.assignment.system else None
        if assigned_at is not None and assigned_at > commit.when:
            return Reason.FAN_OUT
        return Reason.RECREATE if self._was_applied(commit.sha) else Reason.DECLARED

    def _was_applied(self, sha: str) -> bool:
        if sha not in self._applied:
            self._applied[sha] = any(self.history.contains(revision, sha) for revision in self._revisions)
        return self._applied[sha]
