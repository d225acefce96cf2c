"""What Defender says of a resource: findings, what policies and exemptions do to them, and when."""

import contoso
import emulated
import pytest
from contoso import DATABASE, GROUP, ONE, ROOT, SERVER, TWO
from defended import ASSESSMENT, DAY, MCSB, NIST, PRICINGS, REFERENCES, TDE, finding, mcsb, nist, status, waiver

GRAPH = "/providers/Microsoft.ResourceGraph/resources"
MACHINE = "web01_b53988df-1137-41f2-99ff-52d49d7f53e1_ec2ad76a-fc72-bc3a-f0d7-017756d33d5e"
WORKSPACE = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/logs"


@pytest.fixture
def defended(start):
    """`defended(**lists)`: the emulator and a client, with one unhealthy database below both initiatives."""

    def begin(**more):
        lists = {"policyAssignments": [mcsb(), nist()], "assessments": [finding(DATABASE)], **more}
        cloud = start(**lists)
        return cloud, emulated.Client(cloud)

    return begin


def ask_graph(arm, query):
    return arm.request("POST", GRAPH, {"query": query}, version="2022-10-01").json["data"]


# --- which state -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exemptions", "expected"),
    [
        ([], "Unhealthy"),
        ([waiver(MCSB), waiver(NIST)], "NotApplicable Exempt"),
        ([waiver(MCSB)], "Unhealthy"),
        ([waiver(NIST)], "Unhealthy"),
        ([waiver(MCSB), waiver(NIST, expiresOn="2025-06-01")], "Unhealthy"),
        ([waiver(MCSB), waiver(NIST, expiresOn="2098-06-01")], "NotApplicable Exempt"),
        ([waiver(MCSB), waiver(NIST, policyDefinitionReferenceIds=["other"])], "Unhealthy"),
        ([waiver(MCSB), waiver(NIST, policyDefinitionReferenceIds=[])], "NotApplicable Exempt"),
        ([waiver(MCSB), waiver(NIST, scope=TWO)], "Unhealthy"),
        ([waiver(MCSB, scope=ROOT), waiver(NIST, scope=DATABASE)], "NotApplicable Exempt"),
        ([waiver(MCSB), waiver(NIST, resourceSelectors=[
            {"name": "x", "selectors": [{"kind": "resourceLocation", "in": ["northeurope"]}]}
        ])], "Unhealthy"),
        ([waiver(MCSB, exemptionCategory="Mitigated"), waiver(NIST)], "NotApplicable Exempt"),
    ],
)  # fmt: skip
def test_an_exemption_in_every_initiative_that_evaluates_it(defended, exemptions, expected):
    _, arm = defended(policyExemptions=exemptions)
    assert status(arm) == expected


OFF = {"kind": "policyEffect", "value": "Disabled"}


def off(assignment):
    selectors = [{"kind": "policyDefinitionReferenceId", "in": [REFERENCES[assignment].upper()]}]
    return [{**OFF, "selectors": selectors}]


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        ([mcsb(overrides=off(MCSB)), nist(overrides=off(NIST))], "NotApplicable OffByPolicy"),
        ([mcsb(overrides=off(MCSB)), nist()], "Unhealthy"),
        ([mcsb(overrides=[OFF])], "NotApplicable OffByPolicy"),
        ([mcsb(notScopes=[GROUP]), nist(notScopes=[ONE])], None),
        ([mcsb(notScopes=[GROUP]), nist()], "Unhealthy"),
        ([mcsb(notScopes=[GROUP]), nist(overrides=off(NIST))], "NotApplicable OffByPolicy"),
        ([mcsb(resourceSelectors=[{"name": "x", "selectors": [{"kind": "resourceType", "in": ["a/b"]}]}])], None),
        ([mcsb(enforcementMode="DoNotEnforce")], "Unhealthy"),
        ([nist()], None),
        ([], None),
    ],
)
def test_what_assignments_say(defended, assignments, expected):
    _, arm = defended(policyAssignments=assignments)
    assert status(arm) == expected
    rows = arm.list(f"{ONE}/providers/Microsoft.Security/assessments", version="2021-06-01")
    assert len(rows) == (expected is not None)
    assert len(ask_graph(arm, "securityresources | where type == 'microsoft.security/assessments'")) == len(rows)


def test_one_disabled_initiative_needs_no_exemption(defended):
    _, arm = defended(policyAssignments=[mcsb(), nist(overrides=off(NIST))], policyExemptions=[waiver(MCSB)])
    assert status(arm) == "NotApplicable Exempt"


PARAMETERS = {"parameters": {"effect": {"value": "[parameters('tde')]"}}}


