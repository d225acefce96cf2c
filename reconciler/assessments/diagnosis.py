"""Why Defender counts a resource although it is exempt, in the order of Microsoft's troubleshooting.

| cause            | certain where                                                      | otherwise                                  |
|------------------|--------------------------------------------------------------------|--------------------------------------------|
| expired          | its exemption in an assignment that evaluates the resource is over |                                            |
| scope            | its exemption there does not contain or choose the resource        |                                            |
| level            | Defender counts something that contains the target                 | possible: assigned at a group, exempt below |
| rights           | nothing is exempt there, and this identity may not exempt           | likely: exempt at a group, which Defender must be able to read |
| category         | Azure has another one than is declared                              | possible: a waiver may still be listed      |
| policy           | its exemption there lacks a policy behind the recommendation        | likely: Defender's metadata names another policy |
| initiative       | nothing is exempt there; newly assigned where it is the younger one |                                            |
| unsupported      |                                                                    | likely: Microsoft lists it                 |
| duplicate        |                                                                    | likely: several, of different category or end |
| outside Defender |                                                                    | possible: made through Azure Policy         |
| recreate         |                                                                    | possible: nothing else is left              |

What is only possible is said where nothing is certain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.arm.canonical import category, instant_text
from reconciler.assessments.case import Case
from reconciler.assessments.evaluation import EvaluatedCell
from reconciler.assessments.values import Cause, Confidence, Diagnosis, Shown, shown_as
from reconciler.model import ArmId, Category, Exemption, ScopeKind, agree, count, first_few
from reconciler.model.posture import Assessment
from reconciler.planning.descriptions import describe_selectors
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.hold_messages import label

_ORDER: Final = tuple(Cause)
_SHOWN: Final = 3
_STATUS_AGAIN: Final = "wait up to a day after the change, then ask 'exempt status' again"
_PROVIDERS: Final = "Microsoft Azure Security Resource Provider (formerly Windows Azure Security Resource Provider)"


def diagnose(case: Case) -> tuple[Diagnosis, ...]:
    """All reasons for what is still counted, the likeliest order of asking first."""
    diagnoses = [*_gaps(case), *_of_metadata(case), *_of_category(case)]
    if not any(diagnosis.confidence is Confidence.CERTAIN for diagnosis in diagnoses):
        diagnoses += [*_documented(case), *_last(case)]
    return tuple(sorted(diagnoses, key=lambda diagnosis: (_ORDER.index(diagnosis.cause), diagnosis.message)))


def counted_above(case: Case) -> Diagnosis | None:
    """That Defender counts what contains the target instead of the target: an exemption below does not reach it."""
    for scope in case.inputs.decisions.tree.chain(case.target)[1:]:
        row = case.inputs.rows_of.get((scope, case.key))
        if row is not None and shown_as(row) is Shown.UNHEALTHY:
            return _level(row, case)
    return None


def _level(row: Assessment, case: Case) -> Diagnosis:
    return Diagnosis(
        cause=Cause.LEVEL,
        confidence=Confidence.CERTAIN,
        message=f"Defender counts the {row.resource.kind} {row.resource}, which contains the target; an exemption of a "
        f"{case.target.kind} does not reach it",
        remedy=f"write {row.resource} in place of {case.target} under scopes",
        evidence=(("counted", row.resource.text), ("declared", case.target.text)),
        resources=(row.resource,),
    )


# --- what was read and is not covered ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gap:
    """A cell of an assignment that evaluates a counted resource and is not exempt; `beside` is the nearest exemption that
    somehow concerns it, if any.
    """

    cause: Cause
    cell: EvaluatedCell
    beside: ExistingExemption | None
    resource: ArmId


def _gaps(case: Case) -> Iterator[Diagnosis]:
    """Each reason once for each assignment, with the resources that it is about."""
    groups: dict[tuple[Cause, str, str], list[_Gap]] = defaultdict(list)
    for resource in case.resources(Shown.UNHEALTHY):
        for gap in gaps(case, resource):
            beside = gap.beside.exemption.id.key if gap.beside else ""
            groups[gap.cause, gap.cell.assignment.id.key, beside].append(gap)
    for group in groups.values():
        yield _told(group, case)


def gaps(case: Case, resource: ArmId) -> Iterator[_Gap]:
    """The cells that evaluate a resource and that nothing exempts it from."""
    evaluation = case.inputs.evaluation
    for cell in case.cells(resource):
        if cell.excluded:
            continue
        around = evaluation.at(cell, resource)
        if not any(evaluation.covers(existing, cell, resource) for existing in around):
            yield _gap(case, cell, resource, around)


def _gap(case: Case, cell: EvaluatedCell, resource: ArmId, around: Sequence[ExistingExemption]) -> _Gap:
    """Why nothing covers a cell: the nearest miss says it."""
    own = [existing for existing in around if existing in case.objects or existing.mark == case.declaration.name]
    elsewhere = [
        existing for existing in case.inputs.marked.get(case.declaration.name, ())
        if existing.exemption.assignment == cell.assignment.id and existing not in around
        and case.inputs.decisions.tree.related(existing.scope, case.target)
    ]  # fmt: skip
    over = next((existing for existing in own if cell.key in existing.cells and existing.expired), None)
    unchosen = next((existing for existing in own if cell.key in existing.covering), None)
    lacking = next((existing for existing in own if not existing.expired), None)
    narrow = next((existing for existing in elsewhere if cell.key in existing.covering), None)
    if unchosen is not None:
        return _Gap(cause=Cause.SCOPE, cell=cell, beside=unchosen, resource=resource)
    if over is not None:
        return _Gap(cause=Cause.EXPIRED, cell=cell, beside=over, resource=resource)
    if narrow is not None:
        return _Gap(cause=Cause.SCOPE, cell=cell, beside=narrow, resource=resource)
    if lacking is not None:
        return _Gap(cause=Cause.POLICY, cell=cell, beside=lacking, resource=resource)
    is_forbidden = cell.assignment.id.key in (case.inputs.forbidden or ())
    return _Gap(cause=Cause.RIGHTS if is_forbidden else Cause.INITIATIVE, cell=cell, beside=None, resource=resource)


def _told(group: Sequence[_Gap], case: Case) -> Diagnosis:
    gap = group[0]
    name, beside = repr(label(gap.cell.assignment)), gap.beside.exemption if gap.beside else None
    resources = tuple(sorted({entry.resource for entry in group}))
    references = tuple(dict.fromkeys(entry.cell.reference_id for entry in group))
    evidence = [("assignment", gap.cell.assignment.id.text), ("policies", first_few(references, _SHOWN))]
    if beside is not None:
        evidence.append(("exemption", beside.id.text))
    apply = "exempt apply"
    match gap.cause:
        case Cause.EXPIRED:
            assert beside is not None
            message = f"its exemption in {name} ended on {beside.expires_on[:10]}, before the declaration does"
            evidence.append(("expiresOn", beside.expires_on))
        case Cause.SCOPE:
            assert beside is not None
            message = _outside(beside, resources, name)
            apply = "compare scope and selectors of that exemption with the declaration; 'exempt apply' puts back what was changed in Azure"
        case Cause.POLICY:
            message = (
                f"its exemption in {name} lacks {first_few(references, _SHOWN)}, which "
                f"{agree(len(references), 'is', 'are')} behind this recommendation too"
            )
            declared = all(entry.cell.definition in case.policies for entry in group)
            evidence += [
                ("definition", definition) for definition in sorted({entry.cell.definition for entry in group})
            ]
            apply = apply if declared else "exempt catalog refresh' learns it from the tenant, then 'exempt apply"
        case Cause.RIGHTS:
            message = f"nothing is exempt in {name}, and this identity may not exempt from it"
            apply = (
                "grant Microsoft.Authorization/policyAssignments/exempt/action at "
                f"{gap.cell.assignment.scope} (exempt doctor --role assignment prints a role), then apply"
            )
        case _:
            message, more = _not_exempt(gap.cell, case, name)
            evidence += more
    is_command = apply.startswith("exempt ")
    return Diagnosis(
        cause=gap.cause,
        confidence=Confidence.CERTAIN,
        message=message,
        remedy=f"'{apply}'; {_STATUS_AGAIN}" if is_command else apply,
        evidence=tuple(evidence),
        resources=resources,
    )


def _outside(beside: Exemption, resources: Sequence[ArmId], name: str) -> str:
    if beside.scope.key in {key for resource in resources for key in _textual(resource)} and beside.selectors:
        return f"the selectors of its exemption in {name} leave {count(len(resources), 'resource')} out: only {describe_selectors(beside.selectors)}"
    return f"its exemption in {name} sits at {beside.scope}, which does not contain {first_few([r.text for r in resources], 1)}"


def _textual(resource: ArmId) -> Iterator[str]:
    step: ArmId | None = resource
    while step is not None:
        yield step.key
        step = step.parent


def _not_exempt(cell: EvaluatedCell, case: Case, name: str) -> tuple[str, list[tuple[str, str]]]:
    """Nothing of the declaration is in an assignment that evaluates the resource: since when it evaluates, and who says."""
    system, written = cell.assignment.system, case.written_at
    assigned = system.created_at if system else None
    initiative = case.inputs.evaluation.snapshot.initiatives.get(cell.assignment.id.key)
    changed = initiative.system.last_modified_at if initiative and initiative.system else None
    evidence = []
    if system is not None and assigned is not None:
        by = f" by {system.created_by}" if system.created_by else ""
        evidence.append(("assigned", f"{instant_text(assigned)}{by}"))
    if written is not None:
        evidence.append(("exemptions last written", instant_text(written)))
    standing = next(
        (line for line in case.held if line.assignment is not None and line.assignment.key == cell.assignment.id.key),
        None,
    )
    if standing is not None:
        evidence.append(("held", standing.cause.value))
        return f"{name} evaluates it too, and is held: {standing.message}", evidence
    if assigned is not None and written is not None and assigned > written:
        return f"{name} was assigned after it was made exempt, and is not exempted from", evidence
    if changed is not None and written is not None and changed > written:
        return f"the initiative of {name} changed after it was made exempt, and nothing is exempt in it", evidence
    return f"{name} evaluates it too, and nothing is exempt in it", evidence


# --- what else was read ------------------------------------------------------------------------------------------


def _of_metadata(case: Case) -> Iterator[Diagnosis]:
    """That Defender's own metadata names a policy which neither catalogue nor declaration knows, and nothing assigned has."""
    rows = [
        row
        for row in case.rows
        if shown_as(row) is Shown.UNHEALTHY and row.policy and row.policy.key not in case.policies
    ]
    assigned = {cell.definition for row in rows for cell in case.cells(row.resource)}
    for policy in sorted({row.policy.key for row in rows if row.policy} - assigned):
        yield Diagnosis(
            cause=Cause.POLICY,
            confidence=Confidence.LIKELY,
            message=f"Defender's metadata names the policy {policy.rpartition('/')[2]}, which is not among those that the declaration exempts",
            remedy="'exempt catalog refresh' shows what the tenant says; review it, then apply",
            evidence=(("definition", policy), *(("declared", known) for known in sorted(case.policies))),
            resources=tuple(sorted({row.resource for row in rows if row.policy and row.policy.key == policy})),
        )


