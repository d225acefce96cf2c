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


def equal(lhs: Value, rhs: Value) -> bool | None:
    """`==`: null for two nulls."""
    if lhs is None or rhs is None:
        return None if lhs is rhs else False
    if isinstance(lhs, str) != isinstance(rhs, str):
        return to_text(lhs) == to_text(rhs)
    if isinstance(lhs, bool) != isinstance(rhs, bool):
        return False
    return bool(lhs == rhs)


def unequal(lhs: Value, rhs: Value) -> bool | None:
    """`!=`: null for two nulls."""
    result = equal(lhs, rhs)
    return None if result is None else not result


def _ordered(compare: Callable[[Value, Value], bool]) -> Compute:
    def holds(lhs: Value, rhs: Value) -> bool | None:
        if lhs is None or rhs is None:
            return None
        numbers = isinstance(lhs, (int, float)) and isinstance(rhs, (int, float))
        return compare(lhs, rhs) if numbers or type(lhs) is type(rhs) else None

    return holds


ORDER: Final[dict[str, Compute]] = {
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
}

_ORDERED_TYPES: Final = (
    NUMBERS | {Type.DYNAMIC},
    frozenset({Type.DATETIME}),
    frozenset({Type.TIMESPAN}),
    frozenset({Type.BOOL}),
)


def can_be_ordered(lhs: Type, rhs: Type) -> bool:
    """Whether `<` and its kin take these types: not text, and no instant or span beside what is none."""
    return any({lhs, rhs} <= allowed for allowed in _ORDERED_TYPES)


def can_lie_between(value: Type, low: Type, high: Type) -> bool:
    """Whether `between` takes these types: numbers, spans, instants (also up to a span later), or dynamic and one type of
    number.
    """
    bounds = (low, high)
    match value:
        case Type.LONG | Type.REAL:
            return set(bounds) <= NUMBERS
        case Type.DATETIME:
            return bounds in {(Type.DATETIME, Type.DATETIME), (Type.DATETIME, Type.TIMESPAN)}
        case Type.TIMESPAN:
            return bounds == (Type.TIMESPAN, Type.TIMESPAN)
        case Type.DYNAMIC:
            return low is high and low in NUMBERS
        case _:
            return False


def can_be_equal(lhs: Type, rhs: Type) -> bool:
    """Whether `==` takes these types: like with like, dynamic and text with all but spans and instants."""
    if lhs is rhs or {lhs, rhs} <= NUMBERS or Type.DYNAMIC in {lhs, rhs}:
        return True
    return Type.STRING in {lhs, rhs} and not {lhs, rhs} & {Type.DATETIME, Type.TIMESPAN}


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


def _tested(test: Callable[[str, str], bool], fold: Callable[[str], str], *, wanted_result: bool) -> Compute:
    return lambda lhs, rhs: test(fold(to_text(lhs)), fold(to_text(rhs))) is wanted_result


TEXT: Final[dict[str, Compute]] = {
    "=~": lambda lhs, rhs: to_text(lhs).lower() == to_text(rhs).lower(),
    "!~": lambda lhs, rhs: to_text(lhs).lower() != to_text(rhs).lower(),
    **{
        f"{sign}{name}{suffix}": _tested(test, fold, wanted_result=sign == "")
        for name, test in _TEXT_TESTS.items()
        for suffix, fold in (("", str.lower), ("_cs", str))
        for sign in ("", "!")
    },
}
"""Every test by its name, in either case with `_cs`, and denied with `!`."""


# --- logic -------------------------------------------------------------------------------------------------------


def conjunction(lhs: Value, rhs: Value) -> bool | None:
    """`and`: false wins, then null."""
    if lhs is False or rhs is False:
        return False
    return None if lhs is None or rhs is None else True


def disjunction(lhs: Value, rhs: Value) -> bool | None:
    """`or`: true wins, then null."""
    if lhs is True or rhs is True:
        return True
    return None if lhs is None or rhs is None else False


# --- arithmetic --------------------------------------------------------------------------------------------------


def arithmetic_type(sign: str, lhs: Type, rhs: Type) -> Type | None:
    """The type of the result; None where the operator does not take these types."""
    pair = {lhs, rhs}
    if pair <= NUMBERS | {Type.DYNAMIC}:
        if pair == {Type.DYNAMIC}:
            return Type.DYNAMIC
        return Type.REAL if Type.REAL in pair else Type.LONG
    match sign, lhs, rhs:
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


def calculate(sign: str, lhs: Value, rhs: Value) -> Value:
    """The result, null where an operand is null or no number, or where there is none."""
    if not isinstance(lhs, (int, float, datetime, timedelta)) or not isinstance(rhs, (int, float, datetime, timedelta)):
        return None
    try:
        return _CALCULATE[sign](lhs, rhs)
    except (ZeroDivisionError, OverflowError, TypeError):
        return None


def _divided(lhs: Value, rhs: Value) -> Value:
    """Whole numbers divide to whole ones, towards nought."""
    if isinstance(lhs, int) and isinstance(rhs, int):
        return int(math.copysign(abs(lhs) // abs(rhs), lhs * rhs)) if lhs else 0
    return lhs / rhs


_CALCULATE: Final[dict[str, Compute]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "%": operator.mod,
}
