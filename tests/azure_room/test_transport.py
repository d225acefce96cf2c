"""The way there and back: retries, paging, proxies, certificates, and no token where it does not belong."""

import contextlib
import errno
import gzip
import json
import logging
import os
import re
import socket
import socketserver
import threading
import time
import uuid
from pathlib import Path
from typing import ClassVar

import pytest
from azure.core.credentials import AccessTokenInfo
from azure.core.exceptions import ServiceRequestError
from emulated import exempt, running
from interposed import Drop, Reply, error
from tenants import GROUP, exemption, settings_of, subscription, tenant

from reconciler.azure.api_versions import Api
from reconciler.azure.client import THREADS
from reconciler.azure.errors import same_origin
from reconciler.azure.session import connect
from reconciler.emulator.wire.certificate import make_certificate
from reconciler.model import arm_id
from reconciler.problems import AzureError, CredentialError, ReconcilerError

LIST = f"{subscription(0)}/providers/Microsoft.Authorization/policyExemptions"
AT_CORP = f"{GROUP}corp/providers/Microsoft.Authorization/policyAssignments/mcsb"
SOON = {"retry-after-ms": "5"}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_read_waits_out_throttling_and_faults_of_the_service(interrupted, status):
    with interrupted() as (door, azure):
        door.answer = lambda seen: error(status, "Busy", **SOON) if seen.path == LIST and seen.count <= 3 else None
        assert azure.reader().snapshot(azure.settings).complete
        assert len([one for one in door.seen if one.path == LIST]) == 4


def test_a_read_whose_answer_is_lost_is_asked_again(interrupted):
    with interrupted() as (door, azure):
        door.answer = lambda seen: Drop() if seen.path == LIST and seen.count == 1 else None
        assert azure.reader().snapshot(azure.settings).complete


def test_a_read_does_not_wait_for_ever(interrupted):
    with interrupted() as (door, azure):
        door.answer = lambda seen: error(503, "ServerBusy", "out of service", **SOON) if seen.path == LIST else None
        found = azure.reader().snapshot(azure.settings)
        assert len([one for one in door.seen if one.path == LIST]) == 7
    assert [(one.what, one.message) for one in found.unread] == [("exemptions", "out of service")]


def test_all_that_goes_wrong_with_one_request_counts_together(interrupted, monkeypatch):
    with interrupted() as (door, azure):
        monkeypatch.setattr(azure.client._transport, "sleep", lambda _: None)
        door.answer = lambda seen: Drop() if seen.count in {2, 4, 6} else error(503, "ServerBusy", "out of service")
        with pytest.raises(AzureError, match="out of service"):
            azure.client.get(f"{GROUP}corp", Api.GROUPS)
        assert len(door.seen) == 7


def test_what_is_sent_as_it_stands_is_asked_again_only_where_it_reads(interrupted):
    with interrupted() as (door, azure):
        door.answer = lambda seen: error(503, "ServerBusy", **SOON) if seen.count == 1 else Reply(200, {})
        assert [azure.client.raw(method, f"{LIST}/x?api-version=1")[0] for method in ("GET", "PUT")] == [200, 503]
        assert [seen.method for seen in door.seen] == ["GET", "GET", "PUT"]


def test_a_wait_that_looks_like_a_hang_is_a_fault(interrupted):
    with interrupted() as (door, azure):
        door.answer = lambda _: error(429, "TooManyRequests", "in an hour", **{"Retry-After": "3600"})
        with pytest.raises(AzureError, match="in an hour"):
            azure.client.get(f"{GROUP}corp", Api.GROUPS)
        assert len(door.seen) == 1


@pytest.mark.parametrize("body", [{}, {"value": {}}, {"value": "text"}, {"value": [None, 1, "text"]}])
def test_a_list_in_an_unknown_form_is_a_fault_and_not_an_empty_list(interrupted, body):
    with interrupted() as (door, azure):
        door.answer = lambda _: Reply(200, body)
        with pytest.raises(AzureError, match=r"cannot be used: the list .* value"):
            azure.client.pages(LIST, Api.EXEMPTIONS)


