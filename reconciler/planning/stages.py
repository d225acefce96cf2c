"""From declarations and a snapshot to what is decided: the stages of one run before they become a plan.

| stage    | takes                             | returns                                                           |
|----------|-----------------------------------|-------------------------------------------------------------------|
| desired  | declarations, subjects            | `Resolution`: desired exemptions, held lines, protections         |
| existing | exemptions of the snapshot        | `ExistingExemption`s: whose, which cells, expired or not          |
| match    | both, slot by slot                | `SlotMatch`: who keeps what, what others hold                     |
| keep     | a match, what is protected        | `KeptSlot`: what is confirmed, updated, created; the leftovers    |
| reduce   | a kept slot                       | `ReducedSlot`: leftovers narrowed or deleted                      |
| prune    | what meets nothing desired        | deletes, and findings about what is kept                          |
| hold     | all changes                       | `AllowedChanges`: without what may not be taken away now          |
| order    | the allowed changes               | `OrderedChanges`: which write waits for which                     |

Each takes and returns frozen values. The plan and `exempt explain` are both read off the `PlanBasis`, so that they never differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.strictness import never_exempt
from reconciler.model import Assignment, Snapshot
from reconciler.planning.decide.authority import Authority
from reconciler.planning.decide.build import ExemptionBuilder
from reconciler.planning.decide.causes import RemovalCauses
from reconciler.planning.decide.proposals import ConfirmedExemption, ProposedChange
from reconciler.planning.decide.prune import Pruner
from reconciler.planning.decide.slots import Protected, SlotContents, SlotMatch
from reconciler.planning.desired.assessments import with_assessments
from reconciler.planning.desired.cell_rules import CellRules
from reconciler.planning.desired.conflicts import hold_conflicts
from reconciler.planning.desired.protections import Protections
from reconciler.planning.desired.resolve import resolve
from reconciler.planning.desired.values import DesiredExemption, Resolution
from reconciler.planning.existing.exemptions import ExistingExemption, by_slot, classify
from reconciler.planning.inputs import PlanInputs
from reconciler.planning.order.reduction import hold_reductions
from reconciler.planning.order.waits import Waits, order
from reconciler.planning.tree import Slot, Tree, tree_of
from reconciler.planning.values import Finding, Held


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanBasis:
    """Everything that one run decides, which the plan is read off: the `existing` exemptions as judged, the `proposed` changes in the order of `waits`, the
    `confirmed` exemptions as they leave what is desired, and what is held or found on the way.
    """

    inputs: PlanInputs
    tree: Tree
    resolution: Resolution
    existing: tuple[ExistingExemption, ...]
    proposed: tuple[ProposedChange, ...]
    confirmed: tuple[ConfirmedExemption, ...]
    held: tuple[Held, ...]
    findings: tuple[Finding, ...]
    waits: Waits


def decide(inputs: PlanInputs) -> PlanBasis:
    """Decides everything; nothing is written and nothing is judged too much."""
    snapshot = with_assessments(inputs.snapshot, inputs.declarations.subjects.values(), inputs.catalogue)
    inputs, settings = replace(inputs, snapshot=snapshot), inputs.settings
    tree = tree_of(snapshot, settings, inputs.only.key if inputs.only else None)
    resolution = hold_conflicts(_resolve(inputs, tree), tree)
    existing = tuple(classify(exemption, snapshot, settings, inputs.now) for exemption in snapshot.exemptions)
    authority = _authority(inputs, existing)

    slots = _slots(resolution.desired, existing, tree, snapshot)
    settled = [(contents, authority.settled(contents)) for contents in slots.contents]
    first_matches = [authority.match(contents) for contents, confirmed in settled if confirmed is None]
    matches, protections = _rematched(first_matches, authority, resolution.protections)
    kept_slots = [authority.keep(match, _protected(match, protections)) for match in matches]
    confirmed = [item for _, item in settled if item is not None]
    confirmed += [item for slot in kept_slots for item in slot.confirmed]
    pruner = _pruner(inputs, authority.causes, protections, confirmed)
    reduced = [authority.reduce(slot, pruner) for slot in kept_slots]
    unclaimed = [*slots.unwanted, *(item for slot in reduced for item in slot.unclaimed)]
    pruned = [pruner.prune(existing) for existing in unclaimed]

    proposed = [change for slot in kept_slots for change in slot.proposed]
    proposed += [change for slot in reduced for change in slot.proposed]
    proposed += [result for result in pruned if isinstance(result, ProposedChange)]
    held_lines = [*resolution.held, *(line for match in matches for line in match.held)]
    held_lines += [line for slot in reduced for line in slot.held]
    held_lines += [result for result in pruned if isinstance(result, Held)]
    findings = [*resolution.findings, *(finding for match in matches for finding in match.findings)]

    allowed = hold_reductions(proposed, confirmed, protections, resolution.left_out)
    ordered = order(allowed.proposed, allowed.confirmed, tree, authority.recreated)
    return PlanBasis(
        inputs=inputs,
        tree=tree,
        resolution=resolution,
        existing=existing,
        proposed=ordered.proposed,
        confirmed=ordered.confirmed,
        held=(*held_lines, *allowed.held),
        findings=(*findings, *(result for result in pruned if isinstance(result, Finding))),
        waits=ordered.waits,
    )


def _authority(inputs: PlanInputs, existing: Iterable[ExistingExemption]) -> Authority:
    settings, history = inputs.settings, inputs.history
    used_ids = {item.exemption.id.key for item in existing}
    causes = RemovalCauses(
        declarations=inputs.declarations.by_name(),
        subjects=inputs.declarations.subjects,
        snapshot=inputs.snapshot,
        settings=settings,
        now=inputs.now,
        taken_out=inputs.taken_out,
    )
    builder = ExemptionBuilder(settings=settings, history=history, used_ids=used_ids)
    return Authority(settings=settings, history=history, builder=builder, causes=causes)


def _rematched(
    matches: Sequence[SlotMatch], authority: Authority, protections: Protections
) -> tuple[Sequence[SlotMatch], Protections]:
    """The matches without keepers that cannot be, and all that is protected then. A match without one keeper may hold
    more, or less, than with it; each round excludes at least one pair, so this ends.
    """
    while True:
        extended = protections.extended([item for match in matches for item in match.protections()])
        rematched = [authority.rematch(match, _protected(match, extended), extended) for match in matches]
        if all(after is before for after, before in zip(rematched, matches, strict=True)):
            return matches, extended
        matches = rematched


def _resolve(inputs: PlanInputs, tree: Tree) -> Resolution:
    rules = inputs.settings.rules
    never = never_exempt(rules, inputs.catalogue)
    return resolve(
        inputs.declarations.active(inputs.now),
        inputs.declarations.subjects,
        inputs.snapshot,
        tree,
        CellRules(rules=rules, never=never, catalogue=inputs.catalogue, now=inputs.now),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slots:
    """Every slot in which something is desired, sorted, and what exists where nothing is."""

    contents: Sequence[SlotContents]
    unwanted: Sequence[ExistingExemption]


def _slots(
    desired: Iterable[DesiredExemption], existing: Iterable[ExistingExemption], tree: Tree, snapshot: Snapshot
) -> _Slots:
    desired_at: dict[Slot, list[DesiredExemption]] = defaultdict(list)
    for exemption in desired:
        desired_at[exemption.slot].append(exemption)
    existing_at = by_slot(item for item in existing if tree.in_run(item.scope))
    contents = [
        SlotContents(desired=items, existing=existing_at.get(slot, ()), initiative=snapshot.initiatives.get(slot[1]))
        for slot, items in sorted(desired_at.items())
    ]
    unwanted = [item for slot, items in existing_at.items() if slot not in desired_at for item in items]
    return _Slots(contents=contents, unwanted=unwanted)


def _protected(match: SlotMatch, protections: Protections) -> Protected:
    return {existing: protections.touching(existing, existing.covering) for existing in match.contents.existing}


def _pruner(
    inputs: PlanInputs, causes: RemovalCauses, protections: Protections, confirmed: Iterable[ConfirmedExemption]
) -> Pruner:
    names: dict[Slot, set[str]] = defaultdict(set)
    for item in confirmed:
        names[item.desired.slot].add(item.desired.declaration.name)
    return Pruner(
        causes=causes,
        snapshot=inputs.snapshot,
        tree=protections.tree,
        settings=inputs.settings,
        now=inputs.now,
        protections=protections,
        confirmed=names,
        defender=_Defender(snapshot=inputs.snapshot, catalogue=inputs.catalogue),
        delete_orphans=inputs.allowed.delete_orphans is not None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Defender:
    """Whether an assignment is of an initiative that holds a policy behind some Defender recommendation."""

    snapshot: Snapshot
    catalogue: Catalogue
    _answers: dict[str, bool] = field(default_factory=dict)

    def __call__(self, assignment: Assignment) -> bool:
        key = assignment.id.key
        if key not in self._answers:
            initiative = self.snapshot.initiatives.get(key)
            members = initiative.members if initiative else ()
            self._answers[key] = any(self.catalogue.resting_on(member.definition) for member in members)
        return self._answers[key]
