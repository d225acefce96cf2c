"""What an identity may do at a scope, by the permissions API, and the least roles that our reader and writer need.

Azure evaluates rights per scope, inherited ones included; deny assignments are not part of that answer and show only
when a write is refused.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from reconciler.arm.shapes import texts_in
from reconciler.azure.api_versions import Api
from reconciler.azure.client import ArmClient
from reconciler.azure.errors import reading
from reconciler.model import JSON, ArmId, ScopeKind, Snapshot, ancestors
from reconciler.problems import AzureError

WRITE_ACTIONS: Final = (
    "Microsoft.Authorization/policyExemptions/write",
    "Microsoft.Authorization/policyExemptions/delete",
)
STANDARD_ACTIONS: Final = (
    "Microsoft.Security/standardAssignments/write",
    "Microsoft.Security/standardAssignments/delete",
)
"""Needed where recommendations are exempted that no policy stands behind."""

EXEMPT_ACTION: Final = "Microsoft.Authorization/policyAssignments/exempt/action"
"""Needed on the assignment that is exempted from, which often sits on a group above."""

READ_ACTIONS: Final = (
    "Microsoft.Authorization/permissions/read",
    "Microsoft.Authorization/policyAssignments/read",
    "Microsoft.Authorization/policyDefinitions/read",
    "Microsoft.Authorization/policyExemptions/read",
    "Microsoft.Authorization/policySetDefinitions/read",
    "Microsoft.Authorization/policySetDefinitions/versions/read",
    "Microsoft.Management/managementGroups/descendants/read",
    "Microsoft.Management/managementGroups/read",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Security/assessmentMetadata/read",
    "Microsoft.Security/standardAssignments/read",
)

DEFENDER_ACTIONS: Final = (
    "Microsoft.Security/assessments/read",
    "Microsoft.Security/pricings/read",
    "Microsoft.Security/secureScoreControlDefinitions/read",
    "Microsoft.Security/secureScores/read",
    "Microsoft.Security/secureScores/secureScoreControls/read",
)
"""What Resource Graph shows of Defender to whoever has them, and to others as if it were not there: nothing is refused."""


class Role(enum.StrEnum):
    """The custom roles that `exempt doctor --role` prints."""

    READER = "reader"
    WRITER = "writer"
    ASSIGNMENT = "assignment"


_READER_SAYS: Final = (
    "Reads policy exemptions, assignments, initiatives and secure score, for exempt plan and drift. To tell whether an exempted "
    "resource still exists, the identity also needs to read it (Reader)."
)
_ROLES: Final = {
    Role.READER: ("Exempt Reader", _READER_SAYS, (*READ_ACTIONS, *DEFENDER_ACTIONS)),
    Role.WRITER: (
        "Exempt Writer",
        "Reads, creates and deletes policy exemptions, for exempt apply.",
        tuple(sorted((*READ_ACTIONS, *WRITE_ACTIONS, *STANDARD_ACTIONS, EXEMPT_ACTION))),
    ),
    Role.ASSIGNMENT: (
        "Exempt From Assignments",
        "May exempt from the policy assignments at a scope; for assignments above the managed scopes.",
        (EXEMPT_ACTION,),
    ),
}


def role_definitions(role: Role, scopes: Sequence[ArmId]) -> list[JSON]:
    """The role as `az role definition create --role-definition FILE` takes it.

    Azure lets a custom role name one management group, so several groups make several roles, told apart by name.
    """
    name, description, actions = _ROLES[role]
    groups = [scope for scope in scopes if scope.kind is ScopeKind.MANAGEMENT_GROUP]
    others = [scope for scope in scopes if scope not in groups]
    homes = [[group] for group in groups] + ([others] if others else [])
    return [
        {
            "Name": name if len(homes) == 1 else f"{name} ({home[0].name})",
            "IsCustom": True,
            "Description": description,
            "Actions": list(actions),
            "NotActions": [],
            "DataActions": [],
            "NotDataActions": [],
            "AssignableScopes": [scope.text for scope in home],
        }
        for home in homes
    ]


@dataclass(frozen=True, slots=True)
class Permission:
    """One grant: `not_actions` take away from these actions only."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()


def read_permissions(client: ArmClient, scope: ArmId) -> list[Permission]:
    """What the identity may do at a scope, inherited grants included.

    Raises:
        AzureError: the service does not say.
    """
    path = f"{scope}/providers/Microsoft.Authorization/permissions"
    values = client.pages(path, Api.PERMISSIONS)
    with reading(f"the list {path}"):
        return [Permission(texts_in(grant, "actions"), texts_in(grant, "notActions")) for grant in values]


def missing_actions(permissions: Sequence[Permission], required: Sequence[str]) -> tuple[str, ...]:
    """Those of the wanted actions that no grant allows."""
    return tuple(
        action
        for action in required
        if not any(
            _includes(permission.actions, action) and not _includes(permission.not_actions, action)
            for permission in permissions
        )
    )


def _includes(patterns: Sequence[str], action: str) -> bool:
    return any(_pattern(text).fullmatch(action) for text in patterns)


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.IGNORECASE)


class RightsSurvey:
    """What may be done where, asked from the top: below a scope that has every right nothing needs to be asked."""

    def __init__(self, client: ArmClient, snapshot: Snapshot, roots: Sequence[ArmId]) -> None:
        self._client = client
        self._snapshot = snapshot
        below = (scope for scope in snapshot.expected if not set(roots).isdisjoint(self._containers(scope)))
        self._managed = {*below, *roots}
        self._answers: dict[ArmId, list[Permission] | AzureError] = {}

    def lacking(self, actions: Sequence[str]) -> dict[ArmId, tuple[str, ...] | AzureError]:
        """The managed scopes that lack some of the actions, with those; or with the reason that it is unknown."""
        parents = self._snapshot.parents
        frontier = sorted(scope for scope in self._managed if parents.get(scope.key) not in self._managed)
        result: dict[ArmId, tuple[str, ...] | AzureError] = {}
        passed: set[ArmId] = set()
        while frontier:
            passed.update(frontier)
            result |= self._ask(frontier, actions)
            below = sorted(scope for scope in self._managed if parents.get(scope.key) in result)
            frontier = [scope for scope in below if scope not in passed]
        return result

    def lacking_on_assignments(self) -> dict[ArmId, tuple[str, ...] | AzureError]:
        """The scopes of assignments on which exempting is not allowed."""
        allowed = {
            scope
            for scope, answer in self._answers.items()
            if not isinstance(answer, AzureError) and not missing_actions(answer, [EXEMPT_ACTION])
        }
        scopes = {assignment.scope for assignment in self._snapshot.assignments.values()}
        return self._ask(
            sorted(scope for scope in scopes if allowed.isdisjoint(self._containers(scope))), [EXEMPT_ACTION]
        )

    def _ask(self, scopes: Sequence[ArmId], actions: Sequence[str]) -> dict[ArmId, tuple[str, ...] | AzureError]:
        """Those of the scopes that lack some of the actions, or do not say."""
        new = [scope for scope in scopes if scope not in self._answers]
        answers = self._client.each(lambda scope: read_permissions(self._client, scope), new)
        self._answers.update(zip(new, answers, strict=True))
        result: dict[ArmId, tuple[str, ...] | AzureError] = {}
        for scope in scopes:
            answer = self._answers[scope]
            if lacks := answer if isinstance(answer, AzureError) else missing_actions(answer, actions):
                result[scope] = lacks
        return result

    def _containers(self, scope: ArmId) -> tuple[ArmId, ...]:
        return ancestors(scope, self._snapshot.parents)
