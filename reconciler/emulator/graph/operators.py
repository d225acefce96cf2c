"""Kusto's binary operators: which types they take, and what they give, nulls included.

Two nulls are neither equal nor different (null); a null differs from everything else. An order, or arithmetic, with a
null is null. Text operators take a null for an empty text. `and`, `or` and `not` know three values.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from reconciler.emulator.graph.values import NUMBERS, Type, Value, to_text

Compute = Callable[[Value, Value], Value]


# --- equality and order ------------------------------------------------------------------------------------------


def equal(left: Value, right: Value) -> bool | None:
    """`==`: null for two nulls."""
    if left is None or right is None:
        return None if left is right else False
    return _same(left, right)


def unequal(left: Value, right: Value) -> bool | None:
    """`!=`: null for two nulls."""
    result = equal(left, right)
    return None if result is None else not result


def _same(left: Value, right: Value) -> bool:
    if isinstance(left, str) != isinstance(right, str):
        return to_text(left) == to_text(right)
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    return bool(left == right)


def _ordered(compare: Callable[[Value, Value], bool]) -> Compute:
    def holds(left: Value, right: Value) -> bool | None:
        if left is None or right is None:
            return None
        numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
        return compare(left, right) if numbers or type(left) is type(right) else None

    return holds


ORDER: Final[dict[str, Compute]] = {
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
}

_ORDERED_TYPES: Final = (
    NUMBERS | {Type.DYNAMIC},
    frozenset({Type.STRING}),
    frozenset({Type.DATETIME}),
    frozenset({Type.TIMESPAN}),
    frozenset({Type.BOOL}),
    frozenset({Type.DATETIME, Type.DYNAMIC}),
    frozenset({Type.TIMESPAN, Type.DYNAMIC}),
)


def can_be_ordered(left: Type, right: Type) -> bool:
    """Whether `<` and its kin take these types: not text with what is none."""
    return any({left, right} <= allowed for allowed in _ORDERED_TYPES)


def can_be_equal(left: Type, right: Type) -> bool:
    """Whether `==` takes these types: like with like, dynamic and text with all but spans and instants."""
    if left is right or {left, right} <= NUMBERS or Type.DYNAMIC in {left, right}:
        return True
    return Type.STRING in {left, right} and not {left, right} & {Type.DATETIME, Type.TIMESPAN}


# --- text --------------------------------------------------------------------------------------------------------


def has_term(text: str, term: str) -> bool:
    """Whether the term stands in the text as a whole: between what is neither letter nor digit."""
    start = text.find(term)
    while start >= 0:
        end = start + len(term)
        opens = start == 0 or not text[start - 1].isalnum() or not term[:1].isalnum()
        closes = end == len(text) or not text[end].isalnum() or not term[-1:].isalnum()
        if opens and closes:
            return True
        start = text.find(term, start + 1)
    return False


_TEXT_TESTS: Final[dict[str, Callable[[str, str], bool]]] = {
    "contains": lambda text, part: part in text,
    "has": has_term,
    "startswith": str.startswith,
    "endswith": str.endswith,
    "hasprefix": lambda text, part: re.search(rf"(?<![^\W_]){re.escape(part)}", text) is not None,
    "hassuffix": lambda text, part: re.search(rf"{re.escape(part)}(?![^\W_])", text) is not None,
}


def _text_operators() -> dict[str, Compute]:
    """Every test by its name, in either case with `_cs`, and denied with `!`."""
    table: dict[str, Compute] = {
        "=~": lambda left, right: to_text(left).lower() == to_text(right).lower(),
        "!~": lambda left, right: to_text(left).lower() != to_text(right).lower(),
    }
    for name, test in _TEXT_TESTS.items():
        for suffix, fold in (("", str.lower), ("_cs", str)):
            table[name + suffix] = _tested(test, fold, wanted_result=True)
            table[f"!{name}{suffix}"] = _tested(test, fold, wanted_result=False)
    return table


def _tested(test: Callable[[str, str], bool], fold: Callable[[str], str], *, wanted_result: bool) -> Compute:
    return lambda left, right: test(fold(to_text(left)), fold(to_text(right))) is wanted_result


TEXT: Final = _text_operators()


# --- logic -------------------------------------------------------------------------------------------------------


def conjunction(left: Value, right: Value) -> bool | None:
    """`and`: false wins, then null."""
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def disjunction(left: Value, right: Value) -> bool | None:
    """`or`: true wins, then null."""
    if left is True or right is True:
        return True
    return None if left is None or right is None else False


# --- arithmetic --------------------------------------------------------------------------------------------------


def arithmetic_type(sign: str, left: Type, right: Type) -> Type | None:
    """The type of the result; None where the operator does not take these types."""
    pair = {left, right}
    if pair <= NUMBERS | {Type.DYNAMIC}:
        if pair == {Type.DYNAMIC}:
            return Type.DYNAMIC
        return Type.REAL if Type.REAL in pair else Type.LONG
    match sign, left, right:
        case "-", Type.DATETIME, Type.DATETIME:
            return Type.TIMESPAN
        case (("+" | "-"), Type.DATETIME, Type.TIMESPAN):
            return Type.DATETIME
        case "+", Type.TIMESPAN, Type.DATETIME:
            return Type.DATETIME
        case (("+" | "-" | "%"), Type.TIMESPAN, Type.TIMESPAN):
            return Type.TIMESPAN
        case "/", Type.TIMESPAN, Type.TIMESPAN:
            return Type.REAL
        case (("*" | "/"), Type.TIMESPAN, (Type.LONG | Type.REAL)):
            return Type.TIMESPAN
        case "*", (Type.LONG | Type.REAL), Type.TIMESPAN:
            return Type.TIMESPAN
    return None


def calculate(sign: str, left: Value, right: Value) -> Value:
    """The result, null where an operand is null or no number, or where there is none."""
    if not isinstance(left, (int, float, datetime, timedelta)) or not isinstance(
        right, (int, float, datetime, timedelta)
    ):
        return None
    try:
        return _CALCULATE[sign](left, right)
    except (ZeroDivisionError, OverflowError, TypeError):
        return None


def _divided(left: Value, right: Value) -> Value:
    """Whole numbers divide to whole ones, towards nought."""
    if isinstance(left, int) and isinstance(right, int):
        return int(math.copysign(abs(left) // abs(right), left * right)) if left else 0
    return left / right


_CALCULATE: Final[dict[str, Compute]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "%": operator.mod,
}
