"""Who we are to Azure: azure-identity's ways to log in, one token shared by all threads, and the tenant it is for.

Everything but GitHub's own federation is DefaultAzureCredential: environment, workload identity, managed identity
(the embedded Azure speaks that protocol), `az login`. The SDK reads its variables from the process' environment.
"""

from __future__ import annotations

import base64
import contextlib
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from azure.core import PipelineClient
from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.exceptions import AzureError as SdkError
from azure.core.rest import HttpRequest
from azure.identity import ClientAssertionCredential, DefaultAzureCredential

from reconciler.azure.clouds import Endpoints
from reconciler.problems import CredentialError

_GITHUB: Final = (
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
)
_ATTEMPT: Final = re.compile(r"^\t(\w+Credential): (.*(?:\n(?!\t|To mitigate).*)*)", re.MULTILINE)
"""One way that DefaultAzureCredential tried, in its message."""

_AZURE_CLI: Final = "AzureCliCredential"
"""The way that a person can set up at once, where it is permitted."""
_NOT_SET_UP: Final = re.compile(r"unavailable|not found|not be found|not installed|requires the", re.IGNORECASE)
_TRIED: Final = re.compile(r"error|AADSTS|expired|denied|failed", re.IGNORECASE)
_REFRESH_SECONDS: Final = 300
"""How long before its end a token is renewed, as the SDK does; so that a long run never meets an expired one."""


class Credential(Protocol):
    """What we need of an azure-identity credential."""

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo: ...

    def close(self) -> None: ...


class TenantCredential:
    """Tokens of one tenant, from any credential: one for all threads, so that a start or a renewal is no stampede.

    `renew` makes the credential again: those of the SDK keep a token of their own until its end, even a refused one.
    """

    def __init__(self, inner: Credential, tenant_id: str, renew: Callable[[], Credential] | None = None) -> None:
        self._inner = inner
        self._renew = renew
        self._tenant_id = tenant_id
        self._token: AccessTokenInfo | None = None
        self._error: Exception | None = None
        self._lock = threading.Lock()

    def begin(self, scope: str) -> None:
        """Asks for the first token in a thread of its own. Whoever asks next waits for it, and is told what went wrong."""

        def ask() -> None:
            try:
                self._token = self._inner.get_token_info(scope, options={"tenant_id": self._tenant_id})
            except Exception as error:  # noqa: BLE001 - raised to whoever asks next
                self._error = error
            finally:
                self._lock.release()

        self._lock.acquire()
        try:
            threading.Thread(target=ask, name="login", daemon=True).start()
        except RuntimeError:  # no further thread may start: the token is asked for when it is needed
            self._lock.release()

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """A valid token; claims of a challenge always ask the identity provider anew."""
        request: TokenRequestOptions = {"tenant_id": self._tenant_id, **(options or {})}
        with self._lock:
            error, self._error = self._error, None
            if error is not None:
                raise error
            token = self._token
            if token is not None and not request.get("claims"):
                renewal = token.refresh_on or token.expires_on - _REFRESH_SECONDS
                if time.time() < min(renewal, token.expires_on):
                    return token
            self._token = self._inner.get_token_info(*scopes, options=request)
            return self._token

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """The older form of the same, which the SDK's types ask for."""
        claims = options.get("claims")
        token = self.get_token_info(*scopes, options={"claims": claims} if claims else None)
        return AccessToken(token.token, token.expires_on)

    def forget(self, refused: str = "") -> None:
        """Drops the token after Azure refused it; the next request asks for another.

        `refused` is the header that carried it (empty: unknown): of many threads that meet the refusal, only the
        first makes the credential anew.
        """
        with self._lock:
            if self._token is None or (refused and not refused.endswith(self._token.token)):
                return
            self._token = None
            if self._renew is not None:
                self._inner.close()
                self._inner = self._renew()

    def close(self) -> None:
        """Closes the connections to the identity provider."""
        self._inner.close()


def choose(tenant_id: str, endpoints: Endpoints, environment: Mapping[str, str]) -> TenantCredential:
    """The credential of this environment, for the tenant that reconciler.yaml names. Asks for no token yet.

    Raises:
        CredentialError: the environment is for another tenant or cannot be read.
    """
    login_tenant = environment.get("AZURE_TENANT_ID", "")
    spelled = login_tenant if login_tenant.lower() == tenant_id.lower() else tenant_id  # the SDK compares letters
    from_github = all(environment.get(name) for name in _GITHUB)

    def make() -> Credential:
        if not from_github:
            return DefaultAzureCredential(authority=endpoints.authority)
        if login_tenant.lower() != tenant_id.lower():
            raise CredentialError(
                f"AZURE_TENANT_ID is {login_tenant}, but reconciler.yaml manages tenant {tenant_id}",
                "let the workflow's variable AZURE_TENANT_ID and `tenantId` in reconciler.yaml name the same tenant",
            )
        return ClientAssertionCredential(
            login_tenant,
            environment["AZURE_CLIENT_ID"],
            lambda: github_assertion(environment, endpoints.exchange_audience),
            authority=endpoints.authority,
            disable_instance_discovery=not endpoints.known_authority,
        )

    try:
        return TenantCredential(make(), spelled, make)
    except ValueError as error:
        raise CredentialError(
            f"the login settings in the environment cannot be used: {error}",
            "correct the variable; those of azure-identity begin with AZURE_",
        ) from error


