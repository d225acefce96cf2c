"""The management groups and subscriptions of a run: the managed roots, everything below them, and what is above.

Below comes from Azure's own list of descendants. Above is read as far as the identity may see; a team that may read
only its subscriptions still gets its ancestors, inferred from the assignments that its own lists inherit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reconciler.azure.record import Node
from reconciler.azure.transport import Arm, raise_if_unreachable
from reconciler.azure.versions import Api
from reconciler.model import JSON, ArmId, ScopeKind, Unread, arm_id, owner_scope
from reconciler.problems import AzureError, ReconcilerError

_GROUPS: Final = "/providers/Microsoft.Management/managementGroups/"


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Nodes by folded id, and the roots whose descendants could not be read."""

    nodes: Mapping[str, Node]
    unread: tuple[Unread, ...] = ()

    @property
    def expected(self) -> list[ArmId]:
        """The scopes whose lists belong to the run, sorted."""
        return sorted(node.id for node in self.nodes.values() if node.expected)

    def chain(self, scope: ArmId) -> list[ArmId]:
        """What contains a group or subscription, itself first, as far as known."""
        found = [scope]
        while (node := self.nodes.get(found[-1].key)) is not None and node.parent is not None:
            if node.parent in found:
                break
            found.append(node.parent)
        return found


def anchor(scope: ArmId) -> ArmId:
    """The subscription or management group at or above a scope: the level whose lists are read."""
    while (parent := scope.parent) is not None:
        scope = parent
    return scope


def read_hierarchy(arm: Arm, roots: Sequence[ArmId]) -> Hierarchy:
    """The roots (as subscriptions and groups), their descendants, and their ancestors as far as readable.

    Raises:
        AzureError: nothing was answered at all.
    """
    anchors = sorted({anchor(root) for root in roots})
    groups = [root for root in anchors if root.kind is ScopeKind.MANAGEMENT_GROUP]
    subscriptions = [root for root in anchors if root.kind is ScopeKind.SUBSCRIPTION]
    nodes: dict[str, Node] = {}
    unread: list[Unread] = []
    answers = arm.each(lambda group: _descendants(arm, group), groups)
    raise_if_unreachable(answers)
    for group, answer in zip(groups, answers, strict=True):
        if isinstance(answer, AzureError):
            unread.append(Unread(scope=group, what="descendants", reason=answer.message, remedy=answer.remedy))
        else:
            _add(nodes, answer)
    for root in anchors:
        nodes.setdefault(root.key, Node(id=root))
        nodes[root.key] = replace(nodes[root.key], expected=True)
    for chain in arm.each(lambda group: _group_chain(arm, group), groups):
        _add(nodes, () if isinstance(chain, AzureError) else chain)
    if any(nodes[one.key].parent is None for one in subscriptions):
        _add(nodes, _entity_chains(arm, subscriptions))
    return Hierarchy(nodes, tuple(unread))


def narrow(hierarchy: Hierarchy, scope: ArmId, roots: Sequence[ArmId]) -> Hierarchy:
    """Only what a run about `scope` needs: the group or subscription that holds it, and what lies below.

    Raises:
        ReconcilerError: the scope is not known to lie within the managed scopes.
    """
    holder = anchor(scope)
    above = {one.key for one in hierarchy.chain(holder)}
    if not any(root.contains(scope) or root.key in above for root in roots):
        raise ReconcilerError(
            f"{scope} does not lie within the managed scopes, as far as Azure shows them",
            f"choose a scope within: {', '.join(map(str, roots))}",
        )
    nodes = {key: replace(node, expected=holder in hierarchy.chain(node.id)) for key, node in hierarchy.nodes.items()}
    nodes.setdefault(holder.key, Node(id=holder, expected=True))
    unread = (one for one in hierarchy.unread if one.scope.key in above or holder in hierarchy.chain(one.scope))
    return Hierarchy(nodes, tuple(unread))


def _add(nodes: dict[str, Node], found: Iterable[Node]) -> None:
    """Adds what is new, and completes what was known without a name or parent."""
    for node in found:
        held = nodes.get(node.id.key)
        nodes[node.id.key] = (
            node
            if held is None
            else Node(
                id=held.id,
                name=held.name or node.name,
                parent=held.parent or node.parent,
                expected=held.expected or node.expected,
            )
        )


