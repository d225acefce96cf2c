"""What Azure Policy would say of each resource: computed from assignments, exemptions and the tenant file's facts.

No rule is evaluated. A policy looks at the resources of its types below its assignment; each is compliant unless the
tenant file says otherwise (`policyStates`, or an unhealthy assessment of a recommendation behind which the policy
stands), and exempt where an unexpired exemption covers it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from reconciler.emulator.state.behind import policies_behind
from reconciler.emulator.state.coverage import Coverage, coverage_of, folded_type, selected, selectors_of
from reconciler.emulator.state.effects import DISABLED, member_effect, single_effect
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
from reconciler.model import JSON, ArmId, arm_id, owner_scope

COMPLIANT: Final = "Compliant"
NON_COMPLIANT: Final = "NonCompliant"
EXEMPT: Final = "Exempt"
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One policy of an assignment with its effect there (in lower case), and the member of the initiative that it is, if
    it is of one.
    """

    definition: ArmId
    properties: dict[str, JSON]
    effect: str
    reference_id: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyState:
    """What one policy of one assignment says of one resource."""

    resource: Resource
    assignment: Record
    member: Member
    state: str
    evaluated: datetime


def policy_states(tenant: Tenant, within: ArmId) -> Iterator[PolicyState]:
    """The states of all resources at or below a scope, by assignment, member and resource."""
    subscriptions = (Resource(id=arm_id(f"/subscriptions/{key}")) for key in tenant.hierarchy.subscriptions)
    everything = (*subscriptions, *tenant.hierarchy.resources.values())
    resources = [
        resource for resource in everything if not within.key or tenant.hierarchy.contains(within, resource.id)
    ]
    now = tenant.clock.now()
    coverages = [coverage_of(exemption) for exemption in tenant.exemptions.by_id.values()]
    unexpired = [coverage for coverage in coverages if not coverage.has_expired(now)]
    evaluated = _evaluated(tenant, coverages)
    unhealthy = _unhealthy(tenant)
    for assignment in tenant.assignments.by_id.values():
        scope = owner_scope(assignment.id)
        excluded = [arm_id(str(text)) for text in assignment.properties.get("notScopes") or ()]
        below = [
            resource
            for resource in resources
            if tenant.hierarchy.contains(scope, resource.id)
            and not any(tenant.hierarchy.contains(part, resource.id) for part in excluded)
            and selected(selectors_of(assignment), resource)
        ]
        applicable = [coverage for coverage in unexpired if coverage.assignment == assignment.id.key]
        for member in filter(lambda member: member.effect != DISABLED, members(tenant, assignment)):
            for resource in below:
                key = resource.id.key, member.definition.key
                stated = tenant.compliance.get(key) or (NON_COMPLIANT if key in unhealthy else "")
                if not stated and folded_type(resource) not in resource_types(member.properties):
                    continue
                is_exempt = any(
                    coverage.means(member.reference_id, resource)
                    and tenant.hierarchy.contains(coverage.scope, resource.id)
                    for coverage in applicable
                )
                state = EXEMPT if is_exempt else stated or COMPLIANT
                yield PolicyState(
                    resource=resource, assignment=assignment, member=member, state=state, evaluated=evaluated
                )


def _evaluated(tenant: Tenant, coverages: Sequence[Coverage]) -> datetime:
    """When the states came to be as they are: the last write, the last expiry or the daily scan; a whole second."""
    now = tenant.clock.now()
    scanned = tenant.started + (now - tenant.started) // _DAY * _DAY
    ended = [coverage.expires for coverage in coverages if coverage.expires and coverage.expires <= now]
    return min(now, max(scanned, tenant.changed, *ended)).replace(microsecond=0)


def members(tenant: Tenant, assignment: Record) -> Iterator[Member]:
    """The policies that an assignment means, at its pinned version; also those whose effect is disabled."""
    identifier = definition_id(assignment)
    if SETS not in identifier.key:
        properties = definition_properties(tenant, identifier)
        if properties is not None:
            yield Member(definition=identifier, properties=properties, effect=single_effect(assignment, properties))
        return
    _, version = effective(tenant, assignment)
    initiative = versions(tenant, identifier)[version] if version else {}
    for entry in initiative.get("policyDefinitions", []):
        definition = arm_id(str(entry.get("policyDefinitionId", "")))
        properties = definition_properties(tenant, definition)
        if properties is not None:
            yield Member(
                definition=definition,
                properties=properties,
                effect=member_effect(assignment, initiative, entry, properties),
                reference_id=str(entry.get("policyDefinitionReferenceId", "")),
                groups=tuple(entry.get("groupNames") or ()),
            )


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


def _unhealthy(tenant: Tenant) -> set[tuple[str, str]]:
    """Which resource is unhealthy by a recommendation that rests on which policy."""
    pairs: set[tuple[str, str]] = set()
    for record in tenant.assessments.by_id.values():
        if (record.properties.get("status") or {}).get("code") == "Unhealthy":
            pairs |= {(owner_scope(record.id).key, key) for key in policies_behind(tenant, record.id)}
    return pairs
