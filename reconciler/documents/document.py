"""A YAML document as it was read: its data, and where each part of it stands."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from reconciler.documents.characters import visible
from reconciler.model import JSON, Source

Path: TypeAlias = tuple[str | int, ...]
"""Where a value is inside a document: keys and positions from the top."""

Mark: TypeAlias = tuple[int, int]
"""Line and column, from 1."""


def dotted(path: Path) -> str:
    """A path as people write it: `scopes[0]`, `metadata.riskId`. What does not show in a key is escaped."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{visible(step)}" for step in path).removeprefix(".")


Inside: TypeAlias = "str | list[Place] | dict[str, tuple[Mark, Place]] | None"
"""What lies at a place: for a collection the places in it, with those of keys; for a value that is no text how it is written."""

Place: TypeAlias = tuple[int, int, Inside]
"""Line and column of a value, from 1, and what lies there. Tuples, since there are twenty in each of ten thousand files."""


@dataclass(kw_only=True)
class Document:
    """One YAML mapping as it was read, and where each part stands. Places are looked for, and paths made, only for who asks
    for one: a file without mistakes needs none but `start`, that of its first field.

    `sound` says that the data is what the text says; otherwise it is only good for finding further mistakes. `is_one_line`
    says that no text in it, keys among them, holds a line end or what nobody can see.
    """

    file: str
    data: dict[str, JSON]
    start: Mark
    find_top: Callable[[], Place]
    sound: bool
    is_one_line: bool = False

    @functools.cached_property
    def top(self) -> Place:
        """Where the mapping stands, with the places of all in it."""
        return self.find_top()

    @functools.cached_property
    def values(self) -> Mapping[Path, Mark]:
        """Where each value stands, in the order of the file."""
        return {path: place[:2] for path, _, place in _below((), self.top)}

    @functools.cached_property
    def keys(self) -> Mapping[Path, Mark]:
        """Where the key of each value in a mapping stands."""
        return {path: key for path, key, _ in _below((), self.top) if key is not None}

    @functools.cached_property
    def raw(self) -> Mapping[Path, str]:
        """How each value that is no text is written."""
        return {path: place[2] for path, _, place in _below((), self.top) if isinstance(place[2], str)}

    def place(self, path: Path) -> Source:
        """Where a value stands, or the nearest that contains it."""
        if not path:
            return Source(self.file, *self.start)
        line, column, inside = self.top
        for step in path:
            match inside:
                case list() as items if isinstance(step, int) and step < len(items):
                    line, column, inside = items[step]
                case dict() as members if step in members:
                    _, (line, column, inside) = members[step]
                case _:
                    break
        return Source(self.file, line, column)

    def at(self, path: Path) -> JSON:
        """The value at one of the places; only a `sound` document has one at each."""
        value: JSON = self.data
        for step in path:
            value = value[step]
        return value

    def key_place(self, path: Path) -> Source:
        """Where the key of a value stands."""
        mark = self.keys.get(path)
        return Source(self.file, *mark) if mark else self.place(path)


def _below(path: Path, place: Place, key: Mark | None = None) -> Iterator[tuple[Path, Mark | None, Place]]:
    """A place and all in it, in the order of the file, each with its path and where its key stands."""
    yield path, key, place
    match place[2]:
        case list() as items:
            for index, item in enumerate(items):
                yield from _below((*path, index), item)
        case dict() as members:
            for name, (mark, member) in members.items():
                yield from _below((*path, name), member, mark)
