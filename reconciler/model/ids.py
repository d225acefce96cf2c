"""Ids of Azure Resource Manager: how they compare, nest and are read from what people write."""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.guids import GUID


class ScopeKind(enum.StrEnum):
    """What an exemption can sit on, widest first (Azure allows no other scope)."""

    MANAGEMENT_GROUP = "management group"
    SUBSCRIPTION = "subscription"
    RESOURCE_GROUP = "resource group"
    RESOURCE = "resource"


_SEGMENT = r"(?!\.{1,2}(?:/|\Z))[^/\x00-\x1f\x7f<>%&?\\]*[^/\x00-\x20\x7f<>%&?\\]"
# Resource groups and management groups have letters, digits and ( ) . _ - alone.
_GROUP = r"(?!\.{1,2}(?:/|\Z))[^/\x00-\x20\x7f!\"#$%&'*+,:;<=>?@\[\\\]^`{|}~]+"
# A type is never called "providers": so each text is read in one way, and a hostile one costs no exponential search.
_TYPE = rf"(?!providers/){_SEGMENT}"
_MANAGEMENT_GROUP = rf"/providers/microsoft\.management/managementgroups/{_GROUP}"
_BELOW_SUBSCRIPTION = (
    rf"/subscriptions/{GUID}(?P<group>/resourcegroups/{_GROUP})?"
    rf"(?P<resource>(?:/providers/[a-z0-9.-]+(?:/{_TYPE}/{_SEGMENT})+)+)?"
)
_PROVIDER_OBJECT = rf"(?:/{_SEGMENT})*/providers/[a-z0-9.-]+(?:/{_TYPE}/{_SEGMENT})+"


@dataclass(frozen=True, slots=True, order=True)
class ArmId:
    """An Azure Resource Manager id. Compares and sorts by `key` (lower case); shows `text` as first written."""

    key: str
    text: str = field(compare=False)

    def __str__(self) -> str:
        return self.text

    @property
    def name(self) -> str:
        """The last segment, as written."""
        return self.text.rsplit("/", 1)[-1]

    @property
    def kind(self) -> ScopeKind:
        """What kind of scope this id is; only meaningful for ids that `parse_scope` accepts."""
        return _kind(self.key)

    @property
    def parent(self) -> ArmId | None:
        """The scope that contains this one as its text alone shows; None for subscriptions and management groups."""
        cut = _parent_length(self.key)
        return ArmId(self.key[:cut], self.text[:cut]) if cut else None

    @property
    def subscription(self) -> str | None:
        """The folded subscription id (the GUID), or None above subscriptions."""
        parts = self.key.split("/", 3)
        return parts[2] if len(parts) > 2 and parts[1] == "subscriptions" else None

    @property
    def resource_type(self) -> str:
        """The folded type, as policies name it: `microsoft.sql/servers/databases`, `microsoft.resources/subscriptions`."""
        match self.kind:
            case ScopeKind.SUBSCRIPTION:
                return "microsoft.resources/subscriptions"
            case ScopeKind.RESOURCE_GROUP:
                return "microsoft.resources/subscriptions/resourcegroups"
            case ScopeKind.RESOURCE | ScopeKind.MANAGEMENT_GROUP:
                namespace, *rest = self.key.rsplit("/providers/", 1)[-1].split("/")
                return "/".join((namespace, *rest[::2]))

    def contains(self, scope: ArmId) -> bool:
        """Whether `scope` is this id or lies below it as the texts alone show (no management group tree)."""
        return scope.key == self.key or scope.key.startswith(self.key + "/")


@functools.lru_cache(maxsize=1 << 16)
def arm_id(text: str) -> ArmId:
    """An id that Azure gave us: double and trailing slashes are dropped, nothing is refused."""
    if "//" in text or text.endswith("/"):
        text = "/" + "/".join(part for part in text.split("/") if part)
    return ArmId(text.lower(), text)


