"""The forms that public recordings of Azure have, as small cases of our own: request, status, names in the order of the wire.

A form like `properties(level) id` stands for `properties.level id`; `[]` marks a list, of which the first entry counts.
What people make up (tags, metadata, parameters, rows of Resource Graph) has no names of its own here.
"""

from __future__ import annotations

import re

from contoso import ASSIGNMENT, AUTHORIZATION, CORP, GROUP, INITIATIVE, ONE, POLICIES, ROOT, SERVER, exemption_id

PERSON = "aaaa0000-0000-4000-8000-000000000001"
READER = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
BUILT_IN = "/providers/Microsoft.Authorization/policyDefinitions/pine-needles"
LOCK = f"{GROUP}{AUTHORIZATION}/locks/keep"
TAGS = f"{GROUP}/providers/Microsoft.Resources/tags/default"
GROUPS = "/providers/Microsoft.Management/managementGroups"
SETTLING = "/providers/Microsoft.Management/operationResults"
STATES = "/providers/Microsoft.PolicyInsights/policyStates/latest"
SECURITY = f"{ONE}/providers/Microsoft.Security"
KEY = "5eed0000-0000-4000-8000-000000000001"
GRAPH = "/providers/Microsoft.ResourceGraph/resources"
RG = f"{ONE}/resourcegroups/rg-pine"
MINE = f"{GROUP}{AUTHORIZATION}/policyAssignments/pine"
OF_ONE = f"{GROUP}{AUTHORIZATION}/policyAssignments/one"
WAIVED = exemption_id(SERVER, "pine")
PLAIN = {"policyAssignmentId": ASSIGNMENT, "exemptionCategory": "Waiver"}
DESCRIBED = {**PLAIN, "displayName": "d", "description": "e"}
RULE = {"if": {"allOf": [{"field": "type", "notEquals": "x"}]}, "then": {"effect": "audit"}}
ROLE = {"roleDefinitionId": READER, "principalId": PERSON}
OWN_ROLE = {"roleName": "Pine", "description": "d", "assignableScopes": [ONE], "permissions": [{"actions": ["*/read"]}]}
OWN_METADATA = {"displayName": "d", "assessmentType": "CustomerManaged", "description": "e", "severity": "Low"}

CONTENT = {
    "principals": [{"objectId": PERSON, "name": "pine@contoso.example", "type": "User", "roles": []}],
    "policyDefinitions": [
        {"id": POLICIES[0], "properties": {"displayName": "one", "policyRule": RULE}},
        {
            "id": BUILT_IN,
            "properties": {
                "displayName": "Needles",
                "mode": "All",
                "description": "d",
                "metadata": {"version": "1.0.0"},
                "parameters": {"a": {"type": "String"}},
                "policyRule": RULE,
            },
        },
    ],
    "policySetDefinitions": [
        {
            "id": INITIATIVE,
            "properties": {
                "policyDefinitions": [
                    {"policyDefinitionId": POLICIES[0], "policyDefinitionReferenceId": "Rule1", "groupNames": ["g"]}
                ]
            },
        }
    ],
    "policyAssignments": [
        {"id": ASSIGNMENT, "properties": {"policyDefinitionId": INITIATIVE}},
        {"id": OF_ONE, "properties": {"policyDefinitionId": POLICIES[0]}},
    ],
    "policyStates": [{"resourceId": GROUP, "policyDefinitionId": POLICIES[0], "complianceState": "NonCompliant"}],
}
"""What the tenant holds beside the two groups, two subscriptions and resources of this room."""

