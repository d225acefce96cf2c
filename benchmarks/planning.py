"""What planning costs: resolve and plan of as many desired as live exemptions, 1,000 subscriptions, 20 assignments.

    python -m benchmarks.planning

Four cases each: everything is as declared, nothing exists yet, a tenth of everything was changed or declared elsewhere,
and everything as declared where every second declaration is of a recommendation that no policy stands behind, which
standard assignments carry. Each runs in a process of its own, so that its peak memory is its own. The floor is the
canonical JSON and the sha256 of every object that is desired.
"""

from __future__ import annotations

import gc
import hashlib
import json
import resource
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime

from benchmarks import limits
from reconciler.arm.objects import encode_exemption
from reconciler.catalog.catalogue import load
from reconciler.model import (
    ArmId,
    Assignment,
    Category,
    Declaration,
    Exemption,
    Initiative,
    Member,
    Settings,
    Snapshot,
    Source,
    Subject,
    SubjectKind,
    arm_id,
)
from reconciler.planning.allowances import Allowances
from reconciler.planning.planner import make_plan
from reconciler.planning.provenance import NoHistory

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ROOT = arm_id("/providers/Microsoft.Management/managementGroups/contoso")
AUTHORIZATION = "/providers/Microsoft.Authorization"
SETTINGS = Settings(owner="contoso/exemptions", tenant_id="00000000-0000-4000-8000-000000000000", scopes=(ROOT,))
SIZES = (1_000, 10_000, 100_000)
CASES = ("in sync", "all new", "a tenth differs", "both kinds")
ALONE = "48fad5ca-f530-41bb-9454-c6002bd1085c"
"""A rule of SQL vulnerability assessment, which is a recommendation of its own without a policy."""
RATIO, MEBIBYTES = 10, 1024
SUBSCRIPTIONS, ASSIGNMENTS, POLICIES = 1000, 20, 200


def tenant(exemptions: tuple[Exemption, ...]) -> Snapshot:
    """One group over all subscriptions, and twenty initiatives of 200 policies assigned to it."""
    names = [arm_id(f"/subscriptions/00000000-0000-4000-8000-{number:012d}") for number in range(SUBSCRIPTIONS)]
    assignments = [assignment(number) for number in range(ASSIGNMENTS)]
    sets = {each.id.key: initiative(each) for each in assignments}
    parents = {name.key: ROOT for name in names}
    by_id = {each.id.key: each for each in assignments}
    return Snapshot(
        tenant_id=SETTINGS.tenant_id,
        taken_at=NOW,
        parents=parents,
        expected=(ROOT, *names),
        assignments=by_id,
        initiatives=sets,
        exemptions=exemptions,
    )


def assignment(number: int) -> Assignment:
    name = f"{AUTHORIZATION}/policySetDefinitions/set-{number}"
    return Assignment(
        id=arm_id(f"{ROOT}{AUTHORIZATION}/policyAssignments/as-{number}"),
        definition=arm_id(name),
        display_name=f"Standard {number}",
    )


def initiative(each: Assignment) -> Initiative:
    members = tuple(
        Member(definition=policy(number), reference_id=f"{each.id.name}-ref-{number}") for number in range(POLICIES)
    )
    return Initiative(id=each.definition, members=members, version="1.0.0")


def policy(number: int) -> ArmId:
    return arm_id(f"{AUTHORIZATION}/policyDefinitions/00000000-1111-4000-8000-{number:012d}")


def declarations(wanted: int, case: str) -> list[Declaration]:
    """As many as it takes: each wants one policy on ten servers, in all twenty assignments: 200 exemptions. Of both kinds,
    every second one wants a recommendation without a policy on 200 servers: as many standard assignments.
    """
    numbers = range(wanted // (10 * ASSIGNMENTS))
    if case != "both kinds":
        return [declaration(number) for number in numbers]
    return [declaration(number) if number % 2 == 0 else alone(number) for number in numbers]


def alone(number: int) -> Declaration:
    subject = Subject(kind=SubjectKind.RECOMMENDATION, value=ALONE)
    each = 10 * ASSIGNMENTS
    return replace(
        declaration(number), subject=subject, scopes=tuple(server(number * each + index) for index in range(each))
    )


def declaration(number: int) -> Declaration:
    scopes = tuple(server(number * 10 + each) for each in range(10))
    return Declaration(
        name=f"legacy-{number:05d}", subject=Subject(kind=SubjectKind.POLICY, value=policy(number % POLICIES).text), scopes=scopes, category=Category.WAIVER,
        justification="Retires with project Lyra.", owner="data@contoso.example", source=Source(f"exemptions/legacy-{number:05d}.yaml"),
        expires_on=datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC), ticket="SEC-1432",
    )  # fmt: skip


def server(number: int) -> ArmId:
    subscription = f"/subscriptions/00000000-0000-4000-8000-{number % SUBSCRIPTIONS:012d}"
    return arm_id(f"{subscription}/resourceGroups/rg-data/providers/Microsoft.Sql/servers/sql-{number:06d}")


def measure(size: int, case: str) -> str:
    """One line of the table, from a process that does nothing else and looks for garbage as seldom as the command."""
    gc.set_threshold(1_000_000, 20, 100)
    wanted, catalogue = declarations(size, case), load()
    made = make_plan(wanted, catalogue, tenant(()), SETTINGS, NoHistory(), NOW).changes
    live = tuple(change.after for change in made if change.after is not None) if case != "all new" else ()
    if case == "a tenth differs":
        wanted = [
            replace(each, justification="Another reason.") if number % 10 == 0 else each
            for number, each in enumerate(wanted)
        ]
    found = tenant(live)
    bare = floor(tuple(change.after for change in made if change.after is not None))
    del made
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_utime, time.perf_counter()
    plan = make_plan(wanted, catalogue, found, SETTINGS, NoHistory(), NOW, Allowances())
    wall, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu, memory = used.ru_utime - before, used.ru_maxrss / 1024
    limits.at_most(RATIO, cpu / bare, f"CPU of planning {size:,}, {case}, to its floor")
    limits.at_most(MEBIBYTES, memory, f"MiB of planning {size:,}, {case}")
    return f"{size:>9,}  {case:<16} {len(plan.changes):>9,} {wall:>8.2f} {cpu:>8.2f} {bare:>8.2f} {cpu / bare:>6.1f} {memory:>9.0f}"


def floor(desired: tuple[Exemption, ...]) -> float:
    """CPU seconds that nobody can do without who compares and fingerprints them."""
    began = time.process_time()
    for exemption in desired:
        hashlib.sha256(json.dumps(encode_exemption(exemption), sort_keys=True).encode()).hexdigest()
    return time.process_time() - began


def main() -> int:
    failed = 0
    print(
        f"{'wanted':>9}  {'case':<16} {'changes':>9} {'wall s':>8} {'CPU s':>8} {'floor s':>8} {'ratio':>6} {'peak MiB':>9}"
    )
    for size in SIZES:
        for case in CASES:
            command = [sys.executable, "-m", "benchmarks.planning", str(size), case]
            failed |= subprocess.run(command, check=False).returncode
    return failed


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(measure(int(sys.argv[1]), sys.argv[2]), flush=True)
        sys.exit(limits.exit_code())
    sys.exit(main())
