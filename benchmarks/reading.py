"""What a full read costs: requests per scope, CPU and time of `exempt snapshot`, for 50, 200 and 1,000 subscriptions.

    python -m benchmarks.reading

The embedded Azure runs in a process of its own, without latency. Requests must be three a scope and a constant, however
many exemptions of either kind there are; CPU grows with the exemptions. The floor is the same lists through the bare pipeline (16
threads, TLS, azure-core) and `json`, in a process that starts as the command does, measured in the same run.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import limits

ROOT = "/providers/Microsoft.Management/managementGroups/contoso"
AUTHORIZATION = "/providers/Microsoft.Authorization"
BENCHMARK = f"{AUTHORIZATION}/policySetDefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
SIZES = ((50, 20, 0), (200, 100, 0), (200, 50, 50), (1000, 20, 0))
ASSIGNMENTS = 20


def tenant(subscriptions: int, each: int, standards: int = 0) -> dict[str, Any]:
    """One group, its subscriptions with so many exemptions and standard assignments each, and twenty assignments that all
    lists inherit.
    """
    names = [f"5a1e0001-0000-4000-8000-{number:012d}" for number in range(subscriptions)]
    assigned = [f"{ROOT}{AUTHORIZATION}/policyAssignments/a{number}" for number in range(ASSIGNMENTS)]
    return {
        "managementGroups": [{"name": "contoso", "displayName": "Contoso", "parent": None}],
        "subscriptions": [{"id": name, "displayName": name, "managementGroup": "contoso"} for name in names],
        "policyAssignments": [{"id": one, "properties": {"policyDefinitionId": BENCHMARK}} for one in assigned],
        "policyExemptions": [exemption(name, number, assigned[0]) for name in names for number in range(each)],
        "standardAssignments": [standard(name, number) for name in names for number in range(standards)],
    }


def standard(subscription: str, number: int) -> dict[str, Any]:
    """One of Defender's own exemptions, of a recommendation that no policy stands behind."""
    return {
        "id": f"/subscriptions/{subscription}/providers/Microsoft.Security/standardAssignments/{uuid.uuid5(uuid.UUID(subscription), str(number))}",
        "properties": {
            "displayName": f"legacy-{number}",
            "description": "Server retires with project Lyra in January 2027; its data is public.",
            "effect": "Exempt",
            "expiresOn": "2027-01-31T23:59:59Z",
            "exemptionData": {
                "exemptionCategory": "waiver",
                "assignedAssessment": {"assessmentKey": "48fad5ca-f530-41bb-9454-c6002bd1085c"},
            },
        },
    }


def exemption(subscription: str, number: int, assignment: str) -> dict[str, Any]:
    scope = f"/subscriptions/{subscription}/resourceGroups/rg-{number}"
    return {
        "id": f"{scope}{AUTHORIZATION}/policyExemptions/legacy-{number:04d}-0123456789abcdef",
        "properties": {
            "policyAssignmentId": assignment,
            "exemptionCategory": "Waiver",
            "policyDefinitionReferenceIds": ["sqlDbEncryptionMonitoring"],
            "displayName": f"legacy-{number}: Transparent Data Encryption on SQL databases should be enabled",
            "description": "Server retires with project Lyra in January 2027; its data is public.",
            "expiresOn": "2027-01-31T23:59:59Z",
            "metadata": {"managedBy": "exempt", "owner": "contoso", "declaration": f"legacy-{number}", "target": scope},
        },
    }


@contextlib.contextmanager
def cloud(content: dict[str, Any], folder: Path) -> Iterator[dict[str, Any]]:
    """An embedded Azure in another process; its ready line."""
    file = folder / "tenant.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    command = [sys.executable, "-m", "reconciler", "emulator", "--tenant", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def read(ready: dict[str, Any], folder: Path) -> tuple[float, float, int]:
    """CPU and wall seconds of one `exempt snapshot`, and its requests."""
    settings = f"owner: contoso\ntenantId: {ready['tenantId']}\nscopes:\n  - {ROOT}\n"
    (folder / "reconciler.yaml").write_text(settings, encoding="utf-8")
    command = [sys.executable, "-m", "reconciler", "snapshot", "--out", str(folder / "snapshot.json")]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {"PATH": os.environ["PATH"], **ready["env"]}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    found = re.search(r"with ([\d,]+) requests", done.stderr)
    assert found is not None, done.stderr
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, wall, int(found[1].replace(",", ""))


FLOOR = """
import json, os, sys
from concurrent.futures import ThreadPoolExecutor
from azure.core.rest import HttpRequest
from reconciler.azure.session import connect
from reconciler.model import Settings, arm_id

tenant, root, *scopes = sys.argv[1:]
with connect(Settings(owner="contoso", tenant_id=tenant, scopes=(arm_id(root),)), os.environ) as azure:
    host, send = azure.endpoints.resource_manager, azure.client._client.send_request

    def get(target):
        while target:
            answer = send(HttpRequest("GET", target, headers={"Accept": "application/json", "Accept-Encoding": "gzip"}))
            target = json.loads(answer.content).get("nextLink")

    targets = [
        f"{host}{scope}/providers/Microsoft.{kind}?api-version={version}&{filtered}"
        for scope in scopes
        for kind, version in (
            ("Authorization/policyAssignments", "2025-11-01"),
            ("Authorization/policyExemptions", "2026-01-01-preview"),
            ("Security/standardAssignments", "2024-08-01"),
        )
        for filtered in ["$filter=atScope()" if scope == root and kind[0] == "A" else ""]
    ]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(get, targets))
"""


def floor(ready: dict[str, Any], scopes: list[str]) -> float:
    """CPU seconds of the same lists, only sent, received and parsed, in a process that starts as the command does."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {"PATH": os.environ["PATH"], **ready["env"]}
    command = [sys.executable, "-c", FLOOR, ready["tenantId"], ROOT, *scopes]
    subprocess.run(command, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    print(
        f"{'scopes':>7} {'exemptions':>11} {'standards':>10} {'requests':>9} {'constant':>9} {'CPU s':>7} {'floor s':>8} {'ratio':>6} {'wall s':>7}"
    )
    for subscriptions, each, standards in SIZES:
        content = tenant(subscriptions, each, standards)
        scopes = [ROOT, *(f"/subscriptions/{one['id']}" for one in content["subscriptions"])]
        with tempfile.TemporaryDirectory() as name, cloud(content, Path(name)) as ready:
            cpu, wall, requests = read(ready, Path(name))
            bare = floor(ready, scopes)
        constant = requests - 3 * len(scopes)
        print(
            f"{len(scopes):>7,} {subscriptions * each:>11,} {subscriptions * standards:>10,} {requests:>9,} {constant:>9} {cpu:>7.2f} {bare:>8.2f} "
            f"{cpu / bare:>6.2f} {wall:>7.2f}"
        )
        limits.at_most(4, cpu / bare, f"CPU of a read of {len(scopes):,} scopes, to its floor")


if __name__ == "__main__":
    main()
    sys.exit(limits.exit_code())
