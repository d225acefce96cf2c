"""Declarations as the checker reads them: text, the policies behind it, and where it wants an exemption."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.verification.objects import JSON, Point, Tenant, instant, place_of, selector_key, unversioned
from reconciler.verification.standards import declared_selectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A declaration as text, with the policies and assessments (folded ids) that it means; `only` names the one initiative
    or assignment that it is about, `references` those of it that it lists.
    """

    text: Mapping[str, JSON]
    policies: frozenset[str]
    only: str
    references: frozenset[str]
    now: datetime

    @property
    def name(self) -> str:
        """Its name, unique in the repository."""
        return str(self.text["name"])

    @property
    def end(self) -> datetime:
        """The instant it ends."""
        return instant(self.text.get("expiresOn"))

    @property
    def is_active(self) -> bool:
        """Whether it asks for anything now."""
        return str(self.text.get("enabled", "true")).lower() != "false" and self.end > self.now

    @property
    def scopes(self) -> frozenset[str]:
        """Folded targets."""
        return frozenset(str(scope).lower().rstrip("/") for scope in self.text["scopes"])

    @property
    def selectors(self) -> str:
        """Folded resource selectors or conditions on findings, or empty."""
        if vulnerabilities := self.text.get("vulnerabilities"):
            return selector_key(declared_selectors(vulnerabilities))
        return selector_key(self.text.get("resourceSelectors"))


def declared(text: Mapping[str, JSON], policies_behind: Callable[[str], Iterable[str]], now: datetime) -> Declared:
    """A declaration's meaning: `policies_behind` gives the ids of policies and assessments behind a recommendation's key
    or title, or a category.
    """
    policies: set[str] = set()
    only = ""
    named = [text[field] for field in ("recommendation", "recommendationCategory") if field in text]
    for title in (*named, *(text.get("recommendations") or ())):
        policies.update(unversioned(policy) for policy in policies_behind(str(title)))
    if "policyDefinition" in text:
        policies.add(_full_id(text["policyDefinition"], "policyDefinitions"))
    if "policySetDefinition" in text:
        only = _full_id(text["policySetDefinition"], "policySetDefinitions")
    if "policyAssignment" in text:
        only = str(text["policyAssignment"]).lower()
    references = frozenset(str(name).lower() for name in text.get("referenceIds") or ())
    return Declared(text=text, policies=frozenset(policies), only=only, references=references, now=now)


def _full_id(text: JSON, kind: str) -> str:
    value = str(text).lower()
    return unversioned(value if value.startswith("/") else f"/providers/microsoft.authorization/{kind.lower()}/{value}")


def meant(declaration: Declared, tenant: Tenant, assignment: str) -> frozenset[str]:
    """The references of an assignment that a declaration means; none of one that is not there."""
    members = tenant.members.get(assignment, {})
    if declaration.only:
        if assignment not in tenant.assignments:
            return frozenset()
        definition = unversioned(tenant.assignments[assignment]["policyDefinitionId"])
        if declaration.only not in (assignment, definition):
            return frozenset()
        return frozenset(declaration.references & members.keys()) if declaration.references else frozenset(members)
    return frozenset(name for name, policy in members.items() if policy in declaration.policies)


def wanted_points(declaration: Declared, tenant: Tenant) -> Iterator[tuple[Point, str]]:
    """Where a declaration wants an exemption, at its target or at an assignment below it, with that target.

    What a notScope excludes, or what does not lie below the one assignment yet, is wanted only ahead of that change.
    """
    ahead = str(declaration.text.get("ahead", "false")).lower() == "true"
    for target in sorted(declaration.scopes):
        for assignment, properties in tenant.assignments.items():
            scope = _scope(declaration, tenant, assignment, target)
            excluded = {str(entry).lower() for entry in properties.get("notScopes") or ()}
            if not scope or (not ahead and not excluded.isdisjoint(tenant.chain(scope))):
                continue
            for reference in meant(declaration, tenant, assignment):
                point = Point(scope=scope, assignment=assignment, reference=reference, selectors=declaration.selectors)
                yield point, target


def _scope(declaration: Declared, tenant: Tenant, assignment: str, target: str) -> str:
    """Where an exemption from the assignment must sit for this target; empty: nowhere."""
    at = place_of(assignment)
    unchecked = str(declaration.text.get("assignmentScopeValidation")).lower() == "donotvalidate"
    if not at or at in tenant.chain(target) or (unchecked and declaration.only == assignment):
        return target
    if target in tenant.chain(at):
        return at
    ahead = str(declaration.text.get("ahead", "false")).lower() == "true"
    return target if ahead and declaration.only == assignment else ""
