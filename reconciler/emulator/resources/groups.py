"""`Microsoft.Management/managementGroups`: the tree above subscriptions, as far as readers and movers need it."""

from __future__ import annotations

import base64
import binascii
import urllib.parse
from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.access.rights import can_see
from reconciler.emulator.call import Call, answer, empty
from reconciler.emulator.resources.group_views import (
    TYPE,
    Entity,
    children_of,
    name_of,
    parent_of,
    placed_details,
    properties_of,
    short,
    written_details,
)
from reconciler.emulator.resources.lists import page_size
from reconciler.emulator.state.hierarchy import GROUPS, ManagementGroup, Subscription
from reconciler.emulator.wire.http import Response
from reconciler.emulator.wire.jsontext import check_types, json_object, optional_object
from reconciler.model import JSON

ENTITY_PAGE: Final = 2000
_POLLED_BY_200: Final = "2020"
"""Before, the status of an operation was told by 202 and the type written with a slash in front, as recorded."""


def list_(call: Call) -> Response:
    """All groups that the caller can see."""
    groups = sorted(call.tenant.hierarchy.groups.values(), key=lambda group: group.name.lower())
    visible = [group for group in groups if can_see(call.tenant, call.principal, group.id)]
    return answer(200, {"value": [short(call, group) for group in visible]})


def get(call: Call) -> Response:
    """One group; `$expand=children` with `$recurse=true` shows the whole tree below it, `path` and `ancestors` above."""
    group = require(call)
    expand = call.request.query.get("$expand", "").lower().split(",")
    recurse = call.request.query.get("$recurse", "").lower() == "true"
    properties = properties_of(call, group, placed_details(call, group, expand))
    if "children" in expand:
        properties["children"] = children_of(call, group, recurse=recurse) or None
    return answer(200, {"id": group.id.text, "type": TYPE, "name": group.name, "properties": properties})


def require(call: Call, name: str | None = None) -> ManagementGroup:
    """The group that the path names.

    Raises:
        ArmError: 404.
    """
    group_name = name or call.target.names[0]
    group = call.tenant.hierarchy.groups.get(group_name.lower())
    if group is None:
        raise errors.management_group_not_found(group_name)
    return group


def put(call: Call) -> Response:
    """Create a group (202 with a status to poll, though it is done at once), rename or move it (200, as recorded)."""
    exists = call.target.name.lower() in call.tenant.hierarchy.groups
    values = optional_object(json_object(call.request.body), "properties")
    parent = optional_object(optional_object(values, "details"), "parent").get("id")
    group = _written(call, values.get("displayName"), parent)
    return get(call) if exists else _accepted(call, group, "create")


def patch(call: Call) -> Response:
    """Rename or move a group that exists."""
    require(call)
    body = json_object(call.request.body)
    _written(call, body.get("displayname"), body.get("parentgroupid"))
    return get(call)


def _written(call: Call, display_name: JSON, parent: JSON) -> ManagementGroup:
    """The group as it is after the write, made below the root of the tenant where it is new and names no parent."""
    requested = {"displayName": display_name, "parent": parent}
    check_types({name: value for name, value in requested.items() if value is not None}, dict.fromkeys(requested, str))
    hierarchy, name = call.tenant.hierarchy, call.target.name
    parent_name = require(call, parent.rsplit("/", 1)[-1]).name.lower() if parent else None
    group = hierarchy.groups.get(name.lower())
    if group and parent_name and group.id.key in hierarchy.chain(hierarchy.groups[parent_name].id):
        raise errors.ArmError(400, "InvalidParentId", f"Management group '{name}' cannot be moved into itself.")
    if group is None:
        group = ManagementGroup(
            name=name, display_name=display_name or name, parent=parent_name or hierarchy.root, version=0
        )
        hierarchy.groups[name.lower()] = group
    elif parent_name and name.lower() != hierarchy.root:
        group.parent = parent_name
    group.display_name = display_name or group.display_name
    group.version += 1
    group.updated, group.updated_by = call.tenant.clock.now(), call.principal.object_id
    return group


def delete(call: Call) -> Response:
    """Remove an empty group."""
    group = call.tenant.hierarchy.groups.get(call.target.name.lower())
    if group is None:
        return empty(204)
    if next(call.tenant.hierarchy.descendants(group.name.lower()), None) is not None:
        raise errors.ArmError(
            400, "GroupHasChildren", f"Management group '{group.name}' cannot be deleted: it has children."
        )
    del call.tenant.hierarchy.groups[group.name.lower()]
    call.tenant.forget_scope(group.id.key)
    return _accepted(call, group, "delete")


def _accepted(call: Call, group: ManagementGroup, operation: str) -> Response:
    group.is_settling = operation == "create"
    value = {"id": group.id.text, "type": _shown_type(call), "name": group.name, "status": "NotStarted"}
    return answer(202, value, _polling(call, group.name, operation))


def _shown_type(call: Call) -> str:
    return f"/providers/{TYPE}" if call.version < _POLLED_BY_200 else TYPE


def _polling(call: Call, name: str, operation: str) -> dict[str, str]:
    base = f"https://{call.request.base}/providers/Microsoft.Management/operationResults/{operation}"
    query = f"?api-version={call.version}"
    name = urllib.parse.quote(name)
    location = {"Location": f"{base}/managementGroups/{name}{query}", "Retry-After": "1"}
    if call.version < _POLLED_BY_200:
        return location
    return {**location, "Azure-AsyncOperation": f"{base}/asyncOperation/status/managementGroups/{name}{query}"}


