"""Keeping to limits that nobody told: simulated buckets, a clock that only the simulation moves."""

import heapq
import itertools
import math
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.applying.rate_limiter import BucketId, RateLimiter
from reconciler.model import Operation

WRITES = BucketId("sub", Operation.WRITES)
ONE = {WRITES: 1}


@dataclass
class Bucket:
    """Azure's token bucket, as documented: refilled at a steady rate up to its size."""

    size: float
    refill: float
    headers: bool = True
    tokens: float = field(init=False)
    at: float = 0.0

    def __post_init__(self):
        self.tokens = self.size

    def ask(self, now):
        """(accepted, remaining, retry after)"""
        self.tokens = min(self.size, self.tokens + (now - self.at) * self.refill)
        self.at = now
        if self.tokens < 1:
            return False, 0 if self.headers else None, math.ceil((1 - self.tokens) / self.refill)
        self.tokens -= 1
        return True, int(self.tokens) if self.headers else None, None


def simulate(bucket, requests, latency=0.15, concurrency=32, others=(), jitter=0.0):
    """Seconds until all requests are accepted, and how many were refused on the way. `others` are the instants at
    which somebody else takes a token with the same identity; `jitter` is how much longer either way may take.
    """
    dice = random.Random(requests)
    now, done, refused, under_way, left = 0.0, 0, 0, 0, requests
    limiter = RateLimiter(lambda: now)
    serial, events = itertools.count(), [(instant, i, "other", None) for i, instant in enumerate(others)]
    heapq.heapify(events)
    while done < requests:
        while left and under_way < concurrency and limiter.delay(ONE) == 0:
            limiter.acquire(ONE)
            under_way, left = under_way + 1, left - 1
            heapq.heappush(events, (now + latency / 2 + dice.random() * jitter, next(serial), "arrive", None))
        delay = limiter.delay(ONE) if left and under_way < concurrency else math.inf
        assert events or delay < math.inf, "nothing under way and nothing will ever go"
        if not events or now + delay < events[0][0]:
            now += max(delay, 1e-6)
            continue
        now, _, what, answer = heapq.heappop(events)
        if what == "other":
            bucket.ask(now)
        elif what == "arrive":
            then = now + latency / 2 + dice.random() * jitter
            heapq.heappush(events, (then, next(serial), "answer", bucket.ask(now)))
        else:
            accepted, remaining, retry_after = answer
            limiter("SUB", "writes", remaining, retry_after)
            limiter.release(ONE)
            under_way -= 1
            done, left, refused = done + accepted, left + (not accepted), refused + (not accepted)
    return now, refused


def bound(bucket, requests):
    return max(0.0, (requests - bucket.size) / bucket.refill)


@pytest.mark.parametrize(("size", "refill"), [(200, 10), (800, 40), (1200, 1 / 3), (10, 100), (5, 1)])
def test_reaches_what_the_bucket_allows_almost_without_a_refusal(size, refill):
    bucket = Bucket(size, refill)
    taken, refused = simulate(bucket, 1000 if refill >= 1 else 1210)
    assert refused <= 1
    assert taken <= 1.1 * bound(Bucket(size, refill), 1000 if refill >= 1 else 1210) + 8


def test_the_first_request_goes_alone():
    limiter = RateLimiter(lambda: 0.0)
    limiter.acquire(ONE)
    assert limiter.delay(ONE) == math.inf
    limiter("sub", "writes", 199, None)
    assert limiter.delay(ONE) == 0


def test_never_more_under_way_than_is_left():
    limiter = RateLimiter(lambda: 0.0)
    limiter("sub", "writes", 3, None)
    for _ in range(3):
        assert limiter.delay(ONE) == 0
        limiter.acquire(ONE)
    assert limiter.delay(ONE) > 0


