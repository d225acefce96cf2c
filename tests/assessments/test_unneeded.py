"""Whether an exemption is still needed: each ground with the neighbour that only looks like it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import emulated
import pytest
from assessments.defended import (
    AUDIT,
    DEAF,
    DECLARED,
    GROUP,
    IN_BOTH,
    LEDGER,
    MCSB,
    NIST,
    ONE,
    POLICY,
    TDE,
    TWO,
    World,
    finding,
    own,
    world,
)  # fmt: skip
from cli.console import exempt
from main_job import repositories as repo

from reconciler.catalog import load
from reconciler.model import arm_id

SILENT = "Azure says only that it is exempt"


def needs(here: Any, *options: str) -> dict[str, tuple[str, str]]:
    """By declaration: the verdict, and the ground of its first target."""
    report = here.status("--unneeded", *options)
    return {need["declaration"]: (need["need"], need["targets"][0]["ground"] or "") for need in report["needs"]}


def state(resource: str, word: str, policy: str = POLICY) -> dict[str, str]:
    return {"resourceId": resource, "policyDefinitionId": policy, "complianceState": word}


def test_below_an_exemption_nobody_can_tell(tmp_path: Path) -> None:
    """The emulated Azure would say Compliant, were it not exempt; what it says is Exempt."""
    with world(tmp_path, findings=[finding(LEDGER, "Healthy"), finding(AUDIT, "Healthy")]) as here:
        report = here.status("--unneeded", check=0)
        (need,) = report["needs"]
        assert (need["need"], need["remedy"]) == ("undecided", "")
        assert SILENT in need["targets"][0]["message"]


ALONE = repo.assignment(ONE, "alone", POLICY)
"""The policy assigned by itself, to all that the group holds, and not exempt for lack of a right."""


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        ([state(LEDGER, "Compliant"), state(AUDIT, "Compliant")], ("unneeded", "compliant")),
        ([state(LEDGER, "Compliant"), state(AUDIT, "NonCompliant")], ("needed", "")),
        ([state(LEDGER, "NonCompliant"), state(AUDIT, "NonCompliant")], ("needed", "")),
    ],
)
def test_an_assignment_beside_it_that_is_not_exempt_tells(
    tmp_path: Path, states: list[dict[str, str]], verdict: tuple[str, str]
) -> None:
    """Assigned today: Defender has not looked at it, Azure Policy has."""
    findings = [finding(LEDGER, "Healthy"), finding(AUDIT, "Healthy")]
    with world(tmp_path, findings=findings, policyStates=states) as here:
        emulated.Client(here.azure).put(ALONE["id"], ALONE["properties"])
        (need,) = here.status("--unneeded", check=0)["needs"]
    (target,) = need["targets"]
    assert (need["need"], target["ground"] or "") == verdict
    assert target["evidence"]
    assert all(line["text"].endswith(ALONE["id"].lower()) for line in target["evidence"]), "in which assignment is said"


def test_a_policy_that_asks_for_the_assessment_proves_nothing(tmp_path: Path) -> None:
    recommendation, policy = next(
        (r, p) for r in load().recommendations.values() for p in r.policies
        if len(r.policies) == 1 and (facts := load().policy(p)) and facts.assessment == r.key and r.retirement is None
        and any(m.definition == p for m in load().initiative(arm_id(repo.BENCHMARK)).members)
    )  # fmt: skip
    reference = next(
        m.reference_id for m in load().initiative(arm_id(repo.BENCHMARK)).members if m.definition == policy
    )
    exempted = own(MCSB)
    exempted["properties"]["policyDefinitionReferenceIds"] = [reference]
    findings = [finding(LEDGER, "Healthy", key=recommendation.key)]
    with world(
        tmp_path, assignments=[MCSB], exemptions=[exempted], findings=findings, declared=[{**DECLARED, "recommendation": recommendation.key}],
        policyStates=[state(LEDGER, "Compliant", policy.text)],
    ) as here:  # fmt: skip
        emulated.Client(here.azure).put(f"{ONE}{repo.ASSIGNMENTS}alone", {"policyDefinitionId": policy.text})
        assert needs(here) == {"tde": ("undecided", "")}


@pytest.mark.parametrize(
    ("code", "cause", "verdict"),
    [
        ("Healthy", {}, ("unneeded", "compliant")),
        ("NotApplicable", {"cause": "NoNsgOnVm"}, ("unneeded", "not applicable")),
        ("Unhealthy", {}, ("needed", "")),
    ],
)
def test_what_defender_finds_while_it_is_not_yet_exempt(
    tmp_path: Path, code: str, cause: dict[str, str], verdict: tuple[str, str]
) -> None:
    findings = [finding(LEDGER, code, **cause), finding(AUDIT, code, **cause)]
    with world(tmp_path, exemptions=(), findings=findings) as here:
        assert needs(here) == {"tde": verdict}


def test_one_of_two_resources_is_not_enough(tmp_path: Path) -> None:
    with world(tmp_path, exemptions=(), findings=[finding(LEDGER, "Healthy"), finding(AUDIT)]) as here:
        assert needs(here) == {"tde": ("needed", "")}


def test_a_mitigated_one_that_shows_as_healthy_may_be_because_it_is_mitigated(tmp_path: Path) -> None:
    declared = [{**DECLARED, "category": "Mitigated"}]
    exemptions = [own(MCSB, exemptionCategory="Mitigated"), own(NIST, exemptionCategory="Mitigated")]
    healthy = [finding(LEDGER, "Healthy"), finding(AUDIT, "Healthy")]
    with world(tmp_path, declared=declared, exemptions=exemptions, findings=healthy, assessmentMetadata=DEAF) as here:
        assert needs(here) == {"tde": ("undecided", "")}
    with world(tmp_path, findings=healthy, assessmentMetadata=DEAF) as here:
        assert needs(here) == {"tde": ("unneeded", "compliant")}


def test_gone_and_moved(tmp_path: Path) -> None:
    declared = [{**DECLARED, "scopes": [LEDGER]}]
    with world(tmp_path, declared=declared, exemptions=(), resources=[AUDIT], findings=[finding(AUDIT)]) as here:
        report = here.status("--unneeded")
        assert [(n["need"], n["targets"][0]["ground"], n["remedy"]) for n in report["needs"]] == [
            ("unneeded", "gone", "exempt retire tde")
        ]
        repo.commit(here.root)
        proposed = report["needs"][0]["remedy"].split()[1:]
        exempt(here.azure, *proposed, "--dry-run", root=here.root, check=0)
    alike = LEDGER.replace("ledger", "ledgers")
    with world(tmp_path, declared=declared, exemptions=(), resources=[AUDIT, alike], findings=[finding(alike)]) as here:
        assert needs(here)["tde"][0] == "undecided"  # mistyped, or renamed
    moved = LEDGER.replace("rg-data", "rg-new")
    with world(tmp_path, declared=declared, exemptions=(), resources=[AUDIT, moved], findings=[finding(moved)]) as here:
        assert needs(here)["tde"][0] == "undecided"


def test_retired_recommendations(tmp_path: Path) -> None:
    known = load().recommendations.values()
    retired = next(r for r in known if r.retirement and r.exemptable and r.retirement.successors)
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    declared = {**DECLARED, "recommendation": retired.key, "scopes": [ONE]}
    with world(origin, exemptions=(), declared=[declared]) as running:
        repo.commit(origin)  # long merged: what is new and retired would be refused
        repo.git(tmp_path, "clone", "--quiet", str(origin), str(clone))
        here = World(running.azure, clone)
        (need,) = here.status("--unneeded")["needs"]
        assert (need["need"], need["targets"][0]["ground"]) == ("unneeded", "retired")
        assert {e["text"] for e in need["targets"][0]["evidence"]} == set(retired.retirement.successors)
    with world(tmp_path) as here:
        assert needs(here) == {"tde": ("undecided", "")}


def test_a_benchmark_that_is_missing_is_another_matter(tmp_path: Path) -> None:
    with world(tmp_path, assignments=[NIST], exemptions=()) as here:
        assert needs(here) == {"tde": ("undecided", "")}


MEMBER = {
    "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/0961003e-5a0a-4549-abde-af6a37f2724d",
    "policyDefinitionReferenceId": "x",
}


def test_an_initiative_that_is_assigned_no_longer(tmp_path: Path) -> None:
    """The benchmark is assigned in a version of its own that lacks the policy, and nothing else has it."""
    lists = {"policySetDefinitions": [{"id": repo.BENCHMARK, "properties": {"policyDefinitions": [MEMBER]}}]}
    with world(tmp_path, assignments=[MCSB], exemptions=(), **lists) as here:
        assert needs(here) == {"tde": ("unneeded", "not assigned")}
        unread = {"path": f"{TWO}/providers/Microsoft.Authorization/policyAssignments", "status": 403, "count": None}
        here.azure.inject_faults({"faults": [unread]})
        assert needs(here) == {"tde": ("undecided", "")}  # who knows what is assigned
    excluded = {**MCSB, "properties": {**MCSB["properties"], "notScopes": [GROUP]}}
    with world(tmp_path, assignments=[excluded], exemptions=()) as here:
        assert needs(here) == {"tde": ("undecided", "")}


def test_a_wider_declaration(tmp_path: Path) -> None:
    """What a subscription's declaration covers anyway; Azure's hierarchy shows it, so that both are held."""
    group = {**DECLARED, "name": "wide", "scopes": [repo.ROOT]}
    with world(tmp_path, declared=[DECLARED, group]) as here:
        assert needs(here)["tde"] == ("unneeded", "covered")
        assert needs(here)["wide"][0] != "unneeded"
    for other in ({"category": "Mitigated"}, {"expiresOn": "2027-06-30"}, {"resourceSelectors": [
        {"name": "w", "selectors": [{"kind": "resourceLocation", "in": ["westeurope"]}]}]}):  # fmt: skip
        with world(tmp_path, declared=[DECLARED, {**group, **other}]) as here:
            assert needs(here)["tde"][0] != "unneeded", other


def test_a_part_that_is_unneeded_is_no_reason_to_retire_all(tmp_path: Path) -> None:
    gone = LEDGER.replace("ledger", "gone")
    with world(
        tmp_path,
        declared=[{**DECLARED, "scopes": [LEDGER, gone]}],
        exemptions=[own(MCSB, scope=LEDGER), own(NIST, scope=LEDGER)],
    ) as here:
        (need,) = here.status("--unneeded")["needs"]
        assert (need["need"], need["unneeded"]) == ("undecided", [gone])
        assert need["remedy"] == f"take out of scopes in exemptions/tde.yaml: {gone}"
        text = here.run("--unneeded").stdout
        assert "in part" in text
        assert "exempt retire" not in text


def test_everything_else_is_unchanged(tmp_path: Path) -> None:
    with world(tmp_path, exemptions=IN_BOTH) as here:
        assert "needs" not in here.status()
        assert TDE in str(here.status())