def github_assertion(environment: Mapping[str, str], audience: str) -> str:
    """The signed statement of GitHub Actions about this job, which Entra ID exchanges for a token.

    Raises:
        CredentialError: GitHub refuses, or cannot be reached.
    """
    from reconciler.azure.remedies import redact  # noqa: PLC0415 - what only an error says need not delay the first token
    from reconciler.documents.json_input import JsonInputError, read_json  # noqa: PLC0415 - likewise, for GitHub alone

    url, token = (environment[name] for name in _GITHUB[:2])
    request = HttpRequest("GET", url, params={"audience": audience}, headers={"Authorization": f"Bearer {token}"})
    try:
        with PipelineClient[HttpRequest, Any](url) as client:
            answer = client.send_request(request)
            answer.raise_for_status()
            return read_json(answer.content, origin="the answer").member("value").as_text()
    except (SdkError, JsonInputError) as error:
        raise CredentialError(
            f"GitHub gave no identity token for this job: {redact(str(error))}",
            "the job needs `permissions: id-token: write`, and is not given it for pull requests from forks",
        ) from error


def no_identity(error: SdkError) -> CredentialError:
    """What to tell a person when no token could be had: which ways were tried, and why those that are set up failed."""
    from reconciler.azure.remedies import redact  # noqa: PLC0415 - as above

    text = redact(str(error.message))
    tried = dict(_ATTEMPT.findall(text))
    failed = {name: why for name, why in tried.items() if _TRIED.search(why) or not _NOT_SET_UP.search(why)}
    if failed:
        reason = "; ".join(f"{name}: {' '.join(why.split())}" for name, why in failed.items())
        ways = [*failed, *(name for name in tried if name == _AZURE_CLI and name not in failed)]
        remedy = f"{', or '.join(map(_remedy, ways))}; `exempt doctor` checks it"
    elif len(tried) == 1:
        (name,) = tried
        reason = f"AZURE_TOKEN_CREDENTIALS permits {name} alone, and that is not set up here"
        remedy = f"{_remedy(name)}, or unset AZURE_TOKEN_CREDENTIALS, which permits no other way"
    elif tried:
        reason = f"none of the {len(tried)} ways to log in is set up here"
        remedy = "run `az login`, or give the pipeline a managed identity or a federated credential; `exempt doctor` checks it"
    else:  # GitHub's own federation, which is no choice of several
        reason = " ".join(text.split())
        remedy = (
            "let AZURE_CLIENT_ID name the application, and its federated credential this repository with the branch or "
            "environment of the job; `exempt doctor` checks it"
        )
    return CredentialError(f"no Azure identity could be had: {reason}", remedy)


def _remedy(way: str) -> str:
    """What makes one of azure-identity's ways to log in work."""
    match way:
        case "EnvironmentCredential":
            return "correct AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH"
        case "WorkloadIdentityCredential":
            return (
                "correct AZURE_FEDERATED_TOKEN_FILE and the federated credential of the application in AZURE_CLIENT_ID"
            )
        case "ManagedIdentityCredential":
            return "give this machine a managed identity, and let AZURE_CLIENT_ID name it if it is a user-assigned one"
        case _ if way == _AZURE_CLI:
            return "run `az login`"
        case "AzurePowerShellCredential":
            return "run `Connect-AzAccount`"
        case "AzureDeveloperCliCredential":
            return "run `azd auth login`"
        case _:
            return f"set up what {way} needs"


def token_claims(token: str) -> Mapping[str, Any]:
    """The claims inside an access token, unverified (Azure verifies them); empty where it is not readable."""
    parts = token.split(".")
    if len(parts) < 2:
        return {}
    from reconciler.documents.json_input import JsonInputError, read_json  # noqa: PLC0415 - read once a token is there

    with contextlib.suppress(ValueError, JsonInputError):
        payload = base64.urlsafe_b64decode(parts[1] + "==")  # as many as are ever missing; more are ignored
        return read_json(payload, origin="the access token").as_object()
    return {}
