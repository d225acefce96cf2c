"""The findings that its decisions leave behind, each with what to do about it."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.facts import Recommendation
from reconciler.catalog.retirement import retirement_cause, retirement_remedy
from reconciler.kinds import FindingKind
from reconciler.model import (
    ArmId,
    Assignment,
    Declaration,
    Exemption,
    Severity,
    Source,
    SubjectKind,
    count,
    owner_scope,
)
from reconciler.planning.descriptions import unproven, where_made
from reconciler.planning.evidence import Evidence
from reconciler.planning.hold_messages import label
from reconciler.planning.marks import declaration_of, made_by_user
from reconciler.planning.values import Change, Finding


def uncovered(declaration: Declaration, title: str, target: ArmId) -> Finding:
    """Nothing evaluates what is declared at this target."""
    if declaration.subject.kind is SubjectKind.CATEGORY:
        return Finding(
            kind=FindingKind.UNCOVERED,
            subject=target,
            message=f"the catalogue knows no recommendation of the category {title}, so {declaration.name!r} exempts nothing there",
            remedy="exempt catalog refresh reads from the tenant which recommendations belong to it; review catalog.yaml and run again",
            declaration=declaration.name,
            source=declaration.source,
            evidence=Evidence(cause="the catalogue knows no recommendation of this category"),
        )
    return Finding(
        kind=FindingKind.UNCOVERED,
        subject=target,
        message=f"no assignment at, above or below it evaluates {title!r}, so {declaration.name!r} exempts nothing there",
        remedy=f"assign {_assignable(declaration)}, or take the scope out of the declaration",
        declaration=declaration.name,
        source=declaration.source,
    )


def unexemptable(creates: Sequence[Change], assignment: Assignment | None) -> Finding:
    """Creates of one declaration, from one assignment, that Azure will refuse to the identity that planned."""
    first = creates[0]
    identifier = first.exemption.assignment
    scope = owner_scope(identifier)
    name = label(assignment) if assignment else identifier.name
    number = count(len(creates), "exemption")
    return Finding(
        kind=FindingKind.UNCOVERED,
        subject=first.exemption.scope,
        message=f"this identity may not exempt from assignment {name!r} at {scope}: {number} of {first.declaration!r} "
        "will be refused there, and Defender goes on to report the recommendation for this initiative",
        remedy=f"let an administrator grant Resource Policy Contributor at {scope}, or a role with only "
        "Microsoft.Authorization/policyAssignments/exempt/action: exempt doctor --role assignment",
        declaration=first.declaration,
        source=first.source,
        assignment=identifier,
        evidence=Evidence(cause="the identity has no right to exempt from this assignment"),
    )


def moot_not_scope(declaration: Declaration, scope: ArmId, assignment: Assignment) -> Finding:
    """The assignment does not look at the scope, so nothing is created."""
    return Finding(
        kind=FindingKind.MOOT,
        subject=scope,
        message=f"assignment {label(assignment)!r} excludes {scope} by its notScopes, so it needs no exemption there as long as that lasts",
        remedy="leave it, or take the scope out of the declaration if the exclusion is there to stay",
        declaration=declaration.name,
        source=declaration.source,
        assignment=assignment.id,
        evidence=Evidence(aspect="notScopes"),
    )


def ahead_of_not_scope(declaration: Declaration, scope: ArmId, assignment: Assignment) -> Finding:
    """Exempted although the assignment does not look at the scope yet, because the declaration asks for it."""
    return _ahead(
        declaration, scope, assignment, f"assignment {label(assignment)!r} still excludes {scope} by its notScopes"
    )


def ahead_of_move(declaration: Declaration, scope: ArmId, assignment: Assignment) -> Finding:
    """Exempted although the scope does not lie below the assignment yet, because the declaration asks for it."""
    return _ahead(declaration, scope, assignment, f"{scope} does not lie below assignment {label(assignment)!r} yet")


def _ahead(declaration: Declaration, scope: ArmId, assignment: Assignment, why: str) -> Finding:
    return Finding(
        kind=FindingKind.MOOT,
        subject=scope,
        message=f"exempted ahead of time: {why}; it takes effect when that has changed",
        remedy="make the change; afterwards 'ahead: true' can go",
        declaration=declaration.name,
        source=declaration.source,
        assignment=assignment.id,
        evidence=Evidence(aspect="ahead", cause="declared ahead of a change of the assignment or the hierarchy"),
    )


def moot_effect(declaration: Declaration, scope: ArmId, assignment: Assignment, references: tuple[str, ...]) -> Finding:
    """The policy is switched off, so the exemption waits."""
    named = f" ({', '.join(references)})" if references else ""
    return Finding(
        kind=FindingKind.MOOT,
        subject=scope,
        message=f"the effect of the policy{named} is Disabled in assignment {label(assignment)!r}, so the exemption changes nothing now",
        remedy="leave it for when the policy is switched on again, or remove the declaration if it is off for good",
        declaration=declaration.name,
        source=declaration.source,
        assignment=assignment.id,
        evidence=Evidence(aspect="effect", cause="the assignment disables the policy"),
    )


def moot_selector(declaration: Declaration, scope: ArmId, assignment: Assignment) -> Finding:
    """The assignment may not look at the scope."""
    return Finding(
        kind=FindingKind.MOOT,
        subject=scope,
        message=f"assignment {label(assignment)!r} evaluates only what its resource selectors choose, which may leave {scope} out",
        remedy="check the assignment's selectors if the exemption shows no effect",
        declaration=declaration.name,
        source=declaration.source,
        assignment=assignment.id,
        evidence=Evidence(aspect="resourceSelectors", cause="the assignment selects resources"),
    )


def retired(declaration: Declaration, recommendation: Recommendation, catalogue: Catalogue) -> Finding:
    """Microsoft withdrew what is declared; its policies are still evaluated."""
    assert recommendation.retirement is not None
    return Finding(
        kind=FindingKind.RETIRED,
        subject=declaration.scopes[0],
        message=f"recommendation {recommendation.title!r} is retired: an exemption of it changes nothing that Defender shows",
        remedy=retirement_remedy(recommendation, catalogue),
        declaration=declaration.name,
        source=declaration.source,
        evidence=Evidence(cause=retirement_cause(recommendation.retirement)),
    )


def unsupported(declaration: Declaration, title: str, why: str) -> Finding:
    """Defender may ignore exemptions of this recommendation."""
    return Finding(
        kind=FindingKind.UNSUPPORTED,
        subject=declaration.scopes[0],
        message=f"an exemption of {title!r} may have no effect: {why}",
        remedy="check the recommendation in Defender for Cloud a day after apply; set rules.strictUnsupported to refuse such declarations",
        declaration=declaration.name,
        source=declaration.source,
    )


def overlap(existing: Exemption, assignment: Assignment | None) -> Finding:
    """Somebody exempted a whole assignment."""
    name = label(assignment) if assignment else existing.assignment.name
    return Finding(
        kind=FindingKind.OVERLAP,
        subject=existing.id,
        message=f"exempts every policy of assignment {name!r} at {existing.scope}, so declaring single ones there makes no difference",
        remedy=f"remove it {where_made(existing)} if only the declared recommendations should be exempt; --strict refuses to go on beside it",
        assignment=existing.assignment,
    )


def duplicate(existing: Exemption, keeper: Exemption, declaration: Declaration) -> Finding:
    """An application's exemption stands beside ours."""
    return Finding(
        kind=FindingKind.DUPLICATE,
        subject=existing.id,
        message=f"exempts {_like(existing, keeper)} {keeper.name!r} of declaration {declaration.name!r}, and was made by an application",
        remedy="remove it where it is managed (Terraform, a pipeline), or add 'adopt: true' to the declaration",
        declaration=declaration.name,
        source=declaration.source,
        assignment=existing.assignment,
    )


