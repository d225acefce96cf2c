"""Secure score: the figures from the counts, the counts from the assessments, and how both are shown."""

import functools
import json
import operator
import subprocess
import sys
from pathlib import Path

import contoso
import emulated
import pytest
from contoso import DATABASE, GROUP, ONE, SERVER, TWO
from defended import DAY, MCSB, PRICINGS, TDE, finding, mcsb, waiver

from reconciler.emulator.state.secure_score import Control, ControlDefinition, total

SECURITY = f"{ONE}/providers/Microsoft.Security"
SCORE = f"{SECURITY}/secureScores/ascScore"
AT_REST = "8fd574ec-43cf-426e-a439-a67cbaf2d564"

RECORDED = [
    # healthy, unhealthy, not applicable, highest, max, current, percentage, weight
    (0, 0, 28, 2, 0, 0.0, 0.0, 0),
    (73, 5, 0, 4, 4, 3.74, 0.935, 78),
    (20, 0, 0, 4, 4, 4.0, 1.0, 20),
    (44, 131, 0, 0, 0, 0.0, 0.0, 175),
    (11, 7, 2, 3, 3, 1.83, 0.61, 18),
    (22, 0, 27, 0, 0, 0.0, 0.0, 22),
    (3, 52, 0, 1, 1, 0.05, 0.05, 55),
    (0, 68, 0, 4, 4, 0.0, 0.0, 68),
    (1, 17, 3, 2, 2, 0.11, 0.055, 18),
    (11, 7, 0, 6, 6, 3.67, 0.6117, 18),
    (14, 54, 3, 4, 4, 0.82, 0.205, 68),
    (16, 1, 0, 8, 8, 7.53, 0.9412, 17),
    (0, 17, 5, 6, 6, 0.0, 0.0, 17),
    (0, 1, 0, 4, 4, 0.0, 0.0, 1),
    (0, 1, 0, 0, 0, 0.0, 0.0, 1),
    (1, 0, 0, 10, 10, 10.0, 1.0, 1),
]
"""The sixteen controls of a recorded subscription (Azure/azure-cli, test_security_secure_score.yaml, 2021-07-12)."""

OFFICIAL = [
    (0, 0, 1, 2), (1, 0, 0, 10), (7, 0, 1, 0), (0, 1, 0, 0), (1, 4, 0, 1), (1, 1, 0, 4), (0, 1, 0, 4), (0, 1, 0, 2),
    (0, 1, 0, 6), (5, 1, 0, 4), (1, 0, 0, 4), (1, 0, 0, 4),
]  # fmt: skip
"""Healthy, unhealthy, not applicable and highest score of each control in the official example; system updates are ninth."""


def control(healthy, unhealthy, not_applicable, highest, key="k"):
    definition = ControlDefinition(key=key, title=key, max_score=highest, members=())
    return Control(definition=definition, healthy=healthy, unhealthy=unhealthy, not_applicable=not_applicable)


def figures(score):
    return float(score.max), float(score.current), float(score.percentage), score.weight


@pytest.mark.parametrize("row", RECORDED)
def test_every_recorded_control_is_reproduced(row):
    assert figures(control(*row[:4]).score) == row[4:]


def test_the_recorded_subscription_is_reproduced():
    assert figures(total([control(*row[:4]) for row in RECORDED])) == (56, 31.75, 0.567, 1441)
    assert figures(total([])) == (0, 0.0, 0.0, 0)


# --- the same over the socket ------------------------------------------------------------------------------------


def scored(counts):
    """A tenant whose subscription has these counts: a control and a recommendation without a policy for each row."""
    definitions, metadata, assessments = [], [], []
    for number, (healthy, unhealthy, not_applicable, highest, *_) in enumerate(counts):
        key = f"00000000-0000-4000-8000-{number:012d}"
        title = {"displayName": f"Control {number}"}
        metadata.append({"name": key, "properties": {**title, "policyDefinitionId": ""}})
        members = [{"id": f"/providers/Microsoft.Security/assessmentMetadata/{key}"}]
        definitions.append(
            {"name": key, "properties": {**title, "maxScore": highest, "assessmentDefinitions": members}}
        )
        codes = ["Healthy"] * healthy + ["Unhealthy"] * unhealthy + ["NotApplicable"] * not_applicable
        assessments += [
            finding(f"{GROUP}/providers/Microsoft.Web/sites/s{number}-{place}", key=key, code=code)
            for place, code in enumerate(codes)
        ]
    return contoso.tenant(
        policyAssignments=[mcsb()],
        secureScoreControlDefinitions=definitions,
        assessmentMetadata=metadata,
        assessments=assessments,
    )


