"""What a search looks through: every recommendation, policy and initiative of a catalogue, with its rank.

`scripts/generate.py` writes those of the bundled facts beside them, since finding out about all of them takes longer than
the search.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from reconciler.catalog.facts import BENCHMARK, Environment, Obstacle, Recommendation, initiative_id
from reconciler.catalog.search import Entry, spaced
from reconciler.catalog.titles import fold_title

if TYPE_CHECKING:
    from reconciler.catalog.catalogue import Catalogue


def all_entries(catalogue: Catalogue) -> list[Entry]:
    """Everything that can be found, by title."""
    benchmark = catalogue.initiative(initiative_id(BENCHMARK))
    benchmark_policies = {member.definition.key for member in benchmark.members} if benchmark else set()
    titled = [
        *_recommendations(catalogue),
        *((item.title, _recommendation(item, ())) for item in catalogue.keyless.values()),
        *((title, Entry(key, 0.05, _words(title))) for key, title in catalogue.initiative_titles.items()),
    ]
    for key, policy in catalogue.policies.items():
        # One behind a known recommendation comes after that; one that Defender's own initiative has is shown to people as
        # a recommendation whose key is not public, so it comes before the others.
        rank = -0.04 if catalogue.resting_on(policy.id) else 0.04 if key in benchmark_policies else -0.06
        rank -= 0.1 * (Obstacle.DEPRECATED in policy.obstacles) + 0.12 * (policy.default_effect.lower() == "manual")
        entry = Entry(
            item=key,
            rank=round(rank, 2),
            title=_words(policy.title),
            resource_types=_words(" ".join(policy.resource_types)),
        )
        titled.append((policy.title, entry))
    return _by_title(titled)


def recommendation_entries(catalogue: Catalogue) -> list[Entry]:
    """Every recommendation with a key, by title."""
    return _by_title(_recommendations(catalogue))


def _by_title(titled: Iterable[tuple[str, Entry]]) -> list[Entry]:
    return [entry for _, entry in sorted((title.casefold(), entry) for title, entry in titled)]


def _recommendations(catalogue: Catalogue) -> Iterator[tuple[str, Entry]]:
    for recommendation in catalogue.recommendations.values():
        policies = (catalogue.policy(identifier) for identifier in recommendation.policies)
        yield recommendation.title, _recommendation(recommendation, [policy.title for policy in policies if policy])


def _recommendation(recommendation: Recommendation, policy_titles: Iterable[str]) -> Entry:
    """What can be exempted stands before what cannot, Azure before other clouds, what is current before what is
    deprecated.
    """
    is_elsewhere = recommendation.environment in {Environment.AWS, Environment.GCP}
    rank = 0.1 if recommendation.exemptable and not is_elsewhere else 0.0
    rank += 0.04 if recommendation.environment is Environment.AZURE else -0.06
    rank -= 0.12 * (not {Obstacle.DEPRECATED, Obstacle.RETIRED}.isdisjoint(recommendation.obstacles))
    rank -= 0.03 * (not recommendation.key) + 0.03 * (Obstacle.SUSPECT_KEY in recommendation.obstacles)
    return Entry(
        item=recommendation.key or fold_title(recommendation.title),
        rank=round(rank, 2),
        title=_words(recommendation.title),
        policy_titles=_words(" ".join((*policy_titles, *recommendation.former_titles))),
        resource_types=_words(" ".join(recommendation.resource_types)),
    )


def _words(text: str) -> str:
    return " ".join(spaced(text).split())
