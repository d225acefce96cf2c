"""Rows of other tools' files, one form for all: what EPAC, Terraform, Bicep and ARM templates say of an exemption."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from reconciler.documents.json_input import JsonInput, JsonInputError, JsonLimits, read_json
from reconciler.importing.values import ImportRow, Outcome
from reconciler.model import JSON

_MODULES_DEEP: Final = JsonLimits(depth=200)
"""Each module within a module takes several levels, of Bicep as of Terraform."""

_COMMENT: Final = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_NO_LINE_END: Final = re.compile(r"[^\n]")
_TRAILING_COMMA: Final = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])')


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRow:
    """One exemption as another tool's file says it; nothing is judged yet. `source` is the file and the row.

    `assignment`, `policy` and `initiative` are as written, at most one of which counts; `scopes` and `references` may
    still be one text with several in it.
    """

    source: str
    name: str
    display_name: str = ""
    description: str = ""
    category: str = ""
    expires_on: str = ""
    scopes: tuple[str, ...] = ()
    assignment: str = ""
    policy: str = ""
    initiative: str = ""
    references: tuple[str, ...] = ()
    selectors: Sequence[JSON] = ()
    metadata: Mapping[str, JSON] = field(default_factory=dict)
    validation: str = ""
    notes: tuple[str, ...] = ()


class RowError(ValueError):
    """Why a row cannot be imported, and what to do; `needs_azure` where a snapshot would answer it."""

    def __init__(self, message: str, remedy: str = "", *, needs_azure: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.needs_azure = needs_azure


Parsed = ForeignRow | ImportRow
"""A row, or why there is none."""


def refused(source: str, title: str, message: str, remedy: str = "") -> ImportRow:
    """The line of a row that cannot be imported."""
    return ImportRow(source=source, title=title or source, outcome=Outcome.REFUSED, message=message, remedy=remedy)


def strict_json(text: str, file: str) -> JsonInput:
    """JSON as programs write it.

    Raises:
        JsonInputError: it is none.
    """
    return read_json(text, origin=file, limits=_MODULES_DEEP)


def lenient_json(text: str, file: str) -> JSON:
    """JSON with comments and trailing commas, as editors and PowerShell take it; each place stays what it is in the file.

    Raises:
        JsonInputError: it is none.
    """
    plain = _COMMENT.sub(lambda match: match[1] or _NO_LINE_END.sub(" ", match[0]), text)
    return strict_json(_TRAILING_COMMA.sub(lambda match: match[1] or " ", plain), file).value


def text_of(value: JSON) -> str:
    """A scalar as text; empty for null and for what is no scalar."""
    if isinstance(value, bool) or value is None or isinstance(value, (dict, list)):
        return ""
    return str(value).strip()


def texts_of(value: JSON) -> tuple[str, ...]:
    """A list of texts; one text where a list is due is taken for a list."""
    values: Iterable[JSON] = value if isinstance(value, list) else [value]
    return tuple(text for text in map(text_of, values) if text)


def folded(row: Mapping[str, JSON]) -> dict[str, JSON]:
    """The row by folded keys."""
    return {str(key).strip().lower(): value for key, value in row.items() if key is not None}


def json_object(value: JSON, field: str) -> Mapping[str, JSON]:
    """An object, or one that stands as JSON in a text; empty for null.

    Raises:
        RowError: it is neither.
    """
    parsed = _json_text(value, field)
    if not parsed and not isinstance(parsed, (int, float)):
        return {}
    if not isinstance(parsed, dict):
        raise RowError(f"{field} is no object: {str(parsed)[:60]!r}", "write it as a JSON object, or leave it out")
    return parsed


def json_list(value: JSON, field: str) -> Sequence[JSON]:
    """A list, or one that stands as JSON in a text; empty for null.

    Raises:
        RowError: it is neither.
    """
    parsed = _json_text(value, field)
    if not parsed and not isinstance(parsed, (int, float)):
        return ()
    return parsed if isinstance(parsed, list) else (parsed,)


def _json_text(value: JSON, field: str) -> JSON:
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        return lenient_json(value, field)
    except JsonInputError as error:
        raise RowError(f"{error.message}; it is {value[:60]!r}", "correct it in the file") from None
