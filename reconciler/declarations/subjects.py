"""What each declaration exempts, resolved once through the catalogue and then passed to every check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.catalog import Catalogue, initiative_id, policy_id
from reconciler.catalog.strictness import severities
from reconciler.model import ArmId, Declaration, SubjectKind, parse_object


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedSubject:
    """The policies that one declaration exempts, as far as the catalogue knows them without asking Azure.

    `policies` are folded ids of definitions, and of assessments that no policy stands behind. `container` is the folded id of the one initiative or assignment that is
    addressed, `references` (folded) narrow it; `whole` says that nothing narrows it. `is_known` says that `policies`
    are all there are. `judged` are the policies and those that it means by shipped facts alone: rules go by both, so that
    catalog.yaml hides nothing from them. `severities` are those of all recommendations behind `judged`, empty where
    nobody knows one, None where the policies are not known.
    """

    declaration: Declaration
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


def resolve_subject(declaration: Declaration, catalogue: Catalogue) -> ResolvedSubject | None:
    """The subject of a declaration; None where the catalogue does not know one of its recommendations, or
    knows several by that title.
    """
    subject = declaration.subject
    references = frozenset(reference.lower() for reference in subject.reference_ids)
    match subject.kind:
        case SubjectKind.RECOMMENDATION:
            named = [catalogue.find(text) for text in subject.values]
            if any(len(candidates) != 1 for candidates in named):
                return None
            behind = [policy for (recommendation,) in named for policy in recommendation.evaluators]
            shipped = [
                policy
                for (recommendation,) in named
                for described in catalogue.shipped.find(recommendation.key or recommendation.title)
                for policy in described.evaluators
            ]
            return _of_policies(declaration, behind, catalogue, shipped)
        case SubjectKind.CATEGORY:
            members = catalogue.in_category(subject.value)
            evaluators = [evaluator for member in members for evaluator in member.evaluators]
            return _of_policies(declaration, evaluators, catalogue)
        case SubjectKind.POLICY:
            return _of_policies(declaration, (policy_id(subject.value),), catalogue)
        case SubjectKind.ASSIGNMENT:
            container = parse_object(subject.value)
            return ResolvedSubject(
                declaration=declaration,
                policies=frozenset(),
                container=container.key,
                references=references,
                is_known=False,
            )
        case SubjectKind.INITIATIVE:
            container = initiative_id(subject.value)
            policies = _members(catalogue, container, references)
            judged = policies | _members(catalogue.shipped, container, references)
            is_known = catalogue.initiative(container) is not None
            return ResolvedSubject(
                declaration=declaration,
                policies=policies,
                container=container.key,
                references=references,
                is_known=is_known,
                judged=judged,
                severities=severities(judged, catalogue) if is_known else None,
            )


def _of_policies(
    declaration: Declaration, identifiers: Iterable[ArmId], catalogue: Catalogue, shipped: Iterable[ArmId] = ()
) -> ResolvedSubject:
    policies = frozenset(policy.key for policy in identifiers)
    judged = policies | {policy.key for policy in shipped}
    return ResolvedSubject(
        declaration=declaration, policies=policies, judged=judged, severities=severities(judged, catalogue)
    )


def _members(catalogue: Catalogue, initiative: ArmId, references: frozenset[str]) -> frozenset[str]:
    """The folded policies of a known initiative with these reference ids, or all of them."""
    definition = catalogue.initiative(initiative)
    return frozenset(
        member.definition.key
        for member in (definition.members if definition else ())
        if not references or member.reference_id.lower() in references
    )
