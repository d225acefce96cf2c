"""A webhook's receiver and a mail server on loopback that keep what they were sent."""

from __future__ import annotations

import base64
import contextlib
import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """What came, and the statuses to answer with before 200s."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.url = ""

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, body in self.requests]


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.requests.append((dict(self.headers), body))
            status, headers = receiver.answers.pop(0) if receiver.answers else (200, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook/secret-path"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Mailbox:
    """Envelopes and texts of the mails that came; `refuse` that many connections first, and those that are `cut` once so
    many mails have come. With a `login` (user and password) nobody else may send; `logins` are those that were tried.
    """

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], str]] = []
        self.refuse = 0
        self.cut: int | None = None
        self.login: tuple[str, str] | None = None
        self.logins: list[tuple[str, str]] = []
        self.port = 0


@contextlib.contextmanager
def mail_server() -> Iterator[Mailbox]:
    box = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def say(self, text: str) -> None:
            self.wfile.write(text.encode() + b"\r\n")

        def handle(self) -> None:
            if box.refuse:
                box.refuse -= 1
                self.say("421 come back later")
                return
            self.say("220 mail.contoso.example")
            to: list[str] = []
            is_permitted = box.login is None
            while line := self.rfile.readline().decode().strip():
                word = line.split(":")[0].split(" ")[0].upper()
                if word == "EHLO":
                    self.say("250-mail.contoso.example\r\n250 AUTH PLAIN")
                    continue
                if word == "AUTH":
                    _, user, password = base64.b64decode(line.split(" ")[2]).decode().split("\0")
                    box.logins.append((user, password))
                    is_permitted = (user, password) == box.login
                    self.say("235 welcome" if is_permitted else "535 no")
                    continue
                if word == "MAIL" and not is_permitted:
                    self.say("530 log in first")
                    continue
                if word == "RCPT":
                    to.append(line.partition("<")[2].rstrip(">"))
                if word == "DATA":
                    self.say("354 go on")
                    text = ""
                    while (row := self.rfile.readline().decode()) != ".\r\n":
                        text += row
                    box.mails.append((to, text))
                    to = []
                elif len(box.mails) == box.cut:
                    box.cut = None
                    return
                self.say("221 bye" if word == "QUIT" else "250 ok")
                if word == "QUIT":
                    return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        box.port = server.server_address[1]
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
