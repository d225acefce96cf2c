"""ARM's JSON and our values say the same, and what we do not model survives the way there and back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.arm import canonical, objects
from reconciler.model import ResourceSelector, Selector, arm_id

SUBSCRIPTION = "/subscriptions/5a1e0001-0000-4000-8000-000000000001"
ASSIGNMENT = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/policyAssignments/mcsb"


def exemption_json(**properties):
    return {
        "id": f"{SUBSCRIPTION}/resourceGroups/rg-Data/providers/Microsoft.Authorization/policyExemptions/Legacy",
        "name": "Legacy",
        "type": "Microsoft.Authorization/policyExemptions",
        "properties": {"policyAssignmentId": ASSIGNMENT, "exemptionCategory": "Waiver", **properties},
        "systemData": {
            "createdBy": "ada@contoso.example",
            "createdByType": "User",
            "createdAt": "2026-01-05T10:00:00.1234567Z",
            "lastModifiedBy": "ada@contoso.example",
            "lastModifiedByType": "User",
            "lastModifiedAt": "2026-01-06T10:00:00Z",
        },
    }


def test_every_modelled_property_is_read_and_written_back():
    properties = {
        "policyDefinitionReferenceIds": ["sqlAuditing", "SqlTde"],
        "displayName": "Legacy server",
        "description": "Retires in January",
        "expiresOn": "2027-01-31T23:59:59.5000000Z",
        "assignmentScopeValidation": "DoNotValidate",
        "resourceSelectors": [
            {"name": "eu", "selectors": [{"kind": "resourceLocation", "in": ["westeurope"]}]},
            {"name": "not-vm", "selectors": [{"kind": "resourceType", "notIn": ["Microsoft.Compute/virtualMachines"]}]},
        ],
        "metadata": {"ticket": "SEC-1"},
    }
    found = objects.decode_exemption(exemption_json(**properties))
    assert found.name == "Legacy"
    assert found.scope == arm_id(f"{SUBSCRIPTION}/resourceGroups/RG-DATA")
    assert found.expires_on == "2027-01-31T23:59:59.5Z"
    assert found.selectors[1] == ResourceSelector(
        "not-vm", (Selector(kind="resourceType", values=("Microsoft.Compute/virtualMachines",), negated=True),)
    )
    assert found.system.created_by_type == "User"
    assert found.system.created_at.microsecond == 123456
    written = objects.encode_exemption(found)["properties"]
    assert written == {
        **properties,
        "policyAssignmentId": ASSIGNMENT,
        "exemptionCategory": "Waiver",
        "expiresOn": "2027-01-31T23:59:59.5Z",
    }


def test_a_property_that_we_do_not_model_is_carried_over_since_a_put_replaces_the_whole():
    found = objects.decode_exemption(exemption_json(exemptionManagementMode="UserSelfServe", futureThing={"a": [1]}))
    assert found.extra == {"exemptionManagementMode": "UserSelfServe", "futureThing": {"a": [1]}}
    written = objects.encode_exemption(found)["properties"]
    assert written["exemptionManagementMode"] == "UserSelfServe"
    assert written["futureThing"] == {"a": [1]}


@pytest.mark.parametrize("empty", [{}, {"metadata": None, "expiresOn": None, "policyDefinitionReferenceIds": None}])
def test_what_the_service_leaves_out_or_nulls_is_absent(empty):
    found = objects.decode_exemption(exemption_json(**empty))
    assert (found.reference_ids, found.expires_on, found.metadata, found.extra) == ((), "", {}, {})


def test_an_exemption_without_system_data_has_none():
    value = exemption_json()
    del value["systemData"]
    assert objects.decode_exemption(value).system is None


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "policyDefinitionReferenceIds": st.lists(st.text(max_size=8), max_size=4),
            "displayName": st.text(max_size=20),
            "description": st.text(max_size=20),
            "expiresOn": st.sampled_from(["", "2027-01-31T00:00:00Z", "2027-01-31T00:00:00.1230000Z"]),
            "assignmentScopeValidation": st.sampled_from(["Default", "DoNotValidate"]),
            "metadata": st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3),
            "exemptionManagementMode": st.sampled_from(["Admin", "UserSelfServe"]),
            "resourceSelectors": st.lists(
                st.fixed_dictionaries(
                    {
                        "name": st.text(max_size=4),
                        "selectors": st.lists(
                            st.fixed_dictionaries(
                                {"kind": st.just("resourceType"), "in": st.lists(st.text(), min_size=1)}
                            ),
                            max_size=2,
                        ),
                    }
                ),
                max_size=2,
            ),
        },
    )
)
def test_what_is_written_reads_back_as_the_same_exemption(properties):
    once = objects.decode_exemption(exemption_json(**properties))
    body = json.loads(json.dumps(objects.encode_exemption(once)))
    again = objects.decode_exemption({**exemption_json(), "properties": body["properties"]})
    assert canonical.equivalent(once, again)
    assert canonical.encode_properties(once) == canonical.encode_properties(again)


def test_an_assignment_gives_its_parameters_as_values_and_its_definition_without_a_version():
    found = objects.decode_assignment(
        {
            "id": ASSIGNMENT,
            "properties": {
                "policyDefinitionId": "/providers/Microsoft.Authorization/policySetDefinitions/abc/versions/1.2.3",
                "displayName": "Benchmark",
                "notScopes": [f"{SUBSCRIPTION}/resourceGroups/sandbox"],
                "parameters": {"effect": {"value": "Disabled"}, "days": {"value": 7}, "odd": None},
                "overrides": [{"kind": "policyEffect", "value": "Audit"}],
            },
        }
    )
    assert str(found.definition) == "/providers/Microsoft.Authorization/policySetDefinitions/abc"
    assert found.is_initiative
    assert found.version == "1.2.3"
    assert found.parameters == {"effect": "Disabled", "days": 7}
    assert found.overrides[0]["value"] == "Audit"
    assert found.not_scopes == (arm_id(f"{SUBSCRIPTION}/resourcegroups/Sandbox"),)


def test_an_initiative_gives_its_members_effects_and_defaults():
    found = objects.decode_initiative(
        {
            "id": "/providers/Microsoft.Authorization/policySetDefinitions/abc/versions/2.0.0",
            "properties": {
                "version": "2.0.0",
                "displayName": "Set",
                "parameters": {"tdeEffect": {"defaultValue": "AuditIfNotExists"}, "free": {"type": "String"}},
                "policyDefinitions": [
                    {
                        "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/p1/versions/1.0.0",
                        "policyDefinitionReferenceId": "tde",
                        "parameters": {"Effect": {"value": "[parameters('tdeEffect')]"}},
                    },
                    {
                        "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/p2",
                        "policyDefinitionReferenceId": "audit",
                    },
                ],
            },
        }
    )
    assert str(found.id).endswith("/policySetDefinitions/abc")
    assert (found.version, found.defaults) == ("2.0.0", {"tdeEffect": "AuditIfNotExists"})
    assert [(one.definition.name, one.reference_id, one.effect) for one in found.members] == [
        ("p1", "tde", "[parameters('tdeEffect')]"),
        ("p2", "audit", None),
    ]


def test_a_policy_gives_the_effect_of_its_rule():
    found = objects.decode_policy(
        {
            "id": f"{SUBSCRIPTION}/providers/Microsoft.Authorization/policyDefinitions/tags",
            "properties": {
                "policyRule": {"if": {}, "then": {"effect": "[parameters('effect')]"}},
                "parameters": {"effect": {"defaultValue": "Disabled"}},
            },
        }
    )
    assert (found.effect, found.defaults) == ("[parameters('effect')]", {"effect": "Disabled"})
