"""What is declared, for spreadsheets (CSV), programs (JSON, schemas/export.schema.json) and EPAC.

EPAC's form has no word for a recommendation, an owner or a ticket: what it cannot say stands in the metadata of its rows
under `exempt`, which `exempt import epac` reads back, so that export and import give the same declarations.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler import __version__
from reconciler.arm.canonical import encode_selectors, instant_text
from reconciler.arm.standard_properties import vulnerability_fields
from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.facts import initiative_id, policy_id
from reconciler.importing.text import expiry_value
from reconciler.model import JSON, Declaration, SubjectKind
from reconciler.reports.decision_labels import category_label
from reconciler.reports.escape import json_document
from reconciler.reports.spreadsheet import spreadsheet
from reconciler.reports.styled import Line, Style, line

FORMAT_VERSION: Final = "1.0"
EPAC_SCHEMA: Final = (
    "https://raw.githubusercontent.com/Azure/enterprise-azure-policy-as-code/main/Schemas/policy-exemption-schema.json"
)
_COLUMNS: Final = (
    "name", "file", "enabled", "subject", "what", "title", "referenceIds", "scopes", "category", "expiresOn",
    "justification", "owner", "requestedBy", "ticket", "displayName", "vulnerabilities",
)  # fmt: skip
_EPAC_NAME: Final = 64
_LABEL: Final = re.compile(r"[^A-Za-z0-9._-]")
_SEPARATORS: Final = re.compile(r"[&,;]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What is exported: the declarations, sorted by name, and the catalogue that knows what they mean."""

    declarations: Sequence[Declaration]
    catalogue: Catalogue


def export_lines(export: Export) -> Iterator[Line]:
    """A line for each declaration: its name, until when, and what it exempts."""
    for declaration in export.declarations:
        end = expiry_value(declaration.expires_on) if declaration.expires_on else "no end"
        title = _title(declaration, export.catalogue) or declaration.subject.value
        state = "" if declaration.enabled else ", disabled"
        yield line((Style.NAME, declaration.name), f"  {category_label(declaration.category)}, {end}{state}: {title}")


def export_json(export: Export, tool_version: str = __version__) -> str:
    """Every declaration with the fields of its file."""
    return json_document(
        {
            "format_version": FORMAT_VERSION,
            "tool_version": tool_version,
            "declarations": [
                {
                    "file": declaration.source.file,
                    "title": _title(declaration, export.catalogue),
                    **_fields(declaration),
                }
                for declaration in export.declarations
            ],
        }
    )


def export_csv(export: Export) -> str:
    """A row for each declaration."""
    rows: list[dict[str, JSON]] = [
        {
            **_fields(declaration),
            "file": declaration.source.file,
            "enabled": declaration.enabled,
            "subject": declaration.subject.kind.value,
            "what": list(declaration.subject.values),
            "title": _title(declaration, export.catalogue),
        }
        for declaration in export.declarations
    ]
    return spreadsheet(_COLUMNS, ([row.get(column) for column in _COLUMNS] for row in rows))


def _title(declaration: Declaration, catalogue: Catalogue) -> str:
    """What is exempted, in words; empty where the catalogue has none."""
    match declaration.subject.kind:
        case SubjectKind.RECOMMENDATION:
            titles = [item.title for text in declaration.subject.values for item in catalogue.find(text)[:1]]
            return "; ".join(titles)
        case SubjectKind.CATEGORY:
            return declaration.subject.value
        case SubjectKind.POLICY:
            policy = catalogue.policy(policy_id(declaration.subject.value))
            return policy.title if policy else ""
        case SubjectKind.INITIATIVE:
            initiative = catalogue.initiative(initiative_id(declaration.subject.value))
            return initiative.title if initiative else ""
        case SubjectKind.ASSIGNMENT:
            return ""


def _fields(declaration: Declaration) -> dict[str, JSON]:
    """The fields of the file, those that are written only."""
    subject = declaration.subject
    several = subject.kind is SubjectKind.RECOMMENDATION and subject.further
    conditions = vulnerability_fields(declaration.selectors)
    fields: dict[str, JSON] = {
        "name": declaration.name,
        "recommendations" if several else subject.kind.value: list(subject.values) if several else subject.value,
        "referenceIds": list(subject.reference_ids),
        "scopes": [scope.text for scope in declaration.scopes],
        "vulnerabilities": conditions,
        "resourceSelectors": [] if conditions else encode_selectors(declaration.selectors),
        "category": declaration.category.value,
        "expiresOn": expiry_value(declaration.expires_on) if declaration.expires_on else "",
        "justification": declaration.justification,
        **_own_fields(declaration),
        "displayName": declaration.display_name,
        "assignmentScopeValidation": "" if declaration.validate_scope else "DoNotValidate",
        "metadata": dict(declaration.metadata),
    }
    return {name: value for name, value in fields.items() if value not in ("", [], {}, None, False)} | (
        {} if declaration.enabled else {"enabled": False}
    )


