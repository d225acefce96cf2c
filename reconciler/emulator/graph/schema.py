"""What an expression may refer to: the columns in front of it with their types, and the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.emulator.graph.tokens import Tokens
from reconciler.emulator.graph.values import Type

Row = Mapping[str, Any]
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column. `kinds` are the only values that a table's `type` can have, where that is what it holds."""

    type: Type
    kinds: frozenset[str] | None = None


Columns = dict[str, Column]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A compiled expression: its type, what it gives for a row, and what a column of it is called ("": `Column1`).

    `literal`: the value of a constant is known without a row. `column`: it is nothing but that column.
    `only`: a condition that no row of another `type` meets.
    """

    type: Type
    evaluate: Callable[[Row], Any]
    name: str = ""
    literal: bool = False
    column: str = ""
    kinds: frozenset[str] | None = None
    only: frozenset[str] | None = None
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What stands in front of an expression. `read` reads an expression within an expression."""

    columns: Columns
    now: datetime
    read: Callable[[Tokens, Scope], Expression]


def unused(name: str, taken: Mapping[str, object]) -> str:
    """The name, or with the first number that makes it new: `id1`."""
    if name not in taken:
        return name
    number = 1
    while f"{name}{number}" in taken:
        number += 1
    return f"{name}{number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operator: the columns behind it, and the rows from the rows in front. `only` as in `Expression`.

    `is_filter`: it drops rows and reads the columns that it names, so that it can be given rows that are not complete.
    """

    columns: Columns
    apply: Callable[[Rows], Rows]
    only: frozenset[str] | None = None
    is_filter: bool = False


class LazyRow(dict[str, Any]):
    """A row whose `properties` are computed when a query reads them: most rows of a large table are dropped before."""

    __slots__ = ("_compute",)

    def __init__(self, values: Row, compute: Callable[[], Any]) -> None:
        super().__init__(values)
        self._compute = compute

    def __missing__(self, name: str) -> Any:
        """The properties, kept from then on."""
        if name != "properties":
            raise KeyError(name)
        self[name] = self._compute()
        return self[name]


def complete(row: Row) -> dict[str, Any]:
    """A copy of a row with all its columns."""
    if isinstance(row, LazyRow):
        return {**row, "properties": row["properties"]}
    return dict(row)
