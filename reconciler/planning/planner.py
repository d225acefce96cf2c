"""From declarations and a snapshot to a plan. Pure: the clock, git and the options come in as values.

`make_plan` is the way in: what is wanted (`resolve`), what must be held because two want it (`conflicts`), who is
authoritative at each place (`authority`), what nobody wants (`unwanted`), what may shrink and after what
(`reduction`, `ordering`), and whether all that is too much at once (`guards`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.catalog.catalogue import Catalogue
from reconciler.model import ArmId, Assignment, Declaration, Exemption, Settings, Snapshot
from reconciler.planning import wording
from reconciler.planning.authority import Authority, Meeting
from reconciler.planning.build import wanted
from reconciler.planning.conflicts import hold_conflicts
from reconciler.planning.draft import Draft, Final, widens
from reconciler.planning.fingerprint import digest, fingerprint
from reconciler.planning.guards import Allowances, Circumstances, refusals
from reconciler.planning.horizon import ahead
from reconciler.planning.live import Live, by_place, live_of
from reconciler.planning.meaning import Meaning, meaning
from reconciler.planning.notes import notes
from reconciler.planning.ordering import Waits, make_room, order
from reconciler.planning.provenance import History
from reconciler.planning.reasons import CreateReasons
from reconciler.planning.reduction import held_draft, split_reductions
from reconciler.planning.resolve import Desired, Place, Resolution, resolve
from reconciler.planning.tree import Tree, tree_of
from reconciler.planning.unwanted import Unwanted, is_expired
from reconciler.planning.values import Change, Finding, Held, HeldCause, Plan, Reason


@dataclass(frozen=True, slots=True)
class Wishes:
    """The declarations with what they mean, and what the run is about."""

    declarations: Sequence[Declaration]
    meanings: Mapping[str, Meaning]

    @classmethod
    def of(cls, declarations: Iterable[Declaration], catalogue: Catalogue) -> Wishes:
        """Looks every declaration up; one that the catalogue does not know is invalid and has no meaning here."""
        listed = sorted(declarations, key=lambda each: each.name)
        found = {each.name: meaning(each, catalogue) for each in listed}
        return cls(tuple(listed), {name: each for name, each in found.items() if each is not None})

    def active(self, now: datetime) -> list[Declaration]:
        """Those that want something now."""
        return [d for d in self.declarations if d.enabled and not is_expired(d, now) and d.name in self.meanings]


@dataclass(slots=True)
class _Run:
    """What one planning run has gathered so far."""

    drafts: list[Draft] = field(default_factory=list)
    finals: list[Final] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def make_plan(  # noqa: PLR0913 - these are the inputs of a plan
    declarations: Iterable[Declaration],
    catalogue: Catalogue,
    snapshot: Snapshot,
    settings: Settings,
    history: History,
    now: datetime,
    allowed: Allowances = Allowances(),  # noqa: B008 - frozen
    only: ArmId | None = None,
) -> Plan:
    """The plan of one run. `only` narrows it to a scope and everything below."""
    wishes = Wishes.of(declarations, catalogue)
    tree = tree_of(snapshot, settings, only.key if only else None)
    resolution = resolve(
        wishes.active(now), wishes.meanings, snapshot, tree, allow_whole=settings.rules.allow_whole_assignment
    )
    resolution = hold_conflicts(resolution, tree)
    lives = [live_of(exemption, snapshot, settings, now) for exemption in snapshot.exemptions]
    planner = _Planner(wishes, catalogue, snapshot, settings, history, now, allowed, tree, resolution, lives)
    return planner.plan()


@dataclass(slots=True)
class _Planner:
    """The steps of one run, in order, over shared inputs."""

    wishes: Wishes
    catalogue: Catalogue
    snapshot: Snapshot
    settings: Settings
    history: History
    now: datetime
    allowed: Allowances
    tree: Tree
    resolution: Resolution
    lives: Sequence[Live]
    run: _Run = field(default_factory=_Run)

    def plan(self) -> Plan:
        self.run.held += self.resolution.held
        self.run.findings += self.resolution.findings
        unwanted = self._unwanted()
        unclaimed = self._decide_meetings(unwanted)
        self._decide_fates(unclaimed, unwanted)
        self._hold_reductions()
        renew = self._renew
        drafts, finals, waits = order(self.run.drafts, self.run.finals, self.tree, renew)
        room = make_room(drafts, Counter(live.scope.key for live in self.lives))
        changes = self._changes(drafts, waits, room)
        confirmed = [final.wish for final in finals]
        self.run.findings += notes(confirmed, self.lives, drafts, self.snapshot, self.catalogue, self.tree)
        self.run.findings += ahead(confirmed, self.lives, drafts, self.settings, self.now)
        return self._assembled(changes, finals)

    # --- deciding ---

    def _unwanted(self) -> Unwanted:
        return Unwanted(
            {each.name: each for each in self.wishes.declarations},
            self.wishes.meanings,
            self.snapshot,
            self.tree,
            self.settings,
            self.now,
            self.resolution.blocked,
            self._is_defender,
            delete_orphans=self.allowed.delete_orphans is not None,
        )

    def _is_defender(self, assignment: Assignment) -> bool:
        """Whether it is of an initiative that holds a policy behind some Defender recommendation."""
        initiative = self.snapshot.initiatives.get(assignment.id.key)
        return initiative is not None and any(
            self.catalogue.resting_on(member.definition) for member in initiative.members
        )

    def _decide_meetings(self, unwanted: Unwanted) -> list[Live]:
        """Authority, wherever something is wanted; returns the live ones that no wish claims."""
        wanted_at: dict[Place, list[Desired]] = defaultdict(list)
        for wish in self.resolution.desired:
            wanted_at[wish.place].append(wish)
        lives_at = by_place(live for live in self.lives if self.tree.in_run(live.scope))
        authority = Authority(
            self.settings, self.history, {live.exemption.id.key for live in self.lives}, unwanted.reason
        )
        unclaimed = [live for place, here in lives_at.items() if place not in wanted_at for live in here]
        for place, here in sorted(wanted_at.items()):
            lives = lives_at.get(place, [])
            cells = frozenset().union(*(live.cells for live in lives)) if lives else frozenset[str]()
            blocked = self.resolution.blocked.at(*place, cells) if cells else cells
            verdict = authority.decide(Meeting(here, lives, self.snapshot.initiatives.get(place[1]), blocked))
            self.run.drafts += verdict.drafts
            self.run.finals += verdict.finals
            self.run.held += verdict.held
            self.run.findings += verdict.findings
            unclaimed += verdict.unclaimed
        return unclaimed

    def _decide_fates(self, unclaimed: Iterable[Live], unwanted: Unwanted) -> None:
        confirmed: dict[Place, set[str]] = defaultdict(set)
        for final in self.run.finals:
            confirmed[final.wish.place].add(final.wish.declaration.name)
        for live in unclaimed:
            match unwanted.fate(live, confirmed):
                case Draft() as draft:
                    self.run.drafts.append(draft)
                case Finding() as finding:
                    self.run.findings.append(finding)
                case None:
                    pass

    def _hold_reductions(self) -> None:
        """Holds what may not be taken away, then whatever would have waited for a write that is now held."""
        allowed, held = split_reductions(self.run.drafts, self.resolution.blocked, self.resolution.left_out, self.tree)
        while held:
            self.run.held += [line for _, line in held]
            stopped = {id(draft) for draft, _ in held}
            self.run.finals = [
                final for final in self.run.finals if final.draft is None or id(final.draft) not in stopped
            ]
            lost = {(draft.subject.scope.key, draft.subject.assignment.key): draft for draft, _ in held if draft.wish}
            held = [
                (draft, held_draft(draft, HeldCause.NEIGHBOUR, wording.neighbour_held(draft.subject)))
                for draft in allowed
                if draft.reduces and any(self._depends(draft, other) for other in lost.values())
            ]
            stopped_now = {id(draft) for draft, _ in held}
            allowed = [draft for draft in allowed if id(draft) not in stopped_now]
        self.run.drafts = allowed

    def _depends(self, draft: Draft, other: Draft) -> bool:
        return (
            draft.subject.assignment == other.subject.assignment
            and not draft.lost.isdisjoint(other.cells)
            and self.tree.related(draft.subject.scope, other.subject.scope)
        )

    def _renew(self, draft: Draft) -> Draft:
        """The create that takes an update's place under another name."""
        assert draft.wish is not None
        assert draft.after is not None
        taken = {live.exemption.id.key for live in self.lives} | {each.id.key for each in self.run.drafts}
        after = wanted(draft.wish, draft.after.reference_ids, None, self.settings, self.history.head, taken)
        return Draft(None, after, draft.reason, draft.cells, draft.wish, draft.declaration)

    # --- putting together ---

    def _changes(
        self, drafts: Sequence[Draft], waits: Waits, room: Mapping[str, tuple[str, ...]]
    ) -> tuple[Change, ...]:
        create_reasons = CreateReasons(self.lives, self.history)
        narrower = self._narrower_holdings()
        changes = [self._change(draft, create_reasons, narrower, waits, room.get(draft.id.key, ())) for draft in drafts]
        return tuple(sorted(changes, key=lambda change: change.id.key))

    def _change(
        self, draft: Draft, reasons: CreateReasons, narrower: Mapping[tuple[str, str], set[str]], waits: Waits,
        room: tuple[str, ...],
    ) -> Change:  # fmt: skip
        before = draft.live.exemption if draft.live else None
        reason = draft.reason
        if draft.wish is not None and draft.live is None and reason is Reason.DECLARED:
            reason = reasons.reason(draft.wish)
        key = draft.id.key
        name = draft.declaration.name if draft.declaration else (draft.live.mark if draft.live else "")
        return Change(
            before,
            draft.after,
            reason,
            fingerprint(self.snapshot.tenant_id, self.settings.owner, before, draft.after),
            name or None,
            draft.declaration.source if draft.declaration else None,
            widens(draft, self._broadens(draft, narrower)),
            tuple(sorted({*waits.of(key), *room})),
            tuple(final.exemption for final in waits.keeping.get(key, ())),
            draft.wish.meaning.also if draft.wish and draft.after is not None else (),
        )

    def _narrower_holdings(self) -> Mapping[tuple[str, str], set[str]]:
        """For each declaration's mark and assignment, every folded scope that strictly contains one of its live ones."""
        found: dict[tuple[str, str], set[str]] = defaultdict(set)
        for live in self.lives:
            if live.ours:
                found[live.mark, live.exemption.assignment.key].update(self.tree.chain(live.scope)[1:])
        return found

    def _broadens(self, draft: Draft, narrower: Mapping[tuple[str, str], set[str]]) -> bool:
        if draft.wish is None or draft.live is not None:
            return False
        held = narrower.get((draft.wish.declaration.name, draft.wish.assignment.id.key), set())
        return draft.wish.scope.key in held

    def _assembled(self, changes: tuple[Change, ...], finals: Sequence[Final]) -> Plan:
        written = {change.id.key for change in changes}
        confirmed = {final.exemption.id.key for final in finals}
        untouched = [live for live in self.lives if live.exemption.id.key not in written]
        findings = tuple(sorted(self.run.findings, key=_finding_order))
        owned = sum(live.ours for live in self.lives if self.tree.managed(live.scope))
        facts = Circumstances(owned, len(self.wishes.declarations), findings)
        return Plan(
            tenant_id=self.snapshot.tenant_id,
            owner=self.settings.owner,
            scopes=self.snapshot.expected,
            revision=self.history.head,
            taken_at=self.snapshot.taken_at,
            changes=changes,
            unchanged=_sorted(live.exemption for live in untouched if live.exemption.id.key in confirmed),
            foreign=_sorted(live.exemption for live in untouched if not live.ours and self.tree.managed(live.scope)),
            held=tuple(sorted(self.run.held, key=_held_order)),
            findings=findings,
            refusals=refusals(changes, self.settings.limits, self.allowed, facts),
            unread=self.snapshot.unread,
            digest=digest(change.fingerprint for change in changes),
            dirty=self.history.dirty,
            owned=owned,
            declared=len(self.wishes.declarations),
        )


def _sorted(exemptions: Iterable[Exemption]) -> tuple[Exemption, ...]:
    return tuple(sorted(exemptions, key=lambda exemption: exemption.id.key))


def _finding_order(finding: Finding) -> tuple[str, str, str, str]:
    return finding.kind.value, finding.subject.key, finding.declaration or "", finding.message


def _held_order(held: Held) -> tuple[str, str, str, str]:
    return held.declaration, held.scope.key, held.assignment.key if held.assignment else "", held.message
