"""The tables that Resource Graph shows: resources, their containers, policy objects, security assessments."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from reconciler.emulator.resources.inventory import resource_type, show
from reconciler.emulator.state.hierarchy import ManagementGroup, Subscription
from reconciler.emulator.state.objects import Objects
from reconciler.emulator.state.tenant import Record, Tenant
from reconciler.model import JSON, ArmId, ScopeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphRow:
    """One row. `type` is the type as ARM writes it, `values` what a query sees, where the type is in lower case."""

    id: ArmId
    type: str
    values: dict[str, JSON]


def _row(tenant: Tenant, identifier: ArmId, kind: str, rest: dict[str, JSON]) -> GraphRow:
    parts = identifier.key.split("/")
    in_group = len(parts) > 4 and parts[3] == "resourcegroups"
    envelope = {
        "id": identifier.text,
        "name": identifier.name,
        "type": kind.lower(),
        "tenantId": tenant.id,
        "kind": "",
        "location": rest.pop("location", ""),
        "resourceGroup": parts[4] if in_group else "",
        "subscriptionId": identifier.subscription or "",
        "managedBy": "",
    }
    return GraphRow(id=identifier, type=kind, values={**envelope, **rest})


Covers = Callable[[ArmId], bool]
"""Whether a query is about an id: most ask for a few subscriptions of many, and a row costs more than this."""


def resources(tenant: Tenant, covers: Covers) -> Iterator[GraphRow]:
    """Every resource."""
    covered = [each for each in tenant.hierarchy.resources.values() if covers(each.id)]
    for resource in sorted(covered, key=lambda each: each.id.key):
        if resource.id.kind is ScopeKind.RESOURCE:
            yield _row(tenant, resource.id, resource_type(resource.id), _shown(show(resource)))


def containers(tenant: Tenant, covers: Covers) -> Iterator[GraphRow]:
    """Management groups, subscriptions and resource groups."""
    for group in filter(lambda each: covers(each.id), tenant.hierarchy.groups.values()):
        details = {"details": {"managementGroupAncestorsChain": _ancestors(tenant, group)}}
        properties = {"properties": {"displayName": group.display_name, "tenantId": tenant.id, **details}}
        yield _row(tenant, group.id, "Microsoft.Management/managementGroups", properties)
    for subscription in filter(lambda each: covers(each.id), tenant.hierarchy.subscriptions.values()):
        properties = {
            "properties": {
                "state": subscription.state,
                "managementGroupAncestorsChain": _ancestors(tenant, subscription),
            }
        }
        row = _row(tenant, subscription.id, "Microsoft.Resources/subscriptions", properties)
        row.values["name"] = subscription.display_name
        yield row
    for resource in tenant.hierarchy.resources.values():
        if resource.id.kind is ScopeKind.RESOURCE_GROUP and covers(resource.id):
            kind = "Microsoft.Resources/subscriptions/resourceGroups"
            yield _row(tenant, resource.id, kind, _shown(show(resource)))


def _ancestors(tenant: Tenant, entity: ManagementGroup | Subscription) -> list[JSON]:
    """The groups above, nearest first."""
    groups = tenant.hierarchy.groups
    chain = [key.rsplit("/", 1)[-1] for key in tenant.hierarchy.chain(entity.id) if key != entity.id.key]
    return [{"name": groups[name].name, "displayName": groups[name].display_name} for name in reversed(chain)]


def policy_objects(tenant: Tenant, covers: Covers) -> Iterator[GraphRow]:
    """Exemptions, assignments and the tenant's own definitions."""
    for body in exemption_bodies(tenant):
        value = json.loads(body)
        value["properties"].pop("assignmentScopeValidation", None)
        identifier = ArmId(value["id"].lower(), value["id"])
        if covers(identifier):
            yield _row(tenant, identifier, value["type"], _shown(value))
    for objects in (tenant.assignments, tenant.definitions, tenant.set_definitions):
        yield from _records(tenant, objects, covers)


def exemption_bodies(tenant: Tenant) -> Iterator[bytes]:
    """The exemptions as the index knows them: without those too new for it, with those whose end it missed."""
    now, index = tenant.clock.seconds(), tenant.graph
    for exemption in tenant.exemptions.by_id.values():
        if not index.lag or exemption.written_at <= now - index.lag:
            yield exemption.body
    for ended, by_scope, exemption in tenant.ended_exemptions:
        is_back = exemption.id.key in tenant.exemptions.by_id
        if not is_back and ((index.ghosts and by_scope) or ended > now - index.lag):
            yield exemption.body


def assessments(tenant: Tenant, covers: Covers) -> Iterator[GraphRow]:
    """Security assessments."""
    yield from _records(tenant, tenant.assessments, covers)


def _records(tenant: Tenant, objects: Objects[Record], covers: Covers) -> Iterator[GraphRow]:
    for record in filter(lambda each: covers(each.id), objects.by_id.values()):
        rest = {"properties": record.properties, **({"systemData": record.system} if record.system else {})}
        yield _row(tenant, record.id, record.type, rest)


def _shown(value: dict[str, JSON]) -> dict[str, JSON]:
    return {name: each for name, each in value.items() if name not in {"id", "name", "type"}}


TABLES: Final[dict[str, Callable[[Tenant, Covers], Iterator[GraphRow]]]] = {
    "resources": resources,
    "resourcecontainers": containers,
    "policyresources": policy_objects,
    "securityresources": assessments,
}
