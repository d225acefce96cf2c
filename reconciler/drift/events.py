"""Reads what Azure sends when somebody writes an exemption: an activity log record, its alert, or an Event Grid event."""

from __future__ import annotations

import contextlib
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
    exemptions: set[ArmId] = set()
    for text in _naming_texts(document.value):
        if _TYPE in text.lower():
            with contextlib.suppress(ValueError):
                exemptions.add(parse_object(text))
    if not exemptions:
        raise UsageError(
            f"{origin} names no policy exemption",
            "send activity log records, alerts or Event Grid events of Microsoft.Authorization/policyExemptions/write",
        )
    return frozenset(exemptions)


def _naming_texts(value: JSON) -> Iterator[str]:
    """The texts that may name what was written, however deep they stand."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting += item
        elif isinstance(item, dict):
            for key, inner in item.items():
                texts = inner if isinstance(inner, list) else [inner]
                if key.lower() in _NAMING:
                    yield from (text for text in texts if isinstance(text, str))
                waiting.append(inner)
