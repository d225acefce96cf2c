"""Regular expressions of queries, in RE2's syntax and by RE2, so that none takes for ever."""

from __future__ import annotations

import functools
from typing import Any, Final

import re2

LENGTH_LIMIT: Final = 1_000


def compile_pattern(text: str) -> Any:
    """The pattern, compiled.

    Raises:
        ValueError: it is none, has what RE2 has not (looking around, back references), or is too long.
    """
    options = re2.Options()
    options.log_errors = False
    if len(text) > LENGTH_LIMIT:
        raise ValueError("the regular expression is too long")
    try:
        return re2.compile(text, options=options)
    except re2.error as error:
        raise ValueError(str(error)) from None


def trimmed(pattern: str, text: str, *, start: bool, end: bool) -> str:
    """The text without what matches a pattern at its start or end, however often; as it is where the pattern is none."""
    try:
        compiled = _edges(pattern)
    except ValueError:
        return text
    if start:
        text = compiled[0].sub("", text, count=1)
    return compiled[1].sub("", text, count=1) if end else text


@functools.lru_cache(maxsize=64)
def _edges(pattern: str) -> tuple[Any, Any]:
    return compile_pattern(rf"\A(?:{pattern})+"), compile_pattern(rf"(?:{pattern})+\z")
