"""A wait is told before it looks like a hang, also on a pipe, and what never answered is given up early."""

import time

import emulated
import pytest
from emulated import running
from interposed import error
from main_job import repositories as repo
from tenants import GROUP, settings_of, subscription, tenant

from reconciler.azure import waits
from reconciler.azure.api_versions import Api
from reconciler.azure.session import connect
from reconciler.azure.waits import Waits
from reconciler.problems import AzureError

LIST = f"{subscription(0)}/providers/Microsoft.Authorization/policyExemptions"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_many_threads_that_wait_for_the_same_thing_make_one_message():
    told, clock = [], Clock()
    waits_ = Waits(told.append, clock)
    for seconds in (0.5, 32.0, 32.0):
        waits_.waiting("Azure answers 503", 3, 6, seconds)
    assert told == ["Azure answers 503; try 3 of 6 in 32 s"]
    clock.now += 5
    waits_.waiting("Azure answers 503", 4, 6, 2.0)
    assert told[1:] == ["Azure answers 503; try 4 of 6 in 2 s"]


def test_before_anything_was_sent_every_wait_is_worthwhile():
    assert Waits(lambda _: None, Clock()).is_worthwhile(300.0)


@pytest.mark.parametrize("status", [200, 404, 409, 429])
def test_whatever_azure_itself_says_is_an_answer(status):
    clock = Clock()
    waits_ = Waits(lambda _: None, clock)
    waits_.sent()
    waits_.answered(status)
    clock.now += 1000
    assert waits_.is_worthwhile(61.0)


def test_while_nothing_has_answered_a_minute_is_enough_and_later_only_what_looks_like_a_hang_is_too_long():
    clock = Clock()
    waits_ = Waits(lambda _: None, clock)
    waits_.sent()
    for status in (408, 500, 503):
        waits_.answered(status)
    assert waits_.is_worthwhile(60.0)
    assert not waits_.is_worthwhile(61.0)
    clock.now += 50
    assert not waits_.is_worthwhile(11.0)
    waits_.answered(429)
    assert waits_.is_worthwhile(300.0)
    assert not waits_.is_worthwhile(301.0)


@pytest.mark.parametrize(
    ("status", "says"),
    [(503, "Azure answers 503; try 2 of 7 in 1 s"), (429, "Azure limits requests; try 2 of 7 in 1 s")],
)
def test_a_read_says_what_it_waits_for(interrupted, login, status, says):
    with interrupted() as (door, azure):
        told = []
        door.answer = lambda seen: (
            error(status, "Busy", **{"Retry-After": "1"}) if seen.path == LIST and seen.count == 1 else None
        )
        with connect(azure.settings, door.env, told.append) as again:
            assert again.reader().snapshot(azure.settings).complete
    assert told == [says]


def test_what_has_never_answered_is_given_up_and_what_has_is_waited_for(interrupted, monkeypatch):
    monkeypatch.setattr(waits, "_UNANSWERED_SECONDS", 0.5)
    with interrupted() as (door, azure):
        door.answer = lambda _: error(503, "ServerBusy", "out of service", **{"Retry-After": "60"})
        began = time.monotonic()
        with pytest.raises(AzureError, match="out of service"):
            azure.client.get(f"{GROUP}corp", Api.GROUPS)
        assert time.monotonic() - began < 50, "not waited for, however busy the machine"
        assert len(door.seen) == 1
        door.answer = lambda seen: error(503, "ServerBusy", **{"Retry-After": "1"}) if seen.count == 2 else None
        azure.client.get(f"{GROUP}landing", Api.GROUPS)
        azure.client.get(f"{GROUP}landing", Api.GROUPS)
        assert len(door.seen) == 4


def test_the_command_says_it_on_a_pipe_too(tmp_path):
    busy = {"path": "policyExemptions", "status": 503, "code": "ServerBusy", "retryAfter": 2, "count": 1}
    content = repo.tenant(faultInjection={"faults": [busy]})
    with emulated.running(content) as azure:
        done = emulated.exempt(azure, "plan", cwd=repo.write(tmp_path, []), check=[0])
    assert "Azure answers 503; try 2 of 7 in 2 s" in done.stderr


def test_an_empty_tenant_waits_for_nothing(login):
    with running(tenant()) as cloud:
        login(cloud.env)
        told = []
        with connect(settings_of(cloud), cloud.env, told.append) as azure:
            azure.reader().snapshot(azure.settings)
    assert told == []
