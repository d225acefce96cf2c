"""Which declared resources still exist: Resource Graph answers for most at once, a GET settles those it does not show.

Resource Graph lags and hides, so it is believed only where it shows something (a deleted resource that it still shows
is found by the write that Azure then refuses); absence is confirmed by Resource Manager.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from reconciler.azure.transport import Arm
from reconciler.azure.versions import Api
from reconciler.model import ArmId, ScopeKind
from reconciler.problems import AzureError

_BATCH: Final = 400
"""Ids in one query; its text stays far below the service's limit and one page (1,000 rows) holds the answer."""

_QUERY: Final = (
    "resources | project id | union (resourcecontainers | project id) | where id in~ ({ids}) | project id | order by id"
)
_GROUPS: Final = "resourceGroups"


def confirm_targets(
    arm: Arm, targets: Sequence[ArmId], finished: Callable[[int], None] | None = None
) -> tuple[frozenset[str], frozenset[str]]:
    """Folded ids of those that exist and of those that are gone; what could not be told is in neither.

    One query per 400 targets, and one GET for each that no query shows (types that Resource Graph does not hold, and
    what was deleted). Without Resource Graph nothing is asked: a GET for each target would cost more than it tells.
    """
    asked = sorted(one for one in set(targets) if one.kind in {ScopeKind.RESOURCE, ScopeKind.RESOURCE_GROUP})
    batches = [asked[start : start + _BATCH] for start in range(0, len(asked), _BATCH)]
    shown: set[str] = set()
    unseen: list[ArmId] = []
    for batch, answer in zip(batches, arm.each(lambda one: _shown(arm, one), batches, finished), strict=True):
        if not isinstance(answer, AzureError):
            shown |= answer
            unseen += [one for one in batch if one.key not in answer]
    verdicts = dict(zip(unseen, arm.each(lambda one: _exists(arm, one), unseen), strict=True))
    exists = {one.key for one, verdict in verdicts.items() if verdict is True}
    gone = {one.key for one, verdict in verdicts.items() if verdict is False}
    return frozenset(shown | exists), frozenset(gone)


def _shown(arm: Arm, batch: Sequence[ArmId]) -> set[str]:
    """The folded ids among these that Resource Graph shows."""
    quoted = ", ".join(f"'{_literal(one.text)}'" for one in batch)
    query = {
        "subscriptions": sorted({one.subscription for one in batch if one.subscription}),
        "query": _QUERY.format(ids=quoted),
        "options": {"resultFormat": "objectArray", "$top": 1000},
    }
    answer = arm.post("/providers/Microsoft.ResourceGraph/resources", Api.GRAPH, query)
    return {str(row.get("id", "")).lower() for row in answer.body.get("data") or ()}


def _literal(text: str) -> str:
    """The text inside a single-quoted string of the query language."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _exists(arm: Arm, target: ArmId) -> bool:
    try:
        arm.get(target.text, _resource_type(target))
    except AzureError as error:
        if error.is_gone:
            return False
        raise
    return True


def _resource_type(target: ArmId) -> str:
    """The type by which the api-version of a resource is chosen: `microsoft.sql/servers/databases`."""
    if target.kind is ScopeKind.RESOURCE_GROUP:
        return _GROUPS
    parts = target.key[target.key.rfind("/providers/") :].split("/")[2:]
    return "/".join([parts[0], *parts[1::2]])
