"""`Microsoft.Authorization/policyAssignments`: what is assigned where, pinned to which version.

PUT answers 201 even for an update and stamps the metadata; `instanceId` is new whenever the object is created anew.
"""

from __future__ import annotations

import uuid
from typing import Any, Final

from reconciler.emulator import errors
from reconciler.emulator.call import Call, empty, raw
from reconciler.emulator.resources.assignment_rules import check, check_identity, check_properties
from reconciler.emulator.resources.lists import page, page_size, parse_filter, select
from reconciler.emulator.state.builtin import major_pin
from reconciler.emulator.state.clock import arm_instant
from reconciler.emulator.state.initiatives import definition_id, definition_properties, effective, version_of
from reconciler.emulator.state.tenant import Record, Tenant
from reconciler.emulator.wire.http import Response
from reconciler.emulator.wire.jsontext import encode, json_object, optional_object, properties
from reconciler.model import JSON, arm_id

TYPE: Final = "Microsoft.Authorization/policyAssignments"

FIELDS: Final = (
    ("displayName", "2015-10"),
    ("policyDefinitionId", "2015-10"),
    ("definitionVersion", "2023-04"),
    ("latestDefinitionVersion", "2024-05"),
    ("effectiveDefinitionVersion", "2024-05"),
    ("scope", "2015-10"),
    ("notScopes", "2017-06"),
    ("parameters", "2016-12"),
    ("description", "2016-12"),
    ("metadata", "2017-06"),
    ("enforcementMode", "2019-01"),
    ("nonComplianceMessages", "2020-09"),
    ("resourceSelectors", "2022-06"),
    ("overrides", "2022-06"),
    ("assignmentType", "2024-05"),
    ("instanceId", "2024-05"),
    ("selfServeExemptionSettings", "2025-12"),
)
"""The properties in the order of the wire, each with the API version it came with."""

SYSTEM_DATA_SINCE: Final = "2021-06"
_READ_ONLY: Final = frozenset({"scope", "instanceId", "latestDefinitionVersion", "effectiveDefinitionVersion"})
_EXPANDABLE: Final = frozenset({"latestdefinitionversion", "effectivedefinitionversion"})
_PATCHABLE: Final = ("resourceSelectors", "overrides")
_COMPARABLE: Final = frozenset({"policydefinitionid"})
DEFAULT_PAGE: Final = 500


def put(call: Call) -> Response:
    """Assign a definition, or replace the assignment whole; 201 in both cases."""
    body = json_object(call.request.body)
    values = properties(call.request.body)
    requested = {
        name: values[name.lower()] for name, since in FIELDS if name.lower() in values and since <= call.version
    }
    before = call.tenant.assignments.get(call.target.id.key)
    check(call, requested, is_new=before is None)
    check_identity(body)
    stored = {name: value for name, value in requested.items() if name not in _READ_ONLY}
    stored["metadata"] = stamped_metadata(call, requested.get("metadata"), before)
    record = Record(
        id=before.id if before else arm_id(f"{call.target.scope}/providers/{TYPE}/{call.target.name}"),
        type=TYPE,
        properties=completed(
            call.tenant, call.target.scope.text, stored, (before.properties if before else {}).get("instanceId")
        ),
        system=call.tenant.stamp(call.principal, before.system if before else None),
        envelope=_envelope(call, body, before),
    )
    call.tenant.assignments.put(record)
    return raw(201, render(call.tenant, record, call.version))


def patch(call: Call) -> Response:
    """Change identity, location, selectors or overrides alone."""
    before = _require(call)
    body = json_object(call.request.body)
    values = {key.lower(): value for key, value in optional_object(body, "properties").items()}
    changed = {name: values[name.lower()] for name in _PATCHABLE if values.get(name.lower()) is not None}
    check_properties(call.target, changed, call.version)
    check_identity({"location": before.envelope.get("location"), **body})
    record = Record(
        id=before.id,
        type=TYPE,
        properties={**before.properties, **changed},
        system=call.tenant.stamp(call.principal, before.system),
        envelope={**before.envelope, **_envelope(call, body, before)},
    )
    call.tenant.assignments.put(record)
    return raw(200, render(call.tenant, record, call.version))


def completed(tenant: Tenant, scope: str, stored: dict[str, JSON], instance: str | None = None) -> dict[str, JSON]:
    """The properties with what the service adds: scope, pin, enforcement mode and instance id."""
    probe = Record(id=arm_id(scope), type=TYPE, properties=stored)
    current = definition_properties(tenant, definition_id(probe))
    stored.setdefault("scope", scope)
    stored.setdefault("enforcementMode", "Default")
    stored.setdefault("instanceId", instance or str(uuid.uuid4()))
    if not stored.get("definitionVersion") and current is not None:
        stored["definitionVersion"] = major_pin(version_of(current))
    return stored


