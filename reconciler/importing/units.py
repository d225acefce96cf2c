"""Existing exemptions as units of import: what each means, which stand in each other's way, and which must stay.

At one scope, assignment and selection each reference belongs to one unit. Where several exemptions meet, the one that
lasts longest is declared (then that with most references, then the oldest: authority keeps those too), so that nothing
ends earlier by being imported; the planner removes the others as duplicates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from reconciler.importing.attributes import Draft, draft_of
from reconciler.importing.left_out import Permissions, row_of
from reconciler.importing.values import ImportRow, Outcome
from reconciler.model import ArmId, Assignment, Initiative
from reconciler.planning.desired.values import DesiredExemption
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.stages import PlanBasis
from reconciler.planning.tree import Slot, Tree

_FOREVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(eq=False, slots=True, kw_only=True)
class Unit:
    """Cells at one scope and assignment that one declaration shall want. `members` are the exemptions behind them, the
    declared one first.
    """

    scope: ArmId
    assignment: Assignment
    initiative: Initiative | None
    cells: frozenset[str]
    draft: Draft
    whole: bool
    selector_key: str
    members: list[ExistingExemption]
    notes: dict[str, list[str]] = field(default_factory=dict)

    @property
    def slot(self) -> Slot:
        """Where it stands."""
        return self.scope.key, self.assignment.id.key


# --- several at one place ----------------------------------------------------------------------------------------


def units_of(
    existing: Iterable[ExistingExemption], basis: PlanBasis, permissions: Permissions
) -> tuple[list[Unit], list[ImportRow]]:
    """What can be imported as units, with the rows of those that another one covers already."""
    piles: dict[tuple[Slot, str], list[ExistingExemption]] = defaultdict(list)
    for item in existing:
        piles[(item.scope.key, item.exemption.assignment.key), item.selector_key].append(item)
    units: list[Unit] = []
    rows: list[ImportRow] = []
    for _, pile in sorted(piles.items()):
        pile_units, refused = _pile_units(pile, basis, permissions)
        units += pile_units
        rows += refused
    importable, nested = _without_nested(units, basis)
    return importable, rows + nested


def _pile_units(
    pile: Sequence[ExistingExemption], basis: PlanBasis, permissions: Permissions
) -> tuple[list[Unit], list[ImportRow]]:
    units: list[Unit] = []
    rows: list[ImportRow] = []
    drafts = {id(item): draft_of(item.exemption, permissions.take_over) for item in pile}
    ends = {key: draft.declaration.expires_on or _FOREVER for key, draft in drafts.items()}
    remaining: list[ExistingExemption] = []

    for item in sorted(pile, key=lambda item: (-ends[id(item)].timestamp(), -len(item.covering), item.age)):
        draft = drafts[id(item)]
        undeclared = item.covering.difference(*(unit.cells for unit in units))
        longer = [rival for rival in remaining if ends[id(rival)] > ends[id(item)] and rival.covering & undeclared]
        if longer:  # declared, it would take them from that one, which exempts them for longer
            rows.append(_refused(item, longer[0].exemption.id))
            remaining.append(item)
            continue
        overlapping = [unit for unit in units if unit.cells & item.covering]
        claimed = frozenset[str]().union(*(unit.cells for unit in overlapping))
        if not overlapping:
            units.append(_unit(item, draft, basis))
            continue
        unit = overlapping[0]
        candidate, declared = draft.declaration, unit.draft.declaration
        alike = candidate.category is declared.category and candidate.expires_on == declared.expires_on
        if item.covering <= claimed or (len(overlapping) == 1 and alike and not unit.whole):
            unit.cells |= item.covering - claimed
            unit.notes[item.exemption.id.key] = _differences(item, draft, unit)
            unit.members.append(item)
            for rival in overlapping:
                rival.draft = rival.draft.extended(draft)
        else:
            chosen = unit.members[0].exemption.id
            rows.append(_refused(item, chosen))
            remaining.append(item)
    return units, rows


def _refused(item: ExistingExemption, rival: ArmId) -> ImportRow:
    message = f"it shares some of its references with {rival}, which ends or judges otherwise"
    return row_of(item, Outcome.REFUSED, message, "apply what is imported, which takes those from it, and import again")


def _unit(item: ExistingExemption, draft: Draft, basis: PlanBasis) -> Unit:
    exemption, snapshot = item.exemption, basis.inputs.snapshot
    initiative = snapshot.initiatives.get(exemption.assignment.key)
    notes = list(draft.notes)
    notes += _dropped(item)
    return Unit(
        scope=exemption.scope,
        assignment=snapshot.assignments[exemption.assignment.key],
        initiative=initiative,
        cells=item.covering,
        draft=draft,
        whole=item.whole,
        selector_key=item.selector_key,
        members=[item],
        notes={exemption.id.key: notes},
    )


def _differences(item: ExistingExemption, draft: Draft, unit: Unit) -> list[str]:
    candidate, declared = draft.declaration, unit.draft.declaration
    chosen = unit.members[0].exemption.name
    differences = [
        f"{name} differs from that of {chosen}, which is declared"
        for name, is_equal in (
            ("its category", candidate.category is declared.category),
            ("its end", candidate.expires_on == declared.expires_on),
            ("its description", candidate.justification == declared.justification),
            ("its display name", candidate.display_name == declared.display_name),
        )
        if not is_equal
    ]
    return differences + _dropped(item)


def _dropped(item: ExistingExemption) -> list[str]:
    """What is said of references that exempt nothing any more."""
    dead = item.cells - item.covering
    texts = sorted(reference for reference in item.exemption.reference_ids if reference.lower() in dead)
    return [f"reference ids that the initiative no longer has were dropped: {', '.join(texts)}"] if texts else []


def _without_nested(units: Sequence[Unit], basis: PlanBasis) -> tuple[list[Unit], list[ImportRow]]:
    """Without those that another unit, or a declaration of the repository, covers at a scope that contains theirs: two
    declarations of one policy on a scope and inside it would hold each other.
    """
    declared = _Declared.of(basis)
    outermost: list[Unit] = []
    rows: list[ImportRow] = []
    at: dict[Slot, list[Unit]] = defaultdict(list)
    for unit in sorted(units, key=lambda unit: (len(basis.tree.chain(unit.scope)), unit.slot, unit.selector_key)):
        standing = _declared_already(unit, declared)
        outer = next(
            (
                containing
                for scope in basis.tree.chain(unit.scope)[1:]
                for containing in at.get((scope, unit.assignment.id.key), ())
                if containing.cells & unit.cells
            ),
            None,
        )
        if standing:
            rows += [row_of(member, *standing) for member in unit.members]
        elif outer is not None:
            message = f"{outer.members[0].exemption.id} exempts the same at a scope that contains its own"
            remedy = "delete it in Azure, or that one and import again"
            rows += [row_of(member, Outcome.REFUSED, message, remedy) for member in unit.members]
        else:
            outermost.append(unit)
            at[unit.slot].append(unit)
    return outermost, rows


def _declared_already(unit: Unit, declared: _Declared) -> tuple[Outcome, str, str] | None:
    """What a declaration of the repository says to it already, if one does."""
    desired = declared.at.get(unit.slot, ())
    matching = [item for item in desired if item.selector_key == unit.selector_key and item.declared & unit.cells]
    if matching:
        name = matching[0].declaration.name
        if unit.cells <= frozenset[str]().union(*(item.declared for item in matching)):
            return Outcome.DECLARED, f"the declaration {name!r} means it already", ""
        remedy = "apply first, which takes that part from it, and import again"
        return Outcome.REFUSED, f"the declaration {name!r} means a part of it", remedy
    assignment = unit.assignment.id.key
    above = [
        (item, "which contains its scope")
        for scope in declared.tree.chain(unit.scope)[1:]
        for item in declared.at.get((scope, assignment), ())
    ]
    below = [(item, "inside its scope") for item in declared.below.get(unit.slot, ())]
    for item, relation in (*above, *below):
        if item.declared & unit.cells:
            name = item.declaration.name
            message = f"the declaration {name!r} means the same policies at {item.scope}, {relation}"
            return Outcome.REFUSED, message, f"change {name!r}, or delete this one in Azure"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Declared:
    """What the repository wants already: at each slot, and below each slot's scope."""

    tree: Tree
    at: Mapping[Slot, Sequence[DesiredExemption]]
    below: Mapping[Slot, Sequence[DesiredExemption]]

    @classmethod
    def of(cls, basis: PlanBasis) -> _Declared:
        at: dict[Slot, list[DesiredExemption]] = defaultdict(list)
        below: dict[Slot, list[DesiredExemption]] = defaultdict(list)
        for desired in (*basis.resolution.desired, *basis.resolution.left_out):
            at[desired.slot].append(desired)
            for scope in basis.tree.chain(desired.scope)[1:]:
                below[scope, desired.assignment.id.key].append(desired)
        return cls(tree=basis.tree, at=at, below=below)
