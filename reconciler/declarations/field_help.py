"""The words with which fields are explained: what each one wants, what people call it, and rules over several fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from reconciler.documents.document import Path

SUBJECTS: Final = (
    "recommendation",
    "recommendations",
    "recommendationCategory",
    "policyDefinition",
    "policySetDefinition",
    "policyAssignment",
)

ALWAYS_THERE: Final = frozenset(
    {
        "name",
        "scopes",
        "category",
        "justification",
        "owner",
        "tenantId",
        "referenceIds",
        "selectors",
        "kind",
        "in",
        "notIn",
        "folder",
        "days",
        *SUBJECTS,
    }
)
"""Fields whose line nobody should delete."""

EXPECTATIONS: Final = {
    "name": "a name such as legacy-sql-tde, equal to the file's name without .yaml",
    "recommendation": "the key (a GUID) or the exact title that Defender for Cloud shows",
    "recommendationCategory": "a category such as SoftwareUpdate or SystemUpdate",
    "vulnerabilities": "conditions on findings, indented below it: cves, minSeverity, cvssBelow",
    "cves": "a list with one CVE a line, each after `- `",
    "minSeverity": "Low, Medium, High or Critical",
    "cvssBelow": "a number from 0 to 10 such as 7.5",
    "policyDefinition": "the full ARM id of a policy definition, or the name of a built-in",
    "policySetDefinition": "the full ARM id of an initiative, or the name of a built-in",
    "policyAssignment": "the full ARM id of an assignment, …/providers/Microsoft.Authorization/policyAssignments/NAME",
    "referenceIds": "a list with one reference id a line, each after `- `",
    "scopes": "a list with one ARM id a line, each after `- `",
    "selectedBy": "tags and their values such as `purpose: legacy`, indented below it",
    "category": "Waiver (the risk is accepted) or Mitigated (it is met in another way)",
    "expiresOn": "a date such as 2027-01-31, or a UTC date-time such as 2027-01-31T12:00:00Z",
    "justification": "a sentence that tells the reviewer why this is acceptable",
    "owner": "who answers for it, such as data-platform@contoso.example",
    "reconciler.owner": "the id of this repository, such as contoso-exemptions",
    "reconciler.scopes": "a list with the ids of the managed management groups or subscriptions, each after `- `",
    "requestedBy": "who asked for it, such as app-team@contoso.example",
    "ticket": "the key of the ticket, such as SEC-1432",
    "displayName": "the title that Azure shows",
    "resourceSelectors": "a list of selectors, each with a name and its conditions under selectors",
    "resourceSelectors.name": "a name of your own for the selector, such as europe",
    "selectors": "a list of conditions, each with a kind and either in or notIn",
    "kind": "what is compared: resourceLocation, resourceType or another kind",
    "metadata": "keys and values of your own, indented below it",
    "takeOver": "the mark of the other owner",
    "enabled": "true or false",
    "adopt": "true or false",
    "ahead": "true or false",
    "in": "a list with one value a line, each after `- `",
    "notIn": "a list with one value a line, each after `- `",
    "tenantId": "the tenant's GUID, as `az account show --query tenantId` prints it",
    "apiVersion": "a version such as 2026-01-01-preview",
    "formerOwners": "a list with one id a line, each after `- `",
    "writers": "a list with the object or client ids of who applies this repository, each after `- `",
    "armEndpoint": "an address such as https://management.contoso.example",
    "expiringDays": "a number of days such as 30",
    "evaluationHours": "a number of hours such as 24",
    "folders": "a list of entries with folder and what its declarations may do",
    "below": "a list with one ARM id a line, each after `- `",
    "wholeScopes": "true or false",
    "severity": "Critical, High, Medium or Low",
    "rules": "the rules, indented below it",
    "limits": "the limits, indented below it",
    "required": "a list with one field's name a line, each after `- `",
    "ticketPattern": "a regular expression such as SEC-[0-9]+",
    "scopeKinds": "a list of entries with folder and kinds",
    "folder": "a folder inside exemptions/ such as payments, or a dot for all of them",
    "kinds": "a list of managementGroup, subscription, resourceGroup, resource",
    "minAge": "a number of days or hours such as 7d or 36h",
    "days": "a number of days such as 90",
    "maxLifetimeDays": "a number of days, or a list of entries with days and category or severity",
    "neverExempt": "recommendations and policies, each with a list, indented below it",
    "recommendations": "a list with one key or exact title a line, each after `- `",
    "policies": "a list with one policy a line, each after `- `",
}
"""What a field wants, so that "write …" and "… is missing: …" are sentences."""

EXAMPLES: Final = {
    "scopes": "` and below it one ARM id a line, as `  - /subscriptions/GUID/resourceGroups/NAME",
    "category": "Waiver",
    "justification": "Server retires with project Lyra in January 2027.",
    "owner": "data-platform@contoso.example",
    "reconciler.owner": "contoso-exemptions",
    "reconciler.scopes": "` and below it one id a line, as `  - /providers/Microsoft.Management/managementGroups/NAME",
    "expiresOn": "2027-01-31",
    "ticket": "SEC-1432",
    "displayName": "Legacy SQL server without TDE",
    "metadata": "{riskId: R-77}",
    "selectedBy": "{purpose: legacy}",
    "resourceSelectors": "` and below it `  - {name: europe, selectors: [{kind: resourceLocation, in: [westeurope]}]}",
    "tenantId": "00000000-0000-0000-0000-000000000000",
    "folder": "payments",
    "kinds": "[resource, resourceGroup]",
    "days": "90",
    "kind": "resourceLocation",
    "selectors": "` and below it the conditions, as `  - {kind: resourceLocation, in: [westeurope]}",
    "resourceSelectors.name": "europe",
}
"""A value for a field that is missing."""

SYNONYMS: Final = {
    "expire": "expiresOn",
    "expires": "expiresOn",
    "expiry": "expiresOn",
    "expirydate": "expiresOn",
    "expirationdate": "expiresOn",
    "expiration": "expiresOn",
    "until": "expiresOn",
    "end": "expiresOn",
    "ends": "expiresOn",
    "enddate": "expiresOn",
    "reason": "justification",
    "description": "justification",
    "why": "justification",
    "comment": "justification",
    "scope": "scopes",
    "resources": "scopes",
    "resource": "scopes",
    "targets": "scopes",
    "target": "scopes",
    "resourceid": "scopes",
    "resourceids": "scopes",
    "policy": "policyDefinition",
    "policydefinitionid": "policyDefinition",
    "initiative": "policySetDefinition",
    "policyset": "policySetDefinition",
    "policysetdefinitionid": "policySetDefinition",
    "assignment": "policyAssignment",
    "title": "displayName",
    "policyassignmentid": "policyAssignment",
    "policydefinitionreferenceids": "referenceIds",
    "policydefinitionreferenceid": "referenceIds",
    "exemptioncategory": "category",
    "type": "category",
    "cve": "cves",
    "minimumseverity": "minSeverity",
    "cvss": "cvssBelow",
    "contact": "owner",
    "team": "owner",
    "requester": "requestedBy",
    "askedby": "requestedBy",
    "issue": "ticket",
    "jira": "ticket",
    "case": "ticket",
    "tenant": "tenantId",
    "maxlifetime": "maxLifetimeDays",
    "disabled": "enabled",
    "assessment": "recommendation",
    "assessmentkey": "recommendation",
    "environment": "cloud",
    "subscription": "scopes",
    "subscriptions": "scopes",
    "managementgroup": "scopes",
    "managementgroups": "scopes",
}
"""What people call a field, folded, and what it is called here."""

UNPUBLISHED: Final = {
    "vulnerabilities.patchable": "a condition on whether a finding can be patched",
    "vulnerabilities.nonPatchable": "a condition on whether a finding can be patched",
    "identities": "an exemption of identities",
    "identity": "an exemption of identities",
    "vulnerabilities.identityConditions": "an exemption by identity conditions",
    "identityConditions": "an exemption by identity conditions",
}
"""What Defender's portal can exempt although Microsoft has not published how it is written, by the field that one may
try.
"""

FIELD_RULES: Final = {
    "vulnerabilities": (
        "conditions on findings narrow recommendations, in place of resourceSelectors",
        "name a recommendation, recommendations or recommendationCategory beside it, and delete resourceSelectors",
    ),
    "referenceIds": (
        "these are names inside one initiative, so they go only with policySetDefinition or policyAssignment",
        "delete referenceIds: for a recommendation or a policyDefinition they are found in every initiative",
    ),
    "assignmentScopeValidation": (
        "DoNotValidate is possible only with policyAssignment",
        "delete the line, or name the assignment in policyAssignment",
    ),
    "allOf": (
        "each kind may stand once, resourceLocation not beside resourceWithoutLocation, which knows only subscriptionLevelResources",
        "put all values of one kind into one condition; several selectors are alternatives",
    ),
    "oneOf": ("a condition has either in or notIn", "write one of the two, with a list of values"),
}
"""Messages for rules over several fields, by the keyword or field under which the schema holds them."""


def listed(words: Sequence[str], last: str = "and") -> str:
    """`a, b and c`."""
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else words[0]


def field_of(path: Path) -> str:
    """The field that a path is about, without positions in lists."""
    return next((step for step in reversed(path) if isinstance(step, str)), "")


def help_for(texts: Mapping[str, str], path: Path, name: str = "") -> str | None:
    """What is said of a field: of the one in this group of fields or schema, else of all that are called so."""
    field = field_of(path)
    return texts.get(f"{path[0] if len(path) > 1 else name}.{field}") or texts.get(field)


def expectation(path: Path, name: str = "") -> str:
    """What a field wants, so that `write …` is a sentence."""
    return help_for(EXPECTATIONS, path, name) or "a value; its description in schemas/ says which"


def fill(path: Path) -> str:
    """What to do about a field without a value."""
    return f"write {expectation(path)}" + ("" if field_of(path) in ALWAYS_THERE else ", or delete the line")
