"""What is exempt and what is wanted, computed from raw objects alone: nothing here asks the code under test.

Facts are triples (resource, assignment, reference id), all folded. A resource is a leaf of the tenant with a location
and a type; an assignment evaluates it when it sits at or above it and no notScope lies between.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.model import Assignment, Declaration, Exemption, Initiative, Member, ResourceSelector, SubjectKind

Fact = tuple[str, str, str]


@dataclass(frozen=True)
class Leaf:
    """A resource as selectors see it, with the folded ids of everything that contains it (itself first)."""

    chain: tuple[str, ...]
    location: str
    type: str


@dataclass(frozen=True)
class Tenant:
    """The truth: leaves, assignments and what each initiative really contains (by folded assignment id)."""

    leaves: tuple[Leaf, ...]
    assignments: tuple[Assignment, ...]
    initiatives: Mapping[str, Initiative]

    def members(self, assignment: Assignment) -> tuple[Member, ...]:
        found = self.initiatives.get(assignment.id.key)
        return found.members if found else (Member(definition=assignment.definition, reference_id="*"),)

    def evaluated(self) -> Iterator[tuple[Leaf, Assignment]]:
        for leaf in self.leaves:
            for assignment in self.assignments:
                alone = "/microsoft.security/" in assignment.id.text.lower()  # Defender evaluates it everywhere
                inside = alone or _folder(assignment.id.text) in leaf.chain
                if inside and not any(excluded.text.lower() in leaf.chain for excluded in assignment.not_scopes):
                    yield leaf, assignment

    def exempt(self, exemptions: Iterable[Exemption], now: datetime) -> set[Fact]:
        """Every fact that Azure honours at this moment."""
        honoured = [each for each in exemptions if not _over(each, now)]
        return {
            (leaf.chain[0], assignment.id.text.lower(), member.reference_id.lower())
            for leaf, assignment in self.evaluated()
            for exemption in honoured
            if exemption.assignment.text.lower() == assignment.id.text.lower()
            and _folder(exemption.id.text) in leaf.chain
            and selects(exemption.selectors, leaf)
            for member in self.members(assignment)
            if not exemption.reference_ids
            or not self.initiatives.get(assignment.id.key)
            or member.reference_id.lower() in {each.lower() for each in exemption.reference_ids}
        }

    def wanted(self, declarations: Iterable[Declaration], now: datetime, *, whole: bool) -> set[Fact]:
        """Every fact that some declaration wants at this moment."""
        alive = [each for each in declarations if each.enabled and not (each.expires_on and each.expires_on <= now)]
        return {
            (leaf.chain[0], assignment.id.text.lower(), member.reference_id.lower())
            for leaf, assignment in self.evaluated()
            for declaration in alive
            if any(scope.text.lower() in leaf.chain for scope in declaration.scopes)
            and selects(declaration.selectors, leaf)
            for member in self.members(assignment)
            if means(declaration, assignment, member, whole=whole)
        }


def means(declaration: Declaration, assignment: Assignment, member: Member, *, whole: bool) -> bool:
    """Whether the declaration is about this member of what is assigned there (subjects are policies by bare name)."""
    subject = declaration.subject
    listed = {each.lower() for each in subject.reference_ids}
    single = "/policysetdefinitions/" not in assignment.definition.text.lower()
    match subject.kind:
        case SubjectKind.RECOMMENDATION | SubjectKind.POLICY:
            return _name(member.definition.text) == _name(subject.value)
        case SubjectKind.INITIATIVE:
            about = _name(assignment.definition.text) == _name(subject.value)
        case SubjectKind.ASSIGNMENT:
            about = assignment.id.text.lower() == subject.value.lower()
        case _:
            raise AssertionError(subject.kind)
    return about and (member.reference_id.lower() in listed if listed else whole or single)


def _name(identifier: str) -> str:
    return identifier.lower().rpartition("/")[2]


def selects(selectors: tuple[ResourceSelector, ...], leaf: Leaf) -> bool:
    """Azure's reading: any group all of whose conditions hold; none at all selects everything."""
    return not selectors or any(all(_holds(part, leaf) for part in group.selectors) for group in selectors)


def _holds(part: object, leaf: Leaf) -> bool:
    if part.kind == "excludedScopes":
        return leaf.chain and not {each.lower() for each in part.values} & set(leaf.chain)
    value = leaf.location if part.kind == "resourceLocation" else leaf.type
    return (value in {each.lower() for each in part.values}) != part.negated


def _folder(identifier: str) -> str:
    return re.split(r"/providers/microsoft\.(?:authorization|security)/", identifier.lower())[0]


def _over(exemption: Exemption, now: datetime) -> bool:
    return bool(exemption.expires_on) and datetime.fromisoformat(exemption.expires_on) <= now
