"""What the schema's verdict means to the person who wrote the file: what is wrong, which values are possible, and the
line as it should be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.declarations.nearest import nearest
from reconciler.declarations.schema import SchemaError, schema
from reconciler.declarations.strict import Document, Path
from reconciler.declarations.teach import EXPECTATIONS, GROUP_MESSAGES, SUBJECTS, pattern_message, reserved_key
from reconciler.model import JSON
from reconciler.problems import Problem

_MAX_SHOWN: Final = 60


def explain(document: Document, name: str, errors: tuple[SchemaError, ...]) -> tuple[Problem, ...]:
    """Problems for everything in which a document breaks the schema `name`."""
    problems = (problem for error in errors for problem in _problems(document, name, error))
    return tuple(dict.fromkeys(problems))


def _problems(document: Document, name: str, error: SchemaError) -> Iterator[Problem]:
    path: Path = tuple(error.absolute_path)
    match error.validator:
        case "additionalProperties":
            yield from _unknown_fields(document, error, path)
        case "required":
            yield from _missing_fields(document, name, error, path)
        case "propertyNames":
            yield from _bad_keys(document, error, path)
        case _ if error.absolute_schema_path and "propertyNames" in error.absolute_schema_path:
            yield reserved_key(
                document.key_place((*path, error.instance)), error.instance, dotted((*path, error.instance))
            )
        case "oneOf" if not path:
            yield _subject(document)
        case _:
            message, hint = _message(error, path)
            yield Problem(document.place(path), "schema", message, hint, dotted(path))


# --- fields that are not known, or missing -----------------------------------------------------------------------


def _unknown_fields(document: Document, error: SchemaError, path: Path) -> Iterator[Problem]:
    known = error.schema["properties"]
    for field in error.instance:
        if field not in known:
            below = (*path, field)
            yield Problem(
                document.key_place(below), "unknown-field", f"{field!r} is no field of {_whole(path)}",
                _unknown_hint(field, known, error.instance), dotted(below),
            )  # fmt: skip


def _unknown_hint(field: str, known: dict[str, JSON], written: dict[str, JSON]) -> str:
    meant = _SYNONYMS.get(field.casefold()) or nearest(field, known)
    if meant in known and meant is not None:
        again = f" ({meant!r} is already there)" if meant in written else ""
        return f"did you mean {meant!r}?{again}"
    return f"the fields are {_listed(sorted(known))}; your own notes can stand in comments (#) or, in a declaration, in metadata"


def _missing_fields(document: Document, name: str, error: SchemaError, path: Path) -> Iterator[Problem]:
    for field in error.validator_value:
        if field not in error.instance:
            node = _node(schema(name), error.schema["properties"].get(field, {}))
            example = _example(field, node)
            yield Problem(
                document.place(path), "missing-field", f"{field!r} is missing: {_why(node)}", f"add {example}",
                dotted((*path, field)),
            )  # fmt: skip


def _bad_keys(document: Document, error: SchemaError, path: Path) -> Iterator[Problem]:
    for key in error.instance:
        yield reserved_key(document.key_place((*path, key)), key, dotted((*path, key)))


def _subject(document: Document) -> Problem:
    written = [field for field in SUBJECTS if field in document.data]
    if not written:
        return Problem(
            document.place(()), "subject", f"it does not say what is exempted: exactly one of {_listed(SUBJECTS)} is needed",
            "add recommendation: with the key or the exact title that Defender for Cloud shows",
        )  # fmt: skip
    return Problem(
        document.key_place((written[1],)), "subject", f"it says what is exempted {len(written)} times: {_listed(written)}",
        "keep one; a further policy or recommendation is a declaration of its own", written[1],
    )  # fmt: skip


# --- values ------------------------------------------------------------------------------------------------------


def _message(error: SchemaError, path: Path) -> tuple[str, str]:
    """What is wrong with a value, and what to do."""
    value, limit = error.instance, error.validator_value
    match error.validator:
        case "type":
            return _type_message(value, limit, path)
        case "enum" | "const":
            return _enum_message(value, limit if isinstance(limit, list) else [limit])
        case "minLength" | "minItems":
            return "it is empty" if not value else f"it is shorter than {limit}", _expectation(path)
        case "maxLength":
            return (
                f"it has {len(value)} characters; at most {limit:,} are possible",
                f"shorten it by {len(value) - limit}",
            )
        case "maxItems" | "maxProperties":
            return f"it has {len(value)} entries; at most {limit:,} are possible", "split it over several declarations"
        case "minimum" | "maximum":
            bound = "at least" if error.validator == "minimum" else "at most"
            return f"{value} is out of range: it must be {bound} {limit:,}", f"write a number of {bound} {limit:,}"
        case "pattern" | "format" | "anyOf" | "not" if isinstance(value, str):
            return pattern_message(value, _field(path))
        case _:
            return _group_message(error, path)


def _type_message(value: JSON, wanted: str, path: Path) -> tuple[str, str]:
    if value is None:
        return "it has no value", f"write one after the colon ({_expectation(path)}), or delete the line"
    if wanted == "string" and isinstance(value, bool | int | float):
        kind = "a boolean" if isinstance(value, bool) else "a number"
        return f"{_plain(value)} is {kind} here; text is wanted", f'put it in quotes: "{_plain(value)}"'
    if wanted == "array" and isinstance(value, str):
        return (
            "a list is wanted, not a single value",
            f"write it in a line of its own below the field, as `  - {_cut(value)}`",
        )
    if wanted in {"boolean", "integer"} and isinstance(value, str):
        plain = _BOOLEANS.get(value.casefold()) if wanted == "boolean" else None
        plain = plain or (value if wanted == "integer" and value.lstrip("-").isdecimal() else None)
        noun = _NOUNS[wanted]
        return (
            f"{_cut(value)!r} is text; {noun} is wanted",
            f"write {plain}" if plain else f"write {_SAMPLES[wanted]}, without quotes",
        )
    return f"{_NOUNS.get(wanted, wanted)} is wanted, not {_kind(value)}", _expectation(path)


def _enum_message(value: JSON, allowed: list[JSON]) -> tuple[str, str]:
    choices = _listed([str(item) for item in allowed], "or")
    if not isinstance(value, str):
        return f"{_kind(value)} is none of {choices}", f"write one of {choices}"
    meant = nearest(value, [str(item) for item in allowed])
    if meant is not None and meant.casefold() == value.casefold():
        return f"{_cut(value)!r} is spelled {meant!r}; letter case counts here", f"write {meant}"
    return f"{_cut(value)!r} is not {choices}", f"did you mean {meant}?" if meant else f"write one of {choices}"


def _group_message(error: SchemaError, path: Path) -> tuple[str, str]:
    """Rules over several fields, named by where they stand in the schema."""
    steps = [step for step in error.absolute_schema_path if isinstance(step, str)]
    for step in reversed(steps):
        if step in GROUP_MESSAGES:
            return GROUP_MESSAGES[step]
    if _field(path) in EXPECTATIONS:
        return f"{_kind(error.instance)} does not fit here", _expectation(path)
    return f"this does not fit the schema ({error.validator})", "see schemas/ for what is possible"


# --- words -------------------------------------------------------------------------------------------------------

_SYNONYMS: Final = {
    "expires": "expiresOn", "expiry": "expiresOn", "expirydate": "expiresOn", "expirationdate": "expiresOn",
    "until": "expiresOn", "reason": "justification", "description": "justification", "why": "justification",
    "scope": "scopes", "resources": "scopes", "resource": "scopes", "targets": "scopes", "target": "scopes",
    "policy": "policyDefinition", "policydefinitionid": "policyDefinition", "initiative": "policySetDefinition",
    "policysetdefinitionid": "policySetDefinition", "policyset": "policySetDefinition", "assignment": "policyAssignment",
    "policyassignmentid": "policyAssignment", "policydefinitionreferenceids": "referenceIds", "title": "displayName",
    "exemptioncategory": "category", "type": "category", "contact": "owner", "team": "owner", "issue": "ticket",
    "jira": "ticket", "tenant": "tenantId", "maxlifetime": "maxLifetimeDays", "disabled": "enabled",
}  # fmt: skip
_BOOLEANS: Final = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}
_NOUNS: Final = {
    "string": "text", "array": "a list", "object": "fields with values", "boolean": "true or false", "integer": "a whole number",
}  # fmt: skip
_SAMPLES: Final = {"boolean": "true or false", "integer": "digits"}


def dotted(path: Path) -> str:
    """A path as people write it: `scopes[0]`, `metadata.riskId`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _field(path: Path) -> str:
    """The field that a path is about, without positions in lists."""
    return next((step for step in reversed(path) if isinstance(step, str)), "")


