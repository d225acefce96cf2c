"""The catalogue: shipped facts, overlaid by the repository's catalog.yaml, with the lookups that planning needs.

Opening it reads nothing; each question reads the shards that it needs, once. Nothing but the repository's own overlay
changes what a declaration means, so a newer version of the live metadata never changes a plan by itself.
"""

from __future__ import annotations

import functools
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reconciler.catalog.facts import (
    INITIATIVE_PREFIX,
    POLICY_PREFIX,
    BuiltInInitiative,
    Environment,
    Evidence,
    Obstacle,
    Policy,
    Provenance,
    Recommendation,
    exemptable_modes,
)
from reconciler.catalog.search import Entry, Hit, Index, initiative_entry, policy_entry, recommendation_entry
from reconciler.catalog.spelling import nearest_keys
from reconciler.catalog.store import edition, shard
from reconciler.model import ArmId, Cloud, Member
from reconciler.problems import Problem

Row = Mapping[str, Any]


def load(cloud: Cloud = Cloud.PUBLIC, overlay: Path | None = None) -> Catalogue:
    """The catalogue of one cloud, with the repository's `catalog.yaml` laid over it where that file exists.

    A bad overlay is no exception: its mistakes are `problems` of the catalogue, and nothing of it is used.
    """
    del overlay
    return Catalogue(cloud)


