"""The scripts of azure-pipelines/ against the embedded Azure, with a service connection's federated token."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import emulated
import pytest
import yaml
from main_job import repositories as repo
from notifying.receiver import receiving
from pipelines import runner

from reconciler.reports.obstacles import PARAMETERS
from reconciler.reports.plan_markdown import MARKER

FOLDER = runner.CHECKOUT / "azure-pipelines"
NAMES = sorted(path.name for path in FOLDER.glob("*.yml"))
MACRO = re.compile(r"\$\(([\w.]+)\)")
SET = re.compile(r"##vso\[task\.setvariable variable=(\w+)[^\]]*\](\S*)")
CLIENT = "0b1ec700-0000-4000-8000-00000000000c"
SUBJECT = "sc://contoso/exemptions/exempt"
REFERENCE = "secureTransferToStorageAccountMonitoring"
DECLARATION = {
    "name": "transfer",
    "recommendation": "Secure transfer to storage accounts should be enabled",
    "scopes": [repo.subscription(1)],
}


def load(name: str, folder: Path = FOLDER) -> Any:
    return yaml.safe_load((folder / name).read_text(encoding="utf-8"))


def steps(content: Any, folder: Path = FOLDER) -> Iterator[dict[str, Any]]:
    """Every step of a pipeline in order, those of the template in the place where it is used."""
    if isinstance(content, list):
        for each in content:
            yield from steps(each, folder)
    elif isinstance(content, dict):
        if "template" in content:
            template = load(content["template"], folder)
            parameters = {each["name"]: each.get("default") for each in template.get("parameters", ())}
            for each in filled(template["steps"], parameters | content.get("parameters", {})):
                if "template" in each:
                    yield from steps(each, folder)
                    continue
                script = each.get("inputs", {}).get("inlineScript", "")
                yield {**each, "script": script} if script else each
        elif not content.keys().isdisjoint({"script", "checkout", "task", "bash"}):
            yield content
        else:
            for each in content.values():
                yield from steps(each, folder)


def filled(content: Any, parameters: dict[str, str]) -> Any:
    """A template's content with its parameters put in."""
    if isinstance(content, str):
        if whole := re.fullmatch(r"\$\{\{ parameters\.(\w+) \}\}", content):
            return parameters[whole[1]]
        return re.sub(r"\$\{\{ parameters\.(\w+) \}\}", lambda found: parameters[found[1]], content)
    if isinstance(content, list):
        return [filled(each, parameters) for each in content]
    if isinstance(content, dict):
        return {key: filled(value, parameters) for key, value in content.items()}
    return content


