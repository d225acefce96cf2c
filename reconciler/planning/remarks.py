"""What planning remarks on: the findings that its decisions leave behind, each with what to do about it."""

from __future__ import annotations

from reconciler.model import ArmId, Assignment, Declaration, Exemption, Source, SubjectKind
from reconciler.planning.marks import declaration_of
from reconciler.planning.phrases import where_made
from reconciler.planning.values import Finding, FindingKind, Severity
from reconciler.planning.wording import label


def uncovered(declaration: Declaration, title: str, target: ArmId) -> Finding:
    """Nothing evaluates what is declared at this target."""
    return Finding(
        FindingKind.UNCOVERED, Severity.WARNING, target,
        f"no assignment at, above or below it evaluates {title!r}, so {declaration.name!r} exempts nothing there",
        f"assign {_assignable(declaration)}, or take the scope out of the declaration",
        declaration.name, declaration.source,
    )  # fmt: skip


def moot_not_scope(declaration: Declaration, scope: ArmId, assignment: Assignment) -> Finding:
    """The assignment does not look at the scope, so nothing is created."""
    return Finding(
        FindingKind.MOOT, Severity.INFO, scope,
        f"assignment {label(assignment)!r} excludes {scope} by its notScopes, so it needs no exemption there as long as that lasts",
        "leave it, or take the scope out of the declaration if the exclusion is there to stay",
        declaration.name, declaration.source, assignment.id, {"what": "notScopes"},
    )  # fmt: skip


def moot_effect(declaration: Declaration, scope: ArmId, assignment: Assignment, references: tuple[str, ...]) -> Finding:
    """The policy is switched off, so the exemption waits."""
    named = f" ({', '.join(references)})" if references else ""
    return Finding(
        FindingKind.MOOT, Severity.INFO, scope,
        f"the effect of the policy{named} is Disabled in assignment {label(assignment)!r}, so the exemption changes nothing now",
        "leave it for when the policy is switched on again, or remove the declaration if it is off for good",
        declaration.name, declaration.source, assignment.id, {"what": "effect"},
    )  # fmt: skip


def moot_selector(declaration: Declaration, scope: ArmId, assignment: Assignment) -> Finding:
    """The assignment may not look at the scope."""
    return Finding(
        FindingKind.MOOT, Severity.INFO, scope,
        f"assignment {label(assignment)!r} evaluates only what its resource selectors choose, which may leave {scope} out",
        "check the assignment's selectors if the exemption shows no effect",
        declaration.name, declaration.source, assignment.id, {"what": "resourceSelectors"},
    )  # fmt: skip


def unsupported(declaration: Declaration, title: str, why: str) -> Finding:
    """Defender may ignore exemptions of this recommendation."""
    return Finding(
        FindingKind.UNSUPPORTED, Severity.WARNING, declaration.scopes[0],
        f"an exemption of {title!r} may have no effect: {why}",
        "check the recommendation in Defender for Cloud a day after apply; set rules.strictUnsupported to refuse such declarations",
        declaration.name, declaration.source,
    )  # fmt: skip


def overlap(live: Exemption, assignment: Assignment | None) -> Finding:
    """Somebody exempted a whole assignment."""
    name = label(assignment) if assignment else live.assignment.name
    return Finding(
        FindingKind.OVERLAP, Severity.WARNING, live.id,
        f"exempts every policy of assignment {name!r} at {live.scope}, so declaring single ones there makes no difference",
        f"remove it {where_made(live)} if only the declared recommendations should be exempt; --strict refuses to go on beside it",
        assignment=live.assignment,
    )  # fmt: skip


def duplicate(live: Exemption, keeper: Exemption, declaration: Declaration) -> Finding:
    """An application's exemption stands beside ours."""
    return Finding(
        FindingKind.DUPLICATE, Severity.WARNING, live.id,
        f"exempts {_like(live, keeper)} {keeper.name!r} of declaration {declaration.name!r}, and was made by an application",
        "remove it where it is managed (Terraform, a pipeline), or add 'adopt: true' to the declaration",
        declaration.name, declaration.source, live.assignment,
    )  # fmt: skip


