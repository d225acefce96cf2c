"""What was seen, as a finding carries it: who and when, field by field, and where the portal shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final
from urllib.parse import quote

from reconciler.arm.canonical import comparable, compared_metadata, instant_text, readable
from reconciler.drift.coverage import full_evidence, selected_resources
from reconciler.drift.inputs import DriftInputs
from reconciler.model import JSON, ArmId, Carrier, Cloud, Exemption, ScopeKind, carrier_of, owner_scope
from reconciler.planning.evidence import Evidence, FieldDifference
from reconciler.planning.values import Finding

_GROUP_PAGE: Final = "#view/Microsoft_Azure_ManagementGroups/ManagmentGroupDrilldownMenuBlade/~/overview"
_EXEMPTIONS: Final = "/providers/microsoft.authorization/policyexemptions/"


def with_evidence(finding: Finding, inputs: DriftInputs) -> Finding:
    """The finding with everything that the snapshot, git and the declaration say about who, when and where."""
    evidence = _with_exemption(finding, inputs)
    if (declaration := inputs.declaration(finding.declaration)) is not None:
        commit = inputs.commit(declaration)
        evidence = replace(
            evidence,
            declared_by=declaration.owner,
            declared_at=_instant(commit.when) if commit else "",
            commit=commit.sha if commit else "",
            ticket=declaration.ticket,
        )
    portal = portal_link(finding.subject, inputs.settings.tenant_id, inputs.settings.cloud)
    return replace(finding, evidence=replace(evidence, portal=portal))


def _with_exemption(finding: Finding, inputs: DriftInputs) -> Evidence:
    """What the exemption exempts and who made it; where there is none, who assigned what evaluates the resource.

    Beside a change, which says the rest, only what its selectors choose.
    """
    evidence = finding.evidence
    existing = inputs.existing(finding.subject)
    if existing is None:
        assignment = inputs.assignment(finding.assignment)
        system = assignment.system if assignment else None
        if system is None:
            return evidence
        return replace(evidence, assigned_by=system.created_by, assigned_at=_instant(system.created_at))
    if evidence.changed:
        return replace(evidence, system=existing.system, resource_selectors=selected_resources(existing))
    contents = full_evidence(existing, inputs)
    return replace(
        evidence,
        system=existing.system,
        category=contents.category,
        expires_on=evidence.expires_on or contents.expires_on,
        reference_ids=evidence.reference_ids or contents.reference_ids,
        recommendations=evidence.recommendations or contents.recommendations,
        policy_titles=evidence.policy_titles or contents.policy_titles,
        resource_selectors=contents.resource_selectors,
    )


def _instant(moment: datetime | None) -> str:
    return instant_text(moment) if moment else ""


# --- field by field ----------------------------------------------------------------------------------------------


def changed_fields(existing: Exemption, declared: Exemption) -> tuple[FieldDifference, ...]:
    """What makes an update, field by field, each value as its own side writes it."""
    canonical = [_by_path(side, side.get("metadata")) for side in (comparable(declared), comparable(existing))]
    spelled = [_by_path(readable(side), compared_metadata(side.metadata)) for side in (declared, existing)]
    paths = sorted(path for path in canonical[0] | canonical[1] if canonical[0].get(path) != canonical[1].get(path))
    return tuple(
        FieldDifference(path=path, declared=spelled[0].get(path), existing=spelled[1].get(path)) for path in paths
    )


def _by_path(properties: Mapping[str, JSON], metadata: JSON) -> dict[str, JSON]:
    nested = {"metadata": metadata or {}, "exemptionData": properties.get("exemptionData") or {}}
    parts = {f"{name}.{key}": value for name, values in nested.items() for key, value in values.items()}
    return {key: value for key, value in properties.items() if key not in nested} | parts


# --- the portal --------------------------------------------------------------------------------------------------


def portal_link(subject: ArmId, tenant: str, cloud: Cloud) -> str:
    """The portal's page of the scope that a finding is about, or nothing where it has none.

    The portal has no documented address for one exemption: the page of its scope leads there by way of *Policy*.
    """
    is_exemption = _EXEMPTIONS in subject.key or carrier_of(subject) is Carrier.STANDARD
    scope = owner_scope(subject) if is_exemption else subject
    if not scope.key.startswith(("/subscriptions/", "/providers/microsoft.management/managementgroups/")):
        return ""
    if scope.kind is ScopeKind.MANAGEMENT_GROUP:
        return f"{cloud.portal}/{_GROUP_PAGE}/tenantId/{quote(tenant)}/mgId/{quote(scope.name, safe='()')}"
    return f"{cloud.portal}/#@{quote(tenant)}/resource{quote(scope.text, safe='/()', errors='surrogatepass')}"
