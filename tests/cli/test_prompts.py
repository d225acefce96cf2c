"""Questions at a terminal: questionary itself, fed with keys; drawn on standard error, so that standard output is free."""

from __future__ import annotations

import io
import re
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import questionary
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from reconciler.cli.prompts import Prompts, can_converse, prompts

DOWN, ENTER, CTRL_C, ERASE = "\x1b[B", "\r", "\x03", "\x15"
FIRST_ROW = "\x1b[1;1R"
"""What a terminal answers that is asked where its cursor is: there is room for a message."""
CHOICES = [("the first", 1), ("the second", None), ("the first", 3)]
"""Titles may repeat, and a value may be anything."""


@pytest.fixture
def keys() -> Iterator[PipeInput]:
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        yield pipe


@pytest.fixture
def ask() -> Prompts:
    return Prompts(questionary, DummyOutput())


def test_one_line_begins_with_the_proposal_and_has_no_spaces_around_it(keys: PipeInput, ask: Prompts) -> None:
    keys.send_text(ENTER)
    assert ask.text("Who?", "ana@contoso.example") == "ana@contoso.example"
    keys.send_text("  SEC-7 " + ENTER)
    assert ask.text("Ticket?") == "SEC-7"
    keys.send_text("a" + ENTER + "bb" + ENTER)
    assert ask.text("Why?", check=lambda text: len(text) > 2 or "more words") == "abb"


@pytest.mark.parametrize(("moves", "value"), [(0, 1), (1, None), (2, 3)])
def test_one_of_several_is_the_value_behind_the_title(
    keys: PipeInput, ask: Prompts, moves: int, value: int | None
) -> None:
    keys.send_text(DOWN * moves + ENTER)
    assert ask.one("Which?", CHOICES) == value


def test_several_are_picked_by_space_and_at_least_one(keys: PipeInput, ask: Prompts) -> None:
    keys.send_text(" " + DOWN * 2 + " " + ENTER)
    assert ask.several("Which?", CHOICES) == [1, 3]
    keys.send_text(ENTER + DOWN + " " + ENTER)
    assert ask.several("Which?", CHOICES) == [None]


@pytest.mark.parametrize(
    ("typed", "default", "answer"),
    [("y", False, True), ("n", True, False), (ENTER, True, True), (ENTER, False, False)],
)
def test_yes_or_no(keys: PipeInput, ask: Prompts, typed: str, default: bool, answer: bool) -> None:
    keys.send_text(typed)
    assert ask.confirmed("Open it?", default=default) is answer


def test_without_a_proposal_enter_is_yes(keys: PipeInput, ask: Prompts) -> None:
    keys.send_text(ENTER)
    assert ask.confirmed("Open it?") is True


def test_ctrl_c_interrupts_the_command(keys: PipeInput, ask: Prompts) -> None:
    for question in (
        lambda: ask.text("Who?"),
        lambda: ask.one("Which?", CHOICES),
        lambda: ask.several("Which?", CHOICES),
        lambda: ask.confirmed("Open it?"),
    ):
        keys.send_text(CTRL_C)
        with pytest.raises(KeyboardInterrupt):
            question()


class Screen(io.StringIO):
    """A terminal, or not."""

    def __init__(self, *, is_terminal: bool = True) -> None:
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


@pytest.mark.parametrize(
    ("typed_in", "shown_on", "kind", "answer"),
    [
        (True, True, "xterm", True),
        (False, True, "xterm", False),
        (True, False, "xterm", False),
        (True, True, "dumb", False),
    ],
)
def test_somebody_is_asked_where_both_ends_are_a_terminal(
    monkeypatch: pytest.MonkeyPatch, typed_in: bool, shown_on: bool, kind: str, answer: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", Screen(is_terminal=typed_in))
    monkeypatch.setattr(sys, "stderr", Screen(is_terminal=shown_on))
    monkeypatch.setenv("TERM", kind)
    assert can_converse() is answer


def picks_when_told(screen: Screen, pipe: PipeInput) -> None:
    deadline = time.monotonic() + 60
    while "press space to pick one" not in screen.getvalue() and time.monotonic() < deadline:
        time.sleep(0.02)
    pipe.send_text(" " + ENTER)


def test_a_question_is_drawn_on_standard_error_with_how_to_answer_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    screen, out = Screen(), Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(sys, "stdout", out)
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        drawn = prompts()
        pipe.send_text(FIRST_ROW + ENTER)
        picks = threading.Thread(target=picks_when_told, args=(screen, pipe))
        picks.start()
        assert drawn.several("Which of these?", CHOICES) == [1]
        picks.join()
        pipe.send_text(ENTER)
        drawn.one("And which one?", CHOICES)
        pipe.send_text(ENTER)
        drawn.confirmed("Really?")
        pipe.send_text("x" + ENTER)
        drawn.text("Why so?", check=lambda text: bool(text) or "a reason")
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", " ", screen.getvalue())
    for words in (
        "Which of these?",
        "(space picks, enter goes on)",
        "the first",
        "And which one?",
        "Really?",
        "Why so?",
    ):
        assert words in shown
    assert re.search(r"\bpress space to pick one\b", shown)
    assert out.getvalue() == ""
