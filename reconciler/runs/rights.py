"""What the identity of a run may not do, asked where a plan depends on it."""

from __future__ import annotations

from reconciler.azure.session import Azure
from reconciler.model import Carrier, owner_scope
from reconciler.planning.values import Action, Plan
from reconciler.problems import AzureError


def unexemptable_assignments(azure: Azure, plan: Plan) -> frozenset[str] | None:
    """Folded ids of assignments that a create of the plan exempts from, and this identity may not.

    Nothing is asked where nothing is created. An identity that may not exempt anywhere and is none of the settings'
    writers, such as one that only reads, says nothing about the one that applies: None.
    """
    from reconciler.azure.rights import EXEMPT_ACTION, missing_actions, read_permissions  # noqa: PLC0415 - loads the SDK

    creates = (change.exemption for change in plan.changes if change.action is Action.CREATE)
    missing = {exemption.assignment for exemption in creates if exemption.carrier is Carrier.POLICY}
    if not missing:
        return frozenset()
    carried = (*(change.exemption for change in plan.changes), *plan.unchanged)
    assignments = {exemption.assignment for exemption in carried if exemption.carrier is Carrier.POLICY}
    scopes = sorted({owner_scope(assignment) for assignment in assignments})
    answers = zip(scopes, azure.client.each(lambda scope: read_permissions(azure.client, scope), scopes), strict=True)
    lacks = {
        scope.key: bool(missing_actions(answer, [EXEMPT_ACTION]))
        for scope, answer in answers
        if not isinstance(answer, AzureError)
    }
    if all(lacks.values()) and not azure.is_writer:
        return None
    return frozenset(assignment.key for assignment in missing if lacks.get(owner_scope(assignment).key))
