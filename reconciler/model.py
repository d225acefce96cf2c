"""The values that every room shares: ids, declarations, exemptions, settings and what was read from Azure.

Nothing here reads a clock, a file or a network, and nothing here imports another module of ours. Desired and live
exemptions are the same type, so that one comparison serves all. Words are those of docs/architecture.md.
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

JSON: TypeAlias = Any
"""A JSON value as `json.loads` gives it; the seam where types end."""

NO_METADATA: Final[Mapping[str, JSON]] = {}


# --- ids ---------------------------------------------------------------------------------------------------------


class ScopeKind(enum.StrEnum):
    """What an exemption can sit on, widest first (Azure allows no other scope)."""

    MANAGEMENT_GROUP = "management group"
    SUBSCRIPTION = "subscription"
    RESOURCE_GROUP = "resource group"
    RESOURCE = "resource"


_GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_SEGMENT = r"(?!\.{1,2}(?:/|\Z))[^/\x00-\x1f\x7f<>%&?#\\]*[^/\x00-\x20\x7f<>%&?#\\]"
# Resource groups and management groups have letters, digits and ( ) . _ - alone.
_GROUP = r"(?!\.{1,2}(?:/|\Z))[^/\x00-\x20\x7f!\"#$%&'*+,:;<=>?@\[\\\]^`{|}~]+"
# A type is never called "providers": so each text is read in one way, and a hostile one costs no exponential search.
_TYPE = rf"(?!providers/){_SEGMENT}"
_MANAGEMENT_GROUP = re.compile(rf"/providers/microsoft\.management/managementgroups/{_GROUP}", re.IGNORECASE)
_BELOW_SUBSCRIPTION = re.compile(
    rf"/subscriptions/{_GUID}(?P<group>/resourcegroups/{_GROUP})?"
    rf"(?P<resource>(?:/providers/[a-z0-9.-]+(?:/{_TYPE}/{_SEGMENT})+)+)?",
    re.IGNORECASE,
)
_PROVIDER_OBJECT = re.compile(rf"(?:/{_SEGMENT})*/providers/[a-z0-9.-]+(?:/{_TYPE}/{_SEGMENT})+", re.IGNORECASE)


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

    def contains(self, other: ArmId) -> bool:
        """Whether `other` is this id or lies below it as the texts alone show (no management group tree)."""
        return other.key == self.key or other.key.startswith(self.key + "/")


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
    found = arm_id(text)
    below = _BELOW_SUBSCRIPTION.fullmatch(found.text)
    if not below and not _MANAGEMENT_GROUP.fullmatch(found.text):
        raise ValueError(
            "not the id of a management group (/providers/Microsoft.Management/managementGroups/NAME), a subscription "
            "(/subscriptions/GUID), a resource group (…/resourceGroups/NAME) or a resource (…/providers/TYPE/NAME)"
        )
    return found


def parse_object(text: str) -> ArmId:
    """The id of a provider's object, such as a policy assignment or definition, that a human wrote.

    Raises:
        ValueError: it does not have the form …/providers/NAMESPACE/TYPE/NAME.
    """
    found = arm_id(text)
    if not _PROVIDER_OBJECT.fullmatch(found.text):
        raise ValueError("not a full ARM id of the form …/providers/NAMESPACE/TYPE/NAME")
    return found


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


@functools.lru_cache(maxsize=1 << 16)
def _kind(key: str) -> ScopeKind:
    parts = key.split("/")
    if parts[1] == "providers":
        return ScopeKind.MANAGEMENT_GROUP
    if len(parts) == 3:
        return ScopeKind.SUBSCRIPTION
    if len(parts) == 5 and parts[3] == "resourcegroups":
        return ScopeKind.RESOURCE_GROUP
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
            nested = key.count("/", provider) > 4  # /providers/ns/type/name has four slashes
            return key.rfind("/", 0, key.rfind("/")) if nested else provider


# --- declarations ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """Where something stands: repository-relative path with forward slashes, line and column from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Category(enum.StrEnum):
    """Azure's exemption categories, as Azure spells them."""

    WAIVER = "Waiver"
    MITIGATED = "Mitigated"


