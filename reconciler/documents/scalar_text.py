"""Writes a text as one YAML scalar, plain where every reader takes it for just that text, in double quotes otherwise."""

from __future__ import annotations

import json
import re
from typing import Final

from reconciler.documents.scalars import plain_is_text

_PLAIN: Final = re.compile(r"[^\s\-?:,\[\]{}#&*!|>'\"%@`=~][^\n]*|-[^\s][^\n]*")
_ENDS_PLAIN: Final = re.compile(r":(?:\s|$)|\s#|\s$")
_MEANS_IN_FLOW: Final = re.compile(r"[,\[\]{}:]")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:[Tt ].*)?")
_OLD_READERS: Final = re.compile(r"[0-9][0-9_:.,eE+-]*(?:[Tt ][0-9:.,+Zz -]*)?|y|n|yes|no|on|off|<<", re.IGNORECASE)
"""What YAML 1.1 takes for a number, a date, a boolean or a merge."""


def scalar_text(text: str, *, in_flow: bool = False, plain_days: bool = True) -> str:
    """The text as a scalar of one line; `in_flow` says that it stands between brackets or braces.

    YAML 1.1 takes a day for a date. `plain_days` leaves it plain all the same, for files that only readers of YAML 1.2
    read.
    """
    ends_plain = _ENDS_PLAIN.search(text) or (in_flow and _MEANS_IN_FLOW.search(text))
    old_meaning = _OLD_READERS.fullmatch(text) and not (plain_days and _DAY.fullmatch(text))
    is_plain = _PLAIN.fullmatch(text) and not ends_plain and not old_meaning and plain_is_text(text)
    return text if is_plain else quoted(text)


def quoted(text: str) -> str:
    """In double quotes, in JSON's way but for letters of other scripts, which stay readable."""
    return json.dumps(text, ensure_ascii=False)
