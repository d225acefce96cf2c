"""Scripted faults: which requests go wrong, how often, and how; deterministic by count and seed."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.emulator.wire.http import Request, Response
from reconciler.emulator.wire.jsontext import encode

FIELDS: Final = frozenset(
    {"method", "path", "principal", "skip", "count", "probability", "status", "code", "message", "retryAfter",
     "headers", "drop", "applied", "delay", "cut", "malformed"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happens to a request that a fault strikes.

    `status` answers with an error, `drop` breaks the connection; both before the request takes effect, or after it if
    `applied`. `delay` (seconds), `cut` (bytes of body, then a broken connection) and `malformed` spoil the answer of a
    request that did take effect.
    """

    status: int | None = None
    code: str = "InternalServerError"
    message: str = "Encountered internal server error."
    headers: tuple[tuple[str, str], ...] = ()
    drop: bool = False
    applied: bool = False
    delay: float = 0.0
    cut: int | None = None
    malformed: bool = False

    @property
    def prevents(self) -> bool:
        """Whether the request never reaches its handler."""
        return (self.drop or self.status is not None) and not self.applied

    def spoil(self, response: Response) -> Response:
        """The answer as the client gets it; `response` is what the handler gave, or empty where it was prevented."""
        if self.status is not None:
            body = encode({"error": {"code": self.code, "message": self.message}})
            response = Response(self.status, body, {"Content-Type": "application/json; charset=utf-8"})
            response.headers.update(self.headers)
        if self.malformed:
            response.body = b'{"value":[{"properties":' + response.body[:40]
        response.drop = self.drop
        response.cut = self.cut
        response.delay += self.delay
        return response


@dataclass(slots=True)
class Fault:
    """A trouble and the requests that it strikes: by verb, by a pattern on path and query, by principal.

    The first `skip` matching requests pass, then `count` are struck (None: all), each with `probability`.
    """

    trouble: Trouble
    method: str = ""
    path: re.Pattern[str] = re.compile("")
    principal: str = ""
    skip: int = 0
    count: int | None = 1
    probability: float = 1.0
    matched: int = 0
    struck: int = 0

    def strikes(self, request: Request, decoded: str, principal: str, dice: random.Random) -> bool:
        """Whether this request is struck; counts it."""
        if self.count is not None and self.struck >= self.count:
            return False
        if (self.method and self.method != request.method) or (self.principal and self.principal != principal):
            return False
        if not self.path.search(decoded):
            return False
        self.matched += 1
        if self.matched <= self.skip or (self.probability < 1.0 and dice.random() >= self.probability):
            return False
        self.struck += 1
        return True


def parse_fault(given: Mapping[str, Any]) -> Fault:
    """A fault as the tenant file, the option and the control endpoint write it.

    Raises:
        ValueError: an unknown field, or a pattern that is none.
    """
    if not isinstance(given, Mapping):
        raise ValueError(f"a fault is a JSON object, not {type(given).__name__}")  # noqa: TRY004 - as every other mistake
    status = given.get("status")
    if status is not None and not (isinstance(status, int) and 200 <= status <= 599):
        raise ValueError(f"status: {status!r} is no HTTP status from 200 to 599")
    if unknown := set(given) - FIELDS:
        raise ValueError(f"unknown field(s) {', '.join(sorted(unknown))}; a fault has {', '.join(sorted(FIELDS))}")
    headers = {str(name): str(value) for name, value in given.get("headers", {}).items()}
    if "retryAfter" in given:
        headers["Retry-After"] = str(given["retryAfter"])
    defaults = Trouble()
    trouble = Trouble(
        status=status,
        code=given.get("code", defaults.code),
        message=given.get("message", defaults.message),
        headers=tuple(headers.items()),
        drop=bool(given.get("drop", False)),
        applied=bool(given.get("applied", False)),
        delay=float(given.get("delay", 0.0)),
        cut=given.get("cut"),
        malformed=bool(given.get("malformed", False)),
    )
    try:
        pattern = re.compile(given.get("path", ""), re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"path: not a regular expression: {error}") from None
    return Fault(
        trouble,
        str(given.get("method", "")).upper(),
        pattern,
        str(given.get("principal", "")),
        int(given.get("skip", 0)),
        given.get("count", 1),
        float(given.get("probability", 1.0)),
    )
