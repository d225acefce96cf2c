"""Defender's plans of a subscription: `Microsoft.Security/pricings`, as far as other answers depend on them."""

from __future__ import annotations

from typing import Final

from reconciler.emulator.state.tenant import Record, Tenant
from reconciler.model import JSON, ArmId, arm_id

TYPE: Final = "Microsoft.Security/pricings"
FOUNDATIONAL: Final = "FoundationalCspm"
STANDARD: Final = "Standard"
FREE: Final = "Free"

REPLACED: Final = {"KubernetesService": "Containers", "ContainerRegistry": "Containers", "Dns": "VirtualMachines"}
NAMES: Final = (
    "VirtualMachines",
    "SqlServers",
    "AppServices",
    "StorageAccounts",
    "SqlServerVirtualMachines",
    "KubernetesService",
    "ContainerRegistry",
    "KeyVaults",
    "Dns",
    "Arm",
    "OpenSourceRelationalDatabases",
    "CosmosDbs",
    "Containers",
    "CloudPosture",
    "Api",
    FOUNDATIONAL,
)
"""In the order of the recorded list, which is older than the last one."""


def plan_id(subscription: str, name: str) -> ArmId:
    """The id of a plan of a subscription (its GUID)."""
    return arm_id(f"/subscriptions/{subscription}/providers/{TYPE}/{name}")


def properties(tenant: Tenant, identifier: ArmId) -> dict[str, JSON]:
    """What a plan says: as it was put, else that Foundational CSPM is on and every other plan off."""
    own = tenant.plans.get(identifier.key)
    if own is not None:
        return own.properties
    is_foundational = identifier.name.lower() == FOUNDATIONAL.lower()
    return {"pricingTier": STANDARD if is_foundational else FREE}


def is_foundational_on(tenant: Tenant, subscription: str) -> bool:
    """Whether Defender looks at a subscription (its folded GUID) at all."""
    return str(properties(tenant, plan_id(subscription, FOUNDATIONAL)).get("pricingTier")).lower() == STANDARD.lower()


def seed(tenant: Tenant, value: dict[str, JSON]) -> None:
    """Put a plan of a tenant file in place."""
    identifier = arm_id(value["id"])
    tenant.plans.put(Record(id=identifier, type=TYPE, properties=dict(value.get("properties", {}))))
