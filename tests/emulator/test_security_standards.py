"""`Microsoft.Security/standardAssignments` and `securityStandards`, as specified and as documented."""

import re

import emulated
import pytest
from contoso import CORP, GROUP, ONE, SERVER, TWO
from defended import mcsb

VERSION = "2024-08-01"
NAME = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
KEY = "1195afff-c881-495e-9bc5-1486211ae03f"
CONNECTOR = f"{GROUP}/providers/Microsoft.Security/securityConnectors/gcpconnector"
EXEMPTION = {
    "displayName": "Test exemption",
    "description": "Exemption description",
    "assignedStandard": {"id": f"/providers/Microsoft.Security/Standards/{NAME}"},
    "effect": "Exempt",
    "expiresOn": "2032-05-01T19:50:47.083633Z",
    "exemptionData": {"exemptionCategory": "waiver", "assignedAssessment": {"assessmentKey": KEY}},
}
"""The body of the official example, with an end in the future."""

RULE = {
    "if": {
        "allOf": [
            {
                "field": "va.cve.cveId",
                "operationType": "ContainedInOperation",
                "operation": {"values": [{"title": "CVE-2020-1347"}]},
            },
            {"field": "va.cve.severity", "operationType": "LessThanFilterOperation", "operation": {"value": "Low"}},
            {"field": "va.cve.cvss", "operationType": "LessThanFilterOperation", "operation": {"value": "8.0"}},
        ]
    }
}


def path(scope, name=NAME, kind="standardAssignments"):
    return f"{scope}/providers/Microsoft.Security/{kind}/{name}"


def put(arm, scope, name=NAME, **more):
    return arm.put(path(scope, name), EXEMPTION | more, version=VERSION)


def listed(arm, scope):
    rows = arm.list(path(scope).rpartition("/")[0], version=VERSION)
    return [row["id"].removesuffix(path("")) for row in rows]


def test_an_exemption_is_made_replaced_and_taken_away(arm):
    made = put(arm, SERVER)
    assert (made.status, list(made.json)) == (201, ["id", "name", "type", "properties"])
    assert (made.json["id"], made.json["type"]) == (path(SERVER), "Microsoft.Security/standardAssignments")
    values = made.json["properties"]
    written = values.pop("metadata")
    assert (values, list(values)) == (EXEMPTION, list(EXEMPTION)), "echoed in the order of the specification"
    assert list(written) == ["createdBy", "createdOn", "lastUpdatedBy", "lastUpdatedOn"]
    replaced = put(as_portal(arm), SERVER, exemptionData=EXEMPTION["exemptionData"] | CATEGORY)
    assert replaced.status == 200
    assert replaced.json["properties"]["metadata"]["createdBy"] == written["createdBy"]
    assert replaced.json["properties"]["metadata"]["lastUpdatedBy"] != written["createdBy"]
    assert arm.get(path(SERVER), version=VERSION).json == replaced.json
    removed = [arm.delete(path(SERVER), version=VERSION) for _ in range(2)]
    assert [(answer.status, answer.body) for answer in removed] == [(200, b""), (204, b"")]
    assert arm.get(path(SERVER), version=VERSION).code == "NotFound"


CATEGORY = {"exemptionCategory": "Mitigated"}


def as_portal(arm):
    return emulated.Client(arm._cloud, emulated.PORTAL)


def test_who_wrote_it_cannot_be_claimed(arm):
    made = put(arm, ONE, metadata={"createdBy": "somebody", "createdOn": "2020-01-01T00:00:00Z"})
    assert made.json["properties"]["metadata"]["createdBy"] == "11111111-1111-4111-8111-111111111111"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"effect": "Ignore"}, "InvalidRequestContent"),
        ({"exemptionData": {"exemptionCategory": "never"}}, "InvalidRequestContent"),
        ({"expiresOn": "soon"}, "InvalidRequestContent"),
        ({"exemptionData": {"exemptionCategory": "waiver", "recommendationCategory": "SystemUpdate"}}, "NotModelled"),
        ({"exemptionData": EXEMPTION["exemptionData"] | {"subAssessmentExemptionRule": {"if": {}}}}, "NotModelled"),
    ],
)
def test_what_is_neither_specified_nor_documented_is_refused(arm, change, code):
    answer = put(arm, ONE, **change)
    assert (answer.status, answer.code) == (400, code)


@pytest.mark.parametrize("name", ["x", "1f3afdf9", f"{NAME}0"])
def test_a_name_is_a_guid(arm, name):
    assert put(arm, ONE, name).status == 400


