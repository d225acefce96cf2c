"""Where catalog.yaml weakens a bundled fact: a lower severity, fewer policies, an obstacle that is gone.

Each is a warning, so that a reviewer sees it before anything else; `strictness` keeps the rules judging by the bundled
fact all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.facts import EXPLANATIONS, Obstacle, Policy, Recommendation
from reconciler.codes import RuleCode
from reconciler.model import Source, first_few
from reconciler.problems import Problem

CODE: Final = RuleCode.CATALOGUE_WEAKER
_FILE: Final = "catalog.yaml"
_SEVERITIES: Final = ("", "low", "medium", "high", "critical")
_MAX_NAMES: Final = 3
_FIELDS: Final = {Obstacle.DEVOPS: "environment", Obstacle.MODE: "mode"}


def weakened_facts(catalogue: Catalogue) -> Iterator[Problem]:
    """A warning for each bundled fact that catalog.yaml weakens."""
    for entry in catalogue.overlay.recommendations:
        if entry.key in catalogue.bundled.recommendations:
            yield from _weaker_recommendation(catalogue, entry.key)
    for policy in catalogue.overlay.policies:
        before, after = catalogue.bundled.policy(policy.id), catalogue.policies[policy.id.key]
        if before is not None:
            yield from _lost_obstacles(catalogue, ("policies", policy.id.key), before, after)
    for changed in catalogue.overlay.initiatives:
        initiative, overlaid = catalogue.bundled.initiative(changed.id), catalogue.initiative(changed.id)
        if initiative is None or overlaid is None:
            continue
        members = {(member.reference_id.lower(), member.definition) for member in overlaid.members}
        lost = [
            member.reference_id
            for member in initiative.members
            if (member.reference_id.lower(), member.definition) not in members
        ]
        if lost:
            yield _warning(
                catalogue,
                ("initiatives", changed.id.key, "removed"),
                message=f"{initiative.title!r} no longer has {first_few(lost, _MAX_NAMES)} for the policies that it is bundled with",
                remedy="make sure that the version which is assigned has it so",
            )


def _weaker_recommendation(catalogue: Catalogue, key: str) -> Iterator[Problem]:
    before, after = catalogue.bundled.recommendations[key], catalogue.recommendations[key]
    if _SEVERITIES.index(after.severity.lower()) < _SEVERITIES.index(before.severity.lower()):
        yield _warning(
            catalogue,
            ("recommendations", key, "severity"),
            message=f"{before.title!r} is {after.severity} here and {before.severity} in the bundled facts",
            remedy=f"make sure that Defender for Cloud rates it so; rules by severity go by {before.severity} all the same",
        )
    if lost := [policy.name for policy in before.policies if policy not in after.policies]:
        yield _warning(
            catalogue,
            ("recommendations", key, "policies"),
            message=f"{before.title!r} no longer rests on {first_few(lost, _MAX_NAMES)}, as it does in the bundled facts",
            remedy="make sure that the tenant evaluates it so; rules.neverExempt protects these policies all the same",
        )
    yield from _lost_obstacles(catalogue, ("recommendations", key), before, after)


def _lost_obstacles(
    catalogue: Catalogue, entry: tuple[str, str], before: Recommendation | Policy, after: Recommendation | Policy
) -> Iterator[Problem]:
    for obstacle in before.obstacles:
        if obstacle not in after.obstacles and obstacle is not Obstacle.NO_POLICY:
            yield _warning(
                catalogue,
                (*entry, _FIELDS.get(obstacle, obstacle.value)),
                message=f"for {before.title!r} it is no longer said that {EXPLANATIONS[obstacle]}",
                remedy="make sure that this is so in the tenant",
            )


def _warning(catalogue: Catalogue, place: tuple[str, str, str], *, message: str, remedy: str) -> Problem:
    places = catalogue.overlay.places
    return Problem(
        source=places.get(place) or places.get((*place[:2], "")) or Source(_FILE),
        code=CODE,
        message=f"this weakens a bundled fact: {message}",
        remedy=remedy,
    )
