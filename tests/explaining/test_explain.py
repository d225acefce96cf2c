"""`exempt explain` through the command line: what a person reads about one resource, and about one declaration."""

import json
from pathlib import Path
from typing import Any

import emulated
import pytest
from jsonschema import Draft202012Validator
from main_job import repositories as repo

from reconciler.catalog import load
from reconciler.package_data import schema_path

SCHEMA = json.loads(schema_path("explain").read_text(encoding="utf-8"))
TRANSFER = "Secure transfer to storage accounts should be enabled"
POLICY = "/providers/Microsoft.Authorization/policyDefinitions/404c3081-a854-4457-ae30-26a93ef643f9"
BACKUP = "f2f595ec-5dc6-68b4-82ef-b63563e9c610"
REFERENCE = "secureTransferToStorageAccountMonitoring"
SUB = repo.subscription(1)
GROUP = f"{SUB}/resourceGroups/rg-data"
STORE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/lyra"
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
NIST = repo.assignment(SUB, "nist", repo.NIST, notScopes=[GROUP])
DECLARED = {"name": "transfer", "recommendation": TRANSFER, "scopes": [GROUP], "expiresOn": "2099-01-31"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    found = repo.write(tmp_path, [DECLARED])
    repo.commit(found)
    return found


def asked(azure: emulated.Azure, root: Path, *arguments: str, check: int = 0) -> dict[str, Any]:
    done = emulated.exempt(azure, "explain", *arguments, "--format", "json", cwd=root, check=[check])
    found = json.loads(done.stdout)
    Draft202012Validator(SCHEMA).validate(found)
    return found


def told(azure: emulated.Azure, root: Path, *arguments: str, check: int = 0) -> str:
    return emulated.exempt(azure, "explain", *arguments, cwd=root, check=[check]).stdout


def test_a_resource_knows_its_declaration_its_commit_its_end_and_its_shadows(root: Path) -> None:
    portal = repo.exemption(repo.ROOT, "portal", AT_ROOT["id"], [REFERENCE])
    terraform = {
        **repo.exemption(STORE, "old", AT_ROOT["id"], [REFERENCE]),
        "systemData": {"createdByType": "Application"},
    }
    terraform["properties"]["expiresOn"] = "2026-01-01T00:00:00Z"
    with emulated.running(repo.tenant(AT_ROOT, NIST, resources=[STORE], exemptions=[portal, terraform])) as azure:
        before = asked(azure, root, STORE, "--recommendation", TRANSFER)
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        after = asked(azure, root, STORE.upper().replace("/SUBSCRIPTIONS", "/subscriptions"))
        text = told(azure, root, STORE)
        head = repo.git(root, "rev-parse", "HEAD")
    (planned,) = [one for each in before["assignments"] for one in each["exemptions"] if one["role"] == "authoritative"]
    assert (planned["live"], planned["change"]["action"]) == (False, "create")
    assert [each["ifRemoved"] for each in before["assignments"]] == [[], []], "what is not there yet cannot be removed"
    (benchmark,) = [each for each in after["assignments"] if each["assignment"] == AT_ROOT["id"]]
    roles = [(one["role"], one["inherited"], one["declaration"]) for one in benchmark["exemptions"]]
    assert roles == [("authoritative", True, "transfer"), ("no effect", False, None), ("also exempts", True, None)]
    ours = benchmark["exemptions"][0]
    assert ours["commit"]["sha"] == head
    assert ours["expiresOn"] == "2099-01-31T23:59:59Z"
    assert ours["source"]["file"] == "exemptions/transfer.yaml"
    assert benchmark["exempt"]
    assert benchmark["notExempt"] == []
    (loss,) = benchmark["ifRemoved"]
    assert loss == {
        "id": ours["id"], "evaluatedAgain": [], "createdAgain": True, "partlyKeptBy": [],
        "keptBy": [repo.ROOT + repo.EXEMPTIONS + "portal"],
    }  # fmt: skip
    assert f"exemptions/transfer.yaml:1, last changed by {head[:12]}" in text
    assert "still exempt by portal" in text
    assert "expired 2026-01-01" in text
    assert "lists" in text


def test_what_nothing_covers_is_said(root: Path) -> None:
    with emulated.running(repo.tenant(AT_ROOT, resources=[STORE])) as azure:
        none = asked(azure, root, repo.subscription(2), "--recommendation", TRANSFER)
        assert [(each["exempt"], each["notExempt"]) for each in none["assignments"]] == [(False, [REFERENCE])]
        assert asked(azure, root, repo.subscription(2))["assignments"] == []
        assert "nothing exempts it" in told(azure, root, repo.subscription(2))
        assert "not exempt" in told(azure, root, repo.subscription(2), "--recommendation", POLICY)
        assert "nothing that is known here exempts it" in told(azure, root, repo.subscription(9))
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        alone = told(azure, root, STORE)
    assert "it would be evaluated again" in alone
    assert "the next apply creates it again" in alone


def test_what_is_wanted_where_nothing_evaluates_it_is_said(root: Path) -> None:
    with emulated.running(repo.tenant(resources=[STORE])) as azure:
        assert asked(azure, root, STORE)["wantedBy"] == ["transfer"]
        assert asked(azure, root, STORE, "--recommendation", POLICY)["wantedBy"] == ["transfer"]
        assert asked(azure, root, STORE, "--recommendation", BACKUP)["wantedBy"] == []
        text = told(azure, root, STORE)
        declared = told(azure, root, "--declaration", "TRANSFER")
        azure.inject_faults({"faults": [{"method": "GET", "path": "policyAssignments", "count": None, "status": 403}]})
        unknown = told(azure, root, STORE, check=1)
    assert "declaration 'transfer' lists it, but no assignment at or above it evaluates what it declares" in text
    assert f"exempts nothing: no assignment at, above or below its scopes evaluates {TRANSFER!r}" in declared
    assert "what exempts it is not known" in unknown


def test_selectors_choose_what_stays_exempt(root: Path) -> None:
    both = {
        name: {**DECLARED, "name": name, "resourceSelectors": [
            {"name": "at", "selectors": [{"kind": "resourceLocation", "in": [place]}]},
        ]}
        for name, place in (("east", "eastus"), ("west", "westeurope"))
    }  # fmt: skip
    repo.write(root, list(both.values()))
    with emulated.running(repo.tenant(AT_ROOT, resources=[STORE])) as azure:
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        (found,) = asked(azure, root, STORE)["assignments"]
        text = told(azure, root, STORE)
    assert (found["exempt"], found["exemptBySelectors"]) == (True, [REFERENCE])
    assert {tuple(loss["evaluatedAgain"]) for loss in found["ifRemoved"]} == {(REFERENCE,)}
    assert "exempt where resource selectors choose it" in text
    assert "within a day, except what the resource selectors of west-" in text


def test_what_an_assignment_excludes_is_not_lost_with_the_exemption_around_it(root: Path) -> None:
    excluding = repo.assignment(SUB, "nist", repo.NIST, notScopes=[STORE])
    with emulated.running(repo.tenant(excluding, resources=[STORE])) as azure:
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        (around,), (excluded,) = (asked(azure, root, scope)["assignments"] for scope in (GROUP, STORE))
    assert [each["exemptions"][0]["role"] for each in (around, excluded)] == ["authoritative"] * 2
    assert [len(each["ifRemoved"]) for each in (around, excluded)] == [1, 0]


def test_what_is_held_elsewhere_is_no_matter_of_this_resource(root: Path) -> None:
    gone = f"{repo.subscription(2)}/resourceGroups/gone"
    repo.write(root, [DECLARED, {**DECLARED, "name": "elsewhere", "scopes": [gone]}])
    with emulated.running(repo.tenant(AT_ROOT, resources=[STORE])) as azure:
        assert asked(azure, root, STORE)["held"] == []
        assert [line["declaration"] for line in asked(azure, root, gone)["held"]] == ["elsewhere"]


def test_a_foreign_owner_that_holds_the_cells_is_named(root: Path) -> None:
    theirs = repo.exemption(GROUP, "theirs", AT_ROOT["id"], [REFERENCE], metadata={"pacOwnerId": "epac-lyra"})
    with emulated.running(repo.tenant(AT_ROOT, resources=[STORE], exemptions=[theirs])) as azure:
        (found,) = asked(azure, root, STORE)["assignments"]
        text = told(azure, root, STORE)
    assert [one["role"] for one in found["exemptions"]] == ["also exempts"]
    assert "epac-lyra" in found["exemptions"][0]["whose"]
    assert found["held"][0]["cause"] == "foreign-owner"
    assert "takeOver: epac-lyra" in text


def test_a_declaration_says_of_every_assignment_whether_it_is_in_and_why(root: Path) -> None:
    elsewhere = repo.assignment(repo.subscription(2), "other", repo.BENCHMARK)
    single = repo.assignment(
        SUB, "single", "/providers/Microsoft.Authorization/policyDefinitions/0a370ff3-6cab-4e85-8995-295fd854c5b8"
    )
    with emulated.running(repo.tenant(AT_ROOT, NIST, elsewhere, single, resources=[STORE])) as azure:
        found = asked(azure, root, "--declaration", "transfer")
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        applied = asked(azure, root, "--declaration", "transfer")
        text = told(azure, root, "--declaration", "transfer")
    rows = {each["displayName"]: each for each in found["assignments"]}
    assert {name: row["part"] for name, row in rows.items()} == {
        "mcsb": "in",
        "nist": "out",
        "other": "out",
        "single": "out",
    }
    assert rows["mcsb"]["change"]["action"] == "create"
    assert "notScopes" in rows["nist"]["why"]
    assert "neither contains a target nor lies below one" in rows["other"]["why"]
    assert "its only policy does not stand behind" in rows["single"]["why"]
    assert next(row for row in applied["assignments"] if row["part"] == "in")["change"] is None
    assert text.splitlines()[0] == f"transfer: {TRANSFER}"
    assert "as declared" in text


def test_a_disabled_declaration_wants_nothing_and_shows_what_goes(root: Path) -> None:
    with emulated.running(repo.tenant(AT_ROOT, resources=[STORE])) as azure:
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        repo.write(root, [{**DECLARED, "enabled": False}])
        found = asked(azure, root, "--declaration", "transfer")
        text = told(azure, root, "--declaration", "transfer")
    assert found["wantsNothing"] == "it says enabled: false"
    assert found["assignments"] == []
    assert [each["reason"] for each in found["leftovers"]] == ["removed"]
    assert "wants nothing" in text


def test_mistakes_propose_the_fix(root: Path) -> None:
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        for arguments, proposal in (
            ((), "a RESOURCE or --declaration NAME"),
            ((STORE, "--declaration", "transfer"), "a RESOURCE or --declaration NAME"),
            (("--declaration", "tranfser"), "there is no declaration 'tranfser'\nhelp: did you mean transfer?"),
            (("--declaration", "transfer", "--recommendation", TRANSFER), "leave it out"),
            ((STORE, "--recommendation", "Secure transfer to storage accounts"), TRANSFER),
            (("no/nsense",), "not the id of"),
            (("transfer",), "told by --declaration transfer"),
        ):
            done = emulated.exempt(azure, "explain", *arguments, cwd=root, check=[1])
            assert proposal in done.stderr, done.stderr
            assert "Traceback" not in done.stderr


def test_a_resource_that_does_not_exist_is_said_to_be_gone_with_what_may_be_meant(root: Path) -> None:
    elsewhere = STORE.replace("rg-data", "rg-other")
    with emulated.running(repo.tenant(AT_ROOT, resources=[STORE])) as azure:
        assert asked(azure, root, elsewhere)["exists"] is False
        assert asked(azure, root, STORE)["exists"] is True
        text = told(azure, root, elsewhere)
    assert "Azure finds no resource of this id" in text
    assert "did you mean" in text
    assert STORE in text


def test_a_declaration_is_found_in_other_letters(root: Path) -> None:
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        assert asked(azure, root, "--declaration", "TRANSFER")["declaration"] == "transfer"


def test_a_title_of_several_recommendations_is_told_their_keys(root: Path) -> None:
    title = "CLR should be disabled for SQL Servers"
    keys = [each.key for each in load().find(title)]
    assert len(keys) == 2
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        done = emulated.exempt(azure, "explain", STORE, "--recommendation", title, cwd=root, check=[1])
    problem, remedy = done.stderr.splitlines()[-2:]
    assert problem == f"error: --recommendation: {title!r} is the title of several recommendations"
    assert remedy.startswith("help: name a key: ")
    assert sorted(remedy.removeprefix("help: name a key: ").split(", ")) == sorted(keys)
