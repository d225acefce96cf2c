"""Kusto's types and values: how JSON, text, numbers, instants and spans turn into each other.

Null is None. Text is never null. Instants are datetimes in UTC, spans timedeltas, dynamic values JSON.
"""

from __future__ import annotations

import enum
import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from reconciler.emulator.state.clock import parse_instant


class Type(enum.Enum):
    """The type of a column or expression. Kusto's int counts as long here: no answer shows the difference."""

    STRING = "string"
    LONG = "integer"
    REAL = "number"
    BOOL = "boolean"
    DATETIME = "datetime"
    TIMESPAN = "timespan"
    DYNAMIC = "object"


NUMBERS: Final = frozenset({Type.LONG, Type.REAL})
Value = Any

_UNITS: Final = {
    "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "microsecond": 1e-6, "tick": 1e-7,
    "millisecond": 1e-3, "second": 1.0, "sec": 1.0, "minute": 60.0, "min": 60.0, "hour": 3600.0, "hr": 3600.0, "day": 86400.0,
}  # fmt: skip
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)([a-z]+)")
_CLOCK: Final = re.compile(
    r"(?P<sign>-)?(?:(?P<days>\d+)\.)?(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2}(?:\.\d{1,7})?))?"
)


def to_text(value: Value) -> str:
    """`tostring`: JSON for lists and objects, nothing for null."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case datetime():
            return instant_text(value)
        case timedelta():
            return span_text(value)
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case list() | dict():
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def to_long(value: Value) -> int | None:
    """`tolong`: null for what is no whole number."""
    number = to_real(value)
    if number is None or math.isnan(number) or math.isinf(number):
        return None
    if isinstance(value, str) and not re.fullmatch(r"\s*[-+]?\d+\s*", value):
        return None
    whole = int(value) if isinstance(value, (int, str)) else int(number)
    return whole if -(2**63) <= whole < 2**63 else None


def to_real(value: Value) -> float | None:
    """`todouble`: null for what is no number."""
    if isinstance(value, (bool, int, float)):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value) if re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", value) else None
        except OverflowError:
            return None
    return None


def to_bool(value: Value) -> bool | None:
    """`tobool`: true and false in any case, numbers other than nought."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return value != 0
    text = value.strip().lower() if isinstance(value, str) else ""
    return {"true": True, "1": True, "false": False, "0": False}.get(text)


def to_datetime(value: Value) -> datetime | None:
    """`todatetime`: null for what is no instant."""
    if isinstance(value, datetime):
        return value
    return parse_instant(value) if isinstance(value, str) else None


def to_timespan(value: Value) -> timedelta | None:
    """`totimespan`: `1d`, or days and clock time."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        return None
    match = _CLOCK.fullmatch(value.strip())
    if not match:
        return parse_span(value.strip())
    span = timedelta(
        days=int(match["days"] or 0), hours=int(match["h"]), minutes=int(match["m"]), seconds=float(match["s"] or 0)
    )
    return -span if match["sign"] else span


def to_dynamic(value: Value) -> Value:
    """`parse_json`: the value of a JSON text; a text that is none stays text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_constant=str) if value else None
    except (ValueError, RecursionError):
        return value


def parse_span(text: str) -> timedelta | None:
    """A literal such as `90d` or `1.5h`."""
    match = _SPAN.fullmatch(text)
    seconds = _UNITS.get(match[2]) or _UNITS.get(match[2].removesuffix("s")) if match else None
    try:
        return timedelta(seconds=float(match[1]) * seconds) if match and seconds else None
    except OverflowError:
        return None


def convert(value: Value, kind: Type) -> Value:
    """A dynamic value as another type, null where it is none."""
    match kind:
        case Type.STRING:
            return to_text(value)
        case Type.LONG:
            return to_long(value)
        case Type.REAL:
            return to_real(value)
        case Type.BOOL:
            return to_bool(value)
        case Type.DATETIME:
            return to_datetime(value)
        case Type.TIMESPAN:
            return to_timespan(value)
        case Type.DYNAMIC:
            return value


def shown(value: Value) -> Value:
    """A value as JSON: instants and spans as text, numbers that JSON does not have as null."""
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, timedelta):
        return span_text(value)
    if isinstance(value, float) and (math.isnan(value) or math.isinf(value)):
        return None
    if isinstance(value, list):
        return [shown(item) for item in value]
    return value


def instant_text(value: datetime) -> str:
    """`2026-11-28T08:00:00.0000000Z`."""
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{value.microsecond:06d}0Z"


def span_text(value: timedelta) -> str:
    """`1.02:03:04`, with seven digits if there are parts of a second."""
    sign, span = ("-", -value) if value < timedelta() else ("", value)
    minutes, seconds = divmod(span.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days = f"{span.days}." if span.days else ""
    parts = f".{span.microseconds:06d}0" if span.microseconds else ""
    return f"{sign}{days}{hours:02}:{minutes:02}:{seconds:02}{parts}"
