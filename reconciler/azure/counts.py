"""How many resources scopes hold now, by type: Resource Graph's answer, one query for each kind of scope.

It counts what the identity may read, some minutes ago. So a scope that it shows nothing of may be empty or hidden: it has
no count here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from reconciler.azure import graph
from reconciler.azure.client import ArmClient
from reconciler.azure.hierarchy import anchor
from reconciler.model import JSON, ArmId, ScopeKind
from reconciler.problems import AzureError

_MOST: Final = 400
"""So many groups, and so many subscriptions, are counted: more decisions than anybody reads one by one."""

_MOST_GROUPS: Final = 10
"""So many management groups, with a query each."""

_BY_TYPE: Final = "resources | summarize number = count() by type | order by type asc"
_BY_SUBSCRIPTION: Final = (
    "resources | summarize number = count() by subscriptionId, type | order by subscriptionId asc, type asc"
)
_BY_GROUP: Final = """resources
| where strcat(subscriptionId, '/', resourceGroup) in~ ({places})
| summarize number = count() by subscriptionId, resourceGroup, type
| order by subscriptionId asc, resourceGroup asc, type asc"""


def count_resources(client: ArmClient, scopes: Iterable[ArmId]) -> Mapping[str, Mapping[str, int]]:
    """By folded id of a management group, subscription or resource group, how many resources of each folded type are in it
    and below. Only the first scopes of each kind are counted, and none that shows nothing.

    Raises:
        AzureError: Resource Graph could not be read.
    """
    by_kind: dict[ScopeKind, dict[str, ArmId]] = defaultdict(dict)
    for scope in scopes:
        by_kind[scope.kind].setdefault(scope.key, scope)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    if groups := list(by_kind[ScopeKind.RESOURCE_GROUP].values())[:_MOST]:
        places = ", ".join(graph.literal(f"{group.subscription}/{group.name}") for group in groups)
        for row in graph.rows(client, _BY_GROUP.format(places=places), sorted(set(map(anchor, groups)))):
            key = f"/subscriptions/{_text(row, 'subscriptionId')}/resourcegroups/{_text(row, 'resourceGroup')}"
            counts[key][_text(row, "type")] += _number(row)
    if subscriptions := list(by_kind[ScopeKind.SUBSCRIPTION].values())[:_MOST]:
        for row in graph.rows(client, _BY_SUBSCRIPTION, subscriptions):
            counts[f"/subscriptions/{_text(row, 'subscriptionId')}"][_text(row, "type")] += _number(row)
    above = list(by_kind[ScopeKind.MANAGEMENT_GROUP].values())[:_MOST_GROUPS]
    answers = graph.ask(client, [{"query": _BY_TYPE, "managementGroups": [group.name]} for group in above])
    for group, answer in zip(above, answers, strict=True):
        if isinstance(answer, AzureError):
            raise answer
        for row in answer:
            counts[group.key][_text(row, "type")] += _number(row)
    return counts


def _text(row: Mapping[str, JSON], column: str) -> str:
    return str(row.get(column, "")).lower()


def _number(row: Mapping[str, JSON]) -> int:
    number = row.get("number")
    return number if isinstance(number, int) else 0
