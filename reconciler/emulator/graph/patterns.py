"""Regular expressions of queries: RE2's syntax as far as Python's agrees, and none that can take for ever."""

from __future__ import annotations

import re
from typing import Final

_NOT_RE2: Final = re.compile(r"\(\?(?:[=!>]|<[=!]|P=|\()|(?<!\\)(?:\\\\)*\\[1-9]|[*+?}]\+")
_NESTED: Final = re.compile(r"[*+}][^()]*\)\s*[*+{]")
LENGTH_LIMIT: Final = 1_000


def compile_pattern(text: str) -> re.Pattern[str]:
    """The pattern, compiled.

    Raises:
        ValueError: it is none, has what RE2 has not (looking around, back references), or repeats what repeats.
    """
    if len(text) > LENGTH_LIMIT or _NOT_RE2.search(text) or _NESTED.search(text):
        raise ValueError("not a regular expression that this engine takes")
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from None
