"""What is wanted but held: nothing that it may depend on shrinks while that lasts.

An entry knows what its declaration means, so that a held wish protects the cells it is about and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from reconciler.model import ArmId, Snapshot
from reconciler.planning.meaning import Meaning, match_assignment
from reconciler.planning.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A held wish: at `scope`, in the assignment with that folded id, or in any (empty). `cells` None: all it means.
    `declaration` is the name of the one that is held.
    """

    scope: ArmId
    assignment: str
    meaning: Meaning
    cells: frozenset[str] | None = None
    declaration: str = ""


@dataclass(slots=True, kw_only=True)
class Blocked:
    """All held wishes of a plan, found by scope."""

    tree: Tree
    snapshot: Snapshot
    _at: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    _within: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    _matches: dict[tuple[int, str], frozenset[str] | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything is held."""
        return bool(self._at)

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

    def first(self, scope: ArmId, assignment: str, cells: frozenset[str]) -> Entry | None:
        """The first by scope of what is held at, above or below this scope and may depend on some of the cells."""
        found = (entry for entry in self._related(scope) if self._protected((entry,), assignment, cells))
        return min(found, key=lambda entry: (entry.scope.key, entry.declaration), default=None)

    def _related(self, scope: ArmId) -> Iterator[Entry]:
        for key in self.tree.chain(scope):
            yield from self._at.get(key, ())
        yield from self._within.get(scope.key, ())

    def _protected(self, entries: Iterable[Entry], assignment: str, cells: frozenset[str]) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for entry in entries:
            if entry.assignment in ("", assignment):
                meant = entry.cells if entry.cells is not None else self._meant(entry.meaning, assignment)
                found |= cells if meant is None else cells & meant
        return found

    def _meant(self, meaning: Meaning, key: str) -> frozenset[str] | None:
        """The cells that the meaning covers in the assignment with that folded id; None where nobody can tell."""
        if (id(meaning), key) not in self._matches:
            self._matches[id(meaning), key] = self._matched(meaning, key)
        return self._matches[id(meaning), key]

    def _matched(self, meaning: Meaning, key: str) -> frozenset[str] | None:
        assignment = self.snapshot.assignments.get(key)
        initiative = self.snapshot.initiatives.get(key)
        if assignment is None or (assignment.is_initiative and initiative is None):
            return None
        match = match_assignment(meaning, assignment, initiative)
        return match.cells if match else frozenset()
