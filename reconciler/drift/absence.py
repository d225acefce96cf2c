"""Why a declared exemption is not in Azure, as far as dates, marks, git and rights tell.

| what is known                                                          | kind      | cause                         |
|------------------------------------------------------------------------|-----------|-------------------------------|
| the identity may not exempt from this assignment, but from others      | uncovered | no right                      |
| the assignment is younger than what the declaration has for the target | uncovered | assigned after it was applied |
| git: no run knew the declaration as it is now                          | missing   | not applied yet               |
| git: the last run that knew it came before the assignment              | uncovered | assigned after it was applied |
| outcomes of an apply: it was made                                      | missing   | deleted in Azure              |
| outcomes of an apply: it was not made                                  | missing   | not made, in Azure's words    |
| git: a run that knew it came after the assignment                      | missing   | not made then, or deleted     |
| no git                                                                 | missing   | deleted, or not applied yet   |
"""

from __future__ import annotations

import enum
from datetime import datetime

from reconciler.drift.inputs import DriftInputs
from reconciler.kinds import FindingKind
from reconciler.planning.values import Change


class Absence(enum.StrEnum):
    """Why an exemption that is declared is absent; the value is told to people."""

    NO_RIGHT = "the identity has no right to exempt from this assignment"
    ASSIGNED_LATER = "assigned after the declaration was applied"
    NOT_APPLIED = "not applied yet"
    DELETED = "deleted in Azure"
    NOT_MADE = "not made when it was applied"
    REFUSED_OR_DELETED = (
        "never made when it was applied (refused by Azure, or not yet in the initiative), or deleted in Azure"
    )
    DELETED_OR_NOT_APPLIED = "deleted in Azure, or not applied yet"

    @property
    def may_be_deleted(self) -> bool:
        """Whether somebody may have deleted it, which Azure's activity log would show."""
        return self in {Absence.DELETED, Absence.REFUSED_OR_DELETED, Absence.DELETED_OR_NOT_APPLIED}

    @property
    def kind(self) -> FindingKind:
        """Uncovered where an initiative was never reached; missing where the exemption should have been there."""
        reached = self not in {Absence.NO_RIGHT, Absence.ASSIGNED_LATER}
        return FindingKind.MISSING if reached else FindingKind.UNCOVERED


def absence(change: Change, inputs: DriftInputs) -> Absence:
    """Why the exemption that a create makes is not there."""
    assignment_id = change.exemption.assignment
    if assignment_id.key in (inputs.forbidden or ()):
        return Absence.NO_RIGHT
    if (outcome := inputs.outcomes.get(change.id.key)) is not None:
        return Absence.DELETED if outcome.existed else Absence.NOT_MADE
    assignment = inputs.assignment(assignment_id)
    assigned_at = assignment.system.created_at if assignment and assignment.system else None
    if _is_before(inputs.newest_beside(change.exemption), assigned_at):
        return Absence.ASSIGNED_LATER
    commit = inputs.commit(inputs.declaration(change.declaration))
    if commit is None:
        return Absence.DELETED_OR_NOT_APPLIED
    applied_at = inputs.applied_at(commit)
    if applied_at is None:
        return Absence.NOT_APPLIED
    if _is_before(applied_at, assigned_at):
        return Absence.ASSIGNED_LATER
    return Absence.REFUSED_OR_DELETED


def _is_before(first: datetime | None, second: datetime | None) -> bool:
    return first is not None and second is not None and first < second
