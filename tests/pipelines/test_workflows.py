"""What ships must run: every script of the workflows, against the embedded Azure, and the rules that keep them safe."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import emulated
import pytest
from main_job import repositories as repo
from pipelines import runner

from reconciler.emulator.state.principals import PIPELINE
from reconciler.reports.obstacles import PARAMETERS
from reconciler.reports.plan_markdown import MARKER

NAMES = sorted(path.name for path in runner.WORKFLOWS.glob("*.yml"))
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
DECLARATION = {
    "name": "transfer",
    "recommendation": "Secure transfer to storage accounts should be enabled",
    "scopes": [repo.subscription(1)],
}
TENANT = {"vars.AZURE_TENANT_ID": repo.TENANT, "vars.AZURE_READER_CLIENT_ID": "", "vars.AZURE_WRITER_CLIENT_ID": ""}


@pytest.fixture
def azure() -> Iterator[emulated.Azure]:
    with emulated.running(repo.tenant(AT_ROOT)) as cloud:
        yield cloud


@pytest.fixture
def pull_request(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A workspace with `tool` and `data` checked out, and the event's context."""
    data = repo.write(tmp_path / "data", [])
    base = repo.commit(data, "Start")
    repo.write(data, [DECLARATION])
    head = repo.commit(data, "Ask for an exemption")
    (tmp_path / "tool").symlink_to(runner.CHECKOUT)
    event = {"github.event.pull_request.base.sha": base, "github.event.pull_request.head.sha": head}
    return tmp_path, event


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """A workspace in which main is checked out and the tool lies beside the declarations, as in this repository."""
    root = repo.write(tmp_path / "main", [DECLARATION])
    repo.commit(root, "Declare")
    (root / "reconciler").symlink_to(runner.CHECKOUT / "reconciler")
    (root / "schemas").symlink_to(runner.CHECKOUT / "schemas")
    return root


def machine(azure: emulated.Azure, client: str = "set") -> dict[str, str]:
    """The runner's environment: the way to the embedded Azure and nothing else. The default identity has no client id
    of its own, so the variable that names one is left empty for the tool and only the gate sees it."""
    return {**azure.env, "LANG": "C.UTF-8"}


def ready(temp: Path, context: dict[str, str], azure: emulated.Azure, kind: str) -> dict[str, str]:
    return {**context, **TENANT, f"vars.AZURE_{kind}_CLIENT_ID": azure.tenant.principals.default.client_id}


@pytest.mark.parametrize("name", NAMES)
def test_every_action_is_pinned_and_every_job_is_bounded(name: str) -> None:
    workflow = runner.load(name)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 120
        for step in job["steps"]:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step.get("uses", "a/b@" + "0" * 40))
            assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("name", NAMES)
def test_no_workflow_runs_with_a_hostile_trigger_or_shares_its_token(name: str) -> None:
    workflow = runner.load(name)
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(workflow["on"])
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_only_jobs_in_an_environment_can_write_to_azure() -> None:
    for name in NAMES:
        for job in runner.load(name)["jobs"].values():
            if "WRITER" in json.dumps(job.get("env", {})):
                assert job["environment"] in {"production", "healing"}
            if "pull-requests" in job["permissions"] or "issues" in job["permissions"]:
                assert "id-token" not in job["permissions"]


def test_the_tool_of_a_pull_request_is_never_run() -> None:
    for name in ("validate.yml", "plan.yml"):
        text = (runner.WORKFLOWS / name).read_text(encoding="utf-8")
        assert "PYTHONPATH: ${{ github.workspace }}/tool" in text
        assert "-P -m reconciler" in text


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
def test_without_a_tenant_nothing_happens_and_is_said(name: str, job: str, tmp_path: Path) -> None:
    done = runner.job(runner.load(name), job, tmp_path, tmp_path / "temp", {}, {}).run()
    assert not done.failed
    assert "nothing to do: the repository's variables name no Azure tenant" in done.log
    assert done.log.count("###") == 1