def expired_foreign(existing: Exemption) -> Finding:
    """Somebody else left an expired exemption behind."""
    return Finding(
        kind=FindingKind.EXPIRED,
        severity_override=Severity.INFO,
        subject=existing.id,
        message=f"expired on {existing.expires_on[:10]} and is not ours; Azure no longer honours it",
        remedy=f"remove it {where_made(existing)}",
        assignment=existing.assignment,
    )


def shadowed(existing: Exemption, desired: Declaration, scope: ArmId) -> Finding:
    """An exemption further up makes a declared one meaningless."""
    return Finding(
        kind=FindingKind.SHADOWED,
        subject=existing.id,
        message=f"sits on {existing.scope}, which contains {scope}, and exempts policies of declaration {desired.name!r} there as well: "
        "when the declaration ends, the resource stays exempt",
        remedy="remove it, narrow it, or declare it as well",
        declaration=desired.name,
        source=desired.source,
        assignment=existing.assignment,
    )


def unmanaged(existing: Exemption) -> Finding:
    """Nobody declared it and nobody owns it."""
    return Finding(
        kind=FindingKind.UNMANAGED,
        subject=existing.id,
        message=f"{existing.display_name or existing.name!r} is declared nowhere",
        remedy=f"declare it (exempt drift proposes the file where it can), or remove it {where_made(existing)}",
        assignment=existing.assignment,
    )


