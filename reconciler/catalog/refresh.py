"""Compares the facts with what a tenant has now, and says which overlay would make up the difference.

A tenant's assessment metadata is the truth about which policy stands behind a recommendation. It reaches declarations
through a reviewed catalog.yaml only, so everything here is small on purpose: what no exemption can reach is left out,
and so is what differs in letters' case alone. What the tenant lists without a policy stands alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.facts import Environment, Obstacle, Policy, Recommendation
from reconciler.catalog.live import MAX_TITLE, LiveRecommendation
from reconciler.catalog.overlay import InitiativeEntry, Overlay, RecommendationEntry
from reconciler.catalog.titles import fold_title
from reconciler.documents.characters import without_invisible
from reconciler.model import ArmId, Initiative, Member


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFacts:
    """What was read from the tenant: its recommendations, its assigned initiatives, and custom policies' definitions."""

    recommendations: tuple[LiveRecommendation, ...]
    initiatives: tuple[Initiative, ...] = ()
    policies: tuple[Policy, ...] = ()


def refreshed(bundled: Catalogue, current: Overlay, live: LiveFacts) -> Overlay:
    """The overlay that brings the bundled facts (a catalogue without overlay) to what is live.

    Entries of the current overlay about what the tenant does not show are kept; those that the bundled facts have
    caught up with are dropped.
    """
    entries = {entry.key: entry for entry in current.recommendations}
    listed = {recommendation.key for recommendation in live.recommendations}
    fresh = (
        _recommendation(bundled, entries.get(recommendation.key), recommendation)
        for recommendation in live.recommendations
    )
    recommendations = [entry for entry in fresh if entry and not entry.is_empty]
    recommendations += [entry for key, entry in entries.items() if key not in listed]
    policies = {policy.id.key: policy for policy in (*current.policies, *live.policies)}
    return Overlay(
        recommendations=tuple(sorted(recommendations, key=lambda entry: entry.key)),
        policies=tuple(policies[key] for key in sorted(policies)),
        initiatives=_initiatives(bundled, current, recommendations, live.initiatives),
    )


def unknown_policies(bundled: Catalogue, current: Overlay, live: LiveFacts) -> tuple[ArmId, ...]:
    """Policies behind live recommendations of which neither facts nor overlay know the title, sorted."""
    titled = {policy.id.key for policy in current.policies} | bundled.policies.keys()
    named = {
        recommendation.policy
        for recommendation in live.recommendations
        if recommendation.policy and recommendation.policy.key not in titled
    }
    return tuple(sorted(named))


def gone(bundled: Catalogue, live: LiveFacts) -> tuple[Recommendation, ...]:
    """Bundled recommendations with a policy that the tenant does not list; nothing is ever changed because of it."""
    listed = {live_recommendation.key for live_recommendation in live.recommendations}
    return tuple(
        recommendation
        for key, recommendation in bundled.recommendations.items()
        if recommendation.exemptable and recommendation.policies and key not in listed
    )


# --- recommendations -------------------------------------------------------------------------------------------------


def _recommendation(
    bundled: Catalogue, current: RecommendationEntry | None, live: LiveRecommendation
) -> RecommendationEntry | None:
    bundled_facts = bundled.recommendations.get(live.key)
    if bundled_facts:
        environment = bundled_facts.environment
    else:  # where its resources live, if that is one place that is known here
        names = {environment.value for environment in Environment}
        environment = Environment(live.clouds[0] if len(live.clouds) == 1 and live.clouds[0] in names else "")
    if (
        not live.policy
        and not (bundled_facts and bundled_facts.policies)
        and (live.custom or environment is Environment.DEVOPS)
    ):
        return current
    overlaid = current or RecommendationEntry(key=live.key)
    if bundled_facts:
        entry = _difference(bundled, bundled_facts, live)
    else:
        entry = RecommendationEntry(
            key=live.key,
            title=live.title,
            severity=live.severity or None,
            environment=Environment.AZURE if live.policy else environment or None,
            policies=(live.policy,) if live.policy else (),
            preview=live.preview or None,
            custom=live.custom or None,
        )
    if overlaid.policies and live.policy in overlaid.policies and entry.policies is not None:
        entry = replace(entry, policies=overlaid.policies)
    category = live.category if live.category in bundled.recommendation_categories else ""
    return replace(
        entry,
        category=category if category and category != (bundled_facts.category if bundled_facts else "") else None,
        environment=overlaid.environment or entry.environment,
        resource_types=overlaid.resource_types if overlaid.resource_types is not None else entry.resource_types,
    )


