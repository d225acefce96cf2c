"""The documentation, held to what it says: the tutorial runs, every command line of ours is understood, the site builds."""

from __future__ import annotations

import contextlib
import html
import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import prefork
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


MENTION = re.compile(r"`exempt ((?:" + "|".join(COMMANDS) + r")\b[^`\n]*)`")
PLACEHOLDERS = {
    "N": "3",
    "RESOURCE": "/subscriptions/c0ffee00-0000-4000-8000-000000000003",
    "ID": "/subscriptions/c0ffee00-0000-4000-8000-000000000003",
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_sentence_says_to_run_exists(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence may leave out what a command takes; it may name no option, choice or command that is not there."""
    for line in MENTION.findall(page.read_text(encoding="utf-8")):
        name, *words = own_words(line)
        parser = parser_of(name, importlib.import_module(f"reconciler.cli.{name}"))
        with contextlib.suppress(SystemExit):
            parser.parse_args([PLACEHOLDERS.get(word, word) for word in words])
        told = capsys.readouterr().err
        assert not told or "are required" in told or "expected one argument" in told, f"exempt {line}\n{told}"


def run_script(script: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs commands of a page in bash as a reader would, with `exempt` being this checkout's."""
    (folder / "bin").mkdir(exist_ok=True)
    for name, text in {
        "exempt": f'exec {shlex.join(prefork.python())} -P -m reconciler "$@"',
        "az": AZ,
        "gh": 'case "$*" in *--input*) cat >/dev/null ;; *--jq*) echo 4711 ;; esac',
        "pytest": "exit 0",
    }.items():
        (folder / "bin" / name).write_text(f"#!/usr/bin/env bash\n{text}\n", encoding="utf-8")
        (folder / "bin" / name).chmod(0o755)
    people = {
        f"GIT_{role}_{part}": text
        for role in ("AUTHOR", "COMMITTER")
        for part, text in (("NAME", "Ann"), ("EMAIL", "ann@contoso.example"))
    }
    # exit 2 is an answer (drift, changes); everything else ends the story, and the emulator goes whatever happens
    guard = "trap 'code=$?; [ $code -eq 2 ] || { echo \"ended with $code: $BASH_COMMAND\" >&2; exit 1; }' ERR\n"
    end = "trap 'kill \"$EXEMPT_EMULATOR_PID\" 2>/dev/null || true' EXIT\n"
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", guard + end + script], cwd=folder, capture_output=True, text=True, check=False, timeout=240,
        env={"PATH": path, "PYTHONPATH": str(CHECKOUT), "HOME": str(folder), **people, **more},
    )  # fmt: skip


AZ = """mkdir -p "${AZURE_CONFIG_DIR:-$HOME}"
case "$1 $2 $3" in
  "account show --query") echo 11111111-2222-4333-8444-555566667777 ;;
  "ad app create" | "ad sp show") echo 22222222-3333-4444-8555-666677778888 ;;
  "role definition create") file="${!#}"; for word; do case "$word" in *.json) file="${word#@}" ;; esac; done; python3 -m json.tool "$file" >/dev/null ;;
esac"""
"""Stands in for the Azure CLI where a page makes identities and roles, which no test can."""

ELSEWHERE = {
    "README.md": "make demo, make test (.ci/run) and make package",
    "tutorial.md": "test_the_tutorial_does_what_it_says",
    "migration.md": "tests/importing/test_migration_guides.py",
    "request.md": "tests/requesting/test_request_command.py",
}
"""Pages whose commands are run by something else: a page of the repository's own templates is, as README.md, by make package."""


def commands(page: Path) -> str:
    """All commands of a page in their order; of a block with prompts, what stands behind them."""
    rows: list[str] = []
    for text in BLOCK.findall(page.read_text(encoding="utf-8")):
        joined = text.replace("\\\n", " ")
        prompted = [row.removeprefix("$ ") for row in joined.splitlines() if row.startswith("$ ")]
        rows += prompted or joined.splitlines()
    return "\n".join(map(bounded, rows)) + "\n"


def bounded(row: str) -> str:
    """A command that would wait for somebody or something is interrupted after a while, as a person does."""
    waits = (
        row.split(" #", maxsplit=1)[0].rstrip().endswith("emulator --tenant tenant.yaml")
        or "--wait " in row
        or "--watch " in row
    )
    return f"timeout --signal INT --preserve-status 5 {row.split(' #', maxsplit=1)[0]} || true" if waits else row


WITH_COMMANDS = [
    page for page in PAGES if page.parent.name == "docs" and BLOCK.search(page.read_text(encoding="utf-8"))
]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pages speak of: the tutorial's repository, earlier reports, an event, a plan."""
    folder = tmp_path_factory.mktemp("demo")
    done = run_script(
        """exempt init try-it --template demo --pipelines none
        cd try-it && git init --quiet --initial-branch main && git add . && git commit --quiet --message Start
        eval "$(exempt emulator --tenant tenant.yaml --format env)"
        exempt drift --out last.json
        exempt plan --out plan.json
        mkdir artefacts && cp plan.json artefacts
        """,
        folder,
        GIT_AUTHOR_DATE="2026-06-01T00:00:00Z",
        GIT_COMMITTER_DATE="2026-06-01T00:00:00Z",
    )
    assert done.returncode == 0, done.stderr[-2000:]
    exemption = (
        "/subscriptions/c0ffee00-0000-4000-8000-000000000003/providers/Microsoft.Authorization/policyExemptions/x"
    )
    event = {"eventType": "Microsoft.Resources.ResourceWriteSuccess", "subject": exemption, "data": {"resourceUri": exemption, "operationName": "Microsoft.Authorization/policyExemptions/write"}}  # fmt: skip
    (folder / "try-it" / "event.json").write_text(json.dumps(event), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "page", [page for page in WITH_COMMANDS if page.name not in ELSEWHERE], ids=lambda page: page.stem
)
def test_every_command_of_a_page_runs(page: Path, demo: Path, tmp_path: Path) -> None:
    shutil.copytree(demo, tmp_path, dirs_exist_ok=True)
    start = "cd try-it\n"
    if page.stem != "emulator":  # which starts its own
        start += 'eval "$(exempt emulator --tenant tenant.yaml --format env)"\n'
    script = commands(page).replace(
        "exempt init .", f'(cd "$(mktemp -d)" && exempt init . --tool contoso/exempt@{"0" * 40}'
    )
    script = re.sub(
        r"(exempt import live.*)", r"\1 || [ $? -eq 1 ]", script
    )  # the demo's portal has what cannot be imported
    script = re.sub(r"(exempt init \. --tool .*)", r"\1)", script)
    done = run_script(start + script, tmp_path, TMPDIR=str(tmp_path))
    assert done.returncode in {0, 2}, done.stdout[-2000:] + done.stderr[-3000:]


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    script = "\n".join(blocks(CHECKOUT / "docs" / "tutorial.md"))
    told = r"""{ \1 && code=0 || code=$?; echo "'\1' ended with $code"; }"""
    done = run_script(
        re.sub(r"^(exempt (?:plan --detailed-exitcode|drift))$", told, script, flags=re.MULTILINE), tmp_path
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "'exempt plan --detailed-exitcode' ended with 0\n" in done.stdout
    drifted = done.stdout.partition("Drift of ")[2].partition("'exempt drift' ended with 2\n")[0]
    assert ": 2 warnings, 3 info\n" in drifted
    assert re.findall(r"^(\w+) \(\d\): ", drifted, re.MULTILINE) == ["orphaned", "overlap", "expired", "moot"]
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
    commands = (CHECKOUT / "build" / "site" / "reference" / "commands" / "index.html").read_text(encoding="utf-8")
    for name in COMMANDS:
        for group in parser_of(name, importlib.import_module(f"reconciler.cli.{name}"))._action_groups:
            assert not group.description or html.escape(group.description, quote=False) in commands, (name, group.title)
