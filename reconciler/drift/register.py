"""The register: everything that is exempt, declared or found, as one value that a page and a bundle share."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.drift.inputs import DriftInputs
from reconciler.drift.inventory import Inventory
from reconciler.model import Declaration
from reconciler.planning.provenance import Step, who_asked
from reconciler.planning.topics import request_of
from reconciler.planning.values import Finding


class DeclarationStatus(enum.StrEnum):
    """Where a declaration stands in its life."""

    DECLARED = "declared"
    DISABLED = "disabled"
    ENDED = "ended"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclarationRecord:
    """One declaration of today or of the past. `declaration` is None where only history knows it; `title` is what it
    exempts and `severity` the worst of that, both empty where the catalogue does not know; `requester` is who asked,
    `steps` are its history, oldest first.
    """

    name: str
    status: DeclarationStatus
    declaration: Declaration | None = None
    title: str = ""
    severity: str = ""
    requester: str = ""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """What is exempt in Azure, what was and is declared, sorted by name, and what differs."""

    inventory: Inventory
    records: tuple[DeclarationRecord, ...]
    findings: tuple[Finding, ...]
    revision: str | None


def make_register(
    inventory: Inventory,
    inputs: DriftInputs,
    *,
    journals: Mapping[str, Sequence[Step]],
    findings: Sequence[Finding],
    revision: str | None,
) -> Register:
    """The register of an inventory, with every declaration that is or was."""
    declared = inputs.resolved.by_name()
    records: list[DeclarationRecord] = []
    for name, declaration in declared.items():
        has_expired = declaration.has_expired(inventory.now)
        status = DeclarationStatus.ENDED if has_expired else DeclarationStatus.DECLARED
        subject = inputs.resolved.subjects.get(name)
        request = request_of(declaration, inputs.history, subject, inputs.catalogue) if subject else None
        records.append(
            DeclarationRecord(
                name=name,
                status=status if declaration.enabled else DeclarationStatus.DISABLED,
                declaration=declaration,
                title=subject.title if subject else "",
                severity=request.severity if request else "",
                requester=who_asked(declaration, inputs.history),
                steps=tuple(journals.get(name, ())),
            )
        )
    records += [
        DeclarationRecord(name=name, status=DeclarationStatus.RETIRED, steps=tuple(steps))
        for name, steps in journals.items()
        if name not in declared
    ]
    return Register(
        inventory=inventory,
        records=tuple(sorted(records, key=lambda record: record.name)),
        findings=tuple(findings),
        revision=revision,
    )