def stamped_metadata(call: Call, metadata: JSON, before: Record | None) -> dict[str, JSON]:
    """The caller's metadata with who created and last updated the object; the caller's own word on it is overwritten."""
    now, object_id = arm_instant(call.tenant.clock.now()), call.principal.object_id
    stamps: dict[str, JSON] = {"createdBy": object_id, "createdOn": now, "updatedBy": None, "updatedOn": None}
    if before:
        old = before.properties.get("metadata") or {}
        stamps |= {name: old[name] for name in ("createdBy", "createdOn") if name in old}
        stamps |= {"updatedBy": object_id, "updatedOn": now}
    return {**{name: value for name, value in (metadata or {}).items() if name not in stamps}, **stamps}


def _envelope(call: Call, body: dict[str, Any], before: Record | None) -> dict[str, JSON]:
    """Location and identity; a system-assigned identity keeps its object id over updates."""
    envelope = {name: body[name] for name in ("identity", "location") if body.get(name) is not None}
    identity = envelope.get("identity")
    if isinstance(identity, dict) and str(identity.get("type", "")).lower() == "systemassigned":
        old = (before.envelope if before else {}).get("identity") or {}
        envelope["identity"] = {
            "type": "SystemAssigned",
            "principalId": old.get("principalId") or str(uuid.uuid4()),
            "tenantId": call.tenant.id,
        }
    elif isinstance(identity, dict) and isinstance(identity.get("userAssignedIdentities"), dict):
        # Each user-assigned identity with the ids that it always has.
        identities = {
            identifier: {
                "principalId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"principal {identifier.lower()}")),
                "clientId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"client {identifier.lower()}")),
            }
            for identifier in identity["userAssignedIdentities"]
        }
        envelope["identity"] = {**identity, "userAssignedIdentities": identities}
    return envelope


def get(call: Call) -> Response:
    """The one assignment; `$expand` adds the newest and the effective version of its definition."""
    return raw(200, render(call.tenant, _require(call), call.version, _expansions(call)))


def delete(call: Call) -> Response:
    """Take it away: 200 with its last state, or 204. Its exemptions stay, orphaned."""
    removed = call.tenant.assignments.remove(call.target.id.key)
    return raw(200, render(call.tenant, removed, call.version)) if removed else empty(204)


def list_(call: Call) -> Response:
    """The assignments that apply at the scope, as `$filter` and `$top` have it."""
    condition = parse_filter(call.request.query.get("$filter"), _COMPARABLE)
    rows = select(call.tenant.assignments, call.tenant.hierarchy, call.target.scope, condition.reach)
    for _, value in condition.equals:
        key = arm_id(value).key
        rows = [row for row in rows if definition_id(row.item).key == key]
    expansions = _expansions(call)
    size = page_size(call.request, min(DEFAULT_PAGE, call.tenant.limits.page))
    return raw(200, page(rows, call.request, size, lambda item: render(call.tenant, item, call.version, expansions)))


def _expansions(call: Call) -> frozenset[str]:
    names = frozenset(part.strip().lower() for part in call.request.query.get("$expand", "").split(","))
    if names - {"", *_EXPANDABLE}:
        raise errors.unsupported_option_value("$expand", call.request.query["$expand"])
    return names


def _require(call: Call) -> Record:
    assignment = call.tenant.assignments.get(call.target.id.key)
    if assignment is None:
        raise errors.ArmError(
            404, "PolicyAssignmentNotFound", f"The policy assignment '{call.target.name}' could not be found."
        )
    return assignment


def render(tenant: Tenant, record: Record, version: str, expansions: frozenset[str] = frozenset()) -> bytes:
    """The assignment as one API version shows it."""
    values = dict(record.properties)
    if expansions & _EXPANDABLE:
        latest, in_effect = effective(tenant, record)
        if "latestdefinitionversion" in expansions and latest:
            values["latestDefinitionVersion"] = latest
        if "effectivedefinitionversion" in expansions and in_effect:
            values["effectiveDefinitionVersion"] = in_effect
    ordered = {name: values[name] for name, since in FIELDS if name in values and since <= version}
    value = {**record.envelope, "properties": ordered, "id": record.id.text, "type": TYPE, "name": record.id.name}
    if record.system and version >= SYSTEM_DATA_SINCE:
        value["systemData"] = record.system
    return encode(value)
