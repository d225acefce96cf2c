"""Regular expressions that people write in files, matched in time linear in the text.

A pull request may hold any pattern, and Python's own engine needs exponential time for some of a few characters
(`a?a?a?aaa`). RE2 never does: it has no look-around and no back-references, and refuses what would need much memory.
"""

from __future__ import annotations

import functools
from typing import Protocol


class Pattern(Protocol):
    """A compiled pattern."""

    def fullmatch(self, text: str | bytes) -> object | None:
        """Something where the whole text matches, None where it does not. UTF-8 says the same sooner."""


@functools.lru_cache(maxsize=64)
def compile_pattern(text: str) -> Pattern:
    """The pattern, ready to match.

    Raises:
        ValueError: it is no regular expression, or needs what cannot be bounded; the message says why.
    """
    import re2  # noqa: PLC0415 - native code that most runs never need

    options = re2.Options()
    options.log_errors = False
    try:
        compiled: Pattern = re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "it cannot be read"
        raise ValueError(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)) from error
    return compiled