def _expectation(path: Path) -> str:
    return EXPECTATIONS.get(_field(path), "see its description in schemas/")


def _whole(path: Path) -> str:
    return f"{dotted(path)!r}" if path else "this file"


def _why(node: dict[str, JSON]) -> str:
    first = str(node.get("description", "it is required")).split(". ")[0].rstrip(".")
    return first[:1].lower() + first[1:] if not re.match(r"[A-Z]{2}", first) else first


def _node(root: dict[str, JSON], node: dict[str, JSON]) -> dict[str, JSON]:
    """A property with what it refers to filled in."""
    reference = node.get("$ref")
    return {**root["$defs"][reference.rsplit("/", 1)[-1]], **node} if reference else node


def _example(field: str, node: dict[str, JSON]) -> str:
    if "enum" in node:
        return f"{field}: {node['enum'][0]}"
    examples = node.get("examples")
    return (
        f"{field}: {examples[0]}"
        if examples and isinstance(examples[0], str)
        else f"{field}: with a list of ARM ids below it"
    )


def _plain(value: JSON) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(value: JSON) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the boolean {_plain(value)}"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {_cut(value)!r}"
        case list():
            return "a list"
    return "fields with values"


def _listed(words: Sequence[str], last: str = "and") -> str:
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else words[0]


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