def expired_foreign(live: Exemption) -> Finding:
    """Somebody else left an expired exemption behind."""
    return Finding(
        FindingKind.EXPIRED, Severity.INFO, live.id,
        f"expired on {live.expires_on[:10]} and is not ours; Azure no longer honours it",
        f"remove it {where_made(live)}",
        assignment=live.assignment,
    )  # fmt: skip


def shadowed(live: Exemption, desired: Declaration, scope: ArmId) -> Finding:
    """An exemption further up makes a declared one meaningless."""
    return Finding(
        FindingKind.SHADOWED, Severity.WARNING, live.id,
        f"sits on {live.scope}, which contains {scope}, and exempts policies of declaration {desired.name!r} there as well: "
        "when the declaration ends, the resource stays exempt",
        "remove it, narrow it, or declare it as well",
        desired.name, desired.source, live.assignment,
    )  # fmt: skip


def unmanaged(live: Exemption) -> Finding:
    """Nobody declared it and nobody owns it."""
    return Finding(
        FindingKind.UNMANAGED, Severity.WARNING, live.id,
        f"{live.display_name or live.name!r} is declared nowhere",
        f"declare it (exempt drift proposes the file where it can), or remove it {where_made(live)}",
        assignment=live.assignment,
    )  # fmt: skip


def orphaned(live: Exemption, why: str, source: Source | None, *, ours: bool) -> Finding:
    """An exemption that can have no effect any more."""
    remedy = (
        "remove it with: exempt apply --delete-orphans N (N: at most so many); or remove the declaration. An assignment "
        "made anew gets its own exemption"
        if ours
        else f"remove it {where_made(live)}; where Azure answers ResourceGroupNotFound, recreate the group, delete it, remove the group"
    )
    return Finding(
        FindingKind.ORPHANED, Severity.WARNING, live.id, f"exempts nothing: {why}", remedy,
        declaration_of(live) or None, source, live.assignment,
    )  # fmt: skip


def kept_moot(live: Exemption, assignment: Assignment, source: Source | None) -> Finding:
    """One of ours that its assignment does not look at any more."""
    return Finding(
        FindingKind.MOOT, Severity.INFO, live.id,
        f"assignment {label(assignment)!r} now excludes {live.scope} by its notScopes; the exemption is kept",
        "remove the declaration when it is no longer wanted",
        declaration_of(live) or None, source, live.assignment,
    )  # fmt: skip


def kept_outside(live: Exemption) -> Finding:
    """One of ours outside the managed scopes."""
    return Finding(
        FindingKind.ORPHANED, Severity.INFO, live.id,
        "carries our mark but lies outside the scopes of reconciler.yaml, so it is never deleted",
        "add its scope to reconciler.yaml to manage it again, or remove it in the portal",
        declaration_of(live) or None, None, live.assignment,
    )  # fmt: skip


def kept_unclear(live: Exemption, why: str, source: Source | None) -> Finding:
    """One of ours that keeps no wish, although no edit of the repository is the cause."""
    return Finding(
        FindingKind.HELD, Severity.WARNING, live.id, f"is wanted by no declaration, but kept: {why}",
        "remove its declaration or the target from it if the exemption should go",
        declaration_of(live) or None, source, live.assignment,
    )  # fmt: skip


def quota(scope: ArmId, count: int) -> Finding:
    """A scope nears the number of exemptions that Azure allows."""
    return Finding(
        FindingKind.QUOTA, Severity.ERROR if count > 1000 else Severity.WARNING, scope,
        f"would hold {count} exemptions of the 1,000 that Azure allows on one scope",
        "declare on the resource group or subscription instead of single resources, or remove expired ones",
    )  # fmt: skip


def _assignable(declaration: Declaration) -> str:
    """What would evaluate a declaration that nothing evaluates yet."""
    match declaration.subject.kind:
        case SubjectKind.RECOMMENDATION:
            return "an initiative that contains it (the Microsoft cloud security benchmark does by default)"
        case SubjectKind.POLICY:
            return "it, or an initiative that contains it"
        case SubjectKind.INITIATIVE | SubjectKind.ASSIGNMENT:
            return "it"


def _like(live: Exemption, keeper: Exemption) -> str:
    """How far two exemptions list the same policies."""
    one, other = ({each.lower() for each in found.reference_ids} for found in (live, keeper))
    return "the same as" if one == other else "in part the same as"
