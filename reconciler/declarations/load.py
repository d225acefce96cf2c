"""From a repository's files to settings and declarations, with everything that is wrong in each file by itself."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar

from reconciler.codes import FileCode
from reconciler.declarations import build
from reconciler.declarations.misplaced import misnamed_settings, misplaced_files
from reconciler.declarations.settings import settings as build_settings
from reconciler.declarations.walk import MAX_TOTAL_BYTES, SourceFile, read, walk
from reconciler.documents.characters import describe, not_one_line
from reconciler.documents.document import Document, dotted
from reconciler.documents.reading import read_document
from reconciler.documents.schema import errors, schema
from reconciler.documents.strict import EMPTY
from reconciler.model import JSON, Declaration, Settings, Source
from reconciler.problems import Problem

FOLDER: Final = "exemptions"
SETTINGS_FILE: Final = "reconciler.yaml"
_READ_AT_ROOT: Final = frozenset({SETTINGS_FILE, "catalog.yaml"})
_WHERE_EMPTY: Final = {
    "exemption": "write a declaration, or delete the file; to keep one without effect, write `enabled: false` in it",
    "reconciler": "write owner, tenantId and scopes (`exempt init` does)",
}
_MAX_PROBLEMS_A_FILE: Final = 50
_SEVERAL_LINES: Final = frozenset({"justification", "metadata"})

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a repository declares. With problems, `settings` may be missing and the declarations be fewer than the `files` that
    were read as such.
    """

    settings: Settings | None
    declarations: tuple[Declaration, ...]
    problems: tuple[Problem, ...]
    settings_places: Mapping[str, Source] = field(default_factory=dict, compare=False)
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFile:
    """What reconciler.yaml says, and where each of its fields stands; without settings, `problems` say why."""

    settings: Settings | None = None
    places: Mapping[str, Source] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def read_settings(root: Path) -> SettingsFile:
    """Reads `reconciler.yaml` below the root. Mistakes are problems; nothing is raised."""
    path = root / SETTINGS_FILE
    if not path.is_symlink() and not path.exists():
        near = misnamed_settings(root, SETTINGS_FILE)
        start = "write one with owner, tenantId and scopes (`exempt init` does), or run the command in the repository's root"
        absent = Problem(
            source=Source(SETTINGS_FILE),
            code=FileCode.NO_SETTINGS,
            message=f"there is no {SETTINGS_FILE} at the root of the repository",
            remedy=f"rename {near} to {SETTINGS_FILE}" if near else start,
        )
        return SettingsFile(problems=(absent,))
    if isinstance(data := read(SourceFile(str(path), SETTINGS_FILE)), Problem):
        return SettingsFile(problems=(data,))
    problems: list[Problem] = []
    settings, places = _value(data, SETTINGS_FILE, "reconciler", _settings_with_places, problems) or (None, {})
    return SettingsFile(settings=settings, places=places, problems=tuple(problems))


def load(root: Path, file: SettingsFile | None = None) -> Loaded:
    """Reads `reconciler.yaml` (unless it was read: `file`) and `exemptions/` below the root. Mistakes are problems, sorted;
    nothing is raised.
    """
    file = file or read_settings(root)
    problems = [*file.problems]
    files, declarations = _declarations(walk(root, FOLDER), problems)
    problems += misplaced_files(root, FOLDER, _READ_AT_ROOT)
    return Loaded(
        settings=file.settings,
        declarations=declarations,
        problems=tuple(sorted(problems)),
        settings_places=file.places,
        files=files,
    )


def load_files(paths: Iterable[tuple[Path, str]]) -> Loaded:
    """Reads single declaration files, each with the name to show for it, wherever they lie."""
    problems: list[Problem] = []
    files, declarations = _declarations((SourceFile(str(path), name) for path, name in paths), problems)
    return Loaded(settings=None, declarations=declarations, problems=tuple(sorted(problems)), files=files)


def load_bytes(data: bytes, file: str) -> tuple[Declaration | None, tuple[Problem, ...]]:
    """One declaration from the contents of a file that need not exist: its value, or what is wrong."""
    problems: list[Problem] = []
    declaration = _value(data, file, "exemption", build.declaration, problems)
    if declaration is not None:
        _check_stem(declaration, problems)
    return declaration, tuple(sorted(problems))


def same_meaning(before: bytes, after: bytes) -> bool:
    """Whether two versions of a declaration's file say the same: comments and order of fields do not count."""
    if before == after:
        return True
    problems: list[Problem] = []
    first, second = (_value(data, "", "exemption", build.declaration, problems) for data in (before, after))
    if first is None or second is None:
        return False
    return first == replace(second, source=first.source)


_OF_A_RUN: Final = frozenset({"limits", "expiringDays", "evaluationHours", "armEndpoint", "apiVersion"})
"""Settings that say how a run is made or reported, and nothing of what is exempt."""


def same_rules(before: bytes, after: bytes) -> bool:
    """Whether two versions of reconciler.yaml, or of catalog.yaml, let the same be exempted: comments, order, and what is
    about runs and reports do not count.
    """
    if before == after:
        return True
    documents = [read_document(data, "")[0] for data in (before, after)]
    first, second = (
        {key: value for key, value in document.data.items() if key not in _OF_A_RUN}
        if document is not None and isinstance(document.data, dict)
        else None
        for document in documents
    )
    return first is not None and first == second


