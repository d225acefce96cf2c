"""Makes sure that we speak to the tenant that reconciler.yaml names: every command refuses another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azure.core.exceptions import AzureError as SdkError

from reconciler.azure.clouds import Endpoints
from reconciler.azure.credentials import TenantCredential, no_identity, token_claims
from reconciler.azure.transport import Arm
from reconciler.azure.versions import Api
from reconciler.problems import CredentialError


def check(credential: TenantCredential, arm: Arm, tenant_id: str, endpoints: Endpoints) -> Mapping[str, Any]:
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
    found = {claimed} if isinstance(claimed, str) else _visible(arm)
    if tenant_id.lower() not in {one.lower() for one in found}:
        seen = ", ".join(sorted(found)) or "none"
        raise CredentialError(
            f"the identity is of tenant {seen}, but reconciler.yaml manages tenant {tenant_id}",
            f"log in to the right tenant (az login --tenant {tenant_id}), or correct `tenantId` in reconciler.yaml",
        )
    return claims


def _visible(arm: Arm) -> set[str]:
    return {str(tenant.get("tenantId") or "") for tenant in arm.pages("/tenants", Api.TENANTS)}
