"""On what each type stands. A list at a scope where a type cannot stand would look like "there is none"."""

from __future__ import annotations

import enum
from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.paths import Target
from reconciler.model import ScopeKind


class Place(enum.Enum):
    """What kind of thing an object or a list stands on."""

    TENANT = enum.auto()
    MANAGEMENT_GROUP = enum.auto()
    SUBSCRIPTION = enum.auto()
    RESOURCE_GROUP = enum.auto()
    RESOURCE = enum.auto()
    POLICY = enum.auto()
    """A definition, or an assignment."""


_PLACES: Final = {
    ScopeKind.MANAGEMENT_GROUP: Place.MANAGEMENT_GROUP,
    ScopeKind.SUBSCRIPTION: Place.SUBSCRIPTION,
    ScopeKind.RESOURCE_GROUP: Place.RESOURCE_GROUP,
    ScopeKind.RESOURCE: Place.RESOURCE,
}
_TENANT: Final = frozenset({Place.TENANT})
_BELOW_SUBSCRIPTIONS: Final = frozenset({Place.SUBSCRIPTION, Place.RESOURCE_GROUP, Place.RESOURCE})
_SCOPES: Final = _BELOW_SUBSCRIPTIONS | {Place.MANAGEMENT_GROUP}
_DEFINITIONS: Final = frozenset({Place.TENANT, Place.MANAGEMENT_GROUP, Place.SUBSCRIPTION})
_SECURITY: Final = frozenset({Place.TENANT, Place.SUBSCRIPTION})

ALLOWED: Final[dict[str, frozenset[Place]]] = {
    "microsoft.authorization/policyexemptions": _SCOPES,
    "microsoft.authorization/policyassignments": _SCOPES,
    "microsoft.authorization/policydefinitions": _DEFINITIONS,
    "microsoft.authorization/policysetdefinitions": _DEFINITIONS,
    "microsoft.authorization/permissions": _SCOPES,
    "microsoft.authorization/locks": _BELOW_SUBSCRIPTIONS,
    "microsoft.authorization/roleassignments": _SCOPES | _TENANT,
    "microsoft.authorization/roledefinitions": _SCOPES | _TENANT,
    "microsoft.management/managementgroups": _TENANT,
    "microsoft.management/getentities": _TENANT,
    "microsoft.resourcegraph/resources": _TENANT,
    "microsoft.policyinsights/policystates/queryresults": _SCOPES | {Place.POLICY},
    "microsoft.policyinsights/policystates/summarize": _SCOPES | {Place.POLICY},
    "microsoft.policyinsights/policystates/triggerevaluation": frozenset({Place.SUBSCRIPTION, Place.RESOURCE_GROUP}),
    "microsoft.policyinsights/asyncoperationresults": frozenset({Place.SUBSCRIPTION}),
    "microsoft.resources/tags": _BELOW_SUBSCRIPTIONS,
    "microsoft.security/assessmentmetadata": _SECURITY,
}
"""By folded type, or by its first part alone. Types that are not here look to their places themselves."""

_POLICY_SERVICES: Final = frozenset({"microsoft.authorization", "microsoft.policyinsights"})


def check_place(target: Target, version: str) -> None:
    """Refuse a type where it does not stand.

    Raises:
        ArmError: 404.
    """
    first = f"{target.namespace}/{target.types[0]}" if target.types else ""
    allowed = ALLOWED.get(target.kind, ALLOWED.get(first))
    if allowed is None:
        return
    if not target.scope.key:
        place = Place.TENANT
    elif "/providers/microsoft.authorization/" in target.scope.key:
        place = Place.POLICY
    else:
        place = _PLACES[target.scope.kind]
    if place in allowed:
        return
    if target.namespace in _POLICY_SERVICES:
        raise errors.unsupported_resource_type(target.written_kind)
    raise errors.unknown_type(target.written_namespace, version)
