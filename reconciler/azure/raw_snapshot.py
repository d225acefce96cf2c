"""Everything that was read for one run, as ARM gave it, and the snapshot that it means.

The record is what `exempt snapshot` writes, so that a plan from a file and a plan from Azure go the same way. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.arm import objects
from reconciler.model import JSON, ArmId, Cloud, Exemption, Snapshot, Unread


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeNode:
    """A management group or subscription, its display name (may be empty) and the group it lies in (None: unknown, or
    the top). `expected`: it is one of the managed roots or below one, so its lists belong to the run.
    """

    id: ArmId
    name: str = ""
    parent: ArmId | None = None
    expected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSnapshot:
    """What was read, with what could not be.

    `initiatives` are policy sets, each at one version; `used` maps a folded assignment id to the position of its set
    there. `gone` and `exists` are folded ids; `similar` maps a declared one that is gone to what may have been meant.
    `requests` counts what was sent, repeats included. `decoded` maps the identity of an exemption's JSON object to that
    object and its value: decoding a hundred thousand of them a second time takes a second.
    """

    tenant_id: str
    cloud: Cloud
    taken_at: datetime
    nodes: tuple[ScopeNode, ...]
    assignments: tuple[JSON, ...]
    exemptions: tuple[JSON, ...]
    initiatives: tuple[JSON, ...]
    used: Mapping[str, int]
    policies: tuple[JSON, ...] = ()
    unread: tuple[Unread, ...] = ()
    gone: frozenset[str] = frozenset()
    exists: frozenset[str] = frozenset()
    similar: Mapping[str, tuple[ArmId, ...]] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    requests: int = 0
    decoded: Mapping[int, tuple[JSON, Exemption]] = field(default_factory=dict, compare=False, repr=False)


def add_nodes(nodes: dict[str, ScopeNode], additions: Iterable[ScopeNode]) -> None:
    """Adds what is new to `nodes` (by folded id), and completes what was known without a name or parent."""
    for node in additions:
        existing = nodes.get(node.id.key)
        nodes[node.id.key] = (
            node
            if existing is None
            else ScopeNode(
                id=existing.id,
                name=existing.name or node.name,
                parent=existing.parent or node.parent,
                expected=existing.expected or node.expected,
            )
        )


def snapshot_of(raw: RawSnapshot) -> Snapshot:
    """The values that planning works on.

    Raises:
        ShapeError: an object inside is not what ARM gives.
    """
    initiatives = [objects.decode_initiative(value) for value in raw.initiatives]
    exemptions = (
        raw.decoded[id(value)][1] if id(value) in raw.decoded else objects.decode_exemption(value)
        for value in raw.exemptions
    )
    assignments = sorted(map(objects.decode_assignment, raw.assignments), key=lambda assignment: assignment.id)
    return Snapshot(
        tenant_id=raw.tenant_id,
        taken_at=raw.taken_at,
        parents={node.id.key: node.parent for node in raw.nodes if node.parent is not None},
        expected=tuple(sorted(node.id for node in raw.nodes if node.expected)),
        assignments={assignment.id.key: assignment for assignment in assignments},
        initiatives={key: initiatives[position] for key, position in sorted(raw.used.items())},
        exemptions=tuple(sorted(exemptions, key=lambda exemption: exemption.id.key)),
        unread=raw.unread,
        gone=raw.gone,
        names={node.id.key: node.name for node in raw.nodes if node.name},
        exists=raw.exists,
        similar=raw.similar,
        policies={policy.id.key: policy for policy in map(objects.decode_policy, raw.policies)},
    )
