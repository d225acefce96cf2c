"""Every command line that a message, a page or a template proposes is one that `exempt` takes."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Iterator

import pytest
from cli.az_proposals import CHECKOUT, texts

from reconciler.cli.main import COMMANDS
from reconciler.cli.parser import parser_of

QUOTED = re.compile(r"[`']exempt ([a-z]+)((?: [^`'\n]*)?)[`']")


def proposals() -> Iterator[tuple[str, str, str]]:
    for path in sorted((CHECKOUT / "reconciler").rglob("*.py")):
        for text in texts(path):
            for command, rest in QUOTED.findall(text):
                yield path.relative_to(CHECKOUT).as_posix(), command, rest.strip()


PROPOSALS = sorted({proposal for proposal in proposals() if "…" not in proposal[2]})


@pytest.mark.parametrize(("module", "command", "rest"), PROPOSALS)
def test_a_proposed_command_has_these_options(module: str, command: str, rest: str) -> None:
    if command == "help":
        return
    assert command in COMMANDS, f"{module} proposes 'exempt {command} {rest}'"
    parser = parser_of(command, importlib.import_module(f"reconciler.cli.{command}"))
    known, waiting = set[str](), [parser]
    while waiting:
        for action in waiting.pop()._actions:
            known |= set(action.option_strings)
            if isinstance(action.choices, dict):
                waiting += action.choices.values()
                known |= set(action.choices)
    words = shlex.split(rest)
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert options <= known, f"{module} proposes 'exempt {command} {rest}'"


def test_there_are_proposals_to_try() -> None:
    assert len(PROPOSALS) > 40
