"""What a plain YAML scalar means: the YAML 1.2 core schema without timestamps.

`no` and `2027-01-31` are text. Where YAML libraries read a number in spite of the core schema (`1_000`, `0b1`), it is a
number here too: the reviewer's editor and check-jsonschema must give the same verdict as we do.
"""

from __future__ import annotations

import math
import re
from typing import Final

from reconciler.model import JSON

WORDS: Final[dict[str, JSON]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
"""Plain scalars that are words, and yet no text."""

_FIRST: Final = frozenset("+-.0123456789")
_INTEGER: Final = re.compile(r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9_]+)")
_FLOAT: Final = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+|\.[0-9_]+(?:[eE][-+]?[0-9]+)?)"
)
_SPECIAL: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_BASES: Final = {"0b": 2, "0o": 8, "0x": 16}
_LONGEST: Final = 40


def resolve(text: str) -> JSON:
    """The value of a plain scalar: text, number, boolean or None.

    Raises:
        ValueError: it is a number that JSON cannot hold, or one of more than forty digits.
    """
    if text in WORDS:
        return WORDS[text]
    if text[0] not in _FIRST:
        return text
    if _INTEGER.fullmatch(text) and text.strip("+-_"):
        digits = text.replace("_", "")
        if len(digits) > _LONGEST:
            raise ValueError(f"a number of {len(digits)} digits is too long")
        sign = -1 if digits.startswith("-") else 1
        digits = digits.lstrip("+-")
        base = _BASES.get(digits[:2], 10)
        return sign * int(digits[2:] or "0" if base != 10 else digits, base)
    if _FLOAT.fullmatch(text) and text.strip("+-._"):
        number = float(text.replace("_", ""))
        if not math.isfinite(number):
            raise ValueError(f"{text[:_LONGEST]} is larger than any number that JSON can hold")
        return number
    if _SPECIAL.fullmatch(text):
        raise ValueError(f"{text} is no number that JSON can hold")
    return text


def plain_is_text(text: str) -> bool:
    """Whether a plain scalar with this text is text, so that it needs no quotes for its meaning."""
    try:
        return isinstance(resolve(text), str)
    except ValueError:
        return False
