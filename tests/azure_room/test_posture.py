"""What Defender says is read in pages, whatever single rows look like."""

import json
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from interposed import Reply, error
from tenants import GROUP, subscription, tenant

from reconciler.azure import assessments, counts, graph, metadata, posture
from reconciler.model import arm_id
from reconciler.model.posture import Assessment, ControlDefinition, Health, ReportedScore, ResourceCounts
from reconciler.problems import AzureError

TDE = "651967bf-044e-4bde-8376-3e08e0600105"
AT_REST = "8fd574ec-43cf-426e-a439-a67cbaf2d564"
SUB = subscription(1)
POLICIES = "/providers/Microsoft.Authorization/policyDefinitions"


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


def test_all_that_a_row_says_of_an_assessment_is_kept():
    assessment_id = f"{database(1)}/providers/Microsoft.Security/assessments/{TDE.upper()}"
    row = {
        "id": assessment_id,
        "title": " TDE \u200bis on ",
        "status": {"code": "NotApplicable", "cause": "OffByPolicy", "statusChangeDate": "2026-05-01T10:00:00Z"},
        "details": {"Source": "AZURE", "Id": f" {database(2)} ", "AzureResourceId": f"{SUB}/aws"},
        "metadata": {"severity": "High", "preview": "yes", "policyDefinitionId": f"{POLICIES}/p"},
    }
    assert posture.assessment_in(row) == Assessment(
        id=arm_id(assessment_id),
        key=TDE,
        resource=arm_id(database(2)),
        health=Health.NOT_APPLICABLE,
        cause="OffByPolicy",
        title="TDE is on",
        severity="High",
        preview=False,
        policy=arm_id(f"{POLICIES}/p"),
        source="AZURE",
        changed_at=datetime(2026, 5, 1, 10, tzinfo=UTC),
    )
    bare = posture.assessment_in({"id": assessment_id, "status": {"code": "Healthy"}, "title": 5, "details": "x"})
    assert (bare.cause, bare.title, bare.severity, bare.policy, bare.changed_at) == ("", "", "", None, None)
    assert (bare.source, bare.resource, bare.preview) == ("Azure", arm_id(database(1)), False)


def test_scores_and_controls_are_read_by_subscription_and_a_figure_that_is_none_is_nothing(interrupted):
    score = {"score": {"current": "much", "max": 56, "percentage": 0.5}, "weight": None}
    controls = [
        {"subscriptionId": "A", "name": "Mfa", "healthy": 1, "unhealthy": 2.0, "notApplicable": 3},
        {"subscriptionId": "B", "name": "mfa", "healthy": "4"},
    ]

    def answer(seen):
        if seen.path != graph.PATH:
            return None
        query = json.loads(seen.body)["query"]
        if "ascScore" in query:
            return Reply(200, {"data": [{"subscriptionId": "A", **score}, {"subscriptionId": "B"}]})
        return Reply(200, {"data": controls if "securescorecontrols" in query else []})

    with interrupted() as (door, azure):
        door.answer = answer
        seen = read(azure)
    assert seen.scores == {
        "a": ReportedScore(current=Fraction(), max=56, percentage=Fraction(1, 2), weight=0),
        "b": ReportedScore(current=Fraction(), max=0, percentage=Fraction(), weight=0),
    }
    assert seen.counts == {
        ("a", "mfa"): ResourceCounts(healthy=1, unhealthy=2, not_applicable=3),
        ("b", "mfa"): ResourceCounts(healthy=0, unhealthy=0, not_applicable=0),
    }


CONTROLS = "/providers/Microsoft.Security/secureScoreControlDefinitions"


def test_a_control_has_its_title_its_points_and_the_recommendations_in_it(interrupted):
    members = [{"id": f"/providers/Microsoft.Security/assessmentMetadata/{key}"} for key in (TDE.upper(), AT_REST)]
    told = {"displayName": "Enable \u200bMFA ", "maxScore": 10, "assessmentDefinitions": members}
    rows = [{"name": "MFA", "properties": told}, {"name": "Empty", "properties": {"assessmentDefinitions": None}}]
    with interrupted() as (door, azure):
        door.answer = lambda seen: Reply(200, {"value": rows}) if seen.path == CONTROLS else None
        found = posture.read_control_definitions(azure.client, [])
        door.answer = lambda _: error(403, "No", "not for you")
        with pytest.raises(AzureError, match="not for you"):
            posture.read_control_definitions(azure.client, [])
        door.answer = lambda seen: error(404, "No", "not here") if seen.path == CONTROLS else None
        with pytest.raises(AzureError, match="not here"):
            posture.read_control_definitions(azure.client, [arm_id(SUB)])
    assert found == (
        ControlDefinition(key="mfa", title="Enable MFA", max_score=10, members=frozenset({TDE, AT_REST})),
        ControlDefinition(key="empty", title="", max_score=0, members=frozenset()),
    )


def test_plans_are_on_or_off_by_subscription_and_old_ones_are_left_out(interrupted):
    rows = [
        {"subscriptionId": "A", "name": "StorageAccounts", "tier": "STANDARD", "deprecated": False},
        {"subscriptionId": "a", "name": "Dns", "tier": "Standard", "deprecated": True},
        {"subscriptionId": "a", "name": "CloudPosture", "tier": "Free"},
        {"subscriptionId": "b", "name": "CloudPosture"},
    ]
    with interrupted() as (door, azure):
        door.answer = lambda seen: Reply(200, {"data": rows}) if b"pricings" in seen.body else None
        found = posture.read_plans(azure.client, [arm_id(SUB)])
    assert found == {
        arm_id("/subscriptions/a"): {"storageaccounts": True, "cloudposture": False},
        arm_id("/subscriptions/b"): {"cloudposture": False},
    }


