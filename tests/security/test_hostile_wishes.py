"""What a declaration, a saved plan or a live object can ask for: more than it may."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import emulated
import pytest
from main_job import repositories as repo
from pipelines import runner

from reconciler.runs import scaffold

REFERENCE = "secureTransferToStorageAccountMonitoring"
TRANSFER = "Secure transfer to storage accounts should be enabled"
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
DECLARATION = {"name": "transfer", "recommendation": TRANSFER, "scopes": [repo.subscription(1)]}


def write_requests(azure: emulated.Azure) -> list[str]:
    return [f"{one.method} {one.target}" for one in azure.requests if one.method in {"PUT", "PATCH", "DELETE"}]


# --- saved plans -------------------------------------------------------------------------------------------------


def doctored(plan: dict[str, Any], how: str) -> dict[str, Any]:
    change = plan["changes"][0]
    match how:
        case "another scope":
            change["key"]["scope"] = repo.ROOT
        case "another end":
            change["after"]["expiresOn"] = "2099-01-01T00:00:00Z"
        case "one change twice":
            plan["changes"].append(change)
        case "an action turned round":
            change["actions"], change["before"], change["after"] = ["delete"], change["after"], None
        case "another tenant":
            plan["tenantId"] = "dddddddd-0000-4000-8000-000000000000"
        case "another owner":
            plan["owner"] = "contoso/others"
    return plan


@pytest.mark.parametrize(
    "how",
    ["another scope", "another end", "one change twice", "an action turned round", "another tenant", "another owner"],
)
def test_a_doctored_plan_writes_nothing_at_all(tmp_path: Path, how: str) -> None:
    root, saved = repo.write(tmp_path / "data", [DECLARATION]), tmp_path / "plan.json"
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        emulated.exempt(azure, "plan", "--out", str(saved), cwd=root, check=[0])
        saved.write_text(json.dumps(doctored(json.loads(saved.read_text()), how)), encoding="utf-8")
        done = emulated.exempt(azure, "apply", str(saved), "--yes", cwd=root, check=[1])
        assert "Traceback" not in done.stderr
        assert write_requests(azure) == []


def test_an_old_approval_that_is_repeated_brings_nothing_back(tmp_path: Path) -> None:
    """The apply job checks out main as it is now: what main has retired since is not applied again."""
    root, saved = repo.write(tmp_path / "data", [DECLARATION]), tmp_path / "plan.json"
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        emulated.exempt(azure, "plan", "--out", str(saved), cwd=root, check=[0])
        emulated.exempt(azure, "apply", str(saved), "--yes", cwd=root, check=[0])
        repo.write(root, [{**DECLARATION, "enabled": False}])
        emulated.exempt(azure, "apply", "--yes", "--allow-deletes", "1", cwd=root, check=[0])
        assert azure.exemptions == {}
        emulated.exempt(azure, "apply", str(saved), "--yes", cwd=root, check=[0])
        assert azure.exemptions == {}
    for folder in (runner.WORKFLOWS, runner.CHECKOUT / "reconciler/templates/repository/github/.github/workflows"):
        text = scaffold.in_parts((folder / "apply.yml").read_text(encoding="utf-8"), ())  # the form of one whole run
        assert re.findall(r"uses: actions/checkout@.*\n +with:\n +ref: (\S+)", text) == ["refs/heads/main"] * 2
        assert text.count("uses: actions/checkout@") == 2


# --- settings of the pull request --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {"tenantId": "dddddddd-0000-4000-8000-000000000000"},
        {"cloud": "https://evil.example"},
        {"apiVersion": "2022-07-01&x=y"},
        {"armEndpoint": "http://evil.example"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_no_setting_of_a_pull_request_sends_the_token_elsewhere(tmp_path: Path, settings: dict[str, Any]) -> None:
    root = repo.write(tmp_path / "data", [DECLARATION], **settings)
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        done = emulated.exempt(azure, "plan", cwd=root, check=[1])
        assert "Traceback" not in done.stderr
        assert not [one for one in azure.requests if "/policyExemptions" in one.target]


def test_the_endpoint_in_settings_permits_one_and_sends_nothing_there(tmp_path: Path) -> None:
    """Only the environment of the runner chooses where requests go."""
    root = repo.write(tmp_path / "data", [DECLARATION], armEndpoint="https://evil.example")
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        done = emulated.exempt(azure, "plan", cwd=root, check=[0])
        assert "evil.example" not in done.stderr
        assert [one for one in azure.requests if "/policyExemptions" in one.target]


# --- ids ---------------------------------------------------------------------------------------------------------

REFUSED = ["a?api-version=1", "a%2f..%2fb", "..", "a/../b", "a\\' | union x //", "a<b>", "a&b", "a\nb"]
"""Names that no Azure resource can have: refused before anything is asked."""

ODD = ["a#b", "a' or 1==1 or 'b", "a') | union (x", "a b", "ä(1)", "{x}", "a;b=c,d", "a'", "--", "$filter=x"]
"""Names that a resource may have, or that only Azure can refuse: they must reach it as they are."""


def with_target(tmp_path: Path, name: str) -> tuple[Path, str]:
    target = f"{repo.subscription(1)}/resourceGroups/rg/providers/Microsoft.Sql/servers/{name}"
    return repo.write(tmp_path / "data", [{**DECLARATION, "scopes": [target]}]), target


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_no_resource_can_have_is_refused_before_anything_is_asked(tmp_path: Path, name: str) -> None:
    root, _ = with_target(tmp_path, name)
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        done = emulated.exempt(azure, "apply", "--yes", cwd=root, check=[1])
        assert "Traceback" not in done.stderr
        assert "scopes[0]" in done.stderr
        assert azure.requests == []


@pytest.mark.parametrize("name", ODD)
def test_no_name_in_a_scope_leaves_its_place_in_a_path_or_a_query(tmp_path: Path, name: str) -> None:
    root, target = with_target(tmp_path, name)
    with emulated.running(repo.tenant(AT_ROOT, resources=[target])) as azure:
        done = emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        assert "Traceback" not in done.stderr
        written = [one for one in azure.requests if one.method == "PUT"]
        assert [unquote(one.target.partition("?")[0]).rpartition("/providers/")[0] for one in written] == [target]
        asked = [json.loads(one.body)["query"] for one in azure.requests if "ResourceGraph" in one.target]
        assert any(target.replace("'", "\\'") in query for query in asked)
        for query in asked:
            literals = re.sub(r"'(?:[^'\\]|\\.)*'", "''", query)
            assert re.fullmatch(r"\w+ \| where \w+ in~ \((''(, '')*)\)[\w |~]*", literals), query
        for one in azure.requests:
            path, _, query = one.target.partition("?")
            assert re.fullmatch(r"[\w/.~%()!*+@,:;=$&'-]*", path), path
            assert "/../" not in path
            assert query.split("&")[0].startswith(("api-version=2", "resource=", "")), query
            assert query.count("api-version=") <= 1


# --- live objects ------------------------------------------------------------------------------------------------


def test_a_forged_mark_gives_no_exemption_and_its_removal_is_counted(tmp_path: Path) -> None:
    """Who may write exemptions may write our mark. It makes an object ours to correct or to delete, never to keep."""
    to = str(AT_ROOT["id"])
    mark = {"managedBy": "exempt", "owner": "contoso/exemptions", "declaration": "transfer"}
    forged = [
        repo.exemption(repo.subscription(1), "wider", to, [], metadata={**mark, "target": repo.subscription(1)}),
        repo.exemption(repo.subscription(2), "retired", to, [REFERENCE],
                       metadata={**mark, "declaration": "retired", "target": repo.subscription(2)}),
    ]  # fmt: skip
    root = repo.write(tmp_path / "data", [DECLARATION], limits={"deletes": 0})
    with emulated.running(repo.tenant(AT_ROOT, exemptions=forged)) as azure:
        refused = emulated.exempt(azure, "apply", "--yes", cwd=root, check=[1])
        assert "--allow-deletes 1" in refused.stdout + refused.stderr
        assert write_requests(azure) == []
        emulated.exempt(azure, "apply", "--yes", "--allow-deletes", "1", cwd=root, check=[0])
        (left,) = azure.exemptions.values()
        assert left["properties"]["policyDefinitionReferenceIds"] == [REFERENCE]


# --- what comes from elsewhere -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-mutants.txt"])
def test_every_dependency_is_pinned_by_hash(name: str) -> None:
    text = (runner.CHECKOUT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    rows = [row for row in text.splitlines() if row.strip() and not row.lstrip().startswith("#")]
    assert rows
    assert all(re.match(r"[\w.\[\]-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", row) for row in rows)


def test_every_installation_insists_on_the_hashes_and_updates_wait() -> None:
    places = [*runner.WORKFLOWS.glob("*.yml"), *(runner.CHECKOUT / "azure-pipelines").glob("*.yml")]
    places += [runner.CHECKOUT / name for name in ("action.yml", "Containerfile", "Makefile", ".ci/run")]
    for path in places:
        for row in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
            if re.search(r"pip install|\$\(PIP\) install", row) and ".venv-" not in row and "atheris" not in row:
                assert re.search(r"--require-hashes|--no-deps --no-build-isolation", row) or ".fuzz" in row, (
                    f"{path}: {row}"
                )
    for folder in (runner.CHECKOUT, runner.CHECKOUT / "reconciler/templates/repository/github"):
        assert "default-days: 7" in (folder / ".github/dependabot.yml").read_text(encoding="utf-8")
