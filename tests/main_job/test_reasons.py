"""The reason of a create says which side changed, through the command line and what Azure itself dates."""

import json
from pathlib import Path
from typing import Any

import emulated
import pytest
from main_job import repositories as repo

TRANSFER = "Secure transfer to storage accounts should be enabled"
POLICY = "/providers/Microsoft.Authorization/policyDefinitions/404c3081-a854-4457-ae30-26a93ef643f9"
OTHER_POLICY = "/providers/Microsoft.Authorization/policyDefinitions/0961003e-5a0a-4549-abde-af6a37f2724d"
OWN_SET = repo.ROOT + repo.SETS + "own"
BENCHMARK = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)


def members(**policies: str) -> dict[str, Any]:
    return {
        "policyType": "Custom",
        "policyDefinitions": [
            {"policyDefinitionId": policy, "policyDefinitionReferenceId": reference}
            for reference, policy in policies.items()
        ],
    }


def planned(azure: emulated.Azure, root: Path, *options: str) -> list[tuple[str, str, str]]:
    done = emulated.exempt(azure, "plan", "--format", "json", *options, cwd=root, check=[0])
    return [
        (change["actions"][0], change["reason"], change["key"]["assignment"].rsplit("/", 1)[-1])
        for change in json.loads(done.stdout)["changes"]
    ]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = repo.write(tmp_path, [{"name": "transfer", "recommendation": TRANSFER, "scopes": [repo.subscription(1)]}])
    repo.commit(root)
    return root


def test_an_initiative_that_gains_its_first_policy_of_the_recommendation(root: Path) -> None:
    own = {"id": OWN_SET, "properties": members(other=OTHER_POLICY)}
    tenant = repo.tenant(BENCHMARK, repo.assignment(repo.ROOT, "own", OWN_SET), policySetDefinitions=[own])
    with emulated.running(tenant) as azure:
        assert planned(azure, root) == [("create", "declared", "mcsb")]
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        emulated.Client(azure).put(OWN_SET, members(other=OTHER_POLICY, transfer=POLICY))
        assert planned(azure, root) == [("create", "fan-out", "own")]
        drift = emulated.exempt(azure, "drift", "--format", "json", cwd=root, check=[2])
        (finding,) = json.loads(drift.stdout)["findings"]
        assert finding["kind"] == "uncovered"
        assert finding["cause"] == "assigned, or its initiative changed, after the declaration was applied"


def test_an_assignment_that_is_younger_than_what_was_never_applied(root: Path) -> None:
    with emulated.running(repo.tenant()) as azure:
        emulated.Client(azure).put(BENCHMARK["id"], BENCHMARK["properties"])
        assert planned(azure, root) == [("create", "declared", "mcsb")]


def test_a_new_assignment_and_then_a_deletion(root: Path) -> None:
    with emulated.running(repo.tenant(BENCHMARK)) as azure:
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        second = repo.assignment(repo.subscription(1), "second", repo.BENCHMARK)
        emulated.Client(azure).put(second["id"], second["properties"])
        assert planned(azure, root) == [("create", "fan-out", "second")]
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        (first,) = [key for key, body in azure.exemptions.items() if "mcsb" in body["properties"]["policyAssignmentId"]]
        emulated.Client(azure, emulated.PORTAL).delete(first)
        assert planned(azure, root) == [("create", "recreate", "mcsb")]