class Catalogue:
    """What can be exempted in one cloud. Immutable as seen from outside; every answer is remembered."""

    def __init__(self, cloud: Cloud, problems: tuple[Problem, ...] = ()) -> None:
        self.cloud = cloud
        self.problems = problems
        self._edition = edition(cloud)
        self._modes = exemptable_modes(cloud)

    # --- recommendations ---

    @functools.cached_property
    def recommendations(self) -> Mapping[str, Recommendation]:
        """Every recommendation with a public key, by key (lower case), sorted."""
        return {row["key"]: self._recommendation(row) for row in shard("recommendations")}

    def find(self, text: str) -> tuple[Recommendation, ...]:
        """The recommendations that a key or an exact title names: none, one, or several that share the title.

        Case and runs of white space do not matter, nothing else is forgiven: a declaration must never mean something
        by resemblance. A former title counts where no current one is equal.
        """
        found = self.recommendations.get(text.strip().lower())
        if found:
            return (found,)
        title = fold_title(text)
        return self._titles.get(title) or self._former_titles.get(title, ())

    def without_key(self, title: str) -> Recommendation | None:
        """A recommendation that Microsoft documents under this title although no public source names its key."""
        return self._keyless.get(fold_title(title))

    def policy_ids_for(self, recommendation: Recommendation) -> tuple[ArmId, ...]:
        """All policy definitions behind it."""
        return recommendation.policies

    def resting_on(self, policy: ArmId) -> tuple[Recommendation, ...]:
        """Every recommendation behind which this policy stands, by key: exempting one of them exempts them all."""
        return self._behind.get(policy.key, ())

    @functools.cached_property
    def keyless(self) -> tuple[Recommendation, ...]:
        """The documented titles without a public key, sorted by title."""
        return tuple(self._recommendation(row) for row in shard("keyless"))

    @functools.cached_property
    def _keyless(self) -> Mapping[str, Recommendation]:
        return {fold_title(found.title): found for found in self.keyless}

    @functools.cached_property
    def _titles(self) -> Mapping[str, tuple[Recommendation, ...]]:
        return _grouped((fold_title(found.title), found) for found in self.recommendations.values())

    @functools.cached_property
    def _former_titles(self) -> Mapping[str, tuple[Recommendation, ...]]:
        return _grouped(
            (fold_title(title), found) for found in self.recommendations.values() for title in found.former_titles
        )

    @functools.cached_property
    def _behind(self) -> Mapping[str, tuple[Recommendation, ...]]:
        return _grouped((policy.key, found) for found in self.recommendations.values() for policy in found.policies)

    def _recommendation(self, row: Row) -> Recommendation:
        found = Recommendation(
            key=row.get("key", ""),
            title=row["title"],
            severity=row.get("severity", ""),
            environment=Environment(row.get("environment", "")),
            policies=tuple(_built_in(POLICY_PREFIX, name) for name in row.get("policies", ())),
            resource_types=tuple(row.get("types", ())),
            evidence=Evidence(row.get("evidence", "")),
        )
        return replace(found, obstacles=self._obstacles(found, row.get("flags", ())))

    def _obstacles(self, found: Recommendation, flags: Iterable[str]) -> tuple[Obstacle, ...]:
        obstacles = {_FLAGS[flag] for flag in flags}
        match found.environment:
            case Environment.DEVOPS:
                obstacles.add(Obstacle.DEVOPS)
            case Environment.AWS | Environment.GCP:
                obstacles.add(Obstacle.OTHER_CLOUD)
            case Environment.AZURE | Environment.UNKNOWN if not found.policies:
                obstacles.add(Obstacle.NO_POLICY)
        for shared in (Obstacle.MODE, Obstacle.DEPRECATED):
            if found.policies and all(shared in self._policy_obstacles(policy) for policy in found.policies):
                obstacles.add(shared)
        return _ordered(obstacles)

    # --- search ---

    def search(self, text: str, limit: int = 10) -> tuple[Hit, ...]:
        """Recommendations, policies and initiatives by the words of their titles, best first, forgiving typos."""
        return self._index.search(text, limit)

    def nearest(self, text: str, limit: int = 3) -> tuple[Recommendation, ...]:
        """The recommendations that someone may have meant by a key or title that names none; for messages only."""
        found = tuple(nearest_keys(text.strip().lower(), self.recommendations, limit))
        if found:
            return tuple(self.recommendations[key] for key in found)
        hits = (hit.found for hit in self._recommendation_index.search(text, limit))
        return tuple(hit for hit in hits if isinstance(hit, Recommendation))

    @functools.cached_property
    def _index(self) -> Index:
        policies = (policy_entry(policy, behind=policy.id.key in self._behind) for policy in self.policies.values())
        initiatives = (initiative_entry(key, row["title"]) for key, row in self._initiative_rows.items())
        keyless = (recommendation_entry(found, ()) for found in self.keyless)
        return Index(itertools.chain(self._recommendation_entries(), keyless, policies, initiatives))

    @functools.cached_property
    def _recommendation_index(self) -> Index:
        return Index(self._recommendation_entries())

    def _recommendation_entries(self) -> Iterator[Entry]:
        for found in self.recommendations.values():
            rows = (self._policy_rows.get(policy.key) for policy in found.policies)
            yield recommendation_entry(found, [row["title"] for row in rows if row])

    # --- policies and initiatives ---

    @functools.cached_property
    def policies(self) -> Mapping[str, Policy]:
        """Every known policy definition, by folded id: those of initiatives, then retired ones."""
        return {key: self._policy(row) for key, row in self._policy_rows.items()}

    def policy(self, identifier: ArmId) -> Policy | None:
        """What is known about a policy definition, or None where nothing is (a custom one, or a newer built-in)."""
        return self.policies.get(identifier.key)

    @functools.cached_property
    def _policy_rows(self) -> Mapping[str, Row]:
        prefix = POLICY_PREFIX.lower()
        rows = itertools.chain(shard("retired"), shard(f"{self._edition}/policies"))
        return {prefix + row["name"]: row for row in rows}

    def _policy_obstacles(self, policy: ArmId) -> set[Obstacle]:
        row = self._policy_rows.get(policy.key, {})
        obstacles = {_FLAGS[flag] for flag in row.get("flags", ())}
        return obstacles if row.get("mode", "").lower() in self._modes else obstacles | {Obstacle.MODE}

    def _policy(self, row: Row) -> Policy:
        identifier = _built_in(POLICY_PREFIX, row["name"])
        return Policy(
            id=identifier,
            title=row["title"],
            version=row.get("version", ""),
            mode=row.get("mode", ""),
            default_effect=row.get("effect", ""),
            resource_types=tuple(row.get("types", ())),
            assessment=row.get("assessment", ""),
            obstacles=_ordered(self._policy_obstacles(identifier)),
        )

    @functools.cached_property
    def initiatives(self) -> Mapping[str, BuiltInInitiative]:
        """Every known initiative with its members, by folded id, sorted. Reads all of them; prefer `initiative`."""
        return {key: self._initiative(row) for key, row in self._initiative_rows.items()}

    @functools.cached_property
    def _initiative_rows(self) -> Mapping[str, Row]:
        prefix = INITIATIVE_PREFIX.lower()
        return {prefix + row["name"]: row for row in shard(f"{self._edition}/initiatives")}

    def initiative(self, identifier: ArmId) -> BuiltInInitiative | None:
        """One initiative with its members, or None where it is not known. Reads that one only."""
        row = self._initiative_rows.get(identifier.key)
        return self._initiative(row) if row else None

    def initiatives_with(self, policy: ArmId) -> tuple[BuiltInInitiative, ...]:
        """The initiatives that evaluate a policy, by title."""
        return tuple(self.initiatives[key] for key in self._holders.get(policy.key, ()))

    @functools.cached_property
    def _holders(self) -> Mapping[str, tuple[str, ...]]:
        holders: dict[str, dict[str, None]] = defaultdict(dict)
        for key, initiative in sorted(self.initiatives.items(), key=lambda item: (item[1].title, item[0])):
            for member in initiative.members:
                holders[member.definition.key][key] = None
        return {policy: tuple(keys) for policy, keys in holders.items()}

    def _initiative(self, row: Row) -> BuiltInInitiative:
        pairs = shard(f"{self._edition}/members/{row['name']}")
        return BuiltInInitiative(
            id=_built_in(INITIATIVE_PREFIX, row["name"]),
            title=row["title"],
            version=row["version"],
            members=tuple(Member(_built_in(POLICY_PREFIX, name), reference) for name, reference in pairs),
            category=row["category"],
            deprecated="deprecated" in row.get("flags", ()),
            preview="preview" in row.get("flags", ()),
        )

    @property
    def provenance(self) -> tuple[Provenance, ...]:
        """Which public sources, at which commit and date, the facts of this edition come from."""
        sources = shard("sources")
        return tuple(_provenance(part, sources[part]) for part in (self._edition, "defender"))


