"""reconciler.yaml as values: whose exemptions, where, under which rules and limits."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from reconciler.model.declaration import Category
from reconciler.model.ids import ArmId, ScopeKind


class Cloud(enum.StrEnum):
    """Azure's clouds, as the Azure CLI names them."""

    PUBLIC = "AzureCloud"
    US_GOVERNMENT = "AzureUSGovernment"
    CHINA = "AzureChinaCloud"


class Unmanaged(enum.StrEnum):
    """What happens to exemptions that nobody declared and no owner marked."""

    REPORT = "report"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Ceilings that stop a run before its first write; None means no ceiling. Percent is of what this owner has."""

    deletes: int = 10
    deletes_percent: int = 25
    creates: int | None = None
    adoptions: int | None = None
    unmanaged_deletes: int = 10
    min_age: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class LifetimeRule:
    """The longest time an exemption may run, for one category and severity; None stands for any."""

    days: int
    category: Category | None = None
    severity: str | None = None


@dataclass(frozen=True, slots=True)
class FolderRule:
    """Which kinds of scope the declarations below a folder may name."""

    folder: str
    kinds: tuple[ScopeKind, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of reconciler.yaml. What is absent restricts nothing, but for the whole-assignment exemption."""

    lifetimes: tuple[LifetimeRule, ...] = ()
    required: tuple[str, ...] = ()
    ticket_pattern: str | None = None
    never_recommendations: tuple[str, ...] = ()
    never_policies: tuple[str, ...] = ()
    folders: tuple[FolderRule, ...] = ()
    strict_unsupported: bool = False
    allow_whole_assignment: bool = False


EXPIRING_DAYS: Final = 30
"""How long before its end a declaration is reported, unless reconciler.yaml says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """reconciler.yaml: whose exemptions these are, in which tenant, below which scopes, under which rules.

    `expiring_days` is how long before its end a declaration is reported as expiring.
    """

    owner: str
    tenant_id: str
    scopes: tuple[ArmId, ...]
    former_owners: tuple[str, ...] = ()
    cloud: Cloud = Cloud.PUBLIC
    api_version: str | None = None
    unmanaged: Unmanaged = Unmanaged.REPORT
    rules: Rules = Rules()
    limits: Limits = Limits()
    expiring_days: int = EXPIRING_DAYS
