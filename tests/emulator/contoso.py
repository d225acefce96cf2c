"""A small tenant of our own: two groups, two subscriptions, one initiative with three policies, assigned at the top."""

ROOT = "/providers/Microsoft.Management/managementGroups/contoso"
CORP = "/providers/Microsoft.Management/managementGroups/corp"
ONE = "/subscriptions/00000000-0000-4000-8000-000000000001"
TWO = "/subscriptions/00000000-0000-4000-8000-000000000002"
GROUP = f"{ONE}/resourceGroups/rg-data"
SERVER = f"{GROUP}/providers/Microsoft.Sql/servers/legacy-sql"
DATABASE = f"{SERVER}/databases/ledger"
TENANT_ID = "c0ffee00-0000-4000-8000-0000000000aa"

AUTHORIZATION = "/providers/Microsoft.Authorization"
ASSIGNMENT = f"{ROOT}{AUTHORIZATION}/policyAssignments/baseline"
CORP_ASSIGNMENT = f"{CORP}{AUTHORIZATION}/policyAssignments/corp-baseline"
POLICY_ASSIGNMENT = f"{ONE}{AUTHORIZATION}/policyAssignments/tde-only"
INITIATIVE = f"{ROOT}{AUTHORIZATION}/policySetDefinitions/house-rules"
POLICIES = [f"{ROOT}{AUTHORIZATION}/policyDefinitions/rule-{number}" for number in (1, 2, 3)]


def tenant(**more):
    """The tenant file's content; keyword arguments replace or add lists."""
    return {
        "tenantId": TENANT_ID,
        "managementGroups": [
            {"name": "contoso", "displayName": "Contoso", "parent": None},
            {"name": "corp", "displayName": "Corp", "parent": "contoso"},
        ],
        "subscriptions": [
            {"id": ONE.split("/")[2], "displayName": "one", "managementGroup": "corp"},
            {"id": TWO.split("/")[2], "displayName": "two", "managementGroup": "contoso"},
        ],
        "resources": [DATABASE, f"{TWO}/resourceGroups/rg-web"],
        "policyDefinitions": [
            {
                "id": each,
                "properties": {"displayName": each[-6:], "policyRule": {"if": {}, "then": {"effect": "audit"}}},
            }
            for each in POLICIES
        ],
        "policySetDefinitions": [
            {
                "id": INITIATIVE,
                "properties": {
                    "displayName": "House rules",
                    "policyDefinitions": [
                        {"policyDefinitionId": each, "policyDefinitionReferenceId": f"Rule{number}"}
                        for number, each in enumerate(POLICIES, 1)
                    ],
                },
            }
        ],
        "policyAssignments": [
            {"id": ASSIGNMENT, "properties": {"policyDefinitionId": INITIATIVE}},
            {"id": CORP_ASSIGNMENT, "properties": {"policyDefinitionId": INITIATIVE}},
            {"id": POLICY_ASSIGNMENT, "properties": {"policyDefinitionId": POLICIES[0]}},
        ],
        **more,
    }


def exemption_id(scope, name="waived"):
    return f"{scope}{AUTHORIZATION}/policyExemptions/{name}"


def exemptions_of(scope):
    return f"{scope}{AUTHORIZATION}/policyExemptions"


def waiver(**more):
    """The properties of an exemption from the initiative at the top."""
    return {"policyAssignmentId": ASSIGNMENT, "exemptionCategory": "Waiver", **more}


def seeded(scope, name, **more):
    """An exemption as a tenant file has it."""
    return {"id": exemption_id(scope, name), "properties": waiver(**more)}
