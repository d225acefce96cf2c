"""How many resources a decision is about now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.model import ArmId, ScopeKind, textual_containers

TypeCounts = Mapping[str, int]
"""How many resources of each folded type there are at a scope and below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveredResources:
    """How many resources there are now where a decision is about, `evaluated` of a type that its policies evaluate; None where
    those types are not known, or none of them is counted.
    """

    total: int
    evaluated: int | None = None


def covered(
    targets: Sequence[ArmId], resources: Mapping[str, TypeCounts], types: frozenset[str]
) -> CoveredResources | None:
    """What is at the targets now, of the types that are evaluated and at all; one that lies in another, as its text shows, is counted once."""
    if len(targets) == 1 and targets[0].kind is ScopeKind.RESOURCE:  # as nearly all decisions of a large plan
        return CoveredResources(total=1)
    keys = {target.key for target in targets}
    widest = [target for target in targets if len(keys) == 1 or keys.isdisjoint(textual_containers(target.key))]
    wide = [target for target in widest if target.kind is not ScopeKind.RESOURCE]
    singles = len(widest) - len(wide)
    if not wide:
        return CoveredResources(total=singles)
    counts = [resources.get(target.key) for target in wide]
    if None in counts:
        return None
    by_type = sum((Counter(dict(scope_counts)) for scope_counts in counts if scope_counts), Counter[str]())
    evaluated = sum(number for key, number in by_type.items() if key in types)
    return CoveredResources(
        total=singles + by_type.total(), evaluated=singles + evaluated if evaluated and not singles else None
    )
