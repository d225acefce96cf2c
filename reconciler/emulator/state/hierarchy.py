"""What contains what: the tree of management groups, subscriptions, resource groups and resources.

There is always a root group with the tenant's id for a name, as in every tenant of Azure; what names no parent hangs
below it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.emulator import errors
from reconciler.emulator.state.objects import subscription_key
from reconciler.model import JSON, ArmId, ScopeKind, textual_chain

GROUPS = "/providers/Microsoft.Management/managementGroups/"
ROOT_DISPLAY_NAME = "Tenant Root Group"


@dataclass(slots=True, kw_only=True)
class ManagementGroup:
    """A management group; `parent` is the folded name of its parent, None for the root of the tenant.

    `is_settling` from a write until its status is asked for.
    """

    name: str
    display_name: str
    parent: str | None
    version: int = 1
    updated: datetime | None = None
    updated_by: str = ""
    is_settling: bool = False

    @property
    def id(self) -> ArmId:
        """Its ARM id."""
        return ArmId((GROUPS + self.name).lower(), GROUPS + self.name)


@dataclass(slots=True, kw_only=True)
class Subscription:
    """A subscription; `group` is the folded name of its management group. A disabled one can only be read."""

    guid: str
    display_name: str
    group: str
    state: str = "Enabled"
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> ArmId:
        """Its ARM id."""
        return ArmId(f"/subscriptions/{self.guid.lower()}", f"/subscriptions/{self.guid}")


@dataclass(slots=True, kw_only=True)
class Resource:
    """A resource or a resource group: what ARM knows of any of them. Without times it is as old as this Azure."""

    id: ArmId
    body: dict[str, JSON] = field(default_factory=dict)
    created: datetime | None = None
    changed: datetime | None = None


class Hierarchy:
    """All scopes of a tenant, by folded names and ids."""

    def __init__(self, tenant_id: str) -> None:
        self.root = tenant_id.lower()
        self.groups: dict[str, ManagementGroup] = {
            self.root: ManagementGroup(name=tenant_id, display_name=ROOT_DISPLAY_NAME, parent=None)
        }
        self.subscriptions: dict[str, Subscription] = {}
        self.resources: dict[str, Resource] = {}

    # --- growing and shrinking

    def add_resource(self, identifier: ArmId, body: dict[str, JSON] | None = None) -> bool:
        """Let the resource or group exist, with what contains it. Whether it is new."""
        for parent in reversed(textual_chain(identifier)[1:]):
            if parent.kind in (ScopeKind.RESOURCE_GROUP, ScopeKind.RESOURCE) and parent.key not in self.resources:
                self.resources[parent.key] = Resource(id=parent)
        is_new = identifier.key not in self.resources
        if is_new:
            self.resources[identifier.key] = Resource(id=identifier, body=body or {})
        elif body is not None:
            self.resources[identifier.key].body = body
        return is_new

    def remove_resource(self, key: str) -> bool:
        """Let the resource or group, and all within, be gone. Whether there was one."""
        if key not in self.resources:
            return False
        for inner in [inner for inner in self.resources if inner == key or inner.startswith(key + "/")]:
            del self.resources[inner]
        return True

    # --- looking

    def require(self, scope: ArmId) -> None:
        """Refuse a scope that does not exist, as ARM's gateway does.

        Raises:
            ArmError: 404 for the subscription, resource group, resource or management group.
        """
        if scope.key == "":
            return
        if scope.kind is ScopeKind.MANAGEMENT_GROUP:
            if scope.name.lower() not in self.groups:
                raise errors.management_group_not_found(scope.name)
            return
        if scope.subscription not in self.subscriptions:
            raise errors.subscription_not_found(scope.text.split("/")[2])
        if scope.kind is ScopeKind.SUBSCRIPTION or scope.key in self.resources:
            return
        group = _group_name(scope)
        if group and f"/subscriptions/{scope.subscription}/resourcegroups/{group.lower()}" not in self.resources:
            raise errors.resource_group_not_found(group)
        if scope.kind is ScopeKind.RESOURCE:
            # `Namespace/type/name` as ARM's messages write a resource: types and names in turn.
            parts = scope.text[scope.key.rfind("/providers/") + len("/providers/") :].split("/")
            raise errors.resource_not_found(
                "/".join((parts[0], *parts[1::2], *parts[2::2])) if len(parts) > 3 else "/".join(parts),
                _group_name(scope),
            )

    def chain(self, scope: ArmId) -> tuple[str, ...]:
        """The folded scopes from the root group down to `scope` itself."""
        if scope.key == "":
            return ("",)
        if scope.kind is ScopeKind.MANAGEMENT_GROUP:
            return self._groups_above(scope.name.lower())
        textual = tuple(step.key for step in reversed(textual_chain(scope)))
        subscription = self.subscriptions.get(scope.subscription or "")
        return (self._groups_above(subscription.group) if subscription else ()) + textual

    def _groups_above(self, name: str) -> tuple[str, ...]:
        chain: list[str] = []
        step: str | None = name
        while step is not None and step in self.groups:
            chain.append(self.groups[step].id.key)
            step = self.groups[step].parent
        return tuple(reversed(chain))

    def ancestors(self, identifier: ArmId) -> list[ManagementGroup]:
        """The management groups above something, without itself: the root of the tenant first."""
        prefix = GROUPS.lower()
        above = [key for key in self.chain(identifier) if key.startswith(prefix) and key != identifier.key]
        return [self.groups[key.removeprefix(prefix)] for key in above]

    def contains(self, scope: ArmId, inner: ArmId) -> bool:
        """Whether `inner` is `scope` or lies below it, by the tree as it is now."""
        return scope.key == inner.key or scope.key in self.chain(inner)

    def child_groups(self, name: str) -> Iterator[ManagementGroup]:
        """The groups directly below a group (folded name)."""
        return (group for group in self.groups.values() if group.parent == name)

    def child_subscriptions(self, name: str) -> Iterator[Subscription]:
        """The subscriptions directly below a group (folded name)."""
        return (subscription for subscription in self.subscriptions.values() if subscription.group == name)

    def descendants(self, name: str) -> Iterator[ManagementGroup | Subscription]:
        """All groups and subscriptions below a group (folded name), nearer ones first."""
        level = [name]
        while level:
            groups = [group for parent in level for group in self.child_groups(parent)]
            yield from groups
            yield from (subscription for parent in level for subscription in self.child_subscriptions(parent))
            level = [group.name.lower() for group in groups]

    def within(self, scope: ArmId) -> set[str]:
        """The folded ids of all groups and subscriptions at or below a group, or the one subscription of a scope."""
        if scope.kind is not ScopeKind.MANAGEMENT_GROUP:
            return {subscription_key(scope.key) or scope.key}
        return {scope.key, *(entity.id.key for entity in self.descendants(scope.name.lower()))}


def _group_name(scope: ArmId) -> str | None:
    parts = scope.text.split("/")
    return parts[4] if len(parts) > 4 and parts[3].lower() == "resourcegroups" else None
