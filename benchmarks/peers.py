"""The same creates by others: how long, how much CPU and how many requests, beside `exempt apply`, at three sizes.

    python -m benchmarks.peers [--az PATH] [--sdk PYTHON] [SIZE…]       default sizes: 20 60 200

Every peer works on an embedded Azure of its own with 150 ms of latency and Azure's buckets, over four subscriptions:

- `az`: `az policy exemption create` in a loop; three are measured and extrapolated (where the Azure CLI is installed).
- `sdk`, `sdk 16`: a script with the typed client of azure-mgmt-resource 24, one after the other and with 16 threads (where
  `make test-sdk` has made `.venv-sdk`).
- `terraform`, `epac`: scripts that send what their sources send. Terraform's azurerm_resource_policy_exemption asks whether
  one is there, puts it and reads it again, ten resources at a time; EPAC's Deploy-PolicyPlan puts one after the other.

Only `exempt apply` also reads the tenant, plans, re-reads before each write and proves what it writes: its requests are
more. What the others do before and after (state, plans, Resource Graph) is left out, in their favour.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from benchmarks import limits, throughput

SIZES = (20, 60, 200)
SUBSCRIPTIONS, SAMPLED = 4, 3

Peer: TypeAlias = Callable[[throughput.Cloud, list[str], Path], tuple[float, float]]
"""Creates an exemption at each target; wall and CPU seconds."""

COMMON = """
import json, os, sys
from concurrent.futures import ThreadPoolExecutor
endpoint, assignment, reference, threads, *targets = sys.argv[1:]
"""

SDK = (
    COMMON
    + """
from azure.identity import ManagedIdentityCredential
from azure.mgmt.resource.policy import PolicyClient

client = PolicyClient(
    ManagedIdentityCredential(), "00000000-0000-4000-8000-000000000000", base_url=endpoint,
    credential_scopes=["https://management.azure.com/.default"],
)

def create(target):
    client.policy_exemptions.create_or_update(target, "by-sdk", {
        "properties": {
            "policyAssignmentId": assignment, "exemptionCategory": "Waiver", "policyDefinitionReferenceIds": [reference],
        }
    })

with ThreadPoolExecutor(int(threads)) as pool:
    list(pool.map(create, targets))
"""
)

RATIOS = {"az": 1 / 20, "sdk": 0.5, "epac": 0.5}
"""The most that `exempt apply` may take of the wall time of those that work one after the other, at the last size."""

REPLAY = (
    COMMON
    + """
import urllib3
peer = os.environ["PEER"]
pool = urllib3.PoolManager(maxsize=16, ca_certs=os.environ["REQUESTS_CA_BUNDLE"])
identity = os.environ["IDENTITY_ENDPOINT"] + "?api-version=2019-08-01&resource=https://management.azure.com/"
token = pool.request("GET", identity, headers={"X-IDENTITY-HEADER": os.environ["IDENTITY_HEADER"]}).json()["access_token"]
headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
body = json.dumps({
    "properties": {
        "policyAssignmentId": assignment, "exemptionCategory": "Waiver", "policyDefinitionReferenceIds": [reference],
    }
})

def create(target):
    place = f"{endpoint}{target}/providers/Microsoft.Authorization/policyExemptions/by-peer?api-version=2022-07-01-preview"
    steps = (("GET", 404), ("PUT", 201), ("GET", 200)) if peer == "terraform" else (("PUT", 201),)
    for method, status in steps:
        answer = pool.request(method, place, body=body if method == "PUT" else None, headers=headers, retries=False)
        assert answer.status == status, answer.data

with ThreadPoolExecutor(int(threads)) as workers:
    list(workers.map(create, targets))
"""
)


def script(python: str, text: str, threads: int, peer: str = "") -> Peer:
    """Runs a script on all targets; wall and CPU seconds."""

    def run(azure: throughput.Cloud, targets: list[str], folder: Path) -> tuple[float, float]:
        arguments = [azure.ready["armEndpoint"], throughput.ASSIGNMENT, throughput.REFERENCE, str(threads), *targets]
        done = throughput.measured([python, "-c", text, *arguments], folder, {**azure.env, "PEER": peer})
        assert done.code == 0, done.out[-3000:]
        return done.wall, done.cpu

    return run


def by_az(az: str) -> Peer:
    def run(azure: throughput.Cloud, targets: list[str], folder: Path) -> tuple[float, float]:
        env = throughput.az_environment(azure, folder, az)
        wall = cpu = 0.0
        for target in targets[:SAMPLED]:
            done = throughput.measured(throughput.az_create(az, "by-az", target), folder, env)
            assert done.code == 0, done.out[-3000:]
            wall, cpu = wall + done.wall, cpu + done.cpu
        scale = len(targets) / SAMPLED
        return wall * scale, cpu * scale

    return run


def ours(azure: throughput.Cloud, targets: list[str], folder: Path) -> tuple[float, float]:
    done = throughput.apply(azure, throughput.repository(folder, targets))
    return done.wall, done.cpu


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, metavar="SIZE")
    parser.add_argument("--az", default=shutil.which("az"), help="the Azure CLI")
    parser.add_argument(
        "--sdk", default=shutil.which(Path(".venv-sdk/bin/python").absolute()), help="an interpreter with the typed SDK"
    )
    options = parser.parse_args(arguments)
    peers: dict[str, Peer] = {"exempt apply": ours}
    if options.az:
        peers["az"] = by_az(options.az)
    if options.sdk:
        peers["sdk"] = script(options.sdk, SDK, 1)
        peers["sdk 16"] = script(options.sdk, SDK, 16)
    peers["terraform"] = script(sys.executable, REPLAY, 10, "terraform")
    peers["epac"] = script(sys.executable, REPLAY, 1, "epac")
    print(
        f"{'creates':>8} {'by':<13} {'wall s':>7} {'CPU s':>7} {'requests':>9} {'wall of ours':>13} {'CPU of ours':>12}"
    )
    for size in options.sizes:
        targets = [throughput.account(n % SUBSCRIPTIONS, n) for n in range(size)]
        first: tuple[float, float] | None = None
        for name, peer in peers.items():
            with tempfile.TemporaryDirectory(prefix="exempt-bench-") as folder:
                content = throughput.tenant(SUBSCRIPTIONS, resources=targets)
                with throughput.cloud(content, Path(folder), *throughput.FAULTS) as azure:
                    wall, cpu = peer(azure, targets, Path(folder))
                    sent = sum(azure.statuses().values())
            first = first or (wall, cpu)
            print(
                f"{size:>8,} {name:<13} {wall:>7.1f} {cpu:>7.2f} {sent if name != 'az' else '-':>9} {wall / first[0]:>13.2f} "
                f"{cpu / first[1]:>12.2f}",
                flush=True,
            )
            if size == options.sizes[-1] and name in RATIOS:
                limits.at_most(RATIOS[name], first[0] / wall, f"wall time of {size:,} creates, to that of {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.exit(limits.exit_code())
