"""What Defender says, as read, and what it comes to for each declared target."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from reconciler.model import ArmId, Diagnostic, Exemption, Source, Unread
from reconciler.model.posture import Assessment, Health

WITHIN: Final = timedelta(hours=24)
"""How long Defender may take until an exemption counts (Microsoft Learn, exempt-resource)."""


# --- what was read -----------------------------------------------------------------------------------------------


class Shown(enum.StrEnum):
    """What Defender shows of one resource: the status code, and for NotApplicable whether exempt, off, or neither."""

    EXEMPT = "exempt"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    OFF = "off by policy"
    NOT_APPLICABLE = "not applicable"


def shown_as(assessment: Assessment) -> Shown:
    """What Defender shows of a resource."""
    if assessment.health is Health.NOT_APPLICABLE:
        return _CAUSES.get(assessment.cause.lower(), Shown.NOT_APPLICABLE)
    return Shown.HEALTHY if assessment.health is Health.HEALTHY else Shown.UNHEALTHY


_CAUSES: Final = {"exempt": Shown.EXEMPT, "offbypolicy": Shown.OFF}


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyState:
    """What Azure Policy says of a resource by one policy of one assignment; ids are folded. `state` is Azure's word in
    lower case: compliant, noncompliant, exempt or another.
    """

    resource: str
    assignment: str
    definition: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DefenderView:
    """What was read of Defender at `as_of`, by Azure's own clock.

    `subscriptions` are the folded GUIDs that Resource Graph shows, `off` those whose Foundational CSPM is off.
    `locations` maps folded resources to folded locations, as far as selectors ask for them. `moved_to` maps a folded
    target that is gone to resources of its type and name elsewhere. `indexed` are exemptions that Resource Graph shows
    with our mark. `states` is None where policy states were not asked for. `unread` is what could not be read.
    """

    as_of: datetime
    assessments: tuple[Assessment, ...] = ()
    subscriptions: frozenset[str] = frozenset()
    off: frozenset[str] = frozenset()
    states: tuple[PolicyState, ...] | None = None
    locations: Mapping[str, str] = field(default_factory=dict, hash=False)
    moved_to: Mapping[str, tuple[ArmId, ...]] = field(default_factory=dict, hash=False)
    indexed: tuple[ArmId, ...] = ()
    unread: tuple[Unread, ...] = ()


# --- what it comes to --------------------------------------------------------------------------------------------


class EffectState(enum.StrEnum):
    """What became of a declared exemption at one target."""

    IN_FORCE = "in force"
    WAITING = "waiting"
    INEFFECTIVE = "ineffective"
    NOT_APPLIED = "not applied"
    HELD = "held"
    MOVED = "moved"
    GONE = "gone"
    NOT_VISIBLE = "not visible"
    NOT_ASSESSED = "not assessed"
    OFF = "off"
    NOT_COUNTED = "not counted"
    UNDECIDED = "undecided"

    @property
    def meaning(self) -> str:
        """One clause for a reader who sees the word for the first time."""
        return _MEANINGS[self]

    @property
    def needs_somebody(self) -> bool:
        """Whether a person should look: it will not come right by itself."""
        return self in _FOR_PEOPLE


_MEANINGS: Final = {
    EffectState.IN_FORCE: "Defender shows every covered resource as exempt",
    EffectState.WAITING: "written, and Defender may still take its time",
    EffectState.INEFFECTIVE: "written, and Defender counts a covered resource all the same",
    EffectState.NOT_APPLIED: "declared, and Azure has none of its exemptions",
    EffectState.HELD: "declared, and not decided: Azure has none of its exemptions",
    EffectState.MOVED: "what was exempted is somewhere else now, and its exemption is not",
    EffectState.GONE: "what was exempted does not exist",
    EffectState.NOT_VISIBLE: "this identity does not see what Defender says there",
    EffectState.NOT_ASSESSED: "Defender does not look here",
    EffectState.OFF: "the policy is disabled where it is assigned, so nothing is counted, exempt or not",
    EffectState.NOT_COUNTED: "Defender finds the resources healthy or out of place, without showing them as exempt",
    EffectState.UNDECIDED: "nothing that was read says it",
}
_FOR_PEOPLE: Final = frozenset({
    EffectState.INEFFECTIVE, EffectState.NOT_APPLIED, EffectState.HELD, EffectState.MOVED, EffectState.GONE
})  # fmt: skip
WORST_STATES: Final = (
    EffectState.INEFFECTIVE,
    EffectState.MOVED,
    EffectState.GONE,
    EffectState.NOT_VISIBLE,
    EffectState.HELD,
    EffectState.NOT_APPLIED,
    EffectState.NOT_ASSESSED,
    EffectState.UNDECIDED,
    EffectState.WAITING,
    EffectState.OFF,
    EffectState.NOT_COUNTED,
    EffectState.IN_FORCE,
)
"""The order in which people read; a declaration is in the first of its targets' states."""


