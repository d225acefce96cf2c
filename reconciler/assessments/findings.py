"""What a status adds to a drift report: exemptions without effect, and those that nobody needs any more."""

from __future__ import annotations

from typing import Final

from reconciler.assessments.report import EffectReport
from reconciler.assessments.unneeded import Need
from reconciler.assessments.values import Confidence, DeclarationEffect, EffectState, TargetEffect
from reconciler.kinds import FindingKind
from reconciler.model import agree, count, first_few
from reconciler.planning.evidence import Evidence
from reconciler.planning.values import Finding

_SHOWN: Final = 3
_SUREST: Final = tuple(Confidence)


def effect_findings(report: EffectReport) -> tuple[Finding, ...]:
    """One finding for each target whose exemption has no effect, and one for each declaration that is unneeded."""
    findings = [
        _ineffective(target, effect)
        for effect in report.declarations
        for target in effect.targets
        if target.state is EffectState.INEFFECTIVE
    ]
    for need in report.needs or ():
        if need.need is Need.UNNEEDED:
            reasons = list(dict.fromkeys(target.message for target in need.targets))
            number = len({target.target.key for target in need.targets})
            finding = Finding(
                kind=FindingKind.UNNEEDED,
                subject=need.targets[0].target,
                message=f"{count(number, 'target')} {agree(number, 'needs', 'need')} no exemption: {'; '.join(reasons[:_SHOWN])}",
                remedy=f"'{need.remedy}' takes it out for good",
                declaration=need.name,
                source=need.source,
                evidence=Evidence(
                    cause=", ".join(sorted({target.ground.value for target in need.targets})),
                    target=need.targets[0].target.text,
                    recommendations=tuple(dict.fromkeys(target.title for target in need.targets)),
                ),
            )
            findings.append(finding)
    return tuple(findings)


def _ineffective(target: TargetEffect, effect: DeclarationEffect) -> Finding:
    """With the best reason that there is: what documentation merely names is for `exempt status` to list."""
    counted = first_few([resource.text for resource in target.counted], 1) or target.target.text
    best = min(target.diagnoses, key=lambda diagnosis: _SUREST.index(diagnosis.confidence))
    questions = count(len(target.diagnoses), "question")
    why, remedy = f"{best.confidence.value}: {best.message}", best.remedy
    if best.confidence is Confidence.POSSIBLE:
        why, remedy = (
            "nothing that was read explains it",
            f"'exempt status {effect.name}' asks {questions} in their order",
        )
    return Finding(
        kind=FindingKind.INEFFECTIVE,
        subject=target.exemptions[0].id if target.exemptions else target.target,
        message=f"Defender still counts {counted} by {target.title!r} ({why})",
        remedy=remedy,
        declaration=effect.name,
        source=effect.source,
        evidence=Evidence(
            aspect=f"{target.key} {target.target.key}",
            cause=f"Defender counts it all the same: {best.cause.value}, {best.confidence.value}",
            target=target.target.text,
            recommendations=(target.title,),
            count=len(target.counted),
        ),
    )
