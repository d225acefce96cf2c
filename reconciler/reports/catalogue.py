"""Forms of what the catalogue knows about one recommendation, policy or initiative."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.catalog import (
    BuiltInInitiative,
    Catalogue,
    Evidence,
    Policy,
    Recommendation,
)
from reconciler.catalog.lookup import Lookup
from reconciler.model import JSON, ArmId, count
from reconciler.reports.catalogue_history import history_fields, history_json
from reconciler.reports.escape import json_document
from reconciler.reports.exemptability import FORMAT, INDENT, exemptable_fields, obstacle_lines
from reconciler.reports.styled import BLANK, Line, Style, line

_WIDEST: Final = 72
_EVIDENCE: Final = {
    Evidence.POLICY: "the policy's own rule names this recommendation",
    Evidence.LIVE: "from this tenant's metadata, in catalog.yaml",
    Evidence.RECORDED: "as a recorded answer of Defender for Cloud says",
    Evidence.DOCUMENTED: "as Microsoft's documentation says",
    Evidence.DOCUMENTED_BY_NAME: "as Microsoft's documentation says of the same title",
    Evidence.SAME_TITLE: "because titles are equal; `exempt catalog diff` compares with the tenant",
    Evidence.NONE: "",
}


def show_lines(lookup: Lookup, catalogue: Catalogue) -> Iterator[Line]:
    """Everything that is known about what was looked up."""
    parts = [_recommendation_lines(item, catalogue) for item in lookup.recommendations]
    parts += [_alone_lines(item, catalogue) for item in lookup.policies]
    parts += [_initiative_lines(item, catalogue) for item in lookup.initiatives]
    for number, part in enumerate(parts):
        if number:
            yield BLANK
        yield from part
    if len(lookup.recommendations) > 1:
        yield BLANK
        yield line((Style.WARNING, "note: "), "several recommendations have this title; a declaration needs the key")


def _recommendation_lines(recommendation: Recommendation, catalogue: Catalogue) -> Iterator[Line]:
    yield line((Style.HEADING, recommendation.title))
    yield _field("recommendation", recommendation.key or "no public source names its key")
    yield _field("severity", recommendation.severity or "not known")
    yield _field("environment", recommendation.environment.value or "not known")
    if recommendation.former_titles:
        yield _field("formerly", "; ".join(recommendation.former_titles))
    if recommendation.resource_types:
        yield _field("evaluates", ", ".join(recommendation.resource_types))
    yield _field("exemptable", "yes" if recommendation.exemptable else "no")
    yield from obstacle_lines(recommendation.obstacles, 1)
    if recommendation.alone and recommendation.exemptable:
        yield _field("exempted by", "a standard assignment, since no policy stands behind it")
    if recommendation.category:
        yield _field("category", recommendation.category)
    yield from (_field(label, text) for label, text in history_fields(recommendation))
    if _EVIDENCE[recommendation.evidence]:
        yield _field("policies known", _EVIDENCE[recommendation.evidence])
    for policy in recommendation.policies:
        yield BLANK
        yield from _policy_lines(policy, catalogue, recommendation.key)
    if recommendation.exemptable:
        yield BLANK
        yield line((Style.QUIET, f"{INDENT}in a declaration:"))
        fields = [f"policyDefinition: {policy.name}" for policy in recommendation.policies]
        if recommendation.key:
            fields = [f"recommendation: {recommendation.key}"]
        yield from (line(f"{INDENT * 2}{field}") for field in fields)


def _alone_lines(policy: Policy, catalogue: Catalogue) -> Iterator[Line]:
    yield line((Style.HEADING, policy.title))
    yield from obstacle_lines(policy.obstacles, 1)
    yield from _policy_lines(policy.id, catalogue, "")
    yield BLANK
    yield line((Style.QUIET, f"{INDENT}in a declaration:"))
    yield line(f"{INDENT * 2}policyDefinition: {policy.id.name}")


def _policy_lines(identifier: ArmId, catalogue: Catalogue, but: str) -> Iterator[Line]:
    policy = catalogue.policy(identifier)
    yield _field("policy", identifier.text)
    if policy is None:
        yield line(INDENT * 2, (Style.QUIET, "not among the policies that the catalogue knows"))
    else:
        effect = policy.default_effect or "not known"
        yield line(f"{INDENT * 2}{policy.title}")
        yield line((Style.QUIET, f"{INDENT * 2}mode {policy.mode or 'not given'}, default effect {effect}"))
        yield from obstacle_lines([item for item in policy.obstacles if item.blocks], 2)
    for sibling in catalogue.resting_on(identifier):
        if sibling.key != but:
            yield line(f"{INDENT * 2}", (Style.WARNING, "also exempts "), f"{sibling.title} ({sibling.key})")
    # A row for each initiative: its title and version, then the reference ids of the policy in it.
    initiatives = catalogue.initiatives_with(identifier)
    if not initiatives:
        yield line(f"{INDENT * 2}in no known initiative")
        return
    yield line(f"{INDENT * 2}in {count(len(initiatives), 'known initiative')}, under the reference ids")
    names = [f"{initiative.title} ({initiative.version or 'version not known'})" for initiative in initiatives]
    width = min(_WIDEST, max(map(len, names)))
    for name, initiative in zip(names, initiatives, strict=True):
        yield line(f"{INDENT * 3}{name:<{width}}  ", (Style.NAME, ", ".join(initiative.reference_ids(identifier))))


def _initiative_lines(initiative: BuiltInInitiative, catalogue: Catalogue) -> Iterator[Line]:
    yield line((Style.HEADING, initiative.title))
    yield _field("initiative", initiative.id.text)
    yield _field("version", initiative.version or "not known")
    policies = len({member.definition for member in initiative.members})
    yield _field(
        "members", f"{count(len(initiative.members), 'reference id')} of {count(policies, 'policy', 'policies')}"
    )
    for member in initiative.members:
        policy = catalogue.policy(member.definition)
        title = policy.title if policy else "not known"
        yield line(
            f"{INDENT * 2}", (Style.NAME, member.reference_id), f"  {title} ", (Style.QUIET, member.definition.name)
        )


def _field(label: str, value: str) -> Line:
    return line((Style.QUIET, f"{INDENT}{label:<15} "), value)


def show_json(lookup: Lookup, catalogue: Catalogue, query: str) -> str:
    """`{format_version, query, recommendations, policies, initiatives}`; each policy with its initiatives and
    reference ids, each recommendation with its policies in full.
    """
    initiatives = [
        {
            "id": initiative.id.text,
            "title": initiative.title,
            "version": initiative.version,
            "deprecated": initiative.deprecated,
            "preview": initiative.preview,
            "overlaid": initiative.overlaid,
            "members": [
                {"policyDefinitionId": member.definition.text, "referenceId": member.reference_id}
                for member in initiative.members
            ],
        }
        for initiative in lookup.initiatives
    ]
    return json_document(
        {
            "format_version": FORMAT,
            "query": query,
            "recommendations": [_recommendation_json(item, catalogue) for item in lookup.recommendations],
            "policies": [_policy_json(item.id, catalogue) for item in lookup.policies],
            "initiatives": initiatives,
        }
    )


def _recommendation_json(recommendation: Recommendation, catalogue: Catalogue) -> dict[str, JSON]:
    return {
        "key": recommendation.key,
        "title": recommendation.title,
        "formerTitles": list(recommendation.former_titles),
        "severity": recommendation.severity,
        "environment": recommendation.environment.value,
        "resourceTypes": list(recommendation.resource_types),
        **exemptable_fields(recommendation.obstacles, exemptable=recommendation.exemptable),
        "standsAlone": recommendation.alone,
        "recommendationCategory": recommendation.category or None,
        "evidence": recommendation.evidence.value,
        "overlaid": recommendation.overlaid,
        **history_json(recommendation),
        "policies": [_policy_json(policy, catalogue) for policy in recommendation.policies],
    }


def _policy_json(identifier: ArmId, catalogue: Catalogue) -> dict[str, JSON]:
    policy = catalogue.policy(identifier)
    shown_policy = policy or Policy(id=identifier, title="")
    initiatives = [
        {
            "id": item.id.text,
            "title": item.title,
            "version": item.version,
            "referenceIds": list(item.reference_ids(identifier)),
        }
        for item in catalogue.initiatives_with(identifier)
    ]
    return {
        "id": identifier.text,
        "known": policy is not None,
        "title": shown_policy.title,
        "version": shown_policy.version,
        "mode": shown_policy.mode,
        "defaultEffect": shown_policy.default_effect,
        "resourceTypes": list(shown_policy.resource_types),
        **exemptable_fields(shown_policy.obstacles, exemptable=shown_policy.exemptable),
        "recommendations": [item.key for item in catalogue.resting_on(identifier)],
        "initiatives": initiatives,
    }
