"""What the schema's verdict means to the person who wrote the file: what is wrong, which values are possible, and the
line as it should be.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from reconciler.codes import FileCode
from reconciler.declarations.field_help import (
    EXAMPLES,
    FIELD_RULES,
    SUBJECTS,
    SYNONYMS,
    UNPUBLISHED,
    expectation,
    help_for,
    listed,
)
from reconciler.declarations.value_errors import value_error
from reconciler.documents.characters import visible
from reconciler.documents.document import Document, Path, dotted
from reconciler.documents.schema import SchemaError
from reconciler.documents.suggest import did_you_mean, nearest
from reconciler.planning.marks import PEOPLE_KEYS, is_reserved
from reconciler.problems import Problem

_OWN_FIELDS: Final = ("requestedBy", "ticket", "owner")
_WHOLE: Final = {"exemption": "a declaration", "reconciler": "reconciler.yaml"}


def schema_problems(document: Document, name: str, errors: tuple[SchemaError, ...]) -> tuple[Problem, ...]:
    """Problems for everything in which a document breaks the schema `name`."""
    if not errors:
        return ()
    foreign = _other_kind_of_file(document) if name == "exemption" else None
    if foreign is not None:
        return (foreign,)
    misspelled = {
        meant
        for error in errors
        if error.validator == "additionalProperties"
        for field in error.instance
        if (meant := _meant_field(field, error)) and meant not in error.instance
    }
    # One mistake is told once: what is gone as soon as the misspelled fields are mended is left out.
    is_subject_misspelled = not misspelled.isdisjoint(SUBJECTS)
    problems = dict.fromkeys(problem for error in errors for problem in _problems(document, name, error))
    return tuple(
        problem
        for problem in problems
        if not (problem.code is FileCode.MISSING_FIELD and problem.path.rsplit(".", 1)[-1] in misspelled)
        and not (problem.code is FileCode.SUBJECT and not problem.path and is_subject_misspelled)
    )


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
        code=FileCode.FOREIGN_FILE,
        message=f"this is {kind}, not a declaration",
        remedy=f"{command} writes declarations of it; move this file out of exemptions/",
    )


def _problems(document: Document, name: str, error: SchemaError) -> Iterator[Problem]:
    path: Path = tuple(error.absolute_path)
    deeper = [inner for inner in error.context or () if len(inner.absolute_path) > len(path)]
    match error.validator:
        case _ if "dependentSchemas" in error.absolute_schema_path:  # a field that needs another one beside it
            steps = list(error.absolute_schema_path)
            field = steps[steps.index("dependentSchemas") + 1]
            message, remedy = FIELD_RULES[field]
            yield Problem(
                source=document.key_place((*path, field)),
                code=FileCode.SCHEMA,
                message=message,
                remedy=remedy,
                path=dotted((*path, field)),
            )
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
            message, remedy = value_error(document, error, path)
            yield Problem(
                source=document.place(path),
                code=FileCode.SCHEMA,
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
        if (unpublished := UNPUBLISHED.get(dotted(below))) is not None:
            remedy = f"Microsoft has not published how {unpublished} is written: make it in Defender for Cloud, and delete this"
        elif not meant:
            remedy = f"the fields are {listed(sorted(fields))}"
        elif meant in error.instance:
            remedy = f"delete it: {meant} is there already"
        else:
            remedy = did_you_mean([meant])
        yield Problem(
            source=document.key_place(below),
            code=FileCode.UNKNOWN_FIELD,
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
            example = help_for(EXAMPLES, (*path, field), name) or "…"
            if field == "name" and not path:
                example = PurePosixPath(document.file).stem
            yield Problem(
                source=document.place(path),
                code=FileCode.MISSING_FIELD,
                message=f"{dotted((*path, field))} is missing: wanted is {expectation((*path, field), name)}",
                remedy=f"add a line `{field}: {example}`",
                path=dotted((*path, field)),
            )


def disguised_keys(document: Document) -> tuple[Problem, ...]:
    """Metadata keys that are marks to whoever compares without regard to width or spaces, which the schema's pattern does
    not see; those that it sees are among them.
    """
    metadata = document.data.get("metadata")
    if not isinstance(metadata, dict):
        return ()
    return tuple(
        Problem(
            source=document.key_place(("metadata", key)),
            code=FileCode.METADATA_KEY,
            message=f"{visible(key)!r} looks like a mark by which tools know their own exemptions",
            remedy=f"delete it, or give your note another key, such as x-{visible(key).strip()}",
            path=dotted(("metadata", key)),
        )
        for key in metadata
        if is_reserved(key)
    )


def _reserved_key(document: Document, path: Path) -> Problem:
    key = str(path[-1])
    field = next((field for field in _OWN_FIELDS if field.casefold() == key.casefold()), "")
    if not key or len(key) > 128:
        message, remedy = "a metadata key has 1 to 128 characters", "give it a short name"
    elif field:
        message = f"{dotted(path)} is written from the declaration's own field {field}"
        remedy = f"write `{field}:` beside metadata instead of in it"
    elif key.casefold() in {original.casefold() for original in PEOPLE_KEYS.values()}:
        message = f"{dotted(path)} is where an adoption keeps what stood there before"
        remedy = f"delete it, or give your note another key, such as x-{key}"
    else:
        message = f"{dotted(path)} is a mark by which tools know their own exemptions; they write it themselves"
        remedy = f"delete it, or give your note another key, such as x-{key}"
    return Problem(
        source=document.key_place(path), code=FileCode.METADATA_KEY, message=message, remedy=remedy, path=dotted(path)
    )


def _subject(document: Document) -> Problem:
    fields = [str(field) for field in SUBJECTS if field in document.data]
    if not fields:
        return Problem(
            source=document.place(()),
            code=FileCode.SUBJECT,
            message=f"nothing says what is exempted: one of {listed(SUBJECTS, 'or')} is needed",
            remedy="add a line `recommendation: ` with the key or the exact title that Defender for Cloud shows",
        )
    return Problem(
        source=document.key_place((fields[1],)),
        code=FileCode.SUBJECT,
        message=f"{listed(fields)} each say what is exempted; there can be one",
        remedy="keep one of them; what else is to be exempted is a declaration of its own",
    )