def _own_fields(declaration: Declaration) -> dict[str, JSON]:
    """The fields that only a declaration has."""
    return {
        "owner": declaration.owner,
        "requestedBy": declaration.requested_by,
        "ticket": declaration.ticket,
        "adopt": declaration.adopt,
        "takeOver": declaration.take_over or "",
    }


# --- EPAC --------------------------------------------------------------------------------------------------------


def export_epac(export: Export) -> str:
    """The rows of EPAC; what is disabled has none, for it would exempt there."""
    rows = [
        row for declaration in export.declarations if declaration.enabled for row in _epac_rows(declaration, export)
    ]
    return json_document({"$schema": EPAC_SCHEMA, "exemptions": rows})


def without_epac_rows(export: Export) -> dict[str, str]:
    """The enabled declarations that EPAC's form cannot say, or not all of, by name with why: its rows are policy exemptions."""
    reasons = {}
    for declaration in export.declarations:
        subject = declaration.subject
        named = [item for text in subject.values for item in export.catalogue.find(text)]
        alone = [item.title for item in named if not item.policies and item.evaluators]
        if not declaration.enabled:
            continue
        if subject.kind is SubjectKind.CATEGORY:
            reasons[declaration.name] = f"{subject.value} is a category of recommendations"
        elif subject.kind is SubjectKind.RECOMMENDATION and alone:
            reasons[declaration.name] = f"no policy stands behind {'; '.join(alone)}"
    return reasons


def _epac_rows(declaration: Declaration, export: Export) -> Iterator[dict[str, JSON]]:
    """One row, or one for each policy behind its recommendations."""
    own = {key: value for key, value in _own_fields(declaration).items() if value}
    own |= {"declaration": declaration.name, "displayName": declaration.display_name}
    subject = declaration.subject
    if subject.kind is SubjectKind.RECOMMENDATION:
        own["recommendations"] = list(subject.values)
    elif subject.kind is not SubjectKind.ASSIGNMENT:
        own["subject"] = subject.value
    if any(_SEPARATORS.search(reference) for reference in subject.reference_ids):
        own["referenceIds"] = list(subject.reference_ids)
    subjects = list(_epac_subjects(declaration, export.catalogue))
    for number, fields in enumerate(subjects, 1):
        suffix = f"-{number}" if len(subjects) > 1 else ""
        row: dict[str, JSON] = {
            "name": _epac_name(declaration.name, suffix),
            "displayName": declaration.display_name or declaration.name,
            "description": declaration.justification,
            "exemptionCategory": declaration.category.value,
            "expiresOn": instant_text(declaration.expires_on) if declaration.expires_on else "",
            "scopes": [f"{_LABEL.sub('-', scope.name)}:{scope.text}" for scope in declaration.scopes],
            **fields,
            "policyDefinitionReferenceIds": list(subject.reference_ids),
            "assignmentScopeValidation": "" if declaration.validate_scope else "DoNotValidate",
            "resourceSelectors": encode_selectors(declaration.selectors),
            "metadata": {**declaration.metadata, "exempt": own},
        }
        yield {key: value for key, value in row.items() if value not in ("", [])}


def _epac_subjects(declaration: Declaration, catalogue: Catalogue) -> Iterator[dict[str, JSON]]:
    value = declaration.subject.value
    match declaration.subject.kind:
        case SubjectKind.ASSIGNMENT:
            yield {"policyAssignmentId": value}
        case SubjectKind.POLICY:
            yield {"policyDefinitionId": policy_id(value).text}
        case SubjectKind.INITIATIVE:
            yield {"policySetDefinitionId": initiative_id(value).text}
        case SubjectKind.RECOMMENDATION:
            named = [item for text in declaration.subject.values for item in catalogue.find(text)]
            policies = {policy.key: policy for item in named for policy in item.policies}
            yield from ({"policyDefinitionId": policies[key].text} for key in sorted(policies))


def _epac_name(name: str, suffix: str) -> str:
    """A name within EPAC's limit; one that is cut ends in a hash."""
    if len(name) + len(suffix) <= _EPAC_NAME:
        return name + suffix
    digits = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: _EPAC_NAME - len(suffix) - 9]}-{digits}{suffix}"
