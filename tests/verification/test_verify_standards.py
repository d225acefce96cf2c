"""`exempt verify` of plans that write standard assignments, and of a declaration that moves from one kind to the other."""

import json
from pathlib import Path

import emulated
import yaml
from main_job import repositories as repo
from verification.raw import resealed

ALONE = "48fad5ca-f530-41bb-9454-c6002bd1085c"
GROUPED = "17618b1a-ed14-49bb-b37f-9f8ba967be8b"
EDR = "d44de051-1862-48f8-8476-192aee854699"
SCOPE = f"{repo.subscription(1)}/resourceGroups/rg-data"
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
TENANT = repo.tenant(AT_ROOT, resources=[f"{SCOPE}/providers/Microsoft.Sql/servers/legacy"])


def planned(azure: emulated.Azure, root: Path) -> None:
    emulated.exempt(azure, "plan", "--out", "../plan.json", "--snapshot-out", "../before.json", cwd=root, check=[0])


def verify(azure: emulated.Azure, root: Path, *options: str, check: int = 0) -> str:
    arguments = ("verify", "../plan.json", "--snapshot", "../before.json", *options)
    return emulated.exempt(azure, *arguments, cwd=root, check=[check]).stdout


def test_what_is_written_with_conditions_is_proven_and_what_somebody_changes_is_refuted(tmp_path: Path) -> None:
    conditions = {"cves": ["CVE-2020-1347"], "minSeverity": "Low", "cvssBelow": 8}
    wish = {"name": "findings", "recommendation": EDR, "scopes": [SCOPE], "vulnerabilities": conditions}
    root = repo.write(tmp_path / "repository", [wish])
    repo.commit(root)
    with emulated.running(TENANT) as azure:
        planned(azure, root)
        assert verify(azure, root) == "Proven: 1 change, no rule broken.\n"
        emulated.exempt(azure, "apply", "--yes", "--out", "../outcomes.json", cwd=root, check=[0])
        emulated.exempt(azure, "snapshot", "--out", "../after.json", cwd=root, check=[0])
        after = ("--outcomes", "../outcomes.json", "--after", "../after.json")
        verify(azure, root, *after)
        (made,) = azure.tenant.standard_assignments.by_id.values()
        emulated.Client(azure, emulated.PORTAL).delete(made.id.text, version="2024-08-01")
        emulated.exempt(azure, "snapshot", "--out", "../after.json", cwd=root, check=[0])
        assert "written as planned: Azure does not show what was written" in verify(azure, root, *after, check=1)


def test_a_move_to_the_other_kind_is_proven_and_refuted_without_its_wait(tmp_path: Path) -> None:
    root = repo.write(tmp_path / "repository", [{"name": "secrets", "recommendation": GROUPED, "scopes": [SCOPE]}])
    overlay = {"recommendations": [{"key": EDR, "recommendationCategory": "ExposedSecrets"}]}
    (root / "catalog.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
    repo.commit(root)
    with emulated.running(TENANT) as azure:
        emulated.exempt(azure, "apply", "--yes", "--base", "HEAD", cwd=root, check=[0])
        repo.write(root, [{"name": "secrets", "recommendationCategory": "ExposedSecrets", "scopes": [SCOPE]}])
        repo.commit(root)
        planned(azure, root)
        assert verify(azure, root) == "Proven: 2 changes, no rule broken.\n"
        path = tmp_path / "plan.json"
        plan = json.loads(path.read_text("utf-8"))
        (waiting,) = [change for change in plan["changes"] if change["actions"] == ["delete"]]
        waiting["waitsFor"] = []
        path.write_text(json.dumps(resealed(plan)), encoding="utf-8")
        refuted = verify(azure, root, check=1)
        assert "never bare" in refuted
        assert "takes its place, and need not be there before" in refuted
        plan["changes"] = [waiting]
        path.write_text(json.dumps(resealed(plan)), encoding="utf-8")
        refuted = verify(azure, root, check=1)
        assert "owned once" in refuted
        assert "takes its place" in refuted
