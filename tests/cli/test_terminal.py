"""What a person meets on a terminal: help, near misses, colours, rows of whole words."""

from __future__ import annotations

import importlib
import io
import re
import shlex
import subprocess
import sys

import pytest
from rich.color import Color

from reconciler.cli import terminal
from reconciler.cli.main import COMMANDS, guarded, main
from reconciler.cli.parser import parser_of
from reconciler.model import Unread, arm_id
from reconciler.reports.styled import Style, line


class Screen(io.StringIO):
    """A terminal that remembers what was written."""

    def isatty(self) -> bool:
        return True


def parsers(command: str) -> list[object]:
    found = [parser_of(command, importlib.import_module(f"reconciler.cli.{command}"))]
    for parser in found:
        for action in parser._actions:
            if isinstance(action.choices, dict):
                found += action.choices.values()
    return list(found)


# --- help --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_the_terminal_and_breaks_no_word(
    command: str, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    with pytest.raises(SystemExit) as left:
        main(["help", command])
    assert left.value.code == 0
    text = capsys.readouterr().out
    prose, _, examples = text.partition("examples:")
    assert [row for row in prose.splitlines() if len(row) > width and not row.startswith("exempt ")] == []
    assert examples or command in {"catalog", "import", "verify"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_is_a_command_line_of_its_command(command: str) -> None:
    module = importlib.import_module(f"reconciler.cli.{command}")
    for example in getattr(module, "EXAMPLES", ()):
        row = re.split(r"\s{3,}", example)[0]
        if row.startswith("eval "):
            row = row.removeprefix('eval "$(').removesuffix(')"')
        words = shlex.split(row.partition(" |")[0])
        assert words[:2] == ["exempt", command]
        parser_of(command, module).parse_args(words[2:])


def test_help_alone_lists_the_commands_and_of_no_command_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["help"])
    assert left.value.code == 0
    listing = capsys.readouterr().out
    assert [command for command in COMMANDS if f"  {command} " not in listing] == []
    assert [row for row in listing.splitlines() if len(row) > 80] == []
    assert guarded(["hlp"]) == 1
    assert "did you mean 'exempt help'" in capsys.readouterr().err
    assert guarded(["help", "aply"]) == 1
    assert "did you mean 'exempt apply'" in capsys.readouterr().err


# --- mistakes ----------------------------------------------------------------------------------------------------


