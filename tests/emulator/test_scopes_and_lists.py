"""Which scopes exist, which lists show what, and what goes with a deleted scope."""

import urllib.parse

import contoso
import emulated
import pytest
from contoso import (
    ASSIGNMENT,
    CORP,
    DATABASE,
    GROUP,
    ONE,
    ROOT,
    SERVER,
    TWO,
    exemption_id,
    exemptions_of,
    seeded,
    waiver,
)

EVERYWHERE = [
    seeded(ROOT, "root"),
    seeded(CORP, "corp"),
    seeded(ONE, "one"),
    seeded(GROUP, "group"),
    seeded(SERVER, "server", expiresOn="2020-01-01T00:00:00Z"),
    seeded(DATABASE, "database", policyAssignmentId=contoso.CORP_ASSIGNMENT),
    seeded(TWO, "two"),
]


@pytest.fixture
def arm(start):
    return emulated.Client(start(policyExemptions=EVERYWHERE))


def names(arm, scope, **query):
    return [each["name"] for each in arm.list(exemptions_of(scope), **query)]


@pytest.mark.parametrize(
    ("scope", "everything", "at_scope", "exact", "below"),
    [
        (ROOT, "root", "root", "root", "root corp one group server database two"),
        (CORP, "root corp", "root corp", "corp", "corp one group server database"),
        (ONE, "root corp one group server database", "root corp one", "one", "one group server database"),
        (GROUP, "root corp one group server database", "root corp one group", "group", "group server database"),
        (SERVER, "root corp one group server database", "root corp one group server", "server", "server database"),
        (TWO, "root two", "root two", "two", "two"),
    ],
)
def test_lists_show_what_their_filter_says(arm, scope, everything, at_scope, exact, below):
    assert names(arm, scope) == everything.split()
    assert names(arm, scope, filter="atScope()") == at_scope.split()
    assert names(arm, scope, filter="atExactScope()") == exact.split()
    assert sorted(names(arm, scope, filter="atScopeAndBelow()")) == sorted(below.split())


def test_expired_ones_are_listed_unless_excluded(arm):
    assert "server" in names(arm, SERVER)
    assert "server" not in names(arm, SERVER, filter="excludeExpired()")
    assert names(arm, SERVER, filter="atExactScope() and excludeExpired()") == []


def test_the_filter_by_assignment_minds_no_case(arm):
    assert names(arm, ONE, filter=f"policyAssignmentId eq '{contoso.CORP_ASSIGNMENT.upper()}'") == ["database"]


@pytest.mark.parametrize("encoded", ["atExactScope()", "atExactScope%28%29", "ATEXACTSCOPE()"])
def test_filters_are_read_raw_and_encoded(arm, encoded):
    answer = arm.get(f"{exemptions_of(ONE)}?api-version=2022-07-01-preview&$filter={encoded}")
    assert [each["name"] for each in answer.json["value"]] == ["one"]


def test_an_encoded_query_key_and_comparison(arm):
    condition = urllib.parse.quote(f"policyAssignmentId eq '{contoso.CORP_ASSIGNMENT}'", safe="")
    answer = arm.get(f"{exemptions_of(ONE)}?api-version=2022-07-01-preview&%24filter={condition}")
    assert [each["name"] for each in answer.json["value"]] == ["database"]


def test_an_unknown_filter_is_refused(arm):
    answer = arm.get(exemptions_of(ONE), filter="displayName eq 'x'")
    assert (answer.status, answer.code) == (400, "InvalidFilterInQueryString")


# --- pages -------------------------------------------------------------------------------------------------------