class Cause(enum.StrEnum):
    """Why an exemption has no effect, in the order in which Microsoft's troubleshooting asks; *expired* and *catalogue*
    are of our own, *outside Defender* and *recreate* come last because nothing can prove them.
    """

    EXPIRED = "expired"
    SCOPE = "scope"
    LEVEL = "level"
    RIGHTS = "rights"
    CATEGORY = "category"
    POLICY = "policy"
    INITIATIVE = "initiative"
    UNSUPPORTED = "unsupported"
    DUPLICATE = "duplicate"
    OUTSIDE_DEFENDER = "outside Defender"
    RECREATE = "recreate"
    # Defender does not look, or not here
    PLAN = "plan off"
    BENCHMARK = "benchmark not assigned"
    NOT_ASSIGNED = "not assigned"
    EXCLUDED = "excluded"
    DISABLED = "disabled"
    RETIRED = "retired"
    NO_ASSESSMENT = "no assessment"
    NO_RECOMMENDATION = "no recommendation"
    CONDITIONAL = "some findings only"
    # it cannot be seen, or is not there
    MOVED = "moved"
    GONE = "gone"
    INVISIBLE = "right to see it"
    NOT_APPLIED = "not applied"
    HELD = "held"


class Confidence(enum.StrEnum):
    """How sure a diagnosis is: *certain* follows from what was read, *likely* from documentation that fits it, *possible*
    is what documentation names without anything that speaks for it.
    """

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis(Diagnostic):
    """One reason, with what was seen of it. `resources` are those it is about, empty for all."""

    cause: Cause
    confidence: Confidence
    evidence: tuple[tuple[str, str], ...] = ()
    resources: tuple[ArmId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetEffect:
    """What Defender makes of one recommendation of a declaration at one of its targets.

    `key` and `title` are of the recommendation, the key empty where Defender has none. `since` is when the last covered
    resource became exempt; `written_at` when the last of its `exemptions` was written and `due` when Defender must have
    seen that. `counts` are the covered resources by what Defender shows, `counted` those that it still counts.
    """

    declaration: str
    target: ArmId
    key: str
    title: str
    state: EffectState
    since: datetime | None = None
    written_at: datetime | None = None
    due: datetime | None = None
    exemptions: tuple[Exemption, ...] = ()
    counts: Mapping[Shown, int] = field(default_factory=dict, hash=False)
    counted: tuple[ArmId, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()


class Returned(enum.StrEnum):
    """How something comes back that was deleted."""

    REAPPEARED = "reappeared"
    GHOST = "ghost"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedExemption(Diagnostic):
    """An exemption that a run deleted and that is there again, or that Resource Graph alone still shows."""

    id: ArmId
    how: Returned
    declaration: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclarationEffect:
    """A declaration with all its targets. `pull_request` is the number by which it came, `owner` and `requested_by` whom
    to tell; empty where nobody knows.
    """

    name: str
    source: Source
    targets: tuple[TargetEffect, ...]
    owner: str = ""
    requested_by: str = ""
    pull_request: str = ""

    @property
    def state(self) -> EffectState:
        """The worst of its targets'."""
        states = {target.state for target in self.targets}
        return next((state for state in WORST_STATES if state in states), EffectState.UNDECIDED)

    @property
    def since(self) -> datetime | None:
        """Since when it is in force everywhere; None where it is not."""
        if self.state is not EffectState.IN_FORCE:
            return None
        return max((target.since for target in self.targets if target.since), default=None)

    @property
    def due(self) -> datetime | None:
        """When the last of its waiting targets must be in force."""
        return max(
            (target.due for target in self.targets if target.due and target.state is EffectState.WAITING), default=None
        )
