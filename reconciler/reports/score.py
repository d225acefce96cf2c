"""A plan's effect on the secure score, in words and as JSON: before → after, by subscription and in sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Final

from reconciler.model import JSON, ArmId, agree, and_more, count
from reconciler.planning.score.formula import ControlScore, Score
from reconciler.planning.score.values import (
    NoEffect,
    ScoreEstimate,
    Stages,
    SubscriptionEstimate,
    Uncounted,
)
from reconciler.reports.context import Names
from reconciler.reports.labels import scope_label

Show = Callable[[str], str]

TITLE: Final = "Secure score, estimated for a day after apply"
_FEW: Final = 3
_SUBSCRIPTIONS: Final = 10
_REASONS: Final = {
    Uncounted.PREVIEW: "a preview",
    Uncounted.OTHER_ENVIRONMENT: "of another environment than Azure",
    Uncounted.NO_CONTROL: "in no control of the score",
}


def score_rows(estimate: ScoreEstimate, names: Names, show: Show = str) -> Iterator[str]:
    """The rows that a reviewer reads, the first of them the sum; `show` shows what somebody wrote."""
    if estimate.unread is not None:
        yield f"not estimated, since Defender could not be read: {show(estimate.unread.message)}"
        if estimate.unread.remedy:
            yield f"{show(estimate.unread.remedy)}"
        return
    if not estimate.subscriptions:
        yield "none in what this plan changes: Defender evaluates nothing there that this identity may see"
        return
    moved = [item for item in estimate.subscriptions if item.is_moved]
    yield _sum(estimate, moved)
    if estimate.counted > 1 or len(estimate.subscriptions) > 1:
        for item in moved[:_SUBSCRIPTIONS]:
            shares = f"{percent(item.score.settled.percentage)} → {percent(item.score.after.percentage)}"
            yield f"{show(scope_label(item.subscription, names))}: {shares} ({_current(item.score)})"
        if len(moved) > _SUBSCRIPTIONS:
            yield f"and {count(len(moved) - _SUBSCRIPTIONS, 'more subscription')}"
    yield from _controls(moved, show)
    yield from _without_effect(estimate.no_effect, names, show)
    yield from _not_counted(estimate, show)
    if moved:
        ends = "; what is exempt no longer is unhealthy again" if estimate.reopened else ""
        yield f"assumed: what is exempt leaves the count, whatever the category{ends}"


def _sum(estimate: ScoreEstimate, moved: Sequence[SubscriptionEstimate]) -> str:
    whole = f" in sum over {count(estimate.counted, 'subscription')}" if estimate.counted > 1 else ""
    if not moved and estimate.settled is None:
        return f"unknown{whole}: Defender has assessed nothing there yet"
    if not moved:
        return f"no change{whole}: stays at {percent(estimate.settled)}"
    alone = f" ({_current(moved[0].score)})" if estimate.counted == 1 else ""
    upper = earlier = ""
    if estimate.upper is not None and estimate.upper != estimate.after:
        upper = f"; at most {percent(estimate.upper)} if Mitigated ones count as healthy"
    if estimate.settled != estimate.now:
        earlier = f"; now {percent(estimate.now)}, earlier changes are not in force yet"
    return f"{percent(estimate.settled)} → {percent(estimate.after)}{whole}{alone}{upper}{earlier}"


def _current(stages: Stages) -> str:
    return f"{_number(stages.settled.current)} of {stages.settled.max} → {_number(stages.after.current)} of {stages.after.max}"


def _controls(moved: Sequence[SubscriptionEstimate], show: Show) -> Iterator[str]:
    """The controls that move most, over all subscriptions."""
    changes: dict[str, Counter[str]] = {}
    for control in (control for item in moved for control in item.controls):
        before, after = control.settled.counts, control.after.counts
        shift = changes.setdefault(control.settled.definition.title, Counter())
        shift["unhealthy"] += after.unhealthy - before.unhealthy
        shift["healthy"] += after.healthy - before.healthy
    rows = [(title, shift) for title, shift in changes.items() if any(shift.values())]
    for title, shift in sorted(rows, key=lambda row: (-sum(map(abs, row[1].values())), row[0]))[:_FEW]:
        parts = (
            f"{abs(number):,} {'fewer' if number < 0 else 'more'} {state}" for state, number in shift.items() if number
        )
        yield f"{show(title)}: {', '.join(parts)}"
    if len(rows) > _FEW:
        yield f"and {count(len(rows) - _FEW, 'more control')}"


def _without_effect(lines: Sequence[NoEffect], names: Names, show: Show) -> Iterator[str]:
    """A line for each control and what keeps resources unhealthy there."""
    groups: dict[tuple[str, tuple[str, ...]], list[ArmId]] = {}
    for item in lines:
        groups.setdefault((item.control, item.others), []).append(item.resource)
    for (control, others), resources in list(groups.items())[:_FEW]:
        labels = "; ".join(show(scope_label(resource, names)) for resource in resources[:_FEW])
        labels += and_more(len(resources) - _FEW)
        because = "; ".join(show(title) for title in others)
        yield f"no effect on {show(control)}: {labels} {agree(len(resources), 'stays', 'stay')} unhealthy there by {because}"
    if len(groups) > _FEW:
        yield f"and {count(len(groups) - _FEW, 'more control')} without effect on some resources"


def _not_counted(estimate: ScoreEstimate, show: Show) -> Iterator[str]:
    for item in estimate.not_counted[:_FEW]:
        yield f"does not count: {show(item.title or item.key)}, which is {_REASONS[item.reason]}"
    if len(estimate.not_counted) > _FEW:
        yield f"and {count(len(estimate.not_counted) - _FEW, 'more recommendation')} that do not count"
    if estimate.unsure:
        yield f"left as they are: {count(estimate.unsure, 'finding')} whose exemption depends on a location, or on what was not read"
    if estimate.without_score:
        yield f"no score: {count(len(estimate.without_score), 'subscription')}, where Defender evaluates nothing"


def percent(share: Fraction | None) -> str:
    """`60.33 %`, or that it is unknown."""
    return "unknown" if share is None else f"{float(share * 100):.2f} %"


def _number(number: Fraction) -> str:
    return f"{float(number):.2f}"


# --- JSON --------------------------------------------------------------------------------------------------------


def score_to_json(estimate: ScoreEstimate | None) -> dict[str, JSON] | None:
    """The estimate as JSON; null where there was nothing to estimate."""
    if estimate is None:
        return None
    unread = estimate.unread
    return {
        "unread": {"message": unread.message, "remedy": unread.remedy} if unread else None,
        "assumption": "exempt-excluded",
        "subscriptionsCounted": estimate.counted,
        "total": {
            name: None if share is None else round(float(share), 6)
            for name, share in (
                ("now", estimate.now),
                ("settled", estimate.settled),
                ("after", estimate.after),
                ("upper", estimate.upper),
            )
        },
        "subscriptions": [_subscription_to_json(item) for item in estimate.subscriptions],
        "withoutScore": [subscription.text for subscription in estimate.without_score],
        "noEffect": [
            {"control": item.control, "resource": item.resource.text, "title": item.title, "others": list(item.others)}
            for item in estimate.no_effect
        ],
        "notCounted": [
            {"key": item.key, "title": item.title, "reason": item.reason.value, "resources": item.resources}
            for item in estimate.not_counted
        ],
        "reopened": estimate.reopened,
        "unsure": estimate.unsure,
    }


def _subscription_to_json(item: SubscriptionEstimate) -> dict[str, JSON]:
    stages = item.score
    return {
        "id": item.subscription.text,
        "now": score_figures(stages.now),
        "settled": score_figures(stages.settled),
        "after": score_figures(stages.after),
        "upper": score_figures(stages.upper),
        "controls": [
            {
                "key": control.now.definition.key,
                "title": control.now.definition.title,
                "settled": _counts_to_json(control.settled),
                "after": _counts_to_json(control.after),
                "upper": _counts_to_json(control.upper),
            }
            for control in item.controls
        ],
    }


def score_figures(score: Score) -> dict[str, JSON]:
    """A score as JSON."""
    return {
        "max": score.max,
        "current": float(score.current),
        "percentage": float(score.percentage or 0),  # as Azure reports it where nothing was assessed
        "weight": score.weight,
    }


def _counts_to_json(control: ControlScore) -> dict[str, JSON]:
    return {
        "healthy": control.counts.healthy,
        "unhealthy": control.counts.unhealthy,
        "notApplicable": control.counts.not_applicable,
        "max": control.max,
        "current": float(control.current),
    }
