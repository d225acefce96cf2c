"""An index of ARM objects by id and by the scope they sit on; one for each resource type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar

from reconciler.model import ArmId


class Identified(Protocol):
    """Anything with an ARM id."""

    @property
    def id(self) -> ArmId: ...


T = TypeVar("T", bound=Identified)


def scope_key(key: str) -> str:
    """The folded scope of the object with this folded id; empty for objects of the tenant."""
    return key[: key.rfind("/providers/")]


def subscription_key(scope: str) -> str | None:
    """`/subscriptions/…` of a folded scope; None above subscriptions."""
    parts = scope.split("/", 3)
    return f"/subscriptions/{parts[2]}" if len(parts) > 2 and parts[1] == "subscriptions" else None


class Objects(Generic[T]):
    """Objects of one type. Each has a number that orders it among the others by when it was first made.

    `revision` counts changes, so that who remembers something about them can tell whether it is still true.
    """

    def __init__(self) -> None:
        self.by_id: dict[str, T] = {}
        self.numbers: dict[str, int] = {}
        self.revision = 0
        self.remembered: Any = None
        """What a reader keeps here between two requests; it says itself whether it is still true."""
        self._made = 0
        self._by_scope: dict[str, dict[str, T]] = {}
        self._scopes: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self.by_id)

    def get(self, key: str) -> T | None:
        """The object with this folded id."""
        return self.by_id.get(key)

    def put(self, item: T) -> None:
        """Add the object, or replace the one with its id."""
        key = item.id.key
        scope = scope_key(key)
        self.revision += 1
        self.by_id[key] = item
        if key not in self.numbers:
            self._made += 1
            self.numbers[key] = self._made
        if scope not in self._by_scope:
            self._by_scope[scope] = {}
            if subscription := subscription_key(scope):
                self._scopes.setdefault(subscription, set()).add(scope)
        self._by_scope[scope][key] = item

    def remove(self, key: str) -> T | None:
        """Take the object out and return it; None where there is none."""
        item = self.by_id.pop(key, None)
        if item is None:
            return None
        del self.numbers[key]
        self.revision += 1
        scope = scope_key(key)
        there = self._by_scope[scope]
        del there[key]
        if not there:
            del self._by_scope[scope]
            if subscription := subscription_key(scope):
                self._scopes[subscription].discard(scope)
        return item

    def at(self, scope: str) -> Mapping[str, T]:
        """The objects exactly at a folded scope, by folded id."""
        return self._by_scope.get(scope, {})

    def below(self, scope: str) -> Iterator[T]:
        """The objects strictly below a folded scope of a subscription, in no order."""
        subscription = subscription_key(scope)
        if subscription is None:
            return
        for inner_scope in self._scopes.get(subscription, ()):
            if inner_scope.startswith(scope + "/"):
                yield from self._by_scope[inner_scope].values()

    def remove_within(self, scope: str) -> list[T]:
        """Take out everything at or below a folded scope."""
        doomed = [*self.at(scope).values(), *self.below(scope)]
        for item in doomed:
            self.remove(item.id.key)
        return doomed
