"""Every sentence that planning says to a person: why something is held or found, and what to do about it.

Kept in one place so that they can be read, and improved, together. Each says what, why, and the remedy.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from reconciler.model import ArmId, Assignment, Declaration, Exemption, Initiative, Source, Unread
from reconciler.planning.marks import declaration_of, owners
from reconciler.planning.values import Finding, FindingKind, Severity


@dataclass(frozen=True, slots=True)
class Words:
    """A message and its remedy."""

    message: str
    remedy: str


def label(assignment: Assignment) -> str:
    """An assignment as people know it."""
    return assignment.display_name or assignment.id.name


# --- why something is held ---------------------------------------------------------------------------------------


def unread(found: Unread) -> Words:
    return Words(
        f"{found.scope} could not be read: {found.reason}",
        found.remedy or "give the identity Reader there and run again",
    )


def outside_scopes(target: ArmId) -> Words:
    return Words(
        f"{target} lies outside the scopes of reconciler.yaml",
        "add a scope that contains it to reconciler.yaml, or take the target out of the declaration",
    )


def resource_gone(target: ArmId) -> Words:
    return Words(f"{target} no longer exists", "take the target out of the declaration, or restore the resource")


def assignment_gone(assignment: ArmId) -> Words:
    return Words(
        f"policy assignment {assignment} does not exist",
        "correct policyAssignment, or declare the recommendation so that every assignment is found",
    )


def assignment_unread(assignment: ArmId) -> Words:
    return Words(
        f"policy assignment {assignment} could not be read",
        "give the identity Microsoft.Authorization/policyAssignments/read at its scope and run again",
    )


def initiative_unread(assignment: Assignment) -> Words:
    return Words(
        f"the initiative of assignment {label(assignment)!r} could not be read ({assignment.definition}), "
        "so its reference ids are unknown",
        "give the identity Microsoft.Authorization/policySetDefinitions/read where it is defined and run again",
    )


def unknown_reference(assignment: Assignment, unknown: tuple[str, ...], initiative: Initiative | None) -> Words:
    listed = ", ".join(repr(reference) for reference in unknown)
    if initiative is None:
        message = f"assignment {label(assignment)!r} is of a single policy, which has no reference ids (got {listed})"
        return Words(message, "remove referenceIds from the declaration")
    known = [member.reference_id for member in initiative.members]
    near = difflib.get_close_matches(unknown[0], known, n=3, cutoff=0.5)
    hint = f"; nearest: {', '.join(repr(each) for each in near)}" if near else ""
    return Words(
        f"the initiative of assignment {label(assignment)!r} has no reference id {listed}",
        f"correct referenceIds in the declaration{hint}",
    )


def whole_refused(assignment: Assignment) -> Words:
    return Words(
        f"no referenceIds would exempt every policy of assignment {label(assignment)!r}",
        "name referenceIds, or set rules.allowWholeAssignment: true in reconciler.yaml",
    )


def conflict(mine: Declaration, other: Declaration, scope: ArmId, other_scope: ArmId, assignment: Assignment) -> Words:
    where = (
        f"at {scope}" if scope == other_scope else f"at {scope} and at {other_scope}, one of which contains the other,"
    )
    return Words(
        f"declarations {mine.name!r} ({_place(mine.source)}) and {other.name!r} ({_place(other.source)}) both want the "
        f"same policy {where} in assignment {label(assignment)!r}",
        "keep one of them: extend its scopes and remove the other",
    )


def foreign_owner(live: Exemption) -> Words:
    names = owners(live)
    return Words(
        f"{live.id} already exempts this and belongs to {names[0]!r}",
        f"agree with its owner, then add 'takeOver: {names[0]}' to the declaration, or have it removed there",
    )


def not_adoptable(live: Exemption) -> Words:
    by = live.system.created_by if live.system else "an unknown identity"
    return Words(
        f"{live.id} already exempts this and was made by an application ({by}), such as Terraform or a pipeline",
        "add 'adopt: true' to the declaration to take it into this repository, or remove it where it is managed",
    )


def reduction_unread(found: Unread) -> Words:
    return Words(
        f"not reduced, because {found.scope} could not be read ({found.reason}) and something there may depend on it",
        found.remedy or "give the identity Reader there and run again",
    )


def neighbour_held(live: Exemption) -> Words:
    return Words(
        f"{live.id} is not reduced, because a declaration that may need it is held",
        "settle what is held there first; the next run does the rest",
    )


def left_out(scope: ArmId) -> Words:
    return Words(
        f"not reduced, because what replaces it at {scope} lies outside this run's --scope",
        "run again without --scope, or with one that contains both",
    )


# --- findings ----------------------------------------------------------------------------------------------------


def uncovered(declaration: Declaration, title: str, target: ArmId) -> Finding:
    return Finding(
        FindingKind.UNCOVERED, Severity.WARNING, target,
        f"no assignment at, above or below it evaluates {title!r}, so {declaration.name!r} exempts nothing there",
        "assign an initiative that contains it (the Microsoft cloud security benchmark does by default), or take the scope out of the declaration",
        declaration.name, declaration.source,
    )  # fmt: skip


def moot_not_scope(declaration: Declaration, scope: ArmId, assignment: Assignment) -> Finding:
    return Finding(
        FindingKind.MOOT, Severity.INFO, scope,
        f"assignment {label(assignment)!r} excludes {scope} by its notScopes, so it needs no exemption there",
        "nothing needs to be done; an exemption is created once the exclusion is lifted",
        declaration.name, declaration.source, assignment.id, {"what": "notScopes"},
    )  # fmt: skip


def moot_effect(declaration: Declaration, scope: ArmId, assignment: Assignment, references: tuple[str, ...]) -> Finding:
    named = f" ({', '.join(references)})" if references else ""
    return Finding(
        FindingKind.MOOT, Severity.INFO, scope,
        f"the effect of the policy{named} is Disabled in assignment {label(assignment)!r}, so the exemption changes nothing now",
        "nothing needs to be done; the exemption takes effect when the policy is enabled",
        declaration.name, declaration.source, assignment.id, {"what": "effect"},
    )  # fmt: skip


def moot_selector(declaration: Declaration, scope: ArmId, assignment: Assignment) -> Finding:
    return Finding(
        FindingKind.MOOT, Severity.INFO, scope,
        f"assignment {label(assignment)!r} evaluates only what its resource selectors choose, which may leave {scope} out",
        "nothing needs to be done; check the assignment's selectors if the exemption shows no effect",
        declaration.name, declaration.source, assignment.id, {"what": "resourceSelectors"},
    )  # fmt: skip


def unsupported(declaration: Declaration, title: str, why: str) -> Finding:
    return Finding(
        FindingKind.UNSUPPORTED, Severity.WARNING, declaration.scopes[0],
        f"an exemption of {title!r} may have no effect: {why}",
        "check the recommendation in Defender for Cloud a day after apply; set rules.strictUnsupported to refuse such declarations",
        declaration.name, declaration.source,
    )  # fmt: skip


def overlap(live: Exemption, assignment: Assignment | None) -> Finding:
    name = label(assignment) if assignment else live.assignment.name
    return Finding(
        FindingKind.OVERLAP, Severity.WARNING, live.id,
        f"exempts every policy of assignment {name!r} at {live.scope}, so declared exemptions there make no difference",
        "remove it in the portal if only the declared recommendations should be exempt; --strict refuses to go on beside it",
        assignment=live.assignment,
    )  # fmt: skip


def duplicate(live: Exemption, keeper: Exemption, declaration: Declaration) -> Finding:
    return Finding(
        FindingKind.DUPLICATE, Severity.WARNING, live.id,
        f"exempts the same as {keeper.name!r} of declaration {declaration.name!r}, and was made by an application",
        "remove it where it is managed (Terraform, a pipeline), or add 'adopt: true' to the declaration",
        declaration.name, declaration.source, live.assignment,
    )  # fmt: skip


def expired_foreign(live: Exemption) -> Finding:
    return Finding(
        FindingKind.EXPIRED, Severity.INFO, live.id,
        f"expired on {live.expires_on[:10]} and is not ours; Azure no longer honours it",
        "remove it in the portal, or where it is managed",
        assignment=live.assignment,
    )  # fmt: skip


def shadowed(live: Exemption, desired: Declaration, scope: ArmId) -> Finding:
    return Finding(
        FindingKind.SHADOWED, Severity.WARNING, live.id,
        f"sits on {live.scope}, which contains {scope}, and exempts the same as declaration {desired.name!r}: "
        "when the declaration ends, the resource stays exempt",
        "remove it, narrow it, or declare it as well",
        desired.name, desired.source, live.assignment,
    )  # fmt: skip


def unmanaged(live: Exemption) -> Finding:
    return Finding(
        FindingKind.UNMANAGED, Severity.WARNING, live.id,
        f"{live.display_name or live.name!r} is declared nowhere",
        "declare it ('exempt import' writes the file), or remove it in the portal",
        assignment=live.assignment,
    )  # fmt: skip


def orphaned(live: Exemption, why: str, source: Source | None, *, ours: bool) -> Finding:
    remedy = (
        "remove it with --delete-orphans, or remove the declaration; an assignment made anew gets its own exemption"
        if ours
        else "remove it in the portal; where Azure answers ResourceGroupNotFound, recreate the group, delete it, remove the group"
    )
    return Finding(
        FindingKind.ORPHANED, Severity.WARNING, live.id, f"exempts nothing: {why}", remedy,
        declaration_of(live) or None, source, live.assignment,
    )  # fmt: skip


def kept_moot(live: Exemption, assignment: Assignment, source: Source | None) -> Finding:
    return Finding(
        FindingKind.MOOT, Severity.INFO, live.id,
        f"assignment {label(assignment)!r} now excludes {live.scope} by its notScopes; the exemption is kept",
        "remove the declaration when it is no longer wanted",
        declaration_of(live) or None, source, live.assignment,
    )  # fmt: skip


def kept_outside(live: Exemption) -> Finding:
    return Finding(
        FindingKind.ORPHANED, Severity.INFO, live.id,
        "carries our mark but lies outside the scopes of reconciler.yaml, so it is never deleted",
        "add its scope to reconciler.yaml to manage it again, or remove it in the portal",
        declaration_of(live) or None, None, live.assignment,
    )  # fmt: skip


def kept_unclear(live: Exemption, why: str, source: Source | None) -> Finding:
    return Finding(
        FindingKind.HELD, Severity.WARNING, live.id, f"is wanted by no declaration, but kept: {why}",
        "remove its declaration or the target from it if the exemption should go",
        declaration_of(live) or None, source, live.assignment,
    )  # fmt: skip


def quota(scope: ArmId, count: int) -> Finding:
    return Finding(
        FindingKind.QUOTA, Severity.ERROR if count > 1000 else Severity.WARNING, scope,
        f"would hold {count} exemptions of the 1,000 that Azure allows on one scope",
        "declare on the resource group or subscription instead of single resources, or remove expired ones",
    )  # fmt: skip


def _place(source: Source) -> str:
    return f"{source.file}:{source.line}"