def test_validate_annotates_a_mistake_and_fails(pull_request: tuple[Path, dict[str, str]]) -> None:
    workspace, event = pull_request
    path = workspace / "data" / "exemptions" / "transfer.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("Waiver", "waiver"), encoding="utf-8")
    done = runner.job(runner.load("validate.yml"), "validate", workspace, workspace / "temp", event, {}).run()
    assert done.failed
    assert "::error file=exemptions/transfer.yaml,line=" in done.log


def test_validate_accepts_a_good_pull_request(pull_request: tuple[Path, dict[str, str]]) -> None:
    workspace, event = pull_request
    done = runner.job(runner.load("validate.yml"), "validate", workspace, workspace / "temp", event, {}).run()
    assert not done.failed, done.log


def test_a_pull_request_that_mixes_declarations_and_tool_is_refused(pull_request: tuple[Path, dict[str, str]]) -> None:
    workspace, event = pull_request
    data = workspace / "data"
    apart = runner.job(runner.load("validate.yml"), "unmixed", data, workspace / "temp", event, {}).run()
    assert not apart.failed, apart.log
    (data / "reconciler.yaml").write_text((data / "reconciler.yaml").read_text() + "limits: {deletes: 1000}\n")
    event["github.event.pull_request.head.sha"] = repo.commit(data, "Loosen a limit on the way")
    mixed = runner.job(runner.load("validate.yml"), "unmixed", data, workspace / "temp", event, {}).run()
    assert mixed.failed
    assert "::error title=mixed pull request::" in mixed.log


def test_plan_reports_on_the_pull_request(pull_request: tuple[Path, dict[str, str]], azure: emulated.Azure) -> None:
    workspace, event = pull_request
    context = ready(workspace, event, azure, "READER")
    done = runner.job(runner.load("plan.yml"), "plan", workspace, workspace / "temp", context, machine(azure)).run()
    assert not done.failed, done.log
    assert "1 to create" in done.summary
    assert json.loads((workspace / "temp" / "plan.json").read_text())["summary"]["create"] == 1
    assert azure.exemptions == {}


@pytest.mark.parametrize(("existing", "method"), [("", "POST"), ("42", "PATCH")])
def test_the_comment_is_written_once_and_kept_up_to_date(tmp_path: Path, existing: str, method: str) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "plan.md").write_text(
        "<!-- exempt: plan -->\n$(touch pwned) `touch pwned`\n", encoding="utf-8"
    )
    notes = runner.fake_gh(tmp_path / "temp", existing)
    context = {"github.repository": "contoso/exemptions", "github.event.pull_request.number": "7"}
    done = runner.job(runner.load("plan.yml"), "comment", tmp_path, tmp_path / "temp", context, {}).run()
    assert not done.failed, done.log
    assert f"--method {method}" in notes.read_text(encoding="utf-8")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("content", [None, ""])
def test_where_there_is_no_plan_the_comment_says_so(tmp_path: Path, content: str | None) -> None:
    """An earlier plan must not stand as if it were current."""
    if content is not None:
        (tmp_path / "report").mkdir()
        (tmp_path / "report" / "plan.md").write_text(content, encoding="utf-8")
    notes = runner.fake_gh(tmp_path / "temp", "42")
    context = {"github.repository": "contoso/exemptions", "github.event.pull_request.number": "7", "github.run_id": "9"}
    done = runner.job(runner.load("plan.yml"), "comment", tmp_path, tmp_path / "temp", context, {}).run()
    assert not done.failed, done.log
    assert "--method PATCH" in notes.read_text(encoding="utf-8")
    comment = (tmp_path / "comment.md").read_text(encoding="utf-8")
    assert comment.startswith(MARKER + "\n### There is no plan")
    assert "contoso/exemptions/actions/runs/9" in comment


