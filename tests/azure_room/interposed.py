"""A server between the client and the embedded Azure that can answer in its place, or not at all.

    with interposed.between(cloud) as door:
        door.answer = lambda request: interposed.Reply(503) if request.count == 1 else None

`None` lets the request through. `DROP` closes the connection without an answer, after the effect where `then_forward`.
"""

import contextlib
import http.client
import http.server
import json
import ssl
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.emulator.wire.certificate import make_certificate


@dataclass(frozen=True)
class Seen:
    """A request as it came; `count` numbers requests to the same path and method from 1."""

    method: str
    path: str
    query: str
    headers: dict
    body: bytes
    count: int


@dataclass(frozen=True)
class Reply:
    """An answer in Azure's place."""

    status: int
    body: object = None
    headers: dict = field(default_factory=dict)
    content_type: str = "application/json"


@dataclass(frozen=True)
class Drop:
    """No answer; with `after`, only once the request has had its effect."""

    after: bool = False


def error(status, code, message="", **headers):
    """An error in ARM's form."""
    return Reply(status, {"error": {"code": code, "message": message or code}}, headers)


class Door:
    """What stands between. `answer(seen)` gives a Reply, a Drop or None; `seen` are all requests so far, and `connections`
    counts those that they came on.
    """

    def __init__(self, cloud):
        self.cloud = cloud
        self.answer = lambda _: None
        self.seen = []
        self.connections = 0
        self._lock = threading.Lock()
        self.endpoint = ""
        self.env = {}

    def note(self, method, target, headers, body):
        parts = urlsplit(target)
        with self._lock:
            count = 1 + sum(1 for one in self.seen if (one.method, one.path) == (method, parts.path))
            found = Seen(method, parts.path, parts.query, dict(headers), body, count)
            self.seen.append(found)
        return found

    def forward(self, seen):
        target = urlsplit(self.cloud.arm_endpoint)
        context = ssl.create_default_context(cafile=self.cloud.ca_bundle)
        connection = http.client.HTTPSConnection(target.netloc, context=context, timeout=30)
        headers = {name: value for name, value in seen.headers.items() if name.lower() != "accept-encoding"}
        try:
            connection.request(seen.method, f"{seen.path}?{seen.query}", seen.body or None, headers)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()


def _handler(door):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = (
            True  # head and body leave apart, and the body would wait until the head is acknowledged
        )

        def setup(self):
            super().setup()
            with door._lock:
                door.connections += 1

        def handle_any(self):
            length = int(self.headers.get("Content-Length") or 0)
            seen = door.note(self.command, self.path, self.headers, self.rfile.read(length))
            reply = door.answer(seen)
            if isinstance(reply, Drop):
                if reply.after:
                    door.forward(seen)
                self.close_connection = True
                self.connection.close()
            elif isinstance(reply, Reply):
                raw = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send(reply.status, {"Content-Type": reply.content_type, **reply.headers}, raw)
            else:
                self.send(*door.forward(seen))

        def send(self, status, headers, body):
            self.send_response_only(status)
            for name, value in headers.items():
                if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_DELETE = do_POST = handle_any  # noqa: N815 - http.server's names

        def log_message(self, *arguments):
            pass

    return Handler


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # of a queue that overflows, a connection is asked for again after a second

    def handle_error(self, request, client_address):
        """A client that goes away, or a connection we dropped, is what these tests are about."""


@contextlib.contextmanager
def between(cloud):
    """A door in front of a running embedded Azure; its `env` is the cloud's with the door's address."""
    door = Door(cloud)
    with tempfile.TemporaryDirectory() as folder:
        bundle, context = make_certificate(Path(folder))
        server = _Server(("127.0.0.1", 0), _handler(door))
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        door.endpoint = f"https://127.0.0.1:{server.server_port}"
        door.env = {**cloud.env, "EXEMPT_ARM_ENDPOINT": door.endpoint, "REQUESTS_CA_BUNDLE": str(bundle)}
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield door
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
