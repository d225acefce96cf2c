"""The command line as a whole: commands exist where they are named, and start-up stays light."""

from __future__ import annotations

import argparse
import importlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.cli import prove
from reconciler.cli.main import COMMANDS, main
from reconciler.cli.parser import parser_of

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"(?:`|'|\$ |run:? )exempt ([a-z]+)")


def run(*arguments: str, code: int = 0, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_refuses_what_it_does_not_know(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for options, code in ((["--help"], 0), (["--no-such-option"], 1)):
        with pytest.raises(SystemExit) as left:
            main([command, *options])
        assert left.value.code == code
    assert f"help: 'exempt {command} --help' lists the options" in capsys.readouterr().err


def explained(parser: argparse.ArgumentParser) -> Iterator[str]:
    """All that `--help` says, without its lines' ends, which are others in each version of Python."""
    yield from (f"== {parser.prog}", " ".join((parser.description or "").split()))
    for group in parser._action_groups:
        if group._group_actions:
            yield f"-- {group.title}: {group.description or ''}".rstrip(" :")
        for action in group._group_actions:
            choices = f"{{{','.join(map(str, action.choices))}}}" if action.choices else ""
            takes = action.metavar or choices or ("" if action.nargs == 0 else action.dest)
            words = [*action.option_strings, str(takes), f"nargs={action.nargs}" if action.nargs else ""]
            words.append("required" if action.required and action.option_strings else "")
            words.append("" if action.default in (None, argparse.SUPPRESS) else f"={action.default}")
            yield f"{' '.join(filter(None, words))} | {action.help}"
    yield parser.epilog or ""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from (f"{choice.dest} | {choice.help}" for choice in action._choices_actions)
            for inner in action.choices.values():
                yield from explained(inner)


def test_every_command_says_what_its_options_are(golden: Callable[[str, str], None]) -> None:
    parsers = [parser_of(name, importlib.import_module(f"reconciler.cli.{name}")) for name in COMMANDS]
    golden("help.txt", "\n".join(row for parser in [*parsers, prove.parser()] for row in explained(parser)) + "\n")


def test_every_command_that_is_named_anywhere_exists() -> None:
    places = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("reconciler/**/*.py"),
        *ROOT.glob("reconciler/templates/**/*"),
    ]
    named = {word for path in places if path.is_file() for word in NAMED.findall(path.read_text(encoding="utf-8"))}
    assert len(named) > 8
    assert named <= {*COMMANDS, "command", "help"}


@pytest.mark.parametrize(
    "arguments", ["['--version']", "['validate']", "['fmt', '--check']", "['catalog', 'search', 'mfa']"]
)
def test_what_works_offline_imports_no_azure_module(arguments: str) -> None:
    script = (
        "import sys\nfrom reconciler.cli.main import main\n"
        f"try:\n    main({arguments})\nexcept SystemExit:\n    pass\n"
        "found = sorted(name for name in sys.modules if name == 'azure' or name.startswith(('azure.', 'msal', 'requests')))\n"
        "assert not found, found"
    )
    run("-c", script)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--port", "65536"], "from 0 to 65535"),
        (["--port", "-3"], "--port"),
        (["--latency", "-5"], "seconds from 0 to 3600"),
        (["--latency", "nan"], "seconds from 0 to 3600"),
        (["--fault", "[]"], "error: --fault: a fault is a JSON object, not []"),
        (["--fault", "{"], "not JSON"),
        (["--fault", '{"status": 99}'], "error: --fault: status: 99 is not an HTTP status from 200 to 599"),
        (["--fault", '{"path": 3}'], "error: --fault: path: 3 is not text"),
        (["--fault", '{"count": true}'], "error: --fault: count: true is not a whole number"),
        (["--fault", '{"colour": 1}'], "colour"),
        (["--state", "no/such/folder/x"], "cannot be written"),
        (["--tenant", "no-such-file"], "no-such-file"),
    ],
)
def test_the_emulator_says_what_is_wrong_with_an_option(options: list[str], said: str) -> None:
    refused = run("-m", "reconciler", "emulator", *options, code=1)
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_a_stream_that_is_closed_takes_everything(tmp_path: Path, closed: str) -> None:
    (tmp_path / "reconciler.yaml").write_text("owner: [\n")
    command = f'"{sys.executable}" -m reconciler validate --root "{tmp_path}" {closed}'
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert ("reconciler.yaml:" in done.stdout) == (">&-" not in closed.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_what_an_option_takes_is_told_as_people_write_it(command: str) -> None:
    waiting = [parser_of(command, importlib.import_module(f"reconciler.cli.{command}"))]
    while waiting:
        for action in waiting.pop()._actions:
            if isinstance(action, argparse._SubParsersAction):
                waiting += action.choices.values()
            elif action.type is None:  # else the type itself says what is wrong
                assert {type(choice) for choice in action.choices or ()} <= {str}, action.option_strings
