"""`Microsoft.Authorization/policyExemptions`: PUT replaces, PATCH changes its few fields, GET, DELETE, list.

There is no ETag, nothing is stamped into the metadata, empty values are echoed, expired exemptions stay listed.
"""

from __future__ import annotations

import json
from typing import Any, Final

from reconciler.emulator import errors
from reconciler.emulator.access.rights import EXEMPT, authorize_linked
from reconciler.emulator.call import Call, empty, raw
from reconciler.emulator.resources.exemption_rules import check
from reconciler.emulator.resources.lists import page, parse_filter, select
from reconciler.emulator.state.clock import canonical_instant, parse_instant
from reconciler.emulator.state.tenant import Exemption, Tenant
from reconciler.emulator.wire.http import Response
from reconciler.emulator.wire.jsontext import encode, properties
from reconciler.model import JSON, ArmId, arm_id

TYPE: Final = "Microsoft.Authorization/policyExemptions"

FIELDS: Final = (
    ("policyAssignmentId", "2020-07"),
    ("policyDefinitionReferenceIds", "2020-07"),
    ("exemptionCategory", "2020-07"),
    ("displayName", "2020-07"),
    ("description", "2020-07"),
    ("expiresOn", "2020-07"),
    ("assignmentScopeValidation", "2022-07"),
    ("resourceSelectors", "2022-07"),
    ("exemptionManagementMode", "2025-12"),
    ("metadata", "2020-07"),
)
"""The properties in the order of the wire, each with the API version it came with."""

_PATCHABLE: Final = ("assignmentScopeValidation", "resourceSelectors", "exemptionManagementMode")
_COMPARABLE: Final = frozenset({"policyassignmentid"})


def put(call: Call) -> Response:
    """Create the exemption (201) or replace it whole (200): what the body leaves out is cleared."""
    requested = _readable(properties(call.request.body), call.version)
    before = call.tenant.exemptions.get(call.target.id.key)
    if requested.get("policyAssignmentId"):
        authorize_linked(call, f"{TYPE}/write", EXEMPT, str(requested["policyAssignmentId"]))
    stored = check(call, requested, before)
    exemption = write(call, stored, before)
    return raw(200 if before else 201, render(exemption, call.version))


def write(call: Call, stored: dict[str, JSON], before: Exemption | None) -> Exemption:
    """Keep the checked properties under the id as first written, with `systemData` moved on."""
    identifier = before.id if before else canonical_id(call.target.id, call.target.scope, call.target.name)
    old_system = json.loads(before.body)["systemData"] if before else None
    written_at = call.tenant.clock.seconds()
    exemption = store(identifier, stored, call.tenant.stamp(call.principal, old_system), written_at)
    if before:
        call.tenant.superseded_exemptions.append((written_at, before))
    call.tenant.exemptions.put(exemption)
    return exemption


def patch(call: Call) -> Response:
    """Change selectors, scope validation or management mode alone; everything else needs a PUT."""
    before = _require(call)
    requested = _readable(properties(call.request.body), call.version)
    changed = {name: requested[name] for name in _PATCHABLE if name in requested}
    merged = {**json.loads(before.body)["properties"], **changed}
    authorize_linked(call, f"{TYPE}/write", EXEMPT, merged["policyAssignmentId"])
    stored = check(call, merged, before)
    return raw(200, render(write(call, stored, before), call.version))


def get(call: Call) -> Response:
    """The one exemption."""
    return raw(200, render(_require(call), call.version))


def delete(call: Call) -> Response:
    """Take it away: 200 with its last state, or 204 where there was none."""
    removed = call.tenant.exemptions.remove(call.target.id.key)
    if removed:
        call.tenant.ended_exemptions.append((call.tenant.clock.seconds(), False, removed))
        call.tenant.superseded_exemptions.append((call.tenant.clock.seconds(), removed))
    return raw(200, render(removed, call.version)) if removed else empty(204)


def list_(call: Call) -> Response:
    """The exemptions that apply at the scope, as `$filter` has it."""
    condition = parse_filter(call.request.query.get("$filter"), _COMPARABLE)
    tenant = call.tenant
    rows = select(tenant.exemptions, tenant.hierarchy, call.target.scope, condition.reach)
    if condition.exclude_expired:
        now = tenant.clock.now()
        rows = [row for row in rows if (end := parse_instant(row.item.expires)) is None or end > now]
    for _, value in condition.equals:
        key = arm_id(value).key
        rows = [row for row in rows if row.item.assignment == key]
    return raw(200, page(rows, call.request, tenant.limits.page, lambda item: render(item, call.version)))


def _require(call: Call) -> Exemption:
    exemption = call.tenant.exemptions.get(call.target.id.key)
    if exemption is None:
        raise errors.ArmError(
            404, "PolicyExemptionNotFound", f"The policy exemption '{call.target.name}' could not be found."
        )
    return exemption


# --- storing and showing -----------------------------------------------------------------------------------------


def canonical_id(identifier: ArmId, scope: ArmId, name: str) -> ArmId:
    """The id as ARM answers it: scope and name as the caller wrote them, the type in its own casing."""
    return ArmId(identifier.key, f"{scope.text}/providers/{TYPE}/{name}")


def store(identifier: ArmId, stored: dict[str, JSON], system: dict[str, JSON], written_at: float = 0.0) -> Exemption:
    """The exemption with its body rendered once, fields in the order of the wire."""
    values = {name: stored[name] for name, _ in FIELDS if name in stored}
    body = encode(
        {"properties": values, "id": identifier.text, "type": TYPE, "name": identifier.name, "systemData": system}
    )
    return Exemption(
        id=identifier,
        assignment=arm_id(stored["policyAssignmentId"]).key,
        expires=str(stored.get("expiresOn") or ""),
        since=max(since for name, since in FIELDS if name in values),
        written_at=written_at,
        body=body,
    )


def render(exemption: Exemption, version: str) -> bytes:
    """The body as one API version shows it: without the properties that came later."""
    if exemption.since <= version:
        return exemption.body
    value = json.loads(exemption.body)
    value["properties"] = {
        name: value["properties"][name] for name, since in FIELDS if name in value["properties"] and since <= version
    }
    return encode(value)


def _readable(requested: dict[str, Any], version: str) -> dict[str, JSON]:
    """The properties that this version knows, in their own casing; a PUT by an older version loses the others."""
    return {name: requested[name.lower()] for name, since in FIELDS if name.lower() in requested and since <= version}


def seed(tenant: Tenant, value: dict[str, JSON], system: dict[str, JSON]) -> None:
    """Put an exemption of a tenant file in place as it is: what Azure once accepted may be invalid by now."""
    stored = dict(value["properties"])
    if stored.get("expiresOn"):
        stored["expiresOn"] = canonical_instant(str(stored["expiresOn"])) or stored["expiresOn"]
    tenant.exemptions.put(store(arm_id(value["id"]), stored, system))
