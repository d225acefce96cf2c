"""What Azure Policy would say of each resource: computed from assignments, exemptions and the tenant file's facts.

No rule is evaluated. A policy looks at the resources of its types below its assignment; each is compliant unless the
tenant file says otherwise (`policyStates`, or an unhealthy assessment of a recommendation behind which the policy
stands), and exempt where an unexpired exemption covers it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from reconciler import catalog
from reconciler.emulator.state.clock import parse_instant
from reconciler.emulator.state.hierarchy import Resource
from reconciler.emulator.state.initiatives import (
    SETS,
    definition_id,
    definition_properties,
    effective,
    version_of,
    versions,
)
from reconciler.emulator.state.tenant import Record, Tenant
from reconciler.model import JSON, ArmId, ScopeKind, arm_id, owner_scope

COMPLIANT: Final = "Compliant"
NON_COMPLIANT: Final = "NonCompliant"
EXEMPT: Final = "Exempt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One policy of an assignment, with the member of the initiative that it is, if it is of one."""

    definition: ArmId
    properties: dict[str, JSON]
    reference_id: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyState:
    """What one policy of one assignment says of one resource."""

    resource: Resource
    assignment: Record
    member: Member
    state: str


def policy_states(tenant: Tenant, within: ArmId) -> Iterator[PolicyState]:
    """The states of all resources at or below a scope, by assignment, member and resource."""
    resources = [
        resource for resource in tenant.hierarchy.resources.values() if _is_within(tenant, within, resource.id)
    ]
    waivers = [_waiver(json.loads(exemption.body)) for exemption in tenant.exemptions.by_id.values()]
    unhealthy = _unhealthy(tenant)
    for assignment in tenant.assignments.by_id.values():
        scope = owner_scope(assignment.id)
        excluded = [arm_id(str(text)) for text in assignment.properties.get("notScopes") or ()]
        below = [
            resource
            for resource in resources
            if tenant.hierarchy.contains(scope, resource.id)
            and not any(tenant.hierarchy.contains(part, resource.id) for part in excluded)
        ]
        ours = [
            waiver for waiver in waivers if waiver.assignment == assignment.id.key and not waiver.has_expired(tenant)
        ]
        for member in members(tenant, assignment):
            for resource in below:
                stated = _stated(tenant, unhealthy, resource, member)
                if not stated and _type(resource) not in resource_types(member.properties):
                    continue
                is_exempt = any(waiver.covers(tenant, resource, member) for waiver in ours)
                state = EXEMPT if is_exempt else stated or COMPLIANT
                yield PolicyState(resource=resource, assignment=assignment, member=member, state=state)


def members(tenant: Tenant, assignment: Record) -> Iterator[Member]:
    """The policies that an assignment means, at its pinned version; those that are disabled by default are left out."""
    identifier = definition_id(assignment)
    if SETS not in identifier.key:
        properties = definition_properties(tenant, identifier)
        if properties is not None and effect_of(properties) != "disabled":
            yield Member(definition=identifier, properties=properties)
        return
    _, version = effective(tenant, assignment)
    listed = versions(tenant, identifier)[version].get("policyDefinitions", []) if version else []
    for entry in listed:
        definition = arm_id(str(entry.get("policyDefinitionId", "")))
        properties = definition_properties(tenant, definition)
        if properties is not None and effect_of(properties) != "disabled":
            yield Member(
                definition=definition,
                properties=properties,
                reference_id=str(entry.get("policyDefinitionReferenceId", "")),
                groups=tuple(entry.get("groupNames") or ()),
            )


def effect_of(properties: dict[str, JSON]) -> str:
    """The effect of a policy in lower case, as its rule or the default of its parameter has it."""
    effect = str(((properties.get("policyRule") or {}).get("then") or {}).get("effect", "audit"))
    if effect.startswith("["):
        parameter = (properties.get("parameters") or {}).get("effect") or {}
        effect = str(parameter.get("defaultValue", "audit"))
    return effect.lower()


