"""`exempt emulator` as a process: the ready line, signals, saved state, mistakes."""

import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
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
        (["--tenant", "none.yaml"], "error: there is no tenant file 'none.yaml'\nhelp: name the file that"),
        (["--fault", "{"], "not JSON"),
        (["--fault", '{"colour": 1}'], '"colour" is no field'),
        (["--tenant", "t.json", "prove", "--scope", "/subscriptions/x"], "--tenant would do nothing"),
        (["--port", "9", "--throttle", "--format", "env", "prove"], "--port, --throttle, --format would do nothing"),
        (["--format", "env", "--", "true"], "exclude each other"),
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


# --- for other commands ------------------------------------------------------------------------------------------


def emulator(*words, **options):
    """One run of the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "reconciler", "emulator", *map(str, words)],
        capture_output=True, text=True, timeout=60, check=False, **options,
    )  # fmt: skip


ASKS = """
import os, ssl, urllib.request
context = ssl.create_default_context(cafile=os.environ["REQUESTS_CA_BUNDLE"])
url = os.environ["EXEMPT_ARM_ENDPOINT"] + "/metadata/endpoints"
print(urllib.request.urlopen(url, context=context).status, os.environ["AZURE_CONFIG_DIR"] != "")
raise SystemExit(7)
"""


def test_a_command_runs_with_the_environment_and_its_exit_code_is_passed_on(tenant):
    done = emulator("--tenant", tenant, "--", sys.executable, "-c", ASKS)
    assert (done.returncode, done.stdout, done.stderr) == (7, "200 True\n", "")


def test_a_command_that_is_killed_or_is_not_there(tenant):
    suicide = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    assert emulator("--tenant", tenant, "--", sys.executable, "-c", suicide).returncode == 128 + signal.SIGTERM
    absent = emulator("--tenant", tenant, "--", "no-such-command-anywhere")
    assert (absent.returncode, "no-such-command-anywhere" in absent.stderr) == (1, True)
    assert "Traceback" not in absent.stderr


def test_the_state_is_saved_after_a_command(tenant, tmp_path):
    state = tmp_path / "state.json"
    done = emulator("--tenant", tenant, "--state", state, "--", sys.executable, "-c", "pass")
    assert done.returncode == 0
    assert json.loads(state.read_text())["tenantId"] == contoso.TENANT_ID


def test_the_environment_for_a_shell(tenant):
    script = f"""
        eval "$({sys.executable} -m reconciler emulator --format env --tenant {tenant})"
        {sys.executable} -c '{ASKS}'
        kill "$EXEMPT_EMULATOR_PID"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("200 True\n", "")


FAKE_AZ = """#!{python}
import os, sys
with open(os.environ["AZ_LOG"], "a") as log:
    log.write(" ".join(sys.argv[1:3]) + "\\n")
os.makedirs(os.environ["AZURE_CONFIG_DIR"], exist_ok=True)
sys.exit(3 if sys.argv[1] == "fail" else 0)
"""


def test_az_is_made_to_know_the_cloud_once_and_logged_in(tenant, tmp_path):
    program, log = tmp_path / "bin" / "az", tmp_path / "log"
    program.parent.mkdir()
    program.write_text(FAKE_AZ.format(python=sys.executable))
    program.chmod(0o755)
    env = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "AZ_LOG": os.fspath(log)}
    assert emulator("--tenant", tenant, "az", "policy", "exemption", "list", "--query", "[]", env=env).returncode == 0
    assert log.read_text().splitlines() == ["cloud register", "cloud set", "login --identity", "policy exemption"]
    log.unlink()
    with command("--tenant", tenant) as (_, ready):
        refused = emulator("--tenant", tenant, "az", "group", "list", env={**env, **ready["env"]})
        assert (refused.returncode, "--tenant would do nothing" in refused.stderr) == (1, True)
        for expected in (0, 3):
            done = emulator("az", "fail" if expected else "group", "list", env={**env, **ready["env"]})
            assert done.returncode == expected
    assert log.read_text().splitlines()[-3:] == ["login --identity", "group list", "fail list"]


def test_a_second_interrupt_does_not_lose_the_state(tenant, tmp_path):
    state = tmp_path / "state.json"
    with command("--tenant", tenant, "--state", state) as (process, ready):
        send(ready, "PUT", EXEMPTION, {"properties": waiver()})
        for _ in range(20):
            process.send_signal(signal.SIGINT)
            time.sleep(0.01)
        assert process.wait(timeout=20) == 0
        assert process.stderr.read() == ""
    assert len(json.loads(state.read_text())["policyExemptions"]) == 1


def test_a_full_disk_leaves_the_old_state_and_says_so(tenant, tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    state = folder / "state.json"
    state.write_text(json.dumps(contoso.tenant()))
    before = state.read_bytes()
    limited = f"import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); sys.argv = ['exempt', 'emulator', '--state', {os.fspath(state)!r}, '--', {sys.executable!r}, '-c', 'pass']; runpy.run_module('reconciler', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", limited], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "could not be saved" in done.stderr, "--port" in done.stderr) == (1, True, False)
    assert state.read_bytes() == before
    assert [file.name for file in folder.iterdir()] == ["state.json"], "no draft is left"


def test_nested_aliases_are_refused_at_once(tmp_path):
    file = tmp_path / "tenant.yaml"
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    file.write_text("\n".join(lines))
    done = emulator("--tenant", file)
    assert (done.returncode, "aliases" in done.stderr) == (1, True)
    file.write_text("resources: &r [*r]\n")
    assert emulator("--tenant", file).returncode == 1
    file.write_text("[" * 100_000)
    done = emulator("--tenant", file)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


def test_an_alias_is_fine_where_it_is_short(tmp_path):
    file = tmp_path / "tenant.yaml"
    file.write_text("resources:\n  - id: &g /subscriptions/x/resourceGroups/rg\n  - id: *g\n")
    done = emulator("--tenant", file, "--", sys.executable, "-c", "pass")
    assert done.returncode == 0, done.stderr


def test_the_pytest_plugin_gives_an_azure_with_its_environment(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import os, pytest\n"
        "@pytest.fixture\n"
        "def azure_content():\n"
        "    return {'subscriptions': [{'id': '6f0e0000-0000-4000-8000-000000000001'}]}\n"
        "def test_one(azure_emulator):\n"
        "    assert os.environ['EXEMPT_ARM_ENDPOINT'] == azure_emulator.arm_endpoint\n"
        "    assert list(azure_emulator.tenant.hierarchy.subscriptions) == ['6f0e0000-0000-4000-8000-000000000001']\n"
        "def test_many(azure_emulators):\n"
        "    first, second = azure_emulators({}), azure_emulators({})\n"
        "    assert first.arm_endpoint != second.arm_endpoint\n"
        "def test_it_is_gone():\n"
        "    assert 'EXEMPT_ARM_ENDPOINT' not in os.environ\n"
    )
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:exempt_emulator"]
    done = subprocess.run(
        [*words, "-p", "reconciler.emulator.testing", "test_it.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, "3 passed" in done.stdout) == (0, True), done.stdout
