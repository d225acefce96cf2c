"""Which assignments can matter to a target."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.model import ArmId, Assignment
from reconciler.planning.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentIndex:
    """Assignments by where they can matter: at a scope, or strictly below it."""

    tree: Tree
    at: Mapping[str, Sequence[Assignment]]
    below: Mapping[str, Sequence[Assignment]]

    @classmethod
    def of(cls, tree: Tree, assignments: Iterable[Assignment]) -> AssignmentIndex:
        at: dict[str, list[Assignment]] = defaultdict(list)
        below: dict[str, list[Assignment]] = defaultdict(list)
        for assignment in assignments:
            scope, *above = tree.chain(assignment.scope)
            at[scope].append(assignment)
            for outer in above:
                below[outer].append(assignment)
        return cls(tree=tree, at=at, below=below)

    def touching(self, target: ArmId) -> Iterator[tuple[Assignment, ArmId]]:
        """Each assignment that concerns `target`, with the scope where an exemption for it must sit."""
        for key in self.tree.chain(target):
            for assignment in self.at.get(key, ()):
                yield assignment, target
        for assignment in self.below.get(target.key, ()):
            yield assignment, assignment.scope
