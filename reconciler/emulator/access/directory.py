"""Microsoft Graph, as far as the Azure CLI asks it for the names behind object ids."""

from __future__ import annotations

from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.call import answer
from reconciler.emulator.state.principals import PrincipalType
from reconciler.emulator.state.tenant import Tenant
from reconciler.emulator.wire.http import Request, Response
from reconciler.emulator.wire.jsontext import json_object
from reconciler.model import JSON

PREFIX: Final = "/v1.0/"


def directory(tenant: Tenant, request: Request) -> Response | None:
    """Answer what is asked of the directory; None for other paths.

    Raises:
        ArmError: 400 for what is not modelled of it.
    """
    if not request.path.startswith(PREFIX):
        return None
    if request.method != "POST" or request.path.lower() != "/v1.0/directoryobjects/getbyids":
        raise errors.not_modelled(f"Microsoft Graph {request.path}")
    ids = json_object(request.body).get("ids") or []
    principals = [tenant.principals.find(str(object_id)) for object_id in ids]
    values: list[JSON] = []
    for principal in filter(None, principals):
        if principal.type is PrincipalType.USER:
            kind: dict[str, JSON] = {"@odata.type": "#microsoft.graph.user", "userPrincipalName": principal.name}
        else:
            kind = {
                "@odata.type": "#microsoft.graph.servicePrincipal",
                "appId": principal.client_id,
                "servicePrincipalNames": [principal.client_id],
            }
        values.append({**kind, "id": principal.object_id, "displayName": principal.name})
    return answer(200, {"value": values})
