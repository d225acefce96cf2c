"""Tells what is decided as changes: with reason, fingerprint, what they widen, what they wait for and rely on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model import Declaration
from reconciler.planning.deliberation import Decided
from reconciler.planning.draft import Draft, widens
from reconciler.planning.fingerprint import fingerprint
from reconciler.planning.ordering import make_room
from reconciler.planning.phrases import removal_words
from reconciler.planning.reasons import CreateReasons
from reconciler.planning.resolve import Place
from reconciler.planning.values import Change, Reason


def changes_of(decided: Decided) -> tuple[Change, ...]:
    """Every write of a run, sorted by folded id."""
    room = make_room(decided.drafts, Counter(live.scope.key for live in decided.lives))
    reasons = CreateReasons(decided.lives, decided.inputs.history)
    narrower = _Narrower.of(decided)
    declared = {each.name: each for each in decided.inputs.wishes.declarations}
    found = [
        _change(draft, decided, reasons, narrower, declared, room.get(draft.id.key, ())) for draft in decided.drafts
    ]
    return tuple(sorted(found, key=lambda change: change.id.key))


def _change(  # noqa: PLR0913, PLR0917 - what a change is made of
    draft: Draft,
    decided: Decided,
    reasons: CreateReasons,
    narrower: _Narrower,
    declared: Mapping[str, Declaration],
    room: tuple[str, ...],
) -> Change:
    before = draft.live.exemption if draft.live else None
    created = draft.wish is not None and draft.reason is Reason.DECLARED
    key = draft.id.key
    name = draft.declaration.name if draft.declaration else (draft.live.mark if draft.live else "")
    declaration = draft.declaration or declared.get(name)
    return Change(
        before=before,
        after=draft.after,
        reason=reasons.reason(draft.wish) if created and draft.wish else draft.reason,
        fingerprint=fingerprint(decided.inputs.snapshot.tenant_id, decided.inputs.settings.owner, before, draft.after),
        declaration=name or None,
        source=declaration.source if declaration else None,
        widens=widens(draft, narrower.is_broadened_by(draft)),
        waits_for=tuple(sorted({*decided.waits.of(key), *room})),
        relies_on=decided.waits.relies_on(key),
        also_exempts=draft.wish.meaning.also if draft.wish and draft.after is not None else (),
        why=removal_words(before, declared.get(name), decided.inputs.now)
        if before and draft.reason is Reason.REMOVED
        else "",
    )


@dataclass(frozen=True, slots=True)
class _Narrower:
    """What of ours a create may stand above: `held` are folded scopes strictly around what a declaration's mark holds
    in an assignment, `given_up` the cells that this plan takes from any of ours below a place.
    """

    held: Mapping[tuple[str, str], set[str]]
    given_up: Mapping[Place, set[str]]

    @classmethod
    def of(cls, decided: Decided) -> _Narrower:
        held: dict[tuple[str, str], set[str]] = defaultdict(set)
        given_up: dict[Place, set[str]] = defaultdict(set)
        for live in decided.lives:
            if live.ours:
                held[live.mark, live.exemption.assignment.key].update(decided.tree.chain(live.scope)[1:])
        for draft in decided.drafts:
            if draft.live is not None and draft.live.ours and draft.reduces:
                for outer in decided.tree.chain(draft.live.scope)[1:]:
                    given_up[outer, draft.subject.assignment.key] |= draft.lost
        return cls(held, given_up)

    def is_broadened_by(self, draft: Draft) -> bool:
        """Whether a create takes the place of something narrower: of its own declaration, or of one that ends here."""
        if draft.wish is None or draft.live is not None:
            return False
        scope, assignment = draft.wish.place
        joins = scope in self.held.get((draft.wish.declaration.name, assignment), ())
        return joins or not draft.cells.isdisjoint(self.given_up.get((scope, assignment), ()))
