"""The facts that rules are judged by: those that are bundled and those of catalog.yaml, whichever are stricter.

A pull request can change catalog.yaml. It may add to what a rule protects, never take away from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.facts import Recommendation, policy_id
from reconciler.catalog.titles import fold_title
from reconciler.model import ArmId, Rules


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class NeverExempt:
    """One entry of rules.neverExempt. `setting` is its list (`rules.neverExempt.policies`), `title` what it names, `key`
    the recommendation's key, empty for a policy.
    """

    title: str
    setting: str
    key: str = ""


def recommendations_on(policy: ArmId, catalogue: Catalogue) -> tuple[Recommendation, ...]:
    """Every recommendation that rests on a policy by bundled facts or by catalog.yaml, as each of the two describes it."""
    described = (*catalogue.bundled.resting_on(policy), *catalogue.resting_on(policy))
    return tuple(dict.fromkeys(described))


def severities(policies: Iterable[str], catalogue: Catalogue) -> frozenset[str]:
    """The severities of all recommendations that rest on these folded policies, an empty one for a policy that has none.

    Both sources count: what only one of them calls severe is severe.
    """
    return frozenset(
        severity
        for policy in policies
        for severity in [
            recommendation.severity for recommendation in recommendations_on(ArmId(policy, policy), catalogue)
        ]
        or [""]
    )


def never_exempt(rules: Rules, catalogue: Catalogue) -> Mapping[str, tuple[NeverExempt, ...]]:
    """What rules.neverExempt protects: each folded policy id with the entries that name it, by itself or by way of a
    recommendation that rests on it, by bundled facts or by catalog.yaml.
    """
    protected: defaultdict[str, dict[NeverExempt, None]] = defaultdict(dict)
    for text in rules.never_policies:
        protected[policy_id(text).key][NeverExempt(title=text, setting="rules.neverExempt.policies")] = None
    for text in rules.never_recommendations:
        for source in (catalogue.bundled, catalogue):
            for recommendation in source.find(text):
                entry = NeverExempt(
                    title=recommendation.title,
                    setting="rules.neverExempt.recommendations",
                    key=recommendation.key or fold_title(recommendation.title),
                )
                for evaluator in recommendation.evaluators:
                    protected[evaluator.key][entry] = None
    return {policy: tuple(entries) for policy, entries in protected.items()}
