"""The GitLab pipeline of a repository that `exempt init` started: its jobs' scripts against the embedded Azure."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import emulated
import pytest
import yaml
from main_job import repositories as repo
from notifying.receiver import receiving
from pipelines import runner
from pipelines.test_azure_devops import CLIENT, DECLARATION, REFERENCE, SUBJECT, azure
from pipelines.test_init import exempt

__all__ = ["azure"]  # a fixture
URL = "https://github.com/contoso/exempt"


class Loader(yaml.SafeLoader):
    """YAML with GitLab's `!reference [JOB, KEY]`."""


Loader.add_constructor("!reference", lambda loader, node: {"reference": loader.construct_sequence(node)})


@dataclass
class Project:
    """A checkout, and where the tool can be fetched on this machine."""

    root: Path
    tool: Path
    temp: Path
    variables: dict[str, str] = field(default_factory=dict)

    def script(self, name: str) -> str:
        """What GitLab would run for a job, in one shell."""
        content = yaml.load((self.root / ".gitlab-ci.yml").read_text(encoding="utf-8"), Loader)
        job = content[name]
        while "extends" in job:
            job = {**content[job["extends"]], **{key: value for key, value in job.items() if key != "extends"}}
        return "\n".join(_lines([*job["before_script"], *job["script"]], content))

    def run(self, name: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.temp / 'shims'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.temp),
            "CI_BUILDS_DIR": str(self.temp),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.file://{self.tool}.insteadOf",
            "GIT_CONFIG_VALUE_0": URL,
            **self.variables,
        }
        return subprocess.run(
            ["bash", "-c", self.script(name)],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )


