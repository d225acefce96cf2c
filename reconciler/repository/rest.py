"""Requests to the service that hosts the repository. A redirect is a fault: a token goes to the host that the remote names
and to no other; and no message ever holds one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.documents.json_input import JsonInput, JsonLimits, read_json
from reconciler.problems import ReconcilerError

_TIMEOUT: Final = 30
_LIMITS: Final = JsonLimits(size=20_000_000)


class HostError(ReconcilerError):
    """The hosting service refused, or did not answer (`status` 0)."""

    def __init__(self, status: int, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What proves who asks: `header` is the whole value of Authorization, `origin` where it was found. Never shown."""

    header: str = field(repr=False)
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """One API. `base` is its address without a slash at the end."""

    base: str
    credential: Credential

    def get(self, path: str, **query: str) -> JsonInput:
        """The answer to GET."""
        return self._send("GET", path, query, None)

    def post(self, path: str, body: Mapping[str, Any], **query: str) -> JsonInput:
        """The answer to POST."""
        return self._send("POST", path, query, body)

    def patch(self, path: str, body: Mapping[str, Any], **query: str) -> JsonInput:
        """The answer to PATCH."""
        return self._send("PATCH", path, query, body)

    def _send(self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None) -> JsonInput:
        import requests  # noqa: PLC0415 - only who opens a pull request pays for it

        def authorise(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers["Authorization"] = self.credential.header  # ours, not what .netrc has
            return request

        host = self.base.partition("://")[2].partition("/")[0]
        headers = {"Accept": "application/json", "User-Agent": "exempt", "Content-Type": "application/json"}
        try:
            with requests.Session() as session:
                answer = session.request(
                    method,
                    self.base + path,
                    params=dict(query),
                    data=None if body is None else json.dumps(body),
                    headers=headers,
                    auth=authorise,
                    allow_redirects=False,
                    timeout=_TIMEOUT,
                )
        except requests.RequestException as error:
            raise HostError(
                0, f"{host} does not answer: {type(error).__name__}", "check the network and the proxy"
            ) from None
        if 300 <= answer.status_code < 400:
            raise HostError(
                answer.status_code,
                f"{host} redirects the request, which is not followed with a token",
                "correct the remote's address; a renamed repository redirects",
            )
        if answer.status_code >= 400:
            raise HostError(
                answer.status_code,
                f"{host} answers {answer.status_code} to {method} {path}{_said(answer.content)}",
                f"check what the token from {self.credential.origin} may do"
                if answer.status_code in {401, 403, 404}
                else "",
            )
        return read_json(answer.content, origin=f"{host}{path}", limits=_LIMITS)


def _said(content: bytes) -> str:
    """The service's own words, as far as they are some."""
    try:
        value = json.loads(content)
        errors = [str(error.get("message") or "") for error in value.get("errors") or [] if isinstance(error, dict)]
        words = "; ".join(text for text in (str(value.get("message") or ""), *errors) if text)
    except (ValueError, AttributeError, TypeError, RecursionError):
        return ""
    return f": {words[:300]}" if words else ""
