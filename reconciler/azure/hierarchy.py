"""The management groups and subscriptions of a run: the managed roots, everything below them, and what is above.

Below comes from Azure's own list of descendants. Above is read as far as the identity may see; a team that may read
only its subscriptions still gets its ancestors, inferred from the assignments that its own lists inherit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.arm.shapes import object_in, objects_in, required_text, text_in, texts_in
from reconciler.azure.api_versions import Api
from reconciler.azure.client import ArmClient, raise_if_unreachable
from reconciler.azure.errors import reading
from reconciler.azure.raw_snapshot import ScopeNode, add_nodes
from reconciler.model import JSON, ArmId, ScopeKind, Unread, ancestors, arm_id, owner_scope, textual_chain
from reconciler.problems import AzureError, ReconcilerError

_GROUPS: Final = "/providers/Microsoft.Management/managementGroups/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchy:
    """Nodes by folded id, and the roots whose descendants could not be read."""

    nodes: Mapping[str, ScopeNode]
    unread: tuple[Unread, ...] = ()
    _parents: Mapping[str, ArmId] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parents = {key: node.parent for key, node in self.nodes.items() if node.parent is not None}
        object.__setattr__(self, "_parents", parents)  # asked for with every scope, so collected once

    @property
    def expected(self) -> list[ArmId]:
        """The scopes whose lists belong to the run, sorted."""
        return sorted(node.id for node in self.nodes.values() if node.expected)

    def chain(self, scope: ArmId) -> tuple[ArmId, ...]:
        """The scope and what contains it, nearest first, as far as known."""
        return ancestors(scope, self._parents)

    def is_within(self, scope: ArmId, container: ArmId) -> bool:
        """Whether a scope is or lies below another, as far as known."""
        return container in self.chain(scope)


def anchor(scope: ArmId) -> ArmId:
    """The subscription or management group at or above a scope: the level whose lists are read."""
    return textual_chain(scope)[-1]


def read_hierarchy(client: ArmClient, roots: Sequence[ArmId]) -> Hierarchy:
    """The roots (as subscriptions and groups), their descendants, and their ancestors as far as readable.

    Raises:
        AzureError: nothing was answered at all.
    """
    anchors = sorted({anchor(root) for root in roots})
    groups = [root for root in anchors if root.kind is ScopeKind.MANAGEMENT_GROUP]
    subscriptions = [root for root in anchors if root.kind is ScopeKind.SUBSCRIPTION]
    nodes: dict[str, ScopeNode] = {}
    unread: list[Unread] = []
    answers = client.each(lambda group: _descendants(client, group), groups)
    raise_if_unreachable(answers)
    for group, answer in zip(groups, answers, strict=True):
        if isinstance(answer, AzureError):
            unread.append(Unread(scope=group, what="descendants", message=answer.message, remedy=answer.remedy))
        else:
            add_nodes(nodes, answer)
    for root in anchors:
        nodes.setdefault(root.key, ScopeNode(id=root))
        nodes[root.key] = replace(nodes[root.key], expected=True)
    for chain in client.each(lambda group: _group_chain(client, group), groups):
        add_nodes(nodes, () if isinstance(chain, AzureError) else chain)
    if any(nodes[subscription.key].parent is None for subscription in subscriptions):
        add_nodes(nodes, _entity_chains(client, subscriptions))
    return Hierarchy(nodes=nodes, unread=tuple(unread))


def read_narrowed(client: ArmClient, scope: ArmId, roots: Sequence[ArmId]) -> Hierarchy:
    """Only what a run about `scope` needs: the group or subscription that holds it, what lies below, and what is above. An
    identity that may read nothing else can read that.

    Raises:
        AzureError: nothing was answered at all.
        ReconcilerError: the scope is not known to lie within the managed scopes.
    """
    holder = anchor(scope)
    hierarchy = read_hierarchy(client, roots)
    if not _lies_within(scope, roots, hierarchy):  # not seen from above, but it may say itself where it lies
        hierarchy = read_hierarchy(client, [holder])
    if not _lies_within(scope, roots, hierarchy):
        raise ReconcilerError(
            f"{scope} does not lie within the managed scopes, as far as Azure shows them",
            f"choose a scope within: {', '.join(map(str, roots))}",
        )
    nodes = {key: replace(node, expected=hierarchy.is_within(node.id, holder)) for key, node in hierarchy.nodes.items()}
    nodes.setdefault(holder.key, ScopeNode(id=holder, expected=True))
    unread = (
        entry
        for entry in hierarchy.unread
        if hierarchy.is_within(holder, entry.scope) or hierarchy.is_within(entry.scope, holder)
    )
    return Hierarchy(nodes=nodes, unread=tuple(unread))


def _lies_within(scope: ArmId, roots: Iterable[ArmId], hierarchy: Hierarchy) -> bool:
    return any(root.contains(scope) or hierarchy.is_within(anchor(scope), root) for root in roots)


def groups_alone(hierarchy: Hierarchy) -> Hierarchy:
    """The management groups without the subscriptions: the part of a read that no subscription's own part holds."""
    nodes = {
        key: replace(node, expected=node.expected and node.id.kind is ScopeKind.MANAGEMENT_GROUP)
        for key, node in hierarchy.nodes.items()
    }
    return Hierarchy(nodes=nodes, unread=hierarchy.unread)


