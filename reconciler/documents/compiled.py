"""Compiles a JSON Schema into a predicate that is true only for values the schema accepts.

jsonschema interprets a schema anew for each value and takes a sixth of a millisecond a declaration; the predicate takes
a twentieth of that. It is one-sided: where it says no, or meets a keyword it does not know, the judge is asked. Property
tests hold the two against each other, on the schemas that are shipped and on ones that are made up.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from reconciler.model import JSON

Predicate: TypeAlias = Callable[[JSON], bool]
Node: TypeAlias = dict[str, JSON]

_SAYS_NOTHING: Final = frozenset({"$schema", "$id", "$defs", "$comment", "title", "description", "examples", "default"})
_READ_WITH_ANOTHER: Final = frozenset({"then", "else", "minContains", "maxContains"})
_OF_TEXT: Final = frozenset({"type", "minLength", "maxLength", "pattern"})


class _UnknownKeywordError(Exception):
    """The predicate cannot decide this part of the schema."""


def compiled(root: Node, formats: Mapping[str, Predicate]) -> Predicate:
    """The predicate of a schema whose references all point into itself."""
    return _Compiler(root, formats).node(root)


def _ask_the_judge(_: JSON) -> bool:
    return False


def _unknown(argument: JSON, _: Node) -> Predicate:
    raise _UnknownKeywordError(argument)


class _Compiler:
    """One method a keyword, called as the keyword is. `exactly` says that "no" must mean no, as below `not`."""

    def __init__(self, root: Node, formats: Mapping[str, Predicate]) -> None:
        self._root = root
        self._formats = formats
        self._exactly = False

    def node(self, node: Node) -> Predicate:
        """A predicate for all keywords of one schema object."""
        keywords = [name for name in node if name not in _SAYS_NOTHING and name not in _READ_WITH_ANOTHER]
        checks: list[Predicate] = []
        if node.get("type") == "string":  # most of what people write is text: its four keywords are one call, not seven
            checks = [_text(node.get("minLength", 0), node.get("maxLength", math.inf), node.get("pattern", ""))]
            keywords = [name for name in keywords if name not in _OF_TEXT]
        checks += [self.keyword(name, node[name], node) for name in keywords]
        return functools.reduce(_both, checks) if checks else lambda _: True

    def keyword(self, name: str, argument: JSON, node: Node) -> Predicate:
        """The predicate of one keyword."""
        make = getattr(self, f"_{name.lstrip('$')}", _unknown)
        try:
            predicate: Predicate = make(argument, node)
        except _UnknownKeywordError:
            if self._exactly:
                raise
            return _ask_the_judge
        return predicate

    def _exact(self, nodes: list[Node]) -> list[Predicate]:
        """Predicates that may be negated or counted."""
        before, self._exactly = self._exactly, True
        try:
            return [self.node(node) for node in nodes]
        finally:
            self._exactly = before

    # --- any value ---

    def _type(self, kind: JSON, _: Node) -> Predicate:
        if not isinstance(kind, str) or kind not in _TYPES:
            raise _UnknownKeywordError(kind)
        return _TYPES[kind]

    def _enum(self, allowed: list[JSON], _: Node) -> Predicate:
        if not all(isinstance(item, str) for item in allowed):
            raise _UnknownKeywordError("enum")  # JSON's equality of numbers and booleans is not Python's
        return lambda value: isinstance(value, str) and value in allowed

    def _const(self, constant: JSON, node: Node) -> Predicate:
        return self._enum([constant], node)

    def _ref(self, reference: str, _: Node) -> Predicate:
        target: JSON = self._root
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
        return self.node(target)

    def _allOf(self, nodes: list[Node], _: Node) -> Predicate:  # noqa: N802 - called as the keyword is
        checks = [self.node(node) for node in nodes]
        return lambda value: all(check(value) for check in checks)

    def _anyOf(self, nodes: list[Node], _: Node) -> Predicate:  # noqa: N802
        checks = [self.node(node) for node in nodes]
        return lambda value: any(check(value) for check in checks)

    def _oneOf(self, nodes: list[Node], _: Node) -> Predicate:  # noqa: N802
        checks = self._exact(nodes)
        return lambda value: [check(value) for check in checks].count(True) == 1

    def _not(self, node: Node, _: Node) -> Predicate:
        (check,) = self._exact([node])
        return lambda value: not check(value)

    def _if(self, condition: Node, node: Node) -> Predicate:
        (holds,) = self._exact([condition])
        then, otherwise = self.node(node.get("then", {})), self.node(node.get("else", {}))
        return lambda value: then(value) if holds(value) else otherwise(value)

    # --- text and numbers ---

    def _pattern(self, pattern: str, _: Node) -> Predicate:
        search = re.compile(pattern).search
        return lambda value: not isinstance(value, str) or search(value) is not None

    def _minLength(self, least: int, _: Node) -> Predicate:  # noqa: N802
        return lambda value: not isinstance(value, str) or len(value) >= least

    def _maxLength(self, most: int, _: Node) -> Predicate:  # noqa: N802
        return lambda value: not isinstance(value, str) or len(value) <= most

    def _format(self, name: str, _: Node) -> Predicate:
        if name not in self._formats:
            raise _UnknownKeywordError(name)
        return self._formats[name]

    def _minimum(self, least: float, _: Node) -> Predicate:
        return lambda value: not _is_number(value) or value >= least

    def _maximum(self, most: float, _: Node) -> Predicate:
        return lambda value: not _is_number(value) or value <= most

    # --- lists ---

    def _items(self, node: Node, _: Node) -> Predicate:
        check = self.node(node)
        return lambda value: not isinstance(value, list) or all(map(check, value))

    def _minItems(self, least: int, _: Node) -> Predicate:  # noqa: N802
        return lambda value: not isinstance(value, list) or len(value) >= least

    def _maxItems(self, most: int, _: Node) -> Predicate:  # noqa: N802
        return lambda value: not isinstance(value, list) or len(value) <= most

    def _uniqueItems(self, is_required: bool, _: Node) -> Predicate:  # noqa: N802
        if is_required and self._exactly:
            raise _UnknownKeywordError("uniqueItems")  # JSON's equality, once more: sure of texts alone
        return lambda value: (
            not is_required
            or not isinstance(value, list)
            or (all(isinstance(item, str) for item in value) and len(set(value)) == len(value))
        )

    def _contains(self, item_schema: Node, node: Node) -> Predicate:
        (check,) = self._exact([item_schema])
        least, most = node.get("minContains", 1), node.get("maxContains", math.inf)
        return lambda value: not isinstance(value, list) or least <= [check(item) for item in value].count(True) <= most

    # --- mappings ---

    def _properties(self, properties: dict[str, Node], _: Node) -> Predicate:
        checks = {name: self.node(node) for name, node in properties.items()}

        def predicate(value: JSON) -> bool:  # a loop, since this is most of the work, and a generator costs half of it
            if isinstance(value, dict):
                for name, item in value.items():
                    if name in checks and not checks[name](item):
                        return False
            return True

        return predicate

    def _additionalProperties(self, allowed: JSON, node: Node) -> Predicate:  # noqa: N802
        properties = frozenset(node.get("properties", ()))
        if allowed is False:
            return lambda value: not isinstance(value, dict) or properties.issuperset(value)
        if not isinstance(allowed, dict) or "patternProperties" in node:
            raise _UnknownKeywordError("additionalProperties")
        check = self.node(allowed)
        return lambda value: (
            not isinstance(value, dict) or all(check(item) for name, item in value.items() if name not in properties)
        )

    def _propertyNames(self, node: Node, _: Node) -> Predicate:  # noqa: N802
        check = self.node(node)
        return lambda value: not isinstance(value, dict) or all(check(name) for name in value)

    def _minProperties(self, least: int, _: Node) -> Predicate:  # noqa: N802
        return lambda value: not isinstance(value, dict) or len(value) >= least

    def _maxProperties(self, most: int, _: Node) -> Predicate:  # noqa: N802
        return lambda value: not isinstance(value, dict) or len(value) <= most

    def _required(self, names: list[str], _: Node) -> Predicate:
        required = frozenset(names)
        return lambda value: not isinstance(value, dict) or required <= value.keys()

    def _dependentSchemas(self, nodes: dict[str, Node], _: Node) -> Predicate:  # noqa: N802
        checks = [(name, self.node(node)) for name, node in nodes.items()]
        return lambda value: not isinstance(value, dict) or all(check(value) for name, check in checks if name in value)


def _both(first: Predicate, second: Predicate) -> Predicate:
    """Cheaper than a loop over a few predicates, and lists hold thousands of values to ask them about."""
    return lambda value: first(value) and second(value)


def _text(least: int, most: float, pattern: str) -> Predicate:
    """A text of so many characters that the pattern finds something in."""
    search = re.compile(pattern).search
    return lambda value: isinstance(value, str) and least <= len(value) <= most and search(value) is not None


def _is_number(value: JSON) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_integer(value: JSON) -> bool:
    return _is_number(value) and (isinstance(value, int) or value.is_integer())


_TYPES: Final[dict[str, Predicate]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_integer,
    "number": _is_number,
}
