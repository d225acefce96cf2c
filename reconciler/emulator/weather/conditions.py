"""The weather between a client and Azure: throttling, latency and faults. Fine by default; the same for the same seed."""

from __future__ import annotations

import random
import urllib.parse
import uuid
from collections.abc import Mapping
from typing import Any, Final

from reconciler.emulator.errors import ArmError
from reconciler.emulator.paths import Target
from reconciler.emulator.state.clock import arm_instant
from reconciler.emulator.state.tenant import GraphHabits, Tenant
from reconciler.emulator.weather.buckets import Bucket, Throttle, parse_sizes
from reconciler.emulator.weather.faults import Fault, Trouble, parse_fault
from reconciler.emulator.wire.http import Request

GRAPH: Final = "microsoft.resourcegraph/resources"
QUERIES: Final = (15.0, 3.0)
FIELDS: Final = frozenset({"throttling", "latency", "jitter", "seed", "faults", "graph"})


class Weather:
    """What happens to requests on their way. `given` is the form of the tenant file's `weather`.

    `throttling`: true for the documented bucket sizes, or an object with sizes; `latency` and `jitter`: seconds;
    `faults`: a list; `seed`: a number; `graph`: what Resource Graph gets wrong.

    Raises:
        ValueError: an unknown field or a bad fault.
    """

    def __init__(self, given: Mapping[str, Any], tenant: Tenant) -> None:
        if unknown := set(given) - FIELDS:
            raise ValueError(f"weather: unknown field(s) {', '.join(sorted(unknown))}")
        self.given = dict(given)
        self._tenant = tenant
        self._dice = random.Random(given.get("seed", 0))  # noqa: S311 - weather, not secrets
        throttling = given.get("throttling")
        sizes = parse_sizes(throttling if isinstance(throttling, Mapping) else {})
        self._throttle = Throttle(sizes, tenant.id) if throttling else None
        self._latency = float(given.get("latency", 0.0))
        self._jitter = float(given.get("jitter", 0.0))
        habits = given.get("graph", {})
        tenant.graph = GraphHabits(float(habits.get("lag", 0.0)), bool(habits.get("ghosts", False)))
        self._queries: dict[str, Bucket] = {}
        self.faults: list[Fault] = [parse_fault(each) for each in given.get("faults", ())]

    def trouble(self, request: Request, principal: str) -> Trouble | None:
        """The first fault that strikes this request."""
        if not self.faults:
            return None
        decoded = urllib.parse.unquote(request.target)
        return next((f.trouble for f in self.faults if f.strikes(request, decoded, principal, self._dice)), None)

    def take_token(self, target: Target, principal: str, method: str) -> dict[str, str]:
        """The headers that tell what is left of the buckets.

        Raises:
            ArmError: 429.
        """
        if self._throttle is None:
            return {}
        if target.kind == GRAPH:
            self._take_query(principal)
        return self._throttle.take(target.id.subscription, principal, method, self._tenant.clock.seconds())

    def _take_query(self, principal: str) -> None:
        """Fifteen queries in five seconds for each caller."""
        now = self._tenant.clock.seconds()
        size, refill = QUERIES
        bucket = self._queries.setdefault(principal, Bucket(size, refill, size, now))
        if bucket.look(now) < 1.0:
            raise query_throttled(arm_instant(self._tenant.clock.now()), bucket.wait())
        bucket.tokens -= 1.0
        self._tenant.graph.remaining = int(bucket.tokens)

    def delay(self) -> float:
        """How long the next answer takes, in real seconds."""
        return self._latency + (self._dice.random() * self._jitter if self._jitter else 0.0)


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
