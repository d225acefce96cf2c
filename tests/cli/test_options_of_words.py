"""An option that takes one of a few words answers any other with all of them."""

from __future__ import annotations

import argparse
import importlib

import pytest

from reconciler.cli.main import COMMANDS, guarded
from reconciler.cli.parser import parser_of


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["doctor", "--role", "foo"], "reader, writer, assignment"),
        (["import", "epac", "rows.csv", "--date-order", "foo"], "dmy, mdy, ymd"),
        (["init", "new", "--pipelines", "foo"], "github, azure-devops, gitlab, none"),
    ],
)
def test_another_word_is_answered_with_all_of_them(
    command: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        guarded(command)
    assert ended.value.code == 1
    assert f"argument {command[-2]}: 'foo' is none of {words}\n" in capsys.readouterr().err


@pytest.mark.parametrize("days", ["99999d", "1.5d", "d", "²d", "soon"])
def test_days_are_a_number_of_at_most_four_digits(days: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        guarded(["renew", "--expiring", days])
    assert ended.value.code == 1
    assert f"argument --expiring: {days!r} is no number of days such as 30d\n" in capsys.readouterr().err


def test_an_option_is_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    """`import live` has no `--as`; the files' formats do."""
    with pytest.raises(SystemExit) as ended:
        guarded(["import", "live", "--as", "recommendation"])
    assert ended.value.code == 1
    assert "unrecognized arguments: --as recommendation\n" in capsys.readouterr().err


def commands_in_two_words() -> list[list[str]]:
    """Every command that has commands of its own, with each of them."""
    parsers = {name: parser_of(name, importlib.import_module(f"reconciler.cli.{name}")) for name in COMMANDS}
    return [
        [name, second]
        for name, parser in parsers.items()
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for second in action.choices
    ]


@pytest.mark.parametrize("words", commands_in_two_words(), ids=" ".join)
def test_a_command_in_two_words_answers_itself(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        guarded([*words, "--nonsense", "x"])
    assert ended.value.code == 1
    assert f"help: 'exempt {' '.join(words)} --help' lists the options\n" in capsys.readouterr().err
