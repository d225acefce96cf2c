"""Kusto's aggregates: one value for a group of rows. Nulls do not count, but for `count()` and `take_any`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.emulator.graph.operators import ORDER
from reconciler.emulator.graph.schema import Column, Expression, Rows, Scope
from reconciler.emulator.graph.terms import arguments
from reconciler.emulator.graph.tokens import Tokens
from reconciler.emulator.graph.values import NUMBERS, Type, Value, shown, to_text

MEMBERS_LIMIT: Final = 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """What a group of rows comes to: columns with their types, and their values for the rows."""

    columns: tuple[tuple[str, Column], ...]
    compute: Callable[[Rows], tuple[Value, ...]]


Reduce = Callable[[list[Value]], Value]


def aggregate(tokens: Tokens, scope: Scope) -> Aggregate:
    """Read `name(arguments)`.

    Raises:
        QueryError: there is no such aggregate, or the arguments are not its own.
    """
    token = tokens.ahead
    name = tokens.name()
    tokens.expect("(")
    if name in {"arg_max", "arg_min"}:
        return _extreme(tokens, scope, name)
    values = arguments(tokens, scope)
    if name == "count" and not values:
        return Aggregate(columns=(("count_", Column(type=Type.LONG)),), compute=lambda rows: (len(rows),))
    if name == "countif" and len(values) == 1 and values[0].type is Type.BOOL:
        test = values[0].evaluate
        return Aggregate(
            columns=(("countif_", Column(type=Type.LONG)),),
            compute=lambda rows: (sum(test(row) is True for row in rows),),
        )
    is_conditional = name.endswith("if") and len(values) == 2 and values[1].type is Type.BOOL
    base = name.removesuffix("if").removesuffix("_") if is_conditional else name
    reduction = _REDUCTIONS.get(base)
    if reduction is None or len(values) != (2 if is_conditional else 1):
        raise tokens.error(token)
    prefix, kind_of, reduce = reduction
    kind = kind_of(values[0].type)
    if kind is None:
        raise tokens.error(token)
    read, passes = values[0].evaluate, values[1].evaluate if is_conditional else None
    label = prefix.removesuffix("_") + ("if_" if is_conditional else "_") if prefix else ""
    column = (label + values[0].name, Column(type=kind, kinds=values[0].kinds if not prefix else None))
    return Aggregate(
        columns=(column,),
        compute=lambda rows: (reduce([read(row) for row in rows if passes is None or passes(row) is True]),),
    )


def _extreme(tokens: Tokens, scope: Scope, name: str) -> Aggregate:
    """`arg_max(key, *)` and `arg_max(key, columns)`: the row with the greatest key."""
    key = scope.read(tokens, scope)
    shown_columns: list[tuple[str, Expression]] = [(key.name or "Column1", key)]
    if tokens.accept(","):
        if tokens.accept("*"):
            shown_columns += [
                (label, Expression(type=column.type, evaluate=operator.itemgetter(label), kinds=column.kinds))
                for label, column in scope.columns.items()
                if label != key.name
            ]
        else:
            rest = [scope.read(tokens, scope)]
            while tokens.accept(","):
                rest.append(scope.read(tokens, scope))
            shown_columns += [(value.name or f"Column{number}", value) for number, value in enumerate(rest, 2)]
    tokens.expect(")")
    if key.type is Type.DYNAMIC:
        raise tokens.error()
    better = ORDER[">" if name == "arg_max" else "<"]

    def compute(rows: Rows) -> tuple[Value, ...]:
        best, best_key = None, None
        for row in rows:
            value = key.evaluate(row)
            if value is not None and (best is None or better(value, best_key)):
                best, best_key = row, value
        return tuple(None if best is None else column.evaluate(best) for _, column in shown_columns)

    columns = tuple((label, Column(type=column.type, kinds=column.kinds)) for label, column in shown_columns)
    return Aggregate(columns=columns, compute=compute)


# --- reductions --------------------------------------------------------------------------------------------------


def _present(values: Sequence[Value]) -> list[Value]:
    return [value for value in values if value is not None]


def _sum(values: list[Value]) -> Value:
    present = _present(values)
    return sum(present[1:], present[0]) if present else 0


def _average(values: list[Value]) -> Value:
    present = _present(values)
    return _sum(present) / len(present) if present else None


def _any(values: list[Value]) -> Value:
    return next(iter(_present(values)), None)


def _comparable(kind: Type) -> Type | None:
    return None if kind is Type.DYNAMIC else kind


_REDUCTIONS: Final[Mapping[str, tuple[str, Callable[[Type], Type | None], Reduce]]] = {
    "sum": ("sum_", lambda kind: kind if kind in NUMBERS or kind is Type.TIMESPAN else None, _sum),
    "avg": ("avg_", lambda kind: Type.REAL if kind in NUMBERS else kind if kind is Type.TIMESPAN else None, _average),
    "min": ("min_", _comparable, lambda values: min(_present(values), default=None)),
    "max": ("max_", _comparable, lambda values: max(_present(values), default=None)),
    "dcount": (
        "dcount_",
        lambda kind: None if kind is Type.DYNAMIC else Type.LONG,
        lambda values: len({to_text(value) + type(value).__name__ for value in _present(values)}),
    ),
    "make_list": (
        "list_",
        lambda _: Type.DYNAMIC,
        lambda values: [shown(value) for value in _present(values)[:MEMBERS_LIMIT]],
    ),
    "make_set": (
        "set_",
        lambda _: Type.DYNAMIC,
        lambda values: list(
            {to_text(value) + type(value).__name__: shown(value) for value in _present(values)}.values()
        ),
    ),
    "take_any": ("", lambda kind: kind, _any),
    "any": ("any_", lambda kind: kind, _any),
}
"""Of each: how its column's name begins, its type for the argument's, and what it does with the values."""
