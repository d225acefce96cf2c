"""Print a script that completes commands, options and their values in a shell; source it in the shell's start-up file.

bash: eval "$(exempt completion bash)"; zsh: the same with zsh, after compinit; fish: exempt completion fish | source
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from reconciler.cli.exits import Exit
from reconciler.cli.options import typed
from reconciler.cli.parser import parser_of
from reconciler.cli.terminal import write

EXAMPLES: Final = ('eval "$(exempt completion bash)"', "exempt completion fish | source")
_SHELLS: Final = ("bash", "zsh", "fish")

_BASH: Final = """\
_exempt() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="{commands}"
  else
    case "${{COMP_WORDS[1]}} $before" in
{values}
    esac
    if [ -z "$words" ]; then
      case "${{COMP_WORDS[1]}}" in
{options}
      esac
      case "$word" in -*) ;; *) words="${{words##*|}}" ;; esac
      words="${{words//|/ }}"
    fi
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  if [ "${{#COMPREPLY[@]}}" -eq 0 ]; then COMPREPLY=($(compgen -f -- "$word")); fi
}}
complete -o filenames -F _exempt exempt
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt completion`."""

    shell: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Option:
    """An option of a command: what it is called, the values that it takes (empty: any), what it does."""

    command: str
    name: str
    values: tuple[str, ...]
    about: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt completion`."""
    parser.add_argument("shell", choices=_SHELLS, metavar="SHELL", help="for which shell: bash, zsh or fish")


def run(args: argparse.Namespace) -> int:
    """Prints the script."""
    from reconciler.cli.main import COMMANDS  # noqa: PLC0415 - main imports this module by name

    options = [option for name in COMMANDS for option in _options(name)]
    commands = {**COMMANDS, "help": "explain a command"}
    shell = typed(Options, args).shell
    write(_fish(commands, options) if shell == "fish" else _bash(commands, options, zsh=shell == "zsh"))
    return Exit.DONE


def _options(name: str) -> Iterator[_Option]:
    parsers = [parser_of(name, importlib.import_module(f"reconciler.cli.{name}"))]
    for parser in parsers:
        for action in parser._actions:  # noqa: SLF001 - argparse shows them in no other way
            if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
                parsers += action.choices.values()
                yield from (_Option(command=name, name=sub, values=(), about="") for sub in action.choices)
                continue
            values = tuple(str(value) for value in action.choices or ())
            about = (action.help or "").replace("%%", "%")
            if not action.option_strings:
                yield from (_Option(command=name, name=value, values=(), about="") for value in values)
            for option in action.option_strings:
                if option.startswith("--"):
                    yield _Option(command=name, name=option, values=values, about=about)


def _bash(commands: dict[str, str], options: list[_Option], *, zsh: bool) -> str:
    """Words after the last `|` are offered where no option was begun."""
    values = [
        f'      "{option.command} {option.name}") words="{" ".join(option.values)}" ;;'
        for option in options
        if option.values
    ]
    lines = []
    for command in commands:
        mine = [option.name for option in options if option.command == command]
        plain = [name for name in mine if not name.startswith("-")]
        if command == "help":
            plain = [name for name in commands if name != "help"]
        flags = [name for name in dict.fromkeys(mine) if name.startswith("-")]
        lines.append(f'        {command}) words="{" ".join(flags)}|{" ".join(plain)}" ;;')
    script = _BASH.format(commands=" ".join(commands), values="\n".join(values), options="\n".join(lines))
    return f"autoload -U +X bashcompinit && bashcompinit\n{script}" if zsh else script


def _fish(commands: dict[str, str], options: list[_Option]) -> str:
    rows = [f"complete -c exempt -n __fish_use_subcommand -f -a {name} -d {_quoted(about)}" for name, about in commands.items()]  # fmt: skip
    for option in options:
        where = f"complete -c exempt -n '__fish_seen_subcommand_from {option.command}'"
        if not option.name.startswith("-"):
            rows.append(f"{where} -f -a {option.name}")
            continue
        values = f" -x -a {_quoted(' '.join(option.values))}" if option.values else ""
        rows.append(f"{where} -l {option.name[2:]}{values} -d {_quoted(option.about)}")
    return "\n".join(rows) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
