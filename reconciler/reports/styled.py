"""Lines of styled text: what the text reports return, so that they stay pure and colour is the terminal's business.

Every line is made by `line`, which escapes; nothing else makes spans. `plain` joins lines without colour, for files,
pipes and Markdown; the command line gives each `Style` a colour where there is a terminal.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from reconciler.reports.escape import printable


class Style(enum.StrEnum):
    """What a span is, not how it looks."""

    PLAIN = "plain"
    HEADING = "heading"
    NAME = "name"
    QUIET = "quiet"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    WIDENS = "widens"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    GOOD = "good"


class Span(NamedTuple):
    """A stretch of one line, safe to show."""

    style: Style
    text: str


Line: TypeAlias = tuple[Span, ...]

BLANK: Line = ()


def line(*parts: str | tuple[Style, str]) -> Line:
    """One line of these parts, each a plain text or a style and a text; each is made printable here."""
    pairs = ((Style.PLAIN, part) if isinstance(part, str) else part for part in parts)
    return tuple(Span(style, printable(text)) for style, text in pairs if text)


def plain(lines: Iterable[Line]) -> str:
    """The lines without colour, each with its newline."""
    return "".join("".join(span.text for span in spans).rstrip() + "\n" for spans in lines)
