"""`exempt init`: a repository that passes its own checks and whose pipelines run the pinned tool."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import emulated
import prefork
import pytest
import yaml
from main_job import repositories as repo
from pipelines import runner

from reconciler import __version__
from reconciler.runs.scaffold import Pipelines

AZURE_PIPELINES = sorted(path.name for path in (runner.CHECKOUT / "azure-pipelines").glob("*.yml"))
TOOL = "contoso/exempt@" + "0123456789" * 4
BIN = Path(sys.executable).parent


def exempt(*arguments: str, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = prefork.run(arguments, cwd=cwd, env={"PATH": os.environ["PATH"], "HOME": str(cwd)})
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture
def started(tmp_path: Path) -> Path:
    """A fresh repository for the embedded Azure's tenant."""
    exempt(
        "init",
        "new",
        "--tool",
        TOOL,
        "--tenant",
        repo.TENANT,
        "--scope",
        repo.ROOT,
        "--owner",
        "contoso/new",
        cwd=tmp_path,
    )
    return tmp_path / "new"


def test_a_new_repository_passes_its_own_validate_and_the_checks_of_its_workflows(started: Path) -> None:
    exempt("validate", cwd=started)
    workflows = sorted((started / ".github" / "workflows").glob("*.yml"))
    for command in (
        [BIN / "zizmor", "--quiet", "--offline", "--persona=pedantic", started / ".github"],
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows],
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.dependabot", started / ".github" / "dependabot.yml"],
        [BIN / "check-jsonschema", "--schemafile", started / "schemas" / "reconciler.schema.json", started / "reconciler.yaml"],
    ):  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_placeholder_is_filled_and_the_tool_is_pinned_everywhere(started: Path) -> None:
    texts = [path.read_text(encoding="utf-8") for path in started.rglob("*") if path.is_file()]
    assert not any("@@" in text for text in texts)
    commit = TOOL.rsplit("@", 1)[-1]
    for name in ("requirements-tool.txt", ".github/workflows/plan.yml", "README.md"):
        assert commit in (started / name).read_text(encoding="utf-8")
    for path in (started / ".github" / "workflows").glob("*.yml"):
        assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", use) for use in re.findall(r"uses: (\S+)", path.read_text()))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--tool", "exempt"], "--tool"),
        (["--tool", TOOL, "--tenant", "contoso"], "--tenant"),
        (["--tool", TOOL, "--team", "security"], "--team"),
        (["--tool", TOOL, "--owner", "a b"], "--owner"),
        (["--tool", TOOL, "--scope", "payments"], "--scope"),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_written(tmp_path: Path, arguments: list[str], named: str) -> None:
    refused = exempt("init", "new", *arguments, cwd=tmp_path, code=1)
    assert named in refused.stderr
    assert not (tmp_path / "new").exists()


def test_what_would_be_overwritten_is_listed_and_nothing_is_written(tmp_path: Path) -> None:
    new = tmp_path / "new"
    (new / "schemas").mkdir(parents=True)
    (new / "reconciler.yaml").write_text("mine")
    (new / "schemas" / "catalog.schema.json").write_text("mine")
    refused = exempt("init", "new", "--tool", TOOL, cwd=tmp_path, code=1)
    assert "reconciler.yaml, schemas/catalog.schema.json" in refused.stderr
    assert sorted(path.name for path in new.rglob("*") if path.is_file()) == ["catalog.schema.json", "reconciler.yaml"]


def test_a_second_run_says_that_nothing_changed_and_one_that_was_cut_off_goes_on(started: Path) -> None:
    words = ("init", "new", "--tool", TOOL, "--tenant", repo.TENANT, "--scope", repo.ROOT, "--owner", "contoso/new")
    number = sum(path.is_file() for path in started.rglob("*"))
    again = exempt(*words, cwd=started.parent)
    there = f"nothing changed: new has all {number} files already; new/README.md says what to do next\n"
    assert (again.stdout, again.stderr) == ("", there)
    (started / "schemas" / "exemption.schema.json").unlink()
    rest = exempt(*words, cwd=started.parent)
    assert rest.stdout == "schemas/exemption.schema.json\n"
    assert rest.stderr.splitlines() == [
        f"1 file written in new, {number - 1} were there already; new/README.md says what to do next",
        "'exempt validate --root new' checks it",
    ]
    upgraded = exempt("init", "--upgrade", "new", "--tool", TOOL, cwd=started.parent)
    assert upgraded.stdout == "nothing to change\n"
    assert "git diff" not in upgraded.stderr


