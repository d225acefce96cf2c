"""The query options of policy states: `$filter`, `$orderby`, `$select`, `$top` and the one form of `$apply`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.state.clock import parse_instant
from reconciler.model import JSON

Entry = dict[str, JSON]

_CONDITION: Final = re.compile(
    r"\(*\s*(?P<field>\w+)\s+(?P<sign>eq|ne)\s+(?:'(?P<text>(?:[^']|'')*)'|(?P<word>true|false))\s*\)*", re.IGNORECASE
)
_APPLY: Final = re.compile(
    r"groupby\(\((?P<fields>[^)]*)\)(?:,\s*aggregate\(\$count\s+as\s+(?P<name>\w+)\))?\)", re.IGNORECASE
)


def apply_options(rows: list[Entry], query: dict[str, str]) -> list[Entry]:
    """The rows as the options of a query have them. The keys of `query` are folded.

    Raises:
        ArmError: 400, an option that cannot be honoured.
    """
    condition = _filter(query.get("$filter", ""))
    start, end = _instant(query, "$from"), _instant(query, "$to")
    rows = [
        row for row in rows if condition(row) and start <= row["timestamp"] and (not end or row["timestamp"] <= end)
    ]
    rows = _grouped(rows, query.get("$apply", ""))
    rows = _ordered(rows, query.get("$orderby", ""))
    if "$top" in query:
        if not query["$top"].isdecimal():
            raise _refused(f"The value '{query['$top']}' of '$top' is not a whole number.")
        rows = rows[: int(query["$top"])]
    return _selected(rows, query.get("$select", ""))


def _refused(why: str) -> errors.ArmError:
    return errors.ArmError(400, "InvalidQueryOption", why)


def _instant(query: dict[str, str], name: str) -> str:
    text = query.get(name)
    if text is None:
        return ""
    instant = parse_instant(text)
    if instant is None:
        raise _refused(f"The value '{text}' of '{name}' is not an instant.")
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _filter(text: str) -> Callable[[Entry], bool]:
    """Comparisons with `eq` and `ne`, joined by `and` alone or by `or` alone."""
    if not text.strip():
        return lambda _: True
    joint = "or" if re.search(r"'?\s+or\s+\w+\s+(eq|ne)\s", text, re.IGNORECASE) else "and"
    parts = re.split(rf"\s+{joint}\s+", text.strip(), flags=re.IGNORECASE)
    conditions = []
    for part in parts:
        match = _CONDITION.fullmatch(part)
        if not match:
            raise errors.invalid_filter(text)
        conditions.append(_condition(match))
    return lambda row: (any if joint == "or" else all)(condition(row) for condition in conditions)


def _condition(match: re.Match[str]) -> Callable[[Entry], bool]:
    field, is_equal = match["field"].lower(), match["sign"].lower() == "eq"
    value = (match["word"] or match["text"].replace("''", "'")).lower()

    def holds(row: Entry) -> bool:
        folded = {name.lower(): item for name, item in row.items()}
        if field not in folded:
            raise _refused(f"Could not find a property named '{match['field']}' on type 'PolicyStates'.")
        return (str(folded[field]).lower() == value) is is_equal

    return holds


def _grouped(rows: list[Entry], text: str) -> list[Entry]:
    if not text.strip():
        return rows
    match = _APPLY.fullmatch(text.strip())
    if not match:
        raise _refused(f"The value '{text}' of '$apply' is not supported: only groupby with $count is.")
    fields = [name.strip() for name in match["fields"].split(",")]
    groups: dict[tuple[str, ...], Entry] = {}
    for row in rows:
        values = {name: _field(row, name) for name in fields}
        group = groups.setdefault(tuple(map(str, values.values())), {**values, "": 0})
        group[""] += 1
    name = match["name"] or ""
    return [
        {**{key: item for key, item in group.items() if key}, **({name: group[""]} if name else {})}
        for group in groups.values()
    ]


def _ordered(rows: list[Entry], text: str) -> list[Entry]:
    for part in reversed([part.split() for part in text.split(",") if part.strip()]):
        if len(part) > 2 or (len(part) == 2 and part[1].lower() not in {"asc", "desc"}):
            raise _refused(f"The value '{text}' of '$orderby' is not supported.")
        name = part[0]
        is_number = all(isinstance(_field(row, name), int) for row in rows)
        rows = sorted(
            rows,
            key=lambda row: _field(row, name) if is_number else str(_field(row, name)),
            reverse=part[-1].lower() == "desc",
        )
    return rows


def _selected(rows: list[Entry], text: str) -> list[Entry]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    return [{name: _field(row, name) for name in names} for row in rows] if names else rows


def _field(row: Entry, name: str) -> JSON:
    if name not in row:
        raise _refused(f"Could not find a property named '{name}' on type 'PolicyStates'.")
    return row[name]
