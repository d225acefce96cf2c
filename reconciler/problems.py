"""What can go wrong: a `Problem` is the user's mistake, collected and shown all at once; a `ReconcilerError` is a
fault of the world, raised. Exit codes are decided in `cli`, never here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.model import Diagnostic, Severity, Source

if TYPE_CHECKING:  # most commands raise faults and meet no problem
    from reconciler.codes import ProblemCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem(Diagnostic):
    """One mistake in the repository; sorted by its place.

    `code` is stable and names the rule (`yaml-anchor`, `schema`, `name-stem`, `conflict`, `rule-lifetime`), which says how
    severe it is unless `severity_override` does. `path` is the field inside the document (`scopes[0]`), or empty.
    """

    source: Source
    code: ProblemCode
    path: str = ""
    severity_override: Severity | None = None

    @property
    def severity(self) -> Severity:
        """An error fails the run."""
        return self.severity_override or self.code.rule.severity

    def __lt__(self, problem: Problem) -> bool:
        return self._order < problem._order

    @property
    def _order(self) -> tuple[Source, str, str, str, str]:
        return self.source, self.code, self.message, self.remedy, self.path


def has_errors(problems: tuple[Problem, ...] | list[Problem]) -> bool:
    """Whether any of them fails the run."""
    return any(problem.severity is Severity.ERROR for problem in problems)


class ReconcilerError(Exception):
    """A fault: Azure, the network, the file system or git refused. `remedy` says what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class UsageError(ReconcilerError):
    """The command line asks for something that does not exist or does not go together."""


class CredentialError(ReconcilerError):
    """No identity could be had, or the tenant refuses it."""


class AzureError(ReconcilerError):
    """Azure answered with an error, or not at all (`status` 0).

    `code` is Azure's (`AuthorizationFailed`), `correlation` the id for a support case.
    """

    def __init__(self, status: int, code: str, message: str, remedy: str = "", correlation: str = "") -> None:
        super().__init__(message, remedy)
        self.status = status
        self.code = code
        self.correlation = correlation

    @property
    def is_gone(self) -> bool:
        """Whether the scope, its group or its subscription no longer exists (not the exemption itself)."""
        return self.status == 404 and self.code in {
            "ResourceNotFound",
            "ResourceGroupNotFound",
            "SubscriptionNotFound",
            "ParentResourceNotFound",
            "ManagementGroupNotFound",
            "NotFound",
            "MissingSubscription",
        }
