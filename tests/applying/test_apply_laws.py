"""Two laws of carrying out: nothing wanted is ever bare, and stopped anywhere a next run finishes.

The plans here come from a small planner of the test's own over cells (scope, reference id): what is wanted is created,
what covers more or anything else is narrowed or deleted after the creates that keep its cells.
"""

import threading
from dataclasses import replace

from azure_in_memory import (
    GONE,
    LOST,
    SUBSCRIPTION,
    THROTTLED,
    UNAVAILABLE,
    Clock,
    Store,
    Strike,
    change,
    exemption,
    run,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.applying.retry_policy import RetryPolicy
from reconciler.arm import canonical
from reconciler.model import Status

REFS = ("a", "b", "c")
SCOPES = (SUBSCRIPTION, f"{SUBSCRIPTION}/resourceGroups/one")
CELLS = st.frozensets(st.tuples(st.sampled_from(SCOPES), st.sampled_from(REFS)))
LIVE = st.lists(st.tuples(st.sampled_from(SCOPES), st.frozensets(st.sampled_from(REFS), min_size=1)), max_size=6)
FAULTS = st.builds(Strike, st.sampled_from([LOST, UNAVAILABLE]), st.booleans()) | st.just(Strike(THROTTLED))
STRIKES = st.dictionaries(st.integers(0, 40), FAULTS, max_size=8)


def covered(objects):
    return {(found.scope.text, ref) for found in objects for ref in found.reference_ids}


def objects(live):
    return [exemption(f"live-{n}", scope, sorted(refs)) for n, (scope, refs) in enumerate(live)]


def plan(live, wanted):
    """One new exemption for each scope with all that is wanted there; others that meet it are narrowed or deleted."""
    keepers = {scope: keeper(scope, wanted) for scope in SCOPES}
    changes = [found for scope in SCOPES if (found := _ensure(live, keepers[scope]))]
    created = {found.id.key: found for found in changes}
    for found in live:
        kept = keepers[found.scope.text]
        if found.name.startswith("ours"):
            continue
        if not kept or not set(found.reference_ids) & set(kept.reference_ids):
            continue
        rest = sorted(set(found.reference_ids) - set(kept.reference_ids))
        after = replace(found, reference_ids=tuple(rest)) if rest else None
        waits = [created[kept.id.key]] if kept.id.key in created else []
        changes.append(change(found, after, waits, [kept]))
    return changes


def keeper(scope, wanted):
    refs = sorted(ref for where, ref in wanted if where == scope)
    return exemption(f"ours-{SCOPES.index(scope)}", scope, refs) if refs else None


def _ensure(live, kept):
    if kept is None:
        return None
    there = next((found for found in live if found.id == kept.id), None)
    return None if there and canonical.equivalent(there, kept) else change(there, kept)


def never_bare(store, before, wanted):
    return all(covered(before) & wanted <= covered(state.values()) for state in store.states)


@settings(max_examples=150, deadline=None)
@given(live=LIVE, wanted=CELLS, strikes=STRIKES, concurrency=st.integers(1, 4))
def test_never_bare_whatever_befalls_the_requests(live, wanted, strikes, concurrency):
    before = objects(live)
    store = Store(*before, strikes=strikes)
    outcomes = run(store, plan(before, wanted), concurrency=concurrency)
    assert never_bare(store, before, wanted)
    assert all(o.status is Status.DONE for o in outcomes.values()), "every one of these faults passes"
    assert wanted <= covered(store.live.values())
    lost = sum(strike.error is not THROTTLED for strike in strikes.values())
    assert len(store.writes) <= len(outcomes) + len(strikes)
    assert lost or len(store.states) == len(outcomes), "without a lost answer nothing is written twice"


@settings(max_examples=150, deadline=None)
@given(
    live=LIVE,
    wanted=CELLS,
    refused=st.frozensets(st.integers(0, 7)),
    error=st.sampled_from([GONE, UNAVAILABLE]),
    concurrency=st.integers(1, 4),
)
def test_what_cannot_be_written_keeps_what_it_would_have_replaced(live, wanted, refused, error, concurrency):
    before = objects(live)
    changes = plan(before, wanted)
    keys = {c.id.key for n, c in enumerate(changes) if n in refused}
    store = Store(*before, always=lambda op, key: Strike(error) if op != "reads" and key in keys else None)
    outcomes = run(store, changes, concurrency=concurrency, retry_policy=RetryPolicy(max_errors=2))
    assert never_bare(store, before, wanted)
    for c in changes:
        if c.id.key in keys:
            assert outcomes[c.exemption.name].status in {Status.HELD, Status.FAILED}


@settings(max_examples=150, deadline=None)
@given(live=LIVE, wanted=CELLS, stop_at=st.integers(0, 30), concurrency=st.integers(1, 4), strikes=STRIKES)
def test_stopped_anywhere_the_next_run_finishes(live, wanted, stop_at, concurrency, strikes):
    before = objects(live)
    straight = Store(*before)
    run(straight, plan(before, wanted))

    stop, store = threading.Event(), Store(*before, strikes=strikes)
    store.hook = lambda *_: stop.set() if len(store.log) > stop_at else None
    first = run(store, plan(before, wanted), Clock(), stop=stop, concurrency=concurrency)
    assert never_bare(store, before, wanted)
    assert not {o.status for o in first.values()} & {Status.FAILED, Status.HELD}

    done = len(store.states)
    store.strikes, store.hook = {}, lambda *_: None
    second = run(store, plan(list(store.live.values()), wanted))
    assert never_bare(store, before, wanted)
    assert {key: canonical.comparable(found) for key, found in store.live.items()} == {
        key: canonical.comparable(found) for key, found in straight.live.items()
    }
    assert all(o.status is Status.DONE for o in second.values())
    assert done + len(second) <= len(straight.states) + len(strikes), "no more writes than were needed"


@settings(max_examples=100, deadline=None)
@given(live=LIVE, wanted=CELLS, meddle_at=st.integers(0, 20), victim=st.integers(0, 10), concurrency=st.integers(1, 3))
def test_a_keeper_that_somebody_removes_is_not_relied_on(live, wanted, meddle_at, victim, concurrency):
    before = objects(live)
    store = Store(*before)
    removed = []

    def meddle(operation, key):
        ours = sorted(key for key in store.live if "/ours-" in key)
        if len(store.log) > meddle_at and ours and not removed and operation == "reads":
            removed.append(store.live.pop(ours[victim % len(ours)]))

    store.hook = meddle
    outcomes = run(store, plan(before, wanted), concurrency=concurrency)
    for o in outcomes.values():
        if o.status is Status.HELD:
            assert removed
            assert removed[0].id.text in o.message
            assert o.change.id.key in store.live


@settings(max_examples=60, deadline=None)
@given(live=LIVE, wanted=CELLS, concurrency=st.integers(1, 3))
def test_two_runs_at_once_end_where_one_would(live, wanted, concurrency):
    before = objects(live)
    straight = Store(*before)
    run(straight, plan(before, wanted))
    store = Store(*before)
    ended = []

    def go():
        ended.append(run(store, plan(before, wanted), concurrency=concurrency))

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ended) == 2
    assert store.live == straight.live
    assert never_bare(store, before, wanted)
    assert {o.status for outcomes in ended for o in outcomes.values()} <= {Status.DONE, Status.UNCHANGED}
