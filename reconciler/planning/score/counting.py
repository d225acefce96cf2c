"""How resources are counted in a control, at several points at once.

A resource counts once in a control: unhealthy if any of the control's recommendations finds it so, else healthy if any
does, else not applicable. Source: Microsoft Learn ("all of your resources must comply with all of the
recommendations within the control"); no page states the rule in full.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from reconciler.model.posture import Assessment, ControlDefinition, Health, ResourceCounts
from reconciler.planning.score.values import Uncounted

Staged = tuple[Assessment, tuple[Health, ...]]
"""An assessment with its health at each point."""

_COUNTED_SOURCES: Final = frozenset({"azure", "onpremise", "onpremisesql"})
_WORST_FIRST: Final = {Health.UNHEALTHY: 0, Health.HEALTHY: 1, Health.NOT_APPLICABLE: 2}


def uncounted(assessment: Assessment, definitions: Iterable[ControlDefinition]) -> Uncounted | None:
    """Why an assessment counts in none of these controls; None where it does."""
    if assessment.preview:
        return Uncounted.PREVIEW
    if assessment.source.lower() not in _COUNTED_SOURCES:
        return Uncounted.OTHER_ENVIRONMENT
    is_member = any(assessment.key in definition.members for definition in definitions)
    return None if is_member else Uncounted.NO_CONTROL


def count_resources(
    definition: ControlDefinition, by_key: Mapping[str, Sequence[Staged]], points: int
) -> list[Counter[Health]]:
    """How many resources are in which state in a control, at each of so many points."""
    rows = (row for key in definition.members for row in by_key.get(key, ()))
    worst: dict[str, tuple[Health, ...]] = {}
    for assessment, stages in rows:
        if not uncounted(assessment, (definition,)):
            earlier = worst.get(assessment.resource.key, stages)
            worst[assessment.resource.key] = tuple(
                min(pair, key=_WORST_FIRST.__getitem__) for pair in zip(earlier, stages, strict=True)
            )
    return [Counter(column) for column in zip(*worst.values(), strict=True)] or [Counter[Health]()] * points


def shifted(base: ResourceCounts, before: Counter[Health], after: Counter[Health]) -> ResourceCounts:
    """The counts that Azure reports, moved by how much ours move."""
    return replace(
        base,
        healthy=max(0, base.healthy + after[Health.HEALTHY] - before[Health.HEALTHY]),
        unhealthy=max(0, base.unhealthy + after[Health.UNHEALTHY] - before[Health.UNHEALTHY]),
        not_applicable=max(0, base.not_applicable + after[Health.NOT_APPLICABLE] - before[Health.NOT_APPLICABLE]),
    )


def reported_counts(
    counts: Mapping[tuple[str, str], ResourceCounts], guid: str, definition: ControlDefinition, now: Counter[Health]
) -> ResourceCounts:
    """What Azure reports of a control in a subscription; where it reports nothing, what we count."""
    return counts.get((guid, definition.key), shifted(ResourceCounts(), Counter(), now))


def by_recommendation(rows: Iterable[Staged]) -> dict[str, list[Staged]]:
    """The rows by the key of their recommendation."""
    by_key: dict[str, list[Staged]] = {}
    for row in rows:
        by_key.setdefault(row[0].key, []).append(row)
    return by_key
