"""Carrying changes out: every change to one outcome, in the right order, through whatever Azure does."""

import threading
import time

import pytest
from azure_in_memory import (
    BUSY,
    EXPIRED_TOKEN,
    FORBIDDEN,
    GONE,
    GROUP,
    LOST,
    OTHER,
    SUBSCRIPTION,
    THROTTLED,
    UNAVAILABLE,
    Clock,
    Store,
    Strike,
    change,
    create,
    exemption,
    run,
)  # fmt: skip

from reconciler.applying.errors import describe
from reconciler.applying.outcomes import Summary
from reconciler.applying.progress import ProgressTracker
from reconciler.applying.retry_policy import DEFAULT_POLICY, RetryPolicy
from reconciler.kinds import HeldCause
from reconciler.model import Status, SystemData, Verdict
from reconciler.problems import AzureError, CredentialError, ReconcilerError

KEEPER = exemption("keeper")
DUPLICATE = exemption("duplicate")
WIDE = exemption("wide", refs=("tls", "mfa"))
NARROWED = exemption("wide", refs=("mfa",))


def narrow(waits_for=(), relies_on=(KEEPER,)):
    return change(WIDE, NARROWED, waits_for, relies_on)


# --- plain work ---


def test_creates_updates_and_deletes():
    old, edited, removed = exemption("two"), exemption("two", description="why"), exemption("three")
    store = Store(old, removed)
    outcomes = run(store, [create("one"), change(old, edited), change(removed, None)])
    assert {name: o.status for name, o in outcomes.items()} == dict.fromkeys(outcomes, Status.DONE)
    assert store.live.keys() == {exemption("one").id.key, edited.id.key}
    assert store.live[edited.id.key].description == "why"
    assert len(store.writes) == 3


def test_nothing_to_do_sends_nothing():
    store = Store()
    assert run(store, []) == {}
    assert store.log == []


def test_what_is_already_so_is_not_written():
    old, edited, removed = exemption("two"), exemption("two", description="why"), exemption("three")
    store = Store(exemption("one"), edited)
    outcomes = run(store, [create("one"), change(old, edited), change(removed, None)])
    assert {o.status for o in outcomes.values()} == {Status.UNCHANGED}
    assert outcomes["one"].message == "already so in Azure"
    assert store.writes == []


@pytest.mark.parametrize(
    ("live", "planned", "says"),
    [
        ((exemption("one", refs=("other",)),), create("one"), "appeared"),
        ((exemption("one", description="edited by hand"),), change(exemption("one"), None), "changed"),
        ((exemption("one", description="x"),), change(exemption("one"), exemption("one", description="y")), "changed"),
        ((), change(exemption("one"), exemption("one", description="y")), "removed"),
    ],
)
def test_what_changed_since_the_plan_is_skipped(live, planned, says):
    store = Store(*live)
    outcome = run(store, [planned])["one"]
    assert outcome.status is Status.SKIPPED
    assert says in outcome.message
    assert "apply again" in outcome.remedy
    assert store.writes == []


def test_says_who_changed_it():
    live = exemption("one", description="by hand", system=SystemData(last_modified_by="eve@contoso.example"))
    outcome = run(Store(live), [change(exemption("one"), None)])["one"]
    assert "by eve@contoso.example" in outcome.message


def test_our_own_revision_mark_is_no_change_of_the_object():
    before = exemption("one", metadata={"owner": "contoso", "revision": "a"})
    live = exemption("one", metadata={"owner": "contoso", "revision": "b"})
    assert run(Store(live), [change(before, None)])["one"].status is Status.DONE


def test_azure_storing_something_else_is_a_failure():
    class Dropping(Store):
        def put(self, wanted):
            return exemption(wanted.name, refs=())

    outcome = run(Dropping(), [create("one")])["one"]
    assert outcome.status is Status.FAILED
    assert "policyDefinitionReferenceIds" in outcome.message
    assert "apiVersion in reconciler.yaml" in outcome.remedy


# --- order ---


def test_a_reducing_write_waits_for_what_covers():
    keeper = create("keeper")
    store = Store(DUPLICATE, WIDE)
    outcomes = run(store, [change(DUPLICATE, None, [keeper], [KEEPER]), narrow([keeper]), keeper])
    assert {o.status for o in outcomes.values()} == {Status.DONE}
    assert store.writes[0] == ("writes", KEEPER.id.key)


