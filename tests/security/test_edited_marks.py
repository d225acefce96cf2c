"""A person with write rights in one resource group edits the marks of many of our exemptions there."""

import json

import emulated
import pytest
from main_job import repositories as repo

GROUP = f"{repo.subscription(1)}/resourceGroups/rg-data"
SERVERS = [f"{GROUP}/providers/Microsoft.Sql/servers/s{number:02}" for number in range(12)]
TDE, AUDITING = "sqlDbEncryptionMonitoring", "secureTransferToStorageAccountMonitoring"
WRITER = "11111111-1111-4111-8111-111111111111"


EXPECTED = {
    ("declaration",): {"create"},
    ("target",): {"update"},
}


@pytest.mark.parametrize("mark", [{"declaration": "never-was"}, {"target": repo.subscription(2)}])
def test_edited_marks_stop_no_run_and_leave_nothing_bare(tmp_path, mark):
    root = repo.write(
        tmp_path / "repository",
        [{"name": "tde", "recommendation": "651967bf-044e-4bde-8376-3e08e0600105", "scopes": SERVERS}],
        writers=[WRITER],
    )
    repo.commit(root)
    with emulated.running(repo.tenant(repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK), resources=SERVERS)) as azure:
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        portal = emulated.Client(azure, emulated.PORTAL)
        for identifier in list(azure.exemptions):
            properties = portal.get(identifier).json["properties"]
            properties["metadata"] |= mark
            properties["policyDefinitionReferenceIds"] = [AUDITING]
            portal.put(identifier, properties)
        plan = json.loads(emulated.exempt(azure, "plan", "--format", "json", cwd=root).stdout)
        assert plan["refusals"] == []
        assert {action for change in plan["changes"] for action in change["actions"]} == EXPECTED[tuple(mark)]
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        exempt = {
            key.rsplit("/providers/", 1)[0]
            for key in azure.exemptions
            if TDE in portal.get(key).json["properties"]["policyDefinitionReferenceIds"]
        }
        assert exempt == {server.lower() for server in SERVERS}, "what is declared is exempt again"
        again = json.loads(emulated.exempt(azure, "plan", "--format", "json", cwd=root).stdout)
        assert again["changes"] == []
        told = emulated.exempt(azure, "drift", cwd=root).stdout
        kept = "none of the writers of reconciler.yaml, wrote its mark, and no recent version of declaration"
        assert (kept in told) is ("declaration" in mark)
