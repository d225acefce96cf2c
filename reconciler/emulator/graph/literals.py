"""Literals of queries that need more than a token: typed nulls and instants, dynamic values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reconciler.emulator.graph.schema import Expression
from reconciler.emulator.graph.tokens import Tokens, unquoted
from reconciler.emulator.graph.values import Type, to_datetime, to_timespan

_NULLS: Final = {
    "long": Type.LONG,
    "int": Type.LONG,
    "real": Type.REAL,
    "double": Type.REAL,
    "bool": Type.BOOL,
    "datetime": Type.DATETIME,
    "timespan": Type.TIMESPAN,
}

_WORDS: Final = {"true": True, "false": False, "null": None}


def constant(value: Any, kind: Type, position: int = 0) -> Expression:
    """The same value for every row."""
    return Expression(type=kind, evaluate=lambda _: value, literal=True, position=position)


def typed_literal(tokens: Tokens, name: str, position: int) -> Expression | None:
    """`datetime(2027-01-01)`, `timespan(1d)`, `dynamic({…})`, `long(null)`; None for any other name."""
    if name == "dynamic":
        tokens.expect("(")
        value = _dynamic(tokens)
        tokens.expect(")")
        return constant(value, Type.DYNAMIC, position)
    if name not in _NULLS:
        return None
    start = tokens.ahead.position + 1
    end = tokens.query.find(")", start)
    text = tokens.query[start:end].strip().strip("'\"") if end >= 0 else ""
    value = None if text == "null" else _literal_value(_NULLS[name], text)
    if value is None and text != "null":
        raise tokens.error(tokens.after(1))
    tokens.skip_to(end)
    tokens.expect(")")
    return constant(value, _NULLS[name], position)


def _dynamic(tokens: Tokens) -> Any:
    """JSON in parentheses, where texts may have either kind of quotes."""
    tokens.deeper(1)
    if tokens.accept("["):
        value: Any = _items(tokens, "]", _dynamic)
    elif tokens.accept("{"):
        value = dict(_items(tokens, "}", _pair))
    elif tokens.ahead.kind == "text":
        value = unquoted(tokens.take().text)
    else:
        is_negative = tokens.accept("-") is not None
        token = tokens.take()
        if token.kind == "number":
            number = float(token.text) if not token.text.isdigit() else int(token.text[:300])
            value = -number if is_negative else number
        elif is_negative or token.text not in _WORDS:
            raise tokens.error(token)
        else:
            value = _WORDS[token.text]
    tokens.deeper(-1)
    return value


def _items(tokens: Tokens, end: str, read: Callable[[Tokens], Any]) -> list[Any]:
    values: list[Any] = []
    while not tokens.accept(end):
        if values:
            tokens.expect(",")
        values.append(read(tokens))
    return values


def _pair(tokens: Tokens) -> tuple[str, Any]:
    if tokens.ahead.kind != "text":
        raise tokens.error()
    name = unquoted(tokens.take().text)
    tokens.expect(":")
    return name, _dynamic(tokens)


def _literal_value(kind: Type, text: str) -> Any:
    match kind:
        case Type.DATETIME:
            return to_datetime(text)
        case Type.TIMESPAN:
            return to_timespan(text)
        case Type.BOOL:
            return {"true": True, "false": False}.get(text)
        case Type.LONG:
            return int(text) if text.lstrip("-").isdigit() else None
    try:
        return float(text)
    except ValueError:
        return None
