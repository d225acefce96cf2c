"""From a document that the schema accepts to a `Declaration`. Nothing is judged here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time
from pathlib import PurePosixPath

from reconciler.arm.standard_properties import vulnerability_selectors
from reconciler.documents.document import Document, Mark
from reconciler.model import (
    JSON,
    ArmId,
    Category,
    Declaration,
    ResourceSelector,
    Selector,
    Source,
    Subject,
    SubjectKind,
    arm_id,
    parse_scope,
)


class Places(Mapping[str, Source]):
    """Where the fields of one document stand; keeps numbers and makes each `Source` when it is asked for."""

    __slots__ = ("_file", "_marks")

    def __init__(self, file: str, marks: Mapping[str, Mark]) -> None:
        self._file = file
        self._marks = marks

    def __getitem__(self, path: str) -> Source:
        return Source(self._file, *self._marks[path])

    def __iter__(self) -> Iterator[str]:
        return iter(self._marks)

    def __len__(self) -> int:
        return len(self._marks)


def declaration(document: Document) -> Declaration:
    """The value of a document that the schema accepts."""
    data = document.data
    if "recommendations" in data:
        first, *further = dict.fromkeys(data["recommendations"])
        subject = Subject(kind=SubjectKind.RECOMMENDATION, value=first, further=tuple(further))
    else:
        kind = next(kind for kind in SubjectKind if kind.value in data)
        text = data[kind.value]
        value = arm_id(text).text if text.startswith("/") else text
        subject = Subject(kind=kind, value=value, reference_ids=tuple(dict.fromkeys(data.get("referenceIds", ()))))
    return Declaration(
        name=data["name"],
        subject=subject,
        scopes=distinct(parse_scope(scope) for scope in data["scopes"]),
        category=Category(data["category"]),
        justification=data["justification"].strip(),
        owner=data["owner"],
        source=document.place(()),
        display_name=data.get("displayName", ""),
        expires_on=last_instant(data["expiresOn"]) if "expiresOn" in data else None,
        ticket=data.get("ticket", ""),
        requested_by=data.get("requestedBy", ""),
        selectors=_selectors(data),
        validate_scope=data.get("assignmentScopeValidation", "Default") == "Default",
        metadata=data.get("metadata", {}),
        ahead=data.get("ahead", False),
        adopt=data.get("adopt", False),
        take_over=data.get("takeOver"),
        enabled=data.get("enabled", True),
        selected_by=data.get("selectedBy", {}),
        places=_places(document),
    )


def distinct(scopes: Iterator[ArmId]) -> tuple[ArmId, ...]:
    """The ids in the order written, each once."""
    return tuple({scope.key: scope for scope in scopes}.values())


def last_instant(text: str) -> datetime:
    """The last instant of validity, UTC: of a date, the last second of that day."""
    if len(text) == 10:
        return datetime.combine(datetime.fromisoformat(text).date(), time(23, 59, 59), UTC)
    return datetime.fromisoformat(text).astimezone(UTC)


def stem(file: str) -> str:
    """The name that a declaration in this file must have."""
    return PurePosixPath(file).stem


def _selectors(data: Mapping[str, JSON]) -> tuple[ResourceSelector, ...]:
    """What narrows it: to resources, or to vulnerabilities."""
    if "vulnerabilities" in data:
        return vulnerability_selectors(data["vulnerabilities"])
    selectors = []
    for item in data.get("resourceSelectors", ()):
        conditions = (
            Selector(kind=part["kind"], values=tuple(part["notIn" if negated else "in"]), negated=negated)
            for part in item["selectors"]
            for negated in ["notIn" in part]
        )
        selectors.append(ResourceSelector(item["name"], tuple(conditions)))
    return tuple(selectors)


def _places(document: Document) -> Places:
    """The fields of the top and the items of their lists; `scopes.0` where a repeated scope was dropped is gone too."""
    marks = {path[0]: mark for path, mark in document.values.items() if len(path) == 1}
    if "recommendations" in marks:
        marks[SubjectKind.RECOMMENDATION.value] = marks["recommendations"]
    for field in ("scopes", "referenceIds", "recommendations"):
        positions: dict[str, int] = {}
        for index, text in enumerate(document.data.get(field, ())):
            key = arm_id(text).key if field == "scopes" else text
            if key not in positions:
                positions[key] = len(positions)
                marks[f"{field}.{positions[key]}"] = document.values[field, index]
    return Places(document.file, {str(path): mark for path, mark in marks.items()})
