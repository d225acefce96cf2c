"""From declarations and a snapshot to what is decided: the steps of one run before they become a plan.

What is wanted (`resolve`), what must be held because two want it (`conflicts`), who is authoritative at each place
(`authority`), what nobody wants (`pruner`), what may shrink and after what (`reduction`, `ordering`). The plan and
`exempt explain` both read the result, so that they never differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.catalog.catalogue import Catalogue
from reconciler.model import ArmId, Assignment, Declaration, Settings, Snapshot
from reconciler.planning import hold_messages
from reconciler.planning.decide.authority import Authority, SlotMatch
from reconciler.planning.decide.matching import SlotContents
from reconciler.planning.decide.proposals import ConfirmedExemption, ProposedChange
from reconciler.planning.decide.prune import Pruner
from reconciler.planning.desired.conflicts import hold_conflicts
from reconciler.planning.desired.protections import Protection
from reconciler.planning.desired.resolve import DesiredExemption, Resolution, Slot, resolve
from reconciler.planning.desired.subjects import ResolvedSubject, never_exempt_policies, resolve_subject
from reconciler.planning.existing.exemptions import ExistingExemption, by_slot, classify
from reconciler.planning.guards import Allowances
from reconciler.planning.order.reduction import hold_change, split_reductions
from reconciler.planning.order.waits import Waits, order
from reconciler.planning.provenance import History
from reconciler.planning.tree import Tree, tree_of
from reconciler.planning.values import Finding, Held, HeldCause


@dataclass(frozen=True, slots=True)
class ResolvedDeclarations:
    """The declarations with what they mean, and what the run is about."""

    declarations: Sequence[Declaration]
    subjects: Mapping[str, ResolvedSubject]

    @classmethod
    def of(cls, declarations: Iterable[Declaration], catalogue: Catalogue) -> ResolvedDeclarations:
        """Looks every declaration up; one that the catalogue does not know is invalid and has no subject here."""
        listed = sorted(declarations, key=lambda each: each.name)
        found = {each.name: resolve_subject(each.subject, catalogue) for each in listed}
        return cls(tuple(listed), {name: each for name, each in found.items() if each is not None})

    def active(self, now: datetime) -> list[Declaration]:
        """Those that want something now."""
        return [d for d in self.declarations if d.enabled and not d.has_expired(now) and d.name in self.subjects]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInputs:
    """What one run is decided from. `only` narrows it to a scope and everything below."""

    declarations: ResolvedDeclarations
    catalogue: Catalogue
    snapshot: Snapshot
    settings: Settings
    history: History
    now: datetime
    allowed: Allowances
    only: ArmId | None


@dataclass(slots=True, kw_only=True)
class Decisions:
    """What one run comes to: `existing_exemptions` as judged, `proposed_changes` to write in the order of `waits`, `confirmed_exemptions` as they leave
    each desired, and what is `held` or found on the way.
    """

    inputs: PlanInputs
    tree: Tree
    resolution: Resolution
    existing_exemptions: Sequence[ExistingExemption]
    proposed_changes: list[ProposedChange] = field(default_factory=list)
    confirmed_exemptions: list[ConfirmedExemption] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    waits: Waits = field(default_factory=Waits)


def decide(inputs: PlanInputs) -> Decisions:
    """Decides everything; nothing is written and nothing is judged too much."""
    snapshot, settings = inputs.snapshot, inputs.settings
    tree = tree_of(snapshot, settings, inputs.only.key if inputs.only else None)
    active = inputs.declarations.active(inputs.now)
    rules = settings.rules
    never = never_exempt_policies(rules, inputs.catalogue)
    wanted = resolve(
        active,
        inputs.declarations.subjects,
        snapshot,
        tree,
        allow_whole=rules.allow_whole_assignment,
        never=never,
    )
    resolution = hold_conflicts(wanted, tree)
    existing_exemptions = [classify(exemption, snapshot, settings, inputs.now) for exemption in snapshot.exemptions]
    decisions = Decisions(inputs=inputs, tree=tree, resolution=resolution, existing_exemptions=existing_exemptions)
    decisions.held += resolution.held
    decisions.findings += resolution.findings
    pruner = _unwanted(decisions)
    authority = Authority(
        settings, inputs.history, {existing.exemption.id.key for existing in existing_exemptions}, pruner.reason
    )
    unclaimed = _decide_slots(decisions, authority)
    _prune(decisions, unclaimed, pruner)
    _hold_reductions(decisions)
    decisions.proposed_changes, decisions.confirmed_exemptions, decisions.waits = order(
        decisions.proposed_changes, decisions.confirmed_exemptions, tree, authority.renewed
    )
    return decisions


def _unwanted(decisions: Decisions) -> Pruner:
    inputs = decisions.inputs
    return Pruner(
        declarations={each.name: each for each in inputs.declarations.declarations},
        subjects=inputs.declarations.subjects,
        snapshot=inputs.snapshot,
        tree=decisions.tree,
        settings=inputs.settings,
        now=inputs.now,
        protections=decisions.resolution.protections,
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


def _decide_slots(decisions: Decisions, authority: Authority) -> list[ExistingExemption]:
    """Authority, wherever something is wanted; returns the existing ones that no desired slot_match.

    First every place is asked who keeps what, so that each decision knows all that is held anywhere.
    """
    desired_at: dict[Slot, list[DesiredExemption]] = defaultdict(list)
    for desired in decisions.resolution.desired:
        desired_at[desired.slot].append(desired)
    existing_at = by_slot(
        existing for existing in decisions.existing_exemptions if decisions.tree.in_run(existing.scope)
    )
    unclaimed = [existing for place, here in existing_at.items() if place not in desired_at for existing in here]
    initiatives = decisions.inputs.snapshot.initiatives
    slots = (
        SlotContents(
            desired_exemptions=here,
            existing_exemptions=existing_at.get(place, ()),
            initiative=initiatives.get(place[1]),
        )
        for place, here in sorted(desired_at.items())
    )
    slot_match = [authority.settled(contents) or authority.slot_match(contents) for contents in slots]
    for each in slot_match:
        if isinstance(each, SlotMatch):
            _hold_foreign(decisions, each)
    for each in slot_match:
        if isinstance(each, ConfirmedExemption):
            decisions.confirmed_exemptions.append(each)
            continue
        decision = authority.decide(each, _protected(decisions, each.contents))
        decisions.proposed_changes += decision.proposed_changes
        decisions.confirmed_exemptions += decision.confirmed_exemptions
        unclaimed += decision.unclaimed
    return unclaimed


def _hold_foreign(decisions: Decisions, slot_match: SlotMatch) -> None:
    """Takes note of the cells that somebody else holds: nothing that may need them shrinks."""
    decisions.held += slot_match.held
    decisions.findings += slot_match.findings
    for desired, cells in zip(slot_match.contents.desired_exemptions, slot_match.withheld, strict=True):
        if cells:
            decisions.resolution.protections.add(
                Protection(
                    scope=desired.scope,
                    assignment=desired.assignment.id.key,
                    subject=desired.subject,
                    cells=cells,
                    declaration=desired.declaration.name,
                )
            )


def _protected(decisions: Decisions, contents: SlotContents) -> frozenset[str]:
    """The cells of what existing_exemptions there that something held here, above or below may depend on."""
    if not contents.existing_exemptions or not decisions.resolution.protections:
        return frozenset()
    cells = frozenset[str]().union(*(existing.cells for existing in contents.existing_exemptions))
    desired = contents.desired_exemptions[0]
    return decisions.resolution.protections.touching(desired.scope, desired.assignment.id.key, cells)


def _prune(decisions: Decisions, unclaimed: Iterable[ExistingExemption], pruner: Pruner) -> None:
    confirmed_slots: dict[Slot, set[str]] = defaultdict(set)
    for confirmed in decisions.confirmed_exemptions:
        confirmed_slots[confirmed.desired.slot].add(confirmed.desired.declaration.name)
    for existing in unclaimed:
        match pruner.prune(existing, confirmed_slots):
            case ProposedChange() as proposed:
                decisions.proposed_changes.append(proposed)
            case Finding() as finding:
                decisions.findings.append(finding)
            case None:
                pass


def _hold_reductions(decisions: Decisions) -> None:
    """Holds what may not be taken away, then whatever would have waited for a write that is now held."""
    resolution, tree = decisions.resolution, decisions.tree
    allowed, held = split_reductions(decisions.proposed_changes, resolution.protections, resolution.left_out, tree)
    while held:
        decisions.held += [line for _, line in held]
        stopped = {id(proposed) for proposed, _ in held}
        decisions.confirmed_exemptions = [
            confirmed
            for confirmed in decisions.confirmed_exemptions
            if confirmed.proposed is None or id(confirmed.proposed) not in stopped
        ]
        lost: dict[str, list[ProposedChange]] = defaultdict(list)
        for proposed, _ in held:
            if proposed.desired is not None:
                lost[proposed.exemption.assignment.key].append(proposed)
        held = [
            (proposed, _held_by(proposed, other))
            for proposed in allowed
            if proposed.reduces
            and (other := _needed(proposed, lost[proposed.exemption.assignment.key], tree)) is not None
        ]
        stopped = {id(proposed) for proposed, _ in held}
        allowed = [proposed for proposed in allowed if id(proposed) not in stopped]
    decisions.proposed_changes = allowed


def _needed(proposed: ProposedChange, stopped: Iterable[ProposedChange], tree: Tree) -> ProposedChange | None:
    """The first by id of those that would have kept something that this one takes away."""
    found = (other for other in stopped if _keeps(other, proposed, tree))
    return min(found, key=lambda other: other.id.key, default=None)


def _keeps(other: ProposedChange, proposed: ProposedChange, tree: Tree) -> bool:
    return not proposed.lost.isdisjoint(other.cells) and tree.related(proposed.exemption.scope, other.exemption.scope)


def _held_by(proposed: ProposedChange, other: ProposedChange) -> Held:
    assert other.desired is not None
    words = hold_messages.neighbour_held(proposed.exemption, other.desired.declaration.name, other.exemption.scope)
    return hold_change(proposed, HeldCause.NEIGHBOUR, words)
