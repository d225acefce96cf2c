"""Which route a path and verb take, and the refusal of all that is not modelled.

A resource of a provider that this Azure knows nothing about is kept as it is written, if it is of a kind that stands in
a resource group by itself. What extends other objects has a meaning of its own (a pricing, a remediation), so a type without a route is refused on every verb: an invented answer would be believed.
"""

from __future__ import annotations

from typing import Final

from reconciler.emulator import errors, routes
from reconciler.emulator.paths import Target
from reconciler.emulator.routes import Route, Verbs
from reconciler.model import ScopeKind

EXTENSION_NAMESPACES: Final = frozenset(
    f"microsoft.{name}"
    for name in [
        "advisor",
        "authorization",
        "billing",
        "blueprint",
        "capacity",
        "changeanalysis",
        "chaos",
        "consumption",
        "costmanagement",
        "features",
        "guestconfiguration",
        "maintenance",
        "management",
        "policyinsights",
        "quota",
        "resourcegraph",
        "resourcehealth",
        "resources",
        "security",
        "securityinsights",
        "serialconsole",
        "subscription",
        "support",
    ]
)
"""Providers whose types extend other objects or configure the subscription, but for those in `TRACKED`."""

TRACKED: Final = frozenset(
    {
        "microsoft.chaos/experiments",
        "microsoft.maintenance/maintenanceconfigurations",
        "microsoft.resources/deploymentscripts",
        "microsoft.resources/templatespecs",
        "microsoft.security/automations",
        "microsoft.security/iotsecuritysolutions",
        "microsoft.security/securityconnectors",
    }
)
"""Types of those providers that are resources of a resource group all the same."""

UNMODELLED_OPERATIONS: Final = frozenset(
    {"exporttemplate", "moveresources", "validatemoveresources", "tagnames", "batch", "checkzonepeers"}
)
"""Operations of Resource Manager itself, on paths without a provider."""

_PAGING: Final = "$skiptoken"


def route(target: Target, method: str, version: str) -> Route:
    """The route for a path and verb. `version` is the API version as it was sent, for the error's text.

    Raises:
        ArmError: 404 where the path means nothing, 405 where the verb does not fit, 501 for what is not modelled.
    """
    verbs = _verbs(target, version)
    matched = verbs.get(method)
    if matched is None:
        raise errors.method_not_allowed(method, collection=target.is_collection)
    return matched


def check_options(target: Target, matched: Route, names: frozenset[str]) -> None:
    """Refuse query options that the route does not honour. `names` are the folded names of the query.

    Raises:
        ArmError: 400.
    """
    for name in sorted(names):
        if name.startswith("$") and name != _PAGING and name not in matched.options:
            raise errors.unsupported_option(name, target.written_kind)


def _verbs(target: Target, version: str) -> Verbs:
    if not target.namespace:
        return _plain(target)
    verbs = routes.TYPES.get((target.kind, target.is_collection))
    if verbs is not None:
        return verbs
    if target.scope.key.count("/") in {0, 2} and target.types in {(), ("register",)}:
        return routes.REGISTER if target.types else routes.PROVIDER
    first = target.types[0] if target.types else ""
    if target.namespace == "microsoft.management" and first == "operationresults":
        return routes.OPERATIONS
    in_group = target.scope.key.startswith("/subscriptions/") and target.scope.kind is ScopeKind.RESOURCE_GROUP
    is_extension = target.namespace in EXTENSION_NAMESPACES and f"{target.namespace}/{first}" not in TRACKED
    if target.types and in_group and not target.is_collection and not is_extension:
        # A resource that stands by itself: in a resource group, and on no other resource.
        return routes.generic_resource(target.written_kind)
    if target.namespace == "microsoft.authorization" and target.types:
        raise errors.unsupported_resource_type(target.written_kind)
    if not target.types or not target.namespace.startswith("microsoft."):
        raise errors.unknown_type(target.written_namespace, version)
    raise errors.not_modelled(target.written_kind)


def _plain(target: Target) -> Verbs:
    """Paths without a provider: subscriptions, their groups and resources, tenants, the list of providers."""
    if target.text.lower().endswith("/providers") and target.scope.key.count("/") in {0, 2}:
        return routes.PROVIDERS
    folded = tuple("*" if number % 2 else part for number, part in enumerate(target.types))
    verbs = routes.PLAIN.get("/".join(folded))
    if verbs is None and target.types and target.types[-1] in UNMODELLED_OPERATIONS:
        raise errors.not_modelled(f"operation {target.types[-1]}")
    if verbs is None:
        raise errors.missing_subscription()
    return verbs
