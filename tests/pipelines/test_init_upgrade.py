"""`exempt init --upgrade`: a newer tool's pin, schemas and pipelines, merged with what people changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from main_job import repositories as repo
from pipelines.test_init import exempt

OLD, NEW = ("contoso/exempt@" + digit * 40 for digit in "12")
PLAN = ".github/workflows/plan.yml"


@pytest.fixture
def started(tmp_path: Path) -> Path:
    """A committed repository that an older tool started."""
    begun = exempt("init", "new", "--tool", OLD, "--owner", "contoso/new", cwd=tmp_path)
    assert "new/README.md says what to do next" in begun.stderr
    repo.commit(tmp_path / "new", "Start")
    return tmp_path / "new"


def upgrade(root: Path, *options: str, code: int = 0) -> list[str]:
    return exempt("init", "--upgrade", ".", "--tool", NEW, *options, cwd=root, code=code).stdout.splitlines()


def edit(root: Path, name: str, old: str, new: str) -> None:
    path = root / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_pin_moves_everywhere_and_what_people_own_stays(started: Path) -> None:
    edit(started, "reconciler.yaml", "deletes: 10", "deletes: 3")
    written = upgrade(started)
    texts = [
        path.read_text(encoding="utf-8") for path in started.rglob("*") if path.is_file() and ".git/" not in str(path)
    ]
    assert not any("1" * 40 in text for text in texts)
    assert "deletes: 3" in (started / "reconciler.yaml").read_text()
    assert {f"written: {name}" for name in (PLAN, "requirements-tool.txt", "README.md")} <= set(written)
    assert "2" * 40 in json.loads((started / "schemas" / "exemption.schema.json").read_text())["$id"]
    assert upgrade(started) == ["nothing to change"]


def test_a_change_of_people_elsewhere_in_a_file_is_kept(started: Path) -> None:
    edit(started, PLAN, "timeout-minutes: 30", "timeout-minutes: 45")
    repo.commit(started, "Slow tenant")
    assert f"merged with your changes: {PLAN}" in upgrade(started)
    text = (started / PLAN).read_text()
    assert "timeout-minutes: 45" in text
    assert "2" * 40 in text
    assert "<<<<" not in text


def test_a_change_of_people_in_the_same_line_is_marked_for_them(started: Path) -> None:
    edit(started, PLAN, "1" * 40, "3" * 40)
    assert f"conflict: {PLAN}" in upgrade(started, code=1)
    text = (started / PLAN).read_text()
    assert "<<<<<<< yours" in text
    assert ">>>>>>> this version of exempt" in text


def test_what_people_removed_stays_away_and_other_pipelines_come(started: Path) -> None:
    (started / ".github" / "workflows" / "drift.yml").unlink()
    written = upgrade(started, "--pipelines", "azure-devops")
    assert not (started / ".github" / "workflows" / "drift.yml").exists()
    assert "written: azure-pipelines/apply.yml" in written
    assert f"not used any more: {PLAN}" in written


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format_version": "9.0"}', '{"format_version": "1.0", "values": 5}']
)
def test_a_broken_note_is_a_fault_that_names_it(started: Path, text: str) -> None:
    (started / ".exempt-init.json").write_text(text)
    assert ".exempt-init.json" in exempt("init", "--upgrade", ".", "--tool", NEW, cwd=started, code=1).stderr


def test_another_repository_and_options_without_effect_are_refused(started: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert "exempt init" in exempt("init", "--upgrade", "other", "--tool", NEW, cwd=tmp_path, code=1).stderr
    refused = exempt("init", "--upgrade", ".", "--owner", "x", cwd=started, code=1).stderr
    assert "--upgrade keeps what was chosen: --owner has no effect" in refused
    assert "help: leave it out" in refused
