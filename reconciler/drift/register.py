"""The register: everything that is exempt, declared or found, as one value that a page and a bundle share."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.catalog.catalogue import Catalogue
from reconciler.drift.inventory import Inventory
from reconciler.model import Declaration
from reconciler.planning.decisions import request_of
from reconciler.planning.provenance import Step
from reconciler.planning.stages import ResolvedDeclarations
from reconciler.planning.values import Finding


class Standing(enum.StrEnum):
    """Where a declaration stands in its life."""

    DECLARED = "declared"
    DISABLED = "disabled"
    ENDED = "ended"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclarationRecord:
    """One declaration of today or of the past. `declaration` is None where only history knows it; `title` is what it
    exempts and `severity` the worst of that, both empty where the catalogue does not know; `steps` are its history,
    oldest first.
    """

    name: str
    standing: Standing
    declaration: Declaration | None = None
    title: str = ""
    severity: str = ""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """What is exempt in Azure, what was and is declared, sorted by name, and what differs."""

    inventory: Inventory
    records: tuple[DeclarationRecord, ...]
    findings: tuple[Finding, ...]
    revision: str | None


def make_register(  # noqa: PLR0913 - what a register is made of
    inventory: Inventory,
    *,
    resolved: ResolvedDeclarations,
    catalogue: Catalogue,
    journals: Mapping[str, Sequence[Step]],
    findings: Sequence[Finding],
    revision: str | None,
) -> Register:
    """The register of an inventory, with every declaration that is or was."""
    declared = resolved.by_name()
    records = [_record(declared[name], resolved, catalogue, journals.get(name, ()), inventory.now) for name in declared]
    records += [
        DeclarationRecord(name=name, standing=Standing.RETIRED, steps=tuple(steps))
        for name, steps in journals.items()
        if name not in declared
    ]
    return Register(
        inventory=inventory,
        records=tuple(sorted(records, key=lambda record: record.name)),
        findings=tuple(findings),
        revision=revision,
    )


def _record(
    declaration: Declaration,
    resolved: ResolvedDeclarations,
    catalogue: Catalogue,
    steps: Sequence[Step],
    now: datetime,
) -> DeclarationRecord:
    standing = Standing.DECLARED
    if not declaration.enabled:
        standing = Standing.DISABLED
    elif declaration.has_expired(now):
        standing = Standing.ENDED
    subject = resolved.subjects.get(declaration.name)
    request = request_of(declaration, subject, catalogue) if subject else None
    return DeclarationRecord(
        name=declaration.name,
        standing=standing,
        declaration=declaration,
        title=subject.title if subject else "",
        severity=request.severity if request else "",
        steps=tuple(steps),
    )