def test_many_lists_get_through_azures_token_buckets(connected):
    """A bucket of four requests that refills soon: every list waits its turn, and all are read."""
    sizes = {"reads": {"size": 4, "refill": 3}}
    with connected(tenant(faultInjection={"throttling": sizes})) as (cloud, azure):
        assert azure.reader().snapshot(azure.settings).complete
        assert 429 in {one.status for one in cloud.requests}


def test_an_expired_token_is_replaced_while_reading(interrupted):
    with interrupted() as (door, azure):
        door.answer = lambda seen: (
            error(401, "ExpiredAuthenticationToken") if seen.path == LIST and seen.count == 1 else None
        )
        assert azure.reader().snapshot(azure.settings).complete


def test_a_refusal_of_an_old_token_does_not_cost_the_one_that_another_thread_got_meanwhile(interrupted):
    newer = AccessTokenInfo("newer", int(time.time()) + 3600)
    with interrupted() as (door, azure):

        def refuse(seen):
            azure.client._credential._token = newer
            return error(401, "ExpiredAuthenticationToken")

        door.answer = refuse
        with pytest.raises(AzureError):
            azure.client.once("GET", f"{GROUP}corp", Api.GROUPS)
        assert azure.client._credential._token is newer


def test_a_list_that_goes_on_elsewhere_is_not_followed_with_our_token(interrupted):
    reached = []

    class Elsewhere(socketserver.BaseRequestHandler):
        def handle(self):
            reached.append(self.request.recv(10))

    with socketserver.TCPServer(("127.0.0.1", 0), Elsewhere) as server, interrupted() as (door, azure):
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        link = f"https://127.0.0.1:{server.server_address[1]}/next"
        door.answer = lambda seen: Reply(200, {"value": [], "nextLink": link}) if seen.path == LIST else None
        found = azure.reader().snapshot(azure.settings)
        server.shutdown()
    assert [one.what for one in found.unread] == ["exemptions"]
    assert reached == []


def test_a_list_that_goes_in_circles_ends(interrupted):
    with interrupted() as (door, azure):
        circle = f"{door.endpoint}{LIST}?api-version=2022-07-01-preview"
        door.answer = lambda seen: Reply(200, {"value": [], "nextLink": circle}) if seen.path == LIST else None
        with pytest.raises(AzureError, match=f"cannot be used: the list {LIST}: nextLink .* leads to no further page"):
            azure.client.pages(LIST, Api.EXEMPTIONS)


def test_braces_in_a_link_are_no_placeholders(interrupted):
    found = exemption(subscription(0), "on-page-two", AT_CORP)

    def pages(seen):
        if seen.path != LIST:
            return None
        if "token" in seen.query:
            return Reply(200, {"value": [found]})
        return Reply(
            200, {"value": [], "nextLink": f"{door.endpoint}{LIST}?api-version=x&$skiptoken=token{{0}}{{endpoint}}"}
        )

    with interrupted() as (door, azure):
        door.answer = pages
        assert azure.client.pages(LIST, Api.EXEMPTIONS) == [found]


@pytest.mark.parametrize("path", ["/subscriptions/x/resourceGroups/../providers/y", "/a/./b", ".."])
def test_dots_that_would_climb_to_another_scope_are_never_sent(connected, path):
    with connected() as (cloud, azure):
        with pytest.raises(ReconcilerError, match="a dot or two") as caught:
            azure.client.get(path, Api.EXEMPTIONS)
        assert caught.value.remedy == "correct the id where it is written"
        assert cloud.requests == []


def test_a_certificate_that_is_not_trusted_names_the_variable_to_set(login, tmp_path):
    with running(tenant()) as cloud, running() as other:
        login({**cloud.env, "REQUESTS_CA_BUNDLE": other.ca_bundle})
        with connect(settings_of(cloud), os.environ) as azure:
            azure.client._transport.interrupt()  # no waiting between the attempts
            with pytest.raises(AzureError) as caught:
                azure.client.get(f"{GROUP}corp", Api.GROUPS)
    assert (caught.value.status, caught.value.code) == (0, "Tls")
    assert "REQUESTS_CA_BUNDLE" in caught.value.remedy


