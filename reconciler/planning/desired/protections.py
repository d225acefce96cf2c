"""What is wanted but held: nothing that it may depend on shrinks while that lasts.

An protection knows what its declaration means, so that a held desired protects the cells it is about and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from reconciler.model import ArmId, Snapshot
from reconciler.planning.desired.subjects import ResolvedSubject, match_subject
from reconciler.planning.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """A held desired: at `scope`, in the assignment with that folded id, or in any (empty). `cells` None: all it means.
    `declaration` is the name of the one that is held.
    """

    scope: ArmId
    assignment: str
    subject: ResolvedSubject
    cells: frozenset[str] | None = None
    declaration: str = ""


@dataclass(slots=True, kw_only=True)
class Protections:
    """All held desired_exemptions of a plan, found by scope."""

    tree: Tree
    snapshot: Snapshot
    _at: dict[str, list[Protection]] = field(default_factory=lambda: defaultdict(list))
    _within: dict[str, list[Protection]] = field(default_factory=lambda: defaultdict(list))
    _matches: dict[tuple[int, str], frozenset[str] | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything is held."""
        return bool(self._at)

    def add(self, protection: Protection) -> None:
        """Protects what the protection is about."""
        self._at[protection.scope.key].append(protection)
        for outer in self.tree.chain(protection.scope)[1:]:
            self._within[outer].append(protection)

    def at(self, scope: str, assignment: str, cells: frozenset[str]) -> frozenset[str]:
        """Which of the cells are protected at exactly this scope and assignment."""
        return self._protected(self._at.get(scope, ()), assignment, cells)

    def touching(self, scope: ArmId, assignment: str, cells: frozenset[str]) -> frozenset[str]:
        """Which of the cells something held at, above or below this scope may depend on."""
        return self._protected(self._related(scope), assignment, cells)

    def first(self, scope: ArmId, assignment: str, cells: frozenset[str]) -> Protection | None:
        """The first by scope of what is held at, above or below this scope and may depend on some of the cells."""
        found = (protection for protection in self._related(scope) if self._protected((protection,), assignment, cells))
        return min(found, key=lambda protection: (protection.scope.key, protection.declaration), default=None)

    def _related(self, scope: ArmId) -> Iterator[Protection]:
        for key in self.tree.chain(scope):
            yield from self._at.get(key, ())
        yield from self._within.get(scope.key, ())

    def _protected(self, entries: Iterable[Protection], assignment: str, cells: frozenset[str]) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for protection in entries:
            if protection.assignment in ("", assignment):
                meant = (
                    protection.cells if protection.cells is not None else self._meant(protection.subject, assignment)
                )
                found |= cells if meant is None else cells & meant
        return found

    def _meant(self, subject: ResolvedSubject, key: str) -> frozenset[str] | None:
        """The cells that the subject covers in the assignment with that folded id; None where nobody can tell."""
        if (id(subject), key) not in self._matches:
            self._matches[id(subject), key] = self._matched(subject, key)
        return self._matches[id(subject), key]

    def _matched(self, subject: ResolvedSubject, key: str) -> frozenset[str] | None:
        assignment = self.snapshot.assignments.get(key)
        initiative = self.snapshot.initiatives.get(key)
        if assignment is None or (assignment.is_initiative and initiative is None):
            return None
        match = match_subject(subject, assignment, initiative)
        return match.cells if match else frozenset()
