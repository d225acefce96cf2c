"""HTTP itself: many requests on one connection, chunks, odd requests, and that nothing brings it down."""

import contextlib
import socket
import ssl
import threading
import time
import urllib.parse

import emulated
import pytest
from contoso import ONE, SERVER, exemption_id, exemptions_of, waiver

from reconciler.emulator.server import serving


@pytest.fixture
def talk(cloud):
    """`talk(bytes)` sends raw bytes on a fresh connection and reads until the server falls silent or hangs up."""
    where = urllib.parse.urlsplit(cloud.arm_endpoint)
    context = ssl.create_default_context(cafile=cloud.ca_bundle)
    token = cloud.token()

    def send(request, until=b"", piece=1 << 20, patience=20):
        with (
            socket.create_connection((where.hostname, where.port), timeout=20) as plain,
            context.wrap_socket(plain, server_hostname=where.hostname) as wire,
        ):
            wire.settimeout(patience)
            received = b""
            whole = request.replace(b"TOKEN", token.encode())
            for start in range(0, len(whole), piece):
                wire.sendall(whole[start : start + piece])
            while until not in received or not until:
                try:
                    data = wire.recv(65536)
                except TimeoutError:
                    break
                if not data:
                    break
                received += data
            return received

    return send


HEAD = b" HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer TOKEN\r\n"
LIST = exemptions_of(ONE).encode() + b"?api-version=2022-07-01-preview"


def test_several_requests_at_once_on_one_connection(talk):
    request = b"GET " + LIST + HEAD + b"\r\n"
    last = b"GET " + LIST + HEAD + b"Connection: close\r\n\r\n"
    assert talk(request * 3 + last).count(b'{"value":[]}') == 4


def test_very_many_requests_at_once(talk):
    request = b"GET " + LIST + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    last = b"GET " + LIST + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    assert talk(request * 1500 + last).count(b"AuthenticationFailed") == 1501


def test_a_delayed_answer_keeps_its_place(cloud, talk):
    cloud.inject_faults({"faults": [{"delay": 0.05}]})
    first = b"GET " + exemptions_of(SERVER).encode() + b"?api-version=2022-07-01-preview" + HEAD + b"\r\n"
    last = b"GET " + LIST.replace(b"2022", b"1922") + HEAD + b"Connection: close\r\n\r\n"
    answer = talk(first + last)
    assert answer.index(b"200 OK") < answer.index(b"InvalidResourceType")


def test_a_request_that_arrives_in_pieces(talk):
    request = b"GET " + LIST + HEAD + b"Connection: close\r\n\r\n"
    assert b"200 OK" in talk(request, piece=7)


def test_a_chunked_body(talk):
    body = b'{"properties":{}}'
    path = exemption_id(SERVER).encode() + b"?api-version=2022-07-01-preview"
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    assert b"InvalidRequestContent" in talk(
        b"PUT " + path + HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    )


def test_a_client_that_waits_before_its_body(talk):
    path = exemption_id(SERVER).encode() + b"?api-version=2022-07-01-preview"
    head = b"PUT " + path + HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
    assert talk(head, until=b"100 Continue").startswith(b"HTTP/1.1 100")


def test_head_has_no_body(talk):
    answer = talk(b"HEAD " + SERVER.encode() + b"?api-version=2022-09-01" + HEAD + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 204")
    assert answer.endswith(b"\r\n\r\n")


def test_an_absolute_target_as_proxies_send_it(talk):
    request = b"GET https://127.0.0.1" + LIST + HEAD + b"Connection: close\r\n\r\n"
    assert b"200 OK" in talk(request)


@pytest.mark.parametrize(
    "garbage",
    [b"\x00\x01\x02\r\n\r\n", b"HELLO\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"GET " + b"x" * 70000 + b" HTTP/1.1\r\n\r\n"],
)
def test_what_is_no_http_is_refused_and_hung_up_on(cloud, talk, garbage):
    assert talk(garbage).startswith(b"HTTP/1.1 4")
    assert emulated.Client(cloud).get(exemptions_of(ONE)).status == 200


def test_a_client_that_leaves_early_harms_nobody(cloud, talk):
    talk(b"PUT " + LIST + HEAD + b"Content-Length: 1000\r\n\r\nshort", patience=0.2)
    assert emulated.Client(cloud).get(exemptions_of(ONE)).status == 200


def test_every_answer_bears_ids_for_support(arm):
    answer = arm.get(exemptions_of(ONE))
    assert len({answer.headers[name] for name in ("x-ms-request-id", "x-ms-correlation-request-id")}) == 1
    assert answer.headers["cache-control"] == "no-cache"
    mine = arm.put(exemption_id(SERVER), waiver())
    assert mine.headers["x-ms-request-id"] != answer.headers["x-ms-request-id"]


def test_what_a_client_makes_up_cannot_break_the_answer(talk):
    path = b"/providers/Microsoft.Management/managementGroups/%C2%85%C3%BC?api-version=2021-04-01"
    head = (
        b"PUT "
        + path
        + HEAD
        + b"x-ms-correlation-request-id: \xff\xfe\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    )
    answer = talk(head)
    assert answer.startswith(b"HTTP/1.1 202")
    assert b"managementGroups/%C2%85%C3%BC" in answer
    assert b"x-ms-correlation-request-id: ??" in answer
    refused = talk(head.replace(b"%C2%85", b"%0D%0AX:1"))
    assert refused.startswith(b"HTTP/1.1 400")
    assert b"\r\nX:1" not in refused


def test_who_connects_while_it_closes_does_not_hold_it_up():
    with serving({}) as azure, contextlib.ExitStack() as clients:
        thread = threading.Thread(target=azure.run, daemon=True)
        thread.start()
        where = urllib.parse.urlsplit(azure.identity_endpoint)

        def connect():
            clients.enter_context(socket.create_connection((where.hostname, where.port), timeout=20))

        connect()
        while not azure._connections:
            time.sleep(0.001)
        is_busy, may_go_on = threading.Event(), threading.Event()
        azure._loop.call_soon_threadsafe(lambda: (is_busy.set(), may_go_on.wait(20)))
        assert is_busy.wait(20)
        connect()  # by the kernel alone, which the loop learns in the turn that ends it
        azure.stop()
        may_go_on.set()
        thread.join(20)
        assert not thread.is_alive()
        assert not azure._connections