def declared_in(data: bytes) -> Declaration | None:
    """The declaration that one version of a file holds; None where it is no valid one."""
    return _value(data, "", "exemption", build.declaration, [])


def _settings_with_places(document: Document) -> tuple[Settings, Mapping[str, Source]]:
    return build_settings(document), {dotted(path): document.place(path) for path in document.values}


def _declarations(
    files: Iterable[SourceFile | Problem], problems: list[Problem]
) -> tuple[tuple[str, ...], tuple[Declaration, ...]]:
    """The files that were read, and the declarations in those that are right."""
    names: list[str] = []
    declarations: list[Declaration] = []
    total = 0
    for item in files:
        if isinstance(item, Problem):
            problems.append(item)
            continue
        data = read(item)
        if isinstance(data, Problem):
            problems.append(data)
            continue
        total += len(data)
        if total > MAX_TOTAL_BYTES:
            problems.append(
                Problem(
                    source=Source(item.name),
                    code=FileCode.TOO_LARGE,
                    message=f"the declarations have more than {MAX_TOTAL_BYTES:,} bytes together; from here on none is read",
                    remedy="split the repository",
                )
            )
            break
        names.append(item.name)
        declaration = _value(data, item.name, "exemption", build.declaration, problems)
        if declaration is not None:
            declarations.append(declaration)
            _check_stem(declaration, problems)
    return tuple(names), tuple(sorted(declarations, key=lambda declaration: declaration.source.file))


def _value(
    data: bytes, file: str, schema: str, make: Callable[[Document], Value], problems: list[Problem]
) -> Value | None:
    """One file's value, if nothing at all is wrong with the file."""
    document, problems_of_yaml = read_document(data, file)
    mistakes = tuple(
        replace(problem, remedy=_WHERE_EMPTY[schema]) if problem.code == EMPTY else problem
        for problem in problems_of_yaml
    )
    if document is not None:
        mistakes += _not_one_line(document)
        for judged in _of_the_schema(document, schema):
            reported = {problem.source for problem in mistakes}
            mistakes += tuple(problem for problem in judged if problem.source not in reported)
    if document is not None and not mistakes:
        return make(document)  # as nearly always
    problems.extend(mistakes[:_MAX_PROBLEMS_A_FILE])
    omitted = len(mistakes) - _MAX_PROBLEMS_A_FILE
    if omitted > 0:  # a file of thousands of mistakes must not bury the others
        problems.append(
            Problem(
                source=problems[-1].source,
                code=FileCode.MORE,
                message=f"{omitted:,} more mistakes in this file",
                remedy="mend the first ones and run again",
            )
        )
    return None


def _of_the_schema(document: Document, schema: str) -> Iterator[tuple[Problem, ...]]:
    """What breaks the schema, then metadata that only looks as if it did not."""
    broken = errors(schema, document.data)
    if not broken and "metadata" not in document.data:
        return  # as nearly always
    from reconciler.declarations.schema_errors import (  # noqa: PLC0415 - its words cost a start more than reading a file
        disguised_keys,
        schema_problems,
    )

    yield schema_problems(document, schema, broken)
    yield disguised_keys(document)


def _not_one_line(document: Document) -> tuple[Problem, ...]:
    """Invisible characters and line ends in texts that name something, and in the names of fields."""
    if document.is_one_line:
        return ()  # as nearly always
    if not document.sound:
        return ()  # after a duplicate key, places are known that the data does not have
    if all(map(str.isprintable, document.data)) and all(
        _is_printable(value) for field, value in document.data.items() if field != "justification"
    ):
        return ()  # a justification of several lines is none of these
    values = (
        (document.place, path, document.at(path)) for path in document.values if path and path[0] not in _SEVERAL_LINES
    )
    keys = ((document.key_place, path, path[-1]) for path in document.keys)
    return tuple(
        Problem(
            source=place(path),
            code=FileCode.HIDDEN_CHARACTER,
            message=f"{describe(character)} stands in a text of one line",
            remedy="write it in one line, with plain spaces only",
            path=dotted(path),
        )
        for place, path, text in itertools.chain(values, keys)
        if isinstance(text, str) and (character := not_one_line(text)) is not None
    )


def _is_printable(value: JSON) -> bool:
    """Whether every text in a value is, the keys of mappings among them."""
    match value:
        case str():
            return value.isprintable()
        case list():
            return all(map(_is_printable, value))
        case dict():
            return all(map(str.isprintable, value)) and all(map(_is_printable, value.values()))
        case _:
            return True


def _check_stem(declaration: Declaration, problems: list[Problem]) -> None:
    if declaration.source.file.endswith(f"/{declaration.name}.yaml"):
        return  # as nearly always
    stem = build.stem(declaration.source.file)
    if declaration.name != stem:
        rename, form = f"rename the file to {declaration.name}.yaml", schema("exemption")["properties"]["name"]
        is_name = len(stem) <= form["maxLength"] and re.search(form["pattern"], stem)
        problems.append(
            Problem(
                source=declaration.place("name"),
                code=FileCode.NAME_STEM,
                message=f"name {declaration.name!r} differs from the file's name {stem!r}",
                remedy=f"write name: {stem}, or {rename}" if is_name else rename,
                path="name",
            )
        )
