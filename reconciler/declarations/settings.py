"""From reconciler.yaml, once the schema accepts it, to `Settings`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from reconciler.declarations.build import distinct
from reconciler.documents.document import Document
from reconciler.model import (
    EVALUATION_HOURS,
    EXPIRING_DAYS,
    JSON,
    Category,
    Channel,
    ChannelKind,
    Cloud,
    FolderRule,
    LifetimeRule,
    Limits,
    Rules,
    ScopeKind,
    Settings,
    Unmanaged,
    parse_scope,
)

_KINDS: Final = {
    "managementGroup": ScopeKind.MANAGEMENT_GROUP,
    "subscription": ScopeKind.SUBSCRIPTION,
    "resourceGroup": ScopeKind.RESOURCE_GROUP,
    "resource": ScopeKind.RESOURCE,
}
_UNITS: Final = {"d": "days", "h": "hours"}


def settings(document: Document) -> Settings:
    """The value of a reconciler.yaml that the schema accepts."""
    data = document.data
    return Settings(
        owner=data["owner"],
        tenant_id=data["tenantId"].lower(),
        scopes=distinct(parse_scope(scope) for scope in data["scopes"]),
        former_owners=tuple(data.get("formerOwners", ())),
        writers=tuple(dict.fromkeys(writer.lower() for writer in data.get("writers", ()))),
        arm_endpoint=data["armEndpoint"].rstrip("/") if "armEndpoint" in data else None,
        cloud=Cloud(data.get("cloud", Cloud.PUBLIC.value)),
        api_version=data.get("apiVersion"),
        unmanaged=Unmanaged(data.get("unmanaged", Unmanaged.REPORT.value)),
        rules=_rules(data.get("rules", {})),
        limits=_limits(data.get("limits", {})),
        expiring_days=int(data.get("expiringDays", EXPIRING_DAYS)),
        evaluation_hours=int(data.get("evaluationHours", EVALUATION_HOURS)),
        channels=tuple(
            Channel(
                kind=ChannelKind(row["kind"]),
                severity=row.get("severity", "warning"),
                url_from=row.get("urlFrom", ""),
                secret_from=row.get("secretFrom", ""),
                host=row.get("host", ""),
                port=int(row.get("port", 587)),
                sender=row.get("from", ""),
                to=tuple(row.get("to", ())),
                to_owners=row.get("toOwners", False),
                user_from=row.get("userFrom", ""),
                password_from=row.get("passwordFrom", ""),
            )
            for row in data.get("notify", ())
        ),
    )


def _rules(data: Mapping[str, JSON]) -> Rules:
    never = data.get("neverExempt", {})
    lifetimes = data.get("maxLifetimeDays", ())
    if isinstance(lifetimes, int | float):
        lifetimes = [{"days": lifetimes}]
    return Rules(
        lifetimes=tuple(
            LifetimeRule(
                days=int(item["days"]),
                category=Category(item["category"]) if "category" in item else None,
                severity=item.get("severity"),
            )
            for item in lifetimes
        ),
        required=tuple(data.get("required", ())),
        ticket_pattern=data.get("ticketPattern"),
        never_recommendations=tuple(never.get("recommendations", ())),
        never_policies=tuple(never.get("policies", ())),
        folders=(
            *(_folder_rule(rule, "rules.scopeKinds") for rule in data.get("scopeKinds", ())),
            *(_folder_rule(rule, "rules.folders") for rule in data.get("folders", ())),
        ),
        strict_unsupported=data.get("strictUnsupported", False),
        allow_whole_assignment=data.get("allowWholeAssignment", False),
    )


def _folder_rule(rule: Mapping[str, JSON], setting: str) -> FolderRule:
    return FolderRule(
        folder="" if rule["folder"] == "." else rule["folder"],
        setting=setting,
        kinds=tuple(_KINDS[kind] for kind in rule["kinds"]) if "kinds" in rule else None,
        below=distinct(parse_scope(scope) for scope in rule["below"]) if "below" in rule else None,
        take_over=rule.get("takeOver"),
        adopt=rule.get("adopt"),
        whole_scopes=rule.get("wholeScopes"),
    )


def _limits(data: Mapping[str, JSON]) -> Limits:
    standard = Limits()
    min_age = standard.min_age
    if text := data.get("minAge"):
        min_age = timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
    return Limits(
        deletes=int(data.get("deletes", standard.deletes)),
        deletes_percent=int(data.get("deletesPercent", standard.deletes_percent)),
        creates=_ceiling(data.get("creates")),
        adoptions=_ceiling(data.get("adoptions")),
        unmanaged_deletes=int(data.get("unmanagedDeletes", standard.unmanaged_deletes)),
        min_age=min_age,
    )


def _ceiling(value: JSON) -> int | None:
    return None if value is None else int(value)
