"""The repository's own facts: where its tenant differs from what the tool ships, field by field.

Only this overlay, reviewed like code, changes what a declaration means. It adds recommendations, policies and
initiatives that the bundled facts do not know, and replaces single fields of those that they know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reconciler.catalog.facts import BuiltInInitiative, Environment, Evidence, Obstacle, Policy, Recommendation
from reconciler.catalog.obstacles import noted, ordered
from reconciler.model import ArmId, Member, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationEntry:
    """A new recommendation, or the fields in which one differs; None leaves a field as it is bundled."""

    key: str
    title: str | None = None
    severity: str | None = None
    environment: Environment | None = None
    policies: tuple[ArmId, ...] | None = None
    resource_types: tuple[str, ...] | None = None
    preview: bool | None = None
    custom: bool | None = None
    category: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing beside its key."""
        return self == RecommendationEntry(key=self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class InitiativeEntry:
    """An initiative that is not bundled (`members` is all of them), or how one differs from its bundled version."""

    id: ArmId
    title: str | None = None
    version: str | None = None
    members: tuple[Member, ...] | None = None
    added: tuple[Member, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing beside its id."""
        return self == InitiativeEntry(id=self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """All entries, each kind sorted by key or folded id. `places` says where the entries and their fields stand, by
    section, key or folded id, and field (empty for the entry itself).
    """

    recommendations: tuple[RecommendationEntry, ...] = ()
    policies: tuple[Policy, ...] = ()
    initiatives: tuple[InitiativeEntry, ...] = ()
    places: Mapping[tuple[str, str, str], Source] = field(default_factory=dict, compare=False)


def overlaid_recommendation(bundled: Recommendation | None, entry: RecommendationEntry) -> Recommendation:
    """The recommendation as the overlay has it. A bundled title that is replaced stays known as a former one."""
    base = bundled or Recommendation(key=entry.key, title=entry.title or entry.key)
    title = base.title if entry.title is None else entry.title
    obstacles = set(noted(base))
    for obstacle, is_noted in ((Obstacle.PREVIEW, entry.preview), (Obstacle.CUSTOM, entry.custom)):
        if is_noted is not None:
            obstacles = obstacles | {obstacle} if is_noted else obstacles - {obstacle}
    return replace(
        base,
        title=title,
        severity=base.severity if entry.severity is None else entry.severity,
        environment=base.environment if entry.environment is None else entry.environment,
        policies=base.policies if entry.policies is None else entry.policies,
        resource_types=base.resource_types if entry.resource_types is None else entry.resource_types,
        obstacles=ordered(obstacles),
        evidence=base.evidence if entry.policies is None else Evidence.LIVE,
        former_titles=() if title == base.title else (base.title,),
        recorded=base.recorded if entry.title is None else "",
        alone=base.alone if entry.policies is None else not entry.policies,
        category=base.category if entry.category is None else entry.category,
        overlaid=True,
    )


def overlaid_initiative(bundled: BuiltInInitiative | None, entry: InitiativeEntry) -> BuiltInInitiative:
    """The initiative as the overlay has it, members sorted by definition and reference id."""
    base = bundled or BuiltInInitiative(
        id=entry.id, title=entry.title or entry.id.name, version=entry.version or "", members=()
    )
    # Reference ids are unique in an initiative, whatever their case: an added one replaces its namesake.
    replaced = {text.lower() for text in (*entry.removed, *(member.reference_id for member in entry.added))}
    unchanged = (member for member in base.members if member.reference_id.lower() not in replaced)
    members = (*unchanged, *entry.added) if entry.members is None else entry.members
    return replace(
        base,
        title=base.title if entry.title is None else entry.title,
        version=base.version if entry.version is None else entry.version,
        members=tuple(sorted(members, key=lambda member: (member.definition, member.reference_id))),
        overlaid=True,
    )
