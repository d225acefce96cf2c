"""What is not modelled is refused on every verb, and what would be ignored is refused too."""

import contoso
import pytest
from contoso import AUTHORIZATION, CORP, GROUP, INITIATIVE, ONE, POLICIES, ROOT, SERVER, TWO

from reconciler.emulator import versions
from reconciler.emulator.routes import TYPES

UNMODELLED = [
    f"{SERVER}/providers/Microsoft.Security/customRecommendations/x",
    f"{GROUP}/providers/Microsoft.Security/customRecommendations/x",
    f"{ONE}/providers/Microsoft.Security/customRecommendations/x",
    f"{ONE}/providers/Microsoft.PolicyInsights/remediations/x",
    f"{GROUP}/providers/Microsoft.PolicyInsights/remediations/x",
    f"{GROUP}/providers/Microsoft.Security/advancedThreatProtectionSettings/current",
    f"{ONE}/providers/Microsoft.Security/governanceRules/x",
    f"{ONE}/providers/Microsoft.Network/virtualNetworks/x",
    f"{SERVER}/providers/Microsoft.Insights/diagnosticSettings/x",
    f"{GROUP}/providers/Microsoft.Resources/deployments/x",
]


@pytest.mark.parametrize("path", UNMODELLED)
@pytest.mark.parametrize("verb", ["PUT", "GET", "DELETE", "PATCH", "HEAD", "POST"])
def test_extension_types_without_a_route_are_refused_on_every_verb(arm, path, verb):
    answer = arm.request(verb, path, {"properties": {}} if verb in {"PUT", "PATCH"} else None)
    assert answer.status == 400
    if verb != "HEAD":
        assert (answer.code, path.split("/providers/")[-1].rsplit("/", 1)[0] in answer.message) == ("NotModelled", True)
    assert not [row for row in arm.list(f"{ONE}/resources") if row["id"].lower() == path.lower()]


@pytest.mark.parametrize("path", [f"{GROUP}/providers/Microsoft.Network/virtualNetworks", f"{SERVER}/databases"])
def test_lists_of_providers_are_refused_rather_than_empty(arm, path):
    assert arm.get(path).code == "NotModelled"


def test_tracked_resources_of_such_providers_are_kept(arm):
    path = f"{GROUP}/providers/Microsoft.Security/automations/export"
    assert arm.request("PUT", path, {"location": "westeurope"}).status == 201
    assert arm.get(path).json["type"] == "Microsoft.Security/automations"


