"""What becomes of a declared exemption, each state with the neighbour that must not be taken for it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import emulated
import pytest
from assessments.defended import (
    AUDIT,
    DEAF,
    DECLARED,
    GROUP,
    HOUR,
    IN_BOTH,
    ISO,
    LEDGER,
    MCSB,
    NIST,
    ONE,
    OTHER_POLICY,
    POLICY,
    REFERENCES,
    SERVER,
    TDE,
    TWO,
    causes,
    finding,
    only,
    own,
    world,
)  # fmt: skip
from cli.console import exempt
from main_job import repositories as repo

LAST = ["outside Defender", "recreate"]


def ago(hours: float) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def recently(hours: float) -> tuple[dict[str, Any], ...]:
    """Both exemptions, the second written so many hours ago."""
    return own(MCSB), own(NIST, written=ago(hours))


# --- in force, waiting -------------------------------------------------------------------------------------------


def test_in_force_since_the_last_of_its_exemptions_counts(tmp_path: Path) -> None:
    with world(tmp_path, exemptions=recently(30)) as here:
        report = here.status(check=0)
        target = only(report)
        assert (target["state"], target["diagnoses"], report["verdict"]) == ("in force", [], "done")
        assert target["resources"] | {"exempt": 0} == dict.fromkeys(target["resources"], 0)
        assert target["resources"]["exempt"] == 2
        assert abs(datetime.fromisoformat(target["since"]) - (datetime.now(UTC) - timedelta(hours=6))) < timedelta(
            minutes=5
        )
        assert report["declarations"][0]["since"] == target["since"]


@pytest.mark.parametrize(
    ("hours", "options", "state"),
    [
        (2, [], "waiting"),
        (23.9, [], "waiting"),
        (2, ["--within", "90m"], "ineffective"),
        (25, ["--within", "2d"], "waiting"),
    ],
)
def test_waiting_lasts_a_day_from_the_last_write_unless_told_otherwise(
    tmp_path: Path, hours: float, options: list[str], state: str
) -> None:
    with world(tmp_path, exemptions=recently(hours), assessmentMetadata=DEAF) as here:
        report = here.status(*options, check=0 if state == "waiting" else 2)
        target = only(report)
        assert target["state"] == state
        left = {"2d": 48, "90m": 1.5}.get(options[-1] if options else "", 24) - hours
        assert abs(target["secondsLeft"] - max(left, 0) * HOUR) < 120


def test_the_settings_say_how_long_it_may_take(tmp_path: Path) -> None:
    with world(tmp_path, exemptions=recently(25), assessmentMetadata=DEAF, settings={"evaluationHours": 36}) as here:
        assert only(here.status(check=0))["state"] == "waiting"
    with world(tmp_path, exemptions=recently(37), assessmentMetadata=DEAF, settings={"evaluationHours": 36}) as here:
        assert only(here.status(check=2))["state"] == "ineffective"


def test_ages_count_by_azures_clock(tmp_path: Path) -> None:
    with world(tmp_path, exemptions=recently(1), assessmentMetadata=DEAF) as here:
        assert only(here.status())["state"] == "waiting"
        here.azure.tenant.clock.advance(24 * HOUR)
        report = here.status()
        assert only(report)["state"] == "ineffective"
        assert report["asOf"] > ago(-20)


def test_what_does_not_apply_by_itself_stands_in_no_ones_way(tmp_path: Path) -> None:
    findings = [finding(LEDGER), finding(AUDIT, "NotApplicable", cause="NotRelevant")]
    with world(tmp_path, findings=findings) as here:
        target = only(here.status(check=0))
        assert (target["state"], target["resources"]["exempt"], target["resources"]["not applicable"]) == (
            "in force",
            1,
            1,
        )
    with world(tmp_path, findings=findings[1:]) as here:
        assert only(here.status(check=0))["state"] == "not counted"


def test_one_resource_that_is_counted_is_enough(tmp_path: Path) -> None:
    narrow = own(NIST, scope=LEDGER)
    with world(tmp_path, exemptions=[own(MCSB), narrow]) as here:
        target = only(here.status(check=2))
        assert (target["state"], target["unhealthy"]) == ("ineffective", [AUDIT])


def test_defenders_word_counts_although_an_exemption_was_just_deleted(tmp_path: Path) -> None:
    with world(tmp_path) as here:
        emulated.Client(here.azure, emulated.PORTAL).delete(IN_BOTH[1]["id"])
        target = only(here.status(check=0))
        assert (target["state"], causes(here.status())) == ("in force", ["not applied"])
        here.azure.tenant.clock.advance(25 * HOUR)
        assert only(here.status())["state"] == "ineffective"


def test_nothing_applied_is_no_failure_of_defender(tmp_path: Path) -> None:
    with world(tmp_path, exemptions=()) as here:
        report = here.status(check=2)
        assert (only(report)["state"], causes(report)) == ("not applied", ["not applied"])


def test_held_by_another_owner(tmp_path: Path) -> None:
    foreign = own(NIST, metadata={"managedBy": "exempt", "owner": "contoso/others"})
    with world(tmp_path, assignments=[MCSB, NIST], exemptions=[foreign]) as here:
        assert only(here.status(check=2))["state"] in {"held", "not applied"}
    with world(tmp_path, exemptions=[own(MCSB), foreign]) as here:
        assert only(here.status(check=0))["state"] == "in force"  # Defender does not ask whose they are


# --- why it has no effect ----------------------------------------------------------------------------------------


def test_without_any_evidence_the_last_two_questions_come_last(tmp_path: Path) -> None:
    with world(tmp_path, assessmentMetadata=DEAF, declared=[{**DECLARED, "category": "Mitigated"}],
               exemptions=[own(MCSB, exemptionCategory="Mitigated"), own(NIST, exemptionCategory="Mitigated")]) as here:  # fmt: skip
        report = here.status(check=2)
        assert causes(report) == ["level", *LAST]
        assert {d["confidence"] for d in only(report)["diagnoses"]} == {"possible"}


WEST = [{"name": "west", "selectors": [{"kind": "resourceLocation", "in": ["westeurope"]}]}]
NORTH = [{"name": "north", "selectors": [{"kind": "resourceLocation", "in": ["northeurope"]}]}]
SERVERS = [{"name": "servers", "selectors": [{"kind": "resourceType", "in": ["Microsoft.Sql/servers"]}]}]
DATABASES = [{"name": "databases", "selectors": [{"kind": "resourceType", "in": ["microsoft.sql/servers/DATABASES"]}]}]


@pytest.mark.parametrize(
    ("selectors", "is_outside"), [(NORTH, True), (SERVERS, True), (WEST, False), (DATABASES, False)]
)
def test_scope_selectors_that_leave_the_resource_out(tmp_path: Path, selectors: list[Any], *, is_outside: bool) -> None:
    """Somebody narrowed it in the portal. What selectors still choose is in force, and not diagnosed so."""
    with world(tmp_path, exemptions=[own(MCSB), own(NIST, resourceSelectors=selectors)]) as here:
        report = here.status()
        assert only(report)["state"] == ("ineffective" if is_outside else "in force")
        assert causes(report) == (["scope"] if is_outside else [])


def test_scope_an_exemption_that_sits_elsewhere(tmp_path: Path) -> None:
    with world(tmp_path, exemptions=[own(MCSB), own(NIST, scope=AUDIT)], findings=[finding(LEDGER)]) as here:
        report = here.status(check=2)
        assert (only(report)["state"], causes(report)) == ("ineffective", ["scope"])
        (diagnosis,) = only(report)["diagnoses"]
        assert AUDIT in diagnosis["message"]
        assert diagnosis["confidence"] == "certain"


def test_level_what_contains_the_target_is_counted(tmp_path: Path) -> None:
    on_server = {**DECLARED, "scopes": [LEDGER]}
    exemptions = [own(MCSB, scope=LEDGER), own(NIST, scope=LEDGER)]
    with world(tmp_path, findings=[finding(SERVER)], declared=[on_server], exemptions=exemptions) as here:
        report = here.status(check=2)
        assert causes(report) == ["level"]
        assert only(report)["diagnoses"][0]["evidence"][0] == {"label": "counted", "text": SERVER}
    with world(
        tmp_path, findings=[finding(SERVER), finding(LEDGER)], declared=[on_server], exemptions=exemptions
    ) as here:
        assert only(here.status(check=0))["state"] == "in force"  # the database itself is what was meant
    with world(tmp_path, findings=[finding(AUDIT)], declared=[on_server], exemptions=exemptions) as here:
        assert only(here.status(check=0))["state"] == "not assessed"  # a neighbour is no container


def writer(*roles: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "objectId": "99999999-0000-4000-8000-000000000009",
            "name": "writer",
            "type": "Application",
            "roles": list(roles),
        }
    ]


def test_rights_nothing_is_exempt_because_nobody_may(tmp_path: Path) -> None:
    """The identity may exempt from what is assigned at the subscription, and not from what is assigned above."""
    owner = {"role": "Security Admin", "scope": ONE}
    reader = {"role": "Reader", "scope": "/"}
    own_mcsb = [own(NIST)]
    with world(tmp_path, exemptions=own_mcsb, principals=writer(owner, reader)) as here:
        assert causes(here.status(check=2)) == ["rights"]
    everywhere = {"role": "Security Admin", "scope": repo.ROOT}
    with world(tmp_path, exemptions=own_mcsb, principals=writer(everywhere, reader)) as here:
        assert causes(here.status(check=2)) == ["initiative"]


def test_rights_of_defender_itself_at_a_group(tmp_path: Path) -> None:
    nist = repo.assignment(repo.ROOT, "nist", repo.NIST)
    at_group = {**DECLARED, "scopes": [repo.ROOT]}
    metadata = {"managedBy": "exempt", "owner": "contoso/exemptions", "declaration": "tde", "target": repo.ROOT}
    exemptions = [own(MCSB, scope=repo.ROOT, metadata=metadata), own(nist, scope=repo.ROOT, metadata=metadata)]
    with world(
        tmp_path, assignments=[MCSB, nist], declared=[at_group], exemptions=exemptions, assessmentMetadata=DEAF
    ) as here:
        report = here.status(check=2)
        assert causes(report) == ["rights", "category", *LAST]  # and not level: it is exempt where it is assigned
        assert "Reader" in only(report)["diagnoses"][0]["remedy"]
    with world(tmp_path, assessmentMetadata=DEAF) as here:
        assert "rights" not in causes(here.status())


@pytest.mark.parametrize(
    ("declared", "stored", "confidence"),
    [("Mitigated", "Waiver", "certain"), ("Waiver", "Waiver", "possible"), ("Mitigated", "Mitigated", "")],
)
def test_category(tmp_path: Path, declared: str, stored: str, confidence: str) -> None:
    exemptions = [own(MCSB, exemptionCategory=declared), own(NIST, exemptionCategory=stored)]
    with world(
        tmp_path, declared=[{**DECLARED, "category": declared}], exemptions=exemptions, assessmentMetadata=DEAF
    ) as here:
        target = only(here.status(check=2))
        assert [d["confidence"] for d in target["diagnoses"] if d["cause"] == "category"] == (
            [confidence] if confidence else []
        )


def test_policy_another_one_is_behind_the_recommendation(tmp_path: Path) -> None:
    """The tenant's metadata names two policies, the declaration exempts the one that the catalogue knows."""
    both = [
        {
            "name": TDE,
            "properties": {"displayName": "Both", "policyDefinitionId": OTHER_POLICY},
            "policyDefinitionIds": [POLICY, OTHER_POLICY],
        }
    ]
    with world(tmp_path, assessmentMetadata=both) as here:
        report = here.status(check=2)
        assert set(causes(report)) == {"policy"}
        first = only(report)["diagnoses"][0]
        assert "catalog refresh" in first["remedy"]
        assert OTHER_POLICY.lower() in {entry["text"] for entry in first["evidence"]}
    same = [{"name": TDE, "properties": {"displayName": "Same", "policyDefinitionId": POLICY}}]
    with world(tmp_path, assessmentMetadata=same) as here:
        assert only(here.status(check=0))["state"] == "in force"


