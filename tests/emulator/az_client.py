"""The unmodified Azure CLI against the emulator: `make test-az`.

Not collected with the other tests, since the CLI takes an environment of its own (700 MB). `AZ` names its `az`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess

import contoso
import emulated
import graph_queries
import pytest
from cli import az_proposals
from contoso import ASSIGNMENT, DATABASE, GROUP, ONE, ROOT, SERVER, exemption_id
from defended import DAY, MCSB, REFERENCES, TDE, finding, mcsb

from reconciler.azure.remedies import ErrorDetails, remedy_for
from reconciler.azure.rights import Role, role_definitions
from reconciler.model import parse_scope

BENCHMARK = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
GUID = ONE.split("/")[2]


@pytest.fixture(scope="module")
def cloud():
    said = {"resourceId": SERVER, "policyDefinitionId": contoso.POLICIES[0], "complianceState": "NonCompliant"}
    with emulated.running(contoso.tenant(policyStates=[said])) as azure:
        yield azure


@pytest.fixture(scope="module")
def az(cloud, tmp_path_factory):
    return logged_in(cloud, tmp_path_factory)


def logged_in(cloud, tmp_path_factory):
    """`az(words)` runs one command and gives its JSON; logged in by managed identity, in a configuration of its own."""
    environment = emulated.environment(
        cloud,
        AZURE_CONFIG_DIR=os.fspath(tmp_path_factory.mktemp("az")),
        AZURE_CORE_COLLECT_TELEMETRY="0",
        AZURE_CORE_CHECK_FOR_UPDATES="0",
        AZURE_CORE_ONLY_SHOW_ERRORS="1",
        AZURE_CORE_NO_COLOR="1",
    )

    def run(*words, fails=False):
        command = [os.environ["AZ"], *words, "--output", "json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode != 0) == fails, f"az {' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stderr if fails else json.loads(done.stdout) if done.stdout.strip() else None

    run("cloud", "register", "-n", "Emulated", "--endpoint-resource-manager", cloud.arm_endpoint)
    run("cloud", "set", "-n", "Emulated")
    accounts = run("login", "--identity")
    assert {account["id"] for account in accounts} == {GUID, contoso.TWO.split("/")[2]}
    run("account", "set", "-s", GUID)
    return run


def test_the_login_is_the_managed_identity_of_the_tenant(az):
    shown = az("account", "show")
    assert (shown["tenantId"], shown["name"]) == (contoso.TENANT_ID, "one")


def test_an_exemption_is_created_updated_shown_listed_and_deleted(az, cloud):
    created = az(
        "policy", "exemption", "create", "-n", "by-az", "-g", "rg-data", "--policy-assignment", ASSIGNMENT,
        "--exemption-category", "Waiver", "--display-name", "old", "--expires-on", "2031-01-01T00:00:00Z",
        "--policy-definition-reference-ids", "Rule1", "Rule2", "--metadata", "ticket=ABC-1",
    )  # fmt: skip
    assert created["id"] == exemption_id(GROUP, "by-az")
    assert created["expiresOn"].startswith("2031-01-01T00:00:00"), "az writes it in its own form"
    updated = az(
        "policy",
        "exemption",
        "update",
        "-n",
        "by-az",
        "-g",
        "rg-data",
        "--exemption-category",
        "Mitigated",
        "--display-name",
        "new",
    )
    assert (updated["displayName"], updated["exemptionCategory"]) == ("new", "Mitigated")
    shown = az("policy", "exemption", "show", "-n", "by-az", "-g", "rg-data")
    assert shown["policyDefinitionReferenceIds"] == ["Rule1", "Rule2"]
    assert shown["metadata"] == {"ticket": "ABC-1"}
    assert shown["systemData"]["lastModifiedAt"] > shown["systemData"]["createdAt"]
    assert [each["name"] for each in az("policy", "exemption", "list", "-g", "rg-data")] == ["by-az"]
    az("policy", "exemption", "delete", "-n", "by-az", "-g", "rg-data")
    assert az("policy", "exemption", "list", "-g", "rg-data") == []
    assert cloud.exemptions == {}


@pytest.mark.parametrize("scope", [ROOT, ONE, SERVER])
def test_exemptions_at_every_kind_of_scope(az, scope):
    az(
        "policy",
        "exemption",
        "create",
        "-n",
        "anywhere",
        "--scope",
        scope,
        "--policy-assignment",
        ASSIGNMENT,
        "-e",
        "Waiver",
    )
    assert az("policy", "exemption", "show", "-n", "anywhere", "--scope", scope)["id"] == exemption_id(
        scope, "anywhere"
    )
    listed = az("policy", "exemption", "list", "--scope", scope, "--disable-scope-strict-match")
    assert exemption_id(scope, "anywhere") in [each["id"] for each in listed]
    az("policy", "exemption", "delete", "-n", "anywhere", "--scope", scope)


def test_azures_refusals_reach_the_user(az):
    words = [
        "policy",
        "exemption",
        "create",
        "-n",
        "x",
        "-g",
        "rg-data",
        "--policy-assignment",
        ASSIGNMENT,
        "-e",
        "Waiver",
    ]
    unknown = az(*words, "--policy-definition-reference-ids", "Rule9", fails=True)
    assert "InvalidPolicyDefinitionReference" in unknown
    assert "PolicyExemptionNotFound" in az("policy", "exemption", "show", "-n", "x", "-g", "rg-data", fails=True)
    assert "ResourceGroupNotFound" in az("policy", "exemption", "show", "-n", "x", "-g", "none", fails=True)


def test_assignments_are_listed_and_shown(az):
    listed = az("policy", "assignment", "list", "--disable-scope-strict-match")
    assert [each["name"] for each in listed] == ["tde-only"]
    assert (
        az("policy", "assignment", "show", "-n", "baseline", "--scope", ROOT)["policyDefinitionId"]
        == contoso.INITIATIVE
    )
    assert "PolicyAssignmentNotFound" in az("policy", "assignment", "show", "-n", "none", fails=True)


def test_an_assignment_is_created_and_deleted(az):
    made = az("policy", "assignment", "create", "-n", "mcsb", "--policy-set-definition", BENCHMARK)
    assert made["definitionVersion"].endswith(".*.*")
    az("policy", "assignment", "delete", "-n", "mcsb")


def test_a_built_in_and_a_custom_initiative_are_shown(az):
    assert len(az("policy", "set-definition", "show", "-n", BENCHMARK)["policyDefinitions"]) > 200
    custom = az("policy", "set-definition", "show", "-n", "house-rules", "--management-group", "contoso")
    assert custom["policyType"] == "Custom"
    assert "NotFound" in az("policy", "set-definition", "show", "-n", "nowhere", fails=True)


def test_resource_graph_groups_and_security(az):
    body = json.dumps({"query": "resources | project name | order by name asc"})
    url = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01"
    rows = az("rest", "--method", "post", "--url", url, "--body", body)["data"]
    assert [row["name"] for row in rows] == ["ledger", "legacy-sql"]
    assert az("account", "management-group", "show", "-n", "contoso", "-e", "-r")["children"][0]["name"] == "corp"
    assert az("group", "show", "-n", "rg-data")["id"] == GROUP
    assert az("security", "assessment", "list") == []


# --- what the articles tell people to run ------------------------------------------------------------------------


def test_roles_at_a_management_group(az):
    rows = az("role", "assignment", "list", "--scope", ROOT, "--include-inherited")
    assert "Owner" in [row["roleDefinitionName"] for row in rows]
    (reader,) = az("role", "definition", "list", "--name", "Reader")
    assert reader["permissions"][0]["actions"] == ["*/read"]
    words = ["--assignee-object-id", "22222222-2222-4222-8222-222222222222", "--assignee-principal-type", "User"]
    made = az("role", "assignment", "create", *words, "--role", "Security Admin", "--scope", ROOT)
    assert made["scope"] == ROOT
    assert made["id"] in [row["id"] for row in az("role", "assignment", "list", "--scope", ROOT)]
    az("role", "assignment", "delete", "--ids", made["id"])


def test_regions_providers_and_tags(az):
    assert "westeurope" in [region["name"] for region in az("account", "list-locations")]
    assert "Microsoft.Authorization" in [provider["namespace"] for provider in az("provider", "list")]
    assert az("resource", "show", "--ids", SERVER)["name"] == "legacy-sql"
    assert az("resource", "tag", "--ids", SERVER, "--tags", "env=prod", "team=data")["tags"]["team"] == "data"
    assert [row["name"] for row in az("resource", "list", "--tag", "env=prod")] == ["legacy-sql"]
    assert [row["name"] for row in az("resource", "list", "--name", "ledger")] == ["ledger"]
    assert az("group", "update", "-n", "rg-data", "--tags", "a=b")["tags"] == {"a": "b"}
    assert [row["name"] for row in az("group", "list", "--tag", "a=b")] == ["rg-data"]
    assert az("tag", "list", "--resource-id", GROUP)["properties"]["tags"] == {"a": "b"}


def test_compliance(az):
    rows = az("policy", "state", "list", "--filter", "isCompliant eq false")
    assert {row["policyAssignmentName"] for row in rows} == {"baseline", "corp-baseline", "tde-only"}
    assert len(az("policy", "state", "list", "--top", "1", "--resource", SERVER)) == 1
    summary = az("policy", "state", "summarize")
    assert (summary["results"]["nonCompliantResources"], len(summary["policyAssignments"])) == (1, 3)
    az("policy", "state", "trigger-scan", "--no-wait")
    assert "InvalidFilter" in az("policy", "state", "list", "--filter", "nonsense", fails=True)


def test_locks_with_notes(az):
    made = az("lock", "create", "-n", "l", "-g", "rg-data", "--lock-type", "ReadOnly", "--notes", "ask us")
    assert (made["level"], made["notes"]) == ("ReadOnly", "ask us")
    words = ["policy", "exemption", "create", "-n", "locked", "-g", "rg-data", "--policy-assignment", ASSIGNMENT]
    assert "ScopeLocked" in az(*words, "-e", "Waiver", fails=True)
    az("lock", "delete", "-n", "l", "-g", "rg-data")


def test_selectors_and_updates(az):
    selectors = '[{"name":"west","selectors":[{"kind":"resourceLocation","in":["westeurope"]}]}]'
    words = ["--policy-assignment", ASSIGNMENT, "-e", "Waiver", "--resource-selectors", selectors]
    made = az("policy", "exemption", "create", "-n", "west", "-g", "rg-data", *words)
    assert made["resourceSelectors"][0]["selectors"][0]["in"] == ["westeurope"]
    rule = f"{ROOT}/providers/Microsoft.Authorization/policyDefinitions/rule-1"
    words = ["--policy", rule, "--enforcement-mode", "DoNotEnforce"]
    assert (
        az("policy", "assignment", "create", "-n", "soft", "--scope", ROOT, *words)["enforcementMode"] == "DoNotEnforce"
    )
    assert (
        az("policy", "assignment", "update", "-n", "soft", "--scope", ROOT, "--display-name", "x")["displayName"] == "x"
    )
    az("policy", "assignment", "delete", "-n", "soft", "--scope", ROOT)
    az("policy", "exemption", "delete", "-n", "west", "-g", "rg-data")


def test_the_queries_of_the_article_by_rest(az):
    url = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01"
    for query in graph_queries.ARTICLE:
        body = json.dumps({"query": query.replace("<your-subscription-id>", GUID)})
        assert "data" in az("rest", "--method", "post", "--url", url, "--body", body)


def test_what_is_not_modelled_is_refused(az):
    assert "NotModelled" in az("security", "sub-assessment", "list", fails=True)
    assert "NotModelled" in az("policy", "remediation", "list", fails=True)


# --- Defender ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def defended(tmp_path_factory):
    content = contoso.tenant(policyAssignments=[mcsb()], assessments=[finding(DATABASE)])
    with emulated.running(content) as cloud:
        yield cloud, logged_in(cloud, tmp_path_factory)


def test_assessments_follow_an_exemption(defended):
    cloud, az = defended
    (row,) = az("security", "assessment", "list")
    assert (row["status"]["code"], row["displayName"][:11]) == ("Unhealthy", "Transparent")
    words = ["--policy-definition-reference-ids", REFERENCES[MCSB]]
    az("policy", "exemption", "create", "-n", "w", "-g", "rg-data", "--policy-assignment", MCSB, "-e", "Waiver", *words)
    cloud.tenant.clock.advance(DAY + 60)
    shown = az("security", "assessment", "show", "-n", TDE, "--assessed-resource-id", DATABASE)
    assert (shown["status"]["code"], shown["status"]["cause"]) == ("NotApplicable", "Exempt")
    az("policy", "exemption", "delete", "-n", "w", "-g", "rg-data")
    cloud.tenant.clock.advance(DAY + 60)


def test_scores_and_controls(defended):
    _, az = defended
    (score,) = az("security", "secure-scores", "list")
    assert (score["max"], score["current"], score["weight"]) == (4, 0.0, 4)
    assert az("security", "secure-scores", "show", "-n", "ascScore") == score
    (control,) = az("security", "secure-score-controls", "list")
    assert (control["displayName"], control["unhealthyResourceCount"]) == ("Enable encryption at rest", 1)
    assert az("security", "secure-score-controls", "list_by_score", "-n", "ascScore") == [control]
    definitions = az("security", "secure-score-control-definitions", "list")
    assert (len(definitions), sum(len(row["assessmentDefinitions"]) for row in definitions)) == (16, 600)


def test_plans(defended):
    _, az = defended
    plans = {row["name"]: row["pricingTier"] for row in az("security", "pricing", "list")["value"]}
    assert (plans["FoundationalCspm"], plans["VirtualMachines"]) == ("Standard", "Free")
    assert az("security", "pricing", "show", "-n", "VirtualMachines")["pricingTier"] == "Free"
    assert az("security", "pricing", "create", "-n", "KeyVaults", "--tier", "standard")["pricingTier"] == "Standard"
    assert az("security", "pricing", "show", "-n", "KeyVaults")["pricingTier"] == "Standard"


# --- what our messages propose -----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", sorted(az_proposals.OPTIONS))
def test_az_has_the_options_that_are_proposed(command):
    """By the help of the command itself: one of Microsoft Graph or the activity log cannot be run here."""
    shown = subprocess.run(
        [os.environ["AZ"], *command.split(), "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    assert shown.returncode == 0, shown.stderr
    offered = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", shown.stdout))
    assert az_proposals.OPTIONS[command] <= offered


def proposed_by(remedy):
    """The words of the command that a remedy proposes."""
    return shlex.split(re.search(r"\baz ([^;()`]+)", remedy)[1])


def refused(status, code, message, target=GROUP, method="GET"):
    error = ErrorDetails(status=status, code=code, message=message, target=target, method=method)
    return proposed_by(remedy_for(error))


def test_remedies_run_as_they_are_printed(az):
    quota = az(
        *refused(
            409,
            "PolicyExemptionQuotaExceeded",
            "full",
            f"{GROUP}/providers/Microsoft.Authorization/policyExemptions/x",
            "PUT",
        )
    )
    assert quota == []
    made = az("lock", "create", "-n", "l", "-g", "rg-data", "--lock-type", "ReadOnly")
    listed = az(*refused(409, "ScopeLocked", f"the scope is locked: '{GROUP}'"))
    assert [row["name"] for row in listed["value"]] == ["l"]
    az("lock", "delete", "--ids", made["id"])
    principal = "11111111-1111-4111-8111-111111111111"
    message = f"The client 'x' with object id '{principal}' does not have authorization to perform action 'a/read' over scope '{GROUP}'"
    granted = az(*refused(403, "AuthorizationFailed", message))
    assert (granted["scope"], granted["principalId"]) == (GROUP, principal)
    az("role", "assignment", "delete", "--ids", granted["id"])


def test_what_doctor_and_a_notice_propose_runs_as_printed(az, tmp_path):
    role = tmp_path / "writer.json"
    (definition,) = role_definitions(Role.WRITER, [parse_scope(ROOT)])
    role.write_text(json.dumps(definition))
    assert az("role", "definition", "create", "--role-definition", os.fspath(role))["roleName"] == "Exempt Writer"
    built = az(
        *shlex.split(
            f"policy assignment create --name SecurityCenterBuiltIn --policy-set-definition {BENCHMARK} --scope {ONE}"
        )
    )
    updated = az(
        *shlex.split(
            f"policy assignment update --name SecurityCenterBuiltIn --scope {ONE} --definition-version '57.*.*'"
        )
    )
    assert (built["name"], updated["definitionVersion"]) == ("SecurityCenterBuiltIn", "57.*.*")
    az("policy", "assignment", "delete", "-n", "SecurityCenterBuiltIn", "--scope", ONE)
    az(
        "policy",
        "exemption",
        "create",
        "-n",
        "gone",
        "-g",
        "rg-data",
        "--policy-assignment",
        ASSIGNMENT,
        "-e",
        "Waiver",
    )
    az("resource", "delete", "--ids", exemption_id(GROUP, "gone"))
    assert az("policy", "exemption", "list", "-g", "rg-data") == []
    assert az("account", "show", "--query", "tenantId") == contoso.TENANT_ID
    assert az("resource", "list", "--name", "ledger", "--query", "[].id") == [DATABASE]
