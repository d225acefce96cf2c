"""Assignments, definitions and their versions, as far as exemptions rest on them."""

import contoso
import emulated
import pytest
from contoso import ASSIGNMENT, AUTHORIZATION, CORP, INITIATIVE, ONE, POLICIES, ROOT, SERVER, exemption_id, waiver

MCSB = f"{AUTHORIZATION}/policySetDefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
NEW = f"{ONE}{AUTHORIZATION}/policyAssignments/new"


# --- assignments -------------------------------------------------------------------------------------------------


def test_an_assignment_is_completed_pinned_and_stamped(arm):
    answer = arm.put(NEW, {"policyDefinitionId": INITIATIVE, "displayName": "New", "metadata": {"assignedBy": "me"}})
    assert answer.status == 201
    shown = answer.json["properties"]
    assert list(shown) == [
        "displayName", "policyDefinitionId", "definitionVersion", "scope", "metadata", "enforcementMode", "instanceId",
    ]  # fmt: skip
    assert (shown["definitionVersion"], shown["scope"], shown["enforcementMode"]) == ("1.*.*", ONE, "Default")
    assert list(shown["metadata"]) == ["assignedBy", "createdBy", "createdOn", "updatedBy", "updatedOn"]
    assert shown["metadata"]["updatedBy"] is None


def test_an_update_answers_201_too_and_keeps_creation_and_instance(cloud, arm):
    first = emulated.Client(cloud, emulated.PORTAL).put(NEW, {"policyDefinitionId": INITIATIVE}).json
    second = arm.put(NEW, {"policyDefinitionId": INITIATIVE, "metadata": {"createdBy": "forged"}})
    shown = second.json["properties"]
    assert second.status == 201
    assert shown["instanceId"] == first["properties"]["instanceId"]
    assert shown["metadata"]["createdBy"] == first["properties"]["metadata"]["createdBy"] != "forged"
    assert shown["metadata"]["updatedBy"] != shown["metadata"]["createdBy"]
    assert second.json["systemData"]["createdBy"] == emulated.PORTAL


def test_an_assignment_made_anew_has_another_instance(arm):
    first = arm.put(NEW, {"policyDefinitionId": INITIATIVE}).json["properties"]["instanceId"]
    assert arm.delete(NEW).status == 200
    assert arm.delete(NEW).status == 204
    assert arm.put(NEW, {"policyDefinitionId": INITIATIVE}).json["properties"]["instanceId"] != first


def test_old_versions_show_less(arm):
    arm.put(NEW, {"policyDefinitionId": INITIATIVE})
    old = arm.get(NEW, version="2020-09-01").json
    assert "systemData" not in old
    assert set(old["properties"]) == {"policyDefinitionId", "scope", "metadata", "enforcementMode"}
    assert "instanceId" not in arm.get(NEW, version="2023-04-01").json["properties"]


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({}, "InvalidRequestContent"),
        ({"policyDefinitionId": POLICIES[0] + "x"}, "InvalidCreatePolicyAssignmentRequest"),
        ({"policyDefinitionId": INITIATIVE + "x"}, "InvalidCreatePolicyAssignmentRequest"),
    ],
)
def test_assignments_that_are_refused(arm, properties, code):
    answer = arm.put(NEW, properties)
    assert (answer.status, answer.code) == (400, code)


def test_names_at_groups_are_shorter(arm):
    def put(scope, length):
        return arm.put(
            f"{scope}{AUTHORIZATION}/policyAssignments/{'a' * length}", {"policyDefinitionId": INITIATIVE}
        ).status

    assert [put(CORP, 24), put(CORP, 25), put(ONE, 64), put(ONE, 65)] == [201, 400, 201, 400]


def test_lists_inherit_and_filter_by_definition(arm):
    path = f"{ONE}{AUTHORIZATION}/policyAssignments"
    assert [each["name"] for each in arm.list(path)] == ["baseline", "corp-baseline", "tde-only"]
    assert [each["name"] for each in arm.list(path, filter="atExactScope()")] == ["tde-only"]
    by_definition = arm.list(path, filter=f"policyDefinitionId eq '{POLICIES[0].upper()}'")
    assert [each["name"] for each in by_definition] == ["tde-only"]
    paged = arm.get(path, top="2").json
    assert len(paged["value"]) == 2
    assert "nextLink" in paged
    assert len(arm.list(path, top="1")) == 3
    assert arm.get(path, top="0").status == arm.get(path, top="1001").status == 400


def test_a_missing_assignment(arm):
    answer = arm.get(ASSIGNMENT + "x")
    assert (answer.status, answer.code) == (404, "PolicyAssignmentNotFound")


