"""What a YAML parser's complaint means to somebody who has never read the YAML specification.

libyaml and PyYAML's own parser word the same mistakes differently and often point at the line after the mistake. Each
common complaint is put into words of its own, with the line quoted and the fix proposed.
"""

from __future__ import annotations

import re
from typing import Final

import yaml

from reconciler.codes import FileCode
from reconciler.documents.characters import visible
from reconciler.model import Source
from reconciler.problems import Problem

_COLON_IN_VALUE: Final = re.compile(r"^(\s*(?:- )?)([A-Za-z]\w*): +([^'\"\s\[{|>].*:(?: .*|$))")
_KEY_WITHOUT_SPACE: Final = re.compile(r"^(\s*)([A-Za-z]\w*):(?! |$)(\S.*)")
_RESERVED_START: Final = re.compile(r"^(\s*(?:- )?(?:[A-Za-z]\w*: +)?)([@`%,\]}*&!].*)")
_BEHIND_QUOTE: Final = re.compile(r"^\s*(?:- )?[A-Za-z]\w*: +(?=(['\"]))(.*?\1 *[^\s#'\"].*)$")
_MAX_QUOTED: Final = 80


def syntax_problem(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    """The problem that a parser's complaint stands for, where the person should look first."""
    mark = error.problem_mark or error.context_mark
    line = mark.line if mark else 0
    column = mark.column if mark else 0
    lines = text.split("\n")
    # To blame is mostly the line that the parser points at, or the nearest one above that says something.
    above = next((at for at in range(min(line, len(lines)) - 1, max(line - 5, 0) - 1, -1) if lines[at].strip()), line)
    suspects = [at for at in (line, above) if at < len(lines)]
    mistakes = ((*mistake, at) for at in suspects if (mistake := _line_mistake(lines[at])))
    message, remedy, at = next(mistakes, None) or _explain(error, line)
    if at != line:
        line, column = at, len(lines[at]) - len(lines[at].lstrip())
    return Problem(
        source=Source(file, line + 1, column + 1),
        code=FileCode.YAML_SYNTAX,
        message=visible(message),
        remedy=visible(remedy),
    )


def _explain(error: yaml.MarkedYAMLError, line: int) -> tuple[str, str, int]:
    """Message, remedy, and the line (from 0) that is to blame."""
    problem = (error.problem or "").lower()
    context = (error.context or "").lower()
    opened = error.context_mark.line if error.context_mark else line
    if "quoted scalar" in context:
        return (
            "a quoted text is not closed",
            "write the closing quote; double a quote inside single quotes: 'it''s'",
            opened,
        )
    if "flow sequence" in context or "flow mapping" in context:
        bracket = "[" if "sequence" in context else "{"
        return (
            f"a `{bracket}` is not closed, or a comma is missing",
            "close it, or write one value a line after `- `",
            opened,
        )
    if "block mapping" in context or "block collection" in context or "block sequence" in context:
        return (
            "the indentation does not fit the lines before",
            "fields start in the first column; the items of a list are indented by two spaces and `- `",
            line,
        )
    if "could not find expected ':'" in problem:
        return (
            "a line is neither `field: value` nor part of the value above it",
            "write a colon and a space after the field",
            line,
        )
    if "not allowed" in problem:
        return (
            "a `field: value` stands where none can be",
            "check the indentation, and quote values that hold a colon",
            line,
        )
    return (
        f"this is not YAML: {error.problem or error.context or 'it cannot be read'}",
        "check the line for a stray character",
        line,
    )


def _line_mistake(line: str) -> tuple[str, str] | None:
    """The usual mistakes that one can tell from the line alone."""
    if match := _RESERVED_START.match(line):
        return (
            f"a value cannot start with {match[2][0]!r} unless it is quoted",
            f"put it in quotes: {_quoted(match[2])}",
        )
    if match := _BEHIND_QUOTE.match(line):
        return (
            "text stands behind the closing quote",
            f'write a quote inside quotes as \\": {_quoted(match[2].strip(match[1]))}',
        )
    if match := _COLON_IN_VALUE.match(line):
        return (
            f"the value of {match[2]!r} holds a colon followed by a space, which starts another field",
            f"put the value in quotes: {match[2]}: {_quoted(match[3])}",
        )
    if match := _KEY_WITHOUT_SPACE.match(line):
        return f"a space is missing after {match[2] + ':'!r}", f"write {match[2]}: {match[3][:_MAX_QUOTED]}"
    return None


def _quoted(text: str) -> str:
    """The text as a double-quoted scalar, cut where it is long."""
    text = text.strip()
    cut = text if len(text) <= _MAX_QUOTED else text[:_MAX_QUOTED] + "…"
    return '"' + cut.replace("\\", "\\\\").replace('"', '\\"') + '"'
