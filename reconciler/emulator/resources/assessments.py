"""`Microsoft.Security/assessments`: what a recommendation says about one resource."""

from __future__ import annotations

from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.call import Call, empty, raw
from reconciler.emulator.resources import assessment_metadata, security_standards
from reconciler.emulator.resources.lists import Reach, page, select
from reconciler.emulator.state.tenant import Record, Tenant
from reconciler.emulator.wire.http import Response
from reconciler.emulator.wire.jsontext import encode, properties
from reconciler.model import JSON, arm_id, owner_scope

TYPE: Final = "Microsoft.Security/assessments"


def list_(call: Call) -> Response:
    """The assessments at and below a scope."""
    call.tenant.hierarchy.require(call.target.scope)
    rows = select(call.tenant.assessments, call.tenant.hierarchy, call.target.scope, Reach.AT_AND_BELOW)
    return raw(
        200,
        page(rows, call.request, call.tenant.limits.page, lambda record: _render(call.tenant, record, call.version)),
    )


def get(call: Call) -> Response:
    """One assessment of one resource."""
    assessment = call.tenant.assessments.get(call.target.id.key)
    if assessment is None:
        raise errors.ArmError(404, "NotFound", f"Assessment '{call.target.name}' was not found.")
    return raw(200, _render(call.tenant, assessment, call.version))


def put(call: Call) -> Response:
    """Assess a resource by a recommendation that exists; 200 also for a new one."""
    values = properties(call.request.body)
    metadata = assessment_metadata.find(
        call.tenant, f"/subscriptions/{call.target.scope.subscription}", call.target.name
    )
    if metadata is None:
        raise errors.ArmError(400, "BadRequest", f"There is no assessment metadata '{call.target.name}'.")
    stored = {"displayName": metadata.properties.get("displayName"), "status": values.get("status", {})}
    if "additionaldata" in values:
        stored["additionalData"] = values["additionaldata"]
    record = Record(id=arm_id(f"{call.target.scope}/providers/{TYPE}/{call.target.name}"), type=TYPE, properties=stored)
    call.tenant.assessments.put(record)
    return raw(200, _render(call.tenant, record, call.version))


def delete(call: Call) -> Response:
    """Take it away: 200, or 204 where there was none."""
    return empty(200 if call.tenant.assessments.remove(call.target.id.key) else 204)


def _render(tenant: Tenant, record: Record, version: str) -> bytes:
    """As one API version shows it: before 2021 the keys of `resourceDetails` had capitals."""
    resource: JSON = {"source": "Azure", "id": owner_scope(record.id).text}
    details = record.properties.get("resourceDetails") or resource
    if version < "2021":
        details = {key[:1].upper() + key[1:]: value for key, value in details.items()}
    values = {"resourceDetails": details, **{k: v for k, v in record.properties.items() if k != "resourceDetails"}}
    if security_standards.exempts(tenant, owner_scope(record.id), record.id.name.lower()):
        values["status"] = {**(values.get("status") or {}), "code": "NotApplicable", "cause": "Exempt"}
    return encode({"type": TYPE, "id": record.id.text, "name": record.id.name, "properties": values})