def _descendants(arm: Arm, group: ArmId) -> list[Node]:
    values = arm.pages(f"{group}/descendants", Api.GROUPS)
    return [_node(value, expected=True) for value in values]


def _node(value: JSON, *, expected: bool) -> Node:
    properties = value.get("properties") or {}
    parent = (properties.get("parent") or {}).get("id")
    return Node(
        id=arm_id(value["id"]),
        name=properties.get("displayName") or "",
        parent=arm_id(parent) if parent else None,
        expected=expected,
    )


def _group_chain(arm: Arm, group: ArmId) -> list[Node]:
    """A group with its parent, and what is above; the service lists ancestors from the nearest on."""
    properties = arm.get(group.text, Api.GROUPS, expand="ancestors").body.get("properties") or {}
    details = properties.get("details") or {}
    ancestors = details.get("managementGroupAncestorsChain") or ()
    ids = [_group(one["name"]) for one in ancestors] or _only(details.get("parent"))
    names = ["", *(one.get("displayName") or "" for one in ancestors)]
    names[0] = properties.get("displayName") or ""
    return _linked([group, *ids], names)


def _only(parent: JSON) -> list[ArmId]:
    return [arm_id(parent["id"])] if parent and parent.get("id") else []


def _linked(ids: Sequence[ArmId], names: Sequence[str]) -> list[Node]:
    """Nodes of a chain, each in the next one."""
    above: list[ArmId | None] = [*ids[1:], None]
    labels = [*names, *[""] * len(ids)]
    return [Node(id=one, name=name, parent=parent) for one, name, parent in zip(ids, labels, above, strict=False)]


def _entity_chains(arm: Arm, subscriptions: Sequence[ArmId]) -> list[Node]:
    """Where subscriptions lie, from the entities that the identity may see; nothing where it may see none."""
    wanted = {one.key for one in subscriptions}
    try:
        entities = arm.pages("/providers/Microsoft.Management/getEntities", Api.GROUPS, method="POST")
    except AzureError:
        return []
    found: list[Node] = []
    for entity in entities:
        if arm_id(entity["id"]).key in wanted:
            node = _node(entity, expected=False)
            names = (entity.get("properties") or {}).get("parentNameChain") or ()
            above = [_group(name) for name in reversed(names)] or ([node.parent] if node.parent else [])
            found += _linked([node.id, *above], [node.name])
    return found


def missing_subscriptions(arm: Arm, hierarchy: Hierarchy, targets: Iterable[ArmId]) -> set[str]:
    """Folded ids of subscriptions that targets name, that lie in no root, and that Azure says it does not find."""
    holders = {arm_id(f"/subscriptions/{guid}") for target in targets if (guid := target.subscription)}
    strangers = sorted(one for one in holders if one.key not in hierarchy.nodes)
    answers = arm.each(lambda one: arm.get(one.text, Api.SUBSCRIPTIONS), strangers)
    told = zip(strangers, answers, strict=True)
    return {one.key for one, answer in told if isinstance(answer, AzureError) and answer.is_gone}


def infer_ancestors(hierarchy: Hierarchy, inherited: Mapping[str, Iterable[ArmId]]) -> Hierarchy:
    """Completes roots whose place could not be read: what a root's lists inherit comes from groups that contain it.

    `inherited` maps a folded root to the ids in its lists. Of two groups the one that more roots inherit from is the
    upper one; where that does not tell, their order is unknown and has no consequence, for both are above all of it.
    """
    above = {
        root: {owner_scope(one) for one in ids if one.key.startswith(_GROUPS.lower())} - {hierarchy.nodes[root].id}
        for root, ids in inherited.items()
        if hierarchy.nodes[root].parent is None
    }
    roots_below = Counter(group for groups in above.values() for group in groups)
    nodes = dict(hierarchy.nodes)
    for root, groups in above.items():
        chain = sorted(groups, key=lambda group: (roots_below[group], group))
        _add(nodes, _linked([nodes[root].id, *chain], []))
    return replace(hierarchy, nodes=nodes)


def _group(name: str) -> ArmId:
    return arm_id(_GROUPS + name)
