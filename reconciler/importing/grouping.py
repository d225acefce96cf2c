"""Which declaration says a set of units: one of a recommendation where its fan-out is exactly what is exempt, then one
of a policy, else one of the assignment with its reference ids.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from textwrap import shorten
from typing import Final

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.facts import Obstacle, Recommendation
from reconciler.importing.attributes import shared_metadata
from reconciler.importing.units import Unit
from reconciler.model import ArmId, Assignment, Declaration, Snapshot, Subject, SubjectKind, is_assessment
from reconciler.planning.desired.subjects import WHOLE, reference_texts
from reconciler.planning.tree import Tree

_MOST_SCOPES: Final = 1000
_MOST_RECOMMENDATIONS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One subject at one target, and the units that it means there."""

    subject: Subject
    title: str
    target: ArmId
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One declaration to be, its name still open. `title` is what its name is made of."""

    declaration: Declaration
    title: str
    units: tuple[Unit, ...]

    @property
    def fans_out(self) -> bool:
        """Whether what it means depends on what else is assigned."""
        return self.declaration.subject.kind is not SubjectKind.ASSIGNMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """Finds subjects for units, against one snapshot. `_members` remembers the cells of each policy in an assignment."""

    snapshot: Snapshot
    tree: Tree
    catalogue: Catalogue
    _touching: dict[str, Sequence[tuple[Assignment, ArmId]]] = field(default_factory=dict)
    _cells: dict[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    _assigned: dict[tuple[str, ...], frozenset[str]] = field(default_factory=dict)
    _at: dict[str, list[Assignment]] = field(default_factory=lambda: defaultdict(list))
    _below: dict[str, list[Assignment]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for assignment in self.snapshot.assignments.values():
            scope, *above = self.tree.chain(assignment.scope)
            self._at[scope].append(assignment)
            for outer in above:
                self._below[outer].append(assignment)

    def groups(self, units: Sequence[Unit], exact_only: frozenset[int]) -> list[Group]:
        """Every unit in exactly one declaration. Those with an id in `exact_only` are said by their assignment."""
        by_likeness: dict[Hashable, list[Unit]] = defaultdict(list)
        for unit in units:
            by_likeness[unit.draft.alike].append(unit)
        groups: list[Group] = []
        for alike in by_likeness.values():
            pieces: dict[Subject, list[Piece]] = defaultdict(list)
            for piece in self._pieces(alike, exact_only):
                pieces[piece.subject].append(piece)
            for matching in pieces.values():
                groups += (
                    self._group(matching[at : at + _MOST_SCOPES]) for at in range(0, len(matching), _MOST_SCOPES)
                )
        return groups

    def _pieces(self, units: Sequence[Unit], exact_only: frozenset[int]) -> Iterator[Piece]:
        at = {unit.slot: unit for unit in units if id(unit) not in exact_only and not unit.whole}
        done: set[int] = set()
        for unit in sorted(units, key=lambda unit: (len(self.tree.chain(unit.scope)), unit.slot, sorted(unit.cells))):
            if id(unit) in done:
                continue
            piece = None
            if at.get(unit.slot) is unit and unit.draft.declaration.validate_scope:
                piece = self._fanned_out(unit, at, done)
            if piece is None:
                assignment = unit.assignment
                if is_assessment(assignment.id.key):
                    subject = Subject(kind=SubjectKind.RECOMMENDATION, value=assignment.id.name.lower())
                    title = assignment.display_name
                else:
                    references = () if unit.whole else reference_texts(unit.cells, unit.initiative)
                    subject = Subject(kind=SubjectKind.ASSIGNMENT, value=assignment.id.text, reference_ids=references)
                    title = assignment.display_name or assignment.id.name
                piece = Piece(subject=subject, title=title, target=unit.scope, units=(unit,))
            done.update(map(id, piece.units))
            yield piece

    def _fanned_out(self, unit: Unit, at: Mapping[tuple[str, str], Unit], done: set[int]) -> Piece | None:
        """A piece of recommendations or of a policy that means exactly units that are there, or None."""
        own = self.policies_of(unit)
        for subject, title, policies in self._candidates(unit, own):
            meant: list[Unit] = []
            for assignment, scope in self._touching_at(unit.scope):
                if assignment.is_initiative and assignment.id.key not in self.snapshot.initiatives:
                    break  # nobody knows its cells
                by_policy = self._by_policy(assignment)
                cells = frozenset[str]().union(*(by_policy[policy] for policy in policies if policy in by_policy))
                if not cells or any(excluded.key in self.tree.chain(scope) for excluded in assignment.not_scopes):
                    continue
                evaluated = at.get((scope.key, assignment.id.key))
                if evaluated is None or evaluated.cells != cells or id(evaluated) in done:
                    break
                meant.append(evaluated)
            else:
                if unit in meant:
                    return Piece(subject=subject, title=title, target=unit.scope, units=tuple(meant))
        return None

    def _candidates(self, unit: Unit, own: frozenset[str]) -> Iterator[tuple[Subject, str, frozenset[str]]]:
        chosen: list[Recommendation] = []
        assigned = self._assigned_at(unit.scope)
        covered: frozenset[str] = frozenset()
        for policy in sorted(own):
            if policy in covered:
                continue
            fitting = [
                recommendation
                for recommendation in self.catalogue.resting_on(ArmId(policy, policy))
                if recommendation.exemptable
                and Obstacle.RETIRED not in recommendation.obstacles
                and {item.key for item in recommendation.evaluators} & assigned <= own
            ]
            if not fitting:
                chosen = []
                break
            best = max(fitting, key=lambda item: len({evaluator.key for evaluator in item.evaluators} & own))
            chosen.append(best)
            covered |= {item.key for item in best.evaluators}
        if 0 < len(chosen) <= _MOST_RECOMMENDATIONS:
            first, *further = sorted(recommendation.key for recommendation in chosen)
            policies = frozenset(item.key for recommendation in chosen for item in recommendation.evaluators)
            subject = Subject(kind=SubjectKind.RECOMMENDATION, value=first, further=tuple(further))
            title = chosen[0].title if len(chosen) == 1 else f"{len(chosen)} recommendations"
            yield subject, title, policies
        if len(own) == 1 and not is_assessment(min(own)):
            (policy,) = own
            policy_facts = self.catalogue.policy(ArmId(policy, policy))
            members = unit.initiative.members if unit.initiative else ()
            definitions = (member.definition for member in members if member.definition.key == policy)
            identifier = next(definitions, unit.assignment.definition)
            yield (
                Subject(kind=SubjectKind.POLICY, value=identifier.text),
                policy_facts.title if policy_facts else identifier.name,
                own,
            )

    def _group(self, pieces: Sequence[Piece]) -> Group:
        units = tuple(unit for piece in pieces for unit in piece.units)
        oldest = min(units, key=lambda unit: unit.members[0].age)
        drafts = [unit.draft.declaration for unit in units]
        template = oldest.draft.declaration
        targets = {piece.target.key: piece.target for piece in pieces}
        declaration = replace(
            template,
            subject=pieces[0].subject,
            scopes=tuple(targets[key] for key in sorted(targets)),
            metadata=shared_metadata(drafts),
        )
        first = declaration.scopes[0]
        place = self.snapshot.names.get(first.key, first.name) if len(declaration.scopes) == 1 else ""
        title = template.display_name or f"{shorten(pieces[0].title, 45, placeholder='')} {place}"
        return Group(declaration=declaration, title=title, units=units)

    def policies_of(self, unit: Unit) -> frozenset[str]:
        """The folded policies behind the cells of a unit."""
        return frozenset(
            policy for policy, cells in self._by_policy(unit.assignment).items() if not cells.isdisjoint(unit.cells)
        )

    def _by_policy(self, assignment: Assignment) -> Mapping[str, frozenset[str]]:
        """The folded cells of each folded policy in an assignment; empty where its initiative is unknown."""
        key = assignment.id.key
        if key not in self._cells:
            cells: dict[str, set[str]] = defaultdict(set)
            if assignment.is_initiative:
                initiative = self.snapshot.initiatives.get(key)
                for member in initiative.members if initiative else ():
                    cells[member.definition.key].add(member.reference_id.lower())
            else:
                cells[assignment.definition.key].add(WHOLE)
            self._cells[key] = {policy: frozenset(references) for policy, references in cells.items()}
        return self._cells[key]

    def _assigned_at(self, target: ArmId) -> frozenset[str]:
        """Every folded policy that something assigned at, above or below a target evaluates."""
        touching = self._touching_at(target)
        key = tuple(assignment.id.key for assignment, _ in touching)
        if key not in self._assigned:
            self._assigned[key] = frozenset(policy for item, _ in touching for policy in self._by_policy(item))
        return self._assigned[key]

    def _touching_at(self, target: ArmId) -> Sequence[tuple[Assignment, ArmId]]:
        """Each assignment that concerns the target, with the scope where an exemption for it sits."""
        if target.key not in self._touching:
            above = [(item, target) for key in self.tree.chain(target) for item in self._at.get(key, ())]
            below = [(item, item.scope) for item in self._below.get(target.key, ())]
            everywhere = [(item, target) for item in self._at.get("", ())]  # assessments
            self._touching[target.key] = above + below + everywhere
        return self._touching[target.key]