def test_patch_changes_selectors_and_overrides_only(arm):
    selectors = [{"name": "west", "selectors": [{"kind": "resourceLocation", "in": ["westeurope"]}]}]
    arm.put(NEW, {"policyDefinitionId": INITIATIVE, "displayName": "kept"})
    patch = {"location": "westeurope", "properties": {"resourceSelectors": selectors, "displayName": "ignored"}}
    patched = arm.request("PATCH", NEW, patch)
    assert (patched.status, patched.json["location"]) == (200, "westeurope")
    assert patched.json["properties"]["resourceSelectors"] == selectors
    assert patched.json["properties"]["displayName"] == "kept"


def test_an_identity_keeps_its_object_id(arm):
    body = {
        "identity": {"type": "SystemAssigned"},
        "location": "westeurope",
        "properties": {"policyDefinitionId": INITIATIVE},
    }
    first, second = arm.request("PUT", NEW, body).json, arm.request("PUT", NEW, body).json
    assert first["identity"] == second["identity"]
    assert first["identity"]["tenantId"] == contoso.TENANT_ID


# --- versions ----------------------------------------------------------------------------------------------------


def older(version, *references):
    members = [
        {"policyDefinitionId": each, "policyDefinitionReferenceId": name}
        for each, name in zip(POLICIES, references, strict=False)
    ]
    return {"id": f"{INITIATIVE}/versions/{version}", "properties": {"policyDefinitions": members}}


@pytest.fixture
def versioned(start):
    newest = contoso.tenant()["policySetDefinitions"][0]
    newest["properties"]["version"] = "2.0.0"
    pin = lambda name, version: {  # noqa: E731
        "id": f"{ROOT}{AUTHORIZATION}/policyAssignments/{name}",
        "properties": {"policyDefinitionId": INITIATIVE, "definitionVersion": version},
    }
    cloud = start(
        policySetDefinitions=[newest],
        policySetDefinitionVersions=[
            older("1.2.1", "OldRule1"),
            older("1.10.0", "OlderRule1", "OldRule2"),
            older("1.2.0", "X"),
        ],
        policyAssignments=[pin("one", "1.*.*"), pin("one-two", "1.2.*"), pin("two", "2.*.*"), pin("three", "3.*.*")],
    )
    return emulated.Client(cloud)


@pytest.mark.parametrize(("name", "effective"), [("one", "1.10.0"), ("one-two", "1.2.1"), ("two", "2.0.0")])
def test_the_pin_picks_the_newest_that_it_allows(versioned, name, effective):
    path = f"{ROOT}{AUTHORIZATION}/policyAssignments/{name}"
    shown = versioned.get(path, expand="LatestDefinitionVersion, EffectiveDefinitionVersion").json["properties"]
    assert (shown["latestDefinitionVersion"], shown["effectiveDefinitionVersion"]) == ("2.0.0", effective)
    assert "effectiveDefinitionVersion" not in versioned.get(path).json["properties"]


def test_reference_ids_are_those_of_the_pinned_version(versioned):
    def put(assignment, reference):
        properties = waiver(
            policyAssignmentId=f"{ROOT}{AUTHORIZATION}/policyAssignments/{assignment}",
            policyDefinitionReferenceIds=[reference],
        )
        return versioned.put(exemption_id(SERVER, f"{assignment}-{reference}"), properties).status

    assert [put("one", "OlderRule1"), put("one", "Rule1"), put("one-two", "OldRule1"), put("two", "Rule1")] == [
        201,
        400,
        201,
        201,
    ]
    assert put("three", "Rule1") == 400, "no version is in effect"


def test_versions_are_listed_newest_first_and_asked_for_one_by_one(versioned):
    found = versioned.list(f"{INITIATIVE}/versions")
    assert [each["name"] for each in found] == ["2.0.0", "1.10.0", "1.2.1", "1.2.0"]
    assert found[0]["type"] == "Microsoft.Authorization/policySetDefinitions/versions"
    one = versioned.get(f"{INITIATIVE}/versions/1.2.1").json
    assert one["properties"]["policyDefinitions"][0]["policyDefinitionReferenceId"] == "OldRule1"
    assert one["properties"]["version"] == "1.2.1"
    assert versioned.get(f"{INITIATIVE}/versions/9.9.9").status == 404
    assert versioned.get(f"{INITIATIVE}x/versions").status == 404


# --- definitions -------------------------------------------------------------------------------------------------


def test_built_in_initiatives_come_from_the_catalogue(arm):
    shown = arm.get(MCSB).json
    assert shown["properties"]["policyType"] == "BuiltIn"
    assert len(shown["properties"]["policyDefinitions"]) > 200
    assert arm.get(MCSB.lower()).json["id"] == MCSB
    member = shown["properties"]["policyDefinitions"][0]["policyDefinitionId"]
    assert arm.get(member).json["properties"]["policyType"] == "BuiltIn"
    at_subscription = arm.get(ONE + MCSB)
    assert (at_subscription.status, at_subscription.code) == (404, "PolicySetDefinitionNotFound")


