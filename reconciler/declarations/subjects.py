"""What each declaration exempts, as rules and conflicts go by it: looked up once for all that say the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.catalog import Catalogue, initiative_id
from reconciler.catalog.strictness import severities
from reconciler.catalog.subjects import ResolvedSubject, resolve_subject
from reconciler.model import ArmId, Declaration, Subject, SubjectKind, is_assessment


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What all declarations of one subject exempt, as far as the catalogue knows it without asking Azure.

    `subject` is what the catalogue says of it; `policies` are folded ids of definitions, those in an initiative among
    them, and of assessments that no policy stands behind, which alone are `assessments`, sorted. `container` is the folded
    id of the one initiative or assignment that is addressed, `references` (folded) narrow it. `judged` are the policies and those that it means
    by bundled facts alone: rules go by both, so that catalog.yaml hides nothing from them. `severities` are those of all recommendations behind `judged`, empty where
    nobody knows one, None where the policies are not known. `types` are the folded types of resources that the policies
    evaluate, None where a type may be missing.
    """

    subject: ResolvedSubject
    policies: frozenset[str]
    assessments: tuple[str, ...]
    container: str | None = None
    references: frozenset[str] = frozenset()
    judged: frozenset[str] = frozenset()
    severities: frozenset[str] | None = None
    types: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredSubject:
    """A declaration, and what its subject means."""

    declaration: Declaration
    meaning: Meaning


def meaning(subject: Subject, catalogue: Catalogue) -> Meaning | None:
    """What a declaration's subject means; None where the catalogue does not know one of its recommendations, or knows
    several by that title.
    """
    resolved = resolve_subject(subject, catalogue)
    if resolved is None:
        return None
    references = frozenset(resolved.references)
    policies = resolved.policies
    is_known = resolved.kind is not SubjectKind.ASSIGNMENT
    bundled: Iterable[str] = ()
    match resolved.kind:
        case SubjectKind.RECOMMENDATION:
            bundled = (
                evaluator.key
                for recommendation in resolved.recommendations
                for described in catalogue.bundled.find(recommendation.key or recommendation.title)
                for evaluator in described.evaluators
            )
        case SubjectKind.INITIATIVE:
            initiative = initiative_id(subject.value)
            policies = _members(catalogue, initiative, references)
            bundled = _members(catalogue.bundled, initiative, references)
            is_known = catalogue.initiative(initiative) is not None
        case SubjectKind.CATEGORY | SubjectKind.POLICY | SubjectKind.ASSIGNMENT:
            pass
    judged = policies.union(bundled)
    return Meaning(
        subject=resolved,
        policies=policies,
        assessments=tuple(sorted(key for key in policies if is_assessment(key))),
        container=resolved.only,
        references=references,
        judged=judged,
        severities=severities(judged, catalogue) if is_known else None,
        types=_types(policies, catalogue) if is_known and policies else None,
    )


def _types(policies: Iterable[str], catalogue: Catalogue) -> frozenset[str] | None:
    """The folded types of resources that these policies evaluate; None where one of them does not say."""
    definitions = [catalogue.policy(ArmId(policy, policy)) for policy in policies]
    if not all(definition is not None and definition.resource_types for definition in definitions):
        return None
    return frozenset(kind for definition in definitions if definition is not None for kind in definition.resource_types)


def _members(catalogue: Catalogue, initiative: ArmId, references: frozenset[str]) -> frozenset[str]:
    """The folded policies of a known initiative with these reference ids, or all of them."""
    definition = catalogue.initiative(initiative)
    return frozenset(
        member.definition.key
        for member in (definition.members if definition else ())
        if not references or member.reference_id.lower() in references
    )
