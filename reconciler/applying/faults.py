"""What a fault means for one change: try again, wait, settle by reading, hold or give up; and what a person can do.

Codes and texts are those of Azure Resource Manager (reference: the error tables of its documentation and what tools
met in the field). An unknown code keeps Azure's own words and proposes nothing that we do not know.
"""

from __future__ import annotations

import enum
import re
from typing import Final

from reconciler.model import owner_scope
from reconciler.planning.values import Action, Change
from reconciler.problems import AzureError, CredentialError, ReconcilerError


class Fault(enum.Enum):
    """What to do about an error."""

    THROTTLED = enum.auto()
    """Azure asks for patience: nothing was processed."""
    LOST = enum.auto()
    """No answer, or one that says nothing about the effect: settle by reading."""
    BUSY = enum.auto()
    """A conflict that may pass."""
    TOKEN = enum.auto()
    """The token is no longer accepted."""
    SCOPE_GONE = enum.auto()
    """The resource, its group or its subscription no longer exists."""
    ASSIGNMENT_GONE = enum.auto()
    """The assignment to exempt from no longer exists."""
    REFUSED = enum.auto()
    """Azure said no, and will say no again."""


_FINAL_CONFLICTS: Final = ("scopelocked", "readonlydisabledsubscription", "quotaexceeded", "subscriptionisdisabled")
_NOT_FOUND: Final = re.compile(r"could not be found|was not found|does not exist|no longer exists", re.IGNORECASE)


def classify(error: ReconcilerError) -> Fault:
    """What the error asks for."""
    if isinstance(error, CredentialError):
        return Fault.LOST
    if not isinstance(error, AzureError):
        return Fault.REFUSED
    if error.is_gone:
        return Fault.SCOPE_GONE
    match error.status:
        case 429:
            return Fault.THROTTLED
        case 401:
            return Fault.TOKEN
        case 409:
            return Fault.REFUSED if _is_final(error) else Fault.BUSY
        case 400 if _is_assignment_gone(error):
            return Fault.ASSIGNMENT_GONE
        case 0 | 408:
            return Fault.LOST
        case status if status >= 500:
            return Fault.LOST
    return Fault.REFUSED


def _is_final(error: AzureError) -> bool:
    return any(part in error.code.lower() for part in _FINAL_CONFLICTS)


def _is_assignment_gone(error: AzureError) -> bool:
    return error.code.lower() == "invalidcreatepolicyexemptionrequest" and bool(_NOT_FOUND.search(error.message))


def describe(error: ReconcilerError) -> str:
    """Azure's own words, led by its status and code."""
    if isinstance(error, AzureError) and error.status:
        return f"{error.status} {error.code}: {error.message}"
    if isinstance(error, AzureError) and error.code:
        return f"no answer ({error.code}): {error.message}"
    return error.message


def correlation(error: ReconcilerError) -> str:
    """Azure's id for a support case, or empty."""
    return error.correlation if isinstance(error, AzureError) else ""


# --- what a person can do ----------------------------------------------------------------------------------------

_PRINCIPAL = re.compile(r"object id '([0-9A-Za-z-]+)'")
_DENIED_ACTIONS = re.compile(r"perform action(?:\(s\))? '([^']+)'")
_LOCKED_SCOPES = re.compile(r"locked: '([^']+)'")
ROLE: Final = "Resource Policy Contributor"
EXEMPT_ACTION: Final = "Microsoft.Authorization/policyAssignments/exempt/action"


def remedy(error: ReconcilerError, change: Change) -> str:
    """What to do about the error, with the command where there is one; the error's own hint where we know no better."""
    if not isinstance(error, AzureError):
        return error.hint
    match error.code.lower():
        case "linkedauthorizationfailed":
            return _grant(error, owner_scope(change.subject.assignment).text, f"{EXEMPT_ACTION} on the assignment")
        case "authorizationfailed":
            return _authorization(error, change)
        case "denyassignmentauthorizationfailed":
            return (
                "a deny assignment (a managed resource group has one) forbids it and no role helps: exempt the group's "
                "parent scope, or ask the owner of the managed application"
            )
        case "requestdisallowedbypolicy":
            return "a policy with effect deny refuses the exemption itself: exclude policyExemptions from that policy"
        case "scopelocked":
            return _unlock(error, change)
        case code if "disabled" in code and "subscription" in code:
            return f"re-enable subscription {change.id.subscription}, or take it out of the declaration's scopes"
        case code if "quotaexceeded" in code:
            return (
                f"remove exemptions at {change.subject.scope} or exempt a containing scope: Azure allows 1,000 in one"
            )
        case "invalidcreatepolicyexemptionrequest":
            return (
                "the assignment was removed or moved, or a recent move is not yet visible: run apply again in a while"
            )
    return _by_status(error)


def _by_status(error: AzureError) -> str:
    if error.hint:
        return error.hint
    match classify(error):
        case Fault.TOKEN:
            return "log in again, or check that the pipeline's federated token outlives the run"
        case Fault.LOST:
            return "run apply again: it settles by reading what Azure holds; exempt doctor checks the connection"
        case Fault.THROTTLED | Fault.BUSY:
            return "run apply again when nothing else writes there"
        case _:
            return ""


def _authorization(error: AzureError, change: Change) -> str:
    found = _DENIED_ACTIONS.search(error.message)
    default = "delete" if change.action is Action.DELETE else "write"
    action = found[1] if found else f"Microsoft.Authorization/policyExemptions/{default}"
    where = owner_scope(change.subject.assignment) if action.lower() == EXEMPT_ACTION.lower() else change.subject.scope
    return _grant(error, where.text, action)


def _grant(error: AzureError, scope: str, what: str) -> str:
    found = _PRINCIPAL.search(error.message)
    principal = found[1] if found else "OBJECT-ID"
    return (
        f'grant {what}: az role assignment create --assignee "{principal}" --role "{ROLE}" --scope "{scope}" '
        "(a new grant takes minutes to be seen; exempt doctor prints a smaller role)"
    )


def _unlock(error: AzureError, change: Change) -> str:
    found = _LOCKED_SCOPES.search(error.message)
    scope = found[1] if found else change.subject.scope.text
    return f'remove the lock and apply again: az lock list --scope "{scope}"'


ORPHAN_REMEDY: Final = (
    "Azure refuses every request below a scope that no longer exists: make the resource group (and resource) again under "
    "the same name, delete the exemption, and remove them; or leave it, it covers nothing"
)
