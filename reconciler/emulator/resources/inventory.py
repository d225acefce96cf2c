"""Resource groups and resources: what exists, and what goes with it when it is deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reconciler.emulator import errors
from reconciler.emulator.call import Call, answer, empty, raw
from reconciler.emulator.resources import tags
from reconciler.emulator.resources.lists import Row, page, page_size
from reconciler.emulator.resources.resource_filters import GROUP_FIELDS, RESOURCE_FIELDS, parse_resource_filter
from reconciler.emulator.state.clock import arm_instant
from reconciler.emulator.state.hierarchy import Resource
from reconciler.emulator.wire.http import Response
from reconciler.emulator.wire.jsontext import encode, json_object
from reconciler.model import JSON, ArmId, ScopeKind

DEFAULT_LOCATION = "westeurope"
FIELDS: Final = ("location", "managedBy", "tags", "kind", "sku", "identity", "plan", "zones", "properties")
"""What is kept of a body, in the order of the wire."""

_TYPES: Final = {
    **dict.fromkeys(("location", "managedBy", "kind"), str),
    **dict.fromkeys(("sku", "identity", "plan", "properties"), dict),
}
_TAGS_IF_ANY_SINCE: Final = "2022"
"""Before, the answer to a group's PUT had its tags also where there are none, as recorded."""

_GROUP_FIELDS: Final = ("location", "managedBy", "tags", "properties")


# --- lists -------------------------------------------------------------------------------------------------------


def list_groups(call: Call) -> Response:
    """The resource groups of a subscription, as `$filter` and `$top` have it."""
    return _list(call, ScopeKind.RESOURCE_GROUP, GROUP_FIELDS)


def list_resources(call: Call) -> Response:
    """The resources of a subscription or resource group, as `$filter` and `$top` have it."""
    return _list(call, ScopeKind.RESOURCE, RESOURCE_FIELDS)


def _list(call: Call, kind: ScopeKind, fields: frozenset[str]) -> Response:
    condition = parse_resource_filter(call.request.query.get("$filter"), fields)
    container = call.target.text.rsplit("/", 1)[0]
    call.tenant.hierarchy.require(ArmId(container.lower(), container))
    prefix = container.lower() + "/"
    rows = [
        Row(place=(0, number), item=resource)
        for number, (key, resource) in enumerate(call.tenant.hierarchy.resources.items())
        if key.startswith(prefix) and resource.id.kind is kind and condition(show(resource))
    ]
    size = page_size(call.request, call.tenant.limits.page)
    # What `$expand` adds to each resource.
    text = call.request.query.get("$expand", "")
    names = [name.strip() for name in text.split(",") if name.strip()]
    facts: dict[str, Callable[[Resource], JSON]] = {
        "createdTime": lambda resource: arm_instant(resource.created or call.tenant.started),
        "changedTime": lambda resource: arm_instant(resource.changed or resource.created or call.tenant.started),
        "provisioningState": lambda _: "Succeeded",
    }
    if any(name not in facts for name in names):
        raise errors.ArmError(400, "InvalidExpand", f"The value '{text}' of '$expand' is not supported.")
    body = page(
        rows,
        call.request,
        size,
        lambda resource: encode({**show(resource), **{name: facts[name](resource) for name in names}}),
    )
    return raw(200, body)


# --- one resource or group ---------------------------------------------------------------------------------------


def get(call: Call) -> Response:
    """A resource or resource group."""
    call.tenant.hierarchy.require(call.target.id)
    return answer(200, show(call.tenant.hierarchy.resources[call.target.id.key]))


def head(call: Call) -> Response:
    """Whether it exists: 204, or 404 from the gateway."""
    if call.target.id.key in call.tenant.hierarchy.resources:
        return empty(204)
    return empty(404, dict(errors.GATEWAY))


def put(call: Call) -> Response:
    """Create or replace a resource or group; a resource's group must be there."""
    body = json_object(call.request.body) if call.request.body else {}
    parent = call.target.id.parent
    if parent is not None:
        call.tenant.hierarchy.require(parent)
    before = call.tenant.hierarchy.resources.get(call.target.id.key)
    requested = _readable(call, body)
    _check_location(call, before, requested)
    call.tenant.hierarchy.add_resource(canonical_id(call.target.id), requested)
    resource = call.tenant.hierarchy.resources[call.target.id.key]
    resource.changed = call.tenant.clock.now()
    resource.created = resource.created if before else resource.changed
    value = show(resource)
    if call.target.id.kind is ScopeKind.RESOURCE_GROUP and call.version < _TAGS_IF_ANY_SINCE and "tags" not in value:
        value = {
            **{name: value[name] for name in value if name != "properties"},
            "tags": {},
            "properties": value["properties"],
        }
    return answer(200 if before else 201, value)


