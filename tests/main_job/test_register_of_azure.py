"""`exempt register` of Azure itself: everything that is exempt, what Defender says of it, and the score with and without."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from assessments.defended import AUDIT, DECLARED, LEDGER, MCSB, ONE, OWN, TWO, World, finding, own, world
from cli.console import Ended, exempt
from main_job import repositories as repo

from reconciler.emulator.state.principals import PIPELINE

GONE = f"{ONE}/resourceGroups/rg-gone"
ALONE = "48fad5ca-f530-41bb-9454-c6002bd1085c"
ADOPTED = TWO + repo.EXEMPTIONS + "mine"
RULE = {"name": "cmdshell", "recommendation": ALONE, "scopes": [LEDGER]}
NOOR = "Noor <noor@contoso.example>"


def declared(name: str, scope: str) -> dict[str, Any]:
    return {**DECLARED, "name": name, "scopes": [scope]}


@pytest.fixture(scope="module")
def defended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two of ours, of which a production run adopted one; a rule exempted at a resource, which no list shows; another's;
    and a declaration of a group that is gone.
    """
    root = tmp_path_factory.mktemp("register") / "repository"
    adopted = own(MCSB, TWO, target=TWO, metadata={**OWN, "declaration": "two", "target": TWO})
    adopted["id"] = ADOPTED
    adopted["systemData"] |= {"lastModifiedBy": "ann@contoso.example", "lastModifiedByType": "User"}
    theirs = repo.exemption(TWO, "epac", MCSB["id"], ["x"], metadata={"pacOwnerId": "epac-prod"})
    with world(
        root,
        assignments=[MCSB],
        exemptions=[adopted, theirs],
        declared=[DECLARED, declared("two", TWO), declared("gone", GONE), RULE],
        findings=[finding(LEDGER), finding(AUDIT)],
        settings={"writers": [PIPELINE.object_id]},
        limits={"standardAssignmentLists": "exact"},
    ) as running:
        repo.commit(root, "Merge pull request #7 from contoso/ask\n\nApproved-by: " + NOOR)
        exempt(running.azure, "apply", "--yes", root=root)
        yield running


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """Of a production run that adopted one."""
    path = tmp_path / "record.json"
    document = {"format_version": "1.0", "tenantId": repo.TENANT, "owner": "contoso/exemptions"}
    path.write_text(json.dumps({**document, "adopted": [ADOPTED.lower()]}), encoding="utf-8")
    return path


def register(defended: World, folder: Path, *options: str, check: int = 0) -> tuple[dict[str, Any], Ended]:
    ended = exempt(defended.azure, "register", "--out", str(folder), *options, root=defended.root, check=check)
    return json.loads((folder / "register.json").read_text(encoding="utf-8")), ended


def rows(document: dict[str, Any]) -> list[dict[str, str]]:
    return [
        dict(zip(document["columns"], (document["texts"][place] for place in row), strict=True))
        for row in document["rows"]
    ]


def by_name(document: dict[str, Any], column: str) -> dict[str, str]:
    return {row["name"].partition("-")[0]: row[column] for row in rows(document)}


def test_the_register_tells_whose_each_is_what_defender_says_and_what_differs(defended: World, tmp_path: Path) -> None:
    document, ended = register(defended, tmp_path)
    head = repo.git(defended.root, "rev-parse", "HEAD")
    assert ended.stderr == f"4 exemptions, 4 declarations and 2 findings in {tmp_path / 'index.html'}\n"
    assert (document["about"]["revision"], document["about"]["complete"]) == (head, True)
    rule = next(row["name"].partition("-")[0] for row in rows(document) if row["declaration"] == "cmdshell")
    assert by_name(document, "whose") == {"tde": "ours", rule: "ours", "epac": "epac-prod", "mine": "forged mark"}
    assert by_name(document, "inForce") == {"tde": "waiting", rule: "waiting", "epac": "", "mine": ""}
    assert by_name(document, "approvedBy") == {"tde": NOOR, rule: NOOR, "epac": "", "mine": ""}
    assert by_name(document, "subscription") == {"tde": "Sub 1", rule: "Sub 1", "epac": "Sub 2", "mine": "Sub 2"}
    found = [(finding["kind"], finding["declaration"]) for finding in document["findings"]]
    assert sorted(found) == [("forged", "two"), ("resource-gone", "gone")]
    assert document["score"] == [{"place": "sub Sub 1 00000000…0001", "reported": 0.0, "raw": 0.0, "exempt": 0}]
    assert {name: len(steps) for name, (_, steps) in document["declarations"].items()} == dict.fromkeys(
        ("cmdshell", "gone", "tde", "two"), 1
    )


