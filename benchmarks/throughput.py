"""How fast a plan is carried out against Azure's documented limits: 150 ms latency, buckets of 200 and 10 a second.

    python -m benchmarks.throughput creates            4,000 creates over 4 subscriptions, against the buckets' bound
    python -m benchmarks.throughput az --az PATH       200 creates, against `az policy exemption create` in a loop
    python -m benchmarks.throughput nothing            nothing to do on 200 subscriptions and 20,000 live exemptions

The embedded Azure runs in a process of its own; what is measured is the command as a user runs it. Figures depend on
the machine; the ratios are what counts, and both sides of a ratio are measured in the same run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks import limits

TENANT = "c0ffee00-0000-4000-8000-000000000001"
ROOT = "/providers/Microsoft.Management/managementGroups/contoso"
AUTHORIZATION = "/providers/Microsoft.Authorization"
BENCHMARK = f"{AUTHORIZATION}/policySetDefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
ASSIGNMENT = f"{ROOT}{AUTHORIZATION}/policyAssignments/mcsb"
POLICY, REFERENCE = "404c3081-a854-4457-ae30-26a93ef643f9", "secureTransferToStorageAccountMonitoring"
FAULTS = ("--latency", "0.15", "--throttle")
SIZE, REFILL = 200, 10


@dataclass(frozen=True)
class Measured:
    """One command: wall-clock and CPU seconds (its own and its children's), and what it said."""

    wall: float
    cpu: float
    code: int
    out: str


def measured(command: Sequence[str], cwd: Path, env: dict[str, str]) -> Measured:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(wall, cpu, done.returncode, done.stdout + done.stderr)


@dataclass(frozen=True)
class Cloud:
    """An embedded Azure in another process."""

    ready: dict[str, Any]

    @property
    def env(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
        return {**kept, **self.ready["env"]}

    def control(self, method: str, path: str, body: Any = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        asked = urllib.request.Request(self.ready["controlEndpoint"] + path, data, method=method)
        with urllib.request.urlopen(asked) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def requests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", "/requests")["value"]
        return found

    def statuses(self) -> Counter[tuple[str, int]]:
        return Counter((each["method"], each["status"]) for each in self.requests())


@contextlib.contextmanager
def cloud(tenant: dict[str, Any], folder: Path, *options: str) -> Iterator[Cloud]:
    path = folder / "tenant.json"
    path.write_text(json.dumps({"tenantId": TENANT, **tenant}), encoding="utf-8")
    command = [sys.executable, "-m", "reconciler", "emulator", "--tenant", str(path), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield Cloud(json.loads(process.stdout.readline()))
        finally:
            process.terminate()


def subscription(number: int) -> str:
    return f"/subscriptions/00000000-0000-4000-8000-{number:012d}"


def account(sub: int, number: int) -> str:
    return f"{subscription(sub)}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/acct{number:05d}"


def tenant(subscriptions: int, **more: Any) -> dict[str, Any]:
    return {
        "managementGroups": [{"name": "contoso"}],
        "subscriptions": [
            {"id": subscription(n).rsplit("/", 1)[-1], "managementGroup": "contoso"} for n in range(subscriptions)
        ],
        "policyAssignments": [{"id": ASSIGNMENT, "properties": {"policyDefinitionId": BENCHMARK}}],
        **more,
    }


def repository(folder: Path, targets: Sequence[str], each: int = 100) -> Path:
    """Declarations of `each` targets."""
    root = folder / "repository"
    (root / "exemptions").mkdir(parents=True)
    settings = {"owner": "contoso/exemptions", "tenantId": TENANT, "scopes": [ROOT]}
    (root / "reconciler.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    for start in range(0, len(targets), each):
        name = f"accounts-{start // each:04d}"
        content = {
            "name": name, "policyDefinition": POLICY, "scopes": list(targets[start : start + each]),
            "category": "Waiver", "justification": "They retire soon.", "owner": "team@contoso.example",
        }  # fmt: skip
        (root / "exemptions" / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return root


def apply(azure: Cloud, root: Path) -> Measured:
    found = measured([sys.executable, "-m", "reconciler", "apply", "--yes"], root, azure.env)
    assert found.code == 0, found.out[-3000:]
    return found


def creates(folder: Path, subscriptions: int = 4, each: int = 1000) -> None:
    """Many creates, against what the buckets allow: the first 200 at once, then 10 a second, in every subscription."""
    targets = [account(sub, n) for sub in range(subscriptions) for n in range(each)]
    root = repository(folder, targets)
    bound = (each - SIZE) / REFILL
    with cloud(tenant(subscriptions, resources=targets), folder, *FAULTS) as azure:
        found = apply(azure, root)
        statuses = azure.statuses()
        puts = [each["at"] for each in azure.requests() if each["method"] == "PUT"]
    throttled = sum(count for (_, status), count in statuses.items() if status == 429)
    print(f"{len(targets)} creates over {subscriptions} subscriptions: {found.wall:.1f} s, CPU {found.cpu:.1f} s")
    limits.at_most(1.5, found.wall / bound, "wall time of creates, to what the buckets allow")
    print(f"  bound by the buckets {bound:.0f} s, ratio {found.wall / bound:.3f} (wanted: at most 1.15)")
    print(f"  first write to last {puts[-1] - puts[0]:.1f} s; the rest is start, reading and planning")
    print(f"  created {statuses['PUT', 201]}, answers 429: {throttled}, all answers: {dict(statuses)}")


def az_environment(azure: Cloud, folder: Path, az: str) -> dict[str, str]:
    """The Azure CLI made to know this cloud, and logged in."""
    env = azure.env | {
        "AZURE_CONFIG_DIR": str(folder / "az"), "AZURE_CORE_COLLECT_TELEMETRY": "0",
        "AZURE_CORE_CHECK_FOR_UPDATES": "0", "APPSETTING_WEBSITE_SITE_NAME": "",
    }  # fmt: skip
    for command in (
        ["cloud", "register", "-n", "Embedded", "--endpoint-resource-manager", azure.ready["armEndpoint"]],
        ["cloud", "set", "-n", "Embedded"],
        ["login", "--identity", "--output", "none"],
    ):
        done = measured([az, *command], folder, env)
        assert done.code == 0, done.out[-3000:]
    return env


def az_create(az: str, name: str, scope: str) -> list[str]:
    return [
        az, "policy", "exemption", "create", "--name", name, "--scope", scope, "--policy-assignment", ASSIGNMENT,
        "--exemption-category", "Waiver", "--policy-definition-reference-ids", REFERENCE, "--output", "none",
    ]  # fmt: skip


def against_az(folder: Path, az: str, wanted: int = 200, sampled: int = 10) -> None:
    """The same creates by the Azure CLI, one after the other; `sampled` are measured and extrapolated."""
    targets = [account(0, n) for n in range(wanted)]
    root = repository(folder, targets)
    with cloud(
        tenant(1, resources=[*targets, *(account(0, 9000 + n) for n in range(sampled))]), folder, *FAULTS
    ) as azure:
        env = az_environment(azure, folder, az)
        theirs = 0.0
        for number in range(sampled):
            told = measured(az_create(az, f"by-az-{number}", account(0, 9000 + number)), folder, env)
            assert told.code == 0, told.out[-3000:]
            theirs += told.wall
        time.sleep(SIZE / REFILL)  # give back what the sample took from the bucket
        ours = apply(azure, root)
    theirs *= wanted / sampled
    print(f"{wanted} creates: exempt apply {ours.wall:.1f} s (CPU {ours.cpu:.1f} s)")
    print(f"  az policy exemption create in a loop {theirs:.0f} s ({sampled} measured, extrapolated)")
    limits.at_most(1 / 20, ours.wall / theirs, "wall time of creates, to az in a loop")
    print(f"  ratio {theirs / ours.wall:.1f} (wanted: at least 20)")


def nothing(folder: Path, subscriptions: int = 200, live: int = 20_000) -> None:
    """A run that finds everything in place: what reading and planning cost the client."""
    each = live // subscriptions
    targets = [account(sub, n) for sub in range(subscriptions) for n in range(each)]
    root = repository(folder, targets)
    with cloud(tenant(subscriptions, resources=targets), folder) as azure:
        first = apply(azure, root)
        azure.control("PUT", "/faultInjection", {"latency": 0.15, "throttling": True})
        azure.control("DELETE", "/requests")
        runs = [apply(azure, root) for _ in range(3)]
        sent = sum(azure.statuses().values()) / len(runs)
    best = min(runs, key=lambda found: found.cpu)
    print(f"{len(targets)} creates without limits or latency: {first.wall:.1f} s, CPU {first.cpu:.1f} s")
    print(
        f"nothing to do on {subscriptions} subscriptions, {len(targets)} live: {best.wall:.1f} s, {sent:.0f} requests"
    )
    print(f"  client CPU {best.cpu:.2f} s (wanted: at most 3), all runs: {[round(found.cpu, 2) for found in runs]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", nargs="*", choices=["creates", "az", "nothing", []], help="default: all that can run")
    parser.add_argument("--az", default=shutil.which("az"), help="the Azure CLI")
    args = parser.parse_args()
    for which in args.which or ["creates", "nothing", *(["az"] if args.az else [])]:
        with tempfile.TemporaryDirectory(prefix="exempt-bench-") as folder:
            match which:
                case "creates":
                    creates(Path(folder))
                case "az":
                    against_az(Path(folder), args.az or parser.error("there is no az; name it with --az"))
                case _:
                    nothing(Path(folder))


if __name__ == "__main__":
    main()
    sys.exit(limits.exit_code())
