"""The documentation, held to what it says: the tutorial runs, every command line of ours is understood, the site builds."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli.main import COMMANDS
from reconciler.cli.parser import parser_of

CHECKOUT = Path(__file__).parents[2]
PAGES = [
    CHECKOUT / "README.md",
    *sorted((CHECKOUT / "docs").glob("*.md")),
    *sorted((CHECKOUT / "reconciler" / "templates").rglob("*.md")),
]
BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"(?:^|[\s(\"`])exempt (?P<words>(?:" + "|".join(COMMANDS) + r")\b[^`\n]*)")


def blocks(page: Path) -> Iterator[str]:
    """Every block of commands, with lines that go on joined and prompts taken off."""
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        yield re.sub(r"^\$ ", "", block.replace("\\\n", " "), flags=re.MULTILINE)


def command_lines() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for block in blocks(page):
            for row in block.splitlines():
                found = COMMAND.search(row.split(" #")[0])
                if found and not row.lstrip().startswith("#"):
                    yield page.name, found["words"]


def own_words(text: str) -> list[str]:
    """The words of one command of ours, up to a redirection, a pipe or what follows; what a shell would fill in stands for one word."""
    text = text.replace('"$role"', "reader")  # the loop around it says which
    text = re.sub(r'"?\$\([^)]*\)"?|"?\$\{?\w+\}?"?', "X", text)
    words: list[str] = []
    for word in shlex.split(re.split(r"\s(?:\d?>|\||&&|;)|\)", text)[0]):
        if word == "…":
            continue
        words.append(word.rstrip(";"))
    return words


@pytest.mark.parametrize(("page", "line"), sorted(set(command_lines())))
def test_every_command_line_is_understood(page: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, *words = own_words(line)
    parser = parser_of(name, importlib.import_module(f"reconciler.cli.{name}"))
    code = 0
    try:
        parser.parse_args(words)
    except SystemExit as left:
        code = left.code
    assert code == 0, f"{page}: exempt {line}\n{capsys.readouterr().err}"


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    script = "\n".join(blocks(CHECKOUT / "docs" / "tutorial.md"))
    (tmp_path / "bin").mkdir()
    shim = tmp_path / "bin" / "exempt"
    shim.write_text(f'#!/usr/bin/env bash\nexec "{sys.executable}" -P -m reconciler "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    people = {
        f"GIT_{role}_{part}": text
        for role in ("AUTHOR", "COMMITTER")
        for part, text in (("NAME", "Ann"), ("EMAIL", "ann@contoso.example"))
    }
    # exit 2 is an answer (drift, changes); everything else ends the story, and the emulator goes whatever happens
    guard = "trap 'code=$?; [ $code -eq 2 ] || { echo \"ended with $code: $BASH_COMMAND\" >&2; exit 1; }' ERR\n"
    end = "trap 'kill \"$EXEMPT_EMULATOR_PID\" 2>/dev/null || true' EXIT\n"
    done = subprocess.run(
        ["bash", "-c", guard + end + script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240,
        env={"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(CHECKOUT), "HOME": str(tmp_path), **people},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "No changes. Azure matches the declarations." in done.stdout
    assert "1 decision exempts more" in done.stdout
    assert "1 decision ends." in done.stdout
    assert not (tmp_path / "try-it" / "exemptions" / "data" / "scratch-storage-transfer.yaml").exists()


def test_every_page_has_its_place_in_the_navigation() -> None:
    navigation = (CHECKOUT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    named = set(re.findall(r": ([\w-]+\.md)$", navigation, re.MULTILINE))
    assert named == {path.name for path in (CHECKOUT / "docs").glob("*.md")}


def test_the_site_builds_without_a_broken_link_and_loads_nothing_from_elsewhere() -> None:
    done = subprocess.run(
        [sys.executable, CHECKOUT / "scripts" / "site.py"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    pages = sorted((CHECKOUT / "build" / "site").rglob("*.html"))
    assert len(pages) >= len(list((CHECKOUT / "docs").glob("*.md"))) + 2
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"?https?://[^\">]+", text), page
