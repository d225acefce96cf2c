"""The command line's own parser: help that fits the terminal, mistakes said first and with what was probably meant."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Final, NoReturn

from reconciler.cli.exits import Exit

_UNKNOWN: Final = re.compile(r"unrecognized arguments: (.*)")
_CHOICE: Final = re.compile(r"argument (?P<option>\S+): invalid choice: '(?P<word>[^']*)'")
_REQUIRED: Final = re.compile(r"the following arguments are required: (.*)")


class Help(argparse.HelpFormatter):
    """Fills paragraphs to the width of the terminal; what is indented or is a command line stays as it is."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        import textwrap  # noqa: PLC0415 - only help pays for it

        filler = textwrap.TextWrapper(width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
        paragraphs = []
        for paragraph in textwrap.dedent(text).strip().split("\n\n"):
            rows = paragraph.splitlines()
            is_literal = any(row.startswith((" ", "exempt ")) or row.endswith(":") for row in rows)
            paragraphs.append("\n".join(indent + row for row in rows) if is_literal else filler.fill(" ".join(rows)))
        return "\n\n".join(paragraphs)


class Parser(argparse.ArgumentParser):
    """argparse leaves with 2 on a mistyped option, which here would read as drift: leave with 1. The mistake comes first,
    then what was probably meant and where to read more; no usage that would push it off the screen.
    """

    def __init__(self, **options: Any) -> None:
        """An option is written out: `--as`, which one command lacks, must not be another one's `--assignment`."""
        super().__init__(**{"allow_abbrev": False, **options})

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """What is not known is refused here, so that of a command in two words (`import live`) the second one answers, whose
        options were meant.
        """
        parsed, unrecognized = super().parse_known_args(args, namespace)
        if unrecognized:
            self.error(f"unrecognized arguments: {' '.join(unrecognized)}")
        return parsed, unrecognized

    def error(self, message: str) -> NoReturn:
        candidates: list[str | None] = []
        if (unknown := _UNKNOWN.match(message)) is not None:
            options = [option[2:] for option in self._option_string_actions if option.startswith("--")]
            words = [word.partition("=")[0] for word in unknown[1].split() if word.startswith("-")]
            # Without the dashes: all options share those, so that they would make any two alike.
            candidates = [f"--{meant}" if (meant := _meant(word.lstrip("-"), options)) else None for word in words]
        elif (choice := _CHOICE.match(message)) is not None:
            choices = {
                str(value)
                for action in self._actions
                if choice["option"] in {*action.option_strings, action.dest, action.metavar}
                for value in action.choices or ()
            }
            from reconciler.documents.suggest import nearest  # noqa: PLC0415 - only a typo pays for it

            candidates = [nearest(choice["word"], choices)]
        sys.stderr.write(f"error: {message}\n")
        for near in filter(None, candidates):
            sys.stderr.write(f"help: did you mean {near}?\n")
        sys.stderr.write(f"help: '{self.prog} --help' lists the options\n")
        self.exit(Exit.FAILED)


def _meant(word: str, options: Sequence[str]) -> str | None:
    """The option that is written nearly so, else the one that gives the field which people call so: `--expires` is `--until`."""
    from reconciler.declarations.field_help import SYNONYMS  # noqa: PLC0415 - only a typo pays for it
    from reconciler.documents.suggest import nearest  # noqa: PLC0415 - likewise

    def field(name: str) -> str:
        folded = name.replace("-", "").casefold()
        return SYNONYMS.get(folded, folded).casefold()

    return nearest(word, options) or next((option for option in options if field(option) == field(word)), None)


def parser_of(name: str, module: ModuleType) -> Parser:
    """The parser of the command that a module of `cli` is."""
    examples = getattr(module, "EXAMPLES", ())
    parser = Parser(
        prog=f"exempt {name}",
        description=module.__doc__,
        epilog="\n".join(["examples:", *(f"  {example}" for example in examples)]) if examples else None,
        formatter_class=Help,
    )
    module.add_arguments(parser)
    return parser