def test_a_name_that_does_not_resolve_points_to_dns_and_proxy(login, monkeypatch):
    def unknown(*arguments, **options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with running(tenant()) as cloud:
        login({**cloud.env, "EXEMPT_ARM_ENDPOINT": "https://management.contoso.example"})
        settings = settings_of(cloud, arm_endpoint="https://management.contoso.example")
        with connect(settings, os.environ) as azure:
            monkeypatch.setattr(socket, "getaddrinfo", unknown)
            with pytest.raises(AzureError) as caught:
                azure.client.once("GET", f"{GROUP}corp", Api.GROUPS)
    assert caught.value.code == "NameResolution"
    assert caught.value.message == "management.contoso.example cannot be found: Name or service not known"
    assert "DNS" in caught.value.remedy


def test_a_refused_connection_is_a_fault_without_status(login):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with running(tenant()) as cloud:
        login({**cloud.env, "EXEMPT_ARM_ENDPOINT": f"https://127.0.0.1:{port}"})
        with connect(settings_of(cloud), os.environ) as azure, pytest.raises(AzureError) as caught:
            azure.client.once("GET", f"{GROUP}corp", Api.GROUPS)
    assert (caught.value.status, caught.value.code) == (0, "NotSent")
    assert caught.value.message == f"127.0.0.1:{port} cannot be reached: {os.strerror(errno.ECONNREFUSED)}"


def test_a_proxy_that_refuses_is_told_of_as_the_proxy(login):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with running(tenant()) as cloud:
        login({**cloud.env, "HTTPS_PROXY": f"http://127.0.0.1:{port}"})
        with connect(settings_of(cloud), os.environ) as azure, pytest.raises(AzureError) as caught:
            azure.client.once("GET", f"{GROUP}corp", Api.GROUPS)
        host = cloud.arm_endpoint.removeprefix("https://")
    assert (caught.value.status, caught.value.code) == (0, "NotSent")
    reason = os.strerror(errno.ECONNREFUSED)
    assert caught.value.message == f"the proxy on the way to {host} cannot be used: {reason}"


@pytest.mark.parametrize(
    ("link", "is_same"),
    [
        ("https://arm.contoso.example/next", True),
        ("HTTPS://ARM.contoso.example:443/next", True),
        ("http://arm.contoso.example/next", False),
        ("https://arm.contoso.example:8443/next", False),
        ("https://arm.contoso.example.other/next", False),
        ("/next", False),
        (None, False),
    ],
)
def test_a_link_leads_to_the_same_place_by_scheme_host_and_port(link, is_same):
    assert same_origin(link, "https://arm.contoso.example") is is_same
    assert same_origin("http://h:80/x", "http://h")


class Tunnel(socketserver.StreamRequestHandler):
    """A forward proxy: CONNECT and nothing else. Notes where it was asked to connect."""

    asked: ClassVar[list[str]] = []

    def handle(self):
        _, target, _ = self.rfile.readline().decode().split(" ", 2)
        while self.rfile.readline().strip():
            pass
        self.asked.append(target)
        host, port = target.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as upstream:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_copy, args=(upstream, self.connection), daemon=True)
            back.start()
            _copy(self.connection, upstream)
            back.join()


def _copy(source, destination):
    try:
        while data := source.recv(65536):
            destination.sendall(data)
        destination.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@pytest.mark.parametrize("exempted", [{}, {"NO_PROXY": "127.0.0.1"}, {"no_proxy": "contoso.example, 127.0.0.0/8"}])
def test_a_proxy_is_honoured_but_for_the_hosts_that_need_none(login, exempted):
    Tunnel.asked.clear()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tunnel) as server, running(tenant()) as cloud:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        login({**cloud.env, "HTTPS_PROXY": f"http://127.0.0.1:{server.server_address[1]}", **exempted})
        with connect(settings_of(cloud), os.environ) as azure:
            assert azure.reader().snapshot(azure.settings).complete
        server.shutdown()
    assert set(Tunnel.asked) == (set() if exempted else {cloud.arm_endpoint.removeprefix("https://")})


