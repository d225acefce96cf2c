"""What excuses a declared fact that nothing of ours owns: it is held, was not read, or is none of this plan's business."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.verification.case import Case, is_about_an_object
from reconciler.verification.objects import JSON, SINGLE, Point
from reconciler.verification.writes import allows_whole

_IN_THE_WAY: Final = {"foreign-owner": "foreign", "not-adoptable": "application", "forged": "ours"}
"""By the cause of a held line, whose exemption it says is there already."""


def is_excused(case: Case, point: Point, name: str) -> bool:
    """Held, not read, or outside what this plan is about: the managed scopes, or those that it was narrowed to."""
    chain = set(case.tenant.chain(point.scope))
    if case.tenant.is_unread(point.scope) or case.tenant.is_left_out(point.scope):
        return True
    if case.scopes.isdisjoint(chain) and (case.is_narrowed or not case.is_managed(point.scope)):
        return True
    return all(
        any(_holds(case, line, point, target) for line in case.plan["held"] if line["declaration"] == name)
        for target in case.targets[name][point]
    )


def _holds(case: Case, line: Mapping[str, JSON], point: Point, target: str) -> bool:
    """Whether a held line is about what this target wants at this point."""
    return (
        line["scope"].lower() in (point.scope, target)
        and (line["assignment"] is None or line["assignment"].lower() == point.assignment)
        and point.reference in (case.held_references(line, point.assignment) or (point.reference,))
        and (_would_bear(case, line, point) if is_about_an_object(line) else _is_borne_out(case, line, point, target))
    )


def _is_borne_out(case: Case, line: Mapping[str, JSON], point: Point, target: str) -> bool:
    """Whether the raw objects show the cause that a held line gives. What follows from the rules of reconciler.yaml or
    from what Azure Policy says of a definition is believed.
    """
    declaration = case.declarations[line["declaration"]]
    cause = line["cause"]
    match cause:
        case "unread" | "initiative-unread":
            return bool(case.tenant.snapshot["unread"])
        case "foreign-owner" | "not-adoptable" | "forged":
            return any(
                (exemption.scope, exemption.selectors) == (point.scope, point.selectors)
                and exemption.end > case.tenant.now
                and case.owner_of(exemption) == _IN_THE_WAY[cause]
                and (cause != "forged" or not case.is_believed(exemption))
                for exemption in case.by_cell[point.assignment, point.reference]
            )
        case "conflict":
            return _is_contended(case, declaration.name, point)
        case "outside-scopes":
            return not case.is_managed(target)
        case "resource-gone":
            return target in case.tenant.snapshot["gone"]
        case "whole-assignment":
            return bool(declaration.only) and not declaration.references and not allows_whole(case)
        case "assignment-gone" | "unknown-reference":
            return False  # nothing is wanted of what is not there
        case _:
            return True


def _is_contended(case: Case, name: str, point: Point) -> bool:
    """Whether another declaration wants the same for the same resources at this scope, or around or below it, and is held for
    that as well, unless the plan was narrowed to where it is not.
    """
    reported = {
        line["declaration"]
        for line in case.plan["held"]
        if line["cause"] == "conflict"
        and str(line["assignment"]).lower() == point.assignment
        and point.reference in case.held_references(line, point.assignment)
    }
    return any(
        rival != name
        and (rival in reported or case.is_narrowed)
        and (
            elsewhere.selectors == point.selectors
            if elsewhere.scope == point.scope
            else elsewhere.scope in case.tenant.chain(point.scope) or point.scope in case.tenant.chain(elsewhere.scope)
        )
        and any(map(case.is_managed, case.targets[rival][elsewhere]))
        for rival, elsewhere in case.wanting[point.assignment, point.reference]
    )


def _would_bear(case: Case, line: Mapping[str, JSON], point: Point) -> bool:
    """Whether the object that a held line says is not reduced is what would bear the fact: it has the declaration's mark, or
    its update, which the line then names the file of, would give it one. Not where the plan creates what bears it.
    """
    is_whole = not line["referenceIds"] and case.tenant.members.get(point.assignment, {}).keys() != {SINGLE}
    if not line.get("exemption"):  # a plan of format 1.1 does not say which object
        return not is_whole
    exemption = case.tenant.exemptions.get(line["exemption"].lower())
    if exemption is None or (line["declaration"], exemption.scope, point.assignment) in case.created:
        return False
    if exemption.metadata.get("declaration") == line["declaration"]:
        return True
    return line["source"] is not None and (not is_whole or case.is_covered([exemption], point))
