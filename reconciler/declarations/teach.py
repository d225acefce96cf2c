"""The words with which fields are explained: what each one wants, and what the usual mistakes look like."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from reconciler.model import Source
from reconciler.problems import Problem

SUBJECTS: Final = ("recommendation", "policyDefinition", "policySetDefinition", "policyAssignment")

EXPECTATIONS: Final = {
    "name": "such as legacy-sql-tde, equal to the file's name without .yaml",
    "recommendation": "the key (a GUID) or the exact title that Defender for Cloud shows",
    "policyDefinition": "the full ARM id of a policy definition, or the name of a built-in",
    "policySetDefinition": "the full ARM id of an initiative, or the name of a built-in",
    "policyAssignment": "the full ARM id of an assignment, …/providers/Microsoft.Authorization/policyAssignments/NAME",
    "referenceIds": "a list with one reference id a line, each after `- `",
    "scopes": "a list with one ARM id a line, each after `- `",
    "category": "Waiver or Mitigated",
    "expiresOn": "a date such as 2027-01-31, or a UTC date-time such as 2027-01-31T12:00:00Z",
    "justification": "a sentence that tells the reviewer why this is acceptable",
    "owner": "the address of the team or person who answers for the risk",
    "ticket": "the key of the ticket, such as SEC-1432",
    "displayName": "the title that Azure shows",
    "resourceSelectors": "a list of selectors, each with a name and its conditions (selectors)",
    "selectors": "a list of conditions, each with a kind and either in or notIn",
    "metadata": "keys with values of your own, indented below it",
    "takeOver": "the other owner's mark",
    "in": "a list with one value a line, each after `- `",
    "notIn": "a list with one value a line, each after `- `",
    "tenantId": "the tenant's GUID, as `az account show --query tenantId` prints it",
    "apiVersion": "a version such as 2026-01-01-preview",
    "formerOwners": "a list with one id a line, each after `- `",
    "required": "a list with one field's name a line, each after `- `",
    "folder": "a folder inside exemptions/ such as payments, or a dot for all of them",
    "kinds": "a list of managementGroup, subscription, resourceGroup, resource",
    "minAge": "a number of days or hours such as 7d or 36h",
    "maxLifetimeDays": "a number of days, or a list of entries with days and category or severity",
    "neverExempt": "recommendations: and policies:, each with a list",
}  # fmt: skip
"""What a field wants, as the second half of a sentence."""

GROUP_MESSAGES: Final = {
    "referenceIds": (
        "reference ids are names inside one initiative, so they go only with policySetDefinition or policyAssignment",
        "delete referenceIds: a recommendation and a policyDefinition find all their reference ids by themselves",
    ),
    "assignmentScopeValidation": (
        "DoNotValidate is possible only with policyAssignment", "delete the line, or name the assignment in policyAssignment",
    ),
    "allOf": (
        "each kind may stand once, resourceLocation not beside resourceWithoutLocation, which knows only subscriptionLevelResources",
        "put the values of one kind into one condition; several selectors are alternatives",
    ),
    "oneOf": ("a condition has either in or notIn", "write one of the two, with a list of values"),
    "maxLifetimeDays": (
        "a lifetime is a number of days, or a list of entries with days and, if it is for some only, category or severity",
        "write maxLifetimeDays: 365, or a list such as `- {days: 90, severity: High}`",
    ),
}  # fmt: skip
"""Messages for rules over several fields, by the keyword or field under which the schema holds them."""


def reserved_key(place: Source, key: str, path: str) -> Problem:
    """A metadata key that is not the user's to set."""
    if not key or len(key) > 128:
        return Problem(place, "metadata-key", "a metadata key has 1 to 128 characters", "give it a short name", path)
    return Problem(
        place, "metadata-key", f"the metadata key {key!r} marks who owns an exemption; it is written by the tools that do",
        f"use another key, such as x-{key}", path,
    )  # fmt: skip


