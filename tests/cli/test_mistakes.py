"""The command line's own parser: how help is filled, what a mistake is answered with, which values an option takes."""

from __future__ import annotations

import argparse
import enum
from collections.abc import Callable
from types import ModuleType

import pytest

from reconciler.cli.arguments import number_argument, scope_argument, word_argument
from reconciler.cli.main import main
from reconciler.cli.parser import Help, Parser, parser_of

ABOUT = """Say something that is longer
than one row is wide, about very entirely tailor-made words.

exempt plan --out FILE   which may be a row longer than the width is
exempt apply FILE

  indented   as it is

Exit codes are these:
0 done

The last words are these.
"""


@pytest.mark.parametrize("indent", ["", "  "])
def test_paragraphs_are_filled_and_command_lines_stay_as_they_are(indent: str) -> None:
    assert Help("exempt")._fill_text(ABOUT, 40 + len(indent), indent).split("\n") == [
        indent + row if row else row
        for row in [
            "Say something that is longer than one",
            "row is wide, about very entirely",
            "tailor-made words.",
            "",
            "exempt plan --out FILE   which may be a row longer than the width is",
            "exempt apply FILE",
            "",
            "  indented   as it is",
            "",
            "Exit codes are these:",
            "0 done",
            "",
            "The last words are these.",
        ]
    ]


def test_a_command_is_explained_by_its_module() -> None:
    def module(**more: object) -> ModuleType:
        made = ModuleType("made", "What it does.")
        vars(made).update(add_arguments=lambda parser: parser.add_argument("--one", help="o"), **more)
        return made

    described = parser_of("some thing", module(EXAMPLES=("exempt some   a", "exempt thing")))
    assert described.format_help().split("\n") == [
        "usage: exempt some thing [-h] [--one ONE]",
        "",
        "What it does.",
        "",
        "options:",
        "  -h, --help  show this help message and exit",
        "  --one ONE   o",
        "",
        "examples:",
        "  exempt some   a",
        "  exempt thing",
        "",
    ]
    assert parser_of("some", module()).format_help().endswith("\n  --one ONE   o\n")
    assert described.parse_args(["--one", "1"]).one == "1"


def mistaken(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    parser = Parser(prog="exempt some", formatter_class=Help)
    parser.add_argument("--format", choices=("text", "json"))
    parser.add_argument("--out")
    parser.add_argument("place", choices=("here", "there"), metavar="PLACE")
    parser.add_argument("-q", dest="quick", choices=("slow", "fast"))
    with pytest.raises(SystemExit) as left:
        parser.parse_args(words)
    assert left.value.code == 1
    out, err = capsys.readouterr()
    *said, last = err.splitlines()
    assert (out, last) == ("", "help: 'exempt some --help' lists the options")
    return said


@pytest.mark.parametrize(
    ("words", "message", "meant"),
    [
        (["here", "--formt=json", "--ot", "x"], "unrecognized arguments: --formt=json --ot x", ["--format", "--out"]),
        (["here", "--xyzzy", "out"], "unrecognized arguments: --xyzzy out", []),
        (["here", "--xyzzy", "--ou"], "unrecognized arguments: --xyzzy --ou", ["--out"]),
        (["here", "formats"], "unrecognized arguments: formats", []),
        (["--form=json", "here"], "unrecognized arguments: --form=json", ["--format"]),
        (["here", "--out"], "argument --out: expected one argument", []),
        ([], "the following arguments are required: PLACE", []),
    ],
)
def test_a_mistake_comes_first_and_each_option_with_what_was_meant(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str, meant: list[str]
) -> None:
    first, *rest = mistaken(capsys, *words)
    assert first.startswith(f"error: {message}")
    assert rest == [f"help: did you mean {near}?" for near in meant]


@pytest.mark.parametrize(
    ("words", "argument", "meant"),
    [
        (["here", "--format", "jsn"], "--format", ["json"]),
        (["here", "--format", "fast"], "--format", []),
        (["hre"], "PLACE", ["here"]),
        (["-q", "fst", "here"], "-q", ["fast"]),
    ],
)
def test_a_word_that_is_none_of_some_is_answered_with_the_nearest_of_its_own_option(
    capsys: pytest.CaptureFixture[str], words: list[str], argument: str, meant: list[str]
) -> None:
    first, *rest = mistaken(capsys, *words)
    assert first.startswith(f"error: argument {argument}: invalid choice: ")
    assert rest == [f"help: did you mean {near}?" for near in meant]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["renew", "one", "--expires", "2027-01-31"], ["--until"]),
        (["renew", "one", "--expires-on=2027-01-31"], ["--until"]),
        (["request", "--End-Date", "2027-01-31", "--reason", "x", "--subscription", "s"], ["--until", "--justification", "--resource"]),
        (["request", "--issue", "x"], ["--from-issue"]),
        (["list", "--expires", "2027-01-31"], ["--expires-before"]),
        (["plan", "--target", "x"], ["--scope"]),
        (["plan", "--expires", "2027-01-31"], []),
    ],
)  # fmt: skip
def test_an_option_called_as_people_call_its_field_is_answered_with_the_one_there_is(
    capsys: pytest.CaptureFixture[str], words: list[str], meant: list[str]
) -> None:
    with pytest.raises(SystemExit):
        main(words)
    first, *proposed, _ = capsys.readouterr().err.splitlines()
    assert first.startswith("error: unrecognized arguments: ")
    assert proposed == [f"help: did you mean {option}?" for option in meant]


