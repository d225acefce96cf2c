"""Tenants, subscriptions and the regions that they may use."""

from __future__ import annotations

from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.access.rights import can_see
from reconciler.emulator.call import Call, answer
from reconciler.emulator.state.hierarchy import Subscription
from reconciler.emulator.wire.http import Response
from reconciler.model import JSON

REGIONS: Final = (
    ("australiaeast", "Australia East", "Asia Pacific", "New South Wales", "australiasoutheast"),
    ("brazilsouth", "Brazil South", "South America", "Sao Paulo State", "southcentralus"),
    ("canadacentral", "Canada Central", "Canada", "Toronto", "canadaeast"),
    ("centralus", "Central US", "US", "Iowa", "eastus2"),
    ("eastasia", "East Asia", "Asia Pacific", "Hong Kong", "southeastasia"),
    ("eastus", "East US", "US", "Virginia", "westus"),
    ("eastus2", "East US 2", "US", "Virginia", "centralus"),
    ("francecentral", "France Central", "Europe", "Paris", "francesouth"),
    ("germanywestcentral", "Germany West Central", "Europe", "Frankfurt", "germanynorth"),
    ("japaneast", "Japan East", "Asia Pacific", "Tokyo, Saitama", "japanwest"),
    ("northeurope", "North Europe", "Europe", "Ireland", "westeurope"),
    ("norwayeast", "Norway East", "Europe", "Norway", "norwaywest"),
    ("southeastasia", "Southeast Asia", "Asia Pacific", "Singapore", "eastasia"),
    ("swedencentral", "Sweden Central", "Europe", "Gävle", "swedensouth"),
    ("switzerlandnorth", "Switzerland North", "Europe", "Zurich", "switzerlandwest"),
    ("uksouth", "UK South", "UK", "London", "ukwest"),
    ("westeurope", "West Europe", "Europe", "Netherlands", "northeurope"),
    ("westus", "West US", "US", "California", "eastus"),
    ("westus2", "West US 2", "US", "Washington", "westcentralus"),
    ("westus3", "West US 3", "US", "Phoenix", "eastus"),
)
"""Some of Azure's regions: name, display name, group of geographies, place, paired region."""


def list_tenants(call: Call) -> Response:
    """The one tenant."""
    tenant = {
        "id": f"/tenants/{call.tenant.id}",
        "tenantId": call.tenant.id,
        "countryCode": "NL",
        "displayName": "Contoso",
        "domains": ["contoso.example"],
        "tenantCategory": "Home",
        "defaultDomain": "contoso.example",
        "tenantType": "AAD",
    }
    return answer(200, {"value": [tenant]})


def list_(call: Call) -> Response:
    """The subscriptions that the caller has any right in."""
    subscriptions = call.tenant.hierarchy.subscriptions.values()
    visible = [_show(call, entity) for entity in subscriptions if can_see(call.tenant, call.principal, entity.id)]
    return answer(200, {"value": visible, "count": {"type": "Total", "value": len(visible)}})


def get(call: Call) -> Response:
    """One subscription."""
    return answer(200, _show(call, _require(call)))


def locations(call: Call) -> Response:
    """The regions of a subscription."""
    subscription = _require(call)
    return answer(
        200,
        {
            "value": [
                {
                    "id": f"{subscription.id}/locations/{name}",
                    "name": name,
                    "type": "Region",
                    "displayName": display_name,
                    "regionalDisplayName": f"({group}) {display_name}",
                    "metadata": {
                        "regionType": "Physical",
                        "regionCategory": "Recommended",
                        "geographyGroup": group,
                        "physicalLocation": place,
                        "pairedRegion": [{"name": pair, "id": f"{subscription.id}/locations/{pair}"}],
                    },
                }
                for name, display_name, group, place, pair in REGIONS
            ]
        },
    )


def _require(call: Call) -> Subscription:
    guid = call.target.text.split("/")[2]
    subscription = call.tenant.hierarchy.subscriptions.get(guid.lower())
    if subscription is None:
        raise errors.subscription_not_found(guid)
    return subscription


def _show(call: Call, subscription: Subscription) -> dict[str, JSON]:
    return {
        "id": subscription.id.text,
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        **({"tags": subscription.tags} if subscription.tags else {}),
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
