"""The command line end to end: plan, apply, nothing left; what others change is named and repaired."""

import json
from pathlib import Path
from typing import Any

import emulated
import pytest
from main_job import repositories as repo

TRANSFER = "Secure transfer to storage accounts should be enabled"
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
REFERENCE = "secureTransferToStorageAccountMonitoring"


def plan(azure: emulated.Azure, root: Path, *options: str, check: tuple[int, ...] = (0,)) -> dict[str, Any]:
    return json.loads(emulated.exempt(azure, "plan", "--format", "json", *options, cwd=root, check=check).stdout)


def actions(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(change["actions"][0], change["reason"]) for change in found["changes"]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    found = repo.write(tmp_path, [{"name": "transfer", "recommendation": TRANSFER, "scopes": [repo.subscription(1)]}])
    repo.commit(found)
    return found


def test_what_others_delete_or_edit_is_named_and_repaired(root: Path) -> None:
    nist = repo.assignment(repo.subscription(1), "nist", repo.NIST)
    with emulated.running(repo.tenant(AT_ROOT, nist)) as azure:
        portal = emulated.Client(azure, emulated.PORTAL)
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        first, second = sorted(azure.exemptions)
        portal.delete(first)
        changed = azure.exemptions[second]["properties"] | {"exemptionCategory": "Mitigated"}
        portal.put(second, changed)
        found = plan(azure, root)
        assert actions(found) == [("create", "recreate"), ("update", "revert")]
        assert found["changes"][1]["changed"] == ["exemptionCategory"]
        emulated.exempt(azure, "apply", "--yes", "--only", "recreate,revert", cwd=root, check=[0])
        assert plan(azure, root)["changes"] == []


def test_a_saved_plan_approves_what_it_shows_and_no_more(root: Path, tmp_path: Path) -> None:
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        saved = tmp_path / "plan.json"
        emulated.exempt(azure, "plan", "--out", str(saved), cwd=root, check=[0])
        more = [
            {"name": "transfer", "recommendation": TRANSFER, "scopes": [repo.subscription(1)]},
            {
                "name": "backup",
                "recommendation": "f2f595ec-5dc6-68b4-82ef-b63563e9c610",
                "scopes": [repo.subscription(2)],
            },
        ]
        repo.write(root, more)
        done = emulated.exempt(azure, "apply", str(saved), "--yes", "--format", "json", cwd=root, check=[2])
        statuses = sorted(outcome["status"] for outcome in json.loads(done.stdout)["outcomes"])
        assert statuses == ["awaiting approval", "done"]
        assert len(azure.exemptions) == 1


def test_no_declarations_at_all_stops_before_the_first_write(root: Path) -> None:
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        repo.write(root, [])
        refused = emulated.exempt(azure, "apply", "--yes", cwd=root, check=[1])
        assert "--allow-deletes 1" in refused.stderr + refused.stdout
        assert len(azure.exemptions) == 1
        emulated.exempt(azure, "apply", "--yes", "--allow-deletes", "1", cwd=root, check=[0])
        assert azure.exemptions == {}


def test_portal_duplicates_become_one_authoritative_exemption(root: Path) -> None:
    to = AT_ROOT["id"]
    portal_made = [repo.exemption(repo.subscription(1), name, to, [REFERENCE]) for name in ("one", "two")]
    with emulated.running(repo.tenant(AT_ROOT, exemptions=portal_made)) as azure:
        assert sorted(actions(plan(azure, root))) == [("delete", "duplicate"), ("update", "adopt")]
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        (left,) = azure.exemptions.values()
        assert left["properties"]["metadata"]["declaration"] == "transfer"
        writes = [each.method for each in azure.requests if each.method in {"PUT", "DELETE"}]
        assert writes == ["PUT", "DELETE"]


def test_another_tenant_is_refused(root: Path) -> None:
    elsewhere = repo.tenant(AT_ROOT) | {"tenantId": "c0ffee00-0000-4000-8000-0000000000ff"}
    with emulated.running(elsewhere) as azure:
        refused = emulated.exempt(azure, "plan", cwd=root, check=[1])
    assert repo.TENANT in refused.stderr
    assert "Traceback" not in refused.stderr


def test_apply_without_a_terminal_asks_for_yes(root: Path) -> None:
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        refused = emulated.exempt(azure, "apply", cwd=root, check=[1])
        assert "--yes" in refused.stderr
        assert azure.exemptions == {}


def test_a_snapshot_file_plans_without_azure(root: Path, tmp_path: Path) -> None:
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        saved = tmp_path / "snapshot.json"
        emulated.exempt(azure, "snapshot", "--out", str(saved), cwd=root, check=[0])
        before = len(azure.requests)
        found = plan(azure, root, "--snapshot", str(saved))
        assert actions(found) == [("create", "declared")]
        assert len(azure.requests) == before


def test_every_unknown_option_leaves_with_one(root: Path) -> None:
    with emulated.running(repo.tenant()) as azure:
        for command in ("plan", "apply", "validate", "snapshot", "emulator", "demo"):
            refused = emulated.exempt(azure, command, "--no-such-option", cwd=root, check=[1])
            assert "--no-such-option" in refused.stderr
        assert "did you mean 'exempt plan'" in emulated.exempt(azure, "pln", cwd=root, check=[1]).stderr


def test_healing_never_creates_what_nobody_approved(root: Path) -> None:
    """What awaits approval is not created by any healing run, whatever else is repaired meanwhile."""
    with emulated.running(repo.tenant(AT_ROOT, repo.assignment(repo.subscription(1), "nist", repo.NIST))) as azure:
        outcomes = emulated.exempt(azure, "apply", "--yes", "--format", "json", cwd=root, check=[0])
        assert json.loads(outcomes.stdout)["completed"]
        approved = json.loads(outcomes.stdout)["revision"]
        assert approved == repo.git(root, "rev-parse", "HEAD")
        emulated.Client(azure, emulated.PORTAL).delete(min(azure.exemptions))
        old = {"name": "transfer", "recommendation": TRANSFER, "scopes": [repo.subscription(1)]}
        new = {
            "name": "backup",
            "policyDefinition": "013e242c-8828-4970-87b3-ab247555486d",
            "scopes": [repo.subscription(2)],
        }
        repo.write(root, [old, new])
        repo.commit(root, "Ask for another")
        for _ in range(2):
            emulated.exempt(azure, "apply", "--yes", "--approved", approved, cwd=root, check=[2])
            marks = {body["properties"]["metadata"]["declaration"] for body in azure.exemptions.values()}
            assert marks == {"transfer"}
            assert len(azure.exemptions) == 2
        assert actions(plan(azure, root)) == [("create", "declared")]
