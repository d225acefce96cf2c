"""What an initiative is made of."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.ids import ArmId


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One policy inside an initiative. `effect` is the value of its effect parameter: literal or an expression."""

    definition: ArmId
    reference_id: str
    effect: str | None = None
