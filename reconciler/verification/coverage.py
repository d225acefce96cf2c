"""Rules about all writes together: each declared fact is owned once, and nothing is bare in between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from reconciler.verification.case import Case, Violation, point_of
from reconciler.verification.excuses import is_excused
from reconciler.verification.objects import Point


def one_owner(case: Case) -> Iterator[Violation]:
    """Each declared fact is owned by exactly one exemption of ours, or named as held or unread. A mark that may be forged
    neither makes a second owner nor leaves a fact without one.
    """
    owners: dict[Point, list[str]] = defaultdict(list)
    doubtful: dict[Point, list[str]] = defaultdict(list)
    for key, exemption in case.final.items():
        if exemption is not None and exemption.end > case.tenant.now and case.owner_of(exemption) == "ours":
            sure = case.is_believed(exemption) or key in case.writes
            for reference in exemption.references:
                (owners if sure else doubtful)[point_of(exemption, reference, exemption.selectors)].append(key)
    for name, point in ((name, point) for name, points in case.targets.items() for point in points):
        if sum(key not in case.tenant.exemptions for key in owners[point]) > 1:
            message = f"what {name} declares for {point.reference} of {point.assignment} is created twice"
            yield Violation(rule="owned once", subject=point.scope, message=message)
        if _is_declared_around(case, point, name):
            continue
        serving = owners[point]
        marks = [exemption.metadata.get("declaration") for key in serving if (exemption := case.final[key]) is not None]
        own = marks.count(name)
        if not serving and doubtful[point]:
            continue
        if own and (len(serving) == 1 or _is_leftover(case, point, serving)):
            continue
        if not is_excused(case, point, name):
            how = f"by {len(serving)} exemptions" if own else "by none that bears its mark"
            message = f"what {name} declares for {point.reference} of {point.assignment} is owned {how}"
            yield Violation(rule="owned once", subject=point.scope, message=message)


def _is_leftover(case: Case, point: Point, owners: Iterable[str]) -> bool:
    """Whether the plan says that one of these objects is not reduced now: it is named as held, or its declaration is, or a
    target around or below it that wants the same is held as a whole.
    """
    around = case.tenant.chain(point.scope)
    for line in case.plan["held"]:
        scope = line["scope"].lower()
        is_near = line["assignment"] is None and (scope in around or point.scope in case.tenant.chain(scope))
        if is_near and point.reference in case.held_references(line, point.assignment):
            return True
    marks = {str(exemption.metadata.get("declaration")) for key in owners if (exemption := case.final[key]) is not None}
    for line in case.plan["held"]:
        if line["scope"].lower() == point.scope and str(line["assignment"]).lower() == point.assignment:
            listed = {str(name).lower() for name in line["referenceIds"]} or {point.reference}
            if line["declaration"] in marks or point.reference in listed:
                return True
    return False


def _is_declared_around(case: Case, point: Point, name: str) -> bool:
    """Whether the same declaration wants it on a containing scope, which then serves both. A target that is held as a
    whole serves nothing.
    """
    held_scopes = {
        line["scope"].lower() for line in case.plan["held"] if line["declaration"] == name and not line["assignment"]
    }
    around = (replace(point, scope=scope) for scope in case.tenant.chain(point.scope)[1:])
    return any(wider in case.targets[name] and case.targets[name][wider] - held_scopes for wider in around)


def never_bare(case: Case) -> Iterator[Violation]:
    """Nothing that was exempt and is wanted is bare after any write, in any order that the waits allow.

    It would be bare in some order exactly if all that cover it before can go without any that covers it after.
    """
    points = {point for desired in case.wanted for point in _points_at_or_below(case, desired)}
    for point in sorted(points):
        chain = case.tenant.chain(point.scope)
        related = {e.id for e in case.by_cell[point.assignment, point.reference] if e.scope in chain}
        before = {key for key in related if case.is_covered([case.tenant.exemptions.get(key)], point)}
        after = {key for key in related if case.is_covered([case.final.get(key)], point)}
        if not before or before & after:
            continue
        if after.isdisjoint(preceding(case, before)):
            message = (
                f"{point.reference} of {point.assignment} can be bare between two writes"
                if after
                else (f"{point.reference} of {point.assignment} was exempt, is wanted, and ends bare")
            )
            yield Violation(rule="never bare", subject=point.scope, message=message)


def _points_at_or_below(case: Case, desired: Point) -> Iterator[Point]:
    """Where coverage of what is wanted may differ: at each related object's scope, for what its selectors choose."""
    yield desired
    around = case.tenant.chain(desired.scope)
    for exemption in case.by_cell[desired.assignment, desired.reference]:
        if desired.scope in case.tenant.chain(exemption.scope):
            yield replace(desired, scope=exemption.scope, also=exemption.selectors)
        elif exemption.selectors and exemption.scope in around:
            yield replace(desired, also=exemption.selectors)


def preceding(case: Case, keys: Iterable[str]) -> set[str]:
    """Those writes and all that must come before any of them."""
    open_, closed = list(keys), set[str]()
    while open_:
        key = open_.pop()
        if key not in closed:
            closed.add(key)
            open_ += case.waits.get(key, ())
    return closed
