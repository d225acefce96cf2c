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

ROLE_IDS: Final = {
    "owner": ("Owner", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"),
    "contributor": ("Contributor", "b24988ac-6180-42a0-ab88-20f7382dd24c"),
    "reader": ("Reader", "acdd72a7-3385-48ef-bd42-f606fba81ae7"),
    "user access administrator": ("User Access Administrator", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"),
    "resource policy contributor": ("Resource Policy Contributor", "36243c78-bf99-498c-9df9-86d9f8d28608"),
    "security admin": ("Security Admin", "fb1c8493-542b-48eb-b624-b4c8fea62acd"),
    "security reader": ("Security Reader", "39bc4728-0917-49c7-9d2c-d95423bc2eb4"),
    "management group reader": ("Management Group Reader", "ac63b705-f282-497d-ac71-919bf39d939d"),
    "management group contributor": ("Management Group Contributor", "5d58bcaf-24a5-4b20-bdb6-eed9f69fbe4c"),
}
"""How Azure writes the names of those roles, and the names of their definitions."""