def test_policy_a_reference_that_was_taken_out_by_hand(tmp_path: Path) -> None:
    cut = own(NIST)
    cut["properties"]["policyDefinitionReferenceIds"] = ["404c3081-a854-4457-ae30-26a93ef643f9"]
    with world(tmp_path, exemptions=[own(MCSB), cut]) as here:
        report = here.status(check=2)
        assert causes(report) == ["policy"]
        assert "catalog refresh" not in only(report)["diagnoses"][0]["remedy"]


def test_initiative_newly_assigned_and_merely_without_an_exemption(tmp_path: Path) -> None:
    with world(tmp_path) as here:
        emulated.Client(here.azure).put(f"{ONE}{repo.ASSIGNMENTS}iso", {"policyDefinitionId": ISO})
        assert only(here.status(check=0))["state"] == "in force"  # Defender has not looked yet
        here.azure.tenant.clock.advance(25 * HOUR)
        report = here.status(check=2)
        assert causes(report) == ["initiative"]
        assert "was assigned after" in only(report)["diagnoses"][0]["message"]
    with world(tmp_path, exemptions=[own(MCSB)]) as here:
        report = here.status(check=2)
        assert causes(report) == ["initiative"]
        assert "assigned after" not in only(report)["diagnoses"][0]["message"]


