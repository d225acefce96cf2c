"""In what an exemption in Azure exempts more than its declaration wants: what an auditor reads first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from reconciler.arm.canonical import folded_selectors, instant
from reconciler.model import Carrier, Exemption, Initiative

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


def exempts_more(live: Exemption, declared: Exemption, initiative: Initiative | None) -> str:
    """In words: longer, more policies, resources or findings that the selectors would leave out; empty where it does not."""
    chosen = "findings" if declared.carrier is Carrier.STANDARD else "resources"
    is_otherwise = declared.selectors and folded_selectors(live.selectors) != folded_selectors(declared.selectors)
    respects = [
        "longer" if _end(live) > _end(declared) else "",
        "more policies" if not _cells(live, initiative) <= _cells(declared, initiative) else "",
        # without any selectors in Azure all of it is exempt
        f"{'other' if live.selectors else 'more'} {chosen}" if is_otherwise else "",
    ]
    return " and ".join(respect for respect in respects if respect)


def _end(exemption: Exemption) -> datetime:
    return instant(exemption.expires_on) or _NEVER


def _cells(exemption: Exemption, initiative: Initiative | None) -> frozenset[str]:
    """Folded reference ids that the initiative has; an empty list means all of them."""
    existing = frozenset(member.reference_id.lower() for member in initiative.members) if initiative else None
    listed = frozenset(reference.lower() for reference in exemption.reference_ids)
    if existing is None:
        return listed
    return (listed & existing) if listed else existing
