"""Pipelines in parts for Azure DevOps: every script of every job, artefacts through a folder, against the embedded Azure."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import emulated
import pytest
import yaml
from main_job import repositories as repo
from pipelines import runner
from pipelines.test_azure_devops import DECLARATION, MACRO, azure, devops, load, merge, steps
from pipelines.test_init import BIN, exempt
from pipelines.test_init_azure_devops import Redirected

__all__ = ["azure"]  # a fixture
PARTS = {"shop": repo.subscription(1), "data": repo.subscription(2)}


class Parts(Redirected):
    """An agent whose jobs hand artefacts on."""

    def job(self, content: Any) -> str:
        """Runs a job and publishes what it leaves; returns the log."""
        folder = self.sources / "azure-pipelines"
        staging = self.temp / "staging"
        shutil.rmtree(staging, ignore_errors=True)
        for name in ("record.json", "before.json", "outcomes.json"):
            (self.temp / name).unlink(missing_ok=True)
        staging.mkdir()
        self.variables.pop("recorded", None)
        self.variables.pop("completed", None)
        code, log = self.run(steps(content, folder))
        assert code == 0, log
        own = content["steps"] if "steps" in content else content["strategy"]["runOnce"]["deploy"]["steps"]
        self.variables |= {"Build.ArtifactStagingDirectory": str(staging), "Agent.TempDirectory": str(self.temp), "System.JobAttempt": "1"}  # fmt: skip
        for step in own:
            if "publish" in step and not ("recorded" in step.get("condition", "") and "recorded" not in self.variables):
                source, name = (Path(MACRO.sub(self.macro, step[key])) for key in ("publish", "artifact"))
                place = self.temp / "workspace" / name
                if source.is_dir():
                    shutil.copytree(source, place, dirs_exist_ok=True)
                else:
                    place.mkdir(parents=True, exist_ok=True)
                    shutil.copy(source, place)
        return log

    def published(self) -> set[str]:
        return {path.name for path in (self.temp / "workspace").iterdir()}


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, azure: emulated.Azure) -> Parts:
    """A repository in parts with something declared in each, and for all, on a branch."""
    tool, upstream = tmp_path / "tool", tmp_path / "upstream"
    tool.mkdir()
    for name in ("reconciler", "schemas"):
        shutil.copytree(runner.CHECKOUT / name, tool / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tool / "requirements.txt").write_text("", encoding="utf-8")
    address = "https://dev.azure.com/contoso/shop/_git/exempt"
    words = [word for name, scope in PARTS.items() for word in ("--part", f"{name}={scope}")]
    exempt(
        "init", "upstream", "--pipelines", "azure-devops", "--tool", f"{address}@{repo.commit(tool, 'The tool')}",
        "--tenant", repo.TENANT, "--scope", repo.ROOT, "--owner", "contoso/new", *words, cwd=tmp_path,
    )  # fmt: skip
    repo.commit(upstream, "Start")
    sources, temp = tmp_path / "sources", tmp_path / "temp"
    repo.git(tmp_path, "clone", "--quiet", str(upstream), str(sources))
    more = {"ticket": "SEC-1", "expiresOn": "2099-01-31", "category": "Mitigated"}
    (sources / "exemptions" / "platform").mkdir()
    for name, scope in {**PARTS, "platform/all": repo.ROOT}.items():
        declaration = repo.complete({**DECLARATION, **more, "name": name.rpartition("/")[2], "scopes": [scope]})
        if scope == repo.ROOT:
            declaration["recommendation"] = "f2f595ec-5dc6-68b4-82ef-b63563e9c610"
        (sources / "exemptions" / f"{name}.yaml").write_text(
            yaml.safe_dump(declaration, sort_keys=False), encoding="utf-8"
        )
    repo.commit(sources, "Ask for exemptions")
    runner.shims(temp)
    for variable, value in {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{tool}.insteadOf",
        "GIT_CONFIG_VALUE_0": address,
    }.items():
        monkeypatch.setenv(variable, value)
    return Parts(temp, sources, azure, {"BUILD_REPOSITORY_ID": "1"})


def jobs(content: Any) -> dict[str, Any]:
    return {job.get("job") or job["deployment"]: job for job in content["jobs"]}


def test_each_part_is_read_planned_approved_once_applied_and_healed(agent: Parts, azure: emulated.Azure) -> None:
    folder = agent.sources / "azure-pipelines"
    review = jobs(load("plan.yml", folder))
    assert list(review) == ["part_shop", "part_data", "plan"]
    for job in review.values():
        agent.job(job)
    assert "3 decisions exempt more" in (agent.temp / "plan.md").read_text(encoding="utf-8")
    shutil.rmtree(agent.temp / "workspace")
    merge(agent)
    content = load("apply.yml", folder)
    plan, apply, complete = (jobs(stage) for stage in content["stages"])
    for job in plan.values():
        log = agent.job(job)
    assert "##vso[task.setvariable variable=changes;isOutput=true]true" in log
    assert {job["environment"] for job in apply.values()} == {"production"}, "a stage is approved once for all its jobs"
    for job, scope in zip(("apply_shop", "apply_data", "rest"), (*PARTS.values(), repo.ROOT), strict=True):
        before = set(azure.exemptions)
        assert "Proven: 1 change, no rule broken." in agent.job(apply[job])
        (made,) = set(azure.exemptions) - before
        assert made.startswith(scope.lower())
    for job in complete.values():
        agent.job(job)
    revision = repo.git(agent.sources, "rev-parse", "refs/remotes/origin/main")
    assert {
        f"completed-{revision}",
        "record-1",
        "adopted-shop-1",
        "adopted-data-1",
        "adopted-rest-1",
        "outcomes-shop-1",
        "outcomes-rest-1",
    } <= agent.published()
    lost = next(key for key in azure.exemptions if PARTS["data"] in key)
    emulated.Client(azure, emulated.PORTAL).delete(lost)
    devops(agent, f"completed-{revision}")
    healing = jobs(load("reconcile.yml", folder))
    assert list(healing) == ["heal_shop", "heal_data", "rest"]
    for job in healing.values():
        agent.job(job)
    assert lost in azure.exemptions
    shutil.rmtree(agent.temp / "workspace")
    for name in ("drift.yml", "status.yml"):
        for job in jobs(load(name, folder)).values():
            agent.job(job)
    assert agent.published() == {"part-shop", "part-data", "drift", "status-shop", "status-data"}
    assert json.loads((agent.temp / "workspace" / "drift" / "drift.json").read_text())["complete"]


def test_each_connection_is_its_parts_own(agent: Parts) -> None:
    folder = agent.sources / "azure-pipelines"
    uses = [
        (name, line.strip().removeprefix("connection: "))
        for name in ("plan.yml", "apply.yml", "drift.yml", "status.yml", "reconcile.yml")
        for line in (folder / name).read_text(encoding="utf-8").splitlines()
        if line.strip().startswith("connection:")
    ]
    readers = {"exempt-reader", "exempt-reader-shop", "exempt-reader-data"}
    writers = {"exempt-writer", "exempt-writer-shop", "exempt-writer-data"}
    for name, wanted in {"plan.yml": readers, "apply.yml": readers | writers, "reconcile.yml": writers}.items():
        assert {connection for file, connection in uses if file == name} == wanted


def test_its_pipelines_have_azure_devops_form(agent: Parts) -> None:
    files = [path for path in (agent.sources / "azure-pipelines").glob("*.yml") if path.name not in {"approved.yml", "comment.yml", "steps.yml", "tool.yml"}]  # fmt: skip
    assert len(files) == 6
    assert not any(mark in path.read_text() for path in files for mark in ("@@", "#@"))
    command = [
        BIN / "check-jsonschema",
        "--builtin-schema",
        "vendor.azure-pipelines",
        "--data-transform",
        "azure-pipelines",
    ]
    done = subprocess.run(
        [*command, "--regex-variant", "nonunicode", *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
