"""The operators of a Kusto query, from a table's rows to the answer's: `where`, `project`, `order by` and their kin."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.emulator.graph.expressions import Expression, Row, expression
from reconciler.emulator.graph.words import Words

Rows = list[dict[str, Any]]
Step = Callable[[Rows], Rows]

DEFAULT_TABLE: Final = "resources"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A table's folded name and what is done to its rows."""

    table: str
    steps: tuple[Step, ...]

    def run(self, rows: Iterable[Row]) -> Rows:
        """The rows that come out."""
        found = [dict(row) for row in rows]
        for step in self.steps:
            found = step(found)
        return found


def parse_query(text: str) -> Query:
    """Read a query; one that begins with an operator asks the table of resources.

    Raises:
        QueryError: it is none, or uses what is not supported.
    """
    words = Words(text)
    table = DEFAULT_TABLE
    steps: list[Step] = []
    if words.ahead.text.lower() in _OPERATORS:
        steps.append(_OPERATORS[words.take().text.lower()](words))
    else:
        table = words.name().lower()
    while words.accept("|"):
        operator = words.expect(*_OPERATORS)
        steps.append(_OPERATORS[operator](words))
    if words.ahead.kind != "end":
        raise words.error()
    return Query(table=table, steps=tuple(steps))


def _where(words: Words) -> Step:
    """Rows that meet a condition. A bare name is none for Resource Graph: it misses the comparison, as recorded."""
    start = words.position
    condition = expression(words)
    if words.since(start).isidentifier():
        raise words.error()
    return lambda rows: [row for row in rows if condition(row)]


def _project(words: Words) -> Step:
    columns = _columns(words)
    return lambda rows: [{name: value(row) for name, value in columns} for row in rows]


def _project_away(words: Words) -> Step:
    gone = {name.lower() for name, _ in _columns(words)}
    return lambda rows: [{name: value for name, value in row.items() if name.lower() not in gone} for row in rows]


def _extend(words: Words) -> Step:
    columns = _columns(words)
    return lambda rows: [row | {name: value(row) for name, value in columns} for row in rows]


def _distinct(words: Words) -> Step:
    columns = _columns(words)

    def step(rows: Rows) -> Rows:
        shown = [{name: value(row) for name, value in columns} for row in rows]
        return list({repr(row): row for row in shown}.values())

    return step


def _columns(words: Words) -> list[tuple[str, Expression]]:
    found = [_named(words)]
    while words.accept(","):
        found.append(_named(words))
    return found


def _named(words: Words) -> tuple[str, Expression]:
    """`name = expression`, or an expression whose name is its path with underscores, as Kusto names it."""
    start = words.position
    value = expression(words)
    name = words.since(start)
    if words.accept("="):
        return name, expression(words)
    return "_".join(part for part in re.split(r"\W+", name) if part), value


def _order(words: Words) -> Step:
    words.expect("by")
    keys = [_key(words)]
    while words.accept(","):
        keys.append(_key(words))
    return lambda rows: _sorted(rows, keys)


def _key(words: Words) -> tuple[Expression, bool]:
    """What to sort by, and whether it falls: Kusto sorts downwards unless told otherwise."""
    value = expression(words)
    return value, words.accept("asc", "desc") != "asc"


def _sorted(rows: Rows, keys: Sequence[tuple[Expression, bool]]) -> Rows:
    found = list(rows)
    for value, falls in reversed(keys):
        found.sort(key=lambda row, value=value: _sortable(value(row)), reverse=falls)  # type: ignore[misc]
    return found


def _sortable(value: Any) -> tuple[int, float, str]:
    if isinstance(value, (int, float)):
        return (1, float(value), "")
    return (0, 0.0, "") if value is None else (2, 0.0, str(value))


def _limit(words: Words) -> Step:
    count = _number(words)
    return lambda rows: rows[:count]


def _top(words: Words) -> Step:
    count = _number(words)
    ordered = _order(words)
    return lambda rows: ordered(rows)[:count]


def _number(words: Words) -> int:
    if words.ahead.kind != "number":
        raise words.error()
    return int(float(words.take().text))


def _count(words: Words) -> Step:
    del words
    return lambda rows: [{"Count": len(rows)}]


def _summarize(words: Words) -> Step:
    """`summarize [name =] count() [by columns]`, the one aggregate that an inventory asks for."""
    name = "count_"
    word = words.name()
    if words.accept("="):
        name, word = word, words.name()
    if word.lower() != "count":
        raise words.error()
    words.expect("(")
    words.expect(")")
    columns = _columns(words) if words.accept("by") else []

    def step(rows: Rows) -> Rows:
        groups: dict[str, dict[str, Any]] = {}
        for row in rows:
            key = {column: value(row) for column, value in columns}
            group = groups.setdefault(repr(key), {**key, name: 0})
            group[name] += 1
        return list(groups.values()) if columns else [{name: len(rows)}]

    return step


_OPERATORS: Final[dict[str, Callable[[Words], Step]]] = {
    "where": _where,
    "project": _project,
    "project-away": _project_away,
    "extend": _extend,
    "distinct": _distinct,
    "order": _order,
    "sort": _order,
    "limit": _limit,
    "take": _limit,
    "top": _top,
    "count": _count,
    "summarize": _summarize,
}
