"""A repeated old run, a tag or a branch brings nothing back: in all three sets of pipelines, every job that holds an
identity works on main as it is now.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pipelines import runner
from pipelines.test_azure_devops import FOLDER, load, steps

from reconciler import package_data

SETS = {"ours": runner.WORKFLOWS, "init": package_data.templates() / "repository" / "github" / ".github" / "workflows"}
ON_MAIN = "eq(variables['Build.SourceBranch'], 'refs/heads/main')"


def privileged(folder: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every job that may log in to Azure."""
    for path in sorted(folder.glob("*.yml")):
        for name, job in runner.load(path.name, folder)["jobs"].items():
            if "AZURE_CLIENT_ID" in job.get("env", {}):
                assert job["permissions"]["id-token"] == "write"
                yield path.name, name, job


@pytest.mark.parametrize("which", SETS)
def test_every_privileged_job_works_on_main_as_it_is_now(which: str) -> None:
    seen = set()
    for file, name, job in privileged(SETS[which]):
        seen.add((file, name))
        refs = [
            step["with"].get("ref") for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")
        ]
        if file == "plan.yml":  # a pull request is data; the tool that reads it, where it is checked out, is main's
            assert set(refs[:-1]) <= {"refs/heads/main"}
            assert refs[-1] is None
            continue
        assert refs == ["refs/heads/main"], (file, name)
        above = job.get("needs")
        condition = job["if"] if above is None else runner.load(file, SETS[which])["jobs"][above]["if"]
        assert condition == "github.ref == 'refs/heads/main'", (file, name)
    assert len(seen) == 6


@pytest.mark.parametrize("which", SETS)
def test_what_production_approved_is_found_before_anything_of_the_repository_is_there(which: str) -> None:
    """By every job that may log in to Azure, in the same way; each passes the record on to what it runs."""
    scripts = set()
    for file, name, job in privileged(SETS[which]):
        assert job["permissions"]["actions"] == "read", (file, name)
        names = [step.get("id") or step.get("uses", "").partition("@")[0] for step in job["steps"]]
        assert names.index("approved") < names.index("actions/checkout"), (file, name)
        step = next(step for step in job["steps"] if step.get("id") == "approved")
        assert set(step["env"]) == {"GH_TOKEN", "REPOSITORY"}
        scripts.add(step["run"])
        (commands,) = (
            [step.get("env", {}).get("RECORD", ""), step.get("run", ""), step.get("with", {}).get("arguments", "")]
            for step in job["steps"]
            if "reconciler plan" in str(step) or "reconciler apply" in str(step) or "reconciler drift" in str(step)
            or "reconciler status" in str(step)
            or step.get("with", {}).get("command", "register") not in {"register", "snapshot", "verify"}
        )  # fmt: skip
        assert "steps.approved.outputs.record" in commands[0] + commands[2], (file, name)
        assert "--record" in commands[1] + commands[2], (file, name)
        assert ("--record-out" in commands[1] + commands[2]) == (name == "apply"), (file, name)
    assert len(scripts) == 1


@pytest.mark.parametrize("which", SETS)
def test_the_old_way_of_healing_is_gone(which: str) -> None:
    for folder in (SETS[which], FOLDER):
        for path in folder.glob("*.yml"):
            assert "recreate" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.yml")))
def test_on_azure_devops_no_tag_stands_before_a_branch(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(r"(?<!refs/remotes/)\borigin/main\b", text.replace("the name origin/main", ""))
    for step in steps(load(name)):
        if "checkout" in step:
            assert step["fetchTags"] == "false"


def privileged_on_devops(content: Any, conditions: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """For every use of the steps that log in, the conditions of the stages and jobs around it."""
    if isinstance(content, list):
        for part in content:
            yield from privileged_on_devops(part, conditions)
    elif isinstance(content, dict):
        if content.get("template") == "steps.yml":
            yield conditions
        around = (*conditions, content["condition"]) if "condition" in content else conditions
        for part in content.values():
            yield from privileged_on_devops(part, around)


def test_on_azure_devops_every_privileged_stage_is_of_main_and_checks_it_out() -> None:
    found = 0
    for name in ("apply.yml", "drift.yml", "reconcile.yml", "status.yml"):
        content = load(name)
        for conditions in privileged_on_devops(content):
            found += 1
            assert any(ON_MAIN in condition for condition in conditions), name
        for step in steps(content):
            if "exempt apply" in step.get("script", "") or "exempt drift" in step.get("script", ""):
                assert "checkout --quiet --detach refs/remotes/origin/main" in step["script"]
    assert found == 5


def test_on_azure_devops_what_production_approved_is_found_before_the_checkout() -> None:
    apply = load("apply.yml")["stages"]
    for content in (*apply, load("plan.yml"), load("drift.yml"), load("reconcile.yml"), load("status.yml")):
        kinds = [
            "checkout" if "checkout" in step else "bash" if "bash" in step else step.get("task", "")
            for step in steps(content)
        ]
        assert kinds.index("bash") < kinds.index("DownloadPipelineArtifact@2") < kinds.index("checkout")
        (script,) = (
            step["script"] for step in steps(content) if re.search("^ *exempt ", step.get("script", ""), re.MULTILINE)
        )
        assert '"${record[@]}"' in script.partition("exempt()")[2]


@pytest.mark.parametrize("which", SETS)
def test_no_job_may_write_anything_but_what_it_is_for(which: str) -> None:
    allowed = {"id-token": {"plan", "apply", "drift", "reconcile", "status", "pages"}}
    allowed |= {"security-events": {"drift", "scorecard"}, "pages": {"pages"}}
    allowed |= {
        "pull-requests": {"comment", "request", "renew"},
        "issues": {"issue", "request"},
        "contents": {"request", "renew"},
    }
    for path in SETS[which].glob("*.yml"):
        if path.name == "release.yml":  # of the tool, not of exemptions; test_release.py holds it to its own
            continue
        workflow = runner.load(path.name, SETS[which])
        assert workflow["permissions"] == {}
        for name, job in workflow["jobs"].items():
            writes = {what for what, level in job["permissions"].items() if level != "read"}
            assert all(name in allowed.get(what, ()) for what in writes), (path.name, name, writes)
            assert not {"contents", "pull-requests", "issues"} & writes or "id-token" not in writes