@pytest.mark.parametrize(
    ("default", "assigned", "expected"),
    [
        ("AuditIfNotExists", {}, "Unhealthy"),
        ("Disabled", {}, "NotApplicable OffByPolicy"),
        ("Disabled", {"TDE": {"value": "AuditIfNotExists"}}, "Unhealthy"),
        ("AuditIfNotExists", {"tde": {"value": "disabled"}}, "NotApplicable OffByPolicy"),
    ],
)
def test_effects_come_through_parameters(defended, default, assigned, expected):
    policy = "/providers/Microsoft.Authorization/policyDefinitions/17k78e20-9358-41c9-923c-fb736d382a12"
    member = {"policyDefinitionId": policy, "policyDefinitionReferenceId": "tde", **PARAMETERS}
    benchmark = mcsb()["properties"]["policyDefinitionId"]
    own = {"parameters": {"tde": {"type": "String", "defaultValue": default}}, "policyDefinitions": [member]}
    _, arm = defended(
        policySetDefinitions=[{"id": benchmark, "properties": own}], policyAssignments=[mcsb(parameters=assigned)]
    )
    assert status(arm) == expected
    path = f"{ONE}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults"
    states = arm.request("POST", path, version="2019-10-01").json["value"]
    assert [state["complianceState"] for state in states] == (["NonCompliant"] if expected == "Unhealthy" else [])


def test_all_policies_behind_a_recommendation_count(defended):
    policies = [f"{contoso.AUTHORIZATION}/policyDefinitions/{name}" for name in (
        "17k78e20-9358-41c9-923c-fb736d382a12", "404c3081-a854-4457-ae30-26a93ef643f9"
    )]  # fmt: skip
    several = {"name": TDE, "properties": {"displayName": "Both"}, "policyDefinitionIds": policies}
    references = ["sqlDbEncryptionMonitoring", "secureTransferToStorageAccountMonitoring"]
    _, arm = defended(
        assessmentMetadata=[several],
        policyAssignments=[mcsb()],
        policyExemptions=[waiver(MCSB, policyDefinitionReferenceIds=references)],
    )
    assert status(arm) == "NotApplicable Exempt"
    shown = arm.get(f"/providers/Microsoft.Security/assessmentMetadata/{TDE}").json
    assert (shown["properties"]["policyDefinitionId"], "policyDefinitionIds" in shown) == (policies[0], False)
    _, arm = defended(
        assessmentMetadata=[several], policyAssignments=[mcsb()], policyExemptions=[waiver(MCSB)]
    )  # fmt: skip
    assert status(arm) == "Unhealthy"


def test_a_finding_without_policy_stays(defended):
    metadata = {"name": TDE, "properties": {"displayName": "By itself", "policyDefinitionId": ""}}
    _, arm = defended(assessmentMetadata=[metadata], policyExemptions=[waiver(MCSB), waiver(NIST)])
    assert status(arm) == "Unhealthy"


def test_a_finding_whose_policies_nothing_holds_stays(defended):
    key = "94290b00-4d0c-d7b4-7cea-064a9554e681"  # its policy is in today's benchmark no longer
    _, arm = defended(assessments=[finding(ONE, key=key)])
    assert status(arm, f"{ONE}/providers/Microsoft.Security/assessments/{key}") == "Unhealthy"


@pytest.mark.parametrize(
    ("code", "exempt"), [("Healthy", "NotApplicable Exempt"), ("NotApplicable", "NotApplicable NoNsgOnVm")]
)
def test_healthy_ones_become_exempt_and_others_keep_their_cause(defended, code, exempt):
    cause = {"cause": "NoNsgOnVm"} if code == "NotApplicable" else {}
    _, arm = defended(
        assessments=[finding(DATABASE, status={"code": code, **cause})], policyExemptions=[waiver(MCSB), waiver(NIST)]
    )
    assert status(arm) == exempt


def test_foundational_cspm_off(defended):
    cloud, arm = defended()
    assert arm.put(f"{PRICINGS}/FoundationalCspm", {"pricingTier": "Free"}).status == 200
    assert status(arm) is None
    (plan,) = cloud.dump()["pricings"]
    with emulated.running(cloud.dump()) as again:
        assert status(emulated.Client(again)) is None
    assert plan["properties"] == {"pricingTier": "Free"}
    arm.put(f"{PRICINGS}/FoundationalCspm", {"pricingTier": "Standard"})
    assert status(arm) == "Unhealthy"


