"""Exemptions in Azure into declarations, proven by the planner.

1. Judge each exemption: importable, or why not (`units`).
2. Say units as declarations (`grouping`), with names (`naming`).
3. Plan with the repository's declarations and these. What would be created, held or deleted for any other reason than
   being a duplicate is said more narrowly (by its assignment), then not at all, with the planner's own reason.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.importing.disable_rules import disable_rule_rows
from reconciler.importing.grouping import Group, Grouping
from reconciler.importing.left_out import Permissions, left_out, row_of
from reconciler.importing.naming import DEFAULT_FOLDER, named
from reconciler.importing.text import declaration_text
from reconciler.importing.units import Unit, units_of
from reconciler.importing.values import Import, ImportedFile, ImportRow, Outcome, sorted_rows
from reconciler.model import ArmId
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.inputs import PlanInputs, ResolvedDeclarations
from reconciler.planning.stages import PlanBasis, decide
from reconciler.planning.values import Reason

_ROUNDS: Final = 6
_EXPECTED: Final = frozenset({Reason.ADOPT, Reason.TAKE_OVER, Reason.NARROW, Reason.DUPLICATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which exemptions to import: at or below `scope`, with these words in their text, made by, of an assignment or a
    policy behind a recommendation. None chooses all.
    """

    scope: ArmId | None = None
    title: str | None = None
    created_by: str | None = None
    assignment: str | None = None
    recommendation: str | None = None
    permissions: Permissions = field(default_factory=Permissions)


def import_live(inputs: PlanInputs, choice: Choice, names: Collection[str], folder: str = DEFAULT_FOLDER) -> Import:
    """What the repository lacks to declare what exists. `names` are those that files have already, valid or not."""
    basis = decide(inputs)
    grouping = Grouping(snapshot=basis.inputs.snapshot, tree=basis.tree, catalogue=inputs.catalogue)
    rows: list[ImportRow] = []
    importable: list[ExistingExemption] = []
    for existing in basis.existing:
        if not basis.tree.managed(existing.scope) or not _is_chosen(existing, basis, choice):
            continue
        row = left_out(existing, basis, choice.permissions)
        if row is None:
            importable.append(existing)
        else:
            rows.append(row)
    if choice == Choice(permissions=choice.permissions):
        managed = (item for item in inputs.snapshot.assignments.values() if basis.tree.managed(item.scope))
        rows += disable_rule_rows(managed)
    units, covered = units_of(importable, basis, choice.permissions)
    proven = _proven(units, inputs, grouping, names, folder)
    imported = (
        replace(
            row_of(member, Outcome.DUPLICATE if position else Outcome.IMPORTED),
            declaration=group.declaration.name,
            notes=tuple(unit.notes.get(member.exemption.id.key, ())),
        )
        for group in proven.groups
        for unit in group.units
        for position, member in enumerate(unit.members)
    )
    titles = {key: recommendation.title for key, recommendation in inputs.catalogue.recommendations.items()}
    files = [
        ImportedFile(declaration=group.declaration, text=declaration_text(group.declaration, titles))
        for group in proven.groups
    ]
    return Import(
        files=tuple(sorted(files, key=lambda file: file.path)),
        rows=sorted_rows([*rows, *covered, *proven.rows, *imported]),
    )