def forged(existing: Exemption) -> Finding:
    """Somebody else wrote our mark."""
    declaration = declaration_of(existing)
    name = f" and names declaration {declaration!r}" if declaration else ""
    place = "in the portal" if made_by_user(existing) else "where it was made"  # our own mark says nothing of that
    return Finding(
        kind=FindingKind.FORGED,
        subject=existing.id,
        message=f"bears our mark{name}, but {unproven(existing)}",
        remedy="if it was adopted, name the record of the newest production run (--record FILE), or declare it with "
        f"'adopt: true'; if it is a forgery, find out who wrote it and remove it {place}; whoever applies this repository "
        "belongs into writers",
        assignment=existing.assignment,
    )


class OrphanCause(enum.StrEnum):
    """Why an exemption is left over although no edit of the repository made it so; the value is told to people."""

    ASSIGNMENT_GONE = "its assignment was deleted"
    OUT_OF_REACH = "its assignment does not reach it any more"
    REFERENCES_GONE = "its initiative has none of its reference ids any more"
    MOVED = "its scope was moved away from the target for which it is declared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """The cause, and the same with names."""

    cause: OrphanCause
    why: str


def orphaned(existing: Exemption, orphan: Orphan, source: Source | None, *, ours: bool) -> Finding:
    """An exemption that is left over: it can have no effect any more, or is meant there no more."""
    by_option = "remove it with: exempt apply --delete-orphans N (N: at most so many); or"
    if not ours:
        remedy = f"remove it {where_made(existing)}; where Azure answers ResourceGroupNotFound, recreate the group, delete it, remove the group"
    elif orphan.cause is OrphanCause.MOVED:
        remedy = f"{by_option} declare it for {existing.scope}"
    else:
        remedy = f"{by_option} remove the declaration. An assignment made anew gets its own exemption"
    is_moved = orphan.cause is OrphanCause.MOVED
    return Finding(
        kind=FindingKind.ORPHANED,
        subject=existing.id,
        message=f"{'is wanted by no declaration, and still exempts' if is_moved else 'exempts nothing'}: {orphan.why}",
        remedy=remedy,
        declaration=declaration_of(existing) or None,
        source=source,
        assignment=existing.assignment,
        evidence=Evidence(cause=orphan.cause.value),
    )


def kept_moot(existing: Exemption, assignment: Assignment, source: Source | None) -> Finding:
    """One of ours that its assignment does not look at any more."""
    return Finding(
        kind=FindingKind.MOOT,
        subject=existing.id,
        message=f"assignment {label(assignment)!r} now excludes {existing.scope} by its notScopes; the exemption is kept",
        remedy="remove the declaration when it is no longer wanted",
        declaration=declaration_of(existing) or None,
        source=source,
        assignment=existing.assignment,
    )


def kept_outside(existing: Exemption) -> Finding:
    """One of ours outside the managed scopes."""
    return Finding(
        kind=FindingKind.ORPHANED,
        severity_override=Severity.INFO,
        subject=existing.id,
        message="carries our mark but lies outside the scopes of reconciler.yaml, so it is never deleted",
        remedy="add its scope to reconciler.yaml to manage it again, or remove it in the portal",
        declaration=declaration_of(existing) or None,
        source=None,
        assignment=existing.assignment,
    )


def kept_unclear(existing: Exemption, why: str, source: Source | None) -> Finding:
    """One of ours that meets nothing desired, although no edit of the repository is the cause."""
    return Finding(
        kind=FindingKind.HELD,
        subject=existing.id,
        message=f"is wanted by no declaration, but kept: {why}",
        remedy="remove its declaration or the target from it if the exemption should go",
        declaration=declaration_of(existing) or None,
        source=source,
        assignment=existing.assignment,
    )


def quota(scope: ArmId, count: int) -> Finding:
    """A scope nears the number of exemptions that Azure allows."""
    return Finding(
        kind=FindingKind.QUOTA,
        severity_override=Severity.ERROR if count > 1000 else None,
        subject=scope,
        message=f"would hold {count} exemptions of the 1,000 that Azure allows on one scope",
        remedy="declare on the resource group or subscription instead of single resources, or remove expired ones",
    )


def _assignable(declaration: Declaration) -> str:
    """What would evaluate a declaration that nothing evaluates yet."""
    match declaration.subject.kind:
        case SubjectKind.RECOMMENDATION | SubjectKind.CATEGORY:
            return "an initiative that contains it (the Microsoft cloud security benchmark does by default)"
        case SubjectKind.POLICY:
            return "it, or an initiative that contains it"
        case SubjectKind.INITIATIVE | SubjectKind.ASSIGNMENT:
            return "it"


def _like(existing: Exemption, keeper: Exemption) -> str:
    """How far two exemptions list the same policies."""
    listed, kept_references = (
        {reference.lower() for reference in exemption.reference_ids} for exemption in (existing, keeper)
    )
    return "the same as" if listed == kept_references else "in part the same as"
