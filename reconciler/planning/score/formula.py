"""Secure score's arithmetic, exactly: fractions, rounded half to even where Microsoft's own figures are.

A control's score is its highest score times the share of healthy resources among those that count, to two digits after
the point. A subscription's is the sum over its controls; a control in which no resource counts drops out of both sides.
Source: Microsoft Learn, "Secure score in Defender for Cloud"; the rounding is that of recorded answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from reconciler.model.posture import ControlDefinition, ReportedScore, ResourceCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """`current` of `max` points of a subscription. `weight` is how much it counts among several."""

    current: Fraction = Fraction()
    max: int = 0
    weight: int = 0

    @property
    def percentage(self) -> Fraction | None:
        """From 0 to 1, to four digits; None where nothing was assessed, so that nothing can be reached. Azure says 0 then."""
        return round(self.current / self.max, 4) if self.max else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlScore:
    """A control with the resources that count in it."""

    definition: ControlDefinition
    counts: ResourceCounts

    @property
    def counted(self) -> int:
        """How many resources count."""
        return self.counts.healthy + self.counts.unhealthy

    @property
    def max(self) -> int:
        """The points that can be reached; none where no resource counts."""
        return self.definition.max_score if self.counted else 0

    @property
    def current(self) -> Fraction:
        """The points that are reached, to two digits."""
        return round(Fraction(self.max * self.counts.healthy, self.counted), 2) if self.counted else Fraction()


def total(controls: Iterable[ControlScore]) -> Score:
    """The score of a subscription with these controls."""
    listed = list(controls)
    return Score(
        current=sum((control.current for control in listed), Fraction()),
        max=sum(control.max for control in listed),
        weight=sum(control.counted * control.max for control in listed),
    )


def reported(score: ReportedScore) -> Score:
    """A score as Azure reports it."""
    return Score(current=score.current, max=score.max, weight=score.weight)


def combined(scores: Iterable[Score]) -> Fraction | None:
    """The percentage of several subscriptions, from 0 to 1: each counts by its weight. None where nothing was assessed."""
    weighted = [(score.percentage or Fraction(), score.weight) for score in scores]
    total_weight = sum(weight for _, weight in weighted)
    return (
        sum((percentage * weight for percentage, weight in weighted), Fraction()) / total_weight
        if total_weight
        else None
    )