OFF = [{"kind": "policyEffect", "value": "Disabled"}]


@pytest.mark.parametrize("more", [{"overrides": OFF}, {"notScopes": [GROUP]}, {"resourceSelectors": NORTH}], ids=str)
def test_initiative_one_that_does_not_evaluate_it_needs_no_exemption(tmp_path: Path, more: dict[str, Any]) -> None:
    iso = repo.assignment(ONE, "iso", ISO, **more)
    with world(tmp_path, assignments=[MCSB, NIST, iso], assessmentMetadata=DEAF) as here:
        assert "initiative" not in causes(here.status(check=2))


def test_initiative_a_structural_reason_is_told_before_the_day_is_over(tmp_path: Path) -> None:
    with world(tmp_path, exemptions=[own(MCSB, written=ago(1))]) as here:
        report = here.status(check=2)
        assert (only(report)["state"], causes(report)) == ("ineffective", ["initiative"])


def test_expired_in_azure_before_its_time(tmp_path: Path) -> None:
    with world(tmp_path, exemptions=[own(MCSB), own(NIST, expiresOn="2026-01-01T00:00:00Z")]) as here:
        assert causes(here.status(check=2)) == ["expired"]


UNSUPPORTED = "405c9ae6-49f9-46c4-8873-a86690f27818"
LIMITS = "/providers/Microsoft.Authorization/policyDefinitions/e345eecc-fa47-480f-9e88-67dcc122b164"
CLUSTER = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/shop"


