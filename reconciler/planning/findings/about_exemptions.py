"""Findings about exemptions that exist in Azure, each with what to do about it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from reconciler.kinds import FindingKind
from reconciler.model import (
    ArmId,
    Assignment,
    Carrier,
    Declaration,
    Exemption,
    Severity,
    Source,
)
from reconciler.planning.descriptions import unproven, where_made
from reconciler.planning.evidence import Evidence
from reconciler.planning.hold_messages import label
from reconciler.planning.marks import declaration_of, made_by_user
from reconciler.planning.values import Finding


def overlap(existing: Exemption, assignment: Assignment | None) -> Finding:
    """Somebody exempted a whole assignment."""
    name = label(assignment) if assignment else existing.assignment.name
    return Finding(
        kind=FindingKind.OVERLAP,
        subject=existing.id,
        message=f"exempts every policy of assignment {name!r} on this scope, so declaring single ones here makes no difference",
        remedy=f"remove it {where_made(existing)} if only the declared recommendations should be exempt; --strict refuses to go on beside it",
        assignment=existing.assignment,
    )


def duplicate(existing: Exemption, keeper: Exemption, declaration: Declaration) -> Finding:
    """An application's exemption stands beside ours, or one of which Azure does not say whose work it is."""
    is_standard = existing.carrier is Carrier.STANDARD
    maker = (
        "Azure does not say whether a person or an application made it" if is_standard else "was made by an application"
    )
    first, second = ({reference.lower() for reference in side.reference_ids} for side in (existing, keeper))
    likeness = "the same as" if first == second else "in part the same as"
    return Finding(
        kind=FindingKind.DUPLICATE,
        subject=existing.id,
        message=f"exempts {likeness} {keeper.name!r} of declaration {declaration.name!r}, and {maker}",
        remedy=f"remove it {where_made(existing)}, or add 'adopt: true' to the declaration",
        declaration=declaration.name,
        source=declaration.source,
        assignment=existing.assignment,
        evidence=Evidence(cause="made beside the declared one" if is_standard else ""),
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
    subject = "the recommendation" if existing.carrier is Carrier.STANDARD else "policies"
    return Finding(
        kind=FindingKind.SHADOWED,
        subject=existing.id,
        message=f"sits on a scope that contains {scope}, and exempts {subject} of declaration {desired.name!r} there as well: "
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
        message=f"assignment {label(assignment)!r} now excludes this scope by its notScopes; the exemption is kept",
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


def kept_unproven(existing: Exemption, source: Source | None) -> Finding:
    """One of ours whose mark somebody else wrote, so that it is no proof that anything was removed."""
    writer = existing.system.last_writer if existing.system else ""
    doubt = (
        f"{writer}, none of the writers of reconciler.yaml, wrote its mark"
        if writer
        else "Azure does not say who wrote its mark"
    )
    return Finding(
        kind=FindingKind.HELD,
        subject=existing.id,
        message=f"is wanted by no declaration, but kept: {doubt}, and no recent version of "
        f"declaration {declaration_of(existing)!r} listed its target",
        remedy="find out who wrote it, and remove it in the portal if nobody needs it",
        declaration=declaration_of(existing) or None,
        source=source,
        assignment=existing.assignment,
        evidence=Evidence(cause="somebody else wrote its mark"),
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
