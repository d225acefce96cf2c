"""What an exemption exempts, in the words of Defender for Cloud: an auditor knows recommendations, not reference ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from reconciler.arm.canonical import category
from reconciler.drift.inputs import DriftInputs
from reconciler.model import ArmId, Carrier, Exemption
from reconciler.planning.descriptions import describe_selectors
from reconciler.planning.evidence import Evidence
from reconciler.planning.values import SEVERITIES


def full_evidence(exemption: Exemption, inputs: DriftInputs) -> Evidence:
    """Category, end, policies, recommendations and selection of an existing exemption."""
    return replace(
        declared_evidence(exemption, inputs),
        category=category(exemption.category),
        expires_on=exemption.expires_on or "never",
    )


def declared_evidence(exemption: Exemption, inputs: DriftInputs) -> Evidence:
    """Its policies, the recommendations behind them, the titles of those that none rests on, and its selection."""
    titles = [(definition, _recommendations(definition, inputs)) for definition in covered_policies(exemption, inputs)]
    return Evidence(
        reference_ids=tuple(sorted(exemption.reference_ids, key=str.lower)),
        recommendations=tuple(sorted({title for _, resting in titles for title in resting})),
        policy_titles=tuple(sorted({_policy_title(policy, inputs) for policy, resting in titles if not resting})),
        resource_selectors=selected_resources(exemption),
    )


def selected_resources(exemption: Exemption) -> str:
    """What its resource selectors choose, in words; empty without any."""
    return describe_selectors(exemption.selectors) if exemption.selectors else ""


def recommendation_titles(exemption: Exemption, inputs: DriftInputs) -> list[str]:
    """The recommendations behind the exempted policies, or the policies' own titles; none for a whole initiative."""
    definitions = covered_policies(exemption, inputs)
    return sorted(
        {
            title
            for policy in definitions
            for title in _recommendations(policy, inputs) or [_policy_title(policy, inputs)]
        }
    )


def worst_severity(exemption: Exemption, inputs: DriftInputs) -> str:
    """The worst severity of the recommendations behind the exempted policies; empty where none is known."""
    severities = {
        recommendation.severity
        for policy in covered_policies(exemption, inputs)
        for recommendation in inputs.catalogue.resting_on(policy)
    }
    return next((severity for severity in SEVERITIES if severity in severities), "")


def covered_policies(exemption: Exemption, inputs: DriftInputs) -> tuple[ArmId, ...]:
    """The policies behind the exempted references, sorted, as far as the initiative is known; or the assessment."""
    key = exemption.assignment.key, exemption.reference_ids
    if key not in inputs.policies_behind:  # thousands of exemptions list the same few references
        assignment = inputs.assignment(exemption.assignment)
        policies: Iterable[ArmId]
        if exemption.carrier is Carrier.STANDARD:
            policies = [exemption.assignment]
        elif assignment is not None and not assignment.is_initiative:
            policies = [assignment.definition]
        else:
            initiative = inputs.snapshot.initiatives.get(exemption.assignment.key)
            listed = {reference.lower() for reference in exemption.reference_ids}
            members = initiative.members if initiative else ()
            policies = {member.definition for member in members if member.reference_id.lower() in listed}
        inputs.policies_behind[key] = tuple(sorted(policies))
    return inputs.policies_behind[key]


def _recommendations(definition: ArmId, inputs: DriftInputs) -> list[str]:
    return [recommendation.title for recommendation in inputs.catalogue.resting_on(definition)]


def _policy_title(definition: ArmId, inputs: DriftInputs) -> str:
    policy = inputs.catalogue.policy(definition)
    return policy.title if policy else definition.name
