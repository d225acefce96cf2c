"""What an error means for one change: try again, wait, settle by reading, hold or give up.

Codes are those of Azure Resource Manager. The remedy comes with the error, from the room that talks to Azure; here is
only what this room knows better.
"""

from __future__ import annotations

import enum
import re
from typing import Final

from reconciler.problems import AzureError, CredentialError, ReconcilerError


class ErrorKind(enum.Enum):
    """What an error asks for."""

    THROTTLED = enum.auto()
    """Azure asks to wait: nothing was processed."""
    LOST = enum.auto()
    """No answer, or one that says nothing about the effect: settle by reading."""
    BUSY = enum.auto()
    """Something else is at work on the object, which may pass."""
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


def classify(error: ReconcilerError) -> ErrorKind:
    """What the error asks for."""
    if isinstance(error, CredentialError):
        return ErrorKind.LOST
    if not isinstance(error, AzureError):
        return ErrorKind.REFUSED
    if error.is_gone:
        return ErrorKind.SCOPE_GONE
    match error.status:
        case 429:
            return ErrorKind.THROTTLED
        case 401:
            return ErrorKind.TOKEN
        case 404 if error.code.lower() == "policyexemptionnotfound":
            return ErrorKind.BUSY  # it went while we were writing: read again
        case 409:
            is_final = any(code in error.code.lower() for code in _FINAL_CONFLICTS)
            return ErrorKind.REFUSED if is_final else ErrorKind.BUSY
        case 400 if error.code.lower() == "invalidcreatepolicyexemptionrequest" and _NOT_FOUND.search(error.message):
            return ErrorKind.ASSIGNMENT_GONE
        case status if status >= 500 or status in {0, 408}:
            return ErrorKind.LOST
    return ErrorKind.REFUSED


def describe(error: ReconcilerError) -> str:
    """Azure's own words, led by its status and code."""
    if isinstance(error, AzureError) and error.status:
        return f"{error.status} {error.code}: {error.message}"
    if isinstance(error, AzureError) and error.code:
        return f"no answer ({error.code}): {error.message}"
    return error.message


def obstacle(error: ReconcilerError) -> str:
    """What a person is told while a change is tried again: not the words of one request, but what all of them meet."""
    status = error.status if isinstance(error, AzureError) else 0
    if status == 429:
        return "Azure limits requests"
    return f"Azure answers {status}" if status else "Azure gives no answer"


def correlation(error: ReconcilerError) -> str:
    """Azure's id for a support case, or empty."""
    return error.correlation if isinstance(error, AzureError) else ""


# --- what a person can do ----------------------------------------------------------------------------------------

RERUN: Final = "run apply again: it plans from what Azure holds now"
DEFECT_REMEDY: Final = "run apply again, with --log-file FILE, and report it with that file"
ORPHAN_REMEDY: Final = (
    "Azure refuses every request below a scope that no longer exists: make the resource group (and resource) again under "
    "the same name, delete the exemption and remove them; or leave it, it covers nothing"
)


def remedy_for(error: ReconcilerError) -> str:
    """The error's own remedy; where it has none, what helps against errors of its kind."""
    if error.remedy:
        return error.remedy
    match classify(error):
        case ErrorKind.TOKEN:
            return "log in again, or check that the pipeline's federated token outlives the run"
        case ErrorKind.LOST | ErrorKind.THROTTLED | ErrorKind.BUSY:
            return RERUN
        case _:
            return ""
