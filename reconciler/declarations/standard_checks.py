"""What recommendations that no policy stands behind ask of a declaration: a standard assignment carries its exemption, so
scopes, selectors and conditions are those that such an object can have by what Microsoft has published.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.catalog import Catalogue, Environment
from reconciler.codes import RuleCode
from reconciler.declarations.subjects import DeclaredSubject
from reconciler.model import ArmId, ScopeKind, SubjectKind
from reconciler.problems import Problem

_CONNECTOR = "microsoft.security/securityconnectors"
_OTHER_CLOUDS = frozenset({Environment.AWS, Environment.GCP})


def standard_problems(resolved: DeclaredSubject, catalogue: Catalogue) -> Iterator[Problem]:
    """Everything of that kind in one declaration."""
    declaration = resolved.declaration
    alone = resolved.meaning.assessments
    if declaration.subject.kind is SubjectKind.CATEGORY and not alone:
        yield Problem(
            source=declaration.subject_place(),
            code=RuleCode.UNKNOWN_CATEGORY,
            message=f"the catalogue knows no recommendation of the category {declaration.subject.value}, so this exempts nothing",
            remedy="run `exempt catalog refresh`, which reads from the tenant which recommendations belong to it",
            path=declaration.subject_path(),
        )
    has_policies = len(alone) < len(resolved.meaning.policies)
    if has_policies and declaration.selectors and "vulnerabilities" in declaration.places:
        yield Problem(
            source=declaration.place("vulnerabilities"),
            code=RuleCode.STANDARD_CONDITIONS,
            message="a policy stands behind what is declared; conditions on findings are only for recommendations without one",
            remedy="delete vulnerabilities, or declare recommendationCategory in place of the recommendation",
            path="vulnerabilities",
        )
    if alone and "resourceSelectors" in declaration.places:
        yield Problem(
            source=declaration.place("resourceSelectors"),
            code=RuleCode.STANDARD_SELECTORS,
            message="no policy stands behind what is declared, and a standard assignment has no resource selectors",
            remedy="delete resourceSelectors and name the resources in scopes",
            path="resourceSelectors",
        )
    if alone:
        yield from _scopes(resolved, alone, catalogue)


def _scopes(resolved: DeclaredSubject, alone: tuple[str, ...], catalogue: Catalogue) -> Iterator[Problem]:
    """Resources of other clouds are no scopes: what is documented is the connector and what contains it."""
    elsewhere = [
        recommendation
        for key in alone
        for recommendation in catalogue.resting_on(ArmId(key, key))
        if recommendation.environment in _OTHER_CLOUDS
    ]
    declaration = resolved.declaration
    for index, scope in enumerate(declaration.scopes if elsewhere else ()):
        is_container = scope.kind in {ScopeKind.MANAGEMENT_GROUP, ScopeKind.SUBSCRIPTION}
        if not is_container and not (scope.kind is ScopeKind.RESOURCE and scope.resource_type == _CONNECTOR):
            yield Problem(
                source=declaration.place(f"scopes.{index}"),
                code=RuleCode.STANDARD_SCOPE,
                message=f"{elsewhere[0].title!r} evaluates {elsewhere[0].environment} resources, which no Azure {scope.kind} holds",
                remedy="name the security connector, …/providers/Microsoft.Security/securityConnectors/NAME, or its subscription",
                path=f"scopes[{index}]",
            )
