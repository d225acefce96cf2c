"""What `exempt drift` costs: 20,000 live exemptions on 200 subscriptions, in client CPU and wall time.

    python -m benchmarks.drift

Three tenants: everything as declared (silent), 5 % of it deleted, edited or made by hand, and nothing declared at all
(20,000 findings). The floor is the same lists through the bare pipeline and `json`, in the same run. The embedded Azure
runs in a process of its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import limits
from benchmarks.reading import AUTHORIZATION, ROOT, cloud, floor

SUBSCRIPTIONS, EACH, DECLARATIONS = 200, 100, 1000
NAMES = tuple(f"5a1e0001-0000-4000-8000-{number:012d}" for number in range(SUBSCRIPTIONS))
RATIO = 20
TENANT = "00000000-0000-4000-8000-00000000d41f"
BENCHMARK = f"{AUTHORIZATION}/policySetDefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
ASSIGNMENT = f"{ROOT}{AUTHORIZATION}/policyAssignments/mcsb"
RECOMMENDATION = "Secure transfer to storage accounts should be enabled"


def main() -> None:
    """Measures all three."""
    with tempfile.TemporaryDirectory() as scratch:
        root = repository(Path(scratch) / "repository")
        wanted = declared(root, Path(scratch))
        print(f"{'tenant':<10}{'form':<10}{'findings':>9}{'CPU s':>8}{'floor s':>8}{'ratio':>7}{'wall s':>8}{'MB':>7}")
        for name, exemptions in (("settled", wanted), ("meddled", meddled(wanted)), ("strays", strays(wanted))):
            for path in (root / "exemptions").iterdir() if name == "strays" else ():
                path.unlink()
            with cloud(tenant(exemptions), Path(scratch)) as azure:
                bare = floor(azure, [ROOT, *(f"/subscriptions/{name}" for name in NAMES)])
                for form in ("json", "text", "markdown", "sarif", "html"):
                    measure(name, form, root, azure, bare)


def tenant(exemptions: list[dict[str, Any]]) -> dict[str, Any]:
    """One group with all subscriptions; the benchmark assigned at the group."""
    return {
        "tenantId": TENANT,
        "managementGroups": [{"name": "contoso", "displayName": "Contoso", "parent": None}],
        "subscriptions": [{"id": name, "displayName": name, "managementGroup": "contoso"} for name in NAMES],
        "resources": [each["id"].split("/providers/Microsoft.Authorization/")[0] for each in exemptions],
        "policyAssignments": [{"id": ASSIGNMENT, "properties": {"policyDefinitionId": BENCHMARK}}],
        "policyExemptions": exemptions,
    }


def repository(root: Path) -> Path:
    """A thousand declarations of twenty resource groups each."""
    (root / "exemptions").mkdir(parents=True)
    settings = {"owner": "contoso/exemptions", "tenantId": TENANT, "scopes": [ROOT]}
    (root / "reconciler.yaml").write_text(json.dumps(settings), encoding="utf-8")
    scopes = [
        f"/subscriptions/5a1e0001-0000-4000-8000-{subscription:012d}/resourceGroups/rg-{group}"
        for subscription in range(SUBSCRIPTIONS)
        for group in range(EACH)
    ]
    share = len(scopes) // DECLARATIONS
    for number in range(DECLARATIONS):
        body = {
            "name": f"legacy-{number}", "recommendation": RECOMMENDATION, "category": "Waiver",
            "scopes": scopes[number * share : (number + 1) * share], "expiresOn": "2036-01-31",
            "justification": "Retires with project Lyra; its data is public.", "owner": "data@contoso.example",
        }  # fmt: skip
        (root / "exemptions" / f"legacy-{number}.yaml").write_text(json.dumps(body), encoding="utf-8")
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=x", "-c", "user.email=x@contoso.example", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], cwd=root, check=True)
    return root


def declared(root: Path, folder: Path) -> list[dict[str, Any]]:
    """Every declared exemption as apply would leave it: what a plan on an empty tenant creates."""
    groups = [
        {"id": scope} for path in (root / "exemptions").iterdir() for scope in json.loads(path.read_text())["scopes"]
    ]
    with cloud({**tenant([]), "resources": [each["id"] for each in groups]}, folder) as azure:
        command = [sys.executable, "-m", "reconciler", "plan", "--format", "json"]
        done = subprocess.run(command, cwd=root, env=azure["env"], capture_output=True, text=True, check=True)
    changes = json.loads(done.stdout)["changes"]
    place = "{scope}/providers/Microsoft.Authorization/policyExemptions/{name}"
    return [{"id": place.format(**each["key"]), "properties": each["after"]} for each in changes]


def meddled(exemptions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of a hundred, two are deleted, two prolonged, and one has a stray beside it."""
    found = []
    for number, each in enumerate(exemptions):
        if number % 100 in {2, 3}:
            each = {**each, "properties": {**each["properties"], "expiresOn": "2046-01-31T00:00:00Z"}}  # noqa: PLW2901
        if number % 100 == 4:
            found.append(stray(each))
        if number % 100 not in {0, 1}:
            found.append(each)
    return found


def strays(exemptions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many, and all of them made by hand."""
    return [stray(each) for each in exemptions]


def stray(exemption: dict[str, Any]) -> dict[str, Any]:
    properties = {key: value for key, value in exemption["properties"].items() if key != "metadata"}
    return {"id": f"{exemption['id']}-by-hand", "properties": properties | {"displayName": "by hand"}}


def measure(name: str, form: str, root: Path, azure: dict[str, Any], bare: float) -> None:
    """One run of the command, in a process of its own."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "reconciler", "drift", "--format", form, "--out", str(root.parent / "out.json")]
    done = subprocess.run(command, cwd=root, env=azure["env"], capture_output=True, check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode in {0, 2}, done.stderr.decode()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = len(json.loads((root.parent / "out.json").read_text())["findings"])
    print(
        f"{name:<10}{form:<10}{found:>9}{cpu:>8.1f}{bare:>8.1f}{cpu / bare:>7.1f}{wall:>8.1f}{len(done.stdout) / 1e6:>7.1f}",
        flush=True,
    )
    limits.at_most(RATIO, cpu / bare, f"CPU of drift as {form}, {name}, to its floor")


if __name__ == "__main__":
    main()
    sys.exit(limits.exit_code())
