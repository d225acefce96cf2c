"""The options of `exempt status` around the report: an earlier one, comments, the other report on the score."""

from __future__ import annotations

from pathlib import Path

import pytest
from assessments.defended import AUDIT, DEAF, DECLARED, LEDGER, finding, world
from assessments.test_effect import recently
from cli.console import exempt
from main_job import repositories as repo

REMEDY = "help: save one with: exempt status --out FILE"
NEWER = "help: use the version of exempt that wrote it, or make a new one with this version"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "error: there is no status 'FILE'"),
        ("{", "error: --since: FILE: not JSON: "),
        ('{"format_version": "9.0", "declarations": []}', "error: --since: FILE: it has format 9.0; "),
        ('{"declarations": []}', "error: --since: FILE: not a status: it has no format_version"),
        ('{"format_version": "1.0", "declarations": [{"state": "waiting"}]}', "error: --since: FILE"),
    ],
)
def test_an_earlier_report_that_is_none_is_refused_before_azure_is_asked(
    tmp_path: Path, content: str | None, said: str
) -> None:
    file = tmp_path / "status.json"
    if content is not None:
        file.write_text(content)
    root = repo.write(tmp_path / "repository", [DECLARED])
    first, *rest = exempt(None, "status", "--since", str(file), root=root, check=1).stderr.splitlines()
    assert first.startswith(said.replace("FILE", str(file)))
    assert rest == [NEWER if "9.0" in said else REMEDY]


@pytest.mark.parametrize(
    "beside",
    [["tde"], ["--unneeded"], ["--wait", "1h"], ["--watch"], ["--since", "s.json"], ["--comments", "c"]],
    ids=str,
)
def test_what_only_exemptions_have_is_refused_beside_a_score(tmp_path: Path, beside: list[str]) -> None:
    root = repo.write(tmp_path / "repository", [DECLARED])
    words = [*beside, "--score"]
    assert exempt(None, "status", *words, root=root, check=1).stderr.splitlines() == [
        "error: --score is a report of its own",
        "help: leave out the names, --unneeded, --wait, --watch, --since and --comments",
    ]


def test_a_score_is_saved_as_it_is_shown_and_only_of_the_scope(tmp_path: Path) -> None:
    saved = tmp_path / "score.json"
    with world(tmp_path / "repository", findings=[finding(LEDGER), finding(AUDIT, "Healthy")]) as here:
        everything = here.run("--score", "--format", "json", "--out", str(saved), check=0)
        assert saved.read_text(encoding="utf-8") == everything.stdout
        part = here.status("--score", "--scope", repo.subscription(2), check=0)
        assert [row["id"] for row in part["subscriptions"]] == [repo.subscription(2)]
        assert len(everything.json["subscriptions"]) > 1
        unread = {"path": f"{repo.subscription(2)}/providers/Microsoft.Authorization", "status": 403, "count": None}
        here.azure.inject_faults({"faults": [unread]})
        failed = here.run("--score", check=1)
        assert "not read: " in failed.stderr
        assert "Secure score" in failed.stdout


def test_how_many_wait_is_said_and_the_last_pause_ends_with_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    class Clock:
        """Nobody waits here."""

        @staticmethod
        def monotonic() -> float:
            return 1000 + sum(pauses)

        sleep = staticmethod(pauses.append)

    monkeypatch.setattr("reconciler.cli.status.time", Clock)
    declared = [DECLARED, {**DECLARED, "name": "other", "scopes": [repo.subscription(2)]}]
    with world(tmp_path, exemptions=recently(1), declared=declared) as here:
        ended = here.run("--wait", "90s", "--interval", "1m")
        assert pauses == [60, 30]
        assert ended.stderr.count(" waiting; asking again in 60 seconds\n") == 2
        assert "1 waiting; asking again" in ended.stderr
        pauses.clear()
        assert here.run("--interval", "1m").stderr.count("asking again") == 0
        assert pauses == []


def test_comments_go_into_a_new_folder_however_deep(tmp_path: Path) -> None:
    root, comments = tmp_path / "repository", tmp_path / "a" / "new" / "folder"
    with world(root, exemptions=recently(30), assessmentMetadata=DEAF) as here:
        repo.commit(root, "Merge pull request #42 from contoso/tde")
        for _ in range(2):
            here.run("--comments", str(comments), check=2)
            (file,) = comments.iterdir()
            assert file.name == "42.md"