@dataclasses.dataclass
class Agent:
    """An agent's folders and one checkout of a pull request or of main."""

    temp: Path
    sources: Path
    azure: emulated.Azure | None = None
    variables: dict[str, str] = dataclasses.field(default_factory=dict)

    def env(self) -> dict[str, str]:
        env = {
            "PATH": f"{self.temp / 'shims'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.temp),
            "AGENT_TEMPDIRECTORY": str(self.temp),
            "BUILD_ARTIFACTSTAGINGDIRECTORY": str(self.temp / "staging"),
            "PIPELINE_WORKSPACE": str(self.temp / "workspace"),
            "SYSTEM_COLLECTIONURI": "https://dev.azure.example/contoso/",
            "SYSTEM_TEAMPROJECTID": "77",
            "BUILD_REASON": "IndividualCI",
            **{name.upper(): value for name, value in self.variables.items()},
        }
        return env | (self.identity(self.azure) if self.azure else {})

    def identity(self, azure: emulated.Azure) -> dict[str, str]:
        endpoint = json.loads(azure.ready_line)["oidcEndpoint"]
        request = urllib.request.Request(
            f"{endpoint}?subject={SUBJECT}", headers={"Authorization": f"Bearer {azure.env['IDENTITY_HEADER']}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            token = json.load(answer)["value"]
        return {
            "EXEMPT_ARM_ENDPOINT": azure.arm_endpoint,
            "REQUESTS_CA_BUNDLE": azure.ca_bundle,
            "AZURE_AUTHORITY_HOST": azure.arm_endpoint,
            "servicePrincipalId": CLIENT,
            "tenantId": repo.TENANT,
            "idToken": token,
        }

    def macro(self, found: re.Match[str]) -> str:
        """The value of `$(name)`; one that is not set stays as it is written."""
        return self.variables.get(found[1], found[0])

    def run(self, found: Iterator[dict[str, Any]]) -> tuple[int, str]:
        """Runs the scripts until one fails: its exit code, and the log."""
        log = ""
        for folder in ("tool", "exempt"):  # the agent empties its folder before each job
            shutil.rmtree(self.temp / folder, ignore_errors=True)
        (self.temp / "applied.json").unlink(missing_ok=True)
        for step in found:
            script = step.get("script", step.get("bash"))
            of_pull_request = "'PullRequest'" in step.get("condition", "")
            if script is None or (of_pull_request and self.variables.get("Build.Reason") != "PullRequest"):
                continue
            own = {name: MACRO.sub(self.macro, value) for name, value in step.get("env", {}).items()}
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-c", script],
                cwd=self.sources, env=self.env() | own, capture_output=True, text=True, timeout=300, check=False,
            )  # fmt: skip
            log += done.stdout + done.stderr
            self.variables |= dict(SET.findall(done.stdout))
            if done.returncode:
                return done.returncode, log
        return 0, log


@pytest.fixture
def azure() -> Iterator[emulated.Azure]:
    trust = [{"issuer": "this", "subject": SUBJECT}]
    principal = {"objectId": CLIENT[:-1] + "d", "clientId": CLIENT, "name": "exempt", "type": "Application"}
    content = repo.tenant(
        repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK), principals=[{**principal, "federatedCredentials": trust}]
    )
    with emulated.running(content) as cloud:
        found = cloud.tenant.principals.find(CLIENT)
        trusted = tuple(dataclasses.replace(each, issuer=cloud.identity_endpoint) for each in found.federated)
        object.__setattr__(found, "federated", trusted)
        yield cloud


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    """A checkout whose remote has the tool on main, and a change on top of it."""
    upstream = repo.write(tmp_path / "upstream", [])
    for name in ("reconciler", "schemas"):
        shutil.copytree(runner.CHECKOUT / name, upstream / name, ignore=shutil.ignore_patterns("__pycache__"))
    (upstream / "requirements.txt").write_text("", encoding="utf-8")
    repo.commit(upstream, "The tool")
    sources, temp = tmp_path / "sources", tmp_path / "temp"
    repo.git(tmp_path, "clone", "--quiet", str(upstream), str(sources))
    repo.write(sources, [DECLARATION])
    repo.commit(sources, "Ask for an exemption")
    runner.shims(temp)
    (temp / "staging").mkdir()
    return Agent(temp, sources)


def merge(agent: Agent) -> None:
    """What a completed pull request does: main has the change."""
    repo.git(agent.sources, "push", "--quiet", "origin", "HEAD:refs/heads/next")
    upstream = repo.git(agent.sources, "remote", "get-url", "origin")
    repo.git(Path(upstream), "merge", "--quiet", "next")
    repo.git(agent.sources, "fetch", "--quiet", "origin")


