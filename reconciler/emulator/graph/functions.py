"""Kusto's scalar functions, as far as queries about policies, assessments and inventories use them."""

from __future__ import annotations

import calendar
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from reconciler.emulator.graph import operators
from reconciler.emulator.graph.patterns import trimmed
from reconciler.emulator.graph.values import (
    Type,
    Value,
    to_bool,
    to_datetime,
    to_dynamic,
    to_long,
    to_real,
    to_text,
    to_timespan,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function. `result` None means the common type of the arguments from `common_from` on.

    `names_after_argument`: a column without a name of its own is called as the first argument is, behind `prefix`.
    """

    apply: Callable[..., Value]
    result: Type | None
    least: int
    most: int | None
    names_after_argument: bool = False
    prefix: str = ""
    common_from: int = 0


FUNCTIONS: Final[dict[str, Function]] = {}
"""Those whose arguments the parser must see itself (`extract`, `now`, `ago`) are in `expressions`."""

Apply = TypeVar("Apply", bound=Callable[..., Value])


def _function(apply: Callable[..., Value], result: Type | None, least: int, most: int | None = -1) -> Function:
    return Function(apply=apply, result=result, least=least, most=least if most == -1 else most)


def _conversion(apply: Callable[[Value], Value], result: Type) -> Function:
    return Function(apply=apply, result=result, least=1, most=1, names_after_argument=True)


def _named(name: str, result: Type | None, least: int, most: int | None = -1) -> Callable[[Apply], Apply]:
    """Registers the function below under its name in Kusto."""

    def register(apply: Apply) -> Apply:
        FUNCTIONS[name] = _function(apply, result, least, most)
        return apply

    return register


# --- text --------------------------------------------------------------------------------------------------------


def _split(text: Value, separator: Value, index: Value = None) -> Value:
    parts = to_text(text).split(to_text(separator)) if to_text(separator) else list(to_text(text))
    if index is None:
        return parts
    return [parts[index]] if -len(parts) <= index < len(parts) else [None]


@_named("substring", Type.STRING, 2, 3)
def _substring(text: Value, start: Value, length: Value = None) -> str:
    value, begin = to_text(text), max(0, int(start or 0))
    return value[begin:] if length is None else value[begin : begin + max(0, int(length))]


@_named("indexof", Type.LONG, 2)
def _index_of(text: Value, part: Value) -> int:
    return to_text(text).find(to_text(part))


@_named("strcat_array", Type.STRING, 2)
def _join_array(values: Value, separator: Value) -> str:
    return to_text(separator).join(map(to_text, values)) if isinstance(values, list) else ""


# --- dynamic values ----------------------------------------------------------------------------------------------


@_named("array_length", Type.LONG, 1)
def _array_length(value: Value) -> int | None:
    return len(value) if isinstance(value, list) else None


@_named("bag_keys", Type.DYNAMIC, 1)
def _bag_keys(value: Value) -> Value:
    return list(value) if isinstance(value, Mapping) else None


@_named("bag_pack", Type.DYNAMIC, 2, None)
@_named("pack", Type.DYNAMIC, 2, None)
def _pack(*parts: Value) -> Value:
    return {to_text(name): value for name, value in zip(parts[::2], parts[1::2], strict=False)}


@_named("set_has_element", Type.BOOL, 2)
def _has_element(values: Value, element: Value) -> bool | None:
    return any(operators.equal(value, element) for value in values) if isinstance(values, list) else None


@_named("array_index_of", Type.LONG, 2)
def _array_index(values: Value, element: Value) -> int | None:
    if not isinstance(values, list):
        return None
    return next((number for number, value in enumerate(values) if operators.equal(value, element)), -1)


@_named("array_concat", Type.DYNAMIC, 1, None)
def _array_concat(*arrays: Value) -> Value:
    return [item for array in arrays if isinstance(array, list) for item in array]


# --- instants ----------------------------------------------------------------------------------------------------

_SECONDS: Final = {"day": 86400, "hour": 3600, "minute": 60, "second": 1, "week": 7 * 86400}


@_named("datetime_diff", Type.LONG, 3)
def _difference(part: Value, first: Value, second: Value) -> int | None:
    """`datetime_diff`: how many boundaries of the period lie between the two."""
    if not isinstance(first, datetime) or not isinstance(second, datetime):
        return None
    name = to_text(part).lower()
    if name == "year":
        return first.year - second.year
    if name in {"month", "quarter"}:
        size = 3 if name == "quarter" else 1
        return (first.year * 12 + first.month - 1) // size - (second.year * 12 + second.month - 1) // size
    if name not in _SECONDS:
        return None
    origin = datetime(1, 1, 1 if name != "week" else 7, tzinfo=UTC)
    period = timedelta(seconds=_SECONDS[name])
    return (first - origin) // period - (second - origin) // period


@_named("datetime_add", Type.DATETIME, 3)
def _add(part: Value, amount: Value, instant: Value) -> datetime | None:
    """`datetime_add`."""
    if not isinstance(instant, datetime) or amount is None:
        return None
    name, count = to_text(part).lower(), int(amount)
    try:
        if name in _SECONDS:
            return instant + timedelta(seconds=_SECONDS[name] * count)
        if name in {"month", "quarter", "year"}:
            months = instant.year * 12 + instant.month - 1 + count * {"month": 1, "quarter": 3, "year": 12}[name]
            year, month = divmod(months, 12)
            last = calendar.monthrange(year, month + 1)[1]
            return instant.replace(year=year, month=month + 1, day=min(instant.day, last))
    except (OverflowError, ValueError):
        pass
    return None


def _start_of(days: int) -> Callable[..., Value]:
    """`startofday`, or the Sunday that `startofweek` means."""

    def start(instant: Value, offset: Value = 0) -> datetime | None:
        if not isinstance(instant, datetime):
            return None
        day = instant.replace(hour=0, minute=0, second=0, microsecond=0)
        back = (day.weekday() + 1) % 7 if days == 7 else 0
        return day - timedelta(days=back) + timedelta(days=days * int(offset or 0))

    return start


@_named("startofmonth", Type.DATETIME, 1, 2)
def _start_of_month(instant: Value, offset: Value = 0) -> datetime | None:
    if not isinstance(instant, datetime):
        return None
    return _add("month", offset, instant.replace(day=1, hour=0, minute=0, second=0, microsecond=0))


@_named("format_datetime", Type.STRING, 2)
def _formatted(instant: Value, form: Value) -> str:
    """`format_datetime` for the parts of an ISO date and time."""
    if not isinstance(instant, datetime):
        return ""
    text = to_text(form)
    for part, code in (("yyyy", "%Y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"), ("mm", "%M"), ("ss", "%S")):
        text = text.replace(part, instant.strftime(code))
    return text


# --- numbers -----------------------------------------------------------------------------------------------------


def bin_(value: Value, size: Value) -> Value:
    """`bin`: the greatest multiple of the size that is not greater."""
    if value is None or not size:
        return None
    try:
        if isinstance(value, datetime):
            origin = datetime(1, 1, 1, tzinfo=UTC)
            return origin + (value - origin) // size * size
        if isinstance(value, timedelta):
            return value // size * size
        return math.floor(value / size) * size
    except (OverflowError, TypeError, ZeroDivisionError):
        return None


@_named("round", None, 1, 2)
def _round(value: Value, digits: Value = 0) -> float | None:
    """Halves go away from nought."""
    if not isinstance(value, (int, float)) or math.isinf(value) or math.isnan(value):
        return None
    if isinstance(value, int) and int(digits or 0) >= 0:
        return value
    scale = 10.0 ** max(-300, min(300, int(digits or 0)))
    return math.copysign(math.floor(abs(value) * scale + 0.5) / scale, value)


# --- choices -----------------------------------------------------------------------------------------------------


def _case(*parts: Value) -> Value:
    """`case(test, value, test, value, …, otherwise)`."""
    for test, value in zip(parts[:-1:2], parts[1::2], strict=False):
        if test is True:
            return value
    return parts[-1]


@_named("coalesce", None, 1, None)
def _coalesce(*values: Value) -> Value:
    return next((value for value in values if value is not None and value != ""), values[-1])


FUNCTIONS.update(
    {
        "tostring": _conversion(to_text, Type.STRING),
        "tolong": _conversion(to_long, Type.LONG),
        "toint": _conversion(to_long, Type.LONG),
        "todouble": _conversion(to_real, Type.REAL),
        "toreal": _conversion(to_real, Type.REAL),
        "tobool": _conversion(to_bool, Type.BOOL),
        "toboolean": _conversion(to_bool, Type.BOOL),
        "todatetime": _conversion(to_datetime, Type.DATETIME),
        "totimespan": _conversion(to_timespan, Type.TIMESPAN),
        "parse_json": _conversion(to_dynamic, Type.DYNAMIC),
        "todynamic": _conversion(to_dynamic, Type.DYNAMIC),
        "split": Function(apply=_split, result=Type.DYNAMIC, least=2, most=3, names_after_argument=True),
        "strlen": Function(
            apply=lambda v: len(to_text(v)),
            result=Type.LONG,
            least=1,
            most=1,
            names_after_argument=True,
            prefix="strlen_",
        ),
        "tolower": _function(lambda v: to_text(v).lower(), Type.STRING, 1),
        "toupper": _function(lambda v: to_text(v).upper(), Type.STRING, 1),
        "strcat": _function(lambda *parts: "".join(map(to_text, parts)), Type.STRING, 1, None),
        "replace_string": _function(lambda t, a, b: to_text(t).replace(to_text(a), to_text(b)), Type.STRING, 3),
        "trim": _function(lambda p, t: trimmed(to_text(p), to_text(t), start=True, end=True), Type.STRING, 2),
        "trim_start": _function(lambda p, t: trimmed(to_text(p), to_text(t), start=True, end=False), Type.STRING, 2),
        "trim_end": _function(lambda p, t: trimmed(to_text(p), to_text(t), start=False, end=True), Type.STRING, 2),
        "isempty": _function(lambda v: to_text(v) == "", Type.BOOL, 1),
        "isnotempty": _function(lambda v: to_text(v) != "", Type.BOOL, 1),
        "isnull": _function(lambda v: v is None, Type.BOOL, 1),
        "isnotnull": _function(lambda v: v is not None, Type.BOOL, 1),
        "not": _function(lambda v: None if v is None else not v, Type.BOOL, 1),
        "iff": Function(
            apply=lambda test, yes, no: yes if test is True else no, result=None, least=3, most=3, common_from=1
        ),
        "iif": Function(
            apply=lambda test, yes, no: yes if test is True else no, result=None, least=3, most=3, common_from=1
        ),
        "case": Function(apply=_case, result=None, least=3, most=None, common_from=1),
        "pack_array": _function(lambda *parts: list(parts), Type.DYNAMIC, 1, None),
        "startofday": _function(_start_of(1), Type.DATETIME, 1, 2),
        "startofweek": _function(_start_of(7), Type.DATETIME, 1, 2),
        "floor": _function(bin_, None, 2),
        "bin": _function(bin_, None, 2),
        "abs": _function(lambda v: abs(v) if isinstance(v, (int, float)) else None, None, 1),
        "ceiling": _function(
            lambda v: math.ceil(v) if isinstance(v, (int, float)) and math.isfinite(v) else None, Type.LONG, 1
        ),
    }
)
