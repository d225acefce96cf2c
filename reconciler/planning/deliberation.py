"""From declarations and a snapshot to what is decided: the steps of one run before they become a plan.

What is wanted (`resolve`), what must be held because two want it (`conflicts`), who is authoritative at each place
(`authority`), what nobody wants (`unwanted`), what may shrink and after what (`reduction`, `ordering`). The plan and
`exempt explain` both read the result, so that they never differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.catalog.catalogue import Catalogue
from reconciler.model import ArmId, Assignment, Declaration, Settings, Snapshot
from reconciler.planning import wording
from reconciler.planning.authority import Authority, Claims
from reconciler.planning.blocked import Entry
from reconciler.planning.conflicts import hold_conflicts
from reconciler.planning.draft import Draft, Final
from reconciler.planning.guards import Allowances
from reconciler.planning.live import Live, by_place, live_of
from reconciler.planning.meaning import Meaning, meaning, protected
from reconciler.planning.ordering import Waits, order
from reconciler.planning.pairing import Meeting
from reconciler.planning.provenance import History
from reconciler.planning.reduction import held_draft, split_reductions
from reconciler.planning.resolve import Desired, Place, Resolution, resolve
from reconciler.planning.tree import Tree, tree_of
from reconciler.planning.unwanted import Unwanted
from reconciler.planning.values import Finding, Held, HeldCause


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
        return [d for d in self.declarations if d.enabled and not d.has_expired(now) and d.name in self.meanings]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What one run is decided from. `only` narrows it to a scope and everything below."""

    wishes: Wishes
    catalogue: Catalogue
    snapshot: Snapshot
    settings: Settings
    history: History
    now: datetime
    allowed: Allowances
    only: ArmId | None


@dataclass(slots=True, kw_only=True)
class Decided:
    """What one run comes to: `lives` as judged, `drafts` to write in the order of `waits`, `finals` as they leave
    each wish, and what is `held` or found on the way.
    """

    inputs: Inputs
    tree: Tree
    resolution: Resolution
    lives: Sequence[Live]
    drafts: list[Draft] = field(default_factory=list)
    finals: list[Final] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    waits: Waits = field(default_factory=Waits)


def deliberate(inputs: Inputs) -> Decided:
    """Decides everything; nothing is written and nothing is judged too much."""
    snapshot, settings = inputs.snapshot, inputs.settings
    tree = tree_of(snapshot, settings, inputs.only.key if inputs.only else None)
    active = inputs.wishes.active(inputs.now)
    rules = settings.rules
    never = protected(rules, inputs.catalogue)
    wanted = resolve(
        active, inputs.wishes.meanings, snapshot, tree, allow_whole=rules.allow_whole_assignment, never=never
    )
    resolution = hold_conflicts(wanted, tree)
    lives = [live_of(exemption, snapshot, settings, inputs.now) for exemption in snapshot.exemptions]
    decided = Decided(inputs=inputs, tree=tree, resolution=resolution, lives=lives)
    decided.held += resolution.held
    decided.findings += resolution.findings
    unwanted = _unwanted(decided)
    authority = Authority(settings, inputs.history, {live.exemption.id.key for live in lives}, unwanted.reason)
    unclaimed = _decide_meetings(decided, authority)
    _decide_fates(decided, unclaimed, unwanted)
    _hold_reductions(decided)
    decided.drafts, decided.finals, decided.waits = order(decided.drafts, decided.finals, tree, authority.renewed)
    return decided


