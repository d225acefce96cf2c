"""Queries to Resource Graph at the rate that it allows: some fifteen in five seconds for all that one identity asks.

Every answer says how many more would be taken now and when the count is renewed. So queries go in waves of that size:
sent all at once, most would be refused and come back together, again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from reconciler.azure.api_versions import Api
from reconciler.azure.client import ArmClient, ArmResponse
from reconciler.model import JSON, ArmId
from reconciler.problems import AzureError

PATH: Final = "/providers/Microsoft.ResourceGraph/resources"
PAGE: Final = 1000
"""The most rows that one answer holds."""

_WAVE: Final = 10
"""Before the first answer, and where answers do not say: less than is documented, for others ask as well."""

_LONGEST_WAIT: Final = 60.0
_WINDOW: Final = timedelta(seconds=5)
"""After so long the quota is whole again, as documented; where answers do not say it as `hh:mm:ss`."""

_SUBSCRIPTIONS: Final = 1000
"""The most that one query may name."""

_OPTIONS: Final[dict[str, dict[str, JSON]]] = {"options": {"resultFormat": "objectArray", "$top": PAGE}}
_REMAINING: Final = "x-ms-user-quota-remaining"
_RESETS: Final = "x-ms-user-quota-resets-after"


def ask(
    client: ArmClient, queries: Sequence[JSON], finished: Callable[[int], None] = lambda _: None
) -> list[list[dict[str, JSON]] | AzureError]:
    """The rows of each query (a body without options, at most a page of rows each) or why there are none.

    `finished` is told how many queries are answered.
    """
    results: list[list[dict[str, JSON]] | AzureError] = []
    allowed = _WAVE
    while len(results) < len(queries):
        wave = queries[len(results) : len(results) + allowed]
        answers = client.each(lambda query: client.post(PATH, Api.GRAPH, query | _OPTIONS), wave)
        results += [answer if isinstance(answer, AzureError) else _rows(answer) for answer in answers]
        finished(len(results))
        allowed, wait = _quota([answer for answer in answers if isinstance(answer, ArmResponse)])
        if wait and len(results) < len(queries):
            client.wait(wait)
    return results


def rows(client: ArmClient, query: str, subscriptions: Sequence[ArmId]) -> list[dict[str, JSON]]:
    """All rows of one query about some subscriptions, page after page. The query must order them.

    Raises:
        AzureError: a page could not be read.
    """
    everything: list[dict[str, JSON]] = []
    for first in range(0, len(subscriptions), _SUBSCRIPTIONS):
        scope = [subscription.name for subscription in subscriptions[first : first + _SUBSCRIPTIONS]]
        token: str | None = ""
        while token is not None:
            options = _OPTIONS["options"] | ({"$skipToken": token} if token else {})
            body = {"query": query, "subscriptions": scope, "options": options}
            answer = client.post(PATH, Api.GRAPH, body)
            everything += _rows(answer)
            following = answer.body.get("$skipToken")
            token = following if isinstance(following, str) and following != token else None
            _, wait = _quota([answer])
            if wait and token is not None:
                client.wait(wait)
    return everything


def _rows(answer: ArmResponse) -> list[dict[str, JSON]]:
    data = answer.body.get("data")
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []


def _quota(answers: Sequence[ArmResponse]) -> tuple[int, float]:
    """How many queries may follow, after how many seconds."""
    quotas = [int(remaining) for answer in answers if (remaining := answer.headers.get(_REMAINING, "")).isdecimal()]
    if not quotas:
        return _WAVE, 0.0
    if min(quotas) > 0:
        return min(quotas), 0.0
    longest = timedelta()
    for answer in answers:
        parts = answer.headers.get(_RESETS, "").split(":")
        wait = _WINDOW
        if len(parts) == 3 and all(part.isdecimal() for part in parts):
            hours, minutes, seconds = map(int, parts)
            wait = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        longest = max(longest, wait)
    return _WAVE, min(longest.total_seconds(), _LONGEST_WAIT)


def literal(text: str) -> str:
    """The text as a string of the query language, in quotes."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
