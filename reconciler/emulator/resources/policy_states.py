"""`Microsoft.PolicyInsights/policyStates`: query results of compliance, and the scan on demand."""

from __future__ import annotations

from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.call import Call, answer, empty
from reconciler.emulator.resources.inventory import resource_type, show
from reconciler.emulator.resources.policy_filters import Entry, apply_options
from reconciler.emulator.state.compliance import (
    NON_COMPLIANT,
    PolicyState,
    definition_version,
    policy_states,
)
from reconciler.emulator.state.initiatives import SETS, definition_id, definition_properties, version_of
from reconciler.emulator.state.tenant import Tenant
from reconciler.emulator.wire.http import Response
from reconciler.model import ArmId, ScopeKind, owner_scope

TYPE: Final = "Microsoft.PolicyInsights/policyStates"
FIELDS: Final = (
    "timestamp", "resourceId", "policyAssignmentId", "policyDefinitionId", "effectiveParameters", "isCompliant",
    "subscriptionId", "resourceType", "resourceLocation", "resourceGroup", "resourceTags", "policyAssignmentName",
    "policyAssignmentOwner", "policyAssignmentParameters", "policyAssignmentScope", "policyDefinitionName",
    "policyDefinitionAction", "policyDefinitionCategory", "policySetDefinitionId", "policySetDefinitionName",
    "policySetDefinitionOwner", "policySetDefinitionCategory", "policySetDefinitionParameters", "managementGroupIds",
    "policyDefinitionReferenceId", "complianceState", "policyDefinitionGroupNames", "policyDefinitionVersion",
    "policySetDefinitionVersion", "policyAssignmentVersion", "complianceReasonCode",
)  # fmt: skip
"""The fields of a row, in the order of the wire."""

OPTIONS: Final = ("$filter", "$orderby", "$select", "$top", "$from", "$to", "$apply")
_OBJECT: Final = "/providers/microsoft.authorization/policy"


def query_results(call: Call) -> Response:
    """The states at a scope, of an assignment or of a definition, one row each."""
    rows = apply_options(state_rows(call), FIELDS, dict(call.request.query))
    context = context_of(call, "latest")
    values = [{"@odata.id": None, "@odata.context": f"{context}/$entity", **row} for row in rows]
    link = {} if "$top" in call.request.query else {"@odata.nextLink": None}
    return answer(200, {**link, "@odata.context": context, "@odata.count": len(values), "value": values})


def trigger(call: Call) -> Response:
    """Start a scan: done at once, since states are computed when they are asked for."""
    subscription = f"/subscriptions/{call.target.scope.subscription}"
    location = (
        f"https://{call.request.base}{subscription}/providers/Microsoft.PolicyInsights/asyncOperationResults/scan"
    )
    return empty(202, {"Location": f"{location}?api-version={call.version}", "Retry-After": "1"})


def operation_result(call: Call) -> Response:  # noqa: ARG001 - every scan is done
    """What became of a scan."""
    return answer(200, {"status": "Succeeded"})


def context_of(call: Call, kind: str) -> str:
    """What `@odata.context` says of an answer of that kind."""
    path = call.target.text.rsplit("/", 2)[0]
    return f"https://{call.request.base}{path}/$metadata#{kind}"


# --- rows --------------------------------------------------------------------------------------------------------


def unsupported(call: Call) -> Response:
    """GET, which the address in a summary invites to: refused, as public issues report."""
    raise errors.unsupported_resource_type(call.target.written_kind)


def state_rows(call: Call) -> list[Entry]:
    """The states that the path asks for, one row each, by no options yet."""
    if call.target.names[0].lower() != "latest":
        raise errors.not_modelled(f"{TYPE} '{call.target.names[0]}'")
    scope, restriction = call.target.scope, ""
    if _OBJECT in scope.key:
        scope, restriction = owner_scope(scope), scope.key
    call.tenant.hierarchy.require(scope)
    # A definition of Azure's own is named below a subscription, where it does not stand: its type and name decide.
    ending = restriction[restriction.rfind("/providers/") :]
    states = policy_states(call.tenant, scope)
    return [
        state_properties(call.tenant, state)
        for state in states
        if not restriction
        or state.assignment.id.key.endswith(ending)
        or state.member.definition.key.endswith(ending)
        or definition_id(state.assignment).key.endswith(ending)
    ]


def state_properties(tenant: Tenant, state: PolicyState) -> Entry:
    """What a row says of a state, in the order of the wire."""
    resource, assignment, member = state.resource.id, state.assignment, state.member
    assigned = definition_id(assignment)
    is_set = SETS in assigned.key
    initiative = (definition_properties(tenant, assigned) or {}) if is_set else {}
    groups = [group.name for group in reversed(tenant.hierarchy.ancestors(resource))]  # the nearest first
    category = str((initiative.get("metadata") or {}).get("category") or "").lower()
    return {
        "timestamp": state.evaluated.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "resourceId": resource.key,
        "policyAssignmentId": assignment.id.key,
        "policyDefinitionId": member.definition.key,
        "effectiveParameters": "",
        "isCompliant": state.state != NON_COMPLIANT,
        "subscriptionId": resource.subscription or "",
        "resourceType": _shown_type(resource),
        "resourceLocation": show(state.resource).get("location", ""),
        "resourceGroup": resource.text.split("/")[4] if resource.key.count("/") > 3 else "",
        "resourceTags": "tbd",
        "policyAssignmentName": assignment.id.name,
        "policyAssignmentOwner": "tbd",
        "policyAssignmentParameters": "",
        "policyAssignmentScope": owner_scope(assignment.id).text,
        "policyDefinitionName": member.definition.name,
        "policyDefinitionAction": member.effect,
        "policyDefinitionCategory": "tbd",
        "policySetDefinitionId": assigned.text if is_set else "",
        "policySetDefinitionName": assigned.name if is_set else "",
        "policySetDefinitionOwner": "",
        "policySetDefinitionCategory": category,
        "policySetDefinitionParameters": "",
        "managementGroupIds": ",".join(groups),
        "policyDefinitionReferenceId": member.reference_id.lower(),
        "complianceState": state.state,
        "policyDefinitionGroupNames": list(member.groups) or [""],
        "policyDefinitionVersion": definition_version(member),
        "policySetDefinitionVersion": version_of(initiative) if initiative else "",
        "policyAssignmentVersion": "",
        "complianceReasonCode": "",
    }


def _shown_type(resource: ArmId) -> str:
    match resource.kind:
        case ScopeKind.SUBSCRIPTION:
            return "Microsoft.Resources/subscriptions"
        case ScopeKind.RESOURCE_GROUP:
            return "Microsoft.Resources/subscriptions/resourceGroups"
        case _:
            return resource_type(resource)