def _lines(entries: list[Any], content: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for entry in entries:
        if isinstance(entry, dict):
            job, key = entry["reference"]
            lines += _lines(content[job][key], content)
        else:
            lines.append(entry)
    return lines


@pytest.fixture
def project(tmp_path: Path) -> Project:
    tool = tmp_path / "tool-repository"
    tool.mkdir()
    for name in ("reconciler", "schemas"):
        shutil.copytree(runner.CHECKOUT / name, tool / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tool / "requirements.txt").write_text("", encoding="utf-8")
    commit = repo.commit(tool, "The tool")
    exempt(
        "init", "upstream", "--pipelines", "gitlab", "--tool", f"contoso/exempt@{commit}",
        "--tenant", repo.TENANT, "--scope", repo.ROOT, "--owner", "contoso/new", cwd=tmp_path,
    )  # fmt: skip
    base = repo.commit(tmp_path / "upstream", "Start")
    root, temp = tmp_path / "project", tmp_path / "temp"
    repo.git(tmp_path, "clone", "--quiet", str(tmp_path / "upstream"), str(root))
    declaration = repo.complete({**DECLARATION, "ticket": "SEC-1", "expiresOn": "2027-01-31", "category": "Mitigated"})
    (root / "exemptions" / "transfer.yaml").write_text(yaml.safe_dump(declaration, sort_keys=False), encoding="utf-8")
    repo.commit(root, "Ask")
    runner.shims(temp)
    return Project(root, tool, temp, {"CI_MERGE_REQUEST_DIFF_BASE_SHA": base})


def log_in(project: Project, azure: emulated.Azure) -> None:
    """What GitLab gives a job that asks for an identity token, and the project's variables."""
    endpoint = json.loads(azure.ready_line)["oidcEndpoint"]
    request = urllib.request.Request(
        f"{endpoint}?subject={SUBJECT}", headers={"Authorization": f"Bearer {azure.env['IDENTITY_HEADER']}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        token = json.load(answer)["value"]
    project.variables |= {
        "AZURE_ID_TOKEN": token, "AZURE_TENANT_ID": repo.TENANT,
        "AZURE_READER_CLIENT_ID": CLIENT, "AZURE_WRITER_CLIENT_ID": CLIENT,
        "EXEMPT_ARM_ENDPOINT": azure.arm_endpoint, "REQUESTS_CA_BUNDLE": azure.ca_bundle, "AZURE_AUTHORITY_HOST": azure.arm_endpoint,
    }  # fmt: skip


def merge(project: Project) -> None:
    repo.git(project.root, "push", "--quiet", "origin", "HEAD:refs/heads/next")
    repo.git(Path(repo.git(project.root, "remote", "get-url", "origin")), "merge", "--quiet", "next")


def test_a_merge_request_is_checked_planned_applied_and_reported(project: Project, azure: emulated.Azure) -> None:
    done = project.run("validate")
    assert done.returncode == 0, done.stderr
    assert "nothing to do" in project.run("plan of the merge request").stdout
    log_in(project, azure)
    done = project.run("plan of the merge request")
    assert done.returncode == 0, done.stderr
    assert "exempts more" in (project.root / "report" / "plan.md").read_text(encoding="utf-8")
    shutil.rmtree(project.root / "report")
    merge(project)
    planned = project.run("plan")
    assert planned.returncode == 0
    done = project.run("apply")
    assert done.returncode == 0, done.stdout + done.stderr
    assert planned.stdout.count("Proven: 1 change") == done.stdout.count("Proven: 1 change") == 1
    kept = {path.name for path in (project.root / "report").iterdir()}
    assert kept == {"outcomes.json", "outcomes.md", "applied.json", "before.json", "after.json"}
    assert len(azure.exemptions) == 1
    assert project.run("status").returncode == 0
    assert "waiting" in (project.root / "report" / "status.json").read_text(encoding="utf-8")
    assert project.run("drift").returncode == 0
    assert (project.root / "last" / "drift.json").exists()
    assert "eyJ" not in done.stdout + done.stderr


def test_what_is_new_is_told_to_the_channels_once(project: Project, azure: emulated.Azure) -> None:
    log_in(project, azure)
    settings = project.root / "reconciler.yaml"
    hook_settings = {"kind": "webhook", "urlFrom": "EXEMPT_WEBHOOK_URL", "secretFrom": "EXEMPT_WEBHOOK_KEY"}
    settings.write_text(settings.read_text() + yaml.safe_dump({"notify": [hook_settings]}), encoding="utf-8")
    with receiving() as hook:
        project.variables |= {"EXEMPT_WEBHOOK_URL": hook.url, "EXEMPT_WEBHOOK_KEY": "hush"}
        for told in (0, 1, 1):
            done = project.run("drift")
            assert done.returncode == 2, done.stderr
            assert len(hook.requests) == told
            assignment = repo.ROOT + repo.ASSIGNMENTS + "mcsb"
            by_hand = repo.exemption(repo.subscription(2), "by-hand", assignment, [REFERENCE])
            emulated.Client(azure, emulated.PORTAL).put(by_hand["id"], by_hand["properties"])


def test_a_guards_number_is_a_number(project: Project, azure: emulated.Azure) -> None:
    log_in(project, azure)
    merge(project)
    project.variables["ALLOW_DELETES"] = "3 --strict"
    done = project.run("plan")
    assert done.returncode == 1
    assert "ALLOW_DELETES must be a whole number" in done.stdout
    project.variables["ALLOW_DELETES"] = "3"
    assert project.run("plan").returncode == 0


def test_the_writer_is_given_to_apply_on_main_alone_behind_the_environment(project: Project) -> None:
    content = yaml.load((project.root / ".gitlab-ci.yml").read_text(encoding="utf-8"), Loader)
    writing = [name for name, job in content.items() if "WRITER" in str(job)]
    assert writing == ["apply"]
    assert content["apply"]["environment"] == "production"
    assert content["apply"]["rules"] == [
        {"if": '$CI_COMMIT_BRANCH == "main" && $CI_PIPELINE_SOURCE != "schedule"', "when": "manual"}
    ]


def test_its_pipeline_has_gitlabs_form(project: Project) -> None:
    command = [Path(sys.executable).parent / "check-jsonschema", "--builtin-schema", "vendor.gitlab-ci"]
    done = subprocess.run(
        [*command, "--data-transform", "gitlab-ci", project.root / ".gitlab-ci.yml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
