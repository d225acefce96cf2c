"""Why a text is not the id that its field wants, and the id that was probably meant.

Each known mistake has a repair. A repaired id is proposed only if its field accepts it, after further repairs where it
takes more than one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import unquote

from reconciler.declarations.field_help import EXPECTATIONS
from reconciler.documents.schema import schema
from reconciler.model import is_guid

SCOPE_FIELDS: Final = frozenset({"scopes", "below"})
_TYPES: Final = {
    "policyDefinition": "policyDefinitions",
    "policies": "policyDefinitions",
    "policySetDefinition": "policySetDefinitions",
    "policyAssignment": "policyAssignments",
}
ID_FIELDS: Final = SCOPE_FIELDS | _TYPES.keys()
_SUBSCRIPTION: Final = re.compile(r"/+subscriptions?/+([^/]*)", re.IGNORECASE)
_NEVER_IN_AN_ID: Final = re.compile(r"[<>%&?\\{}*\"|]")
_FORMS: Final = (
    "the forms are /providers/Microsoft.Management/managementGroups/NAME, /subscriptions/GUID, "
    "/subscriptions/GUID/resourceGroups/NAME, and for a resource one of these with /providers/NAMESPACE/TYPE/NAME"
)
_MAX_REPAIRS: Final = 4


class _Mistake(NamedTuple):
    """What is `wrong` with an id (or with a `part` of it), the text `repaired`, empty where nobody can know it, and then
    what to do.
    """

    wrong: str
    repaired: str = ""
    remedy: str = ""
    part: str = ""


def id_error(value: str, quoted: str, field: str) -> tuple[str, str]:
    """What breaks an ARM id, the commonest first, and what to write instead."""
    mistake = _mistake(value, field)
    if mistake is None:
        # An id without a known mistake that is not what its field wants.
        if field not in SCOPE_FIELDS:
            fitting = next((name for name, kind in _TYPES.items() if f"/{kind}/".lower() in value.lower()), None)
            if fitting and fitting != field and _TYPES.get(fitting) != _TYPES[field]:
                move = f"write {fitting}: {value}" if field != "policies" and is_accepted(value, fitting) else ""
                return f"{quoted} is not {_expected(field)}; it is one of {_TYPES[fitting]}", move or _what_to_write(
                    field
                )
            return f"{quoted} is not {_expected(field)}", _what_to_write(field)
        parts = value.strip("/").split("/")
        provider = next((at for at in range(len(parts) - 1, -1, -1) if parts[at].lower() == "providers"), None)
        if provider is not None and parts[0].lower() == "subscriptions" and len(parts) - provider < 4:
            return (
                f"{quoted} is cut off: a resource is …/providers/NAMESPACE/TYPE/NAME",
                "add the type and name of the resource",
            )
        if provider is not None and parts[0].lower() == "subscriptions" and (len(parts) - provider) % 2:
            return (
                f"{quoted} ends in a type without a name",
                "add the name of the resource, or take the type off the end",
            )
        if re.search(r"/resourcegroups/*$", value, re.IGNORECASE):
            return f"{quoted} ends without the name of the group", "add the name of the resource group"
        group = re.search(r"/(?:resourcegroups|managementgroups)/+([^/]*[^\w().\-/][^/]*)", value, re.IGNORECASE)
        if group:
            return f"{group[1]!r} is no name of a group", "a group's name has letters, digits and ( ) . _ - alone"
        return f"{quoted} is not {_expected(field)}", _FORMS
    remedy = mistake.remedy or _what_to_write(field)
    if proposal := accepted_id(mistake.repaired, field):
        remedy = f"write {proposal}"
    return f"{repr(mistake.part) if mistake.part else quoted} {mistake.wrong}", remedy


def _expected(field: str) -> str:
    return "the id of a scope" if field in SCOPE_FIELDS else f"the id of one of {_TYPES[field]}"


def accepted_id(text: str, field: str) -> str:
    """An id as its field accepts it: the text with all its mistakes repaired, or empty where its field refuses it all the same."""
    for _ in range(_MAX_REPAIRS):
        if not text or is_accepted(text, field):
            return text
        mistake = _mistake(text, field)
        text = mistake.repaired if mistake else ""
    return ""


def is_accepted(text: str, field: str) -> bool:
    """Whether a field takes this full id."""
    if field in SCOPE_FIELDS:
        pattern = schema("exemption")["$defs"]["scope"]["pattern"]
    else:
        pattern = schema("exemption")["properties"]["policyDefinition" if field == "policies" else field]["pattern"]
    return text.startswith("/") and re.search(pattern, text) is not None


def _mistake(value: str, field: str) -> _Mistake | None:
    return next((mistake for rule in _RULES if (mistake := rule(value, field))), None)


# --- one mistake each --------------------------------------------------------------------------------------------


def _web_address(value: str, field: str) -> _Mistake | None:
    if not re.match("https?://", value, re.IGNORECASE):
        return None
    match = re.search(r"/(?:subscriptions|providers/Microsoft\.)[^?#]*", unquote(unquote(value)), re.IGNORECASE)
    steps = match[0].split("/") if match else []
    ids = ("/".join(steps[:end]) for end in range(len(steps), 2, -1))  # a page's name may stand behind the id
    repaired = next((text for text in ids if is_accepted(text, field)), "")
    return _Mistake(
        f"is a web address, not {_expected(field)}",
        repaired,
        "write the resource id (in the portal: JSON view of the resource)",
    )


def _named(value: str, _: str) -> _Mistake | None:
    """`name:/scope`, as Enterprise Policy as Code and some scripts write it."""
    match = re.match(r"[^/:]*:\s*(/+(?:subscriptions|providers)/.*)", value, re.IGNORECASE)
    return _Mistake("has a name before the id", match[1]) if match else None


def _impossible_character(value: str, _: str) -> _Mistake | None:
    match = _NEVER_IN_AN_ID.search(value)
    if not match:
        return None
    return _Mistake(
        f"holds {match[0]!r}, which no id has",
        value.replace("\\", "/") if match[0] == "\\" else "",
        'put the real value in its place; `az resource list --name NAME --query "[].id"` prints ids',
    )


def _bare_guid(value: str, field: str) -> _Mistake | None:
    if field not in SCOPE_FIELDS or not is_guid(value):
        return None
    return _Mistake(
        "is a bare GUID; if it is a subscription's, /subscriptions/ stands before it", f"/subscriptions/{value}"
    )


def _no_slash(value: str, _: str) -> _Mistake | None:
    starts = re.match(r"(?:subscriptions?|providers|managementgroups?)/", value, re.IGNORECASE)
    return _Mistake("does not start with a slash", f"/{value}") if starts else None


def _container_before(value: str, _: str) -> _Mistake | None:
    match = re.search("/subscriptions/.*", value[1:], re.IGNORECASE)
    return _Mistake("names what contains the subscription", match[0]) if match else None


def _subscription_id(value: str, _: str) -> _Mistake | None:
    match = _SUBSCRIPTION.match(value)
    if not match or is_guid(match[1]):
        return None
    dashed = re.sub(r"^(.{8})(.{4})(.{4})(.{4})(.{12})$", r"\1-\2-\3-\4-\5", match[1])
    repaired = f"{value[: match.start(1)]}{dashed}{value[match.end(1) :]}" if is_guid(dashed) else ""
    remedy = "write its GUID, which `az account list` prints as id"
    return _Mistake("is no subscription id", repaired, remedy, part=match[1])


def _misspelled_step(value: str, field: str) -> _Mistake | None:
    repaired = re.sub(r"^/subscription/", "/subscriptions/", value, flags=re.IGNORECASE)
    repaired = re.sub(
        r"^(/subscriptions/[^/]+)/resources?groups?(?=/)", r"\1/resourceGroups", repaired, flags=re.IGNORECASE
    )
    repaired = re.sub(
        r"^(?:/providers)?/managementgroups?/",
        "/providers/Microsoft.Management/managementGroups/",
        repaired,
        flags=re.IGNORECASE,
    )
    if repaired.casefold() == value.casefold():
        return None
    return _Mistake(
        f"is not {_expected(field)}: the words are subscriptions, resourceGroups and managementGroups", repaired
    )


def _version_behind(value: str, field: str) -> _Mistake | None:
    match = re.fullmatch(r"(.+)/versions/[^/]+", value, re.IGNORECASE)
    return _Mistake("names a version", match[1]) if match and field not in SCOPE_FIELDS else None


_RULES: Final[tuple[Callable[[str, str], _Mistake | None], ...]] = (
    _web_address,
    _named,
    _impossible_character,
    _bare_guid,
    _no_slash,
    _container_before,
    _subscription_id,
    _misspelled_step,
    _version_behind,
)


# --- what nobody can repair --------------------------------------------------------------------------------------


def _what_to_write(field: str) -> str:
    return _FORMS if field in SCOPE_FIELDS else f"write {EXPECTATIONS.get(field, EXPECTATIONS['policyDefinition'])}"
