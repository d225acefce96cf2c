"""The query options of policy states: `$filter`, `$orderby`, `$select`, `$top` and the one form of `$apply`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.state.clock import parse_instant
from reconciler.model import JSON

Entry = dict[str, JSON]
Condition = Callable[[Entry], bool]

_TOKEN: Final = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<word>[\w./:-]+)|(?P<mark>[()]))")
_COUNT: Final = re.compile(r"aggregate\(\$count\s+as\s+(?P<name>\w+)\)", re.IGNORECASE)
_GROUP: Final = re.compile(r"groupby\(\((?P<fields>[^)]*)\)(?:,\s*(?P<count>aggregate\([^)]*\)))?\)", re.IGNORECASE)
DEPTH_LIMIT: Final = 50


def apply_options(rows: list[Entry], fields: Sequence[str], query: Mapping[str, str]) -> list[Entry]:
    """The rows as the options of a query have them. `fields` are those that a row has, the keys of `query` are folded.

    Raises:
        ArmError: 400, an option that cannot be honoured.
    """
    empty: Entry = dict.fromkeys(fields, "")
    # Comparisons with `eq`, `ne` and `in`, joined by `and`, `or` and parentheses.
    reader = _FilterReader(query.get("$filter", ""))
    condition: Condition = reader.disjunction() if reader.ahead else lambda _: True
    if reader.ahead:
        raise errors.invalid_filter(query["$filter"])
    condition(empty)  # a field that does not exist is an error also where there is no row
    start, end = (
        instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if (instant := instant_of(query, name)) else ""
        for name in ("$from", "$to")
    )
    rows = [
        row for row in rows if condition(row) and start <= row["timestamp"] and (not end or row["timestamp"] <= end)
    ]
    sample = _grouped([empty], query.get("$apply", ""))
    _selected(_ordered(sample, query.get("$orderby", "")), query.get("$select", ""))
    rows = _ordered(_grouped(rows, query.get("$apply", "")), query.get("$orderby", ""))
    if "$top" in query:
        if not query["$top"].isdecimal():
            raise _refused(f"The value '{query['$top']}' of '$top' is not a whole number.")
        rows = rows[: int(query["$top"])]
    return _selected(rows, query.get("$select", ""))


def _refused(why: str) -> errors.ArmError:
    return errors.ArmError(400, "InvalidQueryOption", why)


def instant_of(query: Mapping[str, str], name: str) -> datetime | None:
    """The point in time that an option names, None without it.

    Raises:
        ArmError: 400, it is none.
    """
    text = query.get(name)
    if text is None:
        return None
    instant = parse_instant(text.strip().replace(" ", "T"))
    if instant is None:
        raise _refused(f"The value '{text}' of '{name}' is not an instant.")
    return instant


class _FilterReader:
    """Reads a `$filter` word by word."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words: list[str] = []
        self._depth = position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if not match:
                raise errors.invalid_filter(text)
            self._words.append(match.group().strip())
            position = match.end()

    @property
    def ahead(self) -> str:
        """The next word, empty at the end."""
        return self._words[0] if self._words else ""

    def _take(self, *texts: str) -> str:
        if texts and self.ahead.lower() not in texts:
            raise errors.invalid_filter(self._text)
        return self._words.pop(0) if self._words else ""

    def disjunction(self) -> Condition:
        """Terms joined by `or`."""
        terms = [self._conjunction()]
        while self.ahead.lower() == "or":
            self._take()
            terms.append(self._conjunction())
        return lambda row: any(term(row) for term in terms)

    def _conjunction(self) -> Condition:
        terms = [self._term()]
        while self.ahead.lower() == "and":
            self._take()
            terms.append(self._term())
        return lambda row: all(term(row) for term in terms)

    def _term(self) -> Condition:
        """A comparison, or what stands in parentheses."""
        if self._depth >= DEPTH_LIMIT:
            raise errors.invalid_filter(self._text)
        if self.ahead == "(":
            self._depth += 1
            self._take()
            inner = self.disjunction()
            self._take(")")
            self._depth -= 1
            return inner
        first, sign, second = self._take(), self._take("eq", "ne", "in").lower(), self._take()
        if sign == "in":
            value = _value(first)
            return lambda row: value in {str(item).lower() for item in _field(row, second)}
        expected = _value(second)
        if not first or not second or first.startswith("'"):
            raise errors.invalid_filter(self._text)
        return lambda row: (str(_field(row, first)).lower() == expected) is (sign == "eq")


def _value(word: str) -> str:
    return (word[1:-1].replace("''", "'") if word.startswith("'") else word).lower()


def _grouped(rows: list[Entry], text: str) -> list[Entry]:
    """`groupby` and `aggregate($count as name)`, one after the other with slashes between."""
    remaining = text.strip()
    while remaining:
        group, count = _GROUP.match(remaining), _COUNT.match(remaining)
        if group:
            name = _COUNT.fullmatch(group["count"] or "")
            if group["count"] and not name:
                break
            fields = [field.strip() for field in group["fields"].split(",")]
            groups: dict[tuple[str, ...], Entry] = {}
            counts: Counter[tuple[str, ...]] = Counter()
            for row in rows:
                values = {field: _field(row, field) for field in fields}
                key = tuple(map(str, values.values()))
                groups.setdefault(key, values)
                counts[key] += 1
            rows = [{**values, **({name["name"]: counts[key]} if name else {})} for key, values in groups.items()]
        elif count:
            rows = [{count["name"]: len(rows)}]
        else:
            break
        remaining = remaining[(group or count).end() :].removeprefix("/")  # type: ignore[union-attr]
    if remaining:
        raise _refused(f"The value '{text}' of '$apply' is not supported: only groupby and aggregate with $count are.")
    return rows


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
    """A property, whose name does not mind case."""
    if name in row:
        return row[name]
    for field, value in row.items():
        if field.lower() == name.lower():
            return value
    raise _refused(f"Could not find a property named '{name}' on type 'PolicyStates'.")
