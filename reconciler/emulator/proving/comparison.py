"""Two answers to one scenario, without what differs between any two runs, and where they differ.

Times and GUIDs that nobody knew before are called after the scenario that first showed them, so that "creation is kept,
modification moves" is compared although no clock is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from reconciler.emulator.proving.exchanges import Exchange
from reconciler.emulator.proving.scenarios import Compare
from reconciler.model import JSON

COMPARED_HEADERS: Final = (
    "cache-control",
    "content-type",
    "expires",
    "pragma",
    "strict-transport-security",
    "x-content-type-options",
    "x-ms-failure-cause",
)
"""Headers whose values are compared."""

_NAMED: Final = re.compile(
    r"location|azure-asyncoperation|retry-after|www-authenticate|x-ms-ratelimit-.*|x-ms-user-quota-.*"
)
"""Headers of which only the presence is compared."""

_GUID: Final = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE)
_INSTANT: Final = re.compile(r"\b(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,7})?(?:Z|\+00:00)")
_LATELY: Final = timedelta(days=2)
ABSENT: Final = "(absent)"
PRESENT: Final = "(present)"
NOT_COMPARED: Final = "(not compared)"


Where = tuple[str, ...]
"""A place in an answer: `("body", "properties", "expiresOn")`; entries of lists by their number."""

ORDER: Final = "(order)"


class Normaliser:
    """Makes the answers of one side comparable. `shared` are the folded GUIDs that both sides know beforehand."""

    def __init__(self, shared: frozenset[str], now: datetime) -> None:
        self._shared = shared
        self._now = now
        self._labels: dict[str, str] = {}

    def reply(self, exchange: Exchange, run: str) -> dict[str, JSON]:
        """Status, headers and body of an answer, as they are compared. `run` begins the names of what the run made."""
        name, reply, compare = exchange.scenario.name, exchange.reply, exchange.scenario.compare
        body: Any = reply.body
        entries = body.get("value") if isinstance(body, dict) else None
        if reply.status < 400:  # an error is always compared whole
            match compare:
                case Compare.STATUS:
                    body = NOT_COMPARED
                case Compare.SHAPE:
                    body = shape(body)
                case _ if isinstance(entries, list):
                    if compare is Compare.OURS:
                        ours = run.lower()
                        entries = [entry for entry in entries if str(entry.get("name", "")).lower().startswith(ours)]
                    body = {**body, "value": sorted(entries, key=lambda entry: str(entry.get("id", "")).lower())}
        values: dict[str, JSON] = {
            name: reply.headers[name].lower() for name in COMPARED_HEADERS if name in reply.headers
        }
        return {
            "status": reply.status,
            "headers": values | {name: PRESENT for name in sorted(reply.headers) if _NAMED.fullmatch(name)},
            "body": self._labelled(body, name),
        }

    def _labelled(self, value: Any, step: str) -> Any:
        if isinstance(value, str):
            text = _GUID.sub(lambda match: self._guid(match[0], step), value)
            return _INSTANT.sub(lambda match: self._instant(match, step), text)
        if isinstance(value, dict):
            return {self._labelled(name, step): self._labelled(part, step) for name, part in value.items()}
        return [self._labelled(part, step) for part in value] if isinstance(value, list) else value

    def _guid(self, text: str, step: str) -> str:
        if text.lower() in self._shared:
            return text
        return self._labels.setdefault(text.lower(), f"<guid of {step}>")

    def _instant(self, match: re.Match[str], step: str) -> str:
        try:
            instant = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
        except ValueError:
            return match[0]
        if abs(instant - self._now) > _LATELY:
            return match[0]
        return self._labels.setdefault(match[0], f"<time of {step}>") + ("" if match[0].endswith("Z") else "+00:00")


def shape(value: Any) -> JSON:
    """The names and types of a value; of a list, those of its first entry."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def differences(where: Where, real: Any, emulated: Any) -> Iterator[tuple[Where, JSON, JSON]]:
    """Every place where two normalised answers differ, with what is there; lists of other lengths differ whole."""
    if isinstance(real, dict) and isinstance(emulated, dict):
        for name in {**real, **emulated}:
            yield from differences((*where, name), real.get(name, ABSENT), emulated.get(name, ABSENT))
        if set(real) == set(emulated) and list(real) != list(emulated):
            yield (*where, ORDER), list(real), list(emulated)
    elif isinstance(real, list) and isinstance(emulated, list) and len(real) == len(emulated):
        for number, (lhs, rhs) in enumerate(zip(real, emulated, strict=True)):
            yield from differences((*where, str(number)), lhs, rhs)
    elif real != emulated or type(real) is not type(emulated):
        yield where, real, emulated


def guids(value: Any) -> frozenset[str]:
    """Every GUID in a value, folded."""
    return frozenset(text.lower() for text in _GUID.findall(str(value)))