@pytest.mark.parametrize(
    ("strike", "status"),
    [(FORBIDDEN, Status.FAILED), (GONE, Status.HELD), (AzureError(0, "x", "silence"), Status.FAILED)],
)
def test_what_waits_shares_the_outcome_however_long_the_chain(strike, status):
    keeper = create("keeper")
    middle = change(DUPLICATE, None, [keeper], [KEEPER])
    last = narrow([middle])
    store = Store(DUPLICATE, WIDE, always=lambda _, key: Strike(strike) if key == keeper.id.key else None)
    outcomes = run(store, [last, middle, keeper])
    assert {o.status for o in outcomes.values()} == {status}
    assert {o.is_gone for o in outcomes.values()} == {strike is GONE}
    assert "keeper" in outcomes["wide"].message
    assert store.live.keys() == {DUPLICATE.id.key, WIDE.id.key}


def test_a_change_that_waits_for_something_outside_the_run_awaits_approval():
    last = change(DUPLICATE, None, [create("elsewhere")], [KEEPER])
    another = change(exemption("another"), None, [create("elsewhere")], [KEEPER])
    outcomes = run(Store(KEEPER, DUPLICATE, WIDE, exemption("another")), [last, another, narrow([last])])
    assert {o.status for o in outcomes.values()} == {Status.AWAITING}
    assert "elsewhere, which is not part of this run" in outcomes["another"].message


def test_what_others_wait_for_is_written_first_and_the_rest_by_id():
    keeper = create("z-keeper")
    store = Store(DUPLICATE)
    run(store, [create("b"), create("a"), keeper, change(DUPLICATE, None, [keeper], [keeper.after])], concurrency=1)
    assert [key.rpartition("/")[2] for operation, key in store.writes if operation == "writes"] == [
        "z-keeper",
        "a",
        "b",
    ]


def test_changes_that_wait_for_each_other_are_held():
    one, two = exemption("one"), exemption("two")
    outcomes = run(Store(one, two, exemption("three")), [
        change(one, None, [two]), change(two, None, [one]), change(exemption("three"), None),
    ])  # fmt: skip
    assert outcomes["one"].status is outcomes["two"].status is Status.HELD
    assert outcomes["one"].message == "waits for changes that wait for it"
    assert outcomes["three"].status is Status.DONE


@pytest.mark.parametrize("live", [(), (exemption("keeper", expires_on="2026-01-01T00:00:00Z"),)])
def test_a_keeper_that_is_gone_or_changed_holds_the_reducing_write(live):
    store = Store(WIDE, *live)
    outcome = run(store, [narrow()])["wide"]
    assert (outcome.status, outcome.cause) == (Status.HELD, HeldCause.CONFLICT)
    assert KEEPER.id.text in outcome.message
    assert store.writes == []


@pytest.mark.parametrize(("error", "cause"), [(FORBIDDEN, HeldCause.UNREAD), (GONE, HeldCause.CONFLICT)])
def test_a_keeper_that_cannot_be_read_holds_the_reducing_write(error, cause):
    keeper = exemption("keeper", scope=GROUP)
    store = Store(WIDE, keeper, always=lambda _, key: Strike(error) if key == keeper.id.key else None)
    outcome = run(store, [narrow(relies_on=(keeper,))])["wide"]
    assert (outcome.status, outcome.cause) == (Status.HELD, cause)
    assert outcome.message == f"{keeper.id}, which keeps what this stops covering, cannot be read: {describe(error)}"
    assert outcome.fails
    assert store.writes == []


def test_a_limit_on_reading_the_keeper_is_waited_for():
    clock = Clock()
    keeper = exemption("keeper", scope=OTHER)
    store = Store(WIDE, keeper, strikes={1: Strike(THROTTLED)})
    assert run(store, [narrow(relies_on=(keeper,))], clock)["wide"].status is Status.DONE
    assert clock.slept == pytest.approx(1, abs=0.01)


def test_the_keeper_is_read_after_the_object_and_just_before_the_write():
    store = Store(WIDE, KEEPER)
    run(store, [narrow()])
    assert store.log == [("reads", WIDE.id.key), ("reads", KEEPER.id.key), ("writes", WIDE.id.key)]


# --- faults ---


@pytest.mark.parametrize("error", [LOST, UNAVAILABLE, AzureError(500, "InternalServerError", "an error occurred")])
@pytest.mark.parametrize("planned", [create("one"), change(WIDE, NARROWED), change(DUPLICATE, None)])
def test_a_lost_answer_is_settled_by_reading(error, planned):
    store = Store(WIDE, DUPLICATE, strikes={1: Strike(error, after=True)})
    outcome = run(store, [planned])[planned.exemption.name]
    assert outcome.status is Status.DONE
    assert len(store.writes) == 1, "what took effect is not written again"