def test_unsupported_recommendations(tmp_path: Path) -> None:
    deaf = [{"name": UNSUPPORTED, "properties": {**DEAF[0]["properties"], "policyDefinitionId": LIMITS}}]
    exempted = own(MCSB)
    exempted["properties"]["policyDefinitionReferenceIds"] = ["memoryAndCPULimitsInKubernetesCluster"]
    lists = {"resources": [CLUSTER], "findings": [finding(CLUSTER, key=UNSUPPORTED)], "exemptions": [exempted]}
    declared = {**DECLARED, "recommendation": UNSUPPORTED}
    with world(tmp_path, assignments=[MCSB], declared=[declared], assessmentMetadata=deaf, **lists) as here:
        assert causes(here.status(check=2)) == ["level", "category", "unsupported", *LAST]
    with world(tmp_path, assessmentMetadata=DEAF) as here:
        assert "unsupported" not in causes(here.status(check=2))


def test_duplicates_that_contradict_each_other(tmp_path: Path) -> None:
    portal = repo.exemption(ONE, "by-hand", NIST["id"], [REFERENCES["nist"]], exemptionCategory="Mitigated")
    alike = repo.exemption(ONE, "by-hand", NIST["id"], [REFERENCES["nist"]])
    with world(tmp_path, exemptions=[*IN_BOTH, portal], assessmentMetadata=DEAF) as here:
        assert "duplicate" in causes(here.status(check=2))
    with world(tmp_path, exemptions=[*IN_BOTH, alike], assessmentMetadata=DEAF) as here:
        assert "duplicate" not in causes(here.status(check=2))
    with world(tmp_path, exemptions=[*IN_BOTH, portal]) as here:
        assert only(here.status(check=0))["state"] == "in force"


