"""The tenant file: what the emulated Azure holds at start, and the same form again when its state is saved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from reconciler.emulator.resources import (
    assessment_metadata,
    assessments,
    assignments,
    definition_rules,
    exemptions,
    locks,
    role_assignments,
    role_definitions,
    secure_scores,
    security_standards,
)
from reconciler.emulator.resources.definition_rules import POLICIES, SETS, Family
from reconciler.emulator.state import plans
from reconciler.emulator.state.builtin import BuiltIns, bundled
from reconciler.emulator.state.hierarchy import Hierarchy, ManagementGroup, Subscription
from reconciler.emulator.state.principals import parse_deny, parse_principal
from reconciler.emulator.state.roles import ROLES
from reconciler.emulator.state.tenant import DEFAULT_TENANT_ID, Limits, Lock, Record, Tenant
from reconciler.emulator.wire.jsontext import decode
from reconciler.emulator.wire.yamltext import read_yaml
from reconciler.model import JSON, ArmId, ScopeKind, arm_id, owner_scope
from reconciler.package_data import schema_path

_PARTS: Final = ("By", "ByType", "At")
_LIMITS: Final = {
    "policyExemptionsPerScope": "exemptions",
    "policyAssignmentsPerScope": "assignments",
    "policyDefinitionsPerScope": "definitions",
    "policySetDefinitionsPerScope": "set_definitions",
    "pageSize": "page",
    "standardAssignmentLists": "standard_lists",
}


class TenantError(ValueError):
    """The tenant file cannot be used; the message lists every reason, one a line."""


class TenantUnreadableError(TenantError):
    """There is no such file, or its bytes cannot be had."""


def load_tenant(path: Path) -> dict[str, JSON]:
    """Read and check a tenant file, YAML or JSON.

    Raises:
        TenantUnreadableError: it cannot be read.
        TenantError: it is not of the form of schemas/tenant.schema.json.
    """
    try:
        text = path.read_text(encoding="utf-8")
        value = decode(text) if path.suffix == ".json" else read_yaml(text)
    except FileNotFoundError:
        raise TenantUnreadableError(f"there is no tenant file {str(path)!r}") from None
    except IsADirectoryError:
        raise TenantUnreadableError(f"{str(path)!r} is a folder, and no tenant file") from None
    except OSError as error:
        raise TenantUnreadableError(f"tenant file {str(path)!r} cannot be read: {error.strerror}") from None
    except (ValueError, yaml.YAMLError) as error:
        raise TenantError(f"{path}: {_fault(error)}") from None
    except RecursionError:
        raise TenantError(f"{path}: it is nested too deeply") from None
    problems = [f"{path}: {problem}" for problem in schema_problems(value)]
    if problems:
        raise TenantError("\n".join(problems))
    return dict(value or {})


def _fault(error: ValueError | yaml.YAMLError) -> str:
    """What a parser has against a text, with the place in it."""
    match error:
        case UnicodeDecodeError():
            return f"byte {error.start} is not valid UTF-8"
        case json.JSONDecodeError():
            return f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        case yaml.MarkedYAMLError(problem_mark=mark) if mark is not None:
            return f"not YAML: {error.problem} at line {mark.line + 1}, column {mark.column + 1}"
        case yaml.reader.ReaderError():
            return f"not YAML: the character U+{error.character:04X} stands at position {error.position}"
    return str(error)


def schema_problems(value: JSON) -> list[str]:
    """What a tenant file's content has against its schema, with the place of each."""
    import jsonschema  # noqa: PLC0415 - only a file needs it, and it takes long to import

    value = {} if value is None else value
    if isinstance(value, dict):
        # Whether a list needs no schema: saves most of the start of a tenant with 100,000 exemptions.
        value = {
            name: part
            for name, part in value.items()
            if not (name == "policyExemptions" and isinstance(part, list) and all(map(_is_plain_exemption, part)))
        }
    validator = jsonschema.Draft202012Validator(json.loads(schema_path("tenant").read_text(encoding="utf-8")))
    violations = sorted(validator.iter_errors(value), key=lambda error: list(map(str, error.path)))
    return [f"{error.json_path}: {error.message}" for error in violations]


