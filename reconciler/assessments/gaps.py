"""Where Azure itself exempts a counted resource from less than evaluates it: the certain reasons.

For each cell that evaluates the resource and that nothing covers, the nearest miss says why.

| what the declaration has in that assignment                       | cause                |
|-------------------------------------------------------------------|----------------------|
| an exemption that lists the cell, whose selectors leave it out     | scope                |
| one that lists it and is over                                      | expired              |
| one that lists it and sits elsewhere                               | scope                |
| one that does not list it                                          | policy               |
| none, and this identity may not make one                           | rights               |
| none                                                               | initiative           |
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.arm.canonical import instant_text
from reconciler.assessments.case import Case
from reconciler.assessments.evaluation import EvaluatedCell
from reconciler.assessments.values import Cause, Confidence, Diagnosis, Shown
from reconciler.model import ArmId, Exemption, agree, count, first_few
from reconciler.planning.descriptions import describe_selectors, made_when
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.hold_messages import label

STATUS_AGAIN: Final = "wait up to a day after the change, then ask 'exempt status' again"
_SHOWN: Final = 3
_APPLY: Final = f"'exempt apply'; {STATUS_AGAIN}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gap:
    """A cell that evaluates a counted resource and is not exempt; `beside` is the nearest exemption of the declaration, if
    there is one in that assignment.
    """

    cause: Cause
    cell: EvaluatedCell
    resource: ArmId
    beside: Exemption | None = None


def gap_diagnoses(case: Case) -> Iterator[Diagnosis]:
    """Each reason once for each assignment, with the resources that it is about."""
    evaluation = case.inputs.evaluation
    groups: dict[tuple[Cause, str, str], list[_Gap]] = defaultdict(list)
    for resource in case.resources(Shown.UNHEALTHY):
        for cell in case.cells(resource):
            around = evaluation.at(cell, resource)
            is_covered = any(evaluation.covers(existing, cell, resource) for existing in around)
            if not cell.excluded and not is_covered:
                gap = _gap(case, cell, resource, around)
                beside = gap.beside.id.key if gap.beside else ""
                groups[gap.cause, cell.assignment.id.key, beside].append(gap)
    for group in groups.values():
        yield _diagnosis(group, case)


def _gap(case: Case, cell: EvaluatedCell, resource: ArmId, around: Sequence[ExistingExemption]) -> _Gap:
    of_assignment = [item for item in case.objects if item.exemption.assignment == cell.assignment.id]
    own = [item for item in of_assignment if item in around]
    elsewhere = [item for item in of_assignment if item not in around]
    nearest = (
        (Cause.SCOPE, (item for item in own if cell.key in item.covering)),
        (Cause.EXPIRED, (item for item in own if cell.key in item.cells and item.expired)),
        (Cause.SCOPE, (item for item in elsewhere if cell.key in item.covering)),
        (Cause.POLICY, (item for item in own if not item.expired)),
    )
    for cause, candidates in nearest:
        for item in candidates:
            return _Gap(cause=cause, cell=cell, resource=resource, beside=item.exemption)
    is_forbidden = cell.assignment.id.key in (case.inputs.forbidden or ())
    return _Gap(cause=Cause.RIGHTS if is_forbidden else Cause.INITIATIVE, cell=cell, resource=resource)


def _diagnosis(group: Sequence[_Gap], case: Case) -> Diagnosis:
    gap, beside = group[0], group[0].beside
    assignment, name = gap.cell.assignment, repr(label(gap.cell.assignment))
    resources = tuple(sorted({entry.resource for entry in group}))
    references = tuple(dict.fromkeys(entry.cell.reference_id for entry in group))
    listed = first_few(references, _SHOWN)
    evidence = [("assignment", assignment.id.text), ("policies", listed)]
    remedy = _APPLY
    match gap.cause, beside:
        case Cause.EXPIRED, Exemption():
            message = f"its exemption in {name} ended on {beside.expires_on[:10]}, before the declaration does"
        case Cause.SCOPE, Exemption():
            message = _outside(beside, resources, name)
            remedy = (
                f"compare its scope and selectors with the declaration; what was changed in Azure, {_APPLY} puts back"
            )
        case Cause.POLICY, Exemption():
            verb = agree(len(references), "is", "are")
            message = f"its exemption in {name} lacks {listed}, which {verb} behind this recommendation too"
            definitions = sorted({entry.cell.definition for entry in group})
            evidence += [("definition", definition) for definition in definitions]
            if not case.policies.issuperset(definitions):
                remedy = f"'exempt catalog refresh' learns it from the tenant; review that, then {_APPLY}"
        case Cause.RIGHTS, _:
            message = f"nothing is exempt in {name}, and this identity may not exempt from it"
            remedy = (
                f"grant Microsoft.Authorization/policyAssignments/exempt/action at {assignment.scope} "
                "('exempt doctor --role assignment' prints a role), then apply"
            )
        case _:
            message = _not_exempt(gap.cell, case, name)
            evidence += _dates(gap.cell, case)
    if beside is not None:
        evidence.append(("exemption", beside.id.text))
    return Diagnosis(
        cause=gap.cause,
        confidence=Confidence.CERTAIN,
        message=message,
        remedy=remedy,
        evidence=tuple(evidence),
        resources=resources,
    )


def _outside(beside: Exemption, resources: Sequence[ArmId], name: str) -> str:
    if beside.selectors and any(beside.scope.contains(resource) for resource in resources):
        number = count(len(resources), "resource")
        return (
            f"the selectors of its exemption in {name} leave {number} out: only {describe_selectors(beside.selectors)}"
        )
    return f"its exemption in {name} sits at {beside.scope}, which does not contain {resources[0]}"


def _not_exempt(cell: EvaluatedCell, case: Case, name: str) -> str:
    """That nothing of the declaration is in an assignment which evaluates the resource, and which came later."""
    lines = (line for line in case.held if line.assignment is not None and line.assignment == cell.assignment.id)
    if (line := next(lines, None)) is not None:
        return f"{name} evaluates it too, and is held: {line.message}"
    system, written_at = cell.assignment.system, case.written_at
    initiative = case.inputs.evaluation.snapshot.initiatives.get(cell.assignment.id.key)
    changed_at = initiative.system.last_modified_at if initiative and initiative.system else None
    if written_at and system and system.created_at and system.created_at > written_at:
        return f"{name} was assigned after it was made exempt, and is not exempted from"
    if written_at and changed_at and changed_at > written_at:
        return f"the initiative of {name} changed after it was made exempt, and nothing is exempt in it"
    return f"{name} evaluates it too, and nothing is exempt in it"


def _dates(cell: EvaluatedCell, case: Case) -> Iterator[tuple[str, str]]:
    if when := made_when(cell.assignment.system):
        yield "assigned", when
    if case.written_at is not None:
        yield "exemptions last written", instant_text(case.written_at)
