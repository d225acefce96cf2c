"""`Microsoft.Security/standardAssignments` and `securityStandards`: put, get, delete, list (2024-08-01).

A standard assignment with effect Exempt is how Defender exempts what no policy stands behind; it may be put at any
scope, but lists are only of a management group, a subscription or a security connector. Who wrote an object stands in
its `metadata`, which nobody else can write; there is no `systemData`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.emulator import errors
from reconciler.emulator.call import Call, Handler, empty, raw
from reconciler.emulator.resources.lists import Reach, page, select
from reconciler.emulator.state.clock import arm_instant, canonical_instant
from reconciler.emulator.state.objects import Objects
from reconciler.emulator.state.principals import Principal
from reconciler.emulator.state.tenant import Record, Tenant
from reconciler.emulator.wire.http import Response
from reconciler.emulator.wire.jsontext import check_types, encode, properties
from reconciler.model import GUID, JSON, ScopeKind, arm_id

ASSIGNMENTS: Final = "Microsoft.Security/standardAssignments"
STANDARDS: Final = "Microsoft.Security/securityStandards"

_NAME: Final = re.compile(rf"\{{?{GUID}\}}?")
_CONNECTOR: Final = "/providers/microsoft.security/securityconnectors/"
_EFFECTS: Final = {"audit": "Audit", "exempt": "Exempt", "attest": "Attest"}
_CATEGORIES: Final = frozenset({"waiver", "mitigated"})
_ASSIGNMENT_TYPES: Final[Mapping[str, type]] = {
    "displayname": str,
    "description": str,
    "assignedstandard": dict,
    "effect": str,
    "excludedscopes": list,
    "expireson": str,
    "exemptiondata": dict,
    "attestationdata": dict,
}
_STANDARD_TYPES: Final[Mapping[str, type]] = {
    "displayname": str,
    "description": str,
    "assessments": list,
    "cloudproviders": list,
    "policysetdefinitionid": str,
}
_CONDITIONS: Final = {
    "va.cve.cveId": "ContainedInOperation",
    "va.cve.severity": "LessThanFilterOperation",
    "va.cve.cvss": "LessThanFilterOperation",
}
"""The fields that the documentation shows in `subAssessmentExemptionRule`, each with its operation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One of the two types: its properties in the order of the wire, where its objects are kept, what a body may be."""

    type: str
    fields: tuple[str, ...]
    objects: Callable[[Tenant], Objects[Record]]
    checked: Callable[[dict[str, Any]], dict[str, JSON]]


def put(family: Family, call: Call) -> Response:
    """Create the object (201) or replace it whole (200); its metadata goes on telling who made it."""
    if not _NAME.fullmatch(call.target.name):
        raise errors.ArmError(400, "BadRequest", f"The name '{call.target.name}' is not a GUID.")
    stored = family.checked(properties(call.request.body))
    objects = family.objects(call.tenant)
    before = objects.get(call.target.id.key)
    identifier = before.id if before else arm_id(f"{call.target.scope}/providers/{family.type}/{call.target.name}")
    # Who made the object and wrote it last, by object id.
    stored["metadata"] = _metadata(call.principal, arm_instant(call.tenant.clock.now()), before)
    ordered = {name: stored[name] for name in family.fields if name in stored}
    record = Record(id=identifier, type=family.type, properties=ordered)
    objects.put(record)
    return raw(200 if before else 201, _render(record))


def get(family: Family, call: Call) -> Response:
    """The one object."""
    record = family.objects(call.tenant).get(call.target.id.key)
    if record is None:
        raise errors.ArmError(404, "NotFound", f"{family.type} '{call.target.name}' was not found.")
    return raw(200, _render(record))


def delete(family: Family, call: Call) -> Response:
    """Take it away: 200, or 204 where there was none; without a body either way."""
    return empty(200 if family.objects(call.tenant).remove(call.target.id.key) else 204)


def list_(family: Family, call: Call) -> Response:
    """What is relevant at a management group, a subscription or a security connector; no other scope has a list.

    No public source says whether that shows what lies below the scope, so `limits.standardAssignmentLists` decides.
    """
    scope = call.target.scope
    is_group = bool(scope.key) and scope.kind is ScopeKind.MANAGEMENT_GROUP
    is_connector = _CONNECTOR in scope.key and scope.key.count("/") == 8
    if not is_group and not is_connector and (not scope.key or scope.kind is not ScopeKind.SUBSCRIPTION):
        raise errors.ArmError(
            400,
            "InvalidScope",
            f"The scope '{scope.text}' is not a management group, a subscription or a security connector.",
        )
    call.tenant.hierarchy.require(scope)
    reach = Reach.EXACT if is_group or call.tenant.limits.standard_lists == "exact" else Reach.AT_AND_BELOW
    rows = select(family.objects(call.tenant), call.tenant.hierarchy, scope, reach)
    return raw(200, page(rows, call.request, call.tenant.limits.page, _render))


def handlers(family: Family) -> dict[str, Handler]:
    """The handler of each verb, and of the list."""

    def bound(handler: Callable[[Family, Call], Response]) -> Handler:
        return lambda call: handler(family, call)

    return {"GET": bound(get), "PUT": bound(put), "DELETE": bound(delete), "LIST": bound(list_)}


# --- what a body may be ------------------------------------------------------------------------------------------


def _checked_assignment(values: dict[str, Any]) -> dict[str, JSON]:
    check_types(values, _ASSIGNMENT_TYPES)
    effect = _EFFECTS.get(str(values.get("effect", "")).lower())
    if effect is None:
        raise errors.bad_value(values.get("effect"), "effect")
    stored = {name: values[name.lower()] for name in _ASSIGNMENT_FIELDS if name.lower() in values} | {"effect": effect}
    if "expireson" in values:
        stored["expiresOn"] = canonical_instant(values["expireson"])
        if stored["expiresOn"] is None:
            raise errors.bad_value(values["expireson"], "expiresOn")
    if effect == "Exempt":
        # Only what is specified or documented; an exemption of anything else is a guess.
        data = values.get("exemptiondata", {})
        if str(data.get("exemptionCategory", "")).lower() not in _CATEGORIES:
            raise errors.bad_value(data.get("exemptionCategory"), "exemptionData.exemptionCategory")
        assessed = data.get("assignedAssessment")
        key = assessed.get("assessmentKey") if isinstance(assessed, dict) else None
        further = data.keys() - {"exemptionCategory", "assignedAssessment", "subAssessmentExemptionRule"}
        if further or not isinstance(key, str) or not _NAME.fullmatch(key):
            raise errors.not_modelled(f"{ASSIGNMENTS} with exemptionData of {', '.join(sorted(data))}")
        rule = data.get("subAssessmentExemptionRule")
        if rule is not None and not _is_documented(rule):
            raise errors.not_modelled(
                f"{ASSIGNMENTS} with a subAssessmentExemptionRule that the documentation does not show"
            )
    return stored


def _is_documented(rule: JSON) -> bool:
    """Whether a rule has the form `{if: {allOf | anyOf: [{field, operationType, operation}]}}` with known fields."""
    condition = rule.get("if") if isinstance(rule, dict) else None
    if not isinstance(condition, dict) or len(condition) != 1 or not condition.keys() <= {"allOf", "anyOf"}:
        return False
    parts = next(iter(condition.values()))
    return isinstance(parts, list) and all(
        isinstance(part, dict)
        and isinstance(part.get("operation"), dict)
        and part.get("operationType") == _CONDITIONS.get(str(part.get("field")), "")
        for part in parts
    )


def _checked_standard(values: dict[str, Any]) -> dict[str, JSON]:
    check_types(values, _STANDARD_TYPES)
    stored = {name: values[name.lower()] for name in _STANDARD_FIELDS if name.lower() in values}
    return stored | {"standardType": "Custom"}


def _metadata(principal: Principal, now: str, before: Record | None) -> dict[str, JSON]:
    updated = {"lastUpdatedBy": principal.object_id, "lastUpdatedOn": now}
    if before is not None:
        return {**before.properties["metadata"], **updated}
    return {"createdBy": principal.object_id, "createdOn": now, **updated}


def _render(record: Record) -> bytes:
    return encode({"id": record.id.text, "name": record.id.name, "type": record.type, "properties": record.properties})


def seed(family: Family, tenant: Tenant, value: dict[str, JSON]) -> None:
    """Put an object of a tenant file in place as it is, made by the portal's user unless it says otherwise."""
    stored = dict(value["properties"])
    stored.setdefault("metadata", _metadata(tenant.principals.portal_user, arm_instant(tenant.started), None))
    family.objects(tenant).put(Record(id=arm_id(value["id"]), type=family.type, properties=stored))


_ASSIGNMENT_FIELDS: Final = (
    "displayName",
    "description",
    "assignedStandard",
    "effect",
    "excludedScopes",
    "expiresOn",
    "exemptionData",
    "attestationData",
    "metadata",
)
_STANDARD_FIELDS: Final = (
    "displayName",
    "standardType",
    "description",
    "assessments",
    "cloudProviders",
    "policySetDefinitionId",
    "metadata",
)

ASSIGNMENT_FAMILY: Final = Family(
    type=ASSIGNMENTS,
    fields=_ASSIGNMENT_FIELDS,
    objects=lambda tenant: tenant.standard_assignments,
    checked=_checked_assignment,
)
STANDARD_FAMILY: Final = Family(
    type=STANDARDS,
    fields=_STANDARD_FIELDS,
    objects=lambda tenant: tenant.security_standards,
    checked=_checked_standard,
)