def test_a_register_of_a_scope_with_a_record_is_of_that_scope_and_believes_the_record(
    defended: World, record: Path, tmp_path: Path
) -> None:
    document, _ = register(defended, tmp_path, "--scope", TWO, "--record", str(record))
    assert by_name(document, "whose") == {"epac": "epac-prod", "mine": "ours"}
    assert by_name(document, "inForce") == {"epac": "", "mine": "not assessed"}
    assert [(finding["kind"], finding["declaration"]) for finding in document["findings"]] == [("modified", "two")]
    assert document["score"] == []


def test_a_list_of_a_scope_with_a_record_says_what_is_in_force_there(defended: World, record: Path) -> None:
    def listed(*options: str) -> dict[str, tuple[str, str | None]]:
        ended = exempt(defended.azure, "list", "--in-force", *options, "--format", "json", root=defended.root, check=0)
        return {
            entry["declaration"] or entry["name"]: (entry["ownership"], entry["inForce"])
            for entry in ended.json["exemptions"]
        }

    theirs = {"epac": ("foreign", None)}
    ours = {"tde": ("ours", "waiting"), "cmdshell": ("ours", "waiting")}
    assert listed() == {**ours, **theirs, "mine": ("forged", None)}
    assert listed("--scope", ONE) == ours
    assert listed("--scope", TWO, "--record", str(record)) == {**theirs, "two": ("ours", "not assessed")}


def test_a_register_without_defender_is_whole_and_says_so(defended: World, tmp_path: Path) -> None:
    fault = {"path": "Microsoft.ResourceGraph", "status": 403, "code": "AuthorizationFailed", "message": "Not you."}
    defended.azure.inject_faults({"faults": [{**fault, "count": None}]})
    try:
        document, ended = register(defended, tmp_path)
    finally:
        defended.azure.inject_faults({})
    first, *_ = ended.stderr.splitlines()
    assert first.startswith("warning: what Defender says is not shown: ")
    assert "Not you." in first
    assert len(rows(document)) == 4
    assert {row["inForce"] for row in rows(document)} == {""}
    assert document["score"] == []


def test_what_could_not_be_read_makes_no_register_complete(defended: World, tmp_path: Path) -> None:
    path = f"{TWO}/providers/Microsoft.Authorization/policyExemptions"
    defended.azure.inject_faults(
        {"faults": [{"path": path, "status": 403, "code": "AuthorizationFailed", "count": None}]}
    )
    try:
        document, ended = register(defended, tmp_path, check=1)
    finally:
        defended.azure.inject_faults({})
    assert document["about"]["complete"] is False
    assert "not read: " in ended.stderr
    assert "tde" in by_name(document, "whose")


@pytest.mark.parametrize("command", ["register", "list"])
def test_what_was_declared_lately_at_a_resource_that_no_list_shows_is_still_exempt(
    defended: World, tmp_path: Path, command: str
) -> None:
    root = Path(shutil.copytree(defended.root, tmp_path / "repository"))
    repo.write(root, [DECLARED], writers=[PIPELINE.object_id])
    repo.commit(root, "Retire")
    (root / "README.md").write_text("Ours.\n", encoding="utf-8")
    repo.commit(root, "Say what this is")
    if command == "register":
        document, _ = register(World(defended.azure, root), tmp_path / "site")
        scopes = {row["scope"] for row in rows(document)}
    else:
        ended = exempt(defended.azure, "list", "--in-force", "--format", "json", root=root, check=0)
        scopes = {entry["scope"] for entry in ended.json["exemptions"]}
    assert LEDGER in scopes
