"""Reads what a tenant's own answers say: assessment metadata (2021-06-01) and policy definitions, as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.catalog.facts import Policy
from reconciler.documents.characters import without_invisible
from reconciler.model import JSON, ArmId, arm_id, is_guid

SEVERITIES: Final = ("Critical", "High", "Medium", "Low")
MAX_TITLE: Final = 512
_PARAMETER: Final = re.compile(r"\[parameters\('([^']+)'\)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRecommendation:
    """A recommendation as the tenant lists it. `custom` says that the organisation made it; `category` is its
    recommendation category, `clouds` are those whose resources it is about, both as far as the tenant says.
    """

    key: str
    title: str
    severity: str = ""
    policy: ArmId | None = None
    preview: bool = False
    custom: bool = False
    category: str = ""
    clouds: tuple[str, ...] = ()


def live_recommendations(rows: Iterable[JSON]) -> tuple[LiveRecommendation, ...]:
    """The recommendations in lists of assessment metadata, each key once (the first wins), sorted by key.

    A row without a GUID for its name or without a title is none. Characters that do not show are left out of titles.
    """
    recommendations: dict[str, LiveRecommendation] = {}
    for row in rows:
        if not isinstance(row, Mapping):
            continue
        properties = _mapping(row, "properties")
        key, title = _text(row, "name").lower(), _title(properties)
        if not is_guid(key) or not title or key in recommendations:
            continue
        severity, policy = _text(properties, "severity").capitalize(), _text(properties, "policyDefinitionId")
        recommendations[key] = LiveRecommendation(
            key=key,
            title=title,
            severity=severity if severity in SEVERITIES else "",
            policy=arm_id(policy) if "/policydefinitions/" in policy.lower() else None,
            preview=properties.get("preview") is True,
            custom=_text(properties, "assessmentType").lower().startswith("custom"),
            category=_text(properties, "recommendationCategory"),
            clouds=_texts(properties, "cloudProviders"),
        )
    return tuple(recommendations[key] for key in sorted(recommendations))


def live_policy(row: JSON) -> Policy | None:
    """What a policy definition's own JSON says, or None where it is none; an effect that is a parameter is told by its default."""
    properties = _mapping(row, "properties")
    identifier = row.get("id") if isinstance(row, Mapping) else None
    if not isinstance(identifier, str) or "/policydefinitions/" not in identifier.lower():
        return None
    version = properties.get("version") or _mapping(properties, "metadata").get("version")
    effect = _text(_mapping(_mapping(properties, "policyRule"), "then"), "effect")
    if parameter := _PARAMETER.fullmatch(effect):
        effect = _text(_mapping(_mapping(properties, "parameters"), parameter.group(1)), "defaultValue")
    return Policy(
        id=arm_id(identifier),
        title=_title(properties) or identifier.rsplit("/", 1)[-1],
        version=str(version or ""),
        mode=_text(properties, "mode"),
        default_effect=effect,
        overlaid=True,
    )


def _title(properties: Mapping[str, Any]) -> str:
    return without_invisible(_text(properties, "displayName"))[:MAX_TITLE].strip()


def _mapping(row: JSON, name: str) -> Mapping[str, Any]:
    value = row.get(name) if isinstance(row, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _texts(row: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = row.get(name)
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list) else ()