def test_what_cannot_be_written_is_said_with_what_to_do(tmp_path: Path) -> None:
    assert refused(tmp_path, "/proc/new", "--pipelines", "none") == [
        "error: /proc/new/.gitignore cannot be written: No such file or directory",
        "help: make room or get the right to write there, and run this again: it goes on with what is there",
    ]


def test_a_clone_of_an_empty_repository_keeps_its_readme_and_tells_its_pipelines(tmp_path: Path) -> None:
    new = tmp_path / "new"
    repo.git(tmp_path, "init", "--quiet", "new")
    repo.git(new, "remote", "add", "origin", "https://contoso@dev.azure.com/contoso/shop/_git/exemptions")
    for name in ("README.md", "LICENSE", ".gitignore"):
        (new / name).write_text("theirs\n")
    done = exempt("init", ".", "--tool", TOOL, "--owner", "contoso/new", "--tenant", repo.TENANT, cwd=new)
    assert all((new / name).read_text() == "theirs\n" for name in ("README.md", "LICENSE", ".gitignore"))
    assert "EXEMPTIONS.md says what to do next" in done.stderr
    assert "`exempt-reader`" in (new / "EXEMPTIONS.md").read_text()
    assert sorted(path.name for path in (new / "azure-pipelines").iterdir()) == AZURE_PIPELINES
    assert not (new / ".github").exists()
    exempt("validate", cwd=new)


@pytest.mark.parametrize(
    ("remote", "system"),
    [
        ("https://github.com/contoso/exemptions.git", "github"),
        ("git@github.com:contoso/exemptions.git", "github"),
        ("git@ssh.dev.azure.com:v3/contoso/shop/exemptions", "azure-devops"),
        ("https://contoso.visualstudio.com/shop/_git/exemptions", "azure-devops"),
        ("https://gitlab.contoso.example/security/exemptions", "gitlab"),
        ("https://github.com.contoso.example/a/b", None),
        ("/srv/git/exemptions.git", None),
    ],
)
def test_the_host_of_a_remote_tells_its_pipelines(remote: str, system: str | None) -> None:
    assert Pipelines.at(remote) == system


