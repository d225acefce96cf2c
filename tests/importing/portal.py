"""A tenant whose exemptions were all made by hand: the shapes that portals, scripts and other tools leave behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import emulated
import jsonschema
from main_job import repositories as repo

from reconciler import package_data

SUB, OTHER = repo.subscription(1), repo.subscription(2)
TRANSFER = "Secure transfer to storage accounts should be enabled"
MCSB = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
NIST = repo.assignment(SUB, "nist", repo.NIST)
REFERENCE = "secureTransferToStorageAccountMonitoring"
OWNERS = ("identityDesignateMoreThanOneOwnerMonitoring", "identityDesignateLessThanOwnersMonitoring")
RG = f"{SUB}/resourceGroups/rg-data"
ACCOUNT = f"{RG}/providers/Microsoft.Storage/storageAccounts/legacy"
BY_APPLICATION = {"createdBy": "5b1c", "createdByType": "Application", "createdAt": "2026-01-01T00:00:00Z"}


def references(azure: emulated.Azure, assignment: str, policy: str) -> list[str]:
    """The reference ids of a policy in what is assigned."""
    client = emulated.Client(azure)
    definition = client.get(assignment).json["properties"]["policyDefinitionId"]
    members = client.get(definition).json["properties"]["policyDefinitions"]
    return [
        each["policyDefinitionReferenceId"] for each in members if each["policyDefinitionId"].lower().endswith(policy)
    ]


def run(azure: emulated.Azure, root: Path, *arguments: str, check: tuple[int, ...] = (0,)) -> dict[str, Any]:
    done = emulated.exempt(azure, *arguments, "--format", "json", cwd=root, check=check)
    return json.loads(done.stdout)


def live(azure: emulated.Azure, root: Path, *options: str, check: tuple[int, ...] = (0,)) -> dict[str, Any]:
    report = run(azure, root, "import", "live", *options, check=check)
    schema = json.loads(package_data.schema_path("import").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(report)
    return report


def by_name(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows of a report by the exemption's name."""
    return {row["source"].rsplit("/", 1)[-1]: row for row in report["rows"]}


def facts(azure: emulated.Azure) -> set[tuple[str, str, str]]:
    """What is exempt: scope, assignment and reference id, folded."""
    return {
        (identifier.rpartition("/providers/microsoft.authorization/")[0], body["policyAssignmentId"].lower(), reference.lower())
        for identifier, each in azure.exemptions.items()
        if (body := each["properties"])
        for reference in body.get("policyDefinitionReferenceIds") or ["*"]
    }  # fmt: skip
