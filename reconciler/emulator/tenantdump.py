"""The state of a tenant, written as a tenant file again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reconciler.emulator.state.tenant import Record, Tenant
from reconciler.emulator.tenantfile import fault_settings
from reconciler.model import JSON


def unchanging(content: Mapping[str, Any]) -> dict[str, JSON]:
    """What a tenant file says and no request changes; kept for saving while the rest of the content is let go."""
    names = ("principals", "limits", "denyAssignments", "policyStates", "defender")
    faults = fault_settings(content)
    return {name: content[name] for name in names if name in content} | ({"faultInjection": faults} if faults else {})


def dump_tenant(tenant: Tenant, unchanged: Mapping[str, Any]) -> dict[str, JSON]:
    """The tenant as it is now, in the form of a tenant file."""
    hierarchy = tenant.hierarchy
    return {
        "tenantId": tenant.id,
        **unchanged,
        "managementGroups": [
            {"name": group.name, "displayName": group.display_name, "parent": group.parent}
            for group in hierarchy.groups.values()
        ],
        "subscriptions": [
            {"id": item.guid, "displayName": item.display_name, "managementGroup": item.group, "state": item.state}
            | ({"tags": item.tags} if item.tags else {})
            for item in hierarchy.subscriptions.values()
        ],
        "locks": [
            {"name": lock.id.name, "scope": lock.scope.text, "level": lock.level}
            | ({"notes": lock.notes} if lock.notes is not None else {})
            for lock in tenant.locks.by_id.values()
        ],
        "resources": [{"id": item.id.text, **item.body} for item in hierarchy.resources.values()],
        "policyDefinitions": [_entry(item) for item in tenant.definitions.by_id.values()],
        "policySetDefinitions": [_entry(item) for item in tenant.set_definitions.by_id.values()],
        "policySetDefinitionVersions": [_entry(item) for item in tenant.definition_versions.by_id.values()],
        "policyAssignments": [_entry(item) for item in tenant.assignments.by_id.values()],
        "policyExemptions": [json.loads(item.body) for item in tenant.exemptions.by_id.values()],
        "assessmentMetadata": [_entry(item) for item in tenant.assessment_metadata.by_id.values()],
        "roleDefinitions": [_entry(item) for item in tenant.role_definitions.by_id.values()],
        "roleAssignments": [_entry(item) for item in tenant.role_assignments.by_id.values()],
        "assessments": [_entry(item) for item in tenant.assessments.by_id.values()],
        "standardAssignments": [_entry(item) for item in tenant.standard_assignments.by_id.values()],
        "securityStandards": [_entry(item) for item in tenant.security_standards.by_id.values()],
        "secureScoreControlDefinitions": [_entry(item) for item in tenant.control_definitions.by_id.values()],
        "pricings": [_entry(item) for item in tenant.plans.by_id.values()],
    }


def _entry(record: Record) -> dict[str, JSON]:
    value = {**record.envelope, "id": record.id.text, "type": record.type, "name": record.id.name}
    value["properties"] = record.properties
    return {**value, **({"systemData": record.system} if record.system else {})}