def action(
    workspace: Path, temp: Path, step: dict[str, Any], context: dict[str, str], env: dict[str, str]
) -> runner.Job:
    """Runs the composite action's scripts for one step that uses it."""
    steps = yaml.safe_load((runner.CHECKOUT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    outer = runner.Job([], workspace, {"runner.temp": str(temp), **context})
    inputs = {f"inputs.{name}": outer.evaluate(value) for name, value in step["with"].items()}
    full = {"inputs.directory": ".", **inputs, "github.action_path": str(runner.CHECKOUT)}
    return runner.job({"jobs": {"x": {"steps": steps}}}, "x", workspace, temp, full, env).run()


def uses(workflow: dict[str, Any], job: str, name: str) -> dict[str, Any]:
    return next(step for step in workflow["jobs"][job]["steps"] if step["name"] == name)


def test_the_pipelines_of_a_new_repository_plan_apply_and_report(started: Path, tmp_path: Path) -> None:
    folder = started / ".github" / "workflows"
    declaration = {
        "name": "transfer", "recommendation": "Secure transfer to storage accounts should be enabled",
        "scopes": [repo.subscription(1)], "expiresOn": "2099-01-01", "category": "Mitigated", "ticket": "SEC-1",
    }  # fmt: skip
    text = yaml.safe_dump(repo.complete(declaration), sort_keys=False)
    (started / "exemptions" / "transfer.yaml").write_text(text, encoding="utf-8")
    revision = repo.commit(started, "Declare")
    context = {"github.event.pull_request.base.sha": revision}
    temp = tmp_path / "temp"
    with emulated.running(repo.tenant(repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK))) as azure:
        apply_workflow = runner.load("apply.yml", folder)
        checked = action(started, temp, uses(runner.load("validate.yml", folder), "validate", "Validate"), context, {})
        assert not checked.failed, checked.log
        planned = action(started, temp, uses(apply_workflow, "plan", "Plan"), context, azure.env)
        assert planned.outputs["run"] == {"code": "2"}, planned.log
        proven = action(started, temp, uses(apply_workflow, "plan", "Prove the plan"), context, azure.env)
        assert (proven.outputs["run"], "Proven: 1 change" in proven.log) == ({"code": "0"}, True), proven.log
        (temp / "approved").mkdir()
        (temp / "plan.json").rename(temp / "approved" / "plan.json")
        applied = action(started, temp, uses(apply_workflow, "apply", "Apply what was approved"), context, azure.env)
        assert applied.outputs["run"] == {"code": "0"}, applied.log
        assert len(azure.exemptions) == 1
        for name in ("Read Azure again", "Prove what was written"):
            proven = action(started, temp, uses(apply_workflow, "apply", name), context, azure.env)
            assert proven.outputs["run"] == {"code": "0"}, proven.log
        assert "Proven: 1 change" in proven.log
        assert json.loads((temp / "record.json").read_text())["adopted"] == []
        (temp / "record.json").rename(temp / "last-record.json")
        outputs = {"approved": {"record": str(temp / "last-record.json"), "revision": revision}}
        for file, job, name in (
            ("plan.yml", "plan", "Plan"), ("apply.yml", "plan", "Plan"), ("apply.yml", "apply", "Apply what was approved"),
            ("drift.yml", "drift", "Report"), ("status.yml", "status", "Report"), ("reconcile.yml", "reconcile", "Heal"),
        ):  # fmt: skip
            step = uses(runner.load(file, folder), job, name)
            assert runner.Job([], started, {}, outputs=outputs).evaluate(step["with"]["arguments"]).count(
                f"--record={temp}/last-record.json\n"
            ) == 1  # fmt: skip
        drift = runner.load("drift.yml", folder)
        report = action(started, temp, uses(drift, "drift", "Report"), context, azure.env)
        assert report.outputs["run"]["code"] in {"0", "2"}, report.log
        assert json.loads((temp / "drift.sarif").read_text())["version"] == "2.1.0"
        shown = action(started, temp, uses(runner.load("status.yml", folder), "status", "Report"), context, azure.env)
        assert shown.outputs["run"] == {"code": "0"}, shown.log
        assert json.loads((temp / "status.json").read_text())["summary"] == {"waiting": 1}


@pytest.mark.parametrize(
    ("name", "job"),
    [
        ("plan.yml", "plan"),
        ("apply.yml", "plan"),
        ("reconcile.yml", "reconcile"),
        ("drift.yml", "drift"),
        ("status.yml", "status"),
    ],
)
def test_without_a_tenant_its_pipelines_do_nothing_and_say_so(
    started: Path, tmp_path: Path, name: str, job: str
) -> None:
    workflow = runner.load(name, started / ".github" / "workflows")
    done = runner.job(workflow, job, started, tmp_path / "temp", {}, {}).run()
    assert not done.failed
    assert "nothing to do: the repository's variables name no Azure tenant" in done.log


def test_its_other_scripts_are_those_that_the_tools_own_workflows_run_in_tests(started: Path) -> None:
    folder = started / ".github" / "workflows"
    for name, job in (
        ("validate.yml", "unmixed"),
        ("plan.yml", "comment"),
        ("drift.yml", "issue"),
        ("status.yml", "comment"),
    ):
        theirs, ours = (
            runner.load(name, place)["jobs"][job]["steps"][-1]["run"] for place in (folder, runner.WORKFLOWS)
        )
        assert theirs == ours


def test_what_is_refuted_is_offered_to_nobody_and_recorded_by_nobody(started: Path) -> None:
    workflows = {
        name: runner.load(name, started / ".github" / "workflows")
        for name in ("plan.yml", "apply.yml", "reconcile.yml")
    }
    plan = workflows["apply.yml"]["jobs"]["plan"]
    assert plan["outputs"]["code"].startswith("${{ steps.proof.outputs.code == '0' && ")
    names = [step["name"] for step in plan["steps"]]
    assert names.index("Prove the plan") < names.index("Save the approvals")
    assert "steps.proof.outputs.code == '0'" in uses(workflows["apply.yml"], "plan", "Save the approvals")["if"]
    names = [step["name"] for step in workflows["apply.yml"]["jobs"]["apply"]["steps"]]
    assert names.index("Prove what was written") < names.index("Say which revision is complete")
    assert "always()" not in uses(workflows["apply.yml"], "apply", "Say which revision is complete").get("if", "")
    assert uses(workflows["plan.yml"], "plan", "Prove the plan")
    assert uses(workflows["reconcile.yml"], "reconcile", "Prove what was written")


@pytest.mark.parametrize(
    ("number", "accepted"), [("", True), ("12", True), ("12\n--delete-orphans=9", False), ("-1", False), ("x", False)]
)
def test_the_number_of_a_guard_cannot_carry_other_options(
    started: Path, tmp_path: Path, number: str, accepted: bool
) -> None:
    workflow = runner.load("apply.yml", started / ".github" / "workflows")
    step = uses(workflow, "plan", "Check the numbers")
    for name in workflow["on"]["workflow_dispatch"]["inputs"]:
        context = {f"inputs.{name}": number}
        done = runner.job({"jobs": {"x": {"steps": [step]}}}, "x", started, tmp_path / "temp", context, {}).run()
        assert done.failed != accepted


def test_the_action_fails_the_step_where_the_command_fails(started: Path, tmp_path: Path) -> None:
    (started / "exemptions" / "bad.yaml").write_text("name: bad\n", encoding="utf-8")
    step = {"with": {"command": "validate", "arguments": "--format\ngithub\n"}}
    done = action(started, tmp_path / "temp", step, {}, {})
    assert done.failed
    assert "::error file=exemptions/bad.yaml" in done.log


def refused(folder: Path, *words: str) -> list[str]:
    """The problem and what to do about it."""
    done = exempt("init", *words, cwd=folder, code=1)
    assert done.stdout == ""
    return done.stderr.splitlines()


AT_HOST = "https://git.contoso.example/tools/exempt@" + "0123456789" * 4
FORM = "is not of the form wanted"


@pytest.mark.parametrize(
    ("arguments", "problem", "remedy"),
    [
        (
            ["--tool", "contoso/exempt@v1"],
            "--tool: 'contoso/exempt@v1' is not ORGANISATION/REPOSITORY@COMMIT or https://HOST/PATH@COMMIT",
            "give all 40 digits of the commit",
        ),
        (
            ["--tool", AT_HOST, "--pipelines", "github"],
            "workflows on GitHub can use a tool on GitHub only, and this one is at https://git.contoso.example/tools/exempt",
            "mirror it on GitHub and add --tool ORGANISATION/REPOSITORY@COMMIT, or choose other --pipelines",
        ),
        (["--owner", "a b"], f"--owner: 'a b' {FORM}", "give letters, digits, dots, dashes and slashes, 100 at most"),
        (["--tenant", "contoso"], f"--tenant: 'contoso' {FORM}", "give the tenant's GUID"),
        (["--team", "security"], f"--team: 'security' {FORM}", "give @ORGANISATION/TEAM or @USER"),
        (
            ["--pipelines", "gitlab", "--part", f"a={repo.subscription(1)}"],
            "--part: the pipelines for gitlab run in one part",
            'leave it out, or write the jobs by hand (docs/operations.md, "Many subscriptions")',
        ),
        (
            ["--part", f"a={repo.subscription(1)}", "--part", f"a={repo.subscription(2)}"],
            "--part: the name a stands twice",
            "give each part its own",
        ),
        (
            ["--part", f"a={repo.subscription(1)}", "--part", f"b={repo.subscription(1)}"],
            f"--part: the scope {repo.subscription(1)} stands twice",
            "give each part its own",
        ),
        (
            ["--part", f"a={repo.subscription(1)}/resourceGroups/rg"],
            "--part: a is a resource group, but lists are read by subscription",
            "name management groups and subscriptions",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_wrong_with_an_option_is_said_with_what_to_give(
    tmp_path: Path, arguments: list[str], problem: str, remedy: str
) -> None:
    tool = [] if "--tool" in arguments else ["--tool", TOOL]
    assert refused(tmp_path, "new", *tool, *arguments) == [f"error: {problem}", f"help: {remedy}"]
    assert not (tmp_path / "new").exists()


def test_what_is_in_the_way_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("theirs")
    assert refused(tmp_path, "file", "--tool", TOOL, "--owner", "contoso/new") == [
        "error: 'file' is not a folder",
        "help: name a new folder, or an empty repository",
    ]
    (tmp_path / "new").mkdir()
    for name, content in (("reconciler.yaml", b"mine"), ("requirements.txt", b"\xff")):
        (tmp_path / "new" / name).write_bytes(content)
    assert refused(tmp_path, "new", "--tool", TOOL) == [
        "error: 'new' has files that would be overwritten: reconciler.yaml, requirements.txt",
        (
            "help: move them away, or name a new folder; to move a repository to this version of the tool: "
            "exempt init --upgrade"
        ),
    ]
    assert refused(tmp_path, "--upgrade", "new", "--tool", TOOL) == [
        "error: 'new' has no .exempt-init.json, so nothing says what 'exempt init' wrote there",
        "help: start a new repository beside it with 'exempt init', and copy exemptions/ and reconciler.yaml there",
    ]


def test_a_file_that_an_upgrade_cannot_read_is_named(started: Path) -> None:
    (started / "requirements.txt").write_bytes(b"\xff")
    problem, remedy = refused(started, "--upgrade", ".", "--tool", TOOL)
    assert problem.startswith("error: requirements.txt cannot be read: ")
    assert remedy == "help: restore it from git"


def test_what_was_written_from_which_values_is_noted(tmp_path: Path) -> None:
    """So that an upgrade writes the same with another tool."""
    parts = [word for number in (1, 2) for word in ("--part", f"p{number}={repo.subscription(number)}")]
    values = ["--tenant", repo.TENANT, "--team", "@contoso/risk", "--scope", repo.ROOT, "--owner", "contoso/new"]
    exempt("init", "new", "--tool", AT_HOST, "--pipelines", "azure-devops", *values, *parts, cwd=tmp_path)
    text = (tmp_path / "new" / ".exempt-init.json").read_text(encoding="utf-8")
    note = json.loads(text)
    assert text == json.dumps(note, indent=2) + "\n"
    address, _, commit = AT_HOST.partition("@")
    assert note["tool"] == {"version": __version__, "repository": address, "commit": commit}
    assert note["format_version"] == "1.0"
    assert note["values"] == {
        "owner": "contoso/new",
        "tenant": repo.TENANT,
        "scopes": [repo.ROOT],
        "team": "@contoso/risk",
        "pipelines": "azure-devops",
        "parts": {f"p{number}": repo.subscription(number) for number in (1, 2)},
    }
    there = {path.relative_to(tmp_path / "new").as_posix() for path in (tmp_path / "new").rglob("*") if path.is_file()}
    assert set(note["files"]) == there - {".exempt-init.json"}
    settings = yaml.safe_load((tmp_path / "new" / "reconciler.yaml").read_text(encoding="utf-8"))
    assert (settings["owner"], settings["tenantId"], settings["scopes"]) == ("contoso/new", repo.TENANT, [repo.ROOT])
    assert f"exempt @ git+{address}@{commit}" in (tmp_path / "new" / "requirements-tool.txt").read_text("utf-8")
    schema = json.loads((tmp_path / "new" / "schemas" / "exemption.schema.json").read_text(encoding="utf-8"))
    assert schema["$id"] == "exemption.schema.json"


def test_what_nobody_says_is_the_folder_the_tenants_root_group_and_github(tmp_path: Path) -> None:
    exempt("init", "new", "--tool", TOOL, "--tenant", repo.TENANT, cwd=tmp_path)
    note = json.loads((tmp_path / "new" / ".exempt-init.json").read_text(encoding="utf-8"))
    assert note["values"] == {
        "owner": "new",
        "tenant": repo.TENANT,
        "scopes": [f"/providers/Microsoft.Management/managementGroups/{repo.TENANT}"],
        "team": "@contoso/security-reviewers",
        "pipelines": "github",
        "parts": {},
    }
    schema = json.loads((tmp_path / "new" / "schemas" / "exemption.schema.json").read_text(encoding="utf-8"))
    place = TOOL.replace("@", "/")
    assert schema["$id"] == f"https://raw.githubusercontent.com/{place}/schemas/exemption.schema.json"