@pytest.mark.parametrize(
    ("path", "option"),
    [
        (GROUP, {"expand": "x"}),
        (f"{ONE}/resourceGroups", {"expand": "createdTime"}),
        ("/subscriptions", {"filter": "x"}),
        (contoso.exemptions_of(ONE), {"top": "1"}),
        (f"{ROOT}", {"filter": "children.childType ne Subscription"}),
        (f"{ONE}/providers/Microsoft.Security/assessments", {"filter": "x"}),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(arm, path, option):
    answer = arm.get(path, **option)
    assert (answer.status, answer.code) == (400, "UnsupportedQueryOption")
    assert f"${next(iter(option))}" in answer.message


# --- API versions ------------------------------------------------------------------------------------------------

AN_OWNER = f"{ONE}{AUTHORIZATION}/roleAssignments"
STATES = f"{ONE}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults"


@pytest.mark.parametrize(
    ("verb", "path", "version", "kind", "one_of"),
    [
        ("GET", f"{GROUP}{AUTHORIZATION}/locks", "2022-09-01", "locks", "2016-09-01"),
        ("GET", AN_OWNER, "2020-10-01-preview", "roleAssignments", "2022-04-01"),
        ("GET", f"{ONE}{AUTHORIZATION}/roleDefinitions", "2022-09-01", "roleDefinitions", "2022-05-01-preview"),
        ("GET", f"{ONE}{AUTHORIZATION}/permissions", "2022-09-01", "permissions", "2022-04-01"),
        ("GET", f"{ONE}{AUTHORIZATION}/policyDefinitions", "2022-06-01", "policyDefinitions", "2023-04-01"),
        ("GET", f"{ONE}{AUTHORIZATION}/policySetDefinitions", "2016-12-01", "policySetDefinitions", "2021-06-01"),
        ("GET", ROOT, "2020-06-01", "managementGroups", "2020-10-01"),
        ("POST", "/providers/Microsoft.Management/getEntities", "2020-06-01", "getEntities", "2023-04-01"),
        ("POST", "/providers/Microsoft.ResourceGraph/resources", "2020-04-01-preview", "resources", "2021-03-01"),
        ("POST", STATES, "2023-03-01", "policyStates", "2024-10-01"),
        ("GET", f"{ONE}/providers/Microsoft.Security/assessments", "2022-01-01", "assessments", "2021-06-01"),
        ("GET", f"{ONE}/providers/Microsoft.Security/secureScores", "2021-06-01", "secureScores", "2020-01-01"),
    ],
)
def test_a_type_has_the_api_versions_that_azure_lists(arm, verb, path, version, kind, one_of):
    refusal = arm.request(verb, path, {} if verb == "POST" else None, version=version)
    assert (refusal.status, refusal.code) == (404, "InvalidResourceType")
    assert f"The resource type '{kind}'" in refusal.message
    assert f"for api version '{version}'" in refusal.message
    assert one_of in refusal.message.split("supported api-versions are ")[1]
    assert arm.request(verb, path, {"query": "resources"} if verb == "POST" else None, version=one_of).status == 200


def test_every_type_that_is_modelled_has_its_versions():
    """But tags, which are Resource Manager's own."""
    without = {
        kind
        for kind, _ in TYPES
        if not {"/".join(kind.split("/")[:3]), "/".join(kind.split("/")[:2])} & versions.KNOWN.keys()
    }
    assert without == {"microsoft.resources/tags"}


@pytest.mark.parametrize(
    "path",
    ["/subscriptions", ONE, GROUP, f"{ONE}/resources", f"{ONE}/providers", f"{ONE}/providers/Microsoft.Authorization",
     f"{GROUP}/providers/Microsoft.Resources/tags/default", "/tenants", f"{ONE}/locations"],
)  # fmt: skip
def test_resource_managers_own_paths_have_its_api_versions(arm, path):
    refusal = arm.get(path, version="2025-05-01")
    assert (refusal.status, refusal.code) == (400, "InvalidApiVersionParameter")
    assert refusal.message.startswith(
        "The api-version '2025-05-01' is invalid. The supported versions are '2025-04-01,"
    )
    assert refusal.headers["x-ms-failure-cause"] == "gateway"
    assert arm.get(path, version="2024-11-01").status == 200


@pytest.mark.parametrize("version", ["2023-02-30", "latest", "2023-01-01-Preview-2", "20230101", "2023-1-1"])
def test_what_is_no_date_is_no_api_version(arm, version):
    assert arm.get(SERVER, version=version).code == "InvalidApiVersionParameter"
    assert arm.get(SERVER, version="2023-05-01-preview").status == 200


def test_a_provider_shows_the_versions_that_its_types_take(arm):
    shown = arm.get(f"{ONE}/providers/Microsoft.Authorization").json["resourceTypes"]
    for kind in (each for each in shown if "/" not in each["resourceType"]):
        for version in kind["apiVersions"]:
            path = f"{ONE}{AUTHORIZATION}/{kind['resourceType']}"
            assert arm.get(path, version=version).status == 200, (path, version)


# --- lists of resources and groups -------------------------------------------------------------------------------

VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-red"


@pytest.fixture
def stocked(arm):
    arm.request("PUT", VAULT, {"location": "West US", "tags": {"Env": "prod", "team": "data's"}})
    arm.request("PUT", f"{ONE}/resourceGroups/rg-blue", {"location": "westus", "tags": {"env": "test"}})
    return arm


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("resourceType eq 'microsoft.keyvault/VAULTS'", ["kv-red"]),
        ("resourceType ne 'Microsoft.KeyVault/vaults'", ["legacy-sql", "ledger"]),
        ("name eq 'KV-RED' and location eq 'westus'", ["kv-red"]),
        ("resourceGroup eq 'rg-data' and name eq 'ledger'", ["ledger"]),
        ("tagName eq 'env' and tagValue eq 'prod'", ["kv-red"]),
        ("tagname eq 'team' and tagvalue eq 'data''s'", ["kv-red"]),
        ("tagName eq 'team' and tagValue eq 'prod'", []),
        ("startswith(tagName, 'te')", ["kv-red"]),
        ("substringof('leg', name)", ["legacy-sql"]),
        ("substringof('DATA', resourceGroup)", ["ledger", "legacy-sql", "kv-red"]),
        ("", ["ledger", "legacy-sql", "kv-red"]),
    ],
)
def test_resources_are_filtered(stocked, text, names):
    assert sorted(row["name"] for row in stocked.list(f"{ONE}/resources", filter=text)) == sorted(names)


@pytest.mark.parametrize(
    "text",
    ["name", "name gt 'x'", "colour eq 'red'", "name eq x", "name eq 'a' or name eq 'b'", "tagValue eq 'x'", "f(x)",
     "tagName ne 'x'", "substringof('x', location)", "startswith(name, 'x')"],
)  # fmt: skip
def test_other_filters_are_refused(arm, text):
    assert arm.get(f"{ONE}/resources", filter=text).code == "InvalidFilterInQueryString"


