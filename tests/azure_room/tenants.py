"""Small tenants for the tests of the azure room, and settings that manage them."""

from reconciler.model import Settings, arm_id

GROUP = "/providers/Microsoft.Management/managementGroups/"
AUTHORIZATION = "/providers/Microsoft.Authorization"
MCSB = f"{AUTHORIZATION}/policySetDefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"


def subscription(number):
    return f"/subscriptions/5a1e0001-0000-4000-8000-{number:012d}"


def assignment(scope, name, definition=MCSB, **properties):
    return {
        "id": f"{scope}{AUTHORIZATION}/policyAssignments/{name}",
        "properties": {"policyDefinitionId": definition, **properties},
    }


def exemption(scope, name, assignment_id, **properties):
    return {
        "id": f"{scope}{AUTHORIZATION}/policyExemptions/{name}",
        "properties": {"policyAssignmentId": assignment_id, "exemptionCategory": "Waiver", **properties},
    }


def tenant(**more):
    """corp > landing > three subscriptions; the benchmark assigned at corp."""
    content = {
        "managementGroups": [
            {"name": "corp", "displayName": "Corp", "parent": None},
            {"name": "landing", "displayName": "Landing zones", "parent": "corp"},
        ],
        "subscriptions": [
            {
                "id": subscription(number).rsplit("/", 1)[-1],
                "displayName": f"sub {number}",
                "managementGroup": "landing",
            }
            for number in range(3)
        ],
        "policyAssignments": [assignment(f"{GROUP}corp", "mcsb")],
    }
    return {**content, **more}


def settings_of(cloud, *scopes, **more):
    scopes = tuple(map(arm_id, scopes)) or (arm_id(f"{GROUP}corp"),)
    return Settings(owner="contoso/exemptions", tenant_id=cloud.tenant.id, scopes=scopes, **more)
