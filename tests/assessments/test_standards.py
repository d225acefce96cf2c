"""Recommendations that no policy stands behind: standard assignments carry their exemptions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from assessments.defended import DECLARED, GROUP, LEDGER, MCSB, World, causes, finding, only, world
from cli.console import exempt

ALONE = "48fad5ca-f530-41bb-9454-c6002bd1085c"
DECLARATION = {**DECLARED, "recommendation": ALONE}


def lists(**more: Any) -> dict[str, Any]:
    findings = [finding(LEDGER, key=ALONE)]
    return {"assignments": [MCSB], "exemptions": (), "findings": findings, "declared": [DECLARATION], **more}


def applied(here: World) -> Any:
    exempt(here.azure, "apply", "--yes", root=here.root, check=0)
    return here.status()


def test_in_force_once_it_is_applied(tmp_path: Path) -> None:
    with world(tmp_path, **lists()) as here:
        assert (only(here.status(check=2))["state"], causes(here.status())) == ("not applied", ["not applied"])
        report = applied(here)
        assert (only(report)["state"], only(report)["resources"]["exempt"]) == ("in force", 1)


DEAF = [{"name": ALONE, "properties": {"displayName": "Deaf", "assessmentType": "CustomerManaged"}}]


@pytest.mark.parametrize(("hours", "state"), [(0, "waiting"), (25, "ineffective")])
def test_it_has_its_time_as_well(tmp_path: Path, hours: int, state: str) -> None:
    with world(tmp_path, **lists(assessmentMetadata=DEAF)) as here:
        applied(here)
        here.azure.tenant.clock.advance(hours * 3600)
        report = here.status()
        assert only(report)["state"] == state
        assert "moved" not in causes(report)


def test_an_excluded_scope_is_outside(tmp_path: Path) -> None:
    with world(tmp_path, **lists()) as here:
        applied(here)
        (record,) = here.azure.tenant.standard_assignments.by_id.values()
        record.properties["excludedScopes"] = [LEDGER]
        assert causes(here.status(check=2)) == ["scope"]
        record.properties["excludedScopes"] = [f"{GROUP}/providers/Microsoft.Sql/servers/other"]
        assert only(here.status(check=0))["state"] == "in force"


def test_some_findings_alone_leave_the_recommendation_as_it_is(tmp_path: Path) -> None:
    declared = [{**DECLARATION, "vulnerabilities": {"minSeverity": "High"}}]
    with world(tmp_path, **lists(declared=declared)) as here:
        report = applied(here)
        assert (only(report)["state"], causes(report)) == ("undecided", ["some findings only"])


@pytest.mark.parametrize(
    ("status", "code", "remedy"),
    [
        (404, "NotFound", "az provider show --namespace Microsoft.Security --subscription "),
        (409, "MissingSubscriptionRegistration", "az provider register --namespace Microsoft.Security --subscription "),
        (418, "Teapot", "run again; if it stays so, --log-file FILE"),
    ],
)
def test_a_list_that_is_not_there_is_no_missing_right(tmp_path: Path, status: int, code: str, remedy: str) -> None:
    fault = {"method": "GET", "path": "^/subscriptions/[^/]+/providers/Microsoft.Security/standardAssignments", "status": status, "code": code, "count": None}  # fmt: skip
    with world(tmp_path, **lists(faultInjection={"faults": [fault]})) as here:
        told = exempt(here.azure, "status", root=here.root, check=1).stdout
        held = exempt(here.azure, "plan", root=here.root, check=1).stdout
        found = exempt(here.azure, "drift", root=here.root, check=1).stdout
    for text in (told, held, found):
        assert remedy in text, text
        assert "Reader" not in text
