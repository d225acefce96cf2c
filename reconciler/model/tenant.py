"""What is in Azure, as far as it was read: exemptions, assignments, initiatives, and what could not be read.

Desired and live exemptions are the same type, so that one comparison serves all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from reconciler.model.carriers import Carrier, carrier_of
from reconciler.model.declaration import ResourceSelector
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.ids import ArmId, owner_scope
from reconciler.model.json import JSON
from reconciler.model.member import Member


@dataclass(frozen=True, slots=True, kw_only=True)
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

    @property
    def last_writer(self) -> str:
        """Who wrote it last, who made it where nobody wrote it since; empty where Azure does not say."""
        return self.last_modified_by or self.created_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """An exemption, desired or live, whichever kind of ARM object carries it.

    `assignment` is what it exempts from: for a standard assignment the id of an assessment. Its `selectors` are conditions
    on findings (`va.cve.*`) and scopes left out (`excludedScopes`), its `metadata` the mark inside its description.
    `reference_ids` as stored (empty: the whole assignment); `category` as stored; `expires_on` canonical UTC text
    (`2027-01-31T23:59:59Z`, no trailing zeros) or empty for never; `validation` empty means Default; `extra` holds
    live properties that we do not model and must not lose, since PUT replaces the whole object. `adopted`: a production
    run's record says that we adopted it, whoever has written it since.
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
    adopted: bool = field(default=False, compare=False)

    @property
    def scope(self) -> ArmId:
        """What is exempted: the scope the object sits on."""
        return owner_scope(self.id)

    @property
    def name(self) -> str:
        """The ARM name, as written."""
        return self.id.name

    @property
    def carrier(self) -> Carrier:
        """Which kind of ARM object it is."""
        return carrier_of(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A policy or initiative assigned at a scope. `definition` is the policy or policy set, without a version;
    `version` the pinned one (`1.*.*`) or None; `parameters` maps a name to its value. `disable_rules` are Defender's old
    ones in its metadata, as text; empty where there are none.
    """

    id: ArmId
    definition: ArmId
    display_name: str = ""
    version: str | None = None
    not_scopes: tuple[ArmId, ...] = ()
    parameters: Mapping[str, JSON] = field(default_factory=dict, hash=False)
    selectors: tuple[ResourceSelector, ...] = ()
    overrides: tuple[JSON, ...] = field(default=(), hash=False)
    disable_rules: str = ""
    system: SystemData | None = field(default=None, compare=False)

    @property
    def scope(self) -> ArmId:
        """Where it is assigned."""
        return owner_scope(self.id)

    @property
    def is_initiative(self) -> bool:
        """Whether a policy set is assigned, rather than one policy."""
        return "/policysetdefinitions/" in self.definition.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Initiative:
    """A policy set at one version. `defaults` maps its parameters to their default values, `texts` the folded
    reference ids of its members to the ids as it writes them.
    """

    id: ArmId
    members: tuple[Member, ...]
    version: str | None = None
    display_name: str = ""
    defaults: Mapping[str, JSON] = field(default_factory=dict, hash=False)
    system: SystemData | None = field(default=None, compare=False)
    texts: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        texts = {member.reference_id.lower(): member.reference_id for member in self.members}
        object.__setattr__(self, "texts", texts)  # asked for with every exemption, so looked up once


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy definition that is assigned by itself. `effect` is its rule's: literal or an expression over its
    parameters; `defaults` maps those to their default values.
    """

    id: ArmId
    display_name: str = ""
    effect: str | None = None
    defaults: Mapping[str, JSON] = field(default_factory=dict, hash=False)


STANDARD_ASSIGNMENTS: Final = "standard assignments"
"""What is unread where Defender's list is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread(Diagnostic):
    """Something that could not be read: `scope` whose `what` (exemptions, assignments, descendants, an initiative
    by id) is unknown; the message is Azure's. `is_refused`: for want of a right, as far as this run knows.
    """

    scope: ArmId
    what: str
    is_refused: bool = field(default=False, compare=False)


UNREAD_REMEDY: Final = "run again; if it stays so, --log-file FILE notes Azure's correlation id for a support case"
"""Where Azure's answer says nothing better. A missing right always does: it is not to be guessed."""


def unread_groups(unread: Iterable[Unread]) -> list[Unread]:
    """What could not be read, one for each place and cause: `assignments, exemptions`."""
    groups: dict[tuple[ArmId, str, str], list[Unread]] = defaultdict(list)
    for part in unread:
        groups[part.scope, part.message, part.remedy].append(part)
    return [replace(parts[0], what=", ".join(part.what for part in parts)) for parts in groups.values()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything read from Azure for one run, with what could not be read.

    `parents` maps the folded id of a management group or subscription to its management group. `expected` are the
    roots and all their descendants (groups and subscriptions). `initiatives` maps the folded *assignment* id to the
    policy set at the version that the assignment is pinned to; an assigned set that is absent there could not be read.
    `gone` holds folded ids that a GET answered with 404. `exists` holds folded ids of declared resource targets
    confirmed to exist; a target in neither was not asked. `similar` maps a folded target that is gone to existing
    resources of its type with the same or a similar name. `names` maps the folded id of a group or subscription to
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
    similar: Mapping[str, tuple[ArmId, ...]] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every expected scope was read in full."""
        return not self.unread


def without_needless(snapshot: Snapshot, *, is_declared: bool) -> Snapshot:
    """The snapshot as who only plans and writes sees it: where nothing is declared that a standard assignment carries, no
    right to read those is needed. A report says what is exempt, so to it they are unread.
    """
    if is_declared:
        return snapshot
    needed = (line for line in snapshot.unread if not (line.is_refused and line.what == STANDARD_ASSIGNMENTS))
    return replace(snapshot, unread=tuple(needed))
