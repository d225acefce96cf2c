"""Expressions of the Kusto query language, as far as an inventory needs them: read once, then asked for every row.

An expression compiles to a function from a row to a value. Values are JSON's; a path into nothing is None; comparisons
of text with `=~`, `contains`, `has` and `startswith` do not mind case, those with `==` do.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.emulator.graph.words import Words

Row = Mapping[str, Any]
Expression = Callable[[Row], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Literal:
    """A text that is the same for every row."""

    text: str

    def __call__(self, row: Row) -> str:
        del row
        return self.text


# --- expressions -------------------------------------------------------------------------------------------------


def expression(words: Words) -> Expression:
    """`or` binds loosest, then `and`, then comparisons."""
    terms = [_conjunction(words)]
    while words.accept("or"):
        terms.append(_conjunction(words))
    return terms[0] if len(terms) == 1 else lambda row: any(term(row) for term in terms)


def _conjunction(words: Words) -> Expression:
    terms = [_comparison(words)]
    while words.accept("and"):
        terms.append(_comparison(words))
    return terms[0] if len(terms) == 1 else lambda row: all(term(row) for term in terms)


def _comparison(words: Words) -> Expression:
    left = _operand(words)
    sign = words.accept(*_COMPARE, *_LISTS, "matches")
    if sign is None:
        return left
    if sign == "matches":
        words.expect("regex")
        right = _operand(words)
        return lambda row: re.search(_text(right(row)), _text(left(row))) is not None
    if sign in _LISTS:
        return _membership(words, left, sign)
    compare, right = _COMPARE[sign], _operand(words)
    return lambda row: compare(left(row), right(row))


def _membership(words: Words, left: Expression, sign: str) -> Expression:
    folded = words.accept("~") is not None
    words.expect("(")
    items = _arguments(words)
    wanted = sign in {"in", "has_any"}
    constant = folded and sign != "has_any" and all(isinstance(item, _Literal) for item in items)
    if constant:  # hundreds of ids, for thousands of rows
        known = {_text(item({})).lower() for item in items}
        return lambda row: (_text(left(row)).lower() in known) is wanted

    def holds(row: Row) -> bool:
        value = left(row)
        values = [inner for item in items for inner in _flat(item(row))]
        if sign == "has_any":
            return any(_contains(value, each) for each in values)
        if folded:
            return (_text(value).lower() in {_text(each).lower() for each in values}) is wanted
        return (value in values) is wanted

    return holds


def _operand(words: Words) -> Expression:
    value = _primary(words)
    while True:
        if words.accept("."):
            value = _member(value, words.name())
        elif words.accept("["):
            index = expression(words)
            words.expect("]")
            value = _item(value, index)
        else:
            return value


def _primary(words: Words) -> Expression:
    word = words.ahead
    if word.kind == "text":
        return _Literal(text=_unquoted(words.take().text))
    if word.kind == "number":
        number = float(word.text) if "." in words.take().text else int(word.text)
        return lambda _: number
    if words.accept("("):
        inner = expression(words)
        words.expect(")")
        return inner
    name = words.name()
    if words.accept("("):
        return _call(words, name, _arguments(words))
    if name.lower() in _CONSTANTS:
        constant = _CONSTANTS[name.lower()]
        return lambda _: constant
    return lambda row: _column(row, name)


def _arguments(words: Words) -> list[Expression]:
    if words.accept(")"):
        return []
    found = [expression(words)]
    while words.accept(","):
        found.append(expression(words))
    words.expect(")")
    return found


def _call(words: Words, name: str, arguments: Sequence[Expression]) -> Expression:
    function = _FUNCTIONS.get(name.lower())
    if function is None:
        raise words.error()
    return lambda row: function(*[argument(row) for argument in arguments])


def _member(value: Expression, name: str) -> Expression:
    return lambda row: _lookup(value(row), name)


def _item(value: Expression, index: Expression) -> Expression:
    return lambda row: _lookup(value(row), index(row))


# --- values ------------------------------------------------------------------------------------------------------


def _column(row: Row, name: str) -> Any:
    if name in row:
        return row[name]
    return next((value for key, value in row.items() if key.lower() == name.lower()), None)


def _lookup(value: Any, key: Any) -> Any:
    if isinstance(value, Mapping):
        return value.get(key)
    if isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    return None


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _flat(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _unquoted(text: str) -> str:
    if text.startswith("@"):
        return text[2:-1]
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _contains(value: Any, part: Any) -> bool:
    return _text(part).lower() in _text(value).lower()


def _has(value: Any, part: Any) -> bool:
    pattern = rf"(?<![0-9a-z]){re.escape(_text(part).lower())}(?![0-9a-z])"
    return re.search(pattern, _text(value).lower()) is not None


def _starts(value: Any, part: Any) -> bool:
    return _text(value).lower().startswith(_text(part).lower())


def _ends(value: Any, part: Any) -> bool:
    return _text(value).lower().endswith(_text(part).lower())


def _same(value: Any, other: Any) -> bool:
    return _text(value).lower() == _text(other).lower()


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Numbers with numbers, text with text; anything else does not hold."""

    def holds(value: Any, other: Any) -> bool:
        try:
            return compare(value, other)
        except TypeError:
            return False

    return holds


def _negated(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, other: not compare(value, other)


def _equal(value: Any, other: Any) -> bool:
    return bool(value == other)


_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": _equal,
    "!=": _negated(_equal),
    "=~": _same,
    "!~": _negated(_same),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "contains": _contains,
    "!contains": _negated(_contains),
    "has": _has,
    "!has": _negated(_has),
    "startswith": _starts,
    "!startswith": _negated(_starts),
    "endswith": _ends,
    "!endswith": _negated(_ends),
}
_LISTS: Final = frozenset({"in", "!in", "has_any"})
_CONSTANTS: Final = {"true": True, "false": False, "null": None}

_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "tolower": lambda value: _text(value).lower(),
    "toupper": lambda value: _text(value).upper(),
    "tostring": _text,
    "isempty": lambda value: _text(value) == "",
    "isnotempty": lambda value: _text(value) != "",
    "isnull": lambda value: value is None,
    "isnotnull": lambda value: value is not None,
    "not": lambda value: not value,
    "strcat": lambda *parts: "".join(map(_text, parts)),
    "strlen": lambda value: len(_text(value)),
    "split": lambda value, by: _text(value).split(_text(by)),
    "array_length": lambda value: len(value) if isinstance(value, list) else None,
    "coalesce": lambda *values: next((value for value in values if value is not None), None),
    "iff": lambda test, yes, no: yes if test else no,
    "todatetime": _text,
    "datetime": _text,
    "dynamic": lambda value: value,
}
