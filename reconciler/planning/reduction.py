"""What may be taken away, and after which writes: a write that reduces coverage waits for every write that
covers the same policy and assignment at the same, a containing or a contained scope, and names the exemptions that
keep what it gives up, so that apply can re-read them just before.

It is held where something it may depend on was not read, is held itself, or lies outside the run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from reconciler.planning import wording
from reconciler.planning.blocked import Blocked, Entry
from reconciler.planning.draft import Draft, Final
from reconciler.planning.resolve import Desired, Place
from reconciler.planning.tree import Tree
from reconciler.planning.values import Held, HeldCause


@dataclass(slots=True, kw_only=True)
class Keepers:
    """Confirmed wishes, found from any scope of the same assignment that they are related to."""

    tree: Tree
    _at: dict[Place, list[Final]] = field(default_factory=lambda: defaultdict(list))
    _within: dict[Place, list[Final]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, finals: Iterable[Final], reducing: Iterable[Draft], tree: Tree) -> Keepers:
        """Only assignments in which something is reduced are looked at; that is none in most runs."""
        concerned = {draft.subject.assignment.key for draft in reducing}
        keepers = cls(tree=tree)
        for final in finals if concerned else ():
            assignment = final.wish.assignment.id.key
            if assignment in concerned:
                scope, *above = tree.chain(final.wish.scope)
                keepers._at[scope, assignment].append(final)
                for outer in above:
                    keepers._within[outer, assignment].append(final)
        return keepers

    def keeping(self, draft: Draft) -> list[Final]:
        """The wishes that are confirmed by another object and share a cell with what the write gives up."""
        assignment, lost = draft.subject.assignment.key, draft.lost
        if not lost:
            return []
        scope = draft.subject.scope
        related = [final for key in self.tree.chain(scope) for final in self._at.get((key, assignment), ())]
        related += self._within.get((scope.key, assignment), ())
        found = [f for f in related if f.exemption.id.key != draft.id.key and not f.cells.isdisjoint(lost)]
        return sorted(found, key=lambda final: final.exemption.id.key)


def split_reductions(
    drafts: Sequence[Draft], blocked: Blocked, left_out: Iterable[Desired], tree: Tree
) -> tuple[list[Draft], list[tuple[Draft, Held]]]:
    """The drafts that may be written, and those that must be held, each with why."""
    outside = Blocked(tree=tree, snapshot=blocked.snapshot)
    for wish in left_out:
        outside.add(Entry(scope=wish.scope, assignment=wish.assignment.id.key, meaning=wish.meaning))
    allowed: list[Draft] = []
    held: list[tuple[Draft, Held]] = []
    for draft in drafts:
        line = _why_not(draft, blocked, outside, tree) if draft.reduces else None
        if line is None:
            allowed.append(draft)
        else:
            held.append((draft, line))
    return allowed, held


def _why_not(draft: Draft, blocked: Blocked, outside: Blocked, tree: Tree) -> Held | None:
    scope, assignment = draft.subject.scope, draft.subject.assignment.key
    if (unread := tree.blocks_reduction(scope)) is not None:
        return held_draft(draft, HeldCause.UNREAD, wording.reduction_unread(unread))
    if (entry := blocked.first(scope, assignment, draft.lost)) is not None:
        words = wording.neighbour_held(draft.subject, entry.declaration, entry.scope)
        return held_draft(draft, HeldCause.NEIGHBOUR, words)
    if outside.touching(scope, assignment, draft.lost):
        return held_draft(draft, HeldCause.LEFT_OUT, wording.left_out(scope))
    return None


def held_draft(draft: Draft, cause: HeldCause, words: wording.Words) -> Held:
    """A draft that is not written, as a held line."""
    subject = draft.subject
    name = draft.declaration.name if draft.declaration else (draft.live.mark if draft.live else "")
    source = draft.declaration.source if draft.declaration else None
    return Held(
        declaration=name,
        scope=subject.scope,
        assignment=subject.assignment,
        reference_ids=subject.reference_ids,
        cause=cause,
        message=words.message,
        remedy=words.remedy,
        source=source,
        exemption=subject.id,
    )