def test_apply_writes_what_the_plan_job_saved(main: Path, tmp_path: Path, azure: emulated.Azure) -> None:
    workflow = runner.load("apply.yml")
    planned = runner.job(
        workflow, "plan", main, tmp_path / "temp", ready(tmp_path, {}, azure, "READER"), machine(azure)
    ).run()
    assert not planned.failed, planned.log
    assert planned.outputs["plan"] == {"changes": "true"}
    approved = tmp_path / "temp" / "approved"
    approved.mkdir()
    shutil.copy(tmp_path / "temp" / "plan.json", approved / "plan.json")
    applied = runner.job(
        workflow, "apply", main, tmp_path / "temp", ready(tmp_path, {}, azure, "WRITER"), machine(azure)
    ).run()
    assert not applied.failed, applied.log
    assert len(azure.exemptions) == 1
    for log in (planned.log, applied.log):
        assert "Proven: 1 change, no rule broken." in log
    assert applied.outputs["completed"] == {"revision": repo.git(main, "rev-parse", "HEAD")}
    for event, changes in (("push", "false"), ("workflow_dispatch", "true")):
        again = runner.job(
            workflow,
            "plan",
            main,
            tmp_path / "more",
            ready(tmp_path, {"github.event_name": event}, azure, "READER"),
            machine(azure),
        ).run()
        assert again.outputs["plan"] == {"changes": changes}


def break_the_planner(main: Path) -> None:
    """The tool of this checkout, but its planner makes each new exemption end later than declared."""
    (main / "reconciler").unlink()
    shutil.copytree(runner.CHECKOUT / "reconciler", main / "reconciler", ignore=shutil.ignore_patterns("__pycache__"))
    builder = main / "reconciler" / "planning" / "decide" / "build.py"
    text = builder.read_text(encoding="utf-8")
    broken = text.replace("expires_on=instant_text(", 'expires_on="2031-01-01T00:00:00Z" or instant_text(')
    assert broken != text
    builder.write_text(broken, encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "job"),
    [("apply.yml", "plan"), ("apply.yml", "apply"), ("plan.yml", "plan"), ("reconcile.yml", "reconcile")],
)
def test_a_planner_that_lies_is_caught_in_every_pipeline(
    main: Path, tmp_path: Path, azure: emulated.Azure, file: str, job: str
) -> None:
    repo.write(main, [{**DECLARATION, "expiresOn": "2030-01-31"}])
    revision = repo.commit(main, "Until")
    break_the_planner(main)
    temp = tmp_path / "temp"
    (tmp_path / "tool").symlink_to(main)
    (tmp_path / "data").symlink_to(main)
    (temp / "approved").mkdir(parents=True)
    emulated.exempt(azure, "plan", "--out", str(temp / "approved" / "plan.json"), cwd=main, check=[0])
    runner.fake_production(temp, completed(revision))
    workspace = tmp_path if file == "plan.yml" else main
    event = {"github.event.pull_request.base.sha": revision}
    context = ready(tmp_path, event, azure, "READER" if job == "plan" else "WRITER")
    done = runner.job(runner.load(file), job, workspace, temp, context, machine(azure)).run()
    assert done.failed, done.log
    assert "no wider: the end is not what transfer declares" in done.log
    assert "Refuted" in done.log
    assert not done.outputs.get("plan"), "what is refuted is offered to nobody"
    assert not done.outputs.get("completed"), "and never the record of a complete run"


