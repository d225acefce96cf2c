"""`Microsoft.PolicyInsights/policyStates`: query results and summaries of compliance, and the scan on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
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
from reconciler.model import JSON, ArmId, ScopeKind, owner_scope

TYPE: Final = "Microsoft.PolicyInsights/policyStates"
OPTIONS: Final = ("$filter", "$orderby", "$select", "$top", "$from", "$to", "$apply")
_OBJECT: Final = "/providers/microsoft.authorization/policy"


def query_results(call: Call) -> Response:
    """The states at a scope, of an assignment or of a definition, one row each."""
    rows = apply_options(_rows(call), dict(call.request.query))
    context = _context(call, "latest")
    values = [{"@odata.id": None, "@odata.context": f"{context}/$entity", **row} for row in rows]
    link = {} if "$top" in call.request.query else {"@odata.nextLink": None}
    return answer(200, {**link, "@odata.context": context, "@odata.count": len(values), "value": values})


def summarize(call: Call) -> Response:
    """How many resources and policies are in which state, in all and by assignment."""
    query = dict(call.request.query)
    top = query.pop("$top", "1000")
    rows = apply_options(_rows(call), query)
    if not top.isdecimal():
        raise errors.ArmError(400, "InvalidQueryOption", f"The value '{top}' of '$top' is not a whole number.")
    groups: dict[str, list[Entry]] = {}
    for row in rows:
        groups.setdefault(row["policyAssignmentId"], []).append(row)
    context = _context(call, "summary")
    value = {
        "@odata.id": None,
        "@odata.context": f"{context}/$entity",
        "results": _results(call, rows, ""),
        "policyAssignments": [_assignment(call, name, group) for name, group in list(groups.items())[: int(top)]],
    }
    return answer(200, {"@odata.context": context, "@odata.count": 1, "value": [value]})


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


def _context(call: Call, kind: str) -> str:
    path = call.target.text.rsplit("/", 2)[0]
    return f"https://{call.request.base}{path}/$metadata#{kind}"


# --- rows --------------------------------------------------------------------------------------------------------


def _rows(call: Call) -> list[Entry]:
    if call.target.names[0].lower() != "latest":
        raise errors.not_modelled(f"{TYPE} '{call.target.names[0]}'")
    scope, restriction = call.target.scope, ""
    if _OBJECT in scope.key:
        scope, restriction = owner_scope(scope), scope.key
    call.tenant.hierarchy.require(scope)
    return [
        state_properties(call.tenant, state)
        for state in policy_states(call.tenant, scope)
        if _concerns(state, restriction)
    ]


def _concerns(state: PolicyState, restriction: str) -> bool:
    """Whether a state is of the assignment or definition that the path names, if it names one.

    A definition of Azure's own is named below a subscription, where it does not stand: its name decides.
    """
    if not restriction:
        return True
    kind, _, name = restriction.rpartition("/")
    ids = (state.assignment.id, state.member.definition, definition_id(state.assignment))
    return any(
        item.key.rpartition("/")[0].endswith(kind[kind.rfind("/providers/") :]) and item.key.endswith(f"/{name}")
        for item in ids
    )


def state_properties(tenant: Tenant, state: PolicyState) -> Entry:
    """What a row says of a state, in the order of the wire."""
    resource, assignment, member = state.resource.id, state.assignment, state.member
    assigned = definition_id(assignment)
    is_set = SETS in assigned.key
    initiative = (definition_properties(tenant, assigned) or {}) if is_set else {}
    category = str((initiative.get("metadata") or {}).get("category") or "").lower()
    return {
        "timestamp": tenant.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
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
        "managementGroupIds": ",".join(_groups_above(tenant, resource)),
        "policyDefinitionReferenceId": member.reference_id.lower(),
        "complianceState": state.state,
        "policyDefinitionGroupNames": list(member.groups) or [""],
        "policyDefinitionVersion": definition_version(member),
        "policySetDefinitionVersion": version_of(initiative) if initiative else "",
        "policyAssignmentVersion": "",
        "complianceReasonCode": "",
    }


def _shown_type(resource: ArmId) -> str:
    is_group = resource.kind is ScopeKind.RESOURCE_GROUP
    return "Microsoft.Resources/subscriptions/resourceGroups" if is_group else resource_type(resource)


def _groups_above(tenant: Tenant, resource: ArmId) -> list[str]:
    """The names of the management groups above, nearest first."""
    groups = tenant.hierarchy.groups
    keys = [key for key in tenant.hierarchy.chain(resource) if key.startswith("/providers/microsoft.management/")]
    return [groups[key.rsplit("/", 1)[-1]].name for key in reversed(keys)]


# --- summaries ---------------------------------------------------------------------------------------------------


def _results(call: Call, rows: list[Entry], condition: str) -> dict[str, JSON]:
    by_resource = _worst((row["resourceId"], row) for row in rows)
    by_policy = _worst(((row["policyDefinitionId"], row["policyDefinitionReferenceId"]), row) for row in rows)
    by_group = _worst((group, row) for row in rows for group in row["policyDefinitionGroupNames"] if group)
    link = f"https://{call.request.base}{call.target.text.rsplit('/', 1)[0]}/queryResults?api-version={call.version}"
    return {
        "queryResultsUri": link + (f"&$filter={condition}" if condition else ""),
        "nonCompliantResources": list(by_resource.values()).count("noncompliant"),
        "nonCompliantPolicies": list(by_policy.values()).count("noncompliant"),
        "resourceDetails": _details(by_resource),
        "policyDetails": _details(by_policy),
        "policyGroupDetails": _details(by_group),
    }


_RANK: Final = ("noncompliant", "compliant", "conflict", "exempt", "unknown")


def _worst(pairs: Iterable[tuple[JSON, Entry]]) -> dict[JSON, str]:
    """The state of each key, where the first of `_RANK` among its rows decides."""
    states: dict[JSON, str] = {}
    for key, row in pairs:
        state = row["complianceState"].lower()
        states[key] = min(states.get(key, state), state, key=_RANK.index)
    return states


def _details(states: dict[JSON, str]) -> list[JSON]:
    return [{"complianceState": state, "count": count} for state, count in Counter(states.values()).items()]


def _assignment(call: Call, name: str, rows: list[Entry]) -> dict[str, JSON]:
    condition = f"PolicyAssignmentId eq '{name}'"
    policies: dict[tuple[str, str], list[Entry]] = {}
    for row in rows:
        policies.setdefault((row["policyDefinitionReferenceId"], row["policyDefinitionId"]), []).append(row)
    return {
        "policyAssignmentId": name,
        "policySetDefinitionId": rows[0]["policySetDefinitionId"],
        "results": _results(call, rows, condition),
        "policyDefinitions": [
            {
                "policyDefinitionGroupNames": group[0]["policyDefinitionGroupNames"],
                "policyDefinitionReferenceId": reference,
                "policyDefinitionId": definition,
                "effect": group[0]["policyDefinitionAction"],
                "results": _results(call, group, f"{condition} and PolicyDefinitionId eq '{definition}'"),
            }
            for (reference, definition), group in policies.items()
        ],
        "policyGroups": [],
    }
