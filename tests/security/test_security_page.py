"""docs/security.md says nothing that is not so: its tests exist, its commands parse, its names are the workflows' own."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from pipelines import runner

from reconciler.azure.rights import Role, role_definitions
from reconciler.model import arm_id
from reconciler.reports.plan_markdown import MARKER

PAGE = (runner.CHECKOUT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = {int(row[1]): row[0] for row in re.finditer(r"^\| (\d+) \|.*$", PAGE, re.MULTILINE)}
SCRIPTS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_every_threat_is_there_with_a_test() -> None:
    assert sorted(ROWS) == list(range(1, len(ROWS) + 1))
    assert len(ROWS) >= 27
    assert [number for number, row in ROWS.items() if "::test_" not in row] == []


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(tests/[^`]*)`", PAGE))))
def test_every_test_that_the_page_names_exists(named: str) -> None:
    file, _, function = named.partition("::")
    tree = ast.parse((runner.CHECKOUT / file).read_text(encoding="utf-8"))
    assert function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("script", SCRIPTS, ids=range(len(SCRIPTS)))
def test_the_commands_parse(script: str) -> None:
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_commands_send_valid_json() -> None:
    for text in re.findall(r"<<'?EOF'?\n(.*?)^EOF$", PAGE, re.MULTILINE | re.DOTALL):
        assert json.loads(text.replace("$reviewers", "[]"))


FAKE = """#!/usr/bin/env bash
# Notes the call and its input, and answers what the page's commands ask for.
{ printf '%s' "$(basename "$0")"; printf ' %q' "$@"; echo; } >>"$NOTES"
case "$*" in *"--input -"*) tr '\\n' ' ' >>"$NOTES"; echo >>"$NOTES" ;; esac
case "$(basename "$0") $*" in
  *owner.login*) echo 'repo:contoso@1/exemptions@2' ;;
  *"account show"*) echo tenant-id ;;
  *"ad app create --display-name exempt-reader"*) echo reader-id ;;
  *"ad app create --display-name exempt-writer"*) echo writer-id ;;
  *"--jq .id"*) echo 77 ;;
  "exempt doctor"*) echo '{}' ;;
esac
"""


def test_the_commands_run_and_ask_for_what_the_pipelines_need(tmp_path: Path) -> None:
    for name in ("az", "gh", "exempt"):
        (tmp_path / name).write_text(FAKE, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    notes = tmp_path / "notes"
    env = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "NOTES": str(notes)}
    script = "set -euo pipefail\n" + "".join(SCRIPTS)
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    said = notes.read_text(encoding="utf-8").replace("\\", "")
    subjects = re.findall(r'create --id (\S+) .*\n?.*"subject": "([^"]+)"', said.replace("$'", "'").replace("n ", " "))
    assert sorted(subjects) == [
        ("reader-id", "repo:contoso@1/exemptions@2:pull_request"),
        ("reader-id", "repo:contoso@1/exemptions@2:ref:refs/heads/main"),
        ("writer-id", "repo:contoso@1/exemptions@2:environment:healing"),
        ("writer-id", "repo:contoso@1/exemptions@2:environment:production"),
    ]
    assert '"reviewers": [{"type": "Team", "id": 77}]' in said, "production"
    assert '"reviewers": []' in said, "healing"
    assert "gh variable set AZURE_WRITER_CLIENT_ID --repo contoso/exemptions --body writer-id" in said


def test_the_commands_name_what_the_workflows_use() -> None:
    workflows = [
        path for path in runner.WORKFLOWS.glob("*.yml") if path.name != "release.yml"
    ]  # of the tool, not of exemptions
    used = "".join(path.read_text(encoding="utf-8") for path in workflows)
    commands = "".join(SCRIPTS)
    for variable in re.findall(r"vars\.(\w+)", used):
        assert f"gh variable set {variable} " in commands
    for environment in re.findall(r"environment: ((?!github-pages)\w+)", used):
        assert f"$SUBJECT:environment:{environment}" in commands
    checks = set(re.findall(r'"context": "([^"]+)"', commands))
    jobs = {job["name"]: name for name in ("validate.yml",) for job in runner.load(name)["jobs"].values()}
    assert checks <= set(jobs), "a required check that no job has would block every pull request"
    assert "paths" not in (runner.load("validate.yml")["on"]["pull_request"] or {}), "a filter would leave it pending"


def test_code_owners_own_themselves_and_everything_that_judges() -> None:
    template = runner.CHECKOUT / "reconciler/templates/repository/github/.github/CODEOWNERS"
    for path in (runner.CHECKOUT / ".github/CODEOWNERS", template):
        rows = [row.split() for row in path.read_text(encoding="utf-8").splitlines() if row and not row.startswith("#")]
        assert rows[0][0] == "*"
        assert [row for row in rows if len(row) < 2] == [], "a line without an owner gives its files away"
        owned = [row[0] for row in rows]
        folders = [index for index, name in enumerate(owned) if name.startswith("/exemptions/")]
        protected = [owned.index(name) for name in ("/reconciler.yaml", "/catalog.yaml", "/.github/")]
        assert min(protected) > max(folders), "the last match counts"


def test_the_roles_that_the_page_assigns_are_those_that_the_doctor_prints() -> None:
    scope = arm_id("/providers/Microsoft.Management/managementGroups/contoso")
    names = {role_definitions(role, [scope])[0]["Name"] for role in (Role.READER, Role.WRITER)}
    assert names == set(re.findall(r'^assign "\$\w+" "([^"]+)"$', PAGE, re.MULTILINE))


def test_the_workflow_finds_its_own_comment_and_issue() -> None:
    for folder in (runner.WORKFLOWS, runner.CHECKOUT / "reconciler/templates/repository/github/.github/workflows"):
        assert f"marker='{MARKER}'" in (folder / "plan.yml").read_text(encoding="utf-8")


def test_dependabot_reads_as_github_does() -> None:
    for folder in (runner.CHECKOUT, runner.CHECKOUT / "reconciler/templates/repository/github"):
        content = yaml.safe_load((folder / ".github/dependabot.yml").read_text(encoding="utf-8"))
        assert all(update["cooldown"]["default-days"] >= 7 for update in content["updates"])
