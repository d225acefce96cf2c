"""`Microsoft.Security/assessments`: what a recommendation says about one resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.emulator import errors
from reconciler.emulator.call import Call, empty, raw
from reconciler.emulator.resources import assessment_metadata
from reconciler.emulator.resources.lists import Reach, Row, page, select
from reconciler.emulator.state.clock import arm_instant
from reconciler.emulator.state.defender import Assessed, Defender
from reconciler.emulator.state.tenant import Record, Tenant
from reconciler.emulator.wire.http import Response
from reconciler.emulator.wire.jsontext import encode, properties
from reconciler.model import JSON, ArmId, arm_id, owner_scope

TYPE: Final = "Microsoft.Security/assessments"

_DATES_SINCE: Final = "2021"
"""The API version from which a status has dates, and the keys of `resourceDetails` have no capitals."""

_MACHINES: Final = "/onpremisemachines/"
_CAPITALISED: Final = {"vmuuid": "VMUUID"}
_EXPANSIONS: Final = frozenset({"", "links", "metadata"})


def list_(call: Call) -> Response:
    """The assessments at and below a scope, as far as something evaluates them."""
    call.tenant.hierarchy.require(call.target.scope)
    rows = select(call.tenant.assessments, call.tenant.hierarchy, call.target.scope, Reach.AT_AND_BELOW)
    defender = Defender(call.tenant)
    assessed_rows = [
        Row(place=row.place, item=assessed) for row in rows if (assessed := defender.assess(row.item)) is not None
    ]
    return raw(
        200, page(assessed_rows, call.request, call.tenant.limits.page, lambda assessed: _render(call, assessed, ""))
    )


def get(call: Call) -> Response:
    """One assessment of one resource, with `links` or `metadata` where `$expand` names them."""
    expansion = call.request.query.get("$expand", "").lower()
    if expansion not in _EXPANSIONS:
        raise errors.bad_value(call.request.query["$expand"], "$expand")
    record = call.tenant.assessments.get(call.target.id.key)
    assessed = Defender(call.tenant).assess(record) if record else None
    if assessed is None:
        raise errors.ArmError(404, "NotFound", f"Assessment '{call.target.name}' was not found.")
    return raw(200, _render(call, assessed, expansion))


def put(call: Call) -> Response:
    """Assess a resource by a recommendation that exists; 200 also for a new one."""
    values = properties(call.request.body)
    metadata = assessment_metadata.find(
        call.tenant, f"/subscriptions/{call.target.scope.subscription}", call.target.name
    )
    if metadata is None:
        raise errors.ArmError(400, "BadRequest", f"There is no assessment metadata '{call.target.name}'.")
    before = call.tenant.assessments.get(call.target.id.key)
    status, now = values.get("status") or {}, arm_instant(call.tenant.clock.now())
    # When its code last changed, and when there was one for the first time.
    earlier = (before.properties.get("status") or {}) if before else {}
    is_unchanged = earlier.get("code") == status.get("code")
    status = {
        **status,
        "statusChangeDate": earlier.get("statusChangeDate", now) if is_unchanged else now,
        "firstEvaluationDate": earlier.get("firstEvaluationDate", now),
    }
    stored = {"displayName": metadata.properties.get("displayName"), "status": status}
    if "additionaldata" in values:
        stored["additionalData"] = values["additionaldata"]
    record = Record(id=arm_id(f"{call.target.scope}/providers/{TYPE}/{call.target.name}"), type=TYPE, properties=stored)
    call.tenant.assessments.put(record)
    return raw(200, _render(call, Assessed(record=record, status=status), ""))


def delete(call: Call) -> Response:
    """Take it away: 200, or 204 where there was none."""
    return empty(200 if call.tenant.assessments.remove(call.target.id.key) else 204)


def seed(tenant: Tenant, value: Mapping[str, Any]) -> None:
    """Put an assessment of a tenant file in place. A machine outside Azure is no resource: its workspace is."""
    identifier = arm_id(value["id"])
    resource = owner_scope(identifier)
    cut = resource.key.find(_MACHINES)
    holder = resource if cut < 0 else ArmId(resource.key[:cut], resource.text[:cut])
    if holder.key.count("/") > 2:
        tenant.hierarchy.add_resource(holder)
    tenant.assessments.put(Record(id=identifier, type=TYPE, properties=dict(value.get("properties", {}))))


def _render(call: Call, assessed: Assessed, expansion: str) -> bytes:
    """As one API version shows it: before 2021 without dates, and with capitals in the keys of `resourceDetails`."""
    is_old = call.version < _DATES_SINCE
    values = shown_properties(call.tenant, assessed, capitals=is_old)
    if is_old:
        dates = ("statusChangeDate", "firstEvaluationDate")
        values["status"] = {name: value for name, value in values["status"].items() if name not in dates}
    record = assessed.record
    if expansion == "links":
        values["links"] = {"azurePortalUri": f"https://{_portal_address(record)}"}
    if expansion == "metadata":
        values["metadata"] = _metadata(call.tenant, record)
    return encode({"type": TYPE, "id": record.id.text, "name": record.id.name, "properties": values})


def shown_properties(tenant: Tenant, assessed: Assessed, *, capitals: bool) -> dict[str, JSON]:
    """The properties in the order of the wire, without what only an expansion shows."""
    record = assessed.record
    further = {name: value for name, value in record.properties.items() if name not in {"resourceDetails", "status"}}
    title = further.pop("displayName", None) or _metadata(tenant, record).get("displayName")
    return {
        "resourceDetails": _details(record, capitals=capitals),
        **({"displayName": title} if title else {}),
        "status": assessed.status,
        **further,
    }


def graph_properties(tenant: Tenant, assessed: Assessed) -> dict[str, JSON]:
    """The properties as Resource Graph has them: everything expanded."""
    values = shown_properties(tenant, assessed, capitals=True)
    record = assessed.record
    metadata = _metadata(tenant, record)
    expanded = {"metadata": metadata} if metadata else {}
    own: dict[str, JSON] = {
        name: record.properties[name] for name in ("metadata", "links") if name in record.properties
    }
    return {**values, **expanded, "links": {"azurePortal": _portal_address(record)}, **own}


def _metadata(tenant: Tenant, record: Record) -> dict[str, JSON]:
    metadata = assessment_metadata.find(tenant, f"/subscriptions/{record.id.subscription}", record.id.name)
    return metadata.properties if metadata else {}


def _details(record: Record, *, capitals: bool) -> dict[str, JSON]:
    """As the record has them, else what the resource's id tells: for a machine outside Azure its name and two ids, joined
    by underscores.
    """
    details, resource = record.properties.get("resourceDetails"), owner_scope(record.id)
    cut = resource.key.find(_MACHINES)
    if not details and cut < 0:
        details = {"source": "Azure", "id": resource.text}
    elif not details:
        machine, _, rest = resource.name.partition("_")
        computer, _, uuid = rest.partition("_")
        details = {
            "source": "OnPremise",
            "workspaceId": resource.text[:cut],
            "vmuuid": uuid,
            "sourceComputerId": computer,
            "machineName": machine,
        }
    folded = {name.lower(): (name, value) for name, value in details.items()}
    if capitals:
        return {_CAPITALISED.get(key, name[:1].upper() + name[1:]): value for key, (name, value) in folded.items()}
    return {key if key in _CAPITALISED else name[:1].lower() + name[1:]: value for key, (name, value) in folded.items()}


def _portal_address(record: Record) -> str:
    blade = "Microsoft_Azure_Security/RecommendationsBlade"
    return f"www.portal.azure.com/?fea#blade/{blade}/assessmentKey/{record.id.name}"