def test_pages_are_followed_by_their_link_and_stay_true_while_things_change(start):
    cloud = start(policyExemptions=[seeded(SERVER, f"n{number}") for number in range(7)], limits={"pageSize": 3})
    arm = emulated.Client(cloud)
    first = arm.get(exemptions_of(SERVER)).json
    assert [each["name"] for each in first["value"]] == ["n0", "n1", "n2"]
    arm.delete(exemption_id(SERVER, "n2"))
    arm.delete(exemption_id(SERVER, "n0"))
    arm.put(exemption_id(ROOT, "late-but-above"), waiver())
    second = arm.get(first["nextLink"].removeprefix(cloud.arm_endpoint)).json
    assert [each["name"] for each in second["value"]] == ["n3", "n4", "n5"]
    third = arm.get(second["nextLink"].removeprefix(cloud.arm_endpoint)).json
    assert [each["name"] for each in third["value"]] == ["n6"]
    assert "nextLink" not in third


def test_a_long_list_is_true_after_every_change(start):
    cloud = start(policyExemptions=[seeded(f"{GROUP}/providers/a.b/c/{number}", "x") for number in range(1200)])
    arm = emulated.Client(cloud)
    assert len(names(arm, ONE)) == 1200
    arm.put(exemption_id(SERVER, "new"), waiver())
    assert names(arm, ONE)[-1] == "new"
    assert len(names(arm, GROUP, filter="atScopeAndBelow()")) == 1201
    assert len(names(arm, ONE, filter="atScope()")) == 0
    arm.delete(f"{GROUP}/providers/a.b/c/7")
    assert len(names(arm, ONE)) == 1200


def test_a_forged_continuation_is_refused(arm):
    assert arm.get(exemptions_of(ONE), skiptoken="bm9uc2Vuc2U").status == 400


# --- scopes that are gone ----------------------------------------------------------------------------------------


def test_a_deleted_resource_takes_its_exemptions_with_it(arm):
    assert arm.delete(SERVER).status == 200
    answer = arm.get(exemption_id(SERVER, "server"))
    assert (answer.status, answer.code) == (404, "ResourceNotFound")
    assert answer.message == (
        "The Resource 'Microsoft.Sql/servers/legacy-sql' under resource group 'rg-data' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )
    assert arm.put(exemption_id(SERVER), waiver()).code == "ResourceNotFound"
    assert arm.delete(exemption_id(SERVER, "server")).code == "ResourceNotFound"
    assert names(arm, ONE) == ["root", "corp", "one", "group"]
    arm.request("PUT", SERVER, {"location": "westeurope"})
    assert names(arm, SERVER, filter="atExactScope()") == [], "what was created anew has none"


def test_a_deleted_group_takes_everything_in_it(arm):
    assert arm.delete(GROUP).status == 202
    for path in (exemption_id(GROUP, "group"), exemption_id(SERVER, "server"), exemptions_of(GROUP)):
        answer = arm.get(path)
        assert (answer.status, answer.code) == (404, "ResourceGroupNotFound")
        assert answer.message == "Resource group 'rg-data' could not be found."
    assert names(arm, ONE) == ["root", "corp", "one"]
    assert arm.get(SERVER).code == "ResourceGroupNotFound"


def test_a_deleted_assignment_leaves_its_exemptions_behind(arm):
    assert arm.delete(ASSIGNMENT).status == 200
    assert "one" in names(arm, ONE)
    assert arm.get(exemption_id(ONE, "one")).status == 200
    assert arm.put(exemption_id(ONE, "one"), waiver()).code == "InvalidCreatePolicyExemptionRequest"
    assert arm.delete(exemption_id(ONE, "one")).status == 200


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (exemptions_of("/subscriptions/00000000-0000-4000-8000-00000000dead"), 404, "SubscriptionNotFound"),
        (exemptions_of("/subscriptions/not-a-guid"), 400, "InvalidSubscriptionId"),
        (exemptions_of("/somewhere"), 404, "MissingSubscription"),
        (exemptions_of(""), 404, "MissingSubscription"),
        ("/nonsense", 404, "MissingSubscription"),
        (exemptions_of("/providers/Microsoft.Management/managementGroups/nowhere"), 403, "AuthorizationFailed"),
        (f"{ONE}/providers/Microsoft.Authorization/policyExemptions/with/slash", 404, "ResourceTypeNotSupported"),
        (f"{ONE}/providers/Microsoft.Authorization/policyWishes/x", 404, "ResourceTypeNotSupported"),
    ],
)
def test_paths_that_lead_nowhere(arm, path, status, code):
    answer = arm.get(path, version="2022-07-01-preview")
    assert (answer.status, answer.code) == (status, code)