def _is_chosen(existing: ExistingExemption, basis: PlanBasis, choice: Choice) -> bool:
    exemption, snapshot = existing.exemption, basis.inputs.snapshot
    assignment = snapshot.assignments.get(exemption.assignment.key)
    if choice.scope is not None and not basis.tree.contains(choice.scope.key, existing.scope):
        return False
    if choice.title is not None:
        texts = (exemption.display_name, exemption.description, exemption.name)
        if not any(choice.title.casefold() in text.casefold() for text in texts):
            return False
    if choice.created_by is not None:
        maker = exemption.system.created_by if exemption.system else ""
        if choice.created_by.casefold() not in maker.casefold():
            return False
    if choice.assignment is not None:
        named_so = {exemption.assignment.key, exemption.assignment.name.lower()}
        named_so |= {assignment.display_name.lower()} if assignment else set()
        if choice.assignment.rstrip("/").lower() not in named_so:
            return False
    if choice.recommendation is None:
        return True
    recommendations = basis.inputs.catalogue.find(choice.recommendation)
    policies = {item.key for recommendation in recommendations for item in recommendation.evaluators}
    if assignment is not None and not assignment.is_initiative:
        return assignment.definition.key in policies
    initiative = snapshot.initiatives.get(exemption.assignment.key)
    members = initiative.members if initiative else ()
    return any(item.definition.key in policies and item.reference_id.lower() in existing.cells for item in members)


# --- proof -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proven:
    """Groups whose plan is as it must be, and the rows of those units for which there is none."""

    groups: Sequence[Group]
    rows: Sequence[ImportRow]


def _proven(
    units: Sequence[Unit], inputs: PlanInputs, grouping: Grouping, names: Collection[str], folder: str
) -> _Proven:
    remaining, exact_only = list(units), set[int]()
    rows: list[ImportRow] = []
    taken = {*names, *(declaration.name for declaration in inputs.declarations.declarations)}
    for attempt in range(_ROUNDS):
        groups = grouping.groups(remaining, frozenset(exact_only))
        drafts = [(group.declaration, group.title) for group in groups]
        finished = named(drafts, taken, folder, inputs.snapshot.names)
        groups = [replace(group, declaration=item) for group, item in zip(groups, finished, strict=True)]
        faults = _faults(groups, inputs) if groups else {}
        if not faults:
            return _Proven(groups=groups, rows=rows)
        by_unit = {id(unit): group for group in groups for unit in group.units}
        for unit in list(remaining):
            message = faults.get(id(unit))
            if message is None:
                continue
            if by_unit[id(unit)].fans_out and attempt < _ROUNDS - 2:
                exact_only.add(id(unit))
            else:
                remaining.remove(unit)
                rows += (row_of(member, Outcome.REFUSED, *message) for member in unit.members)
    message = "the plan with it would do more than adopt it", "declare it by hand"
    rows += (row_of(member, Outcome.REFUSED, *message) for unit in remaining for member in unit.members)
    return _Proven(groups=(), rows=rows)


def _faults(groups: Sequence[Group], inputs: PlanInputs) -> Mapping[int, tuple[str, str]]:
    """By the id of each unit that the plan would not simply adopt: why, and what to do."""
    added = [group.declaration for group in groups]
    declared = ResolvedDeclarations.of([*inputs.declarations.declarations, *added], inputs.catalogue)
    basis = decide(replace(inputs, declarations=declared, only=None))
    units_of_name = {group.declaration.name: group.units for group in groups}
    faults: dict[int, tuple[str, str]] = {}
    objections = [(line.declaration, line.scope, line.message, line.remedy) for line in basis.held]
    for change in basis.proposed:
        if change.declaration is None:
            continue
        name = change.declaration.name
        if change.existing is None:
            scope = change.desired.target if change.desired else change.exemption.scope
            objections.append((name, scope, f"a declaration would also exempt {change.id}", "declare it by hand"))
        elif change.reason not in _EXPECTED:
            objections.append((name, change.existing.scope, f"it would be changed: {change.reason}", ""))
    for name, scope, message, remedy in objections:
        own = units_of_name.get(name, ())
        for unit in [unit for unit in own if unit.scope == scope] or own:
            faults.setdefault(id(unit), (message, remedy))
    settled = {item.exemption.id.key for item in basis.confirmed} | {item.id.key for item in basis.proposed}
    for unit in (unit for units in units_of_name.values() for unit in units):
        if not any(member.exemption.id.key in settled for member in unit.members):
            faults.setdefault(id(unit), ("the plan would leave it as it is", "see 'exempt explain'"))
    return faults