_SYSTEM = "systemData(createdBy createdByType createdAt lastModifiedBy lastModifiedByType lastModifiedAt)"
_SETTLED = "tenantId displayName details(version updatedTime updatedBy)"
_GROUP = "tenantId displayName details(version updatedTime updatedBy parent(id name displayName))"
_MEMBER = "name id type properties(displayName parent(id name displayName) state tenant)"
_ASSIGNMENT = "properties(policyDefinitionId scope {} metadata enforcementMode {}) id type name " + _SYSTEM
_EXEMPTION = "properties(policyAssignmentId {}) id type name " + _SYSTEM
_ROLE = (
    "properties(roleDefinitionId principalId principalType scope createdOn updatedOn createdBy updatedBy) id type name"
)
_ROLE_DEFINITION = (
    "properties(roleName type description assignableScopes[]"
    " permissions[](actions[] notActions[] dataActions[] notDataActions[])"
    " createdOn updatedOn createdBy updatedBy) id type name"
)
_ROW = (
    "timestamp resourceId policyAssignmentId policyDefinitionId effectiveParameters isCompliant subscriptionId resourceType"
    " resourceLocation resourceGroup resourceTags policyAssignmentName policyAssignmentOwner policyAssignmentParameters"
    " policyAssignmentScope policyDefinitionName policyDefinitionAction policyDefinitionCategory policySetDefinitionId"
    " policySetDefinitionName policySetDefinitionOwner policySetDefinitionCategory policySetDefinitionParameters"
    " managementGroupIds policyDefinitionReferenceId complianceState policyDefinitionGroupNames[] policyDefinitionVersion"
    " policySetDefinitionVersion policyAssignmentVersion complianceReasonCode"
)
_DETAILS = "resourceDetails[]{0} policyDetails[]{0} policyGroupDetails[]{0}"
_COUNTS = _DETAILS.format("(complianceState count)")
_PART = f"results(queryResultsUri nonCompliantResources {_COUNTS})"
_WHOLE = f"results(queryResultsUri nonCompliantResources nonCompliantPolicies {_COUNTS})"
_SUMMARY = (
    f"@odata.context @odata.count value[](@odata.id @odata.context {_WHOLE}"
    f" policyAssignments[](policyAssignmentId policySetDefinitionId {_WHOLE}"
    f" policyDefinitions[](policyDefinitionGroupNames[] policyDefinitionReferenceId policyDefinitionId effect {_PART})"
    f" policyGroups[](policyGroupName {_PART})))"
)
_NO_SUMMARY = (
    "@odata.context @odata.count value[](@odata.id @odata.context results(queryResultsUri nonCompliantResources"
    f" nonCompliantPolicies {_DETAILS.format('')}) policyAssignments[])"
)
_PROVIDER = (
    "id namespace authorization(applicationId roleDefinitionId)"
    " resourceTypes[](resourceType locations[] apiVersions[] capabilities) registrationState registrationPolicy"
)
_SCORE = "id name type properties(displayName score(max current percentage) weight)"
_METADATA = "id name type properties(displayName assessmentType description {})"
_ALL_METADATA = _METADATA.format(
    "remediationDescription categories[] severity userImpact implementationEffort threats[]"
)
_NOT_FOUND = "error(code message)"


def _of(properties):
    return {"properties": properties}


