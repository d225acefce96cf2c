"""Reads catalog.yaml, the repository's overlay, collecting every mistake with its place."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any, Final

from reconciler.catalog import store
from reconciler.catalog.facts import Environment, Policy, initiative_id, policy_id
from reconciler.catalog.overlay import InitiativeEntry, Overlay, RecommendationEntry
from reconciler.codes import FileCode
from reconciler.documents.builder import Limits
from reconciler.documents.characters import describe, invisible
from reconciler.documents.document import Document, dotted
from reconciler.documents.document import Path as DataPath
from reconciler.documents.reading import read_document
from reconciler.documents.schema import errors
from reconciler.model import Member, Source
from reconciler.problems import Problem

MAX_BYTES: Final = 4 << 20
_LIMITS: Final = Limits(depth=8, values=200_000)
_NO_LINK_NO_WAIT: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_IDENTITIES: Final = (("recommendations", "key"), ("policies", "id"), ("initiatives", "id"))


def read_overlay(path: Path) -> tuple[Overlay, tuple[Problem, ...]]:
    """The overlay in a file, or an empty one with everything that is wrong with the file. Never raises."""
    try:
        document, problems = _document(path)
    except OSError as error:
        why = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror or error
        return Overlay(), (
            Problem(
                source=Source(path.name),
                code=FileCode.UNREADABLE,
                message=f"cannot be read: {why}",
                remedy="make it a readable, regular file",
            ),
        )
    if document and not problems:
        problems = _schema_problems(document) or _entry_problems(document)
    return (_overlay(document) if document and not problems else Overlay()), problems


def _document(path: Path) -> tuple[Document | None, tuple[Problem, ...]]:
    # A link could lead anywhere, a device never end.
    with os.fdopen(os.open(path, os.O_RDONLY | _NO_LINK_NO_WAIT), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        message = f"the file has more than {MAX_BYTES:,} bytes; it is not read"
        return None, (
            Problem(
                source=Source(path.name),
                code=FileCode.TOO_LARGE,
                message=message,
                remedy="remove what does not belong there",
            ),
        )
    document, problems = read_document(content, path.name, _LIMITS, may_be_empty=True)
    if document is None or problems:
        return document, problems
    # Titles and ids are compared and shown: none holds what nobody can see.
    texts = ((place, text) for place in document.values for text in (document.at(place), *place[-1:]))
    return document, tuple(
        Problem(
            source=document.place(place),
            code=FileCode.HIDDEN_CHARACTER,
            message=f"{describe(character)} does not show",
            remedy="remove it",
            path=dotted(place),
        )
        for place, text in texts
        if isinstance(text, str) and (character := invisible(text))
    )


def _schema_problems(document: Document) -> tuple[Problem, ...]:
    schema_errors = sorted(
        errors("catalog", document.data), key=lambda error: [str(part) for part in error.absolute_path]
    )
    problems = []
    for error in schema_errors:
        path: DataPath = tuple(error.absolute_path)
        message, remedy = error.message[:300], "schemas/catalog.schema.json says what may stand here"
        match error.validator:
            case "type" if error.validator_value == "string" and isinstance(error.instance, bool | int | float):
                remedy = "put the value in quotes"
            case "pattern":
                message = f"{error.instance!r} is not of the form that is wanted here"
                remedy = str(error.schema.get("description") or remedy)
            case "additionalProperties":
                fields = error.schema["properties"]
                unknown = next(name for name in error.instance if name not in fields)
                path, message = (*path, unknown), f"there is no field {unknown!r} here"
                remedy = f"the fields are {', '.join(fields)}"
        problems.append(
            Problem(
                source=document.key_place(path), code=FileCode.SCHEMA, message=message, remedy=remedy, path=dotted(path)
            )
        )
    return tuple(problems)


def _entry_problems(document: Document) -> tuple[Problem, ...]:
    """Keys and ids that stand twice, of which the second would silently win; new recommendations without a title."""
    problems = []
    for section, name in _IDENTITIES:
        first_places: dict[str, DataPath] = {}
        for index, row in enumerate(document.data.get(section, ())):
            path: DataPath = (section, index, name)
            key = _identity(section, row[name])
            if key in first_places:
                message = f"{row[name]!r} stands already in line {document.place(first_places[key]).line}"
                problems.append(
                    Problem(
                        source=document.place(path),
                        code=FileCode.DUPLICATE,
                        message=message,
                        remedy="keep one",
                        path=dotted(path),
                    )
                )
            first_places.setdefault(key, path)
    bundled = {row["key"] for row in store.shard("recommendations")}
    for index, row in enumerate(document.data.get("recommendations", ())):
        if "title" not in row and row["key"].lower() not in bundled:
            problems.append(
                Problem(
                    source=document.place(("recommendations", index)),
                    code=FileCode.SCHEMA,
                    message=f"{row['key']!r} is not among the bundled recommendations, so it needs a title",
                    remedy="add title: …",
                    path=dotted(("recommendations", index)),
                )
            )
    return tuple(problems)


def _identity(section: str, text: str) -> str:
    match section:
        case "policies":
            return policy_id(text).key
        case "initiatives":
            return initiative_id(text).key
        case _:
            return text.lower()


def _overlay(document: Document) -> Overlay:
    data = document.data
    recommendations = (_recommendation(row) for row in data.get("recommendations", ()))
    policies = (_policy(row) for row in data.get("policies", ()))
    initiatives = (_initiative(row) for row in data.get("initiatives", ()))
    return Overlay(
        recommendations=tuple(sorted(recommendations, key=lambda entry: entry.key)),
        policies=tuple(sorted(policies, key=lambda policy: policy.id)),
        initiatives=tuple(sorted(initiatives, key=lambda entry: entry.id)),
        places={
            (section, _identity(section, row[name]), field): document.place((section, index, field))
            for section, name in _IDENTITIES
            for index, row in enumerate(data.get(section, ()))
            for field in ("", *row)
        },
    )


def _recommendation(row: dict[str, Any]) -> RecommendationEntry:
    types = row.get("resourceTypes")
    return RecommendationEntry(
        key=row["key"].lower(),
        title=row.get("title"),
        severity=row.get("severity"),
        environment=Environment(row["environment"]) if "environment" in row else None,
        policies=tuple(policy_id(text) for text in row["policies"]) if "policies" in row else None,
        resource_types=tuple(sorted(text.lower() for text in types)) if types is not None else None,
        preview=row.get("preview"),
        custom=row.get("custom"),
        category=row.get("recommendationCategory"),
    )


def _policy(row: dict[str, Any]) -> Policy:
    return Policy(
        id=policy_id(row["id"]),
        title=row["title"],
        version=row.get("version", ""),
        mode=row.get("mode", ""),
        default_effect=row.get("defaultEffect", ""),
        resource_types=tuple(sorted(text.lower() for text in row.get("resourceTypes", ()))),
        overlaid=True,
    )


def _initiative(row: dict[str, Any]) -> InitiativeEntry:
    return InitiativeEntry(
        id=initiative_id(row["id"]),
        title=row.get("title"),
        version=row.get("version"),
        members=_members(row["members"]) if "members" in row else None,
        added=_members(row.get("added", {})),
        removed=tuple(sorted(row.get("removed", ()), key=str.lower)),
    )


def _members(rows: dict[str, str]) -> tuple[Member, ...]:
    members = (Member(definition=policy_id(policy), reference_id=reference) for reference, policy in rows.items())
    return tuple(sorted(members, key=lambda member: member.reference_id.lower()))
