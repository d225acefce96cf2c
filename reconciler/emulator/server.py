"""Starts and stops the emulator: a TLS port for Azure, a plain one for tokens, one event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from reconciler.emulator.access.login import DEFAULT_SUBJECT, IDENTITY_PATH, OIDC_PATH, IdentityEndpoint
from reconciler.emulator.access.tokens import LIFETIME, OIDC_AUDIENCE, TokenIssuer
from reconciler.emulator.control import PREFIX, Control
from reconciler.emulator.faults.injection import FaultInjection
from reconciler.emulator.gateway import Gateway, Logged
from reconciler.emulator.state.tenant import Tenant
from reconciler.emulator.tenantdump import dump_tenant, unchanging
from reconciler.emulator.tenantfile import build_tenant, fault_settings
from reconciler.emulator.wire.certificate import make_certificate
from reconciler.emulator.wire.http import Application, Connection, Request, Response
from reconciler.model import JSON

HOST: Final = "127.0.0.1"

_TURNS: Final = 20
"""Of the loop, at the end: those whose client was killed in the middle of a handshake, or that came just now, are no connections
yet.
"""


class Azure:
    """A running emulator, seen from the process that started it.

    `env` is what a client's environment needs; `tenant` is the live state, which other threads should only read.
    """

    def __init__(self, content: Mapping[str, Any], folder: Path, port: int = 0) -> None:
        self._unchanging = unchanging(content)
        self.tenant: Tenant = build_tenant(content)
        self._issuer = TokenIssuer(self.tenant)
        self._gateway = Gateway(self.tenant, self._issuer, FaultInjection(fault_settings(content), self.tenant))
        self._identity = IdentityEndpoint(self.tenant, self._issuer)
        self._control = Control(self._gateway, self.dump)
        self._folder = folder
        self._wanted_port = port
        self._connections: set[Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self.ca_bundle = ""
        self.arm_endpoint = ""
        self.identity_endpoint = ""

    # --- for those who look on

    @property
    def env(self) -> dict[str, str]:
        """The environment that lets `exempt`, azure-identity and the Azure CLI use this Azure."""
        return {
            "EXEMPT_ARM_ENDPOINT": self.arm_endpoint,
            "IDENTITY_ENDPOINT": self.identity_endpoint + IDENTITY_PATH,
            "IDENTITY_HEADER": self._identity.header,
            "REQUESTS_CA_BUNDLE": self.ca_bundle,
        }

    @property
    def workload_env(self) -> dict[str, str]:
        """The environment of a federated workload, for azure-identity's WorkloadIdentityCredential, instead of `env`."""
        return {
            "EXEMPT_ARM_ENDPOINT": self.arm_endpoint,
            "REQUESTS_CA_BUNDLE": self.ca_bundle,
            "AZURE_AUTHORITY_HOST": self.arm_endpoint,
            "AZURE_TENANT_ID": self.tenant.id,
            "AZURE_CLIENT_ID": self.tenant.principals.default.client_id,
            "AZURE_FEDERATED_TOKEN_FILE": str(self._folder / "oidc-token"),
        }

    @property
    def ready_line(self) -> str:
        """What the command prints when clients may come: one line of JSON."""
        return json.dumps(
            {
                "armEndpoint": self.arm_endpoint,
                "caBundle": self.ca_bundle,
                "env": self.env,
                "workloadEnv": self.workload_env,
                "tenantId": self.tenant.id,
                "controlEndpoint": self.identity_endpoint + PREFIX,
                "oidcEndpoint": self.identity_endpoint + OIDC_PATH,
            }
        )

    @property
    def exemptions(self) -> dict[str, dict[str, JSON]]:
        """Every exemption by folded id, as the newest API version shows it. A copy."""
        return {
            exemption.id.key: json.loads(exemption.body) for exemption in list(self.tenant.exemptions.by_id.values())
        }

    @property
    def requests(self) -> list[Logged]:
        """The requests to Azure Resource Manager so far, oldest first. A copy."""
        return list(self._gateway.log)

    @property
    def faults(self) -> FaultInjection:
        """The fault injection in force; replace it with `inject_faults`."""
        return self._gateway.faults

    def inject_faults(self, settings: Mapping[str, Any]) -> None:
        """Replace the fault injection from the next request on; `{}` switches it off."""
        self._gateway.faults = FaultInjection(settings, self.tenant)

    def token(self, principal: str | None = None) -> str:
        """An access token for a principal (object id, client id or name), or for the default application."""
        identity = self.tenant.principals.find(principal) if principal else self.tenant.principals.default
        if identity is None:
            raise LookupError(f"no principal {principal!r} in this tenant")
        return self._issuer.access_token(identity, "https://management.azure.com")[0]

    def dump(self) -> dict[str, JSON]:
        """The state as a tenant file."""
        return dump_tenant(self.tenant, self._unchanging)

    # --- the event loop's life

    def open(self) -> None:
        """Listen on both ports. Runs the loop for a moment only."""
        bundle, context = make_certificate(self._folder)
        self.ca_bundle = str(bundle)
        try:
            arm_port = self._loop.run_until_complete(self._serve(self._gateway, self._wanted_port, context))
            plain_port = self._loop.run_until_complete(self._serve(self._answer_plain, 0, None))
        except OSError:
            self._loop.close()
            raise
        self.arm_endpoint = f"https://{HOST}:{arm_port}"
        self._issuer.audiences.add(self.arm_endpoint)
        self.identity_endpoint = self._identity.url = f"http://{HOST}:{plain_port}"
        token = self._identity.oidc_token(DEFAULT_SUBJECT, OIDC_AUDIENCE, LIFETIME)
        Path(self.workload_env["AZURE_FEDERATED_TOKEN_FILE"]).write_text(token, encoding="ascii")

    async def _serve(self, application: Application, port: int, context: ssl.SSLContext | None) -> int:
        server = await self._loop.create_server(
            lambda: Connection(application, self._connections), HOST, port, ssl=context, backlog=512
        )
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def _answer_plain(self, request: Request) -> Response:
        return self._identity(request) or self._control(request) or Response(status=404)

    def run(self) -> None:
        """Serve until `stop` is called; then close everything."""
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._close())
            self._loop.close()

    def stop(self) -> None:
        """Ask the loop to end. Safe from any thread and from signal handlers, and when it has ended already."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._loop.stop)

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        turns = 0
        while self._connections or turns < _TURNS:  # until every transport has let go
            for connection in list(self._connections):
                connection.abort()
            await asyncio.sleep(0)
            turns += 1
        await self._loop.shutdown_default_executor()


@contextlib.contextmanager
def serving(content: Mapping[str, Any], port: int = 0) -> Iterator[Azure]:
    """An emulator that listens but whose loop the caller runs (`azure.run()`), for the command."""
    with tempfile.TemporaryDirectory(prefix="exempt-emulator-") as folder:
        azure = Azure(content, Path(folder), port)
        del content  # a large tenant need not stay in memory twice
        azure.open()
        yield azure


@contextlib.contextmanager
def running(content: Mapping[str, Any] | None = None, *, port: int = 0) -> Iterator[Azure]:
    """An emulator in a thread of this process, gone when the block ends.

    Args:
        content: a tenant file's content; nothing of it is checked.
        port: the TLS port, 0 for any free one.
    """
    with serving(content or {}, port) as azure:
        thread = threading.Thread(target=azure.run, name="exempt-emulator", daemon=True)
        thread.start()
        try:
            yield azure
        finally:
            azure.stop()
            thread.join()
