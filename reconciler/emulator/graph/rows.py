"""One row of Resource Graph, and where rows come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.emulator.state.tenant import Tenant
from reconciler.model import JSON, ArmId

TEXT: Final = ("id", "name", "type", "tenantId", "kind", "location", "resourceGroup", "subscriptionId", "managedBy")
DYNAMIC: Final = ("sku", "plan", "properties", "tags", "identity", "zones", "extendedLocation", "systemData")


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphRow:
    """One row. `type` is the type as ARM writes it, `values` what a query sees, where the type is in lower case.

    `is_public`: everybody sees it in every scope, as built-in definitions.
    """

    id: ArmId
    type: str
    values: dict[str, JSON]
    is_public: bool = False


Covers = Callable[[ArmId], bool]
"""Whether a query is about an id: most ask for a few subscriptions of many, and a row costs more than this."""

Source = Callable[[Tenant, Covers], Iterator[GraphRow]]


def graph_row(
    tenant: Tenant, identifier: ArmId, kind: str, body: Mapping[str, JSON], *, is_public: bool = False
) -> GraphRow:
    """The row of an object. `body` is what ARM shows of it beside its id and type."""
    parts = identifier.key.split("/")
    in_group = len(parts) > 4 and parts[3] == "resourcegroups"
    values = {
        "id": identifier.text,
        "name": identifier.name,
        "type": kind.lower(),
        "tenantId": tenant.id,
        "kind": body.get("kind") or "",
        "location": body.get("location") or "",
        "resourceGroup": parts[4] if in_group else "",
        "subscriptionId": identifier.subscription or "",
        "managedBy": body.get("managedBy") or "",
    }
    values |= {name: body.get(name) for name in DYNAMIC}
    return GraphRow(id=identifier, type=kind, values=values, is_public=is_public)
