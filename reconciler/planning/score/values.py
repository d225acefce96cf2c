"""The values of an estimate: scores before and after a plan, by subscription and in sum, and what does not move them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from fractions import Fraction

from reconciler.model import ArmId, Diagnostic
from reconciler.planning.score.formula import ControlScore, Score


class Uncounted(enum.StrEnum):
    """Why an assessment counts in no score."""

    PREVIEW = "preview"
    OTHER_ENVIRONMENT = "other environment"
    NO_CONTROL = "no control"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """One figure at four points: as Azure reports it `now`, once everything earlier is in force (`settled`), once the plan
    is in force too (`after`), and the same if Mitigated exemptions count as healthy (`upper`).
    """

    now: Score
    settled: Score
    after: Score
    upper: Score


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlStages:
    """A control whose resources the plan counts otherwise."""

    now: ControlScore
    settled: ControlScore
    after: ControlScore
    upper: ControlScore


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionEstimate:
    """What happens to the score of a subscription; `controls` are those that change."""

    subscription: ArmId
    score: Stages
    controls: tuple[ControlStages, ...]

    @property
    def is_moved(self) -> bool:
        """Whether the plan changes its score."""
        return self.score.after != self.score.settled or self.score.upper != self.score.after


@dataclass(frozen=True, slots=True, kw_only=True)
class NoEffect:
    """An exempted resource that stays unhealthy in a control because of its `others` (titles of recommendations)."""

    control: str
    resource: ArmId
    title: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCounted:
    """A recommendation that the plan exempts on some resources, and that counts in no score."""

    key: str
    title: str
    reason: Uncounted
    resources: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreEstimate:
    """What a plan does to the secure score.

    `subscriptions` are those that the plan concerns, `without_score` those of them for which Defender has none. The four
    percentages are of all managed subscriptions, each by its weight; None where nothing was assessed. `reopened` counts
    assessments whose exemption ends, taken to be unhealthy again; `unsure` those whose exemption depends on what
    was not read. `unread` says why there is no estimate.
    """

    subscriptions: tuple[SubscriptionEstimate, ...] = ()
    without_score: tuple[ArmId, ...] = ()
    counted: int = 0
    now: Fraction | None = None
    settled: Fraction | None = None
    after: Fraction | None = None
    upper: Fraction | None = None
    no_effect: tuple[NoEffect, ...] = ()
    not_counted: tuple[NotCounted, ...] = ()
    reopened: int = 0
    unsure: int = 0
    unread: Diagnostic | None = None
