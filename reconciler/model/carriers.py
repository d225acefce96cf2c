"""The two kinds of ARM object that carry an exemption, and the ids that each goes by.

A policy exemption exempts from an assignment of a policy or initiative. A standard assignment with effect Exempt exempts
from what Defender evaluates by itself: an assessment, by its key. There an *assessment* stands where an assignment does
for policies: it has an id, it is evaluated everywhere, and it has one cell.
"""

from __future__ import annotations

import enum
from typing import Final

from reconciler.model.ids import ArmId, arm_id

ASSESSMENT_PREFIX: Final = "/providers/Microsoft.Security/assessmentMetadata/"
_ASSESSMENTS: Final = ASSESSMENT_PREFIX.lower()
_STANDARD: Final = "/providers/microsoft.security/standardassignments/"

UNPUBLISHED: Final = arm_id(f"{ASSESSMENT_PREFIX}unpublished")
"""Stands for what a live standard assignment exempts in a form that Microsoft has not published."""


class Carrier(enum.StrEnum):
    """The kind of ARM object that carries an exemption; the value is its type's name."""

    POLICY = "policyExemptions"
    STANDARD = "standardAssignments"

    def path(self, scope: str, name: str) -> str:
        """The id of such an object by its scope's id and its name, in the letters of both."""
        namespace = "Microsoft.Authorization" if self is Carrier.POLICY else "Microsoft.Security"
        return f"{scope}/providers/{namespace}/{self}/{name}"


def carrier_of(identifier: ArmId) -> Carrier:
    """Which kind of object the id names."""
    return Carrier.STANDARD if _STANDARD in identifier.key else Carrier.POLICY


def carrier_from(assignment: str) -> Carrier:
    """Which kind of object exempts from the assignment or assessment with this id."""
    return Carrier.STANDARD if is_assessment(assignment.lower()) else Carrier.POLICY


def assessment_id(key: str) -> ArmId:
    """The id of the assessment with this key (its metadata's id in Azure)."""
    return arm_id(ASSESSMENT_PREFIX + key)


def is_assessment(key: str) -> bool:
    """Whether this folded id is an assessment's."""
    return key.startswith(_ASSESSMENTS)