def resource_types(properties: dict[str, JSON]) -> set[str]:
    """The folded resource types that a policy's rule names."""
    types: set[str] = set()
    pending: list[Any] = [(properties.get("policyRule") or {}).get("if")]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if str(value.get("field", "")).lower() == "type":
                names = value.get("in") or [value.get("equals")]
                types |= {str(name).lower() for name in names if name}
            pending += value.values()
        elif isinstance(value, list):
            pending += value
    return types


def definition_version(member: Member) -> str:
    """The version of the member's policy."""
    return version_of(member.properties)


# --- facts -------------------------------------------------------------------------------------------------------


def _stated(tenant: Tenant, unhealthy: set[tuple[str, str]], resource: Resource, member: Member) -> str:
    key = resource.id.key, member.definition.key
    return tenant.compliance.get(key) or (NON_COMPLIANT if key in unhealthy else "")


def _unhealthy(tenant: Tenant) -> set[tuple[str, str]]:
    """Which resource is unhealthy by a recommendation that rests on which policy."""
    pairs: set[tuple[str, str]] = set()
    recommendations = catalog.load().recommendations if tenant.built_ins is not None else {}
    for record in tenant.assessments.by_id.values():
        if (record.properties.get("status") or {}).get("code") != "Unhealthy":
            continue
        recommendation = recommendations.get(record.id.name.lower())
        policies = recommendation.policies if recommendation else ()
        pairs |= {(owner_scope(record.id).key, policy.key) for policy in policies}
    return pairs


def _is_within(tenant: Tenant, scope: ArmId, resource: ArmId) -> bool:
    return scope.key == "" or tenant.hierarchy.contains(scope, resource)


def _type(resource: Resource) -> str:
    """The folded type as rules name it."""
    if resource.id.kind is ScopeKind.RESOURCE_GROUP:
        return "microsoft.resources/subscriptions/resourcegroups"
    parts = resource.id.key[resource.id.key.rfind("/providers/") + len("/providers/") :].split("/")
    return "/".join((parts[0], *parts[1::2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiver:
    """An exemption, as far as it decides."""

    scope: ArmId
    assignment: str
    references: frozenset[str]
    expires: str
    selectors: tuple[dict[str, Any], ...]

    def has_expired(self, tenant: Tenant) -> bool:
        end = parse_instant(self.expires) if self.expires else None
        return end is not None and end <= tenant.clock.now()

    def covers(self, tenant: Tenant, resource: Resource, member: Member) -> bool:
        means = not self.references or member.reference_id.lower() in self.references
        selected = not self.selectors or any(_selects(selector, resource) for selector in self.selectors)
        return means and selected and tenant.hierarchy.contains(self.scope, resource.id)


def _waiver(value: dict[str, Any]) -> _Waiver:
    properties = value["properties"]
    return _Waiver(
        scope=owner_scope(arm_id(value["id"])),
        assignment=arm_id(str(properties["policyAssignmentId"])).key,
        references=frozenset(str(name).lower() for name in properties.get("policyDefinitionReferenceIds") or ()),
        expires=str(properties.get("expiresOn") or ""),
        selectors=tuple(properties.get("resourceSelectors") or ()),
    )


def _selects(selector: dict[str, Any], resource: Resource) -> bool:
    """Whether all conditions of a selector hold. Kinds that say nothing about a resource hold."""
    facts = {"resourcelocation": str(resource.body.get("location", "westeurope")), "resourcetype": _type(resource)}
    for condition in selector.get("selectors") or ():
        fact = facts.get(str(condition.get("kind", "")).lower())
        if fact is None:
            continue
        folded = fact.lower().replace(" ", "")
        named = {str(text).lower().replace(" ", "") for text in condition.get("in") or condition.get("notIn") or ()}
        if (folded in named) is not bool(condition.get("in")):
            return False
    return True
