"""Reads what Defender for Cloud says: three queries to Resource Graph, page by page, and one list of definitions.

Resource Graph lags behind Defender by minutes, and shows only what the identity may read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from reconciler.arm.canonical import instant
from reconciler.azure import graph
from reconciler.azure.api_versions import Api
from reconciler.azure.client import ArmClient
from reconciler.documents.characters import without_invisible
from reconciler.model import ArmId, arm_id, owner_scope
from reconciler.model.posture import (
    Assessment,
    ControlDefinition,
    Health,
    Posture,
    ReportedScore,
    ResourceCounts,
)
from reconciler.problems import AzureError

ASSESSMENTS: Final = """securityresources
| where type == 'microsoft.security/assessments'
| project id, name, subscriptionId, details = properties.resourceDetails, status = properties.status,
    title = properties.displayName, metadata = properties.metadata
| order by id asc"""
SCORES: Final = """securityresources
| where type == 'microsoft.security/securescores' and name =~ 'ascScore'
| project id, subscriptionId, score = properties.score, weight = properties.weight
| order by id asc"""
CONTROLS: Final = """securityresources
| where type == 'microsoft.security/securescores/securescorecontrols'
| project id, name, subscriptionId, healthy = properties.healthyResourceCount, unhealthy = properties.unhealthyResourceCount,
    notApplicable = properties.notApplicableResourceCount
| order by id asc"""
PLANS: Final = """securityresources
| where type == 'microsoft.security/pricings'
| project id, name, subscriptionId, tier = properties.pricingTier, deprecated = properties.deprecated
| order by id asc"""

_DEFINITIONS: Final = "/providers/Microsoft.Security/secureScoreControlDefinitions"


def read_posture(client: ArmClient, every: Sequence[ArmId], within: Sequence[ArmId]) -> Posture:
    """The scores of all subscriptions in `every`; controls and assessments of those in `within`.

    Raises:
        AzureError: Defender or Resource Graph could not be read.
    """
    definitions = read_control_definitions(client, every)
    scores = graph.rows(client, SCORES, every)
    controls = graph.rows(client, CONTROLS, within)
    return Posture(
        assessments=read_assessments(client, within),
        definitions=definitions,
        counts={
            (str(row.get("subscriptionId")).lower(), _text(row, "name").lower()): ResourceCounts(
                healthy=_whole(row, "healthy"),
                unhealthy=_whole(row, "unhealthy"),
                not_applicable=_whole(row, "notApplicable"),
            )
            for row in controls
        },
        scores={
            str(row.get("subscriptionId")).lower(): ReportedScore(
                current=_decimal(score, "current"),
                max=_whole(score, "max"),
                percentage=_decimal(score, "percentage"),
                weight=_whole(row, "weight"),
            )
            for row in scores
            for score in [_mapping(row, "score")]
        },
    )


def read_assessments(client: ArmClient, subscriptions: Sequence[ArmId]) -> tuple[Assessment, ...]:
    """Every assessment of some subscriptions.

    Raises:
        AzureError: Resource Graph could not be read.
    """
    rows = graph.rows(client, ASSESSMENTS, subscriptions)
    return tuple(assessment for row in rows if (assessment := assessment_in(row)) is not None)


def read_plans(client: ArmClient, subscriptions: Sequence[ArmId]) -> dict[ArmId, dict[str, bool]]:
    """Which of Defender's plans (folded names) are on, subscription by subscription; deprecated ones are left out.

    Raises:
        AzureError: Resource Graph could not be read.
    """
    rows = graph.rows(client, PLANS, subscriptions)
    plans: dict[ArmId, dict[str, bool]] = {}
    for row in rows:
        if row.get("deprecated") is not True:
            states = plans.setdefault(arm_id(f"/subscriptions/{_text(row, 'subscriptionId')}"), {})
            states[_text(row, "name").lower()] = _text(row, "tier").lower() == "standard"
    return plans


def read_control_definitions(client: ArmClient, subscriptions: Sequence[ArmId]) -> tuple[ControlDefinition, ...]:
    """The controls of secure score, from the tenant or, where that is refused, from a subscription, which has the same.

    Raises:
        AzureError: none could be read.
    """
    try:
        rows = client.pages(_DEFINITIONS, Api.SECURE_SCORE)
    except AzureError as refused:
        if refused.status != 403 or not subscriptions:
            raise
        rows = client.pages(subscriptions[0].text + _DEFINITIONS, Api.SECURE_SCORE)
    definitions = []
    for row in rows:
        properties = _mapping(row, "properties")
        members = properties.get("assessmentDefinitions")
        definitions.append(
            ControlDefinition(
                key=_text(row, "name").lower(),
                title=without_invisible(_text(properties, "displayName")).strip(),
                max_score=_whole(properties, "maxScore"),
                members=frozenset(
                    _text(member, "id").rsplit("/", 1)[-1].lower()
                    for member in (members if isinstance(members, list) else ())
                    if isinstance(member, Mapping)
                ),
            )
        )
    return tuple(definitions)


# --- one row -----------------------------------------------------------------------------------------------------


def assessment_in(row: Mapping[str, Any]) -> Assessment | None:
    """The assessment in a row of Resource Graph with id, details, status and metadata; None where the row is none that we understand."""
    status, details, metadata = (_mapping(row, name) for name in ("status", "details", "metadata"))
    identifier, code = row.get("id"), _text(status, "code")
    if not isinstance(identifier, str) or code not in {health.value for health in Health}:
        return None
    assessment = arm_id(identifier)
    source = _text(details, "Source") or "Azure"
    stated = (_text(details, "Id") if source.lower() == "azure" else _text(details, "AzureResourceId")).strip()
    policy = _text(metadata, "policyDefinitionId")
    return Assessment(
        id=assessment,
        key=assessment.name.lower(),
        resource=arm_id(stated) if stated else owner_scope(assessment),
        health=Health(code),
        cause=_text(status, "cause"),
        title=without_invisible(_text(row, "title")).strip(),
        severity=_text(metadata, "severity"),
        preview=metadata.get("preview") is True,
        policy=arm_id(policy) if policy else None,
        source=source,
        changed_at=instant(_text(status, "statusChangeDate")),
    )


def _mapping(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = row.get(name)
    return value if isinstance(value, Mapping) else {}


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _whole(row: Mapping[str, Any], name: str) -> int:
    return int(_number(row, name))


def _decimal(row: Mapping[str, Any], name: str) -> Fraction:
    """The number as it is written, which a binary fraction only comes near."""
    return Fraction(str(_number(row, name)))


def _number(row: Mapping[str, Any], name: str) -> float:
    value = row.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0
