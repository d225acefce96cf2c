"""Killed, or struck by any fault, at any request: the next run ends where an undisturbed one would have.

`make test` walks a sample of the requests, `make test-chaos` (EXEMPT_CHAOS=1) all of them.
"""

import threading

import pytest
from chaos.walk import PARTS, Scene, fault_at, kill_at, part_of, places, sample

FAULTS = {
    "connection broken before": {"drop": True},
    "connection broken after": {"drop": True, "applied": True},
    "500 before": {"status": 500},
    "500 after": {"status": 500, "applied": True},
    "503": {"status": 503, "code": "ServiceUnavailable", "retryAfter": 1},
    "504 after": {"status": 504, "code": "GatewayTimeout", "applied": True},
    "429": {"status": 429, "code": "SubscriptionRequestsThrottled", "retryAfter": 1},
    "409": {"status": 409, "code": "Conflict"},
    "token expired": {"status": 401, "code": "ExpiredAuthenticationToken"},
    "answer cut short": {"cut": 20},
    "answer not JSON": {"malformed": True},
    "no right": {"status": 403, "code": "AuthorizationFailed"},
    "group gone": {"status": 404, "code": "ResourceGroupNotFound"},
    "locked": {"status": 409, "code": "ScopeLocked"},
    "bad request": {"status": 400, "code": "InvalidPolicyDefinitionReference"},
}
PASSING = {name for name in FAULTS if "before" in name or "after" in name} | {"503", "429", "token expired"}
"""Those that one run outlives wherever they strike. A page in the place of a list, or a 409 to a read, ends the run."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return Scene(tmp_path_factory.mktemp("walk") / "repository")


def test_the_scene_has_every_kind_of_change(scene):
    with scene.azure() as ledger:
        assert scene.apply(ledger.azure) == 0
        methods = [method for method, _ in ledger.effects]
        assert methods.count("DELETE") >= 3
        assert methods.count("PUT") >= 8
        scene.check_finished(ledger)
        assert scene.apply(ledger.azure) == 0
        assert len(ledger.effects) == scene.writes, "a second run writes nothing"


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_any_request_the_next_run_finishes(scene, applied, part):
    chosen = [place for found in places(scene.requests).values() for place in sample(found, 2)]
    assert {method for method, _ in chosen} >= {"GET", "PUT", "DELETE"}
    for place in part_of(chosen, part):
        with scene.azure() as ledger:
            ready, process = threading.Event(), []
            strike = kill_at(place, process, applied=applied)
            ledger.strike = lambda *found, strike=strike, ready=ready: ready.wait() and strike(*found)
            process.append(scene.child(ledger.azure))
            ready.set()
            with process[0]:
                told, _ = process[0].communicate(timeout=120)
            assert strike.struck
            assert process[0].returncode == -9, told
            assert ledger.always_kept(scene.kept)
            ledger.strike = lambda *_: None
            assert scene.apply(ledger.azure) == 0
            scene.check_finished(ledger)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("name", FAULTS)
def test_struck_at_any_request_the_run_or_the_next_one_finishes(scene, name, method):
    for place in sample(places(scene.requests)[method], 1):
        with scene.azure() as ledger:
            strike = ledger.strike = fault_at(place, FAULTS[name])
            code = scene.apply(ledger.azure)
            assert strike.struck, "a test in which nothing happened"
            assert ledger.always_kept(scene.kept)
            if name in PASSING:
                assert code == 0, f"{name} at {place} should have passed"
                scene.check_finished(ledger)
            ledger.strike = lambda *_: None
            assert scene.apply(ledger.azure) == 0
            scene.check_finished(ledger)
