"""Asked to stop, or not alone: what is in flight is settled and told, and two runs never damage each other."""

import json
import shutil
import signal
import subprocess
import sys
import threading
import time

import emulated
import pytest
from chaos.walk import APPLY, PARTS, Ledger, Scene, part_of, sample
from main_job import repositories as repo

from reconciler.emulator.faults.scripted import FaultAction

ACCOUNTS = [
    f"{repo.subscription(1)}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/account{n:03d}"
    for n in range(80)
]
MANY = {"name": "many", "policyDefinition": "404c3081-a854-4457-ae30-26a93ef643f9", "scopes": ACCOUNTS}
OVERTAKEN = ("after the plan was made", "which keeps what this stops covering")
"""What a run says of a change that the other one made first otherwise, and which it therefore did not write."""

SLOW = {"latency": 0.1, "throttling": {"writes": {"size": 10, "refill": 15}}}


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return Scene(tmp_path_factory.mktemp("two") / "repository")


def start(azure, root, *options):
    command = [sys.executable, "-m", "reconciler", "apply", "--yes", "--format", "json", *options]
    return subprocess.Popen(
        command, cwd=root, env=emulated.environment(azure), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_settles_what_is_in_flight_and_reports_it(tmp_path, number):
    root = repo.write(tmp_path / "repository", [MANY])
    at_root = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
    with emulated.running(repo.tenant(at_root, resources=ACCOUNTS, faultInjection=SLOW)) as azure:
        ledger = Ledger(azure)
        with start(azure, root) as process:
            while len(ledger.effects) < 12:
                assert process.poll() is None, process.communicate()
                time.sleep(0.01)
            process.send_signal(number)
            out, told = process.communicate(timeout=60)
        document = json.loads(out)
        assert (process.returncode, document["verdict"]) == (130, "interrupted")
        assert "Traceback" not in told
        done = {found["key"]["name"] for found in document["outcomes"] if found["status"] == "done"}
        assert done == {key.rsplit("/", 1)[-1] for key in azure.exemptions}, "what is told is what Azure holds"
        assert 12 <= len(done) < len(ACCOUNTS)
        assert document["summary"]["done"] + document["summary"]["skipped"] == len(ACCOUNTS)
        azure.inject_faults({})
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        assert len(azure.exemptions) == len(ledger.effects) == len(ACCOUNTS)


@pytest.mark.parametrize("part", range(PARTS))
def test_two_runs_at_once_end_where_one_would(scene, part):
    for delay in part_of(sample(range(8), 4), part):
        with scene.azure() as ledger:
            ledger.azure.inject_faults({"latency": 0.01, "jitter": 0.02, "seed": delay})
            with scene.child(ledger.azure) as one:
                time.sleep(delay * 0.03)
                with scene.child(ledger.azure) as two:
                    told = [each.communicate(timeout=120)[0] for each in (one, two)]
            for process, text in zip((one, two), told, strict=True):
                assert process.returncode in {0, 1}, text
                assert (process.returncode == 1) == any(reason in text for reason in OVERTAKEN), text
            assert ledger.always_kept(scene.kept)
            ledger.azure.inject_faults({})
            assert scene.apply(ledger.azure) == 0
            scene.check_end(ledger)
            assert all("Traceback" not in each for each in told)


def test_a_run_that_another_commit_overtook_writes_nothing_over_it_and_exits_1(scene, tmp_path):
    """The first is stopped before it re-reads what it is about to edit; the second edits that to the end meanwhile."""
    ready, stopped = threading.Event(), threading.Event()

    def stop_first(_number, request):
        ready.wait()
        if request.method != "GET" or "/policyexemptions/edited-" not in request.path.lower() or stopped.is_set():
            return None
        one.send_signal(signal.SIGSTOP)
        stopped.set()
        return FaultAction(drop=True)

    root = tmp_path / "another commit"
    shutil.copytree(scene.root, root)
    declared = root / "exemptions" / "edited.yaml"
    declared.write_text(declared.read_text().replace("It retires later.", "It retires tomorrow."))
    with scene.azure() as ledger:
        ledger.strike = stop_first
        with scene.child(ledger.azure) as one:
            ready.set()
            assert stopped.wait(timeout=120)
            emulated.exempt(ledger.azure, *APPLY, cwd=root, check=[0])
            one.send_signal(signal.SIGCONT)
            text, _ = one.communicate(timeout=120)
        assert one.returncode == 1, text
        assert "changed after the plan was made" in text
        assert "Traceback" not in text
        assert "It retires tomorrow." in str(ledger.azure.exemptions)
        assert ledger.always_kept(scene.kept)
        assert scene.apply(ledger.azure) == 0
        scene.check_end(ledger)
