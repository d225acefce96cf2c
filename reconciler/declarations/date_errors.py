"""Why a text is no `expiresOn`, and the date that was probably meant. What is proposed is accepted."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Final

_EXPECTED: Final = "a date such as 2027-01-31, or a UTC date-time such as 2027-01-31T12:00:00Z"
_LAST_IS_YEAR: Final = re.compile(r"([0-9]{1,2})[./ -]([0-9]{1,2})[./ -]([0-9]{4})")
_FIRST_IS_YEAR: Final = re.compile(r"([0-9]{4})(?:([./ -])([0-9]{1,2})\2([0-9]{1,2})|([0-9]{2})([0-9]{2}))")
_DATE_TIME: Final = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:[Tt]| +)(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?"
    r"(?:[.,][0-9]+)?(?P<zone>.*)"
)
_OFFSET: Final = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})")
_FIRST_YEAR: Final = 1000
_MEANT_UTC: Final = frozenset({"", "Z", "UTC", "GMT", "+00:00", "-00:00", "+0000", "+00"})


def date_error(value: str, quoted: str) -> tuple[str, str]:
    """What is wrong with a date, and what to write."""
    if match := _DATE_TIME.fullmatch(value):
        return _date_time(quoted, match)
    if match := _LAST_IS_YEAR.fullmatch(value):
        first, second, year = int(match[1]), int(match[2]), int(match[3])
        meant = sorted({day for day in (_day(year, second, first), _day(year, first, second)) if day})
        if not meant:
            return f"{quoted} is not in the calendar", "check the month and the day, and write year first: YYYY-MM-DD"
        wrong = "can be read in two ways" if len(meant) > 1 else "is not of the form YYYY-MM-DD"
        return f"{quoted} {wrong}", f"write {' or '.join(meant)}"
    if match := _FIRST_IS_YEAR.fullmatch(value):
        proposal = _day(int(match[1]), int(match[3] or match[5]), int(match[4] or match[6]))
        if proposal is None or proposal == value:
            return f"{quoted} is not in the calendar", "check the year, the month and the day"
        return f"{quoted} is not of the form YYYY-MM-DD", f"write {proposal}"
    return f"{quoted} is no date", f"write {_EXPECTED}; for no end, delete the line"


def _date_time(quoted: str, match: re.Match[str]) -> tuple[str, str]:
    day = _day(*(int(part) for part in match["day"].split("-")))
    if day is None:
        return f"{quoted} is not in the calendar", "check the year, the month and the day"
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    if hour == 24 and not minute and not second:
        return f"{quoted} is no time here, where hours go to 23", f"write {day}, which counts to the end of that day"
    if second == 60 and hour < 24 and minute < 60:
        return f"{quoted} is no time here, where seconds go to 59", f"write {day}T{hour:02}:{minute:02}:59Z"
    if hour > 23 or minute > 59 or second > 59:
        return f"{quoted} is no time of a day", f"check hours (to 23), minutes and seconds (to 59), or write {day}"
    local = datetime.fromisoformat(f"{day}T{hour:02}:{minute:02}:{second:02}")
    zone = match["zone"].strip().upper()
    if zone in _MEANT_UTC:
        return f"{quoted} is not of the form YYYY-MM-DDTHH:MM:SSZ", f"write {local.isoformat()}Z"
    offset = _OFFSET.fullmatch(zone)
    try:
        utc = datetime.fromisoformat(
            f"{local.isoformat()}{offset[1]}{offset[2]}:{offset[3]}" if offset else ""
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return f"{quoted} is not in UTC", f"convert it to UTC and end it with Z, or write the day alone: {day}"
    if utc.year < _FIRST_YEAR:
        return f"{quoted} is not in UTC", f"write the day alone: {day}"
    return f"{quoted} is not in UTC", f"write {utc:%Y-%m-%dT%H:%M:%SZ}"


def _day(year: int, month: int, day: int) -> str | None:
    """The day as `expiresOn` wants it, or None where the calendar or the schema does not have it."""
    try:
        return date(year, month, day).isoformat() if year >= _FIRST_YEAR else None
    except ValueError:
        return None