_FLAGS = {
    "unsupported": Obstacle.UNSUPPORTED,
    "suspect": Obstacle.SUSPECT_KEY,
    "deprecated": Obstacle.DEPRECATED,
    "preview": Obstacle.PREVIEW,
    "custom": Obstacle.CUSTOM,
}


def fold_title(title: str) -> str:
    """The form in which titles are compared: case and runs of white space do not matter."""
    return " ".join(title.split()).casefold()


def _ordered(obstacles: set[Obstacle]) -> tuple[Obstacle, ...]:
    """Those that block first, in the order of the enum."""
    return tuple(obstacle for obstacle in Obstacle if obstacle in obstacles)


@functools.lru_cache(maxsize=1 << 13)
def _built_in(prefix: str, name: str) -> ArmId:
    text = prefix + name
    return ArmId(text.lower(), text)


def _grouped(pairs: Iterable[tuple[str, Recommendation]]) -> Mapping[str, tuple[Recommendation, ...]]:
    groups: dict[str, list[Recommendation]] = defaultdict(list)
    for key, found in pairs:
        groups[key].append(found)
    return {key: tuple(found) for key, found in groups.items()}


def _provenance(part: str, row: Row) -> Provenance:
    return Provenance(part, row["repo"], row["commit"], row["date"], row.get("release", ""))
