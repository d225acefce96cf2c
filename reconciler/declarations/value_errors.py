"""Why the schema refuses one value, and what to write in its place."""

from __future__ import annotations

import re
from typing import Final

from reconciler.declarations.field_help import FIELD_RULES, expectation, field_of, fill, listed
from reconciler.declarations.format_errors import format_error
from reconciler.declarations.id_errors import SCOPE_FIELDS, accepted_id
from reconciler.documents.document import Document, Path
from reconciler.documents.schema import SchemaError
from reconciler.documents.suggest import did_you_mean, nearest
from reconciler.model import JSON

_MAX_SHOWN: Final = 60
_MAX_PROPOSED: Final = 400
_BOOLEANS: Final = {
    "yes": "true",
    "on": "true",
    "true": "true",
    "1": "true",
    "no": "false",
    "off": "false",
    "false": "false",
    "0": "false",
}
_NOUNS: Final = {
    "string": "text",
    "array": "a list",
    "object": "a group of fields",
    "boolean": "true or false",
    "integer": "a whole number",
}


def value_error(document: Document, error: SchemaError, path: Path) -> tuple[str, str]:
    """What is wrong with a value, and what to do."""
    value, limit, field = error.instance, error.validator_value, field_of(path)
    match error.validator:
        case "type":
            return _type_message(value, document.raw.get(path, ""), limit, path, error.schema.get("pattern", ""))
        case "enum" | "const":
            allowed = limit if isinstance(limit, list) else [limit]
            if field == "assignmentScopeValidation" and "policyAssignment" not in document.data:
                allowed = ["Default"]
            return _enum_message(value, document.raw.get(path, ""), [str(item) for item in allowed])
        case "minLength" | "minItems":
            return "it is empty", fill(path)
        case "maxLength":
            return f"it has {len(value):,} characters; {limit:,} are possible", f"shorten it by {len(value) - limit:,}"
        case "maxItems" | "maxProperties":
            return f"it has {len(value):,} entries; {limit:,} are possible", "split it over several files"
        case "minimum" | "maximum":
            bound = "at least" if error.validator == "minimum" else "at most"
            return f"{value} is out of range", f"write a whole number of {bound} {limit:,}"
        case "pattern" | "format" | "anyOf" | "not" if isinstance(value, str):
            return format_error(value, field)
        case _:  # rules over several fields, named by where they stand in the schema
            steps = [step for step in error.absolute_schema_path if step in FIELD_RULES]
            if steps:
                return FIELD_RULES[steps[-1]]
            return f"{_kind(value)} does not fit here", f"write {expectation(path)}"


def _type_message(value: JSON, raw: str, expected: str, path: Path, pattern: str) -> tuple[str, str]:
    field = field_of(path)
    if value is None:
        return "it has no value", fill(path)
    if field in {"expiresOn", "minAge"} and isinstance(value, int | float):
        return format_error(raw, field)
    if expected == "string" and isinstance(value, bool | int | float) and not re.search(pattern, raw):
        return format_error(raw, field)
    if expected == "string" and isinstance(value, bool | int | float):
        return f"{_cut(raw)} is {_kind(value)} in YAML, and text is wanted", f'put it in quotes: "{_cut(raw)}"'
    if expected == "array" and isinstance(value, str) and value.startswith("-"):
        return (
            "a space is missing after the dash",
            f"write `  - {_cut(value.split(' -')[0].lstrip('-'), _MAX_PROPOSED)}`",
        )
    if expected == "array" and not isinstance(value, list | dict):
        item = accepted_id(value, field) if field in SCOPE_FIELDS and isinstance(value, str) else raw or str(value)
        return (
            f"{_kind(value)} stands where a list is wanted",
            f"write it below the field, as `  - {_cut(item, _MAX_PROPOSED)}`" if item else f"write {expectation(path)}",
        )
    if expected == "boolean":
        plain = _BOOLEANS.get(str(raw or value).casefold(), "true or false")
        if plain == value:
            return f'"{value}" in quotes is text, and true or false is wanted', f"write {plain} without quotes"
        return f"{_cut(raw or repr(value))} is not true or false", f"write {plain}"
    if expected == "integer" and isinstance(value, str):
        digits = value if value.isascii() and value.isdigit() else ""
        return f"{_cut(repr(value))} is text, and a number is wanted", f"write {digits or 'digits'}, without quotes"
    return f"{_kind(value)} stands where {_NOUNS.get(expected, expected)} is wanted", f"write {expectation(path)}"


def _enum_message(value: JSON, raw: str, allowed: list[str]) -> tuple[str, str]:
    choices = listed(allowed, "or")
    if not isinstance(value, str):
        return f"{_cut(raw) or _kind(value)} is not {choices}", f"write {choices}"
    meant = nearest(value, allowed)
    if meant is not None and meant.casefold() == value.casefold():
        return f"{_cut(value)!r} is not {choices}: letter case counts here", f"write {meant}"
    return f"{_cut(value)!r} is not {choices}", did_you_mean([meant] if meant else [], f"write {choices}")


def _kind(value: JSON) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a single text"
        case list():
            return "a list"
    return "a group of fields"


def _cut(text: str, most: int = _MAX_SHOWN) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
