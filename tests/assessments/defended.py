"""A tenant that Defender looks at, with one declaration: two initiatives evaluate it, and two databases are counted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import emulated
from cli.console import Ended, exempt
from main_job import repositories as repo

TDE = "651967bf-044e-4bde-8376-3e08e0600105"
POLICY = "/providers/Microsoft.Authorization/policyDefinitions/17k78e20-9358-41c9-923c-fb736d382a12"
OTHER_POLICY = "/providers/Microsoft.Authorization/policyDefinitions/404c3081-a854-4457-ae30-26a93ef643f9"
ONE, TWO = repo.subscription(1), repo.subscription(2)
GROUP = f"{ONE}/resourceGroups/rg-data"
SERVER = f"{GROUP}/providers/Microsoft.Sql/servers/legacy"
LEDGER, AUDIT = f"{SERVER}/databases/ledger", f"{SERVER}/databases/audit"
MCSB = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
NIST = repo.assignment(ONE, "nist", repo.NIST)
REFERENCES = {"mcsb": "sqlDbEncryptionMonitoring", "nist": "17k78e20-9358-41c9-923c-fb736d382a12"}
ISO = repo.SETS + "89c6cddc-1c73-4ac1-b19c-54d1a15a42f2"
"""Another standard that evaluates it."""
LONG_AGO = "2025-06-01T00:00:00Z"
HOUR = 3600
DECLARED = {"name": "tde", "recommendation": TDE, "scopes": [GROUP]}
OWN = {
    "managedBy": "exempt",
    "owner": "contoso/exemptions",
    "declaration": "tde",
    "target": GROUP,
    "requestedBy": "team@contoso.example",
}


def finding(resource: str, code: str = "Unhealthy", key: str = TDE, **status: Any) -> dict[str, Any]:
    """What Defender finds on a resource before policies and exemptions."""
    path = f"{resource}/providers/Microsoft.Security/assessments/{key}"
    return {"id": path, "properties": {"status": {"code": code, **status}}}


def own(assignment: Mapping[str, Any], scope: str = GROUP, written: str = LONG_AGO, **more: Any) -> dict[str, Any]:
    """One of ours, as an apply left it long ago unless `written` says otherwise."""
    name = assignment["id"].rsplit("/", 1)[-1]
    made = repo.exemption(scope, f"tde-{name}", assignment["id"], [REFERENCES.get(name, "")], **more)
    made["properties"].setdefault("metadata", {**OWN, "target": more.get("target", GROUP)})
    stamp = {"createdBy": "pipeline", "createdByType": "Application", "createdAt": written, "lastModifiedAt": written}
    return {**made, "systemData": {**stamp, "lastModifiedBy": "pipeline", "lastModifiedByType": "Application"}}


IN_BOTH = (own(MCSB), own(NIST))
DEAF = [
    {
        "name": TDE,
        "properties": {"displayName": "Deaf", "assessmentType": "CustomerManaged", "policyDefinitionId": POLICY},
    }
]
"""Metadata with which the emulated Defender lets no exemption change a finding: everything is right, and nothing happens."""


@dataclass(frozen=True, slots=True)
class World:
    """A running Azure and a repository."""

    azure: emulated.Azure
    root: Path

    def status(self, *options: str, check: int | None = None) -> Any:
        """The JSON form of `exempt status`."""
        return self.run("--format", "json", *options, check=check).json

    def run(self, *options: str, check: int | None = None) -> Ended:
        return exempt(self.azure, "status", *options, root=self.root, check=check)

    def declare(self, *declarations: Mapping[str, Any], **settings: Any) -> None:
        repo.write(self.root, declarations, **settings)


@contextlib.contextmanager
def world(
    root: Path,
    *,
    assignments: Sequence[Mapping[str, Any]] = (MCSB, NIST),
    exemptions: Sequence[Mapping[str, Any]] = IN_BOTH,
    findings: Sequence[Mapping[str, Any]] = (),
    declared: Sequence[Mapping[str, Any]] = (DECLARED,),
    settings: Mapping[str, Any] | None = None,
    **more: Any,
) -> Iterator[World]:
    """An Azure with these lists beside two databases, which are unhealthy unless `findings` say otherwise."""
    lists = {
        "resources": [LEDGER, AUDIT],
        "assessments": list(findings) or [finding(LEDGER), finding(AUDIT)],
        **more,
    }
    repo.write(root, declared, **(settings or {}))
    with emulated.running(repo.tenant(*assignments, exemptions=exemptions, **lists)) as azure:
        yield World(azure, root)


def only(report: Any) -> Any:
    """The single target of the single declaration."""
    ((target,),) = [declaration["targets"] for declaration in report["declarations"]]
    return target


def causes(report: Any) -> list[str]:
    """The causes that the only target is told, in their order."""
    return [diagnosis["cause"] for diagnosis in only(report)["diagnoses"]]
