"""What other local Azures leave out of the policy plane, row by row: each is here."""

import contoso
import emulated
import pytest
from contoso import (
    ASSIGNMENT,
    AUTHORIZATION,
    CORP,
    GROUP,
    INITIATIVE,
    ONE,
    POLICIES,
    SERVER,
    TWO,
    exemption_id,
    waiver,
)

MCSB = f"{AUTHORIZATION}/policySetDefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
RULE = {"if": {"field": "location", "notIn": ["eastus"]}, "then": {"effect": "deny"}}


def test_built_in_definitions_are_there_and_others_are_refused(arm):
    assert len(arm.list(f"{AUTHORIZATION}/policySetDefinitions")) > 1
    assert len(arm.get(MCSB).json["properties"]["policyDefinitions"]) > 200
    invented = f"{AUTHORIZATION}/policyDefinitions/00000000-0000-4000-8000-00000000dead"
    assert arm.get(invented).code == "PolicyDefinitionNotFound"
    refused = arm.put(f"{ONE}{AUTHORIZATION}/policyAssignments/x", {"policyDefinitionId": invented})
    assert refused.code == "InvalidCreatePolicyAssignmentRequest"


def test_management_groups_are_a_tree_and_inherited(arm):
    assert arm.get(f"{AUTHORIZATION.replace('Authorization', 'Management')}/managementGroups/none").status == 404
    names = [row["name"] for row in arm.list(f"{ONE}{AUTHORIZATION}/policyAssignments")]
    assert names == ["baseline", "corp-baseline", "tde-only"], "what the groups above assign applies here"
    assert [row["name"] for row in arm.list(f"{TWO}{AUTHORIZATION}/policyAssignments")] == ["baseline"]


def test_the_scope_of_an_exemption_is_validated_unless_told_not_to(arm):
    outside = waiver(policyAssignmentId=contoso.CORP_ASSIGNMENT)
    assert arm.put(exemption_id(TWO), outside).code == "InvalidCreatePolicyExemptionRequest"
    assert arm.put(exemption_id(TWO), {**outside, "assignmentScopeValidation": "DoNotValidate"}).status == 201


def test_versions_are_objects_and_pins_decide(arm):
    versions = arm.list(f"{MCSB}/versions")
    assert arm.get(versions[0]["id"]).json["properties"]["version"] == versions[0]["name"]
    assert arm.get(f"{MCSB}/versions/0.0.0").code == "PolicySetDefinitionVersionNotFound"


def test_who_wrote_it_is_who_called(cloud):
    portal, pipeline = emulated.Client(cloud, emulated.PORTAL), emulated.Client(cloud)
    made = portal.put(exemption_id(GROUP), waiver()).json["systemData"]
    assert (made["createdBy"], made["createdByType"]) == (emulated.PORTAL, "User")
    assert pipeline.put(exemption_id(GROUP), waiver()).json["systemData"]["lastModifiedByType"] == "Application"
    stamps = portal.put(f"{ONE}{AUTHORIZATION}/policyAssignments/x", {"policyDefinitionId": INITIATIVE}).json
    assert stamps["properties"]["metadata"]["updatedBy"] is None, "there from the beginning"


def test_lists_have_pages(start):
    arm = emulated.Client(start(limits={"pageSize": 2}))
    first = arm.get(f"{ONE}{AUTHORIZATION}/policyAssignments").json
    assert (len(first["value"]), "nextLink" in first) == (2, True)
    assert len(arm.list(f"{ONE}{AUTHORIZATION}/policyAssignments", top="1")) == 3


def test_deleting_an_assignment_leaves_its_exemptions(arm):
    arm.put(exemption_id(SERVER), waiver())
    assert arm.delete(ASSIGNMENT).status == 200
    assert arm.get(exemption_id(SERVER)).status == 200, "orphans stay, as Microsoft's troubleshooting has it"


@pytest.mark.parametrize(
    "rule",
    [{}, {"if": {}}, {"then": {"effect": "audit"}}, {"if": {}, "then": {}}, {"if": 1, "then": {"effect": "audit"}},
     {"if": {}, "then": {"effect": 5}}],
)  # fmt: skip
def test_a_rule_has_a_condition_and_an_effect(arm, rule):
    path = f"{CORP}{AUTHORIZATION}/policyDefinitions/mine"
    assert arm.put(path, {"policyRule": rule}).code == "InvalidPolicyRule"
    assert arm.put(path, {"displayName": "no rule"}).code == "InvalidRequestContent"
    assert arm.put(path, {"policyRule": RULE}).status == 201


def test_what_is_referred_to_stays(arm):
    assert arm.delete(POLICIES[0]).status == 400, "it is assigned"
    assert arm.delete(POLICIES[1]).status == 400, "it is in an initiative"
    assert arm.delete(INITIATIVE).status == 400


def test_user_assigned_identities_have_ids_that_stay(arm):
    identity = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/worker"
    body = {
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}},
        "location": "westeurope",
        "properties": {"policyDefinitionId": INITIATIVE},
    }
    path = f"{ONE}{AUTHORIZATION}/policyAssignments/worker"
    first, second = (
        arm.request("PUT", path, body).json["identity"]["userAssignedIdentities"][identity] for _ in range(2)
    )
    assert first == second
    assert set(first) == {"principalId", "clientId"}


def test_the_state_can_be_kept(cloud, arm):
    arm.put(exemption_id(SERVER), waiver())
    with emulated.running(cloud.dump()) as again:
        assert emulated.Client(again).get(exemption_id(SERVER)).json == arm.get(exemption_id(SERVER)).json


def test_parameters_are_those_that_the_definition_declares(arm):
    """`a` must be set, `b` need not; both are used by the rule."""
    policy, initiative = f"{CORP}{AUTHORIZATION}/policyDefinitions/p", f"{CORP}{AUTHORIZATION}/policySetDefinitions/s"
    rule = {"if": {"field": "location", "in": "[parameters('a')]"}, "then": {"effect": "[parameters('B')]"}}
    declared = {"a": {"type": "Array"}, "b": {"type": "String", "defaultValue": "audit"}}
    assert arm.put(policy, {"policyRule": rule}).code == "InvalidPolicyRule", "neither is declared"
    assert arm.put(policy, {"policyRule": rule, "parameters": declared}).status == 201

    def assign(definition, **parameters):
        values = {name: {"value": value} for name, value in parameters.items()}
        return arm.put(
            f"{ONE}{AUTHORIZATION}/policyAssignments/x", {"policyDefinitionId": definition, "parameters": values}
        )

    assert assign(policy).code == "MissingPolicyParameter"
    refused = assign(policy, a=[], c=1, d=1)
    assert refused.code == "UndefinedPolicyParameter"
    assert refused.message.endswith(
        "'x' has the parameter(s) 'c,d' which are not defined in the policy definition 'p'."
    )
    assert assign(policy, A=[]).status == 201

    def gather(**parameters):
        member = {"policyDefinitionId": policy, "policyDefinitionReferenceId": "r", "parameters": parameters}
        return arm.put(initiative, {"policyDefinitions": [member], "parameters": {"places": {"type": "Array"}}})

    assert gather().code == "MissingPolicyParameter"
    assert gather(a={"value": []}, z={"value": 1}).code == "UndefinedPolicyParameter"
    assert gather(a={"value": "[parameters('places')]"}).status == 201
    assert assign(initiative, places=[]).status == 201
    assert assign(MCSB, whatever=1).status == 201, "of Azure's own the parameters are not bundled"