def devops(agent: Agent, record: str | None, **answers: Any) -> None:
    """A `curl` that answers as Azure DevOps where the newest run of the apply pipeline has this artefact."""
    names = ["plan", *([record] if record else [])]
    documents = {
        "builds": {"value": [{"id": 4711, "sourceBranch": "refs/heads/main", "result": "succeeded"}]},
        "artifacts": {"value": [{"id": number, "name": name} for number, name in enumerate(names)]},
        "timeline": {"records": [{"type": "Checkpoint.Approval", "result": "succeeded"}, {"type": "Stage"}]},
        **answers,
    }
    for name, document in documents.items():
        (agent.temp / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    script = (
        '#!/usr/bin/env bash\naddress="${@: -1}"; address="${address%%\\?*}"\n'
        f'[ "$SYSTEM_ACCESSTOKEN" = secret ] && exec cat "{agent.temp}/${{address##*/}}.json"\n'
    )
    runner._executable(agent.temp / "shims" / "curl", script)
    agent.variables |= {"System.AccessToken": "secret", "applyPipeline": "12", "System.DefinitionId": "12"}


@pytest.mark.parametrize(
    "answers",
    [
        {"record": "completed-main"},
        {
            "record": "completed-" + "a" * 40,
            "timeline": {"records": [{"type": "Checkpoint.Approval", "result": "failed"}]},
        },
        {"record": "completed-" + "a" * 40, "builds": {"value": [{"id": 4711, "sourceBranch": "refs/tags/main"}]}},
    ],
)
def test_what_nobody_approved_is_no_record(agent: Agent, answers: dict[str, Any]) -> None:
    devops(agent, **answers)
    agent.run(steps({"template": "approved.yml"}))
    assert agent.variables["approved"] == ""


def test_the_newest_approved_record_is_found_and_without_the_number_of_the_pipeline_none(agent: Agent) -> None:
    devops(agent, "completed-" + "a" * 40)
    agent.run(steps({"template": "approved.yml"}))
    assert agent.variables["approved"] == "a" * 40
    del agent.variables["applyPipeline"]
    agent.run(steps({"template": "approved.yml"}))
    assert agent.variables["approved"] == ""


@pytest.mark.parametrize(
    ("result", "approval", "name", "run"),
    [
        ("succeeded", "succeeded", "record-2", "4711"),
        ("failed", "succeeded", "record-2", "4711"),
        ("failed", "failed", "record-2", ""),
        ("succeeded", "succeeded", "record-x", ""),
    ],
)
def test_the_record_of_the_newest_approved_run_is_found_complete_or_not(
    agent: Agent, result: str, approval: str, name: str, run: str
) -> None:
    artifacts = {"value": [{"id": 2, "name": name}, {"id": 1, "name": "record-1"}]}
    builds = {"value": [{"id": 4711, "sourceBranch": "refs/heads/main", "result": result}]}
    timeline = {"records": [{"type": "Checkpoint.Approval", "result": approval}]}
    devops(agent, None, artifacts=artifacts, builds=builds, timeline=timeline)
    agent.run(steps({"template": "approved.yml"}))
    assert agent.variables["recordRun"] == run
    assert not run or agent.variables["recordName"] == name


def test_a_good_pull_request_passes_and_a_bad_one_is_told_why(agent: Agent) -> None:
    code, log = agent.run(steps(load("validate.yml")))
    assert (code, log.splitlines()[-2:]) == (0, ["1 declaration checked: no problems", "not mixed"])
    path = agent.sources / "exemptions" / "transfer.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("Waiver", "waiver"), encoding="utf-8")
    code, log = agent.run(steps(load("validate.yml")))
    assert code == 1
    assert "exemptions/transfer.yaml" in log


def test_a_pull_request_cannot_change_the_tool_that_judges_it(agent: Agent, azure: emulated.Azure) -> None:
    mark = agent.temp / "ran"
    planted = f"open({str(mark)!r}, 'a').write(__name__)\n"
    for name in (
        "reconciler/__init__.py",
        "reconciler/__main__.py",
        "yaml.py",
        "pip.py",
        "venv.py",
        "sitecustomize.py",
    ):
        (agent.sources / name).write_text(planted, encoding="utf-8")
    (agent.sources / "plan.md").symlink_to(mark)
    repo.commit(agent.sources, "Hostile")
    agent.azure = azure
    for name in ("validate.yml", "plan.yml"):
        code, log = agent.run(steps(load(name)))
        assert ("declarations and other files change together" in log) == (name == "validate.yml")
        assert code == (1 if name == "validate.yml" else 0), log
    assert not mark.exists()


def test_plan_apply_heal_and_report(agent: Agent, azure: emulated.Azure) -> None:
    agent.azure = azure
    code, log = agent.run(steps(load("plan.yml")))
    assert code == 0, log
    assert "1 to create" in (agent.temp / "plan.md").read_text(encoding="utf-8")
    merge(agent)
    content = load("apply.yml")
    code, log = agent.run(steps(content["stages"][0]))
    assert code == 0, log
    assert "##vso[task.setvariable variable=changes;isOutput=true]true" in log
    (agent.temp / "workspace").mkdir()
    shutil.copytree(agent.temp / "staging", agent.temp / "workspace" / "plan")
    code, log = agent.run(steps(content["stages"][1]))
    assert code == 0, log
    assert "Proven: 1 change, no rule broken." in log
    assert len(azure.exemptions) == 1
    kept = {path.name for path in (agent.temp / "staging" / "outcomes").iterdir()}
    assert kept == {"outcomes.json", "applied.json", "before.json", "after.json"}
    code, log = agent.run(steps(content["stages"][0]))
    assert "Proven: 0 changes" in log
    assert "variable=changes" not in log, "nothing is left to approve"
    assert agent.variables["completed"] == repo.git(agent.sources, "rev-parse", "refs/remotes/origin/main")
    emulated.Client(azure, CLIENT).delete(next(iter(azure.exemptions)))
    assert agent.variables["recorded"] == "true"
    shutil.rmtree(agent.temp / "staging")
    assert json.loads((agent.temp / "record.json").read_text())["adopted"] == []
    for record, exemptions in ((None, 0), (f"completed-{agent.variables['completed']}", 1)):
        devops(agent, record)
        for name in ("reconcile.yml", "drift.yml"):
            code, log = agent.run(steps(load(name)))
            assert code == 0, log
            assert len(azure.exemptions) == exemptions
            assert ("Proven: 1 change" in log) == (name == "reconcile.yml" and record is not None)
    assert "eyJ" not in log
    assert not (agent.temp / "token").exists()
    report = json.loads((agent.temp / "staging" / "drift" / "drift.json").read_text())
    assert report["findings"] == []


def test_one_unreadable_subscription_does_not_stop_the_others(agent: Agent, azure: emulated.Azure) -> None:
    """What is approvable is saved and applied; both stages end red, and no record says that this revision is complete."""
    agent.azure = azure
    elsewhere = {**DECLARATION, "name": "elsewhere", "scopes": [repo.subscription(2)]}
    repo.write(agent.sources, [DECLARATION, elsewhere])
    repo.commit(agent.sources, "Two")
    merge(agent)
    azure.inject_faults(
        {"faults": [{"path": repo.subscription(2), "status": 403, "code": "AuthorizationFailed", "count": None}]}
    )
    content = load("apply.yml")
    code, log = agent.run(steps(content["stages"][0]))
    assert (code, "##vso[task.setvariable variable=changes;isOutput=true]true" in log) == (1, True), log
    publish = next(each for each in content["stages"][0]["jobs"][0]["steps"] if "publish" in each)
    assert (
        publish["condition"] == content["stages"][1]["condition"].split("(", 1)[1].split(", eq")[0] == "not(canceled())"
    )
    (agent.temp / "workspace").mkdir()
    shutil.copytree(agent.temp / "staging", agent.temp / "workspace" / "plan")
    code, log = agent.run(steps(content["stages"][1]))
    assert code == 1, log
    assert [repo.subscription(1) in key for key in azure.exemptions] == [True]
    assert "Proven: 1 change" in log
    assert "completed" not in agent.variables
    assert agent.variables["recorded"] == "true"


def test_what_is_new_is_told_once_to_the_channels_of_the_settings(agent: Agent, azure: emulated.Azure) -> None:
    hook_settings = {"kind": "webhook", "urlFrom": "EXEMPT_WEBHOOK_URL", "secretFrom": "EXEMPT_WEBHOOK_KEY"}
    with receiving() as hook:
        repo.write(agent.sources, [DECLARATION], notify=[hook_settings])
        repo.commit(agent.sources, "Tell")
        merge(agent)
        agent.azure = azure
        agent.variables |= {"EXEMPT_WEBHOOK_URL": hook.url, "EXEMPT_WEBHOOK_KEY": "hush"}
        (agent.temp / "last").mkdir()
        for told in (0, 1, 1):
            code, log = agent.run(steps(load("drift.yml")))
            assert code == 0, log
            assert "secret-path" not in log
            assert len(hook.requests) == told
            by_hand = repo.exemption(
                repo.subscription(2), "by-hand", repo.ROOT + repo.ASSIGNMENTS + "mcsb", [REFERENCE]
            )
            emulated.Client(azure, emulated.PORTAL).put(by_hand["id"], by_hand["properties"])
            shutil.copy(agent.temp / "staging" / "drift" / "drift.json", agent.temp / "last")


def threads(agent: Agent, *found: dict[str, Any], mine: int) -> Path:
    """A `curl` for which these threads are on the pull request, and only that of the number `mine` can be changed; returns
    the file of what is sent.
    """
    (agent.temp / "threads.json").write_text(json.dumps({"value": found}), encoding="utf-8")
    sent = agent.temp / "sent.txt"
    script = f"""#!/usr/bin/env bash
address="${{@: -1}}"
case "$*" in
  *--request\\ PATCH*) data=$(cat); [[ "$address" == */threads/{mine}/comments/1* ]] || exit 22 ;;
  *--request*) data=$(cat) ;;
  *) exec cat {agent.temp}/threads.json ;;
esac
printf '%s %s\\n' "$address" "$data" >>{sent}
"""
    runner._executable(agent.temp / "shims" / "curl", script)
    agent.variables |= {"Build.Reason": "PullRequest", "SYSTEM_PULLREQUEST_PULLREQUESTID": "7", "BUILD_REPOSITORY_ID": "1", "BUILD_BUILDID": "4711", "System.AccessToken": "secret"}  # fmt: skip
    return sent


@pytest.mark.parametrize("mine", [0, 1])
def test_the_plan_is_one_comment_that_is_kept_up_to_date(agent: Agent, mine: int) -> None:
    mark = {"comments": [{"content": f"{MARKER} earlier"}]}
    planted, other = {"id": 2, **mark}, {"id": 3, "comments": [{"content": "Looks good"}]}
    sent = threads(agent, {"id": 1, **mark}, planted, other, mine=mine)
    (agent.temp / "plan.md").write_text(f"{MARKER}\n$(touch pwned) `touch pwned`\n", encoding="utf-8")
    code, log = agent.run(steps({"template": "comment.yml"}))
    assert code == 0, log
    (row,) = sent.read_text(encoding="utf-8").splitlines()[0:1]
    assert "pullRequests/7/threads" + ("/1/comments/1?" if mine else "?") in row
    assert "$(touch pwned)" in sent.read_text(encoding="utf-8")
    assert not list(agent.temp.rglob("pwned")) + list(agent.sources.rglob("pwned"))


def test_where_there_is_no_plan_the_comment_says_so(agent: Agent) -> None:
    sent = threads(agent, mine=0)
    code, log = agent.run(steps({"template": "comment.yml"}))
    assert code == 0, log
    assert "### There is no plan" in sent.read_text(encoding="utf-8")
    assert "The run 4711 ended" in sent.read_text(encoding="utf-8")


def start(agent: Agent, content: Any, **parameters: str) -> None:
    """What somebody does who runs a pipeline by hand: its parameters reach scripts as variables."""
    defaults = {each["name"]: each["default"] for each in content["parameters"]}
    values = {each["name"]: each["value"] for each in content["variables"]}
    agent.variables |= filled(values, defaults | parameters)


def test_what_a_refusal_says_to_click_accepts_it(agent: Agent, azure: emulated.Azure) -> None:
    agent.azure = azure
    agent.variables["TF_BUILD"] = "True"
    repo.write(agent.sources, [DECLARATION], limits={"creates": 0})
    repo.commit(agent.sources, "Limit")
    merge(agent)
    content = load("apply.yml")
    labels = {each["displayName"]: each["name"] for each in content["parameters"]}
    assert list(labels) == list(PARAMETERS.values())
    start(agent, content)
    code, log = agent.run(steps(content["stages"][0]))
    assert (code, "variable=changes" in log) == (1, False)
    clicks = re.search(r"Run pipeline, '([^']+)': (\d+)`", (agent.temp / "plan.md").read_text(encoding="utf-8"))
    start(agent, content, **{labels[clicks[1]]: clicks[2]})
    code, log = agent.run(steps(content["stages"][0]))
    assert code == 0, log
    assert "##vso[task.setvariable variable=changes;isOutput=true]true" in log
    (agent.temp / "workspace").mkdir()
    shutil.copytree(agent.temp / "staging", agent.temp / "workspace" / "plan")
    code, log = agent.run(steps(content["stages"][1]))
    assert code == 0, log
    assert len(azure.exemptions) == 1
    start(agent, content, allowCreates="1 --strict")
    code, log = agent.run(steps(content["stages"][0]))
    assert (code, "'1 --strict' is not a whole number" in log) == (1, True)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_a_pipeline_is_expanded_into_a_script_or_written_into_the_checkout(name: str) -> None:
    for step in steps(load(name)):
        script = step.get("script", "").replace("${{ parameters.script }}", "")
        assert "$(" not in script.replace('"$(', ""), "a macro of the pipeline is text that others may choose"
        assert "${{" not in script
        assert not any(part.startswith(">") and "$" not in part for part in script.replace(">>", ">").split())
