"""Azure's built-in roles that matter to exemptions, with the actions they allow; folded names."""

from __future__ import annotations

from typing import Final

from reconciler.emulator.state.principals import Roles

ROLES: Final[Roles] = {
    "owner": (("*",), ()),
    "contributor": (
        ("*",),
        (
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
            "Microsoft.Blueprint/blueprintAssignments/write",
            "Microsoft.Blueprint/blueprintAssignments/delete",
        ),
    ),
    "reader": (("*/read",), ()),
    "user access administrator": (("*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"), ()),
    "resource policy contributor": (
        (
            "*/read",
            "Microsoft.Authorization/policyassignments/*",
            "Microsoft.Authorization/policydefinitions/*",
            "Microsoft.Authorization/policyexemptions/*",
            "Microsoft.Authorization/policysetdefinitions/*",
            "Microsoft.PolicyInsights/*",
            "Microsoft.Support/*",
        ),
        (),
    ),
    "security admin": (
        (
            "Microsoft.Authorization/*/read",
            "Microsoft.Authorization/policyAssignments/*",
            "Microsoft.Authorization/policyDefinitions/*",
            "Microsoft.Authorization/policyExemptions/*",
            "Microsoft.Authorization/policySetDefinitions/*",
            "Microsoft.Insights/alertRules/*",
            "Microsoft.Management/managementGroups/read",
            "Microsoft.operationalInsights/workspaces/*/read",
            "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Security/*",
            "Microsoft.Support/*",
        ),
        (),
    ),
    "security reader": (
        (
            "Microsoft.Authorization/*/read",
            "Microsoft.Insights/alertRules/read",
            "Microsoft.operationalInsights/workspaces/*/read",
            "Microsoft.Resources/deployments/*/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Security/*/read",
            "Microsoft.Support/*/read",
            "Microsoft.Management/managementGroups/read",
        ),
        (),
    ),
    "management group reader": (
        ("Microsoft.Management/managementGroups/read", "Microsoft.Management/managementGroups/*/read"),
        (),
    ),
    "management group contributor": (
        (
            "Microsoft.Management/managementGroups/delete",
            "Microsoft.Management/managementGroups/read",
            "Microsoft.Management/managementGroups/subscriptions/delete",
            "Microsoft.Management/managementGroups/subscriptions/write",
            "Microsoft.Management/managementGroups/write",
            "Microsoft.Management/managementGroups/subscriptions/read",
            "Microsoft.Management/managementGroups/*/read",
        ),
        (),
    ),
}
