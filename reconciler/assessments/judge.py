"""Whether each declared exemption took effect: what Defender says first, then whose turn it is, then why not.

| what was read                                                         | state                                   |
|-----------------------------------------------------------------------|-----------------------------------------|
| the target is gone, and something of its name is elsewhere             | moved                                   |
| the target is gone                                                     | gone                                    |
| a subscription that Resource Graph does not show, or no answer         | not visible                             |
| every covered resource exempt (others only not applicable by itself)   | in force                                |
| Azure has none of its exemptions                                       | not applied, or held                    |
| something counted, and a reason that is certain                        | ineffective                             |
| something counted or healthy, written less than a day ago              | waiting                                 |
| something counted                                                      | ineffective                             |
| all healthy or not applicable by itself; all off by policy             | not counted; off                        |
| nothing shown: what contains it is counted instead                     | ineffective                             |
| nothing shown: its scope was moved away from its assignment            | moved                                   |
| nothing shown: plan, benchmark, assignment, exclusion, retirement      | not assessed                            |
| nothing shown, written less than a day ago                             | waiting                                 |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from reconciler.assessments.case import Case, EffectInputs, cases
from reconciler.assessments.diagnosis import counted_above, diagnose
from reconciler.assessments.unassessed import moved_scope, unassessed
from reconciler.assessments.values import (
    Cause,
    Confidence,
    DeclarationEffect,
    Diagnosis,
    EffectState,
    Shown,
    TargetEffect,
    shown_as,
)
from reconciler.model import UNREAD_REMEDY, agree, count, first_few
from reconciler.planning.provenance import who_asked

_SHOWN: Final = 3


def judge_all(inputs: EffectInputs) -> tuple[DeclarationEffect, ...]:
    """Every declaration that wants something now, by name."""
    return tuple(
        DeclarationEffect(
            name=declaration.name,
            source=declaration.source,
            targets=tuple(judge(case) for case in cases(inputs, declaration)),
            owner=declaration.owner,
            requested_by=who_asked(declaration, inputs.basis.inputs.history),
        )
        for declaration in inputs.active
    )


def judge(case: Case) -> TargetEffect:
    """What became of one recommendation at one target."""
    effect = TargetEffect(
        declaration=case.declaration.name,
        target=case.target,
        key=case.key,
        title=case.title,
        state=EffectState.UNDECIDED,
        written_at=case.written_at,
        due=case.due,
        exemptions=tuple(existing.exemption for existing in case.objects),
        counts=case.counts,
        counted=case.resources(Shown.UNHEALTHY),
    )
    state, diagnoses = _state(case)
    since = max((row.changed_at for row in case.rows if row.changed_at and shown_as(row) is Shown.EXEMPT), default=None)
    return replace(
        effect, state=state, diagnoses=tuple(diagnoses), since=since if state is EffectState.IN_FORCE else None
    )


_Judged = tuple[EffectState, Sequence[Diagnosis]]


def _state(case: Case) -> _Judged:
    if case.target.key in case.inputs.basis.inputs.snapshot.gone:
        return _gone(case)
    if hidden := _hidden(case):
        return EffectState.NOT_VISIBLE, [hidden]
    kinds = set(case.counts)
    if Shown.EXEMPT in kinds and kinds <= {Shown.EXEMPT, Shown.NOT_APPLICABLE, Shown.OFF}:
        return EffectState.IN_FORCE, [] if not case.missing else [_pending(case)]
    if case.is_conditional and case.objects:
        conditional = Diagnosis(
            cause=Cause.CONDITIONAL,
            confidence=Confidence.CERTAIN,
            message="it exempts some vulnerabilities, which leaves the recommendation itself as it is: no assessment tells",
            remedy="see the findings of a resource in Defender for Cloud; those that are exempt are listed apart",
        )
        return EffectState.UNDECIDED, [conditional]
    if not case.objects and (case.missing or case.held):
        return _absent(case)
    if Shown.UNHEALTHY in kinds:
        # What is certain counts at once, all else once Defender has had its time.
        diagnoses = [item for item in diagnose(case) if case.is_due or item.confidence is Confidence.CERTAIN]
        return (EffectState.INEFFECTIVE, diagnoses) if case.is_due or diagnoses else (EffectState.WAITING, [])
    if not kinds:
        return _nothing_shown(case)
    if not case.is_due:
        return EffectState.WAITING, []
    if kinds == {Shown.OFF}:
        disabled = Diagnosis(
            cause=Cause.DISABLED,
            confidence=Confidence.CERTAIN,
            message="the policy is disabled wherever it is assigned, so Defender counts nothing",
            remedy=f"'exempt retire {case.declaration.name}' if it shall stay so",
            evidence=(("status", "OffByPolicy"),),
        )
        return EffectState.OFF, [disabled]
    return EffectState.NOT_COUNTED, []


def _nothing_shown(case: Case) -> _Judged:
    above = counted_above(case)
    if above is not None:
        return EffectState.INEFFECTIVE, [above]
    if (moved := moved_scope(case)) is not None:
        return EffectState.MOVED, [moved]
    why = unassessed(case)
    if why.cause is Cause.NO_ASSESSMENT and not case.is_due:
        return EffectState.WAITING, []
    undecided = why.cause is Cause.NO_RECOMMENDATION
    return EffectState.UNDECIDED if undecided else EffectState.NOT_ASSESSED, [why]


def _gone(case: Case) -> _Judged:
    snapshot, view = case.inputs.basis.inputs.snapshot, case.inputs.view
    places = view.moved_to.get(case.target.key) or tuple(
        scope for scope in snapshot.similar.get(case.target.key, ()) if scope.name.lower() == case.target.name.lower()
    )
    if not places:
        absence = Diagnosis(
            cause=Cause.GONE,
            confidence=Confidence.CERTAIN,
            message=f"Azure finds no {case.target.kind} {case.target}",
            remedy=f"'exempt retire {case.declaration.name}', or take it out of scopes",
            evidence=(("target", case.target.text),),
        )
        return EffectState.GONE, [absence]
    rows = [(place, case.inputs.rows_of.get((place.key, case.key))) for place in places]
    counted = [place for place, row in rows if row is not None and shown_as(row) is Shown.UNHEALTHY]
    texts = [place.text for place in counted or places]
    moved = Diagnosis(
        cause=Cause.MOVED,
        confidence=Confidence.CERTAIN if len(places) == 1 else Confidence.LIKELY,
        message=f"{case.target} does not exist; there is {first_few(texts, _SHOWN)}"
        + (", which Defender counts as unhealthy" if counted else "")
        + ". An exemption does not move with its resource",
        remedy=f"write {texts[0]} in its place under scopes, if it is the same",
        evidence=tuple(("is now", text) for text in texts[:_SHOWN]),
        resources=tuple(counted or places),
    )
    return EffectState.MOVED, [moved]


def _hidden(case: Case) -> Diagnosis | None:
    """What this identity does not see of the target, for lack of a right or of an answer."""
    view = case.inputs.view
    hidden = [scope for scope in case.subscriptions if scope.subscription not in view.subscriptions]
    failed = [line for line in view.unread if any(scope == line.scope for scope in case.subscriptions)]
    unread = [line for line in case.inputs.plan.unread if line in case.inputs.basis.tree.unread_about(case.target)]
    if failed or (unread and not case.rows):
        line = (*failed, *unread)[0]
        return Diagnosis(
            cause=Cause.INVISIBLE,
            confidence=Confidence.CERTAIN,
            message=f"{line.what} at {line.scope} could not be read: {line.message}",
            remedy=line.remedy or UNREAD_REMEDY,
            evidence=(("not read", line.what),),
        )
    if not hidden:
        return None
    texts = [scope.text for scope in hidden]
    return Diagnosis(
        cause=Cause.INVISIBLE,
        confidence=Confidence.CERTAIN,
        message=f"Resource Graph does not show {first_few(texts, _SHOWN)} to this identity",
        remedy="give it Security Reader (Microsoft.Security/assessments/read) there, or at a group above; in the portal, choose the "
        "directory and subscription, and Recommendation status: Exempted",
        evidence=tuple(("not shown", text) for text in texts[:_SHOWN]),
    )


def _pending(case: Case) -> Diagnosis:
    """What will end it although Defender still says exempt."""
    names = [item.exemption.assignment.name for item in case.missing]
    return Diagnosis(
        cause=Cause.NOT_APPLIED,
        confidence=Confidence.CERTAIN,
        message=f"{count(len(names), 'exemption')} of it {agree(len(names), 'is', 'are')} missing ({first_few(names, _SHOWN)}); Defender may not have seen that yet",
        remedy="'exempt apply'",
        evidence=tuple(("missing", item.exemption.id.text) for item in case.missing[:_SHOWN]),
    )


def _absent(case: Case) -> _Judged:
    if case.held:
        line = case.held[0]
        reason = Diagnosis(
            cause=Cause.HELD,
            confidence=Confidence.CERTAIN,
            message=line.message,
            remedy=line.remedy,
            evidence=(("held", line.cause.value),),
        )
        return EffectState.HELD, [reason]
    forbidden = [item for item in case.missing if item.exemption.assignment.key in (case.inputs.forbidden or ())]
    names = [item.exemption.assignment.name for item in forbidden or case.missing]
    absent = Diagnosis(
        cause=Cause.RIGHTS if forbidden else Cause.NOT_APPLIED,
        confidence=Confidence.CERTAIN,
        message=f"Azure has none of its exemptions ({first_few(names, _SHOWN)})"
        + (", and this identity may not make them" if forbidden else ""),
        remedy="'exempt doctor' says which right is missing"
        if forbidden
        else "'exempt apply' makes them; 'exempt drift' says why they are missing",
        evidence=tuple(("missing", item.exemption.id.text) for item in case.missing[:_SHOWN]),
    )
    return EffectState.NOT_APPLIED, [absent]
