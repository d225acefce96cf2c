"""Held lines about existing exemptions that stay as they are."""

from __future__ import annotations

from reconciler.kinds import HeldCause
from reconciler.model import Declaration, Diagnostic, Exemption
from reconciler.planning import hold_messages
from reconciler.planning.desired.protections import Protection
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.values import Held


def hold_exemption(
    exemption: Exemption, cause: HeldCause, message: Diagnostic, *, mark: str, declaration: Declaration | None
) -> Held:
    """An exemption that is not written. `mark` names the declaration where the write is not about one."""
    return Held(
        declaration=declaration.name if declaration else mark,
        scope=exemption.scope,
        assignment=exemption.assignment,
        reference_ids=exemption.reference_ids,
        cause=cause,
        message=message.message,
        remedy=message.remedy,
        source=declaration.source if declaration else None,
        exemption=exemption.id,
    )


def hold_for(existing: ExistingExemption, protection: Protection, declaration: Declaration | None) -> Held:
    """One of ours that stays because something held may need it; `declaration` is the one that its mark names."""
    exemption = existing.exemption
    message = hold_messages.neighbour_held(exemption, protection.declaration, protection.scope)
    mark = existing.mark or protection.declaration
    return hold_exemption(exemption, HeldCause.NEIGHBOUR, message, mark=mark, declaration=declaration)
