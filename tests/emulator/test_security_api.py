"""`Microsoft.Security`: recommendations' metadata and assessments."""

import contoso
import emulated
import pytest
from contoso import GROUP, ONE, SERVER
from defended import mcsb

METADATA = "/providers/Microsoft.Security/assessmentMetadata"
KEY = "651967bf-044e-4bde-8376-3e08e0600105"


def test_the_bundled_recommendations_are_listed(arm):
    found = arm.list(METADATA, version="2021-06-01")
    assert len(found) > 500
    one = next(each for each in found if each["name"] == KEY)
    assert one["id"] == f"{METADATA}/{KEY}"
    assert one["properties"]["severity"] in {"High", "Medium", "Low"}
    assert one["properties"]["policyDefinitionId"].startswith("/providers/Microsoft.Authorization/policyDefinitions/")


def test_one_is_asked_for_at_the_tenant_and_from_a_subscription(arm):
    at_tenant = arm.get(f"{METADATA}/{KEY.upper()}", version="2021-06-01").json
    seen = arm.get(f"{ONE}{METADATA}/{KEY}", version="2021-06-01").json
    assert seen == at_tenant, "what is built in belongs to the tenant"
    assert seen["id"] == f"{METADATA}/{KEY}"
    assert arm.get(f"{METADATA}/00000000-0000-0000-0000-000000000000").status == 404


def test_a_tenant_file_adds_and_replaces(start):
    own = [
        {"name": KEY, "properties": {"displayName": "Changed"}},
        {"name": "mine", "properties": {"displayName": "Mine"}},
    ]
    arm = emulated.Client(start(assessmentMetadata=own))
    titles = {each["name"]: each["properties"]["displayName"] for each in arm.list(METADATA)}
    assert (titles[KEY], titles["mine"]) == ("Changed", "Mine")
    assert len(titles) > 500


def test_a_subscription_defines_its_own(arm):
    path = f"{ONE}{METADATA}/8f211ea8-777b-45c4-8631-776d535afd62"
    given = {"displayName": "Ours", "description": "d", "severity": "High", "assessmentType": "CustomerManaged"}
    made = arm.put(path, given, version="2020-01-01")
    assert (made.status, made.json["id"]) == (200, path)
    assert list(made.json["properties"]) == ["displayName", "assessmentType", "description", "categories", "severity"]
    assert path in [each["id"] for each in arm.list(f"{ONE}{METADATA}")]
    assert path not in [each["id"] for each in arm.list(METADATA)]
    assert arm.get(f"{contoso.TWO}{METADATA}/8f211ea8-777b-45c4-8631-776d535afd62").status == 404
    assert arm.delete(path).status == 200
    assert arm.get(path).status == 404


def test_a_resource_is_assessed_by_what_exists(start):
    arm = emulated.Client(start(policyAssignments=[mcsb()]))
    path = f"{SERVER}/providers/Microsoft.Security/assessments/{KEY}"
    made = arm.put(path, {"status": {"code": "Healthy"}}, version="2020-01-01")
    assert made.status == 200
    assert made.json["properties"]["resourceDetails"] == {"Source": "Azure", "Id": SERVER}
    assert arm.get(path, version="2021-06-01").json["properties"]["resourceDetails"] == {
        "source": "Azure",
        "id": SERVER,
    }
    assert arm.put(path + "0", {"status": {"code": "Healthy"}}).status == 400
    assert [arm.delete(path).status for _ in range(2)] == [200, 204]


ASSESSMENTS = [
    {"id": f"{scope}/providers/Microsoft.Security/assessments/{KEY}", "properties": {"status": {"code": code}}}
    for scope, code in ((SERVER, "Unhealthy"), (contoso.DATABASE, "Healthy"))
]


@pytest.mark.parametrize(("scope", "count"), [(ONE, 2), (GROUP, 2), (contoso.DATABASE, 1), (contoso.TWO, 0)])
def test_assessments_at_and_below_a_scope(start, scope, count):
    arm = emulated.Client(start(assessments=ASSESSMENTS, policyAssignments=[mcsb()]))
    assert len(arm.list(f"{scope}/providers/Microsoft.Security/assessments", version="2021-06-01")) == count


def test_one_assessment(start):
    arm = emulated.Client(start(assessments=ASSESSMENTS, policyAssignments=[mcsb()]))
    assert arm.get(ASSESSMENTS[0]["id"], version="2021-06-01").json["properties"]["status"]["code"] == "Unhealthy"
    assert arm.get(ASSESSMENTS[0]["id"] + "x").status == 404
