"""EPAC's exemption files (Azure/enterprise-azure-policy-as-code, v5 to v11): JSON, JSON with comments, and CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from reconciler.documents.json_input import JsonInputError
from reconciler.importing.arm_template import template_rows
from reconciler.importing.rows import (
    ForeignRow,
    Parsed,
    RowError,
    folded,
    json_list,
    json_object,
    lenient_json,
    refused,
    text_of,
    texts_of,
)
from reconciler.model import JSON, ArmId

_KNOWN: Final = frozenset(
    {
        "name", "displayname", "description", "exemptioncategory", "expireson", "scope", "scopes",
        "policyassignmentid", "assignmentreferenceid", "policydefinitionid", "policydefinitionname",
        "policysetdefinitionid", "policysetdefinitionname", "policydefinitionreferenceids", "resourceselectors",
        "metadata", "assignmentscopevalidation", "status", "expiresindays",
    }
)  # fmt: skip
_CATEGORIES: Final = frozenset({"waiver", "mitigated"})
_SPLIT: Final = re.compile(r"\s*&\s*|\s*,\s*(?=/|[^,/]*:/)")
_REFERENCE_SPLIT: Final = re.compile(r"\s*[&,;]\s*")


def epac_rows(text: str, file: str, scope: ArmId | None = None) -> Iterator[Parsed]:
    """Every row of one file; `scope` is where an ARM template among them is deployed."""
    text = text.removeprefix("\ufeff")
    if file.lower().endswith(".csv"):
        yield from _csv_rows(text, file)
        return
    try:
        document = lenient_json(text, file)
    except JsonInputError as error:
        yield refused(file, file, error.fault, "correct the file")
        return
    rows, root_scopes = document, tuple[str, ...]()
    if isinstance(document, dict):
        by_key = folded(document)
        if isinstance(by_key.get("resources"), (list, dict)):
            yield from template_rows(document, file, scope)
            return
        scopes = by_key.get("scope")  # a text, a list, or lists by selector
        by_selector = scopes.values() if isinstance(scopes, dict) else [scopes]
        root_scopes = tuple(text for value in by_selector for text in texts_of(value))
        rows = by_key.get("exemptions")
        if rows is None:
            rows = _parameter_rows(by_key.get("parameters"))
        if rows is None and {"policyassignmentid", "exemptioncategory"} & by_key.keys():
            rows = [document]
    if not isinstance(rows, list):
        yield refused(file, file, "there is no list of exemptions in it", "name a file with `exemptions: [...]`")
        return
    for number, row in enumerate(rows, 1):
        source = f"{file}: exemption {number}"
        if not isinstance(row, dict):
            yield refused(source, "", "it is no object", "correct the file")
            continue
        yield _row(row, source, root_scopes)


def _parameter_rows(value: JSON) -> JSON:
    """The first list of objects in an ARM parameter file (`parameters.X.value`)."""
    if not isinstance(value, dict):
        return None
    for parameter in value.values():
        content = parameter.get("value") if isinstance(parameter, dict) else None
        if isinstance(content, dict):
            content = folded(content).get("exemptions")
        if isinstance(content, list) and all(isinstance(row, dict) for row in content):
            return content
    return None


def _csv_rows(text: str, file: str) -> Iterator[Parsed]:
    reader = csv.reader(io.StringIO(text, newline=""))
    header = [name.strip().lower() for name in next(reader, [])]
    if not {"name", "exemptioncategory"} <= set(header):
        yield refused(file, file, "its first line is no header of EPAC's", "it must have name and exemptionCategory")
        return
    for cells in reader:
        source = f"{file}:{reader.line_num}"
        if not any(cell.strip() for cell in cells):
            continue
        row = dict(zip(header, cells, strict=False))
        beyond = [cell for cell in cells[len(header) :] if cell.strip()]
        if beyond or len(cells) < len(header) - header[::-1].index("exemptioncategory"):
            yield refused(
                source,
                row.get("name", ""),
                f"it has {len(cells)} cells below {len(header)} columns",
                "quote its commas",
            )
            continue
        yield _row(row, source, ())


def _row(raw: Mapping[str, JSON], source: str, root_scopes: Sequence[str]) -> Parsed:
    row = folded(raw)
    name = text_of(row.get("name"))
    try:
        return _parsed(row, name, source, root_scopes)
    except RowError as error:
        return refused(source, name, error.message, error.remedy)


def _parsed(row: Mapping[str, JSON], name: str, source: str, root_scopes: Sequence[str]) -> ForeignRow:
    notes = [
        f"the field {key} is none of EPAC's and was left out" for key in sorted(row.keys() - _KNOWN) if key and row[key]
    ]
    category = text_of(row.get("exemptioncategory"))
    if category.lower() not in _CATEGORIES:
        fault = f"exemptionCategory is {category!r}" if category else "exemptionCategory is empty"
        raise RowError(f"{fault}; columns may have shifted", "write Waiver or Mitigated, and quote commas in the cells")
    scopes = _several(row.get("scopes")) or _several(row.get("scope")) or tuple(root_scopes)
    metadata = row.get("metadata")
    if isinstance(metadata, list) and metadata:
        notes.append("its metadata is a list and was left out")
        metadata = None
    assignment, policy, initiative = _subject(row, notes)
    references = row.get("policydefinitionreferenceids")
    if isinstance(references, str) and references.strip().startswith("["):
        references = list(json_list(references, "policyDefinitionReferenceIds"))
    return ForeignRow(
        source=source,
        name=name,
        display_name=text_of(row.get("displayname")),
        description=text_of(row.get("description")),
        category=category,
        expires_on=text_of(row.get("expireson")),
        scopes=scopes,
        assignment=assignment,
        policy=policy,
        initiative=initiative,
        references=tuple(
            part for text in texts_of(references) for part in _REFERENCE_SPLIT.split(text.strip()) if part
        ),
        selectors=tuple(json_list(row.get("resourceselectors"), "resourceSelectors")),
        metadata=json_object(metadata, "metadata"),
        validation=text_of(row.get("assignmentscopevalidation")),
        notes=tuple(notes),
    )


def _several(value: JSON) -> tuple[str, ...]:
    return tuple(part.strip() for text in texts_of(value) for part in _SPLIT.split(text) if part.strip())


def _subject(row: Mapping[str, JSON], notes: list[str]) -> tuple[str, str, str]:
    """What is exempted, as written: assignment, policy, initiative; exactly one of them has a text."""
    assignment = text_of(row.get("policyassignmentid"))
    reference = text_of(row.get("assignmentreferenceid"))
    policy = text_of(row.get("policydefinitionid")) or text_of(row.get("policydefinitionname"))
    initiative = text_of(row.get("policysetdefinitionid")) or text_of(row.get("policysetdefinitionname"))
    if reference and not assignment:
        lowered = reference.lower()
        if "policyassignments/" in lowered:
            assignment = reference
        elif "policysetdefinitions/" in lowered:
            initiative = initiative or reference
        else:
            policy = policy or reference
    if "policysetdefinitions/" in policy.lower():
        notes.append("its policyDefinitionId is an initiative's id and was taken as that")
        policy, initiative = "", initiative or policy
    if assignment:
        beside = [text for text in (policy, initiative) if text]
        if beside:
            notes.append(f"{beside[0]!r} stands beside the assignment and was left out")
        return assignment, "", ""
    if policy and initiative:
        raise RowError("it names both a policy and an initiative", "leave one of the two empty")
    if not policy and not initiative:
        raise RowError(
            "it names no assignment, policy or initiative", "fill in policyAssignmentId or policyDefinitionId"
        )
    return "", policy, initiative
