"""Standard assignments as the checker reads them: one that exempts, in the form of a policy exemption.

An assessment stands where a policy assignment stands, and has one reference. Our mark is the end of the description, since
Azure writes the metadata of such an object itself. Rules about findings, and scopes that are left out, are selectors:
of the resources that these choose nothing is known but that they choose them.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any, Final

JSON = Any
ASSESSMENTS: Final = "/providers/microsoft.security/assessmentmetadata/"
"""In the key of a standard assignment stands the assessment in place of a policy assignment."""
STANDARD_ASSIGNMENTS: Final = "/providers/microsoft.security/standardassignments/"

_NAMES: Final = uuid.UUID("5b0a9a4e-6f0d-5d0b-9d3c-0d4f3a1b7c21")
_MOST: Final = 8
_RULE: Final = "subAssessmentExemptionRule"
_LEFT_OUT: Final = "excludedScopes"
_OPERATIONS: Final = {
    "va.cve.cveId": "ContainedInOperation",
    "va.cve.severity": "LessThanFilterOperation",
    "va.cve.cvss": "LessThanFilterOperation",
}
_DATA: Final = frozenset({"exemptionCategory", "assignedAssessment", _RULE})
_MODELLED: Final = frozenset(
    {"displayName", "description", "effect", _LEFT_OUT, "expiresOn", "exemptionData", "metadata"}
)
_DECLARED: Final = {"minSeverity": "va.cve.severity", "cvssBelow": "va.cve.cvss"}


def is_standard(properties: Mapping[str, JSON]) -> bool:
    """Whether these are the ARM properties of a standard assignment."""
    return "exemptionData" in properties


def assessed(properties: Mapping[str, JSON]) -> str:
    """The folded id of the assessment that it exempts from, or of none that Microsoft has published a form for."""
    data = properties.get("exemptionData") or {}
    key = (data.get("assignedAssessment") or {}).get("assessmentKey")
    return ASSESSMENTS + (str(key).lower() if key else "unpublished")


def as_exemption(properties: Mapping[str, JSON]) -> dict[str, JSON]:
    """What it says, under the names that a policy exemption has for it."""
    text, mark = _parted(str(properties.get("description") or ""))
    data = properties.get("exemptionData") or {}
    return {
        "policyAssignmentId": assessed(properties),
        "exemptionCategory": data.get("exemptionCategory"),
        "expiresOn": properties.get("expiresOn"),
        "description": text,
        "metadata": mark,
        "resourceSelectors": _selectors(data.get(_RULE), properties.get(_LEFT_OUT) or ()),
    }


def authorship(properties: Mapping[str, JSON]) -> dict[str, JSON]:
    """Who wrote it, by the metadata that Azure keeps, as `systemData` would say it. Of no type: nobody says."""
    metadata = properties.get("metadata") or {}
    names = {
        "createdBy": "createdBy",
        "createdOn": "createdAt",
        "lastUpdatedBy": "lastModifiedBy",
        "lastUpdatedOn": "lastModifiedAt",
    }
    return {name: metadata.get(key) for key, name in names.items()}


def declared_selectors(vulnerabilities: Mapping[str, JSON]) -> list[JSON]:
    """The conditions of a declaration, all of which must hold, as selectors."""
    parts = [_part(_DECLARED[name], [vulnerabilities[name]]) for name in _DECLARED if name in vulnerabilities]
    if "cves" in vulnerabilities:
        parts.append(_part("va.cve.cveId", vulnerabilities["cves"]))
    return [{"selectors": parts}]


def comparable(properties: Mapping[str, JSON]) -> dict[str, JSON]:
    """Its properties as a fingerprint sees them; expiry and metadata are the caller's to fold."""
    data = properties.get("exemptionData") or {}
    folded_rule = sorted(
        sorted([part["kind"], *sorted(value.lower() for value in part["in"])] for part in group["selectors"])
        for group in _selectors(data.get(_RULE), ())
    )
    text, mark = _parted(str(properties.get("description") or ""))
    return {
        **properties,
        "description": text,
        "metadata": mark,
        "effect": "Exempt",
        _LEFT_OUT: sorted(str(scope).lower() for scope in properties.get(_LEFT_OUT) or ()),
        "exemptionData": {
            **{key: value for key, value in data.items() if value is not None},
            "exemptionCategory": str(data.get("exemptionCategory") or "").lower(),
            "assignedAssessment": {"assessmentKey": assessed(properties).removeprefix(ASSESSMENTS)},
            _RULE: folded_rule,
        },
    }


