"""From a document that the schema accepts to a `Declaration`. Nothing is judged here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from pathlib import PurePosixPath
from typing import Final

from reconciler.arm.standard_properties import vulnerability_selectors
from reconciler.documents.document import Document, Place
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

_LISTS: Final = ("scopes", "referenceIds", "recommendations")
_SUBJECTS: Final = {kind.value: kind for kind in SubjectKind}


class Places(Mapping[str, Source]):
    """Where the fields of one document stand, and the items of its lists that differ (`scopes.0`); keeps what the parser
    said and makes each `Source` when it is asked for. `firsts` are the positions of the items that differ, for lists that
    say something twice.
    """

    __slots__ = ("_fields", "_file", "_firsts")

    def __init__(self, document: Document, firsts: Mapping[str, Sequence[int]]) -> None:
        _, _, fields = document.top
        assert isinstance(fields, dict)
        self._file = document.file
        self._fields = fields
        self._firsts = firsts

    def __getitem__(self, path: str) -> Source:
        place = self._find(path)
        if place is None:
            raise KeyError(path)
        return Source(self._file, place[0], place[1])

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self._find(path) is not None

    def __iter__(self) -> Iterator[str]:
        yield from self._fields
        if "recommendations" in self._fields:
            yield SubjectKind.RECOMMENDATION.value
        for field in _LISTS:
            yield from (f"{field}.{index}" for index in range(len(self._items(field))))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _find(self, path: str) -> Place | None:
        if path in self._fields:
            return self._fields[path][1]
        if path == SubjectKind.RECOMMENDATION.value and "recommendations" in self._fields:
            return self._fields["recommendations"][1]
        field, _, index = path.partition(".")
        if field not in _LISTS or not index.isdecimal():
            return None
        items = self._items(field)
        return items[int(index)] if int(index) < len(items) else None

    def _items(self, field: str) -> Sequence[Place]:
        """The places of the items of a list, each once."""
        items = self._fields[field][1][2] if field in self._fields else ()
        assert isinstance(items, Sequence)
        assert not isinstance(items, str)
        return [items[index] for index in self._firsts[field]] if field in self._firsts else items


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
        places=Places(document, _firsts(data)),
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


def _firsts(data: Mapping[str, JSON]) -> Mapping[str, Sequence[int]]:
    """Of each list that says something twice, the positions at which something is said for the first time."""
    firsts = {}
    for field in _LISTS:
        texts = data.get(field, ())
        if len(texts) < 2:
            continue
        keys = [arm_id(text).key for text in texts] if field == "scopes" else texts
        if len(set(keys)) < len(keys):
            firsts[field] = sorted({key: index for index, key in reversed([*enumerate(keys)])}.values())
    return firsts
