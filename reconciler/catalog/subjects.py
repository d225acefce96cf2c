"""What a declaration means, through reviewed facts only: the recommendations and policies behind its subject."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.facts import EXPLANATIONS, Obstacle, Recommendation, initiative_id, policy_id
from reconciler.model import ArmId, Carrier, Subject, SubjectKind, is_assessment, parse_object


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedSubject:
    """A subject, looked up. `policies` are folded ids of the definitions behind it, and of the assessments that no policy
    stands behind; `only` is the one initiative or assignment (folded) that an address is about; `references` (folded,
    with their letters) narrow that.

    `recommendations` are those that it names, or that its category has. `also` names other recommendations that rest on the same policies; `unsupported` says why Defender may ignore an
    exemption of it.
    """

    kind: SubjectKind
    title: str
    policies: frozenset[str] = frozenset()
    only: str | None = None
    references: dict[str, str] = field(default_factory=dict, hash=False)
    also: tuple[str, ...] = ()
    unsupported: str = ""
    recommendations: tuple[Recommendation, ...] = field(default=(), hash=False, compare=False, repr=False)

    @property
    def assessments(self) -> tuple[str, ...]:
        """Folded ids of the assessments among `policies`, sorted."""
        return tuple(sorted(key for key in self.policies if is_assessment(key)))

    @property
    def carriers(self) -> frozenset[Carrier]:
        """The kinds of ARM object that carry exemptions of it."""
        alone = len(self.assessments)
        by_policy = {Carrier.POLICY} if not alone or alone < len(self.policies) else set()
        return frozenset(by_policy | ({Carrier.STANDARD} if alone else set()))


def resolve_subject(subject: Subject, catalogue: Catalogue) -> ResolvedSubject | None:
    """What the declaration means, looked up once; None where the catalogue does not know its recommendations unambiguously."""
    if subject in catalogue.resolved_subjects:
        return catalogue.resolved_subjects[subject]
    references = {reference.lower(): reference for reference in subject.reference_ids}
    resolved: ResolvedSubject | None
    match subject.kind:
        case SubjectKind.RECOMMENDATION:
            resolved = _recommendations(subject, catalogue)
        case SubjectKind.CATEGORY:
            members = catalogue.in_category(subject.value)
            policies = frozenset(evaluator.key for member in members for evaluator in member.evaluators)
            resolved = ResolvedSubject(
                kind=subject.kind, title=subject.value, policies=policies, recommendations=members
            )
        case SubjectKind.POLICY:
            address = policy_id(subject.value)
            policy = catalogue.policy(address)
            title = policy.title if policy else address.name
            also = _resting_on((address,), catalogue, {title})
            resolved = ResolvedSubject(kind=subject.kind, title=title, policies=frozenset({address.key}), also=also)
        case SubjectKind.INITIATIVE:
            address = initiative_id(subject.value)
            initiative = catalogue.initiative(address)
            title = initiative.title if initiative else address.name
            resolved = ResolvedSubject(kind=subject.kind, title=title, only=address.key, references=references)
        case SubjectKind.ASSIGNMENT:
            address = parse_object(subject.value)
            resolved = ResolvedSubject(kind=subject.kind, title=address.name, only=address.key, references=references)
    catalogue.resolved_subjects[subject] = resolved
    return resolved


def named_recommendations(subject: Subject, catalogue: Catalogue) -> Sequence[tuple[Recommendation, ...]]:
    """What each text of a subject names: one recommendation, none, or several that share a title."""
    return [catalogue.find(text) for text in subject.values] if subject.kind is SubjectKind.RECOMMENDATION else ()


def _recommendations(subject: Subject, catalogue: Catalogue) -> ResolvedSubject | None:
    """All recommendations of a declaration as one subject: what each means is exempted, in every initiative."""
    candidates = named_recommendations(subject, catalogue)
    if any(len(matches) != 1 for matches in candidates):
        return None
    named = [recommendation for (recommendation,) in candidates]
    policies = [policy for recommendation in named for policy in recommendation.evaluators]
    titles = {recommendation.title for recommendation in named}
    reasons = (
        (f"{recommendation.title!r}: " if len(named) > 1 else "") + EXPLANATIONS[obstacle]
        for recommendation in named
        for obstacle in recommendation.obstacles
        if obstacle is not Obstacle.RETIRED
    )
    return ResolvedSubject(
        kind=SubjectKind.RECOMMENDATION,
        title="; ".join(recommendation.title for recommendation in named),
        policies=frozenset(policy.key for policy in policies),
        also=_resting_on(policies, catalogue, titles),
        unsupported="; ".join(reasons),
        recommendations=tuple(named),
    )


def _resting_on(policies: Iterable[ArmId], catalogue: Catalogue, declared: AbstractSet[str]) -> tuple[str, ...]:
    """Titles of the recommendations behind these policies, but for those that are declared anyway."""
    titles = {recommendation.title for policy in policies for recommendation in catalogue.resting_on(policy)}
    return tuple(sorted(titles - declared))
