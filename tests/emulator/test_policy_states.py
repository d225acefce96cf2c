"""Compliance as Azure Policy tells it: subscriptions too, summaries whose links lead to their rows, options that are known."""

import urllib.parse

import contoso
import emulated
import pytest
from contoso import ASSIGNMENT, AUTHORIZATION, GROUP, INITIATIVE, ONE, POLICIES, SERVER, exemption_id, waiver

INSIGHTS = "/providers/Microsoft.PolicyInsights/policyStates/latest"
MEMBERS = [
    {"policyDefinitionId": POLICIES[0], "policyDefinitionReferenceId": "Rule1", "groupNames": ["access", "keys"]},
    {"policyDefinitionId": POLICIES[1], "policyDefinitionReferenceId": "Rule2", "groupNames": ["access"]},
]
SEEN = [
    {"resourceId": resource, "policyDefinitionId": policy, "complianceState": "NonCompliant"}
    for resource, policy in [(ONE, POLICIES[0]), (SERVER, POLICIES[0]), (SERVER, POLICIES[1])]
]


@pytest.fixture
def cloud(start):
    initiative = {"id": INITIATIVE, "properties": {"policyDefinitions": MEMBERS}}
    assignment = {"id": ASSIGNMENT, "properties": {"policyDefinitionId": INITIATIVE}}
    return start(policySetDefinitions=[initiative], policyAssignments=[assignment], policyStates=SEEN)


@pytest.fixture
def arm(cloud):
    return emulated.Client(cloud)


def rows(arm, scope, **options):
    answer = arm.request("POST", f"{scope}{INSIGHTS}/queryResults", **options)
    assert answer.status == 200, answer.body
    return answer.json["value"]


def summary(arm, scope, **options):
    return arm.request("POST", f"{scope}{INSIGHTS}/summarize", **options).json["value"][0]


def followed(cloud, arm, link):
    """The rows behind a summary's link, whose raw spaces and quotes a client encodes."""
    path, _, query = link.removeprefix(cloud.arm_endpoint).partition("?")
    answer = arm.request("POST", f"{path}?{urllib.parse.quote(query, safe='$&=()')}")
    assert answer.status == 200, answer.body
    return answer.json["value"]


def test_a_subscription_is_evaluated_too(arm):
    (row,) = [row for row in rows(arm, ONE) if row["resourceId"] == ONE]
    assert (row["resourceType"], row["isCompliant"]) == ("Microsoft.Resources/subscriptions", False)
    assert not [row for row in rows(arm, GROUP) if row["resourceId"] == ONE]
    assert arm.put(exemption_id(ONE), waiver(policyDefinitionReferenceIds=["Rule1"])).status == 201
    assert {row["complianceState"] for row in rows(arm, ONE) if row["policyDefinitionName"] == "rule-1"} == {"Exempt"}


def test_a_summary_counts_by_assignment_policy_and_group(arm):
    whole = summary(arm, ONE)
    assert (whole["results"]["nonCompliantResources"], whole["results"]["nonCompliantPolicies"]) == (2, 2)
    (assignment,) = whole["policyAssignments"]
    assert [(each["policyDefinitionReferenceId"], each["results"]["nonCompliantResources"])
            for each in assignment["policyDefinitions"]] == [("rule1", 2), ("rule2", 1)]  # fmt: skip
    assert [(each["policyGroupName"], each["results"]["nonCompliantResources"])
            for each in assignment["policyGroups"]] == [("access", 2), ("keys", 2)]  # fmt: skip


def test_the_links_of_a_summary_lead_to_what_it_counted(cloud, arm):
    whole = summary(arm, ONE, filter="isCompliant eq false")
    assert "&$filter=(isCompliant eq false)" in whole["results"]["queryResultsUri"]
    assert len(followed(cloud, arm, whole["results"]["queryResultsUri"])) == 3
    (assignment,) = whole["policyAssignments"]
    links = [
        each["results"]["queryResultsUri"] for each in assignment["policyDefinitions"] + assignment["policyGroups"]
    ]
    assert [len(followed(cloud, arm, link)) for link in links] == [2, 1, 3, 2]
    refused = arm.get(links[0].removeprefix(cloud.arm_endpoint).replace(" ", "%20"))
    assert (refused.status, refused.code) == (404, "ResourceTypeNotSupported")


def test_a_state_is_as_old_as_the_last_change(cloud, arm):
    cloud.tenant.clock.advance(3600)
    assert rows(arm, ONE, **{"from": cloud.tenant.clock.now().isoformat()}) == []
    first = rows(arm, ONE)[0]["timestamp"]
    arm.put(exemption_id(GROUP), waiver())
    assert rows(arm, ONE)[0]["timestamp"] > first
    cloud.tenant.clock.advance(90_000)
    assert rows(arm, ONE)[0]["timestamp"] > first, "a scan a day"


@pytest.mark.parametrize(
    "options",
    [
        {"filter": "Nonsense eq 'x'"},
        {"filter": "isCompliant eq"},
        {"orderby": "nonsense"},
        {"select": "resourceId,nonsense"},
        {"apply": "groupby((nonsense))"},
        {"apply": "aggregate($count as n)", "select": "resourceId"},
        {"from": "yesterday"},
    ],
)
def test_an_option_is_refused_also_where_there_is_no_row(arm, options):
    for scope in (ONE, f"{ONE}{AUTHORIZATION}/policyDefinitions/none"):
        assert arm.request("POST", f"{scope}{INSIGHTS}/queryResults", **options).status == 400


def test_what_the_tenant_file_says_of_a_resource_makes_it_exist(start):
    told = {"resourceId": f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv", "policyDefinitionId": POLICIES[0]}
    arm = emulated.Client(start(policyStates=[{**told, "complianceState": "NonCompliant"}]))
    assert [row["complianceState"] for row in rows(arm, contoso.GROUP) if "keyvault" in row["resourceId"]] == [
        "NonCompliant"
    ] * 3