CASES = [
    # locks
    ("PUT", LOCK, "2016-09-01", _of({"level": "ReadOnly"}), 201, "properties(level) id type name"),
    ("GET", LOCK, "2016-09-01", None, 200, "properties(level) id type name"),
    ("GET", f"{GROUP}{AUTHORIZATION}/locks", "2016-09-01", None, 200, "value[](properties(level) id type name)"),
    ("PUT", LOCK, "2016-09-01", _of({"level": "CanNotDelete", "notes": "n"}), 200, "properties(level notes) id type name"),
    ("DELETE", LOCK, "2016-09-01", None, 200, ""),
    # management groups, by a version of today and by one of 2018
    ("PUT", f"{GROUPS}/pine", "2021-04-01", _of({"displayName": "Pine"}), 202, "id type name status"),
    ("GET", f"{SETTLING}/create/managementGroups/pine", "2021-04-01", None, 200, "id name status"),
    ("GET", f"{SETTLING}/create/managementGroups/pine", "2021-04-01", None, 200, f"id name status properties({_SETTLED})"),
    ("PUT", f"{GROUPS}/pine", "2021-04-01", _of({"displayName": "Pine"}), 200, f"id type name properties({_GROUP})"),
    ("GET", f"{GROUPS}/pine", "2021-04-01", None, 200, f"id type name properties({_GROUP})"),
    ("PATCH", f"{GROUPS}/pine", "2021-04-01", {"displayName": "P"}, 200, f"id type name properties({_GROUP})"),
    ("PUT", f"{GROUPS}/pine/subscriptions/{ONE[15:]}", "2021-04-01", None, 200, _MEMBER),
    ("GET", f"{GROUPS}/pine/subscriptions", "2021-04-01", None, 200, f"value[]({_MEMBER})"),
    ("DELETE", f"{GROUPS}/pine/subscriptions/{ONE[15:]}", "2021-04-01", None, 200, ""),
    ("PUT", f"{CORP}/subscriptions/{ONE[15:]}", "2021-04-01", None, 200, _MEMBER),
    ("DELETE", f"{GROUPS}/pine", "2021-04-01", None, 202, "id type name status"),
    ("GET", f"{SETTLING}/delete/managementGroups/pine", "2021-04-01", None, 200, "id name status"),
    ("PUT", f"{GROUPS}/fir", "2018-03-01-preview", _of({}), 202, "id type name status"),
    ("GET", f"{SETTLING}/create/managementGroups/fir", "2018-03-01-preview", None, 202, "id type name status"),
    (
        "GET",
        f"{ROOT}?$expand=children&$recurse=true",
        "2021-04-01",
        None,
        200,
        f"id type name properties({_GROUP} children[](id type name displayName children[](id type name displayName)))",
    ),
    # definitions and assignments
    ("GET", f"{ONE}{AUTHORIZATION}/policySetDefinitions/none", "2021-06-01", None, 404, _NOT_FOUND),
    (
        "GET",
        BUILT_IN,
        "2026-01-01-preview",
        None,
        200,
        ("properties(displayName policyType mode description metadata version parameters"
        " policyRule(if(allOf[](field notEquals)) then(effect)) versions[]) id type name"),
    ),
    (
        "PUT",
        f"{ONE}{AUTHORIZATION}/policySetDefinitions/pine",
        "2026-01-01-preview",
        _of({"displayName": "d", "policyDefinitions": [{"policyDefinitionId": BUILT_IN}]}),
        201,
        ("properties(displayName policyType metadata version policyDefinitions[](policyDefinitionReferenceId"
        f" policyDefinitionId definitionVersion) versions[]) id type name {_SYSTEM}"),
    ),
    ("PUT", MINE, "2021-06-01", _of({"policyDefinitionId": INITIATIVE}), 201, _ASSIGNMENT.format("", "")),
    ("GET", MINE, "2021-06-01", None, 200, _ASSIGNMENT.format("", "")),
    (
        "PUT",
        MINE,
        "2021-06-01",
        _of({"policyDefinitionId": BUILT_IN, "parameters": {"a": {"value": 1}}}),
        201,
        _ASSIGNMENT.format("parameters", ""),
    ),
    (
        "PUT",
        MINE,
        "2021-06-01",
        _of({"policyDefinitionId": INITIATIVE, "nonComplianceMessages": [{"message": "m"}]}),
        201,
        _ASSIGNMENT.format("", "nonComplianceMessages[](message)"),
    ),
    (
        "PUT",
        MINE,
        "2021-06-01",
        _of({"policyDefinitionId": INITIATIVE, "description": "d", "nonComplianceMessages": []}),
        201,
        _ASSIGNMENT.format("description", "nonComplianceMessages[]"),
    ),
    ("GET", MINE, "2021-06-01", None, 200, _ASSIGNMENT.format("description", "nonComplianceMessages[]")),
    ("DELETE", MINE, "2021-06-01", None, 200, _ASSIGNMENT.format("description", "nonComplianceMessages[]")),
    (
        "PUT",
        MINE,
        "2020-09-01",
        _of({"displayName": "d", "policyDefinitionId": INITIATIVE}),
        201,
        "properties(displayName policyDefinitionId scope metadata enforcementMode) id type name",
    ),
    (
        "PUT",
        MINE,
        "2026-01-01-preview",
        _of({"displayName": "d", "policyDefinitionId": INITIATIVE}),
        201,
        ("properties(displayName policyDefinitionId definitionVersion scope metadata enforcementMode instanceId)"
        f" id type name {_SYSTEM}"),
    ),
    (
        "DELETE",
        MINE,
        "2023-04-01",
        None,
        200,
        ("properties(displayName policyDefinitionId definitionVersion scope metadata enforcementMode)"
        f" id type name {_SYSTEM}"),
    ),
    # exemptions
    ("GET", WAIVED, "2022-07-01-preview", None, 404, _NOT_FOUND),
    ("PUT", WAIVED, "2020-07-01-preview", _of(PLAIN), 201, _EXEMPTION.format("exemptionCategory")),
    ("GET", WAIVED, "2020-07-01-preview", None, 200, _EXEMPTION.format("exemptionCategory")),
    (
        "GET",
        f"{SERVER}{AUTHORIZATION}/policyExemptions?$filter=policyAssignmentId eq '{ASSIGNMENT}'",
        "2020-07-01-preview",
        None,
        200,
        f"value[]({_EXEMPTION.format('exemptionCategory')})",
    ),
    ("PUT", WAIVED, "2020-07-01-preview", _of(PLAIN), 200, _EXEMPTION.format("exemptionCategory")),
    (
        "PUT",
        WAIVED,
        "2022-07-01-preview",
        _of({**DESCRIBED, "expiresOn": "2031-01-01T00:00:00Z"}),
        200,
        _EXEMPTION.format("exemptionCategory displayName description expiresOn"),
    ),
    (
        "PUT",
        WAIVED,
        "2022-07-01-preview",
        _of({**PLAIN, "displayName": "d", "expiresOn": "2031-01-01", "policyDefinitionReferenceIds": ["Rule1"]}),
        200,
        _EXEMPTION.format("policyDefinitionReferenceIds[] exemptionCategory displayName expiresOn"),
    ),
    ("PUT", WAIVED, "2020-07-01-preview", _of(PLAIN), 200, _EXEMPTION.format("exemptionCategory")),
    ("DELETE", WAIVED, "2020-07-01-preview", None, 200, _EXEMPTION.format("exemptionCategory")),
    ("DELETE", WAIVED, "2022-07-01-preview", None, 204, ""),
    (
        "PUT",
        WAIVED,
        "2026-01-01-preview",
        _of({**DESCRIBED, "metadata": {"a": "b"}}),
        201,
        _EXEMPTION.format("exemptionCategory displayName description metadata"),
    ),
    (
        "GET",
        WAIVED,
        "2026-01-01-preview",
        None,
        200,
        _EXEMPTION.format("exemptionCategory displayName description metadata"),
    ),
    (
        "PUT",
        exemption_id(ONE, "fir"),
        "2026-01-01-preview",
        _of({**PLAIN, "displayName": "d", "expiresOn": "2031-01-01"}),
        201,
        _EXEMPTION.format("exemptionCategory displayName expiresOn"),
    ),
    (
        "PUT",
        exemption_id(ROOT, "larch"),
        "2026-01-01-preview",
        _of(
            {
                **DESCRIBED,
                "policyDefinitionReferenceIds": ["Rule1"],
                "expiresOn": "2031-01-01",
                "assignmentScopeValidation": "Default",
                "metadata": {"a": "b"},
            }
        ),
        201,
        _EXEMPTION.format(
            "policyDefinitionReferenceIds[] exemptionCategory displayName description expiresOn"
            " assignmentScopeValidation metadata"
        ),
    ),
    (
        "GET",
        f"{ROOT}{AUTHORIZATION}/policyExemptions?$filter=atScope()",
        "2026-01-01-preview",
        None,
        200,
        "value[]("
        + _EXEMPTION.format(
            "policyDefinitionReferenceIds[] exemptionCategory displayName description expiresOn"
            " assignmentScopeValidation metadata"
        )
        + ")",
    ),
    ("DELETE", exemption_id(ROOT, "larch"), "2026-01-01-preview", None, 200, None),
    (
        "PUT",
        WAIVED,
        "2022-07-01-preview",
        _of(DESCRIBED),
        200,
        _EXEMPTION.format("exemptionCategory displayName description"),
    ),
    ("DELETE", WAIVED, "2022-07-01-preview", None, 200, _EXEMPTION.format("exemptionCategory displayName description")),
    ("DELETE", exemption_id(ONE, "fir"), "2022-07-01-preview", None, 200, None),
    # compliance
    (
        "POST",
        f"{OF_ONE}{STATES}/queryResults",
        "2019-10-01",
        None,
        200,
        f"@odata.nextLink @odata.context @odata.count value[](@odata.id @odata.context {_ROW})",
    ),
    (
        "POST",
        f"{ROOT}{STATES}/queryResults?$top=2&$apply=groupby((policyAssignmentId, resourceId), aggregate($count as numRecords))",
        "2019-10-01",
        None,
        200,
        "@odata.context @odata.count value[](@odata.id @odata.context policyAssignmentId resourceId numRecords)",
    ),
    ("POST", f"{SERVER}{STATES}/queryResults?$top=2", "2019-10-01", None, 200, "@odata.context @odata.count value[]"),
    ("POST", f"{ONE}{STATES}/summarize", "2019-10-01", None, 200, _SUMMARY),
    ("POST", f"{SERVER}{STATES}/summarize", "2019-10-01", None, 200, _NO_SUMMARY),
    ("POST", f"{ONE}{STATES}/triggerEvaluation", "2019-10-01", None, 202, ""),
    ("GET", f"{ONE}/providers/Microsoft.PolicyInsights/asyncOperationResults/x", "2019-10-01", None, 200, "status"),
    # groups and tags
    ("HEAD", RG, "2022-09-01", None, 404, ""),
    ("PUT", RG, "2021-04-01", {"location": "westus"}, 201, "id name type location tags properties(provisioningState)"),
    ("HEAD", RG, "2022-09-01", None, 204, ""),
    ("PATCH", RG, "2022-09-01", {"tags": {"c": ""}}, 200, "id name type location tags properties(provisioningState)"),
    ("GET", RG, "2022-09-01", None, 200, "id name type location tags properties(provisioningState)"),
    ("DELETE", RG, "2022-09-01", None, 202, ""),
    ("GET", f"{ONE}/operationresults/x", "2022-09-01", None, 200, ""),
    (
        "PUT",
        RG,
        "2022-09-01",
        {"location": "westus", "managedBy": "pine", "tags": {"a": "b"}},
        201,
        "id name type location managedBy tags properties(provisioningState)",
    ),
    ("GET", RG, "2022-09-01", None, 200, "id name type location managedBy tags properties(provisioningState)"),
    (
        "GET",
        f"{ONE}/resourcegroups?$filter=tagname eq 'a' and tagvalue eq 'b'",
        "2022-09-01",
        None,
        200,
        "value[](id name type location managedBy tags properties(provisioningState))",
    ),
    (
        "PUT",
        RG,
        "2022-09-01",
        {"location": "westus", "managedBy": "pine", "tags": {}, "properties": {}},
        200,
        "id name type location managedBy tags properties(provisioningState)",
    ),
    ("PUT", TAGS, "2022-09-01", _of({"tags": {"a": "1"}}), 200, "id name type properties(tags)"),
    ("PATCH", TAGS, "2022-09-01", {"operation": "Merge", **_of({"tags": {"b": "2"}})}, 200, "id name type properties(tags)"),
    ("DELETE", TAGS, "2022-09-01", None, 200, ""),
    # roles
    ("PUT", f"{CORP}{AUTHORIZATION}/roleAssignments/{PERSON}", "2018-09-01-preview", _of(ROLE), 201, _ROLE),
    (
        "GET",
        f"{CORP}{AUTHORIZATION}/roleAssignments?$filter=atScope()",
        "2018-09-01-preview",
        None,
        200,
        f"value[]({_ROLE})",
    ),
    ("DELETE", f"{CORP}{AUTHORIZATION}/roleAssignments/{PERSON}", "2018-09-01-preview", None, 200, _ROLE),
    ("PUT", f"{ONE}{AUTHORIZATION}/roleDefinitions/{PERSON}", "2022-05-01-preview", _of(OWN_ROLE), 201, _ROLE_DEFINITION),
    (
        "GET",
        f"{ONE}{AUTHORIZATION}/roleDefinitions?$filter=roleName eq 'Pine'",
        "2022-05-01-preview",
        None,
        200,
        f"value[]({_ROLE_DEFINITION})",
    ),
    (
        "GET",
        f"{ONE}{AUTHORIZATION}/roleDefinitions?$filter=roleName eq 'none'",
        "2022-05-01-preview",
        None,
        200,
        "value[]",
    ),
    # Defender
    (
        "PUT",
        f"{SECURITY}/pricings/KeyVaults",
        "2023-01-01",
        _of({"pricingTier": "Free"}),
        200,
        "id name type properties(pricingTier freeTrialRemainingTime)",
    ),
    (
        "GET",
        f"{SECURITY}/pricings/KeyVaults",
        "2023-01-01",
        None,
        200,
        "id name type properties(pricingTier freeTrialRemainingTime)",
    ),
    ("GET", f"{SECURITY}/secureScores/ascScore", "2020-01-01", None, 200, _SCORE),
    ("GET", f"{SECURITY}/secureScores", "2020-01-01", None, 200, f"value[]({_SCORE})"),
    (
        "GET",
        f"{SECURITY}/secureScoreControlDefinitions",
        "2020-01-01",
        None,
        200,
        "value[](id name type properties(source(sourceType) displayName maxScore assessmentDefinitions[](id)))",
    ),
    (
        "PUT",
        f"{SECURITY}/assessmentMetadata/{KEY}",
        "2020-01-01",
        _of(OWN_METADATA),
        200,
        _METADATA.format("categories[] severity"),
    ),
    (
        "PUT",
        f"{SECURITY}/assessments/{KEY}",
        "2020-01-01",
        _of({"status": {"code": "Healthy"}, "resourceDetails": {"source": "Azure"}}),
        200,
        "type id name properties(resourceDetails(Source Id) displayName status(code))",
    ),
    (
        "PUT",
        f"{SECURITY}/assessmentMetadata/{KEY}",
        "2021-06-01",
        _of(
            {
                **OWN_METADATA,
                "remediationDescription": "r",
                "categories": ["Compute"],
                "userImpact": "Low",
                "implementationEffort": "Low",
                "threats": ["dataSpillage"],
            }
        ),
        200,
        _ALL_METADATA,
    ),
    ("GET", f"{SECURITY}/assessmentMetadata/{KEY}", "2021-06-01", None, 200, _ALL_METADATA),
    ("DELETE", f"{SECURITY}/assessmentMetadata/{KEY}", "2021-06-01", None, 200, ""),
    ("GET", f"{SECURITY}/assessmentMetadata/{KEY}", "2021-06-01", None, 404, "Error(Code Message)"),
    # Resource Graph and providers
    (
        "POST",
        GRAPH,
        "2021-03-01",
        {"query": "resources | take 1", "options": {"resultFormat": "objectArray"}},
        200,
        "totalRecords count data[] facets[] resultTruncated",
    ),
    (
        "POST",
        GRAPH,
        "2021-03-01",
        {"query": "resourcecontainers | project id", "options": {"$top": 1, "resultFormat": "objectArray"}},
        200,
        "totalRecords count data[] facets[] resultTruncated $skipToken",
    ),
    ("POST", GRAPH, "2021-03-01", {"query": "where where"}, 400, "error(code message details[](code message))"),
    ("POST", f"{ONE}/providers/Microsoft.Management/register", "2022-09-01", None, 200, _PROVIDER),
    ("GET", f"{ONE}/providers/Microsoft.Management", "2022-09-01", None, 200, _PROVIDER),
]  # fmt: skip
"""Method, path with options, version, body, status, form; None where the answer is not looked at. One after the other."""

_OPEN = re.compile(r"(?:^|\.)(?:metadata|tags|parameters|data\[\])$")


def names_of(value, path=""):
    """The names of a body's leaves, in order; of a list those of its first entry."""
    if isinstance(value, dict) and value and not _OPEN.search(path):
        return [name for key, part in value.items() for name in names_of(part, f"{path}.{key}".lstrip("."))]
    if isinstance(value, list):
        is_open = not value or not isinstance(value[0], dict)
        return [f"{path}[]"] if is_open else names_of(value[0], f"{path}[]")
    return [path]


def expanded(form):
    """A form as the list of names that it stands for."""
    above, names, last = [], [], ""
    for word in re.findall(r"[()]|[^\s()]+", form):
        if word == "(":
            above.append(last)
            names.pop()
        elif word == ")":
            above.pop()
        else:
            last = word
            names.append(".".join((*above, word)))
    return names


def kind_of(path):
    """The folded last type in a path; a provider's own name for the provider itself."""
    segments = path.lower().partition("?")[0].strip("/").split("/")
    behind = len(segments) - 1 - segments[::-1].index("providers") if "providers" in segments else -2
    own = segments[behind + 2 :]
    return own[(len(own) - 1) // 2 * 2] if own else segments[-1]
