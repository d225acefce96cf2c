"""The table of routes: which handler answers a type's objects and lists, by which action and with which query options."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.emulator.access import rights
from reconciler.emulator.call import Handler
from reconciler.emulator.graph import query
from reconciler.emulator.resources import (
    assessment_metadata,
    assessments,
    assignments,
    definitions,
    exemptions,
    groups,
    inventory,
    locks,
    policy_states,
    policy_summaries,
    pricings,
    providers,
    role_assignments,
    role_definitions,
    secure_scores,
    security_standards,
    subscriptions,
    tags,
)
from reconciler.emulator.resources.definition_rules import POLICIES, SETS, Family
from reconciler.emulator.state import plans


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One handler. `action` is what a role must allow; empty where every caller may ask.

    `options` are the query options (`$filter`) that the handler honours. Any other is refused, since an answer that
    ignores an option is not the answer to the question.
    """

    handler: Handler
    action: str = ""
    options: frozenset[str] = frozenset()


Verbs = Mapping[str, Route]


def _read(handler: Handler, kind: str, *options: str) -> Route:
    return Route(handler=handler, action=f"{kind}/read", options=frozenset(options))


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
        (folded, True): {"GET": _read(functools.partial(definitions.list_, family), kind, "$filter", "$top")},
        (folded, False): {
            "GET": _read(functools.partial(definitions.get, family), kind),
            "PUT": Route(handler=functools.partial(definitions.put, family), action=f"{kind}/write"),
            "DELETE": Route(handler=functools.partial(definitions.delete, family), action=f"{kind}/delete"),
        },
        (f"{folded}/versions", True): {
            "GET": _read(functools.partial(definitions.list_versions, family), f"{kind}/versions")
        },
        (f"{folded}/versions", False): {
            "GET": _read(functools.partial(definitions.get_version, family), f"{kind}/versions")
        },
    }


def _standard_routes(family: security_standards.Family) -> dict[tuple[str, bool], Verbs]:
    kind, handlers = family.type, security_standards.handlers(family)
    return {
        (kind.lower(), True): {"GET": _read(handlers["LIST"], kind)},
        (kind.lower(), False): {
            "GET": _read(handlers["GET"], kind),
            "PUT": Route(handler=handlers["PUT"], action=f"{kind}/write"),
            "DELETE": Route(handler=handlers["DELETE"], action=f"{kind}/delete"),
        },
    }


def generic_resource(kind: str) -> Verbs:
    """A resource of any provider, kept as it is written."""
    return _crud(inventory, kind) | {
        "HEAD": Route(handler=inventory.head, action=f"{kind}/read"),
        "PATCH": Route(handler=inventory.patch, action=f"{kind}/write"),
    }


RESOURCE_GROUP: Final = "Microsoft.Resources/subscriptions/resourceGroups"
_GROUP: Final = "Microsoft.Management/managementGroups"

PROVIDER: Final[Verbs] = {"GET": Route(handler=providers.get, options=frozenset({"$expand"}))}
REGISTER: Final[Verbs] = {"POST": Route(handler=providers.get)}
PROVIDERS: Final[Verbs] = {"GET": Route(handler=providers.list_, options=frozenset({"$expand"}))}
OPERATIONS: Final[Verbs] = {"GET": Route(handler=groups.operation_result)}

_RESOURCES: Final[Verbs] = {
    "GET": _read(inventory.list_resources, f"{RESOURCE_GROUP}/resources", "$filter", "$top", "$expand")
}

PLAIN: Final[Mapping[str, Verbs]] = {
    "tenants": {"GET": Route(handler=subscriptions.list_tenants)},
    "subscriptions": {"GET": Route(handler=subscriptions.list_)},
    "subscriptions/*": {"GET": _read(subscriptions.get, "Microsoft.Resources/subscriptions")},
    "subscriptions/*/locations": {"GET": _read(subscriptions.locations, "Microsoft.Resources/subscriptions/locations")},
    "subscriptions/*/resourcegroups": {"GET": _read(inventory.list_groups, RESOURCE_GROUP, "$filter", "$top")},
    "subscriptions/*/resourcegroups/*": generic_resource(RESOURCE_GROUP),
    "subscriptions/*/resources": _RESOURCES,
    "subscriptions/*/resourcegroups/*/resources": _RESOURCES,
    "subscriptions/*/operationresults/*": {"GET": Route(handler=inventory.operation_result)},
}
"""Paths without a provider, folded, with a star for each name."""

