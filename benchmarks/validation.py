"""How long `exempt validate` takes over 1,000, 3,000 and 10,000 declarations, how much memory, and where the time goes.

    python -m benchmarks.validation [COUNT…]

The folder is a git repository as users have it: with a remote's main branch, from which 1 in 100 declarations differ; 1 in
20 has resource selectors, as many are narrowed to vulnerabilities, and as many say by which tags they were chosen.
The command runs as a user runs it, in its own process, on one core; the floor is a process that reads the same files and
lets libyaml go through them. The shares, of CPU too, are measured in this one, for the last count.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import git

from benchmarks import limits
from reconciler.catalog import Environment
from reconciler.catalog import load as load_catalogue
from reconciler.declarations import build, load
from reconciler.declarations.check import check
from reconciler.declarations.load import _not_one_line
from reconciler.declarations.walk import SourceFile, read, walk
from reconciler.documents.reading import read_document
from reconciler.documents.schema import errors, judge
from reconciler.documents.strict import parse

Result = TypeVar("Result")

COUNTS = (1_000, 3_000, 10_000)
SETTINGS = """\
owner: contoso-exemptions
tenantId: 11111111-2222-4333-8444-555566667777
scopes:
  - /providers/Microsoft.Management/managementGroups/contoso
rules:
  maxLifetimeDays: 36500
  required: [ticket, expiresOn]
  ticketPattern: SEC-[0-9]+
  neverExempt:
    recommendations: [Secure transfer to storage accounts should be enabled]
  scopeKinds:
    - {folder: ., kinds: [resource, resourceGroup, subscription]}
"""
DECLARATION = """\
# yaml-language-server: $schema=../../schemas/exemption.schema.json
name: exemption-{number:05}
recommendation: {key}  # {title}
scopes:
  - {group}
  - {resource}
category: Waiver
expiresOn: 2099-01-31
justification: Server {number} retires with project Lyra, see the decommissioning plan in the team's wiki.
owner: data-platform@contoso.example
ticket: SEC-{number}
"""


SELECTORS = """\
resourceSelectors:
  - name: europe
    selectors:
      - {kind: resourceLocation, in: [westeurope, northeurope]}
"""
VULNERABILITIES = """\
vulnerabilities:
  cves: [CVE-2020-1347, CVE-2021-3449]
  cvssBelow: 7.5
"""
SELECTED_BY = """\
selectedBy:
  purpose: legacy
"""


def write(root: Path, count: int) -> None:
    """A git repository of so many declarations in fifty folders, over all recommendations that can be exempted."""
    (root / "reconciler.yaml").write_text(SETTINGS)
    catalogue = load_catalogue()
    possible = [
        recommendation
        for recommendation in catalogue.recommendations.values()
        if not recommendation.obstacles and "Secure transfer" not in recommendation.title
    ]
    behind_policies = [
        recommendation
        for recommendation in possible
        if recommendation.policies and not str(recommendation.resource_types).count("microsoft.resources")
    ]
    alone = [
        recommendation
        for recommendation in possible
        if recommendation.alone and recommendation.environment is Environment.AZURE
    ]
    for number in range(count):
        usable, further = behind_policies, ""
        match number % 20:
            case 3:
                further = SELECTORS
            case 9:
                usable, further = alone, VULNERABILITIES
            case 15:
                further = SELECTED_BY
        recommendation = usable[number % len(usable)]
        subscription = f"/subscriptions/6f0e1111-2222-4333-8444-{number % 1000:012}"
        kind = next(iter(recommendation.resource_types), "microsoft.sql/servers").split("/")[:2]
        text = DECLARATION.format(
            number=number, key=recommendation.key, title=recommendation.title, group=f"{subscription}/resourceGroups/rg-more-{number}",
            resource=f"{subscription}/resourceGroups/rg-{number}/providers/{'/'.join(kind)}/legacy-{number}",
        )  # fmt: skip
        path = root / "exemptions" / f"team-{number % 50:02}" / f"exemption-{number:05}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + further)
    commit(root, count)


def commit(root: Path, count: int) -> None:
    """Puts everything into git; the last commit, which no remote has yet, changes 1 in 100 declarations."""
    repo = git.Repo.init(root, initial_branch="main")
    with repo.config_writer() as configuration:
        configuration.set_value("user", "name", "contoso").set_value("user", "email", "data-platform@contoso.example")
    repo.git.add("--all")
    repo.git.commit("--quiet", "--message", "declarations")
    repo.git.update_ref("refs/remotes/origin/main", "HEAD")
    for number in range(0, count, 100):
        path = root / "exemptions" / f"team-{number % 50:02}" / f"exemption-{number:05}.yaml"
        path.write_text(path.read_text().replace("expiresOn: 2099-01-31", "expiresOn: 2099-02-28"))
    repo.git.commit("--quiet", "--all", "--message", "later ends")


def command(root: Path) -> tuple[float, float, float]:
    """Seconds and MiB of one run as a user makes it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "validate", "--root", str(root)],
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stdout[:2000]
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, after.ru_maxrss / 1024


