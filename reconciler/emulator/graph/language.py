"""A whole query: a table, its operators, and the queries within it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from reconciler.emulator.graph.expressions import scope_of
from reconciler.emulator.graph.joins import read_join
from reconciler.emulator.graph.pipeline import as_json, read_step
from reconciler.emulator.graph.schema import Columns, Rows, Step, complete
from reconciler.emulator.graph.tokens import Tokens

DEFAULT_TABLE: Final = "resources"

Fetch = Callable[[str, frozenset[str] | None], Iterable[dict[str, Any]]]
"""The rows of a table by its folded name; where types are named, those of these types suffice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query that can be asked. `columns` are those of the answer."""

    columns: Columns
    run: Callable[[], Rows]


def parse_query(text: str, tables: Mapping[str, Columns], fetch: Fetch, now: datetime) -> Query:
    """Read a query; one that begins with an operator asks the table of resources.

    `tables` are the columns of each table by its folded name, `fetch` gives rows when the query is run, `now` is the
    time that `now()` means.

    Raises:
        QueryError: it is none, or uses what is not supported.
    """
    tokens = Tokens(text)
    columns, run = _Reader(tables, fetch, now).read(tokens)
    tokens.accept(";")
    if tokens.ahead.kind != "end":
        raise tokens.error()
    return Query(columns=columns, run=lambda: as_json(run(), columns))


class _Reader:
    """What reading a query and those within it needs: the tables, and where their rows come from."""

    def __init__(self, tables: Mapping[str, Columns], fetch: Fetch, now: datetime) -> None:
        self._tables = tables
        self._fetch = fetch
        self._now = now

    def read(self, tokens: Tokens) -> tuple[Columns, Callable[[], Rows]]:
        """A table and its operators, up to what is none."""
        table, steps = self._source(tokens)
        columns = steps[-1].columns if steps else self._tables[table]
        while tokens.accept("|"):
            step = read_step(tokens, columns, self._now)
            step = step or read_join(tokens, scope_of(columns, self._now), self._subquery)
            if step is None:
                raise tokens.error()
            steps.append(step)
            columns = step.columns
        only = None
        for step in steps:
            if step.only is None:
                break
            only = step.only if only is None else only & step.only

        def run() -> Rows:
            filters = list(itertools.takewhile(lambda step: step.is_filter, steps))
            rows = list(self._fetch(table, only))
            for step in filters:
                rows = step.apply(rows)
            rows = [complete(row) for row in rows]
            for step in steps[len(filters) :]:
                rows = step.apply(rows)
            return rows

        return columns, run

    def _source(self, tokens: Tokens) -> tuple[str, list[Step]]:
        name = tokens.ahead.text.lower()
        if tokens.ahead.kind == "name" and name in self._tables and tokens.after(1).text != "=":
            tokens.take()
            return name, []
        first = read_step(tokens, self._tables[DEFAULT_TABLE], self._now)
        if first is None:
            raise tokens.error()
        return DEFAULT_TABLE, [first]

    def _subquery(self, tokens: Tokens) -> tuple[Columns, Callable[[], Rows]]:
        """A query in parentheses, or a table's name alone."""
        if tokens.ahead.kind == "name" and tokens.ahead.text.lower() in self._tables:
            name = tokens.take().text.lower()
            return self._tables[name], lambda: [complete(row) for row in self._fetch(name, None)]
        tokens.expect("(")
        tokens.deeper(1)
        columns, run = self.read(tokens)
        tokens.deeper(-1)
        tokens.expect(")")
        return columns, run
