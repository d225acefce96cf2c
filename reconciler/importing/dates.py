"""Ends of exemptions as spreadsheets and scripts write them. What could mean two days is refused, never guessed."""

from __future__ import annotations

import enum
import re
from datetime import UTC, datetime
from typing import Final

from reconciler.importing.rows import RowError


class DateOrder(enum.StrEnum):
    """Which comes first where numbers alone do not say it."""

    DAY_FIRST = "dmy"
    MONTH_FIRST = "mdy"
    YEAR_FIRST = "ymd"


_ISO: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?\s*([Zz]|[+-]\d\d:?\d\d)?)?")
_SLASHED: Final = re.compile(
    r"(\d{1,4})[/.-](\d{1,2})[/.-](\d{1,4})(?:,?\s+(\d{1,2}):(\d\d)(?::(\d\d))?(?:\.\d+)?\s*([AaPp]\.?[Mm]\.?)?)?\s*([Zz]|UTC)?"
)
_DIGITS: Final = re.compile(r"\d{8}")
_PACKED: Final = {
    DateOrder.YEAR_FIRST: (slice(0, 4), slice(4, 6), slice(6, 8)),
    DateOrder.DAY_FIRST: (slice(4, 8), slice(2, 4), slice(0, 2)),
    DateOrder.MONTH_FIRST: (slice(4, 8), slice(0, 2), slice(2, 4)),
}
"""Where year, month and day stand in eight digits such as `17062024` or `20240617`."""

_ORDER_REMEDY: Final = "say which it is with --date-order dmy or --date-order mdy"


def end_of(text: str, order: DateOrder | None = None) -> tuple[datetime | None, str]:
    """The end that a text means, in UTC (None: never), and a note where something was added to it.

    Raises:
        RowError: it is no date, or could be two.
    """
    text = text.strip()
    if not text or text.lower() in {"null", "none", "never"}:
        return None, ""
    if iso := _ISO.fullmatch(text):
        day, clock, digits, zone = iso.groups()
        if clock is None:
            return _instant(f"{day}T00:00:00Z", text), f"{text!r} has no time; Azure takes it as midnight"
        seconds = clock if clock.count(":") == 2 else f"{clock}:00"
        fraction = f".{digits[:6]}" if digits and digits.strip("0") else ""
        instant = _instant(f"{day}T{seconds}{fraction}{(zone or 'Z').upper()}", text)
        return instant.astimezone(UTC), "" if zone else f"{text!r} has no zone and was taken as UTC"
    if slashed := _SLASHED.fullmatch(text):
        day = _day(slashed[1], slashed[2], slashed[3], text, order)
        hour, half = int(slashed[4] or 0), slashed[7]
        if half and not 1 <= hour <= 12:
            raise RowError(f"expiresOn is no time: {text!r}", "write it as 2027-01-31T00:00:00Z")
        if half:
            hour = hour % 12 + (12 if half[0] in "pP" else 0)
        clock = f"T{hour:02d}:{slashed[5] or '00'}:{slashed[6] or '00'}Z"
        return _instant(day + clock, text), "" if slashed[8] else f"{text!r} has no zone and was taken as UTC"
    if _DIGITS.fullmatch(text):
        if order is None:
            raise RowError(f"expiresOn {text!r} may mean several dates", _ORDER_REMEDY)
        day = "-".join(text[part] for part in _PACKED[order])
        return _instant(f"{day}T00:00:00Z", text), f"{text!r} was taken as {day}"
    raise RowError(f"expiresOn is no date: {text!r}", "write it as 2027-01-31T00:00:00Z")


def _day(first: str, second: str, third: str, text: str, order: DateOrder | None) -> str:
    """The ISO day of three numbers."""
    if len(first) == 4:
        return f"{first}-{int(second):02d}-{int(third):02d}"
    if len(third) != 4:
        raise RowError(f"expiresOn has no year of four digits: {text!r}", "write it as 2027-01-31T00:00:00Z")
    first_number, second_number = int(first), int(second)
    day_first = f"{third}-{second_number:02d}-{first_number:02d}"
    month_first = f"{third}-{first_number:02d}-{second_number:02d}"
    if first_number == second_number:
        return day_first
    if first_number > 12:
        return day_first
    if second_number > 12:
        return month_first
    match order:
        case DateOrder.DAY_FIRST:
            return day_first
        case DateOrder.MONTH_FIRST:
            return month_first
        case _:
            raise RowError(f"expiresOn {text!r} may mean {day_first} or {month_first}", _ORDER_REMEDY)


def _instant(iso: str, text: str) -> datetime:
    try:
        return datetime.fromisoformat(iso)
    except ValueError:
        raise RowError(f"expiresOn is no date that exists: {text!r}", "write it as 2027-01-31T00:00:00Z") from None
