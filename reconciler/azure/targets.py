"""Which declared resources still exist: Resource Graph answers for most at once, a GET settles those it does not show.

What bears an exemption is not asked about here (see `reader`). Resource Graph lags and hides, so it is believed only
where it shows something (a deleted resource that it still shows is found by the write that Azure then refuses); absence
is confirmed by Resource Manager.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.azure.graph import ask
from reconciler.azure.transport import Arm
from reconciler.model import JSON, ArmId, ScopeKind
from reconciler.problems import AzureError

_BATCH: Final = 400
"""Ids in one query: its text stays far below the service's limit, and one page (1,000 rows) holds the answer."""

_FEW: Final = 100
"""How many targets are asked for one by one when Resource Graph does not answer."""

_TABLES: Final = {ScopeKind.RESOURCE: "resources", ScopeKind.RESOURCE_GROUP: "resourcecontainers"}


@dataclass(frozen=True, slots=True)
class _Batch:
    kind: ScopeKind
    targets: Sequence[ArmId]


def confirm_targets(
    arm: Arm, targets: Iterable[ArmId], progress: Callable[[int, int], None]
) -> tuple[frozenset[str], frozenset[str]]:
    """Folded ids of those that exist and of those that are gone; what could not be told is in neither.

    One query per 400 resources or groups, and one GET for each that no query shows (types that Resource Graph does
    not hold, and what was deleted). Without Resource Graph only a few are asked for: a GET each would cost too much.
    `progress` is told how many of how many queries are answered.
    """
    batches = list(_batches({one.key: one for one in targets}))
    shown: set[str] = set()
    unseen: list[ArmId] = []
    unanswered: list[ArmId] = []
    answers = ask(arm, [_query(batch) for batch in batches], lambda done: progress(done, len(batches)))
    for batch, answer in zip(batches, answers, strict=True):
        if isinstance(answer, AzureError):
            unanswered += batch.targets
        else:
            existing = {str(row.get("id", "")).lower() for row in answer}
            shown.update(one.key for one in batch.targets if one.key in existing)
            unseen += [one for one in batch.targets if one.key not in existing]
    exists, gone = _asked_one_by_one(arm, unseen + (unanswered if len(unanswered) <= _FEW else []))
    return frozenset(shown | exists), frozenset(gone)


def _batches(targets: Mapping[str, ArmId]) -> Iterable[_Batch]:
    by_kind: dict[ScopeKind, list[ArmId]] = defaultdict(list)
    for _, one in sorted(targets.items()):
        by_kind[one.kind].append(one)
    for kind in _TABLES:
        found = by_kind[kind]
        yield from (_Batch(kind, found[start : start + _BATCH]) for start in range(0, len(found), _BATCH))


def _query(batch: _Batch) -> JSON:
    """Asks for the ids among these that Resource Graph shows."""
    quoted = ", ".join(f"'{_literal(one.text)}'" for one in batch.targets)
    return {
        "subscriptions": sorted({one.subscription for one in batch.targets if one.subscription}),
        "query": f"{_TABLES[batch.kind]} | where id in~ ({quoted}) | project id | order by id asc",
    }


def _literal(text: str) -> str:
    """The text inside a single-quoted string of the query language."""
    return text.replace("\\", "\\\\").replace("'", "\\'") if "'" in text or "\\" in text else text


def _asked_one_by_one(arm: Arm, targets: Sequence[ArmId]) -> tuple[set[str], set[str]]:
    verdicts = dict(zip(targets, arm.each(lambda one: _exists(arm, one), targets), strict=True))
    exists = {one.key for one, verdict in verdicts.items() if verdict is True}
    gone = {one.key for one, verdict in verdicts.items() if verdict is False}
    return exists, gone


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
        return "resourceGroups"
    parts = target.key[target.key.rfind("/providers/") :].split("/")[2:]
    return "/".join([parts[0], *parts[1::2]])
