"""Who calls: users and applications of the tenant, and what their tokens and traces look like."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Roles = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
"""Folded role names with their actions and notActions."""


class PrincipalType(enum.StrEnum):
    """What `systemData` calls a caller."""

    USER = "User"
    APPLICATION = "Application"
    MANAGED_IDENTITY = "ManagedIdentity"
    KEY = "Key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a principal may do at a scope and below: a built-in role's name, or actions with wildcards.

    `scope` is folded, `place` the same as it was written.
    """

    scope: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()
    role: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedCredential:
    """Whose tokens an application trusts in the place of a secret."""

    issuer: str
    subject: str
    audiences: tuple[str, ...] = ("api://AzureADTokenExchange",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A user or application. `grants` None means it may do everything: access is off for it."""

    object_id: str
    name: str
    type: PrincipalType
    client_id: str
    grants: tuple[Grant, ...] | None = None
    federated: tuple[FederatedCredential, ...] = ()

    @property
    def trace(self) -> str:
        """How `systemData` names it: users by their sign-in name, applications by object id."""
        return self.name if self.type is PrincipalType.USER else self.object_id

    def answers_to(self, name: str) -> bool:
        """Whether `name` is its object id, client id or name."""
        return name.lower() in {self.object_id.lower(), self.client_id.lower(), self.name.lower()}


@dataclass(frozen=True, slots=True, kw_only=True)
class DenyAssignment:
    """What nobody may do at a scope and below, whatever their roles; `principals` empty means everyone."""

    name: str
    id: str
    scope: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()
    principals: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()

    def concerns(self, object_id: str) -> bool:
        """Whether it is meant for this principal."""
        folded = object_id.lower()
        return folded not in self.excluded and (not self.principals or folded in self.principals)


PIPELINE = Principal(
    object_id="11111111-1111-4111-8111-111111111111",
    name="pipeline",
    type=PrincipalType.APPLICATION,
    client_id="11111111-1111-4111-8111-111111111112",
)
"""The application that speaks where the tenant file names none."""

PORTAL_USER = Principal(
    object_id="22222222-2222-4222-8222-222222222222",
    name="portal.user@contoso.example",
    type=PrincipalType.USER,
    client_id="22222222-2222-4222-8222-222222222222",
)
"""The user that made what the tenant file does not say the maker of."""


class Principals:
    """All principals of a tenant, the two default ones included where the file has none of their kind."""

    def __init__(self, declared: Iterable[Principal]) -> None:
        self.declared = tuple(declared)
        applications = [principal for principal in self.declared if principal.type is not PrincipalType.USER]
        users = [principal for principal in self.declared if principal.type is PrincipalType.USER]
        self.default = (applications or [PIPELINE])[0]
        self.portal_user = (users or [PORTAL_USER])[0]
        self._known = (*self.declared, PIPELINE, PORTAL_USER)

    def find(self, name: str) -> Principal | None:
        """The principal with this object id, client id or name."""
        return next((principal for principal in self._known if principal.answers_to(name)), None)


def parse_principal(entry: dict[str, Any], roles: Roles) -> Principal:
    """A principal of the tenant file."""
    entries = entry.get("roles")
    grants: list[Grant] = []
    for item in entries or ():
        role, place = item.get("role", ""), item.get("scope", "/").rstrip("/")
        actions, not_actions = tuple(item.get("actions", ())), tuple(item.get("notActions", ()))
        if "role" in item:
            actions, not_actions = roles[role.lower()]
        grants.append(Grant(scope=place.lower(), actions=actions, not_actions=not_actions, role=role, place=place))
    return Principal(
        object_id=entry["objectId"],
        name=entry.get("name", entry["objectId"]),
        type=PrincipalType(entry.get("type", "Application")),
        client_id=entry.get("clientId", entry["objectId"]),
        grants=None if entries is None else tuple(grants),
        federated=tuple(
            FederatedCredential(
                issuer=item["issuer"],
                subject=item["subject"],
                audiences=tuple(item.get("audiences", ("api://AzureADTokenExchange",))),
            )
            for item in entry.get("federatedCredentials", ())
        ),
    )


def parse_deny(entry: dict[str, Any]) -> DenyAssignment:
    """A deny assignment of the tenant file."""
    scope = entry["scope"].rstrip("/")
    name = entry["name"]
    return DenyAssignment(
        name=name,
        id=f"{scope}/providers/Microsoft.Authorization/denyAssignments/{name}",
        scope=scope,
        actions=tuple(entry["actions"]),
        not_actions=tuple(entry.get("notActions", ())),
        principals=frozenset(object_id.lower() for object_id in entry.get("principals", ())),
        excluded=frozenset(object_id.lower() for object_id in entry.get("excludePrincipals", ())),
    )
