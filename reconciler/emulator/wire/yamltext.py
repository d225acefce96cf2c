"""YAML of tenant files, without what a short text can do to its reader: endless nesting, aliases of aliases."""

from __future__ import annotations

import re
from typing import Final

import yaml

from reconciler.model import JSON

SIZE_LIMIT: Final = 5_000_000
"""How many values a tenant file may hold once its aliases stand for what they repeat."""

_ALIAS: Final = re.compile(r"(?:^|[\s\[{,:-])\*[^\s*,\]}]", re.MULTILINE)


DEPTH_LIMIT: Final = 200
"""How deep a tenant file may nest: the C parser of YAML ends the process at some depth, so it is never asked."""

_BRACKET: Final = re.compile(r"[\[\]{}]")


def read_yaml(text: str) -> JSON:
    """The value of a YAML text as JSON understands it.

    Raises:
        ValueError, yaml.YAMLError: it is none, or nests or repeats more than anybody writes.
    """
    depth = deepest = 0
    for bracket in _BRACKET.finditer(text):
        depth += 1 if bracket[0] in "[{" else -1
        deepest = max(deepest, depth)
    if deepest > DEPTH_LIMIT or "- " * DEPTH_LIMIT in text or "\n" + " " * 5 * DEPTH_LIMIT in text:
        raise ValueError("it is nested too deeply")
    value = yaml.load(text, Loader=_Loader)  # noqa: S506 - safe base
    if _ALIAS.search(text):
        _size(value, {})
    return value


def _size(value: JSON, sizes: dict[int, int]) -> int:
    """How many values it holds, where what aliases share counts each time; each is looked at once.

    Raises:
        ValueError: they are too many, or it holds itself.
    """
    if not isinstance(value, (dict, list)):
        return 1
    known_size = sizes.get(id(value))
    if known_size is not None:
        if known_size == 0:
            raise ValueError("an alias stands for what it is part of")
        return known_size
    sizes[id(value)] = 0
    total = 1 + sum(_size(item, sizes) for item in (value.values() if isinstance(value, dict) else value))
    if total > SIZE_LIMIT:
        raise ValueError(f"its aliases stand for more than {SIZE_LIMIT:,} values")
    sizes[id(value)] = total
    return total


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # the C loader where there is one
    """YAML as JSON understands it: dates stay text, as ARM wants them."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
