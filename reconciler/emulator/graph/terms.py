"""Reads the parts of comparisons: arithmetic, paths into dynamic values, calls, names and literals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from reconciler.emulator.graph import operators
from reconciler.emulator.graph.calls import call
from reconciler.emulator.graph.literals import constant, typed_literal
from reconciler.emulator.graph.schema import Expression, Row, Scope
from reconciler.emulator.graph.tokens import Tokens, unquoted
from reconciler.emulator.graph.values import Type, parse_span, to_text

CHAIN_LIMIT: Final = 200
"""How many operators of one rank, or steps of a path, may follow each other."""

Level = Callable[[Tokens, Scope], Expression]


def additive(tokens: Tokens, scope: Scope) -> Expression:
    """Sums of products of terms.

    Raises:
        QueryError: it cannot be read.
    """
    return _chain(tokens, scope, ("+", "-"), _product)


def _product(tokens: Tokens, scope: Scope) -> Expression:
    return _chain(tokens, scope, ("*", "/", "%"), _unary)


def _chain(tokens: Tokens, scope: Scope, signs: tuple[str, ...], level: Level) -> Expression:
    lhs = level(tokens, scope)
    for _ in range(CHAIN_LIMIT):
        sign = tokens.accept(*signs)
        if sign is None:
            return lhs
        rhs = level(tokens, scope)
        kind = operators.arithmetic_type(sign, lhs.type, rhs.type)
        if kind is None:
            raise tokens.error()
        lhs = _calculated(sign, lhs, rhs, kind)
    raise tokens.error()


def _calculated(sign: str, lhs: Expression, rhs: Expression, kind: Type) -> Expression:
    first, second = lhs.evaluate, rhs.evaluate
    return Expression(type=kind, evaluate=lambda row: operators.calculate(sign, first(row), second(row)))


def _unary(tokens: Tokens, scope: Scope) -> Expression:
    sign = tokens.accept("-", "+")
    if sign is None:
        return _postfix(tokens, scope)
    operand = _postfix(tokens, scope)
    if operand.type in {Type.STRING, Type.BOOL, Type.DATETIME}:
        raise tokens.error()
    if sign == "+":
        return operand
    read = operand.evaluate

    def evaluate(row: Row) -> Any:
        value = read(row)
        return -value if isinstance(value, (int, float, timedelta)) else None

    return Expression(type=operand.type, evaluate=evaluate, literal=operand.literal)


def _postfix(tokens: Tokens, scope: Scope) -> Expression:
    value = _primary(tokens, scope)
    for _ in range(CHAIN_LIMIT):
        if tokens.ahead.text == "." and tokens.after(1).text == "[":
            tokens.take()
        if tokens.ahead.text == "." and value.type is Type.DYNAMIC:
            tokens.take()
            value = _member(value, tokens.member())
        elif tokens.ahead.text == "[" and value.type is Type.DYNAMIC:
            value = _element(tokens, scope, value)
        elif tokens.ahead.text in {".", "["}:
            raise tokens.error()
        else:
            return value
    raise tokens.error()


def _member(value: Expression, name: str) -> Expression:
    read = value.evaluate

    def evaluate(row: Row) -> Any:
        holder = read(row)
        return holder.get(name) if isinstance(holder, dict) else None

    return Expression(type=Type.DYNAMIC, evaluate=evaluate, name=f"{value.name}_{name}" if value.name else "")


def _element(tokens: Tokens, scope: Scope, value: Expression) -> Expression:
    tokens.expect("[")
    index = scope.read(tokens, scope)
    tokens.expect("]")
    if index.type not in {Type.STRING, Type.LONG, Type.DYNAMIC}:
        raise tokens.error()
    if index.literal and index.type is Type.STRING:
        return _member(value, to_text(index.evaluate({})))
    read, key = value.evaluate, index.evaluate

    def evaluate(row: Row) -> Any:
        holder, position = read(row), key(row)
        if isinstance(holder, dict):
            return holder.get(position) if isinstance(position, str) else None
        is_there = isinstance(holder, list) and type(position) is int and -len(holder) <= position < len(holder)
        return holder[position] if is_there else None

    has_name = value.name and index.literal
    return Expression(type=Type.DYNAMIC, evaluate=evaluate, name=f"{value.name}_{to_text(key({}))}" if has_name else "")


def _primary(tokens: Tokens, scope: Scope) -> Expression:
    token = tokens.ahead
    if token.kind == "text":
        return constant(unquoted(tokens.take().text), Type.STRING, token.position)
    if token.kind == "number":
        text = tokens.take().text
        is_whole = text.isdigit()
        if is_whole and int(text[:20]) >= 2**63:
            raise tokens.error(token)
        return constant(int(text) if is_whole else float(text), Type.LONG if is_whole else Type.REAL, token.position)
    if token.kind == "span":
        return constant(parse_span(tokens.take().text), Type.TIMESPAN, token.position)
    if tokens.accept("("):
        inner = scope.read(tokens, scope)
        tokens.expect(")")
        return inner
    if token.text in {"true", "false"}:
        return constant(tokens.take().text == "true", Type.BOOL, token.position)
    name = tokens.name()
    if tokens.ahead.text == "(" and token.text != "[":
        literal = typed_literal(tokens, name, token.position)
        return literal or _called(tokens, scope, name, token.position)
    column = scope.columns.get(name)
    if column is None:
        raise tokens.error(token)
    return Expression(
        type=column.type, evaluate=lambda row: row[name], name=name, column=name, kinds=column.kinds,
        position=token.position,
    )  # fmt: skip


def arguments(tokens: Tokens, scope: Scope) -> list[Expression]:
    """What stands in parentheses that are open already, up to the closing one."""
    if tokens.accept(")"):
        return []
    values = [scope.read(tokens, scope)]
    while tokens.accept(","):
        values.append(scope.read(tokens, scope))
    tokens.expect(")")
    return values


def _called(tokens: Tokens, scope: Scope, name: str, position: int) -> Expression:
    tokens.take()
    result = call(name, arguments(tokens, scope), scope.now, position)
    if result is None:
        raise tokens.error_at(position)
    return result
