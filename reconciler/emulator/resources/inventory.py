"""Tenants, subscriptions, resource groups and resources: what exists, and what goes with it when it is deleted."""

from __future__ import annotations

from typing import Any

from reconciler.emulator import errors
from reconciler.emulator.access.rights import can_see
from reconciler.emulator.call import Call, answer, empty
from reconciler.emulator.state.hierarchy import Resource, Subscription
from reconciler.emulator.wire.http import Response
from reconciler.emulator.wire.jsontext import json_object
from reconciler.model import JSON, ArmId, ScopeKind

DEFAULT_LOCATION = "westeurope"


# --- tenants and subscriptions -----------------------------------------------------------------------------------


def list_tenants(call: Call) -> Response:
    """The one tenant."""
    return answer(
        200,
        {
            "value": [
                {
                    "id": f"/tenants/{call.tenant.id}",
                    "tenantId": call.tenant.id,
                    "countryCode": "NL",
                    "displayName": "Contoso",
                    "domains": ["contoso.example"],
                    "tenantCategory": "Home",
                    "defaultDomain": "contoso.example",
                    "tenantType": "AAD",
                }
            ]
        },
    )


def list_subscriptions(call: Call) -> Response:
    """The subscriptions that the caller has any right in."""
    subscriptions = call.tenant.hierarchy.subscriptions.values()
    visible = [
        _subscription(call, subscription)
        for subscription in subscriptions
        if can_see(call.tenant, call.principal, subscription.id)
    ]
    return answer(200, {"value": visible, "count": {"type": "Total", "value": len(visible)}})


def get_subscription(call: Call) -> Response:
    """One subscription."""
    guid = call.target.text.split("/")[2]
    subscription = call.tenant.hierarchy.subscriptions.get(guid.lower())
    if subscription is None:
        raise errors.subscription_not_found(guid)
    return answer(200, _subscription(call, subscription))


def _subscription(call: Call, subscription: Subscription) -> dict[str, JSON]:
    return {
        "id": subscription.id.text,
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": subscription.guid,
        "tenantId": call.tenant.id,
        "displayName": subscription.display_name,
        "state": subscription.state,
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "EnterpriseAgreement_2014-09-01",
            "spendingLimit": "Off",
        },
    }


def get_provider(call: Call) -> Response:
    """A resource provider, asked for or registered: all are registered already."""
    namespace = call.target.written_namespace
    return answer(
        200,
        {
            "id": f"{call.target.scope}/providers/{namespace}",
            "namespace": namespace,
            "resourceTypes": [],
            "registrationState": "Registered",
            "registrationPolicy": "RegistrationRequired",
        },
    )


# --- resource groups ---------------------------------------------------------------------------------------------


def list_groups(call: Call) -> Response:
    """The resource groups of a subscription."""
    prefix = call.target.text.lower().rsplit("/", 1)[0] + "/"
    groups = [resource for resource in _within(call, prefix) if resource.id.kind is ScopeKind.RESOURCE_GROUP]
    return answer(200, {"value": [show(resource) for resource in groups]})


def list_resources(call: Call) -> Response:
    """The resources of a subscription or resource group."""
    prefix = call.target.text.lower().rsplit("/", 1)[0] + "/"
    resources = [resource for resource in _within(call, prefix) if resource.id.kind is ScopeKind.RESOURCE]
    return answer(200, {"value": [show(resource) for resource in resources]})


def _within(call: Call, prefix: str) -> list[Resource]:
    call.tenant.hierarchy.require(ArmId(prefix[:-1], prefix[:-1]))
    return [resource for key, resource in call.tenant.hierarchy.resources.items() if key.startswith(prefix)]


# --- one resource or group ---------------------------------------------------------------------------------------


def get(call: Call) -> Response:
    """A resource or resource group."""
    call.tenant.hierarchy.require(call.target.id)
    return answer(200, show(call.tenant.hierarchy.resources[call.target.id.key]))


def head(call: Call) -> Response:
    """Whether it exists: 204 or 404."""
    return empty(204 if call.target.id.key in call.tenant.hierarchy.resources else 404)


def put(call: Call) -> Response:
    """Create or replace a resource or group; a resource's group must be there."""
    body = json_object(call.request.body) if call.request.body else {}
    parent = call.target.id.parent
    if parent is not None:
        call.tenant.hierarchy.require(parent)
    is_new = call.tenant.hierarchy.add_resource(call.target.id, _kept(body))
    return answer(201 if is_new else 200, show(call.tenant.hierarchy.resources[call.target.id.key]))


def delete(call: Call) -> Response:
    """Delete it with everything in and on it, its exemptions included. A resource group's answer is 202, as Azure's."""
    key = call.target.id.key
    if not call.tenant.hierarchy.remove_resource(key):
        if call.target.id.kind is ScopeKind.RESOURCE_GROUP:
            raise errors.resource_group_not_found(call.target.id.name)
        return empty(204)
    call.tenant.forget_scope(key)
    if call.target.id.kind is ScopeKind.RESOURCE_GROUP:
        location = f"https://{call.request.base}/subscriptions/{call.target.id.subscription}/operationresults/done"
        return empty(202, {"Location": f"{location}?api-version={call.version}", "Retry-After": "1"})
    return empty(200)


def operation_result(call: Call) -> Response:  # noqa: ARG001 - the same for every operation
    """What became of a deletion: it is always done by now."""
    return empty(200)


def _kept(body: dict[str, Any]) -> dict[str, JSON]:
    return {name: body[name] for name in ("location", "tags", "kind", "sku", "properties") if name in body}


def show(resource: Resource) -> dict[str, JSON]:
    """A resource or group as ARM shows it."""
    envelope = {"id": resource.id.text, "name": resource.id.name, "type": resource_type(resource.id)}
    properties = {"provisioningState": "Succeeded"} if resource.id.kind is ScopeKind.RESOURCE_GROUP else {}
    return {**envelope, "location": DEFAULT_LOCATION, "properties": properties, **resource.body}


def resource_type(identifier: ArmId) -> str:
    """`Microsoft.Sql/servers/databases` for a resource's id."""
    if identifier.kind is ScopeKind.RESOURCE_GROUP:
        return "Microsoft.Resources/resourceGroups"
    parts = identifier.text[identifier.key.rfind("/providers/") + len("/providers/") :].split("/")
    return "/".join((parts[0], *parts[1::2]))