def test_what_cannot_be_read_stops_only_itself_and_the_run_ends_red(
    main: Path, tmp_path: Path, azure: emulated.Azure
) -> None:
    two = {**DECLARATION, "name": "second", "scopes": [repo.subscription(2)]}
    repo.write(main, [DECLARATION, two])
    repo.commit(main, "Declare another")
    refused = {"path": repo.subscription(2), "status": 403, "code": "AuthorizationFailed", "count": None}
    azure.inject_faults({"faults": [refused]})
    workflow, temp = runner.load("apply.yml"), tmp_path / "temp"
    planned = runner.job(workflow, "plan", main, temp, ready(tmp_path, {}, azure, "READER"), machine(azure)).run()
    assert planned.failed, "the run ends red"
    assert planned.outputs["plan"] == {"changes": "true"}
    assert workflow["jobs"]["plan"]["steps"][-1]["if"].startswith("always() && "), (
        "the approvals are saved all the same"
    )
    assert "!cancelled()" in workflow["jobs"]["apply"]["if"]
    (temp / "approved").mkdir()
    shutil.copy(temp / "plan.json", temp / "approved" / "plan.json")
    applied = runner.job(workflow, "apply", main, temp, ready(tmp_path, {}, azure, "WRITER"), machine(azure)).run()
    assert applied.failed
    assert [key for key in azure.exemptions if repo.subscription(1) in key], "what could be approved is applied"
    assert not applied.outputs.get("completed", {}).get("revision"), "no record: this was not complete"


def test_a_refused_or_broken_plan_leaves_nothing_to_approve(main: Path, tmp_path: Path, azure: emulated.Azure) -> None:
    repo.write(main, [DECLARATION], limits={"creates": 0})
    repo.commit(main, "Limit")
    workflow, context = runner.load("apply.yml"), ready(tmp_path, {}, azure, "READER")
    refused = runner.job(workflow, "plan", main, tmp_path / "temp", context, machine(azure)).run()
    assert (refused.failed, refused.outputs["plan"]) == (True, {})
    (main / "exemptions" / "bad.yaml").write_text("name: bad\n", encoding="utf-8")
    broken = runner.job(workflow, "plan", main, tmp_path / "more", context, machine(azure)).run()
    assert (broken.failed, broken.outputs["plan"]) == (True, {})


GUARDS = ["allow-deletes", "allow-creates", "allow-adoptions", "allow-unmanaged-deletes", "delete-orphans"]


def test_there_is_an_input_for_every_guard_that_takes_a_number() -> None:
    assert [option.removeprefix("--") for option in PARAMETERS] == GUARDS
    for folder in (runner.WORKFLOWS, runner.CHECKOUT / "reconciler/templates/repository/github/.github/workflows"):
        assert list(runner.load("apply.yml", folder)["on"]["workflow_dispatch"]["inputs"]) == GUARDS


def test_what_a_refusal_says_to_click_accepts_it(main: Path, tmp_path: Path, azure: emulated.Azure) -> None:
    repo.write(main, [DECLARATION], limits={"creates": 0})
    repo.commit(main, "Limit")
    workflow, context = runner.load("apply.yml"), ready(tmp_path, {}, azure, "READER")
    surroundings = machine(azure) | {"GITHUB_ACTIONS": "true"}
    refused = runner.job(workflow, "plan", main, tmp_path / "temp", context, surroundings).run()
    option, number = re.search(r"Run workflow, ([a-z-]+): (\d+)`", refused.summary).groups()
    context |= {f"inputs.{option}": number}
    accepted = runner.job(workflow, "plan", main, tmp_path / "more", context, surroundings).run()
    assert (accepted.failed, accepted.outputs["plan"]["changes"]) == (False, "true")
    (accepted.temp / "approved").mkdir()
    shutil.copy(accepted.temp / "plan.json", accepted.temp / "approved" / "plan.json")
    context = ready(tmp_path, {f"inputs.{option}": number}, azure, "WRITER")
    applied = runner.job(workflow, "apply", main, accepted.temp, context, surroundings).run()
    assert not applied.failed, applied.log
    assert len(azure.exemptions) == 1


