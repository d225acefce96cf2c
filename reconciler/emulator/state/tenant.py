"""Everything that one tenant holds: the state behind all requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from reconciler.emulator.state.builtin import BuiltIns
from reconciler.emulator.state.clock import Clock, arm_instant
from reconciler.emulator.state.hierarchy import Hierarchy
from reconciler.emulator.state.objects import Objects
from reconciler.emulator.state.principals import DenyAssignment, Grant, Principal, Principals
from reconciler.model import JSON, ArmId, owner_scope

EVALUATION_DELAY: Final = 86_400.0
"""Microsoft's documentation: up to 24 hours until an exemption takes effect."""

DEFAULT_TENANT_ID: Final = "c0ffee00-0000-4000-8000-000000000001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """A policy exemption as stored. `body` is the whole object as its newest API version writes it, so that a list
    only joins bytes; the rest is what rules and filters ask for. API versions older than `since` see less of it.
    `written_at` is when it was last written, in seconds since the epoch.
    """

    id: ArmId
    assignment: str
    expires: str
    since: str
    written_at: float
    body: bytes


@dataclass(slots=True, kw_only=True)
class Record:
    """An ARM object that is kept as values: properties, `systemData` and what else stands in its envelope."""

    id: ArmId
    type: str
    properties: dict[str, JSON]
    system: dict[str, JSON] | None = None
    envelope: dict[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A management lock: `CanNotDelete` or `ReadOnly` on its scope and everything below."""

    id: ArmId
    level: str
    notes: str | None = None

    @property
    def scope(self) -> ArmId:
        """What is locked."""
        return owner_scope(self.id)

    def covers(self, key: str) -> bool:
        """Whether the thing with this folded id is locked, by itself or by what contains it."""
        return key == self.scope.key or key.startswith(self.scope.key + "/")

    def stops(self, *, deletes: bool) -> bool:
        """Whether it stands against a deletion, or against another write."""
        return deletes or self.level == "ReadOnly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Azure's documented ceilings; a tenant file may lower them, so that tests reach them quickly.

    `standard_lists` says what a list of standard assignments shows: `below` the scope as well, or `exact`ly at it.
    """

    exemptions: int = 1000
    assignments: int = 200
    definitions: int = 500
    set_definitions: int = 200
    page: int = 1000
    standard_lists: str = "below"


@dataclass(slots=True, kw_only=True)
class GraphFaults:
    """What Resource Graph gets wrong: how many seconds it lags behind, whether it keeps what went with its scope.

    `remaining` is how many queries the caller has left, as its headers say.
    """

    lag: float = 0.0
    ghosts: bool = False
    remaining: int = 14


class Tenant:
    """The state of one Azure tenant."""

    def __init__(
        self,
        tenant_id: str = DEFAULT_TENANT_ID,
        principals: Iterable[Principal] = (),
        built_ins: BuiltIns | None = None,
        limits: Limits = Limits(),
    ) -> None:
        self.id = tenant_id
        self.clock = Clock()
        self.limits = limits
        self.principals = Principals(principals)
        self.at_start = self.stamp(self.principals.portal_user)
        self.started = self.changed = self.clock.now()
        """When this Azure began, and when a request last changed something."""
        self.built_ins = built_ins
        self.hierarchy = Hierarchy(tenant_id)
        self.exemptions: Objects[Exemption] = Objects()
        self.assignments: Objects[Record] = Objects()
        self.definitions: Objects[Record] = Objects()
        self.set_definitions: Objects[Record] = Objects()
        self.definition_versions: Objects[Record] = Objects()
        self.reference_ids: dict[str, tuple[list[JSON], frozenset[str]]] = {}
        """Of each initiative asked for lately: its members, and their folded reference ids."""
        self.assessment_metadata: Objects[Record] = Objects()
        self.assessments: Objects[Record] = Objects()
        self.standard_assignments: Objects[Record] = Objects()
        self.security_standards: Objects[Record] = Objects()
        self.control_definitions: Objects[Record] = Objects()
        self.plans: Objects[Record] = Objects()
        """Defender's plans where they are not as they are by default."""
        self.evaluation_delay = EVALUATION_DELAY
        """Seconds until Defender sees what was done to exemptions and assignments."""
        self.locks: Objects[Lock] = Objects()
        self.role_definitions: Objects[Record] = Objects()
        self.role_assignments: Objects[Record] = Objects()
        self.granted: dict[str, tuple[Grant, ...]] = {}
        """What role assignments that were put through ARM allow, by folded object id; beside the principals' own."""
        self.compliance: dict[tuple[str, str], str] = {}
        """The state of (folded resource id, folded policy definition id) where the tenant file tells it."""
        self.graph = GraphFaults()
        self.superseded_exemptions: deque[tuple[float, Exemption]] = deque(maxlen=10_000)
        """What exemptions were before they were replaced or deleted, with when that was, in seconds since the epoch."""
        self.ended_exemptions: deque[tuple[float, bool, Exemption]] = deque(maxlen=10_000)
        self.denies: tuple[DenyAssignment, ...] = ()

    def stamp(self, principal: Principal, before: dict[str, JSON] | None = None) -> dict[str, JSON]:
        """`systemData` for a write by `principal` now; what was there `before` keeps its creation."""
        now = arm_instant(self.clock.now())
        modified = {
            "lastModifiedBy": principal.trace,
            "lastModifiedByType": principal.type.value,
            "lastModifiedAt": now,
        }
        if before:
            return {**before, **modified}
        created = {"createdBy": principal.trace, "createdByType": principal.type.value, "createdAt": now}
        return {**created, **modified}

    def forget_scope(self, key: str) -> None:
        """The resource or group with this folded id is gone, and everything that sat on it or within."""
        removed = self.exemptions.remove_within(key)
        self.ended_exemptions.extend((self.clock.seconds(), True, exemption) for exemption in removed)
        self.assignments.remove_within(key)
        self.assessments.remove_within(key)
        self.standard_assignments.remove_within(key)
        self.security_standards.remove_within(key)
        self.locks.remove_within(key)
        self.role_assignments.remove_within(key)
