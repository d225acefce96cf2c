"""What a reviewer should know about confirmed wishes beside the changes: moot, unsupported, shadowed, near a quota."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from reconciler.catalog.catalogue import Catalogue
from reconciler.model import Snapshot
from reconciler.planning import remarks
from reconciler.planning.draft import Draft
from reconciler.planning.effects import disabled_references
from reconciler.planning.live import Live
from reconciler.planning.ordering import SCOPE_QUOTA
from reconciler.planning.resolve import Desired, Place
from reconciler.planning.tree import Tree
from reconciler.planning.values import Finding


def notes(  # noqa: PLR0913, PLR0917 - these are the inputs
    wishes: Sequence[Desired],
    lives: Sequence[Live],
    drafts: Sequence[Draft],
    snapshot: Snapshot,
    catalogue: Catalogue,
    tree: Tree,
) -> list[Finding]:
    """All such findings, in no particular order."""
    return [
        *_unsupported(wishes),
        *_moot(wishes, snapshot, catalogue),
        *_shadowed(wishes, lives, drafts, tree),
        *_quota(lives, drafts),
    ]


def _unsupported(wishes: Iterable[Desired]) -> Iterator[Finding]:
    seen: set[str] = set()
    for wish in wishes:
        name, why = wish.declaration.name, wish.meaning.unsupported
        if why and name not in seen:
            seen.add(name)
            yield remarks.unsupported(wish.declaration, wish.meaning.title, why)


def _moot(wishes: Iterable[Desired], snapshot: Snapshot, catalogue: Catalogue) -> Iterator[Finding]:
    remembered: dict[tuple[str, frozenset[str]], tuple[str, ...] | None] = {}
    for wish in wishes:
        key = wish.assignment.id.key, wish.cells
        if key not in remembered:
            remembered[key] = disabled_references(wish, snapshot, catalogue)
        disabled = remembered[key]
        if disabled is not None:
            yield remarks.moot_effect(wish.declaration, wish.scope, wish.assignment, disabled)
        if wish.assignment.selectors:
            yield remarks.moot_selector(wish.declaration, wish.scope, wish.assignment)


def _shadowed(
    wishes: Iterable[Desired], lives: Iterable[Live], drafts: Iterable[Draft], tree: Tree
) -> Iterator[Finding]:
    """Undeclared live exemptions on a containing scope, each once, with the first wish that it shadows."""
    written = {draft.id.key for draft in drafts}
    others: dict[Place, list[Live]] = defaultdict(list)
    for live in lives:
        if not live.ours and not live.expired and live.exemption.id.key not in written:
            others[live.scope.key, live.exemption.assignment.key].append(live)
    seen: set[str] = set()
    for wish in wishes if others else ():
        for outer in tree.chain(wish.scope)[1:]:
            for live in others.get((outer, wish.assignment.id.key), ()):
                if live.exemption.id.key not in seen and not live.cells.isdisjoint(wish.cells):
                    seen.add(live.exemption.id.key)
                    yield remarks.shadowed(live.exemption, wish.declaration, wish.scope)


def _quota(lives: Iterable[Live], drafts: Iterable[Draft]) -> Iterator[Finding]:
    scopes = {
        scope.key: scope for scope in (*(draft.subject.scope for draft in drafts), *(live.scope for live in lives))
    }
    counts = Counter(live.scope.key for live in lives)
    for draft in drafts:
        counts[draft.subject.scope.key] += (draft.live is None) - (draft.after is None)
    for key, count in sorted(counts.items()):
        if count >= SCOPE_QUOTA * 9 // 10:
            yield remarks.quota(scopes[key], count)
