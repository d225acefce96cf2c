"""The secure score of a subscription: resources counted by control, and the figures that follow from the counts.

A resource counts once in a control: unhealthy if any of the control's recommendations finds it so, else healthy if any
does, else not applicable. Preview recommendations and resources of other clouds do not count.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any, Final

from reconciler.emulator.state.behind import is_preview
from reconciler.emulator.state.defender import HEALTHY, NOT_APPLICABLE, UNHEALTHY, Defender
from reconciler.emulator.state.tenant import Tenant
from reconciler.model import ArmId, owner_scope

_DATA: Final = Path(__file__).resolve().parent.parent / "data" / "controls.json"
_OTHER_CLOUDS: Final = frozenset({"aws", "gcp"})
_RANK: Final = (UNHEALTHY, HEALTHY, NOT_APPLICABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlDefinition:
    """A control: its key, title, highest score, and the keys of its recommendations."""

    key: str
    title: str
    max_score: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How much of a highest score is reached. `current` has two digits after the point, `percentage` four."""

    max: int
    current: Decimal
    weight: int

    @property
    def percentage(self) -> Decimal:
        """The share of the rounded current score, from 0 to 1; 0 where nothing can be reached."""
        return _rounded(self.current / self.max, "0.0001") if self.max else Decimal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A control in a subscription with the number of resources in each state."""

    definition: ControlDefinition
    healthy: int
    unhealthy: int
    not_applicable: int

    @property
    def score(self) -> Score:
        """Its score; the highest is 0 where no resource counts."""
        counted = self.healthy + self.unhealthy
        if not counted:
            return Score(max=0, current=Decimal(), weight=0)
        highest = self.definition.max_score
        current = _rounded(Decimal(highest * self.healthy) / counted, "0.01")
        return Score(max=highest, current=current, weight=counted)


def total(controls: Sequence[Control]) -> Score:
    """The score of a subscription with these controls."""
    scores = [control.score for control in controls]
    return Score(
        max=sum(score.max for score in scores),
        current=sum((score.current for score in scores), Decimal()),
        weight=sum(score.weight * score.max for score in scores),
    )


def definitions(tenant: Tenant) -> list[ControlDefinition]:
    """The bundled controls, with those of the tenant file in their place or behind them."""
    own = {record.id.name.lower(): record.properties for record in tenant.control_definitions.by_id.values()}
    bundled = [_defined(item.key, own.pop(item.key)) if item.key in own else item for item in _bundled()]
    return [*bundled, *(_defined(key, properties) for key, properties in own.items())]


def controls_of(defender: Defender, subscription: ArmId) -> list[Control]:
    """The controls of a subscription in which any resource is assessed."""
    tenant = defender.tenant
    records = [tenant.assessments.at(subscription.key).values(), tenant.assessments.below(subscription.key)]
    assessed = defender.assessed(record for group in records for record in group)
    states: dict[str, list[tuple[str, str]]] = {}
    for item in assessed:
        details: Mapping[str, Any] = item.record.properties.get("resourceDetails") or {}
        sources = (str(value).lower() for name, value in details.items() if name.lower() == "source")
        if not is_preview(tenant, item.id) and next(sources, "azure") not in _OTHER_CLOUDS:
            states.setdefault(item.id.name.lower(), []).append((owner_scope(item.id).key, item.code))
    controls = []
    for definition in definitions(tenant):
        by_resource: dict[str, str] = {}
        for resource, code in (pair for key in definition.members for pair in states.get(key, ())):
            by_resource[resource] = min(by_resource.get(resource, code), code, key=_RANK.index)
        if counts := Counter(by_resource.values()):
            healthy, unhealthy, not_applicable = (counts[code] for code in (HEALTHY, UNHEALTHY, NOT_APPLICABLE))
            control = Control(
                definition=definition, healthy=healthy, unhealthy=unhealthy, not_applicable=not_applicable
            )
            controls.append(control)
    return controls


def _defined(key: str, properties: Mapping[str, Any]) -> ControlDefinition:
    members = (str(item["id"]).rsplit("/", 1)[-1].lower() for item in properties.get("assessmentDefinitions") or ())
    return ControlDefinition(
        key=key,
        title=str(properties.get("displayName", key)),
        max_score=int(properties.get("maxScore", 0)),
        members=tuple(members),
    )


@functools.cache
def _bundled() -> tuple[ControlDefinition, ...]:
    return tuple(
        ControlDefinition(key=row["key"], title=row["title"], max_score=row["maxScore"], members=tuple(row["members"]))
        for row in json.loads(_DATA.read_bytes())
    )


def _rounded(number: Decimal, digits: str) -> Decimal:
    """To so many digits; a half goes to the even neighbour."""
    return number.quantize(Decimal(digits), rounding=ROUND_HALF_EVEN)
