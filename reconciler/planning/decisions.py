"""What a plan means to people: decisions. One declaration, one of the recommendations that it names, somewhere, until
when, because of what; the exemptions that Azure gets for it are its consequence.

Pure and derived: a decision is read off the plan's changes and the requests behind them, so it can never say something
else than what is written.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.arm.canonical import category, expiry_text, has_expired
from reconciler.model import (
    ArmId,
    Carrier,
    Category,
    Exemption,
    ScopeKind,
    Source,
    parse_scope,
)
from reconciler.planning.covered import CoveredResources, TypeCounts, covered
from reconciler.planning.descriptions import describe_selectors
from reconciler.planning.effects import adds, removes, slots_of
from reconciler.planning.marks import declaration_of, owners
from reconciler.planning.topics import parts_of
from reconciler.planning.values import SEVERITIES, Action, Change, Plan, Reason, Request, Topic

_EFFECTS = ((True, False), (True, True), (False, True), (False, False))
"""Whether a decision exempts more, and less, in reading order."""


class Highlight(enum.StrEnum):
    """What a reviewer must not overlook in a decision that exempts something anew."""

    NEVER_ENDS = "never ends"
    WHOLE_MANAGEMENT_GROUP = "a whole management group"
    WHOLE_SUBSCRIPTION = "a whole subscription"
    WHOLE_INITIATIVE = "every policy of an initiative"
    MITIGATED = "says that the risk is resolved elsewhere"
    TAKE_OVER = "takes over from another owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is exempt for one decision, before or after the plan. `targets` are the declared scopes, `expires_on` the
    latest end (empty: never), `assignments` how many assignments have an exemption; `is_of_initiatives` that all of those
    are of initiatives, `is_of_assessments` that none of them is an assignment of policies. `selection` says in words which
    resources or findings alone are meant; empty where all are, or where exemptions choose differently.
    """

    targets: tuple[ArmId, ...]
    category: str
    expires_on: str
    assignments: int
    is_of_initiatives: bool
    is_of_assessments: bool = False
    selection: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One recommendation of one declaration as people judge it. `before` and `after` are None where nothing was or will be
    exempt; `changes` the writes that follow from it, `parts` what of each of them is about it, for one exemption may serve
    several decisions; `request` the declaration, None where none of this repository stands behind it.

    `is_proposed` says that the change under review brings it; the rest is the tenant's own drift. `resources` counts
    what is at its targets now, None where that is not known.
    """

    name: str
    title: str
    severity: str
    source: Source | None
    request: Request | None
    before: State | None
    after: State | None
    changes: tuple[Change, ...]
    parts: tuple[Change, ...]
    exempts_more: bool
    exempts_less: bool
    is_proposed: bool
    resources: CoveredResources | None
    highlights: tuple[Highlight, ...]

    @property
    def is_severe(self) -> bool:
        """Whether its recommendation is one that Defender rates high or worse."""
        return self.severity in {"Critical", "High"}

    @property
    def exemption(self) -> Exemption:
        """One exemption that shows what all of them say: as it will be, or as it was where all end."""
        return min(self.changes, key=lambda change: (change.after is None, change.id.key)).exemption

    @property
    def state(self) -> State:
        """What it comes to, or what ends."""
        state = self.after or self.before
        assert state is not None
        return state

    @property
    def justification(self) -> str:
        """Why, as Azure shows it."""
        return self.request.declaration.justification if self.request else self.exemption.description

    @property
    def owner(self) -> str:
        """Who answers for the risk; empty where no declaration says so."""
        return self.request.declaration.owner if self.request else ""

    @property
    def ticket(self) -> str:
        """The ticket, or empty."""
        return self.request.declaration.ticket if self.request else str(self.exemption.metadata.get("ticket") or "")

    @property
    def requester(self) -> str:
        """Who asked for it; empty where that is the owner."""
        requester = self.request.requester if self.request else str(self.exemption.metadata.get("requestedBy") or "")
        return "" if requester == self.owner else requester

    def count(self, action: Action) -> int:
        """How many exemptions are created, updated or deleted for it."""
        return sum(change.action is action for change in self.changes)


def decisions_of(
    plan: Plan,
    changed: frozenset[str] | None = None,
    resources: Mapping[str, TypeCounts] = MappingProxyType({}),
) -> tuple[Decision, ...]:
    """The decisions behind a plan's changes: what the change under review brings first, and of that what exempts more
    first, the worst severity first.

    `changed` names the declarations that differ from the base; None: all count as changed. `resources` says what there is
    now, by the folded id of a target; of one that is absent it is not known.
    """
    changes: dict[str, list[Change]] = defaultdict(list)
    for change in plan.changes:
        changes[change.declaration or change.id.key].append(change)
    unchanged: dict[str, list[Exemption]] = defaultdict(list)
    for exemption in plan.unchanged:
        if (name := declaration_of(exemption)) in changes:
            unchanged[name].append(exemption)
    decisions: list[Decision] = []
    for name, group in changes.items():
        request, first = plan.requests.get(name), group[0]
        topics = (*(request.topics if request else ()), *plan.former.get(name, ()))
        shown_title = first.exemption.display_name.removeprefix(f"{first.declaration}: ")
        for topic in topics or [Topic(title=shown_title)]:
            pairs, stays = [(change, change) for change in group], unchanged.get(name, [])
            if len(topics) > 1:
                pairs, stays = parts_of(group, stays, topic, plan.evaluated, takes_unknown=topic is topics[0])
            if pairs:
                decisions.append(_decision(pairs, stays, topic, plan, changed=changed, resources=resources))
    return tuple(sorted(decisions, key=_reading_order))


def _decision(  # noqa: PLR0913 - what a decision is read off
    pairs: Sequence[tuple[Change, Change]],
    unchanged: Sequence[Exemption],
    topic: Topic,
    plan: Plan,
    *,
    changed: frozenset[str] | None,
    resources: Mapping[str, TypeCounts],
) -> Decision:
    """`pairs` are the changes, each with the part of it that is about the topic."""
    changes, parts = zip(*pairs, strict=True)
    first = changes[0]
    request = plan.requests.get(first.declaration) if first.declaration else None
    before = [*unchanged, *(part.before for part in parts if part.before is not None)]
    after = [*unchanged, *(part.after for part in parts if part.after is not None)]
    exempt_now = [exemption for exemption in before if not has_expired(exemption, plan.taken_at)]
    states = _state(exempt_now) or (None if after else _state(before)), _state(after)
    state = states[1] or states[0]
    assert state is not None
    is_alone = len(parts) == 1 and not unchanged  # then nothing else of the decision can exempt the same
    slots = (frozenset(), frozenset()) if is_alone else (slots_of(exempt_now), slots_of(after))
    exempts_more = any(adds(part, slots[0], plan.taken_at) for part in parts)
    return Decision(
        name=first.declaration or first.exemption.name,
        title=topic.title,
        severity=topic.severity,
        source=next((change.source for change in changes if change.source), None),
        request=request,
        before=states[0],
        after=states[1],
        changes=changes,
        parts=parts,
        exempts_more=exempts_more,
        exempts_less=any(removes(part, slots[1], plan.taken_at) for part in parts),
        is_proposed=changed is None or first.declaration in changed,
        resources=covered(state.targets, resources, topic.resource_types),
        highlights=tuple(_highlights(changes, request, states[1] if exempts_more else None)),
    )


def _reading_order(decision: Decision) -> tuple[bool, int, int, str, str, str]:
    effect = (decision.exempts_more, decision.exempts_less)
    rank = SEVERITIES.index(decision.severity) if decision.severity in SEVERITIES else len(SEVERITIES)
    return (
        not decision.is_proposed,
        _EFFECTS.index(effect),
        rank,
        decision.name,
        decision.changes[0].id.key,
        decision.title,
    )


def _state(exemptions: Sequence[Exemption]) -> State | None:
    if not exemptions:
        return None
    last = exemptions[-1]
    if len(exemptions) == 1:  # of a hundred thousand most: nothing to sort out
        return State(
            targets=(target_of(last),),
            category=category(last.category),
            expires_on=last.expires_on and expiry_text(last.expires_on),
            assignments=1,
            is_of_initiatives=bool(last.reference_ids),
            is_of_assessments=last.carrier is Carrier.STANDARD,
            selection=describe_selectors(last.selectors),
        )
    ends = {exemption.expires_on and expiry_text(exemption.expires_on) for exemption in exemptions}
    return State(
        targets=tuple(sorted({target_of(exemption) for exemption in exemptions})),
        category=category(last.category),
        expires_on="" if "" in ends else max(ends),
        assignments=len({exemption.assignment.key for exemption in exemptions}),
        is_of_initiatives=all(exemption.reference_ids for exemption in exemptions),
        is_of_assessments=all(exemption.carrier is Carrier.STANDARD for exemption in exemptions),
        selection=describe_selectors(last.selectors) if len({item.selectors for item in exemptions}) == 1 else "",
    )


def target_of(exemption: Exemption) -> ArmId:
    """What the declaration names: the scope of the exemption, or a wider one that its assignment lies under."""
    scope, marked = exemption.scope, exemption.metadata.get("target")
    if not isinstance(marked, str) or marked == scope.text:
        return scope
    try:
        return parse_scope(marked)
    except ValueError:  # anybody may have written the mark
        return scope


def _highlights(changes: Sequence[Change], request: Request | None, after: State | None) -> Iterator[Highlight]:
    """What stands out; `after` is given where more is exempt than before."""
    if after is not None:
        kinds = {target.kind for target in after.targets}
        if not after.expires_on:
            yield Highlight.NEVER_ENDS
        if ScopeKind.MANAGEMENT_GROUP in kinds:
            yield Highlight.WHOLE_MANAGEMENT_GROUP
        if ScopeKind.SUBSCRIPTION in kinds:
            yield Highlight.WHOLE_SUBSCRIPTION
        if request and request.is_whole_initiative:
            yield Highlight.WHOLE_INITIATIVE
        if after.category == Category.MITIGATED:
            yield Highlight.MITIGATED
    if any(change.reason is Reason.TAKE_OVER for change in changes):
        yield Highlight.TAKE_OVER


def taken_from(decision: Decision) -> str:
    """The owner that a take-over takes from; empty where there is none."""
    taken = (change.before for change in decision.changes if change.reason is Reason.TAKE_OVER)
    return next((name for before in taken if before for name in owners(before)), "")
