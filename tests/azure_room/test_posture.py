"""What Defender says is read in pages, whatever single rows look like."""

from fractions import Fraction

import pytest
from interposed import Reply, error
from tenants import subscription, tenant

from reconciler.azure import graph, posture
from reconciler.model import arm_id
from reconciler.model.posture import Health
from reconciler.problems import AzureError

TDE = "651967bf-044e-4bde-8376-3e08e0600105"
AT_REST = "8fd574ec-43cf-426e-a439-a67cbaf2d564"
SUB = subscription(1)


def database(number):
    return f"{SUB}/resourceGroups/rg/providers/Microsoft.Sql/servers/s/databases/d{number:04d}"


def defended(count, code="Unhealthy"):
    found = [
        {
            "id": f"{database(number)}/providers/Microsoft.Security/assessments/{TDE}",
            "properties": {"status": {"code": code}},
        }
        for number in range(count)
    ]
    return tenant(assessments=found)


def read(azure):
    return posture.read_posture(azure.client, [arm_id(SUB)], [arm_id(SUB)])


def test_everything_in_a_few_requests(connected):
    with connected(defended(2345)) as (cloud, azure):
        before = len(cloud.requests)
        seen = read(azure)
        asked = cloud.requests[before:]
    assert len({each.resource.key for each in seen.assessments}) == 2345
    assert [each.method for each in asked] == ["GET", *["POST"] * 5], "definitions, scores, controls, three pages"
    first = seen.assessments[0]
    assert (first.key, first.health, first.source, first.is_exempt) == (TDE, Health.UNHEALTHY, "Azure", False)
    assert first.policy.name == "17k78e20-9358-41c9-923c-fb736d382a12"
    assert first.changed_at is not None
    guid = SUB.rsplit("/", 1)[-1]
    assert seen.scores[guid].percentage == 0
    assert (seen.scores[guid].max, seen.scores[guid].weight) == (4, 4 * 2345)
    assert seen.counts[guid, AT_REST].unhealthy == 2345
    assert sum(definition.max_score for definition in seen.definitions) == 58


def test_figures_are_as_they_are_written(interrupted):
    row = {"subscriptionId": "A", "score": {"current": 31.75, "max": 56, "percentage": 0.567}, "weight": 1441}
    with interrupted(defended(1)) as (door, azure):
        door.answer = lambda request: Reply(200, {"data": [row]}) if request.path == graph.PATH else None
        score = read(azure).scores["a"]
    assert (score.current, score.percentage, score.weight) == (Fraction("31.75"), Fraction("0.567"), 1441)


ODD_ROWS = [
    {}, {"id": 1}, {"id": database(1), "status": "x"}, {"id": database(1), "status": {"code": "New"}},
    {"id": f"{database(1)}/providers/Microsoft.Security/assessments/K", "status": {"code": "Healthy", "statusChangeDate": "soon"}},
    {"id": f"{SUB}/providers/x/y/z/providers/Microsoft.Security/assessments/a", "status": {"code": "Unhealthy"},
     "details": {"Source": "AWS", "AzureResourceId": f"{SUB}/aws"}, "metadata": {"preview": True, "policyDefinitionId": ""}},
]  # fmt: skip


def test_rows_that_nobody_understands_are_left_out(interrupted):
    def answer(seen):
        return Reply(200, {"data": ODD_ROWS}) if seen.path == graph.PATH else None

    with interrupted(defended(1)) as (door, azure):
        door.answer = answer
        seen = posture.read_assessments(azure.client, [arm_id(SUB)])
    assert [(each.key, each.source, each.preview, each.resource.text) for each in seen] == [
        ("k", "Azure", False, database(1)),
        ("a", "AWS", True, f"{SUB}/aws"),
    ]


def test_a_refusal_is_a_fault_and_definitions_come_from_a_subscription_where_the_tenant_refuses(interrupted):
    def refuse(seen):
        return error(403, "AuthorizationFailed") if seen.path in refused else None

    with interrupted(defended(1)) as (door, azure):
        door.answer = refuse
        refused = {"/providers/Microsoft.Security/secureScoreControlDefinitions"}
        assert len(read(azure).definitions) == 16
        refused = {graph.PATH}
        with pytest.raises(AzureError):
            read(azure)
