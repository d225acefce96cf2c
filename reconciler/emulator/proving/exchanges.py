"""Runs scenarios on one Azure and keeps what was said; deletes what they made, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import ssl
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from reconciler.emulator.proving.scenarios import Scenario
from reconciler.emulator.server import Azure
from reconciler.model import JSON

_VARIABLE: Final = re.compile(r"\{([a-z]+)\}")
_TIMEOUT: Final = 60
_PATIENCE: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer. `headers` by lower-case name; `body` is text where it is no JSON, None where there is none."""

    status: int
    headers: Mapping[str, str]
    body: JSON


Send = Callable[[str, str, JSON], Reply]
"""Sends one request (method, path with query, body) and gives the answer, whatever its status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A scenario with its variables filled in, and what was answered."""

    scenario: Scenario
    target: str
    body: JSON
    reply: Reply


def parse_reply(status: int, headers: Iterable[tuple[str, str]], content: bytes) -> Reply:
    """An answer from what came over the wire."""
    body: JSON = None
    if content:
        try:
            body = json.loads(content)
        except ValueError:
            body = content.decode("utf-8", "replace")
    return Reply(status=status, headers={name.lower(): value for name, value in headers}, body=body)


def quoted(target: str) -> str:
    """A path and query as they are sent."""
    return urllib.parse.quote(target, safe="/?&=()'$,:;@!*~-._")


@contextlib.contextmanager
def to_emulator(azure: Azure, principal: str) -> Iterator[Send]:
    """Sends to an emulator of this process as one of its principals, over its socket."""
    context = ssl.create_default_context(cafile=azure.ca_bundle)
    headers = {"Authorization": f"Bearer {azure.token(principal)}", "Content-Type": "application/json"}
    connection = http.client.HTTPSConnection(
        urllib.parse.urlsplit(azure.arm_endpoint).netloc, context=context, timeout=_TIMEOUT
    )

    def send(method: str, target: str, body: JSON) -> Reply:
        content = json.dumps(body).encode() if body is not None else None
        connection.request(method, quoted(target), content, headers)
        response = connection.getresponse()
        return parse_reply(response.status, response.getheaders(), response.read())

    try:
        yield send
    finally:
        connection.close()


def filled(value: Any, variables: Mapping[str, str]) -> Any:
    """A target or body with the variables in it.

    Raises:
        KeyError: there is no such variable.
    """
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: filled(variables[match[1]], variables), value)
    if isinstance(value, Mapping):
        return {name: filled(part, variables) for name, part in value.items()}
    return [filled(part, variables) for part in value] if isinstance(value, list) else value


def run(scenarios: Iterable[Scenario], send: Send, variables: Mapping[str, str]) -> tuple[list[Exchange], list[str]]:
    """What each scenario was answered, in order, and the ids that could not be deleted afterwards.

    Scenarios that name a variable which is not there are left out.
    """
    exchanges: list[Exchange] = []
    created: dict[str, None] = {}
    try:
        for scenario in scenarios:
            try:
                target, body = filled(scenario.target, variables), filled(scenario.body, variables)
            except KeyError:
                continue
            if scenario.method == "PUT":
                created[target] = None
            reply = _answered(send, scenario.method, target, body)
            exchanges.append(Exchange(scenario=scenario, target=target, body=body, reply=reply))
    finally:
        remaining = []
        for target in reversed(created):
            try:
                is_deleted = _answered(send, "DELETE", target, None).status in {200, 204, 404}
            except Exception:  # noqa: BLE001 - the next one must be tried all the same
                is_deleted = False
            if not is_deleted:
                remaining.append(target)
    return exchanges, remaining


def _answered(send: Send, method: str, target: str, body: JSON) -> Reply:
    """The answer to a request, once Azure's rate limits let it through."""
    for _ in range(_PATIENCE):
        reply = send(method, target, body)
        if reply.status != HTTPStatus.TOO_MANY_REQUESTS:
            break
        time.sleep(min(float(reply.headers.get("retry-after", 1)), _TIMEOUT))
    return reply