def _of_category(case: Case) -> Iterator[Diagnosis]:
    declared = case.declaration.category.value
    for existing in case.objects:
        stored = category(existing.exemption.category)
        if stored != declared:
            yield Diagnosis(
                cause=Cause.CATEGORY,
                confidence=Confidence.CERTAIN,
                message=f"declared as {declared}, but Azure has {stored}",
                remedy=f"'exempt apply' puts it back; {_STATUS_AGAIN}",
                evidence=(("exemption", existing.exemption.id.text),),
            )


# --- what documentation names ------------------------------------------------------------------------------------


def _documented(case: Case) -> Iterator[Diagnosis]:
    groups = [existing for existing in case.objects if existing.scope.kind is ScopeKind.MANAGEMENT_GROUP]
    if groups:
        scopes = first_few(sorted({existing.scope.text for existing in groups}), _SHOWN)
        yield Diagnosis(
            cause=Cause.RIGHTS,
            confidence=Confidence.LIKELY,
            message=f"it is exempt at {scopes}: Defender honours that only where its own identity may read the group",
            remedy=f"see that {_PROVIDERS} has Reader there: az role assignment list --scope {groups[0].scope}",
            evidence=(("exemption", groups[0].exemption.id.text),),
        )
    if narrower := _below_groups(case):
        assignment, existing = narrower[0]
        yield Diagnosis(
            cause=Cause.LEVEL,
            confidence=Confidence.POSSIBLE,
            message=f"{label(assignment)!r} is assigned at a management group, and it is exempt at a {existing.scope.kind}; Azure accepts that, "
            "but Microsoft's troubleshooting asks for an exemption at the group",
            remedy="if nothing else is wrong, ask Microsoft's support before exempting the whole group",
            evidence=(("assigned at", assignment.scope.text), ("exempt at", existing.scope.text)),
        )
    if case.declaration.category is Category.WAIVER:
        yield Diagnosis(
            cause=Cause.CATEGORY,
            confidence=Confidence.POSSIBLE,
            message="a Waiver takes resources out of the secure score, but they might still be listed in the recommendation",
            remedy="compare the secure score before and after; nothing is wrong if that changed",
            evidence=(("category", case.declaration.category.value),),
        )
    if why := case.inputs.decisions.inputs.declarations.subjects[case.declaration.name].unsupported:
        yield Diagnosis(
            cause=Cause.UNSUPPORTED,
            confidence=Confidence.LIKELY,
            message=why,
            remedy="remediate it, or disable the policy by the effect parameter of its assignment; then 'exempt retire "
            f"{case.declaration.name}'",
            evidence=(("recommendation", case.title),),
        )
    yield from _contradicting(case)


