"""Says why an exemption of something may not be possible or may not do what one expects."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from reconciler.catalog.facts import Environment, Obstacle, Policy, Recommendation
from reconciler.model import ArmId, Cloud

_NOTED: Final = frozenset({Obstacle.UNSUPPORTED, Obstacle.CUSTOM, Obstacle.SUSPECT_KEY, Obstacle.PREVIEW})
"""What a source says of a recommendation itself; the rest follows from its environment and its policies."""

_CHINA_MODES: Final = frozenset({"", "all", "indexed", "microsoft.kubernetes.data", "microsoft.keyvault.data"})
_MODES: Final = _CHINA_MODES | {"microsoft.network.data"}


def exemptable_modes(cloud: Cloud) -> frozenset[str]:
    """The policy modes, folded, that Azure Policy accepts exemptions for; an absent mode is a resource manager one."""
    return _CHINA_MODES if cloud is Cloud.CHINA else _MODES


def ordered(obstacles: Iterable[Obstacle]) -> tuple[Obstacle, ...]:
    """Each once, those that block first, in the order of the enum."""
    return _ordered(frozenset(obstacles))


@functools.cache
def _ordered(obstacles: frozenset[Obstacle]) -> tuple[Obstacle, ...]:
    return tuple(obstacle for obstacle in Obstacle if obstacle in obstacles)


def noted(found: Recommendation) -> frozenset[Obstacle]:
    """The obstacles that a source itself names."""
    return _NOTED.intersection(found.obstacles)


def judged_policy(found: Policy, modes: frozenset[str]) -> Policy:
    """The policy with all its obstacles."""
    if found.mode.lower() in modes:
        return found
    return replace(found, obstacles=ordered({*found.obstacles, Obstacle.MODE}))


def judged(found: Recommendation, policy: Callable[[ArmId], Policy | None]) -> Recommendation:
    """The recommendation with all its obstacles: what a source notes, and what its environment and policies mean."""
    obstacles = set(noted(found))
    match found.environment:
        case Environment.DEVOPS:
            obstacles.add(Obstacle.DEVOPS)
        case Environment.AWS | Environment.GCP:
            obstacles.add(Obstacle.OTHER_CLOUD)
        case Environment.AZURE | Environment.UNKNOWN if not found.policies:
            obstacles.add(Obstacle.NO_POLICY)
    if found.retirement:
        obstacles.add(Obstacle.RETIRED)
    said = ordered(obstacles | _shared(found.policies, policy))
    return found if said == found.obstacles else replace(found, obstacles=said)


def _shared(policies: Iterable[ArmId], policy: Callable[[ArmId], Policy | None]) -> frozenset[Obstacle]:
    """What stands in the way of every policy behind a recommendation; one that is not known stands in none."""
    known = [frozenset(found.obstacles) if (found := policy(identifier)) else frozenset() for identifier in policies]
    shared = frozenset.intersection(*known) if known else frozenset()
    return shared & {Obstacle.MODE, Obstacle.DEPRECATED}
