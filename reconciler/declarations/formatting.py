"""The canonical style of a declaration: order of fields, indentation, quotes, one item a line. Comments stay.

Written by hand rather than by an emitter, since comments must move with their fields. What comes out is read again and
compared, data and comments; where anything is lost, the file is left alone.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Final

from reconciler.declarations.comments import MODELINE, Comments, attached, texts
from reconciler.documents.document import Document, Path
from reconciler.documents.scalar_text import quoted, scalar_text
from reconciler.documents.strict import parse
from reconciler.model import JSON

ORDER: Final = (
    "name",
    "recommendation",
    "recommendations",
    "recommendationCategory",
    "policyDefinition",
    "policySetDefinition",
    "policyAssignment",
    "referenceIds",
    "vulnerabilities",
    "scopes",
    "selectedBy",
    "resourceSelectors",
    "category",
    "expiresOn",
    "justification",
    "owner",
    "requestedBy",
    "ticket",
    "displayName",
    "assignmentScopeValidation",
    "ahead",
    "metadata",
    "adopt",
    "takeOver",
    "enabled",
    "selectors",
    "kind",
    "in",
    "notIn",
)
"""The order of fields; what is not here (keys of metadata) keeps its place behind them."""

WIDTH: Final = 100
_ALWAYS_BELOW: Final = frozenset({"scopes", "referenceIds", "recommendations", "cves"})


def formatted(text: str, document: Document) -> str | None:
    """The text in canonical style, or None where that would lose or change something."""
    text = text.replace("\r\n", "\n")
    comments = attached(text, document)
    lines = list(comments.header)
    if lines and not MODELINE.match(lines[-1]):
        lines.append("")
    first, *_ = document.data or ("",)
    comments.before[first,][:0] = comments.before.pop((), [])
    lines += _mapping(document.data, (), comments)
    output = "\n".join([*lines, *comments.footer]) + "\n"
    reread, problems = parse(output, document.file)
    if reread is None or problems or _typed(reread.data) != _typed(document.data):
        return None
    return output if texts(output) == texts(text) else None


def _typed(value: JSON) -> str:
    """A form in which 1, 1.0 and true differ and the order of keys does not count."""
    return json.dumps(value, sort_keys=True)


def _mapping(data: dict[str, JSON], path: Path, comments: Comments) -> Iterator[str]:
    positions = (
        {key: position for position, key in enumerate(ORDER)}
        if path[:1] not in {("metadata",), ("selectedBy",)}
        else {}
    )
    for key in sorted(data, key=lambda key: positions.get(key, len(ORDER))):
        below = (*path, key)
        # A key with its value, and the comments around it, at the left margin.
        lead = f"{_scalar(key)}:"
        beside = f" {comments.beside[below]}" if below in comments.beside else ""
        head, body = _value(data[key], below, comments, len(lead))
        after = comments.after.pop(below, []) if len(below) == 1 else []
        is_block = head.startswith(("|", ">"))
        yield from comments.before.get(below, ())
        yield from after if is_block else ()
        yield f"{lead} {head}".rstrip() + beside
        yield from (f"  {line}".rstrip() for line in body)
        yield from () if is_block else (f"  {comment}" for comment in after)


def _value(value: JSON, path: Path, comments: Comments, taken: int) -> tuple[str, list[str]]:
    """What follows the key on its line, and the lines below it without their indentation."""
    if isinstance(value, dict) and value:
        return "", list(_mapping(value, path, comments))
    if isinstance(value, list) and value:
        flow = "[" + ", ".join(_in_flow(item) for item in value) + "]"
        has_comments = any(key[: len(path)] == path and key != path for key in (*comments.before, *comments.beside))
        simple = not any(isinstance(item, dict | list) for item in value)
        if path[-1] not in _ALWAYS_BELOW and simple and not has_comments and len(flow) + taken + 2 * len(path) < WIDTH:
            return flow, []
        lines: list[str] = []
        for position, item in enumerate(value):
            lines += _item(item, (*path, position), comments)
        return "", lines
    if isinstance(value, str):
        return _text(value, taken)
    return ("" if value is None else _scalar(value)), []


def _item(item: JSON, path: Path, comments: Comments) -> Iterator[str]:
    beside = f" {comments.beside[path]}" if path in comments.beside else ""
    yield from comments.before.get(path, ())
    if isinstance(item, dict) and item:
        inner = list(_mapping(item, path, comments))
        first = next(at for at, line in enumerate(inner) if not line.startswith("#"))
        yield from inner[:first]
        yield f"- {inner[first]}{beside}"
        yield from (f"  {line}".rstrip() for line in inner[first + 1 :])
    elif isinstance(item, list) and item:
        yield f"- [{', '.join(_in_flow(inner) for inner in item)}]{beside}"
    else:
        yield f"- {_scalar(item)}{beside}"


# --- scalars -----------------------------------------------------------------------------------------------------


def _text(value: str, taken: int) -> tuple[str, list[str]]:
    """A text on one line where it fits, folded where it is long, line by line where it has lines."""
    if "\n" in value.strip("\n") or value.endswith("\n"):
        body = value.removesuffix("\n")
        lines = body.split("\n")
        if not lines[0] or lines[0][0] in " \t" or body.endswith("\n") or any(line != line.rstrip() for line in lines):
            return quoted(value), []
        return ("|" if value.endswith("\n") else "|-"), lines
    if len(value) + taken > WIDTH + 20 and value == " ".join(value.split(" ")) and "  " not in value.strip():
        lines = textwrap.wrap(value, WIDTH, break_long_words=False, break_on_hyphens=False)
        if len(lines) > 1 and " ".join(lines) == value:
            return ">-", lines
    return _scalar(value), []


def _scalar(value: JSON) -> str:
    """One line for a scalar (or an empty collection) in a block."""
    return scalar_text(value) if isinstance(value, str) else json.dumps(value)


def _in_flow(value: JSON) -> str:
    """One line for a value inside brackets."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_in_flow(key)}: {_in_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_in_flow(item) for item in value) + "]"
    return scalar_text(value, in_flow=True) if isinstance(value, str) else json.dumps(value)
