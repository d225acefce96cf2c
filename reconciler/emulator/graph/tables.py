"""The tables that Resource Graph shows: resources, their containers, policy objects, security assessments.

Each has a closed set of columns, and all but `resources` a closed list of `type` values: what is not modelled is not
shown as nothing.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from reconciler.emulator.graph import security
from reconciler.emulator.graph.rows import DYNAMIC, TEXT, Covers, GraphRow, Source, graph_row
from reconciler.emulator.graph.schema import Column, Columns, LazyRow
from reconciler.emulator.graph.values import Type
from reconciler.emulator.resources import role_assignments, role_definitions
from reconciler.emulator.resources.definition_rules import POLICIES, SETS, Family
from reconciler.emulator.resources.inventory import resource_type, show
from reconciler.emulator.resources.murmur import murmur64
from reconciler.emulator.resources.policy_states import TYPE as STATES
from reconciler.emulator.resources.policy_states import state_properties
from reconciler.emulator.state.compliance import PolicyState, policy_states
from reconciler.emulator.state.hierarchy import ManagementGroup, Subscription
from reconciler.emulator.state.initiatives import definition_properties
from reconciler.emulator.state.objects import Objects
from reconciler.emulator.state.tenant import Record, Tenant
from reconciler.model import JSON, ArmId, ScopeKind, arm_id, owner_scope

# --- resources and their containers ------------------------------------------------------------------------------


def _resources(tenant: Tenant, covers: Covers) -> Iterator[GraphRow]:
    covered = [resource for resource in tenant.hierarchy.resources.values() if covers(resource.id)]
    for resource in sorted(covered, key=lambda resource: resource.id.key):
        if resource.id.kind is ScopeKind.RESOURCE:
            yield graph_row(tenant, resource.id, resource_type(resource.id), show(resource))


def _management_groups(tenant: Tenant, covers: Covers) -> Iterator[GraphRow]:
    for group in filter(lambda entity: covers(entity.id), tenant.hierarchy.groups.values()):
        details = {"details": {"managementGroupAncestorsChain": _ancestors(tenant, group)}}
        properties = {"displayName": group.display_name, "tenantId": tenant.id, **details}
        yield graph_row(tenant, group.id, "Microsoft.Management/managementGroups", {"properties": properties})


def _subscriptions(tenant: Tenant, covers: Covers) -> Iterator[GraphRow]:
    for subscription in filter(lambda entity: covers(entity.id), tenant.hierarchy.subscriptions.values()):
        properties = {
            "state": subscription.state,
            "managementGroupAncestorsChain": _ancestors(tenant, subscription),
        }
        body: dict[str, JSON] = {"properties": properties, "tags": subscription.tags or None}
        row = graph_row(tenant, subscription.id, "Microsoft.Resources/subscriptions", body)
        row.values["name"] = subscription.display_name
        yield row


def _resource_groups(tenant: Tenant, covers: Covers) -> Iterator[GraphRow]:
    for resource in tenant.hierarchy.resources.values():
        if resource.id.kind is ScopeKind.RESOURCE_GROUP and covers(resource.id):
            yield graph_row(tenant, resource.id, "Microsoft.Resources/subscriptions/resourceGroups", show(resource))


def _ancestors(tenant: Tenant, entity: ManagementGroup | Subscription) -> list[JSON]:
    """The groups above, nearest first."""
    ancestors = reversed(tenant.hierarchy.ancestors(entity.id))
    return [{"name": group.name, "displayName": group.display_name} for group in ancestors]


# --- policy objects and assessments ------------------------------------------------------------------------------


def _exemptions(tenant: Tenant, covers: Covers) -> Iterator[GraphRow]:
    for body in exemption_bodies(tenant):
        value: dict[str, Any] = json.loads(body)
        value["properties"].pop("assignmentScopeValidation", None)
        identifier = ArmId(value["id"].lower(), value["id"])
        if covers(identifier):
            yield graph_row(tenant, identifier, value["type"], value)


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


def _records(objects: Callable[[Tenant], Objects[Record]]) -> Source:
    def rows(tenant: Tenant, covers: Covers) -> Iterator[GraphRow]:
        for record in filter(lambda record: covers(record.id), objects(tenant).by_id.values()):
            body = {**record.envelope, "properties": record.properties, "systemData": record.system}
            yield graph_row(tenant, record.id, record.type, body)

    return rows


def _definitions(family: Family) -> Source:
    """The tenant's own definitions, and Azure's, which belong to no scope."""

    def rows(tenant: Tenant, covers: Covers) -> Iterator[GraphRow]:
        yield from _records(family.own)(tenant, covers)
        for identifier in family.built_in(tenant):
            properties = definition_properties(tenant, identifier)
            if properties is not None and identifier.key not in family.own(tenant).by_id:
                yield graph_row(tenant, identifier, family.type, {"properties": properties}, is_public=True)

    return rows


STATE_WEIGHTS: Final = {"NonCompliant": 300, "Compliant": 200, "Conflict": 100, "Exempt": 50}
"""`stateWeight`, as Microsoft's sample queries compare it."""