@dataclass(frozen=True, slots=True, order=True)
class Selector:
    """One condition of a resource selector: the kind's value is (or, negated, is not) among `values`."""

    kind: str
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True, order=True)
class ResourceSelector:
    """A named group of conditions that must all hold; any one group that holds selects the resource."""

    name: str
    selectors: tuple[Selector, ...] = ()


class SubjectKind(enum.StrEnum):
    """Which of the four fields says what is exempted; the value is the field's name."""

    RECOMMENDATION = "recommendation"
    POLICY = "policyDefinition"
    INITIATIVE = "policySetDefinition"
    ASSIGNMENT = "policyAssignment"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is exempted. `value` is as written: a key or exact title, a full ARM id or the bare name of a built-in."""

    kind: SubjectKind
    value: str
    reference_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Declaration:
    """One YAML document: what a human wants exempted, where, why, until when. `source` is its first line.

    `expires_on` is the last instant of validity, in UTC. `places` maps a field's name (or `scopes.0`) to where it
    stands, for messages.
    """

    name: str
    subject: Subject
    scopes: tuple[ArmId, ...]
    category: Category
    justification: str
    owner: str
    source: Source
    display_name: str = ""
    expires_on: datetime | None = None
    ticket: str = ""
    selectors: tuple[ResourceSelector, ...] = ()
    validate_scope: bool = True
    metadata: Mapping[str, JSON] = field(default_factory=dict)
    adopt: bool = False
    take_over: str | None = None
    enabled: bool = True
    places: Mapping[str, Source] = field(default_factory=dict, compare=False)

    def place(self, path: str) -> Source:
        """Where the field stands, or the declaration itself where the field is not written."""
        return self.places.get(path, self.source)


# --- settings ----------------------------------------------------------------------------------------------------


class Cloud(enum.StrEnum):
    """Azure's clouds, as the Azure CLI names them."""

    PUBLIC = "AzureCloud"
    US_GOVERNMENT = "AzureUSGovernment"
    CHINA = "AzureChinaCloud"


class Unmanaged(enum.StrEnum):
    """What happens to exemptions that nobody declared and no owner marked."""

    REPORT = "report"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings that stop a run before its first write; None means no ceiling. Percent is of what this owner has."""

    deletes: int = 10
    deletes_percent: int = 25
    creates: int | None = None
    adoptions: int | None = None
    unmanaged_deletes: int = 10
    min_age: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class LifetimeRule:
    """The longest time an exemption may run, for one category and severity; None stands for any."""

    days: int
    category: Category | None = None
    severity: str | None = None


@dataclass(frozen=True, slots=True)
class FolderRule:
    """Which kinds of scope the declarations below a folder may name."""

    folder: str
    kinds: tuple[ScopeKind, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of reconciler.yaml. What is absent restricts nothing, but for the whole-assignment exemption."""

    lifetimes: tuple[LifetimeRule, ...] = ()
    required: tuple[str, ...] = ()
    ticket_pattern: str | None = None
    never_recommendations: tuple[str, ...] = ()
    never_policies: tuple[str, ...] = ()
    folders: tuple[FolderRule, ...] = ()
    strict_unsupported: bool = False
    allow_whole_assignment: bool = False


EXPIRING_DAYS: Final = 30
"""How long before its end a declaration is reported, unless reconciler.yaml says otherwise."""


@dataclass(frozen=True, slots=True)
class Settings:
    """reconciler.yaml: whose exemptions these are, in which tenant, below which scopes, under which rules.

    `expiring_days` is how long before its end a declaration is reported as expiring.
    """

    owner: str
    tenant_id: str
    scopes: tuple[ArmId, ...]
    former_owners: tuple[str, ...] = ()
    cloud: Cloud = Cloud.PUBLIC
    api_version: str | None = None
    unmanaged: Unmanaged = Unmanaged.REPORT
    rules: Rules = Rules()
    limits: Limits = Limits()
    expiring_days: int = EXPIRING_DAYS


