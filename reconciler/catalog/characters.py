"""Which characters a reader cannot see. Names and titles that we keep never hold one."""

from __future__ import annotations

import unicodedata
from typing import Final

_HIDDEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})


def is_hidden(character: str) -> bool:
    """Whether it is a control, format, private, unpaired or unassigned character, or breaks lines unseen."""
    return unicodedata.category(character) in _HIDDEN


def without_hidden(text: str) -> str:
    """The text without hidden characters, each run of white space as one space."""
    shown = (" " if character.isspace() else character for character in text)
    return " ".join("".join(character for character in shown if not is_hidden(character)).split())
