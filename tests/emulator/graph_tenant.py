"""A tenant in which the queries about policies, assessments and inventories find something."""

import contoso
from contoso import ASSIGNMENT, CORP_ASSIGNMENT, DATABASE, GROUP, ONE, POLICIES, SERVER, TWO, seeded

SELECTORS = [{"name": "west", "selectors": [{"kind": "resourceLocation", "in": ["westeurope"]}]}]

SQL_RULE = {"if": {"field": "type", "equals": "Microsoft.Sql/servers"}, "then": {"effect": "audit"}}


def assessment(scope, key, code, cause="", **more):
    """One assessment of a resource."""
    status = {"code": code, **({"cause": cause, "description": f"{cause}ed by policy"} if cause else {})}
    properties = {"displayName": f"Recommendation {key}", "status": status, **more}
    properties["resourceDetails"] = {"Source": "Azure", "Id": scope}
    return {"id": f"{scope}/providers/Microsoft.Security/assessments/{key}", "properties": properties}


def content():
    """The tenant file's content."""
    return contoso.tenant(
        resources=[
            DATABASE,
            {"id": SERVER, "location": "westeurope", "tags": {"env": "prod", "team": "data"}},
            {"id": f"{GROUP}/providers/Microsoft.KeyVault/vaults/KV-Red", "location": "northeurope", "tags": {}},
            f"{TWO}/resourceGroups/rg-web",
        ],
        policyDefinitions=[
            {"id": policy, "properties": {"displayName": policy[-6:], "policyRule": SQL_RULE}} for policy in POLICIES
        ],
        policyStates=[{"resourceId": DATABASE, "policyDefinitionId": POLICIES[1], "complianceState": "NonCompliant"}],
        policyExemptions=[
            seeded(ONE, "old-waiver", expiresOn="2025-01-01", policyDefinitionReferenceIds=["Rule1", "Rule2"]),
            seeded(GROUP, "open", metadata={"owner": "data@contoso.example", "ticket": "see SEC-12"}, description="x"),
            seeded(SERVER, "narrow", expiresOn="2098-12-31", resourceSelectors=SELECTORS),
            {**seeded(TWO, "other"), "properties": {
                "policyAssignmentId": ASSIGNMENT, "exemptionCategory": "Mitigated", "policyDefinitionReferenceIds": [],
            }},
            {**seeded(SERVER, "orphan"), "properties": {
                "policyAssignmentId": CORP_ASSIGNMENT + "-gone", "exemptionCategory": "Waiver", "description": "y",
            }, "id": seeded(TWO, "orphan")["id"]},
        ],
        assessments=[
            assessment(SERVER, "a1", "NotApplicable", "Exempt", metadata={"severity": "High"}, score={"n": 3, "on": True}),
            assessment(SERVER, "a2", "Unhealthy", metadata={"severity": "Low"}, score={"n": 0, "on": False}),
            assessment(DATABASE, "a2", "Healthy", additionalData={"k": "x"}, score={"n": 4}),
            assessment(DATABASE, "a3", "Unhealthy"),
        ],
    )  # fmt: skip
