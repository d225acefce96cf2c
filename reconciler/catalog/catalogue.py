"""The catalogue: bundled facts, overlaid by the repository's catalog.yaml, with the lookups that planning needs.

Opening it reads nothing but the overlay; each question reads the shards that it needs, once. Nothing but the overlay
changes what a declaration means, so a newer version of the live metadata never changes a plan by itself.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.catalog import store
from reconciler.catalog.facts import (
    POLICY_PREFIX,
    BuiltInInitiative,
    Hit,
    InitiativeContent,
    Policy,
    Provenance,
    Recommendation,
)
from reconciler.catalog.obstacles import exemptable_modes, judged, judged_policy
from reconciler.catalog.overlay import (
    InitiativeEntry,
    Overlay,
    RecommendationEntry,
    overlaid_initiative,
    overlaid_recommendation,
)
from reconciler.catalog.search import Index, index_text
from reconciler.catalog.spelling import nearest_keys
from reconciler.catalog.titles import fold_title, grouped, meant
from reconciler.model import ArmId, Cloud
from reconciler.problems import Problem

if TYPE_CHECKING:
    from reconciler.catalog.subjects import ResolvedSubject
    from reconciler.model import Subject

NO_OVERLAY: Final = Overlay()


def load(cloud: Cloud = Cloud.PUBLIC, overlay: Path | None = None) -> Catalogue:
    """The catalogue of one cloud, with the repository's `catalog.yaml` laid over it where that file exists.

    A bad overlay is no exception: its mistakes are `problems` of the catalogue, and nothing of it is used.
    """
    if overlay is None or not os.path.lexists(overlay):
        return _bundled(cloud)
    from reconciler.catalog.overlay_file import read_overlay  # noqa: PLC0415 - YAML and schema only where needed

    entries, problems = read_overlay(overlay)
    return Catalogue(cloud, entries, problems)


@functools.cache
def _bundled(cloud: Cloud) -> Catalogue:
    """The facts as they are bundled, once a process: whatever asks again finds what was read and built before."""
    return Catalogue(cloud)


class Catalogue:
    """What can be exempted in one cloud. Immutable as seen from outside; every answer is remembered, among them the
    `resolved_subjects` (see `subjects.resolve_subject`). What the overlay does not change is the bundled catalogue's.
    """

    def __init__(self, cloud: Cloud, overlay: Overlay = NO_OVERLAY, problems: tuple[Problem, ...] = ()) -> None:
        self.cloud = cloud
        self.overlay = overlay
        self.problems = problems
        self._edition = store.edition(cloud)
        self._modes = exemptable_modes(cloud)
        self._recommendation_rows = store.recommendation_rows()
        self._policy_rows = store.policy_rows(self._edition)
        self._asked_behind = 0
        self.resolved_subjects: dict[Subject, ResolvedSubject | None] = {}
        self._read_recommendations: dict[str, Recommendation | None] = {}
        self._read_policies: dict[str, Policy | None] = {}
        self._read_initiatives: dict[str, BuiltInInitiative | None] = {}

    @functools.cached_property
    def bundled(self) -> Catalogue:
        """The same without the repository's overlay: the facts as they are bundled."""
        return _bundled(self.cloud) if self.overlay != NO_OVERLAY else self

    # --- recommendations ---

    @functools.cached_property
    def recommendations(self) -> Mapping[str, Recommendation]:
        """Every recommendation with a key, by key (lower case), sorted."""
        keys = sorted({*self._recommendation_rows.all, *self._overlaid})
        return {key: item for key in keys if (item := self.recommendation(key))}

    def recommendation(self, key: str) -> Recommendation | None:
        """One recommendation by its key (lower case), or None where it is not known. Builds that one only."""
        entry = self._overlaid.get(key)
        if entry is None and self.bundled is not self:
            bundled = self.bundled.recommendation(key)
            if bundled is None or not any(policy.key in self._overlaid_policies for policy in bundled.policies):
                return bundled
        if key not in self._read_recommendations:
            row = self._recommendation_rows.get(key)
            bundled = store.recommendation(row) if row else None
            recommendation = overlaid_recommendation(bundled, entry) if entry else bundled
            self._read_recommendations[key] = recommendation and judged(recommendation, self.policy)
        return self._read_recommendations[key]

    @functools.cached_property
    def _overlaid(self) -> Mapping[str, RecommendationEntry]:
        return {entry.key: entry for entry in self.overlay.recommendations}

    def find(self, text: str) -> tuple[Recommendation, ...]:
        """The recommendations that a key or an exact title names: none, one, or several that share the title.

        Case and runs of white space do not matter, nothing else is forgiven: a declaration must never mean something
        by resemblance. A former title counts where no current one is equal.
        """
        recommendation = self.recommendation(text.strip().lower())
        if recommendation:
            return (recommendation,)
        title = fold_title(text)
        return self._titles.get(title) or self._former_titles.get(title, ())

    def without_key(self, title: str) -> Recommendation | None:
        """A recommendation that Microsoft documents under this title although no public source names its key."""
        return self.keyless.get(fold_title(title))

    def resting_on(self, policy: ArmId) -> tuple[Recommendation, ...]:
        """Every recommendation behind which this policy stands, by key: exempting one of them exempts them all. Behind an
        assessment's id stands that one. A few questions read those only that name it.
        """
        self._asked_behind += 1
        if self._asked_behind > store.FEW:
            return self._behind.get(policy.key, ())
        keys = {*self._recommendation_rows.naming(policy.name), *self._overlaid}
        recommendations = (recommendation for key in sorted(keys) if (recommendation := self.recommendation(key)))
        return tuple(item for item in recommendations if policy.key in {evaluator.key for evaluator in item.evaluators})

    @functools.cached_property
    def keyless(self) -> Mapping[str, Recommendation]:
        """The documented titles without a public key, by folded title, sorted; those that have a key by now left out."""
        recommendations = (judged(store.recommendation(row), self.policy) for row in store.shard("keyless"))
        titled = {fold_title(recommendation.title): recommendation for recommendation in recommendations}
        return {title: recommendation for title, recommendation in titled.items() if title not in self._titles}

    @functools.cached_property
    def _titles(self) -> Mapping[str, tuple[Recommendation, ...]]:
        groups = grouped((fold_title(item.title), item) for item in self.recommendations.values())
        return {title: meant(group) for title, group in groups.items()}

    @functools.cached_property
    def _former_titles(self) -> Mapping[str, tuple[Recommendation, ...]]:
        return grouped(
            (fold_title(title), recommendation)
            for recommendation in self.recommendations.values()
            for title in recommendation.former_titles
        )

    @functools.cached_property
    def _behind(self) -> Mapping[str, tuple[Recommendation, ...]]:
        return grouped(
            (evaluator.key, recommendation)
            for recommendation in self.recommendations.values()
            for evaluator in recommendation.evaluators
        )

    @functools.cached_property
    def recommendation_categories(self) -> Mapping[str, str]:
        """The categories of individual recommendations that an exemption can name in place of a key, each with the label
        that the portal shows, or an empty one where no public source says.
        """
        return {row["name"]: row.get("label", "") for row in store.shard("categories")}

    def in_category(self, category: str) -> tuple[Recommendation, ...]:
        """The recommendations of a category that an exemption can reach, by key: what an exemption of it is made of."""
        return tuple(item for item in self.recommendations.values() if item.category == category and item.evaluators)

    # --- search ---

    def search(self, text: str, limit: int = 10) -> tuple[Hit, ...]:
        """Recommendations, policies and initiatives by the words of their titles, best first, forgiving typos."""
        return tuple(Hit(score, self._item(item)) for score, item in self._index.search(text, limit))

    def _item(self, item: str) -> Recommendation | Policy | str:
        if item.startswith("/"):  # a policy or an initiative, by its folded id
            return self.policy(ArmId(item, item)) or item
        return self.recommendation(item) or self.keyless[item]  # a key, or the title of a recommendation without one

    def nearest(self, text: str, limit: int = 3) -> tuple[Recommendation, ...]:
        """The recommendations that someone may have meant by a key or title that names none; for messages only."""
        keys = nearest_keys(text.strip().lower(), self.recommendations, limit)
        if keys:
            return tuple(self.recommendations[key] for key in keys)
        return tuple(self.recommendations[key] for _, key in self._recommendation_index.likely(text, limit))

    def nearest_title(self, text: str) -> Recommendation | Policy | str | None:
        """The same of recommendations, policies and initiatives; an initiative by its folded id."""
        return next((self._item(item) for _, item in self._index.likely(text, 1)), None)

    @functools.cached_property
    def _index(self) -> Index:
        if self.overlay == NO_OVERLAY and self.cloud is Cloud.PUBLIC:
            return store.search_index()
        from reconciler.catalog.entries import all_entries  # noqa: PLC0415 - only where no index is bundled

        return Index(index_text(all_entries(self)))

    @functools.cached_property
    def _recommendation_index(self) -> Index:
        from reconciler.catalog.entries import recommendation_entries  # noqa: PLC0415 - only for a message

        return Index(index_text(recommendation_entries(self)))

    # --- policies and initiatives ---

    @functools.cached_property
    def policies(self) -> Mapping[str, Policy]:
        """Every known policy definition, by folded id, sorted: of initiatives, behind recommendations, overlaid. Builds
        all of them; prefer `policy`.
        """
        keys = sorted({*(POLICY_PREFIX.lower() + name for name in self._policy_rows.all), *self._overlaid_policies})
        policies = ((key, self.policy(ArmId(key, key))) for key in keys)
        return {key: policy for key, policy in policies if policy}

    def policy(self, identifier: ArmId) -> Policy | None:
        """What is known about a policy definition, or None where nothing is (a custom one, or a newer built-in)."""
        key = identifier.key
        if key not in self._overlaid_policies and self.bundled is not self:
            return self.bundled.policy(identifier)
        if key not in self._read_policies:
            row = self._policy_rows.get(key.removeprefix(POLICY_PREFIX.lower()))
            policy = self._overlaid_policies.get(key) or (store.policy(row) if row else None)
            self._read_policies[key] = judged_policy(policy, self._modes) if policy else None
        return self._read_policies[key]

    @functools.cached_property
    def _overlaid_policies(self) -> Mapping[str, Policy]:
        return {policy.id.key: policy for policy in self.overlay.policies}

    @functools.cached_property
    def initiatives(self) -> Mapping[str, BuiltInInitiative]:
        """Every known initiative with its members, by folded id, sorted. Reads all of them; prefer `initiative`."""
        initiatives = ((key, self._initiative(key)) for key in self.initiative_titles)
        return {key: initiative for key, initiative in initiatives if initiative}

    def initiative(self, identifier: ArmId) -> BuiltInInitiative | None:
        """One initiative with its members, or None where it is not known. Reads that one only."""
        return self._initiative(identifier.key)

    def initiatives_titled(self, title: str) -> tuple[BuiltInInitiative, ...]:
        """The initiatives of exactly this title (case and white space do not matter); reads those only."""
        folded = fold_title(title)
        keys = [key for key, known_title in self.initiative_titles.items() if fold_title(known_title) == folded]
        return tuple(initiative for key in keys if (initiative := self._initiative(key)))

    def initiatives_with(self, policy: ArmId) -> tuple[BuiltInInitiative, ...]:
        """The initiatives that evaluate a policy, by title. Reads those only that name it."""
        keys = {key for key, row in self._initiative_rows.items() if store.names_member(self._edition, row, policy)}
        initiatives = filter(None, map(self._initiative, sorted({*keys, *self._initiative_entries})))
        return tuple(sorted((item for item in initiatives if item.reference_ids(policy)), key=lambda item: item.title))

    def initiative_contents(self, identifier: ArmId) -> tuple[InitiativeContent, ...]:
        """What an initiative held in each of its published versions, newest first; empty where it is not known, one
        content where all of its versions are the same. An assignment may be pinned to any of them. Reads that one only.
        """
        row = self._initiative_rows.get(identifier.key)
        return store.contents(self._edition, store.initiative(self._edition, row)) if row else ()

    def _initiative(self, key: str) -> BuiltInInitiative | None:
        if key not in self._read_initiatives:
            row, entry = self._initiative_rows.get(key), self._initiative_entries.get(key)
            bundled = store.initiative(self._edition, row) if row else None
            self._read_initiatives[key] = overlaid_initiative(bundled, entry) if entry else bundled
        return self._read_initiatives[key]

    @functools.cached_property
    def _initiative_rows(self) -> Mapping[str, store.Row]:
        return store.initiative_rows(self._edition)

    @functools.cached_property
    def _initiative_entries(self) -> Mapping[str, InitiativeEntry]:
        return {entry.id.key: entry for entry in self.overlay.initiatives}

    @functools.cached_property
    def initiative_titles(self) -> Mapping[str, str]:
        """The title of every known initiative, by folded id, sorted; reads no members."""
        titles = {key: str(row["title"]) for key, row in self._initiative_rows.items()}
        for key, entry in self._initiative_entries.items():
            titles[key] = entry.title or titles.get(key, entry.id.name)
        return {key: titles[key] for key in sorted(titles)}

    @property
    def provenance(self) -> tuple[Provenance, ...]:
        """Which public sources, at which commit and date, the facts of this edition come from."""
        return store.provenance(self._edition)
