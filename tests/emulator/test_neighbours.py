"""What people ask around exemptions: roles, compliance, tags, locks, providers, regions."""

import contoso
import emulated
import pytest
from contoso import ASSIGNMENT, AUTHORIZATION, CORP, DATABASE, GROUP, ONE, ROOT, SERVER, TWO, exemption_id, waiver

from reconciler import catalog

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
SECURITY_ADMIN = "fb1c8493-542b-48eb-b624-b4c8fea62acd"
DEV = "aaaaaaaa-0000-4000-8000-000000000001"
OPS = "aaaaaaaa-0000-4000-8000-000000000002"
NAME = "88888888-0000-4000-8000-000000000001"


@pytest.fixture
def staffed(start):
    """A tenant with a reader at the root group, a user without rights, and the pipeline."""
    return start(
        principals=[
            {"objectId": "11111111-1111-4111-8111-111111111111", "name": "pipeline"},
            {
                "objectId": DEV,
                "name": "dev@contoso.example",
                "type": "User",
                "roles": [{"role": "Reader", "scope": CORP}],
            },
            {"objectId": OPS, "name": "ops@contoso.example", "type": "User", "roles": []},
        ]
    )


def role_assignments(arm, scope, **options):
    return arm.list(f"{scope}{AUTHORIZATION}/roleAssignments", version="2022-04-01", **options)


def assign(arm, scope, role, principal, name=NAME):
    definition = f"{AUTHORIZATION}/roleDefinitions/{role}"
    properties = {"roleDefinitionId": definition, "principalId": principal}
    return arm.put(f"{scope}{AUTHORIZATION}/roleAssignments/{name}", properties, version="2022-04-01")


# --- roles -------------------------------------------------------------------------------------------------------


