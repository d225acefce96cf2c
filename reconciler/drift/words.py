"""Every sentence that a drift report says of a change: what was found, what caused it, what to do about it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reconciler.arm.canonical import has_expired
from reconciler.model import Assignment, Exemption
from reconciler.planning.marks import owners
from reconciler.planning.values import Change, Finding, FindingKind, Reason

_FEW: Final = 3
_ENDED: Final = "its declaration has expired"


@dataclass(frozen=True, slots=True)
class Said:
    """What was found, and what caused it. The cause holds no dates and no people: those are evidence."""

    message: str
    cause: str


def absent(change: Change) -> str:
    """What is not there."""
    wanted = change.exemption
    return f"declared as {wanted.category} {_until(wanted)} for {_policies(wanted)}, but its exemption is not there"


def activity_log(change: Change) -> str:
    """The command that says who deleted it; the log reaches back 90 days."""
    return f"az monitor activity-log list --offset 90d --resource-id {shlex.quote(change.id.text)}"


def modified(change: Change, wider: str, *, has_history: bool) -> Said:
    """What differs, and who is ahead: Azure or the repository."""
    more = f"; in Azure it exempts {wider} than declared" if wider else ""
    match change.reason:
        case Reason.REVERT:
            return Said(f"is not what its declaration asks for, although that was applied{more}", _reverted(change))
        case Reason.NARROW:
            return Said("also exempts what another exemption is declared for", "made beside the declared one")
        case Reason.ADOPT:
            return Said(f"is declared, but was made outside the repository{more}", "made by hand and not adopted yet")
        case Reason.TAKE_OVER:
            former = owners(change.before) if change.before else ()
            whose = f"belongs to {former[0]!r}" if former else "belongs to another owner"
            return Said(f"is declared with takeOver, but still {whose}{more}", "not taken over yet")
        case Reason.RENAME:
            return Said(
                f"bears the mark of another declaration or owner{more}",
                "renamed or exchanged in the repository, not applied yet",
            )
        case _ if has_history:
            return Said(
                f"is as an earlier version of the declaration wanted it{more}",
                "edited in the repository, not applied yet",
            )
        case _:
            return Said(f"differs from its declaration{more}", "changed in Azure, or edited and not applied yet")


def _reverted(change: Change) -> str:
    """What is known of a difference that no edit of the repository explains: references follow the initiative as well."""
    assert change.before is not None
    assert change.after is not None
    listed, wanted = ({each.lower() for each in side.reference_ids} for side in (change.before, change.after))
    return "changed in Azure" if listed == wanted else "changed in Azure, or its initiative changed"


def surplus(change: Change, now: datetime) -> Said:
    """What should not be there (any more)."""
    assert change.before is not None
    policies = _policies(change.before)
    match change.reason:
        case Reason.DUPLICATE:
            keepers = " and ".join(repr(keeper.name) for keeper in change.relies_on[:_FEW])
            other = f", like {keepers}" if keepers else ""
            return Said(f"exempts {policies} again{other}", "made beside the declared one")
        case Reason.EXPIRED if has_expired(change.before, now):
            end = change.before.expires_on[:10]
            return Said(f"ended on {end}: Azure no longer honours it and counts the resource again", _ENDED)
        case Reason.EXPIRED:
            return Said(f"still exempts {policies} {_until(change.before)}, although its declaration has ended", _ENDED)
        case Reason.REMOVED:
            return Said(f"still exempts {policies}", change.why or "its declaration no longer asks for it")
        case Reason.ORPHAN:
            return Said("exempts nothing", "its assignment is gone, does not reach it, or has none of its policies")
        case _:
            return Said(
                f"exempts {policies} {_until(change.before)}, and is declared nowhere", "made outside the repository"
            )


def apply_only(change: Change) -> str:
    """The command that does this and, where it waits for nothing, leaves everything else alone."""
    return "exempt apply" if change.waits_for else f"exempt apply --only {change.reason}"


def put_back(change: Change) -> str:
    """The command that makes Azure as declared; the other way round is an edit of the file."""
    keep = "; to keep what Azure has, edit the declaration instead" if change.reason is Reason.REVERT else ""
    return apply_only(change) + keep


def grant(assignment: Assignment) -> str:
    """The right that is needed, and where."""
    return (
        f"give the identity Microsoft.Authorization/policyAssignments/exempt/action at {assignment.scope} "
        "(roles with it: Resource Policy Contributor, Security Admin), then exempt apply"
    )


def noted(finding: Finding) -> str:
    """The cause of a finding that planning made: its kind says it."""
    what = str(finding.evidence.get("what"))
    return _MOOT.get(what, finding.kind.cause) if finding.kind is FindingKind.MOOT else finding.kind.cause


_MOOT: Final[Mapping[str, str]] = {
    "effect": "the assignment disables the policy",
    "resourceSelectors": "the assignment selects resources",
}


def _policies(exemption: Exemption) -> str:
    references = sorted(exemption.reference_ids, key=str.lower)
    if not references:
        return "the whole assignment"
    shown = ", ".join(references[:_FEW])
    more = f" and {len(references) - _FEW} more" if len(references) > _FEW else ""
    return f"{len(references)} {'policy' if len(references) == 1 else 'policies'} ({shown}{more})"


def _until(exemption: Exemption) -> str:
    return f"until {exemption.expires_on[:10]}" if exemption.expires_on else "without end"
