"""Resources to choose from, by Resource Graph: those that Defender calls unhealthy, those of a name, those that bear a tag.

Resource Graph lags and hides what the identity may not read. It is good enough to propose: people see what is proposed,
and a plan reads what counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from reconciler.azure.client import ArmClient
from reconciler.azure.graph import PAGE, literal, rows
from reconciler.azure.hierarchy import read_hierarchy
from reconciler.azure.posture import ASSESSMENTS, assessment_in
from reconciler.documents.suggest import nearest_few
from reconciler.model import JSON, ArmId, ScopeKind, arm_id
from reconciler.model.posture import Assessment, Health

MOST_NAMED: Final = 100
"""As many resources of one name are looked at: people see a few and how many there are."""

_TABLES: Final = ("resources", "resourcecontainers")
_NEAR: Final = 5
_ALIKE: Final = 3
"""How many letters of a similar name are the same at its beginning or its end."""


def subscriptions_below(client: ArmClient, roots: Sequence[ArmId]) -> Mapping[ArmId, str]:
    """All subscriptions at or below the managed roots, each with its display name.

    Raises:
        AzureError: the hierarchy could not be read.
    """
    hierarchy = read_hierarchy(client, roots)
    subscriptions = (scope for scope in hierarchy.expected if scope.kind is ScopeKind.SUBSCRIPTION)
    return {scope: hierarchy.nodes[scope.key].name for scope in subscriptions}


def unhealthy(client: ArmClient, subscriptions: Sequence[ArmId], key: str) -> tuple[Assessment, ...]:
    """What Defender calls unhealthy by one recommendation, by its key.

    Raises:
        AzureError: Resource Graph could not be read.
    """
    query = ASSESSMENTS.replace("| project", f"| where name =~ {literal(key)}\n| project")
    assessments = (assessment_in(row) for row in rows(client, query, subscriptions))
    return tuple(
        assessment for assessment in assessments if assessment is not None and assessment.health is Health.UNHEALTHY
    )


def named(client: ArmClient, subscriptions: Sequence[ArmId], name: str) -> tuple[tuple[ArmId, ...], tuple[ArmId, ...]]:
    """The resources, groups and subscriptions of a name, `MOST_NAMED` at most; where there is none, those of a similar one, which
    begins or ends alike.

    Raises:
        AzureError: Resource Graph could not be read.
    """
    exact = _first(client, subscriptions, f"id endswith {literal(f'/{name}')} or name =~ {literal(name)}", MOST_NAMED)
    if exact:
        return exact, ()
    beginning, end = name[:_ALIKE], name[-_ALIKE:]
    parts = (f"startswith {literal(beginning)}", f"contains {literal(f'/{beginning}')}", f"endswith {literal(end)}")
    condition = " or ".join(f"name {part}" for part in parts)
    similar = _first(client, subscriptions, condition, PAGE)
    near = nearest_few(name, {resource.name for resource in similar}, _NEAR)
    return (), tuple(resource for resource in similar if resource.name in near)[:_NEAR]


def _first(client: ArmClient, subscriptions: Sequence[ArmId], condition: str, number: int) -> tuple[ArmId, ...]:
    """The resources and groups that meet a condition, the first by their ids, from at most a page of each kind."""
    answers = [
        row
        for table in _TABLES
        for row in rows(client, f"{table} | where {condition} | project id | top {number} by id asc", subscriptions)
    ]
    return _ids(answers)[:number]


def tagged(client: ArmClient, subscriptions: Sequence[ArmId], tag: str, value: str) -> tuple[ArmId, ...]:
    """The resources that bear a tag with a value.

    Raises:
        AzureError: Resource Graph could not be read.
    """
    query = f"resources | where tags[{literal(tag)}] =~ {literal(value)} | project id | order by id asc"
    return _ids(rows(client, query, subscriptions))


def _ids(answers: Iterable[Mapping[str, JSON]]) -> tuple[ArmId, ...]:
    """The resources that rows are about; what has no id of theirs is left out."""
    return tuple(arm_id(text) for row in answers if (text := str(row.get("id"))).startswith("/"))