# --- how many resources there are ----------------------------------------------------------------------------------


def test_resources_are_counted_by_type_in_each_kind_of_scope_and_nowhere_else(connected):
    group = f"{SUB}/resourceGroups/RG"
    there = [database(1), database(2), f"{SUB}/resourceGroups/other/providers/Microsoft.Sql/servers/s/databases/d"]
    there.append(database(1).replace(SUB, subscription(2)))
    databases = "microsoft.sql/servers/databases"
    asked = [
        arm_id(text) for text in (group, SUB, group.lower(), f"{GROUP}landing", f"{subscription(0)}/resourceGroups/rg")
    ]
    with connected(tenant(resources=there)) as (_, azure):
        found = counts.count_resources(azure.client, asked)
    assert {scope: types[databases] for scope, types in found.items()} == {
        group.lower(): 2,
        SUB: 3,
        f"{GROUP}landing".lower(): 4,
    }


def test_each_of_several_management_groups_has_the_count_of_what_lies_below_it(connected):
    content = tenant(resources=[database(1), database(2), database(3).replace(SUB, subscription(7))])
    beside = {"id": subscription(7).rpartition("/")[2], "displayName": "beside", "managementGroup": "corp"}
    content["subscriptions"] = [*content["subscriptions"], beside]
    with connected(content) as (_, azure):
        found = counts.count_resources(azure.client, [arm_id(f"{GROUP}{name}") for name in ("corp", "landing")])
    databases = "microsoft.sql/servers/databases"
    assert {scope: types[databases] for scope, types in found.items()} == {
        f"{GROUP}corp".lower(): 3,
        f"{GROUP}landing".lower(): 2,
    }


@pytest.mark.parametrize("scope", [f"{SUB}/resourceGroups/rg", SUB, f"{GROUP}corp"])
def test_a_count_that_is_none_counts_nothing_and_a_refusal_is_told(interrupted, scope):
    where = {"subscriptionId": SUB.rpartition("/")[2].upper(), "resourceGroup": "RG"}
    rows = [{**where, "type": "A/b", "number": 2}, {**where, "type": "a/B", "number": 3}, {**where, "number": "four"}]
    with interrupted() as (door, azure):
        door.answer = lambda _: Reply(200, {"data": rows})
        found = counts.count_resources(azure.client, [arm_id(scope)])
        door.answer = lambda _: error(403, "AuthorizationFailed", "not for you")
        with pytest.raises(AzureError, match="not for you"):
            counts.count_resources(azure.client, [arm_id(scope)])
    assert found == {scope.lower(): {"a/b": 5, "": 0}}


# --- recommendations' metadata -------------------------------------------------------------------------------------

METADATA = "/providers/Microsoft.Security/assessmentMetadata"


def test_built_in_metadata_comes_from_the_tenant_or_from_the_first_of_three_subscriptions_that_gives_it(interrupted):
    subscriptions = [arm_id(subscription(number)) for number in range(4)]
    refusing = {METADATA: 403, f"{subscription(0)}{METADATA}": 404, f"{subscription(1)}{METADATA}": 403}
    with interrupted() as (door, azure):

        def answer(seen):
            assert "api-version=2021-06-01" in seen.query
            status = refusing.get(seen.path)
            return error(status, "No", f"no {seen.path}") if status else Reply(200, {"value": [{"id": seen.path}]})

        door.answer = answer
        assert metadata.read_built_in(azure.client, subscriptions) == [{"id": f"{subscription(2)}{METADATA}"}]
        refusing[f"{subscription(2)}{METADATA}"] = 403
        with pytest.raises(AzureError, match=f"^no {METADATA}$"):
            metadata.read_built_in(azure.client, subscriptions)
        assert door.seen[-1].path == f"{subscription(2)}{METADATA}", "the fourth is not tried"
        refusing[METADATA], before = 404, len(door.seen)
        with pytest.raises(AzureError, match=f"^no {METADATA}$"):
            metadata.read_built_in(azure.client, subscriptions)
        assert len(door.seen) == before + 1, "only a missing right sends elsewhere"
        del refusing[METADATA]
        assert metadata.read_built_in(azure.client, subscriptions) == [{"id": METADATA}]


def test_metadata_of_subscriptions_comes_behind_the_tenants_and_a_refusal_is_told(interrupted):
    with interrupted() as (door, azure):
        door.answer = lambda seen: Reply(200, {"value": [{"id": seen.path}]})
        found = metadata.read_metadata(azure.client, [arm_id(subscription(number)) for number in (1, 0)])
        assert [row["id"] for row in found] == [METADATA, *(f"{subscription(number)}{METADATA}" for number in (1, 0))]
        door.answer = lambda seen: error(403, "No", "no") if seen.path.startswith(SUB) else Reply(200, {"value": []})
        assert metadata.read_metadata(azure.client) == []
        with pytest.raises(AzureError):
            metadata.read_metadata(azure.client, [arm_id(SUB)])


def test_policies_that_cannot_be_read_are_left_out(interrupted):
    policies = [arm_id(f"/providers/Microsoft.Authorization/policyDefinitions/{name}") for name in ("a", "b")]
    with interrupted() as (door, azure):
        door.answer = lambda seen: error(404, "No") if seen.path.endswith("/a") else Reply(200, {"id": seen.path})
        assert metadata.read_definitions(azure.client, policies) == [{"id": policies[1].text}]


def test_many_keys_make_several_queries_and_each_key_is_in_one(monkeypatch):
    monkeypatch.setattr(assessments, "_NAMES", 2)
    assert assessments._chunks("abcde") == ["ab", "cd", "e"]