def test_groups_are_filtered_by_tag_and_paged(stocked):
    groups = f"{ONE}/resourceGroups"
    assert [row["name"] for row in stocked.list(groups, filter="tagName eq 'ENV' and tagValue eq 'test'")] == [
        "rg-blue"
    ]
    assert stocked.get(groups, filter="name eq 'x'").status == 400
    first = stocked.get(groups, top="1").json
    assert (len(first["value"]), "nextLink" in first) == (1, True)
    assert len(stocked.list(groups, top="1")) == 2
    assert [stocked.get(groups, top=text).status for text in ("0", "-1", "x", "1001")] == [400] * 4


# --- assignments and definitions ---------------------------------------------------------------------------------


def assign(arm, scope, body, **options):
    return arm.request("PUT", f"{scope}{AUTHORIZATION}/policyAssignments/new", body, **options)


def test_an_enforcement_mode_is_one_of_azures(arm):
    def put(mode, version):
        properties = {"policyDefinitionId": INITIATIVE, "enforcementMode": mode}
        return assign(arm, ONE, {"properties": properties}, version=version)

    assert put("Whatever", "2025-11-01").code == "InvalidRequestContent"
    assert put("donotenforce", "2025-11-01").json["properties"]["enforcementMode"] == "DoNotEnforce"
    assert put("Enroll", "2025-11-01").json["properties"]["enforcementMode"] == "Enroll"
    assert put("Enroll", "2024-05-01").status == 400, "not yet"


def test_an_identity_needs_a_location(arm):
    body = {"identity": {"type": "SystemAssigned"}, "properties": {"policyDefinitionId": INITIATIVE}}
    assert assign(arm, ONE, body).code == "LocationRequired"
    assert assign(arm, ONE, {**body, "location": "westeurope"}).status == 201
    assert assign(arm, ONE, {**body, "identity": {"type": "Whatever"}, "location": "x"}).status == 400
    assert assign(arm, ONE, {**body, "identity": {"type": "None"}}).status == 201


def test_a_definition_is_assigned_at_its_scope_or_below(arm):
    mine = f"{CORP}{AUTHORIZATION}/policyDefinitions/mine"
    rule = {"if": {}, "then": {"effect": "audit"}}
    assert arm.put(mine, {"policyRule": rule}).status == 201
    assert assign(arm, ONE, {"properties": {"policyDefinitionId": mine}}).status == 201
    for scope in (ROOT, TWO):
        refusal = assign(arm, scope, {"properties": {"policyDefinitionId": mine}})
        assert (refusal.code, "out of scope" in refusal.message) == ("InvalidCreatePolicyAssignmentRequest", True)
    initiative = f"{ROOT}{AUTHORIZATION}/policySetDefinitions/mine"
    assert arm.put(initiative, {"policyDefinitions": [{"policyDefinitionId": mine}]}).status == 400


def test_reference_ids_are_unique_whatever_their_case(arm):
    members = [{"policyDefinitionId": POLICIES[0], "policyDefinitionReferenceId": name} for name in ("x", "X")]
    path = f"{ROOT}{AUTHORIZATION}/policySetDefinitions/twice"
    assert arm.put(path, {"policyDefinitions": members}).code == "InvalidCreatePolicySetDefinitionRequest"
    nested = [{"policyDefinitionId": INITIATIVE}]
    assert "must be of type" in arm.put(path, {"policyDefinitions": nested}).message


# --- numbers and characters --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_json_does_not_have_are_refused(arm, number):
    body = f'{{"location": "westus", "properties": {{"x": {number}}}}}'.encode()
    assert arm.request("PUT", VAULT, body).code == "InvalidRequestContent"


@pytest.mark.parametrize("text", [r"\ud800", r"\uDC00 x", r"\ud83d\ud83d"])
def test_halves_of_characters_are_refused(arm, text):
    body = f'{{"location": "westus", "tags": {{"x": "{text}"}}}}'.encode()
    assert arm.request("PUT", VAULT, body).code == "InvalidRequestContent"
    pair = b'{"location": "westus", "tags": {"x": "\\ud83d\\ude00"}}'
    assert arm.request("PUT", VAULT, pair).json["tags"] == {"x": "\N{GRINNING FACE}"}


# --- where a type stands -----------------------------------------------------------------------------------------


