"""What changes from one catalogue to another, and which declarations it touches."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.facts import BuiltInInitiative, Obstacle, Policy, Recommendation, initiative_id
from reconciler.catalog.subjects import named_recommendations, resolve_subject
from reconciler.model import Declaration, SubjectKind

Value: TypeAlias = str | bool | tuple[str, ...]
Subject: TypeAlias = Recommendation | Policy | BuiltInInitiative


class Kind(enum.StrEnum):
    """What differs."""

    RECOMMENDATION = "recommendation"
    POLICY = "policy"
    INITIATIVE = "initiative"


class Difference(enum.StrEnum):
    """How something differs. What is gone is told only: nothing changes because of it."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field that differs; for lists, what is only in the one and only in the other."""

    name: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One recommendation, policy or initiative that differs. `identifier` is its key or id; `declarations` are the
    names of those that are about it, sorted.
    """

    kind: Kind
    identifier: str
    title: str
    difference: Difference
    changes: tuple[FieldChange, ...] = ()
    declarations: tuple[str, ...] = ()


def differences(before: Catalogue, after: Catalogue, declarations: Iterable[Declaration] = ()) -> tuple[Entry, ...]:
    """What the overlays of two catalogues of one cloud make different, sorted by kind and identifier."""
    overlays = (before.overlay, after.overlay)
    entries = [
        *_entries(
            Kind.RECOMMENDATION, {entry.key for overlay in overlays for entry in overlay.recommendations}, before, after
        ),
        *_entries(Kind.POLICY, {policy.id.key for overlay in overlays for policy in overlay.policies}, before, after),
        *_entries(
            Kind.INITIATIVE, {entry.id.key for overlay in overlays for entry in overlay.initiatives}, before, after
        ),
    ]
    return with_declarations(entries, before, after, declarations)


def gone_entries(unlisted: Iterable[Recommendation]) -> tuple[Entry, ...]:
    """Entries for recommendations that the tenant does not list."""
    return tuple(
        Entry(
            kind=Kind.RECOMMENDATION,
            identifier=recommendation.key,
            title=recommendation.title,
            difference=Difference.GONE,
        )
        for recommendation in unlisted
    )


def with_declarations(
    entries: Iterable[Entry], before: Catalogue, after: Catalogue, declarations: Iterable[Declaration]
) -> tuple[Entry, ...]:
    """The entries with the names of the declarations that are about them, before or after."""
    touched: dict[str, set[str]] = defaultdict(set)
    for declaration in declarations:
        for catalogue in (before, after):
            for identifier in _about(declaration, catalogue):
                touched[identifier].add(declaration.name)
    return tuple(replace(entry, declarations=tuple(sorted(touched[entry.identifier]))) for entry in entries)


def _about(declaration: Declaration, catalogue: Catalogue) -> Iterable[str]:
    """The keys and folded ids that a declaration's subject names."""
    subject = declaration.subject
    if subject.kind is SubjectKind.RECOMMENDATION:
        named = named_recommendations(subject, catalogue)
        return [recommendation.key for candidates in named for recommendation in candidates]
    resolved = resolve_subject(subject, catalogue)
    assert resolved is not None
    match subject.kind:
        case SubjectKind.CATEGORY:
            return [recommendation.key for recommendation in resolved.recommendations]
        case SubjectKind.POLICY:
            return resolved.policies
        case SubjectKind.INITIATIVE:
            return filter(None, [resolved.only])
        case SubjectKind.ASSIGNMENT:
            return []


# --- one subject -----------------------------------------------------------------------------------------------------


def _entries(kind: Kind, identifiers: set[str], before: Catalogue, after: Catalogue) -> list[Entry]:
    entries = []
    for identifier in sorted(identifiers):
        earlier, later = _subject(kind, identifier, before), _subject(kind, identifier, after)
        subject = later or earlier
        if subject is None:
            continue
        before_fields, after_fields = _fields(earlier), _fields(later)
        changes = []
        for name in dict.fromkeys([*before_fields, *after_fields]):
            old, new = before_fields.get(name, ""), after_fields.get(name, "")
            if name in _LISTS:  # what is only in the one, and only in the other
                own, others = (frozenset(value if isinstance(value, tuple) else ()) for value in (old, new))
                old, new = tuple(sorted(own - others)), tuple(sorted(others - own))
            if old != new and (old or new):
                changes.append(FieldChange(name=name, before=old, after=new))
        difference = Difference.CHANGED if earlier and later else Difference.ADDED if later else Difference.REMOVED
        if changes or difference is not Difference.CHANGED:
            entries.append(
                Entry(
                    kind=kind,
                    identifier=identifier,
                    title=subject.title,
                    difference=difference,
                    changes=tuple(changes),
                )
            )
    return entries


def _subject(kind: Kind, identifier: str, catalogue: Catalogue) -> Subject | None:
    match kind:
        case Kind.RECOMMENDATION:
            return catalogue.recommendations.get(identifier)
        case Kind.POLICY:
            return catalogue.policies.get(identifier)
        case Kind.INITIATIVE:
            return catalogue.initiative(initiative_id(identifier))


_LISTS: Final = frozenset({"policies", "resourceTypes", "members"})


def _fields(subject: Subject | None) -> Mapping[str, Value]:
    match subject:
        case Recommendation():
            return {
                "title": subject.title,
                "severity": subject.severity,
                "environment": subject.environment.value,
                "policies": tuple(policy.text for policy in subject.policies),
                "resourceTypes": subject.resource_types,
                "recommendationCategory": subject.category,
                "preview": Obstacle.PREVIEW in subject.obstacles,
                "custom": Obstacle.CUSTOM in subject.obstacles,
            }
        case Policy():
            return {
                "title": subject.title,
                "mode": subject.mode,
                "defaultEffect": subject.default_effect,
                "resourceTypes": subject.resource_types,
            }
        case BuiltInInitiative():
            members = tuple(f"{member.reference_id} = {member.definition.name}" for member in subject.members)
            return {"title": subject.title, "version": subject.version, "members": members}
        case None:
            return {}
