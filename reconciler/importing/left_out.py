"""Exemptions in Azure that an import leaves out or refuses, each with why and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reconciler.arm.canonical import category
from reconciler.importing.unsaid import unsaid
from reconciler.importing.values import ImportRow, Outcome
from reconciler.model import Assignment, Carrier, Category, parse_scope
from reconciler.planning.desired.subjects import existing_cells
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.marks import Ownership, describe_owner, made_by_user, owners
from reconciler.planning.stages import PlanBasis

_CATEGORIES: Final = frozenset(item.value for item in Category)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What the command line allows: owners that may be taken over, and whether applications' exemptions are adopted."""

    take_over: tuple[str, ...] = ()
    adopt: bool = False


def row_of(existing: ExistingExemption, outcome: Outcome, message: str = "", remedy: str = "") -> ImportRow:
    """A line of the report about an existing exemption."""
    exemption = existing.exemption
    return ImportRow(
        source=exemption.id.text,
        title=exemption.display_name or exemption.name,
        outcome=outcome,
        message=message,
        remedy=remedy,
    )


def left_out(existing: ExistingExemption, basis: PlanBasis, permissions: Permissions) -> ImportRow | None:
    """Why an existing exemption is not imported whatever else there is; None where it may be."""
    exemption, snapshot = existing.exemption, basis.inputs.snapshot
    assignment = snapshot.assignments.get(exemption.assignment.key)
    match existing.ownership:
        case Ownership.OURS:
            is_declared = any(existing.mark == item.name for item in basis.inputs.declarations.declarations)
            message = f"it is ours, by the declaration {existing.mark!r}"
            if is_declared:
                return row_of(existing, Outcome.DECLARED, message)
            return row_of(
                existing, Outcome.LEFT, f"{message}, which is absent", "restore that file, or let apply remove it"
            )
        case Ownership.FOREIGN if not set(owners(exemption)) & set(permissions.take_over):
            names = owners(exemption)
            remedy = f"import with --take-over {names[0]}" if names else "ask whoever wrote its mark"
            return row_of(existing, Outcome.LEFT, f"it belongs to {describe_owner(exemption)}", remedy)
        case Ownership.FORGED if not permissions.adopt:
            return row_of(
                existing,
                Outcome.REFUSED,
                "it bears our mark, but none of our writers made it or wrote it last",
                "find out who did; import with --adopt to make it ours",
            )
        case Ownership.UNOWNED if not made_by_user(exemption) and not permissions.adopt:
            if exemption.carrier is Carrier.STANDARD:
                message = "Azure does not say whether a person or an application made it"
                return row_of(existing, Outcome.LEFT, message, "import with --adopt if no other tool manages it")
            return row_of(
                existing,
                Outcome.LEFT,
                "an application made it, such as Terraform or a pipeline, which may write it again",
                "take it out of that tool and import with --adopt",
            )
    if existing.expired:
        return row_of(
            existing, Outcome.LEFT, f"it expired on {exemption.expires_on}, so Azure honours it no more", "delete it"
        )
    refusal = _inexpressible(existing, basis, assignment)
    return row_of(existing, Outcome.REFUSED, *refusal) if refusal else None


def _inexpressible(
    existing: ExistingExemption, basis: PlanBasis, assignment: Assignment | None
) -> tuple[str, str] | None:
    exemption, snapshot = existing.exemption, basis.inputs.snapshot
    initiative = snapshot.initiatives.get(exemption.assignment.key)
    try:
        parse_scope(exemption.scope.text)
    except ValueError as error:
        return f"its scope is {error}", "remove it, or exempt a scope of these kinds"
    if category(exemption.category) not in _CATEGORIES:
        return f"its category {exemption.category!r} is none that Azure documents", "set Waiver or Mitigated in Azure"
    if (reason := unsaid(exemption, basis.inputs.catalogue)) is not None:
        return reason
    if assignment is None:
        if exemption.assignment.key in snapshot.gone:
            return f"its assignment {exemption.assignment} is gone, so it exempts nothing", "delete it"
        return f"its assignment {exemption.assignment} could not be read", "give the identity Reader above it"
    if assignment.is_initiative and initiative is None:
        return (
            f"the initiative {assignment.definition} could not be read",
            "give the identity Reader where it is defined",
        )
    if not existing_cells(existing.cells, initiative):
        names = ", ".join(sorted(exemption.reference_ids))
        return f"its initiative has none of its reference ids any more ({names}), so it exempts nothing", "delete it"
    if existing.whole and assignment.is_initiative and not basis.inputs.settings.rules.allow_whole_assignment:
        return (
            "it exempts the whole initiative, which rules.allowWholeAssignment does not allow",
            "set that rule, or exempt single policies instead",
        )
    if assignment.not_scopes and {scope.key for scope in assignment.not_scopes} & set(
        basis.tree.chain(exemption.scope)
    ):
        return "its assignment does not evaluate its scope (notScopes), so it exempts nothing", "delete it"
    return None
