"""The evidence of a finding in words: who and when, what differs field by field, and whatever else was seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from reconciler.model import JSON
from reconciler.planning.values import Finding
from reconciler.reports.escape import json_line

_PORTAL: Final = re.compile(r"https://portal\.azure\.(?:com|us|cn)/[A-Za-z0-9#/%.~:?=&+@,;()$!*_-]*")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_SAID_ELSEWHERE: Final = frozenset(
    {f"{what}{part}" for what in ("created", "lastModified", "assigned", "declared") for part in ("By", "ByType", "At")}
    | {"cause", "changed", "portal", "healedBy", "patch", "target", "what"}
)
_LABELS: Final = {
    "referenceIds": "policies",
    "expiresOn": "ends",
    "policyTitles": "policy titles",
    "resourceSelectors": "only",
    "activityLog": "who deleted it",
}
_SHORT: Final = 12
_FEW: Final = 3
HEALING: Final = "exempt apply --only recreate,fan-out,expired"
"""The scheduled run that restores what is declared and decides nothing new."""


def evidence_words(finding: Finding) -> list[tuple[str, str]]:
    """What was seen as pairs of a label and a text: why, who, what; links and patches have functions of their own."""
    evidence = finding.evidence
    found = [("cause", _text(evidence.get("cause"))), ("made", _who_and_when(evidence, "created"))]
    found += [
        ("last changed", _who_and_when(evidence, "lastModified")),
        ("assigned", _who_and_when(evidence, "assigned")),
    ]
    found += [("declared", _who_and_when(evidence, "declared"))]
    found += [("differs", difference) for difference in _changed(evidence.get("changed"))]
    others = sorted(key for key in evidence if key not in _SAID_ELSEWHERE)
    found += [(_LABELS.get(key, str(key)), _other(key, evidence[key])) for key in others]
    if evidence.get("healedBy"):
        found.append(("healed by", HEALING))
    return [(label, text) for label, text in found if text]


def patch_lines(finding: Finding) -> list[str]:
    """The edit that settles a finding, line by line, or nothing."""
    found = finding.evidence.get("patch")
    return found.rstrip("\n").split("\n") if isinstance(found, str) else []


def portal_link(finding: Finding) -> str:
    """The link to Azure's portal, or nothing: no other address is ever made a link."""
    found = finding.evidence.get("portal")
    return found if isinstance(found, str) and _PORTAL.fullmatch(found) else ""


def _who_and_when(evidence: Mapping[str, JSON], what: str) -> str:
    who, kind, when = (evidence.get(f"{what}{part}") or "" for part in ("By", "ByType", "At"))
    words = f"by {who}{f' ({kind})' if kind else ''}" if who else ""
    return f"{words}{f' on {_minute(str(when))}' if when else ''}".strip()


def _minute(when: str) -> str:
    """`2026-11-20 10:24 UTC`; an instant that is written otherwise stays as it is."""
    return f"{when[:10]} {when[11:16]} UTC" if _INSTANT.fullmatch(when) else when


def _other(key: str, value: JSON) -> str:
    """What needs no words of its own; not what the message says already."""
    if key == "commit" and isinstance(value, str):
        return value[:_SHORT]
    if key == "referenceIds" and isinstance(value, list) and len(value) <= _FEW:
        return ""
    return _minute(value) if isinstance(value, str) else _text(value)


def _changed(value: JSON) -> list[str]:
    differences = value if isinstance(value, list) else []
    return [_difference(found) for found in differences if isinstance(found, Mapping)]


def _difference(found: Mapping[str, JSON]) -> str:
    declared, live = (_text(found.get(side)) or "(none)" for side in ("declared", "live"))
    return f"{found.get('path', '')}: declared {declared}, in Azure {live}"


def _text(value: JSON) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json_line(value)
