"""Fault injection between a client and Azure: rate limits, latency, scripted faults. Off by default, repeatable by seed."""

from __future__ import annotations

import random
import urllib.parse
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.emulator.errors import ArmError
from reconciler.emulator.faults.rate_limits import Bucket, Throttle, parse_sizes
from reconciler.emulator.faults.scripted import Fault, FaultAction, parse_faults
from reconciler.emulator.paths import Target
from reconciler.emulator.state.clock import arm_instant
from reconciler.emulator.state.tenant import GraphFaults, Tenant
from reconciler.emulator.wire.http import Request

GRAPH: Final = "microsoft.resourcegraph/resources"
QUERIES: Final = (15.0, 3.0)
FIELDS: Final = frozenset({"throttling", "latency", "jitter", "seed", "faults", "graph"})

ANSWER_BY_POST: Final = frozenset({"microsoft.resourcegraph", "microsoft.policyinsights"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderLimit:
    """A limit that a provider tells beside Resource Manager's. `tells_reads`: for reads (true), for others (false)."""

    name: str
    size: float
    tells_reads: frozenset[bool]


PROVIDER_LIMITS: Final = {
    "microsoft.management": ProviderLimit(name="managementgroups-requests", size=250.0, tells_reads=frozenset({False})),
    "microsoft.security": ProviderLimit(
        name="subscription-resource-requests", size=750.0, tells_reads=frozenset({True})
    ),
    "microsoft.policyinsights": ProviderLimit(
        name="policy-insights-requests", size=150.0, tells_reads=frozenset({True, False})
    ),
}
"""As recordings have them; how fast they refill is not known."""


class FaultInjection:
    """What happens to requests on their way. `settings` is the form of the tenant file's `faultInjection`.

    `throttling`: true for the documented bucket sizes, or an object with sizes; `latency` and `jitter`: seconds;
    `faults`: a list; `seed`: a number; `graph`: what Resource Graph gets wrong.

    Raises:
        ValueError: an unknown field or a bad fault.
    """

    def __init__(self, settings: Mapping[str, Any], tenant: Tenant) -> None:
        if unknown := set(settings) - FIELDS:
            raise ValueError(f"faultInjection: unknown field(s) {', '.join(sorted(unknown))}")
        self.settings = dict(settings)
        self._tenant = tenant
        self._random = random.Random(settings.get("seed", 0))  # noqa: S311 - faults, not secrets
        throttling = settings.get("throttling")
        sizes = parse_sizes(throttling if isinstance(throttling, Mapping) else {})
        self._throttle = Throttle(sizes, tenant.id) if throttling else None
        self._latency = float(settings.get("latency", 0.0))
        self._jitter = float(settings.get("jitter", 0.0))
        graph = settings.get("graph", {})
        tenant.graph = GraphFaults(lag=float(graph.get("lag", 0.0)), ghosts=bool(graph.get("ghosts", False)))
        self._queries: dict[str, Bucket] = {}
        self._provider_buckets: dict[tuple[str, str], Bucket] = {}
        self.scripted: list[Fault] = parse_faults(settings.get("faults", ()), "faultInjection.faults")

    def match(self, request: Request, principal: str) -> FaultAction | None:
        """The first fault that strikes this request."""
        if not self.scripted:
            return None
        decoded = urllib.parse.unquote(request.target)
        return next((f.action for f in self.scripted if f.strikes(request, decoded, principal, self._random)), None)

    def take_token(self, target: Target, principal: str, method: str) -> dict[str, str]:
        """The headers that tell what is left of the buckets.

        Raises:
            ArmError: 429.
        """
        if self._throttle is None:
            return {}
        now = self._tenant.clock.seconds()
        if target.kind == GRAPH:
            # Fifteen queries in five seconds for each caller.
            size, refill = QUERIES
            bucket = self._queries.setdefault(principal, Bucket(size=size, refill=refill, tokens=size, at=now))
            if bucket.look(now) < 1.0:
                raise query_throttled(arm_instant(self._tenant.clock.now()), bucket.wait())
            bucket.tokens -= 1.0
            self._tenant.graph.remaining = int(bucket.tokens)
        headers = self._throttle.take(target.id.subscription, principal, method, now)
        if target.namespace in ANSWER_BY_POST and method == "POST":
            headers.clear()  # questions that are asked by POST do not tell of writes
        limit = PROVIDER_LIMITS.get(target.namespace)
        if limit is not None and (method in {"GET", "HEAD"}) in limit.tells_reads:
            # A provider's own limit is never reached: no recording shows what happens then.
            full = Bucket(size=limit.size, refill=limit.size / 60, tokens=limit.size, at=now)
            bucket = self._provider_buckets.setdefault((target.namespace, principal), full)
            bucket.tokens = max(0.0, bucket.look(now) - 1.0)
            headers[f"x-ms-ratelimit-remaining-{limit.name}"] = str(int(bucket.tokens))
        return headers

    def delay(self) -> float:
        """How long the next answer takes, in real seconds."""
        return self._latency + (self._random.random() * self._jitter if self._jitter else 0.0)


def query_throttled(timestamp: str, wait: int) -> ArmError:
    """Resource Graph's own 429: not in ARM's words, and the time to wait is in its quota header."""
    error = ArmError(
        429,
        "RateLimiting",
        f"Please provide below info when asking for support: timestamp = {timestamp}, correlationId = {uuid.uuid4()}.",
        {
            "Retry-After": str(wait),
            "x-ms-user-quota-remaining": "0",
            "x-ms-user-quota-resets-after": f"00:00:{wait:02}",
        },
    )
    error.details = [
        {
            "code": "RateLimiting",
            "message": "Client application has been throttled and should not attempt to repeat the request until an "
            "amount of time has elapsed. Please see https://aka.ms/resourcegraph-throttling for help.",
        }
    ]
    return error
