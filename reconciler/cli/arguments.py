"""The types of options: from the text of an argument to its value, or to what is wrong with it."""

from __future__ import annotations

import argparse
import enum
from collections.abc import Callable
from typing import Final, TypeVar

from reconciler.model import ArmId, parse_scope

Word = TypeVar("Word", bound=enum.StrEnum)
_MOST_DIGITS: Final = 18
"""More than any option can mean; Python refuses to convert thousands of them."""


def scope_argument(text: str) -> ArmId:
    """A scope on the command line."""
    try:
        return parse_scope(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is {error}") from None


def word_argument(words: type[Word]) -> Callable[[str], Word]:
    """The type of an option that takes one word of an enum; what is none of them is answered with all of them."""

    def convert(text: str) -> Word:
        try:
            return words(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(words)}") from None

    return convert


def number_argument(form: str, lowest: int = 0, highest: int | None = None) -> Callable[[str], int]:
    """The type of an option that takes a whole number within limits, both included; `form` says in an error what is wanted."""

    def convert(text: str) -> int:
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else -1
        if number < lowest or (highest is not None and number > highest):
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is not {form}")
        return number

    return convert
