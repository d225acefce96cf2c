"""What `make mutants` adds to pytest: forked commands are mutated and counted as the test's own process is.

mutmut knows which functions a test calls, and which change is in force, by variables of the process that it runs pytest
in. `prefork.run` hands both on to the process of the command, and what that has called back. All of mutmut's processes
share one server, which the first starts, and run the quickest module of tests first.
"""

from __future__ import annotations

import atexit
import os
import tempfile
from collections import Counter
from pathlib import Path

import prefork
import pytest
from mutmut.configuration import config
from mutmut.mutation.trampoline import get_mutant_under_test
from mutmut.state import state

_LIMIT = 300.0
"""Seconds that a test may take at least, as in a usual run."""

FAILED = Path(__file__).parents[1] / "failed.txt"
_run = prefork.run


def run(arguments, *, cwd, env, timeout=300):
    with tempfile.NamedTemporaryFile() as calls:
        mutation = {"MUTANT_UNDER_TEST": get_mutant_under_test(), "CALLED_FUNCTIONS": calls.name}
        done = _run(arguments, cwd=cwd, env={**env, **mutation}, timeout=timeout)
        state()._stats.update(Path(calls.name).read_text(encoding="utf-8").split())
    return done


def note_calls_of(path: str) -> None:
    """In the process of a command: tells at its end what it has called."""
    config()  # mutmut's, which it reads where it is first needed; the command runs elsewhere
    atexit.register(lambda: Path(path).write_text("\n".join(state()._stats), encoding="utf-8"))


def pytest_sessionstart() -> None:
    if os.environ.get("MUTANT_UNDER_TEST") == "stats":  # nobody counts what an interpreter calls that a test starts
        del os.environ["MUTANT_UNDER_TEST"]


def _is_unchanged() -> bool:
    """Whether the code is as it is: mutmut counts who calls what, or makes sure that the tests pass."""
    return get_mutant_under_test() in {"", "stats"}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Notes a test that fails although nothing is changed: mutmut only says that one did, and its output is lost."""
    if report.failed and _is_unchanged():
        with FAILED.open("a", encoding="utf-8") as file:
            file.write(f"{report.nodeid}\n{report.longreprtext}\n")


def pytest_collection_finish(session: pytest.Session) -> None:
    if prefork.run is not run:
        prefork.READS_FACTS = False
        address = prefork._server()
        prefork._server = lambda: address
        prefork.run = run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    took = state().duration_by_test
    modules: Counter[Path] = Counter()
    for item in items:
        modules[item.path] += took.get(item.nodeid, 0)
        # A change may make a test hang. Where nothing is changed a law takes what it takes: counting calls makes it
        # several times as slow, and a busy machine again, so that its usual limit would end the whole run.
        limit = 0 if _is_unchanged() else max(_LIMIT, 10 * took.get(item.nodeid, 0))
        item.add_marker(pytest.mark.timeout(limit))
    items.sort(key=lambda item: (modules[item.path], str(item.path), took.get(item.nodeid, 0)))
