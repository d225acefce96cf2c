"""Who may speak: tokens for managed identities, federated workloads and pipelines, and their check on each request.

Tokens are JSON Web Tokens signed with a key of this process, good for real time whatever the emulator's clock says.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid
from typing import Any, Final

from reconciler.emulator import errors
from reconciler.emulator.state.principals import Principal, PrincipalType
from reconciler.emulator.state.tenant import Tenant
from reconciler.model import JSON

AUDIENCES: Final = frozenset(
    {"https://management.azure.com", "https://management.core.windows.net", "https://management.core.windows.net/"}
)
LIFETIME: Final = 24 * 3600
OIDC_AUDIENCE: Final = "api://AzureADTokenExchange"


class TokenIssuer:
    """Makes tokens and tells whose they are. `audiences` are accepted with and without a trailing slash."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._key = secrets.token_bytes(32)
        self._known: dict[str, tuple[Principal, float]] = {}
        self.audiences = {audience.rstrip("/") for audience in AUDIENCES}

    # --- making

    def access_token(self, principal: Principal, audience: str, lifetime: int = LIFETIME) -> tuple[str, int]:
        """A token for `principal`, and when it ends (seconds since the epoch)."""
        now = int(time.time())
        if principal.type is PrincipalType.USER:
            name = principal.name
            identity = {"idtyp": "user", "upn": name, "unique_name": name, "name": name}
        else:
            identity = {"idtyp": "app", "appid": principal.client_id, "appidacr": "2"}
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{self._tenant.id}/",
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
            "oid": principal.object_id,
            "sub": principal.object_id,
            "tid": self._tenant.id,
            "ver": "1.0",
            "uti": uuid.uuid4().hex,
            **identity,
        }
        return self.sign(claims), now + lifetime

    def sign(self, claims: dict[str, JSON]) -> str:
        """The claims as a signed token."""
        head = _part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        body = _part(json.dumps(claims).encode())
        return f"{head}.{body}.{self._signature(f'{head}.{body}')}"

    def _signature(self, text: str) -> str:
        return _part(hmac.digest(self._key, text.encode(), hashlib.sha256))

    # --- reading

    def authenticate(self, header: str | None) -> Principal:
        """Whose bearer token an `Authorization` header carries.

        Raises:
            ArmError: 401.
        """
        if not header:
            raise errors.authentication_missing()
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise errors.invalid_token()
        if token not in self._known:
            claims = self.claims(token)
            if claims is None:
                raise errors.invalid_token()
            audience = str(claims.get("aud", ""))
            if audience.rstrip("/") not in self.audiences:
                raise errors.invalid_token(
                    "InvalidAuthenticationTokenAudience",
                    f"The access token has been obtained for wrong audience or resource '{audience}'. It should exactly "
                    "match with one of the allowed audiences 'https://management.core.windows.net/',"
                    "'https://management.core.windows.net','https://management.azure.com/','https://management.azure.com'.",
                )
            identity = self._tenant.principals.find(str(claims.get("oid", "")))
            if identity is None:
                raise errors.invalid_token()
            self._known[token] = identity, float(claims.get("exp", 0))
        principal, expires = self._known[token]
        if expires <= time.time():
            raise errors.invalid_token("ExpiredAuthenticationToken", "The access token has expired.")
        return principal

    def claims(self, token: str) -> dict[str, Any] | None:
        """The claims of a token that this issuer signed; None for any other."""
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(signed).encode(), signature.encode()):
            return None
        return unverified_claims(token)


def unverified_claims(token: str) -> dict[str, Any] | None:
    """The claims of any JSON Web Token, whoever signed it; None if it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    return claims if isinstance(claims, dict) else None


def _part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
