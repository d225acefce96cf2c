"""Which handler answers a path and verb, and which action it takes to be allowed to ask."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.access import rights
from reconciler.emulator.call import Handler
from reconciler.emulator.graph import query
from reconciler.emulator.paths import Target
from reconciler.emulator.resources import (
    assessment_metadata,
    assessments,
    assignments,
    definitions,
    exemptions,
    groups,
    inventory,
    locks,
)
from reconciler.emulator.resources.definition_rules import POLICIES, SETS, Family
from reconciler.model import ScopeKind

AUTHORIZATION: Final = "Microsoft.Authorization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One handler. `action` is what a role must allow; empty where every caller may ask."""

    handler: Handler
    action: str = ""


Verbs = Mapping[str, Route]


def route(target: Target, method: str) -> Route:
    """The handler for a path and verb.

    Raises:
        ArmError: 404 where the path means nothing, 405 where the verb does not fit.
    """
    verbs = _verbs(target)
    matched = verbs.get(method)
    if matched is None:
        raise errors.method_not_allowed(method, collection=target.is_collection)
    return matched


def _verbs(target: Target) -> Verbs:
    if not target.namespace:
        return _plain(target.types)
    verbs = _TYPES.get((target.kind, target.is_collection))
    if verbs is not None:
        return verbs
    if target.types in {(), ("register",)} and target.scope.key.count("/") == 2:
        return _PROVIDER
    if target.namespace == "microsoft.authorization" and target.types:
        kind = "/".join((target.written_namespace, *target.written_types))
        raise errors.unsupported_resource_type(kind)
    if target.namespace == "microsoft.management" and target.types[:1] == ("operationresults",):
        return _OPERATIONS
    if target.types and not target.is_collection and _can_hold_resources(target):
        kind = "/".join((target.written_namespace, *target.written_types))
        return _crud(inventory, kind) | {"HEAD": Route(handler=inventory.head, action=f"{kind}/read")}
    if not target.scope.key:
        raise errors.missing_subscription()
    raise errors.unknown_type(target.written_namespace, "")


def _can_hold_resources(target: Target) -> bool:
    return target.scope.key.startswith("/subscriptions/") and target.scope.kind is not ScopeKind.MANAGEMENT_GROUP


def _plain(types: tuple[str, ...]) -> Verbs:
    """Paths without `/providers/`: subscriptions, their groups and resources, tenants."""
    match types:
        case ("tenants",):
            return {"GET": Route(handler=inventory.list_tenants)}
        case ("subscriptions",):
            return {"GET": Route(handler=inventory.list_subscriptions)}
        case ("subscriptions", _):
            return {"GET": Route(handler=inventory.get_subscription, action="Microsoft.Resources/subscriptions/read")}
        case ("subscriptions", _, "resourcegroups"):
            return {"GET": Route(handler=inventory.list_groups, action=f"{_RESOURCE_GROUP}/read")}
        case ("subscriptions", _, "resourcegroups", _):
            return _crud(inventory, _RESOURCE_GROUP) | {
                "HEAD": Route(handler=inventory.head, action=f"{_RESOURCE_GROUP}/read")
            }
        case ("subscriptions", _, "resources") | ("subscriptions", _, "resourcegroups", _, "resources"):
            return {"GET": Route(handler=inventory.list_resources, action=f"{_RESOURCE_GROUP}/resources/read")}
        case ("subscriptions", _, "operationresults", _):
            return {"GET": Route(handler=inventory.operation_result)}
        case _:
            raise errors.missing_subscription()


def _crud(module: object, kind: str) -> dict[str, Route]:
    """The three verbs that a module's `get`, `put` and `delete` answer."""
    return {
        "GET": Route(handler=getattr(module, "get"), action=f"{kind}/read"),  # noqa: B009
        "PUT": Route(handler=getattr(module, "put"), action=f"{kind}/write"),  # noqa: B009
        "DELETE": Route(handler=getattr(module, "delete"), action=f"{kind}/delete"),  # noqa: B009
    }