class Clock:
    """Adds up what stages take."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    def time(self, stage: str, function: Callable[..., Result], *arguments: Any) -> Result:
        """Calls, and books the time."""
        start = time.process_time()
        result = function(*arguments)
        self.spent[stage] = self.spent.get(stage, 0) + time.process_time() - start
        return result


def stages(root: Path) -> dict[str, float]:
    """Seconds by stage, as `load` and `check` do them."""
    clock = Clock()
    for found in clock.time("walk", files, root):
        data = clock.time("read", read, found)
        assert isinstance(data, bytes)
        document, _ = clock.time("YAML", read_document, data, found.name)
        assert document is not None
        clock.time("characters", _not_one_line, document)
        clock.time("schema", errors, "exemption", document.data)
        clock.time("values", build.declaration, document)
    loaded = load(root)
    catalogue = clock.time("catalogue", load_catalogue)
    clock.time("rules and conflicts", check, loaded, catalogue, datetime.now(UTC), None)
    return clock.spent


def files(root: Path) -> list[SourceFile]:
    """The declarations of a repository that has no mistakes."""
    return [found for found in walk(root, "exemptions") if isinstance(found, SourceFile)]


def judged(root: Path, count: int = 500) -> float:
    """What jsonschema alone would take for all of them, from a sample."""
    texts = [(Path(found.path).read_text(encoding="utf-8"), found.name) for found in files(root)[:count]]
    documents = [document for document, _ in (parse(*one) for one in texts) if document is not None]
    start = time.perf_counter()
    for document in documents:
        judge("exemption", document.data)
    return (time.perf_counter() - start) / len(documents)


FLOOR = """
import sys, yaml
from pathlib import Path
for path in Path(sys.argv[1]).rglob("*.yaml"):
    for _ in yaml.parse(path.read_bytes().decode(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        pass
"""


def floor(root: Path) -> float:
    """CPU seconds that nobody can do without."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", FLOOR, str(root)], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(counts: Sequence[int]) -> None:
    """Prints the tables."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(f"{'declarations':>12} {'wall s':>7} {'CPU s':>7} {'floor s':>8} {'ratio':>6} {'MiB':>5}")
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            write(root, count)
            runs = [command(root) for _ in range(5)]
            bare = min(floor(root) for _ in range(5))
            seconds, cpu, memory = (min(column) for column in zip(*runs, strict=True))
            print(
                f"{count:>12,} {seconds:>7.2f} {cpu:>7.2f} {bare:>8.2f} {cpu / bare:>6.1f} {memory:>5.0f}", flush=True
            )
            limits.at_most(6, cpu / bare, f"CPU of {count:,} declarations, to its floor")
            if count == counts[-1]:
                shares(root, count)


def shares(root: Path, count: int) -> None:
    """Where the time goes."""
    spent = stages(root)
    total = sum(spent.values())
    for stage, taken in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"  {stage:<20} {taken:6.2f} s {100 * taken / total:5.1f} %")
    print(f"  (jsonschema for every file would take {judged(root) * count:.1f} s)")


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or COUNTS)
    sys.exit(limits.exit_code())