def score(arm):
    return arm.get(SCORE, version="2020-01-01").json["properties"]


def test_the_recording_over_the_socket():
    with emulated.running(scored(RECORDED)) as cloud:
        arm = emulated.Client(cloud)
        answer = arm.get(SCORE, version="2020-01-01")
        assert answer.body.decode() == (
            f'{{"id":"{SCORE}","name":"ascScore","type":"Microsoft.Security/secureScores","properties":'
            '{"displayName":"ASC score","score":{"max":56,"current":31.75,"percentage":0.567},"weight":1441}}'
        )
        rows = arm.list(f"{SECURITY}/secureScoreControls", version="2020-01-01")
        counts = operator.itemgetter("healthyResourceCount", "unhealthyResourceCount", "notApplicableResourceCount")
        shown = [(*counts(row["properties"]), *row["properties"]["score"].values()) for row in rows]
        assert shown == [(*row[:3], *row[4:7]) for row in RECORDED]
        assert arm.list(f"{SCORE}/secureScoreControls", version="2020-01-01") == rows
        ask = functools.partial(
            arm.request, "POST", "/providers/Microsoft.ResourceGraph/resources", version="2022-10-01"
        )
        query = "securityresources | where type == 'microsoft.security/securescores' and subscriptionId startswith '00'"
        graph = ask({"query": f"{query} | where properties.weight > 0"}).json["data"]
        assert [row["properties"]["score"]["current"] for row in graph] == [31.75]


def test_the_official_example_and_its_only_unhealthy_system_updates_exempt():
    content = scored(OFFICIAL)
    policy = f"{contoso.AUTHORIZATION}/policyDefinitions/17k78e20-9358-41c9-923c-fb736d382a12"
    content["assessmentMetadata"][8]["properties"]["policyDefinitionId"] = policy
    with emulated.running(content) as cloud:
        arm = emulated.Client(cloud)
        assert score(arm)["score"] == {"max": 39, "current": 23.53, "percentage": 0.6033}
        assert score(arm)["weight"] == 67
        arm.put(waiver(MCSB)["id"], waiver(MCSB)["properties"])
        assert score(arm)["score"]["max"] == 39
        cloud.tenant.clock.advance(DAY + 60)
        assert score(arm)["score"] == {"max": 33, "current": 23.53, "percentage": 0.713}


# --- counting ----------------------------------------------------------------------------------------------------


def counts_of(arm, key=AT_REST):
    rows = arm.list(f"{SECURITY}/secureScoreControls", version="2020-01-01")
    return next((tuple(row["properties"].values())[1:4] for row in rows if row["name"] == key), None)


@pytest.fixture
def members():
    """Two recommendations of one control, without policies behind them."""
    with emulated.running(contoso.tenant(policyAssignments=[mcsb()])) as cloud:
        rows = emulated.Client(cloud).list(f"{SECURITY}/secureScoreControlDefinitions", version="2020-01-01")
    (row,) = (row for row in rows if row["name"] == AT_REST)
    first, second = (item["id"].rsplit("/", 1)[-1] for item in row["properties"]["assessmentDefinitions"][:2])
    return first, second


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (("Healthy", "Unhealthy"), (0, 1, 0)),
        (("Healthy", "NotApplicable"), (1, 0, 0)),
        (("Unhealthy", "NotApplicable"), (0, 1, 0)),
        (("NotApplicable", "NotApplicable"), (0, 0, 1)),
        (("Healthy", None), (1, 0, 0)),
        ((None, None), None),
    ],
)
def test_a_resource_counts_once_in_a_control(start, members, codes, expected):
    found = [finding(SERVER, key=key, code=code) for key, code in zip(members, codes, strict=True) if code]
    plain = [{"name": key, "properties": {"displayName": key, "policyDefinitionId": ""}} for key in members]
    arm = emulated.Client(start(assessments=found, assessmentMetadata=plain, policyAssignments=[mcsb()]))
    assert counts_of(arm) == expected


