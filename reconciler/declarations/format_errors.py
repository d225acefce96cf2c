"""Texts that do not have the form their field wants: which form was probably meant, and the line as it should be."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, date, datetime
from typing import Final

from reconciler.declarations.field_help import EXPECTATIONS
from reconciler.documents.patterns import compile_pattern
from reconciler.model import is_guid, parse_scope

MessageAndRemedy = tuple[str, str]
"""What is wrong, and what to do."""


def format_error(value: str, field: str) -> MessageAndRemedy:
    """Why a text does not have the form that its field wants."""
    quoted = repr(value if len(value) <= 160 else value[:159] + "…")
    if field == "justification":
        return "it holds only white space", f"write {EXPECTATIONS[field]}"
    if value != value.strip():
        return f"{quoted} starts or ends with a space", "delete the space"
    if field in _SIMPLE:
        wrong, remedy = _SIMPLE[field]
        return f"{quoted} {wrong}", remedy
    match field:
        case "name":
            return _name(value, quoted)
        case "expiresOn":
            return _date(value, quoted)
        case "scopes" | "below" | "policyAssignment" | "policyDefinition" | "policySetDefinition" | "policies":
            return _id(value, quoted, field)
        case "ticketPattern":
            return _pattern(value, quoted)
        case "minAge" if value.isdigit():
            return f"{quoted} has no unit", f"write {value}d for days or {value}h for hours"
    return (
        f"{quoted} does not have the right form",
        f"write {EXPECTATIONS.get(field, 'it as its description in schemas/ says')}",
    )


_OWNER: Final = ("is no id", "use letters, digits and . _ - / : @, such as contoso-exemptions")
_SIMPLE: Final = {
    "tenantId": ("is no GUID", f"write {EXPECTATIONS['tenantId']}"),
    "owner": _OWNER,
    "formerOwners": _OWNER,
    "writers": (
        "is no object id, client id or user name",
        "write the GUID that `az ad sp show --id NAME --query id` prints, or name@domain for a person",
    ),
    "armEndpoint": ("is not the https address of a Resource Manager", f"write {EXPECTATIONS['armEndpoint']}"),
}


def _pattern(value: str, quoted: str) -> MessageAndRemedy:
    if re.search(r"\\[1-9]|\(\?[^:]", value):
        return (
            f"{quoted} uses what regular expressions here do not have",
            "leave out back-references, look-around and flags, that is \\1 and (? but for (?:…): for example SEC-[0-9]+",
        )
    reason = ""
    try:
        compile_pattern(value)
    except ValueError as error:
        reason = str(error)
    return f"{quoted} cannot be used as a regular expression: {reason}", f"write {EXPECTATIONS['ticketPattern']}"


def _name(value: str, quoted: str) -> MessageAndRemedy:
    proposal = re.sub(r"[^A-Za-z0-9._-]+", "-", value).strip("-._")[:100]
    why = "a name has letters, digits, dots, dashes and underscores, and starts and ends with a letter or digit"
    return (
        f"{quoted} is no name: {why}",
        f"write {proposal}, and call the file {proposal}.yaml" if proposal else "choose a plain name",
    )


# --- dates -------------------------------------------------------------------------------------------------------

_LAST_IS_YEAR: Final = re.compile(r"([0-9]{1,2})[./ -]([0-9]{1,2})[./ -]([0-9]{4})")
_FIRST_IS_YEAR: Final = re.compile(r"([0-9]{4})[./ -]?([0-9]{1,2})[./ -]?([0-9]{1,2})")
_DATE_TIME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(?:\.[0-9]+)?(.*)")


def _date(value: str, quoted: str) -> MessageAndRemedy:
    if match := _DATE_TIME.fullmatch(value):
        return _date_time(quoted, match)
    if match := _LAST_IS_YEAR.fullmatch(value):
        return _day_or_month_first(quoted, int(match[1]), int(match[2]), int(match[3]))
    if match := _FIRST_IS_YEAR.fullmatch(value):
        proposal = _calendar_day(int(match[1]), int(match[2]), int(match[3]))
        if proposal is None or proposal == value:
            return f"{quoted} is not in the calendar", "check the month and the day"
        return f"{quoted} is not of the form YYYY-MM-DD", f"write {proposal}"
    return f"{quoted} is no date", f"write {EXPECTATIONS['expiresOn']}; for no end, delete the line"


def _date_time(quoted: str, match: re.Match[str]) -> MessageAndRemedy:
    if _calendar_day(*(int(part) for part in match[1].split("-"))) is None:
        return f"{quoted} is not in the calendar", "check the month and the day"
    if match[4].strip().upper() in {"", "Z", "UTC", "+00:00", "+0000"}:
        return f"{quoted} is not of the form YYYY-MM-DDTHH:MM:SSZ", f"write {match[1]}T{match[2]}{match[3] or ':00'}Z"
    try:
        utc = datetime.fromisoformat(match[0]).astimezone(UTC)
    except (ValueError, OverflowError):
        return f"{quoted} is not in UTC", f"convert it to UTC and end it with Z, or write the day alone: {match[1]}"
    return f"{quoted} is not in UTC", f"write {utc:%Y-%m-%dT%H:%M:%SZ}"


def _day_or_month_first(quoted: str, first: int, second: int, year: int) -> MessageAndRemedy:
    meant = {day for day in (_calendar_day(year, second, first), _calendar_day(year, first, second)) if day}
    if not meant:
        return f"{quoted} is not in the calendar", "check the month and the day, and write year first: YYYY-MM-DD"
    why = "can be read in two ways" if len(meant) > 1 else "is not of the form YYYY-MM-DD"
    return f"{quoted} {why}", f"write {' or '.join(sorted(meant))}"


def _calendar_day(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


# --- ids ---------------------------------------------------------------------------------------------------------

_SUBSCRIPTION: Final = re.compile(r"/+subscriptions/+([^/]*)", re.IGNORECASE)
_NEVER_IN_AN_ID: Final = re.compile(r"[<>%&?#\\{}*\"|]")
_SCOPE_FIELDS: Final = frozenset({"scopes", "below"})
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


def _id(value: str, quoted: str, field: str) -> MessageAndRemedy:
    """What breaks an ARM id, the commonest first."""
    expected = "the id of a scope" if field in _SCOPE_FIELDS else f"the id of one of {_TYPES[field]}"
    if re.match("https?://", value, re.IGNORECASE):
        return f"{quoted} is a web address, not {expected}", _id_in_address(value)
    if match := _NEVER_IN_AN_ID.search(value):
        return (
            f"{quoted} holds {match[0]!r}, which no id has",
            "put the real value in its place; `az resource show` prints it as id",
        )
    if field in _SCOPE_FIELDS and is_guid(value):
        return f"{quoted} is a bare GUID, not {expected}", f"for a subscription, write /subscriptions/{value}"
    if not value.startswith("/") and "/" in value:
        return f"{quoted} does not start with a slash", f"write /{value}"
    if match := re.search("/subscriptions/.*", value[1:], re.IGNORECASE):
        return (
            f"{quoted} names what contains the subscription",
            f"write {match[0]}: the id of a subscription starts with it",
        )
    subscription = _SUBSCRIPTION.match(value)
    if subscription and not is_guid(subscription[1]):
        dashed = re.sub(r"^(.{8})(.{4})(.{4})(.{4})(.{12})$", r"\1-\2-\3-\4-\5", subscription[1])
        proposal = dashed if is_guid(dashed) else "its GUID, which `az account list` prints as id"
        return f"{subscription[1]!r} is no subscription id", f"write {proposal}"
    if field in _SCOPE_FIELDS:
        return _scope(value, quoted)
    foreign_type = next((kind for kind in set(_TYPES.values()) if f"/{kind}/".lower() in value.lower()), None)
    fits = f"; it is one of {foreign_type}" if foreign_type and foreign_type != _TYPES[field] else ""
    return f"{quoted} is not {expected}{fits}", f"write {EXPECTATIONS.get(field, EXPECTATIONS['policyDefinition'])}"


def _id_in_address(address: str) -> str:
    """What to write instead of the address of a page of the portal: the id stands in it, with the page's name behind."""
    match = re.search(r"/(?:subscriptions|providers/Microsoft\.Management)/.*", address, re.IGNORECASE)
    steps = match[0].split("/") if match else []
    for end in range(len(steps), 2, -1):
        with contextlib.suppress(ValueError):
            return f"write {parse_scope('/'.join(steps[:end]))}"
    return "write the resource id (in the portal: JSON view of the resource)"


def _scope(value: str, quoted: str) -> MessageAndRemedy:
    parts = value.strip("/").split("/")
    provider = next((at for at in range(len(parts) - 1, -1, -1) if parts[at].lower() == "providers"), None)
    if provider is not None and parts[0].lower() == "subscriptions" and len(parts) - provider < 4:
        return (
            f"{quoted} is cut off: a resource is …/providers/NAMESPACE/TYPE/NAME",
            "add the type and name of the resource",
        )
    if provider is not None and parts[0].lower() == "subscriptions" and (len(parts) - provider) % 2:
        return f"{quoted} ends in a type without a name", "add the name of the resource, or take the type off the end"
    if re.search(r"/resources?groups?(/|$)", value, re.IGNORECASE) and "/resourcegroups/" not in value.lower():
        return (
            f"{quoted} is not the id of a scope",
            "the word is resourceGroups: /subscriptions/GUID/resourceGroups/NAME",
        )
    group = re.search(r"/(?:resourcegroups|managementgroups)/+([^/]*[^\w().\-/][^/]*)", value, re.IGNORECASE)
    if group:
        return f"{group[1]!r} is no name of a group", "a group's name has letters, digits and ( ) . _ - alone"
    return f"{quoted} is not the id of a scope", _FORMS
