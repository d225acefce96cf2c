"""Makes sure that we speak to the tenant that reconciler.yaml names: every command refuses another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azure.core.exceptions import AzureError as SdkError

from reconciler.azure.api_versions import Api
from reconciler.azure.client import ArmClient
from reconciler.azure.clouds import Endpoints
from reconciler.azure.credentials import TenantCredential, no_identity, token_claims
from reconciler.problems import CredentialError


def check(credential: TenantCredential, client: ArmClient, tenant_id: str, endpoints: Endpoints) -> Mapping[str, Any]:
    """The claims of the first token, which is of the right tenant. An unreadable token is judged by what it may see.

    Raises:
        CredentialError: there is no identity, or it belongs to another tenant.
    """
    try:
        token = credential.get_token_info(endpoints.oauth_scope).token
    except SdkError as error:
        raise no_identity(error) from error
    claims = token_claims(token)
    claimed = claims.get("tid")
    tenants = (
        {claimed}
        if isinstance(claimed, str)
        else {str(tenant.get("tenantId") or "") for tenant in client.pages("/tenants", Api.TENANTS)}
    )
    if tenant_id.lower() not in {tenant.lower() for tenant in tenants}:
        names = ", ".join(sorted(tenants)) or "none"
        raise CredentialError(
            f"the identity is of tenant {names}, but reconciler.yaml manages tenant {tenant_id}",
            f"log in to the right tenant (az login --tenant {tenant_id}), or correct `tenantId` in reconciler.yaml",
        )
    return claims
