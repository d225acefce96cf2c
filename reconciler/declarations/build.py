"""From a document that the schema accepts to a `Declaration`. Nothing is judged here.

Ten thousand declarations are built in one run: what only a message needs, `Places` looks for when a message is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from pathlib import PurePosixPath
from typing import Final

from reconciler.arm.standard_properties import vulnerability_selectors
from reconciler.documents.document import Document
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
)

_LISTS: Final = ("scopes", "referenceIds", "recommendations")
_SUBJECTS: Final = {kind.value: kind for kind in SubjectKind}


class Places(Mapping[str, Source]):
    """Where the fields of one document stand, and the items of its lists that differ (`scopes.0`). Nothing is looked for
    before somebody asks where it stands: whether it is there, the data says.
    """

    __slots__ = ("_document",)

    def __init__(self, document: Document) -> None:
        self._document = document

    def __getitem__(self, path: str) -> Source:
        if path not in self:
            raise KeyError(path)
        field, _, index = path.partition(".")
        if field not in self._document.data:  # the one field of a list's subjects
            field = "recommendations"
        return self._document.place((field, self._firsts(field)[int(index)]) if index else (field,))

    def __contains__(self, path: object) -> bool:
        if not isinstance(path, str):
            return False
        data = self._document.data
        field, _, index = path.partition(".")
        if index:
            return field in _LISTS and field in data and index.isdecimal() and int(index) < len(self._firsts(field))
        return path in data or (path == SubjectKind.RECOMMENDATION.value and "recommendations" in data)

    def __iter__(self) -> Iterator[str]:
        data = self._document.data
        yield from data
        if "recommendations" in data:
            yield SubjectKind.RECOMMENDATION.value
        for field in _LISTS:
            if field in data:
                yield from (f"{field}.{index}" for index in range(len(self._firsts(field))))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _firsts(self, field: str) -> Sequence[int]:
        """The positions in a list at which something is said for the first time."""
        texts = self._document.data[field]
        keys = [arm_id(text).key for text in texts] if field == "scopes" else texts
        return sorted({key: index for index, key in reversed([*enumerate(keys)])}.values())


def declaration(document: Document) -> Declaration:
    """The value of a document that the schema accepts."""
    data = document.data
    if "recommendations" in data:
        first, *further = dict.fromkeys(data["recommendations"])
        subject = Subject(kind=SubjectKind.RECOMMENDATION, value=first, further=tuple(further))
    else:
        field = next(field for field in _SUBJECTS if field in data)
        value = arm_id(data[field]).text if data[field].startswith("/") else data[field]
        references = tuple(dict.fromkeys(data.get("referenceIds", ())))
        subject = Subject(kind=_SUBJECTS[field], value=value, reference_ids=references)
    return Declaration(
        name=data["name"],
        subject=subject,
        scopes=distinct(map(arm_id, data["scopes"])),  # that they are scopes, the schema's pattern says
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
        places=Places(document),
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
