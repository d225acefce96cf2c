"""A forged mark refutes no plan: whoever may write in one group must not stop everybody else's."""

from __future__ import annotations

from pathlib import Path

import emulated
import pytest
from main_job import repositories as repo

AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
TRANSFER = "Secure transfer to storage accounts should be enabled"
BACKUP = "f2f595ec-5dc6-68b4-82ef-b63563e9c610"


@pytest.mark.parametrize("declared_first", [True, False], ids=["beside ours", "in place of ours"])
def test_a_forged_twin_refutes_nothing(tmp_path: Path, declared_first: bool) -> None:
    transfer = {"name": "transfer", "recommendation": TRANSFER, "scopes": [repo.subscription(1)]}
    root = repo.write(tmp_path / "repository", [transfer])
    repo.commit(root)
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        ((identifier, made),) = azure.exemptions.items()
        writer = made["systemData"]["createdBy"]
        mallory = emulated.Client(azure, emulated.PORTAL)
        mallory.put(f"{identifier}-twin", made["properties"])
        if not declared_first:
            mallory.delete(identifier)
        more = {"name": "backup", "recommendation": BACKUP, "scopes": [repo.subscription(2)]}
        repo.write(root, [transfer, more], writers=[writer])
        repo.commit(root)
        plan, snapshot, after = (tmp_path / name for name in ("plan.json", "snapshot.json", "after.json"))
        code = [0, 1]  # what the forged one says is held, and everything else goes on
        emulated.exempt(azure, "plan", "--out", str(plan), "--snapshot-out", str(snapshot), cwd=root, check=code)
        emulated.exempt(azure, "verify", str(plan), "--snapshot", str(snapshot), cwd=root, check=[0])
        outcomes = tmp_path / "outcomes.json"
        emulated.exempt(azure, "apply", str(plan), "--yes", "--out", str(outcomes), cwd=root, check=code)
        mallory.put(f"{identifier}-twin", {**made["properties"], "description": "while it was applied"})
        emulated.exempt(azure, "snapshot", "--out", str(after), cwd=root, check=[0])
        options = ["--snapshot", str(snapshot), "--outcomes", str(outcomes), "--after", str(after)]
        emulated.exempt(azure, "verify", str(plan), *options, cwd=root, check=[0])
