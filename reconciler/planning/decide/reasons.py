"""Which reason a change is given, as far as marks and git's history tell."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model import Settings
from reconciler.planning.desired.resolve import DesiredExemption
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.marks import Ownership, declaration_of, revision_of
from reconciler.planning.provenance import History
from reconciler.planning.values import Reason


def update_reason(keeper: ExistingExemption, desired: DesiredExemption, settings: Settings, history: History) -> Reason:
    """Why a keeper is updated: it was not ours, bore another mark, was changed by hand, or we changed."""
    match keeper.ownership:
        case Ownership.UNOWNED:
            return Reason.ADOPT
        case Ownership.FOREIGN:
            return Reason.TAKE_OVER
        case Ownership.OURS:
            pass
    metadata = keeper.exemption.metadata
    if declaration_of(keeper.exemption) != desired.declaration.name or metadata.get("owner") != settings.owner:
        return Reason.RENAME
    commit = history.last_commit(desired.declaration.source.file)
    if commit and history.contains(revision_of(keeper.exemption), commit.sha):
        return Reason.REVERT
    return Reason.EDITED


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
        applied, so somebody deleted the exemption. Else *declared*.
        """
        commit = self.history.last_commit(desired.declaration.source.file)
        if commit is None:
            return Reason.DECLARED
        made = desired.assignment.system.created_at if desired.assignment.system else None
        if made is not None and made > commit.when:
            return Reason.FAN_OUT
        return Reason.RECREATE if self._was_applied(commit.sha) else Reason.DECLARED

    def _was_applied(self, sha: str) -> bool:
        if sha not in self._applied:
            self._applied[sha] = any(self.history.contains(revision, sha) for revision in self._revisions)
        return self._applied[sha]