# --- what is in Azure --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SystemData:
    """Who made and last changed an object, and when (UTC), as ARM stamps it. `created_by_type` is `User`,
    `Application`, `ManagedIdentity` or `Key`.
    """

    created_by: str = ""
    created_by_type: str = ""
    created_at: datetime | None = None
    last_modified_by: str = ""
    last_modified_by_type: str = ""
    last_modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Exemption:
    """A policy exemption, desired or live.

    `reference_ids` as stored (empty: the whole assignment); `category` as stored; `expires_on` canonical UTC text
    (`2027-01-31T23:59:59Z`, no trailing zeros) or empty for never; `validation` empty means Default; `extra` holds
    live properties that we do not model and must not lose, since PUT replaces the whole object.
    """

    id: ArmId
    assignment: ArmId
    category: str
    reference_ids: tuple[str, ...] = ()
    display_name: str = ""
    description: str = ""
    expires_on: str = ""
    selectors: tuple[ResourceSelector, ...] = ()
    validation: str = ""
    metadata: Mapping[str, JSON] = field(default_factory=dict, hash=False)
    extra: Mapping[str, JSON] = field(default_factory=dict, hash=False)
    system: SystemData | None = field(default=None, compare=False)

    @property
    def scope(self) -> ArmId:
        """What is exempted: the scope the object sits on."""
        return owner_scope(self.id)

    @property
    def name(self) -> str:
        """The ARM name, as written."""
        return self.id.name


@dataclass(frozen=True, slots=True)
class Assignment:
    """A policy or initiative assigned at a scope. `definition` is the policy or policy set, without a version;
    `version` the pinned one (`1.*.*`) or None; `parameters` maps a name to its value.
    """

    id: ArmId
    definition: ArmId
    display_name: str = ""
    version: str | None = None
    not_scopes: tuple[ArmId, ...] = ()
    parameters: Mapping[str, JSON] = field(default_factory=dict, hash=False)
    enforcement_mode: str = "Default"
    selectors: tuple[ResourceSelector, ...] = ()
    overrides: tuple[JSON, ...] = field(default=(), hash=False)
    system: SystemData | None = field(default=None, compare=False)

    @property
    def scope(self) -> ArmId:
        """Where it is assigned."""
        return owner_scope(self.id)

    @property
    def is_initiative(self) -> bool:
        """Whether a policy set is assigned, rather than one policy."""
        return "/policysetdefinitions/" in self.definition.key


@dataclass(frozen=True, slots=True)
class Member:
    """One policy inside an initiative. `effect` is the value of its effect parameter: literal or an expression."""

    definition: ArmId
    reference_id: str
    effect: str | None = None


@dataclass(frozen=True, slots=True)
class Initiative:
    """A policy set at one version. `defaults` maps its parameters to their default values, `texts` the folded
    reference ids of its members to the ids as it writes them.
    """

    id: ArmId
    members: tuple[Member, ...]
    version: str | None = None
    display_name: str = ""
    defaults: Mapping[str, JSON] = field(default_factory=dict, hash=False)
    texts: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        texts = {member.reference_id.lower(): member.reference_id for member in self.members}
        object.__setattr__(self, "texts", texts)  # asked for with every exemption, so looked up once


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy definition that is assigned by itself. `effect` is its rule's: literal or an expression over its
    parameters; `defaults` maps those to their default values.
    """

    id: ArmId
    display_name: str = ""
    effect: str | None = None
    defaults: Mapping[str, JSON] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that could not be read: `scope` whose `what` (exemptions, assignments, descendants, an initiative
    by id) is unknown, and Azure's reason with what to do about it.
    """

    scope: ArmId
    what: str
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything read from Azure for one run, with what could not be read.

    `parents` maps the folded id of a management group or subscription to its management group. `expected` are the
    roots and all their descendants (groups and subscriptions). `initiatives` maps the folded *assignment* id to the
    policy set at the version that the assignment is pinned to; an assigned set that is absent there could not be read.
    `gone` holds folded ids that a GET answered with 404. `exists` holds folded ids of declared resource targets
    confirmed to exist; a target in neither was not asked. `names` maps the folded id of a group or subscription to
    its display name. `policies` maps folded ids to the definitions of single policies whose assignment is declared or
    bears an exemption; one that is absent there is a built-in or could not be read.
    """

    tenant_id: str
    taken_at: datetime
    parents: Mapping[str, ArmId]
    expected: tuple[ArmId, ...]
    assignments: Mapping[str, Assignment]
    initiatives: Mapping[str, Initiative]
    exemptions: tuple[Exemption, ...]
    unread: tuple[Unread, ...] = ()
    gone: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)
    exists: frozenset[str] = frozenset()
    policies: Mapping[str, Policy] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every expected scope was read in full."""
        return not self.unread