# --- Defender does not look --------------------------------------------------------------------------------------


def plan(tier: str, subscription: str = ONE) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{subscription}/providers/Microsoft.Security/pricings/FoundationalCspm",
            "properties": {"pricingTier": tier},
        }
    ]


@pytest.mark.parametrize(
    ("lists", "state", "cause"),
    [
        ({"pricings": plan("Free")}, "not assessed", ["plan off"]),
        ({"pricings": plan("Free", TWO)}, "in force", []),
        ({"pricings": plan("Standard")}, "in force", []),
        ({"assignments": [NIST], "exemptions": [own(NIST)]}, "not assessed", ["benchmark not assigned"]),
        ({"assignments": [{**MCSB, "properties": {**MCSB["properties"], "notScopes": [GROUP]}}], "exemptions": []}, "not assessed", ["excluded"]),
        ({"assignments": [{**MCSB, "properties": {**MCSB["properties"], "overrides": OFF}}], "exemptions": [own(MCSB)]}, "off", ["disabled"]),
        ({"findings": [finding(f"{TWO}/resourceGroups/rg/providers/Microsoft.Sql/servers/s/databases/d")]}, "not assessed", ["no assessment"]),
    ],
)  # fmt: skip
def test_where_defender_does_not_look(tmp_path: Path, lists: dict[str, Any], state: str, cause: list[str]) -> None:
    with world(tmp_path, **lists) as here:
        report = here.status(check=0)
        assert (only(report)["state"], causes(report)) == (state, cause)


def test_not_visible_without_the_right(tmp_path: Path) -> None:
    reader = {"actions": ["Microsoft.Authorization/*/read", "Microsoft.Management/*/read"], "scope": "/"}
    with world(tmp_path, principals=writer(reader)) as here:
        report = here.status(check=1)
        assert (only(report)["state"], causes(report)) == ("not visible", ["right to see it"])
    defender = {"role": "Security Reader", "scope": ONE}
    with world(tmp_path, principals=writer(reader, defender, {"role": "Reader", "scope": ONE})) as here:
        assert only(here.status(check=0))["state"] == "in force"


# --- gone, moved, back again -------------------------------------------------------------------------------------

ELSEWHERE = f"{TWO}/resourceGroups/rg-new/providers/Microsoft.Sql/servers/legacy/databases/ledger"
ON_LEDGER = {**DECLARED, "scopes": [LEDGER]}


