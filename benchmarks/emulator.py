"""What the embedded Azure costs: time to ready, requests a second, memory.

    python -m benchmarks.emulator

The emulator runs in a process of its own without fault injection; the client, on the other core, sends raw requests over TLS on
kept connections and reads every answer whole. Targets: ready in under 1 s with the demo tenant, 1,000 requests a
second, 100,000 exemptions under 500 MiB.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import limits
from benchmarks.reading import ROOT, exemption, tenant

DEMO = Path(__file__).resolve().parent.parent / "reconciler" / "emulator" / "demo" / "tenant.yaml"
VERSION = "2022-07-01-preview"
CONNECTIONS = 8
REQUESTS = 8000


@contextlib.contextmanager
def emulator(file: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any], float]]:
    """The process, its ready line and the seconds until it came."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "reconciler", "emulator", "--tenant", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            ready = json.loads(process.stdout.readline())
            yield process, ready, time.perf_counter() - began
        finally:
            process.terminate()


def token(ready: dict[str, Any]) -> str:
    url = ready["env"]["IDENTITY_ENDPOINT"] + "?api-version=2019-08-01&resource=https://management.azure.com"
    request = urllib.request.Request(url, headers={"X-IDENTITY-HEADER": ready["env"]["IDENTITY_HEADER"]})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["access_token"])


def rate(ready: dict[str, Any], requests: list[bytes]) -> float:
    """Requests a second over a few connections, each request answered before the next is sent on its connection."""
    where = urllib.parse.urlsplit(ready["armEndpoint"])
    context = ssl.create_default_context(cafile=ready["caBundle"])
    failures: list[bytes] = []

    def work(mine: list[bytes]) -> None:
        plain = socket.create_connection((where.hostname, where.port))
        with context.wrap_socket(plain, server_hostname=where.hostname) as wire:
            for request in mine:
                wire.sendall(request)
                if not answered(wire).startswith(b"HTTP/1.1 20"):
                    failures.append(request)

    threads = [threading.Thread(target=work, args=(requests[number::CONNECTIONS],)) for number in range(CONNECTIONS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]
    return len(requests) / (time.perf_counter() - began)


def answered(wire: ssl.SSLSocket) -> bytes:
    """One whole answer."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += wire.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    missing = length - len(body)
    while missing > 0:
        missing -= len(wire.recv(262144))
    return head


def message(method: str, path: str, bearer: str, body: Any = None) -> bytes:
    data = json.dumps(body).encode() if body is not None else b""
    head = f"{method} {path}?api-version={VERSION} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {bearer}\r\n"
    return head.encode() + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(data) + data


def cpu(process: subprocess.Popen[str]) -> float:
    """CPU seconds of the process so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(process: subprocess.Popen[str]) -> float:
    """Resident memory in MiB."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024


def throughput(folder: Path) -> None:
    file = folder / "tenant.json"
    content = tenant(100, 100)
    file.write_text(json.dumps(content), encoding="utf-8")
    with emulator(file) as (process, ready, _seconds):
        bearer = token(ready)
        existing = [each["id"] for each in content["policyExemptions"]]
        gets = [message("GET", existing[number % len(existing)], bearer) for number in range(REQUESTS)]
        lists = [
            message("GET", f"/subscriptions/{each['id']}/providers/Microsoft.Authorization/policyExemptions", bearer)
            for each in content["subscriptions"]
        ] * 10
        written = [
            exemption(
                content["subscriptions"][0]["id"],
                number % 100,
                f"{ROOT}/providers/Microsoft.Authorization/policyAssignments/a0",
            )
            for number in range(REQUESTS)
        ]
        puts = [
            message(
                "PUT", each["id"].replace("legacy", f"new-{number // 100}"), bearer, {"properties": each["properties"]}
            )
            for number, each in enumerate(written)
        ]
        for name, requests in (("GET one", gets), ("PUT one", puts), ("list of 100", lists)):
            before = cpu(process)
            a_second = rate(ready, requests)
            each = (cpu(process) - before) / len(requests) * 1e6
            print(f"{name:<34} {a_second:>10,.0f} requests/s {each:>8,.0f} µs of CPU each")


def main() -> None:
    times = []
    for _ in range(5):
        with emulator(DEMO) as (_process, _ready, seconds):
            times.append(seconds)
    print(f"{'ready with the demo tenant':<34} {statistics.median(times):>10.2f} s")
    with tempfile.TemporaryDirectory() as name:
        throughput(Path(name))
        file = Path(name) / "large.json"
        file.write_text(json.dumps(tenant(1000, 100)), encoding="utf-8")
        with emulator(file) as (process, _ready, seconds):
            print(f"{'ready with 100,000 exemptions':<34} {seconds:>10.2f} s")
            limits.at_most(500, resident(process), "MiB of the embedded Azure with 100,000 exemptions")
            print(f"{'memory with 100,000 exemptions':<34} {resident(process):>10,.0f} MiB")


if __name__ == "__main__":
    main()
    sys.exit(limits.exit_code())
