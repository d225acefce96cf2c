"""What moves from one kind of ARM object to the other: a recommendation that Defender evaluates by itself from some day on,
or that a policy stands behind from then on. Both share no cell, but what they exempt must not be bare in between.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.verification.case import Case, Violation, Write
from reconciler.verification.coverage import preceding
from reconciler.verification.declared import Declared
from reconciler.verification.standards import ASSESSMENTS

_GONE = ("resource-gone", "assignment-gone")


def without_a_gap(case: Case) -> Iterator[Violation]:
    """What goes because its declaration moved on waits for all that takes its place, and is kept where that is not written."""
    for key, write in case.writes.items():
        declaration = _moved_on(case, write)
        if declaration is None:
            continue
        scope = write.before.scope if write.before else ""
        for point in sorted(case.targets.get(declaration.name, ())):
            is_elsewhere = scope not in case.tenant.chain(point.scope) and point.scope not in case.tenant.chain(scope)
            if is_elsewhere or any(
                line["cause"] in _GONE
                and line["scope"].lower() == point.scope
                and line["declaration"] == declaration.name
                for line in case.plan["held"]
            ):
                continue
            covering = {name for name, exemption in case.final.items() if case.is_covered([exemption], point)}
            covering_now = {name for name in covering if case.is_covered([case.tenant.exemptions.get(name)], point)}
            if not covering_now and covering.isdisjoint(preceding(case, [key])):  # in some order that the waits allow
                message = f"{point.reference} of {point.assignment} takes its place, and need not be there before"
                yield Violation(rule="never bare", subject=key, message=message)


def _moved_on(case: Case, write: Write) -> Declared | None:
    """The active declaration of one of ours that goes and whose kind of object it no longer means at all."""
    before = write.before
    if before is None or write.after is not None or write.change["reason"] != "removed":
        return None
    if before.end <= case.tenant.now or case.owner_of(before) != "ours":
        return None
    declaration = case.declarations.get(str(before.metadata.get("declaration")))
    if declaration is None or not declaration.is_active:
        return None
    kinds = {False} if declaration.only else {policy.startswith(ASSESSMENTS) for policy in declaration.policies}
    return None if before.assignment.startswith(ASSESSMENTS) in kinds else declaration