@pytest.mark.parametrize(
    ("preview", "source", "expected"),
    [(False, "Azure", (0, 1, 0)), (True, "Azure", None), (False, "Aws", None), (False, "OnPremise", (0, 1, 0))],
)
def test_previews_and_other_clouds_do_not_count(start, members, preview, source, expected):
    details = {"source": source, "id": SERVER}
    plain = {"displayName": "x", "policyDefinitionId": "", "preview": preview}
    arm = emulated.Client(
        start(
            assessments=[finding(SERVER, key=members[0], resourceDetails=details)],
            assessmentMetadata=[{"name": members[0], "properties": plain}],
            policyAssignments=[mcsb()],
        )
    )
    assert counts_of(arm) == expected


def test_a_recommendation_counts_in_each_of_its_controls(arm):
    rows = arm.list("/providers/Microsoft.Security/secureScoreControlDefinitions", version="2020-01-01")
    ids = [item["id"] for row in rows for item in row["properties"]["assessmentDefinitions"]]
    assert (len(rows), len(ids), len(set(ids))) == (16, 600, 556)
    assert sum(row["properties"]["maxScore"] for row in rows) == 58
    assert list(rows[0]["properties"]) == ["source", "displayName", "maxScore", "assessmentDefinitions"]
    assert rows == arm.list(f"{SECURITY}/secureScoreControlDefinitions", version="2020-01-01")


# --- what is shown -----------------------------------------------------------------------------------------------


def test_controls_have_their_definition_only_where_it_is_asked_for(start):
    arm = emulated.Client(start(assessments=[finding(DATABASE)], policyAssignments=[mcsb()]))
    (plain,) = arm.list(f"{SECURITY}/secureScoreControls", version="2020-01-01")
    (expanded,) = arm.list(f"{SECURITY}/secureScoreControls", version="2020-01-01", expand="definition")
    assert list(expanded["properties"])[-2:] == ["definition", "weight"]
    definition = expanded["properties"].pop("definition")
    assert (expanded, definition["name"]) == (plain, AT_REST)
    assert TDE in json.dumps(definition["properties"]["assessmentDefinitions"])
    assert arm.get(f"{SECURITY}/secureScoreControls", expand="other", version="2020-01-01").status == 400


def test_a_subscription_without_assessments_and_one_without_defender(start):
    arm = emulated.Client(start(policyAssignments=[mcsb()]))
    empty = {"displayName": "ASC score", "score": {"max": 0, "current": 0.0, "percentage": 0.0}, "weight": 0}
    assert score(arm) == empty
    assert [
        row["name"] for row in arm.list(f"{TWO}/providers/Microsoft.Security/secureScores", version="2020-01-01")
    ] == ["ascScore"]
    assert arm.get(f"{SECURITY}/secureScores/other", version="2020-01-01").status == 404
    arm.put(f"{PRICINGS}/FoundationalCspm", {"pricingTier": "Free"})
    assert arm.list(f"{SECURITY}/secureScores", version="2020-01-01") == []
    assert (
        arm.get(SCORE, version="2020-01-01").status,
        arm.get(f"{SCORE}/secureScoreControls", version="2020-01-01").status,
    ) == (404, 404)


def test_the_controls_are_built_from_a_recording(tmp_path):
    members = [{"id": "/providers/Microsoft.Security/assessmentMetadata/k1"}]
    definition = {"displayName": "One", "description": "words", "maxScore": 3, "assessmentDefinitions": members}
    interaction = {
        "request": {"uri": "https://x/providers/Microsoft.Security/secureScoreControlDefinitions?api-version=1"},
        "response": {"body": {"string": json.dumps({"value": [{"name": "c1", "properties": definition}]})}},
    }
    recording, out = tmp_path / "recording.yaml", tmp_path / "controls.json"
    script = Path(__file__).resolve().parents[2] / "scripts" / "build_controls.py"
    command = [sys.executable, str(script), "--recording", str(recording), "--out", str(out)]
    recording.write_text(json.dumps({"interactions": []}))
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
    recording.write_text(json.dumps({"interactions": [interaction]}))
    subprocess.run(command, check=True)
    assert json.loads(out.read_text()) == [{"key": "c1", "title": "One", "maxScore": 3, "members": ["k1"]}]
