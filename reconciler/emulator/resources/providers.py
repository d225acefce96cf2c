"""Resource providers: which there are, all registered, with the types and API versions that clients look up."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from reconciler import catalog
from reconciler.emulator import errors
from reconciler.emulator.call import Call, answer
from reconciler.emulator.resources.inventory import resource_type
from reconciler.emulator.state.tenant import Tenant
from reconciler.emulator.versions import KNOWN, RESOURCE_MANAGER
from reconciler.emulator.wire.http import Response
from reconciler.model import JSON, ScopeKind

PLACEHOLDER_VERSION: Final = "2023-01-01"
"""The API version shown for types whose versions are not known here. Any well-formed one is accepted for them."""

_AUTHORIZATIONS: Final = {
    "microsoft.management": {
        "applicationId": "f2c304cf-8e7e-4c3f-8164-16299ad9d272",
        "roleDefinitionId": "c1cf3708-588a-4647-be7f-f400bbe214cf",
    }
}
"""The applications behind providers, as far as a recording shows them."""

_GROUP_VERSIONS: Final = (
    "2022-09-01",
    "2020-10-01",
    "2020-05-01",
    "2020-02-01",
    "2019-11-01",
    "2018-03-01-preview",
    "2018-03-01-beta",
    "2018-01-01-preview",
)
_FIRST_VERSIONS: Final = ("2017-11-01-preview", "2017-08-31-preview", "2017-06-30-preview", "2017-05-31-preview")


def _newest_first(namespace: str, kinds: Sequence[str]) -> dict[str, tuple[str, ...]]:
    return {kind: tuple(sorted(KNOWN[f"{namespace}/{kind}".lower()], reverse=True)) for kind in kinds}


MODELLED: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "Microsoft.Authorization": _newest_first(
        "Microsoft.Authorization",
        (
            "policyExemptions",
            "policyAssignments",
            "policyDefinitions",
            "policyDefinitions/versions",
            "policySetDefinitions",
            "policySetDefinitions/versions",
            "locks",
            "roleAssignments",
            "roleDefinitions",
            "permissions",
        ),
    ),
    "Microsoft.Management": {
        "resources": _FIRST_VERSIONS,
        "managementGroups": (*_GROUP_VERSIONS, *_FIRST_VERSIONS),
        "getEntities": _GROUP_VERSIONS,
        "managementGroups/settings": (*_GROUP_VERSIONS[:4], "2018-03-01-beta"),
        "checkNameAvailability": _GROUP_VERSIONS,
        "operationResults": _GROUP_VERSIONS,
        "operationResults/asyncOperation": (*_GROUP_VERSIONS, *_FIRST_VERSIONS),
        "operations": (*_GROUP_VERSIONS, *_FIRST_VERSIONS),
        "tenantBackfillStatus": _GROUP_VERSIONS[:7],
        "startTenantBackfill": _GROUP_VERSIONS[:7],
    },
    "Microsoft.PolicyInsights": _newest_first(
        "Microsoft.PolicyInsights",
        (
            "policyStates",
            "asyncOperationResults",
        ),
    ),
    "Microsoft.ResourceGraph": _newest_first("Microsoft.ResourceGraph", ("resources",)),
    "Microsoft.Resources": dict.fromkeys(("subscriptions", "resourceGroups", "tags"), RESOURCE_MANAGER),
    "Microsoft.Security": _newest_first(
        "Microsoft.Security",
        (
            "assessments",
            "assessmentMetadata",
            "pricings",
            "standardAssignments",
            "securityStandards",
        ),
    ),
}
"""The providers that are modelled: their types with the API versions. Microsoft.Management's as recorded."""


def list_(call: Call) -> Response:
    """All providers of a subscription, or of the tenant."""
    namespaces = _types(call.tenant)
    return answer(200, {"value": [_show(call, name, kinds) for name, kinds in sorted(namespaces.items())]})


def get(call: Call) -> Response:
    """A resource provider, asked for or registered: all are registered already."""
    folded = call.target.namespace
    for namespace, kinds in _types(call.tenant).items():
        if namespace.lower() == folded:
            return answer(200, _show(call, namespace, kinds))
    raise errors.ArmError(
        404,
        "InvalidResourceNamespace",
        f"The resource namespace '{call.target.written_namespace}' is invalid.",
        errors.GATEWAY,
    )


def _show(call: Call, namespace: str, kinds: Mapping[str, tuple[str, ...]]) -> dict[str, JSON]:
    authorization = _AUTHORIZATIONS.get(namespace.lower())
    scope = call.target.scope.text
    return {
        "id": f"{scope}/providers/{namespace}",
        "namespace": namespace,
        **({"authorization": authorization} if authorization else {}),
        "resourceTypes": [
            {"resourceType": kind, "locations": [], "apiVersions": list(versions), "capabilities": "None"}
            for kind, versions in kinds.items()
        ],
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationRequired",
    }


def _types(tenant: Tenant) -> dict[str, dict[str, tuple[str, ...]]]:
    """Every namespace with its types: those modelled, those that the catalogue's policies name, the tenant's own."""
    namespaces = {name: dict(kinds) for name, kinds in _known().items()}
    spelling = {name.lower(): name for name in namespaces}
    for resource in tenant.hierarchy.resources.values():
        if resource.id.kind is ScopeKind.RESOURCE:
            namespace_text, _, kind = resource_type(resource.id).partition("/")
            namespace = spelling.setdefault(namespace_text.lower(), namespace_text)
            kinds = namespaces.setdefault(namespace, {})
            if kind.lower() not in {existing.lower() for existing in kinds}:
                kinds[kind] = (PLACEHOLDER_VERSION,)
    return namespaces


@functools.cache
def _known() -> dict[str, dict[str, tuple[str, ...]]]:
    namespaces: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    folded: set[str] = set()
    spelling: dict[str, str] = {name.lower(): name for name in MODELLED}
    for namespace, kinds in MODELLED.items():
        namespaces[namespace] |= kinds
        folded |= {f"{namespace}/{kind}".lower() for kind in kinds}
    for policy in catalog.load().policies.values():
        for full in policy.resource_types:
            namespace_text, _, kind = full.partition("/")
            if (
                kind
                and "." in namespace_text
                and full.lower() not in folded
                and full.replace("/", "").replace(".", "").isalnum()
            ):
                folded.add(full.lower())
                spelled = ".".join(part.capitalize() if part.islower() else part for part in namespace_text.split("."))
                namespaces[spelling.setdefault(namespace_text.lower(), spelled)][kind] = (PLACEHOLDER_VERSION,)
    return dict(namespaces)
