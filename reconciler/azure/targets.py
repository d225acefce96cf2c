"""Which declared resources still exist: Resource Graph answers for most at once, a GET settles those it does not show.

What bears an exemption is not asked about here (see `reader`). Resource Graph lags and hides, so it is believed only
where it shows something (a deleted resource that it still shows is found by the write that Azure then refuses); absence
is confirmed by Resource Manager.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.azure.client import ArmClient
from reconciler.azure.graph import ask, literal
from reconciler.documents.suggest import nearest_few
from reconciler.model import JSON, ArmId, ScopeKind, arm_id
from reconciler.problems import AzureError

_BATCH: Final = 400
"""Ids in one query: its text stays far below the service's limit, and one page (1,000 rows) holds the answer."""

_FEW: Final = 100
"""How many targets are asked for one by one when Resource Graph does not answer."""

_EXPLAINED: Final = 20
"""For so many missing targets it is asked what may have been meant."""

_SHOWN: Final = 3
_TABLES: Final = {ScopeKind.RESOURCE: "resources", ScopeKind.RESOURCE_GROUP: "resourcecontainers"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmedTargets:
    """Folded ids of those that exist and of those that are gone; what could not be told is in neither. `similar` maps one
    that is gone to what may have been meant.
    """

    exists: frozenset[str]
    gone: frozenset[str]
    similar: Mapping[str, tuple[ArmId, ...]]


def confirm_targets(
    client: ArmClient, targets: Iterable[ArmId], progress: Callable[[int, int], None]
) -> ConfirmedTargets:
    """Which of the targets exist.

    One query per 400 resources or groups, and one GET for each that no query shows (types that Resource Graph does
    not hold, and what was deleted). Without Resource Graph only a few are asked for: a GET each would cost too much.
    `progress` is told how many of how many queries are answered.
    """
    by_key = {target.key: target for target in targets}
    batches = list(_batches(by_key))
    confirmed: set[str] = set()
    unseen: list[ArmId] = []
    unanswered: list[ArmId] = []
    answers = ask(client, [query for _, query in batches], lambda done: progress(done, len(batches)))
    for (batch, _), answer in zip(batches, answers, strict=True):
        if isinstance(answer, AzureError):
            unanswered += batch
        else:
            existing = {str(row.get("id")).lower() for row in answer}
            confirmed.update(target.key for target in batch if target.key in existing)
            unseen += [target for target in batch if target.key not in existing]
    unsure = unseen + (unanswered if len(unanswered) <= _FEW else [])
    verdicts = list(zip(unsure, client.each(lambda target: _exists(client, target), unsure), strict=True))
    exists = {target.key for target, verdict in verdicts if verdict is True}
    missing = {target.key for target, verdict in verdicts if verdict is False}
    similar = {} if unanswered else _similar_targets(client, [by_key[key] for key in missing])
    return ConfirmedTargets(exists=frozenset(confirmed | exists), gone=frozenset(missing), similar=similar)


def _similar_targets(client: ArmClient, missing: Iterable[ArmId]) -> dict[str, tuple[ArmId, ...]]:
    """By folded id of a declared resource or group that does not exist: existing ones of its type in its subscription,
    of the same name first, then of a similar one. A hint for people, from Resource Graph alone; no answer, no hint.
    """
    targets = sorted(target for target in missing if target.subscription)[:_EXPLAINED]
    queries = [
        {
            "subscriptions": [target.subscription],
            "query": f"{_TABLES[target.kind]} | where type =~ {literal(target.resource_type)} | project id | order by id asc",
        }
        for target in targets
    ]
    similar: dict[str, tuple[ArmId, ...]] = {}
    for target, answer in zip(targets, ask(client, queries), strict=True):
        rows = [] if isinstance(answer, AzureError) else [str(row.get("id")) for row in answer]
        candidates = [arm_id(text) for text in rows if text.startswith("/")]
        alike = nearest_few(target.name, {candidate.name for candidate in candidates}, _SHOWN)
        namesakes = [candidate for name in alike for candidate in candidates if candidate.name == name]
        if namesakes:
            similar[target.key] = tuple(namesakes[:_SHOWN])
    return similar


def _batches(targets: Mapping[str, ArmId]) -> Iterator[tuple[Sequence[ArmId], JSON]]:
    """Resources or groups, so many as one query takes, each with the query for the ids among them that Resource Graph shows."""
    by_kind: dict[ScopeKind, list[ArmId]] = defaultdict(list)
    for _, target in sorted(targets.items()):
        by_kind[target.kind].append(target)
    for kind, table in _TABLES.items():
        for start in range(0, len(by_kind[kind]), _BATCH):
            batch = by_kind[kind][start : start + _BATCH]
            quoted = ", ".join(literal(target.text) for target in batch)
            query = {
                "subscriptions": sorted({target.subscription for target in batch if target.subscription}),
                "query": f"{table} | where id in~ ({quoted}) | project id | order by id asc",
            }
            yield batch, query


def _exists(client: ArmClient, target: ArmId) -> bool:
    try:
        client.get(target.text, target.resource_type)
    except AzureError as error:
        if error.is_gone:
            return False
        raise
    return True
