"""Why Defender shows nothing of a target: it does not look at the subscription, nothing there evaluates the policy, or
the recommendation is no more.
"""

from __future__ import annotations

from typing import Final

from reconciler.assessments.case import Case
from reconciler.assessments.values import Cause, Confidence, Diagnosis
from reconciler.catalog.retirement import retirement_cause, retirement_remedy
from reconciler.model import ScopeKind, first_few, is_assessment
from reconciler.planning.hold_messages import label

_SHOWN: Final = 3


def unassessed(case: Case) -> Diagnosis:
    """The first of these reasons that holds."""
    recommendation, subscriptions, inputs = case.recommendation, case.subscriptions, case.inputs
    if recommendation is None:
        return _diagnosis(
            Cause.NO_RECOMMENDATION,
            "no recommendation of Defender rests on what is exempted, so Azure Policy alone shows it",
            "see Policy > Compliance in the portal, or: az policy state list",
        )
    off = [scope for scope in subscriptions if scope.subscription in inputs.view.off]
    if off and len(off) == len(subscriptions):
        return _diagnosis(
            Cause.PLAN,
            f"Foundational CSPM is off in {first_few([scope.text for scope in off], _SHOWN)}, so Defender evaluates nothing there",
            "turn it on (Defender for Cloud > Environment settings), or do nothing: nothing is counted as long as it is off",
            *(("off", scope.text) for scope in off[:_SHOWN]),
        )
    if not inputs.evaluation.is_below_benchmark(case.target) and not inputs.basis.tree.unread_about(case.target):
        return _diagnosis(
            Cause.BENCHMARK,
            "the Microsoft cloud security benchmark is not assigned there, without which Defender shows no recommendations",
            "assign it (Defender for Cloud > Environment settings > Security policies)",
            ("target", case.target.text),
        )
    if recommendation.retirement is not None:
        return _diagnosis(
            Cause.RETIRED,
            retirement_cause(recommendation.retirement),
            retirement_remedy(recommendation, inputs.basis.inputs.catalogue, is_listed=case.declaration.is_list),
            ("recommendation", recommendation.title),
        )
    return _evaluation(case) or Diagnosis(
        cause=Cause.NO_ASSESSMENT,
        confidence=Confidence.POSSIBLE,
        message="Defender shows no assessment of it there: there is no resource that it is about"
        + (f" ({first_few(recommendation.resource_types, _SHOWN)})" if recommendation.resource_types else "")
        + ", or Defender has not looked yet",
        remedy="ask again in a day; in the portal, the recommendation lists what it is about",
        evidence=(("recommendation", case.key),),
    )


def moved_scope(case: Case) -> Diagnosis | None:
    """That the target was moved away from below the assignment that its exemption names."""
    tree, assignments = case.inputs.basis.tree, case.inputs.evaluation.snapshot.assignments
    for existing in case.inputs.marked.get(case.declaration.name, ()):
        assignment = assignments.get(existing.exemption.assignment.key)
        validated = existing.exemption.validation.lower() != "donotvalidate"
        if (
            assignment is None
            or is_assessment(assignment.id.key)
            or not validated
            or not tree.related(existing.scope, case.target)
        ):
            continue
        if not tree.contains(assignment.scope.key, existing.scope):
            return Diagnosis(
                cause=Cause.MOVED,
                confidence=Confidence.CERTAIN,
                message=f"{existing.scope} was moved away from {assignment.scope}, where {label(assignment)!r} is assigned",
                remedy="'exempt plan' shows what is evaluated where it is now; 'exempt drift --kind orphaned' shows what is left over",
                evidence=(("exemption", existing.exemption.id.text), ("assigned at", assignment.scope.text)),
            )
    return None


def _diagnosis(cause: Cause, message: str, remedy: str, *evidence: tuple[str, str]) -> Diagnosis:
    return Diagnosis(cause=cause, confidence=Confidence.CERTAIN, message=message, remedy=remedy, evidence=evidence)


def _evaluation(case: Case) -> Diagnosis | None:
    """Nothing evaluates the policies at the target, or only what leaves it out."""
    if case.target.kind is ScopeKind.MANAGEMENT_GROUP and case.confirmed:
        return None
    cells = case.cells(case.target)
    if any(not cell.excluded for cell in cells) or (case.confirmed and not cells):
        return None
    if not cells:
        return _diagnosis(
            Cause.NOT_ASSIGNED,
            "no initiative that evaluates it is assigned there any more, or yet",
            f"assign one, or 'exempt retire {case.declaration.name}'",
            *(("policy", policy) for policy in sorted(case.policies)[:_SHOWN]),
        )
    cause = Cause.DISABLED if all("Disabled" in cell.excluded for cell in cells) else Cause.EXCLUDED
    reasons = sorted({f"{label(cell.assignment)!r}: {cell.excluded}" for cell in cells})
    return _diagnosis(
        cause,
        f"every assignment leaves it out: {first_few(reasons, _SHOWN)}",
        "nothing needs to be done: what is not evaluated is not counted",
        *(("assignment", cell.assignment.id.text) for cell in cells[:_SHOWN]),
    )
