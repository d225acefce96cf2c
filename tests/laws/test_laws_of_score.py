"""The estimate of a plan is what the embedded Azure's secure score becomes, once the plan is applied and a day has passed.

Generated: assignments with notScopes and overrides, findings that share controls and resources, previews, other clouds,
exemptions that are in force, expired or still waiting, declarations of both categories at every kind of scope.
"""

import contextlib
import io
import json
import os
import tempfile
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from unittest import mock

import emulated
import hypothesis.strategies as st
import proofs
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from laws.profile import EXAMPLES

from reconciler.cli.main import guarded

AUTHORIZATION = "/providers/Microsoft.Authorization"
ROOT = "/providers/Microsoft.Management/managementGroups/contoso"
ONE = "/subscriptions/00000000-0000-4000-8000-000000000001"
TWO = "/subscriptions/00000000-0000-4000-8000-000000000002"
TENANT = "c0ffee00-0000-4000-8000-000000000001"
MACHINES = tuple(
    f"{group}/providers/Microsoft.Compute/virtualMachines/m{number}"
    for group in (f"{ONE}/resourceGroups/rg", f"{ONE}/resourceGroups/RG2", f"{TWO}/resourceGroups/rg")
    for number in range(2)
)
SCOPES = (ROOT, ONE, f"{ONE}/resourceGroups/rg", TWO, *MACHINES)
BENCHMARK = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
NIST = "179d1daa-458f-4e47-8086-2a68d0d6c38f"
KEYS = (
    "483f12ed-ae23-447e-a2de-a67a10db4353",  # in two controls
    "bc303248-3d14-44c2-96a0-55f5c326b5fe",
    "805651bc-6ecd-4c73-9b55-97a19d0582d0",
    "c3b51c94-588b-426b-a892-24696f9e54cc",
    "08e628db-e2ed-4793-bc91-d13e684401c3",  # in five controls
    "651967bf-044e-4bde-8376-3e08e0600105",
    "422107c6-5b9a-46a6-bb1d-26ef1cc52d65",  # no policy stands behind it
)
CONTROL = {"name": "11111111-0000-4000-8000-000000000001", "properties": {
    "displayName": "Newer than any recording", "maxScore": 10,
    "assessmentDefinitions": [{"id": f"/providers/Microsoft.Security/assessmentMetadata/{key}"} for key in KEYS[-2:]],
}}  # fmt: skip
CODES = st.sampled_from(["Healthy", "Unhealthy", "Unhealthy", "NotApplicable"])
DAY = 86_400


def assigned(scope, name, definition, more):
    return {
        "id": f"{scope}{AUTHORIZATION}/policyAssignments/{name}",
        "properties": {"policyDefinitionId": f"{AUTHORIZATION}/policySetDefinitions/{definition}", **more},
    }


OPTIONS = st.fixed_dictionaries({}, optional={
    "notScopes": st.lists(st.sampled_from(SCOPES[2:]), max_size=2, unique=True),
    "overrides": st.just([{"kind": "policyEffect", "value": "Disabled", "selectors": [
        {"kind": "policyDefinitionReferenceId", "in": ["sqlDbEncryptionMonitoring", "17k78e20-9358-41c9-923c-fb736d382a12"]}
    ]}]),
})  # fmt: skip


@st.composite
def worlds(draw):
    """A tenant file, and the declarations of a repository."""
    assignments = [assigned(ROOT, "mcsb", BENCHMARK, draw(OPTIONS))]
    for scope, name in ((ONE, "nist"), (TWO, "nist"), (f"{ONE}/resourceGroups/rg", "again")):
        if draw(st.booleans()):
            assignments.append(assigned(scope, name, NIST, draw(OPTIONS)))
    found = [
        {"id": f"{machine}/providers/Microsoft.Security/assessments/{key}", "properties": {
            "status": {"code": draw(CODES)},
            **({"resourceDetails": {"source": "AWS", "id": machine}} if draw(st.integers(0, 15)) == 0 else {}),
        }}
        for machine in (*MACHINES, ONE)
        for key in KEYS if draw(st.integers(0, 2))
    ]  # fmt: skip
    preview = draw(st.sampled_from([None, None, KEYS[1], KEYS[4]]))
    metadata = [{"name": preview, "properties": {"displayName": "A preview", "preview": True}}] if preview else []
    exemptions = [draw(existing(number, assignments)) for number in range(draw(st.integers(0, 4)))]
    declared = draw(st.lists(
        st.fixed_dictionaries({
            "recommendation": st.sampled_from(KEYS),
            "scopes": st.lists(st.sampled_from(SCOPES), min_size=1, max_size=2, unique=True),
            "category": st.sampled_from(["Waiver", "Mitigated"]),
        }), min_size=1, max_size=3, unique_by=lambda declaration: declaration["recommendation"],
    ))  # fmt: skip
    tenant = {
        "tenantId": TENANT,
        "managementGroups": [{"name": "contoso", "parent": None}],
        "subscriptions": [{"id": scope.split("/")[2], "managementGroup": "contoso"} for scope in (ONE, TWO)],
        "resources": list(MACHINES),
        "policyAssignments": assignments,
        "policyExemptions": exemptions,
        "assessmentMetadata": metadata,
        "secureScoreControlDefinitions": [CONTROL],
        "assessments": found,
    }
    return tenant, declared


