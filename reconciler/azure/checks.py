"""The answers of `exempt doctor`, and what an answer about rights means."""

from __future__ import annotations

import enum
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.azure.rights import EXEMPT_ACTION, Role
from reconciler.model import ArmId, Diagnostic
from reconciler.problems import AzureError


class State(enum.StrEnum):
    """How a check came out. Only `failed` fails the command."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(Diagnostic):
    """One question and its answer; `scopes` are the ids it is about, where it is about some, and `details` a line for
    each thing where there are several.
    """

    name: str
    state: State
    scopes: tuple[str, ...] = ()
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A right that writing needs: what is said where it is there and where not, and the roles that grant it."""

    name: str
    allowed: str
    denied: str
    role: Role
    built_in: str


WRITING: Final = Right(
    name="writing",
    allowed="exemptions may be written and deleted at every managed scope",
    denied="exemptions cannot be changed",
    role=Role.WRITER,
    built_in="Resource Policy Contributor",
)
STANDARDS: Final = Right(
    name="defender writing",
    allowed="Defender's standard assignments may be written and deleted at every managed scope",
    denied="Defender's standard assignments, which carry what no policy stands behind, cannot be changed",
    role=Role.WRITER,
    built_in="Security Admin",
)
ASSIGNMENTS: Final = Right(
    name="assignments",
    allowed=f"every assignment may be exempted from ({EXEMPT_ACTION})",
    denied="the assignments cannot be exempted from",
    role=Role.ASSIGNMENT,
    built_in="Resource Policy Contributor",
)


def right_check(right: Right, lacking: Mapping[ArmId, tuple[str, ...] | AzureError], principal: str) -> Check:
    """What the answer about a right means: `lacking` maps scopes to the actions that are missing there."""
    if not lacking:
        return Check(name=right.name, state=State.OK, message=right.allowed)
    denied = {scope: actions for scope, actions in lacking.items() if not isinstance(actions, AzureError)}
    if not denied:
        scope, error = next((scope, answer) for scope, answer in lacking.items() if isinstance(answer, AzureError))
        return Check(
            name=right.name,
            state=State.UNKNOWN,
            message=f"Azure does not say what is allowed at {scope}: {error.message}",
            remedy=error.remedy,
        )
    details = tuple(
        f"{scope}: Azure does not say what is allowed: {answer.message}"
        if isinstance(answer, AzureError)
        else f"{scope}: {', '.join(answer)} missing"
        for scope, answer in sorted(lacking.items())
    )
    scopes = tuple(scope.text for scope in sorted(denied))
    return Check(
        name=right.name,
        state=State.FAILED,
        message=f"{right.denied} at {details[0] if len(details) == 1 else f'{len(details)} scopes'}",
        remedy=f"grant {right.built_in} {'there' if len(scopes) == 1 else 'at each'}: az role assignment create "
        f'--assignee {shlex.quote(principal)} --role "{right.built_in}" --scope {shlex.quote(scopes[0])}; or a '
        f"role with only what is needed: exempt doctor --role {right.role}",
        scopes=scopes,
        details=details if len(details) > 1 else (),
    )
