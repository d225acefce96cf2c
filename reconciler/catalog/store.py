"""Reads the bundled facts, a shard at a time and only when something in it is asked for.

The shards are JSON with one record a line, so that a newer source shows as a readable difference in review, and the
build is reproducible byte for byte. `scripts/build_catalog.py` writes them, and from them `scripts/generate.py` what a search
looks through; nobody edits them by hand.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from reconciler.catalog.facts import (
    INITIATIVE_PREFIX,
    POLICY_PREFIX,
    BuiltInInitiative,
    Environment,
    Evidence,
    InitiativeContent,
    Obstacle,
    Policy,
    Provenance,
    Recommendation,
    Retirement,
    RetirementReason,
)
from reconciler.catalog.obstacles import ordered, own_obstacles
from reconciler.catalog.search import Index
from reconciler.model import JSON, ArmId, Cloud, Member

DATA: Final = Path(__file__).resolve().parent / "data"

Row: TypeAlias = Mapping[str, Any]
"""One record of a shard; an empty field is left out."""

_FLAGS: Final = {
    "unsupported": Obstacle.UNSUPPORTED,
    "suspect": Obstacle.SUSPECT_KEY,
    "deprecated": Obstacle.DEPRECATED,
    "preview": Obstacle.PREVIEW,
}


FEW: Final = 50
"""So many questions are answered from a shard's text; who asks more has all of it parsed, once."""

_OTHER_CLOUDS: Final = frozenset({Environment.AWS, Environment.GCP})
"""Azure Policy evaluates nothing there."""


def edition(cloud: Cloud) -> str:
    """Which bundled edition of policies and initiatives serves a cloud.

    No public source has China's, so there it is the public one; exemptions are resolved from what is live in any case.
    """
    return "usgov" if cloud is Cloud.US_GOVERNMENT else "public"


@functools.cache
def shard(name: str) -> JSON:
    """One shard's records, parsed once. `name` is its path below the data folder without `.json`."""
    return json.loads(_text(name))


class Rows:
    """The records of some shards by the field that names them; of those with one name the last counts.

    A command that asks for a few cuts their lines out of the text; who asks for more has everything parsed, once.
    """

    def __init__(self, field: str, shards: Sequence[str]) -> None:
        self._field = field
        self._shards = shards
        self._asked = 0

    def get(self, name: str) -> Row | None:
        """The record of this name."""
        self._asked += 1
        if self._asked > FEW:
            return self.all.get(name)
        begin = f"\n{{{json.dumps(self._field)}:{json.dumps(name, ensure_ascii=False)}".encode(errors="replace")
        for shard_name in reversed(self._shards):
            text = _text(shard_name)
            start = text.find(begin)
            if start >= 0:
                row: Row = json.loads(text[start : text.index(b"\n", start + 1)].rstrip(b","))
                return row
        return None

    def naming(self, value: str) -> Iterator[str]:
        """The names of the records that have this text among their values, case apart."""
        sought = json.dumps(value.lower(), ensure_ascii=False).encode(errors="replace")
        for name in self._shards:
            text, folded, start = _text(name), _folded(name), 0
            while (start := folded.find(sought, start)) >= 0:
                end = text.index(b"\n", start)
                yield json.loads(text[text.rindex(b"\n", 0, start) : end].rstrip(b","))[self._field]
                start = end

    @functools.cached_property
    def all(self) -> Mapping[str, Row]:
        """Every record by its name."""
        return {row[self._field]: row for name in self._shards for row in shard(name)}


@functools.cache
def _text(name: str) -> bytes:
    return (DATA / f"{name}.json").read_bytes()


@functools.cache
def _folded(name: str) -> bytes:
    return _text(name).lower()


def search_index() -> Index:
    """What a search in the public cloud's facts looks through."""
    return Index((DATA / "search.txt").read_text(encoding="utf-8"))


