"""Reads an earlier report, so that today's says what is new and what is gone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from reconciler.model import JSON, Settings
from reconciler.problems import UsageError

FORMAT_MAJOR: Final = 1
_MAKE: Final = "make one with: exempt drift --format json > FILE"


def read_earlier(text: str, settings: Settings) -> Mapping[str, JSON]:
    """The findings of an earlier report (schemas/drift.schema.json) by id, in its JSON form.

    Raises:
        UsageError: it is no report, of a newer format, or of another tenant or owner.
    """
    document = _document(text)
    _check_format(document.get("format_version"))
    if str(document.get("tenantId")).lower() != settings.tenant_id.lower():
        raise UsageError(
            f"--since: the report is of tenant {document.get('tenantId')}, but reconciler.yaml names {settings.tenant_id}",
            "compare with a report of this repository",
        )
    if document.get("owner") != settings.owner:
        raise UsageError(
            f"--since: the report is of owner {document.get('owner')!r}, but this repository is {settings.owner!r}",
            "compare with a report of this repository",
        )
    findings = document.get("findings")
    if not isinstance(findings, list) or not all(_is_finding(finding) for finding in findings):
        raise UsageError("--since: not a drift report: its findings do not have the form of findings", _MAKE)
    return {finding["id"]: finding for finding in findings}


def _document(text: str) -> Mapping[str, JSON]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--since: not a drift report: not JSON ({error})", _MAKE) from None
    if not isinstance(document, dict) or "format_version" not in document or "findings" not in document:
        raise UsageError("--since: not a drift report: an object with format_version and findings is expected", _MAKE)
    return document


def _check_format(version: JSON) -> None:
    major = version.split(".")[0] if isinstance(version, str) else ""
    if not (major.isascii() and major.isdigit()):
        raise UsageError(f"--since: not a drift report: format_version {version!r} is no version", _MAKE)
    if int(major) != FORMAT_MAJOR:
        raise UsageError(
            f"--since: the report has format {version}; this exempt reads {FORMAT_MAJOR}.x",
            "compare with a report that this version made",
        )


def _is_finding(value: JSON) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("id", "kind", "subject"))
