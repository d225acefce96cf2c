"""The comments of a YAML text, each with the value it is about, so that they can move with it.

A comment is what starts with `#` outside of every scalar. One that shares its line with a value is about that value; a
line of its own is about what follows, or about the field before it where it is indented and nothing indented follows.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from reconciler.documents.document import Document, Path
from reconciler.documents.strict import events

MODELINE: Final = re.compile(r"#\s*yaml-language-server:")
_COMMENT: Final = re.compile(r"(?:(?<=\s)|\A)#[^\n]*")


@dataclass(slots=True, kw_only=True)
class Comments:
    """All comments of one document. `before` and `after` are lines around a value, `beside` stands on its line."""

    header: list[str] = field(default_factory=list)
    before: dict[Path, list[str]] = field(default_factory=lambda: defaultdict(list))
    beside: dict[Path, str] = field(default_factory=dict)
    after: dict[Path, list[str]] = field(default_factory=lambda: defaultdict(list))
    footer: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comment:
    """One comment where it was found; lines and columns from 1. `alone`: nothing else is on its line."""

    text: str
    line: int
    column: int
    alone: bool


def texts(text: str) -> list[str]:
    """The comments alone, sorted: to see that none got lost."""
    return sorted(comment.text for comment in _found(text))


def attached(text: str, document: Document) -> Comments:
    """The comments of a text, each at what it is about."""
    # Where each value starts that a line of its own may lead to, in the order of the text: keys, and items of lists.
    marks = ((document.keys.get(path) or mark, path) for path, mark in document.values.items() if path)
    starts = sorted(((*mark, path) for mark, path in marks), key=lambda start: (start[0], start[1], len(start[2])))
    first = min((line for line, _, _ in starts), default=1)
    result = Comments()
    lines = text.split("\n")
    for comment in _found(text):
        if comment.line < first:
            # What stands before the first field is about the file if a blank line follows, and about that field
            # otherwise.
            blank_follows = any(not lines[at - 1].strip() for at in range(comment.line + 1, first))
            if MODELINE.match(comment.text) or blank_follows:
                result.header.append(comment.text)
            else:
                result.before[()].append(comment.text)
        elif comment.alone:
            following = next(((column, path) for line, column, path in starts if line > comment.line), None)
            if following is None or (comment.column > 1 and len(following[1]) == 1):
                before = [path for line, _, path in starts if line < comment.line]
                if comment.column > 1 and before:
                    result.after[before[-1][:1]].append(comment.text)
                elif following is None:
                    result.footer.append(comment.text)
            else:
                result.before[following[1]].append(comment.text)
        else:
            _beside(comment, starts, result)
    return result


def _beside(comment: _Comment, starts: list[tuple[int, int, Path]], result: Comments) -> None:
    same_line = [path for line, column, path in starts if line == comment.line and column < comment.column]
    if same_line and same_line[0] not in result.beside:
        result.beside[same_line[0]] = comment.text  # the outermost, so that `key: [a, b]  # note` stays on one line
        return
    above = [path for line, _, path in starts if line <= comment.line]
    result.after[above[-1][:1]].append(comment.text)


def _found(text: str) -> Iterator[_Comment]:
    """Every `#` that starts a comment: at the start of a line or after white space, and in no scalar."""
    scalars = []  # from where to where each reaches; the header line of a block scalar is no part of it
    for event in events(text):
        if isinstance(event, yaml.ScalarEvent) and event.start_mark and event.end_mark:
            begin: Any = event.start_mark.index
            scalars.append((text.find("\n", begin) if event.style in {"|", ">"} else begin, event.end_mark.index))
    end = 0
    for match in _COMMENT.finditer(text):
        start = match.start()
        if start < end or any(begin <= start < stop for begin, stop in scalars):
            continue
        end = match.end()
        line_start = text.rfind("\n", 0, start) + 1
        alone = not text[line_start:start].strip()
        yield _Comment(
            text=match[0].rstrip(), line=text.count("\n", 0, start) + 1, column=start - line_start + 1, alone=alone
        )