@pytest.mark.parametrize(
    ("resources", "state"),
    [
        ([ELSEWHERE], "moved"),
        ([], "gone"),
        ([ELSEWHERE.replace("ledger", "ledger-2")], "gone"),
        ([ELSEWHERE.replace("databases", "elasticPools")], "gone"),
    ],
)
def test_a_target_that_is_gone_or_somewhere_else(tmp_path: Path, resources: list[str], state: str) -> None:
    findings = [finding(resource) for resource in resources] or [finding(AUDIT)]
    with world(tmp_path, declared=[ON_LEDGER], exemptions=(), resources=[AUDIT, *resources], findings=findings) as here:
        report = here.status(check=2)
        assert (only(report)["state"], causes(report)) == (state, [state])
        if state == "moved":
            assert ELSEWHERE in only(report)["diagnoses"][0]["remedy"]
            assert "counts as unhealthy" in only(report)["diagnoses"][0]["message"]


def test_a_subscription_that_was_moved_away_from_the_assignment(tmp_path: Path) -> None:
    groups = [{"name": "contoso"}, {"name": "left", "parent": "contoso"}, {"name": "right", "parent": "contoso"}]
    at_left = repo.assignment(f"{repo.ROOT[:-7]}left", "mcsb", repo.BENCHMARK)
    subscriptions = [{"id": ONE.rsplit("/", 1)[-1], "displayName": "Sub 1", "managementGroup": "right"}]
    with world(
        tmp_path, assignments=[at_left], exemptions=[own(at_left)], managementGroups=groups, subscriptions=subscriptions
    ) as here:
        report = here.status(check=2)
        assert (only(report)["state"], causes(report)) == ("moved", ["moved"])
    subscriptions = [{**subscriptions[0], "managementGroup": "left"}]
    with world(
        tmp_path, assignments=[at_left], exemptions=[own(at_left)], managementGroups=groups, subscriptions=subscriptions
    ) as here:
        assert only(here.status(check=0))["state"] == "in force"


def test_what_a_run_deleted_and_is_there_again(tmp_path: Path) -> None:
    outcomes = tmp_path / "outcomes.json"
    root = tmp_path / "repository"
    with world(root) as here:
        here.declare()
        exempt(here.azure, "apply", "--yes", "--allow-deletes", "2", "--out", str(outcomes), root=root)
        here.declare({**DECLARED, "name": "other", "scopes": [TWO]})
        assert here.status("--outcomes", str(outcomes))["returned"] == []
        portal = emulated.Client(here.azure, emulated.PORTAL)
        portal.put(IN_BOTH[0]["id"], IN_BOTH[0]["properties"])
        (back,) = here.status("--outcomes", str(outcomes), check=2)["returned"]
        assert (back["how"], back["id"], back["declaration"]) == ("reappeared", IN_BOTH[0]["id"], "tde")
        assert re.search(
            r"Azure has it again, made at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z by \S+$", back["message"]
        )


def test_what_resource_graph_alone_still_shows(tmp_path: Path) -> None:
    with world(tmp_path, exemptions=IN_BOTH, faultInjection={"graph": {"lag": 3600, "ghosts": True}}) as here:
        assert here.status()["returned"] == []
        here.azure.tenant.clock.advance(2 * HOUR)
        emulated.Client(here.azure, emulated.PORTAL).delete(IN_BOTH[1]["id"])
        (ghost,) = here.status()["returned"]
        assert (ghost["how"], ghost["id"]) == ("ghost", IN_BOTH[1]["id"])


# --- few requests ------------------------------------------------------------------------------------------------


def test_requests_do_not_grow_with_resources_or_declarations(tmp_path: Path) -> None:
    def asked(number: int) -> int:
        databases = [f"{SERVER}/databases/d{n}" for n in range(number)]
        declared = [{**DECLARED, "name": f"d{n}", "scopes": [database]} for n, database in enumerate(databases)]
        with world(
            tmp_path, resources=databases, findings=[finding(d) for d in databases], declared=declared, exemptions=()
        ) as here:
            here.status()
            return sum("ResourceGraph" in request.target for request in here.azure.requests)

    assert asked(2) == asked(60)
