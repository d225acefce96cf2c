"""`$filter` of the lists of resources and resource groups: names, types, places, tags."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from reconciler.emulator import errors
from reconciler.model import JSON

Entry = dict[str, JSON]
Condition = Callable[[Entry], bool]

_COMPARISON: Final = re.compile(r"(?P<field>\w+)\s+(?P<sign>eq|ne)\s+'(?P<value>(?:[^']|'')*)'", re.IGNORECASE)
_CALL: Final = re.compile(
    r"(?P<function>substringof|startswith)\((?P<first>[^,]+),\s*(?P<second>[^)]+)\)", re.IGNORECASE
)
_AND: Final = re.compile(r"\s+and\s+(?=(?:[^']*'[^']*')*[^']*$)", re.IGNORECASE)
_TEXT: Final = re.compile(r"'((?:[^']|'')*)'")

_FIELDS: Final[dict[str, Callable[[Entry], str]]] = {
    "name": lambda entry: str(entry["name"]),
    "resourcetype": lambda entry: str(entry["type"]),
    "location": lambda entry: str(entry.get("location", "")).replace(" ", ""),
    "resourcegroup": lambda entry: str(entry["id"]).split("/")[4],
}
GROUP_FIELDS: Final = frozenset[str]()
RESOURCE_FIELDS: Final = frozenset(_FIELDS)


def parse_resource_filter(text: str | None, fields: frozenset[str]) -> Condition:
    """The meaning of a `$filter`: conditions joined by `and`. `fields` are the folded fields that the list compares.

    Raises:
        ArmError: 400, no such filter.
    """
    if not text or not text.strip():
        return lambda _: True
    conditions: list[Condition] = []
    tag_names: list[str] = []
    tag_values: list[str] = []
    for part in _AND.split(text.strip()):
        comparison, function = _COMPARISON.fullmatch(part), _CALL.fullmatch(part)
        field = comparison["field"].lower() if comparison else ""
        if comparison and field in {"tagname", "tagvalue"} and comparison["sign"].lower() == "eq":
            (tag_names if field == "tagname" else tag_values).append(_unquoted(comparison["value"]))
        elif comparison and field in fields:
            conditions.append(_compared(field, comparison["sign"], _unquoted(comparison["value"])))
        elif function and (condition := _called(function, fields)):
            conditions.append(condition)
        else:
            raise errors.invalid_filter(text)
    if len(tag_names) > 1 or len(tag_values) > len(tag_names):
        raise errors.invalid_filter(text)
    if tag_names:
        conditions.append(
            lambda entry: any(
                name.lower() == tag_names[0].lower() and (not tag_values or value == tag_values[0])
                for name, value in (entry.get("tags") or {}).items()
            )
        )
    return lambda entry: all(condition(entry) for condition in conditions)


def _compared(field: str, sign: str, value: str) -> Condition:
    read, equal = _FIELDS[field], sign.lower() == "eq"
    expected = value.lower().replace(" ", "") if field == "location" else value.lower()
    return lambda entry: (read(entry).lower() == expected) is equal


def _called(call: re.Match[str], fields: frozenset[str]) -> Condition | None:
    """`substringof('part', name)` and `startswith(tagName, 'prefix')`."""
    first, second = call["first"].strip(), call["second"].strip()
    if call["function"].lower() == "substringof":
        text = _TEXT.fullmatch(first)
        if text is None or second.lower() not in fields & {"name", "resourcegroup"}:
            return None
        part, read = _unquoted(text[1]).lower(), _FIELDS[second.lower()]
        return lambda entry: part in read(entry).lower()
    text = _TEXT.fullmatch(second)
    if text is None or first.lower() != "tagname":
        return None
    prefix = _unquoted(text[1]).lower()
    return lambda entry: any(name.lower().startswith(prefix) for name in entry.get("tags") or {})


def _unquoted(text: str) -> str:
    return text.replace("''", "'")
