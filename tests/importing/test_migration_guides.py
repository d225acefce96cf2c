"""docs/migration.md, executed: each guide's commands run in its order on the embedded Azure and do what it says."""

import json
import re
import shlex
from pathlib import Path

import emulated
import pytest
from importing.portal import BY_APPLICATION, MCSB, OTHER, REFERENCE, SUB, facts, run
from main_job import repositories as repo

GUIDE = (Path(__file__).parents[2] / "docs/migration.md").read_text(encoding="utf-8")
TRANSFER = "404c3081-a854-4457-ae30-26a93ef643f9"


def commands(heading: str) -> list[list[str]]:
    section = GUIDE.split(f"## {heading}\n")[1].split("\n## ")[0]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    return [shlex.split(line)[1:] for line in block[1].splitlines() if line.startswith("exempt ")]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    repo.write(tmp_path, [])
    repo.commit(tmp_path)
    return tmp_path


def follow(azure: emulated.Azure, root: Path, heading: str) -> list[str]:
    """Runs the guide; every command succeeds. Returns what each printed."""
    return [emulated.exempt(azure, *arguments, cwd=root, check=[0]).stdout for arguments in commands(heading)]


def test_from_the_portal(root: Path) -> None:
    made = [repo.exemption(scope, "legacy", MCSB["id"], [REFERENCE], displayName="Legacy") for scope in (SUB, OTHER)]
    with emulated.running(repo.tenant(MCSB, exemptions=made)) as azure:
        before = facts(azure)
        *_, again = follow(azure, root, "From the portal")
        assert again.startswith("0 files")
        assert facts(azure) == before
        assert all(each["properties"]["metadata"]["managedBy"] == "exempt" for each in azure.exemptions.values())


def test_from_epac_with_take_over(root: Path) -> None:
    noted = {"pacOwnerId": "epac-prod", "deployedBy": "epac/epac-prod/prod", "epacMetadata": {}, "ticketRef": "SEC-7"}
    theirs = repo.exemption(
        SUB, "legacy-mcsb", MCSB["id"], [REFERENCE], displayName="Legacy - mcsb", description="Retires. - mcsb", metadata=noted
    )  # fmt: skip
    row = {"name": "legacy", "displayName": "Legacy", "description": "Retires.", "exemptionCategory": "Waiver", "expiresOn": "", "scope": SUB, "policyDefinitionName": TRANSFER, "metadata": {"ticketRef": "SEC-7"}}  # fmt: skip
    folder = root / "Definitions/policyExemptions/prod"
    folder.mkdir(parents=True)
    (folder / "exemptions.jsonc").write_text('{ // ours\n "exemptions": [' + json.dumps(row) + ",]}", encoding="utf-8")
    with emulated.running(repo.tenant(MCSB, exemptions=[{**theirs, "systemData": BY_APPLICATION}])) as azure:
        before = facts(azure)
        imported, _, *rest = commands("From EPAC")
        emulated.exempt(azure, *imported, cwd=root, check=[0])
        (change,) = run(azure, root, "plan")["changes"]
        assert (change["actions"], change["reason"]) == (["update"], "take-over")
        for arguments in rest:
            emulated.exempt(azure, *arguments, cwd=root, check=[0])
        assert facts(azure) == before
        (after,) = azure.exemptions.values()
        assert "pacOwnerId" not in after["properties"]["metadata"]
        assert after["properties"]["metadata"]["ticketRef"] == "SEC-7"


def test_from_terraform(root: Path) -> None:
    theirs = repo.exemption(SUB, "legacy", MCSB["id"], [REFERENCE], displayName="Legacy", description="Retires.")
    values = {"name": "legacy", "subscription_id": SUB, "policy_assignment_id": MCSB["id"], "exemption_category": "Waiver", "policy_definition_reference_ids": [REFERENCE], "display_name": "Legacy", "description": "Retires."}  # fmt: skip
    address = "azurerm_subscription_policy_exemption.legacy"
    resource = {
        "address": address,
        "mode": "managed",
        "type": address.split(".", maxsplit=1)[0],
        "name": "legacy",
        "values": values,
    }
    (root / "state.json").write_text(
        json.dumps({"values": {"root_module": {"resources": [resource]}}}), encoding="utf-8"
    )
    with emulated.running(repo.tenant(MCSB, exemptions=[{**theirs, "systemData": BY_APPLICATION}])) as azure:
        before = facts(azure)
        follow(azure, root, "From Terraform")
        assert facts(azure) == before
        assert run(azure, root, "plan")["changes"] == []
        (after,) = azure.exemptions.values()
        assert after["properties"]["metadata"]["declaration"] == "legacy"


