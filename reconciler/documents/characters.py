"""Bytes to text: UTF-8 without byte order mark, and without characters that a reviewer cannot see.

Control and bidirectional characters make a text look like another one. They are refused in the file as it stands and
in what its escapes mean; what else is invisible is refused where a text names something.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from reconciler.codes import FileCode
from reconciler.model import Source
from reconciler.problems import Problem

# Controls but for tab and line ends; bidirectional marks, embeddings, overrides and isolates; line and paragraph
# separators; byte order mark; interlinear annotations; tags; unpaired surrogates; non-characters.
_HIDDEN: Final = (
    "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u206f"
    "\\ufeff\\ufff9-\\ufffb\\ufffe\\uffff\\U000e0000-\\U000e007f\\ud800-\\udfff"
)
FORBIDDEN: Final = re.compile(f"[{_HIDDEN}]")
_BAD_SPACE: Final = re.compile("\r(?!\n)|\t")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
_MARKS: Final = {
    b"\xef\xbb\xbf": "UTF-8 with a byte order mark",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_ODD_SPACE_IN_SYNTAX: Final = re.compile(
    "^[ ]*(?:[A-Za-z_]\\w*:|-)?[ ]*[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]", re.MULTILINE
)
_NAMES: Final = {"\x00": "NUL", "\x1b": "ESCAPE", "\x7f": "DELETE", "\x85": "NEXT LINE"}


def decode(data: bytes, file: str) -> str | Problem:
    """The text of a file, or the first reason why it is none."""
    if data.startswith(tuple(_MARKS)):
        mark = next(name for prefix, name in _MARKS.items() if data.startswith(prefix))
        return Problem(
            source=Source(file),
            code=FileCode.ENCODING,
            message=f"the file is {mark}; wanted is plain UTF-8",
            remedy='save it as "UTF-8" (in some editors: "UTF-8 without BOM")',
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        return Problem(
            source=_place(file, before, len(before)),
            code=FileCode.ENCODING,
            message=f"byte 0x{data[error.start]:02x} is not valid UTF-8",
            remedy='save the file as "UTF-8"',
        )
    return text


def hidden(text: str, file: str) -> tuple[Problem, ...]:
    """A problem for each line that has a character which must not be in a file at all."""
    if text.replace("\n", "").isprintable():  # as nearly always: nothing that is refused, nor a tab, can be printed
        return ()
    if FORBIDDEN.search(text) is None and "\r" not in text and "\t" not in text:
        return ()
    starts = [match.start() for match in FORBIDDEN.finditer(text)]
    starts += [match.start() for match in _BAD_SPACE.finditer(text)]
    lines: dict[int, Problem] = {}
    for start in sorted(starts):
        place = _place(file, text, start)
        if place.line in lines:
            continue
        if text[start] == "\t":  # a control character too, on which YAML parsers disagree
            lines[place.line] = Problem(
                source=place,
                code=FileCode.TAB,
                message="a tab stands here; YAML wants spaces",
                remedy="replace it by spaces, two for each level",
            )
        else:
            lines[place.line] = Problem(
                source=place,
                code=FileCode.HIDDEN_CHARACTER,
                message=f"{describe(text[start])} is refused: it makes a text look different from what it says",
                remedy="delete it; if the line was pasted, type it again",
            )
        if len(lines) > 20:
            break
    return tuple(lines.values())


def odd_space(text: str, file: str) -> Problem | None:
    """The first space that only looks like the common one where YAML wants that: before or behind a key or a dash."""
    match = _ODD_SPACE_IN_SYNTAX.search(text)
    if match is None:
        return None
    start = match.end() - 1
    return Problem(
        source=_place(file, text, start),
        code=FileCode.HIDDEN_CHARACTER,
        message=f"{describe(text[start])} stands where YAML wants a plain space",
        remedy="replace it by a plain space; if the line was pasted, type it again",
    )


def hidden_in_value(value: str) -> str | None:
    """The first character that a value must not mean, whatever escape spelled it; None where there is none."""
    match = None if value.isprintable() else FORBIDDEN.search(value)
    return match.group() if match else None


def is_invisible(character: str) -> bool:
    """Whether it is a control, format, private, unpaired or unassigned character, or breaks lines unseen."""
    return unicodedata.category(character) in _INVISIBLE


def invisible(value: str) -> str | None:
    """The first character, line ends apart, that nobody can see."""
    if value.isprintable():
        return None
    return next((character for character in value if character != "\n" and is_invisible(character)), None)


def without_invisible(value: str) -> str:
    """The text in one line without what nobody can see, each run of white space as one space."""
    if value.isprintable():  # as nearly always; of white space it has the common one at most
        return " ".join(value.split())
    characters = (" " if character.isspace() else character for character in value)
    return " ".join("".join(character for character in characters if not is_invisible(character)).split())


def not_one_line(value: str) -> str | None:
    """The first character that has no place in a text of one line which names something: line ends, tabs, what is
    invisible, and spaces that only look like the common one.
    """
    return None if value.isprintable() else next(character for character in value if not character.isprintable())


def visible(text: str) -> str:
    """The text with an escape for all that does not show, spaces that only look like the common one included."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def describe(character: str) -> str:
    """A character by code and name: `U+202E RIGHT-TO-LEFT OVERRIDE`."""
    name = _NAMES.get(character) or unicodedata.name(character, "")
    kind = "control character" if unicodedata.category(character) == "Cc" else "character"
    return f"the {kind} U+{ord(character):04X}" + (f" ({name})" if name else "")


def _place(file: str, text: str, offset: int) -> Source:
    line_start = text.rfind("\n", 0, offset) + 1
    return Source(file, text.count("\n", 0, offset) + 1, offset - line_start + 1)
