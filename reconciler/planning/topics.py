"""What the decisions of a plan are about: a topic for each recommendation that a declaration names, and for what ends, one
for each recommendation that was exempt and that no declaration means now.

One exemption serves several of them where an initiative evaluates several. `parts_of` tells what of a change is about one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from reconciler.arm.canonical import equivalent
from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.facts import Recommendation
from reconciler.catalog.subjects import ResolvedSubject
from reconciler.model import Declaration, Exemption, Snapshot, SubjectKind, arm_id
from reconciler.planning.desired.subjects import WHOLE
from reconciler.planning.provenance import History, who_asked
from reconciler.planning.values import SEVERITIES, Change, Request, Topic, Widening


def request_of(declaration: Declaration, history: History, subject: ResolvedSubject, catalogue: Catalogue) -> Request:
    """A declaration with who asked for it and what the catalogue says of each thing that it names."""
    named = subject.recommendations if subject.kind is SubjectKind.RECOMMENDATION else ()
    topics = [
        replace(
            _topic(entry.title, frozenset(policy.key for policy in entry.evaluators), catalogue),
            severity=_worst([entry]),
        )
        for entry in {entry.key or entry.title: entry for entry in named}.values()
    ]
    return Request(
        declaration=declaration,
        topics=tuple(topics) or (_topic(subject.title, subject.policies, catalogue),),
        requester=who_asked(declaration, history),
    )


def former_topics(
    changes: Iterable[Change], requests: Mapping[str, Request], snapshot: Snapshot, catalogue: Catalogue
) -> dict[str, tuple[Topic, ...]]:
    """What the changes are about beside what is declared, by the declaration's name, or by folded id where there is none.

    Of what no declaration stands behind, only what ends: the rest goes on under another name.
    """
    groups: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        if change.before is not None:
            groups[change.declaration or change.id.key].append(change)
    former = {}
    for name, group in groups.items():
        request = requests.get(name)
        if request is None and any(change.after is not None for change in group):
            continue
        meant: set[str] = set()
        for topic in request.topics if request else ():
            meant |= topic.policies
        if request is not None and not meant:  # an address: whatever the initiative holds
            continue
        before = [change.before for change in group if change.before is not None]
        policies = evaluated(before, snapshot)
        ended: set[str] = set()
        for exemption in before:
            behind = policies.get(exemption.assignment.key, {})
            ended |= {behind[cell] for cell in _references(exemption) or {WHOLE} if cell in behind}
        ended -= meant
        if ended:
            former[name] = tuple(_by_recommendation(ended, catalogue, group[0].exemption.display_name))
    return former


def evaluated(exemptions: Iterable[Exemption], snapshot: Snapshot) -> dict[str, Mapping[str, str]]:
    """Which policy (folded) stands behind each reference id, by folded assignment; without what could not be read."""
    policies: dict[str, Mapping[str, str]] = {}
    for exemption in exemptions:
        key = exemption.assignment.key
        assignment, initiative = snapshot.assignments.get(key), snapshot.initiatives.get(key)
        if assignment is None or key in policies:
            continue
        if not assignment.is_initiative:
            policies[key] = {WHOLE: assignment.definition.key}
        elif initiative is not None:
            policies[key] = {member.reference_id.lower(): member.definition.key for member in initiative.members}
    return policies


def parts_of(
    changes: Sequence[Change],
    unchanged: Sequence[Exemption],
    topic: Topic,
    policies: Mapping[str, Mapping[str, str]],
    *,
    takes_unknown: bool,
) -> tuple[list[tuple[Change, Change]], list[Exemption]]:
    """The changes that are about a topic, each with its part of it, and the parts of exemptions that stay as they are.
    `takes_unknown`: references that the initiative no longer has count as its own.
    """
    pairs: list[tuple[Change, Change]] = []
    remaining = []
    for change in changes:
        before = change.before and _part(change.before, topic, policies, takes_unknown)
        after = change.after and _part(change.after, topic, policies, takes_unknown)
        moves = change.before and change.after and _references(change.before) != _references(change.after)
        if moves and before and after and equivalent(replace(before, display_name=""), replace(after, display_name="")):
            # it changes the references of other topics, and nothing of this one but the names in its title
            remaining.append(after)
        elif before or after:
            gains = before is None or after is None or not _references(after) <= _references(before)
            widens = tuple(widening for widening in change.widens if widening is not Widening.REFERENCES or gains)
            pairs.append((change, replace(change, before=before, after=after, widens=widens)))
    parts = (_part(exemption, topic, policies, takes_unknown) for exemption in unchanged)
    return pairs, [*remaining, *(part for part in parts if part is not None)]


def _part(
    exemption: Exemption, topic: Topic, policies: Mapping[str, Mapping[str, str]], takes_unknown: bool
) -> Exemption | None:
    """What of an exemption is about the topic; all of it where nobody can tell, None where nothing is."""
    behind = policies.get(exemption.assignment.key)
    if behind is None or not (exemption.reference_ids or WHOLE in behind):
        return exemption
    cells = [WHOLE] if WHOLE in behind else [reference.lower() for reference in exemption.reference_ids]
    chosen = [behind[cell] in topic.policies if cell in behind else takes_unknown for cell in cells]
    if all(chosen):
        return exemption
    references = (text for text, is_chosen in zip(exemption.reference_ids, chosen, strict=True) if is_chosen)
    return replace(exemption, reference_ids=tuple(references)) if any(chosen) else None


def _references(exemption: Exemption) -> frozenset[str]:
    return frozenset(reference.lower() for reference in exemption.reference_ids)


def _by_recommendation(policies: AbstractSet[str], catalogue: Catalogue, shown_title: str) -> Iterable[Topic]:
    """A topic for each recommendation behind the policies; those that share a policy are one, since nobody can tell which
    was meant, unless the exemption's own title says it.
    """
    remaining = sorted(policies)
    while remaining:
        members, entries = {remaining.pop(0)}, dict[str, Recommendation]()
        grown = set(members)
        while grown:
            resting = [entry for policy in grown for entry in catalogue.resting_on(arm_id(policy))]
            entries |= {entry.key or entry.title: entry for entry in resting}
            shared = {policy.key for entry in resting for policy in entry.evaluators}
            grown = {policy for policy in remaining if policy in shared}
            members |= grown
            remaining = [policy for policy in remaining if policy not in grown]
        titled = [entry for entry in entries.values() if entry.title in shown_title] or list(entries.values())
        policy = catalogue.policy(arm_id(min(members)))
        own = policy.title if policy else arm_id(min(members)).name
        title = "; ".join(sorted({entry.title for entry in titled})) or own
        yield replace(_topic(title, frozenset(members), catalogue), severity=_worst(titled))


def _topic(title: str, policies: frozenset[str], catalogue: Catalogue) -> Topic:
    types = [policy.resource_types if (policy := catalogue.policy(arm_id(key))) else () for key in policies]
    resting = (entry for key in policies for entry in catalogue.resting_on(arm_id(key)))
    return Topic(
        title=title,
        severity=_worst(resting),
        resource_types=frozenset().union(*types) if all(types) else frozenset(),
        policies=policies,
    )


def _worst(entries: Iterable[Recommendation]) -> str:
    severities = {entry.severity for entry in entries}
    return next((severity for severity in SEVERITIES if severity in severities), "")
