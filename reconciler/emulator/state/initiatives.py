"""Definitions and their versions: which one an assignment means, and which reference ids it holds."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.emulator.state.builtin import FIRST_VERSION
from reconciler.emulator.state.tenant import Record, Tenant
from reconciler.model import JSON, ArmId, arm_id

SETS = "/policysetdefinitions/"


def definition_properties(tenant: Tenant, identifier: ArmId) -> dict[str, JSON] | None:
    """The newest properties of a policy or policy set, the tenant's own before Azure's; None where there is none."""
    is_set = SETS in identifier.key
    own = (tenant.set_definitions if is_set else tenant.definitions).get(identifier.key)
    if own:
        return own.properties
    if tenant.built_ins is None:
        return None
    return tenant.built_ins.initiative(identifier) if is_set else tenant.built_ins.policy(identifier)


def versions(tenant: Tenant, identifier: ArmId) -> dict[str, dict[str, JSON]]:
    """Every version of a definition with its properties, newest first."""
    current = definition_properties(tenant, identifier)
    by_version = {} if current is None else {version_of(current): current}
    for record in tenant.definition_versions.by_id.values():
        if record.id.key.rpartition("/versions/")[0] == identifier.key:
            by_version[record.id.name] = record.properties
    return dict(sorted(by_version.items(), key=lambda item: version_key(item[0]), reverse=True))


def pinned(available: Iterable[str], pin: str | None) -> str | None:
    """The newest of the versions (newest first) that a pin such as `1.*.*` or `1.2.*` allows; None where none does."""
    pattern = (pin or "*").split("-")[0].split(".")
    for version in available:
        parts = version.split("-", maxsplit=1)[0].split(".")
        if all(allowed in ("*", part) for allowed, part in zip(pattern, parts, strict=False)):
            return version
    return None


def effective(tenant: Tenant, assignment: Record) -> tuple[str | None, str | None]:
    """The newest version of what is assigned, and the one in effect by the assignment's pin."""
    available = list(versions(tenant, definition_id(assignment)))
    return (available[0] if available else None), pinned(available, assignment.properties.get("definitionVersion"))


def definition_id(assignment: Record) -> ArmId:
    """What is assigned, without a version."""
    identifier = arm_id(str(assignment.properties.get("policyDefinitionId", "")))
    cut = identifier.key.rfind("/versions/")
    return identifier if cut < 0 else ArmId(identifier.key[:cut], identifier.text[:cut])


def reference_ids(tenant: Tenant, assignment: Record) -> frozenset[str] | None:
    """The folded reference ids of the assigned initiative at its pinned version; None where a policy is assigned."""
    identifier = definition_id(assignment)
    if SETS not in identifier.key:
        return None
    available = versions(tenant, identifier)
    version = pinned(available, assignment.properties.get("definitionVersion"))
    members = available[version].get("policyDefinitions", []) if version else []
    cached = tenant.reference_ids.get(identifier.key)
    if cached is None or cached[0] is not members:
        folded = frozenset(str(member.get("policyDefinitionReferenceId", "")).lower() for member in members)
        cached = tenant.reference_ids[identifier.key] = (members, folded)
    return cached[1]


def version_of(properties: dict[str, JSON]) -> str:
    """The version that a definition's properties name."""
    metadata = properties.get("metadata") or {}
    return str(properties.get("version") or metadata.get("version") or FIRST_VERSION)


def version_key(version: str) -> tuple[int, ...]:
    """Sorts versions by their numbers; a suffix such as `-preview` does not count."""
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("-", maxsplit=1)[0].split("."))
