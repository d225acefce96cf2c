"""What was seen, as a finding carries it: who and when, field by field, and where the portal shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final
from urllib.parse import quote

from reconciler.arm.canonical import comparable, compared_metadata, encode_properties, instant_text
from reconciler.drift.exempted import contents, selection
from reconciler.drift.facts import Facts
from reconciler.model import JSON, ArmId, Cloud, Exemption, ScopeKind, SystemData, owner_scope
from reconciler.planning.values import Finding

_PORTALS: Final = {
    Cloud.PUBLIC: "https://portal.azure.com",
    Cloud.US_GOVERNMENT: "https://portal.azure.us",
    Cloud.CHINA: "https://portal.azure.cn",
}
_GROUP_PAGE: Final = "#view/Microsoft_Azure_ManagementGroups/ManagmentGroupDrilldownMenuBlade/~/overview"
_EXEMPTIONS: Final = "/providers/microsoft.authorization/policyexemptions/"


def with_witnesses(finding: Finding, facts: Facts) -> Finding:
    """The finding with everything that the snapshot, git and the declaration say about who, when and where."""
    said = {
        **_contents(facts, finding),
        **_people(facts, finding),
        **_declared(facts, finding),
        "portal": portal_link(finding.subject, facts.settings.tenant_id, facts.settings.cloud),
    }
    evidence = {key: value for key, value in said.items() if value} | dict(finding.evidence)
    return replace(finding, evidence=evidence)


def _contents(facts: Facts, finding: Finding) -> dict[str, JSON]:
    """What the exemption exempts; beside a change, which says the rest, only what its selectors choose."""
    live = facts.live(finding.subject)
    if live is None:
        return {}
    return selection(live) if "changed" in finding.evidence else contents(live, facts)


def _people(facts: Facts, finding: Finding) -> dict[str, JSON]:
    """Who made and last changed the exemption; where there is none, who assigned what evaluates the resource."""
    live = facts.live(finding.subject)
    if live is not None:
        return system_data(live.system)
    assignment = facts.assignment(finding.assignment)
    system = assignment.system if assignment else None
    return {"assignedBy": system.created_by, "assignedAt": _when(system.created_at)} if system else {}


def system_data(system: SystemData | None) -> dict[str, JSON]:
    """ARM's stamp under ARM's names; a last change that is the making itself is not repeated."""
    if system is None:
        return {}
    made = {
        "createdBy": system.created_by,
        "createdByType": system.created_by_type,
        "createdAt": _when(system.created_at),
    }
    if (system.last_modified_at, system.last_modified_by) == (system.created_at, system.created_by):
        return made
    return made | {
        "lastModifiedBy": system.last_modified_by,
        "lastModifiedByType": system.last_modified_by_type,
        "lastModifiedAt": _when(system.last_modified_at),
    }


def _declared(facts: Facts, finding: Finding) -> dict[str, JSON]:
    """Whom to ask about the declaration, and since when it stands in git as it does."""
    declaration = facts.declaration(finding.declaration)
    if declaration is None:
        return {}
    commit = facts.commit(declaration)
    return {
        "declaredBy": declaration.owner,
        "declaredAt": _when(commit.when) if commit else "",
        "commit": commit.sha if commit else "",
        "ticket": declaration.ticket,
    }


def _when(moment: datetime | None) -> str:
    return instant_text(moment) if moment else ""


# --- field by field ----------------------------------------------------------------------------------------------


def changed_fields(live: Exemption, declared: Exemption) -> list[JSON]:
    """What makes an update, one entry a field: `path`, the value as `declared`, and the one that is `live`."""
    differing = _differing(comparable(live), comparable(declared))
    shown = _shown(live), _shown(declared)
    return [{"path": path, "declared": shown[1].get(path), "live": shown[0].get(path)} for path in differing]


def _differing(one: Mapping[str, JSON], other: Mapping[str, JSON]) -> list[str]:
    left, right = _flat(one, one.get("metadata")), _flat(other, other.get("metadata"))
    return sorted(path for path in {**left, **right} if left.get(path) != right.get(path))


def _shown(exemption: Exemption) -> dict[str, JSON]:
    """The same paths in the spelling of that side."""
    return _flat(encode_properties(exemption), compared_metadata(exemption.metadata))


def _flat(found: Mapping[str, JSON], metadata: JSON) -> dict[str, JSON]:
    marks = {f"metadata.{key}": value for key, value in (metadata or {}).items()}
    return {key: value for key, value in found.items() if key != "metadata"} | marks


# --- the portal --------------------------------------------------------------------------------------------------


def portal_link(subject: ArmId, tenant: str, cloud: Cloud) -> str:
    """The portal's page of the scope that a finding is about, or nothing where it has none.

    The portal has no documented address for one exemption: the page of its scope leads there by way of *Policy*.
    """
    scope = owner_scope(subject) if _EXEMPTIONS in subject.key else subject
    if not scope.key.startswith(("/subscriptions/", "/providers/microsoft.management/managementgroups/")):
        return ""
    if scope.kind is ScopeKind.MANAGEMENT_GROUP:
        return f"{_PORTALS[cloud]}/{_GROUP_PAGE}/tenantId/{quote(tenant)}/mgId/{quote(scope.name, safe='()')}"
    return f"{_PORTALS[cloud]}/#@{quote(tenant)}/resource{quote(scope.text, safe='/()', errors='surrogatepass')}"
