"""What a declaration comes to: each assignment, whether it is in or out and why, and what Azure holds of it.

Read from the same run of the stages as the plan: what is wanted, held or found moot there is told here, and only for the
rest is it said why nothing is wanted.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.catalog.subjects import ResolvedSubject
from reconciler.kinds import FindingKind
from reconciler.model import ArmId, Assignment, Declaration, Exemption, SubjectKind, Unread, is_assessment
from reconciler.planning.desired.subjects import match_subject
from reconciler.planning.desired.values import DesiredExemption
from reconciler.planning.hold_messages import label
from reconciler.planning.provenance import Commit
from reconciler.planning.stages import PlanBasis
from reconciler.planning.values import Change, Held, Plan


class Participation(enum.StrEnum):
    """Whether an assignment takes part in a declaration."""

    IN = "in"
    HELD = "held"
    OUT = "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentRow:
    """One assignment at one scope (None: nowhere), and why. `exemption` is what confirms it, existing or planned, and
    `change` the write that is still needed.
    """

    assignment: Assignment
    part: Participation
    why: str
    scope: ArmId | None = None
    target: ArmId | None = None
    references: tuple[str, ...] = ()
    exemption: Exemption | None = None
    change: Change | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclarationExplanation:
    """A declaration with all its rows: those that are in first. `wants_nothing` says why, where it wants nothing."""

    declaration: Declaration
    title: str
    commit: Commit | None
    taken_at: datetime
    wants_nothing: str
    rows: tuple[AssignmentRow, ...]
    held: tuple[Held, ...]
    leftovers: tuple[Change, ...]
    also: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()


def explain_declaration(basis: PlanBasis, plan: Plan, declaration: Declaration) -> DeclarationExplanation:
    """What the declaration comes to."""
    inputs = basis.inputs
    subject = inputs.declarations.subjects.get(declaration.name)
    own = [desired for desired in basis.resolution.desired if desired.declaration.name == declaration.name]
    lines = tuple(line for line in plan.held if line.declaration == declaration.name)
    nothing = ""
    if not declaration.enabled:
        nothing = "it says enabled: false"
    elif declaration.has_expired(inputs.now):
        nothing = f"it expired on {declaration.expires_on:%Y-%m-%d}"
    rows = [*_in(basis, plan, own), *_held(basis, lines)]
    settled = {(row.assignment.id.key) for row in rows}
    if subject is not None and not nothing:
        rows += _out(basis, plan, declaration, subject, settled)
    # Everything unread at, above or below a target, or where it may lie.
    about = {line for target in declaration.scopes for line in basis.tree.unread_about(target)}
    return DeclarationExplanation(
        declaration=declaration,
        title=subject.title if subject else "; ".join(declaration.subject.values),
        commit=inputs.history.last_commit(declaration.source.file),
        taken_at=plan.taken_at,
        wants_nothing=nothing,
        rows=tuple(rows),
        held=tuple(line for line in lines if line.assignment is None),
        leftovers=tuple(
            change for change in plan.changes if change.declaration == declaration.name and change.after is None
        ),
        also=subject.also if subject else (),
        unread=tuple(line for line in plan.unread if line in about or _concerns(basis, declaration, line.scope)),
    )


def _in(basis: PlanBasis, plan: Plan, own: Sequence[DesiredExemption]) -> Iterator[AssignmentRow]:
    confirmed_at = {
        (confirmed.desired.slot, confirmed.desired.declaration.name): confirmed for confirmed in basis.confirmed
    }
    changes = {change.id.key: change for change in plan.changes}
    for desired in own:
        confirmed = confirmed_at.get((desired.slot, desired.declaration.name))
        if confirmed is None:
            continue
        count = len(desired.cells)
        why = f"{count} of its references {'evaluates' if count == 1 else 'evaluate'} what is declared"
        if desired.match.whole:
            why = "all of it is declared"
        if is_assessment(desired.assignment.id.key):
            why = "Defender evaluates it by itself, so one standard assignment at the target exempts it"
        elif not basis.tree.contains(desired.assignment.scope.key, desired.scope):
            field = "ahead: true" if desired.declaration.validate_scope else "DoNotValidate"
            why += f"; it is assigned elsewhere, which {field} allows"
        elif desired.scope == desired.target:
            why += "; it is assigned at or above the target"
        else:
            why += (
                f"; it is assigned below the target {desired.target}, so the exemption sits on the assignment's scope"
            )
        yield AssignmentRow(
            assignment=desired.assignment,
            part=Participation.IN,
            why=why,
            scope=desired.scope,
            target=desired.target,
            references=confirmed.exemption.reference_ids,
            exemption=confirmed.exemption,
            change=changes.get(confirmed.exemption.id.key),
        )


def _held(basis: PlanBasis, lines: Sequence[Held]) -> Iterator[AssignmentRow]:
    for line in lines:
        assignment = basis.inputs.snapshot.assignments.get(line.assignment.key) if line.assignment else None
        if assignment is not None:
            yield AssignmentRow(
                assignment=assignment,
                part=Participation.HELD,
                why=f"{line.message}; {line.remedy}",
                scope=line.scope,
                references=line.reference_ids,
            )


def _out(
    basis: PlanBasis, plan: Plan, declaration: Declaration, subject: ResolvedSubject, settled: set[str]
) -> Iterator[AssignmentRow]:
    """Every assignment that nothing is wanted of."""
    moot = {
        finding.assignment.key: finding
        for finding in plan.findings
        if finding.kind is FindingKind.MOOT and finding.declaration == declaration.name and finding.assignment
    }
    unplaced = [line for line in basis.held if line.declaration == declaration.name and line.assignment is None]
    for key, assignment in sorted(basis.inputs.snapshot.assignments.items()):
        if key in settled or _is_not_named(subject, assignment):
            continue
        initiative = basis.inputs.snapshot.initiatives.get(key)
        is_unread = assignment.is_initiative and initiative is None
        is_evaluated = not is_unread and match_subject(subject, assignment, initiative) is not None
        # what holds the declaration at a scope where the assignment would evaluate it, whatever else is assigned there
        around = (line for line in unplaced if is_evaluated and basis.tree.related(line.scope, assignment.scope))
        if (line := next(around, None)) is not None:
            yield AssignmentRow(assignment=assignment, part=Participation.HELD, why=f"{line.message}; {line.remedy}")
            continue
        if key in moot:
            why = moot[key].message
        elif not _concerns(basis, declaration, assignment.scope):
            why = f"it is assigned at {assignment.scope}, which neither contains a target nor lies below one"
        elif is_unread:
            why = "its initiative could not be read"
        elif is_evaluated:
            why = f"{label(assignment)!r} is not in this run"
        else:
            members = len(initiative.members) if initiative else 1
            which = "its only policy does not stand" if members == 1 else f"none of its {members} policies stands"
            why = f"{which} behind {subject.title!r}"
        yield AssignmentRow(assignment=assignment, part=Participation.OUT, why=why)


def _is_not_named(subject: ResolvedSubject, assignment: Assignment) -> bool:
    """Whether the declaration names another assignment or initiative: it has nothing to do with this one."""
    match subject.kind:
        case SubjectKind.ASSIGNMENT:
            return assignment.id.key != subject.only
        case SubjectKind.INITIATIVE:
            return assignment.definition.key != subject.only
        case SubjectKind.RECOMMENDATION | SubjectKind.CATEGORY | SubjectKind.POLICY:
            return is_assessment(assignment.id.key) and assignment.id.key not in subject.policies


def _concerns(basis: PlanBasis, declaration: Declaration, scope: ArmId) -> bool:
    return any(basis.tree.related(target, scope) for target in declaration.scopes)
