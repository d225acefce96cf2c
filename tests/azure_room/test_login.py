"""The first token is asked for while the repository is still judged, and what is wrong in the repository is told first."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import emulated
import pytest
from azure.core.credentials import AccessTokenInfo
from azure.core.exceptions import ClientAuthenticationError
from cli.console import exempt
from main_job import repositories as repo

from reconciler.azure.credentials import TenantCredential
from reconciler.emulator import Azure
from reconciler.model import Settings
from reconciler.runs.loading import load_all


class Identity:
    """A way to log in that answers when it is let, with what it is given."""

    def __init__(self, *answers: AccessTokenInfo | Exception) -> None:
        self.answers = list(answers)
        self.threads: list[str] = []
        self.may_answer = threading.Event()

    def get_token_info(self, *_: str, **__: Any) -> AccessTokenInfo:
        self.threads.append(threading.current_thread().name)
        assert self.may_answer.wait(60)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None: ...


POLICY = "/providers/Microsoft.Authorization/policyDefinitions/404c3081-a854-4457-ae30-26a93ef643f9"
TOKEN = AccessTokenInfo("token", 1 << 40)


def test_the_token_that_was_asked_for_early_is_the_one_that_is_used() -> None:
    identity = Identity(TOKEN)
    credential = TenantCredential(identity, "tenant")
    credential.begin("scope")  # returns although nothing was answered yet
    identity.may_answer.set()
    assert credential.get_token_info("scope") is TOKEN
    assert identity.threads == ["login"]


def test_an_early_fault_is_told_once_and_the_next_who_asks_asks_again() -> None:
    identity = Identity(ClientAuthenticationError("no"), TOKEN)
    credential = TenantCredential(identity, "tenant")
    credential.begin("scope")
    identity.may_answer.set()
    with pytest.raises(ClientAuthenticationError, match="no"):
        credential.get_token_info("scope")
    assert credential.get_token_info("scope") is TOKEN
    assert len(identity.threads) == 2


def test_where_no_thread_can_start_the_token_is_asked_for_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    identity = Identity(TOKEN)
    identity.may_answer.set()
    credential = TenantCredential(identity, "tenant")
    credential.begin("scope")
    assert credential.get_token_info("scope") is TOKEN
    assert identity.threads == ["MainThread"]


class Service(ThreadingHTTPServer):
    """An identity service that refuses once it is let, and notes that somebody asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Refusal)
        self.asked = threading.Event()
        self.times = 0
        self.refuses = threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}/token"


