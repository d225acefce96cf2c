"""Makes one snapshot of several that were read in parts: by scope, each with an identity that may read just that. Pure.

Nothing is taken for read that no part read: a scope below the managed roots that is in no part, an object that the parts show
differently, and one that some part should show and does not, count as unread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from reconciler.arm import objects
from reconciler.azure.raw_snapshot import RawSnapshot, ScopeNode, add_nodes
from reconciler.model import JSON, ArmId, Carrier, Unread, ancestors, arm_id, carrier_of, owner_scope, textual_chain
from reconciler.problems import ReconcilerError

_TAKE_AGAIN: Final = "take the parts again, one after the other"


def merge_snapshots(parts: Sequence[RawSnapshot], roots: Iterable[ArmId]) -> RawSnapshot:
    """What all parts show together. `roots` are the managed scopes.

    Raises:
        ReconcilerError: the parts are of different tenants, clouds or API versions.
    """
    _check_same_source(parts)
    first = parts[0]
    nodes: dict[str, ScopeNode] = {}
    for part in parts:
        add_nodes(nodes, part.nodes)
    parents = {key: node.parent for key, node in nodes.items() if node.parent is not None}
    # Whose objects the lists of a part hold: of the scopes that it read, and of all above them.
    covered = [
        frozenset(scope.key for node in part.nodes if node.expected for scope in ancestors(node.id, parents))
        for part in parts
    ]
    exemptions = _Union(objects.decode_exemption, "exemptions", [part.exemptions for part in parts], covered)
    assignments = _Union(objects.decode_assignment, "assignments", [part.assignments for part in parts], covered)
    initiatives, used = _initiatives(parts)
    missing = _in_no_part(nodes, parents, roots)
    nodes |= {node.id.key: replace(node, expected=True) for node in missing}
    unread = {
        *_unread(parts),
        *map(_missing, missing),
        *exemptions.unread(),
        *assignments.unread(),
    }
    exists = frozenset().union(*(part.exists for part in parts))
    return RawSnapshot(
        tenant_id=first.tenant_id,
        cloud=first.cloud,
        taken_at=min(part.taken_at for part in parts),
        nodes=tuple(sorted(nodes.values(), key=lambda node: node.id)),
        assignments=assignments.sorted,
        exemptions=exemptions.sorted,
        initiatives=initiatives,
        used=used,
        policies=tuple({arm_id(str(value["id"])): value for part in parts for value in part.policies}.values()),
        unread=tuple(sorted(unread, key=lambda entry: (entry.scope, entry.what))),
        gone=frozenset().union(*(part.gone for part in parts)) - exists,
        exists=exists,
        similar={key: near for part in parts for key, near in part.similar.items()},
        versions=first.versions,
        requests=sum(part.requests for part in parts),
    )


def _check_same_source(parts: Sequence[RawSnapshot]) -> None:
    first = parts[0]
    for part in parts[1:]:
        for name, expected, actual in (
            ("tenant", first.tenant_id.lower(), part.tenant_id.lower()),
            ("cloud", first.cloud, part.cloud),
            ("API versions", dict(first.versions), dict(part.versions)),
        ):
            if expected != actual:
                raise ReconcilerError(f"the snapshots are of different {name}: {expected} and {actual}", _TAKE_AGAIN)


class _Union:
    """The objects of all parts by folded id, and those that the parts do not agree about."""

    def __init__(
        self,
        decode: Callable[[JSON], object],
        content: str,
        parts: Sequence[Iterable[JSON]],
        covered: Sequence[frozenset[str]],
    ) -> None:
        """`parts` are the objects that each part shows, `covered` the folded scopes that it speaks for: what it shows of
        others is no more than a hint.
        """
        self._content, self._covered = content, covered
        self._values: dict[str, JSON] = {}
        self._times: Counter[str] = Counter()
        self._differing: set[str] = set()
        for values, scopes in zip(parts, covered, strict=True):
            for value in values:
                identifier = arm_id(str(value["id"]))
                earlier = self._values.setdefault(identifier.key, value)
                if earlier is not value and decode(earlier) != decode(value):
                    self._differing.add(identifier.key)
                self._times[identifier.key] += _place(identifier).key in scopes

    def unread(self) -> Iterable[Unread]:
        """A line for each object about which the parts differ: one shows it otherwise, or not at all."""
        for key, value in self._values.items():
            place = _place(arm_id(str(value["id"])))
            # Only lists of Resource Manager show what is above their scope as well.
            is_inherited = carrier_of(arm_id(key)) is Carrier.POLICY
            is_missed = is_inherited and self._times[key] != sum(place.key in scopes for scopes in self._covered)
            if key in self._differing or is_missed:
                yield Unread(
                    scope=place,
                    what=self._content,
                    message=f"the snapshots show {value['id']} differently: it changed between them",
                    remedy=_TAKE_AGAIN,
                )

    @property
    def sorted(self) -> tuple[JSON, ...]:
        """One copy of each."""
        return tuple(value for _, value in sorted(self._values.items()))


def _place(identifier: ArmId) -> ArmId:
    """The group or subscription whose list holds an object."""
    return textual_chain(owner_scope(identifier))[-1]


def _unread(parts: Sequence[RawSnapshot]) -> Iterable[Unread]:
    """What a part could not read and no other part did."""
    expected = [{node.id for node in part.nodes if node.expected} for part in parts]
    missed = [{(entry.scope, entry.what) for entry in part.unread} for part in parts]
    for entry in (entry for part in parts for entry in part.unread):
        place = entry.scope, entry.what
        if not any(
            entry.scope in scopes and place not in unread for scopes, unread in zip(expected, missed, strict=True)
        ):
            yield entry


def _in_no_part(
    nodes: Mapping[str, ScopeNode], parents: Mapping[str, ArmId], roots: Iterable[ArmId]
) -> list[ScopeNode]:
    """The groups and subscriptions at and below the roots that nobody read."""
    anchors = {textual_chain(root)[-1].key: textual_chain(root)[-1] for root in roots}
    unknown = {key: ScopeNode(id=root) for key, root in anchors.items() if key not in nodes}
    return [
        node
        for node in (*nodes.values(), *unknown.values())
        if not node.expected and any(scope.key in anchors for scope in ancestors(node.id, parents))
    ]


def _missing(node: ScopeNode) -> Unread:
    """Unread like a scope that Azure refused to list, so that nothing there is created beside what may be there."""
    remedy = f"add one: exempt snapshot --scope {node.id}, or --groups for all management groups"
    return Unread(scope=node.id, what="exemptions", message="it is in none of the snapshots", remedy=remedy)


def _initiatives(parts: Iterable[RawSnapshot]) -> tuple[tuple[JSON, ...], dict[str, int]]:
    """The sets of all parts one after the other, and the place of each assignment's among them."""
    sets: list[JSON] = []
    used: dict[str, int] = {}
    for part in parts:
        places: dict[int, int] = {}
        for assignment, position in part.used.items():
            if assignment not in used:
                if position not in places:
                    places[position] = len(sets)
                    sets.append(part.initiatives[position])
                used[assignment] = places[position]
    return tuple(sets), used
