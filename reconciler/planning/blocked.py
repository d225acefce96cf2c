"""What is wanted but held: nothing that it may depend on shrinks while that lasts (§4.7, §5).

An entry knows what its declaration means, so that a held wish protects the cells it is about and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from reconciler.model import ArmId, Snapshot
from reconciler.planning.meaning import Meaning, match_assignment
from reconciler.planning.tree import Tree


@dataclass(frozen=True, slots=True)
class Entry:
    """A held wish: at `scope`, in the assignment with that folded id, or in any (empty)."""

    scope: ArmId
    assignment: str
    meaning: Meaning


@dataclass(slots=True)
class Blocked:
    """All held wishes of a plan, found by scope."""

    tree: Tree
    snapshot: Snapshot
    _at: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    _within: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))

    def add(self, entry: Entry) -> None:
        """Protects what the entry is about."""
        self._at[entry.scope.key].append(entry)
        for outer in self.tree.chain(entry.scope)[1:]:
            self._within[outer].append(entry)

    def at(self, scope: str, assignment: str, cells: frozenset[str]) -> frozenset[str]:
        """Which of the cells are protected at exactly this scope and assignment."""
        return self._protected(self._at.get(scope, ()), assignment, cells)

    def touching(self, scope: ArmId, assignment: str, cells: frozenset[str]) -> frozenset[str]:
        """Which of the cells something held at, above or below this scope may depend on."""
        return self._protected(self._related(scope), assignment, cells)

    def _related(self, scope: ArmId) -> Iterator[Entry]:
        for key in self.tree.chain(scope):
            yield from self._at.get(key, ())
        yield from self._within.get(scope.key, ())

    def _protected(self, entries: Iterable[Entry], assignment: str, cells: frozenset[str]) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for entry in entries:
            if entry.assignment in ("", assignment):
                found |= cells & self._cells(entry.meaning, assignment, cells)
        return found

    def _cells(self, meaning: Meaning, key: str, cells: frozenset[str]) -> frozenset[str]:
        assignment = self.snapshot.assignments.get(key)
        initiative = self.snapshot.initiatives.get(key)
        if assignment is None or (assignment.is_initiative and initiative is None):
            return cells
        match = match_assignment(meaning, assignment, initiative)
        return match.cells if match else frozenset()
