r"""The one place that makes text safe to show: on a terminal, in a log, in Markdown, in HTML, in a workflow command.

Whatever a person wrote in a file, or anybody wrote into Azure, passes through here on its way out. A reader must see
what is there: what would move a cursor, turn the direction of the text, hide, ping somebody or command a pipeline is
shown as a visible escape (`\x1b`, `\u202e`), never dropped. `printable` is idempotent, so that the last edge may
apply it to everything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from reconciler.model import JSON

# Invisible, yet neither a control nor a format character: fillers, joiners and variation selectors.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Commands to a pipeline: GitHub's runner takes `::` at the start of a line and `##[` anywhere, Azure's agent `##vso[`.
_COMMAND_START = re.compile(r"\A\s*::")
_COMMAND_ANYWHERE = re.compile(r"##(?=\[|vso\[)", re.IGNORECASE)
# A tenant's id in an address of the portal is nobody's name.
_MENTION = re.compile(r"(?<![A-Za-z0-9_])@(?![0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/resource/)(?=[A-Za-z0-9_-])")
_FORMULA = ("=", "+", "-", "@")
_BACKTICKS = re.compile("`+")
_OUR_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def printable(text: str) -> str:
    """The text on one line with every control, format, bidirectional, zero-width, private or unpaired character
    shown as an escape, and nothing in it that a pipeline's log would take for a command.
    """
    if not text.isprintable():
        text = "".join(
            character
            if (
                character.isprintable()
                or (character.isspace() and character not in "\u2028\u2029" and ord(character) > 0x9F)
            )
            else _escape(character)
            for character in text
        )
    text = _INVISIBLE.sub(lambda match: _escape(match.group()), text)
    text = _COMMAND_ANYWHERE.sub(r"#\\x23", text)
    return text.replace("::", r"\x3a:", 1) if _COMMAND_START.match(text) else text


def _escape(character: str) -> str:
    code = ord(character)
    if character in _OUR_ESCAPES:
        return _OUR_ESCAPES[character]
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def spreadsheet_cell(value: JSON) -> str:
    """The value for a cell of CSV: text, `yes` or `no`, `a; b` of a list, `cves a, b; minSeverity Low` of an object. What
    a spreadsheet would take for a formula gets an apostrophe.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        texts = {name: ", ".join(entry) if isinstance(entry, list) else entry for name, entry in value.items()}
        value = [f"{name} {text}" for name, text in texts.items()]
    cell = printable("; ".join(map(str, value)) if isinstance(value, list) else str(value or ""))
    return f"'{cell}" if cell.lstrip().startswith(_FORMULA) else cell


# --- Markdown ----------------------------------------------------------------------------------------------------


def markdown_code(text: str) -> str:
    """A code span that shows the text and nothing but the text; its fence is longer than any run of backticks inside.

    Values stand in Markdown only in code spans and fences: outside of them GitHub finds mentions, links, references
    to issues and HTML in whatever way they are escaped.
    """
    code = _without_mentions(printable(text))
    if not code.strip():
        return "`(empty)`"
    fence = "`" * (_longest_run(code) + 1)
    pad = " " if code[0] in "` " or code[-1] in "` " else ""
    return f"{fence}{pad}{code}{pad}{fence}"


def markdown_fence(text: str, language: str = "text") -> str:
    """A fenced block with these lines. They must be printable already; the fence is longer than any run inside."""
    code = "\n".join(_without_mentions(printable(line)) for line in text.split("\n"))
    fence = "`" * max(3, _longest_run(code) + 1)
    return f"{fence}{language}\n{code}\n{fence}"


def _without_mentions(text: str) -> str:
    return _MENTION.sub(r"\\x40", text)


def _longest_run(text: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)


# --- GitHub's workflow commands ----------------------------------------------------------------------------------


def workflow_data(*lines: str) -> str:
    """The message of a workflow command; several lines are shown as several lines."""
    return "%0A".join(printable(line).replace("%", "%25") for line in lines)


def workflow_property(text: str) -> str:
    """The value of a property of a workflow command, such as `file` or `title`."""
    return workflow_data(text).replace(":", "%3A").replace(",", "%2C")


# --- HTML, SARIF and JSON ----------------------------------------------------------------------------------------


def html_text(text: str) -> str:
    """Text for an HTML element or a quoted attribute."""
    from html import escape  # noqa: PLC0415 - its table of entities takes longer to import than a command has to wait

    return escape(printable(text), quote=True)


def sarif_text(text: str) -> str:
    """A plain SARIF message. Viewers make links of `[…](…)` even in plain text, so that pair is broken visibly."""
    return printable(text).replace("](", r"]\x28")


_ENCODER = json.JSONEncoder(ensure_ascii=True, default=str)


def json_line(value: JSON) -> str:
    """The value as JSON on one line, in ASCII alone: what a terminal or a log could obey stays an escape of JSON."""
    return _inert(_ENCODER.encode(value))


def json_indented(value: JSON) -> str:
    """The value as a JSON document with a line for each field at any depth; for documents of modest size."""
    return _inert(json.dumps(value, ensure_ascii=True, default=str, indent=2)) + "\n"


def _inert(text: str) -> str:
    return _COMMAND_ANYWHERE.sub(r"#\\u0023", text) if "##" in text else text


def json_document(fields: dict[str, JSON]) -> str:
    """An object as a JSON document with a line for each field and for each element of its lists (or iterators).

    So it reads well, compares line by line, and is written by the fast encoder however many changes it holds.
    """
    return "".join(json_pieces(fields))


def json_pieces(fields: dict[str, JSON]) -> Iterator[str]:
    """The text of `json_document` piece by piece: where it has hundreds of megabytes, a file need not wait for the whole."""
    yield "{\n"
    separator = ""
    for name, value in fields.items():
        yield f"{separator}  {json_line(name)}: "
        separator = ",\n"
        if isinstance(value, list | Iterator):
            yield from _rows(value)
        else:
            yield json_line(value)
    yield "\n}\n"


def _rows(elements: Iterable[JSON]) -> Iterator[str]:
    separator = "[\n    "
    for element in elements:
        yield separator
        yield json_line(element)
        separator = ",\n    "
    yield "[]" if separator[0] == "[" else "\n  ]"
