"""Standard assignments that no declaration can say: by what nothing public describes, or the catalogue does not know."""

from __future__ import annotations

from reconciler.arm.standard_properties import vulnerability_fields
from reconciler.catalog.catalogue import Catalogue
from reconciler.model import UNPUBLISHED, Carrier, Exemption


def unsaid(exemption: Exemption, catalogue: Catalogue) -> tuple[str, str] | None:
    """Why a standard assignment is one that no declaration can say."""
    if exemption.carrier is not Carrier.STANDARD:
        return None
    if exemption.assignment == UNPUBLISHED:
        return (
            "it says what it exempts in a form that Microsoft has not published, such as a category",
            "declare what it exempts, and delete it in Defender for Cloud",
        )
    if not catalogue.resting_on(exemption.assignment):
        return (
            f"the catalogue does not know {exemption.assignment.name} as a recommendation without a policy",
            "run exempt catalog refresh, which reads it from the tenant",
        )
    if exemption.selectors and vulnerability_fields(exemption.selectors) is None:
        return (
            "its conditions or excluded scopes are none that a declaration can have",
            "declare what it exempts by hand",
        )
    return None
