"""Who is authoritative where desired and existing exemptions meet: one scope and one assignment at a time.

R are the references of one desired exemption. Only existing exemptions of the same scope and assignment meet it: of
ours all, whatever their selectors or expiry; of others the unexpired ones with the same selectors.

| existing                                          | decision                                                        |
|---------------------------------------------------|-----------------------------------------------------------------|
| none meets R                                      | create                                                          |
| a keeper (see `matching`)                         | unchanged, or one update in place; *adopt*, *take-over* if it   |
|                                                   | was not ours, *rename* if it bears another mark                 |
| a keeper, and all of R is held, and it has none   | no keeper after all: the next best, or judged as a further one  |
| of what is held                                   |                                                                 |
| a keeper with cells that something held needs,    | no keeper after all: it stays as it is, but for the cells that  |
| which would be shrunk, or widened although R does | another one confirms                                            |
| not mean them                                     |                                                                 |
| a keeper with the mark of another declaration, and| no keeper after all: judged as a further one                    |
| cells beyond R that no edit of the repository lets|                                                                 |
| go                                                |                                                                 |
| no keeper, an adoptable one has more than R       | create ours, then narrow that one                               |
| unowned, made by an application                   | cells that a keeper has as well: untouched, finding *duplicate*;|
|                                                   | the others are held, so that a second run says the same         |
| further ours or adoptable ones meeting R          | what is left of them after the confirmed cells of the desired   |
|                                                   | exemptions that they are ours or adoptable to, and those that   |
|                                                   | the initiative no longer has: nothing → delete (*duplicate*),   |
|                                                   | else one update (*narrow*), never to an empty list              |
| the same, and what is left of it is unwanted      | delete at once, with the reason why it is unwanted              |
| the same, and all of it is kept for something     | kept, and said                                                  |
| held                                              |                                                                 |
| ours, marked for another declaration, for more    | no edit says so: judged as meeting nothing desired              |
| resources than any desired one chooses, unless an |                                                                 |
| edit of the repository lets its cells go          |                                                                 |
| adoptable, with cells that something held needs   | kept as it is, so that the next run says the same               |
| unowned, for the whole assignment                 | untouched, finding *overlap*                                    |
| of another owner, meeting R                       | these cells are held, the owner is named                        |
| of another owner, named by takeOver               | adoptable                                                       |
| forged (our mark, no writer of ours, no record)   | these cells are held; adoptable under `adopt: true`             |
| expired and not ours                              | no authority (see `prune` for its finding)                      |
| meeting nothing desired                           | see `prune`                                                     |

Cells that something held is about (at this scope, one that contains it, or one below) do not shrink: a keeper keeps
those of them that it has beyond R, and further ones keep theirs. What has expired keeps nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from reconciler.arm.canonical import equivalent
from reconciler.kinds import HeldCause
from reconciler.model import Initiative, Settings
from reconciler.planning import hold_messages
from reconciler.planning.decide.build import ExemptionBuilder
from reconciler.planning.decide.causes import RemovalCauses
from reconciler.planning.decide.holds import hold_for
from reconciler.planning.decide.matching import Relation, match_keepers, relation
from reconciler.planning.decide.proposals import ConfirmedExemption, ProposedChange, shrinks
from reconciler.planning.decide.prune import Pruner
from reconciler.planning.decide.reasons import update_reason
from reconciler.planning.decide.slots import KeptSlot, Protected, ReducedSlot, SlotContents, SlotMatch
from reconciler.planning.desired.protections import Protections
from reconciler.planning.desired.subjects import existing_cells, reference_texts
from reconciler.planning.desired.values import DesiredExemption
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.findings import about_exemptions
from reconciler.planning.provenance import History
from reconciler.planning.values import Finding, Held, Reason

_HOLDING: Final = {
    Relation.FOREIGN: (HeldCause.FOREIGN_OWNER, hold_messages.foreign_owner),
    Relation.FORGED: (HeldCause.FORGED, hold_messages.forged),
    Relation.APPLICATION: (HeldCause.NOT_ADOPTABLE, hold_messages.not_adoptable),
}
"""What an existing exemption that we may not touch holds a desired one with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Decides slots for one owner at one revision."""

    settings: Settings
    history: History
    builder: ExemptionBuilder
    causes: RemovalCauses

    def settled(self, contents: SlotContents) -> ConfirmedExemption | None:
        """The only desired exemption of a slot, met by the only existing one as that stands: nearly every slot of
        nearly every run.

        Whatever else is held, `match` and `keep` would come to the same; this only asks them less often.
        """
        if len(contents.desired) != 1 or len(contents.existing) != 1:
            return None
        desired, existing = contents.desired[0], contents.existing[0]
        marked = existing.mark == desired.declaration.name
        if not marked or existing.cells != desired.cells or not self._is_right(desired, existing):
            return None
        return ConfirmedExemption(desired=desired, exemption=existing.exemption, cells=desired.cells)

    # --- who keeps what ---

    def match(self, contents: SlotContents, excluded: frozenset[tuple[int, int]] = frozenset()) -> SlotMatch:
        """Keepers, and the cells that cannot be decided because somebody else's exemption is there."""
        keepers = match_keepers(contents, self.settings, self._is_right, excluded)
        withheld: list[frozenset[str]] = []
        held_lines: list[Held] = []
        findings: list[Finding] = []
        for position, desired in enumerate(contents.desired):
            keeper = contents.existing[keepers[position]] if position in keepers else None
            cells: frozenset[str] = frozenset()
            for existing in contents.existing:
                shared = existing.cells & desired.cells
                ownership = relation(existing, desired, self.settings) if shared else Relation.NOTHING
                if ownership is Relation.APPLICATION and keeper is not None and not shared.isdisjoint(keeper.cells):
                    duplicate = about_exemptions.duplicate(existing.exemption, keeper.exemption, desired.declaration)
                    findings.append(duplicate)
                    shared -= keeper.cells
                if shared and ownership in _HOLDING:
                    cause, message = _HOLDING[ownership]
                    references = reference_texts(shared, contents.initiative)
                    held_lines.append(
                        desired.hold(cause, message(existing.exemption), references, existing.exemption.id)
                    )
                    cells |= shared
            withheld.append(cells)
        return SlotMatch(
            contents=contents,
            keepers=keepers,
            withheld=tuple(withheld),
            held=tuple(held_lines),
            findings=tuple(findings),
            excluded=excluded,
        )

    def rematch(self, slot: SlotMatch, protected: Protected, protections: Protections) -> SlotMatch:
        """The same without keepers that cannot be; `slot` itself where all can.

        An existing exemption may become the desired one if it leaves what is protected as it is: of what the declaration
        means itself nothing may shrink; what it does not mean may not be widened either. One without the mark
        of that declaration may not shrink at all where it is protected: the update would be held, and what is desired with it.
        Nor may one of another declaration of ours lose what that one did not give up, or the mark by which the rest of it is
        protected: the next run would take that away.
        """
        excluded: set[tuple[int, int]] = set()
        for pair in slot.keepers.items():
            desired, keeper = slot.contents.desired[pair[0]], slot.contents.existing[pair[1]]
            cells = desired.cells - slot.withheld[pair[0]]
            extra = protected[keeper] - cells
            may_keep = bool(cells)
            if extra or (protected[keeper] and keeper.mark != desired.declaration.name):
                before = keeper.exemption
                after = self.builder.update(desired, before, cells | extra, slot.contents.initiative)
                may_keep = not shrinks(before, after) and (extra <= desired.declared or not shrinks(after, before))
            if keeper.ours and keeper.mark != desired.declaration.name:
                loses_protection = bool(extra) and protections.is_protected_by_its_mark(keeper)
                may_keep = may_keep and not loses_protection and self._may_lose_the_rest(keeper, slot)
            if not may_keep:
                excluded.add(pair)
        return self.match(slot.contents, slot.excluded | excluded) if excluded else slot

    def _may_lose_the_rest(self, keeper: ExistingExemption, slot: SlotMatch) -> bool:
        """Whether those cells of one of ours that nobody desires here have a cause to go."""
        pairs = zip(slot.contents.desired, slot.withheld, strict=True)
        confirmed = frozenset[str]().union(
            *(desired.cells - withheld for desired, withheld in pairs if _is_kept_by(keeper, desired))
        )
        rest = existing_cells(keeper.covering, slot.contents.initiative) - confirmed
        return not rest or (self.causes.reason(keeper, rest) is not None and self.causes.is_explained(keeper))

    def _is_right(self, desired: DesiredExemption, existing: ExistingExemption) -> bool:
        """Whether the existing one needs no write to be what is desired."""
        return equivalent(self.builder.update(desired, existing.exemption, desired.cells, None), existing.exemption)

    # --- what is desired ---

    def keep(self, slot: SlotMatch, protected: Protected) -> KeptSlot:
        """Confirms, updates or creates what is desired."""
        contents = slot.contents
        keepers: set[ExistingExemption] = set()
        confirmed: list[ConfirmedExemption] = []
        for position, desired in enumerate(contents.desired):
            keeper = contents.existing[slot.keepers[position]] if position in slot.keepers else None
            cells = desired.cells - slot.withheld[position]
            if keeper is not None:
                cells |= protected[keeper]
            if not cells:  # all of it is held; an exemption without references would exempt everything
                continue
            if keeper is not None:
                keepers.add(keeper)
            confirmed.append(self._confirm(desired, keeper, cells, contents.initiative))
        return KeptSlot(
            contents=contents,
            protected=protected,
            confirmed=tuple(confirmed),
            proposed=tuple(item.proposed for item in confirmed if item.proposed is not None),
            leftovers=tuple(existing for existing in contents.existing if existing not in keepers),
        )

    def _confirm(
        self,
        desired: DesiredExemption,
        keeper: ExistingExemption | None,
        cells: frozenset[str],
        initiative: Initiative | None,
    ) -> ConfirmedExemption:
        """A desired exemption as this plan leaves it, with the write that does so, if one is needed."""
        if keeper is None:
            after = self.builder.create(desired, cells, initiative)
            reason = Reason.DECLARED
        else:
            after = self.builder.update(desired, keeper.exemption, cells, initiative)
            if equivalent(after, keeper.exemption):
                return ConfirmedExemption(desired=desired, exemption=keeper.exemption, cells=cells)
            reason = update_reason(
                keeper, desired, after, initiative=initiative, settings=self.settings, history=self.history
            )
        proposed = ProposedChange(
            existing=keeper, after=after, reason=reason, cells=cells, desired=desired, declaration=desired.declaration
        )
        return ConfirmedExemption(desired=desired, exemption=after, cells=cells, proposed=proposed)

    # --- everything else that exists there ---

    def reduce(self, slot: KeptSlot, pruner: Pruner) -> ReducedSlot:
        """Takes from leftovers what this plan confirms, and what the initiative no longer has."""
        proposed: list[ProposedChange] = []
        held_lines: list[Held] = []
        unclaimed: list[ExistingExemption] = []
        for existing in slot.leftovers:
            meeting = [desired for desired in slot.contents.desired if not existing.cells.isdisjoint(desired.cells)]
            relations = {relation(existing, desired, self.settings) for desired in meeting}
            is_lost = existing.ours and not any(self._may_take(existing, desired) for desired in meeting)
            if Relation.OVERLAP in relations or is_lost:
                unclaimed.append(existing)
            elif relations & {Relation.OURS, Relation.ADOPTABLE}:
                change = self._reduced(existing, slot, pruner)
                if change is not None:
                    proposed.append(change)
                elif existing.ours and (protection := pruner.protections.first(existing, existing.covering)):
                    held_lines.append(hold_for(existing, protection, pruner.causes.declarations.get(existing.mark)))
            elif not relations & _HOLDING.keys():
                unclaimed.append(existing)
        return ReducedSlot(proposed=tuple(proposed), held=tuple(held_lines), unclaimed=tuple(unclaimed))

    def _reduced(self, existing: ExistingExemption, slot: KeptSlot, pruner: Pruner) -> ProposedChange | None:
        """Only desired exemptions that it is ours or adoptable to count: towards the others it is none of our business.

        What remains is judged as the next run would judge it, so that nothing is narrowed that then goes as a whole.
        """
        confirming = [
            confirmed
            for confirmed in slot.confirmed
            if not existing.cells.isdisjoint(confirmed.cells)
            and relation(existing, confirmed.desired, self.settings) in {Relation.OURS, Relation.ADOPTABLE}
            and self._may_take(existing, confirmed.desired)
        ]
        # What a person made would be adoptable once it is narrowed to what is held for its sake: it stays whole till then.
        if not confirming or (slot.protected[existing] and not existing.ours):
            return None
        confirmed_cells = (
            frozenset[str]().union(*(confirmed.cells for confirmed in confirming)) - slot.protected[existing]
        )
        if existing.cells.isdisjoint(confirmed_cells):
            return None
        declaration = min(confirming, key=lambda confirmed: confirmed.exemption.id.key).desired.declaration
        residual = existing_cells(existing.cells, slot.contents.initiative) - confirmed_cells
        if not residual:
            return ProposedChange(existing=existing, after=None, reason=Reason.DUPLICATE, declaration=declaration)
        pruned = pruner.prune_cells(existing, residual)
        if isinstance(pruned, ProposedChange):
            return replace(pruned, declaration=None) if pruned.reason is not Reason.DUPLICATE else pruned
        after = replace(existing.exemption, reference_ids=reference_texts(residual, slot.contents.initiative))
        return ProposedChange(
            existing=existing, after=after, reason=Reason.NARROW, cells=residual, declaration=declaration
        )

    def _may_take(self, existing: ExistingExemption, desired: DesiredExemption) -> bool:
        """Whether an existing one may lose what is desired there: it goes on for as many resources, or an edit says so."""
        if not existing.ours or existing.expired or _is_kept_by(existing, desired):
            return True
        shared = existing.cells & desired.cells
        return self.causes.reason(existing, shared) is not None and self.causes.is_explained(existing)

    def recreated(self, proposed: ProposedChange) -> ProposedChange:
        """The create that takes the place of an update under another name, where keepers wait for each other."""
        assert proposed.desired is not None
        assert proposed.after is not None
        after = self.builder.create_with(proposed.desired, proposed.after.reference_ids)
        return replace(proposed, existing=None, after=after, reason=Reason.DECLARED)


def _is_kept_by(existing: ExistingExemption, desired: DesiredExemption) -> bool:
    """Whether what is desired exempts all resources that the existing one does, or whatever its own declaration asks for now."""
    is_for_as_many = desired.selector_key in {"", existing.selector_key}
    return is_for_as_many or desired.declaration.name == existing.mark