def test_a_path_without_a_subscription_says_so_in_azures_words(arm):
    answer = arm.get(exemption_id("/somewhere"))
    assert answer.message == "The request did not have a subscription or a valid tenant level resource provider."
    assert answer.headers["x-ms-failure-cause"] == "gateway"


def test_verbs_that_a_path_does_not_have(arm):
    answer = arm.delete(exemptions_of(ONE))
    assert (answer.status, answer.code) == (405, "HttpMethodNotSupported")
    assert answer.message == "The http method 'DELETE' is not supported for a resource collection."


# --- resources ---------------------------------------------------------------------------------------------------


def test_resources_can_be_made_asked_for_and_deleted(arm):
    vault = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv"
    assert arm.get(vault).code == "ResourceNotFound"
    assert arm.request("HEAD", vault).status == 404
    made = arm.request("PUT", vault, {"location": "northeurope", "properties": {"sku": "A"}})
    assert (made.status, made.json["type"], made.json["location"]) == (201, "Microsoft.KeyVault/vaults", "northeurope")
    assert arm.request("HEAD", vault).status == 204
    assert vault in [each["id"] for each in arm.list(f"{GROUP}/resources")]
    assert arm.delete(vault).status == 200
    assert arm.delete(vault).status == 204


def test_a_resource_needs_its_group_and_its_parent(arm):
    assert (
        arm.request("PUT", f"{ONE}/resourceGroups/none/providers/Microsoft.KeyVault/vaults/kv", {}).code
        == "ResourceGroupNotFound"
    )
    assert (
        arm.request("PUT", f"{GROUP}/providers/Microsoft.Sql/servers/none/databases/d", {}).code == "ResourceNotFound"
    )


def test_resource_groups(arm):
    assert [each["name"] for each in arm.list(f"{ONE}/resourceGroups")] == ["rg-data"]
    assert arm.request("PUT", f"{ONE}/resourceGroups/new", {"location": "westeurope"}).status == 201
    assert arm.get(f"{ONE}/RESOURCEGROUPS/NEW").json["id"] == f"{ONE}/resourceGroups/new"
    assert arm.get(f"{ONE}/resourceGroups/none").code == "ResourceGroupNotFound"


# --- the tree ----------------------------------------------------------------------------------------------------


def test_subscriptions_and_tenants(arm):
    assert [each["displayName"] for each in arm.list("/subscriptions")] == ["one", "two"]
    assert arm.get(TWO).json["tenantId"] == contoso.TENANT_ID
    assert arm.list("/tenants")[0]["tenantId"] == contoso.TENANT_ID


def test_the_tree_as_a_whole(arm):
    tree = arm.get(ROOT, expand="children", recurse="true").json
    assert tree["properties"]["details"]["parent"]["name"] == contoso.TENANT_ID, "the root group of the tenant is above"
    corp, two = tree["properties"]["children"]
    assert (corp["name"], corp["type"]) == ("corp", "Microsoft.Management/managementGroups")
    assert (two["id"], two["type"]) == (TWO, "/subscriptions")
    assert corp["children"][0]["displayName"] == "one"


def test_descendants_are_flat_with_their_parents(arm):
    found = arm.list(f"{ROOT}/descendants")
    assert [each["id"] for each in found] == [CORP, TWO, ONE]
    assert found[2]["properties"]["parent"]["id"] == CORP
    paged = arm.get(f"{ROOT}/descendants", top="2").json
    assert len(paged["value"]) == 2
    assert "nextLink" in paged


