"""Reads a small YAML file as data only, with the place of everything, and refuses what a reviewer could misread.

YAML 1.2's core schema without timestamps: `no` and `2027-01-31` are text. Anchors, aliases, tags, merge keys, several
documents, duplicate keys and characters that do not show are mistakes; so is anything too large. Never an exception.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NoReturn, TypeAlias

import yaml

from reconciler.catalog.characters import is_hidden
from reconciler.model import JSON, Source
from reconciler.problems import Problem

MAX_BYTES: Final = 4 << 20
MAX_DEPTH: Final = 8

DataPath: TypeAlias = tuple[str | int, ...]

_NULL: Final = re.compile(r"|~|null|Null|NULL")
_BOOLEAN: Final = re.compile(r"true|True|TRUE|false|False|FALSE")
_NUMBER: Final = re.compile(r"[-+]?(?:0o[0-7]+|0x[0-9a-fA-F]+|[0-9]+)|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)"
                            r"(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")  # fmt: skip


@dataclass(slots=True)
class Document:
    """What a file says, where each part of it stands (by its path of keys and indexes), and what is wrong with it."""

    data: JSON = None
    places: dict[DataPath, Source] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def place(self, path: DataPath) -> Source:
        """Where a part stands, or the nearest thing around it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Source(""))


class _RefusedError(Exception):
    """Reading cannot go on: the rest would be guessed."""


def read_yaml(content: bytes, name: str) -> Document:
    """The document in a file's bytes; `name` is what messages call the file."""
    document = Document(places={(): Source(name)})
    try:
        text = _text(content, document)
        _Reader(document, name, iter(yaml.parse(text, Loader=yaml.CSafeLoader))).read()
    except _RefusedError:
        document.data = None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = Source(name, mark.line + 1, mark.column + 1) if mark else Source(name)
        what = getattr(error, "problem", None) or "it cannot be read"
        document.problems.append(Problem(place, "yaml", f"not YAML: {what}", "check indentation, quotes and colons"))
        document.data = None
    return document


def is_plain_text(value: str) -> bool:
    """Whether an unquoted scalar with these letters is text, rather than nothing, a boolean or a number."""
    return not (_NULL.fullmatch(value) or _BOOLEAN.fullmatch(value) or _NUMBER.fullmatch(value))


def _text(content: bytes, document: Document) -> str:
    place = document.places[()]
    if len(content) > MAX_BYTES:
        message = f"the file has {len(content):,} bytes; at most {MAX_BYTES:,} are read"
        document.problems.append(Problem(place, "yaml-size", message, "remove what does not belong there"))
        raise _RefusedError
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message, hint = "not UTF-8 text", "save the file in UTF-8"
        document.problems.append(Problem(Source(place.file, line), "yaml-encoding", message, hint))
        raise _RefusedError from error


class _Reader:
    """Builds data from the parser's events, which show anchors and tags that the data would no longer."""

    def __init__(self, document: Document, name: str, events: Iterator[yaml.Event]) -> None:
        self._document = document
        self._name = name
        self._events = events

    def read(self) -> None:
        """Fills the document."""
        documents = 0
        for event in self._events:
            documents += isinstance(event, yaml.DocumentStartEvent)
            match event:
                case yaml.StreamStartEvent() | yaml.StreamEndEvent() | yaml.DocumentEndEvent():
                    continue
                case yaml.DocumentStartEvent() if documents == 1:
                    self._document.data = self._value(next(self._events), ())
                case _:
                    self._refuse(event, "yaml-documents", "more than one document", "keep one document in the file")

    def _value(self, event: yaml.Event, path: DataPath) -> JSON:
        self._document.places[path] = self._source(event)
        self._check(event, path)
        match event:
            case yaml.ScalarEvent():
                return self._scalar(event)
            case yaml.SequenceStartEvent():
                return [self._value(item, (*path, index)) for index, item in enumerate(self._items())]
            case _:
                return self._mapping(path)

    def _items(self) -> Iterator[yaml.Event]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield event

    def _mapping(self, path: DataPath) -> dict[str, JSON]:
        data: dict[str, JSON] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            self._check(event, path)
            key = self._shown(event) if isinstance(event, yaml.ScalarEvent) else None
            if key is None:
                self._refuse(event, "yaml-key", "a key that is not text", "write a word before the colon")
            if key in data:
                self._refuse(event, "yaml-duplicate", f"{key!r} stands twice in one mapping", "keep one of the two")
            data[key] = self._value(next(self._events), (*path, key))
            self._document.places[(*path, key)] = self._source(event)
        return data

    def _check(self, event: yaml.Event, path: DataPath) -> None:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self._refuse(event, "yaml-anchor", "anchors and aliases are not allowed", "write the value out")
        tag = getattr(event, "tag", None)
        if tag:
            self._refuse(event, "yaml-tag", f"the tag {tag!r} is not allowed", "leave it out, or use quotes")
        if len(path) > MAX_DEPTH:
            self._refuse(event, "yaml-depth", f"nested more than {MAX_DEPTH} deep", "nothing in this file goes so deep")

    def _scalar(self, event: yaml.ScalarEvent) -> JSON:
        text = self._shown(event)
        if event.style or is_plain_text(text):
            return text
        if _NULL.fullmatch(text):
            return None
        return text.lower() == "true" if _BOOLEAN.fullmatch(text) else _number(text)

    def _shown(self, event: yaml.ScalarEvent) -> str:
        text: str = event.value
        if text.isprintable():
            return text
        hidden = next((one for one in text if is_hidden(one) and one != "\n"), None)
        if hidden:
            message = f"the character U+{ord(hidden):04X} does not show"
            self._refuse(event, "yaml-characters", message, "remove it")
        return text

    def _source(self, event: yaml.Event) -> Source:
        mark = event.start_mark
        return Source(self._name, mark.line + 1, mark.column + 1) if mark else Source(self._name)

    def _refuse(self, event: yaml.Event, code: str, message: str, hint: str) -> NoReturn:
        self._document.problems.append(Problem(self._source(event), code, message, hint))
        raise _RefusedError


def _number(text: str) -> float:
    """A number as YAML 1.2 reads it. Nothing in our files is one; its kind is all that messages need."""
    try:
        return int(text, 0)
    except ValueError:
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