def pattern_message(value: str, field: str) -> tuple[str, str]:
    """Why a text does not have the form that its field wants, and the form that was probably meant."""
    shown = repr(value if len(value) <= 80 else value[:79] + "…")
    if value != value.strip() and field != "justification":
        return f"{shown} starts or ends with a space", "delete the space"
    match field:
        case "name":
            return _name_message(value, shown)
        case "expiresOn":
            return _date_message(value, shown)
        case "scopes" | "policyAssignment" | "policyDefinition" | "policySetDefinition" | "policies":
            return _id_message(value, shown, field)
        case "justification":
            return "it holds only white space", EXPECTATIONS["justification"]
        case "ticketPattern":
            return (
                f"{shown} is no regular expression that is safe to try on every ticket",
                "use at most four of * + {n}, no repeated group, no back-reference and no (?…): for example SEC-[0-9]+",
            )
        case "owner" | "formerOwners":
            return f"{shown} is no id", "use letters, digits and . _ - / : @, such as contoso-exemptions"
    return (
        f"{shown} does not have the right form",
        f"write {EXPECTATIONS.get(field, 'it as its description in schemas/ says')}",
    )


def _name_message(value: str, shown: str) -> tuple[str, str]:
    proposal = re.sub(r"[^A-Za-z0-9._-]+", "-", value).strip("-._")[:100]
    why = "a name has letters, digits, dot, dash and underscore, and starts and ends with a letter or digit"
    return (
        f"{shown} is no name: {why}",
        f"write name: {proposal}, and call the file {proposal}.yaml" if proposal else why,
    )


_DAY_FIRST: Final = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4})")
_YEAR_FIRST: Final = re.compile(r"([0-9]{4})[./-]?([0-9]{1,2})[./-]?([0-9]{1,2})")
_DATE_TIME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(?:\.[0-9]+)?(.*)")


def _date_message(value: str, shown: str) -> tuple[str, str]:
    if found := _DATE_TIME.fullmatch(value):
        if found[4].upper() in {"", "Z", "+00:00"}:
            return f"{shown} is no UTC date-time", f"write {found[1]}T{found[2]}{found[3] or ':00'}Z"
        return f"{shown} is not in UTC", f"convert it to UTC and end it with Z, or write the day alone: {found[1]}"
    if found := _DAY_FIRST.fullmatch(value):
        return (
            f"{shown} can be read in two ways",
            f"write year, month, day: {found[3]}-{int(found[2]):02}-{int(found[1]):02} or {found[3]}-{int(found[1]):02}-{int(found[2]):02}",
        )
    if found := _YEAR_FIRST.fullmatch(value):
        proposal = _calendar_day(int(found[1]), int(found[2]), int(found[3]))
        if proposal is None:
            return f"{shown} is not in the calendar", "check the month and the day"
        return f"{shown} is no date of the form YYYY-MM-DD", f"write {proposal}"
    return f"{shown} is no date", f"write {EXPECTATIONS['expiresOn']}; without an end, delete the line"


def _calendar_day(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


_SUBSCRIPTION: Final = re.compile(r"/+subscriptions/+([^/]*)", re.IGNORECASE)
_GUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_FORMS: Final = (
    "the forms are /providers/Microsoft.Management/managementGroups/NAME, /subscriptions/GUID, "
    "/subscriptions/GUID/resourceGroups/NAME and …/providers/NAMESPACE/TYPE/NAME for a resource"
)


def _id_message(value: str, shown: str, field: str) -> tuple[str, str]:
    """What breaks an ARM id, the commonest first."""
    what = "the id of a scope" if field == "scopes" else "an ARM id of the right type"
    hint = _FORMS if field == "scopes" else f"write {EXPECTATIONS.get(field, EXPECTATIONS['policyDefinition'])}"
    if value.lower().startswith("https://"):
        return (
            f"{shown} is a web address, not {what}",
            "copy the resource id instead (in the portal: Overview, JSON view)",
        )
    if found := re.search(r"[<>%&?#\\{}*]", value):
        return (
            f"{shown} holds {found[0]!r}, which no id has",
            "put in the real value, as `az resource show` prints it in id",
        )
    if _GUID.fullmatch(value) and field == "scopes":
        return f"{shown} is a bare GUID, not an id", f"if it is a subscription, write /subscriptions/{value}"
    if not value.startswith("/") and "/" in value:
        return f"{shown} does not start with a slash", f"write /{value}"
    if "/resources/" in value.lower() or re.search(r"/\.\.?(/|$)", value):
        return f"{shown} is no id that Azure gives", hint
    subscription = _SUBSCRIPTION.match(value)
    if subscription and not _GUID.fullmatch(subscription[1]):
        return (
            f"{subscription[1]!r} is no subscription id",
            "a subscription is named by its GUID: `az account list` prints it as id",
        )
    return f"{shown} is not {what}", hint
