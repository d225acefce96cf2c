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

from collections.abc import Iterator, Mapping
from typing import Final

from reconciler.arm.canonical import category
from reconciler.assessments.case import Case
from reconciler.assessments.gaps import STATUS_AGAIN, gap_diagnoses
from reconciler.assessments.values import Cause, Confidence, Diagnosis, Shown, shown_as
from reconciler.model import CATEGORY_LABELS, Category, ScopeKind, count, first_few
from reconciler.planning.hold_messages import label

_ORDER: Final = tuple(Cause)
_SHOWN: Final = 3
_PROVIDERS: Final = "Microsoft Azure Security Resource Provider (formerly Windows Azure Security Resource Provider)"


def diagnose(case: Case) -> tuple[Diagnosis, ...]:
    """All reasons for what is still counted, the likeliest order of asking first."""
    diagnoses = [*gap_diagnoses(case), *_of_metadata(case)]
    declared = case.declaration.category.value
    diagnoses += [
        Diagnosis(
            cause=Cause.CATEGORY,
            confidence=Confidence.CERTAIN,
            message=f"declared as {CATEGORY_LABELS[declared]}, but Azure has {CATEGORY_LABELS.get(stored, stored)}",
            remedy=f"'exempt apply' puts it back; {STATUS_AGAIN}",
            evidence=(("exemption", existing.exemption.id.text),),
        )
        for existing in case.objects
        if (stored := category(existing.exemption.category)) != declared
    ]
    if not any(diagnosis.confidence is Confidence.CERTAIN for diagnosis in diagnoses):
        diagnoses += [*_documented(case), *_contradicting(case), *_last(case)]
    return tuple(sorted(diagnoses, key=lambda diagnosis: (_ORDER.index(diagnosis.cause), diagnosis.message)))


def counted_above(case: Case) -> Diagnosis | None:
    """That Defender counts what contains the target instead of the target: an exemption below does not reach it."""
    for scope in case.inputs.basis.tree.chain(case.target)[1:]:
        row = case.inputs.rows_of.get((scope, case.key))
        if row is not None and shown_as(row) is Shown.UNHEALTHY:
            return Diagnosis(
                cause=Cause.LEVEL,
                confidence=Confidence.CERTAIN,
                message=f"Defender counts the {row.resource.kind} {row.resource}, which contains the target; an exemption of a "
                f"{case.target.kind} does not reach it",
                remedy=f"write {row.resource} in place of {case.target} under scopes",
                evidence=(("counted", row.resource.text), ("declared", case.target.text)),
                resources=(row.resource,),
            )
    return None


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
            evidence=(("definition", policy), *(("declared", declared) for declared in sorted(case.policies))),
            resources=tuple(sorted({row.resource for row in rows if row.policy and row.policy.key == policy})),
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
    assignments = case.inputs.evaluation.snapshot.assignments
    for existing in case.objects:
        assignment = assignments.get(existing.exemption.assignment.key)
        if assignment is None or existing.scope.kind is ScopeKind.MANAGEMENT_GROUP:
            continue
        if assignment.scope.kind is ScopeKind.MANAGEMENT_GROUP:
            yield Diagnosis(
                cause=Cause.LEVEL,
                confidence=Confidence.POSSIBLE,
                message=f"{label(assignment)!r} is assigned at a management group, and it is exempt at a {existing.scope.kind}; Azure accepts that, "
                "but Microsoft's troubleshooting asks for an exemption at the group",
                remedy="if nothing else is wrong, ask Microsoft's support before exempting the whole group",
                evidence=(("assigned at", assignment.scope.text), ("exempt at", existing.scope.text)),
            )
            break
    if case.declaration.category is Category.WAIVER:
        waiver = CATEGORY_LABELS[Category.WAIVER]
        yield Diagnosis(
            cause=Cause.CATEGORY,
            confidence=Confidence.POSSIBLE,
            message=f"{waiver} takes resources out of the secure score, but they might still be listed in the recommendation",
            remedy="compare the secure score before and after; nothing is wrong if that changed",
            evidence=(("category", waiver),),
        )
    if why := case.inputs.basis.inputs.declarations.subjects[case.declaration.name].unsupported:
        yield Diagnosis(
            cause=Cause.UNSUPPORTED,
            confidence=Confidence.LIKELY,
            message=why,
            remedy="remediate it, or disable the policy by the effect parameter of its assignment; then 'exempt retire "
            f"{case.declaration.name}'",
            evidence=(("recommendation", case.title),),
        )


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
                exemptions = sorted(existing.exemption.id.text for existing in covering)
                yield Diagnosis(
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