def _descendants(client: ArmClient, group: ArmId) -> list[ScopeNode]:
    path = f"{group}/descendants"
    values = client.pages(path, Api.GROUPS)
    with reading(f"the list {path}"):
        return [_node(value, expected=True) for value in values]


def _node(value: Mapping[str, JSON], *, expected: bool) -> ScopeNode:
    properties = object_in(value, "properties")
    parent = text_in(object_in(properties, "parent"), "id")
    return ScopeNode(
        id=arm_id(required_text(value, "id")),
        name=text_in(properties, "displayName"),
        parent=arm_id(parent) if parent else None,
        expected=expected,
    )


def _group_chain(client: ArmClient, group: ArmId) -> list[ScopeNode]:
    """A group with its parent, and what is above; the service lists ancestors from the nearest on."""
    body = client.get(group.text, Api.GROUPS, expand="ancestors").body
    with reading(group.text):
        properties = object_in(body, "properties")
        details = object_in(properties, "details")
        above = objects_in(details, "managementGroupAncestorsChain")
        ids = [_group(required_text(ancestor, "name")) for ancestor in above]
        parent = text_in(object_in(details, "parent"), "id")
        if not ids and parent:
            ids = [arm_id(parent)]
        names = [text_in(ancestor, "displayName") for ancestor in (properties, *above)]
    return _linked([group, *ids], names)


def _linked(ids: Sequence[ArmId], names: Sequence[str]) -> list[ScopeNode]:
    """Nodes of a chain, each in the next one."""
    parents: list[ArmId | None] = [*ids[1:], None]
    labels = [*names, *[""] * len(ids)]
    return [
        ScopeNode(id=identifier, name=name, parent=parent)
        for identifier, name, parent in zip(ids, labels, parents, strict=False)
    ]


def _entity_chains(client: ArmClient, subscriptions: Sequence[ArmId]) -> list[ScopeNode]:
    """Where subscriptions lie, from the entities that the identity may see; nothing where it may see none."""
    keys = {subscription.key for subscription in subscriptions}
    path = "/providers/Microsoft.Management/getEntities"
    nodes: list[ScopeNode] = []
    try:
        entities = client.pages(path, Api.GROUPS, method="POST")
        with reading(path):
            for entity in entities:
                if arm_id(required_text(entity, "id")).key in keys:
                    node = _node(entity, expected=False)
                    names = texts_in(object_in(entity, "properties"), "parentNameChain")
                    above = [_group(name) for name in reversed(names)] or ([node.parent] if node.parent else [])
                    nodes += _linked([node.id, *above], [node.name])
    except AzureError:
        return []
    return nodes


def missing_subscriptions(client: ArmClient, hierarchy: Hierarchy, targets: Iterable[ArmId]) -> set[str]:
    """Folded ids of subscriptions that targets name, that lie in no root, and that Azure says it does not find."""
    holders = {arm_id(f"/subscriptions/{guid}") for target in targets if (guid := target.subscription)}
    outside = sorted(subscription for subscription in holders if subscription.key not in hierarchy.nodes)
    answers = client.each(lambda subscription: client.get(subscription.text, Api.SUBSCRIPTIONS), outside)
    return {
        subscription.key
        for subscription, answer in zip(outside, answers, strict=True)
        if isinstance(answer, AzureError) and answer.is_gone
    }


def infer_ancestors(hierarchy: Hierarchy, inherited: Mapping[str, Iterable[ArmId]]) -> Hierarchy:
    """Completes roots whose place could not be read: what a root's lists inherit comes from groups that contain it.

    `inherited` maps a folded root to the ids in its lists. Of two groups the one that more roots inherit from is the
    upper one; where that does not tell, their order is unknown and has no consequence, for both are above all of it.
    """
    above = {
        root: {owner_scope(identifier) for identifier in ids if identifier.key.startswith(_GROUPS.lower())}
        - {hierarchy.nodes[root].id}
        for root, ids in inherited.items()
        if hierarchy.nodes[root].parent is None
    }
    roots_below = Counter(group for groups in above.values() for group in groups)
    nodes = dict(hierarchy.nodes)
    for root, groups in above.items():
        chain = sorted(groups, key=lambda group: (roots_below[group], group))
        add_nodes(nodes, _linked([nodes[root].id, *chain], []))
    return replace(hierarchy, nodes=nodes)


def _group(name: str) -> ArmId:
    return arm_id(_GROUPS + name)
