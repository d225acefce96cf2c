"""Findings about what is declared: it exempts nothing, not yet, or nothing that counts; each with what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.facts import Recommendation
from reconciler.catalog.retirement import retirement_cause, retirement_remedy
from reconciler.kinds import FindingKind
from reconciler.model import (
    ArmId,
    Assignment,
    Declaration,
    SubjectKind,
    count,
    owner_scope,
)
from reconciler.planning.evidence import Evidence
from reconciler.planning.hold_messages import label
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


def _assignable(declaration: Declaration) -> str:
    """What would evaluate a declaration that nothing evaluates yet."""
    match declaration.subject.kind:
        case SubjectKind.RECOMMENDATION | SubjectKind.CATEGORY:
            return "an initiative that contains it (the Microsoft cloud security benchmark does by default)"
        case SubjectKind.POLICY:
            return "it, or an initiative that contains it"
        case SubjectKind.INITIATIVE | SubjectKind.ASSIGNMENT:
            return "it"


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
        message=f"this identity may not exempt from assignment {name!r}: {number} of {first.declaration!r} "
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
        message=f"assignment {label(assignment)!r} excludes this scope by its notScopes, so it needs no exemption here as long as that lasts",
        remedy="leave it, or take the scope out of the declaration if the exclusion is there to stay",
        declaration=declaration.name,
        source=declaration.source,
        assignment=assignment.id,
        evidence=Evidence(aspect="notScopes"),
    )


def ahead_of_not_scope(declaration: Declaration, scope: ArmId, assignment: Assignment) -> Finding:
    """Exempted although the assignment does not look at the scope yet, because the declaration asks for it."""
    return _ahead(
        declaration, scope, assignment, f"assignment {label(assignment)!r} still excludes this scope by its notScopes"
    )


def ahead_of_move(declaration: Declaration, scope: ArmId, assignment: Assignment) -> Finding:
    """Exempted although the scope does not lie below the assignment yet, because the declaration asks for it."""
    return _ahead(declaration, scope, assignment, f"this scope does not lie below assignment {label(assignment)!r} yet")


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
        message=f"assignment {label(assignment)!r} evaluates only what its resource selectors choose, which may leave this scope out",
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
        remedy=retirement_remedy(recommendation, catalogue, is_listed=declaration.is_list),
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
