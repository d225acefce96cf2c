"""A YAML document as it was read: its data, and where each part of it stands."""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass(slots=True, kw_only=True)
class Document:
    """One YAML mapping as it was read: `values` and `keys` say where each value and each key of a mapping stands, `raw`
    how a value that is no text was written.

    `sound` says that the data is what the text says; otherwise it is only good for finding further mistakes.
    """

    file: str
    data: dict[str, JSON]
    values: Mapping[Path, Mark]
    keys: Mapping[Path, Mark]
    raw: Mapping[Path, str]
    sound: bool

    def place(self, path: Path) -> Source:
        """Where a value stands, or the nearest that contains it."""
        while path and path not in self.values:
            path = path[:-1]
        line, column = self.values.get(path, (1, 1))
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