def test_a_refusal_rests_the_meter_as_long_as_asked_and_then_one_goes():
    now = 0.0
    limiter = RateLimiter(lambda: now)
    limiter("sub", "writes", 5, None)
    assert limiter.blocked_for() == 0
    limiter("sub", "writes", 0, 17.0)
    assert limiter.delay(ONE) == limiter.blocked_for() == 17.0
    assert limiter.delay({BucketId("sub", Operation.READS): 1}) == 0, "other meters go on"
    assert limiter.delay({BucketId("other", Operation.WRITES): 1}) == 0
    now = 17.0
    assert limiter.delay(ONE) == limiter.blocked_for() == 0
    limiter.acquire(ONE)
    assert limiter.delay(ONE) == math.inf, "one at a time after a refusal"
    limiter("sub", "writes", 9, None)
    limiter.release(ONE)
    assert limiter.delay(ONE) == 0


def test_an_answer_from_before_the_refusal_lifts_no_caution():
    now = 0.0
    limiter = RateLimiter(lambda: now)
    limiter("sub", "writes", 50, None)
    limiter("sub", "writes", None, 3.0)
    limiter("sub", "writes", 49, None)
    now = 3.0
    assert limiter.delay(ONE) == 0
    limiter.acquire(ONE)
    assert limiter.delay(ONE) == math.inf, "one at a time after a refusal"


def test_refusals_that_do_not_say_how_long_rest_longer_each_time():
    now = 0.0
    limiter = RateLimiter(lambda: now)
    rests = []
    for _ in range(8):
        limiter.throttled(WRITES)
        rests.append(limiter.delay(ONE))
        now += rests[-1]
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_refusal_that_the_transport_told_is_not_counted_twice():
    limiter = RateLimiter(lambda: 0.0)
    limiter("sub", "writes", 0, 5.0)
    limiter.throttled(WRITES)
    assert limiter.delay(ONE) == 5.0


def test_the_tenant_has_its_own_meter():
    limiter = RateLimiter(lambda: 0.0)
    limiter(None, "writes", 0, 30.0)
    assert limiter.delay({BucketId("", Operation.WRITES): 1}) == 30.0
    assert limiter.delay(ONE) == 0


def test_an_azure_without_headers_is_probed_by_growing_windows():
    taken, refused = simulate(Bucket(200, 10, headers=False), 500)
    assert taken < 3 * 30
    assert refused < 150


def test_somebody_else_with_the_same_identity():
    others = [n / 5 for n in range(400)]  # another run takes half of the refill
    taken, refused = simulate(Bucket(200, 10), 500, others=others)
    assert taken <= 1.15 * (300 / 5)
    assert refused <= 5


@pytest.mark.parametrize("size", [10, 40, 200])
@pytest.mark.parametrize("requests", [100, 300])
def test_answers_out_of_order_and_late_mislead_little(size, requests):
    bucket = Bucket(size, 25)
    taken, refused = simulate(bucket, requests, latency=0.02, jitter=1.0)
    assert refused <= 3
    held_by_latency = requests * 1.02 / min(size, 32)
    assert taken <= 1.5 * max(bound(bucket, requests), held_by_latency) + 6


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(20, 300),
    refill=st.floats(0.5, 60),
    latency=st.floats(0.01, 1),
    concurrency=st.integers(1, 48),
    headers=st.booleans(),
    requests=st.integers(1, 300),
)
def test_any_bucket_is_served_to_the_end(size, refill, latency, concurrency, headers, requests):
    bucket = Bucket(size, refill, headers)
    taken, refused = simulate(bucket, requests, latency, concurrency)
    pipe = requests * latency / concurrency
    if headers:
        assert refused <= 5 + requests // 20
        assert taken <= 1.5 * max(bound(bucket, requests), pipe) + 10 * latency + 10
    else:
        assert refused <= 2 * requests


def test_a_faster_refill_is_believed_sooner_than_a_slower_one():
    """A full bucket and other users make it look slower than it is; nothing makes it look faster."""
    now = 0.0
    limiter = RateLimiter(lambda: now)
    rates = []
    granted = 31  # what is left, and the requests that were answered: what the bucket gave until now
    for answered, refill in enumerate((0, 10, 5, 20), start=1):
        now += 2.0 if refill else 0.0
        granted += int(2 * refill)
        limiter("sub", "writes", granted - answered, None)
        everything = {WRITES: granted - answered}
        limiter.acquire(everything)
        rates.append(1 / limiter.delay(ONE))  # the time until one more token
        limiter.release(everything)
    assert rates == pytest.approx([0, 10, 9.5, 14.75])


