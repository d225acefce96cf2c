"""What an exemption covers: which policies of which assignment, on which resources, until when."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reconciler.emulator.state.clock import parse_instant
from reconciler.emulator.state.hierarchy import Resource
from reconciler.emulator.state.tenant import Exemption, Record
from reconciler.model import ArmId, ScopeKind, owner_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """An exemption, as far as it decides. `references` are folded, empty for all; `written` is when it was last written
    by its `systemData`.
    """

    scope: ArmId
    assignment: str
    references: frozenset[str]
    category: str
    expires: datetime | None
    written: datetime
    selectors: tuple[dict[str, Any], ...]

    def has_expired(self, at: datetime) -> bool:
        """Whether it ended at or before an instant."""
        return self.expires is not None and self.expires <= at

    def means(self, reference_id: str, resource: Resource) -> bool:
        """Whether it is about a member of its assignment, for a resource at or below its scope."""
        if self.references and reference_id.lower() not in self.references:
            return False
        return selected(self.selectors, resource)


def coverage_of(exemption: Exemption) -> Coverage:
    """The coverage of an exemption as it is stored."""
    value: dict[str, Any] = json.loads(exemption.body)
    properties, system = value["properties"], value.get("systemData") or {}
    expires = str(properties.get("expiresOn") or "")
    modified = str(system.get("lastModifiedAt") or system.get("createdAt") or "")
    return Coverage(
        scope=owner_scope(exemption.id),
        assignment=exemption.assignment,
        references=frozenset(str(name).lower() for name in properties.get("policyDefinitionReferenceIds") or ()),
        category=str(properties.get("exemptionCategory") or ""),
        expires=parse_instant(expires) if expires else None,
        written=parse_instant(modified) or datetime.min.replace(tzinfo=UTC),
        selectors=tuple(properties.get("resourceSelectors") or ()),
    )


def selected(selectors: tuple[dict[str, Any], ...], resource: Resource) -> bool:
    """Whether resource selectors, of an exemption or an assignment, take a resource: any of them, or there are none."""
    return not selectors or any(_selects(selector, resource) for selector in selectors)


def selectors_of(assignment: Record) -> tuple[dict[str, Any], ...]:
    """The resource selectors of an assignment."""
    return tuple(assignment.properties.get("resourceSelectors") or ())


def folded_type(resource: Resource) -> str:
    """The type of a resource or group as rules name it, in lower case."""
    if resource.id.kind is ScopeKind.RESOURCE_GROUP:
        return "microsoft.resources/subscriptions/resourcegroups"
    if resource.id.kind is ScopeKind.SUBSCRIPTION:
        return "microsoft.resources/subscriptions"
    parts = resource.id.key[resource.id.key.rfind("/providers/") + len("/providers/") :].split("/")
    return "/".join((parts[0], *parts[1::2]))


def _selects(selector: dict[str, Any], resource: Resource) -> bool:
    """Whether all conditions of a selector hold. Kinds that say nothing about a resource hold."""
    facts = {
        "resourcelocation": str(resource.body.get("location", "westeurope")),
        "resourcetype": folded_type(resource),
    }
    for condition in selector.get("selectors") or ():
        fact = facts.get(str(condition.get("kind", "")).lower())
        if fact is None:
            continue
        folded = fact.lower().replace(" ", "")
        values = {str(text).lower().replace(" ", "") for text in condition.get("in") or condition.get("notIn") or ()}
        if (folded in values) is not bool(condition.get("in")):
            return False
    return True
