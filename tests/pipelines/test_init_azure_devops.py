"""The Azure DevOps pipelines of a repository that `exempt init` started, with the tool fetched at its pinned commit."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import emulated
import pytest
import yaml
from main_job import repositories as repo
from pipelines import runner
from pipelines.test_azure_devops import DECLARATION, Agent, azure, load, merge, steps
from pipelines.test_init import exempt

__all__ = ["azure"]  # a fixture


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Agent:
    """A started repository whose tool lies at an address that leads to a repository on this machine."""
    tool = tmp_path / "tool"
    tool.mkdir()
    for name in ("reconciler", "schemas"):
        shutil.copytree(runner.CHECKOUT / name, tool / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tool / "requirements.txt").write_text("", encoding="utf-8")
    commit = repo.commit(tool, "The tool")
    upstream = tmp_path / "upstream"
    exempt(
        "init", "upstream", "--pipelines", "azure-devops", "--tool", f"https://dev.azure.com/contoso/shop/_git/exempt@{commit}",
        "--tenant", repo.TENANT, "--scope", repo.ROOT, "--owner", "contoso/new", cwd=tmp_path,
    )  # fmt: skip
    repo.commit(upstream, "Start")
    sources, temp = tmp_path / "sources", tmp_path / "temp"
    repo.git(tmp_path, "clone", "--quiet", str(upstream), str(sources))
    declaration = repo.complete({**DECLARATION, "ticket": "SEC-1", "expiresOn": "2027-01-31", "category": "Mitigated"})
    (sources / "exemptions" / "transfer.yaml").write_text(
        yaml.safe_dump(declaration, sort_keys=False), encoding="utf-8"
    )
    repo.commit(sources, "Ask for an exemption")
    runner.shims(temp)
    (temp / "staging").mkdir()
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.file://{tool}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://dev.azure.com/contoso/shop/_git/exempt")
    return Redirected(temp, sources)


class Redirected(Agent):
    """An agent to which the tool's address leads elsewhere."""

    def env(self) -> dict[str, str]:
        return super().env() | {name: text for name, text in os.environ.items() if name.startswith("GIT_CONFIG_")}


def test_a_first_pull_request_is_checked_planned_and_applied(agent: Agent, azure: emulated.Azure) -> None:
    folder = agent.sources / "azure-pipelines"
    code, log = agent.run(steps(load("validate.yml", folder), folder))
    assert (code, log.splitlines()[-2:]) == (0, ["1 declaration checked: no problems", "not mixed"]), log
    agent.azure = azure
    code, log = agent.run(steps(load("plan.yml", folder), folder))
    assert code == 0, log
    merge(agent)
    content = load("apply.yml", folder)
    code, log = agent.run(steps(content["stages"][0], folder))
    assert code == 0, log
    (agent.temp / "workspace").mkdir()
    shutil.copytree(agent.temp / "staging", agent.temp / "workspace" / "plan")
    code, log = agent.run(steps(content["stages"][1], folder))
    assert code == 0, log
    assert len(azure.exemptions) == 1


def test_the_tool_is_the_one_that_is_pinned(agent: Agent) -> None:
    folder = agent.sources / "azure-pipelines"
    pinned = (folder / "tool.yml").read_text(encoding="utf-8")
    (folder / "tool.yml").write_text(
        pinned.replace(pinned.split("--detach ")[1].split("\n")[0], "0" * 40), encoding="utf-8"
    )
    code, _ = agent.run(steps(load("validate.yml", folder), folder))
    assert code != 0