def _is_plain_exemption(value: JSON) -> bool:
    if not isinstance(value, dict) or not str(value.get("id")).startswith("/"):
        return False
    properties = value.get("properties")
    return (
        set(value) <= {"id", "name", "type", "properties", "systemData"}
        and isinstance(value.get("systemData", {}), dict)
        and isinstance(properties, dict)
        and isinstance(properties.get("policyAssignmentId"), str)
        and isinstance(properties.get("exemptionCategory"), str)
    )


def fault_settings(content: Mapping[str, Any]) -> dict[str, Any]:
    """A tenant file's `faultInjection`, also under its former name."""
    return dict(content.get("faultInjection") or content.get("weather") or {})


# --- from the file to a tenant -----------------------------------------------------------------------------------


def build_tenant(content: Mapping[str, Any], built_ins: BuiltIns | None = None) -> Tenant:
    """The tenant that the file describes. Ids are taken as they are; the scopes they stand on come to exist."""
    given_limits = content.get("limits", {})
    limits = Limits(**{_LIMITS[name]: value for name, value in given_limits.items()})
    tenant = Tenant(
        content.get("tenantId", DEFAULT_TENANT_ID),
        [parse_principal(entry, ROLES) for entry in content.get("principals", ())],
        built_ins if built_ins is not None else bundled(),
        limits,
    )
    _add_hierarchy(tenant, content)
    for family, name in ((POLICIES, "policyDefinitions"), (SETS, "policySetDefinitions")):
        for value in content.get(name, ()):
            _add_definition(tenant, family, value)
    for value in content.get("policySetDefinitionVersions", ()):
        identifier = arm_id(value["id"])
        properties = {"version": identifier.name, **value.get("properties", {})}
        stored = definition_rules.completed(tenant, SETS, properties)
        tenant.definition_versions.put(Record(id=identifier, type=f"{SETS.type}/versions", properties=stored))
    for value in content.get("policyAssignments", ()):
        _add_assignment(tenant, value)
    for value in content.get("policyExemptions", ()):
        _touch_scope(tenant, owner_scope(arm_id(value["id"])))
        exemptions.seed(tenant, value, _system(tenant, value))
    _add_security(tenant, content)
    _add_access(tenant, content)
    tenant.denies = tuple(parse_deny(entry) for entry in content.get("denyAssignments", ()))
    for number, entry in enumerate(content.get("locks", ())):
        name = entry.get("name", f"lock-{number}")
        identifier = arm_id(f"{entry['scope']}/providers/{locks.TYPE}/{name}")
        tenant.locks.put(Lock(id=identifier, level=entry["level"], notes=entry.get("notes")))
    return tenant


def _add_hierarchy(tenant: Tenant, content: Mapping[str, Any]) -> None:
    hierarchy = tenant.hierarchy
    for entry in content.get("managementGroups", ()):
        name = entry["name"]
        is_root = name.lower() == hierarchy.root
        parent = _group_key(entry.get("parent")) or (None if is_root else hierarchy.root)
        hierarchy.groups[name.lower()] = ManagementGroup(
            name=name, display_name=entry.get("displayName", name), parent=parent
        )
    for entry in content.get("subscriptions", ()):
        guid = entry["id"].rsplit("/", 1)[-1]
        group = _group_key(entry.get("managementGroup")) or hierarchy.root
        state = entry.get("state", "Enabled")
        hierarchy.subscriptions[guid.lower()] = Subscription(
            guid=guid,
            display_name=entry.get("displayName", guid),
            group=group,
            state=state,
            tags=dict(entry.get("tags", {})),
        )
    _complete_groups(hierarchy)
    for identifier in content.get("resources", ()):
        body = identifier if isinstance(identifier, dict) else {"id": identifier}
        rest = {name: value for name, value in body.items() if name not in {"id", "name", "type"}}
        hierarchy.add_resource(arm_id(body["id"]), rest)


def _complete_groups(hierarchy: Hierarchy) -> None:
    """Let groups that others only name exist below the root; refuse groups that contain each other.

    Raises:
        TenantError: a circle.
    """
    named = {group.parent for group in hierarchy.groups.values()} | {
        subscription.group for subscription in hierarchy.subscriptions.values()
    }
    for name in sorted(name for name in named if name and name not in hierarchy.groups):
        hierarchy.groups[name] = ManagementGroup(name=name, display_name=name, parent=hierarchy.root)
    for group in hierarchy.groups.values():
        visited = set()
        step: str | None = group.name.lower()
        while step is not None:
            if step in visited:
                raise TenantError(f"the management group {group.name!r} lies in a circle of parents")
            visited.add(step)
            step = hierarchy.groups[step].parent


