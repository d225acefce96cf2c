"""The way in and the way out: what a person sees of the whole command line, of a fault, of Ctrl-C, of a reader that left; the
log of a run; what signals do before and while something is written.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.cli import interrupts
from reconciler.cli import main as entry
from reconciler.cli.log_file import logging_to
from reconciler.cli.main import COMMANDS, guarded, main
from reconciler.problems import UsageError

# --- the command line as a whole ---------------------------------------------------------------------------------


def test_the_whole_is_explained_where_it_is_asked_for_and_where_a_command_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 1
    missing = capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    asked = capsys.readouterr()
    assert (left.value.code, asked.out, asked.err, missing.out) == (0, missing.err, "", "")
    usage, about, options, commands, last = asked.out.strip().split("\n\n")
    assert usage == "usage: exempt COMMAND [OPTION…]"
    assert about == "Policy as code for Microsoft Defender for Cloud exemptions."
    assert options.splitlines()[0] == "options:"
    assert [" ".join(row.split()) for row in options.splitlines()[1:]] == [
        "-h, --help show this help message and exit",
        "--version show version and commit, and exit",
    ]
    heading, *rows = commands.splitlines()
    assert heading == "commands:"
    assert [tuple(row.split(maxsplit=1)) for row in rows] == [*COMMANDS.items()]
    assert {len(re.match(r"  \w+ +", row)[0]) for row in rows} == {13}, "in columns"
    assert last == "exempt help COMMAND explains one of them."


def test_an_option_before_the_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--versio"])
    assert left.value.code == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: unrecognized arguments: --versio",
        "help: did you mean --version?",
        "help: 'exempt --help' lists the options",
    ]


def test_the_version_is_one_row(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert re.fullmatch(r"\S.*\d+\.\d+\.\d+.*\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("aply", "did you mean 'exempt apply'?"), ("xyzzy", "'exempt --help' lists the commands")],
)
def test_a_command_that_is_none(name: str, remedy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--yes"]) == 1
    assert capsys.readouterr() == ("", f"error: there is no command {name!r}\nhelp: {remedy}\n")


ROOM = "help: make room on the disk, then run again\n"

# --- faults ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (UsageError("it is mistyped", "write it out"), 1, "error: it is mistyped\nhelp: write it out\n"),
        (UsageError("it is mistyped", ""), 1, "error: it is mistyped\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (KeyboardInterrupt("one write is under way"), 130, "interrupted: one write is under way\n"),
        (
            OSError(28, "No space left on device", "plan\n.json"),
            1,
            f"error: No space left on device: plan\\n.json\n{ROOM}",
        ),
        (OSError(28, "No space left on device"), 1, f"error: No space left on device\n{ROOM}"),
        (
            PermissionError(13, "Permission denied", "a"),
            1,
            "error: Permission denied: a\nhelp: give this user the right to it, then run again\n",
        ),
        (FileNotFoundError(2, "No such file or directory", "a"), 1, "error: No such file or directory: a\n"),
        (OSError("out of luck"), 1, "error: out of luck\n"),
    ],
)
def test_a_fault_is_a_message_and_an_exit_code(
    fault: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(argv: list[str]) -> int:
        assert argv == ["plan"]
        raise fault

    monkeypatch.setattr(entry, "main", fails)
    assert guarded(["plan"]) == code
    out, err = capsys.readouterr()
    assert (out, err.replace("\\x0a", "\\n")) == ("", said)


def test_a_reader_that_left_hears_nothing_more_of_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(entry, "main", lambda _argv: print("more") or 0)
        assert guarded(["plan"]) == 1
        print("what is still to be written at the end", flush=True)
    monkeypatch.undo()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("code", "last"), [(0, ["at the end"]), (2, ["at the end"]), (130, [])])
def test_what_others_want_done_at_the_end_is_done_unless_it_was_interrupted(code: int, last: list[str]) -> None:
    program = (
        "import atexit, sys\n"
        "from reconciler.cli import main\n"
        "atexit.register(print, 'at the end')\n"
        f"main.guarded = lambda argv: print(*argv) or {code}\n"
        "sys.argv = ['exempt', 'plan', '\\u2026']\n"
        "main.run()\n"
    )
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.splitlines() == ["plan \\u2026", *last], "a letter that cannot be shown is escaped"


def test_a_log_is_opened_before_anything_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["plan", "--root", str(tmp_path / "none"), "--log-file"]
    assert guarded([*words, str(tmp_path / "no" / "log")]) == 1
    assert capsys.readouterr().err == (
        f"error: nothing could be saved: there is no folder {str(tmp_path / 'no')!r} for 'log'\n"
        "help: name a file in a folder that exists, where this user may write and the disk has room\n"
    )
    assert guarded([*words, str(tmp_path / "log")]) == 1
    assert "is no folder" in capsys.readouterr().err
    assert (tmp_path / "log").read_text() == ""


# --- the log -----------------------------------------------------------------------------------------------------


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_from_utc")
def test_the_log_has_a_row_a_record_in_utc_and_defects_with_where_they_are(tmp_path: Path) -> None:
    log, ours = tmp_path / "support.log", logging.getLogger("reconciler.somewhere")
    log.write_text("of an earlier run\n")
    began = datetime.now(UTC).replace(microsecond=0)
    with logging_to(log):
        logging.getLogger("exempt").info("GET %s", "ü\n2026-01-01T00:00:00Z INFO forged")
        logging.getLogger("exempt").debug("too much")
        logging.getLogger("another").error("not ours")
        try:
            {}["a defect"]
        except KeyError:
            ours.exception("it broke")
    ours.error("too late")
    earlier, asked, second, broke, *trace = log.read_text(encoding="utf-8").splitlines()
    assert earlier == "of an earlier run"
    stamp, words = asked.split(" ", 1)
    assert words == "INFO GET ü"
    assert 0 <= (datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) - began).seconds < 60
    assert second == "    2026-01-01T00:00:00Z INFO forged", "which cannot pass for a record of ours"
    assert broke.partition(" ")[2] == "ERROR it broke"
    assert trace[0] == "    Traceback (most recent call last):"
    assert trace[-1] == "    KeyError: 'a defect'"
    assert all(row.startswith("    ") for row in trace)


def test_a_log_on_a_stream_is_noted_after_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "out"
    with file.open("wb") as out:
        out.write(b"before\n")
        out.flush()
        with logging_to(Path(f"/dev/fd/{out.fileno()}")):
            logging.getLogger("exempt").info("GET /")
        out.write(b"after\n")
    first, noted, last = file.read_text(encoding="utf-8").splitlines()
    assert (first, noted.partition(" ")[2], last) == ("before", "INFO GET /", "after")


def test_a_log_that_cannot_be_opened_all_the_same_is_an_os_error() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"), logging_to(Path("/dev/fd/977")):
        pass


def test_only_its_owner_reads_the_log(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with logging_to(tmp_path / "support.log"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "support.log").stat().st_mode) == 0o600


# --- signals -----------------------------------------------------------------------------------------------------

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_at_once_what_only_reads_and_at_the_second_time_what_writes(
    number: signal.Signals, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    with os.fdopen(os.dup(2), "w") as stderr:  # pytest's own has no number
        monkeypatch.setattr(sys, "stderr", stderr)
        with interrupts.interrupts() as asked:
            with pytest.raises(KeyboardInterrupt, match=r"^$"):
                signal.raise_signal(number)
            assert asked.is_set() is False
            asked.finish_first()
            assert asked.is_set() is False
            signal.raise_signal(number)
            assert asked.is_set()
            with pytest.raises(KeyboardInterrupt, match=r"^writes under way may have reached Azure or not; "):
                signal.raise_signal(number)
        monkeypatch.undo()
    assert [signal.getsignal(each) for each in SIGNALS] == before
    assert capfd.readouterr().err == (
        "stopping: what is under way is finished and reported; once more ends it at once\n"
    )


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_signal_is_heeded_where_nothing_can_be_said(monkeypatch: pytest.MonkeyPatch, is_closed: bool) -> None:
    with Path(os.devnull).open() as unwritable:
        monkeypatch.setattr(sys, "stderr", unwritable)
        if is_closed:
            unwritable.close()
        with interrupts.interrupts() as asked:
            asked.finish_first()
            signal.raise_signal(signal.SIGTERM)
            assert asked.is_set()


def test_sigterm_ends_a_command_as_ctrl_c_does_and_neither_changes_its_exit_code() -> None:
    interrupts.end_on_sigterm()
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        signal.raise_signal(signal.SIGTERM)
    interrupts.ignore()
    for number in SIGNALS:
        signal.raise_signal(number)
