"""What nothing may be taken away from, because something held may depend on it.

A protection knows what its declaration means, so that a held declaration protects the cells it is about and no others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.catalog.subjects import ResolvedSubject
from reconciler.model import ArmId, Snapshot
from reconciler.planning.desired.subjects import match_subject
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """What is held at `scope`, in the assignment with that folded id, or in any (empty). `cells` None: all that the
    subject covers. `declaration` is the name of the one that is held; `marked` restricts it to the exemptions that bear
    its mark, and then to all of their cells.
    """

    scope: ArmId
    assignment: str
    subject: ResolvedSubject
    cells: frozenset[str] | None = None
    declaration: str = ""
    marked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Protections:
    """All protections of a run, found by scope."""

    tree: Tree
    snapshot: Snapshot
    protections: tuple[Protection, ...] = ()
    _at: Mapping[str, Sequence[Protection]] = field(init=False, repr=False)
    _within: Mapping[str, Sequence[Protection]] = field(init=False, repr=False)
    _matches: dict[tuple[int, str], frozenset[str] | None] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        at: dict[str, list[Protection]] = defaultdict(list)
        within: dict[str, list[Protection]] = defaultdict(list)
        for protection in self.protections:
            scope, *above = self.tree.chain(protection.scope)
            at[scope].append(protection)
            for outer in above:
                within[outer].append(protection)
        object.__setattr__(self, "_at", at)
        object.__setattr__(self, "_within", within)

    def __bool__(self) -> bool:
        """Whether anything is protected."""
        return bool(self.protections)

    def extended(self, added: Sequence[Protection]) -> Protections:
        """These and the given ones."""
        if not added:
            return self
        return Protections(tree=self.tree, snapshot=self.snapshot, protections=(*self.protections, *added))

    def first_at(self, existing: ExistingExemption, cells: frozenset[str]) -> Protection | None:
        """The first by name of what is held at exactly the scope of an exemption and may depend on some of its cells."""
        return self._first(self._at.get(existing.scope.key, ()), existing, cells)

    def touching(self, existing: ExistingExemption, cells: frozenset[str]) -> frozenset[str]:
        """Which cells of an exemption something held at, above or below its scope may depend on."""
        protected: frozenset[str] = frozenset()
        for protection in self._related(existing.scope) if self.protections else ():
            protected |= self._needed(protection, existing, cells)
        return protected

    def first(self, existing: ExistingExemption, cells: frozenset[str]) -> Protection | None:
        """The first by scope of what is held at, above or below the scope of an exemption and may depend on some of its
        cells.
        """
        return self._first(self._related(existing.scope), existing, cells)

    def is_protected_by_its_mark(self, existing: ExistingExemption) -> bool:
        """Whether something of the declaration whose mark it bears is held there, so that its cells are protected as long as
        it bears that mark.
        """
        return bool(existing.mark) and any(
            protection.marked and self._needed(protection, existing, existing.cells)
            for protection in self._related(existing.scope)
        )

    def moving(self, existing: ExistingExemption) -> Protection | None:
        """The first by scope of what its declaration wants instead, by the other kind of ARM object, and that is held: until
        that is there nothing takes the place of this one.
        """
        instead = (
            protection
            for protection in (self._related(existing.scope) if existing.mark else ())
            if protection.declaration == existing.mark and existing.exemption.carrier not in protection.subject.carriers
        )
        return min(instead, key=lambda protection: protection.scope.key, default=None)

    def _first(
        self, protections: Iterable[Protection], existing: ExistingExemption, cells: frozenset[str]
    ) -> Protection | None:
        concerned = (item for item in protections if self._needed(item, existing, cells))
        return min(concerned, key=lambda protection: (protection.scope.key, protection.declaration), default=None)

    def _related(self, scope: ArmId) -> Iterator[Protection]:
        for key in self.tree.chain(scope):
            yield from self._at.get(key, ())
        yield from self._within.get(scope.key, ())

    def _needed(self, protection: Protection, existing: ExistingExemption, cells: frozenset[str]) -> frozenset[str]:
        """Which of the cells what is held may depend on."""
        assignment = existing.exemption.assignment.key
        if protection.assignment not in ("", assignment):
            return frozenset()
        if protection.marked:
            return cells if existing.mark == protection.declaration else frozenset()
        if protection.cells is not None:
            return cells & protection.cells
        pair = id(protection.subject), assignment
        if pair not in self._matches:
            assigned = self.snapshot.assignments.get(assignment)
            initiative = self.snapshot.initiatives.get(assignment)
            covered: frozenset[str] | None = None  # where nobody can tell
            if assigned is not None and (initiative is not None or not assigned.is_initiative):
                match = match_subject(protection.subject, assigned, initiative)
                covered = match.cells if match else frozenset()
            self._matches[pair] = covered
        covered = self._matches[pair]
        return cells if covered is None else cells & covered