def test_a_proxy_may_be_named_without_its_scheme(login):
    Tunnel.asked.clear()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tunnel) as server, running(tenant()) as cloud:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        login({**cloud.env, "HTTPS_PROXY": f"127.0.0.1:{server.server_address[1]}"})
        with connect(settings_of(cloud), os.environ) as azure:
            azure.client.get(f"{GROUP}corp", Api.GROUPS)
        server.shutdown()
    assert Tunnel.asked == [cloud.arm_endpoint.removeprefix("https://")]


@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_proxy_that_speaks_tls_is_trusted_by_the_same_bundle(login, tmp_path, is_trusted):
    Tunnel.asked.clear()
    own, context = make_certificate(tmp_path)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tunnel) as server, running(tenant()) as cloud:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # of a client that does not trust it
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        bundle = tmp_path / "bundle.pem"
        bundle.write_text(Path(cloud.ca_bundle).read_text() + (own.read_text() if is_trusted else ""))
        proxy = f"https://127.0.0.1:{server.server_address[1]}"
        login({**cloud.env, "HTTPS_PROXY": proxy, "REQUESTS_CA_BUNDLE": str(bundle)})
        with connect(settings_of(cloud), os.environ) as azure:
            expected = contextlib.nullcontext() if is_trusted else pytest.raises(AzureError)
            with expected as caught:
                azure.client.once("GET", f"{GROUP}corp", Api.GROUPS)
        server.shutdown()
    assert Tunnel.asked == ([cloud.arm_endpoint.removeprefix("https://")] if is_trusted else [])
    if not is_trusted:
        host = cloud.arm_endpoint.removeprefix("https://")
        assert caught.value.message.startswith(f"the proxy on the way to {host} cannot be used: ")
        assert "REQUESTS_CA_BUNDLE" in caught.value.remedy


def test_a_folder_of_certificates_may_be_named_and_trusts_nobody_else(login, tmp_path):
    with running(tenant()) as cloud:
        login({**cloud.env, "REQUESTS_CA_BUNDLE": str(tmp_path)})
        with connect(settings_of(cloud), os.environ) as azure, pytest.raises(AzureError) as caught:
            azure.client.once("GET", f"{GROUP}corp", Api.GROUPS)
    assert caught.value.code == "Tls"


