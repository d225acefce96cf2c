"""The options of `exempt emulator` reach it, also the one in the background; what would do nothing is refused; each fault
says what to do. What the emulator itself does is tested with it.
"""

from __future__ import annotations

import errno
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reconciler.cli import emulator
from reconciler.cli.main import guarded
from reconciler.cli.parser import parser_of
from reconciler.emulator import client, command
from reconciler.model import JSON

ENV = {
    "EXEMPT_ARM_ENDPOINT": "https://localhost:9",
    "IDENTITY_ENDPOINT": "http://localhost:8",
    "IDENTITY_HEADER": "h",
    "REQUESTS_CA_BUNDLE": "/tmp/an emulator/ca.pem",
}
OPTIONS = {
    "--tenant": "tenant.yaml",
    "--port": "8443",
    "--state": "state.json",
    "--throttle": None,
    "--latency": "0.5",
    "--jitter": "3600",
    "--seed": "7",
    "--fault": '{"status": 503}',
}
EVERY = [word for name, text in OPTIONS.items() for word in (name, text) if word] + ["--fault", '{"status": 429}']


@dataclass(slots=True, kw_only=True)
class Emulators:
    """What was started, instead of emulators, and what ran on them."""

    started: list[command.Options] = field(default_factory=list)
    ran: list[tuple[Sequence[str], Mapping[str, str]]] = field(default_factory=list)
    fault: Exception | None = None
    problem_of_az: str = ""

    def serve(self, options: command.Options, announce: Callable[[str], None]) -> None:
        self.started.append(options)
        if self.fault:
            raise self.fault
        announce('{"ready": true}')

    def run_with(self, options: command.Options, use: Callable[[Any], int]) -> int:
        self.started.append(options)
        if self.fault:
            raise self.fault
        return use(SimpleNamespace(env=ENV))

    def run_command(self, words: Sequence[str], env: Mapping[str, str]) -> int:
        self.ran.append((words, env))
        return 5

    def prepare_az(self, program: str, env: Mapping[str, str]) -> str:
        assert (program, env) == ("az", client.environment(ENV))
        return self.problem_of_az


@pytest.fixture
def emulators(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Emulators:
    monkeypatch.chdir(tmp_path)
    for name in ENV:
        monkeypatch.delenv(name, raising=False)
    made = Emulators()
    monkeypatch.setattr(command, "serve", made.serve)
    monkeypatch.setattr(command, "run_with", made.run_with)
    monkeypatch.setattr(client, "run_command", made.run_command)
    monkeypatch.setattr(client, "prepare_az", made.prepare_az)
    return made


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert guarded(["emulator", *words]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


# --- what reaches the emulator -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ([], command.Options()),
        (["--latency", "0", "--seed", "0"], command.Options(faults={"latency": 0, "seed": 0})),
        (
            EVERY,
            command.Options(
                tenant=Path("tenant.yaml"), port=8443, state=Path("state.json"),
                faults={
                    "throttling": True, "latency": 0.5, "jitter": 3600, "seed": 7,
                    "faults": [{"status": 503}, {"status": 429}],
                },
            ),
        ),
    ],
)  # fmt: skip
def test_every_option_reaches_the_emulator(
    emulators: Emulators, capsys: pytest.CaptureFixture[str], words: list[str], options: command.Options
) -> None:
    assert guarded(["emulator", *words]) == 0
    assert emulators.started == [options]
    assert capsys.readouterr().out == '{"ready": true}\n'
    assert guarded(["emulator", *words, "--", "make", "--tenant", "x"]) == 5
    assert guarded(["emulator", *words, "make", "--tenant", "x"]) == 5
    assert emulators.started == [options] * 3
    assert emulators.ran == [(["make", "--tenant", "x"], client.environment(ENV))] * 2


