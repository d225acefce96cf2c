"""`exempt demo` tells its story to the end, whatever the environment of the person who watches, and leaves what it promises."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from main_job import repositories as repo

from reconciler.cli import demo
from reconciler.cli.main import guarded

ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9"
OTHERS = {
    "AZURE_CLIENT_ID": "another",
    "ACTIONS_ID_TOKEN_REQUEST_URL": NOWHERE,
    "ARM_TENANT_ID": "another",
    "https_proxy": NOWHERE,
    "HTTPS_PROXY": NOWHERE,
}
"""An identity and a proxy of the person who watches, neither of which leads to the demo's Azure."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "a new folder"


@pytest.fixture(scope="module")
def told(kept: Path) -> str:
    command = [sys.executable, "-m", "reconciler", "demo", "--keep", str(kept)]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, **OTHERS, "FORCE_COLOR": "0", "PYTHONPATH": path}
    done = subprocess.run(command, cwd=kept.parent, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


def step(told: str, number: int) -> list[str]:
    """What is shown at a step, below its head."""
    return told.partition(f"\n\n{number}/7  ")[2].partition(f"\n\n{number + 1}/7  ")[0].splitlines()[1:]


def test_the_story_has_seven_steps_each_with_its_command(told: str) -> None:
    assert told.splitlines()[:4] == [
        "An Azure of its own on loopback: 5 subscriptions, 6 assignments of Microsoft's real initiatives",
        "(the benchmark twice), and 6 exemptions that people left in the portal. In git: 12 declarations.",
        "",
        "1/7  plan: what would change, and why   exempt plan",
    ]
    assert re.findall(r"^\d/\d  .+", told, re.MULTILINE) == [
        "1/7  plan: what would change, and why   exempt plan",
        "2/7  apply: write it   exempt apply --yes",
        "3/7  plan again: nothing left to do   exempt plan --detailed-exitcode",
        "4/7  meanwhile, in the portal   somebody makes one exemption run for years and deletes another",
        "5/7  plan: what they did   exempt plan",
        "6/7  apply: repair it   exempt apply --yes",
        "7/7  plan again: nothing left to do   exempt plan --detailed-exitcode",
    ]
    assert len(told.splitlines()) < 90
    assert "\n\n\n" not in told
    assert "Findings" not in told


def test_of_each_decision_the_first_plan_shows_what_where_and_until_when(told: str) -> None:
    headline, *rows, total = step(told, 1)
    assert headline.startswith("  12 decisions exempt more, 3 of them without end, the others until ")
    assert len([row for row in rows if re.match(r"    [+~] (?:more|changes)", row)]) == 12, "a decision each"
    assert len(rows) == 12 * 3 + 2
    assert "Low: Transparent Data Encryption on SQL databases should be enabled" in map(str.strip, rows)
    assert "Risk accepted (Waiver), until " in "".join(rows)
    assert rows[-2].startswith("              adopts what ann@contoso.example made on ")
    assert rows[-1].startswith("              because ")
    assert re.fullmatch(r"  Plan for \w{12}, 11 scopes: 33 to create, 1 to update, 1 to delete \(.+\)", total)


def test_what_others_change_is_named_and_repaired(told: str) -> None:
    assert step(told, 2) == ["  Done: 12 decisions; 35 exemptions written."]
    assert step(told, 3) == ["  No changes. Azure matches the declarations."]
    assert step(told, 4) == []
    headline, empty, *rows = step(told, 5)
    assert (headline[:26], headline[-16:], empty) == ("  1 decision exempts more,", " 1 exempts less.", "")
    assert "because it is missing, although its declaration was applied before" in map(str.strip, rows)
    assert "because it is no longer what revision " in "".join(rows)
    assert f", ends {datetime.now(UTC).year + 10}-01-01T00:00:00Z → " in "".join(rows)
    assert step(told, 6) == ["  Done: 2 decisions; 2 exemptions written."]
    assert step(told, 7)[0] == "  No changes. Azure matches the declarations."


def test_the_repository_stays_where_it_is_asked_for(told: str, kept: Path) -> None:
    told_at_last, command = told.splitlines()[-2:]
    assert told_at_last == f"The repository stays in {kept}. Its Azure as it was at first, with any command on it:"
    assert command.startswith(f"  cd {shlex.quote(str(kept))} && ")
    assert repo.git(kept, "log", "--format=%s, %an <%ae>").strip() == "Declare exemptions, Demo <demo@contoso.example>"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert ": 33 to create, 1 to update, 1 to delete (" in done.stdout, "as in the first plan"


def test_a_folder_that_exists_is_not_written_into(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(["demo", "--keep", str(tmp_path)]) == 1
    assert capsys.readouterr() == ("", f"error: --keep: {str(tmp_path)!r} exists already\nhelp: name a new folder\n")
    assert list(tmp_path.iterdir()) == []


def test_a_command_of_the_story_that_fails_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, stdout="half of a plan\n", stderr="error: no room\n")

    monkeypatch.setattr(demo, "subprocess", type("Failing", (), {"run": staticmethod(fails)}))
    assert guarded(["demo"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "half of a plan",
        "error: no room",
        "error: 'exempt plan' ended with 1",
        "help: see what it says above",
    ]


def test_a_command_is_proposed_as_it_was_called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("exempt", "other"):
        program = tmp_path / "the tools" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    installed, other = tmp_path / "the tools" / "exempt", tmp_path / "the tools" / "other"
    for argument, path, command in (
        (installed, installed.parent, "exempt"),
        (installed, tmp_path, shlex.quote(str(installed))),
        (other, other.parent, f"{sys.executable} -m reconciler"),
    ):
        monkeypatch.setattr(sys, "argv", [str(argument), "demo"])
        monkeypatch.setenv("PATH", str(path))
        assert demo.own_command() == command
