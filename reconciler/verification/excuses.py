"""What excuses a declared fact that nothing of ours owns: it is held, was not read, or is none of this plan's business."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.verification import rules
from reconciler.verification.case import Case, is_about_an_object
from reconciler.verification.declared import Declared
from reconciler.verification.objects import JSON, SINGLE, Coverage, Point
from reconciler.verification.writes import adopts, takes_over


def is_excused(case: Case, point: Point, name: str) -> bool:
    """Held, not read, or outside what this plan is about: the managed scopes, or those that it was narrowed to."""
    chain = set(case.tenant.chain(point.scope))
    if case.tenant.is_unlisted(point.scope) or case.tenant.is_left_out(point.scope):
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
    """Whether raw objects, declarations and settings show the cause that a held line gives."""
    declaration = case.declarations[line["declaration"]]
    cause = line["cause"]
    match cause:
        case "unread":
            # Or nobody knows whether the target is managed.
            is_lost = not case.is_managed(target) and case.tenant.has_hidden_descendants
            return is_lost or case.tenant.is_unlisted(target)
        case "foreign-owner" | "not-adoptable" | "forged":
            return any(
                (exemption.scope, exemption.selectors) == (point.scope, point.selectors)
                and exemption.end > case.tenant.now
                and _is_in_the_way(case, cause, declaration, exemption)
                for exemption in case.by_cell[point.assignment, point.reference]
            )
        case "conflict":
            return _is_contended(case, declaration.name, point)
        case "outside-scopes":
            return not case.is_managed(target)
        case "resource-gone":
            return target in case.tenant.snapshot["gone"]
        case "whole-assignment":
            return rules.is_whole(case, declaration, point.assignment) and not rules.allows_whole(case)
        case "assignment-gone" | "initiative-unread" | "unknown-reference":
            return False  # nothing is wanted of what is not there
        case _:
            return rules.is_broken(case, line, declaration, point, target)


def _is_in_the_way(case: Case, cause: str, declaration: Declared, exemption: Coverage) -> bool:
    """Whether an exemption is somebody's whom the cause names, and the declaration may not have it."""
    match cause, case.owner_of(exemption):
        case "foreign-owner", "foreign":
            return not takes_over(declaration, exemption)
        case "not-adoptable", "application":
            return not adopts(case, declaration, exemption)
        case "forged", "ours":
            return not declaration.may_adopt and not case.is_believed(exemption)
    return False


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
    if not _is_kept(case, line, point):
        return False
    is_whole = not line["referenceIds"] and case.tenant.members.get(point.assignment, {}).keys() != {SINGLE}
    if not line.get("exemption"):  # a plan of format 1.1 does not say which object
        return not is_whole
    exemption = case.tenant.exemptions.get(line["exemption"].lower())
    if exemption is None or (line["declaration"], point.scope, point.assignment) in case.created:
        return False
    is_there = exemption.scope == line["scope"].lower() == point.scope and exemption.assignment == point.assignment
    if not is_there or exemption.end <= case.tenant.now:
        return False
    if case.owner_of(exemption) == "foreign" and not takes_over(case.declarations[line["declaration"]], exemption):
        return False
    if exemption.metadata.get("declaration") == line["declaration"]:
        return True
    # One of ours for a whole initiative is cut down to what is declared, for the resources that the declaration chooses.
    would_serve = (
        case.owner_of(exemption) == "ours"
        and exemption.scope == point.scope
        and point.reference in exemption.references
    )
    return line["source"] is not None and (not is_whole or would_serve or case.is_covered([exemption], point))


def _is_kept(case: Case, line: Mapping[str, JSON], point: Point) -> bool:
    """Whether anything shows why an object is not reduced: something around it is unread, what replaces it lies outside the
    run, or something around it in the same assignment, or of the same declaration, is held as well.
    """
    match line["cause"]:
        case "unread":
            return case.tenant.is_unread(point.scope)
        case "left-out":
            return case.is_narrowed
    return any(
        hold is not line
        and (
            hold["assignment"] is None
            or hold["declaration"] == line["declaration"]
            or hold["assignment"].lower() == point.assignment
        )
        and (
            hold["scope"].lower() in case.tenant.chain(point.scope)
            or point.scope in case.tenant.chain(hold["scope"].lower())
        )
        for hold in case.plan["held"]
    )
