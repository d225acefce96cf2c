"""Ctrl-C and SIGTERM at every stage of a run: said in a line, true in what is told, and at once when asked twice."""

import json
import signal
import subprocess
import sys
import time

import emulated
import pytest
from chaos.walk import Ledger
from main_job import repositories as repo

from reconciler.emulator.faults.scripted import FaultAction

POLICY = "404c3081-a854-4457-ae30-26a93ef643f9"
ONE, TWO = repo.subscription(1), repo.subscription(2)
MCSB = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@pytest.fixture(autouse=True)
def heard():
    """Children hear Ctrl-C even where the tests themselves were started to ignore it, as in a shell's background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def root(tmp_path):
    declared = [{"name": f"n{n}", "policyDefinition": POLICY, "scopes": [scope]} for n, scope in enumerate((ONE, TWO))]
    return repo.write(tmp_path / "repository", declared)


def start(azure, root, *command):
    arguments = [sys.executable, "-m", "reconciler", *command]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(arguments, cwd=root, env=emulated.environment(azure), **pipes)


def signal_at(ledger, process, number, method, action=None):
    """Sends the signal while the first request of this method is under way; that request then meets the action."""
    sent = []

    def strike(_, request):
        if request.method != method or "policyexemptions" not in request.path.lower() or sent:
            return None
        sent.append(request)
        process[0].send_signal(number)
        time.sleep(0.2)  # its handler runs before the answer arrives
        return action

    ledger.strike = strike


def quieten(azure):
    """Lets Azure notice which connections have died, some before they were made: it answers us after those."""
    assert emulated.Client(azure).get("/subscriptions").status == 200


def run(azure, root, *command, at, number, action=None):
    ledger, process = Ledger(azure), []
    signal_at(ledger, process, number, at, action)
    process.append(start(azure, root, *command))
    with process[0]:
        out, told = process[0].communicate(timeout=60)
    asked = list(ledger.requests)
    quieten(azure)
    ledger.requests[:] = asked
    assert "Traceback" not in told
    return process[0].returncode, out, told, ledger


@SIGNALS
@pytest.mark.parametrize("command", [("apply", "--yes"), ("plan",), ("drift",)])
def test_while_reading_it_ends_with_a_word(root, command, number):
    with emulated.running(repo.tenant(MCSB)) as azure:
        code, out, told, ledger = run(azure, root, *command, at="GET", number=number)
    assert (code, out, told) == (130, "", "interrupted\n")
    assert ledger.effects == []


@SIGNALS
def test_at_the_last_write_the_finished_work_stands(tmp_path, number):
    root = repo.write(tmp_path, [{"name": "only", "policyDefinition": POLICY, "scopes": [ONE]}])
    with emulated.running(repo.tenant(MCSB)) as azure:
        code, out, told, ledger = run(azure, root, "apply", "--yes", "--format", "json", at="PUT", number=number)
    document = json.loads(out)
    assert (code, document["exitCode"], document["verdict"]) == (0, 0, "done")
    assert "stopping" in told
    assert len(ledger.effects) == 1


@SIGNALS
def test_while_reporting_it_takes_nothing_back(tmp_path, number):
    groups = [f"{ONE}/resourceGroups/rg-{n:03d}" for n in range(180)]
    root = repo.write(tmp_path, [{"name": "many", "policyDefinition": POLICY, "scopes": groups}])
    resources = [f"{group}/providers/Microsoft.Storage/storageAccounts/x" for group in groups]
    with (
        emulated.running(repo.tenant(MCSB, resources=resources)) as azure,
        start(azure, root, "apply", "--yes", "--format", "json") as process,
    ):
        process.stdout.read(10)  # the report has begun, and does not fit into the pipe
        process.send_signal(number)
        assert process.stderr.readline().startswith("stopping")
        out, told = process.communicate(timeout=60)
    assert len(out) > 65536
    assert (process.returncode, out.rstrip()[-1], told) == (0, "}", "")


@SIGNALS
@pytest.mark.parametrize("applied", [False, True])
def test_a_write_whose_answer_is_lost_is_read_before_it_is_told(tmp_path, number, applied):
    root = repo.write(tmp_path, [{"name": "only", "policyDefinition": POLICY, "scopes": [ONE]}])
    with emulated.running(repo.tenant(MCSB)) as azure:
        action = FaultAction(drop=True, applied=applied)
        code, out, _, ledger = run(
            azure, root, "apply", "--yes", "--format", "json", at="PUT", number=number, action=action
        )
        held = len(azure.exemptions)
    (outcome,) = json.loads(out)["outcomes"]
    assert ledger.requests[-1] == "GET"
    assert (code, outcome["status"], held) == ((0, "done", 1) if applied else (130, "skipped", 0))
    if not applied:
        assert "had not taken effect" in outcome["message"]


@SIGNALS
def test_the_second_one_ends_it_at_once(root, number):
    with emulated.running(repo.tenant(MCSB)) as azure:
        ledger, process = Ledger(azure), []

        def strike(_, request):
            if request.method == "PUT":
                return FaultAction(delay=45.0)
            return None

        ledger.strike = strike
        process.append(start(azure, root, "apply", "--yes"))
        with process[0]:
            while "PUT" not in ledger.requests:
                time.sleep(0.02)
            process[0].send_signal(number)
            assert process[0].stderr.readline().startswith("stopping")
            asked = time.monotonic()
            process[0].send_signal(number)
            _, told = process[0].communicate(timeout=40)
        assert time.monotonic() - asked < 20
        quieten(azure)
    assert process[0].returncode == 130
    assert told.startswith("interrupted: writes under way may have reached Azure or not")
    assert "Traceback" not in told
