"""Texts that do not have the form their field wants: which form was probably meant, and the line as it should be."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, date, datetime
from typing import Final

from reconciler.declarations.teach import EXPECTATIONS
from reconciler.model import parse_scope

Explanation = tuple[str, str]
"""What is wrong, and what to do."""


def form_message(value: str, field: str) -> Explanation:
    """Why a text does not have the form that its field wants."""
    shown = repr(value if len(value) <= 160 else value[:159] + "…")
    if field == "justification":
        return "it holds only white space", f"write {EXPECTATIONS[field]}"
    if value != value.strip():
        return f"{shown} starts or ends with a space", "delete the space"
    match field:
        case "name":
            return _name(value, shown)
        case "expiresOn":
            return _date(value, shown)
        case "scopes" | "policyAssignment" | "policyDefinition" | "policySetDefinition" | "policies":
            return _id(value, shown, field)
        case "tenantId":
            return f"{shown} is no GUID", f"write {EXPECTATIONS[field]}"
        case "ticketPattern":
            return _pattern(value, shown)
        case "minAge":
            return (
                f"{shown} has no unit",
                f"write {value}d for days or {value}h for hours" if value.isdigit() else f"write {EXPECTATIONS[field]}",
            )
        case "owner" | "formerOwners":
            return f"{shown} is no id", "use letters, digits and . _ - / : @, such as contoso-exemptions"
    return (
        f"{shown} does not have the right form",
        f"write {EXPECTATIONS.get(field, 'it as its description in schemas/ says')}",
    )


def _pattern(value: str, shown: str) -> Explanation:
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        return f"{shown} is no regular expression: {error}", f"write {EXPECTATIONS['ticketPattern']}"
    return (
        f"{shown} could take forever on some tickets",
        "use at most four of * + {n}, no repeated group, no back-reference, no (?…): for example SEC-[0-9]+",
    )


def _name(value: str, shown: str) -> Explanation:
    proposal = re.sub(r"[^A-Za-z0-9._-]+", "-", value).strip("-._")[:100]
    why = "a name has letters, digits, dots, dashes and underscores, and starts and ends with a letter or digit"
    return (
        f"{shown} is no name: {why}",
        f"write {proposal}, and call the file {proposal}.yaml" if proposal else "choose a plain name",
    )


# --- dates -------------------------------------------------------------------------------------------------------

_LAST_IS_YEAR: Final = re.compile(r"([0-9]{1,2})[./ -]([0-9]{1,2})[./ -]([0-9]{4})")
_FIRST_IS_YEAR: Final = re.compile(r"([0-9]{4})[./ -]?([0-9]{1,2})[./ -]?([0-9]{1,2})")
_DATE_TIME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(?:\.[0-9]+)?(.*)")


def _date(value: str, shown: str) -> Explanation:
    if found := _DATE_TIME.fullmatch(value):
        return _date_time(shown, found)
    if found := _LAST_IS_YEAR.fullmatch(value):
        return _day_or_month_first(shown, int(found[1]), int(found[2]), int(found[3]))
    if found := _FIRST_IS_YEAR.fullmatch(value):
        proposal = _calendar_day(int(found[1]), int(found[2]), int(found[3]))
        if proposal is None or proposal == value:
            return f"{shown} is not in the calendar", "check the month and the day"
        return f"{shown} is not of the form YYYY-MM-DD", f"write {proposal}"
    return f"{shown} is no date", f"write {EXPECTATIONS['expiresOn']}; for no end, delete the line"


def _date_time(shown: str, found: re.Match[str]) -> Explanation:
    if _calendar_day(*(int(part) for part in found[1].split("-"))) is None:
        return f"{shown} is not in the calendar", "check the month and the day"
    if found[4].strip().upper() in {"", "Z", "UTC", "+00:00", "+0000"}:
        return f"{shown} is not of the form YYYY-MM-DDTHH:MM:SSZ", f"write {found[1]}T{found[2]}{found[3] or ':00'}Z"
    try:
        utc = datetime.fromisoformat(found[0]).astimezone(UTC)
    except (ValueError, OverflowError):
        return f"{shown} is not in UTC", f"convert it to UTC and end it with Z, or write the day alone: {found[1]}"
    return f"{shown} is not in UTC", f"write {utc:%Y-%m-%dT%H:%M:%SZ}"


def _day_or_month_first(shown: str, one: int, two: int, year: int) -> Explanation:
    meant = {day for day in (_calendar_day(year, two, one), _calendar_day(year, one, two)) if day}
    if not meant:
        return f"{shown} is not in the calendar", "check the month and the day, and write year first: YYYY-MM-DD"
    why = "can be read in two ways" if len(meant) > 1 else "is not of the form YYYY-MM-DD"
    return f"{shown} {why}", f"write {' or '.join(sorted(meant))}"


def _calendar_day(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


# --- ids ---------------------------------------------------------------------------------------------------------

_SUBSCRIPTION: Final = re.compile(r"/+subscriptions/+([^/]*)", re.IGNORECASE)
_GUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_NEVER_IN_AN_ID: Final = re.compile(r"[<>%&?#\\{}*\"|]")
_TYPES: Final = {
    "policyDefinition": "policyDefinitions",
    "policies": "policyDefinitions",
    "policySetDefinition": "policySetDefinitions",
    "policyAssignment": "policyAssignments",
}
_FORMS: Final = (
    "the forms are /providers/Microsoft.Management/managementGroups/NAME, /subscriptions/GUID, "
    "/subscriptions/GUID/resourceGroups/NAME, and for a resource one of these with /providers/NAMESPACE/TYPE/NAME"
)


def _id(value: str, shown: str, field: str) -> Explanation:
    """What breaks an ARM id, the commonest first."""
    what = "the id of a scope" if field == "scopes" else f"the id of one of {_TYPES[field]}"
    if re.match("https?://", value, re.IGNORECASE):
        return f"{shown} is a web address, not {what}", _id_in_address(value)
    if found := _NEVER_IN_AN_ID.search(value):
        return (
            f"{shown} holds {found[0]!r}, which no id has",
            "put the real value in its place; `az resource show` prints it as id",
        )
    if field == "scopes" and _GUID.fullmatch(value):
        return f"{shown} is a bare GUID, not {what}", f"for a subscription, write /subscriptions/{value}"
    if not value.startswith("/") and "/" in value:
        return f"{shown} does not start with a slash", f"write /{value}"
    if found := re.search("/subscriptions/.*", value[1:], re.IGNORECASE):
        return (
            f"{shown} names what contains the subscription",
            f"write {found[0]}: the id of a subscription starts with it",
        )
    subscription = _SUBSCRIPTION.match(value)
    if subscription and not _GUID.fullmatch(subscription[1]):
        dashed = re.sub(r"^(.{8})(.{4})(.{4})(.{4})(.{12})$", r"\1-\2-\3-\4-\5", subscription[1])
        proposal = dashed if _GUID.fullmatch(dashed) else "its GUID, which `az account list` prints as id"
        return f"{subscription[1]!r} is no subscription id", f"write {proposal}"
    if field == "scopes":
        return _scope(value, shown)
    other = next((kind for kind in set(_TYPES.values()) if f"/{kind}/".lower() in value.lower()), None)
    fits = f"; it is one of {other}" if other and other != _TYPES[field] else ""
    return f"{shown} is not {what}{fits}", f"write {EXPECTATIONS.get(field, EXPECTATIONS['policyDefinition'])}"


def _id_in_address(address: str) -> str:
    """What to write instead of the address of a page of the portal: the id stands in it, with the page's name behind."""
    found = re.search(r"/(?:subscriptions|providers/Microsoft\.Management)/.*", address, re.IGNORECASE)
    steps = found[0].split("/") if found else []
    for end in range(len(steps), 2, -1):
        with contextlib.suppress(ValueError):
            return f"write {parse_scope('/'.join(steps[:end]))}"
    return "write the resource id (in the portal: JSON view of the resource)"


def _scope(value: str, shown: str) -> Explanation:
    parts = value.strip("/").split("/")
    provider = next((at for at in range(len(parts) - 1, -1, -1) if parts[at].lower() == "providers"), None)
    if provider is not None and parts[0].lower() == "subscriptions" and len(parts) - provider < 4:
        return (
            f"{shown} is cut off: a resource is …/providers/NAMESPACE/TYPE/NAME",
            "add the type and name of the resource",
        )
    if provider is not None and parts[0].lower() == "subscriptions" and (len(parts) - provider) % 2:
        return f"{shown} ends in a type without a name", "add the name of the resource, or take the type off the end"
    if re.search(r"/resources?groups?(/|$)", value, re.IGNORECASE) and "/resourcegroups/" not in value.lower():
        return (
            f"{shown} is not the id of a scope",
            "the word is resourceGroups: /subscriptions/GUID/resourceGroups/NAME",
        )
    group = re.search(r"/(?:resourcegroups|managementgroups)/+([^/]*[^\w().\-/][^/]*)", value, re.IGNORECASE)
    if group:
        return f"{group[1]!r} is no name of a group", "a group's name has letters, digits and ( ) . _ - alone"
    return f"{shown} is not the id of a scope", _FORMS
