"""What `make mutants` adds to pytest: a process that a test starts is mutated and counted as the test's own process is.

mutmut knows which functions a test calls, and which change is in force, by variables of the process that it runs pytest
in. Every process that a test starts is told which change is in force, whatever its environment is otherwise, and notes
what it calls in CALLS (mutation/sitecustomize.py): commands that `prefork` forks, interpreters, also those at a
pseudo-terminal, and what those start. All of mutmut's processes share one server, which the first starts, and run the
quickest module of tests first.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import prefork
import pytest
from mutmut.mutation.trampoline import get_mutant_under_test
from mutmut.state import state

_LIMIT = 60.0
"""Seconds that a test may take at least, where a change may make it wait for ever."""

_TESTS = Path(__file__).parent
FAILED = _TESTS.parent / "failed.txt"
CALLS = _TESTS.parent / "calls.txt"
_PATHS = [str(_TESTS.parent), str(_TESTS), str(_TESTS / "mutation")]
_run, _execve, _popen = prefork.run, os.execve, subprocess.Popen.__init__


def told(env: Mapping[str, str] | None) -> dict[str, str]:
    """The environment of a process that a test starts, with where the changed package is and what is in force."""
    variables = {**(os.environ if env is None else env)}
    paths = variables.get("PYTHONPATH", "").split(os.pathsep)  # first: a wheel that a test built from here and unpacked
    variables["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([*filter(None, paths), *_PATHS]))
    variables["MUTANT_UNDER_TEST"] = get_mutant_under_test()
    if variables["MUTANT_UNDER_TEST"] == "stats":
        variables["CALLED_FUNCTIONS"] = str(CALLS)
    return variables


def run(arguments, *, cwd, env, timeout=300):
    return _run(arguments, cwd=cwd, env=told(env), timeout=timeout)


def execve(path, arguments, env):
    _execve(path, arguments, told(env))


def popen(self, *arguments, env=None, **options):
    _popen(self, *arguments, env=told(env), **options)


def _is_unchanged() -> bool:
    """Whether the code is as it is: mutmut counts who calls what, or makes sure that the tests pass."""
    return get_mutant_under_test() in {"", "stats"}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """Before mutmut notes what the test has called: what its processes have."""
    if get_mutant_under_test() == "stats" and CALLS.exists():
        state()._stats.update(CALLS.read_text(encoding="utf-8").split())
        CALLS.write_text("", encoding="utf-8")


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
        prefork.run, os.execve, subprocess.Popen.__init__ = run, execve, popen
        prefork.python = lambda: [sys.executable]


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