def test_a_netrc_file_does_not_replace_our_token(login, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with running(tenant()) as cloud:
        login(cloud.env)
        with connect(settings_of(cloud), os.environ) as azure:
            assert azure.reader().snapshot(azure.settings).complete


def test_the_log_has_path_status_and_support_id_but_no_token_body_or_query(interrupted, caplog):
    with interrupted() as (door, azure), caplog.at_level(logging.INFO, logger="exempt.azure"):

        def refuse(_):
            time.sleep(0.05)
            return error(403, "No", "secret words", **{"x-ms-correlation-request-id": "c0ffee"})

        for name, answer in (("x", refuse), ("y", lambda _: Drop()), ("z", lambda _: error(403, "No"))):
            door.answer = answer
            with pytest.raises(AzureError):
                azure.writer().read(arm_id(f"{LIST}/{name}"))
    took = re.fullmatch(rf"GET {LIST}/x: 403 in (\d+) ms, correlation id c0ffee", caplog.messages[0])
    assert 50 <= int(took[1]) < 60_000
    assert caplog.messages[1] == f"GET {LIST}/y: no answer"
    assert caplog.messages[2].endswith(", correlation id none")
    assert not any("Bearer" in line or "secret" in line or "api-version" in line for line in caplog.messages)


def test_many_at_once_come_back_in_order_with_faults_in_their_places(connected):
    def work(number):
        time.sleep(0.001 * (7 - number))
        if number == 3:
            raise AzureError(404, "Gone", "gone")
        return number * 10

    with connected() as (_, azure):
        done = []
        found = azure.client.each(work, range(7), done.append)
        assert azure.client.each(work, []) == []
    assert [one if isinstance(one, int) else one.code for one in found] == [0, 10, 20, "Gone", 40, 50, 60]
    assert done == [1, 2, 3, 4, 5, 6, 7]


def test_what_is_there_is_given_in_turn_while_the_rest_is_under_way(connected):
    released = threading.Event()

    def work(number):
        assert number != 2 or released.wait(60)
        return number

    with connected() as (_, azure), contextlib.closing(azure.client.in_turn(work, range(20))) as answers:
        assert [next(answers), next(answers)] == [0, 1]
        released.set()
        assert [*answers] == [*range(2, 20)]


def test_who_takes_no_more_has_no_more_asked_for(connected):
    asked = []

    def work(number):
        asked.append(number)
        time.sleep(0.01)

    with connected() as (_, azure):
        with contextlib.closing(azure.client.in_turn(work, range(500))) as answers:
            next(answers)
        time.sleep(0.1)
        assert len(asked) < 100


def test_who_takes_no_more_can_ask_for_other_things_and_its_own_waits_end(interrupted):
    waiting, ended = threading.Event(), threading.Event()

    with interrupted() as (door, azure):

        def work(number):
            if number:
                waiting.set()
                try:
                    azure.client.wait(600)
                except ServiceRequestError:
                    ended.set()

        with contextlib.closing(azure.client.in_turn(work, range(2))) as answers:
            next(answers)
            assert waiting.wait(60)
        assert ended.wait(60)
        door.answer = lambda seen: error(429, "Busy", **SOON) if seen.count in {1, 3} else Reply(200, {"value": []})
        assert azure.client.pages(LIST, Api.EXEMPTIONS) == []
        assert azure.client.each(lambda path: azure.client.pages(path, Api.EXEMPTIONS), [LIST]) == [[]]
        assert len(door.seen) == 4


def test_behind_a_slow_one_few_are_asked_for(connected):
    released, asked = threading.Event(), []

    def work(number):
        asked.append(number)
        assert number or released.wait(60)
        return number

    with connected() as (_, azure), contextlib.closing(azure.client.in_turn(work, range(2000))) as answers:
        kept = []
        threading.Timer(0.5, lambda: (kept.append(len(asked)), released.set())).start()
        assert [*answers] == [*range(2000)]
    assert kept == [16 * THREADS]


def test_as_many_are_asked_at_once_as_there_are_threads_and_no_more(connected):
    together, under_way, most = threading.Barrier(THREADS), [], []

    def work(number):
        under_way.append(number)
        most.append(len(under_way))
        together.wait(60)
        under_way.remove(number)

    with connected() as (_, azure):
        azure.client.each(work, range(2 * THREADS))
    assert max(most) <= THREADS


def test_what_concerns_all_ends_all_at_once(connected):
    asked = []

    def work(number):
        asked.append(number)
        time.sleep(0.01)
        raise CredentialError("no identity any more")

    with connected() as (_, azure), pytest.raises(CredentialError):
        azure.client.each(work, range(500))
    assert len(asked) < 100


def test_an_interrupted_read_does_not_sit_out_an_answer_that_is_late(connected):
    answered = threading.Event()

    def work(number):
        if number:
            assert answered.wait(60)
        return number

    def stop(done):
        raise KeyboardInterrupt

    with connected() as (_, azure):
        with pytest.raises(KeyboardInterrupt):
            azure.client.each(work, [0, 1], stop)
        assert not answered.is_set(), "the other request is still under way"
        answered.set()


def test_an_interrupted_read_does_not_sit_out_its_waits(interrupted):
    with interrupted() as (door, azure):
        door.answer = lambda seen: (
            error(429, "TooManyRequests", **{"Retry-After": "299"}) if seen.path == LIST else None
        )

        def stop(what, done, total):
            if what == "assignments and exemptions" and done == total - 1:  # all but the one that waits
                raise KeyboardInterrupt

        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            azure.reader().snapshot(azure.settings, progress=stop)
        assert time.monotonic() - started < 60
        with pytest.raises(ServiceRequestError, match="the run was interrupted"):
            azure.client.wait(299)


def test_each_request_has_an_id_that_support_can_look_for_and_those_of_a_run_begin_alike(interrupted):
    with interrupted() as (door, azure):
        azure.reader().snapshot(azure.settings)
        ids = [str(uuid.UUID(one.headers["x-ms-client-request-id"])) for one in door.seen]
    assert len(set(ids)) == len(ids) == azure.requests
    assert len({one[:24] for one in ids}) == 1


def test_answers_travel_compressed(interrupted):
    with interrupted() as (door, azure):
        content = gzip.compress(json.dumps({"value": [{"id": "one"}]}).encode())
        door.answer = lambda _: Reply(200, content, {"Content-Encoding": "gzip"})
        assert azure.client.pages(LIST, Api.EXEMPTIONS) == [{"id": "one"}]
        assert "gzip" in door.seen[0].headers["Accept-Encoding"]


def test_connections_are_kept_for_the_next_request(interrupted):
    with interrupted() as (door, azure):
        for _ in range(3):
            azure.reader().snapshot(azure.settings)
        assert len(door.seen) == 3 * 18
        assert door.connections <= 16, "one a thread at most"


def test_each_request_says_who_asks(interrupted):
    with interrupted() as (door, azure):
        azure.client.get(f"{GROUP}corp", Api.GROUPS)
        [asked] = door.seen
    assert asked.headers["User-Agent"].startswith("exempt/")
    assert asked.headers["Accept"] == "application/json"
    assert asked.headers["Accept-Encoding"] == "gzip, deflate"
    assert "Content-Type" not in asked.headers


def test_what_is_sent_says_that_it_is_json(interrupted):
    with interrupted() as (door, azure):
        door.answer = lambda _: Reply(200, {})
        azure.client.once("PUT", f"{LIST}/x", Api.EXEMPTIONS, {"properties": {}})
        [sent] = door.seen
    assert sent.headers["Content-Type"] == "application/json"
    assert json.loads(sent.body) == {"properties": {}}


def test_a_link_to_no_path_leads_to_the_root(interrupted):
    with interrupted() as (door, azure):
        first = {"value": [{"id": "1"}], "nextLink": f"{door.endpoint}?page=2"}
        door.answer = lambda seen: Reply(200, {"value": [{"id": "2"}]} if seen.path == "/" else first)
        assert azure.client.pages(LIST, Api.EXEMPTIONS) == [{"id": "1"}, {"id": "2"}]
        assert (door.seen[1].path, door.seen[1].query) == ("/", "page=2")


def test_without_a_bundle_only_what_everybody_trusts_is_trusted(login):
    with running(tenant()) as cloud:
        login({name: value for name, value in cloud.env.items() if not name.endswith("CA_BUNDLE")})
        with connect(settings_of(cloud), os.environ) as azure, pytest.raises(AzureError) as caught:
            azure.client.once("GET", f"{GROUP}corp", Api.GROUPS)
    assert caught.value.code == "Tls"


def test_as_often_as_is_said_a_lost_answer_is_asked_for_again(interrupted, login, monkeypatch):
    said = []
    with interrupted() as (door, azure), connect(azure.settings, door.env, said.append) as again:
        monkeypatch.setattr(again.client._transport, "sleep", lambda _: None)
        door.answer = lambda _: Drop()
        with pytest.raises(AzureError):
            again.client.get(f"{GROUP}corp", Api.GROUPS)
        sent = len(door.seen)
    assert re.fullmatch(rf"Azure gives no answer; try \d of {sent} in \d s", said[0])


def test_where_nothing_answers_at_all_the_read_fails_at_once_with_the_reason(interrupted, login):
    with interrupted() as (door, azure):
        door.answer = lambda _: Drop()
        azure.client._transport.interrupt()  # no waiting between the attempts
        with pytest.raises(AzureError, match=r"127\.0\.0\.1:\d+ (gave no answer|cannot be reached)"):
            azure.reader().snapshot(azure.settings)
    with interrupted(None, subscription(0)) as (door, azure):
        door.answer = lambda _: Drop()
        azure.client._transport.interrupt()
        with pytest.raises(AzureError):
            azure.reader().snapshot(azure.settings)


def test_a_failure_is_told_once_and_not_by_the_libraries_too(tmp_path):
    with running(tenant()) as cloud:
        text = f"owner: contoso\ntenantId: {cloud.tenant.id}\nscopes:\n  - {GROUP}corp\n"
        (tmp_path / "reconciler.yaml").write_text(text, encoding="utf-8")
        done = exempt(cloud, "snapshot", cwd=tmp_path, check=[1], IDENTITY_HEADER="wrong", PATH="/nonexistent")
    assert [row.split(":")[0] for row in done.stderr.splitlines()] == ["error", "help"]
    assert done.stdout == ""