def test_the_grants_of_the_tenant_file_are_role_assignments(staffed):
    arm = emulated.Client(staffed)
    rows = [row["properties"] for row in role_assignments(arm, CORP, filter="atScope()")]
    assert {(row["principalId"], row["scope"], row["roleDefinitionId"][-36:]) for row in rows} == {
        ("11111111-1111-4111-8111-111111111111", "/", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"),
        (DEV, CORP, READER),
    }
    assert [row["principalId"] for row in (r["properties"] for r in role_assignments(arm, ROOT))][-1:] == [DEV]
    assert not [r for r in role_assignments(arm, ROOT, filter="atScope()") if r["properties"]["principalId"] == DEV]
    assert role_assignments(arm, ONE, filter=f"principalId eq '{DEV}'")[0]["properties"]["scope"] == CORP
    assert arm.get(f"{ROOT}{AUTHORIZATION}/roleAssignments", filter="roleName eq 'x'").status == 400
    first = role_assignments(arm, CORP)[0]
    assert arm.get(first["id"], version="2022-04-01").json == first


def test_a_role_that_is_assigned_takes_effect_until_it_is_taken_away(staffed):
    owner, ops = emulated.Client(staffed), emulated.Client(staffed, "ops@contoso.example")
    assert ops.put(exemption_id(SERVER), waiver()).code == "AuthorizationFailed"
    made = assign(owner, ROOT, SECURITY_ADMIN, OPS)
    assert (made.status, made.json["properties"]["principalType"]) == (201, "User")
    assert ops.put(exemption_id(SERVER), waiver()).status == 201
    assert assign(owner, ROOT, SECURITY_ADMIN, OPS, NAME[:-1] + "2").code == "RoleAssignmentExists"
    assert assign(owner, ROOT, READER, OPS).code == "RoleAssignmentUpdateNotPermitted"
    taken = owner.delete(f"{ROOT}{AUTHORIZATION}/roleAssignments/{NAME}", version="2022-04-01")
    assert (taken.status, taken.json["name"]) == (200, NAME)
    assert ops.delete(exemption_id(SERVER)).code == "AuthorizationFailed"


@pytest.mark.parametrize(
    ("name", "role", "principal", "code"),
    [
        ("nonsense", READER, OPS, "InvalidRoleAssignmentId"),
        (NAME, NAME, OPS, "RoleDefinitionDoesNotExist"),
        (NAME, READER, NAME, "PrincipalNotFound"),
        (NAME, READER, "", "InvalidRequestContent"),
        (NAME, READER, 5, "InvalidRequestContent"),
    ],
)
def test_role_assignments_that_cannot_be(staffed, name, role, principal, code):
    assert assign(emulated.Client(staffed), ROOT, role, principal, name).code == code


def test_roles_are_found_by_name_and_own_ones_are_used(staffed):
    arm, ops = emulated.Client(staffed), emulated.Client(staffed, "ops@contoso.example")
    roles = f"{CORP}{AUTHORIZATION}/roleDefinitions"
    (reader,) = arm.list(roles, version="2022-04-01", filter="roleName eq 'reader'")
    assert (reader["name"], reader["properties"]["permissions"][0]["actions"]) == (READER, ["*/read"])
    own = {
        "roleName": "Exempter",
        "assignableScopes": [CORP],
        "permissions": [{"actions": ["Microsoft.Authorization/policyExemptions/*"], "notActions": ["*/delete"]}],
    }
    made = arm.put(f"{CORP}{AUTHORIZATION}/roleDefinitions/{NAME}", own, version="2022-04-01")
    assert (made.status, made.json["properties"]["type"]) == (201, "CustomRole")
    assert arm.list(roles, version="2022-04-01", filter="type eq 'CustomRole'")[0]["name"] == NAME
    assert (
        arm.list(f"{TWO}{AUTHORIZATION}/roleDefinitions", version="2022-04-01", filter="roleName eq 'exempter'") == []
    )
    assert assign(arm, CORP, NAME, OPS).status == 201
    assert ops.get(contoso.exemptions_of(SERVER)).status == 200
    assert ops.delete(exemption_id(SERVER)).code == "AuthorizationFailed"
    same = arm.put(f"{CORP}{AUTHORIZATION}/roleDefinitions/{NAME[:-1]}2", own, version="2022-04-01")
    assert same.code == "RoleDefinitionWithSameNameExists"


# --- compliance --------------------------------------------------------------------------------------------------

SQL_RULE = f"{ROOT}{AUTHORIZATION}/policyDefinitions/sql-only"
SQL_SET = f"{ROOT}{AUTHORIZATION}/policySetDefinitions/sql-set"
SQL = f"{ONE}{AUTHORIZATION}/policyAssignments/sql"


@pytest.fixture
def judged(start):
    """One initiative of one policy for SQL servers, assigned at a subscription; the server is not compliant."""
    rule = {"if": {"allOf": [{"field": "type", "equals": "Microsoft.Sql/servers"}]}, "then": {"effect": "audit"}}
    member = {"policyDefinitionId": SQL_RULE, "policyDefinitionReferenceId": "SqlOnly", "groupNames": ["g1"]}
    state = {"resourceId": SERVER, "policyDefinitionId": SQL_RULE, "complianceState": "NonCompliant"}
    return start(
        resources=[DATABASE, f"{GROUP}/providers/Microsoft.Sql/servers/other"],
        policyDefinitions=[{"id": SQL_RULE, "properties": {"policyRule": rule}}],
        policySetDefinitions=[{"id": SQL_SET, "properties": {"policyDefinitions": [member]}}],
        policyAssignments=[{"id": SQL, "properties": {"policyDefinitionId": SQL_SET}}],
        policyStates=[state],
    )


def states(arm, scope, **options):
    path = f"{scope}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults"
    answer = arm.request("POST", path, version="2019-10-01", **options)
    assert answer.status == 200, answer.body
    return answer.json["value"]


def test_states_follow_from_assignments_exemptions_and_the_tenant_files_facts(judged):
    arm = emulated.Client(judged)
    rows = {row["resourceId"]: row for row in states(arm, ONE)}
    assert {name.rsplit("/", 1)[-1]: row["complianceState"] for name, row in rows.items()} == {
        "legacy-sql": "NonCompliant",
        "other": "Compliant",
    }
    row = rows[SERVER.lower()]
    assert (row["isCompliant"], row["policyDefinitionReferenceId"], row["resourceType"]) == (
        False, "sqlonly", "Microsoft.Sql/servers"
    )  # fmt: skip
    assert row["managementGroupIds"].split(",")[:2] == ["corp", "contoso"]
    properties = {"policyAssignmentId": SQL, "exemptionCategory": "Waiver", "policyDefinitionReferenceIds": ["SQLONLY"]}
    assert arm.put(exemption_id(GROUP), {**properties, "expiresOn": "2090-01-01"}).status == 201
    assert {row["complianceState"] for row in states(arm, ONE)} == {"Exempt"}
    arm.put(exemption_id(GROUP), {**properties, "expiresOn": "2020-01-01"})
    assert "NonCompliant" in {row["complianceState"] for row in states(arm, ONE)}, "expired"
    east = [{"name": "e", "selectors": [{"kind": "resourceLocation", "in": ["eastus"]}]}]
    arm.put(exemption_id(GROUP), {**properties, "resourceSelectors": east})
    assert "NonCompliant" in {row["complianceState"] for row in states(arm, ONE)}, "elsewhere"
    arm.request("PUT", SQL, {"properties": {"policyDefinitionId": SQL_SET, "notScopes": [GROUP]}})
    assert states(arm, ONE) == []


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"filter": "complianceState eq 'NonCompliant'"}, 1),
        ({"filter": "isCompliant eq false and resourceGroup eq 'RG-DATA'"}, 1),
        ({"filter": "complianceState ne 'NonCompliant'"}, 1),
        ({"filter": "complianceState eq 'Compliant' or complianceState eq 'NonCompliant'"}, 2),
        ({"top": "1"}, 1),
        ({"to": "2020-01-01"}, 0),
        ({"from": "2020-01-01", "orderby": "resourceId desc", "select": "resourceId, complianceState"}, 2),
        ({"apply": "groupby((policyAssignmentId, resourceGroup), aggregate($count as n))"}, 1),
    ],
)
def test_options_of_states(judged, options, count):
    assert len(states(emulated.Client(judged), ONE, **options)) == count


