"""The main job at full size: every benchmark policy at one subscription, over the real initiatives."""

import json
from collections import defaultdict
from pathlib import Path

import emulated
from main_job import repositories as repo

from reconciler.catalog.catalogue import load
from reconciler.model import arm_id


def members_by_policy(definition: str) -> dict[str, set[str]]:
    """Reference ids of a built-in initiative by folded policy id."""
    initiative = load().initiative(arm_id(definition))
    assert initiative is not None
    found = defaultdict(set)
    for member in initiative.members:
        found[member.definition.key].add(member.reference_id)
    return found


def test_each_benchmark_policy_is_exempted_in_both_initiatives_under_exactly_its_reference_ids(tmp_path: Path) -> None:
    benchmark, nist = members_by_policy(repo.BENCHMARK), members_by_policy(repo.NIST)
    declarations = [
        {
            "name": f"policy-{number:03d}",
            "policyDefinition": policy.rsplit("/", 1)[-1],
            "scopes": [repo.subscription(1)],
        }
        for number, policy in enumerate(sorted(benchmark))
    ]
    root = repo.write(tmp_path, declarations)
    cloud = repo.tenant(
        repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK), repo.assignment(repo.subscription(1), "nist", repo.NIST)
    )
    with emulated.running(cloud) as azure:
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        live = [body["properties"] for body in azure.exemptions.values()]
        again = emulated.exempt(azure, "plan", "--detailed-exitcode", "--format", "json", cwd=root, check=[0])
    assert len(declarations) == 223
    assert len(live) == 372
    assert json.loads(again.stdout)["changes"] == []
    got = {(p["policyAssignmentId"].rsplit("/", 1)[-1], frozenset(p["policyDefinitionReferenceIds"])) for p in live}
    wanted = {("mcsb", frozenset(references)) for references in benchmark.values()}
    wanted |= {("nist", frozenset(nist[policy])) for policy in benchmark if policy in nist}
    assert got == wanted


def test_a_full_read_sends_three_requests_a_scope_and_a_constant(tmp_path: Path) -> None:
    counts = {}
    for size in (5, 25):
        root = repo.write(tmp_path / str(size), [])
        subscriptions = [
            {"id": repo.subscription(n).rsplit("/", 1)[-1], "managementGroup": "contoso"} for n in range(1, size + 1)
        ]
        cloud = repo.tenant(repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK), subscriptions=subscriptions)
        with emulated.running(cloud) as azure:
            emulated.exempt(azure, "plan", cwd=root, check=[0])
            counts[size] = len(azure.requests)
    assert counts[25] - counts[5] == 3 * 20
