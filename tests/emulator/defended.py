"""A tenant that Defender looks at: the benchmark and a second initiative that evaluate the same recommendation."""

import contoso
from contoso import AUTHORIZATION, DATABASE, GROUP, ONE, ROOT

TDE = "651967bf-044e-4bde-8376-3e08e0600105"
ASSESSMENT = f"{DATABASE}/providers/Microsoft.Security/assessments/{TDE}"
SETS = f"{AUTHORIZATION}/policySetDefinitions"
MCSB = f"{ROOT}{AUTHORIZATION}/policyAssignments/mcsb"
NIST = f"{ONE}{AUTHORIZATION}/policyAssignments/nist"
REFERENCES = {MCSB: "sqlDbEncryptionMonitoring", NIST: "17k78e20-9358-41c9-923c-fb736d382a12"}
PRICINGS = f"{ONE}/providers/Microsoft.Security/pricings"
DAY = 86_400


def assigned(identifier, name, **more):
    """An assignment of a built-in initiative."""
    return {"id": identifier, "properties": {"policyDefinitionId": f"{SETS}/{name}", **more}}


def mcsb(**more):
    return assigned(MCSB, "1f3afdf9-d0c9-4c3d-847f-89da613e70a8", **more)


def nist(**more):
    return assigned(NIST, "179d1daa-458f-4e47-8086-2a68d0d6c38f", **more)


def finding(resource, key=TDE, code="Unhealthy", **more):
    """What Defender finds on a resource before policies and exemptions."""
    return {
        "id": f"{resource}/providers/Microsoft.Security/assessments/{key}",
        "properties": {"status": {"code": code}, **more},
    }


def waiver(assignment, scope=GROUP, name=None, created="2025-01-01T00:00:00Z", **more):
    """An exemption of the recommendation in one assignment, long in effect unless `created` says otherwise."""
    properties = {
        "policyAssignmentId": assignment,
        "policyDefinitionReferenceIds": [REFERENCES[assignment]],
        "exemptionCategory": "Waiver",
        **more,
    }
    name = name or assignment.rsplit("/", 1)[-1]
    return {"id": contoso.exemption_id(scope, name), "properties": properties, "systemData": {"createdAt": created}}


def status(arm, path=ASSESSMENT):
    """`Unhealthy`, `NotApplicable Exempt` and so on; None where there is no row."""
    answer = arm.get(path, version="2021-06-01")
    if answer.status == 404:
        return None
    found = answer.json["properties"]["status"]
    return " ".join(filter(None, (found["code"], found.get("cause"))))
