"""What Defender for Cloud says: assessments, and secure score with its controls. As Azure reports it, nothing computed."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Final

from reconciler.model.ids import ArmId

EXEMPT: Final = "Exempt"
"""The cause of an assessment that does not apply because the resource is exempt."""


class Health(enum.StrEnum):
    """The code of an assessment's status."""

    HEALTHY = "Healthy"
    UNHEALTHY = "Unhealthy"
    NOT_APPLICABLE = "NotApplicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What a recommendation says of one resource. `key` is folded; `policy` the one that the metadata names; `source`
    is `Azure`, `OnPremise`, `AWS`, `GCP` and so on; `cause` why it does not apply; `changed_at` when its status changed.
    """

    id: ArmId
    key: str
    resource: ArmId
    health: Health
    cause: str = ""
    title: str = ""
    severity: str = ""
    preview: bool = False
    policy: ArmId | None = None
    source: str = "Azure"
    changed_at: datetime | None = None

    @property
    def is_exempt(self) -> bool:
        """Whether Defender says that the resource is exempt from it."""
        return self.health is Health.NOT_APPLICABLE and self.cause == EXEMPT


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlDefinition:
    """A control of secure score: its highest score, and the folded keys of its recommendations."""

    key: str
    title: str
    max_score: int
    members: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceCounts:
    """How many resources of a subscription are in which state in one control."""

    healthy: int = 0
    unhealthy: int = 0
    not_applicable: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedScore:
    """A subscription's score as Azure reports it. `current` of `max` points; `percentage` from 0 to 1."""

    current: Fraction
    max: int
    percentage: Fraction
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Posture:
    """Defender's view of some subscriptions, whose folded GUIDs are the keys. `counts` are by subscription and control."""

    assessments: tuple[Assessment, ...]
    definitions: tuple[ControlDefinition, ...]
    counts: dict[tuple[str, str], ResourceCounts]
    scores: dict[str, ReportedScore]
