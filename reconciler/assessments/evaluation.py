"""What evaluates a resource, and what exempts it there: the cells of every assignment that looks at it, as Azure has them.

Planning decides which exemptions are wanted; here it is asked of what Azure holds, whoever made it, for the one resource
that Defender names.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.facts import BENCHMARK, INITIATIVE_PREFIX
from reconciler.model import ArmId, Assignment, ResourceSelector, ScopeKind, Selector, Snapshot, is_assessment
from reconciler.planning.desired.assignments import AssignmentIndex
from reconciler.planning.desired.subjects import WHOLE
from reconciler.planning.existing.exemptions import ExistingExemption, by_slot
from reconciler.planning.findings.effects import effect_of_member, effect_of_single
from reconciler.planning.tree import Tree

BENCHMARKS: Final = frozenset(
    (INITIATIVE_PREFIX + name).lower() for name in (BENCHMARK, "e3ec7e09-768c-4b64-882c-fcada3772047")
)
"""Folded ids of the Microsoft cloud security benchmark and of its second version's preview: without one of them assigned,
Defender shows no recommendations.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedCell:
    """One policy of one assignment that looks at a resource. `reference_id` as the initiative writes it, `*` for a single
    policy; `definition` is folded; `excluded` says why it does not look after all, empty where it does.
    """

    assignment: Assignment
    reference_id: str
    definition: str
    excluded: str = ""

    @property
    def key(self) -> str:
        """The folded reference id."""
        return self.reference_id.lower()


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One tenant, indexed for the questions of a status. `locations` maps folded resources to folded locations."""

    tree: Tree
    catalogue: Catalogue
    existing: Sequence[ExistingExemption]
    locations: Mapping[str, str]
    _remembered: dict[str, Sequence[tuple[str, str, str]]] = field(default_factory=dict, init=False, repr=False)

    @property
    def snapshot(self) -> Snapshot:
        """What was read of Azure."""
        return self.tree.snapshot

    @functools.cached_property
    def _index(self) -> AssignmentIndex:
        return AssignmentIndex.of(self.tree, self.snapshot.assignments.values())

    @functools.cached_property
    def _existing(self) -> Mapping[tuple[str, str], list[ExistingExemption]]:
        return by_slot(self.existing)

    def cells(self, resource: ArmId, policies: Collection[str]) -> Iterator[EvaluatedCell]:
        """The cells by which assignments at or above a resource evaluate it for these policies (folded ids), those that are
        disabled or excluded included.
        """
        chain = self.tree.chain(resource)
        for scope in chain:
            for assignment in self._index.at.get(scope, ()):
                not_scope = next((scope for scope in assignment.not_scopes if scope.key in chain), None)
                if not_scope is not None:
                    excluded = f"its notScopes exclude {not_scope}"
                else:
                    is_chosen = self.chooses(assignment.selectors, resource) is not False
                    excluded = "" if is_chosen else "its selectors leave it out"
                for definition, reference, effect in self._members(assignment):
                    if definition in policies:
                        yield EvaluatedCell(
                            assignment=assignment,
                            reference_id=reference,
                            definition=definition,
                            excluded=excluded or ("its effect is Disabled" if effect == "disabled" else ""),
                        )

        for key in sorted(policies):
            if is_assessment(key) and (alone := self.snapshot.assignments.get(key)) is not None:
                yield EvaluatedCell(assignment=alone, reference_id=WHOLE, definition=key)

    def at(self, cell: EvaluatedCell, resource: ArmId) -> list[ExistingExemption]:
        """The exemptions of a cell's assignment at and above a resource, the nearest first, whatever they list."""
        slots = ((scope, cell.assignment.id.key) for scope in self.tree.chain(resource))
        return [existing for slot in slots for existing in self._existing.get(slot, ())]

    def covers(self, existing: ExistingExemption, cell: EvaluatedCell, resource: ArmId) -> bool:
        """Whether an exemption at or above a resource exempts it from a cell now. What selectors choose by a fact that is
        not known counts as chosen.
        """
        return cell.key in existing.covering and self.chooses(existing.exemption.selectors, resource) is not False

    def chooses(self, selectors: Sequence[ResourceSelector], resource: ArmId) -> bool | None:
        """Whether resource selectors take a resource: any group whose conditions all hold; None where that is not known."""
        if not selectors:
            return True
        verdicts: set[bool | None] = set()
        for group in selectors:
            parts = {self._holds(part, resource) for part in group.selectors}
            verdicts.add(False if False in parts else None if None in parts else True)
        return True if True in verdicts else None if None in verdicts else False

    def is_below_benchmark(self, scope: ArmId) -> bool:
        """Whether the benchmark is assigned at or above a scope, or for a group also below it."""
        chain = self.tree.chain(scope)
        at = [assignment for key in chain for assignment in self._index.at.get(key, ())]
        below = self._index.below.get(scope.key, ()) if scope.kind is ScopeKind.MANAGEMENT_GROUP else ()
        return any(assignment.definition.key in BENCHMARKS for assignment in (*at, *below))

    def _holds(self, selector: Selector, resource: ArmId) -> bool | None:
        match selector.kind.lower():
            case "resourcelocation":
                fact = self.locations.get(resource.key)
            case "resourcetype":
                fact = resource.resource_type
            case "excludedscopes":
                chain = self.tree.chain(resource)
                return any(scope.lower().rstrip("/") in chain for scope in selector.values) is not selector.negated
            case _:  # what says nothing about a resource, such as who writes it
                return None
        if fact is None:
            return None
        return (fact in {value.lower().replace(" ", "") for value in selector.values}) is not selector.negated

    def _members(self, assignment: Assignment) -> Sequence[tuple[str, str, str]]:
        """Folded definition, reference id and effect of everything in an assignment; nothing where it was not read."""
        remembered = self._remembered.get(assignment.id.key)
        if remembered is not None:
            return remembered
        initiative = self.snapshot.initiatives.get(assignment.id.key)
        members = [
            (m.definition.key, m.reference_id, effect_of_member(m, assignment, initiative, self.catalogue))
            for m in (initiative.members if initiative else ())
            if initiative
        ]
        if not assignment.is_initiative:
            effect = effect_of_single(assignment, self.snapshot, self.catalogue)
            members = [(assignment.definition.key, WHOLE, effect)]
        return self._remembered.setdefault(assignment.id.key, members)


def written_at(existing: ExistingExemption) -> datetime | None:
    """When Azure last stamped an exemption; None where it bears no stamp."""
    system = existing.exemption.system
    return system.last_modified_at or system.created_at if system else None
