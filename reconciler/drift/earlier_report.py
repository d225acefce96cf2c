"""Reads an earlier report, so that today's says what is new and what is gone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from reconciler.arm.canonical import instant
from reconciler.documents.json_input import read_json
from reconciler.model import JSON, Settings
from reconciler.problems import UsageError

FORMAT: Final = "1.0"
_MAKE: Final = "make one with: exempt drift --format json > FILE"
_ANOTHER: Final = "compare with a report of this repository"
_TEXTS: Final = ("id", "kind", "severity", "subject", "message")
"""What is said of a finding that is gone."""


def read_earlier(data: bytes, settings: Settings, *, origin: str) -> Mapping[str, JSON]:
    """The findings of an earlier report (schemas/drift.schema.json) by id, in its JSON form. `origin` names the file.

    Raises:
        JsonInputError: it is no report, or of a newer format.
        UsageError: it is of another tenant or owner.
    """
    document = read_json(data, origin=origin, remedy=_MAKE)
    document.check_format(document="a drift report", reads=FORMAT)
    tenant, owner = document.member("tenantId").as_text(), document.member("owner").as_text()
    if tenant.lower() != settings.tenant_id.lower():
        raise UsageError(
            f"--since: the report is of tenant {tenant}, but reconciler.yaml names {settings.tenant_id}", _ANOTHER
        )
    if owner != settings.owner:
        raise UsageError(
            f"--since: the report is of owner {owner!r}, but this repository is {settings.owner!r}", _ANOTHER
        )
    findings: dict[str, JSON] = {}
    for finding in document.member("findings").items():
        for name in _TEXTS:
            finding.member(name).as_text()
        findings[finding.member("id").as_text()] = finding.value
    return findings


def read_told(data: bytes, *, origin: str) -> tuple[datetime, Mapping[str, frozenset[str]]]:
    """When an earlier report was made, and by channel the keys of what it could not tell anybody.

    Raises:
        JsonInputError: it is no report.
    """
    document = read_json(data, origin=origin, remedy=_MAKE)
    taken_at = document.member("takenAt")
    moment = instant(taken_at.as_text())
    if moment is None:
        raise taken_at.error("no date and time")
    untold = document.optional("untold")
    by_channel = untold.entries() if untold else ()
    return moment, {channel: frozenset(key.as_text() for key in keys.items()) for channel, keys in by_channel}
