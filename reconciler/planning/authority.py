"""Who is authoritative where wishes and live exemptions meet: one scope and one assignment at a time (§5).

R are the references of one wish. Only live exemptions of the same scope and assignment meet it: of ours all, whatever
their selectors or expiry; of others the unexpired ones with the same selectors.

| live                                              | verdict                                                         |
|---------------------------------------------------|-----------------------------------------------------------------|
| none meets R                                      | create                                                          |
| a keeper (see `pairing`)                          | unchanged, or one update in place; *adopt*, *take-over* if it   |
|                                                   | was not ours, *rename* if it bears another mark                 |
| no keeper, an adoptable one has more than R       | create ours, then narrow that one                               |
| unowned, made by an application                   | beside a keeper untouched, finding *duplicate*; else held       |
| further ours or adoptable ones meeting R          | what is left of them after the confirmed cells and those that   |
|                                                   | the initiative no longer has: nothing → delete (*duplicate*),   |
|                                                   | else one update (*narrow*), never to an empty list              |
| the same, and what is left of ours is unwanted    | delete at once, with the reason why it is unwanted              |
| unowned, for the whole assignment                 | untouched, finding *overlap*                                    |
| of another owner, meeting R                       | these cells are held, the owner is named                        |
| of another owner, named by takeOver               | adoptable                                                       |
| expired and not ours                              | no authority (see `unwanted` for its finding)                   |
| meeting no wish                                   | see `unwanted`                                                  |

Cells that a held declaration is about do not shrink: a keeper keeps those of them that it has beyond R, and further
ones keep theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from reconciler.model import Exemption, Initiative, Settings
from reconciler.planning import wording
from reconciler.planning.build import reference_texts, wanted
from reconciler.planning.canonical import same
from reconciler.planning.draft import Draft, Final
from reconciler.planning.live import Live
from reconciler.planning.pairing import Standing, pair, standing
from reconciler.planning.provenance import History
from reconciler.planning.reasons import update_reason
from reconciler.planning.resolve import Desired
from reconciler.planning.values import Finding, Held, HeldCause, Reason


@dataclass(frozen=True, slots=True)
class Meeting:
    """Everything at one scope and assignment. `blocked` are the cells that something held here is about."""

    wishes: Sequence[Desired]
    lives: Sequence[Live]
    initiative: Initiative | None
    blocked: frozenset[str] = frozenset()


@dataclass(slots=True)
class Verdict:
    """What is decided at one place; `unclaimed` are live ones that meet no wish."""

    finals: list[Final] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    unclaimed: list[Live] = field(default_factory=list)


class Authority:
    """Decides meetings for one owner at one revision. `taken` are the folded ids that exist in Azure; `unwanted` says
    why cells of one of ours are wanted no longer, or None.
    """

    def __init__(
        self, settings: Settings, history: History, taken: set[str],
        unwanted: Callable[[Live, frozenset[str]], Reason | None],
    ) -> None:  # fmt: skip
        self.settings, self.history, self.taken, self.unwanted = settings, history, taken, unwanted

    def decide(self, meeting: Meeting) -> Verdict:
        """The verdict on one place."""
        verdict = Verdict()
        keepers = pair(meeting.wishes, meeting.lives, self.settings)
        for position, wish in enumerate(meeting.wishes):
            keeper = meeting.lives[keepers[position]] if position in keepers else None
            self._confirm(wish, keeper, meeting, verdict)
        kept = set(keepers.values())
        for position, live in enumerate(meeting.lives):
            if position not in kept:
                self._further(live, meeting, verdict)
        return verdict

    # --- one wish ---

    def _confirm(self, wish: Desired, keeper: Live | None, meeting: Meeting, verdict: Verdict) -> None:
        """Creates, updates or leaves the exemption of one wish; what others hold of it is held."""
        held = self._held_cells(wish, keeper, meeting, verdict)
        cells = wish.cells - held
        if keeper is not None:
            spared = keeper.cells & (held | meeting.blocked)
            self._update(wish, keeper, cells | spared, meeting, verdict)
        elif cells:
            self._create(wish, cells, meeting, verdict)

    def _held_cells(self, wish: Desired, keeper: Live | None, meeting: Meeting, verdict: Verdict) -> frozenset[str]:
        held: set[str] = set()
        for live in meeting.lives:
            shared = live.cells & wish.cells
            if not shared:
                continue
            match standing(live, wish, self.settings):
                case Standing.FOREIGN:
                    verdict.held.append(self._hold(wish, live, shared, HeldCause.FOREIGN_OWNER, meeting))
                    held |= shared
                case Standing.APPLICATION if keeper is None:
                    verdict.held.append(self._hold(wish, live, shared, HeldCause.NOT_ADOPTABLE, meeting))
                    held |= shared
                case Standing.APPLICATION if keeper is not None:
                    verdict.findings.append(wording.duplicate(live.exemption, keeper.exemption, wish.declaration))
                case _:
                    pass
        return frozenset(held)

    def _hold(self, wish: Desired, live: Live, cells: frozenset[str], cause: HeldCause, meeting: Meeting) -> Held:
        words = wording.foreign_owner if cause is HeldCause.FOREIGN_OWNER else wording.not_adoptable
        said = words(live.exemption)
        references = reference_texts(cells, wish, None, meeting.initiative)
        return Held(
            wish.declaration.name, wish.scope, wish.assignment.id, references, cause, said.message, said.remedy,
            wish.declaration.source, live.exemption.id,
        )  # fmt: skip

    def _create(self, wish: Desired, cells: frozenset[str], meeting: Meeting, verdict: Verdict) -> None:
        after = self._wanted(wish, cells, None, meeting)
        self.taken.add(after.id.key)
        draft = Draft(None, after, Reason.DECLARED, cells, wish, wish.declaration)
        verdict.drafts.append(draft)
        verdict.finals.append(Final(wish, after, cells, draft))

    def _update(self, wish: Desired, keeper: Live, cells: frozenset[str], meeting: Meeting, verdict: Verdict) -> None:
        after = self._wanted(wish, cells, keeper, meeting)
        if same(after, keeper.exemption):
            verdict.finals.append(Final(wish, keeper.exemption, cells))
            return
        reason = update_reason(keeper, wish, self.settings, self.history)
        draft = Draft(keeper, after, reason, cells, wish, wish.declaration)
        verdict.drafts.append(draft)
        verdict.finals.append(Final(wish, after, cells, draft))

    def _wanted(self, wish: Desired, cells: frozenset[str], keeper: Live | None, meeting: Meeting) -> Exemption:
        if wish.match.whole and cells == wish.cells:
            references: tuple[str, ...] = ()
        else:
            references = reference_texts(cells, wish, keeper, meeting.initiative)
        live = keeper.exemption if keeper else None
        return wanted(wish, references, live, self.settings, self.history.head, self.taken)

    # --- everything else that lives here ---

    def _further(self, live: Live, meeting: Meeting, verdict: Verdict) -> None:
        """Decides a live exemption that keeps no wish."""
        standings = {
            standing(live, wish, self.settings) for wish in meeting.wishes if not live.cells.isdisjoint(wish.cells)
        }
        if Standing.OVERLAP in standings:
            verdict.unclaimed.append(live)
        elif standings & {Standing.OURS, Standing.ADOPTABLE}:
            self._reduce(live, meeting, verdict)
        elif not standings & {Standing.FOREIGN, Standing.APPLICATION}:
            verdict.unclaimed.append(live)

    def _reduce(self, live: Live, meeting: Meeting, verdict: Verdict) -> None:
        """Takes from a further exemption what this plan confirms, and what the initiative no longer has."""
        confirmed: set[str] = set()
        for final in verdict.finals:
            confirmed |= final.cells
        keeper = min((f for f in verdict.finals if not f.cells.isdisjoint(live.cells)), key=_by_id, default=None)
        if keeper is None:
            return
        residual = _existing_cells(live, meeting.initiative) - (confirmed - meeting.blocked)
        if residual == live.cells:
            return
        if not residual:
            verdict.drafts.append(Draft(live, None, Reason.DUPLICATE, declaration=keeper.wish.declaration))
        elif live.ours and (reason := self.unwanted(live, residual)) is not None:
            verdict.drafts.append(Draft(live, None, reason))
        else:
            references = reference_texts(residual, None, live, meeting.initiative)
            after = replace(live.exemption, reference_ids=references)
            verdict.drafts.append(Draft(live, after, Reason.NARROW, residual, declaration=keeper.wish.declaration))


def _existing_cells(live: Live, initiative: Initiative | None) -> frozenset[str]:
    """The cells that still mean something: those that the initiative has, or all where there is none."""
    if initiative is None:
        return live.cells
    return live.cells & {member.reference_id.lower() for member in initiative.members}


def _by_id(final: Final) -> str:
    return final.exemption.id.key
