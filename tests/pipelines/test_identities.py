"""The pipelines with the identities that docs/security.md sets up: a reader and a writer, by GitHub's own federation.

No secret is stored anywhere, and none of the tokens that pass by is left in a log, a summary or an artefact.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import emulated
import pytest
from main_job import repositories as repo
from pipelines import runner

from reconciler.azure.rights import Role, role_definitions
from reconciler.model import arm_id

READER = "0b1ec700-0000-4000-8000-00000000000a"
WRITER = "0b1ec700-0000-4000-8000-00000000000b"
SUBJECTS = {
    READER: ["repo:contoso/exemptions:pull_request", "repo:contoso/exemptions:ref:refs/heads/main"],
    WRITER: ["repo:contoso/exemptions:environment:production", "repo:contoso/exemptions:environment:healing"],
}
DECLARATION = {
    "name": "transfer",
    "recommendation": "Secure transfer to storage accounts should be enabled",
    "scopes": [repo.subscription(1)],
}
TOKEN = re.compile(rb"eyJ[\w-]{8,}\.[\w-]{8,}|[Bb]earer [\w.-]{8,}")


def role(kind: Role) -> list[dict[str, Any]]:
    """The actions of the role that `exempt doctor --role` prints, as a tenant file has them."""
    (definition,) = role_definitions(kind, [arm_id(repo.ROOT)])
    return [{"actions": definition["Actions"], "scope": repo.ROOT}]


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """A workspace in which main is checked out, with the tool beside the declarations."""
    root = repo.write(tmp_path / "main", [DECLARATION])
    repo.commit(root, "Declare")
    for name in ("reconciler", "schemas"):
        (root / name).symlink_to(runner.CHECKOUT / name)
    return root


@pytest.fixture
def azure() -> Iterator[emulated.Azure]:
    """A tenant in which the two identities have just their roles and trust just their subjects."""
    principals = [
        {
            "objectId": f"0b1ec700-0000-4000-8000-{number:012d}",
            "clientId": client,
            "name": kind,
            "type": "Application",
            "roles": role(Role(kind)),
            "federatedCredentials": [{"issuer": "this", "subject": subject} for subject in SUBJECTS[client]],
        }
        for number, (kind, client) in enumerate((("reader", READER), ("writer", WRITER)))
    ]
    assigned = [repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK), repo.assignment(repo.ROOT, "nist", repo.NIST)]
    content = repo.tenant(*assigned, principals=principals)
    with emulated.running(content) as cloud:
        for client in SUBJECTS:  # the issuer's address is known only now
            found = cloud.tenant.principals.find(client)
            trusted = tuple(dataclasses.replace(each, issuer=cloud.identity_endpoint) for each in found.federated)
            object.__setattr__(found, "federated", trusted)
        yield cloud


def github(azure: emulated.Azure, subject: str) -> dict[str, str]:
    """What GitHub's runner gives a job that may ask for a token; no other way to log in."""
    endpoint = json.loads(azure.ready_line)["oidcEndpoint"]
    return {
        "EXEMPT_ARM_ENDPOINT": azure.arm_endpoint,
        "REQUESTS_CA_BUNDLE": azure.ca_bundle,
        "AZURE_AUTHORITY_HOST": azure.arm_endpoint,
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{endpoint}?api-version=2.0&subject=repo:contoso/exemptions:{subject}",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": azure.env["IDENTITY_HEADER"],
        "LANG": "C.UTF-8",
    }


def run(
    azure: emulated.Azure, workflow: str, job: str, workspace: Path, temp: Path, subject: str, **context: str
) -> runner.Job:
    variables = {
        "vars.AZURE_TENANT_ID": repo.TENANT,
        "vars.AZURE_READER_CLIENT_ID": READER,
        "vars.AZURE_WRITER_CLIENT_ID": WRITER,
    }
    made = runner.job(runner.load(workflow), job, workspace, temp, {**variables, **context}, github(azure, subject))
    return made.run()


def record(temp: Path, revision: str) -> None:
    """GitHub knows an approved run of apply that completed this revision."""
    runner.fake_production(temp, runner.PastRun(artifacts=(f"completed-{revision}",)))


def writes(azure: emulated.Azure) -> set[str]:
    """Who sent what is no read."""
    return {str(one.principal) for one in azure.requests if one.method in {"PUT", "PATCH", "DELETE"}}


