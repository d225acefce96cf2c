"""What a person wants to be exempt from, found by whatever they paste or type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from reconciler.catalog import Catalogue
from reconciler.catalog.facts import EXPLANATIONS, Policy, Recommendation
from reconciler.catalog.lookup import look_up
from reconciler.catalog.retirement import retirement_cause, retirement_remedy
from reconciler.documents.suggest import did_you_mean
from reconciler.model import Cloud, Diagnostic, Subject, SubjectKind

_CHOICES: Final = 8
_NAMED: Final = 3
_LONGEST: Final = 4000
_PAGE: Final = "#view/Microsoft_Azure_Security/GenericRecommendationDetailsBlade/assessmentKey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear(Diagnostic):
    """Something that a request does not say, or not clearly enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectChoice:
    """What is to be exempted: `title` as people know it, `recommendation` where it is one."""

    subject: Subject
    title: str
    recommendation: Recommendation | None = None

    @property
    def severity(self) -> str:
        """High, Medium, Low, or empty where nobody says."""
        return self.recommendation.severity if self.recommendation else ""

    def page(self, cloud: Cloud) -> str:
        """The page of a cloud's portal that tells how to fix it; empty for what is no recommendation."""
        return f"{cloud.portal}/{_PAGE}/{quote(self.recommendation.key, safe='')}" if self.recommendation else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectSearch:
    """What a text may mean: `subjects` that it names exactly (one is clear, several share a title), else `near` ones by its words
    to choose from, best first, of which the `likely` ones are near enough to be proposed.
    """

    text: str
    subjects: tuple[SubjectChoice, ...] = ()
    near: tuple[SubjectChoice, ...] = ()
    likely: tuple[SubjectChoice, ...] = ()

    @property
    def is_clear(self) -> bool:
        """Whether exactly one is named."""
        return len(self.subjects) == 1

    @property
    def unclear(self) -> Unclear:
        """Why it is not, with what may have been meant."""
        candidates = self.subjects or self.likely
        named = [f"{choice.title!r} ({choice.subject.value})" for choice in candidates[:_NAMED]]
        text = self.text if len(self.text) <= 100 else f"{self.text[:99]}…"
        several = len(self.subjects) > 1
        return Unclear(
            message=f"several recommendations have the title {text!r}"
            if several
            else f"no recommendation has the key, the title or the address {text!r}",
            remedy=did_you_mean(
                named,
                "paste the address of the recommendation's page in the portal, or its title: "
                "'exempt catalog search WORDS' finds it",
            )
            + (" Give the key." if named else ""),
        )


def find_subject(catalogue: Catalogue, text: str) -> SubjectSearch:
    """Looks for what a text means: an address of the portal, a key, a title, a policy, a category, or words."""
    text = text.strip()[:_LONGEST]
    located = look_up(catalogue, text) if text else None
    if located is not None and (located.recommendations or located.policies):
        subjects = [
            of_recommendation(recommendation) for recommendation in located.recommendations if recommendation.key
        ]
        for policy in located.policies:
            resting = catalogue.resting_on(policy.id)
            subjects += [of_recommendation(recommendation) for recommendation in resting] or [of_policy(policy)]
        if subjects:
            return SubjectSearch(text=text, subjects=tuple(_distinct(subjects)))
    for category, label in catalogue.recommendation_categories.items():
        if text and text.casefold() in {category.casefold(), label.casefold()}:
            return SubjectSearch(text=text, subjects=(of_category(category, label),))
    hits = [hit.item for hit in catalogue.search(text, 4 * _CHOICES)] if text and "/" not in text else []
    likely = list(catalogue.nearest(text)) if text else []
    near = [hit for hit in hits if isinstance(hit, Recommendation) and hit.key] or likely
    return SubjectSearch(text=text, near=_choices(near), likely=_choices(likely))


def _choices(recommendations: Sequence[Recommendation]) -> tuple[SubjectChoice, ...]:
    """Each once, those that an exemption cannot reach last."""
    ranked = sorted(recommendations, key=lambda item: not item.exemptable or item.retirement is not None)
    return tuple(_distinct(of_recommendation(recommendation) for recommendation in ranked))[:_CHOICES]


def of_recommendation(recommendation: Recommendation) -> SubjectChoice:
    """The subject that names a recommendation by its key."""
    subject = Subject(kind=SubjectKind.RECOMMENDATION, value=recommendation.key)
    return SubjectChoice(subject=subject, title=recommendation.title, recommendation=recommendation)


def of_policy(policy: Policy) -> SubjectChoice:
    """The subject that names a policy behind which no recommendation is known."""
    is_built_in = policy.id.key.startswith("/providers/")
    subject = Subject(kind=SubjectKind.POLICY, value=policy.id.name if is_built_in else policy.id.text)
    return SubjectChoice(subject=subject, title=policy.title)


def of_category(category: str, label: str) -> SubjectChoice:
    """The subject that names all recommendations of a category."""
    return SubjectChoice(subject=Subject(kind=SubjectKind.CATEGORY, value=category), title=label or category)


def _distinct(subjects: Iterable[SubjectChoice]) -> Iterable[SubjectChoice]:
    return {(choice.subject.kind, choice.subject.value): choice for choice in subjects}.values()


def better_than_exempting(choice: SubjectChoice, catalogue: Catalogue) -> tuple[Diagnostic, ...]:
    """What the catalogue knows to be better than an exemption, or to be in its way."""
    recommendation = choice.recommendation
    if recommendation is None:
        return ()
    if recommendation.retirement is not None:
        return (
            Diagnostic(
                message=f"{recommendation.title!r}: {retirement_cause(recommendation.retirement)}",
                remedy=retirement_remedy(recommendation, catalogue, is_listed=False),
            ),
        )
    return tuple(
        Diagnostic(message=f"{recommendation.title!r}: {EXPLANATIONS[obstacle]}", remedy="")
        for obstacle in recommendation.obstacles
    )
