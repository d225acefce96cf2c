"""Which objects a list at a scope shows, and in which pages: `$filter`, `$top`, `$skiptoken`, `nextLink`.

Without a filter the list of a subscription, group or resource shows what applies there: everything above, at and below
it; the list of a management group shows what is at and above it.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import enum
import operator
import re
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

from reconciler.emulator import errors
from reconciler.emulator.state.hierarchy import Hierarchy
from reconciler.emulator.state.objects import Identified, Objects
from reconciler.emulator.wire.http import Request
from reconciler.emulator.wire.jsontext import encode
from reconciler.model import ArmId, ScopeKind

T = TypeVar("T", bound=Identified)


class Reach(enum.Enum):
    """From which scopes a list takes its objects."""

    EVERYTHING = enum.auto()
    AT_AND_ABOVE = enum.auto()
    EXACT = enum.auto()
    AT_AND_BELOW = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A parsed `$filter`. `equals` maps folded property names to the value asked for."""

    reach: Reach = Reach.EVERYTHING
    exclude_expired: bool = False
    equals: tuple[tuple[str, str], ...] = ()


_REACHES = {
    "atscope()": Reach.AT_AND_ABOVE,
    "atexactscope()": Reach.EXACT,
    "atscopeandbelow()": Reach.AT_AND_BELOW,
}
_EQUALS = re.compile(r"(?P<name>[a-z]+)\s+eq\s+'(?P<value>[^']*)'", re.IGNORECASE)


def parse_filter(text: str | None, comparable: frozenset[str]) -> Filter:
    """The meaning of a `$filter`. Conditions may be joined with `and`. `comparable` are the folded names for `eq`.

    Raises:
        ArmError: 400, no such filter.
    """
    reach, exclude_expired = Reach.EVERYTHING, False
    equals: list[tuple[str, str]] = []
    for part in filter(None, re.split(r"\s+and\s+", (text or "").strip(), flags=re.IGNORECASE)):
        folded, comparison = part.lower().replace(" ", ""), _EQUALS.fullmatch(part)
        if folded in _REACHES:
            reach = _REACHES[folded]
        elif folded == "excludeexpired()":
            exclude_expired = True
        elif comparison and comparison["name"].lower() in comparable:
            equals.append((comparison["name"].lower(), comparison["value"]))
        else:
            raise errors.invalid_filter(text or "")
    return Filter(reach=reach, exclude_expired=exclude_expired, equals=tuple(equals))


class Row(NamedTuple, Generic[T]):
    """An object in a list with its place there: the rank of its scope (outermost first), then its number."""

    place: tuple[int, int]
    item: T


class _Remembered(NamedTuple, Generic[T]):
    """The long list asked for last, and what it depends on: true as long as that is the same."""

    depends_on: tuple[int, tuple[str, ...], Reach]
    rows: Sequence[Row[T]]


_LONG: Final = 1000


def select(objects: Objects[T], hierarchy: Hierarchy, scope: ArmId, reach: Reach) -> Sequence[Row[T]]:
    """The objects that a list at `scope` shows: by scope, the outermost first, and there the oldest first.

    A long list is remembered, so that following its pages does not sort it anew for each.
    """
    steps = hierarchy.chain(scope) if reach in {Reach.EVERYTHING, Reach.AT_AND_ABOVE} else (scope.key,)
    depends_on = (objects.revision, steps, reach)
    last: _Remembered[T] | None = objects.remembered
    if last and last.depends_on == depends_on:
        return last.rows
    rows = [row for rank, step in enumerate(steps) for row in rows_at(objects, step, rank)]
    if reach is Reach.AT_AND_BELOW or (reach is Reach.EVERYTHING and scope.kind is not ScopeKind.MANAGEMENT_GROUP):
        if scope.kind is ScopeKind.MANAGEMENT_GROUP:
            inner = hierarchy.within(scope) - {scope.key}
            items = [item for step in inner for item in (*objects.at(step).values(), *objects.below(step))]
        else:
            items = list(objects.below(scope.key))
        rank, numbers = len(steps), objects.numbers
        below = [Row((rank, numbers[item.id.key]), item) for item in items]
        rows += sorted(below, key=operator.attrgetter("place"))
    if len(rows) > _LONG and scope.kind is not ScopeKind.MANAGEMENT_GROUP:
        objects.remembered = _Remembered(depends_on, rows)
    return rows


def rows_at(objects: Objects[T], scope: str, rank: int) -> list[Row[T]]:
    """The objects exactly at a folded scope, the oldest first."""
    numbers = objects.numbers
    rows = [Row((rank, numbers[key]), item) for key, item in objects.at(scope).items()]
    return sorted(rows, key=operator.attrgetter("place"))


def page(rows: Sequence[Row[T]], request: Request, size: int, render: Callable[[T], bytes]) -> bytes:
    """One page of a list as the body of an answer, with `nextLink` where more follows.

    The continuation names the place of the last object shown, so that objects which come and go between two pages
    neither hide nor repeat others.
    """
    start = 0
    if token := request.query.get("$skiptoken"):
        try:
            rank, _, number = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode().partition(" ")
            place = int(rank), int(number)
        except (ValueError, binascii.Error):
            raise errors.invalid_skip_token() from None
        start = bisect.bisect_right(rows, place, key=operator.attrgetter("place"))
    selected = rows[start : start + size]
    body = b'{"value":[' + b",".join([render(row.item) for row in selected]) + b"]"
    if start + size < len(rows):
        place = selected[-1].place
        following = base64.urlsafe_b64encode(f"{place[0]} {place[1]}".encode()).decode().rstrip("=")
        query = urllib.parse.urlencode({**request.query, "$skiptoken": following}, safe="$()'")
        link = f"https://{request.base}{request.target.partition('?')[0]}?{query}"
        body += b',"nextLink":' + encode(link)
    return body + b"}"


def page_size(request: Request, default: int) -> int:
    """`$top`, or the default of this list.

    Raises:
        ArmError: 400, it is no number from 1 to 1,000.
    """
    text = request.query.get("$top")
    if text is None:
        return default
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise errors.ArmError(
            400, "InvalidTopValue", f"The value '{text}' of the query parameter '$top' is not between 1 and 1000."
        )
    return int(text)