@pytest.mark.parametrize(
    "options",
    [{"filter": "nonsense"}, {"filter": "colour eq 'red'"}, {"top": "x"}, {"apply": "filter(x)"}, {"from": "yesterday"},
     {"orderby": "colour"}, {"select": "colour"}, {"expand": "PolicyEvaluationDetails"}],
)  # fmt: skip
def test_options_of_states_that_cannot_be_honoured_are_refused(judged, options):
    path = f"{ONE}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults"
    assert emulated.Client(judged).request("POST", path, version="2019-10-01", **options).status == 400


@pytest.mark.parametrize("scope", [ROOT, CORP, ONE, GROUP, SERVER, SQL, f"{ONE}{AUTHORIZATION}/policyAssignments/sql"])
def test_summaries_at_every_scope(judged, scope):
    path = f"{scope}/providers/Microsoft.PolicyInsights/policyStates/latest/summarize"
    (value,) = emulated.Client(judged).request("POST", path, version="2019-10-01").json["value"]
    assert value["results"]["nonCompliantResources"] == 1
    (assignment,) = value["policyAssignments"]
    assert (assignment["policyAssignmentId"], assignment["results"]["policyGroupDetails"]) == (
        SQL.lower(), [{"complianceState": "noncompliant", "count": 1}]
    )  # fmt: skip
    assert [policy["policyDefinitionReferenceId"] for policy in assignment["policyDefinitions"]] == ["sqlonly"]


