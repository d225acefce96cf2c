"""What else keeps Defender silent beside exemptions: each counted once, one number each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.model import ArmId, Snapshot
from reconciler.planning.findings.effects import disabled_by_choice

FOUNDATIONAL: Final = "foundationalcspm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silencers:
    """How many of each: scopes that assignments exclude by notScopes; policies that somebody disabled by parameters, and
    by overrides; assignments that resource selectors narrow; subscriptions without Foundational CSPM, of which Defender
    says nothing at all; other plans that are off. The last two are None where plans were not read.
    """

    not_scopes: int
    disabled_effects: int
    overrides: int
    selectors: int
    foundational_off: int | None = None
    plans_off: int | None = None


def count_silencers(snapshot: Snapshot, plans: Mapping[ArmId, Mapping[str, bool]] | None) -> Silencers:
    """The census of a snapshot. `plans` says of each subscription which of Defender's plans (folded names) are on."""
    assignments = list(snapshot.assignments.values())
    disabled = [disabled_by_choice(assignment, snapshot) for assignment in assignments]
    off = None if plans is None else [name for states in plans.values() for name, is_on in states.items() if not is_on]
    return Silencers(
        not_scopes=sum(len({scope.key for scope in assignment.not_scopes}) for assignment in assignments),
        disabled_effects=sum(by_parameters for by_parameters, _ in disabled),
        overrides=sum(by_overrides for _, by_overrides in disabled),
        selectors=sum(bool(assignment.selectors) for assignment in assignments),
        foundational_off=None if off is None else off.count(FOUNDATIONAL),
        plans_off=None if off is None else len(off) - off.count(FOUNDATIONAL),
    )