@pytest.mark.parametrize("category", ["waiver", "Waiver", "MITIGATED"])
@pytest.mark.parametrize("standard", [None, EXEMPTION["assignedStandard"]])
def test_the_documented_body_with_conditions(arm, category, standard):
    data = {"exemptionCategory": category, "assignedAssessment": {"assessmentKey": KEY}}
    data["subAssessmentExemptionRule"] = RULE
    made = put(arm, ONE, exemptionData=data, assignedStandard=standard, excludedScopes=[])
    assert made.status == 201
    assert made.json["properties"]["exemptionData"] == data


@pytest.mark.parametrize(("lists", "below"), [("below", True), ("exact", False)])
def test_lists_are_of_groups_subscriptions_and_connectors(start, lists, below):
    arm = emulated.Client(start(resources=[SERVER, CONNECTOR], limits={"standardAssignmentLists": lists}))
    for scope in (CORP, ONE, SERVER, CONNECTOR, TWO):
        assert put(arm, scope).status == 201
    assert listed(arm, CORP) == [CORP]
    assert listed(arm, ONE) == ([ONE, SERVER, CONNECTOR] if below else [ONE])
    assert listed(arm, CONNECTOR) == [CONNECTOR]
    assert arm.get(path(SERVER).rpartition("/")[0], version=VERSION).code == "InvalidScope"
    assert arm.get(path(GROUP).rpartition("/")[0], version=VERSION).code == "InvalidScope"


def test_it_goes_with_its_resource(arm):
    put(arm, SERVER)
    arm.delete(GROUP)
    assert arm.get(path(SERVER), version=VERSION).code == "ResourceGroupNotFound"
    arm.request("PUT", GROUP, {"location": "westeurope"})
    assert listed(arm, ONE) == []


def test_rights_are_those_of_defender(start):
    reader = {"objectId": "aaaaaaaa-0000-4000-8000-000000000001", "name": "reader", "type": "User"}
    roles = [{"role": "Security Reader", "scope": ONE}]
    arm = emulated.Client(start(principals=[reader | {"roles": roles}]), "reader")
    assert listed(arm, ONE) == []
    refused = put(arm, ONE)
    assert (refused.status, "Microsoft.Security/standardAssignments/write" in refused.message) == (403, True)


@pytest.mark.parametrize("version", ["2021-08-01-preview", "2022-09-01"])
def test_other_versions_are_refused_with_those_there_are(arm, version):
    answer = arm.get(path(ONE), version=version)
    assert (answer.status, VERSION in answer.message) == (404, True)


def test_standards_are_custom_ones(arm):
    given = {
        "displayName": "Ours",
        "description": "d",
        "assessments": [{"assessmentKey": KEY}],
        "cloudProviders": ["GCP"],
    }
    made = arm.put(path(ONE, kind="securityStandards"), given, version=VERSION)
    names = ["displayName", "standardType", "description", "assessments", "cloudProviders", "metadata"]
    assert (made.status, list(made.json["properties"])) == (201, names)
    assert made.json["properties"]["standardType"] == "Custom"
    assert arm.delete(path(ONE, kind="securityStandards"), version=VERSION).status == 200


def test_a_tenant_file_holds_both_and_gets_them_back(start):
    values = {"id": path(ONE), "properties": EXEMPTION}
    standard = {"id": path(ONE, kind="securityStandards"), "properties": {"displayName": "Ours"}}
    cloud = start(standardAssignments=[values], securityStandards=[standard])
    dumped = cloud.dump()
    assert dumped["standardAssignments"][0]["properties"].items() >= EXEMPTION.items()
    assert re.fullmatch(r"[0-9a-f-]{36}", dumped["standardAssignments"][0]["properties"]["metadata"]["createdBy"])
    assert dumped["securityStandards"][0]["properties"]["displayName"] == "Ours"


ASSESSED = {
    "id": f"{SERVER}/providers/Microsoft.Security/assessments/{KEY}",
    "properties": {"status": {"code": "Unhealthy"}},
}


@pytest.mark.parametrize("scope", [CORP, ONE, GROUP, SERVER])
def test_assessments_follow(start, scope):
    cloud = start(assessments=[ASSESSED], policyAssignments=[mcsb()])
    arm = emulated.Client(cloud)

    def status():
        shown = arm.get(ASSESSED["id"], version="2021-06-01").json["properties"]["status"]
        return {name: shown[name] for name in ("code", "cause") if name in shown}

    assert status() == {"code": "Unhealthy"}
    put(arm, scope)
    assert status() == {"code": "NotApplicable", "cause": "Exempt"}
    put(arm, scope, excludedScopes=[SERVER])
    assert status() == {"code": "Unhealthy"}
    put(arm, scope, exemptionData=EXEMPTION["exemptionData"] | {"subAssessmentExemptionRule": RULE})
    assert status() == {"code": "Unhealthy"}, "findings are exempted, not the recommendation"
    put(arm, scope)
    cloud.tenant.clock.advance(10 * 366 * 86_400)
    assert status() == {"code": "Unhealthy"}
