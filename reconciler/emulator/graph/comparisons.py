"""Reads comparisons: equality, order, tests of text, membership, ranges, patterns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from reconciler.emulator.graph import operators
from reconciler.emulator.graph.patterns import compile_pattern
from reconciler.emulator.graph.schema import Expression, Row, Scope
from reconciler.emulator.graph.terms import additive, arguments
from reconciler.emulator.graph.tokens import Tokens
from reconciler.emulator.graph.values import Type, to_datetime, to_text, to_timespan

_EQUALITY: Final = {"==": operators.equal, "<>": operators.unequal, "!=": operators.unequal}
_MEMBERSHIP: Final = frozenset({"in", "!in", "in~", "!in~", "has_any", "has_all"})


def comparison(tokens: Tokens, scope: Scope) -> Expression:
    """One comparison, or a term that stands alone.

    Raises:
        QueryError: it cannot be read.
    """
    lhs = additive(tokens, scope)
    sign = tokens.ahead
    if sign.text == "in" and tokens.after(1).text == "~" and tokens.after(1).position == sign.position + len("in"):
        tokens.take()
        tokens.take()
        return _membership(tokens, scope, lhs, "in~")
    if sign.kind == "mark" and (sign.text in _EQUALITY or sign.text in operators.ORDER):
        tokens.take()
        return _compared(tokens, lhs, additive(tokens, scope), sign.text)
    if sign.kind in {"name", "mark"} and sign.text in operators.TEXT:
        tokens.take()
        rhs = additive(tokens, scope)
        if not {lhs.type, rhs.type} <= {Type.STRING, Type.DYNAMIC}:
            raise tokens.error()
        only = None if sign.text.startswith("!") else _check_kind(tokens, lhs, [rhs], sign.text)
        compute, first, second = operators.TEXT[sign.text], lhs.evaluate, rhs.evaluate
        return Expression(type=Type.BOOL, evaluate=lambda row: compute(first(row), second(row)), only=only)
    if sign.kind in {"name", "mark"} and sign.text in _MEMBERSHIP:
        tokens.take()
        return _membership(tokens, scope, lhs, sign.text)
    if sign.text in {"between", "!between"}:
        tokens.take()
        return _between(tokens, scope, lhs, wanted_result=sign.text == "between")
    if sign.text == "matches":
        return _matches(tokens, scope, lhs)
    return lhs


def _compared(tokens: Tokens, lhs: Expression, rhs: Expression, sign: str) -> Expression:
    is_equality = sign in _EQUALITY
    allowed = operators.can_be_equal if is_equality else operators.can_be_ordered
    if not allowed(lhs.type, rhs.type):
        raise tokens.error()
    compute = _EQUALITY[sign] if is_equality else operators.ORDER[sign]
    only = _check_kind(tokens, lhs, [rhs], sign) or _check_kind(tokens, rhs, [lhs], sign) if sign == "==" else None
    first, second = _aligned(lhs, rhs), _aligned(rhs, lhs)
    return Expression(type=Type.BOOL, evaluate=lambda row: compute(first(row), second(row)), only=only)


def _aligned(side: Expression, opposite: Expression) -> Callable[[Row], Any]:
    """A dynamic side next to an instant or a span is read as one."""
    if side.type is Type.DYNAMIC and opposite.type is Type.DATETIME:
        return lambda row: to_datetime(side.evaluate(row))
    if side.type is Type.DYNAMIC and opposite.type is Type.TIMESPAN:
        return lambda row: to_timespan(side.evaluate(row))
    return side.evaluate


def _membership(tokens: Tokens, scope: Scope, lhs: Expression, sign: str) -> Expression:
    tokens.expect("(")
    items = arguments(tokens, scope)
    if not items or not all(operators.can_be_equal(lhs.type, item.type) for item in items):
        raise tokens.error()
    is_denied, folds, by_term = sign.startswith("!"), sign.endswith("~"), sign.startswith("has")
    only = None if is_denied or by_term else _check_kind(tokens, lhs, items, "=~" if folds else "==")
    # The values of a list that is the same for every row.
    read, values = lhs.evaluate, (_listed(items, {}) if all(item.literal for item in items) else None)
    if by_term:
        combine = any if sign == "has_any" else all
        has = operators.TEXT["has"]
        return Expression(
            type=Type.BOOL, evaluate=lambda row: combine(has(read(row), value) for value in _listed(items, row))
        )
    if values is not None and (folds or lhs.type is Type.STRING):  # hundreds of ids, for thousands of rows
        fold = str.lower if folds else str
        texts = {fold(to_text(value)) for value in values}
        return Expression(
            type=Type.BOOL, evaluate=lambda row: (fold(to_text(read(row))) in texts) is not is_denied, only=only
        )
    equal = operators.TEXT["=~"] if folds else operators.equal

    def evaluate(row: Row) -> bool | None:
        value = read(row)
        results = [equal(value, item) for item in _listed(items, row)]
        result = True if True in results else None if results and None in results else False
        return result if not is_denied or result is None else not result

    return Expression(type=Type.BOOL, evaluate=evaluate)


def _listed(items: Sequence[Expression], row: Row) -> list[Any]:
    """A dynamic array in a list stands for its elements."""
    values = [item.evaluate(row) for item in items]
    return [part for value in values for part in (value if isinstance(value, list) else [value])]


def _between(tokens: Tokens, scope: Scope, lhs: Expression, *, wanted_result: bool) -> Expression:
    tokens.expect("(")
    low = additive(tokens, scope)
    tokens.expect("..")
    high = additive(tokens, scope)
    tokens.expect(")")
    if not operators.can_lie_between(lhs.type, low.type, high.type):
        raise tokens.error()
    read, first, second = _aligned(lhs, low), low.evaluate, high.evaluate
    adds = lhs.type is Type.DATETIME and high.type is Type.TIMESPAN

    def evaluate(row: Row) -> bool | None:
        value, least = read(row), first(row)
        most = operators.calculate("+", least, second(row)) if adds else second(row)
        result = operators.conjunction(operators.ORDER[">="](value, least), operators.ORDER["<="](value, most))
        return None if result is None else result is wanted_result

    return Expression(type=Type.BOOL, evaluate=evaluate)


def _matches(tokens: Tokens, scope: Scope, lhs: Expression) -> Expression:
    word = tokens.take()
    if tokens.ahead.position != word.position + len("matches "):
        raise tokens.error()
    tokens.expect("regex")
    token = tokens.ahead
    rhs = additive(tokens, scope)
    if not rhs.literal or not {lhs.type, rhs.type} <= {Type.STRING, Type.DYNAMIC}:
        raise tokens.error(token)
    try:
        pattern = compile_pattern(to_text(rhs.evaluate({})))
    except ValueError:
        raise tokens.error(token) from None
    read = lhs.evaluate
    return Expression(type=Type.BOOL, evaluate=lambda row: pattern.search(to_text(read(row))) is not None)


def _check_kind(tokens: Tokens, lhs: Expression, items: Sequence[Expression], sign: str) -> frozenset[str] | None:
    """The types that a test of `type` lets pass; None where it does not tell.

    Raises:
        QueryError: a type of object is looked for that is not modelled. The true answer would be some, not none.
    """
    if lhs.kinds is None:
        return None
    test = operators.TEXT.get(sign, operators.TEXT["=~"])
    passing: set[str] = set()
    for item in items:
        if not item.literal or item.type is not Type.STRING:
            return None
        matches = {kind for kind in lhs.kinds if test(kind, item.evaluate({}))}
        if not matches:
            raise tokens.error_at(item.position)
        passing |= matches
    return frozenset(passing)
