"""What a plan does to the secure score.

Counted is as Azure counts: a resource once a control, unhealthy if any of the control's recommendations finds it so, else
healthy if any does. What changes is added to the counts that Azure reports, so that what we count otherwise cancels out.

Exempt resources leave the count, whatever their category: Microsoft's pages differ on Mitigated, so that they count as
healthy is the upper bound. A resource whose exemption ends is taken to be unhealthy again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.model import ArmId, ScopeKind, arm_id
from reconciler.model.posture import Assessment, ControlDefinition, Health, Posture
from reconciler.planning.score.counting import (
    by_recommendation,
    count_resources,
    reported_counts,
    shifted,
    uncounted,
)
from reconciler.planning.score.exempted import Exempted, Exemptions, Facts
from reconciler.planning.score.formula import ControlScore, combined, reported, total
from reconciler.planning.score.values import (
    ControlStages,
    NoEffect,
    NotCounted,
    ScoreEstimate,
    Stages,
    SubscriptionEstimate,
    Uncounted,
)
from reconciler.planning.tree import Tree
from reconciler.planning.values import Plan

_EXEMPT: Final = frozenset({Exempted.WAIVER, Exempted.MITIGATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """An assessment with its health at each point; the `upper` ones take Mitigated exemptions for healthy."""

    assessment: Assessment
    settled: Health
    after: Health
    upper_now: Health
    upper_after: Health
    is_new: bool
    is_reopened: bool
    is_unsure: bool

    @property
    def stages(self) -> tuple[Health, ...]:
        return self.assessment.health, self.settled, self.after, self.upper_now, self.upper_after


def affected_subscriptions(plan: Plan, tree: Tree) -> tuple[ArmId, ...]:
    """The subscriptions in which a plan changes anything, sorted."""
    scopes = {change.exemption.scope.key: change.exemption.scope for change in plan.changes}
    managed = [scope for scope in plan.scopes if scope.kind is ScopeKind.SUBSCRIPTION]
    own = {arm_id(f"/subscriptions/{scope.subscription}") for scope in scopes.values() if scope.subscription}
    below = {subscription for subscription in managed if not scopes.keys().isdisjoint(tree.chain(subscription))}
    return tuple(sorted(own | below))


def estimate(plan: Plan, posture: Posture, facts: Facts) -> ScoreEstimate:
    """The estimate for a plan, from what Defender says of the subscriptions that it changes."""
    existing = {exemption.id.key: exemption for exemption in facts.snapshot.exemptions}
    planned = {**existing, **{change.id.key: change.after for change in plan.changes}}.values()
    before = Exemptions.of(existing.values(), facts)
    after = Exemptions.of((exemption for exemption in planned if exemption is not None), facts)
    rows = [_row(assessment, before, after) for assessment in posture.assessments]
    by_subscription: dict[str, list[_Row]] = {}
    for row in rows:
        by_subscription.setdefault(row.assessment.id.subscription or "", []).append(row)
    affected = affected_subscriptions(plan, facts.tree)
    estimates = [
        _subscription(subscription, by_subscription.get(subscription.name.lower(), []), posture)
        for subscription in affected
        if subscription.name.lower() in posture.scores
    ]
    scores = {
        guid: Stages(now=score, settled=score, after=score, upper=score)
        for guid, score in ((guid, reported(score)) for guid, score in posture.scores.items())
    }
    scores |= {item.subscription.name.lower(): item.score for item in estimates}
    new = [row for row in rows if row.is_new]
    return ScoreEstimate(
        subscriptions=tuple(estimates),
        without_score=tuple(item for item in affected if item.name.lower() not in posture.scores),
        counted=len(scores),
        now=combined(stages.now for stages in scores.values()),
        settled=combined(stages.settled for stages in scores.values()),
        after=combined(stages.after for stages in scores.values()),
        upper=combined(stages.upper for stages in scores.values()),
        no_effect=tuple(_without_effect(new, rows, posture.definitions)),
        not_counted=tuple(_not_counted(new, posture.definitions)),
        reopened=sum(row.is_reopened for row in rows),
        unsure=sum(row.is_unsure for row in rows),
    )


# --- one assessment ----------------------------------------------------------------------------------------------


def _row(assessment: Assessment, before: Exemptions, after: Exemptions) -> _Row:
    old, new = before.verdict(assessment), after.verdict(assessment)
    is_evaluated = bool(after.facts.evaluating(assessment)) or old in _EXEMPT
    applies = assessment.health is not Health.NOT_APPLICABLE or assessment.is_exempt
    mitigated_now = assessment.is_exempt and old is Exempted.MITIGATED
    return _Row(
        assessment=assessment,
        settled=_health(assessment, old, is_evaluated, Health.NOT_APPLICABLE),
        after=_health(assessment, new, is_evaluated, Health.NOT_APPLICABLE),
        upper_now=Health.HEALTHY if mitigated_now else assessment.health,
        upper_after=_health(assessment, new, is_evaluated, Health.HEALTHY),
        is_new=applies and new in _EXEMPT and old not in _EXEMPT,
        is_reopened=assessment.is_exempt and is_evaluated and new is Exempted.NO,
        is_unsure=applies and new is Exempted.UNSURE,
    )


def _health(assessment: Assessment, verdict: Exempted, is_evaluated: bool, mitigated: Health) -> Health:
    """What an assessment says once the exemptions of a verdict, and no others, are in force."""
    if assessment.health is Health.NOT_APPLICABLE and not assessment.is_exempt:
        return assessment.health
    match verdict:
        case Exempted.WAIVER:
            return Health.NOT_APPLICABLE
        case Exempted.MITIGATED:
            return mitigated
        case Exempted.NO if assessment.is_exempt and is_evaluated:
            return Health.UNHEALTHY
        case _:
            return assessment.health


# --- counts ------------------------------------------------------------------------------------------------------


def _subscription(subscription: ArmId, rows: Sequence[_Row], posture: Posture) -> SubscriptionEstimate:
    guid = subscription.name.lower()
    by_key = by_recommendation((row.assessment, row.stages) for row in rows)
    controls: list[ControlStages] = []
    for definition in posture.definitions:
        now, settled, after, upper_now, upper_after = count_resources(definition, by_key, points=5)
        base = reported_counts(posture.counts, guid, definition, now)
        controls.append(
            ControlStages(
                now=ControlScore(definition=definition, counts=base),
                settled=ControlScore(definition=definition, counts=shifted(base, now, settled)),
                after=ControlScore(definition=definition, counts=shifted(base, now, after)),
                upper=ControlScore(definition=definition, counts=shifted(base, upper_now, upper_after)),
            )
        )
    score = Stages(
        now=reported(posture.scores[guid]),
        settled=total(control.settled for control in controls),
        after=total(control.after for control in controls),
        upper=total(control.upper for control in controls),
    )
    changed = (control for control in controls if not control.settled == control.after == control.upper)
    return SubscriptionEstimate(subscription=subscription, score=score, controls=tuple(changed))


# --- what moves nothing ------------------------------------------------------------------------------------------


def _without_effect(
    new: Iterable[_Row], rows: Iterable[_Row], definitions: Iterable[ControlDefinition]
) -> Iterable[NoEffect]:
    """Each newly exempt finding whose resource has another one in the same control."""
    by_resource: dict[str, list[Assessment]] = {}
    for row in rows:
        if row.after is Health.UNHEALTHY and not row.assessment.preview:
            by_resource.setdefault(row.assessment.resource.key, []).append(row.assessment)
    for row in new:
        assessment = row.assessment
        findings = by_resource.get(assessment.resource.key, []) if assessment.health is Health.UNHEALTHY else []
        for definition in definitions:
            if assessment.key not in definition.members or uncounted(assessment, (definition,)):
                continue
            others = sorted({finding.title for finding in findings if finding.key in definition.members})
            if others:
                yield NoEffect(
                    control=definition.title,
                    resource=assessment.resource,
                    title=assessment.title,
                    others=tuple(others),
                )


def _not_counted(new: Iterable[_Row], definitions: Sequence[ControlDefinition]) -> Iterable[NotCounted]:
    counts: Counter[tuple[str, str, Uncounted]] = Counter()
    for row in new:
        reason = uncounted(row.assessment, definitions)
        if reason is not None:
            counts[row.assessment.key, row.assessment.title, reason] += 1
    for (key, title, reason), resources in sorted(counts.items()):
        yield NotCounted(key=key, title=title, reason=reason, resources=resources)