def _difference(bundled: Catalogue, bundled_facts: Recommendation, live: LiveRecommendation) -> RecommendationEntry:
    # The metadata names one policy only: where the facts know that one among several, all of them stay, else it stands
    # beside those whose own rule names the recommendation.
    policies = bundled_facts.policies
    if live.policy not in policies:
        details = (bundled.policy(policy) for policy in policies)
        asserted = tuple(policy.id for policy in details if policy and policy.assessment == bundled_facts.key)
        policies = (live.policy, *asserted) if live.policy else asserted
    is_told = policies != bundled_facts.policies or not (policies or bundled_facts.alone)
    return RecommendationEntry(
        key=live.key,
        title=live.title if fold_title(live.title) != fold_title(bundled_facts.title) else None,
        severity=live.severity if live.severity and live.severity != bundled_facts.severity else None,
        policies=policies if is_told else None,
        preview=live.preview if live.preview != (Obstacle.PREVIEW in bundled_facts.obstacles) else None,
        custom=live.custom or None,
    )


# --- initiatives -----------------------------------------------------------------------------------------------------


def _initiatives(
    bundled: Catalogue, current: Overlay, recommendations: Iterable[RecommendationEntry], live: Iterable[Initiative]
) -> tuple[InitiativeEntry, ...]:
    """Entries for assigned initiatives that evaluate a recommendation's policy and are not as bundled."""
    evaluated = {
        policy.key for recommendation in bundled.recommendations.values() for policy in recommendation.policies
    }
    evaluated |= {policy.key for entry in recommendations for policy in entry.policies or ()}
    # Where assignments are pinned to several versions, the newest counts.
    newest = {initiative.id.key: initiative for initiative in sorted(live, key=_version)}
    entries = {entry.id.key: entry for entry in current.initiatives if entry.id.key not in newest}
    for key, initiative in newest.items():
        entry = _initiative(bundled, initiative)
        if not entry.is_empty and any(member.definition.key in evaluated for member in initiative.members):
            entries[key] = entry
    return tuple(entries[key] for key in sorted(entries))


def _version(initiative: Initiative) -> tuple[int, ...]:
    numbers = (part.partition("-")[0] for part in (initiative.version or "").split("."))
    return tuple(int(number) if number.isdecimal() else 0 for number in numbers)


def _initiative(bundled: Catalogue, live: Initiative) -> InitiativeEntry:
    bundled_facts = bundled.initiative(live.id)
    members = tuple(Member(definition=member.definition, reference_id=member.reference_id) for member in live.members)
    title = without_invisible(live.display_name)[:MAX_TITLE].strip()
    if bundled_facts is None:
        return InitiativeEntry(id=live.id, title=title or live.id.name, version=live.version, members=_sorted(members))
    before, after = _by_reference(bundled_facts.members), _by_reference(members)
    added = [
        member for key, member in after.items() if key not in before or before[key].definition != member.definition
    ]
    removed = [member.reference_id for key, member in before.items() if key not in after]
    if not added and not removed:
        return InitiativeEntry(id=bundled_facts.id)
    return InitiativeEntry(
        id=bundled_facts.id, version=live.version, added=_sorted(added), removed=tuple(sorted(removed))
    )


def _by_reference(members: Iterable[Member]) -> Mapping[str, Member]:
    return {member.reference_id.lower(): member for member in members}


def _sorted(members: Iterable[Member]) -> tuple[Member, ...]:
    return tuple(sorted(members, key=lambda member: member.reference_id.lower()))