def test_a_mistake_after_a_second_word_is_answered_for_both(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["catalog", "search", "--formt"])
    assert capsys.readouterr().err.splitlines() == [
        "error: unrecognized arguments: --formt",
        "help: did you mean --format?",
        "help: 'exempt catalog search --help' lists the options",
    ]


# --- values ------------------------------------------------------------------------------------------------------


class Colour(enum.StrEnum):
    """Two words."""

    RED = "red"
    BLUE = "sky-blue"


@pytest.mark.parametrize(
    ("convert", "text", "value"),
    [
        (number_argument("a number"), "0", 0),
        (number_argument("a number"), "0" * 18, 0),
        (number_argument("a number"), "9" * 18, 10**18 - 1),
        (number_argument("a number", lowest=2, highest=5), "2", 2),
        (number_argument("a number", lowest=2, highest=5), "5", 5),
        (word_argument(Colour), "sky-blue", Colour.BLUE),
        (scope_argument, "/subscriptions/6f0e0000-0000-4000-8000-000000000001", "/subscriptions/6f0e0000-0000-4000-8000-000000000001"),
    ],
)  # fmt: skip
def test_values_within_the_limits(convert: Callable[[str], object], text: str, value: object) -> None:
    assert getattr(convert(text), "text", convert(text)) == value


@pytest.mark.parametrize(
    ("convert", "text", "message"),
    [
        (number_argument("a number"), "-1", "'-1' is not a number"),
        (number_argument("a number"), "9" * 19, f"'{'9' * 19}' is not a number"),
        (number_argument("a number"), "9" * 5000, f"'{'9' * 40}' is not a number"),
        (number_argument("a number"), "٣", "'٣' is not a number"),
        (number_argument("a number"), "", "'' is not a number"),
        (number_argument("2 to 5", lowest=2, highest=5), "1", "'1' is not 2 to 5"),
        (number_argument("2 to 5", lowest=2, highest=5), "6", "'6' is not 2 to 5"),
        (number_argument("0 at most", highest=0), "1", "'1' is not 0 at most"),
        (word_argument(Colour), "blue", "'blue' is none of red, sky-blue"),
    ],
)
def test_values_beyond_the_limits_are_refused_with_them(
    convert: Callable[[str], object], text: str, message: str
) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        convert(text)
    assert str(refused.value) == message


@pytest.mark.parametrize("text", ["subscriptions/x", "/", "", "rg-data"])
def test_what_is_no_scope_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        scope_argument(text)
    assert str(refused.value).startswith(f"{text!r} is ")
    assert len(str(refused.value)) > len(f"{text!r} is ") + 10
