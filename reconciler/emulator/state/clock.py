"""The emulator's clock: real time plus an offset that tests move, and the way ARM writes instants."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

_INSTANT = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})(?:[Tt ](?P<time>\d{2}:\d{2}(?::\d{2})?)(?:\.(?P<digits>\d+))?(?P<zone>[Zz]|[+-]\d{2}:?\d{2})?)?"
)

EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)


class Clock:
    """Time as this Azure sees it. Tokens live by real time; everything else by this clock."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        """The present instant in UTC."""
        return datetime.now(UTC) + self.offset

    def seconds(self) -> float:
        """The present instant as seconds since the epoch, for what is measured often."""
        return time.time() + self.offset.total_seconds()

    def move_to(self, instant: datetime) -> None:
        """Let it be `instant` now; time goes on from there.

        Raises:
            ValueError: it is not between the years 1971 and 9000.
        """
        if not EARLIEST <= instant <= LATEST:
            raise ValueError(f"the clock goes from {EARLIEST.year} to {LATEST.year}, not to {instant.year}")
        self.offset = instant - datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once.

        Raises:
            ValueError: the time would not be between the years 1971 and 9000.
        """
        try:
            instant = self.now() + timedelta(seconds=seconds)
        except OverflowError:
            raise ValueError(f"{seconds:g} seconds are more than the clock can go") from None
        self.move_to(instant)


def arm_instant(instant: datetime) -> str:
    """As ARM writes an instant: UTC, at most seven fractional digits, no trailing zeros (`…37.520208Z`)."""
    return _joined(instant.astimezone(UTC).replace(microsecond=0, tzinfo=None), f"{instant.microsecond:06d}")


def canonical_instant(text: str) -> str | None:
    """What ARM stores for an instant that a client sent: in UTC, trailing zeros trimmed, at most seven digits.

    A date alone is its midnight, an instant without a zone is taken as UTC. None if it is no instant.
    """
    match = _INSTANT.fullmatch(text.strip())
    if not match:
        return None
    zone = (match["zone"] or "Z").upper().replace("Z", "+00:00")
    try:
        whole = datetime.fromisoformat(f"{match['day']}T{match['time'] or '00:00'}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return _joined(whole.replace(tzinfo=None), (match["digits"] or "")[:7])


def parse_instant(text: str) -> datetime | None:
    """The instant that ARM would understand from `text`, to the microsecond; None if it is none."""
    canonical = canonical_instant(text)
    if canonical is None:
        return None
    whole, _, digits = canonical.removesuffix("Z").partition(".")
    return datetime.fromisoformat(whole).replace(microsecond=int((digits + "000000")[:6]), tzinfo=UTC)


def _joined(whole: datetime, digits: str) -> str:
    digits = digits.rstrip("0")
    return f"{whole.isoformat()}{'.' if digits else ''}{digits}Z"
