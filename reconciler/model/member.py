"""What an initiative is made of."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.guids import is_guid
from reconciler.model.ids import ArmId


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One policy inside an initiative. `effect` is the value of its effect parameter: literal or an expression."""

    definition: ArmId
    reference_id: str
    effect: str | None = None

    @property
    def is_opaque(self) -> bool:
        """Whether its reference id says nothing to people: a GUID, or the policy's own name, which looks like one."""
        return is_guid(self.reference_id) or self.reference_id.lower() == self.definition.name.lower()