class Refusal(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        self.server.times += 1
        self.server.asked.set()
        assert self.server.refuses.wait(60)
        self.send_error(400)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.refuses.set()
        server.shutdown()


@pytest.fixture(scope="module")
def azure() -> Iterator[Azure]:
    with emulated.running(repo.tenant()) as running:
        yield running


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repo.write(tmp_path, [{"name": "web", "policyDefinition": POLICY, "scopes": [repo.subscription(1)]}])


def test_a_login_that_fails_is_told_where_nothing_else_is_wrong(azure: Azure, service: Service, root: Path) -> None:
    service.refuses.set()
    planned = emulated.exempt(azure, "plan", cwd=root, check=[1], IDENTITY_ENDPOINT=service.address)
    assert "no Azure identity could be had: ManagedIdentityCredential" in planned.stderr


BEGIN_EARLY = {
    "plan": (),
    "apply": ("--yes",),
    "drift": (),
    "explain": ("--declaration", "web"),
    "status": (),
    "register": ("--out", "site"),
    "list": ("--in-force",),
}


@pytest.mark.parametrize("command", BEGIN_EARLY)
def test_the_token_is_asked_for_before_the_declarations_are_judged(
    azure: Azure, service: Service, root: Path, command: str
) -> None:
    (root / "exemptions" / "broken.yaml").write_text("name: [")
    ended = exempt(
        azure, command, *BEGIN_EARLY[command], root=root, check=1, IDENTITY_ENDPOINT=service.address
    )  # which does not answer
    assert "broken.yaml" in ended.stdout + ended.stderr
    assert service.asked.wait(20)


@pytest.mark.parametrize("command", BEGIN_EARLY)
def test_who_logs_in_early_logs_in_once(azure: Azure, service: Service, root: Path, command: str) -> None:
    service.refuses.set()
    ended = exempt(azure, command, *BEGIN_EARLY[command], root=root, check=1, IDENTITY_ENDPOINT=service.address)
    assert "no Azure identity could be had" in ended.stderr
    assert service.times == 1


def test_settings_with_an_error_ask_for_no_token(azure: Azure, service: Service, root: Path) -> None:
    service.refuses.set()
    settings = root / "reconciler.yaml"
    settings.write_text(f"{settings.read_text()}cloud: Elsewhere\n")
    planned = emulated.exempt(azure, "plan", cwd=root, check=[1], IDENTITY_ENDPOINT=service.address)
    assert "reconciler.yaml" in planned.stderr
    assert "identity" not in planned.stderr
    assert not service.asked.is_set()


@pytest.mark.parametrize("command", ["plan", "drift", "explain", "register", "list"])
def test_a_saved_snapshot_needs_no_token(azure: Azure, service: Service, root: Path, command: str) -> None:
    service.refuses.set()
    emulated.exempt(azure, "snapshot", "--out", "saved.json", cwd=root, check=[0])
    more = {"explain": ("--declaration", "web"), "register": ("--out", "site")}.get(command, ())
    asked = ("--snapshot", "saved.json", *more)
    emulated.exempt(azure, command, *asked, cwd=root, check=[0, 2], IDENTITY_ENDPOINT=service.address)
    assert not service.asked.is_set()


def test_a_broken_rule_is_told_although_the_login_has_no_answer(azure: Azure, service: Service, root: Path) -> None:
    settings = root / "reconciler.yaml"
    settings.write_text(f"{settings.read_text()}rules: {{required: [ticket]}}\n")
    planned = emulated.exempt(azure, "plan", cwd=root, check=[1], IDENTITY_ENDPOINT=service.address)
    assert "ticket" in planned.stderr
    assert "identity" not in planned.stderr
    assert not service.refuses.is_set()


def test_a_broken_file_is_told_although_the_login_has_no_answer(azure: Azure, service: Service, root: Path) -> None:
    (root / "exemptions" / "broken.yaml").write_text("name: [")
    planned = emulated.exempt(azure, "plan", cwd=root, check=[1], IDENTITY_ENDPOINT=service.address)
    assert "broken.yaml" in planned.stderr
    assert "identity" not in planned.stderr


def test_the_login_begins_before_the_declarations_are_read(root: Path) -> None:
    def log_in(settings: Settings) -> None:
        assert settings.tenant_id == repo.TENANT
        text = (root / "exemptions" / "web.yaml").read_text()
        (root / "exemptions" / "late.yaml").write_text(text.replace("name: web", "name: late"))

    loaded, _ = load_all(root, log_in)
    assert loaded.problems == ()
    assert [declaration.name for declaration in loaded.declarations] == ["late", "web"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_waits_for_the_login_is_interrupted_at_once(
    azure: Azure, service: Service, root: Path, number: signal.Signals
) -> None:
    environment = emulated.environment(azure, IDENTITY_ENDPOINT=service.address)
    command = [sys.executable, "-m", "reconciler", "plan"]
    before = signal.signal(
        number, signal.default_int_handler
    )  # tests in the background ignore it, and so would the command
    process = subprocess.Popen(command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True)
    signal.signal(number, before)
    with process:
        assert service.asked.wait(20)
        for _ in range(5):  # Python loses one that strikes in a callback of its imports
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
                break
        assert process.stderr
        told = process.stderr.read()
    assert (process.returncode, told.splitlines()[-1]) == (130, "interrupted")
