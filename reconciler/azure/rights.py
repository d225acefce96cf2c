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

from reconciler.azure.transport import Arm
from reconciler.azure.versions import Api
from reconciler.model import JSON, ArmId, ScopeKind

WRITE_ACTIONS: Final = (
    "Microsoft.Authorization/policyExemptions/write",
    "Microsoft.Authorization/policyExemptions/delete",
)
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
    "Microsoft.Resources/subscriptions/read",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Security/assessmentMetadata/read",
    "Microsoft.Security/assessments/read",
    "Microsoft.Security/secureScoreControls/read",
    "Microsoft.Security/secureScores/read",
)


class Role(enum.StrEnum):
    """The custom roles that `exempt doctor --role` prints."""

    READER = "reader"
    WRITER = "writer"
    ASSIGNMENT = "assignment"


_READER_SAYS: Final = (
    "Reads policy exemptions, assignments and initiatives, for exempt plan and drift. To tell whether an exempted "
    "resource still exists, the identity also needs to read it (Reader)."
)
_ROLES: Final = {
    Role.READER: ("Exempt Reader", _READER_SAYS, READ_ACTIONS),
    Role.WRITER: (
        "Exempt Writer",
        "Reads, creates and deletes policy exemptions, for exempt apply.",
        tuple(sorted((*READ_ACTIONS, *WRITE_ACTIONS, EXEMPT_ACTION))),
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


def read_permissions(arm: Arm, scope: ArmId) -> list[Permission]:
    """What the identity may do at a scope, inherited grants included.

    Raises:
        AzureError: the service does not say.
    """
    values = arm.pages(f"{scope}/providers/Microsoft.Authorization/permissions", Api.PERMISSIONS)
    return [Permission(tuple(one.get("actions") or ()), tuple(one.get("notActions") or ())) for one in values]


def missing_actions(permissions: Sequence[Permission], wanted: Sequence[str]) -> tuple[str, ...]:
    """Those of the wanted actions that no grant allows."""
    return tuple(action for action in wanted if not any(_allows(one, action) for one in permissions))


def _allows(permission: Permission, action: str) -> bool:
    return _any(permission.actions, action) and not _any(permission.not_actions, action)


def _any(patterns: Sequence[str], action: str) -> bool:
    return any(_pattern(one).fullmatch(action) for one in patterns)


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.IGNORECASE)
