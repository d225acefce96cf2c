"""Who may do what where: roles and custom actions at scopes, checked the way ARM's gateway checks them."""

from __future__ import annotations

import re
from functools import lru_cache

from reconciler.emulator import errors
from reconciler.emulator.call import Call
from reconciler.emulator.principals import Grant, Principal
from reconciler.emulator.tenant import Tenant
from reconciler.model import ArmId


class Access:
    """Authorization for one tenant. A principal without grants of its own may do everything."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def authorize(self, call: Call, action: str) -> None:
        """Refuse what the caller may not do.

        Raises:
            ArmError: 403.
        """
        if not self.allows(call.principal, action, call.target.id):
            raise errors.authorization_failed(call.principal, action, call.target.text)

    def allows(self, principal: Principal, action: str, scope: ArmId) -> bool:
        """Whether any grant at or above `scope` has the action."""
        if principal.grants is None:
            return True
        chain = set(self._tenant.hierarchy.chain(scope))
        return any(_covers(grant, chain) and permits(grant, action) for grant in principal.grants)


def _covers(grant: Grant, chain: set[str]) -> bool:
    return grant.scope == "" or grant.scope in chain


def permits(grant: Grant, action: str) -> bool:
    """Whether the grant has the action among its actions and not among its notActions."""
    return any(_matches(each, action) for each in grant.actions) and not any(
        _matches(each, action) for each in grant.not_actions
    )


@lru_cache(maxsize=4096)
def _matches(pattern: str, action: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), action, re.IGNORECASE) is not None
