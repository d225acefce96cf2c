"""HTTP/1.1 on an asyncio transport: h11 reads and writes the protocol, an application answers requests.

h11 because it is small, strict and pure Python, and leaves the transport to us, which scripted faults need: a broken
connection, a body cut short. One event loop serves all connections, so the state behind needs no lock.
"""

from __future__ import annotations

import asyncio
import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import h11

BODY_LIMIT: Final = 1_048_576
"""Azure Resource Manager's limit for a request body, in bytes."""

_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e]")
"""What a header cannot carry; values may come from names and headers that a client made up."""

_REASONS: Final = {status.value: status.phrase.encode() for status in HTTPStatus}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `path` is decoded, `target` as sent; query keys and header names are folded."""

    method: str
    target: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    too_large: bool = False

    @property
    def base(self) -> str:
        """The host and port that the client called, for links to further pages."""
        return self.headers.get("host", "")


@dataclass(slots=True, kw_only=True)
class Response:
    """One answer. Fault injection may delay it (seconds), break the connection instead (`drop`) or after `cut` bytes."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: bool = False
    cut: int | None = None


Application = Callable[[Request], Response]


class Connection(asyncio.Protocol):
    """One client's connection: requests one after the other, as HTTP/1.1 wants."""

    def __init__(self, application: Application, connections: set[Connection]) -> None:
        self._application = application
        self._connections = connections
        self._wire = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
        self._transport: asyncio.Transport | None = None
        self._head: h11.Request | None = None
        self._body = bytearray()
        self._size = 0
        self._is_waiting = False

    # --- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake is done."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The client left, or we broke the connection."""
        self._transport = None
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Bytes came in: answer every request that they complete."""
        try:
            if data:
                self._wire.receive_data(data)
            self._advance()
        except h11.RemoteProtocolError as error:
            # Answer what is no HTTP with the status that h11 suggests, then hang up.
            if self._transport and self._wire.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
                head = h11.Response(
                    status_code=error.error_status_hint,
                    headers=[("Content-Length", "0"), ("Connection", "close")],
                    reason=_REASONS.get(error.error_status_hint, b""),
                )
                self._transport.write((self._wire.send(head) or b"") + (self._wire.send(h11.EndOfMessage()) or b""))
            if self._transport:
                self._transport.close()

    def eof_received(self) -> bool:
        """The client will send no more."""
        return False

    def abort(self) -> None:
        """Break the connection at once."""
        if self._transport:
            self._transport.abort()

    # --- HTTP's side

    def _advance(self) -> None:
        while self._transport and not self._is_waiting:
            event = self._wire.next_event()
            match event:
                case h11.Request():
                    self._head = event
                    self._body.clear()
                    self._size = 0
                    if self._wire.they_are_waiting_for_100_continue:
                        interim = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
                        self._transport.write(self._wire.send(interim) or b"")
                case h11.Data():
                    self._size += len(event.data)
                    if self._size <= BODY_LIMIT:
                        self._body += event.data
                case h11.EndOfMessage():
                    assert self._head
                    response = self._application(_request(self._head, bytes(self._body), self._size > BODY_LIMIT))
                    if response.delay > 0:
                        self._is_waiting = True
                        asyncio.get_running_loop().call_later(response.delay, self._answer_late, response)
                    else:
                        self._deliver(response)
                case h11.ConnectionClosed():
                    self._transport.close()
                    return
                case _:  # more data is needed, or the connection is about to close
                    return

    def _answer_late(self, response: Response) -> None:
        self._is_waiting = False
        self._deliver(response)
        self.data_received(b"")  # what the client sent in the meantime

    def _deliver(self, response: Response) -> None:
        if not self._transport:
            return
        if response.drop:
            self.abort()
            return
        assert self._head
        headers = [(name, _UNPRINTABLE.sub("?", value).strip()) for name, value in response.headers.items()]
        if response.status != 204:
            headers.append(("Content-Length", str(len(response.body))))
        head = h11.Response(status_code=response.status, headers=headers, reason=_REASONS.get(response.status, b""))
        out = self._wire.send(head) or b""
        if response.cut is not None:
            out += response.body[: response.cut]
        else:
            if response.body and self._head.method != b"HEAD" and response.status not in {204, 304}:
                out += self._wire.send(h11.Data(data=response.body)) or b""
            out += self._wire.send(h11.EndOfMessage()) or b""
        self._transport.write(out)
        if response.cut is not None or self._wire.our_state is h11.MUST_CLOSE:
            self._transport.close()
        else:
            self._wire.start_next_cycle()


def _request(head: h11.Request, body: bytes, too_large: bool) -> Request:
    target = head.target.decode("ascii", "replace")
    if not target.startswith("/"):  # the absolute form that proxies are sent
        parts = urllib.parse.urlsplit(target)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
    raw_path, _, raw_query = target.partition("?")
    # The query, keys folded. Raw parentheses, quotes and spaces in a `$filter` are as good as encoded ones.
    pairs = urllib.parse.parse_qsl(raw_query, keep_blank_values=True, errors="replace")
    return Request(
        method=head.method.decode("ascii"),
        target=target,
        path=urllib.parse.unquote(raw_path) if "%" in raw_path else raw_path,
        query={key.lower(): value for key, value in pairs},
        headers={name.decode("ascii"): value.decode("latin-1") for name, value in head.headers},
        body=body,
        too_large=too_large,
    )
