"""Azure's front door: authenticates, checks the API version, the scope and the rights, then asks the handler."""

from __future__ import annotations

import time
import uuid
from collections import deque
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final

from reconciler.emulator import errors, login
from reconciler.emulator.access import Access
from reconciler.emulator.call import Call, answer
from reconciler.emulator.errors import ArmError
from reconciler.emulator.http import BODY_LIMIT, Request, Response
from reconciler.emulator.identity import TokenIssuer
from reconciler.emulator.paths import Target, parse_path
from reconciler.emulator.principals import Principal
from reconciler.emulator.routing import route
from reconciler.emulator.tenant import Tenant
from reconciler.emulator.versions import gate
from reconciler.model import JSON, ScopeKind

LOG_LENGTH: Final = 50_000

_ALWAYS: Final = {
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}
_CAN_BE_GONE: Final = frozenset({ScopeKind.RESOURCE_GROUP, ScopeKind.RESOURCE})
_ON_ERROR: Final = {"Cache-Control": "no-store, no-cache"}


@dataclass(frozen=True, slots=True)
class Logged:
    """One request as it was answered. `at` is the emulator's time, `seconds` how long the answer took to make."""

    at: float
    method: str
    target: str
    status: int
    principal: str
    body: bytes
    seconds: float


class Gateway:
    """The application behind the TLS port: Azure Resource Manager and the token authority."""

    def __init__(self, tenant: Tenant, issuer: TokenIssuer) -> None:
        self.tenant = tenant
        self.issuer = issuer
        self.access = Access(tenant)
        self.log: deque[Logged] = deque(maxlen=LOG_LENGTH)

    def __call__(self, request: Request) -> Response:
        """Answer one request; never raises."""
        began = time.perf_counter()
        principal: Principal | None = None
        try:
            response = login.authority(self.tenant, self.issuer, request)
            if response is None:
                principal = self.issuer.authenticate(request.headers.get("authorization"))
                response = self._answer(request, principal)
        except ArmError as error:
            response = error_response(error)
        self._finish(request, response, principal, time.perf_counter() - began)
        return response

    def _answer(self, request: Request, principal: Principal) -> Response:
        if request.too_large:
            raise errors.body_too_large(BODY_LIMIT)
        target = parse_path(request.path)
        found = route(target, request.method)
        version = gate(target, request.query.get("api-version"))
        call = Call(self.tenant, request, target, principal, version)
        self._check_subscription(target)
        if found.action:
            self.access.authorize(call, found.action)
        self._check_scope(target)
        return found.handler(call)

    def _check_subscription(self, target: Target) -> None:
        """ARM's gateway knows subscriptions before it knows rights."""
        parts = target.text.lower().split("/", 3)
        is_below = len(parts) > 2 and parts[1] == "subscriptions"
        if is_below and parts[2] not in self.tenant.hierarchy.subscriptions:
            raise errors.subscription_not_found(target.text.split("/", 3)[2])

    def _check_scope(self, target: Target) -> None:
        """What an object sits on must exist, or every verb answers that it is gone."""
        if target.namespace and target.scope.key.count("/") > 2 and target.scope.kind in _CAN_BE_GONE:
            self.tenant.hierarchy.require(target.scope)

    def _finish(self, request: Request, response: Response, principal: Principal | None, seconds: float) -> None:
        identifier = str(uuid.uuid4())
        response.headers = {
            **_ALWAYS,
            "Date": formatdate(usegmt=True),
            "x-ms-request-id": identifier,
            "x-ms-correlation-request-id": request.headers.get("x-ms-correlation-request-id", identifier),
            "x-ms-routing-request-id": f"LOOPBACK:{identifier}",
            **response.headers,
        }
        who = principal.object_id if principal else ""
        logged = Logged(
            self.tenant.clock.seconds(), request.method, request.target, response.status, who, request.body, seconds
        )
        self.log.append(logged)


def error_response(error: ArmError) -> Response:
    """The answer that an error makes."""
    value: dict[str, JSON] = {"code": error.code, "message": error.message}
    if error.details:
        value["details"] = error.details
    response = answer(error.status, {"error": value}, {**_ON_ERROR, **error.headers})
    if error.status == 404:
        response.headers["Content-Type"] = "application/json"
    return response