def parse_scope(text: str) -> ArmId:
    """The id of a scope that a human wrote.

    Raises:
        ValueError: it is no management group, subscription, resource group or resource; the message says the forms.
    """
    identifier = arm_id(text)
    below = _pattern(_BELOW_SUBSCRIPTION).fullmatch(identifier.text)
    if not below and not _pattern(_MANAGEMENT_GROUP).fullmatch(identifier.text):
        raise ValueError(
            "not the id of a management group (/providers/Microsoft.Management/managementGroups/NAME), a subscription "
            "(/subscriptions/GUID), a resource group (…/resourceGroups/NAME) or a resource (…/providers/TYPE/NAME)"
        )
    return identifier


def parse_object(text: str) -> ArmId:
    """The id of a provider's object, such as a policy assignment or definition, that a human wrote.

    Raises:
        ValueError: it does not have the form …/providers/NAMESPACE/TYPE/NAME.
    """
    identifier = arm_id(text)
    if not _pattern(_PROVIDER_OBJECT).fullmatch(identifier.text):
        raise ValueError("not a full ARM id of the form …/providers/NAMESPACE/TYPE/NAME")
    return identifier


@functools.cache
def _pattern(form: str) -> re.Pattern[str]:
    """Compiled when it is first asked for, which most commands never do."""
    return re.compile(form, re.IGNORECASE)


def owner_scope(identifier: ArmId) -> ArmId:
    """The scope an extension object (exemption, assignment) sits on: what stands before its last `/providers/`.

    Objects of the tenant itself (built-in definitions) give the id with an empty text.
    """
    cut = identifier.key.rfind("/providers/")
    return ArmId(identifier.key[:cut], identifier.text[:cut])


def textual_chain(scope: ArmId) -> tuple[ArmId, ...]:
    """The scope and everything that contains it as its text shows, nearest first, up to subscription or group."""
    chain, step = [scope], scope.parent
    while step is not None:
        chain.append(step)
        step = step.parent
    return tuple(chain)


def ancestors(scope: ArmId, parents: Mapping[str, ArmId]) -> tuple[ArmId, ...]:
    """The scope and everything that contains it, nearest first: by its text up to a subscription or group, then by
    `parents`, which maps a folded id to its management group, as far as known. A circle ends where it closes.
    """
    chain = list(textual_chain(scope))
    while (parent := parents.get(chain[-1].key)) is not None and parent not in chain:
        chain.append(parent)
    return tuple(chain)


@functools.lru_cache(maxsize=1 << 16)
def textual_containers(key: str) -> tuple[str, ...]:
    """Folded ids of all that contains the scope with this folded id, as its text shows, nearest first."""
    cut = _parent_length(key)
    return (key[:cut], *textual_containers(key[:cut])) if cut else ()


def _kind(key: str) -> ScopeKind:
    if key.startswith("/providers/"):
        return ScopeKind.MANAGEMENT_GROUP
    match key.count("/"):  # counting is cheaper than remembering the answers for a hundred thousand ids
        case 2:
            return ScopeKind.SUBSCRIPTION
        case 4 if key.split("/", 4)[3] == "resourcegroups":
            return ScopeKind.RESOURCE_GROUP
        case _:
            return ScopeKind.RESOURCE


def _parent_length(key: str) -> int:
    """How many characters of a folded scope id its parent has; 0 where the text shows no parent."""
    match _kind(key):
        case ScopeKind.MANAGEMENT_GROUP | ScopeKind.SUBSCRIPTION:
            return 0
        case ScopeKind.RESOURCE_GROUP:
            return key.rfind("/resourcegroups/")
        case ScopeKind.RESOURCE:
            provider = key.rfind("/providers/")
            if provider < 0:
                return 0  # what Azure would never call so nests in nothing
            nested = key.count("/", provider) > 4  # /providers/ns/type/name has four slashes
            return key.rfind("/", 0, key.rfind("/")) if nested else provider
