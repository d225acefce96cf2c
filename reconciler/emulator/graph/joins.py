"""Operators that bring several tables together, or make several rows of one: `join`, `union`, `mv-expand`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reconciler.emulator.graph.expressions import expression, scope_of
from reconciler.emulator.graph.pipeline import number, operator_name
from reconciler.emulator.graph.projections import Named
from reconciler.emulator.graph.schema import Column, Columns, Rows, Scope, Step, unused
from reconciler.emulator.graph.tokens import Tokens
from reconciler.emulator.graph.values import Type, convert, to_text

KINDS: Final = frozenset(
    {"innerunique", "inner", "leftouter", "rightouter", "fullouter", "leftanti", "leftsemi", "rightanti", "rightsemi"}
)
EXPANSION_LIMIT: Final = 2_147_483_647

_TYPES: Final = {
    "string": Type.STRING,
    "long": Type.LONG,
    "int": Type.LONG,
    "real": Type.REAL,
    "double": Type.REAL,
    "bool": Type.BOOL,
    "datetime": Type.DATETIME,
    "dynamic": Type.DYNAMIC,
}

SubQuery = Callable[[Tokens], tuple[Columns, Callable[[], Rows]]]
"""Reads a query in parentheses: its columns, and how its rows are got when the time comes."""


def read_join(tokens: Tokens, scope: Scope, subquery: SubQuery) -> Step | None:
    """`join`, `union` or `mv-expand` where one stands next; None otherwise.

    Raises:
        QueryError: it cannot be read.
    """
    name, length = operator_name(tokens)
    if name not in {"join", "union", "mv-expand", "mvexpand"}:
        return None
    for _ in range(length):
        tokens.take()
    match name:
        case "join":
            return _join(tokens, scope, subquery)
        case "union":
            return _union(tokens, scope, subquery)
        case _:
            return _expand(tokens, scope)


# --- join --------------------------------------------------------------------------------------------------------


def _join(tokens: Tokens, scope: Scope, subquery: SubQuery) -> Step:
    kind = "innerunique"
    if tokens.accept("kind"):
        tokens.expect("=")
        kind = tokens.expect(*KINDS)
    right_columns, right_rows = subquery(tokens)
    tokens.expect("on")
    pairs = [_condition(tokens, scope.columns, right_columns)]
    while tokens.accept(",", "and"):
        pairs.append(_condition(tokens, scope.columns, right_columns))
    left_keys, right_keys = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    columns: Columns = {} if kind in {"rightanti", "rightsemi"} else dict(scope.columns)
    renamed: dict[str, str] = {}
    if kind not in {"leftanti", "leftsemi"}:
        for name, column in right_columns.items():
            renamed[name] = unused(name, columns)
            columns[renamed[name]] = column
    right_blank = {renamed[name]: value for name, value in _blank(right_columns).items() if name in renamed}
    left_blank = _blank(scope.columns)

    def apply(rows: Rows) -> Rows:
        others = right_rows()
        lefts = rows
        if kind == "innerunique":  # the first row of each key
            lefts = list({_key(row, left_keys): row for row in reversed(rows)}.values())[::-1]
        by_key, present = _indexed(others, right_keys), _indexed(lefts, left_keys)
        if kind.startswith("left") and kind != "leftouter":
            return [row for row in lefts if (_key(row, left_keys) in by_key) is (kind == "leftsemi")]
        if kind.startswith("right") and kind != "rightouter":
            return [row for row in others if (_key(row, right_keys) in present) is (kind == "rightsemi")]
        blanks = [right_blank] if kind in {"leftouter", "fullouter"} else []
        matches = {key: [{renamed[n]: v for n, v in row.items()} for row in group] for key, group in by_key.items()}
        results = [row | match for row in lefts for match in matches.get(_key(row, left_keys), blanks)]
        if kind in {"rightouter", "fullouter"}:
            alone = [row for row in others if _key(row, right_keys) not in present]
            results += [left_blank | {renamed[n]: v for n, v in row.items()} for row in alone]
        return results

    return Step(columns=columns, apply=apply)


def _condition(tokens: Tokens, lefts: Columns, rights: Columns) -> tuple[str, str]:
    """`name`, or `$left.name == $right.name`. Dynamic columns cannot be joined on."""
    token = tokens.ahead
    names: tuple[str, str]
    if token.text in {"$left", "$right"}:
        first = _side(tokens)
        tokens.expect("==")
        second = _side(tokens)
        sides = dict([first, second])
        if len(sides) != 2:
            raise tokens.error(token)
        names = sides["$left"], sides["$right"]
    else:
        name = tokens.name()
        names = name, name
    if names[0] not in lefts or names[1] not in rights:
        raise tokens.error(token)
    kinds = {lefts[names[0]].type, rights[names[1]].type}
    if Type.DYNAMIC in kinds or len(kinds) > 1:
        raise tokens.error(token)
    return names


def _side(tokens: Tokens) -> tuple[str, str]:
    side = tokens.expect("$left", "$right")
    tokens.expect(".")
    return side, tokens.name()


def _key(row: dict[str, Any], names: list[str]) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def _indexed(rows: Rows, names: list[str]) -> dict[tuple[Any, ...], Rows]:
    index: dict[tuple[Any, ...], Rows] = {}
    for row in rows:
        key = _key(row, names)
        if None not in key:
            index.setdefault(key, []).append(row)
    return index


def _blank(columns: Columns) -> dict[str, Any]:
    """A row of nothing: nulls, and empty texts, which cannot be null."""
    return {name: "" if column.type is Type.STRING else None for name, column in columns.items()}


# --- union -------------------------------------------------------------------------------------------------------


def _union(tokens: Tokens, scope: Scope, subquery: SubQuery) -> Step:
    parts = [subquery(tokens)]
    while tokens.accept(","):
        parts.append(subquery(tokens))
    columns = dict(scope.columns)
    for part_columns, _ in parts:
        for name, column in part_columns.items():
            if columns.setdefault(name, column).type is not column.type:
                raise tokens.error()
    columns = {name: Column(type=column.type) for name, column in columns.items()}
    blank = _blank(columns)
    return Step(
        columns=columns,
        apply=lambda rows: [blank | row for row in [*rows, *(row for _, get in parts for row in get())]],
    )


# --- mv-expand ---------------------------------------------------------------------------------------------------


def _expand(tokens: Tokens, scope: Scope) -> Step:
    """One row for each element of an array, or for each pair of an object: none for an empty one, one for a null."""
    items = [_expanded(tokens, scope)]
    while tokens.accept(","):
        items.append(_expanded(tokens, scope))
    limit = EXPANSION_LIMIT
    if tokens.accept("limit"):
        limit = number(tokens)
    columns = dict(scope.columns)
    labels = []
    for item, kind in items:
        name = item.name or item.value.column or unused(item.value.name or "Column1", columns)
        columns[name] = Column(type=kind)
        labels.append((name, item.value, kind))

    def apply(rows: Rows) -> Rows:
        expanded = []
        for row in rows:
            lists = [(name, _elements(value.evaluate(row)), kind) for name, value, kind in labels]
            for position in range(min(limit, max(len(elements) for _, elements, _ in lists))):
                parts = {
                    name: convert(elements[position] if position < len(elements) else None, kind)
                    for name, elements, kind in lists
                }
                expanded.append(row | parts)
        return expanded

    return Step(columns=columns, apply=apply)


def _expanded(tokens: Tokens, scope: Scope) -> tuple[Named, Type]:
    token = tokens.ahead
    name = ""
    if token.kind == "name" and tokens.after(1).text == "=":
        name = tokens.name()
        tokens.expect("=")
    value = expression(tokens, scope_of(scope.columns, scope.now))
    if value.type is not Type.DYNAMIC:
        raise tokens.error(token)
    kind = Type.DYNAMIC
    if tokens.accept("to"):
        tokens.expect("typeof")
        tokens.expect("(")
        kind = _TYPES[tokens.expect(*_TYPES)]
        tokens.expect(")")
    return Named(name=name, value=value), kind


def _elements(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [{to_text(name): item} for name, item in value.items()]
    return [value]
