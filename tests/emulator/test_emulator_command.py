"""`exempt emulator` as a process: the ready line, signals, saved state, mistakes."""

import contextlib
import json
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import contoso
import pytest
from contoso import SERVER, exemption_id, waiver


@contextlib.contextmanager
def command(*words):
    """The running command and its ready line; interrupted at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler", "emulator", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            yield process, json.loads(line)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)


def send(ready, method, path, body=None):
    environment = ready["env"]
    url = environment["IDENTITY_ENDPOINT"] + "?api-version=2019-08-01&resource=https://management.azure.com"
    request = urllib.request.Request(url, headers={"X-IDENTITY-HEADER": environment["IDENTITY_HEADER"]})
    with urllib.request.urlopen(request, timeout=10) as answer:
        token = json.load(answer)["access_token"]
    request = urllib.request.Request(
        ready["armEndpoint"] + path,
        json.dumps(body).encode() if body else None,
        {"Authorization": f"Bearer {token}"},
        method=method,
    )
    with urllib.request.urlopen(
        request, timeout=10, context=ssl.create_default_context(cafile=ready["caBundle"])
    ) as answer:
        return answer.status, json.load(answer)


EXEMPTION = f"{exemption_id(SERVER)}?api-version=2022-07-01-preview"


@pytest.fixture
def tenant(tmp_path):
    file = tmp_path / "tenant.json"
    file.write_text(json.dumps(contoso.tenant()))
    return file


def test_the_ready_line_holds_all_that_a_client_needs(tenant):
    with command("--tenant", tenant, "--port", "0") as (_, ready):
        assert {"armEndpoint", "caBundle", "env"} <= set(ready)
        assert set(ready["env"]) >= {
            "IDENTITY_ENDPOINT",
            "IDENTITY_HEADER",
            "REQUESTS_CA_BUNDLE",
            "EXEMPT_ARM_ENDPOINT",
        }
        assert ready["env"]["IDENTITY_ENDPOINT"].startswith("http://127.0.0.1:")
        assert ready["env"]["REQUESTS_CA_BUNDLE"] == ready["caBundle"]
        assert send(ready, "PUT", EXEMPTION, {"properties": waiver()})[0] == 201


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_leaves_quietly_when_told_to(tenant, number):
    with command("--tenant", tenant) as (process, ready):
        process.send_signal(number)
        assert process.wait(timeout=20) == 0
        assert process.stderr.read() == ""
        assert not Path(ready["caBundle"]).exists(), "nothing is left behind"


def test_the_state_outlives_the_process(tenant, tmp_path):
    state = tmp_path / "state.json"
    with command("--tenant", tenant, "--state", state) as (_, ready):
        _, made = send(ready, "PUT", EXEMPTION, {"properties": waiver()})
    with command("--tenant", tenant, "--state", state) as (_, ready):
        assert send(ready, "GET", EXEMPTION) == (200, made)


def test_fault_injection_by_option(tenant):
    fault = json.dumps({"method": "PUT", "status": 503})
    with command("--tenant", tenant, "--fault", fault, "--throttle") as (_, ready):
        with pytest.raises(urllib.error.HTTPError) as refused:
            send(ready, "PUT", EXEMPTION, {"properties": waiver()})
        assert refused.value.code == 503
        refused.value.close()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--tenant", "none.yaml"], "cannot be read"),
        (["--fault", "{"], "not JSON"),
        (["--fault", '{"colour": 1}'], "unknown field"),
    ],
)
def test_mistakes_are_messages_and_exit_1(words, says):
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "emulator", *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_the_emulator_runs_without_the_rest_of_the_command_line(tenant):
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler.emulator", str(tenant)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert json.loads(process.stdout.readline())["tenantId"] == contoso.TENANT_ID
        process.terminate()
        assert process.wait(timeout=20) == 0


def test_a_port_that_is_taken(tenant):
    with command("--tenant", tenant) as (_, ready):
        port = ready["armEndpoint"].rsplit(":", 1)[-1]
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", "emulator", "--port", port],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 1
    assert "cannot run" in done.stderr
    assert "Traceback" not in done.stderr
