"""Who is authoritative where wishes and live exemptions meet: one scope and one assignment at a time.

R are the references of one wish. Only live exemptions of the same scope and assignment meet it: of ours all, whatever
their selectors or expiry; of others the unexpired ones with the same selectors.

| live                                              | verdict                                                         |
|---------------------------------------------------|-----------------------------------------------------------------|
| none meets R                                      | create                                                          |
| a keeper (see `pairing`)                          | unchanged, or one update in place; *adopt*, *take-over* if it   |
|                                                   | was not ours, *rename* if it bears another mark                 |
| a keeper, and all of R is held, and it has none   | no keeper after all: judged as a further one                    |
| of what is held                                   |                                                                 |
| no keeper, an adoptable one has more than R       | create ours, then narrow that one                               |
| unowned, made by an application                   | cells that a keeper has as well: untouched, finding *duplicate*;|
|                                                   | the others are held, so that a second run says the same         |
| further ours or adoptable ones meeting R          | what is left of them after the confirmed cells of the wishes    |
|                                                   | that they are ours or adoptable to, and those that the          |
|                                                   | initiative no longer has: nothing → delete (*duplicate*), else  |
|                                                   | one update (*narrow*), never to an empty list                   |
| the same, and what is left of it is unwanted      | delete at once, with the reason why it is unwanted              |
| unowned, for the whole assignment                 | untouched, finding *overlap*                                    |
| of another owner, meeting R                       | these cells are held, the owner is named                        |
| of another owner, named by takeOver               | adoptable                                                       |
| expired and not ours                              | no authority (see `unwanted` for its finding)                   |
| meeting no wish                                   | see `unwanted`                                                  |

Cells that something held is about (at this scope, one that contains it, or one below) do not shrink: a keeper keeps
those of them that it has beyond R, and further ones keep theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from reconciler.model import Exemption, Initiative, Settings
from reconciler.planning import remarks, wording
from reconciler.planning.build import reference_texts, wanted
from reconciler.planning.canonical import same
from reconciler.planning.draft import Draft, Final
from reconciler.planning.live import Live
from reconciler.planning.meaning import existing_cells
from reconciler.planning.pairing import Meeting, Standing, pair, standing
from reconciler.planning.provenance import History
from reconciler.planning.reasons import update_reason
from reconciler.planning.resolve import Desired
from reconciler.planning.values import Finding, Held, HeldCause, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a meeting settles before anything is written: the keeper of each wish, and what others hold of it.

    `keepers` maps the position of a wish to that of a live exemption; `withheld` has the held cells of each wish.
    """

    meeting: Meeting
    keepers: Mapping[int, int]
    withheld: tuple[frozenset[str], ...]
    held: tuple[Held, ...]
    findings: tuple[Finding, ...]


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What is decided at one place; `unclaimed` are live ones that meet no wish."""

    finals: list[Final] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    unclaimed: list[Live] = field(default_factory=list)


class Authority:
    """Decides meetings for one owner at one revision. `taken` are the folded ids that exist in Azure; `unwanted` says
    why what is left of a live one may go as a whole, or None.
    """

    def __init__(
        self,
        settings: Settings,
        history: History,
        taken: set[str],
        unwanted: Callable[[Live, frozenset[str]], Reason | None],
    ) -> None:
        self.settings, self.history, self.taken, self.unwanted = settings, history, taken, unwanted

    # --- nothing to decide ---

    def settled(self, meeting: Meeting) -> Final | None:
        """The only wish of a place, met by the only live one as that stands: nearly every place of nearly every run.

        Whatever else is held, `claims` and `decide` would come to the same; this only asks them less often.
        """
        if len(meeting.wishes) != 1 or len(meeting.lives) != 1:
            return None
        wish, live = meeting.wishes[0], meeting.lives[0]
        if live.mark != wish.declaration.name or live.cells != wish.cells or not self._is_right(wish, live):
            return None
        return Final(wish=wish, exemption=live.exemption, cells=wish.cells)

    # --- who keeps what ---

    def claims(self, meeting: Meeting) -> Claims:
        """Keepers, and the cells that cannot be decided because somebody else's exemption is there."""
        keepers = pair(meeting, self.settings, self._is_right)
        withheld: list[frozenset[str]] = []
        held: list[Held] = []
        findings: list[Finding] = []
        for position, wish in enumerate(meeting.wishes):
            keeper = meeting.lives[keepers[position]] if position in keepers else None
            lines, said, cells = self._others(wish, keeper, meeting)
            held += lines
            findings += said
            withheld.append(cells)
        return Claims(
            meeting=meeting, keepers=keepers, withheld=tuple(withheld), held=tuple(held), findings=tuple(findings)
        )

    def _is_right(self, wish: Desired, live: Live) -> bool:
        """Whether the live one needs no write to be what the wish asks for."""
        return same(self._wanted(wish, wish.cells, live, None), live.exemption)

    def _others(
        self, wish: Desired, keeper: Live | None, meeting: Meeting
    ) -> tuple[list[Held], list[Finding], frozenset[str]]:
        """What those that are neither ours nor adoptable do to one wish: held lines, findings and the held cells."""
        held: list[Held] = []
        findings: list[Finding] = []
        cells: frozenset[str] = frozenset()
        for live in meeting.lives:
            shared = live.cells & wish.cells
            stands = standing(live, wish, self.settings) if shared else Standing.NOTHING
            if stands is Standing.APPLICATION and keeper is not None and not shared.isdisjoint(keeper.cells):
                findings.append(remarks.duplicate(live.exemption, keeper.exemption, wish.declaration))
                shared -= keeper.cells
            if shared and stands in {Standing.APPLICATION, Standing.FOREIGN}:
                held.append(_held(wish, live, shared, stands, meeting.initiative))
                cells |= shared
        return held, findings, cells

    # --- one place ---

    def decide(self, claims: Claims, protected: frozenset[str]) -> Verdict:
        """The verdict on one place; `protected` are the cells that something held may depend on."""
        verdict = Verdict()
        meeting = claims.meeting
        kept: set[Live] = set()
        for position, wish in enumerate(meeting.wishes):
            at = claims.keepers.get(position)
            keeper = meeting.lives[at] if at is not None else None
            wanted_cells = wish.cells - claims.withheld[position]
            cells = wanted_cells | (keeper.cells & protected if keeper is not None else frozenset())
            if not cells:  # all of it is held; an exemption without references would exempt everything
                continue
            if keeper is None:
                self._create(wish, cells, meeting, verdict)
            else:
                kept.add(keeper)
                self._update(wish, keeper, cells, meeting, verdict)
        for live in meeting.lives:
            if live not in kept:
                self._further(live, meeting, protected, verdict)
        return verdict

    def _create(self, wish: Desired, cells: frozenset[str], meeting: Meeting, verdict: Verdict) -> None:
        after = self._wanted(wish, cells, None, meeting.initiative)
        self.taken.add(after.id.key)
        draft = Draft(
            live=None, after=after, reason=Reason.DECLARED, cells=cells, wish=wish, declaration=wish.declaration
        )
        verdict.drafts.append(draft)
        verdict.finals.append(Final(wish=wish, exemption=after, cells=cells, draft=draft))

    def _update(self, wish: Desired, keeper: Live, cells: frozenset[str], meeting: Meeting, verdict: Verdict) -> None:
        after = self._wanted(wish, cells, keeper, meeting.initiative)
        if same(after, keeper.exemption):
            verdict.finals.append(Final(wish=wish, exemption=keeper.exemption, cells=cells))
            return
        reason = update_reason(keeper, wish, self.settings, self.history)
        draft = Draft(live=keeper, after=after, reason=reason, cells=cells, wish=wish, declaration=wish.declaration)
        verdict.drafts.append(draft)
        verdict.finals.append(Final(wish=wish, exemption=after, cells=cells, draft=draft))

    def _wanted(
        self, wish: Desired, cells: frozenset[str], keeper: Live | None, initiative: Initiative | None
    ) -> Exemption:
        whole = wish.match.whole and cells == wish.cells
        references = () if whole else reference_texts(cells, initiative)
        live = keeper.exemption if keeper else None
        return wanted(wish, references, live, self.settings, self.history.head, self.taken)

    def renewed(self, draft: Draft) -> Draft:
        """The create that takes an update's place under another name where renames go in a circle."""
        assert draft.wish is not None
        assert draft.after is not None
        references = draft.after.reference_ids
        after = wanted(draft.wish, references, None, self.settings, self.history.head, self.taken)
        self.taken.add(after.id.key)
        return Draft(
            live=None,
            after=after,
            reason=Reason.DECLARED,
            cells=draft.cells,
            wish=draft.wish,
            declaration=draft.declaration,
        )

    # --- everything else that lives here ---

    def _further(self, live: Live, meeting: Meeting, protected: frozenset[str], verdict: Verdict) -> None:
        """Decides a live exemption that keeps no wish."""
        standings = {
            standing(live, wish, self.settings) for wish in meeting.wishes if not live.cells.isdisjoint(wish.cells)
        }
        if Standing.OVERLAP in standings:
            verdict.unclaimed.append(live)
        elif standings & {Standing.OURS, Standing.ADOPTABLE}:
            self._reduce(live, meeting, protected, verdict)
        elif not standings & {Standing.FOREIGN, Standing.APPLICATION}:
            verdict.unclaimed.append(live)

    def _reduce(self, live: Live, meeting: Meeting, protected: frozenset[str], verdict: Verdict) -> None:
        """Takes from a further exemption what this plan confirms, and what the initiative no longer has.

        Only wishes that it is ours or adoptable to count: towards the others it is none of our business.
        """
        confirming = [final for final in verdict.finals if self._gives_way(live, final)]
        keeper = min(confirming, key=lambda final: final.exemption.id.key, default=None)
        if keeper is None:
            return
        confirmed = frozenset[str]().union(*(final.cells for final in confirming)) - protected
        if live.cells.isdisjoint(confirmed):
            return
        residual = existing_cells(live.cells, meeting.initiative) - confirmed
        if not residual:
            verdict.drafts.append(
                Draft(live=live, after=None, reason=Reason.DUPLICATE, declaration=keeper.wish.declaration)
            )
        elif (reason := self.unwanted(live, residual)) is not None:
            verdict.drafts.append(Draft(live=live, after=None, reason=reason))
        else:
            references = reference_texts(residual, meeting.initiative)
            after = replace(live.exemption, reference_ids=references)
            verdict.drafts.append(
                Draft(live=live, after=after, reason=Reason.NARROW, cells=residual, declaration=keeper.wish.declaration)
            )

    def _gives_way(self, live: Live, final: Final) -> bool:
        stands = standing(live, final.wish, self.settings)
        return stands in {Standing.OURS, Standing.ADOPTABLE} and not live.cells.isdisjoint(final.cells)


def _held(wish: Desired, live: Live, cells: frozenset[str], stands: Standing, initiative: Initiative | None) -> Held:
    foreign = stands is Standing.FOREIGN
    words = wording.foreign_owner(live.exemption) if foreign else wording.not_adoptable(live.exemption)
    return Held(
        declaration=wish.declaration.name,
        scope=wish.scope,
        assignment=wish.assignment.id,
        reference_ids=reference_texts(cells, initiative),
        cause=HeldCause.FOREIGN_OWNER if foreign else HeldCause.NOT_ADOPTABLE,
        message=words.message,
        remedy=words.remedy,
        source=wish.declaration.source,
        exemption=live.exemption.id,
    )
