"""What is about to go wrong by itself: declarations near their end, and subscriptions near Defender's limit.

Findings of the plan, so that whoever reads a plan and whoever reads a drift report see the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from reconciler.arm.canonical import instant_text
from reconciler.kinds import FindingKind
from reconciler.model import Declaration, ScopeKind, Severity, arm_id
from reconciler.planning.evidence import Evidence
from reconciler.planning.stages import PlanBasis
from reconciler.planning.values import Finding

RESOURCE_QUOTA: Final = 5000
"""Exempt resources that Defender for Cloud allows in one subscription (defender-for-cloud, exempt a resource)."""

_SOON: Final = timedelta(days=7)


def upcoming_findings(basis: PlanBasis) -> list[Finding]:
    """All such findings, in no particular order."""
    return [*_expiring(basis), *_resource_quota(basis)]


def _expiring(basis: PlanBasis) -> Iterator[Finding]:
    """Each declaration that ends soon, once, with how many exemptions end with it."""
    now = basis.inputs.now
    until = now + timedelta(days=basis.inputs.settings.expiring_days)
    ending: dict[str, list[Declaration]] = defaultdict(list)
    for confirmed in basis.confirmed:
        declaration = confirmed.desired.declaration
        if (end := declaration.expires_on) is not None and end <= until:
            ending[declaration.name].append(declaration)
    for declarations in ending.values():
        declaration, number = declarations[0], len(declarations)
        end, place = declaration.expires_on, declaration.place("expiresOn")
        assert end is not None
        days = (end.date() - now.date()).days
        distance = "today" if days == 0 else "in 1 day" if days == 1 else f"in {days} days"
        exemptions = "1 exemption ends" if number == 1 else f"{number} exemptions end"
        yield Finding(
            kind=FindingKind.EXPIRING,
            severity_override=Severity.WARNING if end - now <= _SOON else None,
            subject=declaration.scopes[0],
            message=f"{exemptions} on {end:%Y-%m-%d} ({distance}); then the resources count as unhealthy again",
            remedy=f"to keep it, set a later expiresOn in {place.file}:{place.line}; to let it end, do nothing: apply removes it then",
            declaration=declaration.name,
            source=place,
            evidence=Evidence(expires_on=instant_text(end), exemptions=number),
        )


def _resource_quota(basis: PlanBasis) -> Iterator[Finding]:
    """Subscriptions in which this plan leaves almost as many exempt resources as Defender for Cloud allows, or more."""
    deleted = {change.id.key for change in basis.proposed if change.after is None}
    existing = (item for item in basis.existing if not item.expired and item.exemption.id.key not in deleted)
    scopes = [item.scope for item in existing]
    scopes += [change.exemption.scope for change in basis.proposed if change.existing is None]
    resources: dict[str, set[str]] = defaultdict(set)
    for scope in scopes:
        if scope.subscription and scope.kind is ScopeKind.RESOURCE:
            resources[scope.subscription].add(scope.key)
    for subscription, keys in sorted(resources.items()):
        if len(keys) >= RESOURCE_QUOTA * 9 // 10:
            yield Finding(
                kind=FindingKind.QUOTA,
                severity_override=Severity.ERROR if len(keys) > RESOURCE_QUOTA else None,
                subject=arm_id(f"/subscriptions/{subscription}"),
                message=f"would have {len(keys):,} exempt resources of the 5,000 that Defender for Cloud allows in one subscription",
                remedy="declare on the resource group or subscription instead of single resources, or remove what is no longer needed",
                evidence=Evidence(aspect="resources", count=len(keys), limit=RESOURCE_QUOTA),
            )
