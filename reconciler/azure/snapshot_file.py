"""A snapshot as a file: what `exempt snapshot` writes and `plan --snapshot FILE` reads, without the SDK.

The ARM objects inside are as Azure gave them, one a line, so that the file is useful to other tools and to `diff`.
`schemas/snapshot.schema.json` describes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reconciler import __version__
from reconciler.arm import objects
from reconciler.arm.shapes import ShapeError
from reconciler.azure.raw_snapshot import RawSnapshot, ScopeNode, snapshot_of
from reconciler.documents.json_input import LIMITS, JsonInput, JsonInputError, read_json
from reconciler.documents.named_files import read_file
from reconciler.model import JSON, Carrier, Cloud, Snapshot, Unread, ancestors, arm_id, carrier_of

FORMAT: Final = "1.0"
_AGAIN: Final = "take a new one: exempt snapshot --out FILE"
_ENCODER: Final = json.JSONEncoder(check_circular=False)  # what was read as JSON has no circles


def snapshot_pieces(raw: RawSnapshot) -> Iterator[str]:
    """The file's text, JSON with one object a line, piece by piece: it has hundreds of megabytes where many are exempt."""
    start = "{"
    for name, value in _document(raw).items():
        yield f"{start}\n  {json.dumps(name)}: "
        start = ","
        if isinstance(value, list) and value:
            yield from _rows("[", map(_compact, value), "]")
        elif isinstance(value, dict) and value:
            yield from _rows("{", (f"{_compact(key)}: {_compact(item)}" for key, item in value.items()), "}")
        else:
            yield _compact(value)
    yield "\n}\n"


def _rows(start: str, rows: Iterable[str], end: str) -> Iterator[str]:
    separator = start
    for row in rows:
        yield f"{separator}\n    {row}"
        separator = ","
    yield f"\n  {end}"


def load_snapshot(path: Path) -> Snapshot:
    """The snapshot that a file holds.

    Raises:
        ReconcilerError: the file cannot be read, or is no snapshot of a form that this version knows.
    """
    return _checked(path)[1]


def load_raw_snapshot(path: Path) -> RawSnapshot:
    """The same, as ARM gave it.

    Raises:
        ReconcilerError: as above.
    """
    return _checked(path)[0]


def _checked(path: Path) -> tuple[RawSnapshot, Snapshot]:
    remedy = "name what 'exempt snapshot --out FILE' saved"
    data = read_file(path, label="snapshot", remedy=remedy, limit=LIMITS.size)
    document = read_json(data, origin=str(path), remedy=_AGAIN)
    document.check_format(document="a snapshot", reads=FORMAT)
    raw = _raw_snapshot(document)
    try:
        return raw, snapshot_of(raw)
    except ShapeError as error:
        raise _misshapen(document) or document.error(str(error)) from error


# --- to a file ---------------------------------------------------------------------------------------------------


def _document(raw: RawSnapshot) -> dict[str, JSON]:
    assigned = {value["id"].lower(): value["id"] for value in raw.assignments}
    exemptions: dict[Carrier, list[JSON]] = {carrier: [] for carrier in Carrier}
    for value in raw.exemptions:
        exemptions[carrier_of(arm_id(value["id"]))].append(value)
    return {
        "format_version": FORMAT,
        "tool_version": __version__,
        "tenantId": raw.tenant_id,
        "cloud": raw.cloud.value,
        "takenAt": raw.taken_at.isoformat().replace("+00:00", "Z"),
        "apiVersions": dict(raw.versions),
        "requests": raw.requests,
        "complete": not raw.unread,
        "unread": [
            {
                "scope": unread.scope.text,
                "what": unread.what,
                "reason": unread.message,
                "remedy": unread.remedy,
                "refused": unread.is_refused,
            }
            for unread in raw.unread
        ],
        "hierarchy": [
            {
                "id": node.id.text,
                "displayName": node.name,
                "parent": node.parent.text if node.parent else None,
                "expected": node.expected,
            }
            for node in raw.nodes
        ],
        "gone": sorted(raw.gone),
        "exists": sorted(raw.exists),
        "similar": {key: [near.text for near in nearest] for key, nearest in sorted(raw.similar.items())},
        "initiativeOfAssignment": {assigned.get(key, key): place for key, place in sorted(raw.used.items())},
        "policyAssignments": list(raw.assignments),
        "policySetDefinitions": list(raw.initiatives),
        "policyDefinitions": list(raw.policies),
        "policyExemptions": exemptions[Carrier.POLICY],
        "standardAssignments": exemptions[Carrier.STANDARD],
    }


