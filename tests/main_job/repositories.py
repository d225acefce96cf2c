"""Repositories of exemptions in temporary folders, as a user has them."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

TENANT = "c0ffee00-0000-4000-8000-000000000001"
ROOT = "/providers/Microsoft.Management/managementGroups/contoso"
ASSIGNMENTS = "/providers/Microsoft.Authorization/policyAssignments/"
EXEMPTIONS = "/providers/Microsoft.Authorization/policyExemptions/"
SETS = "/providers/Microsoft.Authorization/policySetDefinitions/"
BENCHMARK = SETS + "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
NIST = SETS + "179d1daa-458f-4e47-8086-2a68d0d6c38f"


def subscription(number: int) -> str:
    return f"/subscriptions/00000000-0000-4000-8000-{number:012d}"


def write(root: Path, declarations: Sequence[Mapping[str, Any]], **settings: Any) -> Path:
    """A repository of these declarations; `settings` are further keys of reconciler.yaml."""
    (root / "exemptions").mkdir(parents=True, exist_ok=True)
    for old in (root / "exemptions").glob("*.yaml"):
        old.unlink()
    content = {"owner": "contoso/exemptions", "tenantId": TENANT, "scopes": [ROOT], **settings}
    (root / "reconciler.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    for each in declarations:
        text = yaml.safe_dump(complete(each), sort_keys=False)
        (root / "exemptions" / f"{each['name']}.yaml").write_text(text, encoding="utf-8")
    return root


def complete(declaration: Mapping[str, Any]) -> dict[str, Any]:
    """A declaration with the required fields that a test does not care about."""
    required = {"category": "Waiver", "justification": "It retires soon.", "owner": "team@contoso.example"}
    return {**declaration, **{key: text for key, text in required.items() if key not in declaration}}


_GIT = (
    *("-c", "user.name=Test"),
    *("-c", "user.email=test@contoso.example"),
    *("-c", "maintenance.auto=false"),  # a commit starts no process that looks whether there is something to tidy up
)


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *_GIT, *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(root: Path, message: str = "Change") -> str:
    """Commits everything and returns the revision."""
    if not (root / ".git").exists():
        git(root, "init", "--quiet", "--template=", "--initial-branch", "main")  # no examples of hooks to copy
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(root, "rev-parse", "HEAD")


def tenant(
    *assignments: Mapping[str, Any], exemptions: Sequence[Mapping[str, Any]] = (), **more: Any
) -> dict[str, Any]:
    """One management group with two subscriptions, and what is assigned and exempted there."""
    return {
        "tenantId": TENANT,
        "managementGroups": [{"name": "contoso", "displayName": "Contoso"}],
        "subscriptions": [
            {"id": subscription(n).rsplit("/", 1)[-1], "displayName": f"Sub {n}", "managementGroup": "contoso"} for n in (1, 2)
        ],
        "policyAssignments": list(assignments),
        "policyExemptions": list(exemptions),
        **more,
    }  # fmt: skip


def assignment(scope: str, name: str, definition: str, **properties: Any) -> dict[str, Any]:
    """An assignment that was there long before any declaration."""
    then = {"createdAt": "2025-01-01T00:00:00Z", "createdBy": "platform@contoso.example", "createdByType": "User"}
    return {
        "id": scope + ASSIGNMENTS + name,
        "properties": {"displayName": name, "policyDefinitionId": definition, **properties},
        "systemData": then,
    }


def exemption(scope: str, name: str, to: str, references: Sequence[str] = (), **properties: Any) -> dict[str, Any]:
    more = {"policyDefinitionReferenceIds": list(references)} if references else {}
    return {
        "id": scope + EXEMPTIONS + name,
        "properties": {"policyAssignmentId": to, "exemptionCategory": "Waiver", **more, **properties},
    }
