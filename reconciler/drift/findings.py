"""From a plan to the lines of a drift report: what kind each is, how much it matters, what caused it, what to do.

| in the plan                                     | kind of finding                                               |
|-------------------------------------------------|---------------------------------------------------------------|
| create                                          | missing, or uncovered (see `causes`)                          |
| update                                          | modified; duplicate where it narrows a further exemption      |
| delete: duplicate, orphan                       | duplicate, orphaned                                           |
| delete: removed, unmanaged                      | unmanaged: no declaration asks for it (any more)              |
| delete: expired                                 | expired                                                       |
| held                                            | resource-gone, foreign-owner; held for every other cause      |
| unread                                          | incomplete                                                    |
| finding                                         | as it is                                                      |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.drift import words
from reconciler.drift.causes import Absence, absence
from reconciler.drift.evidence import changed_fields, with_witnesses
from reconciler.drift.exempted import named, selection
from reconciler.drift.facts import Facts
from reconciler.drift.places import with_place
from reconciler.drift.widening import exempts_more
from reconciler.model import JSON, Unread
from reconciler.planning.values import Action, Change, Finding, FindingKind, Held, Plan, Reason, Severity

_DELETES: Final = {
    Reason.DUPLICATE: FindingKind.DUPLICATE,
    Reason.ORPHAN: FindingKind.ORPHANED,
    Reason.EXPIRED: FindingKind.EXPIRED,
}


def find_drift(plan: Plan, facts: Facts, more: Iterable[Finding] = ()) -> tuple[Finding, ...]:
    """Every difference between the repository and Azure, in the order of the plan.

    `more` are findings from elsewhere (a live catalogue), to be told who and when like the rest.
    """
    found: Sequence[Finding] = [
        *(_change(change, facts) for change in plan.changes),
        *(_held(held) for held in plan.held),
        *(_unread(unread) for unread in plan.unread),
        *(_noted(finding) for finding in plan.findings),
        *more,
    ]
    return tuple(with_witnesses(with_place(finding, facts), facts) for finding in found)


# --- changes -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Diagnosis:
    """What a change comes to, before it is a finding."""

    kind: FindingKind
    said: words.Said
    remedy: str
    severity: Severity = Severity.WARNING
    evidence: Mapping[str, JSON] = field(default_factory=dict)


def _change(change: Change, facts: Facts) -> Finding:
    found = _diagnosis(change, facts)
    healed = {"healedBy": change.reason.value} if change.id.key in facts.heals else {}
    return Finding(
        kind=found.kind,
        severity=found.severity,
        subject=change.id,
        message=found.said.message,
        remedy=found.remedy,
        declaration=change.declaration,
        source=change.source,
        assignment=change.exemption.assignment,
        evidence={**found.evidence, "cause": found.said.cause, **healed},
    )


def _diagnosis(change: Change, facts: Facts) -> _Diagnosis:
    match change.action:
        case Action.CREATE:
            return _absent(change, facts)
        case Action.UPDATE:
            return _modified(change, facts)
        case Action.DELETE:
            kind = _DELETES.get(change.reason, FindingKind.UNMANAGED)
            return _Diagnosis(kind=kind, said=words.surplus(change, facts.now), remedy=words.apply_only(change))


def _absent(change: Change, facts: Facts) -> _Diagnosis:
    why = absence(change, facts)
    assignment = facts.assignment(change.exemption.assignment)
    remedy = words.grant(assignment) if why is Absence.NO_RIGHT and assignment else words.apply_only(change)
    evidence: dict[str, JSON] = {
        "referenceIds": sorted(change.exemption.reference_ids),
        **named(change.exemption, facts),
        **selection(change.exemption),
        "target": str(change.exemption.metadata.get("target", "")),
    }
    if why.may_be_deleted:
        evidence["activityLog"] = words.activity_log(change)
    return _Diagnosis(kind=why.kind, said=words.Said(words.absent(change), why.value), remedy=remedy, evidence=evidence)


def _modified(change: Change, facts: Facts) -> _Diagnosis:
    assert change.before is not None
    assert change.after is not None
    kind = FindingKind.DUPLICATE if change.reason is Reason.NARROW else FindingKind.MODIFIED
    initiative = facts.snapshot.initiatives.get(change.before.assignment.key)
    wider = exempts_more(change.before, change.after, initiative) if kind is FindingKind.MODIFIED else ""
    said = words.modified(change, wider, has_history=facts.history.head is not None)
    severity = Severity.ERROR if wider else Severity.WARNING
    evidence = {"changed": changed_fields(change.before, change.after)}
    return _Diagnosis(kind=kind, said=said, remedy=words.put_back(change), severity=severity, evidence=evidence)


# --- everything else ---------------------------------------------------------------------------------------------


def _held(held: Held) -> Finding:
    references = {"referenceIds": list(held.reference_ids)} if held.reference_ids else {}
    return Finding(
        kind=held.cause.facts.kind,
        severity=Severity.WARNING,
        subject=held.exemption or held.scope,
        message=held.message,
        remedy=held.remedy,
        declaration=held.declaration or None,
        source=held.source,
        assignment=held.assignment,
        evidence={"what": held.cause.value, "cause": held.cause.facts.cause, **references},
    )


def _unread(unread: Unread) -> Finding:
    return Finding(
        kind=FindingKind.INCOMPLETE,
        severity=Severity.ERROR,
        subject=unread.scope,
        message=f"{unread.what} could not be read: {unread.message}",
        remedy=unread.remedy or "give the identity Reader there, and run again",
        evidence={"what": unread.what, "cause": FindingKind.INCOMPLETE.cause},
    )


def _noted(finding: Finding) -> Finding:
    return replace(finding, evidence={"cause": words.noted(finding), **finding.evidence})
