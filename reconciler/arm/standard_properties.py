"""The `properties` of a standard assignment that exempts: encoded from an exemption, and parted again.

Azure writes an assignment's `metadata` itself, so our mark stands at the end of the description, which is ours to write:
`Server retires in January. [exempt {"declaration":"legacy-sql","owner":"contoso"}]`. What is not exactly that is text:
a mark that somebody cut off or broke is no mark.

A rule about findings and excluded scopes have the form of selectors, of which any group selects and in a group all must
hold: `allOf` is one group, `anyOf` is as many as it has parts. A rule of another form is kept as its JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from reconciler.model import JSON, UNPUBLISHED, ArmId, ResourceSelector, Selector, assessment_id

if TYPE_CHECKING:  # declarations are read with this module, before Azure is
    from reconciler.model import Exemption

MANAGER: Final = "exempt"
CVE: Final = "va.cve.cveId"
SEVERITY: Final = "va.cve.severity"
CVSS: Final = "va.cve.cvss"
EXCLUDED: Final = "excludedScopes"
RULE: Final = "subAssessmentExemptionRule"

_OPEN: Final = "[exempt {"
_OPERATIONS: Final = {CVE: "ContainedInOperation", SEVERITY: "LessThanFilterOperation", CVSS: "LessThanFilterOperation"}
_FIELDS: Final = (("minSeverity", SEVERITY), ("cvssBelow", CVSS))
_SCORE: Final = re.compile(r"[0-9]{1,2}(\.[0-9]{1,2})?")
_MOST_CVSS: Final = 10
_CVE_NAME: Final = re.compile(r"CVE-[0-9]{4}-[0-9]{4,19}", re.IGNORECASE)
_SEVERITIES: Final = frozenset({"Low", "Medium", "High", "Critical"})
_MARK: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_GROUP: Final = "findings"

MODELLED: Final = frozenset(
    {"displayName", "description", "effect", EXCLUDED, "expiresOn", "exemptionData", "metadata"}
)
_DATA: Final = frozenset({"exemptionCategory", "assignedAssessment", RULE})


# --- the mark ----------------------------------------------------------------------------------------------------


def marked_description(text: str, metadata: Mapping[str, JSON]) -> str:
    """A description with its mark; without metadata the text alone."""
    mark = {key: value for key, value in metadata.items() if key != "managedBy"}
    if not mark:
        return text
    # A mark begins at the last opening, so that what is inside must not look like one.
    encoded = _MARK.encode(mark).replace(_OPEN, "\\u005b" + _OPEN[1:])
    return f"{text} [{MANAGER} {encoded}]" if text else f"[{MANAGER} {encoded}]"


def parted_description(description: str) -> tuple[str, dict[str, JSON]]:
    """The text and the metadata of a description; no metadata where it bears no whole mark."""
    text, opening, rest = description.rstrip().rpartition(_OPEN)
    if not opening or not rest.endswith("]"):
        return description, {}
    try:
        mark = json.loads("{" + rest[:-1], parse_constant=_refused)
    except (ValueError, RecursionError):
        return description, {}
    if not isinstance(mark, dict) or not all(isinstance(mark.get(key), str) for key in ("owner", "declaration")):
        return description, {}
    return text.rstrip(), {**mark, "managedBy": MANAGER}


def _refused(constant: str) -> JSON:
    raise ValueError(f"{constant} is no JSON")


# --- what it exempts, and which findings of that -----------------------------------------------------------------


def assessed(properties: Mapping[str, JSON]) -> ArmId:
    """The assessment that live properties exempt from; `UNPUBLISHED` where they say it in another way than by its key."""
    data = properties.get("exemptionData")
    item = data.get("assignedAssessment") if isinstance(data, dict) else None
    key = item.get("assessmentKey") if isinstance(item, dict) else None
    return assessment_id(key) if isinstance(key, str) and key else UNPUBLISHED


def decode_conditions(rule: JSON, excluded: tuple[str, ...]) -> tuple[ResourceSelector, ...]:
    """A rule about findings and the scopes that are left out, as selectors."""
    groups = _groups(rule) if rule else [()]
    if excluded:
        groups = [(*parts, Selector(kind=EXCLUDED, values=excluded, negated=True)) for parts in groups]
    named = [parts for parts in groups if parts]
    return tuple(
        ResourceSelector(_GROUP if len(named) == 1 else f"{_GROUP}-{number}", parts)
        for number, parts in enumerate(named, start=1)
    )


def _groups(rule: JSON) -> list[tuple[Selector, ...]]:
    condition = rule.get("if") if isinstance(rule, dict) and rule.keys() == {"if"} else None
    if isinstance(condition, dict) and len(condition) == 1:
        ((operator, parts),) = condition.items()
        selectors = [_selector(part) for part in parts] if isinstance(parts, list) and parts else [None]
        documented = tuple(selector for selector in selectors if selector is not None)
        if len(documented) == len(selectors) and operator == "allOf":
            return [documented]
        if len(documented) == len(selectors) and operator == "anyOf":
            return [(selector,) for selector in documented]
    return [(Selector(kind=RULE, values=(_MARK.encode(rule),)),)]


def _selector(part: JSON) -> Selector | None:
    """One documented condition; None for any other."""
    if not isinstance(part, dict) or part.keys() != {"field", "operationType", "operation"}:
        return None
    field, operation = part["field"], part["operation"]
    if not isinstance(field, str) or not isinstance(operation, dict) or part["operationType"] != _OPERATIONS.get(field):
        return None
    if field == CVE:
        values = operation.get("values")
        items = values if isinstance(values, list) and operation.keys() == {"values"} else []
        titles = [item["title"] for item in items if isinstance(item, dict) and isinstance(item.get("title"), str)]
        return Selector(kind=CVE, values=tuple(titles)) if titles and len(titles) == len(items) else None
    value = operation.get("value")
    is_text = operation.keys() == {"value"} and isinstance(value, str)
    return Selector(kind=field, values=(_number(str(value)),)) if is_text else None


def _number(text: str) -> str:
    """A score as the documentation writes it, `8.0`; any other text as it is."""
    return str(float(text)) if _SCORE.fullmatch(text) else text


def _rule(selectors: Iterable[ResourceSelector]) -> JSON:
    groups = [[part for part in group.selectors if part.kind != EXCLUDED] for group in selectors]
    parts = [part for group in groups for part in group]
    if not parts:
        return None
    if parts[0].kind == RULE:
        return json.loads(parts[0].values[0])
    conditions = []
    for part in parts:
        is_list = part.kind == CVE
        operation = {"values": [{"title": title} for title in part.values]} if is_list else {"value": part.values[0]}
        conditions.append({"field": part.kind, "operationType": _OPERATIONS[part.kind], "operation": operation})
    return {"if": {"allOf" if len(groups) == 1 else "anyOf": conditions}}


def vulnerability_selectors(fields: Mapping[str, JSON]) -> tuple[ResourceSelector, ...]:
    """The conditions that a declaration writes as `vulnerabilities`: all of them must hold."""
    parts = [Selector(kind=CVE, values=tuple(fields["cves"]))] if "cves" in fields else []
    parts += [Selector(kind=kind, values=(_number(str(fields[name])),)) for name, kind in _FIELDS if name in fields]
    return (ResourceSelector(_GROUP, tuple(parts)),)


def vulnerability_fields(selectors: tuple[ResourceSelector, ...]) -> dict[str, JSON] | None:
    """The same the other way round; None where a declaration cannot say it, or where a value is none it may have."""
    fields: dict[str, JSON] = {}
    for part in selectors[0].selectors if len(selectors) == 1 else ():
        first = part.values[0]
        if part.kind == CVE and "cves" not in fields and all(map(_CVE_NAME.fullmatch, part.values)):
            fields["cves"] = [value.upper() for value in part.values]
        elif part.kind == CVSS and "cvssBelow" not in fields and _SCORE.fullmatch(first) and float(first) <= _MOST_CVSS:
            fields["cvssBelow"] = float(first)
        elif part.kind == SEVERITY and "minSeverity" not in fields and first.capitalize() in _SEVERITIES:
            fields["minSeverity"] = first.capitalize()
        else:
            return None
    return fields or None


# --- the whole ---------------------------------------------------------------------------------------------------


def encode(exemption: Exemption) -> dict[str, JSON]:
    """The ARM `properties`, without what is empty. What live objects have beside is carried over."""
    further = exemption.extra.get("exemptionData") or {}
    data = {
        "exemptionCategory": exemption.category.lower(),
        "assignedAssessment": {"assessmentKey": exemption.assignment.name},
        RULE: _rule(exemption.selectors),
        **further,
    }
    # Every group says the same scopes.
    parts = (part for group in exemption.selectors[:1] for part in group.selectors if part.kind == EXCLUDED)
    properties: dict[str, JSON] = {
        "displayName": exemption.display_name,
        "description": marked_description(exemption.description, exemption.metadata),
        "effect": "Exempt",
        EXCLUDED: sorted(value for part in parts for value in part.values),
        "expiresOn": exemption.expires_on,
        "exemptionData": {key: value for key, value in data.items() if value is not None},
        **{key: value for key, value in sorted(exemption.extra.items()) if key != "exemptionData"},
    }
    return {key: value for key, value in properties.items() if value not in ("", [], {}, None)}


def encode_body(exemption: Exemption) -> JSON:
    """The body of the PUT, in the form that is documented: a standard and excluded scopes are named though empty."""
    return {"properties": {"assignedStandard": None, EXCLUDED: [], **encode(exemption)}}


def unmodelled(properties: Mapping[str, JSON]) -> dict[str, JSON]:
    """What live properties have that an exemption does not model, and that a PUT must not lose."""
    extra = {key: value for key, value in properties.items() if key not in MODELLED and value is not None}
    data = properties.get("exemptionData")
    further = {key: value for key, value in data.items() if key not in _DATA} if isinstance(data, dict) else {}
    return {**extra, "exemptionData": further} if further else extra


def is_encoded(properties: Mapping[str, JSON]) -> bool:
    """Whether these are the properties of a standard assignment rather than of a policy exemption."""
    return "exemptionData" in properties


def comparable(properties: Mapping[str, JSON]) -> dict[str, JSON]:
    """The properties with the mark parted from the description, in one letter case where Azure ignores it."""
    text, metadata = parted_description(str(properties.get("description", "")))
    data = properties["exemptionData"]
    rule = decode_conditions(data.get(RULE), ())
    return {
        **properties,
        "description": text,
        "metadata": metadata,
        EXCLUDED: sorted(scope.lower() for scope in properties.get(EXCLUDED, ())),
        "exemptionData": {
            **data,
            "exemptionCategory": str(data.get("exemptionCategory", "")).lower(),
            "assignedAssessment": {"assessmentKey": assessed(properties).name.lower()},
            RULE: sorted(
                sorted([part.kind, *sorted(v.lower() for v in part.values)] for part in group.selectors)
                for group in rule
            ),
        },
    }