def test_built_in_definitions_are_read_only(arm):
    assert arm.put(MCSB, {"policyDefinitions": []}).status == 405
    assert arm.delete(MCSB).status == 405
    assert arm.delete(f"{ONE}{MCSB}").status == 204, "there is none of that name here"
    assert arm.get(MCSB).status == 200


def test_an_initiative_can_be_assigned_and_exempted_by_its_real_reference_ids(arm):
    reference = arm.get(MCSB).json["properties"]["policyDefinitions"][7]["policyDefinitionReferenceId"]
    assert arm.put(NEW, {"policyDefinitionId": MCSB}).status == 201
    wanted = waiver(policyAssignmentId=NEW, policyDefinitionReferenceIds=[reference])
    assert arm.put(exemption_id(SERVER), wanted).status == 201


def test_custom_initiatives_get_reference_ids_pins_and_a_version(arm):
    path = f"{ONE}{AUTHORIZATION}/policySetDefinitions/mine"
    # the one recorded pair of a policy and the number that Azure derives from its id
    policy = f"{AUTHORIZATION}/policyDefinitions/0a914e76-4921-4c19-b460-a2d36003525a"
    made = arm.put(path, {"displayName": "Mine", "policyDefinitions": [{"policyDefinitionId": policy}]})
    again = arm.put(path, {"displayName": "Mine", "policyDefinitions": [{"policyDefinitionId": policy}]})
    assert (made.status, again.status) == (201, 200)
    shown = made.json["properties"]
    assert list(shown) == ["displayName", "policyType", "metadata", "version", "policyDefinitions", "versions"]
    assert shown["policyDefinitions"] == [
        {
            "policyDefinitionReferenceId": "2719031940633985590",
            "policyDefinitionId": policy,
            "definitionVersion": "2.*.*",
        }
    ]
    assert (shown["policyType"], shown["version"], shown["versions"]) == ("Custom", "1.0.0", ["1.0.0"])
    assert "definitionVersion" not in arm.get(path, version="2021-06-01").json["properties"]["policyDefinitions"][0]


def test_custom_definitions_live_where_they_were_made(arm):
    path = f"{ONE}{AUTHORIZATION}/policyDefinitions/mine"
    assert arm.put(path, {"policyRule": {"if": {}, "then": {"effect": "audit"}}}).status == 201
    assert arm.get(path).json["properties"]["mode"] == "Indexed"
    assert arm.delete(path).status == 200
    assert arm.delete(path).status == 204
    missing = arm.get(path)
    assert (missing.status, missing.code) == (404, "PolicyDefinitionNotFound")
    assert missing.message == "The policy definition 'mine' could not be found."


def test_what_is_assigned_stays(arm):
    assert arm.delete(INITIATIVE).status == 400
    assert arm.get(INITIATIVE).status == 200


def test_an_initiative_must_have_members_that_exist(arm):
    path = f"{ONE}{AUTHORIZATION}/policySetDefinitions/mine"
    assert arm.put(path, {"policyDefinitions": []}).status == 400
    assert arm.put(path, {"policyDefinitions": [{"policyDefinitionId": POLICIES[0] + "x"}]}).status == 400


def test_definitions_have_a_quota(start):
    arm = emulated.Client(start(limits={"policyDefinitionsPerScope": 0}))
    answer = arm.put(f"{ONE}{AUTHORIZATION}/policyDefinitions/mine", {"policyRule": {}})
    assert (answer.status, answer.code) == (409, "PolicyDefinitionQuotaExceeded")
    assert answer.message == (
        "Creating policy definition 'mine' would exceed the quota at current scope. "
        "Existing policy definitions: '0', the quota is: '0'."
    )
    assert answer.headers["content-type"] == "application/json"


def test_lists_of_definitions(arm):
    built_in = arm.list(f"{AUTHORIZATION}/policySetDefinitions")
    assert {each["properties"]["policyType"] for each in built_in} == {"BuiltIn"}
    everything = arm.list(f"{ONE}{AUTHORIZATION}/policySetDefinitions")
    assert len(everything) == len(built_in) + 1
    custom = arm.list(f"{ONE}{AUTHORIZATION}/policySetDefinitions", filter="policyType eq 'Custom'")
    assert [each["id"] for each in custom] == [INITIATIVE]


def test_a_built_in_of_the_tenant_file_wins_over_the_catalogue(start):
    cloud = start(policySetDefinitions=[{"id": MCSB, "properties": {"displayName": "Ours", "policyDefinitions": []}}])
    arm = emulated.Client(cloud)
    assert arm.get(MCSB).json["properties"]["displayName"] == "Ours"
    names = [each["name"] for each in arm.list(f"{AUTHORIZATION}/policySetDefinitions")]
    assert names.count(MCSB.rsplit("/", 1)[-1]) == 1
