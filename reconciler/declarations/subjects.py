"""What each declaration exempts, as rules and conflicts go by it: resolved once and then passed to every check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.catalog import Catalogue, initiative_id
from reconciler.catalog.strictness import severities
from reconciler.catalog.subjects import ResolvedSubject, resolve_subject
from reconciler.model import ArmId, Declaration, SubjectKind


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredSubject:
    """The policies that one declaration exempts, as far as the catalogue knows them without asking Azure.

    `subject` is what the catalogue says of it; `policies` are folded ids of definitions, those in an initiative among
    them, and of assessments that no policy stands behind. `container` is the folded id of the one initiative or
    assignment that is addressed, `references` (folded) narrow it; `whole` says that nothing narrows it. `is_known` says
    that `policies` are all there are. `judged` are the policies and those that it means by bundled facts alone: rules go by both, so that
    catalog.yaml hides nothing from them. `severities` are those of all recommendations behind `judged`, empty where
    nobody knows one, None where the policies are not known.
    """

    declaration: Declaration
    subject: ResolvedSubject
    policies: frozenset[str]
    container: str | None = None
    references: frozenset[str] = frozenset()
    is_known: bool = True
    judged: frozenset[str] = frozenset()
    severities: frozenset[str] | None = None

    @property
    def whole(self) -> bool:
        """Whether everything in an initiative or assignment is meant."""
        return self.container is not None and not self.references


def declared_subject(declaration: Declaration, catalogue: Catalogue) -> DeclaredSubject | None:
    """The subject of a declaration; None where the catalogue does not know one of its recommendations, or
    knows several by that title.
    """
    subject = resolve_subject(declaration.subject, catalogue)
    if subject is None:
        return None
    references = frozenset(subject.references)
    policies = subject.policies
    is_known = subject.kind is not SubjectKind.ASSIGNMENT
    bundled: Iterable[str] = ()
    match subject.kind:
        case SubjectKind.RECOMMENDATION:
            bundled = (
                evaluator.key
                for recommendation in subject.recommendations
                for described in catalogue.bundled.find(recommendation.key or recommendation.title)
                for evaluator in described.evaluators
            )
        case SubjectKind.INITIATIVE:
            initiative = initiative_id(declaration.subject.value)
            policies = _members(catalogue, initiative, references)
            bundled = _members(catalogue.bundled, initiative, references)
            is_known = catalogue.initiative(initiative) is not None
        case SubjectKind.CATEGORY | SubjectKind.POLICY | SubjectKind.ASSIGNMENT:
            pass
    judged = policies.union(bundled)
    return DeclaredSubject(
        declaration=declaration,
        subject=subject,
        policies=policies,
        container=subject.only,
        references=references,
        is_known=is_known,
        judged=judged,
        severities=severities(judged, catalogue) if is_known else None,
    )


def _members(catalogue: Catalogue, initiative: ArmId, references: frozenset[str]) -> frozenset[str]:
    """The folded policies of a known initiative with these reference ids, or all of them."""
    definition = catalogue.initiative(initiative)
    return frozenset(
        member.definition.key
        for member in (definition.members if definition else ())
        if not references or member.reference_id.lower() in references
    )
