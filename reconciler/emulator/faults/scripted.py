"""Scripted faults: which requests go wrong, how often, and how; deterministic by count and seed."""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.documents.suggest import did_you_mean, nearest_few
from reconciler.emulator.wire.http import Request, Response
from reconciler.emulator.wire.jsontext import encode

_SHOWN: Final = 80
METHODS: Final = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE")
LONGEST: Final = 3600.0
"""Seconds that an answer may be held back."""


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_header(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and value.isascii()


def _is_number(value: object, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _is_whole(value: object, least: int = 0, most: int = sys.maxsize) -> bool:
    return isinstance(value, int) and _is_number(value, least, most)


def _is_switch(value: object) -> bool:
    return isinstance(value, bool)


FIELDS: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "method": (lambda value: isinstance(value, str) and value.upper() in METHODS, f"one of {', '.join(METHODS)}"),
    "path": (_is_text, "text"),
    "principal": (_is_text, "text"),
    "skip": (_is_whole, "a whole number from 0"),
    "count": (lambda value: value is None or _is_whole(value), "a whole number from 0, or null for all"),
    "probability": (lambda value: _is_number(value, 0, 1), "a number from 0 to 1"),
    "status": (lambda value: _is_whole(value, 200, 599), "an HTTP status from 200 to 599"),
    "code": (_is_text, "text"),
    "message": (_is_text, "text"),
    "retryAfter": (lambda value: _is_whole(value) or _is_header(value), "a whole number from 0, or the header's text"),
    "headers": (
        lambda value: isinstance(value, dict) and all(map(_is_header, (*value, *value.values()))),
        "an object of names and texts of printable ASCII",
    ),
    "drop": (_is_switch, "true or false"),
    "applied": (_is_switch, "true or false"),
    "delay": (lambda value: _is_number(value, 0, LONGEST), f"seconds from 0 to {LONGEST:.0f}"),
    "cut": (_is_whole, "a whole number of bytes from 0"),
    "malformed": (_is_switch, "true or false"),
}
"""What a fault may say: whether a value will do, and what one that will is."""


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
    """An action and the requests that it strikes: by verb, by a pattern on path and query, by principal.

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


def fault_problems(entry: object) -> list[str]:
    """Everything that is wrong with a fault as the tenant file, the option and the control endpoint write it."""
    if not isinstance(entry, Mapping):
        return [f"a fault is a JSON object, not {_shown(entry)}"]
    problems = []
    for name, value in entry.items():
        if name not in FIELDS:
            meant = did_you_mean(nearest_few(str(name), FIELDS, 1), f"a fault has {', '.join(sorted(FIELDS))}")
            problems.append(f"{_shown(name)} is no field; {meant}")
        elif not FIELDS[name][0](value):
            problems.append(f"{name}: {_shown(value)} is not {FIELDS[name][1]}")
        elif name == "path":
            try:
                re.compile(value)
            except re.error as error:
                problems.append(f"path: {_shown(value)} is no regular expression: {error}")
    return problems


def parse_faults(entries: Sequence[Any], place: str) -> list[Fault]:
    """The faults of a list; `place` is what a message calls it.

    Raises:
        ValueError: some are none; everything that is wrong with any of them is told.
    """
    problems = [
        f"{place}[{number}]: {problem}" for number, entry in enumerate(entries) for problem in fault_problems(entry)
    ]
    if problems:
        raise ValueError("; ".join(problems))
    return [_fault(entry) for entry in entries]


def _shown(value: object) -> str:
    """A value as it is written, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _fault(entry: Mapping[str, Any]) -> Fault:
    headers = dict(entry.get("headers", {}))
    if "retryAfter" in entry:
        headers["Retry-After"] = str(entry["retryAfter"])
    defaults = FaultAction()
    action = FaultAction(
        status=entry.get("status"),
        code=entry.get("code", defaults.code),
        message=entry.get("message", defaults.message),
        headers=tuple(headers.items()),
        drop=entry.get("drop", False),
        applied=entry.get("applied", False),
        delay=float(entry.get("delay", 0.0)),
        cut=entry.get("cut"),
        malformed=entry.get("malformed", False),
    )
    return Fault(
        action=action,
        method=entry.get("method", "").upper(),
        path=re.compile(entry.get("path", ""), re.IGNORECASE),
        principal=entry.get("principal", ""),
        skip=entry.get("skip", 0),
        count=entry.get("count", 1),
        probability=float(entry.get("probability", 1.0)),
    )
