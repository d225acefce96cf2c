"""Calls of scalar functions: whether the arguments fit, which type comes out, what a column of it is called."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from reconciler.emulator.graph.functions import FUNCTIONS, Function
from reconciler.emulator.graph.operators import calculate
from reconciler.emulator.graph.patterns import compile_pattern
from reconciler.emulator.graph.schema import Expression, Row
from reconciler.emulator.graph.values import NUMBERS, Type, convert, to_text

_BOOLEAN: Final = frozenset({"not"})
_KEEPS_KIND: Final = frozenset({"tostring", "tolower"})


def call(name: str, values: Sequence[Expression], now: datetime, position: int) -> Expression | None:
    """The call, compiled; None where there is no such function, or the arguments are not its own."""
    match name, len(values):
        case "now", (0 | 1):
            return _shifted(now, values, "+")
        case "ago", 1:
            return _shifted(now, values, "-")
        case "extract", 3:
            return _extract(values)
    function = FUNCTIONS.get(name)
    if function is None or len(values) < function.least or (function.most is not None and len(values) > function.most):
        return None
    kind = _result_type(name, function, values)
    if kind is None or not _arguments_fit(name, values):
        return None
    first, apply = values[0], function.apply
    reads = []
    for number, value in enumerate(values):
        # Where the result has the arguments' common type, a dynamic argument is read as that.
        is_common = function.result is None and number >= function.common_from and value.type is not kind
        reads.append((value.evaluate, is_common and value.type in {Type.DYNAMIC, Type.LONG}))
    return Expression(
        type=kind,
        evaluate=lambda row: apply(*[convert(read(row), kind) if converts else read(row) for read, converts in reads]),
        name=function.prefix + first.name if function.names_after_argument and first.name else "",
        kinds=first.kinds if name in _KEEPS_KIND else None,
        position=position,
    )


def _shifted(now: datetime, values: Sequence[Expression], sign: str) -> Expression | None:
    """`now()`, `now(-1d)`, `ago(1d)`."""
    if not values:
        return Expression(type=Type.DATETIME, evaluate=lambda _: now)
    if values[0].type is not Type.TIMESPAN:
        return None
    read = values[0].evaluate
    return Expression(type=Type.DATETIME, evaluate=lambda row: calculate(sign, now, read(row)))


def _extract(values: Sequence[Expression]) -> Expression | None:
    """`extract(pattern, group, text)`."""
    pattern, group, text = values
    if not pattern.literal or pattern.type is not Type.STRING or group.type is not Type.LONG or not group.literal:
        return None
    try:
        compiled = compile_pattern(to_text(pattern.evaluate({})))
    except ValueError:
        return None
    number, read = group.evaluate({}), text.evaluate
    if not 0 <= number <= compiled.groups:
        return None

    def evaluate(row: Row) -> str:
        match = compiled.search(to_text(read(row)))
        return (match.group(number) or "") if match else ""

    return Expression(type=Type.STRING, evaluate=evaluate)


def _result_type(name: str, function: Function, values: Sequence[Expression]) -> Type | None:
    if function.result is not None:
        return function.result
    if name == "round":
        return values[0].type
    if name in {"bin", "floor"}:
        match values[0].type, values[1].type:
            case (((Type.DATETIME | Type.TIMESPAN) as kind), Type.TIMESPAN):
                return kind
            case Type.LONG, Type.LONG:
                return Type.LONG
            case ((Type.LONG | Type.REAL), (Type.LONG | Type.REAL)):
                return Type.REAL
            case _:
                return None
    chosen = list(values[function.common_from :])
    if name == "case":
        if len(values) % 2 == 0:
            return None
        chosen = [*values[1:-1:2], values[-1]]
    return common_type([value.type for value in chosen])


def common_type(kinds: Sequence[Type]) -> Type | None:
    """The type that all have, where dynamic gives way to any other; None where there is none."""
    others = set(kinds) - {Type.DYNAMIC}
    if not others:
        return Type.DYNAMIC
    if others <= NUMBERS:
        return Type.REAL if Type.REAL in others else Type.LONG
    return others.pop() if len(others) == 1 else None


def _arguments_fit(name: str, values: Sequence[Expression]) -> bool:
    kinds = [value.type for value in values]
    tests = kinds[:1] if name in _BOOLEAN or name in {"iff", "iif"} else kinds[:-1:2] if name == "case" else []
    if any(kind is not Type.BOOL for kind in tests):
        return False
    match name:
        case "array_length" | "bag_keys" | "strcat_array" | "set_has_element" | "array_index_of":
            return kinds[0] is Type.DYNAMIC
        case "array_concat":
            return set(kinds) == {Type.DYNAMIC}
        case "trim" | "trim_start" | "trim_end":
            return kinds[0] is Type.STRING and kinds[1] in {Type.STRING, Type.DYNAMIC}
        case "strlen" | "tolower" | "toupper" | "split" | "substring" | "indexof" | "replace_string":
            return kinds[0] in {Type.STRING, Type.DYNAMIC}
        case "datetime_diff":
            return kinds[1:] == [Type.DATETIME, Type.DATETIME] and kinds[0] is Type.STRING
        case "datetime_add":
            return kinds == [Type.STRING, Type.LONG, Type.DATETIME]
        case "startofday" | "startofweek" | "startofmonth" | "format_datetime":
            return kinds[0] is Type.DATETIME
        case "round" | "abs" | "ceiling":
            return kinds[0] in NUMBERS
    return True