def test_a_write_that_never_arrived_is_sent_again():
    store = Store(strikes={1: Strike(LOST)})
    assert run(store, [create("one")])["one"].status is Status.DONE
    assert len(store.writes) == 2


def test_a_foreign_hand_between_a_lost_answer_and_its_settling():
    store = Store(strikes={1: Strike(LOST, after=True)})

    def meddle(operation, key):
        if len(store.log) == 3:
            store.live[key] = exemption("one", description="edited by hand")

    store.hook = meddle
    assert run(store, [create("one")])["one"].status is Status.SKIPPED


@pytest.mark.parametrize("error", [LOST, UNAVAILABLE, BUSY, EXPIRED_TOKEN, THROTTLED, CredentialError("no token")])
@pytest.mark.parametrize("number", [0, 1])
def test_faults_that_pass_are_outlived(error, number):
    store = Store(strikes={number: Strike(error), number + 2: Strike(error)})
    assert run(store, [create("one")])["one"].status is Status.DONE


@pytest.mark.parametrize(
    ("error", "remedy", "pauses"),
    [
        (UNAVAILABLE, "run apply again", [0.5, 1, 2]),
        (BUSY, "run apply again", [0.5, 1, 2]),
        (EXPIRED_TOKEN, "log in again", [0.5, 1, 2]),
        (THROTTLED, "run apply again", [1, 2, 4]),
    ],
)
def test_faults_that_stay_end_in_a_failure_with_azures_words(error, remedy, pauses):
    clock = Clock()
    store = Store(always=lambda *_: Strike(error))
    outcome = run(store, [create("one")], clock, retry_policy=RetryPolicy(max_errors=4, max_throttled=4))["one"]
    assert outcome.status is Status.FAILED
    assert error.message in outcome.message
    assert "after 4 tries" in outcome.message
    assert outcome.remedy.startswith(remedy)
    assert len(store.log) == 4
    assert clock.slept == pytest.approx(sum(pauses), abs=0.01)


