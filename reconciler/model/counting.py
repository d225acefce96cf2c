"""How many, in English: `1 policy`, `2 policies`, `a, b and 3 more`. Every room says it the same way."""

from __future__ import annotations

from collections.abc import Sequence


def count(number: int, singular: str, plural: str = "") -> str:
    """`1 policy`, `2,000 policies`; `plural` is needed where an s does not make it."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def agree(number: int, singular: str, plural: str) -> str:
    """The word that agrees with the number: `is` for one, `are` for any other."""
    return singular if number == 1 else plural


def first_few(items: Sequence[str], limit: int) -> str:
    """`a, b, c and 4 more`: all of them up to the limit, and how many are left out beyond it."""
    return f"{', '.join(items[:limit])}{and_more(len(items) - limit)}"


def and_more(number: int) -> str:
    """` and 4 more`, for the end of a list that was cut; empty where nothing was."""
    return f" and {number:,} more" if number > 0 else ""
