"""Why a declared exemption is not in Azure, as far as marks, rights, outcomes and the reason of its change tell.

| what is known                                                     | kind      | cause                           |
|-------------------------------------------------------------------|-----------|---------------------------------|
| the identity may not exempt from this assignment, but from others | uncovered | no right                        |
| outcomes of an apply: it was made                                 | missing   | deleted in Azure                |
| outcomes of an apply: it was not made                             | missing   | not made, in Azure's words      |
| *fan-out*                                                         | uncovered | assigned after it was applied   |
| *recreate*                                                        | missing   | not made when applied, or deleted |
| *declared*, no git                                                | missing   | deleted, or not applied yet     |
| *declared*                                                        | missing   | not applied yet                 |
"""

from __future__ import annotations

import enum

from reconciler.drift.inputs import DriftInputs
from reconciler.kinds import FindingKind
from reconciler.planning.values import Change, Reason


class Absence(enum.StrEnum):
    """Why an exemption that is declared is absent; the value is told to people."""

    NO_RIGHT = "the identity has no right to exempt from this assignment"
    ASSIGNED_LATER = "assigned, or its initiative changed, after the declaration was applied"
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
    if change.exemption.assignment.key in (inputs.forbidden or ()):
        return Absence.NO_RIGHT
    if (outcome := inputs.outcomes.get(change.id.key)) is not None:
        return Absence.DELETED if outcome.existed else Absence.NOT_MADE
    match change.reason:
        case Reason.FAN_OUT:
            return Absence.ASSIGNED_LATER
        case Reason.RECREATE:
            return Absence.REFUSED_OR_DELETED
        case _ if inputs.commit(inputs.declaration(change.declaration)) is None:
            return Absence.DELETED_OR_NOT_APPLIED
        case _:
            return Absence.NOT_APPLIED
