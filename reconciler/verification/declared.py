"""Declarations as the checker reads them: text, the policies behind it, and where it wants an exemption."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.verification.objects import JSON, Point, Tenant, instant, place_of, selector_key, unversioned
from reconciler.verification.standards import declared_selectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the checker takes from the catalogue. `policies_behind` gives the ids of policies and assessments behind a
    recommendation's key or title, or a category, `protected_by` those behind it by bundled facts or by catalog.yaml;
    `titles_of` the titles of what a recommendation's key or title names, or the id of a policy or initiative;
    `obstacles_of` what stands in the way of exempting a policy (`mode`, `unsupported`).
    """

    policies_behind: Callable[[str], Iterable[str]]
    protected_by: Callable[[str], Iterable[str]]
    titles_of: Callable[[str], Iterable[str]]
    obstacles_of: Callable[[str], Iterable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A declaration as text, with the policies and assessments (folded ids) that it means; `only` names the one initiative
    or assignment that it is about, `references` those of it that it lists. `titles` are those that what it exempts may have.
    """

    text: Mapping[str, JSON]
    policies: frozenset[str]
    only: str
    references: frozenset[str]
    titles: tuple[str, ...]
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
    def may_adopt(self) -> bool:
        """Whether it takes what an application made, or what bears our mark and is none of ours."""
        return str(self.text.get("adopt", "false")).lower() == "true"

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


def declared(text: Mapping[str, JSON], facts: Facts, now: datetime) -> Declared:
    """A declaration's meaning."""
    named = [str(title) for title in (text.get("recommendation"), *(text.get("recommendations") or ())) if title]
    category = str(text.get("recommendationCategory") or "")
    policies = {unversioned(policy) for title in (*named, category) if title for policy in facts.policies_behind(title)}
    titles = ["; ".join(next(iter(facts.titles_of(title)), title) for title in named)] if named else [category]
    only = ""
    if "policyDefinition" in text:
        policies.add(definition_id(text["policyDefinition"], "policyDefinitions"))
        titles = _titles(text["policyDefinition"], "policyDefinitions", facts)
    if "policySetDefinition" in text:
        only = definition_id(text["policySetDefinition"], "policySetDefinitions")
        titles = _titles(text["policySetDefinition"], "policySetDefinitions", facts)
    if "policyAssignment" in text:
        only = str(text["policyAssignment"]).lower()
        titles = [only.rpartition("/")[2]]
    return Declared(
        text=text,
        policies=frozenset(policies),
        only=only,
        references=frozenset(str(name).lower() for name in text.get("referenceIds") or ()),
        titles=tuple(titles),
        now=now,
    )


def _titles(text: JSON, kind: str, facts: Facts) -> list[str]:
    """Those of a definition that the catalogue knows, else its name."""
    return [*facts.titles_of(definition_id(text, kind))] or [str(text).rstrip("/").rpartition("/")[2]]


def definition_id(text: JSON, kind: str) -> str:
    """The folded id of a definition that is given in full, or by the bare name of a built-in."""
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
