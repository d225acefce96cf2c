"""One authenticated request on its way to a handler, and the answers that handlers give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.emulator.paths import Target
from reconciler.emulator.state.principals import Principal
from reconciler.emulator.state.tenant import Tenant
from reconciler.emulator.wire.http import Request, Response
from reconciler.emulator.wire.jsontext import encode
from reconciler.model import JSON

JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a handler needs: the tenant, the request with the meaning of its path, who calls, by which version."""

    tenant: Tenant
    request: Request
    target: Target
    principal: Principal
    version: str


Handler = Callable[[Call], Response]


def answer(status: int, value: JSON, headers: dict[str, str] | None = None) -> Response:
    """An answer with a JSON body."""
    return raw(status, encode(value), headers)


def raw(status: int, body: bytes, headers: dict[str, str] | None = None) -> Response:
    """An answer whose body is JSON already."""
    return Response(status=status, body=body, headers={"Content-Type": JSON_TYPE, **(headers or {})})


def empty(status: int, headers: dict[str, str] | None = None) -> Response:
    """An answer without a body."""
    return Response(status=status, body=b"", headers=headers or {})