def operation_result(call: Call) -> Response:
    """What became of a PUT or DELETE. It is done at once, but who asks after a PUT hears `Running` once, as recorded."""
    name = call.target.text.rsplit("/", 1)[-1]
    group = call.tenant.hierarchy.groups.get(name.lower())
    value: dict[str, JSON] = {"id": call.target.text, "name": name, "status": "Succeeded"}
    if group and group.is_settling:
        group.is_settling = False
        if call.version < _POLLED_BY_200:
            running = {"id": group.id.text, "type": _shown_type(call), "name": name, "status": "Running"}
            return answer(202, running, _polling(call, name, "create"))
        return answer(200, {**value, "status": "Running"}, _polling(call, name, "create"))
    if group:
        value["properties"] = properties_of(call, group, written_details(call, group))
    return answer(200, value)


def descendants(call: Call) -> Response:
    """Every group and subscription below, flat."""
    group = require(call)
    entries: list[dict[str, JSON]] = []
    for entity in call.tenant.hierarchy.descendants(group.name.lower()):
        parent = parent_of(call, entity)
        kind = TYPE if isinstance(entity, ManagementGroup) else "/subscriptions"
        properties = {"displayName": entity.display_name, "parent": {"id": parent.id.text if parent else None}}
        entries.append({"id": entity.id.text, "type": kind, "name": name_of(entity), "properties": properties})
    return _paged(call, entries)


def _paged(call: Call, entries: list[dict[str, JSON]]) -> Response:
    token = call.request.query.get("$skiptoken")
    try:
        text = base64.urlsafe_b64decode(token).decode("ascii") if token else "0"
    except (ValueError, binascii.Error):
        text = ""
    if not text.isdecimal():
        raise errors.invalid_skip_token()
    start = int(text)
    size = page_size(call.request, ENTITY_PAGE)
    value: dict[str, JSON] = {"value": entries[start : start + size]}
    if start + size < len(entries):
        token = base64.urlsafe_b64encode(str(start + size).encode()).decode()
        query = urllib.parse.urlencode({**call.request.query, "$skiptoken": token}, safe="$")
        value["nextLink"] = f"https://{call.request.base}{call.request.target.partition('?')[0]}?{query}"
    return answer(200, value)


# --- subscriptions in groups -------------------------------------------------------------------------------------


def list_subscriptions(call: Call) -> Response:
    """The subscriptions directly in a group."""
    group = require(call)
    memberships = [
        _membership(call, group, subscription)
        for subscription in call.tenant.hierarchy.child_subscriptions(group.name.lower())
    ]
    return answer(200, {"value": memberships})


def get_subscription(call: Call) -> Response:
    """One subscription, if it is directly in the group."""
    group = require(call)
    subscription = call.tenant.hierarchy.subscriptions.get(call.target.name.lower())
    if subscription is None or subscription.group != group.name.lower():
        raise errors.ArmError(404, "NotFound", f"'{call.target.text}' not found.")
    return answer(200, _membership(call, group, subscription))


def put_subscription(call: Call) -> Response:
    """Move a subscription into the group."""
    group = require(call)
    subscription = call.tenant.hierarchy.subscriptions.get(call.target.name.lower())
    if subscription is None:
        raise errors.subscription_not_found(call.target.name)
    subscription.group = group.name.lower()
    return answer(200, _membership(call, group, subscription))


def delete_subscription(call: Call) -> Response:
    """Move a subscription out of the group, to the root group."""
    group = require(call)
    subscription = call.tenant.hierarchy.subscriptions.get(call.target.name.lower())
    if subscription is None or subscription.group != group.name.lower():
        return empty(204)
    subscription.group = call.tenant.hierarchy.root
    return empty(200)


def _membership(call: Call, group: ManagementGroup, subscription: Subscription) -> dict[str, JSON]:
    return {
        "name": subscription.guid,
        "id": f"{GROUPS}{group.name}/subscriptions/{subscription.guid}",
        "type": f"{TYPE}/subscriptions",
        "properties": {
            "displayName": subscription.display_name,
            "parent": {"id": group.id.text, "name": None, "displayName": None},
            "state": "Active" if subscription.state == "Enabled" else subscription.state,
            "tenant": call.tenant.id,
        },
    }


def entities(call: Call) -> Response:
    """`getEntities`: every group and subscription with the names above it."""
    hierarchy = call.tenant.hierarchy
    every: list[Entity] = [hierarchy.groups[hierarchy.root], *hierarchy.descendants(hierarchy.root)]
    entries: list[dict[str, JSON]] = []
    for entity in every:
        if not can_see(call.tenant, call.principal, entity.id):
            continue
        parent, above = parent_of(call, entity), hierarchy.ancestors(entity.id)
        properties = {
            "tenantId": call.tenant.id,
            "displayName": entity.display_name,
            "parent": {"id": parent.id.text} if parent else {},
            "permissions": "edit",
            "inheritedPermissions": "edit",
            "parentDisplayNameChain": [group.display_name for group in above],
            "parentNameChain": [group.name for group in above],
        }
        kind = TYPE if isinstance(entity, ManagementGroup) else "/subscriptions"
        entries.append({"id": entity.id.text, "type": kind, "name": name_of(entity), "properties": properties})
    return _paged(call, entries)
