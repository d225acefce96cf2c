"""What `exempt plan` costs where everything is as declared: the command as a user runs it, at three sizes.

    python -m benchmarks.settled [SIZE…]       a size is SUBSCRIPTIONSxEXEMPTIONS; default: 100x10000 300x30000 1000x100000

As many exemptions are live as are declared, a hundred targets a file, and there is nothing to do. The figures are CPU,
the most memory that the command held, and how both grow with what is declared. The floor is, in the same run, what
nobody can do without: the same lists through the bare pipeline and `json`, the files through libyaml.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks import limits, reading, throughput

SIZES = ("100x10000", "300x30000", "1000x100000")
SECONDS, MEBIBYTES = 20, 1024


def live(subscriptions: int, targets: list[str], root: Path, folder: Path) -> dict[str, Any]:
    """The tenant in which every declared exemption is live: what a plan on an empty one would create."""
    empty = throughput.tenant(subscriptions, resources=targets)
    with throughput.cloud(empty, folder) as azure:
        out = folder / "first.json"
        first = throughput.measured(
            [sys.executable, "-m", "reconciler", "plan", "--out", str(out), f"--allow-creates={len(targets)}"],
            root,
            azure.env,
        )
        assert first.code == 0, first.out[-3000:]
    changes = json.loads(out.read_text(encoding="utf-8"))["changes"]
    place = "{scope}/providers/Microsoft.Authorization/policyExemptions/{name}"
    return {
        **empty,
        "policyExemptions": [
            {"id": place.format(**change["key"]), "properties": change["after"]} for change in changes
        ],
    }


def plan(root: Path, environment: dict[str, str]) -> tuple[float, float, int]:
    """CPU and wall seconds of the command, and the MiB that it held at most."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler", "plan", "--detailed-exitcode"],
        cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, said.decode()[-3000:]
    return used.ru_utime + used.ru_stime, time.perf_counter() - began, used.ru_maxrss // 1024


def events(root: Path) -> float:
    """CPU seconds that libyaml takes for all files."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    began = time.process_time()
    for path in (root / "exemptions").iterdir():
        for _ in yaml.parse(path.read_text(encoding="utf-8"), Loader=loader):
            pass
    return time.process_time() - began


def main(sizes: tuple[str, ...]) -> None:
    print(f"{'scopes':>7} {'live':>8} {'CPU s':>7} {'floor s':>8} {'ratio':>6} {'wall s':>7} {'MiB':>6} {'ms each':>8}")
    for size in sizes:
        subscriptions, exemptions = (int(part) for part in size.split("x"))
        each = exemptions // subscriptions
        targets = [throughput.account(sub, number) for sub in range(subscriptions) for number in range(each)]
        with tempfile.TemporaryDirectory(prefix="exempt-bench-") as name:
            folder = Path(name)
            root = throughput.repository(folder, targets)
            content = live(subscriptions, targets, root, folder)
            scopes = [throughput.ROOT, *(throughput.subscription(number) for number in range(subscriptions))]
            with throughput.cloud(content, folder) as azure:
                cpu, wall, memory = plan(root, azure.env)
                floor = reading.floor(azure.ready, scopes) + events(root)
        print(
            f"{subscriptions + 1:>7,} {exemptions:>8,} {cpu:>7.2f} {floor:>8.2f} {cpu / floor:>6.2f} {wall:>7.1f} "
            f"{memory:>6,} {1000 * cpu / exemptions:>8.3f}",
            flush=True,
        )
        limits.at_most(10, cpu / floor, f"CPU of plan with {exemptions:,} live, to its floor")
        limits.at_most(MEBIBYTES, memory, f"MiB of plan with {exemptions:,} live")
    print(f"wanted for the last: {SECONDS} s, {MEBIBYTES:,} MiB, and both linear")


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or SIZES)
    sys.exit(limits.exit_code())
