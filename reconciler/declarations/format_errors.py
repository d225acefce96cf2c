"""Texts that do not have the form their field wants: which form was probably meant, and the line as it should be."""

from __future__ import annotations

import re
from typing import Final

from reconciler.declarations.date_errors import date_error
from reconciler.declarations.field_help import EXPECTATIONS
from reconciler.declarations.id_errors import ID_FIELDS, id_error, is_accepted
from reconciler.documents.patterns import compile_pattern

MessageAndRemedy = tuple[str, str]
"""What is wrong, and what to do."""


def format_error(value: str, field: str) -> MessageAndRemedy:
    """Why a text does not have the form that its field wants."""
    quoted = repr(value if len(value) <= 160 else value[:159] + "…")
    if field == "justification":
        return "it holds only white space", f"write {EXPECTATIONS[field]}"
    if value != value.strip() and (field not in ID_FIELDS or is_accepted(value.strip(), field)):
        return f"{quoted} starts or ends with a space", "delete the space"
    if field in _SIMPLE:
        wrong, remedy = _SIMPLE[field]
        return f"{quoted} {wrong}", remedy
    match field:
        case "name":
            proposal = re.sub(r"[^A-Za-z0-9._-]+", "-", value).strip("-._")[:100].rstrip("-._")
            why = "a name has letters, digits, dots, dashes and underscores, and starts and ends with a letter or digit"
            return (
                f"{quoted} is no name: {why}",
                f"write {proposal}, and call the file {proposal}.yaml" if proposal else "choose a plain name",
            )
        case "expiresOn":
            return date_error(value, quoted)
        case _ if field in ID_FIELDS:
            return id_error(value.strip(), quoted, field)
        case "ticketPattern":
            return _pattern(value, quoted)
        case "minAge" if value.isascii() and value.isdigit() and len(value.lstrip("0")) <= 4:
            return f"{quoted} has no unit", f"write {int(value)}d for days or {int(value)}h for hours"
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
