"""The data of a file that holds nothing but plain lines, read without a parser: fields in one line, and lists of such texts.

Most declarations are written so, and libyaml with what is built from its events takes four times as long. As with the
predicate beside jsonschema, this is one-sided: it says what the file certainly means, or nothing, and then the parser is
asked. It is also asked where something stands, which nobody wants to know of a file without mistakes. Property tests hold
the two against each other.
"""

from __future__ import annotations

import re
from typing import Final

from reconciler.documents.scalars import WORDS, resolve
from reconciler.model import JSON

_VALUE: Final = r"[A-Za-z0-9/][^:#\n]*+(?::(?=[A-Za-z0-9/])[^:#\n]*+)*+"
"""A plain scalar that begins with no character of YAML's own, and holds neither `: ` nor a `#`."""

_END: Final = r"(?:(?<= )#[^\n]*)?$"
_LINE: Final = re.compile(
    rf"^(?:([A-Za-z][A-Za-z0-9]{{0,99}}):(?: +({_VALUE})?+)? *+{_END}|( *)- +({_VALUE}){_END}| *(?:#[^\n]*)?$|([^\n]))",
    re.MULTILINE,
)
"""Key and value, or indentation and item, or nothing; or the first character of a line that is none of these."""

_MAX_LINES: Final = 2_000


def plain_fields(text: str) -> tuple[dict[str, JSON], int] | None:
    """What a text says and the line of its first field, if it is plain lines; None may mean anything. All characters of the
    text but its line ends can be printed.
    """
    lines = _LINE.findall(text)
    if len(lines) > _MAX_LINES:
        return None
    data: dict[str, JSON] = {}
    items: list[JSON] | None = None
    indentation, first = "", 0
    try:
        for number, (key, value, indent, item, further) in enumerate(lines, 1):
            if item:
                if items is None or (items and indent != indentation):
                    return None
                indentation = indent
                items.append(resolve(item.rstrip(" ")))
            elif key:
                if key in data or key in WORDS or items == []:
                    return None
                first = first or number
                if value:
                    items, data[key] = None, resolve(value.rstrip(" "))
                else:
                    items = data[key] = []
            elif further:
                return None
    except ValueError:  # a number that JSON cannot hold
        return None
    return (data, first) if data and items != [] else None
