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
    pairs = [("cause", _text(evidence.get("cause"))), ("made", _who_and_when(evidence, "created"))]
    pairs += [
        ("last changed", _who_and_when(evidence, "lastModified")),
        ("assigned", _who_and_when(evidence, "assigned")),
    ]
    pairs += [("declared", _who_and_when(evidence, "declared"))]
    pairs += [("differs", difference) for difference in _changed(evidence.get("changed"))]
    others = sorted(key for key in evidence if key not in _SAID_ELSEWHERE)
    pairs += [(_LABELS.get(key, str(key)), _other(key, evidence[key])) for key in others]
    if evidence.get("healedBy"):
        pairs.append(("healed by", HEALING))
    return [(label, text) for label, text in pairs if text]


def patch_lines(finding: Finding) -> list[str]:
    """The edit that settles a finding, line by line, or nothing."""
    patch = finding.evidence.get("patch")
    return patch.rstrip("\n").split("\n") if isinstance(patch, str) else []


def portal_link(finding: Finding) -> str:
    """The link to Azure's portal, or nothing: no other address is ever made a link."""
    link = finding.evidence.get("portal")
    return link if isinstance(link, str) and _PORTAL.fullmatch(link) else ""


def _who_and_when(evidence: Mapping[str, JSON], event: str) -> str:
    person, kind, when = (evidence.get(f"{event}{part}") or "" for part in ("By", "ByType", "At"))
    words = f"by {person}{f' ({kind})' if kind else ''}" if person else ""
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
    return [_difference(difference) for difference in differences if isinstance(difference, Mapping)]


def _difference(difference: Mapping[str, JSON]) -> str:
    declared, live = (_text(difference.get(side)) or "(none)" for side in ("declared", "live"))
    return f"{difference.get('path', '')}: declared {declared}, in Azure {live}"


def _text(value: JSON) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json_line(value)