def _mistyped(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 1
    return capsys.readouterr().err.splitlines()


def test_an_option_that_is_like_no_other_gets_no_proposal(capsys: pytest.CaptureFixture[str]) -> None:
    assert _mistyped(["plan", "--bogus"], capsys) == [
        "error: unrecognized arguments: --bogus",
        "help: 'exempt plan --help' lists the options",
    ]


def test_a_number_of_thousands_of_digits_is_refused_in_our_words(capsys: pytest.CaptureFixture[str]) -> None:
    first, *_ = _mistyped(["plan", "--allow-deletes", "9" * 5000], capsys)
    assert first.startswith("error: argument --allow-deletes: '9999999999")
    assert " is not " in first
    assert len(first) < 160


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (["plan", "--detailed-exit-code"], "--detailed-exitcode"),
        (["plan", "--formt", "json"], "--format"),
        (["plan", "--format", "jsn"], "json"),
        (["apply", "--alow-deletes=3"], "--allow-deletes"),
        (["drift", "--fail-on", "warn"], "warning"),
        (["catalog", "serch", "mfa"], "search"),
    ],
)
def test_a_mistyped_option_comes_first_with_what_was_meant(
    arguments: list[str], near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first, *rest = _mistyped(arguments, capsys)
    assert first.startswith("error: ")
    assert rest[0] == f"help: did you mean {near}?"
    assert rest[-1].endswith("--help' lists the options"), "and no usage pushes the mistake off the screen"


# --- colours -----------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    channels = Color.parse(colour).get_truecolor()
    linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("style", [style for style, words in terminal._COLOURS.items() if "color" in words])
def test_every_colour_reads_on_black_and_on_white(style: Style) -> None:
    light = luminance(terminal._COLOURS[style].split()[-1])
    assert 1.05 / (light + 0.05) > 3.8, "on white"
    assert (light + 0.05) / 0.05 > 3.8, "on black"


@pytest.mark.parametrize(
    ("is_terminal", "variables", "coloured"),
    [
        (True, {}, True),
        (False, {}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": "0"}, False),
        (False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colour_is_for_terminals_and_for_who_asks(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, variables: dict[str, str], coloured: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = Screen() if is_terminal else io.StringIO()
    terminal.write_lines([line((Style.ERROR, "error: "), "something")], stream)
    assert ("\x1b[" in stream.getvalue()) == coloured
    assert "something" in stream.getvalue()


@pytest.mark.parametrize("colour", ["", "1"])
def test_a_terminals_rows_break_between_words_only(monkeypatch: pytest.MonkeyPatch, colour: str) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", colour)
    identifier = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-lab"
    words = ("a declaration that is longer than the terminal is wide", identifier, "and goes on behind it")
    screen = Screen()
    terminal.write_lines([line("    ", (Style.NAME, words[0]), " ", words[1], " ", words[2])], screen)
    rows = re.sub(r"\x1b\[[\d;]*m", "", screen.getvalue()).splitlines()
    assert " ".join(" ".join(rows).split()) == " ".join(words)
    assert all(row.startswith("    ") and not row.endswith(" ") for row in rows)
    assert all(len(row) <= 40 or row.strip() == identifier for row in rows)
    pipe = io.StringIO()
    terminal.write_lines([line("    ", *words)], pipe)
    assert pipe.getvalue().count("\n") == 1, "a pipe gets the line as it is"


def test_a_row_of_columns_goes_on_under_its_last_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm-256color")
    screen = Screen()
    name = line(
        (Style.CREATE, "  + more    "),
        (Style.NAME, "lab-tls     "),
        "rg rg-lab, sub Sub 1, twelve of fifteen resources now",
    )
    terminal.write_lines(
        [name, line("            justification: It cannot send TLS  before its new release comes")], screen
    )
    rows = re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue()).splitlines()
    assert rows == [
        "  + more    lab-tls     rg rg-lab, sub Sub 1, twelve of",
        "                        fifteen resources now",
        "            justification: It cannot send TLS  before its",
        "            new release comes",
    ]


@pytest.mark.parametrize(
    ("width", "rows"),
    [
        (20, ["  one two three four"]),
        (19, ["  one two three", "  four"]),
        (15, ["  one two three", "  four"]),
        (14, ["  one two", "  three four"]),
        (4, ["  one", "  two", "  three", "  four"]),
        (3, ["  one two three four"]),
    ],
)
def test_a_row_that_fits_stays_and_one_that_is_mostly_indented_stays_too(
    monkeypatch: pytest.MonkeyPatch, width: int, rows: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Screen()
    terminal.write_lines([line("  one two three four")], screen)
    assert screen.getvalue().splitlines() == rows


@pytest.mark.parametrize(
    ("text", "hanging"),
    [
        (f"{'a' * 23}  {'b' * 10} {'c' * 10} dddd", 25),
        (f"{'a' * 24}  {'b' * 10} {'c' * 10} dddd", 0),
        (f"  {'a' * 10}  {'b' * 10}  {'c' * 10} {'d' * 10} eeee", 14),
        (f"  ~ changes {'b' * 22}  {'c' * 10} dddd", 12),
    ],
)
def test_the_last_column_begins_in_the_first_third_of_a_row(
    monkeypatch: pytest.MonkeyPatch, text: str, hanging: int
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Screen()
    terminal.write_lines([line(text)], screen)
    _, *rows = screen.getvalue().splitlines()
    assert rows
    assert {len(row) - len(row.lstrip()) for row in rows} == {hanging}


def test_a_word_that_is_longer_than_a_row_stands_where_the_row_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Screen()
    terminal.write_lines([line(f"  {'a' * 30} bb")], screen)
    assert screen.getvalue().splitlines() == [f"  {'a' * 30}", "  bb"]


def test_colour_in_a_pipe_breaks_no_row_and_numbers_are_as_plain_as_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "20")
    pipe = io.StringIO()
    words = " 12 'words'" * 10
    terminal.write_lines([line((Style.HEADING, "head"), words)], pipe)
    assert pipe.getvalue() == f"\x1b[1mhead\x1b[0m{words}\n"


def test_an_artefact_ends_with_a_row_and_nothing_stays_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for text, shown in (("{}", "{}\n"), ("{}\n", "{}\n"), ("", ""), ("\x1b[31m", "\x1b[31m\n")):
        terminal.write(text)
        assert capsys.readouterr() == (shown, "")


def test_a_report_is_a_document_or_rows_and_chatter_is_apart(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show("# a document")
    terminal.show([line((Style.ERROR, "styled")), line("rows\x1b[0m")])
    terminal.say("chatter", line((Style.QUIET, "of "), "two"))
    terminal.say_warning("look out")
    assert capsys.readouterr() == (
        "# a document\nstyled\nrows\\x1b[0m\n",
        "chatter\nof two\nwarning: look out\n",
    )


def test_what_was_said_before_comes_first_where_both_go_to_one_place() -> None:
    program = "import sys; from reconciler.cli import terminal; sys.stdout.write('one\\n'); terminal.say('two')"
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True)
    assert done.stdout.split() == [b"one", b"two"]


def test_what_could_not_be_read_is_said_once_a_place_and_cause(capsys: pytest.CaptureFixture[str]) -> None:
    scope = arm_id("/subscriptions/6f0e0000-0000-4000-8000-000000000001")
    terminal.say_unread(
        [
            Unread(what="assignments", scope=scope, message="Azure says 403", remedy="give the role"),
            Unread(what="exemptions", scope=scope, message="Azure says 403", remedy="give the role"),
            Unread(what="assessments", scope=scope, message="Azure says 500", remedy=""),
        ]
    )
    assert capsys.readouterr().err.splitlines() == [
        f"warning: not read: assignments, exemptions at {scope}: Azure says 403",
        "help: give the role",
        f"warning: not read: assessments at {scope}: Azure says 500",
    ]