def test_what_a_customer_assesses_depends_on_nothing(defended):
    _, arm = defended(policyAssignments=[])
    key = "8f211ea8-777b-45c4-8631-776d535afd62"
    arm.put(
        f"{ONE}/providers/Microsoft.Security/assessmentMetadata/{key}",
        {"displayName": "Ours", "severity": "High", "assessmentType": "CustomerManaged"},
    )
    path = f"{ONE}/providers/Microsoft.Security/assessments/{key}"
    arm.put(path, {"status": {"code": "Unhealthy"}})
    assert status(arm, path) == "Unhealthy"


# --- when --------------------------------------------------------------------------------------------------------


def test_an_exemption_takes_effect_after_the_delay_and_ends_after_the_delay(defended):
    cloud, arm = defended()
    clock = cloud.tenant.clock
    end = clock.now().date().replace(year=clock.now().year + 1).isoformat()
    for exemption in (waiver(MCSB, expiresOn=end), waiver(NIST)):
        assert arm.put(exemption["id"], exemption["properties"]).status == 201
    seen = []
    for hours in (0, 23, 2):
        clock.advance(hours * 3600)
        seen.append(status(arm))
    assert seen == ["Unhealthy", "Unhealthy", "NotApplicable Exempt"]
    clock.advance(400 * DAY)
    assert status(arm) == "Unhealthy"


def test_what_is_updated_stays_exempt_and_what_is_deleted_or_narrowed_for_a_day(defended):
    cloud, arm = defended(policyExemptions=[waiver(MCSB), waiver(NIST)])
    mine = waiver(NIST)
    arm.put(mine["id"], {**mine["properties"], "description": "again"})
    assert status(arm) == "NotApplicable Exempt"
    arm.put(mine["id"], {**mine["properties"], "policyDefinitionReferenceIds": ["useRbacRulesMonitoring"]})
    arm.delete(waiver(MCSB)["id"])
    cloud.tenant.clock.advance(DAY - 60)
    assert status(arm) == "NotApplicable Exempt"
    cloud.tenant.clock.advance(120)
    assert status(arm) == "Unhealthy"


def test_a_newly_assigned_initiative_counts_after_the_delay(defended):
    cloud, arm = defended(policyAssignments=[mcsb()], policyExemptions=[waiver(MCSB)])
    arm.put(NIST, nist()["properties"])
    assert status(arm) == "NotApplicable Exempt"
    cloud.tenant.clock.advance(DAY + 60)
    assert status(arm) == "Unhealthy"


def test_the_delay_is_the_tenant_files(defended):
    cloud, arm = defended(policyAssignments=[mcsb()], defender={"evaluationDelay": 60})
    arm.put(waiver(MCSB)["id"], waiver(MCSB)["properties"])
    assert status(arm) == "Unhealthy"
    cloud.tenant.clock.advance(61)
    assert status(arm) == "NotApplicable Exempt"
    assert cloud.dump()["defender"] == {"evaluationDelay": 60}


def test_an_exemption_without_system_data_is_as_young_as_this_azure(defended):
    fresh = {name: value for name, value in waiver(MCSB).items() if name != "systemData"}
    cloud, arm = defended(policyAssignments=[mcsb()], policyExemptions=[fresh])
    assert status(arm) == "Unhealthy"
    cloud.tenant.clock.advance(DAY + 60)
    assert status(arm) == "NotApplicable Exempt"


# --- how it is shown ---------------------------------------------------------------------------------------------


def test_order_expansions_and_dates(defended):
    _, arm = defended(policyExemptions=[waiver(MCSB), waiver(NIST)])
    plain = arm.get(ASSESSMENT, version="2021-06-01").json
    assert list(plain) == ["type", "id", "name", "properties"]
    assert list(plain["properties"]) == ["resourceDetails", "displayName", "status"]
    given = plain["properties"]["status"]
    assert list(given) == ["code", "cause", "description", "statusChangeDate", "firstEvaluationDate"]
    assert given["statusChangeDate"] == "2025-01-02T00:00:00Z"
    assert list(arm.get(ASSESSMENT, version="2020-01-01").json["properties"]["status"]) == [
        "code",
        "cause",
        "description",
    ]
    links = arm.get(ASSESSMENT, version="2021-06-01", expand="links").json["properties"]["links"]
    assert links["azurePortalUri"].endswith(f"/assessmentKey/{TDE}")
    metadata = arm.get(ASSESSMENT, version="2021-06-01", expand="metadata").json["properties"]["metadata"]
    assert metadata["policyDefinitionId"].endswith("/17k78e20-9358-41c9-923c-fb736d382a12")
    assert arm.get(ASSESSMENT, version="2021-06-01", expand="everything").status == 400


