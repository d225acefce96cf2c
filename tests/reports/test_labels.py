"""How scopes and assignments are called: by display name and id, neither twice, no bracket within another."""

import pytest

from reconciler.model import arm_id
from reconciler.reports.labels import assignment_label, scope_label

GROUP = "/providers/Microsoft.Management/managementGroups/landing-zones"
SUB = "/subscriptions/6f0e1a2b-3c4d-4e5f-8a6b-7c8d9e0f1a2b"


@pytest.mark.parametrize(
    ("display", "told"),
    [
        ("", "mg landing-zones"),
        ("landing-zones", "mg landing-zones"),
        ("Landing Zones", "mg landing-zones"),
        ("Landing zones of Contoso", "mg Landing zones of Contoso (landing-zones)"),
        ("Lаnding zones", "mg Lаnding zones (landing-zones)"),  # noqa: RUF001 - a Cyrillic letter is another name
    ],
)
def test_a_scope_is_named_once(display, told):
    assert scope_label(arm_id(GROUP), {GROUP.lower(): display}) == told


@pytest.mark.parametrize(
    ("scope", "display", "told"),
    [
        (GROUP, "NIST SP 800-53 Rev. 5", "NIST SP 800-53 Rev. 5 (nist-r5) at mg Our zones (landing-zones)"),
        (GROUP, "NIST R5", "nist-r5 at mg Our zones (landing-zones)"),
        (SUB, "NIST SP 800-53 Rev. 5", "NIST SP 800-53 Rev. 5 (nist-r5) at sub Payments 6f0e1a2b…1a2b"),
        (SUB, "", "nist-r5 at sub Payments 6f0e1a2b…1a2b"),
    ],
)
def test_an_assignment_is_named_once_and_without_brackets_in_brackets(scope, display, told):
    assignment = f"{scope}/providers/Microsoft.Authorization/policyAssignments/nist-r5"
    names = {GROUP.lower(): "Our zones", SUB.lower(): "Payments", assignment.lower(): display}
    assert assignment_label(arm_id(assignment), names) == told
