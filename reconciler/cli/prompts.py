"""Questions to a person at a terminal, drawn on standard error. questionary is loaded only where somebody sits there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from reconciler.cli.terminal import is_interactive

Choice = TypeVar("Choice")


def can_converse() -> bool:
    """Whether somebody sits at a terminal and is asked there."""
    return sys.stdin.isatty() and is_interactive(sys.stderr)


@dataclass(frozen=True, slots=True)
class Prompts:
    """questionary, drawn on standard error; what a person cuts off with Ctrl-C interrupts the command."""

    library: Any
    output: Any

    def text(self, message: str, default: str = "", check: Callable[[str], bool | str] = lambda _: True) -> str:
        """One line; `check` says True, or what is wrong with it."""
        question = self.library.text(message, default=default, validate=check, output=self.output)
        return str(question.unsafe_ask()).strip()

    def one(self, message: str, choices: Sequence[tuple[str, Choice]]) -> Choice:
        """One of several, each with its title."""
        options = [self.library.Choice(title=title, value=number) for number, (title, _) in enumerate(choices)]
        picked: int = self.library.select(message, choices=options, output=self.output).unsafe_ask()
        return choices[picked][1]

    def several(self, message: str, choices: Sequence[tuple[str, Choice]]) -> list[Choice]:
        """At least one of several, each with its title."""
        options = [self.library.Choice(title=title, value=number) for number, (title, _) in enumerate(choices)]
        picked = self.library.checkbox(
            message,
            choices=options,
            output=self.output,
            instruction="(space picks, enter goes on)",
            validate=lambda numbers: bool(numbers) or "press space to pick one",
        ).unsafe_ask()
        return [choices[number][1] for number in picked]

    def confirmed(self, message: str, *, default: bool = True) -> bool:
        """Yes or no."""
        return bool(self.library.confirm(message, default=default, output=self.output).unsafe_ask())


def prompts() -> Prompts:
    """What asks."""
    import questionary  # noqa: PLC0415 - only a conversation pays for it
    from prompt_toolkit.output import create_output  # noqa: PLC0415

    return Prompts(questionary, create_output(stdout=sys.stderr))
