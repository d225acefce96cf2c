"""What standard assignments exempt: recommendations that Defender evaluates by itself."""

from __future__ import annotations

from reconciler.emulator.state.clock import parse_instant
from reconciler.emulator.state.tenant import Tenant
from reconciler.model import ArmId


def exempts(tenant: Tenant, resource: ArmId, key: str) -> bool:
    """Whether some assignment exempts a resource from the recommendation with this folded key, as it is now.

    One with conditions exempts findings, not the recommendation.
    """
    chain = tenant.hierarchy.chain(resource)
    now = tenant.clock.now()
    for scope in chain:
        for record in tenant.standard_assignments.at(scope).values():
            values = record.properties
            data = values.get("exemptionData", {})
            assessed = str(data.get("assignedAssessment", {}).get("assessmentKey", "")).lower()
            end = parse_instant(values["expiresOn"]) if values.get("expiresOn") else None
            excluded = any(str(outer).lower().rstrip("/") in chain for outer in values.get("excludedScopes", ()))
            is_current = (
                str(values.get("effect", "")).lower() == "exempt" and (end is None or end > now) and not excluded
            )
            if is_current and assessed == key and not data.get("subAssessmentExemptionRule"):
                return True
    return False