def heal(main: Path, temp: Path, azure: emulated.Azure, *runs: runner.PastRun) -> runner.Job:
    """The healing run where GitHub remembers these runs of apply, the newest first."""
    runner.fake_production(temp, *runs)
    context = ready(temp, {"github.repository": "contoso/exemptions"}, azure, "WRITER")
    return runner.job(runner.load("reconcile.yml"), "reconcile", main, temp, context, machine(azure)).run()


def completed(revision: str) -> runner.PastRun:
    return runner.PastRun(artifacts=(f"completed-{revision}",))


def test_the_healing_run_writes_what_a_production_run_completed(
    main: Path, tmp_path: Path, azure: emulated.Azure
) -> None:
    repo.commit(main, "The tool")
    done = heal(main, tmp_path / "temp", azure, completed(repo.git(main, "rev-parse", "HEAD")))
    assert not done.failed, done.log
    assert len(azure.exemptions) == 1


def test_the_healing_run_leaves_what_needs_a_person(main: Path, tmp_path: Path, azure: emulated.Azure) -> None:
    approved = repo.git(main, "rev-parse", "HEAD")
    repo.write(main, [{**DECLARATION, "name": "other"}])
    repo.commit(main, "Ask for another")
    done = heal(main, tmp_path / "temp", azure, completed(approved))
    assert not done.failed, done.log
    assert "other changes wait for a person" in done.log
    assert azure.exemptions == {}


@pytest.mark.parametrize(
    ("record", "approvals"),
    [("", 1), ("completed-", 1), ("completed-main", 1), ("completed-{head}", 0), ("completed-{head}; id", 1)],
)
def test_without_an_approved_record_nothing_is_healed_and_the_run_says_so(
    main: Path, tmp_path: Path, azure: emulated.Azure, record: str, approvals: int
) -> None:
    record = record.replace("{head}", repo.git(main, "rev-parse", "HEAD"))
    done = heal(main, tmp_path / "temp", azure, runner.PastRun(artifacts=(record,), approvals=approvals))
    assert not done.failed, done.log
    assert done.outputs["approved"] == {"revision": ""}
    assert "Nothing is healed" in done.summary
    assert azure.exemptions == {}


def adopted(root: Path, azure: emulated.Azure, temp: Path) -> str:
    """What somebody made in the portal is adopted, edited by somebody, and known by a record alone: that record."""
    repo.write(root, [DECLARATION], writers=[PIPELINE.object_id])
    repo.commit(root, "Believe our writers alone")
    portal = emulated.Client(azure, emulated.PORTAL)
    body = {"policyAssignmentId": AT_ROOT["id"], "exemptionCategory": "Waiver"}
    listed = {**body, "policyDefinitionReferenceIds": ["secureTransferToStorageAccountMonitoring"]}
    portal.put(repo.subscription(1) + repo.EXEMPTIONS + "by-hand", listed)
    record = temp / "made-record.json"
    emulated.exempt(azure, "apply", "--yes", "--record-out", str(record), cwd=root, check=[0])
    ((key, value),) = azure.exemptions.items()
    portal.put(key, value["properties"] | {"exemptionCategory": "Mitigated"})
    return record.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("known", "is_healed"),
    [
        ({"record": "{made}"}, True),
        ({"record": "{made}", "conclusion": "failure"}, True),
        ({"record": "{made}", "approvals": 0}, False),
        ({}, False),
    ],
    ids=["complete", "not complete", "not approved", "none"],
)
def test_the_healing_run_knows_what_was_adopted_from_the_newest_approved_run(
    main: Path, tmp_path: Path, azure: emulated.Azure, known: dict[str, Any], is_healed: bool
) -> None:
    made = adopted(main, azure, tmp_path)
    revision = completed(repo.git(main, "rev-parse", "HEAD"))
    older = dataclasses.replace(revision, record=json.dumps({**json.loads(made), "adopted": []}))
    newest = runner.PastRun(**{**known, **({"record": made} if "record" in known else {})})
    done = heal(main, tmp_path / "temp", azure, runner.PastRun(), newest, older)
    assert done.failed != is_healed, done.log
    (body,) = azure.exemptions.values()
    assert body["properties"]["exemptionCategory"] == ("Waiver" if is_healed else "Mitigated")


