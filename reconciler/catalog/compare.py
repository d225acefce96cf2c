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
    candidates = (
        _entry(kind, identifier, _subject(kind, identifier, before), _subject(kind, identifier, after))
        for identifier in sorted(identifiers)
    )
    return [entry for entry in candidates if entry]


def _subject(kind: Kind, identifier: str, catalogue: Catalogue) -> Subject | None:
    match kind:
        case Kind.RECOMMENDATION:
            return catalogue.recommendations.get(identifier)
        case Kind.POLICY:
            return catalogue.policies.get(identifier)
        case Kind.INITIATIVE:
            return catalogue.initiative(initiative_id(identifier))


def _entry(kind: Kind, identifier: str, before: Subject | None, after: Subject | None) -> Entry | None:
    subject = after or before
    if subject is None:
        return None
    changes = _changes(_fields(before), _fields(after))
    if before and after:
        return (
            Entry(kind=kind, identifier=identifier, title=subject.title, difference=Difference.CHANGED, changes=changes)
            if changes
            else None
        )
    return Entry(
        kind=kind,
        identifier=identifier,
        title=subject.title,
        difference=Difference.ADDED if after else Difference.REMOVED,
        changes=changes,
    )


def _changes(before: Mapping[str, Value], after: Mapping[str, Value]) -> tuple[FieldChange, ...]:
    changes = (_change(name, before.get(name, ""), after.get(name, "")) for name in dict.fromkeys([*before, *after]))
    return tuple(change for change in changes if change.before != change.after and (change.before or change.after))


def _change(name: str, before: Value, after: Value) -> FieldChange:
    if name not in _LISTS:
        return FieldChange(name=name, before=before, after=after)
    earlier, later = (value if isinstance(value, tuple) else () for value in (before, after))
    return FieldChange(
        name=name, before=tuple(sorted(set(earlier) - set(later))), after=tuple(sorted(set(later) - set(earlier)))
    )


_LISTS: Final = frozenset({"policies", "resourceTypes", "members"})


def _fields(subject: Subject | None) -> Mapping[str, Value]:
    match subject:
        case Recommendation():
            return _recommendation_fields(subject)
        case Policy():
            types = subject.resource_types
            return {
                "title": subject.title,
                "mode": subject.mode,
                "defaultEffect": subject.default_effect,
                "resourceTypes": types,
            }
        case BuiltInInitiative():
            members = tuple(f"{member.reference_id} = {member.definition.name}" for member in subject.members)
            return {"title": subject.title, "version": subject.version, "members": members}
        case None:
            return {}


def _recommendation_fields(recommendation: Recommendation) -> Mapping[str, Value]:
    return {
        "title": recommendation.title,
        "severity": recommendation.severity,
        "environment": recommendation.environment.value,
        "policies": tuple(policy.text for policy in recommendation.policies),
        "resourceTypes": recommendation.resource_types,
        "recommendationCategory": recommendation.category,
        "preview": Obstacle.PREVIEW in recommendation.obstacles,
        "custom": Obstacle.CUSTOM in recommendation.obstacles,
    }
