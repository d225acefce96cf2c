"""Regular expressions of queries, in RE2's syntax and by RE2, so that none takes for ever."""

from __future__ import annotations

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
