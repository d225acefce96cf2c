"""How management groups and what is in them are shown."""

from __future__ import annotations

from typing import Final

from reconciler.emulator.call import Call
from reconciler.emulator.state.clock import arm_instant
from reconciler.emulator.state.hierarchy import ManagementGroup, Subscription
from reconciler.model import JSON

TYPE: Final = "Microsoft.Management/managementGroups"

Entity = ManagementGroup | Subscription

_UNKNOWN: Final = {"version": 0, "updatedTime": "0001-01-01T00:00:00", "updatedBy": None}
"""What Azure shows for a group that it expands, as recorded."""


def short(call: Call, group: ManagementGroup) -> dict[str, JSON]:
    """A group in a list."""
    properties = {"tenantId": call.tenant.id, "displayName": group.display_name}
    return {"id": group.id.text, "type": TYPE, "name": group.name, "properties": properties}


def properties_of(call: Call, group: ManagementGroup, details: dict[str, JSON]) -> dict[str, JSON]:
    """`properties` of a group around its details."""
    return {"tenantId": call.tenant.id, "displayName": group.display_name, "details": details}


def written_details(call: Call, group: ManagementGroup) -> dict[str, JSON]:
    """When and by whom it was last written."""
    return {
        "version": group.version,
        "updatedTime": arm_instant(group.updated or call.tenant.started),
        "updatedBy": group.updated_by or call.tenant.principals.portal_user.object_id,
    }


def placed_details(call: Call, group: ManagementGroup, expand: list[str]) -> dict[str, JSON]:
    """The details with the group's place in the tree. An expanded answer does not know when the group was written."""
    is_expanded = any(expand)
    details = dict(_UNKNOWN) if is_expanded else written_details(call, group)
    parent = parent_of(call, group)
    if parent:
        details["parent"] = {"id": parent.id.text, "name": parent.name, "displayName": parent.display_name}
    ancestors = call.tenant.hierarchy.ancestors(group.id)
    above = [{"name": ancestor.name, "displayName": ancestor.display_name} for ancestor in ancestors]
    if "path" in expand:
        details["path"] = [*above, {"name": group.name, "displayName": group.display_name}]
    if "ancestors" in expand:
        details["managementGroupAncestors"] = [ancestor["name"] for ancestor in reversed(above)]
        details["managementGroupAncestorsChain"] = above[::-1]
    return details


def children_of(call: Call, group: ManagementGroup, *, recurse: bool) -> list[dict[str, JSON]]:
    """What is directly in a group, groups first; with `recurse` each group with what is in it."""
    hierarchy, name = call.tenant.hierarchy, group.name.lower()
    children = [_child(entity, TYPE) for entity in hierarchy.child_groups(name)]
    if recurse:
        for value, child in zip(children, hierarchy.child_groups(name), strict=True):
            if below := children_of(call, child, recurse=True):
                value["children"] = below
    return children + [_child(entity, "/subscriptions") for entity in hierarchy.child_subscriptions(name)]


def _child(entity: Entity, kind: str) -> dict[str, JSON]:
    return {"id": entity.id.text, "type": kind, "name": name_of(entity), "displayName": entity.display_name}


def parent_of(call: Call, entity: Entity) -> ManagementGroup | None:
    """The group directly above; None for the root of the tenant."""
    parent = entity.parent if isinstance(entity, ManagementGroup) else entity.group
    return call.tenant.hierarchy.groups.get(parent) if parent else None


def name_of(entity: Entity) -> str:
    """A group's name, a subscription's GUID."""
    return entity.name if isinstance(entity, ManagementGroup) else entity.guid
