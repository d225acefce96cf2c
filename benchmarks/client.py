"""What the client costs: CPU of a create (GET and PUT), and of `exempt plan` until its first request.

    python -m benchmarks.client

Each beside its floor in the same run. A create: the same two requests by bare `http.client` and by requests, over TLS to
the embedded Azure in another process, in one thread. The start: an interpreter that imports the libraries of others that
a plan needs, one that imports azure-identity alone, and one that imports nothing.
"""

from __future__ import annotations

import http.client
import http.server
import json
import os
import resource
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from benchmarks import limits, throughput
from reconciler.arm.objects import encode_exemption
from reconciler.azure.session import connect
from reconciler.model import Exemption, Settings, arm_id

CREATES = (100, 400, 1_600)
STARTS = (1, 100, 1_000)
"""Files of one declaration with one target each, in the repository whose plan is started."""

REPEATS = 5
LIBRARIES = ("azure.identity", "azure.mgmt.resource.resources", "git", "yaml", "re2", "urllib3", "requests")
VERSION = "2026-01-01-preview"


def exemptions(number: int) -> list[Exemption]:
    return [
        Exemption(
            id=arm_id(f"{throughput.account(0, n)}/providers/Microsoft.Authorization/policyExemptions/{number}-{n}"),
            assignment=arm_id(throughput.ASSIGNMENT),
            category="Waiver",
            reference_ids=(throughput.REFERENCE,),
            display_name="legacy: Secure transfer to storage accounts should be enabled",
            description="They retire soon.",
            metadata={"managedBy": "exempt", "owner": "contoso", "declaration": "legacy"},
        )
        for n in range(number)
    ]


def milliseconds(create: Callable[[Exemption], None], wanted: list[Exemption]) -> float:
    began = time.process_time()
    for one in wanted:
        create(one)
    return 1000 * (time.process_time() - began) / len(wanted)


def creates(folder: Path) -> None:
    print(f"{'creates':>8} {'ms CPU each':>12} {'http.client':>12} {'ratio':>6} {'requests':>9} {'ratio':>6}")
    accounts = [throughput.account(0, n) for n in range(max(CREATES))]
    with throughput.cloud(throughput.tenant(1, resources=accounts), folder) as azure:
        os.environ.update(azure.ready["env"])
        settings = Settings(owner="contoso", tenant_id=throughput.TENANT, scopes=(arm_id(throughput.ROOT),))
        with connect(settings, os.environ) as connection:
            token = connection.client._credential.get_token_info(connection.endpoints.oauth_scope).token  # noqa: SLF001
            for number in CREATES:
                ours, bare, theirs = measure(connection.writer(), azure.ready["armEndpoint"], token, number)
                print(
                    f"{number:>8,} {ours:>12.2f} {bare:>12.2f} {ours / bare:>6.2f} {theirs:>9.2f} {ours / theirs:>6.2f}"
                )
                limits.at_most(6, ours / bare, f"CPU of a create of {number:,}, to http.client")


def measure(writer: Any, endpoint: str, token: str, number: int) -> tuple[float, float, float]:
    bundle = os.environ["REQUESTS_CA_BUNDLE"]
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Content-Type": "application/json"}
    connection = http.client.HTTPSConnection(
        endpoint.removeprefix("https://"), context=ssl.create_default_context(cafile=bundle)
    )
    session = requests.Session()
    session.trust_env, session.verify = False, bundle

    def ours(one: Exemption) -> None:
        writer.read(one.id)
        writer.put(one)

    def bare(one: Exemption) -> None:
        target = f"{one.id}?api-version={VERSION}"
        for method, body in (("GET", None), ("PUT", json.dumps(encode_exemption(one)))):
            connection.request(method, target, body, headers)
            json.loads(connection.getresponse().read())

    def by_requests(one: Exemption) -> None:
        target = f"{endpoint}{one.id}?api-version={VERSION}"
        session.get(target, headers=headers).json()
        session.put(target, headers=headers, data=json.dumps(encode_exemption(one))).json()

    wanted = exemptions(number)
    ours(wanted[0])
    return milliseconds(ours, wanted), milliseconds(bare, wanted), milliseconds(by_requests, wanted)


class FirstRequest(http.server.BaseHTTPRequestHandler):
    """An identity service that answers nothing: who asks it has started, and is killed."""

    asked = threading.Event()

    def do_GET(self) -> None:
        self.asked.set()

    def log_message(self, *_: Any) -> None: ...


def start(folder: Path) -> None:
    """CPU and wall time of the command until it asks for a token, in repositories of three sizes, and of the floors."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), FirstRequest)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    env = {
        "PATH": os.environ["PATH"],
        "IDENTITY_ENDPOINT": f"http://127.0.0.1:{server.server_port}/token",
        "IDENTITY_HEADER": "benchmark",
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
    }
    floors = {
        "the libraries of others that it needs": ["-c", f"import {', '.join(LIBRARIES)}"],
        "azure-identity alone": ["-c", "import azure.identity"],
        "an interpreter alone": ["-c", "pass"],
    }
    print(f"\n{'start':<50} {'CPU ms':>7} {'ratio':>6} {'wall ms':>8}")
    cpus = {}
    for name, arguments in floors.items():
        cpus[name], wall = best(arguments, folder, env)
        print(f"{name:<50} {cpus[name]:>7.0f} {'':>6} {wall:>8.0f}")
    libraries = next(iter(cpus.values()))
    for files in STARTS:
        root = throughput.repository(folder / str(files), [throughput.account(0, n) for n in range(files)], each=1)
        cpu, wall = best(["-m", "reconciler", "plan"], root, env)
        name = f"exempt plan, to its first request, {files:,} files"
        print(f"{name:<50} {cpu:>7.0f} {cpu / libraries:>6.2f} {wall:>8.0f}")
        if files == 1:
            limits.at_most(0.9, cpu / libraries, "CPU until the first request, to the import of the libraries")
    server.shutdown()


def best(arguments: list[str], root: Path, env: dict[str, str]) -> tuple[float, float]:
    """The least CPU and the least wall milliseconds of some starts."""
    runs = [started(arguments, root, env, waits="plan" in arguments) for _ in range(REPEATS)]
    cpu, wall = (1000 * min(column) for column in zip(*runs, strict=True))
    return cpu, wall


def started(arguments: list[str], root: Path, env: dict[str, str], *, waits: bool) -> tuple[float, float]:
    FirstRequest.asked.clear()
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=root, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        if waits:
            assert FirstRequest.asked.wait(60)
            process.kill()
        process.wait()
        wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def main() -> None:
    for run in (creates, start):
        with tempfile.TemporaryDirectory(prefix="exempt-bench-") as folder:
            run(Path(folder))


if __name__ == "__main__":
    main()
    sys.exit(limits.exit_code())
