"""The pipelines that ask Defender every six hours, and tell who asked on the pull request: once, and nothing hostile."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import emulated
import pytest
import yaml
from main_job import repositories as repo
from pipelines import runner

from reconciler.reports.status_markdown import MARKER

TDE = "651967bf-044e-4bde-8376-3e08e0600105"
DATABASE = f"{repo.subscription(1)}/resourceGroups/rg/providers/Microsoft.Sql/servers/legacy/databases/ledger"
DECLARATION = {"name": "tde", "recommendation": TDE, "scopes": [DATABASE]}
FINDING = {
    "id": f"{DATABASE}/providers/Microsoft.Security/assessments/{TDE}",
    "properties": {"status": {"code": "Unhealthy"}},
}
DAY = 86_400


@pytest.fixture
def azure() -> Iterator[emulated.Azure]:
    lists = {"resources": [DATABASE], "assessments": [FINDING]}
    with emulated.running(repo.tenant(repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK), **lists)) as cloud:
        yield cloud


@pytest.fixture
def main(tmp_path: Path, azure: emulated.Azure) -> Path:
    """What pull request 42 merged, applied a minute ago."""
    root = repo.write(tmp_path / "main", [DECLARATION])
    repo.commit(root, "Merge pull request #42 from contoso/tde")
    (root / "reconciler").symlink_to(runner.CHECKOUT / "reconciler")
    (root / "schemas").symlink_to(runner.CHECKOUT / "schemas")
    emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
    return root


def report(main: Path, temp: Path, azure: emulated.Azure, earlier: Path | None = None) -> runner.Job:
    """One run of the job that asks; GitHub knows the artefact of the run before."""
    temp.mkdir(parents=True)
    more: dict[str, Any] = {"actions/artifacts": {"artifacts": []}}
    if earlier is not None:
        archive = temp / "artefact.zip"
        with zipfile.ZipFile(archive, "w") as file:
            file.write(earlier, "status.json")
        of_main = {"head_branch": "main", "head_repository_id": 7, "repository_id": 7}
        artifact = {"id": 11, "expired": False, "created_at": "2026-01-01T00:00:00Z", "workflow_run": of_main}
        more = {"actions/artifacts": {"artifacts": [artifact]}, "artifacts/11/zip": archive}
    runner.fake_production(temp, **more)
    client = azure.tenant.principals.default.client_id
    context = {"vars.AZURE_TENANT_ID": repo.TENANT, "vars.AZURE_READER_CLIENT_ID": client}
    env = {**azure.env, "LANG": "C.UTF-8"}
    done = runner.job(runner.load("status.yml"), "status", main, temp, context, env).run()
    assert not done.failed, done.log
    return done


def test_on_github_the_pull_request_is_told_once(main: Path, tmp_path: Path, azure: emulated.Azure) -> None:
    first = report(main, tmp_path / "1", azure)
    assert first.outputs["told"] == {"any": ""}
    assert "1 waiting" in first.summary
    azure.tenant.clock.advance(DAY + 60)
    second = report(main, tmp_path / "2", azure, tmp_path / "1" / "status.json")
    assert second.outputs["told"] == {"any": "true"}
    assert "in force since 20" in (tmp_path / "2" / "comments" / "42.md").read_text(encoding="utf-8")
    third = report(main, tmp_path / "3", azure, tmp_path / "2" / "status.json")
    assert third.outputs["told"] == {"any": ""}


def test_on_github_without_an_earlier_report_only_what_is_new_is_told(
    main: Path, tmp_path: Path, azure: emulated.Azure
) -> None:
    azure.tenant.clock.advance(DAY + 60)
    assert report(main, tmp_path / "1", azure).outputs["told"] == {"any": "true"}
    azure.tenant.clock.advance(2 * DAY)
    assert report(main, tmp_path / "2", azure).outputs["told"] == {"any": ""}


def test_on_github_each_pull_request_gets_its_own_comment(tmp_path: Path) -> None:
    comments = tmp_path / "report" / "comments"
    comments.mkdir(parents=True)
    hostile = f"{MARKER}\n$(touch pwned) `${{{{ github.token }}}}`\n"
    for name in ("42.md", "7.md", "no-number.md", "8;9.md"):
        (comments / name).write_text(hostile, encoding="utf-8")
    notes = runner.fake_gh(tmp_path / "temp")
    context = {"github.repository": "contoso/exemptions"}
    done = runner.job(runner.load("status.yml"), "comment", tmp_path, tmp_path / "temp", context, {}).run()
    assert not done.failed, done.log
    told = [row for row in notes.read_text(encoding="utf-8").splitlines() if "--method POST" in row]
    assert [row.split()[3] for row in told] == [f"repos/contoso/exemptions/issues/{n}/comments" for n in (42, 7)]
    assert all("body=@comment.md" in row for row in told)
    assert (tmp_path / "comment.md").read_text(encoding="utf-8") == hostile
    assert not (tmp_path / "pwned").exists()


# --- Azure DevOps ------------------------------------------------------------------------------------------------


class Threads(BaseHTTPRequestHandler):
    """The threads of pull requests, on loopback."""

    posted: list[tuple[str, str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.posted.append((self.path, self.headers["Authorization"], body))
        self.send_response(403 if "/13/" in self.path else 200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def threads() -> Iterator[tuple[str, list[tuple[str, str, Any]]]]:
    handler = type("Here", (Threads,), {"posted": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/contoso/", handler.posted
    server.shutdown()
    server.server_close()
    thread.join()


def test_on_azure_devops_each_pull_request_gets_its_own_thread(
    tmp_path: Path, threads: tuple[str, list[tuple[str, str, Any]]]
) -> None:
    address, posted = threads
    comments = tmp_path / "comments"
    comments.mkdir()
    hostile = f'{MARKER}\n"$(touch pwned)" \\ ünïcode\n'
    for name in ("42.md", "13.md", "x.md"):
        (comments / name).write_text(hostile, encoding="utf-8")
    pipeline = yaml.safe_load((runner.CHECKOUT / "azure-pipelines" / "status.yml").read_text(encoding="utf-8"))
    step = next(step for step in pipeline["jobs"][0]["steps"] if step.get("displayName") == "Tell who asked")
    assert step["env"] == {"SYSTEM_ACCESSTOKEN": "$(System.AccessToken)"}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", step["bash"]],
        env={
            "PATH": os.environ["PATH"], "AGENT_TEMPDIRECTORY": str(tmp_path), "SYSTEM_COLLECTIONURI": address,
            "SYSTEM_TEAMPROJECTID": "77", "BUILD_REPOSITORY_ID": "88", "SYSTEM_ACCESSTOKEN": "secret",
        },
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "pull request 13 could not be told" in done.stdout
    paths = {path for path, _, _ in posted}
    assert paths == {
        f"/contoso/77/_apis/git/repositories/88/pullRequests/{n}/threads?api-version=7.1" for n in (42, 13)
    }
    for _, authorization, body in posted:
        assert authorization == "Bearer secret"
        assert body["comments"][0]["content"] == hostile
    assert not (tmp_path / "pwned").exists()
    assert "secret" not in done.stdout + done.stderr


def test_on_azure_devops_the_token_is_not_there_while_the_tool_runs() -> None:
    text = (runner.CHECKOUT / "azure-pipelines" / "status.yml").read_text(encoding="utf-8")
    assert text.count("System.AccessToken") == 1