MISPLACED = {"ResourceTypeNotSupported", "InvalidResourceType", "MissingSubscription"}


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", f"{ONE}/providers/Microsoft.Management/managementGroups"),
        ("GET", f"{ROOT}/providers/Microsoft.Management/managementGroups/corp"),
        ("POST", f"{ONE}/providers/Microsoft.Management/getEntities"),
        ("POST", f"{ONE}/providers/Microsoft.ResourceGraph/resources"),
        ("GET", f"{GROUP}{AUTHORIZATION}/policyDefinitions"),
        ("PUT", f"{SERVER}{AUTHORIZATION}/policySetDefinitions/x"),
        ("GET", f"{POLICIES[0]}{AUTHORIZATION}/policyAssignments"),
        ("GET", f"{contoso.exemption_id(SERVER)}{AUTHORIZATION}/policyExemptions"),
        ("GET", f"{ROOT}{AUTHORIZATION}/locks"),
        ("PUT", f"{AUTHORIZATION}/locks/x"),
        ("POST", "/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults"),
        ("POST", f"{ROOT}/providers/Microsoft.PolicyInsights/policyStates/latest/triggerEvaluation"),
        ("GET", f"{GROUP}/providers/Microsoft.Security/assessmentMetadata"),
    ],
)
def test_a_type_is_refused_where_it_does_not_stand(arm, verb, path):
    answer = arm.request(verb, path, {"query": "resources"} if verb == "POST" else {} if verb == "PUT" else None)
    assert (answer.status, answer.code in MISPLACED) == (404, True)


# --- values of other types, and what would be dropped --------------------------------------------------------------

READER = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
MEMBER = {"policyDefinitionId": POLICIES[0], "policyDefinitionReferenceId": "a"}
ROLE = {"roleDefinitionId": READER, "principalId": "11111111-1111-4111-8111-111111111111"}
RULE = {"if": {}, "then": {"effect": "audit"}}


@pytest.mark.parametrize(
    ("path", "properties"),
    [
        (f"{ROOT}{AUTHORIZATION}/policySetDefinitions/x", {"policyDefinitions": [{**MEMBER, "definitionVersion": True}]}),
        (f"{ROOT}{AUTHORIZATION}/policySetDefinitions/x", {"policyDefinitions": [{**MEMBER, "groupNames": [1]}]}),
        (f"{ROOT}{AUTHORIZATION}/policySetDefinitions/x", {"policyDefinitions": ["x"]}),
        (f"{ROOT}{AUTHORIZATION}/policyDefinitions/x", {"policyRule": RULE, "version": "one"}),
        (f"{ROOT}{AUTHORIZATION}/policyDefinitions/x", {"policyRule": RULE, "policyType": "BuiltIn"}),
        (f"{ONE}{AUTHORIZATION}/policyAssignments/x", {"policyDefinitionId": INITIATIVE, "notScopes": [1]}),
        (f"{ONE}{AUTHORIZATION}/policyAssignments/x", {"policyDefinitionId": INITIATIVE, "parameters": {"a": 1}}),
        (f"{ONE}{AUTHORIZATION}/policyAssignments/x", {"policyDefinitionId": INITIATIVE, "overrides": [{"kind": 1}]}),
        (f"{ONE}{AUTHORIZATION}/policyAssignments/x",
         {"policyDefinitionId": INITIATIVE, "resourceSelectors": [{"selectors": [{"kind": "colour", "in": []}]}]}),
        (f"{ONE}{AUTHORIZATION}/policyAssignments/x",
         {"policyDefinitionId": INITIATIVE, "nonComplianceMessages": [{"policyDefinitionReferenceId": "Rule1"}]}),
        (f"{ONE}{AUTHORIZATION}/roleAssignments/{ONE[-36:]}", {**ROLE, "condition": "(!(ActionMatches{'*'}))"}),
        (f"{ONE}{AUTHORIZATION}/roleAssignments/{ONE[-36:]}", {**ROLE, "principalType": "Group"}),
        (f"{ONE}{AUTHORIZATION}/roleDefinitions/{ONE[-36:]}",
         {"roleName": "r", "assignableScopes": [ONE], "permissions": [{"actions": "*"}]}),
    ],
)  # fmt: skip
def test_a_value_that_would_be_misread_is_refused(arm, path, properties):
    assert arm.put(path, properties).status == 400
    assert arm.get(path).status == 404


@pytest.mark.parametrize(
    "odd", [{"kind": 1}, {"managedBy": []}, {"sku": "x"}, {"properties": []}, {"identity": {"type": "Both"}}]
)
def test_a_resource_has_the_envelope_of_one(arm, odd):
    assert arm.request("PUT", VAULT, {"location": "westus", **odd}).code == "InvalidRequestContent"


def test_other_expansions_pages_and_paths_are_refused(arm):
    assert arm.get(contoso.ASSIGNMENT, expand="Everything").code == "UnsupportedQueryOption"
    for top in ("x", "0", "-1", "\N{SUPERSCRIPT TWO}"):
        assert arm.request("POST", "/providers/Microsoft.Management/getEntities", top=top).code == "InvalidTopValue"
    assert arm.request("POST", "/providers/Microsoft.Management/getEntities", skiptoken="LTU=").status == 400
    assert arm.get(f"{SERVER}\x00").code == "BadRequest"
