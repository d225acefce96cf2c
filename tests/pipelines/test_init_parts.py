"""Workflows that `exempt init --part` writes: each part on its own runner, by its own identity, one plan, one approval.

Every step of every job is run: scripts as a runner does, the action as GitHub does, artefacts through a folder.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import emulated
import pytest
import yaml
from main_job import repositories as repo
from pipelines import runner
from pipelines.test_identities import github, writes
from pipelines.test_init import BIN, TOOL, action, exempt

from reconciler.azure.rights import EXEMPT_ACTION, Role, role_definitions
from reconciler.model import arm_id

ONE, TWO = repo.subscription(1), repo.subscription(2)
MAIN, PULL_REQUEST, PARTS = "ref:refs/heads/main", "pull_request", "environment:parts"
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
TRANSFER = "Secure transfer to storage accounts should be enabled"
NETWORK = "storageAccountsShouldRestrictNetworkAccessMonitoring"
IDENTITIES = {
    "AZURE_READER_CLIENT_ID": ("reader", repo.ROOT),
    "AZURE_READER_CLIENT_ID_SHOP": ("reader", ONE),
    "AZURE_READER_CLIENT_ID_DATA": ("reader", TWO),
    "AZURE_WRITER_CLIENT_ID_SHOP": ("writer", ONE),
    "AZURE_WRITER_CLIENT_ID_DATA": ("writer", TWO),
    "AZURE_WRITER_CLIENT_ID": ("writer", repo.ROOT),
}
CLIENTS = {name: f"0b1ec700-0000-4000-8000-{100 + number:012d}" for number, name in enumerate(IDENTITIES)}


@pytest.fixture
def started(tmp_path: Path) -> Path:
    """A repository in parts with something declared in each, and for all."""
    exempt(
        "init", "new", "--tool", TOOL, "--tenant", repo.TENANT, "--scope", repo.ROOT, "--owner", "contoso/new",
        "--part", f"shop={ONE}", "--part", f"data={TWO}", cwd=tmp_path,
    )  # fmt: skip
    root = tmp_path / "new"
    repo.commit(root, "Start")
    more = {"expiresOn": "2099-01-01", "category": "Mitigated", "ticket": "SEC-1"}
    for name, subject, scope in (("shop", TRANSFER, ONE), ("data", TRANSFER, TWO), ("all", "f2f595ec-5dc6-68b4-82ef-b63563e9c610", repo.ROOT)):  # fmt: skip
        declaration = repo.complete({"name": name, "recommendation": subject, "scopes": [scope], **more})
        folder = root / "exemptions" / ("platform" if scope == repo.ROOT else "")
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(declaration, sort_keys=False), encoding="utf-8")
    repo.commit(root, "Declare")
    return root


@pytest.fixture
def azure() -> Iterator[emulated.Azure]:
    """A tenant in which each identity has its role on its part alone, and trusts just its subjects."""
    principals = []
    for name, client in CLIENTS.items():
        kind, scope = IDENTITIES[name]
        (role,) = role_definitions(Role(kind), [arm_id(scope)])
        own = [
            {"actions": [*role["Actions"], "Microsoft.Security/*/read", "Microsoft.Resources/*/read"], "scope": scope}
        ]
        above = [{"actions": [EXEMPT_ACTION], "scope": AT_ROOT["id"]}] if kind == "writer" else []
        subjects = [PARTS] if kind == "writer" else [MAIN, PULL_REQUEST]
        trusted = [{"issuer": "this", "subject": f"repo:contoso/exemptions:{subject}"} for subject in subjects]
        ids = {"objectId": client.replace("-8000-", "-9000-"), "clientId": client, "name": name}
        principals.append({**ids, "type": "Application", "roles": own + above, "federatedCredentials": trusted})
    stray = repo.exemption(ONE, "stray", AT_ROOT["id"], [NETWORK])
    with emulated.running(repo.tenant(AT_ROOT, principals=principals, exemptions=[stray])) as cloud:
        for client in CLIENTS.values():
            found = cloud.tenant.principals.find(client)
            trusted = tuple(dataclasses.replace(each, issuer=cloud.identity_endpoint) for each in found.federated)
            object.__setattr__(found, "federated", trusted)
        yield cloud


@dataclass
class Run:
    """One run of a workflow: its jobs, and the artefacts that they hand on."""

    azure: emulated.Azure
    root: Path
    folder: Path
    workflow: dict[str, Any]
    context: dict[str, str] = field(default_factory=dict)
    past: tuple[runner.PastRun, ...] = ()
    log: str = ""

    def parts(self, name: str, subject: str) -> list[runner.Job]:
        """A job of a matrix, part by part."""
        entries = self.workflow["jobs"][name]["strategy"]["matrix"]["include"]
        assert [entry["part"] for entry in entries] == ["shop", "data"]
        return [self.job(name, subject, **entry) for entry in entries]

    def job(self, name: str, subject: str, **matrix: str) -> runner.Job:
        content = self.workflow["jobs"][name]
        temp = self.folder / "-".join((name, matrix.get("part", "")))
        runner.fake_production(temp, *self.past)
        variables = {f"vars.{key}": client for key, client in CLIENTS.items()} | {"vars.AZURE_TENANT_ID": repo.TENANT}
        context = {"runner.temp": str(temp), **variables, **self.context}
        outer = runner.Job([], self.root, context)
        context |= {f"matrix.{key}": outer.evaluate(value) for key, value in matrix.items()}
        job = runner.job(self.workflow, name, self.root, temp, context, github(self.azure, subject))
        for step in content["steps"]:
            if step["name"] != "Save the approvals" and not job.wants(step):
                continue
            match step.get("uses", "").partition("@")[0]:
                case "":
                    job._run(step)
                case "contoso/exempt":
                    done = action(self.root, temp, {"with": self._filled(job, step)}, {}, job.env)
                    job.outputs[step.get("id", "")] = done.outputs.get("run", {})
                    job.failed, job.log = job.failed or done.failed, job.log + done.log
                case "actions/upload-artifact":
                    self._upload(self._filled(job, step))
                case "actions/download-artifact":
                    self._download(self._filled(job, step))
        self.log += job.log
        return job

    def _filled(self, job: runner.Job, step: dict[str, Any]) -> dict[str, str]:
        return {key: job.evaluate(value) for key, value in step["with"].items()}

    def _upload(self, options: dict[str, str]) -> None:
        files = [Path(row) for row in options["path"].splitlines() if Path(row).exists()]
        if files:
            place = self.folder / "artifacts" / options["name"]
            place.mkdir(parents=True)
            for file in files:
                if file.is_dir():
                    shutil.copytree(file, place / file.name)
                else:
                    shutil.copy(file, place)

    def _download(self, options: dict[str, str]) -> None:
        for found in sorted((self.folder / "artifacts").glob(options.get("name") or options["pattern"])):
            shutil.copytree(found, options["path"], dirs_exist_ok=True)

    def kept(self) -> set[str]:
        return {path.name for path in (self.folder / "artifacts").iterdir()}


def run(azure: emulated.Azure, started: Path, name: str, **more: Any) -> Run:
    workflow = runner.load(name, started / ".github" / "workflows")
    number = len(list(started.parent.glob("run-*")))
    return Run(azure, started, started.parent / f"run-{number}-{name}", workflow, **more)


def applied(azure: emulated.Azure, started: Path, *, rest: str = "success") -> Run:
    """A run of apply, with its approval."""
    each = run(azure, started, "apply.yml", context={"needs.approve.result": "success", "needs.apply.result": "success", "needs.rest.result": rest})  # fmt: skip
    jobs = [*each.parts("read", MAIN), each.job("plan", MAIN), *each.parts("apply", PARTS)]
    if rest == "success":
        jobs.append(each.job("rest", PARTS))
    jobs += [*each.parts("again", MAIN), each.job("complete", MAIN)]
    assert not (bad := [job.log for job in jobs if job.failed]), "\n".join(bad)
    return each


def test_a_pull_request_gets_one_plan_of_all_parts_and_no_writer_has_a_say(
    started: Path, azure: emulated.Azure
) -> None:
    base = repo.git(started, "rev-parse", "HEAD~1")
    review = run(azure, started, "plan.yml", context={"github.event.pull_request.base.sha": base})
    jobs = [*review.parts("read", PULL_REQUEST), review.job("plan", PULL_REQUEST)]
    assert not (bad := [job.log for job in jobs if job.failed]), "\n".join(bad)
    assert review.kept() == {"part-shop", "part-data", "plan"}
    whole = json.loads((review.folder / "artifacts" / "plan" / "plan.json").read_text())
    assert (whole["complete"], whole["summary"]["create"]) == (True, 3)
    assert "3 decisions exempt more" in (review.folder / "artifacts" / "plan" / "plan.md").read_text()
    assert writes(azure) == set()


def test_one_approval_lets_each_part_write_its_own_and_the_rest_what_is_above(
    started: Path, azure: emulated.Azure
) -> None:
    done = applied(azure, started)
    revision = repo.git(started, "rev-parse", "HEAD")
    assert {f"completed-{revision}", "record", "outcomes-shop", "outcomes-data", "outcomes-rest"} <= done.kept()
    assert done.log.count("Proven: 1 change, no rule broken.") == 3, "shop, data, and what is above them"
    writers = {name: CLIENTS[name].replace("-8000-", "-9000-") for name in CLIENTS if "WRITER" in name}
    who = {each.target.partition("/providers/Microsoft.Authorization/")[0]: str(each.principal) for each in azure.requests if each.method == "PUT"}  # fmt: skip
    assert {scope.lower(): name for scope, name in who.items()} == {
        ONE: writers["AZURE_WRITER_CLIENT_ID_SHOP"],
        TWO: writers["AZURE_WRITER_CLIENT_ID_DATA"],
        repo.ROOT.lower(): writers["AZURE_WRITER_CLIENT_ID"],
    }
    approving = [name for name, job in done.workflow["jobs"].items() if job.get("environment") == "production"]
    assert approving == ["approve"], "people approve once, before anything is written"


def test_parts_alone_complete_a_revision_and_heal_it(started: Path, azure: emulated.Azure) -> None:
    (started / "exemptions" / "platform" / "all.yaml").unlink()
    revision = repo.commit(started, "Nothing above the parts")
    done = applied(azure, started, rest="skipped")
    assert f"completed-{revision}" in done.kept()
    lost = next(key for key in azure.exemptions if TWO in key)
    emulated.Client(azure, emulated.PORTAL).delete(lost)
    past = (runner.PastRun(artifacts=(f"completed-{revision}",), record=(done.folder / "artifacts" / "record" / "record.json").read_text()),)  # fmt: skip
    report = run(azure, started, "drift.yml", past=past)
    jobs = [*report.parts("read", MAIN), report.job("drift", MAIN)]
    assert not (bad := [job.log for job in jobs if job.failed]), "\n".join(bad)
    kinds = {each["kind"] for each in json.loads((report.folder / "drift-" / "drift.json").read_text())["findings"]}
    assert {"missing", "unmanaged"} <= kinds
    healing = run(azure, started, "reconcile.yml", past=past)
    assert [job.log for job in healing.parts("reconcile", PARTS) if job.failed] == []
    assert lost in azure.exemptions
    told = run(azure, started, "status.yml", past=past)
    assert [job.log for job in told.parts("status", MAIN) if job.failed] == []
    assert told.kept() == {"status-shop", "status-data"}


def test_a_part_that_cannot_be_read_stops_only_itself(started: Path, azure: emulated.Azure) -> None:
    azure.inject_faults({"faults": [{"path": TWO, "status": 403, "code": "AuthorizationFailed", "count": None}]})
    review = run(azure, started, "apply.yml")
    shop, data = review.parts("read", MAIN)
    assert (shop.failed, data.failed) == (False, True)
    planned = review.job("plan", MAIN)
    assert planned.failed, "the run ends red"
    whole = json.loads((review.folder / "artifacts" / "plan" / "plan.json").read_text())
    assert not whole["complete"]
    assert {each["key"]["scope"].lower() for each in whole["changes"]} >= {ONE}


def test_what_is_left_to_do_completes_nothing(started: Path, azure: emulated.Azure) -> None:
    """Without a writer for what is above the parts, the declaration for all is left."""
    done = applied(azure, started, rest="skipped")
    assert not [name for name in done.kept() if name.startswith("completed-")]
    assert "record" in done.kept()


def test_its_workflows_are_in_order(started: Path) -> None:
    workflows = sorted((started / ".github" / "workflows").glob("*.yml"))
    for command in (
        [BIN / "zizmor", "--quiet", "--offline", "--persona=pedantic", started / ".github"],
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert not any(mark in path.read_text() for path in workflows for mark in ("@@", "#@"))


def test_an_upgrade_keeps_the_parts_or_takes_others(started: Path) -> None:
    newer = TOOL.replace("0", "9")
    exempt("init", "--upgrade", ".", "--tool", newer, cwd=started)
    text = (started / ".github" / "workflows" / "plan.yml").read_text()
    assert f'{{ part: shop, scope: "{ONE}"' in text
    exempt("init", "--upgrade", ".", "--tool", newer, "--part", f"other={TWO}", cwd=started)
    text = (started / ".github" / "workflows" / "plan.yml").read_text()
    assert "part: other" in text
    assert "part: shop" not in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([f"a={ONE}", f"a={TWO}"], "the name a stands twice"),
        ([f"a={ONE}", f"b={ONE}"], "the scope"),
        ([f"a={ONE}/resourceGroups/rg"], "a is a resource group"),
        ([f"A={ONE}"], "not of the form NAME=ID"),
        (["a=shop"], "not the id of"),
        ([f"rest={ONE}"], "not of the form NAME=ID"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(tmp_path: Path, options: list[str], message: str) -> None:
    words = [word for option in options for word in ("--part", option)]
    assert message in exempt("init", "new", "--tool", TOOL, *words, cwd=tmp_path, code=1).stderr


@pytest.mark.parametrize("system", ["gitlab", "none"])
def test_other_systems_have_no_parts(tmp_path: Path, system: str) -> None:
    refused = exempt("init", "new", "--tool", TOOL, "--pipelines", system, "--part", f"a={ONE}", cwd=tmp_path, code=1)
    assert f"--part: the pipelines for {system} run in one part" in refused.stderr