def patch(call: Call) -> Response:
    """Change what the body names; tags are replaced as a whole."""
    call.tenant.hierarchy.require(call.target.id)
    resource = call.tenant.hierarchy.resources[call.target.id.key]
    requested = _readable(call, json_object(call.request.body))
    _check_location(call, resource, requested)
    before: dict[str, JSON] = resource.body.get("properties") or {}
    properties = {"properties": {**before, **requested["properties"]}} if "properties" in requested else {}
    resource.body = {**resource.body, **requested, **properties}
    resource.changed = call.tenant.clock.now()
    return answer(200, show(resource))


def _readable(call: Call, body: dict[str, Any]) -> dict[str, JSON]:
    is_group = call.target.id.kind is ScopeKind.RESOURCE_GROUP
    requested = {name: body[name.lower()] for name in (_GROUP_FIELDS if is_group else FIELDS) if name.lower() in body}
    if "tags" in requested:
        requested["tags"] = tags.checked(requested["tags"])
    for name, kind in _TYPES.items():
        if not isinstance(requested.get(name), kind | None):
            raise errors.unparsable_body(f"the value of '{name}' is not {'a string' if kind is str else 'an object'}")
    identity = requested.get("identity") or {}
    identity_type = str(identity.get("type", "None")).lower().replace(" ", "")
    if identity_type not in {"none", "systemassigned", "userassigned", "systemassigned,userassigned"}:
        raise errors.bad_value(identity.get("type"), "identity.type")
    if is_group or requested.get("properties") is None:
        requested.pop("properties", None)
    return requested


def _check_location(call: Call, before: Resource | None, requested: dict[str, JSON]) -> None:
    """Refuse to move what exists to another region; what a tenant file made without a region takes the first one."""
    if before is None or "location" not in before.body or "location" not in requested:
        return
    present, new = str(before.body["location"]), str(requested["location"])
    if present.lower().replace(" ", "") == new.lower().replace(" ", ""):
        return
    if call.target.id.kind is ScopeKind.RESOURCE_GROUP:
        raise errors.ArmError(
            409,
            "InvalidResourceGroupLocation",
            f"Invalid resource group location '{new}'. The Resource group already exists in location '{present}'.",
            errors.GATEWAY,
        )
    raise errors.ArmError(
        409,
        "InvalidResourceLocation",
        f"The resource '{call.target.id.name}' already exists in location '{present}' in resource group "
        f"'{call.target.id.text.split('/')[4]}'. A resource with the same name cannot be created in location '{new}'. "
        "Please select a new resource name.",
        errors.GATEWAY,
    )


def delete(call: Call) -> Response:
    """Delete it with everything in and on it, its exemptions included. A resource group's answer is 202, as Azure's."""
    key = call.target.id.key
    if not call.tenant.hierarchy.remove_resource(key):
        if call.target.id.kind is ScopeKind.RESOURCE_GROUP:
            raise errors.resource_group_not_found(call.target.id.name)
        return empty(204)
    call.tenant.forget_scope(key)
    if call.target.id.kind is ScopeKind.RESOURCE_GROUP:
        location = f"https://{call.request.base}/subscriptions/{call.target.id.subscription}/operationresults/done"
        return empty(202, {"Location": f"{location}?api-version={call.version}", "Retry-After": "1"})
    return empty(200)


def operation_result(call: Call) -> Response:  # noqa: ARG001 - the same for every operation
    """What became of a deletion: it is always done by now."""
    return empty(200)


# --- showing -----------------------------------------------------------------------------------------------------


def canonical_id(identifier: ArmId) -> ArmId:
    """The id as ARM shows it: `/resourceGroups/`, however the caller wrote it."""
    parts = identifier.text.split("/")
    if len(parts) > 3 and parts[3].lower() == "resourcegroups":
        parts[3] = "resourceGroups"
    return ArmId(identifier.key, "/".join(parts))


def show(resource: Resource) -> dict[str, JSON]:
    """A resource or group as ARM shows it."""
    envelope = {"id": resource.id.text, "name": resource.id.name, "type": resource_type(resource.id)}
    body = {"location": DEFAULT_LOCATION, **resource.body}
    if resource.id.kind is ScopeKind.RESOURCE_GROUP:
        state = {"provisioningState": "Succeeded"}
        return {**envelope, **{name: body[name] for name in _GROUP_FIELDS[:3] if name in body}, "properties": state}
    properties = body.pop("properties", None)
    return {**envelope, **body, "properties": {} if properties is None else properties}


def resource_type(identifier: ArmId) -> str:
    """`Microsoft.Sql/servers/databases` for a resource's id."""
    if identifier.kind is ScopeKind.RESOURCE_GROUP:
        return "Microsoft.Resources/resourceGroups"
    parts = identifier.text[identifier.key.rfind("/providers/") + len("/providers/") :].split("/")
    return "/".join((parts[0], *parts[1::2]))