@st.composite
def existing(draw, number, assignments):
    """An exemption that somebody made: long ago or just now, of a whole assignment or of some references."""
    assignment = draw(st.sampled_from(assignments))
    below = [scope for scope in SCOPES if scope.startswith(assignment["id"].split(AUTHORIZATION)[0])] or [*SCOPES]
    hours = draw(st.sampled_from([5, 1000, 1000]))
    made = (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
    more = draw(st.fixed_dictionaries({}, optional={"expiresOn": st.sampled_from(["2020-01-01", "2098-01-01"])}))
    return {
        "id": f"{draw(st.sampled_from(below))}{AUTHORIZATION}/policyExemptions/old{number}",
        "properties": {
            "policyAssignmentId": assignment["id"],
            "exemptionCategory": draw(st.sampled_from(["Waiver", "Mitigated"])),
            **more,
        },
        "systemData": {"createdAt": made, "createdBy": "portal.user@contoso.example", "createdByType": "User"},
    }


def assessed(cloud):
    """Each assessment as Defender shows it, by id."""
    client = emulated.Client(cloud)
    rows = [
        row
        for scope in (ONE, TWO)
        for row in client.list(f"{scope}/providers/Microsoft.Security/assessments", version="2021-06-01")
    ]
    return {row["id"]: row["properties"]["status"] for row in rows}


def scores(cloud):
    """The score of each subscription, and its controls with their counts."""
    client = emulated.Client(cloud)
    found = {}
    for scope in (ONE, TWO):
        properties = client.get(
            f"{scope}/providers/Microsoft.Security/secureScores/ascScore", version="2020-01-01"
        ).json["properties"]
        rows = client.list(f"{scope}/providers/Microsoft.Security/secureScoreControls", version="2020-01-01")
        controls = {row["name"]: list(row["properties"].values())[1:4] for row in rows}
        found[scope] = {**properties["score"], "weight": properties["weight"]}, controls
    return found


def run(root, *arguments):
    out, told = io.StringIO(), io.StringIO()
    with (
        proofs.proven(arguments, root) as extended,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(told),
    ):
        code = guarded([*extended, "--root", str(root)])
    return int(code), out.getvalue(), told.getvalue()


def write(root, declared):
    folder = root / "exemptions"
    folder.mkdir()
    (root / "reconciler.yaml").write_text(
        yaml.safe_dump({"owner": "contoso/exemptions", "tenantId": TENANT, "scopes": [ROOT]})
    )
    for number, declaration in enumerate(declared):
        name = f"d{number}"
        whole = {
            "name": name,
            "justification": "because",
            "owner": "team@contoso.example",
            "adopt": True,
            **declaration,
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(whole))


def weighed(figures):
    weight = sum(score["weight"] for score, _ in figures)
    points = sum(Fraction(str(score["percentage"])) * score["weight"] for score, _ in figures)
    return float(points / weight) if weight else None


@settings(max_examples=max(8, EXAMPLES // 40), deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_the_estimate_is_what_the_score_becomes(world):
    tenant, declared = world
    with emulated.running(tenant) as cloud:
        exempt = {key for key, status in assessed(cloud).items() if status.get("cause") == "Exempt"}
    for item in tenant["assessments"]:  # nobody can tell what is below an exemption: taken to be unhealthy
        if item["id"] in exempt:
            item["properties"]["status"]["code"] = "Unhealthy"
    with (
        tempfile.TemporaryDirectory() as folder,
        emulated.running(tenant) as cloud,
        mock.patch.dict(os.environ, cloud.env),
        mock.patch.dict(os.environ, {"NO_PROXY": "127.0.0.1"}),
    ):
        root = Path(folder)
        write(root, declared)
        before = scores(cloud)
        code, out, told = run(root, "plan", "--format", "json")
        plan = json.loads(out)
        estimate = plan["score"]
        code, _, told = run(root, "apply", "--yes", "--allow-deletes", "99", "--allow-adoptions", "99")
        assert "failed" not in told or code == 0, told
        cloud.tenant.clock.advance(DAY + 60)
        actual = scores(cloud)
        if estimate is None:
            assert not plan["changes"]
            return
        assert estimate["unread"] is None
        for item in estimate["subscriptions"]:
            assert item["now"] == before[item["id"]][0]
            assert item["after"] == actual[item["id"]][0], (item, actual, told)
            for control in item["controls"]:
                counted = [control["after"][name] for name in ("healthy", "unhealthy", "notApplicable")]
                assert counted == actual[item["id"]][1][control["key"]]
            assert item["upper"]["percentage"] >= 0
        affected = {item["id"] for item in estimate["subscriptions"]}
        expected = {scope: actual[scope] if scope in affected else before[scope] for scope in before}
        for name, figures in (("after", expected), ("now", before)):
            share = weighed(figures.values())
            assert estimate["total"][name] == (share if share is None else pytest.approx(share, abs=1e-6))
