"""Azure's token buckets: how many requests a caller has left, and how long to wait for the next.

Since 2024 each subscription has, for each principal and kind of operation, a bucket of a size and a refill a second,
and a global one for all principals together that is fifteen times as large; the tenant has buckets of its own.
Sizes are documented ones; recordings show other sizes in Microsoft's own tenants, so all are configurable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.emulator.errors import GATEWAY, ArmError

KINDS: Final = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
"""Which kind of operation a verb is; every other verb writes."""

DOCUMENTED: Final = {"reads": (250.0, 25.0), "writes": (200.0, 10.0), "deletes": (200.0, 10.0)}
GLOBAL_FACTOR: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Size and refill a second of each kind of bucket, and how much larger the global ones are."""

    kinds: Mapping[str, tuple[float, float]] = field(default_factory=lambda: dict(DOCUMENTED))
    global_factor: float = GLOBAL_FACTOR


def parse_sizes(settings: Mapping[str, Any]) -> Sizes:
    """`{"reads": {"size": 250, "refill": 25}, …, "globalFactor": 15}`; what is absent is as documented."""
    kinds = {
        kind: (float(settings.get(kind, {}).get("size", size)), float(settings.get(kind, {}).get("refill", refill)))
        for kind, (size, refill) in DOCUMENTED.items()
    }
    return Sizes(kinds=kinds, global_factor=float(settings.get("globalFactor", GLOBAL_FACTOR)))


@dataclass(slots=True, kw_only=True)
class Bucket:
    """Tokens that come back with time. `at` is the emulator's time, in seconds, of the last look."""

    size: float
    refill: float
    tokens: float
    at: float

    def look(self, now: float) -> float:
        """How many tokens there are now."""
        self.tokens = min(self.size, self.tokens + max(0.0, now - self.at) * self.refill)
        self.at = now
        return self.tokens

    def wait(self) -> int:
        """Whole seconds until there is a token again, at least 1."""
        return max(1, math.ceil((1.0 - self.tokens) / self.refill)) if self.refill else 3600


class Throttle:
    """All buckets of a tenant."""

    def __init__(self, sizes: Sizes, tenant_id: str) -> None:
        self._sizes = sizes
        self._tenant_id = tenant_id
        self._buckets: dict[tuple[str, str, str], Bucket] = {}

    def take(self, subscription: str | None, principal: str, method: str, now: float) -> dict[str, str]:
        """Take a token for one request and give the headers that tell what is left.

        Raises:
            ArmError: 429 with `Retry-After`; nothing is taken then.
        """
        kind = KINDS.get(method, "writes")
        own = self._bucket(subscription, principal, kind, 1.0, now)
        shared = self._bucket(subscription, "*", kind, self._sizes.global_factor, now) if subscription else None
        scope, name = ("subscription", subscription) if subscription else ("tenant", self._tenant_id)
        for bucket in (own, shared):
            if bucket and bucket.look(now) < 1.0:
                wait = bucket.wait()
                raise ArmError(
                    429,
                    f"{scope.capitalize()}RequestsThrottled",
                    f"Number of '{kind.removesuffix('s')}' requests for {scope} '{name}' actor '{principal}' exceeded. "
                    f"Please try again after '{wait}' seconds after additional tokens are available. Refer to "
                    "https://aka.ms/arm-throttling for additional information.",
                    {"Retry-After": str(wait), f"x-ms-ratelimit-remaining-{scope}-{kind}": "0", **GATEWAY},
                )
        own.tokens -= 1.0
        headers = {f"x-ms-ratelimit-remaining-{scope}-{kind}": str(int(own.tokens))}
        if shared:
            shared.tokens -= 1.0
            headers[f"x-ms-ratelimit-remaining-subscription-global-{kind}"] = str(int(shared.tokens))
        return headers

    def _bucket(self, subscription: str | None, principal: str, kind: str, factor: float, now: float) -> Bucket:
        key = (subscription or "", principal, kind)
        if key not in self._buckets:
            size, refill = self._sizes.kinds[kind]
            self._buckets[key] = Bucket(size=size * factor, refill=refill * factor, tokens=size * factor, at=now)
        return self._buckets[key]
