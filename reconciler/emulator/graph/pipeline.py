"""The operators of a Kusto query, from a table's rows to the answer's: `where`, `project`, `summarize` and their kin.

Each operator is read once into a step: the columns that come out, and what is done to the rows.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from reconciler.emulator.graph import projections
from reconciler.emulator.graph.aggregates import Aggregate, aggregate
from reconciler.emulator.graph.expressions import condition, expression, scope_of
from reconciler.emulator.graph.projections import column_of, labelled, named_list
from reconciler.emulator.graph.schema import Column, Columns, Expression, Rows, Scope, Step, unused
from reconciler.emulator.graph.tokens import Tokens
from reconciler.emulator.graph.values import Type, shown


def read_step(tokens: Tokens, columns: Columns, now: datetime) -> Step | None:
    """The operator that the next token names; None if it is none of these.

    Raises:
        QueryError: it cannot be read.
    """
    name, length = operator_name(tokens)
    reader = _OPERATORS.get(name)
    if reader is None:
        return None
    for _ in range(length):
        tokens.take()
    return reader(tokens, scope_of(columns, now))


def operator_name(tokens: Tokens) -> tuple[str, int]:
    """The name of an operator with its hyphens, and of how many tokens it is."""
    text, length = tokens.ahead.text, 1
    while (
        tokens.after(length).text == "-"
        and tokens.after(length + 1).kind == "name"
        and tokens.after(length + 1).position == tokens.after(length).position + 1
        and tokens.after(length).position == tokens.after(length - 1).position + len(tokens.after(length - 1).text)
    ):
        text, length = f"{text}-{tokens.after(length + 1).text}", length + 2
    return text, length


def where_step(tokens: Tokens, scope: Scope) -> Step:
    """Rows for which the condition is true; false and null do not pass."""
    test = condition(tokens, scope)
    passes = test.evaluate
    return Step(
        columns=scope.columns,
        apply=lambda rows: [row for row in rows if passes(row) is True],
        only=test.only,
        is_filter=True,
    )


# --- rows --------------------------------------------------------------------------------------------------------


def _distinct(tokens: Tokens, scope: Scope) -> Step:
    if tokens.accept("*"):
        pairs = [
            (name, Expression(type=column.type, evaluate=operator.itemgetter(name), kinds=column.kinds))
            for name, column in scope.columns.items()
        ]
    else:
        pairs = labelled(tokens, named_list(tokens, scope), {})
    _refuse_dynamic(tokens, [value for _, value in pairs])

    def apply(rows: Rows) -> Rows:
        projected = [{name: value.evaluate(row) for name, value in pairs} for row in rows]
        return list({tuple(row.values()): row for row in reversed(projected)}.values())[::-1]

    return Step(columns={name: column_of(value) for name, value in pairs}, apply=apply)


def _refuse_dynamic(tokens: Tokens, values: Iterable[Expression]) -> None:
    if any(value.type is Type.DYNAMIC for value in values):
        raise tokens.error()


def _order(tokens: Tokens, scope: Scope) -> Step:
    tokens.expect("by")
    keys = [_key(tokens, scope)]
    while tokens.accept(","):
        keys.append(_key(tokens, scope))

    def apply(rows: Rows) -> Rows:
        ordered = list(rows)
        for value, falls, nulls_first in reversed(keys):
            read = value.evaluate
            present = [row for row in ordered if read(row) is not None]
            absent = [row for row in ordered if read(row) is None]
            present.sort(key=read, reverse=falls)
            ordered = absent + present if nulls_first else present + absent
        return ordered

    return Step(columns=scope.columns, apply=apply)


def _key(tokens: Tokens, scope: Scope) -> tuple[Expression, bool, bool]:
    """What to sort by, whether it falls, whether nulls come first: Kusto sorts downwards with nulls last by default."""
    value = expression(tokens, scope)
    _refuse_dynamic(tokens, [value])
    falls = tokens.accept("asc", "desc") != "asc"
    nulls_first = not falls
    if tokens.accept("nulls"):
        nulls_first = tokens.expect("first", "last") == "first"
    return value, falls, nulls_first


def _limit(tokens: Tokens, scope: Scope) -> Step:
    count = number(tokens)
    return Step(columns=scope.columns, apply=lambda rows: rows[:count])


def _top(tokens: Tokens, scope: Scope) -> Step:
    count, ordered = number(tokens), _order(tokens, scope)
    return Step(columns=scope.columns, apply=lambda rows: ordered.apply(rows)[:count])


def number(tokens: Tokens) -> int:
    """A whole number."""
    if tokens.ahead.kind != "number" or not tokens.ahead.text.isdigit():
        raise tokens.error()
    return int(tokens.take().text[:18])


def _count(tokens: Tokens, scope: Scope) -> Step:
    del tokens, scope
    return Step(columns={"Count": Column(type=Type.LONG)}, apply=lambda rows: [{"Count": len(rows)}])


def _summarize(tokens: Tokens, scope: Scope) -> Step:
    """`summarize [name =] aggregate(…), … [by columns]`."""
    aggregates: list[tuple[str, Aggregate]] = []
    while not tokens.accept("by"):
        name = ""
        if tokens.after(3 if tokens.ahead.text == "[" else 1).text == "=":
            name = tokens.name()
            tokens.expect("=")
        aggregates.append((name, aggregate(tokens, scope)))
        if tokens.accept(","):
            if tokens.ahead.text == "by":
                raise tokens.error()
        elif tokens.accept("by"):
            break
        else:
            return _grouped(tokens, scope, aggregates, [])
    return _grouped(tokens, scope, aggregates, labelled(tokens, named_list(tokens, scope), {}))


def _grouped(
    tokens: Tokens, scope: Scope, aggregates: list[tuple[str, Aggregate]], keys: list[tuple[str, Expression]]
) -> Step:
    del scope
    _refuse_dynamic(tokens, [value for _, value in keys])
    columns = {name: column_of(value) for name, value in keys}
    labels: list[list[str]] = []
    for name, part in aggregates:
        names = []
        for position, (label, column) in enumerate(part.columns):
            is_first = position == 0 and name != ""
            if is_first and name in columns:
                raise tokens.error()
            if not is_first and label in dict(keys) and len(part.columns) > 1:
                names.append("")
                continue
            names.append(name if is_first else unused(label, columns))
            columns[names[-1]] = column
        labels.append(names)

    def apply(rows: Rows) -> Rows:
        groups: dict[tuple[Any, ...], Rows] = {} if keys else {(): []}
        for row in rows:
            groups.setdefault(tuple(value.evaluate(row) for _, value in keys), []).append(row)
        results = []
        for key, members in groups.items():
            row = dict(zip([name for name, _ in keys], key, strict=True))
            for (_, part), names in zip(aggregates, labels, strict=True):
                row |= {name: value for name, value in zip(names, part.compute(members), strict=True) if name}
            results.append(row)
        return results

    return Step(columns=columns, apply=apply)


_OPERATORS: Final[dict[str, Callable[[Tokens, Scope], Step]]] = {
    "where": where_step,
    "filter": where_step,
    "project": projections.project,
    "project-away": projections.project_away,
    "project-keep": projections.project_keep,
    "project-rename": projections.project_rename,
    "project-reorder": projections.project_reorder,
    "extend": projections.extend,
    "distinct": _distinct,
    "order": _order,
    "sort": _order,
    "limit": _limit,
    "take": _limit,
    "top": _top,
    "count": _count,
    "summarize": _summarize,
}


def as_json(rows: Rows, columns: Columns) -> Rows:
    """The rows with every column in order and values as JSON has them."""
    plain = [name for name, column in columns.items() if column.type in {Type.STRING, Type.LONG, Type.BOOL}]
    if len(plain) == len(columns):
        return [{name: row[name] for name in columns} for row in rows]
    return [{name: shown(row[name]) for name in columns} for row in rows]