def recommendation(row: Row) -> Recommendation:
    """A bundled recommendation, with the obstacles that do not depend on its policies."""
    environment = Environment(row.get("environment", ""))
    policies = row.get("policies", ())
    is_alone = not policies and bool(row.get("alone") or environment in _OTHER_CLOUDS)
    is_evaluated = bool(policies) or (is_alone and "key" in row)
    retired = row.get("retired")
    obstacles = own_obstacles(_flagged(row), environment, is_evaluated=is_evaluated, is_retired=retired is not None)
    retirement = None
    if retired is not None:
        retirement = Retirement(
            reason=RetirementReason(retired["reason"]),
            date=retired.get("date", ""),
            category=retired.get("category", ""),
            successors=tuple(retired.get("successors", ())),
        )
    return Recommendation(
        key=row.get("key", ""),
        title=row["title"],
        severity=row.get("severity", ""),
        environment=environment,
        policies=tuple(_built_in(POLICY_PREFIX, name) for name in policies),
        resource_types=tuple(row.get("types", ())),
        obstacles=ordered(obstacles),
        evidence=Evidence(row.get("evidence", "")),
        read_by=tuple(_built_in(POLICY_PREFIX, name) for name in row.get("readBy", ())),
        resource_categories=tuple(row.get("categories", ())),
        recorded=row.get("recorded", ""),
        retirement=retirement,
        alone=is_alone,
    )


def recommendation_rows() -> Rows:
    """The recommendations with a key."""
    return Rows("key", ("recommendations",))


def policy_rows(edition: str) -> Rows:
    """The policies of an edition by name: those that only recommendations name, then those of initiatives."""
    return Rows("name", ("policies", f"{edition}/policies"))


def policy(row: Row) -> Policy:
    """A bundled policy, with the obstacles that the source itself notes."""
    return Policy(
        id=_built_in(POLICY_PREFIX, row["name"]),
        title=row["title"],
        version=row.get("version", ""),
        mode=row.get("mode", ""),
        default_effect=row.get("effect", ""),
        resource_types=tuple(row.get("types", ())),
        assessment=row.get("assessment", ""),
        obstacles=_flagged(row),
    )


def initiative_rows(edition: str) -> dict[str, Row]:
    """The initiatives of an edition by folded id, without their members."""
    prefix = INITIATIVE_PREFIX.lower()
    return {prefix + row["name"]: row for row in shard(f"{edition}/initiatives")}


def initiative(edition: str, row: Row) -> BuiltInInitiative:
    """A bundled initiative with its members, which are read now."""
    return BuiltInInitiative(
        id=_built_in(INITIATIVE_PREFIX, row["name"]),
        title=row["title"],
        version=row.get("version", ""),
        members=_members(shard(f"{edition}/members/{row['name']}")),
        category=row.get("category", ""),
        deprecated="deprecated" in row.get("flags", ()),
        preview="preview" in row.get("flags", ()),
    )


def names_member(edition: str, row: Row, policy: ArmId) -> bool:
    """Whether the file of a bundled initiative's members names a policy; tells without reading them."""
    return json.dumps(policy.name.lower()).encode() in _folded(f"{edition}/members/{row['name']}")


def contents(edition: str, current: BuiltInInitiative) -> tuple[InitiativeContent, ...]:
    """What a bundled initiative holds in each of its versions, newest first; `current` is the bundled one."""
    name = f"{edition}/versions/{current.id.name}"
    if not (DATA / f"{name}.json").is_file():
        return (InitiativeContent(versions=(current.version,), members=current.members),)
    published = []
    for row in shard(name):  # each as its difference from the current one
        absent, additional = frozenset(_members(row.get("without", ()))), _members(row.get("with", ()))
        members = [member for member in (*current.members, *additional) if member not in absent]
        members.sort(key=lambda member: (member.definition, member.reference_id))
        published.append(InitiativeContent(versions=tuple(row["versions"]), members=tuple(members)))
    return tuple(published)


def provenance(edition: str) -> tuple[Provenance, ...]:
    """Which public sources, at which commit and date, an edition comes from."""
    sources = shard("sources")
    rows = {part: sources[part] for part in (edition, "defender")}
    return tuple(
        Provenance(
            part=part, repository=row["repo"], commit=row["commit"], date=row["date"], release=row.get("release", "")
        )
        for part, row in rows.items()
    )


def _members(pairs: Iterable[tuple[str, str]]) -> tuple[Member, ...]:
    return tuple(Member(definition=_built_in(POLICY_PREFIX, name), reference_id=reference) for name, reference in pairs)


def _flagged(row: Row) -> tuple[Obstacle, ...]:
    flags = row.get("flags")
    return ordered(_FLAGS[flag] for flag in flags) if flags else ()


@functools.lru_cache(maxsize=1 << 13)
def _built_in(prefix: str, name: str) -> ArmId:
    text = prefix + name
    return ArmId(text.lower(), text)
