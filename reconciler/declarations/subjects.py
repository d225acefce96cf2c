"""What each declaration exempts, resolved once through the catalogue and then passed to every check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.catalog import Catalogue, Recommendation, initiative_id, policy_id
from reconciler.model import ArmId, Declaration, SubjectKind, parse_object


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedSubject:
    """The policies that one declaration exempts, as far as the catalogue knows them without asking Azure.

    `policies` are folded definition ids. `container` is the folded id of the one initiative or assignment that is
    addressed, `references` (folded) narrow it; `whole` says that nothing narrows it. `known` says that `policies` are
    all there are. `recommendations` are all that rest on any of the policies, sorted by key.
    """

    declaration: Declaration
    policies: frozenset[str]
    container: str | None = None
    references: frozenset[str] = frozenset()
    known: bool = True
    recommendations: tuple[Recommendation, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether everything in an initiative or assignment is meant."""
        return self.container is not None and not self.references


def resolve_subject(declaration: Declaration, catalogue: Catalogue) -> ResolvedSubject | None:
    """The subject of a declaration; None where the catalogue does not know its recommendation, or knows several."""
    subject = declaration.subject
    references = frozenset(reference.lower() for reference in subject.reference_ids)
    match subject.kind:
        case SubjectKind.RECOMMENDATION:
            recommendations = catalogue.find(subject.value)
            if len(recommendations) != 1:
                return None
            return _of_policies(declaration, recommendations[0].policies, catalogue)
        case SubjectKind.POLICY:
            return _of_policies(declaration, (policy_id(subject.value),), catalogue)
        case SubjectKind.ASSIGNMENT:
            container, initiative = parse_object(subject.value), None
        case SubjectKind.INITIATIVE:
            container = initiative_id(subject.value)
            initiative = catalogue.initiative(container)
    members = initiative.members if initiative else ()
    policies = [member.definition for member in members if not references or member.reference_id.lower() in references]
    return ResolvedSubject(
        declaration=declaration,
        policies=frozenset(policy.key for policy in policies),
        container=container.key,
        references=references,
        known=initiative is not None,
        recommendations=_resting_on(policies, catalogue),
    )


def _of_policies(declaration: Declaration, policies: tuple[ArmId, ...], catalogue: Catalogue) -> ResolvedSubject:
    return ResolvedSubject(
        declaration=declaration,
        policies=frozenset(policy.key for policy in policies),
        recommendations=_resting_on(policies, catalogue),
    )


def _resting_on(policies: Iterable[ArmId], catalogue: Catalogue) -> tuple[Recommendation, ...]:
    by_key = {
        recommendation.key: recommendation for policy in policies for recommendation in catalogue.resting_on(policy)
    }
    return tuple(by_key[key] for key in sorted(by_key))
