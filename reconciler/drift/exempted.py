"""What an exemption exempts, in the words of Defender for Cloud: an auditor knows recommendations, not reference ids."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.drift.facts import Facts
from reconciler.model import JSON, ArmId, Exemption
from reconciler.planning.canonical import category


def contents(exemption: Exemption, facts: Facts) -> dict[str, JSON]:
    """Category, end, policies and recommendations of a live exemption, as evidence."""
    return {
        "category": category(exemption.category),
        "expiresOn": exemption.expires_on or "never",
        "referenceIds": sorted(exemption.reference_ids, key=str.lower),
        "recommendations": titles(exemption, facts),
    }


def titles(exemption: Exemption, facts: Facts) -> list[str]:
    """The recommendations behind the exempted policies, or the policies' own titles; none for a whole initiative."""
    return sorted({title for definition in definitions(exemption, facts) for title in _titles(definition, facts)})


def definitions(exemption: Exemption, facts: Facts) -> tuple[ArmId, ...]:
    """The policies behind the exempted references, sorted, as far as the initiative is known."""
    key = exemption.assignment.key, exemption.reference_ids
    if key not in facts.behind:  # thousands of exemptions list the same few references
        facts.behind[key] = _definitions(exemption, facts)
    return facts.behind[key]


def _definitions(exemption: Exemption, facts: Facts) -> tuple[ArmId, ...]:
    assignment = facts.assignment(exemption.assignment)
    if assignment is not None and not assignment.is_initiative:
        return (assignment.definition,)
    initiative = facts.snapshot.initiatives.get(exemption.assignment.key)
    listed = {reference.lower() for reference in exemption.reference_ids}
    members = initiative.members if initiative else ()
    return tuple(sorted({member.definition for member in members if member.reference_id.lower() in listed}))


def _titles(definition: ArmId, facts: Facts) -> Iterable[str]:
    recommendations = [found.title for found in facts.catalogue.resting_on(definition)]
    if recommendations:
        return recommendations
    policy = facts.catalogue.policy(definition)
    return [policy.title if policy else definition.name]