def _group_key(text: str | None) -> str | None:
    """The folded name of a management group given by name or id."""
    return text.rstrip("/").rsplit("/", 1)[-1].lower() if text else None


def _touch_scope(tenant: Tenant, scope: ArmId) -> None:
    """Let the scope of a given object exist, so that the object can be asked for."""
    if scope.key and scope.kind in (ScopeKind.RESOURCE_GROUP, ScopeKind.RESOURCE):
        tenant.hierarchy.add_resource(scope)


def _add_definition(tenant: Tenant, family: Family, value: dict[str, JSON]) -> None:
    identifier = arm_id(value["id"])
    values = dict(value.get("properties", {}))
    if not owner_scope(identifier).key:
        values.setdefault("policyType", "BuiltIn")
    stored = definition_rules.completed(tenant, family, values)
    is_shown_as_made = bool(owner_scope(identifier).key or value.get("systemData"))
    system = _system(tenant, value) if is_shown_as_made else {}
    family.own(tenant).put(Record(id=identifier, type=family.type, properties=stored, system=system))


def _add_assignment(tenant: Tenant, value: dict[str, JSON]) -> None:
    identifier = arm_id(value["id"])
    scope = owner_scope(identifier)
    _touch_scope(tenant, scope)
    stored = assignments.completed(tenant, scope.text, dict(value.get("properties", {})))
    envelope: dict[str, JSON] = {name: value[name] for name in ("identity", "location") if name in value}
    tenant.assignments.put(
        Record(
            id=identifier, type=assignments.TYPE, properties=stored, system=_system(tenant, value), envelope=envelope
        )
    )


def _system(tenant: Tenant, value: dict[str, JSON]) -> dict[str, JSON]:
    """`systemData` as given, else as if the portal's user had made the object when this Azure started.

    What is said of the creation alone holds for the last modification too.
    """
    system = value.get("systemData")
    if not system:
        return tenant.at_start
    modified = {f"lastModified{part}": system[f"created{part}"] for part in _PARTS if f"created{part}" in system}
    return {**tenant.at_start, **modified, **system}


def _add_access(tenant: Tenant, content: Mapping[str, Any]) -> None:
    for objects, kind, name in (
        (tenant.role_definitions, role_definitions.TYPE, "roleDefinitions"),
        (tenant.role_assignments, role_assignments.TYPE, "roleAssignments"),
    ):
        for value in content.get(name, ()):
            objects.put(Record(id=arm_id(value["id"]), type=kind, properties=dict(value.get("properties", {}))))
    role_assignments.grant_all(tenant)


def _add_security(tenant: Tenant, content: Mapping[str, Any]) -> None:
    for value in content.get("policyStates", ()):
        resource = arm_id(value["resourceId"])
        _touch_scope(tenant, resource)
        tenant.compliance[resource.key, arm_id(value["policyDefinitionId"]).key] = value["complianceState"]
    for value in content.get("assessmentMetadata", ()):
        assessment_metadata.seed(tenant, value)
    for value in content.get("assessments", ()):
        assessments.seed(tenant, value)
    for family, name in (
        (security_standards.ASSIGNMENT_FAMILY, "standardAssignments"),
        (security_standards.STANDARD_FAMILY, "securityStandards"),
    ):
        for value in content.get(name, ()):
            _touch_scope(tenant, owner_scope(arm_id(value["id"])))
            security_standards.seed(family, tenant, value)
    for value in content.get("secureScoreControlDefinitions", ()):
        identifier = arm_id(f"/providers/{secure_scores.DEFINITIONS}/{value['name']}")
        record = Record(id=identifier, type=secure_scores.DEFINITIONS, properties=dict(value.get("properties", {})))
        tenant.control_definitions.put(record)
    for value in content.get("pricings", ()):
        plans.seed(tenant, value)
    tenant.evaluation_delay = content.get("defender", {}).get("evaluationDelay", tenant.evaluation_delay)