def _policy_states(tenant: Tenant, covers: Covers) -> Iterator[GraphRow]:
    for state in policy_states(tenant, ArmId("", "")):
        if covers(state.resource.id):
            key = f"{state.assignment.id.key} {state.member.reference_id.lower()} {state.member.definition.key}"
            name = f"{murmur64(f'{state.resource.id.key} {key}'.encode()):016x}"
            identifier = arm_id(f"{state.resource.id}/providers/{STATES}/{name}")
            row = graph_row(tenant, identifier, STATES, {})
            del row.values["properties"]
            yield dataclasses.replace(row, values=LazyRow(row.values, functools.partial(_weighed, tenant, state)))


def _weighed(tenant: Tenant, state: PolicyState) -> dict[str, JSON]:
    return {**state_properties(tenant, state), "stateWeight": STATE_WEIGHTS.get(state.state, 0)}


def _role_assignments(tenant: Tenant, covers: Covers) -> Iterator[GraphRow]:
    for record in role_assignments.assignments(tenant):
        at_root = owner_scope(record.id).key == ""
        if at_root or covers(record.id):
            yield graph_row(tenant, record.id, record.type, {"properties": record.properties}, is_public=at_root)


def _role_definitions(tenant: Tenant, covers: Covers) -> Iterator[GraphRow]:
    for record in role_definitions.definitions(tenant):
        if owner_scope(record.id).key == "" or covers(record.id):
            yield graph_row(tenant, record.id, record.type, {"properties": record.properties}, is_public=True)


SOURCES: Final[Mapping[str, Mapping[str, Source]]] = {
    "resources": {"": _resources},
    "resourcecontainers": {
        "microsoft.management/managementgroups": _management_groups,
        "microsoft.resources/subscriptions": _subscriptions,
        "microsoft.resources/subscriptions/resourcegroups": _resource_groups,
    },
    "policyresources": {
        "microsoft.authorization/policyexemptions": _exemptions,
        "microsoft.authorization/policyassignments": _records(lambda tenant: tenant.assignments),
        "microsoft.authorization/policydefinitions": _definitions(POLICIES),
        "microsoft.authorization/policysetdefinitions": _definitions(SETS),
        "microsoft.policyinsights/policystates": _policy_states,
    },
    "authorizationresources": {
        "microsoft.authorization/roleassignments": _role_assignments,
        "microsoft.authorization/roledefinitions": _role_definitions,
    },
    "securityresources": {
        "microsoft.security/assessments": security.assessment_rows,
        "microsoft.security/securescores": security.score_rows,
        "microsoft.security/securescores/securescorecontrols": security.control_rows,
        "microsoft.security/pricings": security.pricing_rows,
    },
}
"""Each table's types, and where the rows of each come from. The types of `resources` are whatever there is."""


COLUMNS: Final[Mapping[str, Columns]] = {
    table: {
        **{name: Column(type=Type.STRING) for name in TEXT},
        **{name: Column(type=Type.DYNAMIC) for name in DYNAMIC},
        "type": Column(type=Type.STRING, kinds=None if "" in sources else frozenset(sources)),
    }
    for table, sources in SOURCES.items()
}
"""The columns of each table."""