@pytest.mark.parametrize("words", [[], ["--latency=0"], EVERY], ids=["none", "nought", "every"])
def test_every_option_reaches_the_emulator_in_the_background(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    def parsed(words: list[str]) -> dict[str, JSON]:
        return {**vars(parser_of("emulator", emulator).parse_args(words)), "format": "json"}

    ready = '{"env": {"REQUESTS_CA_BUNDLE": "/tmp/an emulator/ca.pem"}}\n'
    for line, code in ((ready, 0), ("", 3)):
        started: list[list[str]] = []

        def popen(
            command: list[str], *, started: list[list[str]] = started, line: str = line, **options: object
        ) -> Any:
            assert options == {"stdout": "a pipe", "text": True, "start_new_session": True}
            started.append(command)
            return SimpleNamespace(stdout=io.StringIO(line), pid=4711, wait=lambda: 3)

        monkeypatch.setattr(emulator, "subprocess", SimpleNamespace(Popen=popen, PIPE="a pipe"))
        assert guarded(["emulator", *words, "--format", "env"]) == code
        ((*program, name, module, first), options) = (started[0][:4], started[0][4:])
        assert (program, name, module, first) == ([sys.executable], "-m", "reconciler", "emulator")
        assert parsed(options) == parsed(words)
        out = capsys.readouterr().out
        assert out.endswith("\nexport EXEMPT_EMULATOR_PID=4711\n") if line else out == ""
        assert ("export REQUESTS_CA_BUNDLE='/tmp/an emulator/ca.pem'" in out.splitlines()) == bool(line)


def test_the_azure_cli_runs_on_the_emulator_that_the_environment_names_or_on_one_of_its_own(
    emulators: Emulators, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    list(map(monkeypatch.setenv, ENV, ENV.values()))
    assert guarded(["emulator", "az", "group", "list"]) == 5
    assert emulators.started == []
    assert refused(capsys, "--seed", "7", "az", "group", "list") == [
        "error: --seed would do nothing: az runs on the emulator that EXEMPT_ARM_ENDPOINT names",
        "help: leave it out, or 'unset EXEMPT_ARM_ENDPOINT' to start another",
    ]
    monkeypatch.delenv("IDENTITY_HEADER")
    assert guarded(["emulator", "--seed", "7", "az", "group", "list"]) == 5
    assert emulators.started == [command.Options(faults={"seed": 7})]
    assert emulators.ran == [(["az", "group", "list"], client.environment(ENV))] * 2
    emulators.problem_of_az = "'az login' failed"
    assert refused(capsys, "az", "group", "list") == [
        "error: the Azure CLI cannot use the emulator: 'az login' failed",
        "help: see its message",
    ]


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", [*OPTIONS, "--format"])
def test_an_option_that_prove_would_not_use_is_named(
    emulators: Emulators, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    words = [option, "env"] if option == "--format" else [word for word in (option, OPTIONS[option]) if word]
    assert refused(capsys, *words, "prove", "--scope", "/subscriptions/x") == [
        f"error: {option} would do nothing: the emulator of 'prove' holds what the sandbox holds",
        "help: leave it out",
    ]


def test_several_are_named_together(emulators: Emulators, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, "--seed", "0", "--latency", "1", "prove", "--scope", "/subscriptions/x") == [
        "error: --latency, --seed would do nothing: the emulator of 'prove' holds what the sandbox holds",
        "help: leave them out",
    ]


def test_all_options_that_prove_would_not_use_are_named_at_once(
    emulators: Emulators, capsys: pytest.CaptureFixture[str]
) -> None:
    first, _ = refused(capsys, *EVERY, "--format", "env", "prove")
    assert first.partition(" would do nothing: ")[0] == f"error: {', '.join([*OPTIONS, '--format'])}"
    nothing = ["--seed", "0", "--latency", "0", "--jitter", "0"]
    first, _ = refused(capsys, *nothing, "prove")
    assert first.partition(" would do nothing: ")[0] == "error: --latency, --jitter, --seed"


@pytest.mark.parametrize("text", ["-0.1", "3600.5", "nan", "inf", "soon", ""])
@pytest.mark.parametrize("option", ["--latency", "--jitter"])
def test_a_time_is_seconds_of_at_most_an_hour(
    emulators: Emulators, capsys: pytest.CaptureFixture[str], option: str, text: str
) -> None:
    with pytest.raises(SystemExit):
        guarded(["emulator", f"{option}={text}"])
    wrong = f"error: argument {option}: {text!r} is not a time: seconds from 0 to 3600\n"
    assert capsys.readouterr().err.startswith(wrong)


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ('{"probability": 7}', "probability: 7 is not a number from 0 to 1"),
        ('{"probability": true}', "probability: true is not a number from 0 to 1"),
        ('{"status": null}', "status: null is not an HTTP status from 200 to 599"),
        ('{"status": 200.0}', "status: 200.0 is not an HTTP status from 200 to 599"),
        ('{"count": -1}', "count: -1 is not a whole number from 0, or null for all"),
        ('{"skip": null}', "skip: null is not a whole number from 0"),
        ('{"method": "FETCH"}', 'method: "FETCH" is not one of GET, HEAD, PUT, POST, PATCH, DELETE'),
        ('{"headers": {"x": 1}}', 'headers: {"x": 1} is not an object of names and texts of printable ASCII'),
        ('{"retryAfter": "1\\n2"}', 'retryAfter: "1\\n2" is not a whole number from 0, or the header\'s text'),
        ('{"delay": 1e300}', "delay: 1e+300 is not seconds from 0 to 3600"),
        ('{"cut": -5}', "cut: -5 is not a whole number of bytes from 0"),
        ('{"path": "("}', 'path: "(" is no regular expression: missing ), unterminated subpattern at position 0'),
        ('{"drop": 1}', "drop: 1 is not true or false"),
        ('{"satus": 503}', '"satus" is no field; did you mean status?'),
        ("3", "a fault is a JSON object, not 3"),
        ('{"status": 1, "x": 2, "probability": 7}',
         ('status: 1 is not an HTTP status from 200 to 599; --fault: "x" is no field; a fault has applied, code, count, cut, '
         "delay, drop, headers, malformed, message, method, path, principal, probability, retryAfter, skip, status; "
         "--fault: probability: 7 is not a number from 0 to 1")),
    ],
)  # fmt: skip
def test_everything_wrong_with_a_fault_is_told(
    emulators: Emulators, capsys: pytest.CaptureFixture[str], fault: str, problem: str
) -> None:
    such_as = """help: such as '{"path": "policyExemptions", "status": 503}'"""
    assert refused(capsys, "--fault", fault) == [f"error: --fault: {problem}", such_as]
    numbered = f"--fault: {problem}".replace("--fault:", "--fault 2:")
    broken = "--fault 3: not JSON: Expecting property name enclosed in double quotes at line 1, column 2"
    assert refused(capsys, "--fault", "{}", "--fault", fault, "--fault", "{") == [
        f"error: {numbered}; {broken}",
        such_as,
    ]
    assert emulators.started == []


@pytest.mark.parametrize(
    ("words", "fault", "message", "remedy"),
    [
        (["--format", "env", "make"], None, "--format env and a command exclude each other", "leave one of them out"),
        (["--state", "none/state.json"], None, "--state: none/state.json cannot be written",
         "name a file in a folder that exists and is writable"),
        (["--state", "/dev/null"], None,
         "--state: /dev/null is no plain file, and could not be read when it starts again",
         "name a file, there or not; 'GET /emulator/state' of the plain port shows the state"),
        (["--fault", "{"], None, "--fault: not JSON: Expecting property name enclosed in double quotes at line 1, column 2",
         'such as \'{"path": "policyExemptions", "status": 503}\''),
        (["make"], FileNotFoundError("make"), "there is no command 'make'", "it must be installed and on the PATH"),
        (["make"], FileNotFoundError(errno.ENOENT, "No such file", "tenant.yaml"),
         "the emulator cannot run: No such file", "see the reason above"),
        ([], ValueError("a fault has no colour"), "a fault has no colour", "/tenant.schema.json has the form"),
        ([], OSError(errno.EADDRINUSE, "Address already in use"), "the emulator cannot run: Address already in use",
         "try another --port"),
        ([], OSError(errno.EACCES, "Permission denied"), "the emulator cannot run: Permission denied", "try another --port"),
        ([], OSError("no loopback"), "the emulator cannot run: no loopback", "see the reason above"),
        ([], command.StateNotSavedError(errno.ENOSPC, "No space left on device", "state.json"),
         "the state could not be saved to state.json: No space left on device",
         "the file that was there before is as it was; make room, or name another --state"),
    ],
)  # fmt: skip
def test_what_keeps_it_from_running_is_said_with_what_to_do(
    emulators: Emulators,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    fault: Exception | None,
    message: str,
    remedy: str,
) -> None:
    emulators.fault = fault
    first, second = refused(capsys, *words)
    assert first == f"error: {message}"
    assert second == f"help: {remedy}" or (remedy.startswith("/") and second.endswith(remedy))
