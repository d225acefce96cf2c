"""Resources to choose from, by Resource Graph: those that Defender calls unhealthy, those of a name, those that bear a tag.

Resource Graph lags and hides what the identity may not read. It is good enough to propose: people see what is proposed,
and a plan reads what counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from reconciler.azure.client import ArmClient
from reconciler.azure.graph import literal, rows
from reconciler.azure.hierarchy import read_hierarchy
from reconciler.azure.posture import ASSESSMENTS, assessment_in
from reconciler.documents.suggest import nearest_few
from reconciler.model import ArmId, ScopeKind, arm_id
from reconciler.model.posture import Assessment, Health

_NEAR: Final = 5


def subscriptions_below(client: ArmClient, roots: Sequence[ArmId]) -> tuple[ArmId, ...]:
    """All subscriptions at or below the managed roots.

    Raises:
        AzureError: the hierarchy could not be read.
    """
    return tuple(scope for scope in read_hierarchy(client, roots).expected if scope.kind is ScopeKind.SUBSCRIPTION)


def unhealthy(client: ArmClient, subscriptions: Sequence[ArmId], key: str) -> tuple[Assessment, ...]:
    """What Defender calls unhealthy by one recommendation, by its key.

    Raises:
        AzureError: Resource Graph could not be read.
    """
    if not subscriptions:
        return ()
    query = ASSESSMENTS.replace("| project", f"| where name =~ {literal(key)}\n| project", 1)
    assessments = (assessment_in(row) for row in rows(client, query, subscriptions))
    return tuple(
        assessment for assessment in assessments if assessment is not None and assessment.health is Health.UNHEALTHY
    )


def named(client: ArmClient, subscriptions: Sequence[ArmId], name: str) -> tuple[tuple[ArmId, ...], tuple[ArmId, ...]]:
    """The resources and resource groups of a name, and where there is none, those of a similar one.

    Raises:
        AzureError: Resource Graph could not be read.
    """
    if not subscriptions:
        return (), ()
    existing = [
        arm_id(str(row["id"]))
        for table in ("resources", "resourcecontainers")
        for row in rows(client, f"{table} | project id, name | order by id asc", subscriptions)
        if str(row.get("id", "")).startswith("/")
    ]
    exact = tuple(resource for resource in existing if resource.name.casefold() == name.casefold())
    if exact:
        return exact, ()
    near = nearest_few(name, {resource.name for resource in existing}, _NEAR)
    return (), tuple(resource for resource in existing if resource.name in near)[:_NEAR]


def tagged(client: ArmClient, subscriptions: Sequence[ArmId], tag: str, value: str) -> tuple[ArmId, ...]:
    """The resources that bear a tag with a value.

    Raises:
        AzureError: Resource Graph could not be read.
    """
    query = f"resources | where tags[{literal(tag)}] =~ {literal(value)} | project id | order by id asc"
    answers = rows(client, query, subscriptions) if subscriptions else []
    return tuple(arm_id(str(row["id"])) for row in answers if str(row.get("id", "")).startswith("/"))
