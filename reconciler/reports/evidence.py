"""The evidence of a finding in words and as JSON: who and when, what differs field by field, and what else was seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from reconciler.arm.canonical import category, instant_text
from reconciler.drift import HEALING_COMMAND
from reconciler.model import JSON, SystemData, is_assessment
from reconciler.planning.evidence import Evidence
from reconciler.planning.values import Finding
from reconciler.reports.decision_labels import category_label
from reconciler.reports.fields import field_label
from reconciler.reports.values_text import value_label

_PORTAL: Final = re.compile(r"https://portal\.azure\.(?:com|us|cn)/[A-Za-z0-9#/%.~:?=&+@,;()$!*_-]*")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_SHORT: Final = 12
_FEW: Final = 3


# --- words -------------------------------------------------------------------------------------------------------


def evidence_labels(finding: Finding) -> list[tuple[str, str]]:
    """What was seen as pairs of a label and a text: why, who, what; links and patches have functions of their own."""
    evidence = finding.evidence
    system = evidence.system or SystemData()
    was_changed = (system.last_modified_at, system.last_modified_by) != (system.created_at, system.created_by)
    is_of_assessment = finding.assignment is not None and is_assessment(finding.assignment.key)  # which says it itself
    references = evidence.reference_ids if len(evidence.reference_ids) > _FEW else ()  # else the message lists them
    differing = []
    for change in evidence.changed:
        label = field_label(change.path) if change.path.startswith("exemptionData.") else change.path
        declared, existing = (_value(change.path, side) for side in (change.declared, change.existing))
        differing.append(("differs", f"{label}: declared {declared}, in Azure {existing}"))
    pairs = [
        ("cause", finding.cause),
        ("made", _who_and_when(system.created_by, _text(system.created_at), system.created_by_type)),
        (
            "last changed",
            _who_and_when(system.last_modified_by, _text(system.last_modified_at), system.last_modified_by_type)
            if was_changed
            else "",
        ),
        ("assigned", _who_and_when(evidence.assigned_by, evidence.assigned_at)),
        ("declared", _who_and_when(evidence.declared_by, evidence.declared_at)),
        *differing,
        ("who deleted it", evidence.activity_log),
        ("category", category_label(category(evidence.category))),
        ("commit", evidence.commit[:_SHORT]),
        ("count", _number(evidence.count)),
        ("exemptions", _number(evidence.exemptions)),
        ("ends", _minute(evidence.expires_on)),
        ("limit", _number(evidence.limit)),
        ("policy titles", ", ".join(evidence.policy_titles)),
        ("recommendations", "" if is_of_assessment else ", ".join(evidence.recommendations)),
        ("policies", ", ".join(references)),
        ("only", evidence.resource_selectors),
        ("ticket", evidence.ticket),
        ("healed by", HEALING_COMMAND if evidence.healed_by else ""),
    ]
    return [(label, text) for label, text in pairs if text]


def patch_lines(finding: Finding) -> list[str]:
    """The edit that settles a finding, line by line, or nothing."""
    patch = finding.evidence.patch
    return patch.rstrip("\n").split("\n") if patch else []


def portal_link(finding: Finding) -> str:
    """The link to Azure's portal, or nothing: no other address is ever made a link."""
    link = finding.evidence.portal
    return link if _PORTAL.fullmatch(link) else ""


def _who_and_when(person: str, when: str, kind: str = "") -> str:
    words = f"by {person}{f' ({kind})' if kind else ''}" if person else ""
    return f"{words}{f' on {_minute(when)}' if when else ''}".strip()


def _minute(when: str) -> str:
    """`2026-11-20 10:24 UTC`; an instant that is written otherwise stays as it is."""
    return f"{when[:10]} {when[11:16]} UTC" if _INSTANT.fullmatch(when) else when


def _number(number: int) -> str:
    return str(number) if number else ""


def _value(path: str, value: JSON) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value) or "(none)"
    if value is None or value == "":
        return "(none)"
    return value_label(path, value)


def _text(moment: datetime | None) -> str:
    return instant_text(moment) if moment else ""


# --- JSON --------------------------------------------------------------------------------------------------------

_NAMES: Final = {
    "aspect": "what",
    "expires_on": "expiresOn",
    "reference_ids": "referenceIds",
    "policy_titles": "policyTitles",
    "resource_selectors": "resourceSelectors",
    "assigned_by": "assignedBy",
    "assigned_at": "assignedAt",
    "declared_by": "declaredBy",
    "declared_at": "declaredAt",
    "activity_log": "activityLog",
    "healed_by": "healedBy",
}
"""The names in JSON of fields whose own is none."""


def evidence_to_json(evidence: Evidence) -> dict[str, JSON]:
    """What was seen, by name; what was not is left out."""
    fields = {name: getattr(evidence, name) for name in Evidence.__slots__ if name not in {"system", "changed"}}
    values = {
        _NAMES.get(name, name): list(value) if isinstance(value, tuple) else value for name, value in fields.items()
    }
    differences = [
        {"path": change.path, "declared": change.declared, "live": change.existing} for change in evidence.changed
    ]
    return {
        **{name: value for name, value in values.items() if value},
        **system_to_json(evidence.system),
        **({"changed": differences} if differences else {}),
    }


def system_to_json(system: SystemData | None) -> Mapping[str, JSON]:
    """ARM's stamp under ARM's names; a last change that is the making itself is not repeated."""
    if system is None:
        return {}
    stamp = {
        "createdBy": system.created_by,
        "createdByType": system.created_by_type,
        "createdAt": _text(system.created_at),
    }
    if (system.last_modified_at, system.last_modified_by) != (system.created_at, system.created_by):
        stamp |= {
            "lastModifiedBy": system.last_modified_by,
            "lastModifiedByType": system.last_modified_by_type,
            "lastModifiedAt": _text(system.last_modified_at),
        }
    return {name: value for name, value in stamp.items() if value}