def _compact(value: JSON) -> str:
    """JSON in ASCII, without what a terminal or a pipeline's log could obey: it may go to standard output."""
    text = _ENCODER.encode(value)
    return text.replace("##", r"#\u0023") if "#" in text else text  # one character is found much faster


# --- from a file -------------------------------------------------------------------------------------------------


def _raw_snapshot(document: JsonInput) -> RawSnapshot:
    nodes = tuple(map(_node, document.member("hierarchy").items()))
    # Azure's hierarchy has no circles; an edited file may.
    parents = {node.id.key: node.parent for node in nodes if node.parent is not None}
    for node in nodes:
        if parents.get(ancestors(node.id, parents)[-1].key) is not None:
            raise document.member("hierarchy").error(f"{node.id} contains itself")
    initiatives = _objects(document, "policySetDefinitions")
    # Absent in snapshots of versions that did not read them.
    standards, similar = document.optional("standardAssignments"), document.optional("similar")
    return RawSnapshot(
        tenant_id=document.member("tenantId").as_text(),
        cloud=document.member("cloud").as_choice(Cloud),
        taken_at=_instant(document.member("takenAt")),
        nodes=nodes,
        assignments=_objects(document, "policyAssignments"),
        exemptions=(
            *_objects(document, "policyExemptions"),
            *(item.as_object() for item in (standards.items() if standards is not None else ())),
        ),
        initiatives=initiatives,
        used={
            arm_id(assignment).key: _position(entry, len(initiatives))
            for assignment, entry in document.member("initiativeOfAssignment").entries()
        },
        policies=_objects(document, "policyDefinitions"),
        unread=tuple(map(_unread, document.member("unread").items())),
        gone=frozenset(item.as_text().lower() for item in document.member("gone").items()),
        exists=frozenset(item.as_text().lower() for item in document.member("exists").items()),
        similar={
            key.lower(): tuple(arm_id(item.as_text()) for item in nearest.items())
            for key, nearest in (similar.entries() if similar is not None else ())
        },
        versions={kind: entry.as_text() for kind, entry in document.member("apiVersions").entries()},
        requests=document.member("requests").as_integer(),
    )


def _objects(document: JsonInput, name: str) -> tuple[JSON, ...]:
    return tuple(item.as_object() for item in document.member(name).items())


def _instant(entry: JsonInput) -> datetime:
    try:
        instant = datetime.fromisoformat(entry.as_text())
    except ValueError:
        raise entry.error("no date and time") from None
    if instant.tzinfo is None:
        raise entry.error("the time zone is missing")
    return instant


def _position(entry: JsonInput, count: int) -> int:
    position = entry.as_integer()
    if not 0 <= position < count:
        raise entry.error(f"{position} is no position in policySetDefinitions, which has {count}")
    return position


def _node(entry: JsonInput) -> ScopeNode:
    parent = entry.optional("parent")
    return ScopeNode(
        id=arm_id(entry.member("id").as_text()),
        name=entry.member("displayName").as_text(),
        parent=arm_id(parent.as_text()) if parent else None,
        expected=entry.member("expected").as_boolean(),
    )


def _unread(entry: JsonInput) -> Unread:
    scope, content, message, remedy = (entry.member(name).as_text() for name in ("scope", "what", "reason", "remedy"))
    refused = entry.optional("refused")  # absent in snapshots of versions that did not say it
    is_refused = refused is not None and refused.as_boolean()
    return Unread(scope=arm_id(scope), what=content, message=message, remedy=remedy, is_refused=is_refused)


def _misshapen(document: JsonInput) -> JsonInputError | None:
    """The error about the first object that is not what ARM gives, with its place."""
    for name, decode in _DECODERS.items():
        entry = document.optional(name)
        for item in entry.items() if entry is not None else ():
            try:
                decode(item.value)
            except ShapeError as error:
                return item.error(str(error))
    return None


_DECODERS: Final[Mapping[str, Callable[[JSON], object]]] = MappingProxyType(
    {
        "policyAssignments": objects.decode_assignment,
        "policySetDefinitions": objects.decode_initiative,
        "policyDefinitions": objects.decode_policy,
        "policyExemptions": objects.decode_exemption,
        "standardAssignments": objects.decode_exemption,
    }
)
