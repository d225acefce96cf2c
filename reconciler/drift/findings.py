"""From a plan to the lines of a drift report: what kind each is, how much it matters, what caused it, what to do.

| in the plan                                     | kind of finding                                               |
|-------------------------------------------------|---------------------------------------------------------------|
| create                                          | missing, or uncovered (see `absence`)                          |
| update                                          | modified; duplicate where it narrows a further exemption,     |
|                                                 | uncovered where its initiative has none of its references now |
| delete: duplicate, orphan                       | duplicate, orphaned                                           |
| delete: removed, unmanaged                      | unmanaged: no declaration asks for it (any more)              |
| delete: expired                                 | expired                                                       |
| held                                            | resource-gone, foreign-owner; held for every other cause      |
| unread                                          | incomplete                                                    |
| finding                                         | as it is                                                      |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from reconciler.drift import messages
from reconciler.drift.absence import Absence, absence
from reconciler.drift.coverage import declared_evidence
from reconciler.drift.evidence import changed_fields, with_evidence
from reconciler.drift.inputs import DriftInputs
from reconciler.drift.sources import with_source
from reconciler.drift.widening import exempts_more
from reconciler.kinds import FindingKind, HeldCause
from reconciler.model import UNREAD_REMEDY, Carrier, Severity, carrier_of
from reconciler.planning.evidence import Evidence
from reconciler.planning.values import Action, Change, Finding, Held, Plan, Reason

_DELETES: Final = {
    Reason.DUPLICATE: FindingKind.DUPLICATE,
    Reason.ORPHAN: FindingKind.ORPHANED,
    Reason.EXPIRED: FindingKind.EXPIRED,
}

_NOT_THERE: Final = "never made when it was applied, or deleted in Azure"
"""The cause where no initiative stands between a declaration and its exemption."""


def find_drift(plan: Plan, inputs: DriftInputs, further: Iterable[Finding] = ()) -> tuple[Finding, ...]:
    """Every difference between the repository and Azure, in the order of the plan.

    `further` are findings from elsewhere (a live catalogue), to be told who and when like the rest.
    """
    findings = [_changed(change, inputs) for change in plan.changes]
    findings += [_held(line) for line in plan.held]
    findings += [
        Finding(
            kind=FindingKind.INCOMPLETE,
            subject=unread.scope,
            message=f"{unread.what} could not be read: {unread.message}",
            remedy=unread.remedy or UNREAD_REMEDY,
            evidence=Evidence(aspect=unread.what),
        )
        for unread in plan.unread
    ]
    findings += [*plan.findings, *further]
    return tuple(with_evidence(with_source(finding, inputs), inputs) for finding in findings)


# --- changes -----------------------------------------------------------------------------------------------------


def _changed(change: Change, inputs: DriftInputs) -> Finding:
    match change.action:
        case Action.CREATE:
            why = absence(change, inputs)
            assignment = inputs.assignment(change.exemption.assignment)
            lacks_right = why is Absence.NO_RIGHT and assignment is not None
            remedy = messages.grant_right(assignment) if assignment and lacks_right else messages.apply_only(change)
            is_logged = change.exemption.carrier is Carrier.POLICY  # the log has no event of the other kind
            evidence = replace(
                declared_evidence(change.exemption, inputs),
                target=str(change.exemption.metadata.get("target", "")),
                activity_log=messages.activity_log_command(change) if why.may_be_deleted and is_logged else "",
            )
            message = messages.absent(change, inputs)
            if why is Absence.NOT_MADE:
                message += f"; when it was applied: {inputs.outcomes[change.id.key].message}"
            cause = why.value if is_logged or why is not Absence.REFUSED_OR_DELETED else _NOT_THERE
            finding = _finding(why.kind, change, messages.Diagnosis(message, cause), remedy, evidence)
        case Action.UPDATE:
            finding = _modified(change, inputs)
        case Action.DELETE:
            diagnosis = messages.surplus(change, inputs)
            kind = _DELETES.get(change.reason, FindingKind.UNMANAGED)
            finding = _finding(kind, change, diagnosis, messages.apply_only(change), Evidence())
    if change.id.key in inputs.healed:
        return replace(finding, evidence=replace(finding.evidence, healed_by=change.reason.value))
    return finding


def _finding(
    kind: FindingKind, change: Change, diagnosis: messages.Diagnosis, remedy: str, evidence: Evidence
) -> Finding:
    return Finding(
        kind=kind,
        subject=change.id,
        message=diagnosis.message,
        remedy=remedy,
        declaration=change.declaration,
        source=change.source,
        assignment=change.exemption.assignment,
        evidence=replace(evidence, cause=diagnosis.cause),
    )


def _modified(change: Change, inputs: DriftInputs) -> Finding:
    assert change.before is not None
    assert change.after is not None
    initiative = inputs.snapshot.initiatives.get(change.before.assignment.key)
    texts, listed = initiative.texts if initiative else {}, change.before.reference_ids
    kind = FindingKind.DUPLICATE if change.reason is Reason.NARROW else FindingKind.MODIFIED
    if change.reason is Reason.FAN_OUT and listed and not any(reference.lower() in texts for reference in listed):
        kind = FindingKind.UNCOVERED
    wider = exempts_more(change.before, change.after, initiative) if kind is FindingKind.MODIFIED else ""
    diagnosis = messages.modified(change, wider, inputs)
    evidence = Evidence(changed=changed_fields(change.before, change.after))
    finding = _finding(kind, change, diagnosis, messages.put_back(change), evidence)
    return replace(finding, severity_override=Severity.ERROR) if wider else finding


# --- everything else ---------------------------------------------------------------------------------------------


def _held(line: Held) -> Finding:
    cause = line.cause.facts.cause
    is_standard = line.exemption is not None and carrier_of(line.exemption) is Carrier.STANDARD
    if line.cause is HeldCause.NOT_ADOPTABLE and is_standard:  # Azure does not say whether an application made it
        cause = "an exemption that nobody adopted stands in the way"
    return Finding(
        kind=line.cause.facts.kind,
        subject=line.exemption or line.scope,
        message=line.message,
        remedy=line.remedy,
        declaration=line.declaration or None,
        source=line.source,
        assignment=line.assignment,
        evidence=Evidence(aspect=line.cause.value, cause=cause, reference_ids=tuple(line.reference_ids)),
    )
