"""Who is authoritative where desired_exemptions and existing exemptions meet: one scope and one assignment at a time.

R are the references of one desired. Only existing exemptions of the same scope and assignment meet it: of ours all, whatever
their selectors or expiry; of others the unexpired ones with the same selectors.

| existing                                              | decision                                                         |
|---------------------------------------------------|-----------------------------------------------------------------|
| none meets R                                      | create                                                          |
| a keeper (see `matching`)                          | unchanged, or one update in place; *adopt*, *take-over* if it   |
|                                                   | was not ours, *rename* if it bears another mark                 |
| a keeper, and all of R is held, and it has none   | no keeper after all: judged as a further one                    |
| of what is held                                   |                                                                 |
| no keeper, an adoptable one has more than R       | create ours, then narrow that one                               |
| unowned, made by an application                   | cells that a keeper has as well: untouched, finding *duplicate*;|
|                                                   | the others are held, so that a second run says the same         |
| further ours or adoptable ones contents R          | what is left of them after the confirmed cells of the desired_exemptions    |
|                                                   | that they are ours or adoptable to, and those that the          |
|                                                   | initiative no longer has: nothing → delete (*duplicate*), else  |
|                                                   | one update (*narrow*), never to an empty list                   |
| the same, and what is left of it is pruner      | delete at once, with the reason why it is pruner              |
| unowned, for the whole assignment                 | untouched, finding *overlap*                                    |
| of another owner, contents R                       | these cells are held, the owner is named                        |
| of another owner, named by takeOver               | adoptable                                                       |
| expired and not ours                              | no authority (see `pruner` for its finding)                   |
| contents no desired                                   | see `pruner`                                                  |

Cells that something held is about (at this scope, one that contains it, or one below) do not shrink: a keeper keeps
those of them that it has beyond R, and further ones keep theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from reconciler.arm.canonical import equivalent
from reconciler.model import Exemption, Initiative, Settings
from reconciler.planning import hold_messages
from reconciler.planning.decide.build import reference_texts, wanted
from reconciler.planning.decide.matching import Relation, SlotContents, match_keepers, relation
from reconciler.planning.decide.proposals import ConfirmedExemption, ProposedChange
from reconciler.planning.decide.reasons import update_reason
from reconciler.planning.desired.resolve import DesiredExemption
from reconciler.planning.desired.subjects import existing_cells
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.findings import messages as finding_messages
from reconciler.planning.provenance import History
from reconciler.planning.values import Finding, Held, HeldCause, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMatch:
    """What a contents settles before anything is written: the keeper of each desired, and what others hold of it.

    `keepers` maps the position of a desired to that of a existing exemption; `withheld` has the held cells of each desired.
    """

    contents: SlotContents
    keepers: Mapping[int, int]
    withheld: tuple[frozenset[str], ...]
    held: tuple[Held, ...]
    findings: tuple[Finding, ...]


@dataclass(slots=True, kw_only=True)
class SlotDecision:
    """What is decided at one place; `unclaimed` are existing ones that meet no desired."""

    confirmed_exemptions: list[ConfirmedExemption] = field(default_factory=list)
    proposed_changes: list[ProposedChange] = field(default_factory=list)
    unclaimed: list[ExistingExemption] = field(default_factory=list)


class Authority:
    """Decides slots for one owner at one revision. `taken` are the folded ids that exist in Azure; `pruner` says
    why what is left of a existing one may go as a whole, or None.
    """

    def __init__(
        self,
        settings: Settings,
        history: History,
        taken: set[str],
        pruner: Callable[[ExistingExemption, frozenset[str]], Reason | None],
    ) -> None:
        self.settings, self.history, self.taken, self.pruner = settings, history, taken, pruner

    # --- nothing to decide ---

    def settled(self, contents: SlotContents) -> ConfirmedExemption | None:
        """The only desired of a place, met by the only existing one as that stands: nearly every place of nearly every run.

        Whatever else is held, `slot_match` and `decide` would come to the same; this only asks them less often.
        """
        if len(contents.desired_exemptions) != 1 or len(contents.existing_exemptions) != 1:
            return None
        desired, existing = contents.desired_exemptions[0], contents.existing_exemptions[0]
        if (
            existing.mark != desired.declaration.name
            or existing.cells != desired.cells
            or not self._is_right(desired, existing)
        ):
            return None
        return ConfirmedExemption(desired=desired, exemption=existing.exemption, cells=desired.cells)

    # --- who keeps what ---

    def slot_match(self, contents: SlotContents) -> SlotMatch:
        """Keepers, and the cells that cannot be decided because somebody else's exemption is there."""
        keepers = match_keepers(contents, self.settings, self._is_right)
        withheld: list[frozenset[str]] = []
        held: list[Held] = []
        findings: list[Finding] = []
        for position, desired in enumerate(contents.desired_exemptions):
            keeper = contents.existing_exemptions[keepers[position]] if position in keepers else None
            lines, said, cells = self._others(desired, keeper, contents)
            held += lines
            findings += said
            withheld.append(cells)
        return SlotMatch(
            contents=contents, keepers=keepers, withheld=tuple(withheld), held=tuple(held), findings=tuple(findings)
        )

    def _is_right(self, desired: DesiredExemption, existing: ExistingExemption) -> bool:
        """Whether the existing one needs no write to be what the desired asks for."""
        return equivalent(self._wanted(desired, desired.cells, existing, None), existing.exemption)

    def _others(
        self, desired: DesiredExemption, keeper: ExistingExemption | None, contents: SlotContents
    ) -> tuple[list[Held], list[Finding], frozenset[str]]:
        """What those that are neither ours nor adoptable do to one desired: held lines, findings and the held cells."""
        held: list[Held] = []
        findings: list[Finding] = []
        cells: frozenset[str] = frozenset()
        for existing in contents.existing_exemptions:
            shared = existing.cells & desired.cells
            relation_ = relation(existing, desired, self.settings) if shared else Relation.NOTHING
            if relation_ is Relation.APPLICATION and keeper is not None and not shared.isdisjoint(keeper.cells):
                findings.append(finding_messages.duplicate(existing.exemption, keeper.exemption, desired.declaration))
                shared -= keeper.cells
            if shared and relation_ in {Relation.APPLICATION, Relation.FOREIGN}:
                held.append(_held(desired, existing, shared, relation_, contents.initiative))
                cells |= shared
        return held, findings, cells

    # --- one place ---

    def decide(self, slot_match: SlotMatch, protected: frozenset[str]) -> SlotDecision:
        """The decision on one place; `protected` are the cells that something held may depend on."""
        decision = SlotDecision()
        contents = slot_match.contents
        kept: set[ExistingExemption] = set()
        for position, desired in enumerate(contents.desired_exemptions):
            at = slot_match.keepers.get(position)
            keeper = contents.existing_exemptions[at] if at is not None else None
            wanted_cells = desired.cells - slot_match.withheld[position]
            cells = wanted_cells | (keeper.cells & protected if keeper is not None else frozenset())
            if not cells:  # all of it is held; an exemption without references would exempt everything
                continue
            if keeper is None:
                self._create(desired, cells, contents, decision)
            else:
                kept.add(keeper)
                self._update(desired, keeper, cells, contents, decision)
        for existing in contents.existing_exemptions:
            if existing not in kept:
                self._further(existing, contents, protected, decision)
        return decision

    def _create(
        self, desired: DesiredExemption, cells: frozenset[str], contents: SlotContents, decision: SlotDecision
    ) -> None:
        after = self._wanted(desired, cells, None, contents.initiative)
        self.taken.add(after.id.key)
        proposed = ProposedChange(
            existing=None,
            after=after,
            reason=Reason.DECLARED,
            cells=cells,
            desired=desired,
            declaration=desired.declaration,
        )
        decision.proposed_changes.append(proposed)
        decision.confirmed_exemptions.append(
            ConfirmedExemption(desired=desired, exemption=after, cells=cells, proposed=proposed)
        )

    def _update(
        self,
        desired: DesiredExemption,
        keeper: ExistingExemption,
        cells: frozenset[str],
        contents: SlotContents,
        decision: SlotDecision,
    ) -> None:
        after = self._wanted(desired, cells, keeper, contents.initiative)
        if equivalent(after, keeper.exemption):
            decision.confirmed_exemptions.append(
                ConfirmedExemption(desired=desired, exemption=keeper.exemption, cells=cells)
            )
            return
        reason = update_reason(keeper, desired, self.settings, self.history)
        proposed = ProposedChange(
            existing=keeper, after=after, reason=reason, cells=cells, desired=desired, declaration=desired.declaration
        )
        decision.proposed_changes.append(proposed)
        decision.confirmed_exemptions.append(
            ConfirmedExemption(desired=desired, exemption=after, cells=cells, proposed=proposed)
        )

    def _wanted(
        self,
        desired: DesiredExemption,
        cells: frozenset[str],
        keeper: ExistingExemption | None,
        initiative: Initiative | None,
    ) -> Exemption:
        whole = desired.match.whole and cells == desired.cells
        references = () if whole else reference_texts(cells, initiative)
        existing = keeper.exemption if keeper else None
        return wanted(desired, references, existing, self.settings, self.history.head, self.taken)

    def renewed(self, proposed: ProposedChange) -> ProposedChange:
        """The create that takes an update's place under another name where renames go in a circle."""
        assert proposed.desired is not None
        assert proposed.after is not None
        references = proposed.after.reference_ids
        after = wanted(proposed.desired, references, None, self.settings, self.history.head, self.taken)
        self.taken.add(after.id.key)
        return ProposedChange(
            existing=None,
            after=after,
            reason=Reason.DECLARED,
            cells=proposed.cells,
            desired=proposed.desired,
            declaration=proposed.declaration,
        )

    # --- everything else that existing_exemptions here ---

    def _further(
        self, existing: ExistingExemption, contents: SlotContents, protected: frozenset[str], decision: SlotDecision
    ) -> None:
        """Decides a existing exemption that keeps no desired."""
        standings = {
            relation(existing, desired, self.settings)
            for desired in contents.desired_exemptions
            if not existing.cells.isdisjoint(desired.cells)
        }
        if Relation.OVERLAP in standings:
            decision.unclaimed.append(existing)
        elif standings & {Relation.OURS, Relation.ADOPTABLE}:
            self._reduce(existing, contents, protected, decision)
        elif not standings & {Relation.FOREIGN, Relation.APPLICATION}:
            decision.unclaimed.append(existing)

    def _reduce(
        self, existing: ExistingExemption, contents: SlotContents, protected: frozenset[str], decision: SlotDecision
    ) -> None:
        """Takes from a further exemption what this plan confirms, and what the initiative no longer has.

        Only desired_exemptions that it is ours or adoptable to count: towards the others it is none of our business.
        """
        confirming = [confirmed for confirmed in decision.confirmed_exemptions if self._gives_way(existing, confirmed)]
        keeper = min(confirming, key=lambda confirmed: confirmed.exemption.id.key, default=None)
        if keeper is None:
            return
        confirmed_cells = frozenset[str]().union(*(confirmed.cells for confirmed in confirming)) - protected
        if existing.cells.isdisjoint(confirmed_cells):
            return
        residual = existing_cells(existing.cells, contents.initiative) - confirmed_cells
        if not residual:
            decision.proposed_changes.append(
                ProposedChange(
                    existing=existing, after=None, reason=Reason.DUPLICATE, declaration=keeper.desired.declaration
                )
            )
        elif (reason := self.pruner(existing, residual)) is not None:
            decision.proposed_changes.append(ProposedChange(existing=existing, after=None, reason=reason))
        else:
            references = reference_texts(residual, contents.initiative)
            after = replace(existing.exemption, reference_ids=references)
            decision.proposed_changes.append(
                ProposedChange(
                    existing=existing,
                    after=after,
                    reason=Reason.NARROW,
                    cells=residual,
                    declaration=keeper.desired.declaration,
                )
            )

    def _gives_way(self, existing: ExistingExemption, confirmed: ConfirmedExemption) -> bool:
        relation_ = relation(existing, confirmed.desired, self.settings)
        return relation_ in {Relation.OURS, Relation.ADOPTABLE} and not existing.cells.isdisjoint(confirmed.cells)


def _held(
    desired: DesiredExemption,
    existing: ExistingExemption,
    cells: frozenset[str],
    standing: Relation,
    initiative: Initiative | None,
) -> Held:
    foreign = standing is Relation.FOREIGN
    words = (
        hold_messages.foreign_owner(existing.exemption) if foreign else hold_messages.not_adoptable(existing.exemption)
    )
    return Held(
        declaration=desired.declaration.name,
        scope=desired.scope,
        assignment=desired.assignment.id,
        reference_ids=reference_texts(cells, initiative),
        cause=HeldCause.FOREIGN_OWNER if foreign else HeldCause.NOT_ADOPTABLE,
        message=words.message,
        remedy=words.remedy,
        source=desired.declaration.source,
        exemption=existing.exemption.id,
    )