def test_groups_are_listed_made_moved_and_deleted(arm):
    lab = "/providers/Microsoft.Management/managementGroups/lab"
    body = {"properties": {"displayName": "Lab", "details": {"parent": {"id": ROOT}}}}
    made = arm.request("PUT", lab, body)
    assert made.status == 202
    status = urllib.parse.urlsplit(made.headers["azure-asyncoperation"])._replace(scheme="", netloc="").geturl()
    assert [arm.get(status).json["status"] for _ in range(3)] == ["Running", "Succeeded", "Succeeded"]
    assert arm.get(lab).json["properties"]["details"]["parent"]["id"] == ROOT
    assert {each["name"] for each in arm.list("/providers/Microsoft.Management/managementGroups")} == {
        "contoso",
        "corp",
        "lab",
        contoso.TENANT_ID,
    }
    moved = arm.request("PATCH", lab, {"displayName": "Laboratory", "parentGroupId": CORP}).json["properties"]
    assert (moved["displayName"], moved["details"]["parent"]["id"]) == ("Laboratory", CORP)
    assert arm.request("PATCH", ROOT, {"parentGroupId": lab}).status == 400, "not into itself"
    assert arm.delete(ROOT).status == 400, "a group with children stays"
    arm.put(exemption_id(lab), waiver())
    assert arm.delete(lab).status == 202
    assert arm.get(lab).status == 404
    arm.request("PUT", lab, body)
    assert names(arm, lab, filter="atExactScope()") == [], "what was on it went with it"


def test_entities_name_what_is_above(arm):
    found = arm.request("POST", "/providers/Microsoft.Management/getEntities", version="2020-05-01").json["value"]
    one = next(each for each in found if each["id"] == ONE)
    assert one["properties"]["parentNameChain"] == [contoso.TENANT_ID, "contoso", "corp"]


def test_a_group_says_what_is_above_it(arm):
    path = arm.get(CORP, expand="path").json["properties"]["details"]["path"]
    assert [each["name"] for each in path] == [contoso.TENANT_ID, "contoso", "corp"]
    details = arm.get(CORP, expand="ancestors").json["properties"]["details"]
    assert details["managementGroupAncestors"] == ["contoso", contoso.TENANT_ID]
    assert [each["displayName"] for each in details["managementGroupAncestorsChain"]] == [
        "Contoso",
        "Tenant Root Group",
    ]
    assert arm.get(ROOT, expand="children").json["properties"]["children"][0].get("children") is None, "not recursive"


def test_subscriptions_are_moved_by_their_group(arm):
    two = f"{CORP}/subscriptions/{TWO.split('/')[2]}"
    assert arm.get(two).status == 404
    assert arm.request("PUT", two, version="2021-04-01").json["properties"]["parent"]["id"] == CORP
    assert [each["name"] for each in arm.list(f"{CORP}/subscriptions")] == [ONE.split("/")[2], TWO.split("/")[2]]
    assert [arm.delete(two).status for _ in range(2)] == [200, 204]
    (above,) = arm.list(f"{ROOT.replace('contoso', contoso.TENANT_ID)}/subscriptions")
    assert above["name"] == TWO.split("/")[2], "it went to the root of the tenant"
    assert arm.request("PUT", f"{CORP}/subscriptions/00000000-0000-4000-8000-00000000dead").status == 404
    assert arm.request("PUT", two.replace("corp", "nowhere")).status in {403, 404}


def test_a_forged_continuation_of_descendants_is_refused(arm):
    assert arm.get(f"{ROOT}/descendants", skiptoken="!").status == 400
    first = arm.get(f"{ROOT}/descendants", top="2").json
    link = urllib.parse.urlsplit(first["nextLink"])
    assert len(arm.get(f"{link.path}?{link.query}").json["value"]) == 1


def test_polled_deletions_are_done(arm):
    gone = arm.delete(GROUP)
    status = urllib.parse.urlsplit(gone.headers["location"])
    assert arm.get(f"{status.path}?{status.query}").status == 200
