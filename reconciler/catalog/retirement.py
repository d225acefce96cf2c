"""What serves in place of a retired recommendation, as a value and in words: for validation, drift and `catalog show`.

if recommendation.retirement:
    cause = retirement_cause(recommendation.retirement)
    remedy = retirement_remedy(recommendation, catalogue, is_listed=declaration.is_list)
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.facts import Recommendation, Retirement, RetirementReason

_WHAT_CAME: dict[RetirementReason, str] = {
    RetirementReason.GROUPED: "each of its findings is a recommendation of its own now",
    RetirementReason.REPLACED: "another recommendation took its place",
    RetirementReason.DEPRECATED: "no recommendation with a policy took its place",
}


class ReplacementField(enum.StrEnum):
    """The field of a declaration that names what serves in place of a retired recommendation."""

    RECOMMENDATION = "recommendation"
    CATEGORY = "recommendationCategory"


@dataclass(frozen=True, slots=True)
class Replacement:
    """What a declaration names in place of a retired recommendation: `field` and its value, a key or a category."""

    field: ReplacementField
    value: str


def replacement(retirement: Retirement) -> Replacement | None:
    """What serves instead: the only successor, or the category; None where there is none, or a choice of several."""
    if len(retirement.successors) == 1:
        return Replacement(ReplacementField.RECOMMENDATION, retirement.successors[0])
    return Replacement(ReplacementField.CATEGORY, retirement.category) if retirement.category else None


def is_declarable(replacement: Replacement, catalogue: Catalogue) -> bool:
    """Whether a declaration can name it: a category always, a successor where an exemption reaches it."""
    if replacement.field is ReplacementField.CATEGORY:
        return True
    return any(recommendation.exemptable for recommendation in catalogue.find(replacement.value))


def retirement_cause(retirement: Retirement) -> str:
    """One clause: when it was retired and what came of it."""
    date = f" on {retirement.date}" if retirement.date else ""
    return f"Microsoft retired it{date}: {_WHAT_CAME[retirement.reason]}"


def retirement_remedy(recommendation: Recommendation, catalogue: Catalogue, *, is_listed: bool) -> str:
    """What to do with a declaration of a retired recommendation; `is_listed`: it names several.

    The policies behind it are still evaluated, so whoever wants to be exempt from those declares them.
    """
    assert recommendation.retirement is not None
    instead = replacement(recommendation.retirement)
    if instead and is_declarable(instead, catalogue):
        if not is_listed:
            return f"write {instead.field}: {instead.value} in its place (`exempt fmt --migrate` does)"
        if instead.field is ReplacementField.RECOMMENDATION:
            return f"write {instead.value} in its place (`exempt fmt --migrate` does)"
    if instead and instead.field is ReplacementField.CATEGORY:  # in a list there is no place for a category
        proposal = f"delete it here, and write recommendationCategory: {instead.value} in a declaration of its own"
    elif recommendation.retirement.successors:
        proposal = f"write those that are meant of {', '.join(recommendation.retirement.successors)} in its place"
    elif recommendation.retirement.reason is RetirementReason.GROUPED:
        proposal = (
            "write the individual recommendations that are meant in its place (`exempt catalog search` finds them)"
        )
    else:
        proposal = "delete this declaration"
    if len(recommendation.policies) != 1:
        return proposal
    name = recommendation.policies[0].name
    return f"{proposal}, or write policyDefinition: {name} to be exempt from the policy, which is still evaluated"
