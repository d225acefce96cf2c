"""Why something is held, and what would free it: the sentences that planning says to a person about what it cannot do.

Kept in one place so that they can be read, and improved, together. Each says what, why, and the remedy. The findings
of planning have theirs in `findings/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from reconciler.documents.suggest import did_you_mean, nearest_few
from reconciler.model import (
    UNREAD_REMEDY,
    ArmId,
    Assignment,
    Declaration,
    Diagnostic,
    Exemption,
    FolderRule,
    Initiative,
    Source,
    Unread,
    first_few,
    is_assessment,
    owner_scope,
)
from reconciler.planning.descriptions import maker, unproven
from reconciler.planning.marks import describe_owner, owners


def label(assignment: Assignment) -> str:
    """An assignment as people know it."""
    return assignment.display_name or assignment.id.name


def _within(assignment: Assignment) -> str:
    """`in assignment 'mcsb'`, or of what no policy stands behind: `for recommendation 'X'`."""
    if is_assessment(assignment.id.key):
        return f"for recommendation {label(assignment)!r}"
    return f"in assignment {label(assignment)!r}"


def unread(line: Unread) -> Diagnostic:
    """A target, or something below it, is unknown."""
    return Diagnostic(
        message=f"{line.scope} could not be read: {line.message}",
        remedy=line.remedy or UNREAD_REMEDY,
    )


def outside_scopes(target: ArmId) -> Diagnostic:
    """The declaration reaches beyond what this repository manages."""
    return Diagnostic(
        message=f"{target} lies outside the scopes of reconciler.yaml",
        remedy="add a scope that contains it to reconciler.yaml, or take the target out of the declaration",
    )


def outside_places(target: ArmId, rule: FolderRule) -> Diagnostic:
    """The declaration reaches beyond what those of its folder may exempt."""
    places = first_few([place.text for place in rule.below or ()], 3)
    return Diagnostic(
        message=f"{target} does not lie at or below {places}, where declarations in exemptions/{rule.folder} may exempt",
        remedy="correct the id, or put the file into the folder whose owners answer for this scope",
    )


def no_subscription(target: ArmId) -> Diagnostic:
    """The declaration names a subscription that Azure does not find: mistyped, of another tenant, or deleted."""
    return Diagnostic(
        message=f"Azure finds no subscription {target.subscription}: it does not exist, or not in this tenant",
        remedy="correct the id, or take the target out of the declaration",
    )


def resource_gone(target: ArmId, similar: Sequence[ArmId] = ()) -> Diagnostic:
    """The declared resource was deleted, or never was; `similar` are what may have been meant."""
    otherwise = "take the target out of the declaration, or restore the resource"
    near = [candidate.name if candidate.parent == target.parent else candidate.text for candidate in similar]
    question = did_you_mean(near)
    return Diagnostic(
        message=f"Azure finds no {target.text}: it is mistyped, or was deleted or moved",
        remedy=f"{question} Else {otherwise}" if question else otherwise,
    )


def assignment_gone(assignment: ArmId) -> Diagnostic:
    """The declared assignment was deleted."""
    return Diagnostic(
        message=f"policy assignment {assignment} does not exist",
        remedy="correct policyAssignment, or declare the recommendation so that every assignment is found",
    )


def assignment_unread(assignment: ArmId) -> Diagnostic:
    """The declared assignment may not be seen."""
    return Diagnostic(
        message=f"policy assignment {assignment} could not be read",
        remedy="give the identity Microsoft.Authorization/policyAssignments/read at its scope and run again",
    )


def initiative_unread(assignment: Assignment, line: Unread | None) -> Diagnostic:
    """Which references an assigned initiative has is unknown; `found` says why, in Azure's words, and what to do.

    The assignment is not named, so that one initiative that is assigned in many places is one cause.
    """
    definition = assignment.definition
    reason = f": {line.message}" if line else ""
    is_built_in = definition.key.startswith("/providers/microsoft.authorization/")
    otherwise = (
        "run again: every identity may read a built-in initiative"
        if is_built_in
        else f"give the identity Microsoft.Authorization/policySetDefinitions/read at {owner_scope(definition)}, and run again"
    )
    return Diagnostic(
        message=f"initiative {definition.name!r} could not be read, so its reference ids are unknown{reason}",
        remedy=(line.remedy if line else "") or otherwise,
    )


def unknown_reference(assignment: Assignment, unknown: tuple[str, ...], initiative: Initiative | None) -> Diagnostic:
    """A declared reference id does not exist, with the nearest ones that do."""
    listed = ", ".join(repr(reference) for reference in unknown)
    if initiative is None:
        message = f"assignment {label(assignment)!r} is of a single policy, which has no reference ids (got {listed})"
        return Diagnostic(message=message, remedy="remove referenceIds from the declaration")
    corrections: list[str] = []
    for text in unknown:
        references = [
            repr(member.reference_id)
            for member in initiative.members
            if text.lower() in {member.definition.key, member.definition.name.lower()}
        ]
        if references:  # somebody named a policy, by its id or the last segment of that
            corrections.append(f"{', '.join(references)} for {text!r}")
    if corrections:
        remedy = f"a policy is named by its reference id in the initiative: write {'; '.join(corrections)}"
    else:
        near = nearest_few(unknown[0], [member.reference_id for member in initiative.members], 3)
        nearest = f"; nearest: {', '.join(repr(reference) for reference in near)}" if near else ""
        remedy = f"correct referenceIds in the declaration{nearest}"
    return Diagnostic(
        message=f"the initiative of assignment {label(assignment)!r} has no reference id {listed}", remedy=remedy
    )


def whole_refused(assignment: Assignment) -> Diagnostic:
    """An exemption without references is not allowed here."""
    return Diagnostic(
        message=f"no referenceIds would exempt every policy of assignment {label(assignment)!r}",
        remedy="name referenceIds, or set rules.allowWholeAssignment: true in reconciler.yaml",
    )


def never_exempt(assignment: Assignment, title: str) -> Diagnostic:
    """Behind what is wanted stands a policy that reconciler.yaml protects; only the initiative shows it."""
    return Diagnostic(
        message=f"{_within(assignment)} it would exempt {title!r}, which rules.neverExempt in reconciler.yaml forbids",
        remedy="narrow the declaration with referenceIds, or ask the owners of reconciler.yaml",
    )


def lifetime(declaration: Declaration, days: int, severity: str | None, latest: date) -> Diagnostic:
    """The policies behind it may be exempted only for a shorter time; only the initiative shows which they are."""
    expires = declaration.expires_on
    until = "it never expires" if expires is None else f"it runs until {expires.date()}"
    for_what = f" for what is of severity {severity}, or of one that is not known" if severity else ""
    return Diagnostic(
        message=f"{until}; at most {days} days from today are allowed{for_what} (rules.maxLifetimeDays)",
        remedy=f"write expiresOn: {latest}, or an earlier day",
    )


def strict_unsupported(assignment: Assignment, title: str, why: str) -> Diagnostic:
    """Defender may ignore an exemption of a policy behind it, and reconciler.yaml refuses such."""
    return Diagnostic(
        message=f"in assignment {label(assignment)!r} it would exempt {title!r}, which may have no effect: {why}; "
        "rules.strictUnsupported in reconciler.yaml refuses that",
        remedy="take the policy out of referenceIds, or remove the declaration",
    )


def not_exemptable(assignment: Assignment, title: str, why: str) -> Diagnostic:
    """Azure refuses to exempt a policy behind it."""
    return Diagnostic(
        message=f"in assignment {label(assignment)!r} it would exempt {title!r}: {why}",
        remedy="take the policy out of referenceIds, or remove the declaration",
    )


def conflict(
    mine: Declaration, theirs: Declaration, scope: ArmId, other_scope: ArmId, assignment: Assignment
) -> Diagnostic:
    """Two declarations want the same, as only the hierarchy shows."""
    where = (
        f"at {scope}" if scope == other_scope else f"at {scope} and at {other_scope}, one of which contains the other,"
    )
    return Diagnostic(
        message=f"declarations {mine.name!r} ({_place(mine.source)}) and {theirs.name!r} ({_place(theirs.source)}) both want the "
        f"{'same' if is_assessment(assignment.id.key) else 'same policy'} {where} {_within(assignment)}",
        remedy="keep one of them: extend its scopes and remove the other",
    )


def foreign_owner(existing: Exemption) -> Diagnostic:
    """Another owner exempts this already."""
    names = owners(existing)
    remedy = (
        f"agree with its owner, then add 'takeOver: {names[0]}' to the declaration, or have it removed there"
        if names
        else "find out in the portal who made it, and remove it or its mark managedBy there"
    )
    return Diagnostic(
        message=f"{existing.id} already exempts this and belongs to {describe_owner(existing)}", remedy=remedy
    )


def forged(existing: Exemption) -> Diagnostic:
    """Something bears our mark, but nothing shows that we made, wrote or adopted it."""
    return Diagnostic(
        message=f"{existing.id} already exempts this and bears our mark, but {unproven(existing)}",
        remedy="if it was adopted, name the record of the newest production run (--record FILE), or add 'adopt: true' to the "
        "declaration; if it is a forgery, find out who wrote it and remove it in the portal; whoever applies this repository "
        "belongs into writers",
    )


def not_adoptable(existing: Exemption) -> Diagnostic:
    """An application exempts this already, and may put back what we change."""
    by = maker(existing)
    origin = f"was made by an application ({by}), such as Terraform or a pipeline"
    if existing.system is None or not existing.system.created_by_type:
        origin = f"was made by {by}, of whom Azure does not say whether it is a person or an application"
    return Diagnostic(
        message=f"{existing.id} already exempts this and {origin}",
        remedy="add 'adopt: true' to the declaration to take it into this repository, or remove it where it is managed",
    )


def reduction_unread(line: Unread) -> Diagnostic:
    """Something is not taken away, because what may need it was not read."""
    return Diagnostic(
        message=f"not reduced, because {line.scope} could not be read ({line.message}) and something there may depend on it",
        remedy=line.remedy or UNREAD_REMEDY,
    )


def neighbour_held(existing: Exemption, name: str, scope: ArmId) -> Diagnostic:
    """Something is not taken away, because what may need it is held."""
    return Diagnostic(
        message=f"{existing.name!r} is not reduced, because declaration {name!r} is held at {scope} and may need it",
        remedy=f"settle first what is held at {scope}; the next run does the rest",
    )


def left_out(scope: ArmId) -> Diagnostic:
    """Something is not taken away, because what replaces it is not part of this run."""
    return Diagnostic(
        message=f"not reduced at {scope}, because what replaces it lies outside this run's --scope",
        remedy="run again without --scope, or with one that contains both",
    )


def _place(source: Source) -> str:
    return f"{source.file}:{source.line}"
