"""reconciler.yaml as values: whose exemptions, where, under which rules and limits."""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from reconciler.model.clouds import Cloud
from reconciler.model.declaration import Category
from reconciler.model.ids import ArmId, ScopeKind


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderRule:
    """What the declarations below a folder may do; None leaves a rule to the folders above. `folder` is a path inside
    exemptions/, empty for all of it. `setting` is the key in reconciler.yaml, for messages.

    `kinds` of scope they may name; `below` the scopes at or below which their targets must lie; whether they may ask
    for `take_over` and `adopt`, and exempt a group or subscription as a whole.
    """

    folder: str
    setting: str = "rules.folders"
    kinds: tuple[ScopeKind, ...] | None = None
    below: tuple[ArmId, ...] | None = None
    take_over: bool | None = None
    adopt: bool | None = None
    whole_scopes: bool | None = None


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

    def folder_rule(self, file: str, sets: Callable[[FolderRule], object]) -> FolderRule | None:
        """The rule of the longest folder containing a declaration's file that sets what `sets` reads."""
        inside = file.removeprefix("exemptions/")
        longest: FolderRule | None = None
        for rule in self.folders:
            is_longer = longest is None or len(rule.folder) > len(longest.folder)
            if is_longer and sets(rule) is not None and (not rule.folder or inside.startswith(rule.folder + "/")):
                longest = rule
        return longest

    def strictest_lifetime(self, category: Category | None, severities: Collection[str] | None) -> LifetimeRule | None:
        """The shortest lifetime that applies to a category and to any of the severities of what is exempted.

        An empty severity, or none at all, is one that nobody knows: it counts as the strictest. `severities` is None
        where the policies themselves are not known yet; then rules by severity are left to who knows them. Where no
        rule names Critical, it counts as the strictest as well.
        """
        folded = None if severities is None else {severity.casefold() for severity in severities} or {""}
        named = {rule.severity.casefold() for rule in self.lifetimes if rule.severity}
        strictest = folded is not None and ("" in folded or bool((folded & {"critical"}) - named))
        applying = [
            rule
            for rule in self.lifetimes
            if rule.category in {None, category}
            and (rule.severity is None or strictest or (folded and rule.severity.casefold() in folded))
        ]
        return min(applying, key=lambda rule: rule.days, default=None)


class ChannelKind(enum.StrEnum):
    """Where a notification goes."""

    TEAMS = "teams"
    SLACK = "slack"
    WEBHOOK = "webhook"
    MAIL = "mail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One way to tell people of new findings of a severity (`error`, `warning`, `info`) or worse. Secrets are never written
    in the settings: `url_from`, `secret_from`, `user_from` and `password_from` name variables of the environment. For mail,
    `host` and `port` are the server's; `to_owners` tells the owner of a declaration instead of `to`, where it has one.
    """

    kind: ChannelKind
    severity: str = "warning"
    url_from: str = ""
    secret_from: str = ""
    host: str = ""
    port: int = 587
    sender: str = ""
    to: tuple[str, ...] = ()
    to_owners: bool = False
    user_from: str = ""
    password_from: str = ""

    @property
    def label(self) -> str:
        """What reports call it; tells several of one kind apart."""
        return f"{self.kind.value}:{self.url_from or self.host}"


EXPIRING_DAYS: Final = 30
"""How long before its end a declaration is reported, unless reconciler.yaml says otherwise."""


EVALUATION_HOURS: Final = 24
"""How long Defender may take until an exemption counts (Microsoft Learn), unless reconciler.yaml says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """reconciler.yaml: whose exemptions these are, in which tenant, below which scopes, under which rules.

    `writers` are the folded ids of the identities that apply; empty believes every mark. `arm_endpoint` is another
    Resource Manager that may be used. `expiring_days` is how long before its end a declaration is reported as expiring,
    `evaluation_hours` how long Defender may take until an exemption counts. `channels` tell people of what is new.
    """

    owner: str
    tenant_id: str
    scopes: tuple[ArmId, ...]
    former_owners: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    arm_endpoint: str | None = None
    cloud: Cloud = Cloud.PUBLIC
    api_version: str | None = None
    unmanaged: Unmanaged = Unmanaged.REPORT
    rules: Rules = Rules()
    limits: Limits = Limits()
    expiring_days: int = EXPIRING_DAYS
    evaluation_hours: int = EVALUATION_HOURS
    channels: tuple[Channel, ...] = ()
