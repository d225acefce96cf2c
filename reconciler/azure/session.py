"""One run's connection to Azure. Importing this costs nothing; logging in and connecting load the SDK."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from reconciler.azure.api_versions import ApiVersions
from reconciler.azure.clouds import ARM_ENDPOINT, Endpoints, elsewhere, endpoints
from reconciler.problems import ReconcilerError, UsageError

if TYPE_CHECKING:
    from reconciler.azure.client import ArmClient
    from reconciler.azure.credentials import TenantCredential
    from reconciler.azure.reader import Reader
    from reconciler.azure.writer import Writer
    from reconciler.model import RateObserver, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Azure:
    """A connection as one identity to one tenant. Close it, or use it in a `with` statement."""

    settings: Settings
    endpoints: Endpoints
    versions: ApiVersions
    claims: Mapping[str, Any]
    client: ArmClient

    def reader(self) -> Reader:
        """Reads the tenant; cannot change anything."""
        from reconciler.azure.reader import Reader  # noqa: PLC0415 - loads the SDK

        return Reader(self.client, self.versions)

    def writer(self, observe: RateObserver | None = None, whole: frozenset[str] = frozenset()) -> Writer:
        """Changes exemptions. `observe` hears what Azure's rate limits leave after every response; `whole` are the
        folded ids of those that may be put without reference ids.
        """
        from reconciler.azure.writer import Writer  # noqa: PLC0415 - loads the SDK

        if observe is not None:
            self.client.monitor.add_observer(observe)
        return Writer(self.client, whole)

    @property
    def identities(self) -> frozenset[str]:
        """The folded ids by which Azure may stamp what this identity writes: object id, client id, user name."""
        names = (self.claims.get(claim) for claim in ("oid", "appid", "azp", "upn", "unique_name"))
        return frozenset(name.lower() for name in names if isinstance(name, str) and name)

    @property
    def is_writer(self) -> bool:
        """Whether the settings name this identity as one that applies."""
        return not self.identities.isdisjoint(self.settings.writers)

    @property
    def requests(self) -> int:
        """How many requests were sent to Resource Manager so far."""
        return self.client.monitor.requests

    def close(self) -> None:
        """Closes all connections."""
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def silent(message: str) -> None:
    """Warns nobody."""


class Login:
    """The identity of one run. `begin` asks for its first token before the declarations are read and judged: the Azure CLI
    takes a second for one. `connect` waits for the answer.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        """`environment` is the process' own: the SDK reads its variables from there whatever is given here."""
        self._environment = environment
        self._credential: TenantCredential | None = None

    def begin(self, settings: Settings) -> None:
        """Asks for a token in a thread of its own. What is wrong is told by `connect`, after what is wrong in the repository."""
        with contextlib.suppress(ReconcilerError):
            self.credential(settings, usable_endpoints(settings, self._environment))

    def credential(self, settings: Settings, addresses: Endpoints) -> TenantCredential:
        """The credential, which was asked for a token or is so now.

        Raises:
            CredentialError: the environment is for another tenant or cannot be read.
        """
        if self._credential is None:
            from reconciler.azure import credentials  # noqa: PLC0415 - loads azure-identity

            for name in ("azure", "msal", "reconciler.applying"):  # they are silent; we raise, or note it
                logging.getLogger(name).addHandler(logging.NullHandler())
            self._credential = credentials.choose(settings.tenant_id, addresses, self._environment)
            self._credential.begin(addresses.oauth_scope)
        return self._credential


def usable_endpoints(settings: Settings, environment: Mapping[str, str]) -> Endpoints:
    """The addresses of the settings' cloud, once the environment's variables about the way there are right.

    Raises:
        UsageError: one of them is wrong.
    """
    addresses = endpoints(settings, environment)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # now, and by name: else it fails at the first request
        if (path := environment.get(name)) and not Path(path).exists():
            raise UsageError(f"{name} is {path!r}, and nothing is there", "correct or unset the variable")
    return addresses


def connect(
    settings: Settings, environment: Mapping[str, str], warn: Callable[[str], None] = silent, login: Login | None = None
) -> Azure:
    """Logs in, makes sure that the identity is of the tenant that reconciler.yaml names, and opens the connection.

    `environment` is the process' own (the SDK reads its variables from there whatever is given here). `warn` is told
    what a person should know meanwhile: another host than the cloud's, and what a read waits for; from any thread.
    `login` has begun, for the same settings and environment.

    Raises:
        CredentialError: there is no identity, or it is of another tenant.
        UsageError: a variable of the environment is wrong.
    """
    addresses = usable_endpoints(settings, environment)
    if host := elsewhere(addresses, settings.cloud):
        warn(f"requests to Azure go to {host}, as {ARM_ENDPOINT} says")
    credential = (login or Login(environment)).credential(settings, addresses)
    from reconciler.azure import tenant  # noqa: PLC0415 - loads the rest of the SDK, while the token is on its way
    from reconciler.azure.client import ArmClient  # noqa: PLC0415 - likewise

    versions = ApiVersions(settings.api_version)
    client = ArmClient(credential, addresses, versions, warn)
    try:
        claims = tenant.check(credential, client, settings.tenant_id, addresses)
    except BaseException:
        client.close()
        raise
    return Azure(settings=settings, endpoints=addresses, versions=versions, claims=claims, client=client)