def test_pauses_between_attempts_double_up_to_the_longest():
    assert [DEFAULT_POLICY.backoff(errors) for errors in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize(
    "error",
    [
        FORBIDDEN,
        AzureError(403, "LinkedAuthorizationFailed", "no exempt/action", remedy="grant it"),
        AzureError(409, "ScopeLocked", "following scope(s) are locked: 'x'", remedy="unlock it"),
        AzureError(409, "ReadOnlyDisabledSubscription", "disabled", remedy="enable it"),
        AzureError(409, "PolicyExemptionQuotaExceeded", "quota is 1000", remedy="remove some"),
        AzureError(400, "InvalidCreatePolicyExemptionRequest", "not at or under the assignment", remedy="wait"),
        AzureError(400, "InvalidPolicyDefinitionReference", "reference could not be found", remedy="plan again"),
        AzureError(418, "Teapot", "short and stout", remedy="drink it"),
    ],
)
def test_a_refusal_fails_at_once_with_azures_words_and_its_remedy(error):
    store = Store(always=lambda operation, _: Strike(error) if operation == "writes" else None)
    outcome = run(store, [create("one")])["one"]
    assert outcome.status is Status.FAILED
    assert error.message in outcome.message
    assert outcome.remedy == error.remedy
    assert outcome.correlation == error.correlation
    assert len(store.writes) == 1


@pytest.mark.parametrize("operation", ["reads", "writes"])
def test_a_scope_that_is_gone_holds_and_does_not_fail(operation):
    gone = AzureError(404, GONE.code, GONE.message, correlation="a support case's id")
    store = Store(always=lambda found, _: Strike(gone) if found == operation else None)
    outcome = run(store, [create("one")])["one"]
    assert (outcome.status, outcome.cause) == (Status.HELD, HeldCause.RESOURCE_GONE)
    assert outcome.message == "404 ResourceGroupNotFound: Resource group 'rg' could not be found."
    assert outcome.remedy == f"retire the declaration, or take {SUBSCRIPTION} out of its scopes"
    assert outcome.correlation == gone.correlation
    assert Summary(outcomes=(outcome,)).verdict is Verdict.DONE


def test_an_orphan_below_a_scope_that_is_gone_gets_the_manual_remedy():
    outcome = run(Store(always=lambda *_: Strike(GONE)), [change(DUPLICATE, None)])["duplicate"]
    assert outcome.is_gone
    assert "make the resource group (and resource) again" in outcome.remedy


def test_an_assignment_that_is_gone_holds_and_does_not_fail():
    error = AzureError(400, "InvalidCreatePolicyExemptionRequest", "The policy assignment 'x' could not be found.")
    outcome = run(Store(strikes={1: Strike(error)}), [create("one")])["one"]
    assert (outcome.status, outcome.cause) == (Status.HELD, HeldCause.ASSIGNMENT_GONE)
    assert not outcome.fails


def test_partial_rights_create_where_permitted():
    forbidden = exemption("b", scope=OTHER).id.key
    store = Store(always=lambda op, key: Strike(FORBIDDEN) if (op, key) == ("writes", forbidden) else None)
    outcomes = run(store, [create("a"), create("b", scope=OTHER), create("c")])
    assert [outcomes[name].status for name in "abc"] == [Status.DONE, Status.FAILED, Status.DONE]
    assert outcomes["b"].leaves_uncovered
    assert Summary(outcomes=tuple(outcomes.values())).verdict is Verdict.INCOMPLETE


def test_a_defect_ends_one_change_and_not_the_run(caplog):
    class Broken(Store):
        def put(self, wanted):
            if wanted.name == "b":
                raise TypeError("unhashable")
            return super().put(wanted)

    outcomes = run(Broken(), [create("a"), create("b"), create("c")])
    assert [outcomes[name].status for name in "abc"] == [Status.DONE, Status.FAILED, Status.DONE]
    assert "TypeError" in outcomes["b"].message
    assert "Traceback" in caplog.text


def test_a_delete_that_finds_it_gone_meanwhile_is_settled_by_reading():
    store = Store(DUPLICATE, strikes={1: Strike(AzureError(404, "PolicyExemptionNotFound", "not found"))})
    store.hook = lambda operation, key: store.live.pop(key) if operation == "deletes" else None
    assert run(store, [change(DUPLICATE, None)])["duplicate"].status is Status.UNCHANGED


def test_a_fault_of_ours_is_told_and_not_repeated():
    store = Store(always=lambda *_: Strike(ReconcilerError("the id has a segment that is a dot", "correct it")))
    outcome = run(store, [create("one")])["one"]
    assert (outcome.status, outcome.message, outcome.remedy, outcome.correlation) == (
        Status.FAILED, "the id has a segment that is a dot", "correct it", "",
    )  # fmt: skip
    assert len(store.log) == 1


# --- silence ---


def test_an_outage_that_passes_loses_nothing():
    clock = Clock()
    store = Store(always=lambda *_: Strike(LOST) if clock.now < 1020 else None)
    outcomes = run(store, [create(f"n{i}") for i in range(60)], clock)
    assert {o.status for o in outcomes.values()} == {Status.DONE}
    assert max(store.writes_per_object().values()) <= 2


@pytest.mark.parametrize("error", [LOST, CredentialError("the identity endpoint is down", "log in again")])
def test_an_azure_that_stays_silent_is_given_up_soon(error):
    clock = Clock()
    store = Store(always=lambda *_: Strike(error))
    outcomes = run(store, [create(f"n{i}") for i in range(500)], clock)
    assert {o.status for o in outcomes.values()} == {Status.FAILED}
    assert len(store.log) < 60
    assert clock.slept < 120
    assert all(error.message in o.message for o in outcomes.values())
    assert all(o.remedy == error.remedy or not error.remedy for o in outcomes.values())


def test_who_is_asked_to_wait_for_hours_is_left_to_the_next_run_and_the_others_go_on():
    clock = Clock()
    asked = Strike(THROTTLED, retry_after=86_400.0)
    store = Store(always=lambda operation, key: asked if operation == "writes" and SUBSCRIPTION in key else None)
    changes = [create("one"), create("two"), create("three", scope=OTHER)]
    outcomes = run(store, changes, clock)
    assert [outcomes[name].status for name in ("one", "two", "three")] == [Status.FAILED, Status.FAILED, Status.DONE]
    assert all("asks to wait 86400 s" in outcomes[name].message for name in ("one", "two"))
    assert "run apply again" in outcomes["two"].remedy
    assert clock.slept < 300


def test_an_outage_that_begins_with_a_write_says_what_was_sent():
    store = Store(strikes={1: Strike(LOST, after=True)}, always=lambda *_: Strike(LOST) if len(store.log) > 2 else None)
    outcomes = run(store, [create(f"n{i}") for i in range(40)], concurrency=1)
    sent = [
        found
        for found in outcomes.values()
        if found.message.startswith("a write was sent and its answer lost; not settled")
    ]
    assert [found.change.id.key for found in sent] == [key for operation, key in store.log if operation == "writes"]
    rest = [found for found in outcomes.values() if found not in sent]
    assert {found.status for found in rest} == {Status.FAILED}
    assert any(found.message.startswith("not written, since Azure no longer answers") for found in rest)


# --- stopping ---


def test_a_stop_before_the_start_writes_nothing():
    stop = threading.Event()
    stop.set()
    store = Store()
    outcomes = run(store, [create("a"), create("b")], stop=stop)
    assert {o.status for o in outcomes.values()} == {Status.SKIPPED}
    assert store.log == []


def test_a_stop_between_reading_and_writing_abandons_the_write():
    stop = threading.Event()
    store = Store()
    store.hook = lambda *_: stop.set()
    outcomes = run(store, [create("a"), create("b")], stop=stop, concurrency=1)
    assert {o.status for o in outcomes.values()} == {Status.SKIPPED}
    assert store.writes == []


def test_a_stop_during_a_write_takes_its_answer():
    stop = threading.Event()
    store = Store()
    store.hook = lambda operation, _: stop.set() if operation == "writes" else None
    outcomes = run(store, [create(f"n{i}") for i in range(20)], stop=stop, concurrency=1)
    assert sum(o.status is Status.DONE for o in outcomes.values()) == len(store.live) == 1
    assert sum(o.status is Status.SKIPPED for o in outcomes.values()) == 19


@pytest.mark.parametrize("planned", [create("one"), change(WIDE, NARROWED), change(DUPLICATE, None)])
@pytest.mark.parametrize("applied", [False, True])
def test_a_stop_after_a_lost_answer_settles_it_by_one_read(planned, applied):
    stop = threading.Event()
    store = Store(WIDE, DUPLICATE, strikes={1: Strike(LOST, after=applied)})
    store.hook = lambda operation, _: stop.set() if operation != "reads" else None
    outcome = run(store, [planned], stop=stop)[planned.exemption.name]
    assert [operation for operation, _ in store.log[2:]] == ["reads"]
    assert outcome.cut_short is not applied
    if applied:
        assert outcome.status is Status.DONE
    else:
        assert outcome.status is Status.SKIPPED
        assert "had not taken effect" in outcome.message


def test_a_stop_while_waiting_to_settle_settles_at_once():
    stop, clock = threading.Event(), Clock()
    store = Store(strikes={1: Strike(LOST, after=True)})
    asleep = clock.sleep
    clock.sleep = lambda seconds: (stop.set(), asleep(seconds))
    outcomes = run(store, [create("one")], clock, stop=stop, concurrency=1)
    assert outcomes["one"].status is Status.DONE
    assert len(store.writes) == len(store.live) == 1


def test_a_stop_while_azure_is_silent_asks_once_and_says_that_it_does_not_know():
    stop = threading.Event()
    store = Store(strikes={1: Strike(LOST, after=True), 2: Strike(LOST), 3: Strike(LOST)})
    store.hook = lambda operation, _: stop.set() if operation == "writes" else None
    outcome = run(store, [create("one")], stop=stop)["one"]
    assert len(store.log) == 3
    assert (outcome.status, outcome.cut_short) == (Status.SKIPPED, True)
    assert "its answer lost" in outcome.message
    assert LOST.message in outcome.message


def test_a_stop_that_finds_all_done_takes_nothing_back():
    stop = threading.Event()
    store = Store()
    store.hook = lambda operation, _: stop.set() if operation == "writes" else None
    outcomes = run(store, [create("one")], stop=stop)
    assert Summary(outcomes=tuple(outcomes.values())).verdict is Verdict.DONE


def test_what_waits_for_something_cut_short_is_cut_short():
    stop = threading.Event()
    store = Store(DUPLICATE)
    store.hook = lambda *_: stop.set()
    keeper = create("keeper")
    outcomes = run(store, [keeper, change(DUPLICATE, None, [keeper], [KEEPER])], stop=stop)
    assert all(found.cut_short for found in outcomes.values())
    assert Summary(outcomes=tuple(outcomes.values())).verdict is Verdict.INTERRUPTED


def test_an_interrupt_waits_for_no_answer():
    stuck, free = threading.Event(), threading.Event()

    def wait_until_freed(operation, _):
        stuck.set()
        free.wait(30)

    def interrupt(progress):
        if stuck.is_set():
            raise KeyboardInterrupt

    store = Store()
    store.hook = wait_until_freed
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(store, [create("one"), create("two")], observer=interrupt)
    assert time.monotonic() - started < 20
    free.set()


def test_a_stop_before_anything_was_sent_says_nothing_of_sending():
    stop, clock = threading.Event(), Clock()
    asleep = clock.sleep
    clock.sleep = lambda seconds: (stop.set(), asleep(seconds))
    outcomes = run(Store(strikes={0: Strike(UNAVAILABLE)}), [create("one")], clock, stop=stop)
    assert outcomes["one"].message == "not started: the run was interrupted"


# --- progress ---


@pytest.mark.parametrize(
    ("error", "says"),
    [(UNAVAILABLE, "Azure answers 503"), (LOST, "Azure gives no answer"), (THROTTLED, "Azure limits requests")],
)
def test_progress_says_what_keeps_requests_from_succeeding_until_one_does(error, says):
    seen = []
    run(Store(strikes={1: Strike(error), 3: Strike(error)}), [create("a")], observer=seen.append)
    obstacles = [progress.obstacle for progress in seen]
    assert {says, ""} == set(obstacles)
    assert obstacles[-1] == ""


def test_progress_counts_to_the_end_and_tells_of_rests():
    seen = []
    store = Store(strikes={1: Strike(THROTTLED, retry_after=17.0)})
    run(store, [create("a"), create("b", scope=OTHER)], observer=seen.append, concurrency=1)
    assert seen[-1].finished == seen[-1].total == 2
    rests = [progress.paused for progress in seen if progress.paused]
    assert max(rests) > 15
    assert len(rests) > 20, "it is told again and again while it lasts"
    assert [progress.finished for progress in seen] == sorted(progress.finished for progress in seen)
    assert [progress.elapsed for progress in seen] == sorted(progress.elapsed for progress in seen)
    assert (seen[0].elapsed, seen[0].rate, seen[0].seconds_left) == (0, 0, None)
    assert 17 <= seen[-1].elapsed < 20
    assert seen[-1].seconds_left == 0


def test_progress_judges_what_is_left_by_the_last_seconds():
    clock = Clock()
    tracker = ProgressTracker(100, clock)
    for _ in range(40):
        tracker.add()  # a first burst
    clock.now += 20
    for _ in range(5):
        clock.now += 2
        tracker.add()
    progress = tracker.progress(3, 0.5, "Azure answers 503")
    assert (progress.total, progress.finished, progress.running, progress.elapsed) == (100, 45, 3, 30)
    assert progress.rate == 0.5
    assert progress.seconds_left == 110
    assert (progress.paused, progress.obstacle) == (0.5, "Azure answers 503")
    clock.now += 6
    assert tracker.progress(0, 0.0).rate == 0.3, "what is longer ago than ten seconds does not count"


# --- side by side ---


class Busy(Store):
    """Counts how many requests are under way at once."""

    def __init__(self, *live, **options):
        super().__init__(*live, **options)
        self.under_way, self.together, self.counting = 0, [], threading.Lock()

    def _request(self, operation, identifier, effect):
        with self.counting:
            self.under_way += 1
            self.together.append(self.under_way)
        try:
            time.sleep(0.005)
            return super()._request(operation, identifier, effect)
        finally:
            with self.counting:
                self.under_way -= 1


def test_requests_go_side_by_side_up_to_the_limit():
    store = Busy()
    run(store, [create(f"n{i}") for i in range(40)], concurrency=5)
    assert 2 <= max(store.together) <= 5


def test_while_azure_is_silent_one_request_at_a_time():
    store = Busy(always=lambda *_: Strike(LOST))
    changes = [create(f"n{i}", scope=f"/subscriptions/{i:08d}-1111-1111-1111-111111111111") for i in range(60)]
    run(store, changes, concurrency=16)
    assert max(store.together) > 1
    assert store.together[-5:] == [1] * 5


def test_subscriptions_take_turns():
    store = Store()
    run(store, [create(f"n{i}", scope=scope) for i in range(20) for scope in (SUBSCRIPTION, OTHER)], concurrency=1)
    first = [key for _, key in store.writes[:10]]
    assert sum(SUBSCRIPTION in key for key in first) == 5
