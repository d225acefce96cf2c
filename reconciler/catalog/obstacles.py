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

_OF_POLICIES: Final = frozenset({Obstacle.MODE, Obstacle.DEPRECATED})
"""What a recommendation has because all of its policies have it."""

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


def noted(recommendation: Recommendation) -> frozenset[Obstacle]:
    """The obstacles that a source itself names."""
    return _NOTED.intersection(recommendation.obstacles)


def judged_policy(policy: Policy, modes: frozenset[str]) -> Policy:
    """The policy with all its obstacles."""
    if policy.mode.lower() in modes:
        return policy
    return replace(policy, obstacles=ordered({*policy.obstacles, Obstacle.MODE}))


def own_obstacles(
    noted: Iterable[Obstacle], environment: Environment, *, is_evaluated: bool, is_retired: bool
) -> frozenset[Obstacle]:
    """What stands in the way of a recommendation apart from its policies: what a source notes, and what follows.
    `is_evaluated`: it is known by what, policies or Defender itself.
    """
    obstacles = set(noted)
    if environment is Environment.DEVOPS:
        obstacles.add(Obstacle.DEVOPS)
    elif not is_evaluated:
        obstacles.add(Obstacle.NO_POLICY)
    if is_retired:
        obstacles.add(Obstacle.RETIRED)
    return frozenset(obstacles)


def judged(recommendation: Recommendation, policy: Callable[[ArmId], Policy | None]) -> Recommendation:
    """The recommendation with all its obstacles: its own, which a bundled one has, and what its policies share."""
    obstacles = (
        recommendation.obstacles
        if not recommendation.overlaid
        else ordered(
            own_obstacles(
                noted(recommendation),
                recommendation.environment,
                is_evaluated=bool(recommendation.evaluators),
                is_retired=recommendation.retirement is not None,
            )
        )
    )
    if recommendation.policies:  # one that is not known stands in nobody's way
        definitions = [policy(identifier) for identifier in recommendation.policies]
        shared = _OF_POLICIES.intersection(*(definition.obstacles if definition else () for definition in definitions))
        obstacles = ordered({*obstacles, *shared})
    return recommendation if obstacles == recommendation.obstacles else replace(recommendation, obstacles=obstacles)
