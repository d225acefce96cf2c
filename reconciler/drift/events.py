"""Reads what Azure sends when somebody writes an exemption: an activity log record, its alert, or an Event Grid event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.documents.json_input import read_json
from reconciler.model import JSON, ArmId, parse_object
from reconciler.problems import UsageError

_TYPE: Final = "/providers/microsoft.authorization/policyexemptions/"
_NAMING: Final = frozenset({"resourceid", "resourceuri", "subject", "scope", "entity", "alerttargetids"})
"""The fields, folded, in which the forms of Azure name the object that was written."""


def exemptions_of_event(data: bytes, *, origin: str) -> frozenset[ArmId]:
    """The exemptions that an event is about. `origin` names the file.

    Raises:
        JsonInputError: it is not JSON.
        UsageError: it names no exemption.
    """
    document = read_json(data, origin=origin, remedy="save the event's body as it came")
    named = frozenset(_named(document.value))
    if not named:
        raise UsageError(
            f"{origin} names no policy exemption",
            "send activity log records, alerts or Event Grid events of Microsoft.Authorization/policyExemptions/write",
        )
    return named


def _named(value: JSON) -> Iterator[ArmId]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting += item
        elif isinstance(item, dict):
            for key, inner in item.items():
                texts = inner if isinstance(inner, list) else [inner]
                if key.lower() in _NAMING:
                    yield from (
                        identifier
                        for text in texts
                        if isinstance(text, str) and (identifier := _exemption(text)) is not None
                    )
                waiting.append(inner)


def _exemption(text: str) -> ArmId | None:
    if _TYPE not in text.lower():
        return None
    try:
        return parse_object(text)
    except ValueError:
        return None
