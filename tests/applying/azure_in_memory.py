"""A store of exemptions that is a Writer, with faults at chosen requests, and a clock that only sleeping moves."""

import threading
from collections import Counter
from dataclasses import dataclass, replace

from reconciler.applying.engine import ApplyContext, apply_changes
from reconciler.applying.rate_limiter import RateLimiter
from reconciler.model import ArmId, Exemption, SystemData, arm_id
from reconciler.planning.fingerprint import fingerprint
from reconciler.planning.values import Change, Reason
from reconciler.problems import AzureError

SUBSCRIPTION = "/subscriptions/11111111-1111-1111-1111-111111111111"
OTHER = "/subscriptions/22222222-2222-2222-2222-222222222222"
GROUP = "/providers/Microsoft.Management/managementGroups/contoso"
ASSIGNMENT = arm_id(f"{GROUP}/providers/Microsoft.Authorization/policyAssignments/benchmark")
TENANT = "99999999-9999-9999-9999-999999999999"


def exemption(name="one", scope=SUBSCRIPTION, refs=("tls",), **fields) -> Exemption:
    identifier = arm_id(f"{scope}/providers/Microsoft.Authorization/policyExemptions/{name}")
    return Exemption(
        id=identifier, assignment=ASSIGNMENT, category="Waiver", reference_ids=tuple(refs), display_name=name, **fields
    )


def change(before, after, waits_for=(), relies_on=(), reason=Reason.DECLARED) -> Change:
    waits = tuple(getattr(other, "id", other).key for other in waits_for)
    print_ = fingerprint(TENANT, "contoso", before, after)
    return Change(
        before=before,
        after=after,
        reason=reason,
        fingerprint=print_,
        declaration="declared",
        waits_for=waits,
        relies_on=tuple(relies_on),
    )


def create(name="one", **fields) -> Change:
    return change(None, exemption(name, **fields))


class Clock:
    """Moves only when somebody sleeps."""

    def __init__(self):
        self.now = 1000.0
        self.slept = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        assert seconds >= 0
        self.now += max(seconds, 0.001)
        self.slept += seconds


@dataclass
class Strike:
    """What happens to one request: this error, before or after it took effect."""

    error: AzureError
    after: bool = False
    retry_after: float | None = None


LOST = AzureError(0, "ServiceResponseError", "connection aborted")
UNAVAILABLE = AzureError(503, "ServiceUnavailable", "try later")
THROTTLED = AzureError(429, "SubscriptionRequestsThrottled", "too many requests")
BUSY = AzureError(409, "Conflict", "another operation is in progress")
EXPIRED_TOKEN = AzureError(401, "ExpiredAuthenticationToken", "the access token has expired")
FORBIDDEN = AzureError(
    403,
    "AuthorizationFailed",
    "The client 'app' with object id '33333333-3333-3333-3333-333333333333' does not have authorization to perform "
    "action 'Microsoft.Authorization/policyExemptions/write' over scope 'x' or the scope is invalid.",
)
GONE = AzureError(404, "ResourceGroupNotFound", "Resource group 'rg' could not be found.")


class Store:
    """Azure's exemptions in memory. `strikes` maps the number of a request (from 0) to what befalls it; `always`
    decides by operation and id. `log` has every request, `states` what was live after every effect.
    """

    def __init__(self, *live: Exemption, strikes=None, always=None, remaining=None):
        self.live = {found.id.key: found for found in live}
        self.strikes = dict(strikes or {})
        self.always = always or (lambda *_: None)
        self.limiters: list[RateLimiter] = []
        self.remaining = remaining or (lambda *_: 100)
        self.log: list[tuple[str, str]] = []
        self.states: list[dict[str, Exemption]] = []
        self.hook = lambda *_: None
        self._lock = threading.Lock()

    def read(self, identifier: ArmId) -> Exemption | None:
        return self._request("reads", identifier, lambda: self.live.get(identifier.key))

    def put(self, wanted: Exemption) -> Exemption:
        def effect():
            self.live[wanted.id.key] = replace(wanted, system=SystemData(last_modified_by="us"))
            return self.live[wanted.id.key]

        return self._request("writes", wanted.id, effect)

    def delete(self, identifier: ArmId) -> None:
        self._request("deletes", identifier, lambda: self.live.pop(identifier.key, None) and None)

    def _request(self, operation, identifier, effect):
        with self._lock:
            number = len(self.log)
            self.log.append((operation, identifier.key))
            self.hook(operation, identifier.key)
            strike = self.strikes.get(number) or self.always(operation, identifier.key)
            result = None
            if strike is None or strike.after:
                result = effect()
                if operation != "reads":
                    self.states.append(dict(self.live))
        self._observe(operation, identifier, strike)
        if strike:
            raise strike.error
        return result

    def _observe(self, operation, identifier, strike):
        status = getattr(strike.error, "status", 0) if strike else 200
        if status == 0 or (status == 429 and strike.retry_after is None):  # as the transport does
            return
        left = self.remaining(operation, identifier.key)
        for limiter in self.limiters:
            limiter(identifier.subscription, operation, left, strike.retry_after if strike else None)

    @property
    def writes(self):
        return [entry for entry in self.log if entry[0] != "reads"]

    def writes_per_object(self):
        return Counter(key for _, key in self.writes)


def run(store, changes, clock=None, **options):
    """Carries the changes out on the store; the outcomes by the name of the exemption."""
    clock = clock or Clock()
    limiter = RateLimiter(clock)  # a run remembers nothing of the one before
    store.limiters.append(limiter)
    context = ApplyContext(writer=store, rate_limiter=limiter, clock=clock, sleep=clock.sleep, **options)
    outcomes = list(apply_changes(changes, context))
    assert sorted(o.change.id.key for o in outcomes) == sorted(c.id.key for c in changes)
    return {outcome.change.exemption.name: outcome for outcome in outcomes}