def test_an_unhealthy_assessment_tells_of_its_policies(start):
    vm = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm"
    mcsb = f"{AUTHORIZATION}/policySetDefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
    facts = catalog.load()
    members = {member.definition.key for member in facts.initiatives[mcsb.lower()].members}
    key, policy = next(
        (key, recommendation.policies[0].key)
        for key, recommendation in sorted(facts.recommendations.items())
        if len(recommendation.policies) == 1 and recommendation.policies[0].key in members
        and facts.policies[recommendation.policies[0].key].default_effect != "Disabled"
    )  # fmt: skip
    assessment = {"id": f"{vm}/providers/Microsoft.Security/assessments/{key}"}
    assessment["properties"] = {"status": {"code": "Unhealthy"}}
    cloud = start(
        resources=[vm],
        assessments=[assessment],
        policyAssignments=[{"id": SQL, "properties": {"policyDefinitionId": mcsb}}],
    )
    rows = states(emulated.Client(cloud), vm, filter="complianceState eq 'NonCompliant'")
    assert {row["policyDefinitionId"] for row in rows} == {policy}


def test_a_scan_is_done_at_once(judged):
    arm = emulated.Client(judged)
    path = f"{ONE}/providers/Microsoft.PolicyInsights/policyStates/latest/triggerEvaluation"
    started = arm.request("POST", path, version="2019-10-01")
    assert started.status == 202
    location = started.headers["location"].removeprefix(judged.arm_endpoint)
    assert arm.get(location).json == {"status": "Succeeded"}
    for kind in ("policyEvents/default/queryResults", "policyStates/default/queryResults"):
        assert arm.request("POST", f"{ONE}/providers/Microsoft.PolicyInsights/{kind}").code == "NotModelled"


# --- tags, locks, groups, providers ------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", [ONE, GROUP, SERVER])
def test_tags_are_an_object_of_their_own(arm, scope):
    path = f"{scope}/providers/Microsoft.Resources/tags/default"
    assert arm.put(path, {"tags": {"a": "1", "b": "2"}}).json["properties"]["tags"] == {"a": "1", "b": "2"}

    def patch(operation, **tags):
        return arm.request("PATCH", path, {"operation": operation, "properties": {"tags": tags}})

    assert patch("Merge", A="9", c="3").json["properties"]["tags"] == {"a": "9", "b": "2", "c": "3"}
    assert patch("Delete", b="", c="other").json["properties"]["tags"] == {"a": "9", "c": "3"}
    assert patch("Replace", d="4").json["properties"]["tags"] == {"d": "4"}
    assert patch("Explode").status == 400
    assert arm.get(scope).json["tags"] == {"d": "4"}
    assert arm.delete(path).status == 200
    assert arm.get(path).json["properties"]["tags"] == {}
    assert arm.put(path, {"tags": {"a": 1}}).status == 400
    assert arm.put(path, {"tags": {str(number): "" for number in range(51)}}).status == 400


def test_a_group_is_patched_and_keeps_its_place_and_state(arm):
    group = f"{ONE}/resourcegroups/RG-New"
    made = arm.request("PUT", group, {"location": "westus", "managedBy": "admin", "tags": {"a": "b"}})
    assert made.json == {
        "id": f"{ONE}/resourceGroups/RG-New", "name": "RG-New", "type": "Microsoft.Resources/resourceGroups",
        "location": "westus", "managedBy": "admin", "tags": {"a": "b"}, "properties": {"provisioningState": "Succeeded"},
    }  # fmt: skip
    assert list(made.json) == ["id", "name", "type", "location", "managedBy", "tags", "properties"]
    assert arm.request("PATCH", group, {"tags": {"c": "d"}}).json["tags"] == {"c": "d"}
    again = arm.request("PUT", group, {"location": "West US", "properties": {}, "tags": {}})
    assert again.json["properties"] == {"provisioningState": "Succeeded"}
    assert arm.request("PUT", group, {"location": "eastus"}).code == "InvalidResourceGroupLocation"
    gone = arm.request("HEAD", f"{ONE}/resourceGroups/none")
    assert (gone.status, gone.headers["x-ms-failure-cause"]) == (404, "gateway")


