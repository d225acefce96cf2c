"""The management group tree and what was read of it: who contains whom, and where nothing may be reduced.

Subscriptions, resource groups and resources nest by their text; management groups only as Azure says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from reconciler.model import (
    STANDARD_ASSIGNMENTS,
    ArmId,
    Settings,
    Snapshot,
    Unread,
    arm_id,
    is_assessment,
    textual_containers,
)

Slot = tuple[str, str]
"""Folded exemption scope and folded assignment id: where exemptions can meet each other."""

SCOPE_READS = frozenset({"exemptions", "assignments", "descendants", STANDARD_ASSIGNMENTS})
"""The kinds of `Unread.what` that leave a scope itself unknown (others name one initiative or assignment); standard
assignments only where one is declared or live.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Containment among scopes. Chains are remembered: a run asks for the same few again and again."""

    snapshot: Snapshot
    settings: Settings
    only: ArmId | None = None
    _chains: dict[str, tuple[str, ...]] = field(default_factory=dict, init=False, repr=False)
    _unread: dict[str, Unread] = field(default_factory=dict, init=False, repr=False)
    _unread_within: dict[str, list[Unread]] = field(default_factory=dict, init=False, repr=False)
    _unread_descendants: list[Unread] = field(default_factory=list, init=False, repr=False)
    _expected: set[str] = field(default_factory=set, init=False, repr=False)
    _roots: set[str] = field(default_factory=set, init=False, repr=False)

    def __post_init__(self) -> None:
        self._expected.update(scope.key for scope in self.snapshot.expected)
        self._roots.update(root.key for root in self.settings.scopes)
        unread = sorted(self.snapshot.unread, key=lambda line: (line.scope.key, line.what, line.message))
        has_standards = any(map(is_assessment, self.snapshot.assignments))
        reads = SCOPE_READS if has_standards else SCOPE_READS - {STANDARD_ASSIGNMENTS}
        self._unread.update({line.scope.key: line for line in unread if line.what in reads})
        self._unread_descendants.extend(line for line in unread if line.what == "descendants")
        for line in self._unread.values():
            for outer in self.chain(line.scope):
                self._unread_within.setdefault(outer, []).append(line)

    def chain(self, scope: ArmId) -> tuple[str, ...]:
        """Folded ids of the scope and all that contains it, nearest first, up to the topmost known group."""
        scopes = self._chains.get(scope.key)
        if scopes is None:
            inside = (scope.key, *textual_containers(scope.key))
            group = self.snapshot.parents.get(inside[-1])
            scopes = inside + self.chain(group) if group is not None else inside
            self._chains[scope.key] = scopes
        return scopes

    def contains(self, outer: str, inner: ArmId) -> bool:
        """Whether the scope with folded id `outer` is `inner` or contains it; the tenant (empty) contains everything."""
        return not outer or outer in self.chain(inner)

    def related(self, first: ArmId, second: ArmId) -> bool:
        """Whether one is or contains the other."""
        return first.key in self.chain(second) or second.key in self.chain(first)

    def managed(self, scope: ArmId) -> bool:
        """Whether the scope lies at or below one of the managed roots."""
        return not self._roots.isdisjoint(self.chain(scope))

    def in_run(self, scope: ArmId) -> bool:
        """Whether `--scope` leaves it in this run (everything, without that option)."""
        return self.only is None or self.only.key in self.chain(scope)

    def container(self, scope: ArmId) -> str | None:
        """The expected scope whose list shows what sits at `scope`; None: nobody was asked."""
        return next((key for key in self.chain(scope) if key in self._expected), None)

    def unread(self, scope: ArmId) -> Unread | None:
        """Why what sits at `scope` is unknown, or None where it was read."""
        if not self._unread:
            return None
        container = self.container(scope)
        return self._unread.get(container) if container else None

    def unread_below(self, scope: ArmId) -> Iterator[Unread]:
        """What lies strictly below `scope` and could not be read."""
        if not self._unread:
            return
        container = self.container(scope)
        yield from (line for line in self._unread_within.get(scope.key, ()) if line.scope.key != container)

    def maybe_above(self, scope: ArmId) -> Unread | None:
        """Where no chain leads from a scope to a managed root: a group whose descendants are unknown and may hold it."""
        if not self._unread or self.managed(scope):
            return None
        return next(iter(self._unread_descendants), None)

    def unread_about(self, scope: ArmId) -> tuple[Unread, ...]:
        """Everything unread on which depends what holds at `scope`: at or above it, and where no chain leads from it to a
        managed root, at the group that may hold it.
        """
        unknown = self.maybe_above(scope)
        keys = {*self.chain(scope), *((unknown.scope.key,) if unknown else ())}
        return tuple(line for line in self.snapshot.unread if line.scope.key in keys)

    def blocks_reduction(self, scope: ArmId) -> Unread | None:
        """What forbids to reduce coverage at `scope`: something unread at, above or below it."""
        if not self._unread:
            return None
        above = (self._unread[key] for key in self.chain(scope) if key in self._unread)
        return next(above, None) or next(iter(self._unread_within.get(scope.key, ())), None)


def tree_of(snapshot: Snapshot, settings: Settings, only: str | None = None) -> Tree:
    """The tree of a snapshot; `only` is the scope that a narrowed run is about."""
    return Tree(snapshot=snapshot, settings=settings, only=arm_id(only) if only else None)
