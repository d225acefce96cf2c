"""Parts of sentences that the plan, the drift report and explanations share: what selectors choose, why something is
wanted no longer, where it is best removed. Facts that are settled, said in a few words.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from reconciler.arm.canonical import instant_text
from reconciler.model import Carrier, Declaration, Exemption, ResourceSelector, Selector, SystemData
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.marks import Ownership, describe_owner, made_by_user, owners, target_of

_UNKNOWN: Final = "an unknown identity"


def describe_selectors(selectors: tuple[ResourceSelector, ...]) -> str:
    """What resource selectors choose: `resourceLocation in eastus, westus`; empty where there are none. Conditions of
    one group hold together, groups stand for each other.
    """
    groups = [
        " and ".join(_condition(group_selector) for group_selector in group.selectors) or "everything"
        for group in selectors
    ]
    return groups[0] if len(groups) == 1 else ", or ".join(groups)


_WORDS = {
    "va.cve.cveId": "CVE in",
    "va.cve.severity": "severity below",
    "va.cve.cvss": "CVSS below",
    "excludedScopes": "scope not below",
    "subAssessmentExemptionRule": "findings that the rule chooses:",
}
"""How the conditions of a standard assignment are said."""


def _condition(selector: Selector) -> str:
    if words := _WORDS.get(selector.kind):
        return f"{words} {', '.join(selector.values)}"
    return f"{selector.kind} {'not in' if selector.negated else 'in'} {', '.join(selector.values)}"


def describe_removal(existing: Exemption, declaration: Declaration | None, now: datetime) -> str:
    """Which edit of the repository made one of ours unwanted; `declaration` is the one that its mark names."""
    target = target_of(existing)
    if declaration is None:
        return "its declaration was removed"
    if not declaration.enabled:
        return "its declaration is disabled"
    if declaration.has_expired(now):
        return "its declaration has expired"
    if target and target not in {scope.key for scope in declaration.scopes}:
        return "its declaration no longer lists this target"
    subject = "this recommendation" if existing.carrier is Carrier.STANDARD else "these policies"
    return f"its declaration no longer means {subject}"


def where_made(existing: Exemption) -> str:
    """Where something is best removed: what an application or another owner made, it may make again."""
    if existing.carrier is Carrier.STANDARD and not owners(existing):
        return "in Defender for Cloud (Environment settings > Exemptions), or where it is managed"
    if existing.system is None and not owners(existing):
        return "in the portal, or where it is managed"
    by_hand = made_by_user(existing) and not owners(existing)
    return "in the portal" if by_hand else "where it is managed (Terraform, a pipeline)"


def maker(existing: Exemption) -> str:
    """Who made it, as far as Azure says."""
    return (existing.system.created_by if existing.system else "") or _UNKNOWN


def made_when(system: SystemData | None) -> str:
    """`2026-11-01T00:00:00Z by ann@contoso.example`: when something was made, and who made it if Azure says so; empty where not
    even the time is known.
    """
    if system is None or system.created_at is None:
        return ""
    return instant_text(system.created_at) + (f" by {system.created_by}" if system.created_by else "")


def unproven(existing: Exemption) -> str:
    """Why our mark on something is not believed: it is a forgery, or was adopted in a run that no record tells of."""
    writer = existing.system.last_writer if existing.system else ""
    doubt = (
        f"none of the writers of reconciler.yaml made it or wrote it last ({writer} did)"
        if writer
        else "Azure does not say who made it or wrote it last"
    )
    return f"{doubt}, and no record of a production run (--record) says that it was adopted"


def whose(existing: ExistingExemption) -> str:
    """Who is responsible for an existing exemption, in a few words."""
    system = existing.exemption.system
    match existing.ownership:
        case Ownership.OURS:
            return f"ours, marked {existing.mark!r}" if existing.mark else "ours, without a declaration's mark"
        case Ownership.FORGED:
            return "not ours: it bears our mark, but none of our writers made it or wrote it last, and no record says that it was adopted"
        case Ownership.FOREIGN:
            return f"of the owner {describe_owner(existing.exemption)}"
        case Ownership.UNOWNED:
            by = maker(existing.exemption)
            if existing.exemption.carrier is Carrier.STANDARD:  # Azure does not say what made one
                return f"nobody's; made by {by}"
            kind = system.created_by_type if system and system.created_by_type else "unknown type"
            return f"nobody's; made by {by} ({kind})"