def unmodelled(properties: Mapping[str, JSON]) -> dict[str, JSON]:
    """What it has that neither a declaration nor this module knows, without what is empty and what Azure writes."""
    data = properties.get("exemptionData") or {}
    further = {key: value for key, value in data.items() if key not in _DATA and value is not None}
    besides = {
        key: value for key, value in properties.items() if key not in _MODELLED and value not in ("", [], {}, None)
    }
    return {**besides, "exemptionData": further} if further else besides


def bears_our_name(key: str, owner: str, scope: str, assessment: str) -> bool:
    """Whether its name is a GUID of version 5 over owner, scope, assessment and a number."""
    texts = (json.dumps([owner, scope, assessment, number], separators=(",", ":")) for number in range(_MOST))
    return key.rpartition("/")[2] in {str(uuid.uuid5(_NAMES, text)) for text in texts}


def _parted(description: str) -> tuple[str, dict[str, JSON]]:
    """The text and the mark; all of it and no mark where there is none that names an owner and a declaration."""
    text, opening, rest = description.rstrip().rpartition("[exempt {")
    if not opening or not rest.endswith("]"):
        return description, {}
    try:
        mark = json.loads("{" + rest.removesuffix("]"))
        json.dumps(mark, allow_nan=False)
    except (ValueError, RecursionError):
        return description, {}
    names = [mark.get("owner"), mark.get("declaration")] if isinstance(mark, dict) else [None]
    if not all(isinstance(name, str) for name in names):
        return description, {}
    return text.rstrip(), {**mark, "managedBy": "exempt"}


def _selectors(rule: JSON, left_out: JSON) -> list[JSON]:
    """`allOf` is one group, `anyOf` as many as it has parts; a rule of another form is one part, its own text."""
    groups: list[list[JSON]] = [[]]
    if rule:
        condition: JSON = rule.get("if") if isinstance(rule, dict) and len(rule) == 1 else None
        is_one = isinstance(condition, dict) and len(condition) == 1
        operator, listed = next(iter(condition.items())) if is_one else ("", [])
        parts = [_documented(part) for part in listed] if isinstance(listed, list) else []
        if not parts or None in parts or operator not in ("allOf", "anyOf"):
            groups = [[{"kind": _RULE, "in": [json.dumps(rule, sort_keys=True, separators=(",", ":"))]}]]
        else:
            groups = [parts] if operator == "allOf" else [[part] for part in parts]
    without = [{"kind": _LEFT_OUT, "notIn": [str(scope) for scope in left_out]}] if left_out else []
    return [{"selectors": [*parts, *without]} for parts in groups if parts or without]


def _documented(part: JSON) -> JSON:
    """A condition of the three that are documented; None for any other."""
    if not isinstance(part, dict) or part.keys() != {"field", "operationType", "operation"}:
        return None
    kind, operation = str(part["field"]), part["operation"]
    if _OPERATIONS.get(kind) != part["operationType"] or not isinstance(operation, dict):
        return None
    if kind == "va.cve.cveId":
        listed = operation.get("values") if operation.keys() == {"values"} else None
        titles = [entry.get("title") for entry in listed or () if isinstance(entry, dict)]
        is_plain = bool(titles) and len(titles) == len(listed or ()) and all(isinstance(title, str) for title in titles)
        return _part(kind, titles) if is_plain else None
    is_plain = operation.keys() == {"value"} and isinstance(operation["value"], str)
    return _part(kind, [operation["value"]]) if is_plain else None


def _part(kind: str, values: JSON) -> JSON:
    """A condition; scores are compared as numbers are written, `8.0`."""
    texts = [str(value) for value in values]
    return {
        "kind": kind,
        "in": [str(float(text)) if re.fullmatch(r"\d{1,2}(\.\d{1,2})?", text) else text for text in texts],
    }
