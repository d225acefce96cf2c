"""Where tokens come from: the managed identity endpoint, the authority of federated workloads, a pipeline's OIDC.

The forms are those that azure-identity, the Azure CLI and GitHub's runners speak, so that they log in unchanged.
"""

from __future__ import annotations

import secrets
import time
import urllib.parse
from typing import Any, Final

from reconciler.emulator.access.tokens import OIDC_AUDIENCE, TokenIssuer, unverified_claims
from reconciler.emulator.call import answer
from reconciler.emulator.state.tenant import Tenant
from reconciler.emulator.wire.http import Request, Response

IDENTITY_PATH: Final = "/msi/token"
OIDC_PATH: Final = "/oidc/token"
DEFAULT_SUBJECT: Final = "repo:contoso/exemptions:ref:refs/heads/main"


class IdentityEndpoint:
    """The plain-http side: App Service's managed identity protocol, and a runner's OIDC token service."""

    def __init__(self, tenant: Tenant, issuer: TokenIssuer) -> None:
        self._tenant = tenant
        self._issuer = issuer
        self.header = secrets.token_hex(16)
        self.url = ""

    def __call__(self, request: Request) -> Response | None:
        """Answer what is ours; None for other paths."""
        if request.path == OIDC_PATH:
            # A token of the runner for the subject and audience asked for, as GitHub's service gives one.
            if request.headers.get("authorization") != f"Bearer {self.header}":
                return _refused(401, "The request token is missing or wrong.")
            subject = request.query.get("subject", DEFAULT_SUBJECT)
            return answer(200, {"value": self.oidc_token(subject, request.query.get("audience", OIDC_AUDIENCE), 3600)})
        if request.path != IDENTITY_PATH:
            return None
        if request.headers.get("x-identity-header") != self.header:
            return _refused(403, "The X-IDENTITY-HEADER header is missing or wrong.")
        resource = request.query.get("resource", "")
        if not resource:
            return _refused(400, "The query parameter 'resource' is missing.")
        name = request.query.get("client_id") or request.query.get("principal_id") or request.query.get("object_id")
        principal = self._tenant.principals.find(name) if name else self._tenant.principals.default
        if principal is None:
            return _refused(
                400, f"No User Assigned or Delegated Managed Identity found for specified ClientId '{name}'"
            )
        token, expires = self._issuer.access_token(principal, resource)
        return answer(
            200,
            {
                "access_token": token,
                "expires_on": str(expires),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": principal.client_id,
            },
        )

    def oidc_token(self, subject: str, audience: str, lifetime: int) -> str:
        """A token of this endpoint's own OIDC issuer, good for so many seconds."""
        now = int(time.time())
        claims = {"iss": self.url, "sub": subject, "aud": audience, "iat": now, "exp": now + lifetime}
        return self._issuer.sign(claims)


def _refused(status: int, why: str) -> Response:
    return answer(status, {"statusCode": status, "message": why})


# --- the authority, on the TLS port ------------------------------------------------------------------------------


def authority(tenant: Tenant, issuer: TokenIssuer, request: Request) -> Response | None:
    """Answer what belongs to the token authority or to the cloud's metadata; None for everything else."""
    path = request.path.rstrip("/").lower()
    if path == "/metadata/endpoints":
        return answer(200, _endpoints(tenant, request))
    if path.endswith("/oauth2/v2.0/token") and request.method == "POST":
        return _federated(tenant, issuer, request)
    if path.endswith("/.well-known/openid-configuration"):
        base = f"https://{request.base}/{tenant.id}"
        return answer(
            200,
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "issuer": f"{base}/v2.0",
            },
        )
    if path == "/common/discovery/instance":
        return answer(
            200,
            {
                "tenant_discovery_endpoint": f"https://{request.base}/{tenant.id}/v2.0/.well-known/openid-configuration",
                "metadata": [],
            },
        )
    return None


def _endpoints(tenant: Tenant, request: Request) -> dict[str, Any]:
    """What `az cloud register` reads: one object, as Azure Stack answers, not the list of Azure's own clouds."""
    base = f"https://{request.base}"
    return {
        "name": "ExemptEmulator",
        "portal": base,
        "authentication": {
            "loginEndpoint": f"{base}/",
            "audiences": ["https://management.core.windows.net/", "https://management.azure.com/", base],
            "tenant": tenant.id,
            "identityProvider": "AAD",
        },
        "graph": base,
        "graphAudience": base,
        "microsoftGraphResourceId": f"{base}/",
        "gallery": base,
        "resourceManager": base,
        "batch": base,
        "media": base,
        "suffixes": {"storage": "core.windows.net", "keyVaultDns": "vault.azure.net"},
    }


def _federated(tenant: Tenant, issuer: TokenIssuer, request: Request) -> Response:
    """The client credentials flow with a client assertion: an OIDC token in the place of a secret.

    A principal that names no federated credentials trusts the emulator's own OIDC tokens.
    """
    form = {name: values[0] for name, values in urllib.parse.parse_qs(request.body.decode("utf-8", "replace")).items()}
    principal = tenant.principals.find(form.get("client_id", ""))
    if principal is None:
        return _entra_error("unauthorized_client", 700016, f"Application '{form.get('client_id')}' was not found.")
    assertion = form.get("client_assertion", "")
    claims = unverified_claims(assertion) or {}
    is_own = not principal.federated and OIDC_AUDIENCE in _audiences(issuer.claims(assertion) or {})
    is_trusted = any(
        claims.get("iss") == credential.issuer
        and claims.get("sub") == credential.subject
        and not _audiences(claims).isdisjoint(credential.audiences)
        for credential in principal.federated
    )
    if not is_own and not is_trusted:
        why = f"No matching federated identity record found for presented assertion subject '{claims.get('sub')}'."
        return _entra_error("invalid_client", 70021, why)
    if float(claims.get("exp", 0)) <= time.time():
        return _entra_error("invalid_client", 700024, "Client assertion is not within its valid time range.")
    token, expires = issuer.access_token(
        principal, form.get("scope", "").split(" ", maxsplit=1)[0].removesuffix("/.default")
    )
    lifetime = expires - int(time.time())
    return answer(
        200, {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token}
    )


def _audiences(claims: dict[str, Any]) -> set[str]:
    audience = claims.get("aud")
    return set(map(str, audience if isinstance(audience, list) else [audience]))


def _entra_error(error: str, number: int, why: str) -> Response:
    text = {"error": error, "error_description": f"AADSTS{number}: {why}", "error_codes": [number]}
    return answer(401 if error == "invalid_client" else 400, text)
