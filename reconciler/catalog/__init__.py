"""What can be exempted: recommendations, policies and initiatives, bundled facts and the repository's overlay."""

from reconciler.catalog.catalogue import Catalogue, load
from reconciler.catalog.facts import (
    EXPLANATIONS,
    BuiltInInitiative,
    Environment,
    Evidence,
    Hit,
    InitiativeContent,
    Obstacle,
    Policy,
    Provenance,
    Recommendation,
    Retirement,
    RetirementReason,
    initiative_id,
    policy_id,
)

__all__ = [
    "EXPLANATIONS",
    "BuiltInInitiative",
    "Catalogue",
    "Environment",
    "Evidence",
    "Hit",
    "InitiativeContent",
    "Obstacle",
    "Policy",
    "Provenance",
    "Recommendation",
    "Retirement",
    "RetirementReason",
    "initiative_id",
    "load",
    "policy_id",
]
