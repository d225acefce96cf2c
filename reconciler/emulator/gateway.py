"""Azure's front door: authenticates, checks the API version, the scope and the rights, then asks the handler."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections import deque
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.access import login
from reconciler.emulator.access.directory import directory
from reconciler.emulator.access.rights import authorize
from reconciler.emulator.access.tokens import TokenIssuer
from reconciler.emulator.call import Call, answer
from reconciler.emulator.errors import ArmError
from reconciler.emulator.faults.injection import FaultInjection
from reconciler.emulator.paths import Target, parse_path
from reconciler.emulator.placement import check_place
from reconciler.emulator.resources.locks import check_writable
from reconciler.emulator.routing import check_options, route
from reconciler.emulator.state.principals import Principal
from reconciler.emulator.state.tenant import Tenant
from reconciler.emulator.versions import gate
from reconciler.emulator.wire.http import BODY_LIMIT, Request, Response
from reconciler.model import JSON, ScopeKind, is_guid, owner_scope

_LOGGER: Final = logging.getLogger(__name__)
LOG_LENGTH: Final = 50_000

_ALWAYS: Final = {
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}
_IN_GROUP: Final = re.compile(r"/providers/microsoft\.management/managementgroups/[^/]+")
_NEVER_AT_TENANT: Final = frozenset({("policyexemptions",), ("policyassignments",)})
_CAN_BE_GONE: Final = frozenset({ScopeKind.RESOURCE_GROUP, ScopeKind.RESOURCE})
_POLICY_OBJECT: Final = "/providers/microsoft.authorization/policy"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_CHANGES: Final = frozenset({"PUT", "PATCH", "DELETE"})
_OF_PROVIDERS: Final = {"Content-Type": "application/json", "Cache-Control": "no-store, no-cache"}


@dataclass(frozen=True, slots=True, kw_only=True)
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

    def __init__(self, tenant: Tenant, issuer: TokenIssuer, faults: FaultInjection) -> None:
        self.tenant = tenant
        self.issuer = issuer
        self.faults = faults
        self.log: deque[Logged] = deque(maxlen=LOG_LENGTH)

    def __call__(self, request: Request) -> Response:
        """Answer one request; never raises."""
        began = time.perf_counter()
        principal: Principal | None = None
        try:
            response = login.authority(self.tenant, self.issuer, request)
            if response is None:
                principal = self.issuer.authenticate(request.headers.get("authorization"))
                response = directory(self.tenant, request) or self._with_faults(request, principal)
        except ArmError as error:
            response = error_response(error)
        except Exception:
            _LOGGER.exception("a request that should have been answered: %s %s", request.method, request.target)
            response = error_response(errors.internal())
        seconds = time.perf_counter() - began
        identifier = str(uuid.uuid4())
        response.headers = {
            **_ALWAYS,
            "Date": formatdate(usegmt=True),
            "x-ms-request-id": identifier,
            "x-ms-correlation-request-id": request.headers.get("x-ms-correlation-request-id", identifier),
            "x-ms-routing-request-id": f"LOOPBACK:{identifier}",
            **response.headers,
        }
        logged = Logged(
            at=self.tenant.clock.seconds(),
            method=request.method,
            target=request.target,
            status=response.status,
            principal=principal.object_id if principal else "",
            body=request.body,
            seconds=seconds,
        )
        self.log.append(logged)
        return response

    def _with_faults(self, request: Request, principal: Principal) -> Response:
        action = self.faults.match(request, principal.object_id)
        if action and action.prevents:
            return action.apply(Response(status=0))
        if _CONTROL.search(request.path):
            raise errors.ArmError(400, "BadRequest", "The request URI contains a control character.", errors.GATEWAY)
        target = parse_path(request.path)
        limits = self.faults.take_token(target, principal.object_id, request.method)
        try:
            response = self._answer(request, target, principal)
        except ArmError as error:
            response = error_response(error)
        response.headers.update(limits)
        response.delay = self.faults.delay()
        return action.apply(response) if action else response

    def _answer(self, request: Request, target: Target, principal: Principal) -> Response:
        if request.too_large:
            raise errors.body_too_large(BODY_LIMIT)
        matched = route(target, request.method, request.query.get("api-version", ""))
        version = gate(target, request.query.get("api-version"))
        call = Call(tenant=self.tenant, request=request, target=target, principal=principal, version=version)
        self._check_subscription(target)
        check_place(target, version)
        if matched.action:
            authorize(call, matched.action)
        # What an object sits on must exist, or every verb answers that it is gone.
        scope = target.scope
        if _POLICY_OBJECT in scope.key:
            scope = owner_scope(scope)
        if target.namespace and scope.key.count("/") > 2 and scope.kind in _CAN_BE_GONE:
            self.tenant.hierarchy.require(scope)
        check_options(target, matched, frozenset(request.query))
        check_writable(call)
        response = matched.handler(call)
        if request.method in _CHANGES and response.status < 300:
            self.tenant.changed = self.tenant.clock.now()
        return response

    def _check_subscription(self, target: Target) -> None:
        """ARM's gateway knows subscriptions before it knows rights, and other scopes only below known roots."""
        parts = target.text.split("/", 3)
        if len(parts) > 2 and parts[1].lower() == "subscriptions":
            if not is_guid(parts[2]):
                raise errors.invalid_subscription_id(parts[2])
            if parts[2].lower() not in self.tenant.hierarchy.subscriptions:
                raise errors.subscription_not_found(parts[2])
        elif (target.scope.key and not _IN_GROUP.fullmatch(target.scope.key)) or (
            not target.scope.key and target.types[:1] in _NEVER_AT_TENANT
        ):
            raise errors.missing_subscription()


def error_response(error: ArmError) -> Response:
    """The answer that an error makes. Only the gateway's own errors name a charset; a provider's are not cached."""
    value: dict[str, JSON] = {"code": error.code, "message": error.message}
    if error.details:
        value["details"] = error.details
    if error.is_capitalised:  # Defender's own way to write some of its errors
        return answer(error.status, {"Error": {"Code": error.code, "Message": error.message}}, _OF_PROVIDERS)
    is_gateways = "x-ms-failure-cause" in error.headers
    return answer(error.status, {"error": value}, {**({} if is_gateways else _OF_PROVIDERS), **error.headers})