def _definition_routes(family: Family) -> dict[tuple[str, bool], Verbs]:
    kind, folded = family.type, family.type.lower()
    return {
        (folded, True): {"GET": Route(handler=functools.partial(definitions.list_, family), action=f"{kind}/read")},
        (folded, False): {
            "GET": Route(handler=functools.partial(definitions.get, family), action=f"{kind}/read"),
            "PUT": Route(handler=functools.partial(definitions.put, family), action=f"{kind}/write"),
            "DELETE": Route(handler=functools.partial(definitions.delete, family), action=f"{kind}/delete"),
        },
        (f"{folded}/versions", True): {
            "GET": Route(handler=functools.partial(definitions.list_versions, family), action=f"{kind}/versions/read")
        },
        (f"{folded}/versions", False): {
            "GET": Route(handler=functools.partial(definitions.get_version, family), action=f"{kind}/versions/read")
        },
    }


_RESOURCE_GROUP: Final = "Microsoft.Resources/subscriptions/resourceGroups"
_GROUP: Final = "Microsoft.Management/managementGroups"
_PROVIDER: Final[Verbs] = {"GET": Route(handler=inventory.get_provider), "POST": Route(handler=inventory.get_provider)}
_OPERATIONS: Final[Verbs] = {"GET": Route(handler=groups.operation_result)}

_TYPES: Final[dict[tuple[str, bool], Verbs]] = {
    ("microsoft.authorization/policyexemptions", True): {
        "GET": Route(handler=exemptions.list_, action=f"{exemptions.TYPE}/read")
    },
    ("microsoft.authorization/policyexemptions", False): {
        **_crud(exemptions, exemptions.TYPE),
        "PATCH": Route(handler=exemptions.patch, action=f"{exemptions.TYPE}/write"),
    },
    ("microsoft.authorization/policyassignments", True): {
        "GET": Route(handler=assignments.list_, action=f"{assignments.TYPE}/read")
    },
    ("microsoft.authorization/policyassignments", False): {
        **_crud(assignments, assignments.TYPE),
        "PATCH": Route(handler=assignments.patch, action=f"{assignments.TYPE}/write"),
    },
    ("microsoft.authorization/permissions", True): {"GET": Route(handler=rights.permissions)},
    ("microsoft.authorization/locks", True): {"GET": Route(handler=locks.list_, action=f"{locks.TYPE}/read")},
    ("microsoft.authorization/locks", False): _crud(locks, locks.TYPE),
    **_definition_routes(POLICIES),
    **_definition_routes(SETS),
    ("microsoft.management/managementgroups", True): {"GET": Route(handler=groups.list_)},
    ("microsoft.management/managementgroups", False): {
        **_crud(groups, _GROUP),
        "PATCH": Route(handler=groups.patch, action=f"{_GROUP}/write"),
    },
    ("microsoft.management/managementgroups/descendants", True): {
        "GET": Route(handler=groups.descendants, action=f"{_GROUP}/descendants/read")
    },
    ("microsoft.management/managementgroups/subscriptions", True): {
        "GET": Route(handler=groups.list_subscriptions, action=f"{_GROUP}/subscriptions/read")
    },
    ("microsoft.management/managementgroups/subscriptions", False): {
        "GET": Route(handler=groups.get_subscription, action=f"{_GROUP}/subscriptions/read"),
        "PUT": Route(handler=groups.put_subscription, action=f"{_GROUP}/subscriptions/write"),
        "DELETE": Route(handler=groups.delete_subscription, action=f"{_GROUP}/subscriptions/delete"),
    },
    ("microsoft.management/getentities", True): {"POST": Route(handler=groups.entities)},
    ("microsoft.resourcegraph/resources", True): {"POST": Route(handler=query.query)},
    ("microsoft.security/assessmentmetadata", True): {
        "GET": Route(handler=assessment_metadata.list_, action=f"{assessment_metadata.TYPE}/read")
    },
    ("microsoft.security/assessmentmetadata", False): _crud(assessment_metadata, assessment_metadata.TYPE),
    ("microsoft.security/assessments", True): {
        "GET": Route(handler=assessments.list_, action=f"{assessments.TYPE}/read")
    },
    ("microsoft.security/assessments", False): _crud(assessments, assessments.TYPE),
}
