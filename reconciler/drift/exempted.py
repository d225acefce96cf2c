"""What an exemption exempts, in the words of Defender for Cloud: an auditor knows recommendations, not reference ids."""

from __future__ import annotations

from reconciler.arm.canonical import category
from reconciler.drift.facts import Facts
from reconciler.model import JSON, ArmId, Exemption
from reconciler.planning.descriptions import describe_selectors


def contents(exemption: Exemption, facts: Facts) -> dict[str, JSON]:
    """Category, end, policies and recommendations of a live exemption, as evidence."""
    return {
        "category": category(exemption.category),
        "expiresOn": exemption.expires_on or "never",
        "referenceIds": sorted(exemption.reference_ids, key=str.lower),
        **named(exemption, facts),
        **selection(exemption),
    }


def selection(exemption: Exemption) -> dict[str, JSON]:
    """What its resource selectors choose, as evidence; nothing without any."""
    return {"resourceSelectors": describe_selectors(exemption.selectors)} if exemption.selectors else {}


def named(exemption: Exemption, facts: Facts) -> dict[str, JSON]:
    """The recommendations behind the exempted policies, and the titles of those that none rests on, as evidence."""
    behind = [(each, _recommendations(each, facts)) for each in definitions(exemption, facts)]
    others = sorted({_policy_title(each, facts) for each, resting in behind if not resting})
    resting = sorted({title for _, titles in behind for title in titles})
    return {"recommendations": resting} | ({"policyTitles": others} if others else {})


def titles(exemption: Exemption, facts: Facts) -> list[str]:
    """The recommendations behind the exempted policies, or the policies' own titles; none for a whole initiative."""
    behind = definitions(exemption, facts)
    return sorted({title for each in behind for title in _recommendations(each, facts) or [_policy_title(each, facts)]})


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


def _recommendations(definition: ArmId, facts: Facts) -> list[str]:
    return [found.title for found in facts.catalogue.resting_on(definition)]


def _policy_title(definition: ArmId, facts: Facts) -> str:
    policy = facts.catalogue.policy(definition)
    return policy.title if policy else definition.name
