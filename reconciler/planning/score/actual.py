"""The secure score as it is: with exemptions and as if there were none, and beside what an earlier plan estimated."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.model import ArmId
from reconciler.model.posture import Health, Posture
from reconciler.planning.score.counting import by_recommendation, count_resources, reported_counts, shifted
from reconciler.planning.score.formula import ControlScore, Score, reported, total


class Outcome(enum.StrEnum):
    """How a score compares with an earlier estimate of it."""

    AS_ESTIMATED = "as estimated"
    WITHIN = "within the estimate"
    UNCHANGED = "unchanged"
    OTHERWISE = "otherwise"
    GONE = "no score"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActualScore:
    """A subscription's score as Azure reports it, and `raw`: as if what is exempt (so many assessments) were unhealthy."""

    subscription: ArmId
    reported: Score
    raw: Score
    exempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierEstimate:
    """What a plan said of a subscription: the score of then, and what it would become, `upper` at best."""

    subscription: ArmId
    now: Score
    after: Score
    upper: Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """An earlier estimate and the score of now; None where there is none any more."""

    estimate: EarlierEstimate
    actual: Score | None

    @property
    def outcome(self) -> Outcome:
        """How they compare, by their percentages."""
        if self.actual is None:
            return Outcome.GONE
        actual = self.actual.percentage
        after, upper = self.estimate.after.percentage, self.estimate.upper.percentage
        if actual == after:
            return Outcome.AS_ESTIMATED
        bounds = [percentage for percentage in (after, upper) if percentage is not None]
        if actual is not None and bounds and min(bounds) <= actual <= max(bounds):
            return Outcome.WITHIN
        return Outcome.UNCHANGED if actual == self.estimate.now.percentage else Outcome.OTHERWISE


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreReport:
    """The scores of all managed subscriptions that have one, and those that an earlier plan estimated (`revision`)."""

    subscriptions: tuple[ActualScore, ...]
    without_score: tuple[ArmId, ...]
    compared: tuple[Comparison, ...] = ()
    revision: str = ""


def score_report(
    posture: Posture, managed: Iterable[ArmId], earlier: Iterable[EarlierEstimate] = (), revision: str = ""
) -> ScoreReport:
    """The report on what Defender says of the managed subscriptions."""
    listed = sorted(managed)
    scores = {guid: reported(score) for guid, score in posture.scores.items()}
    subscriptions: list[ActualScore] = []
    for subscription in listed:
        guid = subscription.name.lower()
        if guid not in scores:
            continue
        rows = [assessment for assessment in posture.assessments if assessment.id.subscription == guid]
        by_key = by_recommendation(
            (row, (row.health, Health.UNHEALTHY if row.is_exempt else row.health)) for row in rows
        )
        controls = []
        for definition in posture.definitions:
            now, raw = count_resources(definition, by_key, points=2)
            base = reported_counts(posture.counts, guid, definition, now)
            controls.append(ControlScore(definition=definition, counts=shifted(base, now, raw)))
        exempt = sum(row.is_exempt for row in rows)
        actual = ActualScore(subscription=subscription, reported=scores[guid], raw=total(controls), exempt=exempt)
        subscriptions.append(actual)
    compared = (
        Comparison(estimate=estimate, actual=scores.get(estimate.subscription.name.lower())) for estimate in earlier
    )
    return ScoreReport(
        subscriptions=tuple(subscriptions),
        without_score=tuple(subscription for subscription in listed if subscription.name.lower() not in scores),
        compared=tuple(compared),
        revision=revision,
    )
