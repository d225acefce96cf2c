"""Reads Kusto expressions and compiles each into a typed function from a row to a value.

What the language does not allow (an unknown column, text compared by order with a number) is refused here, before any
row is looked at.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from reconciler.emulator.graph import operators
from reconciler.emulator.graph.comparisons import comparison
from reconciler.emulator.graph.schema import Columns, Expression, Row, Scope
from reconciler.emulator.graph.terms import Level
from reconciler.emulator.graph.tokens import Tokens
from reconciler.emulator.graph.values import Type


def scope_of(columns: Columns, now: datetime) -> Scope:
    """What an expression behind these columns may refer to."""
    return Scope(columns=columns, now=now, read=expression)


def expression(tokens: Tokens, scope: Scope) -> Expression:
    """`or` binds loosest, then `and`, then comparisons, then arithmetic.

    Raises:
        QueryError: it cannot be read.
    """
    tokens.deeper(1)
    lhs = _logical(tokens, scope, "or", _conjunction, operators.disjunction)
    tokens.deeper(-1)
    return lhs


def condition(tokens: Tokens, scope: Scope) -> Expression:
    """An expression that is true, false or null. A bare name of another type misses its comparison, as recorded.

    Raises:
        QueryError: it is something else.
    """
    if tokens.ahead.kind == "name" and tokens.after(1).text in {"<EOF>", "|", ")", ";"}:
        raise tokens.error(tokens.after(1))
    test = expression(tokens, scope)
    if test.type is not Type.BOOL:
        raise tokens.error()
    return test


def _conjunction(tokens: Tokens, scope: Scope) -> Expression:
    return _logical(tokens, scope, "and", comparison, operators.conjunction)


def _logical(tokens: Tokens, scope: Scope, word: str, level: Level, combine: operators.Compute) -> Expression:
    terms = [level(tokens, scope)]
    while tokens.accept(word):
        terms.append(level(tokens, scope))
    if len(terms) == 1:
        return terms[0]
    if any(term.type not in {Type.BOOL, Type.DYNAMIC} for term in terms):
        raise tokens.error()
    tests = [term.evaluate for term in terms]
    decisive = word == "or"

    def evaluate(row: Row) -> Any:
        result = tests[0](row)
        for test in tests[1:]:
            if result is decisive:
                return result
            result = combine(result, test(row))
        return result

    limits = [term.only for term in terms if term.only is not None]
    if word == "and":
        only = frozenset.intersection(*limits) if limits else None
    else:
        only = frozenset[str]().union(*limits) if len(limits) == len(terms) else None
    return Expression(type=Type.BOOL, evaluate=evaluate, only=only)