def test_every_run_of_production_hands_the_record_on(main: Path, tmp_path: Path, azure: emulated.Azure) -> None:
    made = adopted(main, azure, tmp_path)
    workflow, temp = runner.load("apply.yml"), tmp_path / "temp"
    runner.fake_production(temp, runner.PastRun(record=made))
    context = ready(temp, {"github.event_name": "workflow_dispatch"}, azure, "READER")
    planned = runner.job(workflow, "plan", main, temp, context, machine(azure)).run()
    assert not planned.failed, planned.log
    summary = json.loads((temp / "plan.json").read_text())["summary"]
    assert (summary["update"], summary["held"]) == (1, 0)
    (temp / "approved").mkdir()
    shutil.copy(temp / "plan.json", temp / "approved" / "plan.json")
    applied = runner.job(workflow, "apply", main, temp, ready(temp, {}, azure, "WRITER"), machine(azure)).run()
    assert not applied.failed, applied.log
    assert json.loads((temp / "record.json").read_text())["adopted"] == json.loads(made)["adopted"] != []
    upload = next(step for step in workflow["jobs"]["apply"]["steps"] if step.get("with", {}).get("name") == "record")
    assert upload["if"] == "always()"
    assert upload["with"]["path"].endswith("/record.json")
    drift = runner.job(runner.load("drift.yml"), "drift", main, temp, ready(temp, {}, azure, "READER"), machine(azure))
    assert "forged" not in drift.run().summary


def test_a_healing_run_that_may_not_ask_for_the_record_fails(main: Path, tmp_path: Path, azure: emulated.Azure) -> None:
    runner.fake_github(tmp_path / "temp", {})
    context = ready(tmp_path, {"github.repository": "contoso/exemptions"}, azure, "WRITER")
    assert (
        runner.job(runner.load("reconcile.yml"), "reconcile", main, tmp_path / "temp", context, machine(azure))
        .run()
        .failed
    )


def test_drift_reports_and_keeps_one_issue(main: Path, tmp_path: Path, azure: emulated.Azure) -> None:
    workflow = runner.load("drift.yml")
    runner.fake_production(tmp_path / "temp")
    done = runner.job(
        workflow, "drift", main, tmp_path / "temp", ready(tmp_path, {}, azure, "READER"), machine(azure)
    ).run()
    assert not done.failed, done.log
    assert done.outputs["report"] == {"findings": "true"}
    assert json.loads((tmp_path / "temp" / "drift.sarif").read_text())["runs"][0]["results"]
    assert "missing" in done.summary


def last_report(temp: Path, report: Path) -> None:
    """A `gh` that knows one artefact of an earlier run: this report, zipped."""
    archive = temp / "artefact.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(report, "drift.json")
    of_main = {"head_branch": "main", "head_repository_id": 7, "repository_id": 7}
    artifact = {"id": 11, "expired": False, "created_at": "2026-01-01T00:00:00Z", "workflow_run": of_main}
    others = {
        **artifact,
        "id": 12,
        "created_at": "2026-01-02T00:00:00Z",
        "workflow_run": {**of_main, "head_branch": "x"},
    }
    runner.fake_production(
        temp, **{"actions/artifacts": {"artifacts": [artifact, others]}, "artifacts/11/zip": archive}
    )


