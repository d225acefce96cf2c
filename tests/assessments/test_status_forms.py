"""The forms of a status, and the command around it: schema, text, comments, waiting."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import emulated
import pytest
from assessments.defended import (
    AUDIT,
    DEAF,
    DECLARED,
    HOUR,
    IN_BOTH,
    LEDGER,
    MCSB,
    NIST,
    ONE,
    REFERENCES,
    finding,
    own,
    world,
)  # fmt: skip
from assessments.test_effect import ago, plan, recently
from jsonschema import Draft202012Validator
from main_job import repositories as repo

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "status.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("options", [[], ["--unneeded"]], ids=str)
@pytest.mark.parametrize(
    "lists",
    [
        {},
        {"exemptions": ()},
        {"exemptions": [own(MCSB)]},
        {"exemptions": recently(3), "assessmentMetadata": DEAF},
        {"assessmentMetadata": DEAF},
        {"pricings": plan("Free")},
        {"resources": [AUDIT], "declared": [{**DECLARED, "scopes": [LEDGER]}], "findings": [finding(AUDIT)]},
        {"declared": [{"name": "all", "policyAssignment": MCSB["id"], "referenceIds": [REFERENCES["mcsb"]], "scopes": [ONE]}]},
    ],
    ids="-".join,
)  # fmt: skip
def test_json_is_valid_and_its_verdict_is_the_exit_code(tmp_path: Path, lists: dict, options: list[str]) -> None:
    with world(tmp_path, **lists) as here:
        ended = here.run("--format", "json", *options)
        Draft202012Validator(SCHEMA).validate(ended.json)
        assert ended.code == {"done": 0, "incomplete": 1, "changes": 2}[ended.json["verdict"]]
        assert "follows it by minutes" in ended.json["lag"]
        assert ended.json["summary"] == {ended.json["declarations"][0]["state"]: 1}


def test_text_says_state_time_and_place(tmp_path: Path) -> None:
    with world(tmp_path, exemptions=recently(3), assessmentMetadata=DEAF) as here:
        text = here.run().stdout
        assert "1 declaration: 1 waiting" in text
        assert "20 h 59 min left, until" in text
        assert "follows it by minutes" in text


def test_one_declaration_by_name_or_scope(tmp_path: Path) -> None:
    other = {**DECLARED, "name": "other", "scopes": [repo.subscription(2)]}
    with world(tmp_path, declared=[DECLARED, other]) as here:
        assert [d["declaration"] for d in here.status("tde")["declarations"]] == ["tde"]
        assert [d["declaration"] for d in here.status("--scope", repo.subscription(2))["declarations"]] == ["other"]
        ended = here.run("tdr", check=1)
        assert "help: did you mean tde?" in ended.stderr


@pytest.mark.parametrize("text", ["24", "h", "0h", "1w", "24H", "-1h"])
def test_a_time_that_is_none(tmp_path: Path, text: str) -> None:
    with world(tmp_path) as here, pytest.raises(SystemExit):
        here.run("--within", text)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody waits here: the pauses are noted, and our clock moves on by each."""
    taken: list[float] = []
    clock = SimpleNamespace(sleep=taken.append, monotonic=lambda: sum(taken))
    monkeypatch.setattr("reconciler.cli.status.time", clock)
    return taken


class Day(list[float]):
    """Pauses during which Azure's day passes."""

    def __init__(self, azure: emulated.Azure) -> None:
        super().__init__()
        self.azure = azure

    def append(self, seconds: float) -> None:
        super().append(seconds)
        self.azure.tenant.clock.advance(12 * HOUR)


@pytest.mark.parametrize("option", [["--wait", "24h"], ["--watch"]], ids=str)
def test_asking_until_it_is_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: list[str]) -> None:
    with world(tmp_path, exemptions=recently(1)) as here:
        taken = Day(here.azure)
        clock = SimpleNamespace(sleep=taken.append, monotonic=lambda: sum(taken))
        monkeypatch.setattr("reconciler.cli.status.time", clock)
        ended = here.run(*option, "--interval", "5m", check=0)
        assert taken == [300, 300]
        assert "1 in force" in ended.stdout
        assert ended.stdout.count("1 waiting") == (2 if option == ["--watch"] else 0)
        assert ended.stderr.count("1 waiting; asking again in 300 seconds") == 2


def test_waiting_in_vain_is_2(tmp_path: Path, pauses: list[float]) -> None:
    with world(tmp_path, exemptions=recently(1)) as here:
        ended = here.run("--wait", "12m", "--interval", "5m", "--format", "json", check=2)
        assert pauses == [300, 300, 120]
        assert ended.json["declarations"][0]["state"] == "waiting"
        assert here.status(check=0)["verdict"] == "done"


def merged(root: Path, number: int) -> None:
    repo.commit(root, f"Merge pull request #{number} from contoso/tde")


def test_a_pull_request_is_told_once_that_it_is_in_force(tmp_path: Path) -> None:
    root, comments, report = tmp_path / "repository", tmp_path / "comments", tmp_path / "status.json"
    with world(root, exemptions=recently(3)) as here:
        merged(root, 42)
        told = ["--out", str(report), "--comments", str(comments)]
        here.run(*told, check=0)
        assert list(comments.iterdir()) == []
        here.azure.tenant.clock.advance(22 * HOUR)
        here.run("--since", str(report), *told, check=0)
        text = (comments / "42.md").read_text(encoding="utf-8")
        assert text.startswith("<!-- exempt:status -->\n")
        assert "`tde` in force since 20" in text
        (comments / "42.md").unlink()
        here.run("--since", str(report), *told, check=0)
        assert list(comments.iterdir()) == []


def test_a_pull_request_is_told_that_it_has_no_effect(tmp_path: Path) -> None:
    root, comments = tmp_path / "repository", tmp_path / "comments"
    with world(root, exemptions=[own(MCSB), own(NIST, written=ago(30))], assessmentMetadata=DEAF) as here:
        merged(root, 7)
        here.run("--comments", str(comments), check=2)
        text = (comments / "7.md").read_text(encoding="utf-8")
        assert "**ineffective** `tde`" in text
        assert "last written" in text


def test_what_no_pull_request_brought_is_told_nowhere(tmp_path: Path) -> None:
    root, comments = tmp_path / "repository", tmp_path / "comments"
    with world(root, exemptions=IN_BOTH) as here:
        repo.commit(root, "Straight to main")
        here.run("--comments", str(comments), check=0)
        assert list(comments.iterdir()) == []


def test_markdown_is_cut_between_blocks(tmp_path: Path) -> None:
    names = [f"n{number:03}" for number in range(300)]
    declared = [{**DECLARED, "name": name, "scopes": [f"{ONE}/resourceGroups/{name}"]} for name in names]
    with world(tmp_path, declared=declared, exemptions=()) as here:
        text = here.run("--format", "markdown").stdout
        assert len(text.encode()) <= 60_001
        assert text.count("```") % 2 == 0