TYPES: Final[dict[tuple[str, bool], Verbs]] = {
    ("microsoft.authorization/policyexemptions", True): {"GET": _read(exemptions.list_, exemptions.TYPE, "$filter")},
    ("microsoft.authorization/policyexemptions", False): {
        **_crud(exemptions, exemptions.TYPE),
        "PATCH": Route(handler=exemptions.patch, action=f"{exemptions.TYPE}/write"),
    },
    ("microsoft.authorization/policyassignments", True): {
        "GET": _read(assignments.list_, assignments.TYPE, "$filter", "$top", "$expand")
    },
    ("microsoft.authorization/policyassignments", False): {
        **_crud(assignments, assignments.TYPE),
        "GET": _read(assignments.get, assignments.TYPE, "$expand"),
        "PATCH": Route(handler=assignments.patch, action=f"{assignments.TYPE}/write"),
    },
    ("microsoft.authorization/permissions", True): {"GET": Route(handler=rights.permissions)},
    ("microsoft.authorization/locks", True): {"GET": _read(locks.list_, locks.TYPE, "$filter")},
    ("microsoft.authorization/locks", False): _crud(locks, locks.TYPE),
    **_definition_routes(POLICIES),
    **_definition_routes(SETS),
    ("microsoft.management/managementgroups", True): {"GET": Route(handler=groups.list_)},
    ("microsoft.management/managementgroups", False): {
        **_crud(groups, _GROUP),
        "GET": _read(groups.get, _GROUP, "$expand", "$recurse"),
        "PATCH": Route(handler=groups.patch, action=f"{_GROUP}/write"),
    },
    ("microsoft.management/managementgroups/descendants", True): {
        "GET": _read(groups.descendants, f"{_GROUP}/descendants", "$top")
    },
    ("microsoft.management/managementgroups/subscriptions", True): {
        "GET": _read(groups.list_subscriptions, f"{_GROUP}/subscriptions")
    },
    ("microsoft.management/managementgroups/subscriptions", False): {
        "GET": _read(groups.get_subscription, f"{_GROUP}/subscriptions"),
        "PUT": Route(handler=groups.put_subscription, action=f"{_GROUP}/subscriptions/write"),
        "DELETE": Route(handler=groups.delete_subscription, action=f"{_GROUP}/subscriptions/delete"),
    },
    ("microsoft.management/getentities", True): {"POST": Route(handler=groups.entities, options=frozenset({"$top"}))},
    ("microsoft.resourcegraph/resources", True): {"POST": Route(handler=query.query)},
    ("microsoft.authorization/roledefinitions", True): {
        "GET": _read(role_definitions.list_, role_definitions.TYPE, "$filter")
    },
    ("microsoft.authorization/roledefinitions", False): _crud(role_definitions, role_definitions.TYPE),
    ("microsoft.authorization/roleassignments", True): {
        "GET": _read(role_assignments.list_, role_assignments.TYPE, "$filter")
    },
    ("microsoft.authorization/roleassignments", False): _crud(role_assignments, role_assignments.TYPE),
    ("microsoft.policyinsights/policystates/queryresults", True): {
        "GET": Route(handler=policy_states.unsupported, options=frozenset(policy_states.OPTIONS)),
        "POST": Route(
            handler=policy_states.query_results,
            action=f"{policy_states.TYPE}/queryResults/action",
            options=frozenset(policy_states.OPTIONS),
        ),
    },
    ("microsoft.policyinsights/policystates/summarize", True): {
        "GET": Route(handler=policy_states.unsupported, options=frozenset(policy_states.OPTIONS)),
        "POST": Route(
            handler=policy_summaries.summarize,
            action=f"{policy_states.TYPE}/summarize/action",
            options=frozenset(policy_states.OPTIONS) - {"$apply", "$select", "$orderby"},
        ),
    },
    ("microsoft.policyinsights/policystates/triggerevaluation", True): {
        "POST": Route(handler=policy_states.trigger, action=f"{policy_states.TYPE}/triggerEvaluation/action")
    },
    ("microsoft.policyinsights/asyncoperationresults", False): {"GET": Route(handler=policy_states.operation_result)},
    ("microsoft.resources/tags", False): {
        **_crud(tags, tags.TYPE),
        "PATCH": Route(handler=tags.patch, action=f"{tags.TYPE}/write"),
    },
    ("microsoft.security/assessmentmetadata", True): {
        "GET": _read(assessment_metadata.list_, assessment_metadata.TYPE)
    },
    ("microsoft.security/assessmentmetadata", False): _crud(assessment_metadata, assessment_metadata.TYPE),
    ("microsoft.security/assessments", True): {"GET": _read(assessments.list_, assessments.TYPE)},
    **_standard_routes(security_standards.ASSIGNMENT_FAMILY),
    **_standard_routes(security_standards.STANDARD_FAMILY),
    ("microsoft.security/assessments", False): {
        **_crud(assessments, assessments.TYPE),
        "GET": _read(assessments.get, assessments.TYPE, "$expand"),
    },
    ("microsoft.security/securescores", True): {"GET": _read(secure_scores.list_, secure_scores.SCORES)},
    ("microsoft.security/securescores", False): {"GET": _read(secure_scores.get, secure_scores.SCORES)},
    ("microsoft.security/securescores/securescorecontrols", True): {
        "GET": _read(secure_scores.list_controls, secure_scores.CONTROLS, "$expand")
    },
    ("microsoft.security/securescorecontrols", True): {
        "GET": _read(secure_scores.list_controls, "Microsoft.Security/secureScoreControls", "$expand")
    },
    ("microsoft.security/securescorecontroldefinitions", True): {
        "GET": _read(secure_scores.list_definitions, secure_scores.DEFINITIONS)
    },
    ("microsoft.security/pricings", True): {"GET": _read(pricings.list_, plans.TYPE, "$filter")},
    ("microsoft.security/pricings", False): {
        "GET": _read(pricings.get, plans.TYPE),
        "PUT": Route(handler=pricings.put, action=f"{plans.TYPE}/write"),
    },
}