def test_drift_tells_what_is_new_since_the_last_report(main: Path, tmp_path: Path, azure: emulated.Azure) -> None:
    workflow, temp = runner.load("drift.yml"), tmp_path / "temp"
    runner.fake_production(temp)
    context = ready(tmp_path, {}, azure, "READER")
    runner.job(workflow, "drift", main, temp, context, machine(azure)).run()
    assert not (temp / "new.md").exists(), "nothing to compare with"
    second = tmp_path / "second"
    second.mkdir()
    last_report(second, temp / "drift.json")
    runner.job(workflow, "drift", main, second, context, machine(azure)).run()
    assert not (second / "new.md").exists(), "the same as yesterday"
    repo.write(main, [DECLARATION, {**DECLARATION, "name": "second", "scopes": [repo.subscription(2)]}])
    repo.commit(main, "Declare another")
    third = tmp_path / "third"
    third.mkdir()
    last_report(third, temp / "drift.json")
    done = runner.job(workflow, "drift", main, third, context, machine(azure)).run()
    assert not done.failed, "a warning is no error"
    comment = (third / "new.md").read_text(encoding="utf-8")
    assert comment.startswith("### New since the last report: 1 finding\n")
    assert "`second`" in comment


def test_drift_ends_red_on_an_error(main: Path, tmp_path: Path, azure: emulated.Azure) -> None:
    repo.write(main, [{**DECLARATION, "expiresOn": "2035-01-01"}])
    repo.commit(main, "Until then")
    emulated.exempt(azure, "apply", "--yes", cwd=main, check=[0])
    ((key, value),) = azure.exemptions.items()
    portal = emulated.Client(azure, emulated.PORTAL)
    portal.put(key, value["properties"] | {"expiresOn": "2040-01-01T00:00:00Z"})
    temp = tmp_path / "temp"
    runner.fake_production(temp)
    done = runner.job(
        runner.load("drift.yml"), "drift", main, temp, ready(tmp_path, {}, azure, "READER"), machine(azure)
    ).run()
    assert done.failed
    assert done.outputs["report"] == {"findings": "true"}, "the issue is kept all the same"
    assert "::error title=exempt::drift found errors" in done.log


def test_what_is_new_becomes_a_comment_on_the_issue_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "drift.md").write_text("report\n", encoding="utf-8")
    (tmp_path / "report" / "new.md").write_text("### New\n", encoding="utf-8")
    notes = runner.fake_gh(tmp_path / "temp", "9")
    context = {"github.repository": "contoso/exemptions", "needs.drift.outputs.findings": "true"}
    done = runner.job(runner.load("drift.yml"), "issue", tmp_path, tmp_path / "temp", context, {}).run()
    assert not done.failed, done.log
    assert "--method POST repos/contoso/exemptions/issues/9/comments" in notes.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("existing", "findings", "wanted"),
    [("", "true", "--method POST"), ("9", "true", "issues/9"), ("9", "false", "state=closed"), ("", "false", "")],
)
def test_the_drift_issue_is_opened_updated_and_closed(
    tmp_path: Path, existing: str, findings: str, wanted: str
) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "drift.md").write_text("report\n", encoding="utf-8")
    notes = runner.fake_gh(tmp_path / "temp", existing)
    context = {"github.repository": "contoso/exemptions", "needs.drift.outputs.findings": findings}
    done = runner.job(runner.load("drift.yml"), "issue", tmp_path, tmp_path / "temp", context, {}).run()
    assert not done.failed, done.log
    written = [row for row in notes.read_text(encoding="utf-8").splitlines() if "--method" in row]
    assert wanted in "".join(written)
    assert bool(written) == bool(wanted)


def test_zizmor_and_the_schema_find_nothing() -> None:
    bin_folder = Path(sys.executable).parent
    checks: list[list[Any]] = [
        [
            bin_folder / "zizmor",
            "--quiet",
            "--offline",
            "--persona=pedantic",
            runner.CHECKOUT / ".github",
            runner.CHECKOUT / "action.yml",
        ],
        [
            bin_folder / "check-jsonschema",
            "--builtin-schema",
            "vendor.github-workflows",
            *runner.WORKFLOWS.glob("*.yml"),
        ],
    ]
    for command in checks:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})
        assert done.returncode == 0, done.stdout + done.stderr
