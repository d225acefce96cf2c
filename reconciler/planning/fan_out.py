"""What a declaration comes to: each assignment, whether it is in or out and why, and what Azure holds of it.

Read from the same deliberation as the plan: what is wanted, held or found moot there is told here, and only for the
rest is it said why nothing is wanted.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.model import ArmId, Assignment, Declaration, Exemption, SubjectKind
from reconciler.planning.deliberation import Decided
from reconciler.planning.meaning import Meaning, match_assignment
from reconciler.planning.provenance import Commit
from reconciler.planning.resolve import Desired
from reconciler.planning.values import Change, FindingKind, Held, Plan
from reconciler.planning.wording import label


class Part(enum.StrEnum):
    """Whether an assignment takes part in a declaration."""

    IN = "in"
    HELD = "held"
    OUT = "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One assignment at one scope (None: nowhere), and why. `exemption` is what confirms it, live or planned, and
    `change` the write that is still needed.
    """

    assignment: Assignment
    part: Part
    why: str
    scope: ArmId | None = None
    target: ArmId | None = None
    references: tuple[str, ...] = ()
    exemption: Exemption | None = None
    change: Change | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOut:
    """A declaration with all its rows: those that are in first. `wants_nothing` says why, where it wants nothing."""

    declaration: Declaration
    title: str
    commit: Commit | None
    taken_at: datetime
    wants_nothing: str
    rows: tuple[Row, ...]
    held: tuple[Held, ...]
    leftovers: tuple[Change, ...]
    also: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def fan_out(decided: Decided, plan: Plan, declaration: Declaration) -> FanOut:
    """What the declaration comes to."""
    inputs = decided.inputs
    meaning = inputs.wishes.meanings.get(declaration.name)
    wanted = [wish for wish in decided.resolution.desired if wish.declaration.name == declaration.name]
    held = tuple(line for line in plan.held if line.declaration == declaration.name)
    nothing = _wants_nothing(declaration, inputs.now)
    rows = [*_wanted(decided, plan, wanted), *_held(decided, held)]
    settled = {(row.assignment.id.key) for row in rows}
    if meaning is not None and not nothing:
        rows += _out(decided, plan, declaration, meaning, settled)
    return FanOut(
        declaration=declaration,
        title=meaning.title if meaning else declaration.subject.value,
        commit=inputs.history.last_commit(declaration.source.file),
        taken_at=plan.taken_at,
        wants_nothing=nothing,
        rows=tuple(rows),
        held=tuple(line for line in held if line.assignment is None),
        leftovers=tuple(
            change for change in plan.changes if change.declaration == declaration.name and change.after is None
        ),
        also=meaning.also if meaning else (),
        unread=tuple(
            f"{u.scope}: {u.what}: {u.reason}" for u in plan.unread if _concerns(decided, declaration, u.scope)
        ),
    )


def _wants_nothing(declaration: Declaration, now: datetime) -> str:
    if not declaration.enabled:
        return "it says enabled: false"
    if declaration.has_expired(now):
        return f"it expired on {declaration.expires_on:%Y-%m-%d}"
    return ""


def _wanted(decided: Decided, plan: Plan, wanted: Sequence[Desired]) -> Iterator[Row]:
    finals_at = {(final.wish.place, final.wish.declaration.name): final for final in decided.finals}
    changes = {change.id.key: change for change in plan.changes}
    for wish in wanted:
        final = finals_at.get((wish.place, wish.declaration.name))
        if final is not None:
            exemption = final.exemption
            yield Row(
                assignment=wish.assignment,
                part=Part.IN,
                why=_why_in(wish, decided),
                scope=wish.scope,
                target=wish.target,
                references=exemption.reference_ids,
                exemption=exemption,
                change=changes.get(exemption.id.key),
            )


def _why_in(wish: Desired, decided: Decided) -> str:
    count = len(wish.cells)
    looks = "evaluates" if count == 1 else "evaluate"
    what = "all of it is declared" if wish.match.whole else f"{count} of its references {looks} what is declared"
    if not decided.tree.contains(wish.assignment.scope.key, wish.scope):
        return f"{what}; it is assigned elsewhere, which DoNotValidate allows"
    if wish.scope == wish.target:
        return f"{what}; it is assigned at or above the target"
    return f"{what}; it is assigned below the target {wish.target}, so the exemption sits on the assignment's scope"


def _held(decided: Decided, held: Sequence[Held]) -> Iterator[Row]:
    for line in held:
        assignment = decided.inputs.snapshot.assignments.get(line.assignment.key) if line.assignment else None
        if assignment is not None:
            yield Row(
                assignment=assignment,
                part=Part.HELD,
                why=f"{line.message}; {line.remedy}",
                scope=line.scope,
                references=line.reference_ids,
            )


def _out(decided: Decided, plan: Plan, declaration: Declaration, meaning: Meaning, settled: set[str]) -> Iterator[Row]:
    """Every assignment that nothing is wanted of."""
    moot = {
        found.assignment.key: found
        for found in plan.findings
        if found.kind is FindingKind.MOOT and found.declaration == declaration.name and found.assignment
    }
    for key, assignment in sorted(decided.inputs.snapshot.assignments.items()):
        if key in settled:
            continue
        line = _holding(decided, declaration, meaning, assignment)
        if line is not None:
            yield Row(assignment=assignment, part=Part.HELD, why=f"{line.message}; {line.remedy}")
        else:
            why = moot[key].message if key in moot else _why_out(decided, declaration, meaning, assignment)
            yield Row(assignment=assignment, part=Part.OUT, why=why)


def _holding(decided: Decided, declaration: Declaration, meaning: Meaning, assignment: Assignment) -> Held | None:
    """What holds the declaration at a scope where the assignment would evaluate it, whatever else is assigned there."""
    initiative = decided.inputs.snapshot.initiatives.get(assignment.id.key)
    unread = assignment.is_initiative and initiative is None
    if unread or match_assignment(meaning, assignment, initiative) is None:
        return None
    lines = (line for line in decided.held if line.declaration == declaration.name and line.assignment is None)
    return next((line for line in lines if decided.tree.related(line.scope, assignment.scope)), None)


def _why_out(decided: Decided, declaration: Declaration, meaning: Meaning, assignment: Assignment) -> str:
    if meaning.kind is SubjectKind.ASSIGNMENT and assignment.id.key != meaning.only:
        return "the declaration names another assignment"
    if meaning.kind is SubjectKind.INITIATIVE and assignment.definition.key != meaning.only:
        return "the declaration names another initiative"
    if not _concerns(decided, declaration, assignment.scope):
        return f"it is assigned at {assignment.scope}, which neither contains a target nor lies below one"
    initiative = decided.inputs.snapshot.initiatives.get(assignment.id.key)
    if assignment.is_initiative and initiative is None:
        return "its initiative could not be read"
    if match_assignment(meaning, assignment, initiative) is None:
        members = len(initiative.members) if initiative else 1
        which = "its only policy does not stand" if members == 1 else f"none of its {members} policies stands"
        return f"{which} behind {meaning.title!r}"
    return f"{label(assignment)!r} is not in this run"


def _concerns(decided: Decided, declaration: Declaration, scope: ArmId) -> bool:
    return any(decided.tree.related(target, scope) for target in declaration.scopes)