def test_from_bicep(root: Path) -> None:
    resource = {"type": "Microsoft.Authorization/policyExemptions", "apiVersion": "2022-07-01-preview", "name": "legacy", "properties": {"policyAssignmentId": MCSB["id"], "exemptionCategory": "Waiver", "policyDefinitionReferenceIds": [REFERENCE]}}  # fmt: skip
    (root / "main.json").write_text(json.dumps({"resources": [resource]}), encoding="utf-8")
    with emulated.running(repo.tenant(MCSB)) as azure:
        follow(azure, root, "From Bicep and ARM templates")
        (change,) = run(azure, root, "plan")["changes"]
        assert change["key"]["scope"] == SUB


def test_a_row_that_is_not_imported_makes_the_exit_1_and_wildcards_ask_azure(root: Path) -> None:
    rows = [
        {"name": "all", "displayName": "All", "description": "D.", "exemptionCategory": "Waiver", "scope": "/subscriptions/subscriptionsPattern/sub*", "policyDefinitionName": TRANSFER},
        {"name": "bad", "displayName": "Bad", "exemptionCategory": "", "scope": SUB, "policyDefinitionName": TRANSFER},
    ]  # fmt: skip
    (root / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    with emulated.running(repo.tenant(MCSB)) as azure:
        report = run(azure, root, "import", "epac", "rows.json", check=(1,))
        assert [row["outcome"] for row in report["rows"]] == ["imported", "refused"]
        assert SUB in report["files"][0]["text"]
        assert OTHER in report["files"][0]["text"]
        again = run(azure, root, "import", "epac", "rows.json", check=(1,))
        assert [row["outcome"] for row in again["rows"]] == ["declared", "refused"]


def test_a_folder_of_epac_is_read_whole_in_any_encoding(root: Path) -> None:
    """JSON, JSON with comments and CSV at any depth, as editors and spreadsheets save them; nothing else, and in order."""
    folder = root / "theirs"
    (folder / "deep").mkdir(parents=True)
    (folder / "z.json").mkdir()
    row = {"displayName": "Zoë", "description": "Zoë.", "exemptionCategory": "Waiver", "scope": SUB, "policyDefinitionName": TRANSFER}  # fmt: skip
    for path, encoding in (
        ("b.json", "cp1252"),
        ("deep/a.JSONC", "utf-16"),
        ("c.json", "utf-8-sig"),
        ("d.txt", "utf-8"),
    ):
        text = json.dumps([{**row, "name": Path(path).stem}], ensure_ascii=False)
        (folder / path).write_text(text, encoding=encoding)
    header = "name,displayName,description,exemptionCategory,scope,policyDefinitionName"
    (folder / "deep/e.csv").write_text(f"{header}\ne,Zoë,Zoë.,Waiver,{OTHER},{TRANSFER}\n", encoding="utf-8")
    with emulated.running(repo.tenant(MCSB)) as azure:
        report = run(azure, root, "import", "epac", "theirs", "--dry-run", check=(1,))
        assert not azure.requests, "no row needs Azure"
    assert [(row["source"], row["title"], row["outcome"]) for row in report["rows"]] == [
        ("b.json: exemption 1", "Zoë", "imported"),
        ("c.json: exemption 1", "Zoë", "refused"),
        ("deep/a.JSONC: exemption 1", "Zoë", "refused"),
        ("deep/e.csv:2", "Zoë", "imported"),
    ]


@pytest.mark.parametrize("tool", ["epac", "terraform", "arm", "bicep"])
def test_a_file_that_is_not_there_is_said(root: Path, tool: str) -> None:
    with emulated.running(repo.tenant(MCSB)) as azure:
        scope = ["--scope", SUB] if tool in {"arm", "bicep"} else []
        done = emulated.exempt(azure, "import", tool, "none.json", *scope, cwd=root, check=[1])
        assert done.stderr.splitlines() == ["error: there is no file 'none.json'", "help: correct the path"]
        if tool != "epac":  # which takes a folder
            done = emulated.exempt(azure, "import", tool, "exemptions", *scope, cwd=root, check=[1])
            assert done.stderr.splitlines() == ["error: 'exemptions' is a folder", "help: name a file in it"]


def test_rows_that_need_azure_are_left_where_it_cannot_be_read_and_the_others_are_not(root: Path) -> None:
    row = {"displayName": "Row", "description": "D.", "exemptionCategory": "Waiver", "policyDefinitionName": TRANSFER}
    wide = {**row, "name": "wide", "scope": "/subscriptions/subscriptionsPattern/sub*"}
    (root / "rows.json").write_text(json.dumps([{**row, "name": "one", "scope": SUB}, wide]), encoding="utf-8")
    with emulated.running(repo.tenant(MCSB)) as azure:
        done = emulated.exempt(
            azure,
            "import",
            "epac",
            "rows.json",
            "--format",
            "json",
            cwd=root,
            check=[1],
            IDENTITY_ENDPOINT="http://127.0.0.1:9",
        )
    assert [row["outcome"] for row in json.loads(done.stdout)["rows"]] == ["imported", "refused"]
    assert "warning: Azure was not read, so rows that need it are not imported: no Azure identity" in done.stderr