def _unwanted(decided: Decided) -> Unwanted:
    inputs = decided.inputs
    return Unwanted(
        declarations={each.name: each for each in inputs.wishes.declarations},
        meanings=inputs.wishes.meanings,
        snapshot=inputs.snapshot,
        tree=decided.tree,
        settings=inputs.settings,
        now=inputs.now,
        blocked=decided.resolution.blocked,
        defender=_Defender(snapshot=inputs.snapshot, catalogue=inputs.catalogue),
        delete_orphans=inputs.allowed.delete_orphans is not None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Defender:
    """Whether an assignment is of an initiative that holds a policy behind some Defender recommendation."""

    snapshot: Snapshot
    catalogue: Catalogue
    _known: dict[str, bool] = field(default_factory=dict)

    def __call__(self, assignment: Assignment) -> bool:
        key = assignment.id.key
        if key not in self._known:
            initiative = self.snapshot.initiatives.get(key)
            members = initiative.members if initiative else ()
            self._known[key] = any(self.catalogue.resting_on(member.definition) for member in members)
        return self._known[key]


def _decide_meetings(decided: Decided, authority: Authority) -> list[Live]:
    """Authority, wherever something is wanted; returns the live ones that no wish claims.

    First every place is asked who keeps what, so that each verdict knows all that is held anywhere.
    """
    wanted_at: dict[Place, list[Desired]] = defaultdict(list)
    for wish in decided.resolution.desired:
        wanted_at[wish.place].append(wish)
    lives_at = by_place(live for live in decided.lives if decided.tree.in_run(live.scope))
    unclaimed = [live for place, here in lives_at.items() if place not in wanted_at for live in here]
    initiatives = decided.inputs.snapshot.initiatives
    meetings = (
        Meeting(wishes=here, lives=lives_at.get(place, ()), initiative=initiatives.get(place[1]))
        for place, here in sorted(wanted_at.items())
    )
    claims = [authority.settled(meeting) or authority.claims(meeting) for meeting in meetings]
    for each in claims:
        if isinstance(each, Claims):
            _hold_claims(decided, each)
    for each in claims:
        if isinstance(each, Final):
            decided.finals.append(each)
            continue
        verdict = authority.decide(each, _protected(decided, each.meeting))
        decided.drafts += verdict.drafts
        decided.finals += verdict.finals
        unclaimed += verdict.unclaimed
    return unclaimed


def _hold_claims(decided: Decided, claims: Claims) -> None:
    """Takes note of the cells that somebody else holds: nothing that may need them shrinks."""
    decided.held += claims.held
    decided.findings += claims.findings
    for wish, cells in zip(claims.meeting.wishes, claims.withheld, strict=True):
        if cells:
            decided.resolution.blocked.add(
                Entry(
                    scope=wish.scope,
                    assignment=wish.assignment.id.key,
                    meaning=wish.meaning,
                    cells=cells,
                    declaration=wish.declaration.name,
                )
            )


def _protected(decided: Decided, meeting: Meeting) -> frozenset[str]:
    """The cells of what lives there that something held here, above or below may depend on."""
    if not meeting.lives or not decided.resolution.blocked:
        return frozenset()
    cells = frozenset[str]().union(*(live.cells for live in meeting.lives))
    wish = meeting.wishes[0]
    return decided.resolution.blocked.touching(wish.scope, wish.assignment.id.key, cells)


def _decide_fates(decided: Decided, unclaimed: Iterable[Live], unwanted: Unwanted) -> None:
    confirmed: dict[Place, set[str]] = defaultdict(set)
    for final in decided.finals:
        confirmed[final.wish.place].add(final.wish.declaration.name)
    for live in unclaimed:
        match unwanted.fate(live, confirmed):
            case Draft() as draft:
                decided.drafts.append(draft)
            case Finding() as finding:
                decided.findings.append(finding)
            case None:
                pass


def _hold_reductions(decided: Decided) -> None:
    """Holds what may not be taken away, then whatever would have waited for a write that is now held."""
    resolution, tree = decided.resolution, decided.tree
    allowed, held = split_reductions(decided.drafts, resolution.blocked, resolution.left_out, tree)
    while held:
        decided.held += [line for _, line in held]
        stopped = {id(draft) for draft, _ in held}
        decided.finals = [final for final in decided.finals if final.draft is None or id(final.draft) not in stopped]
        lost: dict[str, list[Draft]] = defaultdict(list)
        for draft, _ in held:
            if draft.wish is not None:
                lost[draft.subject.assignment.key].append(draft)
        held = [
            (draft, _held_by(draft, other))
            for draft in allowed
            if draft.reduces and (other := _needed(draft, lost[draft.subject.assignment.key], tree)) is not None
        ]
        stopped = {id(draft) for draft, _ in held}
        allowed = [draft for draft in allowed if id(draft) not in stopped]
    decided.drafts = allowed


def _needed(draft: Draft, stopped: Iterable[Draft], tree: Tree) -> Draft | None:
    """The first by id of those that would have kept something that this one takes away."""
    found = (other for other in stopped if _keeps(other, draft, tree))
    return min(found, key=lambda other: other.id.key, default=None)


def _keeps(other: Draft, draft: Draft, tree: Tree) -> bool:
    return not draft.lost.isdisjoint(other.cells) and tree.related(draft.subject.scope, other.subject.scope)


def _held_by(draft: Draft, other: Draft) -> Held:
    assert other.wish is not None
    words = wording.neighbour_held(draft.subject, other.wish.declaration.name, other.subject.scope)
    return held_draft(draft, HeldCause.NEIGHBOUR, words)
