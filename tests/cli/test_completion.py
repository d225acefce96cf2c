"""Completion: bash is asked as a shell asks; what fish gets is read row by row."""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.cli.main import COMMANDS, main
from reconciler.cli.parser import parser_of


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


def completed(text: str, *words: str) -> set[str]:
    typed = " ".join(map(shlex.quote, words))
    ask = f"{text}\nCOMP_WORDS=(exempt {typed})\nCOMP_CWORD={len(words)}\n_exempt\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
    return set(done.stdout.split())


def test_bash_completes_commands_options_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    text = script("bash", capsys)
    assert completed(text, "pl") == {"plan"}
    assert completed(text, "") == {*COMMANDS, "help"}
    assert completed(text, "plan", "--detailed") == {"--detailed-exitcode"}
    assert {"text", "json", "markdown"} <= completed(text, "plan", "--format", "")
    assert completed(text, "drift", "--fail-on", "w") == {"warning"}
    assert completed(text, "catalog", "sea") == {"search"}
    assert completed(text, "completion", "") == {"bash", "zsh", "fish"}
    assert completed(text, "help", "dr") == {"drift"}
    assert completed(text, "plan", "--out", "test_term") == {"test_terminal.py"}
    assert "-" not in "".join(name[0] for name in completed(text, "plan", "") or {"x"})


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_get_every_command_and_option(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = script(shell, capsys)
    assert all(command in text for command in COMMANDS)
    assert "detailed-exitcode" in text
    if program := shutil.which(shell):
        subprocess.run([program, "-n"], input=text, text=True, check=True, env={**os.environ})


def options(command: str) -> dict[str, argparse.Action]:
    """The long options of a command and of its own commands, by name."""
    parsers, named = [parser_of(command, importlib.import_module(f"reconciler.cli.{command}"))], {}
    for parser in parsers:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                parsers += action.choices.values()
            named |= {name: action for name in action.option_strings if name.startswith("--")}
    return named


def test_zsh_gets_the_script_of_bash_by_its_own_adapter(capsys: pytest.CaptureFixture[str]) -> None:
    first, _, rest = script("zsh", capsys).partition("\n")
    assert first == "autoload -U +X bashcompinit && bashcompinit"
    assert rest == script("bash", capsys)


@pytest.mark.parametrize("command", COMMANDS)
def test_fish_gets_each_option_with_its_values_and_what_it_does(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [shlex.split(row.replace("\\'", "'\\''")) for row in script("fish", capsys).splitlines()]
    prefix = ["complete", "-c", "exempt"]
    assert [*prefix, "-n", "__fish_use_subcommand", "-f", "-a", command, "-d", COMMANDS[command]] in rows
    mine = [row[5:] for row in rows if row[:5] == [*prefix, "-n", f"__fish_seen_subcommand_from {command}"]]
    offered: dict[str, list[str]] = {}
    for kind, *row in mine:
        if kind == "-l":
            offered[row[0]] = row[1:]
        else:
            assert (kind, row[0], len(row)) == ("-f", "-a", 2)
    expected = {}
    for name, action in options(command).items():
        values = ["-x", "-a", " ".join(map(str, action.choices))] if action.choices else []
        expected[name.removeprefix("--")] = [*values, "-d", (action.help or "").replace("%%", "%")]
    assert offered == expected


def test_fish_gets_the_words_that_a_command_takes(capsys: pytest.CaptureFixture[str]) -> None:
    rows = script("fish", capsys).splitlines()
    for command, words in (("completion", ["bash", "zsh", "fish"]), ("catalog", ["search", "show", "refresh"])):
        for word in words:
            assert f"complete -c exempt -n '__fish_seen_subcommand_from {command}' -f -a {word}" in rows
    assert "complete -c exempt -n __fish_use_subcommand -f -a help -d 'explain a command'" in rows


def test_bash_offers_options_where_one_is_begun_and_words_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    text = script("bash", capsys)
    assert not text.startswith("autoload")
    for command in COMMANDS:
        assert completed(text, command, "--") == {*options(command)}
    assert {"search", "show", "refresh"} <= completed(text, "catalog", "")
    assert completed(text, "help", "") == {*COMMANDS}
