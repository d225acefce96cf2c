"""Scripted faults: which requests go wrong, how often, and how; deterministic by count and seed."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.emulator.wire.http import Request, Response
from reconciler.emulator.wire.jsontext import encode

_NONE: Final = type(None)
_WORDS: Final = {str: "text", int: "a whole number", float: "a number", bool: "true or false", dict: "an object"}
FIELDS: Final[Mapping[str, tuple[type, ...]]] = {
    "method": (str,),
    "path": (str,),
    "principal": (str,),
    "skip": (int,),
    "count": (int, _NONE),
    "probability": (float, int),
    "status": (int,),
    "code": (str,),
    "message": (str,),
    "retryAfter": (int, str),
    "headers": (dict,),
    "drop": (bool,),
    "applied": (bool,),
    "delay": (float, int),
    "cut": (int,),
    "malformed": (bool,),
}
"""What a fault may say, and the types of it; the first is the one that a message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultAction:
    """What happens to a request that a fault strikes.

    `status` answers with an error, `drop` breaks the connection; both before the request takes effect, or after it if
    `applied`. `delay` (seconds), `cut` (bytes of body, then a broken connection) and `malformed` alter the answer of a
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

    def apply(self, response: Response) -> Response:
        """The answer as the client gets it; `response` is what the handler gave, or empty where it was prevented."""
        if self.status is not None:
            body = encode({"error": {"code": self.code, "message": self.message}})
            response = Response(
                status=self.status, body=body, headers={"Content-Type": "application/json; charset=utf-8"}
            )
            response.headers.update(self.headers)
        if self.malformed:
            response.body = b'{"value":[{"properties":' + response.body[:40]
        response.drop = self.drop
        response.cut = self.cut
        response.delay += self.delay
        return response


@dataclass(slots=True, kw_only=True)
class Fault:
    """A action and the requests that it strikes: by verb, by a pattern on path and query, by principal.

    The first `skip` matching requests pass, then `count` are struck (None: all), each with `probability`.
    """

    action: FaultAction
    method: str = ""
    path: re.Pattern[str] = re.compile("")
    principal: str = ""
    skip: int = 0
    count: int | None = 1
    probability: float = 1.0
    matched: int = 0
    struck: int = 0

    def strikes(self, request: Request, decoded: str, principal: str, rng: random.Random) -> bool:
        """Whether this request is struck; counts it."""
        if self.count is not None and self.struck >= self.count:
            return False
        if (self.method and self.method != request.method) or (self.principal and self.principal != principal):
            return False
        if not self.path.search(decoded):
            return False
        self.matched += 1
        if self.matched <= self.skip or (self.probability < 1.0 and rng.random() >= self.probability):
            return False
        self.struck += 1
        return True


def parse_fault(entry: Mapping[str, Any]) -> Fault:
    """A fault as the tenant file, the option and the control endpoint write it.

    Raises:
        ValueError: an unknown field, a value of another type, or a pattern that is none.
    """
    if not isinstance(entry, Mapping):
        raise ValueError(f"a fault is a JSON object, not {entry!r}")  # noqa: TRY004 - as every other mistake
    status = entry.get("status")
    if status is not None and not (isinstance(status, int) and 200 <= status <= 599):
        raise ValueError(f"status: {status!r} is no HTTP status from 200 to 599")
    if unknown := set(entry) - FIELDS.keys():
        raise ValueError(f"unknown field(s) {', '.join(sorted(unknown))}; a fault has {', '.join(sorted(FIELDS))}")
    for name, value in entry.items():
        if type(value) not in FIELDS[name]:  # exactly: True is no number
            raise ValueError(f"{name}: {value!r} is not {_WORDS[FIELDS[name][0]]}")
    headers = {str(name): str(value) for name, value in entry.get("headers", {}).items()}
    if "retryAfter" in entry:
        headers["Retry-After"] = str(entry["retryAfter"])
    defaults = FaultAction()
    action = FaultAction(
        status=status,
        code=entry.get("code", defaults.code),
        message=entry.get("message", defaults.message),
        headers=tuple(headers.items()),
        drop=bool(entry.get("drop", False)),
        applied=bool(entry.get("applied", False)),
        delay=float(entry.get("delay", 0.0)),
        cut=entry.get("cut"),
        malformed=bool(entry.get("malformed", False)),
    )
    try:
        pattern = re.compile(entry.get("path", ""), re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"path: not a regular expression: {error}") from None
    return Fault(
        action=action,
        method=str(entry.get("method", "")).upper(),
        path=pattern,
        principal=str(entry.get("principal", "")),
        skip=int(entry.get("skip", 0)),
        count=entry.get("count", 1),
        probability=float(entry.get("probability", 1.0)),
    )
