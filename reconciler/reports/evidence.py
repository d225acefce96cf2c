"""The evidence of a finding in words: who and when, what differs field by field, and whatever else was seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from reconciler.model import JSON
from reconciler.planning.values import Finding
from reconciler.reports.escape import json_line

_PORTAL: Final = re.compile(r"https://portal\.azure\.(?:com|us|cn)/[A-Za-z0-9#/%.~:?=&+@,;()$!*_-]*")
_SAID_ELSEWHERE: Final = frozenset(
    {"createdBy", "createdByType", "createdAt", "lastModifiedBy", "lastModifiedByType", "lastModifiedAt"}
    | {"changed", "portal", "healedBy"}
)


def evidence_words(finding: Finding) -> list[tuple[str, str]]:
    """What was seen as pairs of a label and a text, people first; the portal's link is `portal_link`."""
    evidence = finding.evidence
    found = [("made", _who_and_when(evidence, "created")), ("last changed", _who_and_when(evidence, "lastModified"))]
    found += [("differs", difference) for difference in _changed(evidence.get("changed"))]
    others = sorted(key for key in evidence if key not in _SAID_ELSEWHERE)
    found += [(str(key), _text(evidence[key])) for key in others]
    if healer := evidence.get("healedBy"):
        found.append(("healed by", f"exempt apply --only {healer}"))
    return [(label, text) for label, text in found if text]


def portal_link(finding: Finding) -> str:
    """The link to Azure's portal, or nothing: no other address is ever made a link."""
    found = finding.evidence.get("portal")
    return found if isinstance(found, str) and _PORTAL.fullmatch(found) else ""


def _who_and_when(evidence: Mapping[str, JSON], what: str) -> str:
    who, kind, when = (evidence.get(f"{what}{part}") or "" for part in ("By", "ByType", "At"))
    words = f"by {who}{f' ({kind})' if kind else ''}" if who else ""
    return f"{words}{f' on {when}' if when else ''}".strip()


def _changed(value: JSON) -> list[str]:
    differences = value if isinstance(value, list) else []
    return [_difference(found) for found in differences if isinstance(found, Mapping)]


def _difference(found: Mapping[str, JSON]) -> str:
    before, after = (_text(found.get(side)) or "(none)" for side in ("before", "after"))
    return f"{found.get('path', '')}  {before} -> {after}"


def _text(value: JSON) -> str:
    if value is None or value == "":
        return ""
    return value if isinstance(value, str) else json_line(value)