def test_an_older_answer_that_comes_late_is_not_believed():
    limiter = RateLimiter(lambda: 0.0)
    limiter("sub", "writes", 9, None)
    limiter.acquire({WRITES: 5})
    limiter("sub", "writes", 4, None)
    limiter.release({WRITES: 4})
    limiter.acquire({WRITES: 1})
    limiter("sub", "writes", 8, None)  # sent before the one that showed 4, answered after it
    assert limiter.delay({WRITES: 3}) > 0
    limiter.release({WRITES: 1})
    limiter("sub", "writes", 7, None)  # the last one that is under way, and still older than the one that showed 4
    assert limiter.delay({WRITES: 4}) > 0
    limiter.release({WRITES: 1})
    limiter.acquire({WRITES: 1})
    limiter("sub", "writes", 8, None)  # nothing else was under way since it was sent: no doubt about it
    assert limiter.delay({WRITES: 3}) == 0


def may_go(limiter):
    """How many requests the limiter lets go at once: they are in flight then."""
    count = 0
    while limiter.delay(ONE) == 0:
        limiter.acquire(ONE)
        count += 1
    return count


def test_without_headers_more_go_at_once_after_each_answer_and_slower_from_half_of_what_was_refused():
    now = 0.0
    limiter = RateLimiter(lambda: now)
    at_once = []
    for _ in range(8):
        at_once.append(may_go(limiter))
        limiter("sub", "writes", None, None)
        limiter.release({WRITES: at_once[-1]})
    assert at_once == [1, 2, 3, 4, 5, 6, 7, 8]
    limiter("sub", "writes", None, 5.0)  # nine went
    now = 5.0
    assert may_go(limiter) == 1, "one at a time until one is answered"
    limiter.release(ONE)
    at_once = []
    for _ in range(12):
        at_once.append(may_go(limiter))
        limiter("sub", "writes", None, None)
        limiter.release({WRITES: at_once[-1]})
    assert at_once == [1, 2, 3, 4, 5, 6, 6, 6, 6, 6, 7, 7]


def test_an_answer_at_the_very_end_of_a_block_lifts_the_caution():
    now = 0.0
    limiter = RateLimiter(lambda: now)
    limiter("sub", "writes", 5, None)
    limiter("sub", "writes", 0, 3.0)
    now = 3.0
    limiter("sub", "writes", 4, None)
    assert may_go(limiter) == 4


def test_an_answer_without_a_header_took_one_token():
    limiter = RateLimiter(lambda: 0.0)
    limiter("sub", "writes", 5, None)
    limiter("sub", "writes", None, None)
    assert may_go(limiter) == 4


def rate_after(*answers):
    """What a bucket of 30 tokens is believed to regain each second, by (when, remaining) of its answers."""
    now = 0.0
    limiter = RateLimiter(lambda: now)
    limiter("sub", "writes", 30, None)
    for when, remaining in answers:
        now = when
        limiter("sub", "writes", remaining, None)
    everything = {WRITES: answers[-1][1]}
    limiter.acquire(everything)
    return 1 / limiter.delay(ONE)


def test_a_rate_is_learnt_from_two_seconds_and_four_tokens_or_from_ten_seconds():
    assert rate_after((2.0, 33)) == pytest.approx(2.0)  # 33 are left and one was used: it gained 4
    assert rate_after((2.0, 32)) == 0
    assert rate_after((1.9, 33)) == 0
    assert rate_after((9.9, 32)) == 0
    assert rate_after((10.0, 32)) == pytest.approx(0.3)


def test_with_nothing_in_flight_the_next_goes_when_a_token_is_due_or_after_a_while_unseen():
    now = 2.0
    limiter = RateLimiter(lambda: now)
    limiter("sub", "writes", 0, None)
    assert limiter.delay(ONE) == 1.0, "no rate is known"
    now = 4.0
    limiter("sub", "writes", 3, None)
    assert limiter.delay({WRITES: 4}) == pytest.approx(0.5)  # a rate of 2 each second
    assert limiter.delay({WRITES: 20}) == 5.0, "a guess is trusted no longer"
