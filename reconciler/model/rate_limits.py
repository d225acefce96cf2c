"""What Azure's answers say about its limits: between the room that talks to Azure and the pace that keeps to them."""

from __future__ import annotations

import enum
from typing import Final, Protocol

LONGEST_WAIT: Final = 300.0
"""Seconds. Where Azure asks to wait longer nobody waits, reading or writing: it would look like a hang."""


class Operation(enum.StrEnum):
    """The kinds of request that Azure meters apart, spelled as in its rate-limit headers."""

    READS = "reads"
    WRITES = "writes"
    DELETES = "deletes"
    RESOURCE_REQUESTS = "resource-requests"
    """Whatever is asked of Defender for Cloud's own objects, which has a limit of its own."""


class RateObserver(Protocol):
    """Told by the transport about every response but a 429 that does not say how long to wait, which must not pass for
    an answer: who sent the request judges it. Called from many threads at once.

    For standard assignments `remaining` is the least of that and Defender's `…-subscription-resource-requests`.
    `subscription` is the folded subscription id in the request's path, None above subscriptions (Azure meters those
    per tenant). `remaining` is the matching `x-ms-ratelimit-remaining-{subscription,tenant}-{operation}` header, None
    where it is missing. `retry_after` is in seconds, None where the response has no such header.
    """

    def __call__(
        self, subscription: str | None, operation: Operation, remaining: int | None, retry_after: float | None, /
    ) -> None: ...
