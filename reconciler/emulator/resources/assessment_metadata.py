"""`Microsoft.Security/assessmentMetadata`: what Defender can recommend, its own and the customer's.

Built-in metadata belongs to the tenant, also when a subscription is asked; a customer's own to one subscription.
"""

from __future__ import annotations

import functools
from typing import Final

from reconciler import catalog
from reconciler.catalog import Obstacle
from reconciler.emulator import errors
from reconciler.emulator.call import Call, answer, empty
from reconciler.emulator.state.behind import POLICIES
from reconciler.emulator.state.tenant import Record, Tenant
from reconciler.emulator.wire.http import Response
from reconciler.emulator.wire.jsontext import check_types, properties
from reconciler.model import JSON, arm_id

TYPE: Final = "Microsoft.Security/assessmentMetadata"
FIELDS: Final = (
    "displayName",
    "assessmentType",
    "policyDefinitionId",
    "description",
    "remediationDescription",
    "categories",
    "preview",
    "severity",
    "userImpact",
    "implementationEffort",
    "threats",
)
"""The properties in the order of the wire."""


_THREATS: Final = {
    name.lower(): name
    for name in [
        "AccountBreach",
        "DataExfiltration",
        "DataSpillage",
        "MaliciousInsider",
        "ElevationOfPrivilege",
        "ThreatResistance",
        "MissingCoverage",
        "DenialOfService",
    ]
}
"""Threats in the spelling that answers have, whatever a request's is."""


def list_(call: Call) -> Response:
    """All metadata of the tenant, and of the subscription where one is asked."""
    call.tenant.hierarchy.require(call.target.scope)
    own = call.tenant.assessment_metadata
    records = list(own.at("").values())
    if call.target.scope.key:
        records += own.at(call.target.scope.key).values()
    if call.tenant.built_ins is not None:
        records += [record for key, record in _bundled().items() if key not in own.by_id]
    return answer(200, {"value": [_show(record) for record in records]})


def get(call: Call) -> Response:
    """The metadata of one recommendation, by its key."""
    call.tenant.hierarchy.require(call.target.scope)
    metadata = find(call.tenant, call.target.scope.key, call.target.name)
    if metadata is None:
        scope = call.target.scope.subscription or call.tenant.id
        text = f"Assessment metadata '{call.target.name}' does not exist in scope '{scope}'"
        refusal = errors.ArmError(404, "ResourceNotFound", text)
        refusal.is_capitalised = True
        raise refusal
    return answer(200, _show(metadata))


def put(call: Call) -> Response:
    """Define a recommendation of one's own in a subscription; 200 also for a new one."""
    values = {"categories": ["Unknown"], **properties(call.request.body)}
    stored = {name: values[name.lower()] for name in FIELDS if name.lower() in values}
    for name in ("displayName", "severity", "assessmentType"):
        if not stored.get(name):
            raise errors.required_property(name)
    lists = ("categories", "threats")
    check_types(stored, {name: list if name in lists else bool if name == "preview" else str for name in FIELDS})
    for name in lists:
        if not all(isinstance(part, str) for part in stored.get(name, ())):
            raise errors.bad_value(stored[name], name)
    if "threats" in stored:
        stored["threats"] = [_THREATS.get(threat.lower(), threat) for threat in stored["threats"]]
    record = Record(id=arm_id(f"{call.target.scope}/providers/{TYPE}/{call.target.name}"), type=TYPE, properties=stored)
    call.tenant.assessment_metadata.put(record)
    return answer(200, _show(record))


def delete(call: Call) -> Response:
    """Take one's own away: 200 in any case."""
    call.tenant.assessment_metadata.remove(call.target.id.key)
    return empty(200)


def find(tenant: Tenant, scope: str, name: str) -> Record | None:
    """The metadata with this key that a folded scope sees: its own, the tenant's, the bundled."""
    own = tenant.assessment_metadata
    at_tenant = f"/providers/{TYPE}/{name}".lower()
    bundled = _bundled() if tenant.built_ins is not None else {}
    return own.get(scope + at_tenant) or own.get(at_tenant) or bundled.get(at_tenant)


def _show(record: Record) -> dict[str, JSON]:
    return {"id": record.id.text, "name": record.id.name, "type": TYPE, "properties": record.properties}


def seed(tenant: Tenant, value: dict[str, JSON]) -> None:
    """Put metadata of a tenant file in place; without an id it is the tenant's.

    `policyDefinitionIds` beside the properties are all policies behind it; the API shows the first alone.
    """
    identifier = arm_id(value.get("id") or f"/providers/{TYPE}/{value['name']}")
    values = dict(value.get("properties", {}))
    policies = value.get(POLICIES)
    if policies:
        values.setdefault("policyDefinitionId", policies[0])
    envelope: dict[str, JSON] = {} if policies is None else {POLICIES: policies}
    tenant.assessment_metadata.put(Record(id=identifier, type=TYPE, properties=values, envelope=envelope))


@functools.cache
def _bundled() -> dict[str, Record]:
    """The bundled catalogue's recommendations in the form of the API, by folded id."""
    records = {}
    for recommendation in catalog.load().recommendations.values():
        policy = {"policyDefinitionId": recommendation.policies[0].text} if recommendation.policies else {}
        values = {
            "displayName": recommendation.title,
            "assessmentType": "BuiltIn",
            **policy,
            "categories": list(recommendation.resource_categories) or ["Unknown"],
            **({"preview": True} if Obstacle.PREVIEW in recommendation.obstacles else {}),
            "severity": recommendation.severity or "Low",
            "userImpact": "Moderate",
            "implementationEffort": "Moderate",
            "threats": [],
        }
        identifier = arm_id(f"/providers/{TYPE}/{recommendation.key}")
        records[identifier.key] = Record(id=identifier, type=TYPE, properties=values)
    return records
