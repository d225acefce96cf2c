"""Which assessments a set of exemptions exempts: those whose policies are all exempt in every assignment that
evaluates them, and those that a standard assignment names.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from reconciler.arm.canonical import has_expired
from reconciler.arm.standard_properties import EXCLUDED
from reconciler.catalog.catalogue import Catalogue
from reconciler.model import (
    ArmId,
    Assignment,
    Category,
    Exemption,
    ResourceSelector,
    Snapshot,
    assessment_id,
)
from reconciler.model.posture import Assessment
from reconciler.planning.desired.subjects import cells_of
from reconciler.planning.findings.effects import evaluated_cells
from reconciler.planning.tree import Tree


class Exempted(enum.Enum):
    """What exemptions come to for one assessment. UNSURE: that depends on what was not read."""

    NO = enum.auto()
    WAIVER = enum.auto()
    MITIGATED = enum.auto()
    UNSURE = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What evaluates each assessment: assignments, what stands behind recommendations, containment. Remembers."""

    snapshot: Snapshot
    catalogue: Catalogue
    tree: Tree
    now: datetime
    _at: dict[str, list[Assignment]] = field(default_factory=dict, init=False, repr=False)
    _cells: dict[tuple[str, frozenset[str]], frozenset[str] | None] = field(
        default_factory=dict, init=False, repr=False
    )

    def __post_init__(self) -> None:
        for assignment in self.snapshot.assignments.values():
            self._at.setdefault(assignment.scope.key, []).append(assignment)

    def policies(self, assessment: Assessment) -> frozenset[str]:
        """The folded ids of the policies behind an assessment: the reviewed ones, unless Azure names another one."""
        recommendation = self.catalogue.recommendations.get(assessment.key)
        reviewed = frozenset(policy.key for policy in recommendation.policies) if recommendation else frozenset()
        live = assessment.policy
        return reviewed if live is None or live.key in reviewed else frozenset({live.key})

    def evaluating(self, assessment: Assessment) -> list[tuple[Assignment, str]] | None:
        """Each assignment and cell that evaluates an assessment; None where some of that is unknown."""
        policies = self.policies(assessment)
        evaluated: list[tuple[Assignment, str]] = []
        chain = self.tree.chain(assessment.resource)
        for assignment in (assignment for scope in chain for assignment in self._at.get(scope, ())):
            if any(scope.key in chain for scope in assignment.not_scopes):
                continue
            key = assignment.id.key, policies
            if key not in self._cells:
                self._cells[key] = evaluated_cells(assignment, policies, self.snapshot, self.catalogue)
            cells = self._cells[key]
            if cells is None:
                return None
            is_selected = selects(assignment.selectors, assessment.resource) if cells else False
            if is_selected is None:
                return None
            evaluated += ((assignment, cell) for cell in sorted(cells) if is_selected)
        return evaluated


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemptions:
    """A set of unexpired exemptions, found by where they sit and by what they are from."""

    facts: Facts
    by_slot: Mapping[tuple[str, str], list[Exemption]]

    @classmethod
    def of(cls, exemptions: Iterable[Exemption], facts: Facts) -> Exemptions:
        """Those of the exemptions that Azure honours now."""
        slots: dict[tuple[str, str], list[Exemption]] = defaultdict(list)
        for exemption in exemptions:
            if not exemption.expires_on or not has_expired(exemption, facts.now):
                slots[exemption.scope.key, exemption.assignment.key].append(exemption)
        return cls(facts=facts, by_slot=slots)

    def verdict(self, assessment: Assessment) -> Exempted:
        """Whether they exempt an assessment. It counts as mitigated only where nothing else than that exempts it."""
        categories = {exemption.category.lower() for exemption in self._standards(assessment)}
        if categories:
            return _category(categories)
        evaluating = self.facts.evaluating(assessment)
        if evaluating is None:
            return Exempted.UNSURE
        verdicts = {self._cell(assessment.resource, assignment, cell) for assignment, cell in evaluating}
        if not verdicts or Exempted.NO in verdicts:
            return Exempted.NO
        return next(
            verdict for verdict in (Exempted.UNSURE, Exempted.WAIVER, Exempted.MITIGATED) if verdict in verdicts
        )

    def _standards(self, assessment: Assessment) -> Iterable[Exemption]:
        """The standard assignments that exempt the recommendation: not those for some findings, or with the scope left out."""
        recommendation = assessment_id(assessment.key)
        chain = self.facts.tree.chain(assessment.resource)
        for scope in chain:
            for exemption in self.by_slot.get((scope, recommendation.key), ()):
                parts = [part for group in exemption.selectors for part in group.selectors]
                excluded = {value.lower() for part in parts if part.kind == EXCLUDED for value in part.values}
                if all(part.kind == EXCLUDED for part in parts) and excluded.isdisjoint(chain):
                    yield exemption

    def _cell(self, resource: ArmId, assignment: Assignment, cell: str) -> Exempted:
        initiative = self.facts.snapshot.initiatives.get(assignment.id.key)
        is_unsure = False
        categories = set()
        for scope in self.facts.tree.chain(resource):
            for exemption in self.by_slot.get((scope, assignment.id.key), ()):
                if cell not in cells_of(exemption.reference_ids, assignment, initiative):
                    continue
                match selects(exemption.selectors, resource):
                    case True:
                        categories.add(exemption.category.lower())
                    case None:
                        is_unsure = True
        if not categories:
            return Exempted.UNSURE if is_unsure else Exempted.NO
        return _category(categories)


def _category(categories: AbstractSet[str]) -> Exempted:
    return Exempted.MITIGATED if categories == {Category.MITIGATED.lower()} else Exempted.WAIVER


_TYPE: Final = "resourcetype"
_LOCATION: Final = frozenset({"resourcelocation", "resourcewithoutlocation"})


def selects(selectors: Iterable[ResourceSelector], resource: ArmId) -> bool | None:
    """Whether selectors take a resource (any of them, or there are none); None where that depends on its location,
    which an assessment does not tell.
    """
    verdicts = [_holds(selector, resource) for selector in selectors]
    if not verdicts or True in verdicts:
        return True
    return None if None in verdicts else False


def _holds(selector: ResourceSelector, resource: ArmId) -> bool | None:
    verdicts: list[bool | None] = []
    for condition in selector.selectors:
        kind = condition.kind.lower()
        if kind in _LOCATION:
            verdicts.append(None)
        elif kind == _TYPE:
            types = {value.lower() for value in condition.values}
            verdicts.append((resource.resource_type in types) is not condition.negated)
    if False in verdicts:
        return False
    return None if None in verdicts else True
