"""Who may do what where: roles and custom actions at scopes, deny assignments, and the API that tells a caller.

Checked the way ARM's gateway checks: a grant counts at its scope and below, `notActions` take away from its own grant
only, and a deny assignment beats every grant. A principal without grants of its own may do everything.
"""

from __future__ import annotations

import re
from functools import lru_cache

from reconciler.emulator import errors
from reconciler.emulator.call import Call, answer
from reconciler.emulator.state.principals import Grant, Principal
from reconciler.emulator.state.tenant import Tenant
from reconciler.emulator.wire.http import Response
from reconciler.model import JSON, ArmId, ScopeKind, arm_id, owner_scope

EXEMPT: str = "Microsoft.Authorization/policyAssignments/exempt/action"
_BUILT_IN: tuple[str, ...] = tuple(
    f"/providers/microsoft.authorization/{kind}" for kind in ("policydefinitions", "policysetdefinitions")
)


def authorize(call: Call, action: str) -> None:
    """Refuse what the caller may not do with what the path names, and paths into groups that do not exist.

    Raises:
        ArmError: 403.
    """
    tenant, principal, target = call.tenant, call.principal, call.target
    group = target.scope if target.scope.key and target.scope.kind is ScopeKind.MANAGEMENT_GROUP else None
    exists = group is None or group.name.lower() in tenant.hierarchy.groups
    if not exists or not allows(tenant, principal, action, target.id):
        # What an error calls the scope: the object, or for a list the path without the type.
        raise errors.authorization_failed(
            principal, action, target.text.rpartition("/")[0] if target.is_collection else target.text
        )
    for deny in tenant.denies:
        if (
            deny.concerns(principal.object_id)
            and (deny.scope in ("", "/") or deny.scope.lower() in _chain(tenant, target.id))
            and permits(Grant(scope=deny.scope, actions=deny.actions, not_actions=deny.not_actions), action)
        ):
            raise errors.denied(principal, action, target.text, deny)


def authorize_linked(call: Call, action: str, linked_action: str, linked: str) -> None:
    """Refuse a write that refers to an object on which the caller lacks an action of its own.

    Raises:
        ArmError: 403.
    """
    if not allows(call.tenant, call.principal, linked_action, arm_id(linked)):
        raise errors.linked_authorization_failed(call.principal, action, call.target.text, linked_action, linked)


def allows(tenant: Tenant, principal: Principal, action: str, identifier: ArmId) -> bool:
    """Whether any grant at the object, its scope or above has the action. Everybody may read built-in definitions:
    tools find them by name with a role on a single subscription.
    """
    if principal.grants is None or (identifier.key.startswith(_BUILT_IN) and action.endswith("/read")):
        return True
    covered = {identifier.key, *_chain(tenant, identifier)}
    return any(_holds(grant, covered) and permits(grant, action) for grant in grants_of(tenant, principal) or ())


def grants_of(tenant: Tenant, principal: Principal) -> tuple[Grant, ...] | None:
    """What a principal may do: by the tenant file and by role assignments made since; None for everything."""
    if principal.grants is None or not tenant.granted:
        return principal.grants
    return principal.grants + tenant.granted.get(principal.object_id.lower(), ())


def can_see(tenant: Tenant, principal: Principal, scope: ArmId) -> bool:
    """Whether a list shows a group or subscription: the caller has any right at, above or below it."""
    if principal.grants is None:
        return True
    chain = set(tenant.hierarchy.chain(scope))
    return any(
        _holds(grant, chain) or scope.key in tenant.hierarchy.chain(ArmId(grant.scope, grant.scope))
        for grant in grants_of(tenant, principal) or ()
    )


def permits(grant: Grant, action: str) -> bool:
    """Whether the grant has the action among its actions and not among its notActions."""
    return any(_matches(pattern, action) for pattern in grant.actions) and not any(
        _matches(pattern, action) for pattern in grant.not_actions
    )


def permissions(call: Call) -> Response:
    """`…/providers/Microsoft.Authorization/permissions`: what the caller may do at the scope, one entry a grant."""
    call.tenant.hierarchy.require(call.target.scope)
    grants = grants_of(call.tenant, call.principal)
    if grants is None:
        return answer(200, {"value": [_permission(Grant(scope="", actions=("*",)))]})
    chain = set(_chain(call.tenant, call.target.scope))
    return answer(200, {"value": [_permission(grant) for grant in grants if _holds(grant, chain)]})


def _permission(grant: Grant) -> dict[str, JSON]:
    return {
        "actions": list(grant.actions),
        "notActions": list(grant.not_actions),
        "dataActions": [],
        "notDataActions": [],
    }


def _chain(tenant: Tenant, identifier: ArmId) -> tuple[str, ...]:
    """The folded scopes that hold an object, whatever it is."""
    if not identifier.key.startswith(("/subscriptions/", "/providers/microsoft.management/managementgroups/")):
        return ()
    if "/providers/microsoft.authorization/" in identifier.key:
        return tenant.hierarchy.chain(_management_group(owner_scope(identifier)))
    # `/subscriptions/x/resourceGroups` counts as the subscription.
    is_collection = "/providers/" not in identifier.key and identifier.key.count("/") % 2 == 1
    text = identifier.text.rpartition("/")[0] if is_collection else identifier.text
    return tenant.hierarchy.chain(_management_group(ArmId(text.lower(), text)))


def _management_group(scope: ArmId) -> ArmId:
    """A path into a group (`…/managementGroups/x/descendants`) counts as the group."""
    parts = scope.text.split("/", 5)
    is_within_group = scope.key.startswith("/providers/") and len(parts) > 5
    text = "/".join(parts[:5]) if is_within_group else scope.text
    return ArmId(text.lower(), text)


def _holds(grant: Grant, chain: set[str]) -> bool:
    return grant.scope == "" or grant.scope in chain


@lru_cache(maxsize=4096)
def _matches(pattern: str, action: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), action, re.IGNORECASE) is not None
