"""The operators that make columns: `project` with its kin, and `extend`."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.emulator.graph.expressions import expression
from reconciler.emulator.graph.schema import Column, Columns, Expression, Scope, Step, unused
from reconciler.emulator.graph.tokens import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An expression with the name that the query gives it, or "" where it gives none."""

    name: str
    value: Expression


def named(tokens: Tokens, scope: Scope) -> Named:
    """`name = expression`, or an expression alone."""
    is_quoted = tokens.ahead.text == "["
    equals = tokens.after(3 if is_quoted else 1)
    if (is_quoted or tokens.ahead.kind == "name") and equals.text == "=":
        name = tokens.name()
        tokens.expect("=")
        return Named(name=name, value=expression(tokens, scope))
    return Named(name="", value=expression(tokens, scope))


def named_list(tokens: Tokens, scope: Scope) -> list[Named]:
    """One or more of them, with commas between."""
    values = [named(tokens, scope)]
    while tokens.accept(","):
        values.append(named(tokens, scope))
    return values


def labelled(tokens: Tokens, values: Iterable[Named], taken: Mapping[str, object]) -> list[tuple[str, Expression]]:
    """Each with its column's name: the given one, which must be new, else its own or the next `Column1`."""
    labels: dict[str, Expression] = {}
    number = 0
    for item in values:
        if item.name:
            if item.name in labels:
                raise tokens.error()
            labels[item.name] = item.value
            continue
        if not item.value.name:
            number += 1
        if item.value.column and item.value.column in labels:
            raise tokens.error()
        labels[unused(item.value.name or f"Column{number}", {**taken, **labels})] = item.value
    return list(labels.items())


def column_of(value: Expression) -> Column:
    """The column that an expression makes."""
    return Column(type=value.type, kinds=value.kinds)


def project(tokens: Tokens, scope: Scope) -> Step:
    """The columns named, in that order."""
    pairs = labelled(tokens, named_list(tokens, scope), {})
    reads = [(name, value.evaluate) for name, value in pairs]
    return Step(
        columns={name: column_of(value) for name, value in pairs},
        apply=lambda rows: [{name: read(row) for name, read in reads} for row in rows],
    )


def extend(tokens: Tokens, scope: Scope) -> Step:
    """More columns, or others in their place."""
    columns, steps = dict(scope.columns), []
    while True:
        item = named(tokens, scope)
        name = item.name or item.value.column or unused(item.value.name or "Column1", columns)
        columns[name] = column_of(item.value)
        steps.append((name, item.value.evaluate))
        if not tokens.accept(","):
            break
    return Step(
        columns=columns, apply=lambda rows: [{**row, **{name: read(row) for name, read in steps}} for row in rows]
    )


def _names(tokens: Tokens, scope: Scope) -> list[str]:
    """Columns by name or by pattern (`prop*`).

    Raises:
        QueryError: there is no such column.
    """
    names: list[str] = []
    while True:
        token = tokens.ahead
        pattern = "*" if tokens.accept("*") else tokens.name()
        while tokens.ahead.text == "*" or (tokens.ahead.kind == "name" and pattern.endswith("*")):
            pattern += tokens.take().text
        matches = [name for name in scope.columns if fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))]
        if not matches and "*" not in pattern:
            raise tokens.error(token)
        names += [name for name in matches if name not in names]
        if not tokens.accept(","):
            return names


def _chosen(columns: Columns, names: Iterable[str]) -> Step:
    order = list(names)
    return Step(
        columns={name: columns[name] for name in order},
        apply=lambda rows: [{name: row[name] for name in order} for row in rows],
    )


def project_away(tokens: Tokens, scope: Scope) -> Step:
    """All columns but those named."""
    removed = set(_names(tokens, scope))
    return _chosen(scope.columns, [name for name in scope.columns if name not in removed])


def project_keep(tokens: Tokens, scope: Scope) -> Step:
    """The columns named, in their old order."""
    chosen = set(_names(tokens, scope))
    return _chosen(scope.columns, [name for name in scope.columns if name in chosen])


def project_reorder(tokens: Tokens, scope: Scope) -> Step:
    """The columns named in front of the others."""
    first = _names(tokens, scope)
    return _chosen(scope.columns, [*first, *(name for name in scope.columns if name not in first)])


def project_rename(tokens: Tokens, scope: Scope) -> Step:
    """Other names for columns."""
    renamed: dict[str, str] = {}
    while True:
        token = tokens.ahead
        item = named(tokens, scope)
        if not item.name or not item.value.column or item.name in scope.columns or item.name in renamed.values():
            raise tokens.error(token)
        renamed[item.value.column] = item.name
        if not tokens.accept(","):
            break
    return Step(
        columns={renamed.get(name, name): column for name, column in scope.columns.items()},
        apply=lambda rows: [{renamed.get(name, name): value for name, value in row.items()} for row in rows],
    )