def leaks(folder: Path, *texts: str, secret: str) -> list[str]:
    """Where a token stands, in any file below or in these texts."""
    files = [(str(path), path.read_bytes()) for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    said = [(f"text {number}", text.encode()) for number, text in enumerate(texts)]
    return [name for name, data in files + said if TOKEN.search(data) or secret.encode() in data]


def test_every_job_logs_in_with_its_own_identity_and_leaves_no_token_behind(
    main: Path, tmp_path: Path, azure: emulated.Azure
) -> None:
    (tmp_path / "tool").symlink_to(runner.CHECKOUT)
    (tmp_path / "data").symlink_to(main)
    base = {"github.event.pull_request.base.sha": "HEAD"}
    temp = tmp_path / "temp"
    jobs = [run(azure, "plan.yml", "plan", tmp_path, temp / "1", "pull_request", **base)]
    jobs += [run(azure, "apply.yml", "plan", main, temp / "2", "ref:refs/heads/main")]
    assert writes(azure) == set()
    shutil.copytree(temp / "2", temp / "3" / "approved", ignore=lambda _, names: set(names) - {"plan.json"})
    jobs += [run(azure, "apply.yml", "apply", main, temp / "3", "environment:production")]
    assert len(azure.exemptions) == 2
    emulated.Client(azure, WRITER).delete(next(iter(azure.exemptions)))
    for number in ("4", "5"):
        record(temp / number, jobs[-1].outputs["completed"]["revision"])
    jobs += [run(azure, "reconcile.yml", "reconcile", main, temp / "4", "environment:healing")]
    jobs += [run(azure, "drift.yml", "drift", main, temp / "5", "ref:refs/heads/main")]
    assert [job.log for job in jobs if job.failed] == []
    assert len(azure.exemptions) == 2, "healed"
    writer = azure.tenant.principals.find(WRITER).object_id
    assert writes(azure) == {writer}
    told = [job.log for job in jobs]
    assert leaks(temp, *told, secret=azure.env["IDENTITY_HEADER"]) == []


@pytest.mark.parametrize("subject", ["pull_request", "ref:refs/heads/main"])
def test_the_writer_is_nobody_outside_of_its_environments(
    main: Path, tmp_path: Path, azure: emulated.Azure, subject: str
) -> None:
    record(tmp_path / "temp", repo.git(main, "rev-parse", "HEAD"))
    done = run(azure, "reconcile.yml", "reconcile", main, tmp_path / "temp", subject)
    assert done.failed
    assert "No matching federated identity record" in done.log
    assert {one.target.rpartition("/")[2] for one in azure.requests} == {"token"}, "nothing was asked of Azure"
    assert leaks(tmp_path / "temp", done.log, secret=azure.env["IDENTITY_HEADER"]) == []


def test_the_reader_cannot_write_whatever_a_pull_request_makes_it_run(
    main: Path, tmp_path: Path, azure: emulated.Azure
) -> None:
    workflow = runner.load("reconcile.yml")
    record(tmp_path / "temp", repo.git(main, "rev-parse", "HEAD"))
    workflow["jobs"]["reconcile"]["steps"][-1]["run"] = '"$RUNNER_TEMP/exempt/bin/python" -m reconciler apply --yes'
    context = {"vars.AZURE_TENANT_ID": repo.TENANT, "vars.AZURE_WRITER_CLIENT_ID": READER}
    env = github(azure, "pull_request")
    done = runner.job(workflow, "reconcile", main, tmp_path / "temp", context, env).run()
    assert done.failed
    assert azure.exemptions == {}
    assert "policyExemptions/write" in done.log


def test_a_job_without_the_permission_fails_and_shows_no_token(
    main: Path, tmp_path: Path, azure: emulated.Azure
) -> None:
    wrong = "wrong-request-token-0123456789"
    env = {**github(azure, "ref:refs/heads/main"), "ACTIONS_ID_TOKEN_REQUEST_TOKEN": wrong}
    context = {"vars.AZURE_TENANT_ID": repo.TENANT, "vars.AZURE_READER_CLIENT_ID": READER}
    record(tmp_path / "temp", repo.git(main, "rev-parse", "HEAD"))
    done = runner.job(runner.load("drift.yml"), "drift", main, tmp_path / "temp", context, env).run()
    assert done.failed
    assert "id-token: write" in done.log
    assert leaks(tmp_path / "temp", done.log, secret=wrong) == []