def test_a_lock_keeps_its_notes(arm):
    path = f"{GROUP}{AUTHORIZATION}/locks/l"
    properties = {"level": "ReadOnly", "notes": "ask data-platform"}
    assert arm.put(path, properties, version="2016-09-01").json["properties"] == properties
    assert arm.get(path, version="2016-09-01").json["properties"] == properties
    assert arm.put(path, {"level": "ReadOnly", "notes": "x" * 513}, version="2016-09-01").status == 400
    assert arm.get(f"{GROUP}{AUTHORIZATION}/locks", filter="nonsense").status == 400


def test_providers_and_regions(arm):
    management = arm.get(f"{ONE}/providers/Microsoft.Management").json
    assert management["authorization"]["applicationId"] == "f2c304cf-8e7e-4c3f-8164-16299ad9d272"
    assert management["resourceTypes"][1]["apiVersions"][0] == "2022-09-01"
    assert arm.request("POST", f"{ONE}/providers/Microsoft.Sql/register").json["registrationState"] == "Registered"
    sql = arm.get(f"{ONE}/providers/microsoft.sql").json
    assert "servers" in {kind["resourceType"].lower() for kind in sql["resourceTypes"]}
    assert arm.get(f"{ONE}/providers/Contoso.Widgets").code == "InvalidResourceNamespace"
    assert {"Microsoft.Authorization", "Microsoft.Resources"} <= {p["namespace"] for p in arm.list(f"{ONE}/providers")}
    assert "westeurope" in {region["name"] for region in arm.list(f"{ONE}/locations")}


def test_an_unknown_type_names_the_version_that_was_sent(arm):
    answer = arm.get(f"{ONE}/providers/Contoso.Widgets/gears/x", version="2031-01-01")
    assert (answer.code, "2031-01-01" in answer.message) == ("InvalidResourceType", True)


def test_old_versions_of_management_groups_are_polled_by_202(arm, cloud):
    lab = "/providers/Microsoft.Management/managementGroups/lab"
    made = arm.request("PUT", lab, {"properties": {}}, version="2018-03-01-preview")
    assert (made.status, made.json["type"]) == (202, "/providers/Microsoft.Management/managementGroups")
    path = made.headers["location"].removeprefix(cloud.arm_endpoint)
    assert [(arm.get(path).status, arm.get(path).status)] == [(202, 200)]
    assert arm.request("PUT", lab, {"properties": {"displayName": "L"}}).json["properties"]["displayName"] == "L"


def test_the_directory_knows_the_principals(staffed):
    arm = emulated.Client(staffed)
    answer = arm.request("POST", "/v1.0/directoryObjects/getByIds?", {"ids": [DEV, NAME]})
    assert [entry["userPrincipalName"] for entry in answer.json["value"]] == ["dev@contoso.example"]
    assert arm.get("/v1.0/users?").code == "NotModelled"


def test_what_was_granted_tagged_and_noted_is_saved(staffed):
    arm = emulated.Client(staffed)
    assign(arm, ROOT, SECURITY_ADMIN, OPS)
    arm.put(f"{ONE}/providers/Microsoft.Resources/tags/default", {"tags": {"a": "b"}})
    arm.put(f"{GROUP}{AUTHORIZATION}/locks/l", {"level": "CanNotDelete", "notes": "n"}, version="2016-09-01")
    with emulated.running(staffed.dump()) as again:
        ops = emulated.Client(again, "ops@contoso.example")
        assert ops.put(exemption_id(SERVER), waiver(policyAssignmentId=ASSIGNMENT)).status == 201
        assert emulated.Client(again).get(ONE).json["tags"] == {"a": "b"}
        assert emulated.Client(again).list(f"{GROUP}{AUTHORIZATION}/locks")[0]["properties"]["notes"] == "n"
