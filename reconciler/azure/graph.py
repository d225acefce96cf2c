"""Queries to Resource Graph at the rate that it allows: some fifteen in five seconds for all that one identity asks.

Every answer says how many more would be taken now and when the count is renewed. So queries go in waves of that size:
sent all at once, most would be refused and come back together, again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from reconciler.azure.transport import Answer, Arm
from reconciler.azure.versions import Api
from reconciler.model import JSON
from reconciler.problems import AzureError

PATH: Final = "/providers/Microsoft.ResourceGraph/resources"
PAGE: Final = 1000
"""The most rows that one answer holds."""

_WAVE: Final = 10
"""Before the first answer, and where answers do not say: less than is documented, for others ask as well."""

_LONGEST_WAIT: Final = 60.0
_OPTIONS: Final = {"options": {"resultFormat": "objectArray", "$top": PAGE}}
_REMAINING: Final = "x-ms-user-quota-remaining"
_RESETS: Final = "x-ms-user-quota-resets-after"


def ask(
    arm: Arm, queries: Sequence[JSON], finished: Callable[[int], None] = lambda _: None
) -> list[list[JSON] | AzureError]:
    """The rows of each query (a body without options, at most a page of rows each) or why there are none.

    `finished` is told how many queries are answered.
    """
    found: list[list[JSON] | AzureError] = []
    allowed = _WAVE
    while len(found) < len(queries):
        wave = queries[len(found) : len(found) + allowed]
        answers = arm.each(lambda query: arm.post(PATH, Api.GRAPH, query | _OPTIONS), wave)
        found += [answer if isinstance(answer, AzureError) else _rows(answer) for answer in answers]
        finished(len(found))
        allowed, wait = _quota([answer for answer in answers if isinstance(answer, Answer)])
        if wait and len(found) < len(queries):
            arm.wait(wait)
    return found


def _rows(answer: Answer) -> list[JSON]:
    data = answer.body.get("data")
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []


def _quota(answers: Sequence[Answer]) -> tuple[int, float]:
    """How many queries may follow, after how many seconds."""
    told = [int(left) for answer in answers if (left := answer.headers.get(_REMAINING, "")).isdecimal()]
    if not told:
        return _WAVE, 0.0
    if min(told) > 0:
        return min(told), 0.0
    return _WAVE, min(max(_seconds(answer.headers.get(_RESETS, "")) for answer in answers), _LONGEST_WAIT)


def _seconds(text: str) -> float:
    """The seconds in `hh:mm:ss`; five, the documented window, where it says something else."""
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return 5.0
    hours, minutes, seconds = map(int, parts)
    return timedelta(hours=hours, minutes=minutes, seconds=seconds).total_seconds()