def _below_groups(case: Case) -> list[tuple]:  # type: ignore[type-arg]
    assignments = case.inputs.evaluation.snapshot.assignments
    return [
        (assignment, existing)
        for existing in case.objects
        if (assignment := assignments.get(existing.exemption.assignment.key)) is not None
        and assignment.scope.kind is ScopeKind.MANAGEMENT_GROUP
        and existing.scope.kind is not ScopeKind.MANAGEMENT_GROUP
    ]


def _contradicting(case: Case) -> Iterator[Diagnosis]:
    """Several exemptions that cover the same and differ in category or end."""
    evaluation = case.inputs.evaluation
    reported: set[frozenset[str]] = set()
    for resource in case.resources(Shown.UNHEALTHY):
        for cell in case.cells(resource):
            covering = [e for e in evaluation.at(cell, resource) if evaluation.covers(e, cell, resource)]
            says = {(category(e.exemption.category), e.exemption.expires_on) for e in covering}
            ids = frozenset(e.exemption.id.key for e in covering)
            if len(says) > 1 and ids not in reported:
                reported.add(ids)
                yield _duplicate(covering, cell)


def _duplicate(covering: Iterable[ExistingExemption], cell: EvaluatedCell) -> Diagnosis:
    exemptions = sorted(existing.exemption.id.text for existing in covering)
    return Diagnosis(
        cause=Cause.DUPLICATE,
        confidence=Confidence.LIKELY,
        message=f"{count(len(exemptions), 'exemption')} of {label(cell.assignment)!r} cover it with different category or end; such may keep a status from changing",
        remedy="'exempt drift --kind duplicate,shadowed,overlap' says which to remove",
        evidence=tuple(("exemption", text) for text in exemptions),
    )


def _last(case: Case) -> Iterator[Diagnosis]:
    """What is asked when nothing else is wrong; no answer of Azure could prove or refute it."""
    made_by = {e.exemption.system.created_by_type for e in case.objects if e.exemption.system} - {""}
    ids: Mapping[str, str] = {e.exemption.id.key: e.exemption.id.text for e in case.objects}
    yield Diagnosis(
        cause=Cause.OUTSIDE_DEFENDER,
        confidence=Confidence.POSSIBLE,
        message="it was made through Azure Policy, not in Defender for Cloud; such exemptions might not fully integrate",
        remedy="exempt one resource by hand in Defender for Cloud, and compare after a day; 'exempt apply' adopts what is there then",
        evidence=(("made by", ", ".join(sorted(made_by)) or "unknown"),),
    )
    yield Diagnosis(
        cause=Cause.RECREATE,
        confidence=Confidence.POSSIBLE,
        message="nothing that can be read explains it",
        remedy="last of all, delete it in Azure and let 'exempt apply' make it anew: until Defender has looked again, up to a day, "
        "the resources count as unhealthy",
        evidence=tuple(("exemption", text) for _, text in sorted(ids.items())),
    )
