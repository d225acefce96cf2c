"""A snapshot as a file: what `exempt snapshot` writes and `plan --snapshot FILE` reads, without the SDK.

The ARM objects inside are as Azure gave them, one a line, so that the file is useful to other tools and to `diff`.
`schemas/snapshot.schema.json` describes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from reconciler import __version__
from reconciler.azure.raw_snapshot import RawSnapshot, ScopeNode, snapshot_of
from reconciler.model import JSON, Cloud, Snapshot, Unread, arm_id
from reconciler.problems import ReconcilerError

FORMAT: Final = "1.0"
_AGAIN: Final = "take a new one: exempt snapshot --out FILE"


def snapshot_text(record: RawSnapshot) -> str:
    """The file's text: JSON with one object a line."""
    return "".join(_lines(_document(record)))


def load_snapshot(path: Path) -> Snapshot:
    """The snapshot that a file holds.

    Raises:
        ReconcilerError: the file cannot be read, or is no snapshot of a form that this version knows.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise ReconcilerError(f"{path} cannot be read: {error.strerror}", "check the path") from error
    except ValueError as error:  # JSON's and Unicode's errors are both ValueErrors
        raise ReconcilerError(f"{path} is not JSON: {error}", _AGAIN) from error
    _check_format(path, document)
    try:
        return snapshot_of(_record(document))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ReconcilerError(f"{path} is not a whole snapshot: {error!r}", _AGAIN) from error


def _check_format(path: Path, document: JSON) -> None:
    version = document.get("format_version") if isinstance(document, Mapping) else None
    if not isinstance(version, str):
        raise ReconcilerError(f"{path} is not a snapshot: it has no format_version", _AGAIN)
    if version.split(".")[0] != FORMAT.split(".", maxsplit=1)[0]:
        raise ReconcilerError(
            f"{path} has format {version}; this version of exempt knows {FORMAT}",
            "use the version of exempt that wrote it, or take a new snapshot",
        )


# --- to a file ---------------------------------------------------------------------------------------------------


def _document(record: RawSnapshot) -> dict[str, JSON]:
    assigned = {value["id"].lower(): value["id"] for value in record.assignments}
    return {
        "format_version": FORMAT,
        "tool_version": __version__,
        "tenantId": record.tenant_id,
        "cloud": record.cloud.value,
        "takenAt": record.taken_at.isoformat().replace("+00:00", "Z"),
        "apiVersions": dict(record.versions),
        "requests": record.requests,
        "complete": not record.unread,
        "unread": [
            {"scope": unread.scope.text, "what": unread.what, "reason": unread.message, "remedy": unread.remedy}
            for unread in record.unread
        ],
        "hierarchy": [_node_json(node) for node in record.nodes],
        "gone": sorted(record.gone),
        "exists": sorted(record.exists),
        "initiativeOfAssignment": {assigned.get(key, key): place for key, place in sorted(record.used.items())},
        "policyAssignments": list(record.assignments),
        "policySetDefinitions": list(record.initiatives),
        "policyDefinitions": list(record.policies),
        "policyExemptions": list(record.exemptions),
    }


def _node_json(node: ScopeNode) -> JSON:
    parent = None if node.parent is None else node.parent.text
    return {"id": node.id.text, "displayName": node.name, "parent": parent, "expected": node.expected}


def _lines(document: Mapping[str, JSON]) -> Iterator[str]:
    opening = "{"
    for name, value in document.items():
        yield f"{opening}\n  {json.dumps(name)}: "
        yield from _value_lines(value)
        opening = ","
    yield "\n}\n"


def _value_lines(value: JSON) -> Iterator[str]:
    if isinstance(value, list) and value:
        yield "[\n    " + ",\n    ".join(_compact(item) for item in value) + "\n  ]"
    elif isinstance(value, dict) and value:
        items = (f"{_compact(name)}: {_compact(item)}" for name, item in value.items())
        yield "{\n    " + ",\n    ".join(items) + "\n  }"
    else:
        yield _compact(value)


def _compact(value: JSON) -> str:
    """JSON in ASCII, without what a terminal or a pipeline's log could obey: it may go to standard output."""
    return json.dumps(value).replace("##", r"#\u0023")


# --- from a file -------------------------------------------------------------------------------------------------


def _record(document: Mapping[str, JSON]) -> RawSnapshot:
    nodes = _each(document, "hierarchy", _node)
    _refuse_circles(nodes)
    return RawSnapshot(
        tenant_id=_typed(document["tenantId"], str),
        cloud=Cloud(document["cloud"]),
        taken_at=datetime.fromisoformat(document["takenAt"]),
        nodes=nodes,
        assignments=_each(document, "policyAssignments", dict),
        exemptions=_each(document, "policyExemptions", dict),
        initiatives=_each(document, "policySetDefinitions", dict),
        used={arm_id(key).key: _typed(place, int) for key, place in document["initiativeOfAssignment"].items()},
        policies=_each(document, "policyDefinitions", dict),
        unread=_each(document, "unread", _unread),
        gone=frozenset(_each(document, "gone", str.lower)),
        exists=frozenset(_each(document, "exists", str.lower)),
        versions=document["apiVersions"],
        requests=document["requests"],
    )


def _refuse_circles(nodes: tuple[ScopeNode, ...]) -> None:
    """Azure's hierarchy has none; an edited file may."""
    parents = {node.id.key: node.parent for node in nodes}
    for node in nodes:
        visited, step = {node.id.key}, node.parent
        while step is not None:
            if step.key in visited:
                raise ValueError(f"{node.id} contains itself")
            visited.add(step.key)
            step = parents.get(step.key)


def _each(document: Mapping[str, JSON], name: str, build: Callable[[JSON], Any]) -> tuple[Any, ...]:
    return tuple(build(value) for value in _typed(document[name], list))


def _typed(value: JSON, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} should be {kind.__name__}")
    return value


def _node(value: JSON) -> ScopeNode:
    parent = value["parent"]
    return ScopeNode(
        id=arm_id(value["id"]),
        name=value["displayName"],
        parent=arm_id(parent) if parent else None,
        expected=_typed(value["expected"], bool),
    )


def _unread(value: JSON) -> Unread:
    return Unread(scope=arm_id(value["scope"]), what=value["what"], message=value["reason"], remedy=value["remedy"])
