"""What can be exempted: recommendations, policies and initiatives, shipped facts and the repository's overlay."""

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
from reconciler.catalog.strictness import NeverExempt, never_exempt, recommendations_on, severities
from reconciler.catalog.weakening import weakened_facts

__all__ = [
    "EXPLANATIONS",
    "BuiltInInitiative",
    "Catalogue",
    "Environment",
    "Evidence",
    "Hit",
    "InitiativeContent",
    "NeverExempt",
    "Obstacle",
    "Policy",
    "Provenance",
    "Recommendation",
    "Retirement",
    "RetirementReason",
    "initiative_id",
    "load",
    "never_exempt",
    "policy_id",
    "recommendations_on",
    "severities",
    "weakened_facts",
]
