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
    """One operator: the columns behind it, and the rows from the rows in front. `only` as in `Expression`."""

    columns: Columns
    apply: Callable[[Rows], Rows]
    only: frozenset[str] | None = None