def test_rows_of_resource_graph_are_expanded_and_capitalised(defended):
    _, arm = defended(policyExemptions=[waiver(MCSB), waiver(NIST)])
    (row,) = ask_graph(arm, "securityresources | where type == 'microsoft.security/assessments'")
    assert row["id"] == ASSESSMENT
    properties = row["properties"]
    assert properties["resourceDetails"] == {"Source": "Azure", "Id": DATABASE}
    assert properties["status"]["cause"] == "Exempt"
    assert properties["metadata"]["severity"]
    assert TDE in properties["links"]["azurePortal"]


@pytest.mark.parametrize("given", [{}, {"resourceDetails": {
    "source": "OnPremise", "workspaceId": WORKSPACE, "vmuuid": MACHINE.split("_")[2],
    "sourceComputerId": MACHINE.split("_")[1], "machineName": "web01",
}}])  # fmt: skip
def test_a_machine_outside_azure(defended, given):
    _, arm = defended(assessments=[finding(f"{WORKSPACE}/onPremiseMachines/{MACHINE}", key="unknown", **given)])
    path = f"{ONE}/providers/Microsoft.Security/assessments"
    (new,), (old,) = (arm.list(path, version=version) for version in ("2021-06-01", "2020-01-01"))
    assert list(new["properties"]["resourceDetails"]) == [
        "source", "workspaceId", "vmuuid", "sourceComputerId", "machineName"
    ]  # fmt: skip
    assert list(old["properties"]["resourceDetails"]) == [
        "Source", "WorkspaceId", "VMUUID", "SourceComputerId", "MachineName"
    ]  # fmt: skip
    assert old["properties"]["resourceDetails"]["MachineName"] == "web01"
    resources = [row["id"] for row in arm.list(f"{ONE}/resources")]
    assert (WORKSPACE in resources, any("onPremise" in each for each in resources)) == (True, False)


def test_an_assessment_of_a_subscription(defended):
    key = "20606e75-05c4-48c0-9d97-add6daa2109a"
    _, arm = defended(assessments=[finding(ONE, key=key)])
    row = arm.get(f"{ONE}/providers/Microsoft.Security/assessments/{key}", version="2021-06-01").json
    assert row["properties"]["resourceDetails"] == {"source": "Azure", "id": ONE}


# --- plans -------------------------------------------------------------------------------------------------------


def test_plans_are_listed_and_filtered(arm):
    rows = arm.list(PRICINGS, version="2024-01-01")
    tiers = {row["name"]: row["properties"]["pricingTier"] for row in rows}
    assert tiers.pop("FoundationalCspm") == "Standard"
    assert (set(tiers.values()), len(tiers)) == ({"Free"}, 15)
    dns = next(row for row in rows if row["name"] == "Dns")
    assert (dns["properties"]["deprecated"], dns["properties"]["replacedBy"]) == (True, ["VirtualMachines"])
    named = arm.list(PRICINGS, version="2024-01-01", filter="name in (VirtualMachines,keyvaults)")
    assert [row["name"] for row in named] == ["VirtualMachines", "KeyVaults"]
    assert arm.get(PRICINGS, filter="name eq 'x'").code == "InvalidFilterInQueryString"
    assert arm.get(f"{SERVER}/providers/Microsoft.Security/pricings").code == "NotModelled"
    graph = ask_graph(arm, "securityresources | where type == 'microsoft.security/pricings' | where name =~ 'Arm'")
    assert [row["subscriptionId"] for row in graph] == [ONE.split("/")[2], TWO.split("/")[2]]


def test_a_plan_is_turned_on_and_off(arm):
    path = f"{PRICINGS}/virtualmachines"
    made = arm.put(path, {"pricingTier": "standard", "subPlan": "P2"}, version="2023-01-01").json
    assert (made["name"], made["id"]) == ("VirtualMachines", f"{PRICINGS}/VirtualMachines")
    assert list(made["properties"]) == ["enablementTime", "subPlan", "pricingTier", "freeTrialRemainingTime"]
    assert made["properties"]["pricingTier"] == "Standard"
    again = arm.put(path, {"pricingTier": "Standard"}).json["properties"]
    assert again["enablementTime"] == made["properties"]["enablementTime"]
    off = arm.put(path, {"pricingTier": "free"}, version="2023-01-01").json["properties"]
    assert off == {"pricingTier": "Free", "freeTrialRemainingTime": "PT0S"}
    assert arm.put(path, {"pricingTier": "Gold"}).status == 400
    assert arm.get(f"{PRICINGS}/Nothing").status == 404
    assert arm.delete(path).status == 405
