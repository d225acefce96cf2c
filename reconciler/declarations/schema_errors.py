"""What the schema's verdict means to the person who wrote the file: what is wrong, which values are possible, and the
line as it should be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from reconciler.declarations.field_help import ALWAYS_THERE, EXAMPLES, EXPECTATIONS, FIELD_RULES, SUBJECTS, SYNONYMS
from reconciler.declarations.format_errors import format_error
from reconciler.declarations.id_errors import SCOPE_FIELDS, accepted_id
from reconciler.documents.characters import visible
from reconciler.documents.document import Document, Path, dotted
from reconciler.documents.schema import SchemaError
from reconciler.documents.suggest import did_you_mean, nearest
from reconciler.model import JSON
from reconciler.problems import Problem

_MAX_SHOWN: Final = 60
_MAX_PROPOSED: Final = 400
_OWN_FIELDS: Final = ("requestedBy", "ticket", "owner")
_WHOLE: Final = {"exemption": "a declaration", "reconciler": "reconciler.yaml"}


def schema_problems(document: Document, name: str, errors: tuple[SchemaError, ...]) -> tuple[Problem, ...]:
    """Problems for everything in which a document breaks the schema `name`."""
    foreign = _other_kind_of_file(document) if name == "exemption" and errors else None
    if foreign is not None:
        return (foreign,)
    misspelled = {
        meant
        for error in errors
        if error.validator == "additionalProperties"
        for field in error.instance
        if (meant := _meant_field(field, error)) and meant not in error.instance
    }
    problems = [problem for error in errors for problem in _problems(document, name, error)]
    return tuple(dict.fromkeys(problem for problem in problems if not _follows(problem, misspelled)))


def _other_kind_of_file(document: Document) -> Problem | None:
    """One problem for a whole file of another tool, in place of one for each of its fields."""
    data = document.data
    if isinstance(data.get("exemptions"), list):
        kind, command = "a list of exemptions of Enterprise Policy as Code (EPAC)", "`exempt import epac FILE`"
    elif isinstance(data.get("resources"), list | dict) and "contentVersion" in data:
        kind, command = "an ARM template", "`exempt import arm FILE`"
    elif isinstance(data.get("properties"), dict) and "policyAssignmentId" in data["properties"]:
        kind, command = "an exemption as Azure stores it", "`exempt import live`"
    else:
        return None
    return Problem(
        source=document.place(()),
        code="foreign-file",
        message=f"this is {kind}, not a declaration",
        remedy=f"{command} writes declarations of it; move this file out of exemptions/",
    )


def _follows(problem: Problem, misspelled: set[str]) -> bool:
    """Whether a problem is gone once the misspelled fields are mended: one mistake is told once."""
    if problem.code == "missing-field":
        return problem.path.rsplit(".", 1)[-1] in misspelled
    return problem.code == "subject" and not problem.path and not misspelled.isdisjoint(SUBJECTS)


def _problems(document: Document, name: str, error: SchemaError) -> Iterator[Problem]:
    path: Path = tuple(error.absolute_path)
    deeper = [inner for inner in error.context or () if len(inner.absolute_path) > len(path)]
    match error.validator:
        case _ if "dependentSchemas" in error.absolute_schema_path:
            yield _dependent(document, error, path)
        case "pattern" if error.instance == "" and "minLength" in error.schema:
            return  # it is told as empty
        case "anyOf" if deeper:
            for inner in deeper:
                yield from _problems(document, name, inner)
        case "additionalProperties":
            yield from _unknown_fields(document, error, path, _WHOLE[name])
        case "required":
            yield from _missing_fields(document, error, path, name)
        case _ if "propertyNames" in error.absolute_schema_path:
            yield _reserved_key(document, (*path, error.instance))
        case "oneOf" if not path:
            yield _subject(document)
        case _:
            message, remedy = _message(document, error, path)
            yield Problem(
                source=document.place(path),
                code="schema",
                message=visible(message),
                remedy=visible(remedy),
                path=dotted(path),
            )


# --- fields that are not known, or missing -----------------------------------------------------------------------


def _unknown_fields(document: Document, error: SchemaError, path: Path, whole: str) -> Iterator[Problem]:
    fields = error.schema["properties"]
    where = f"of {dotted(path)}" if path else f"of {whole}"
    for field in error.instance:
        if field in fields:
            continue
        below = (*path, field)
        meant = _meant_field(field, error)
        if not meant:
            remedy = f"the fields are {listed(sorted(fields))}"
        elif meant in error.instance:
            remedy = f"delete it: {meant} is there already"
        else:
            remedy = did_you_mean([meant])
        yield Problem(
            source=document.key_place(below),
            code="unknown-field",
            message=f"{dotted(below)} is not a field {where}",
            remedy=remedy,
            path=dotted(below),
        )


def _meant_field(field: str, error: SchemaError) -> str | None:
    """The field that an unknown one probably stands for; None for one that is known, or like none."""
    fields = error.schema["properties"]
    if field in fields:
        return None
    synonym = SYNONYMS.get(field.casefold(), "")
    return synonym if synonym in fields else nearest(field, fields)


def _missing_fields(document: Document, error: SchemaError, path: Path, name: str) -> Iterator[Problem]:
    for field in error.validator_value:
        if field not in error.instance:
            example = _help(EXAMPLES, (*path, field), name) or "…"
            if field == "name" and not path:
                example = PurePosixPath(document.file).stem
            yield Problem(
                source=document.place(path),
                code="missing-field",
                message=f"{dotted((*path, field))} is missing: wanted is {_expectation((*path, field), name)}",
                remedy=f"add a line `{field}: {example}`",
                path=dotted((*path, field)),
            )


def _reserved_key(document: Document, path: Path) -> Problem:
    key = str(path[-1])
    field = next((field for field in _OWN_FIELDS if field.casefold() == key.casefold()), "")
    if not key or len(key) > 128:
        message, remedy = "a metadata key has 1 to 128 characters", "give it a short name"
    elif field:
        message = f"{dotted(path)} is written from the declaration's own field {field}"
        remedy = f"write `{field}:` beside metadata instead of in it"
    else:
        message = f"{dotted(path)} is a mark by which tools know their own exemptions; they write it themselves"
        remedy = f"delete it, or give your note another key, such as x-{key}"
    return Problem(
        source=document.key_place(path), code="metadata-key", message=message, remedy=remedy, path=dotted(path)
    )


def _subject(document: Document) -> Problem:
    fields = [str(field) for field in SUBJECTS if field in document.data]
    if not fields:
        return Problem(
            source=document.place(()),
            code="subject",
            message=f"nothing says what is exempted: one of {listed(SUBJECTS, 'or')} is needed",
            remedy="add a line `recommendation: ` with the key or the exact title that Defender for Cloud shows",
        )
    return Problem(
        source=document.key_place((fields[1],)),
        code="subject",
        message=f"{listed(fields)} each say what is exempted; there can be one",
        remedy="keep one of them; what else is to be exempted is a declaration of its own",
    )


def _dependent(document: Document, error: SchemaError, path: Path) -> Problem:
    """A field that needs another one beside it."""
    steps = list(error.absolute_schema_path)
    field = steps[steps.index("dependentSchemas") + 1]
    message, remedy = FIELD_RULES[field]
    below = (*path, field)
    return Problem(source=document.key_place(below), code="schema", message=message, remedy=remedy, path=dotted(below))


# --- values ------------------------------------------------------------------------------------------------------


def _message(document: Document, error: SchemaError, path: Path) -> tuple[str, str]:
    """What is wrong with a value, and what to do."""
    value, limit, field = error.instance, error.validator_value, _field(path)
    match error.validator:
        case "type":
            return _type_message(value, document.raw.get(path, ""), limit, path, error.schema.get("pattern", ""))
        case "enum" | "const":
            allowed = limit if isinstance(limit, list) else [limit]
            if field == "assignmentScopeValidation" and "policyAssignment" not in document.data:
                allowed = ["Default"]
            return _enum_message(value, document.raw.get(path, ""), [str(item) for item in allowed])
        case "minLength" | "minItems":
            return "it is empty", _fill(path)
        case "maxLength":
            return f"it has {len(value):,} characters; {limit:,} are possible", f"shorten it by {len(value) - limit:,}"
        case "maxItems" | "maxProperties":
            return f"it has {len(value):,} entries; {limit:,} are possible", "split it over several files"
        case "minimum" | "maximum":
            bound = "at least" if error.validator == "minimum" else "at most"
            return f"{value} is out of range", f"write a whole number of {bound} {limit:,}"
        case "pattern" | "format" | "anyOf" | "not" if isinstance(value, str):
            return format_error(value, field)
        case _:
            return _group_message(error, path)


def _type_message(value: JSON, raw: str, expected: str, path: Path, pattern: str) -> tuple[str, str]:
    field = _field(path)
    if value is None:
        return "it has no value", _fill(path)
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
            f"write it below the field, as `  - {_cut(item, _MAX_PROPOSED)}`"
            if item
            else f"write {_expectation(path)}",
        )
    if expected == "boolean":
        return _boolean_message(value, raw)
    if expected == "integer" and isinstance(value, str):
        digits = value if value.isascii() and value.isdigit() else ""
        return f"{_cut(repr(value))} is text, and a number is wanted", f"write {digits or 'digits'}, without quotes"
    return f"{_kind(value)} stands where {_NOUNS.get(expected, expected)} is wanted", f"write {_expectation(path)}"


def _boolean_message(value: JSON, raw: str) -> tuple[str, str]:
    plain = _BOOLEANS.get(str(raw or value).casefold(), "true or false")
    if plain == value:
        return f'"{value}" in quotes is text, and true or false is wanted', f"write {plain} without quotes"
    return f"{_cut(raw or repr(value))} is not true or false", f"write {plain}"


def _enum_message(value: JSON, raw: str, allowed: list[str]) -> tuple[str, str]:
    choices = listed(allowed, "or")
    if not isinstance(value, str):
        return f"{_cut(raw) or _kind(value)} is not {choices}", f"write {choices}"
    meant = nearest(value, allowed)
    if meant is not None and meant.casefold() == value.casefold():
        return f"{_cut(value)!r} is not {choices}: letter case counts here", f"write {meant}"
    return f"{_cut(value)!r} is not {choices}", did_you_mean([meant] if meant else [], f"write {choices}")


def _group_message(error: SchemaError, path: Path) -> tuple[str, str]:
    """Rules over several fields, named by where they stand in the schema."""
    steps = [step for step in error.absolute_schema_path if isinstance(step, str)]
    for step in reversed(steps):
        if step in FIELD_RULES:
            return FIELD_RULES[step]
    return f"{_kind(error.instance)} does not fit here", f"write {_expectation(path)}"


# --- words -------------------------------------------------------------------------------------------------------

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


def listed(words: Sequence[str], last: str = "and") -> str:
    """`a, b and c`."""
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else words[0]


def _field(path: Path) -> str:
    """The field that a path is about, without positions in lists."""
    return next((step for step in reversed(path) if isinstance(step, str)), "")


def _help(texts: Mapping[str, str], path: Path, name: str = "") -> str | None:
    """What is said of a field: of the one in this group of fields or schema, else of all that are called so."""
    field = _field(path)
    return texts.get(f"{path[0] if len(path) > 1 else name}.{field}") or texts.get(field)


def _expectation(path: Path, name: str = "") -> str:
    return _help(EXPECTATIONS, path, name) or "a value; its description in schemas/ says which"


def _fill(path: Path) -> str:
    return f"write {_expectation(path)}" + ("" if _field(path) in ALWAYS_THERE else ", or delete the line")


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
