"""Throttling, latency, faults and the clock: by tenant file, from the process and by the control endpoint."""

import http.client
import json
import time
import urllib.error
import urllib.request

import contoso
import emulated
import pytest
from contoso import ONE, SERVER, TWO, exemption_id, exemptions_of, waiver


def control(cloud, method, name, body=None):
    """One request to the control endpoint: status and JSON."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"{cloud.identity_endpoint}/emulator/{name}", data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


# --- throttling --------------------------------------------------------------------------------------------------

SMALL = {
    "reads": {"size": 3, "refill": 0.5},
    "writes": {"size": 2, "refill": 1},
    "deletes": {"size": 1, "refill": 1},
    "globalFactor": 2,
}


def test_injection_off_has_no_limits_and_no_headers(arm):
    answer = arm.get(exemptions_of(ONE))
    assert not [name for name in answer.headers if name.startswith("x-ms-ratelimit")]


def test_buckets_run_dry_say_so_and_fill_again(start):
    cloud = start(faultInjection={"throttling": SMALL})
    arm = emulated.Client(cloud)
    left = [arm.get(exemptions_of(ONE)).headers["x-ms-ratelimit-remaining-subscription-reads"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    dry = arm.get(exemptions_of(ONE))
    assert (dry.status, dry.code) == (429, "SubscriptionRequestsThrottled")
    assert 1 <= int(dry.headers["retry-after"]) <= 2
    assert "Number of 'read' requests for subscription" in dry.message
    cloud.tenant.clock.advance(2)
    assert arm.get(exemptions_of(ONE)).status == 200


def test_each_subscription_principal_and_kind_has_its_own(start):
    cloud = start(faultInjection={"throttling": SMALL})
    arm, portal = emulated.Client(cloud), emulated.Client(cloud, emulated.PORTAL)
    for _ in range(3):
        assert arm.get(exemptions_of(ONE)).status == 200
    assert arm.get(exemptions_of(ONE)).status == 429
    assert arm.get(exemptions_of(TWO)).status == 200
    assert arm.get(exemptions_of(contoso.ROOT)).status == 200, "the tenant has buckets of its own"
    assert arm.put(exemption_id(SERVER), waiver()).headers["x-ms-ratelimit-remaining-subscription-writes"] == "1"
    assert arm.delete(exemption_id(SERVER)).headers["x-ms-ratelimit-remaining-subscription-deletes"] == "0"
    assert portal.get(exemptions_of(ONE)).headers["x-ms-ratelimit-remaining-subscription-global-reads"] == "2"


def test_the_global_bucket_stops_everybody(start):
    cloud = start(faultInjection={"throttling": {**SMALL, "globalFactor": 1}})
    for _ in range(3):
        emulated.Client(cloud).get(exemptions_of(ONE))
    assert emulated.Client(cloud, emulated.PORTAL).get(exemptions_of(ONE)).status == 429


def test_the_documented_sizes(start):
    answer = emulated.Client(start(faultInjection={"throttling": True})).get(exemptions_of(ONE))
    assert answer.headers["x-ms-ratelimit-remaining-subscription-reads"] == "249"
    assert answer.headers["x-ms-ratelimit-remaining-subscription-global-reads"] == "3749"


def test_a_throttled_write_has_no_effect(start):
    cloud = start(faultInjection={"throttling": {"writes": {"size": 1, "refill": 0.001}}})
    arm = emulated.Client(cloud)
    assert arm.put(exemption_id(SERVER, "a"), waiver()).status == 201
    assert arm.put(exemption_id(SERVER, "b"), waiver()).status == 429
    assert len(cloud.exemptions) == 1


# --- latency -----------------------------------------------------------------------------------------------------


def test_latency_delays_every_answer(start):
    arm = emulated.Client(start(faultInjection={"latency": 0.05}))
    began = time.perf_counter()
    arm.get(exemptions_of(ONE))
    assert time.perf_counter() - began >= 0.05


def test_jitter_is_the_same_for_the_same_seed(start):
    def delays(seed):
        injection = start(faultInjection={"jitter": 1.0, "seed": seed}).faults
        return [injection.delay() for _ in range(5)]

    assert delays(7) == delays(7) != delays(8)


# --- faults ------------------------------------------------------------------------------------------------------


def test_a_status_fault_strikes_the_requests_it_names_and_no_others(start):
    fault = {
        "method": "PUT",
        "path": "policyExemptions/b",
        "skip": 1,
        "count": 2,
        "status": 503,
        "code": "ServiceUnavailable",
        "retryAfter": 7,
    }
    cloud = start(faultInjection={"faults": [fault]})
    arm = emulated.Client(cloud)
    assert arm.put(exemption_id(SERVER, "a"), waiver()).status == 201
    answers = [arm.put(exemption_id(SERVER, "b"), waiver()) for _ in range(4)]
    assert [answer.status for answer in answers] == [201, 503, 503, 200]
    assert (answers[1].code, answers[1].headers["retry-after"]) == ("ServiceUnavailable", "7")


def test_an_error_may_hide_that_the_request_took_effect(start):
    cloud = start(faultInjection={"faults": [{"method": "PUT", "status": 500, "applied": True}]})
    assert emulated.Client(cloud).put(exemption_id(SERVER), waiver()).status == 500
    assert len(cloud.exemptions) == 1


@pytest.mark.parametrize("applied", [False, True])
def test_a_dropped_connection_before_or_after_the_effect(start, applied):
    cloud = start(faultInjection={"faults": [{"method": "PUT", "drop": True, "applied": applied}]})
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError, OSError)):
        emulated.Client(cloud).put(exemption_id(SERVER), waiver())
    assert len(cloud.exemptions) == applied


def test_a_cut_body_breaks_off(start):
    arm = emulated.Client(start(faultInjection={"faults": [{"path": "policyExemptions", "cut": 5}]}))
    with pytest.raises((http.client.IncompleteRead, OSError)):
        arm.get(exemptions_of(ONE))
    assert arm.get(exemptions_of(ONE)).status == 200


def test_a_malformed_body_is_no_json(start):
    answer = emulated.Client(start(faultInjection={"faults": [{"malformed": True}]})).get(exemptions_of(ONE))
    assert answer.status == 200
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(answer.body)


def test_a_delay(start):
    arm = emulated.Client(start(faultInjection={"faults": [{"delay": 0.05}]}))
    began = time.perf_counter()
    assert arm.get(exemptions_of(ONE)).status == 200
    assert time.perf_counter() - began >= 0.05


def test_probability_is_the_same_for_the_same_seed(start):
    def statuses(seed):
        fault = {"probability": 0.5, "count": None, "status": 500}
        arm = emulated.Client(start(faultInjection={"seed": seed, "faults": [fault]}))
        return [arm.get(exemptions_of(ONE)).status for _ in range(12)]

    assert statuses(1) == statuses(1)
    assert set(statuses(1)) == {200, 500}


def test_a_fault_for_one_principal_only(start):
    cloud = start(faultInjection={"faults": [{"principal": "22222222-2222-4222-8222-222222222222", "status": 500}]})
    assert emulated.Client(cloud).get(exemptions_of(ONE)).status == 200
    assert emulated.Client(cloud, emulated.PORTAL).get(exemptions_of(ONE)).status == 500


# --- from the process --------------------------------------------------------------------------------------------


def test_the_faults_change_between_requests(cloud, arm):
    cloud.inject_faults({"faults": [{"status": 500, "count": None}]})
    assert arm.get(exemptions_of(ONE)).status == 500
    cloud.inject_faults({})
    assert arm.get(exemptions_of(ONE)).status == 200
    with pytest.raises(ValueError, match="sunshine"):
        cloud.inject_faults({"sunshine": True})


def test_requests_are_logged_with_body_status_and_principal(cloud, arm):
    arm.put(exemption_id(SERVER), waiver())
    arm.get(exemption_id(SERVER, "none"))
    put, get = cloud.requests
    assert (put.method, put.status, json.loads(put.body)["properties"]) == ("PUT", 201, waiver())
    assert put.target.startswith(exemption_id(SERVER))
    assert (get.method, get.status) == ("GET", 404)
    assert put.principal == cloud.tenant.principals.default.object_id


# --- the control endpoint ----------------------------------------------------------------------------------------


def test_control_sets_injection_and_faults(cloud, arm):
    assert control(cloud, "PUT", "faultInjection", {"faults": [{"status": 500}]})[0] == 200
    assert control(cloud, "GET", "faultInjection")[1] == {"faults": [{"status": 500}]}
    assert arm.get(exemptions_of(ONE)).status == 500
    assert control(cloud, "POST", "faults", {"status": 502})[0] == 201
    assert arm.get(exemptions_of(ONE)).status == 502
    assert control(cloud, "GET", "faults")[1]["value"] == [{"matched": 1, "struck": 1}, {"matched": 1, "struck": 1}]
    assert control(cloud, "DELETE", "faults")[0] == 204
    assert arm.get(exemptions_of(ONE)).status == 200


def test_control_moves_the_clock(cloud, arm):
    arm.put(exemption_id(SERVER), waiver(expiresOn="2090-01-01T00:00:00Z"))
    assert control(cloud, "PUT", "clock", {"now": "2091-01-01T00:00:00Z"})[0] == 200
    assert arm.list(exemptions_of(SERVER), filter="excludeExpired()") == []
    assert arm.put(exemption_id(SERVER), waiver()).json["systemData"]["lastModifiedAt"].startswith("2091-01-01")
    assert control(cloud, "PUT", "clock", {"advance": 86400})[1]["now"].startswith("2091-01-02")
    assert arm.get(exemptions_of(SERVER)).status == 200, "tokens live by real time"


def test_control_shows_and_clears_the_log_and_gives_the_state(cloud, arm):
    arm.put(exemption_id(SERVER), waiver())
    assert [each["method"] for each in control(cloud, "GET", "requests")[1]["value"]] == ["PUT"]
    assert control(cloud, "DELETE", "requests")[0] == 204
    assert control(cloud, "GET", "requests")[1]["value"] == []
    state = control(cloud, "GET", "state")[1]
    assert [each["name"] for each in state["policyExemptions"]] == ["waived"]


def test_all_that_is_wrong_with_faults_is_told_by_every_way(cloud, start):
    faults = [{"status": 500}, {"status": None, "count": -1}, 3]
    told = (
        "[1]: status: null is not an HTTP status from 200 to 599; faults[1]: count: -1 is not a whole number from 0, or null "
        "for all; faults[2]: a fault is a JSON object, not 3"
    )
    assert control(cloud, "POST", "faults", faults) == (400, {"message": f"ValueError: faults{told}"})
    with pytest.raises(ValueError, match=r"^faultInjection\.faults") as refused:
        cloud.inject_faults({"faults": faults})
    assert str(refused.value) == f"faultInjection.faults{told.replace('faults[', 'faultInjection.faults[')}"
    status, body = control(cloud, "PUT", "faultInjection", {"latency": -1, "seed": "x", "faults": [{"probability": 7}]})
    assert status == 400
    assert body["message"] == (
        "ValueError: $.faultInjection.faults[0].probability: 7 is greater than the maximum of 1; "
        "$.faultInjection.latency: -1 is less than the minimum of 0; $.faultInjection.seed: 'x' is not of type 'integer'"
    )
    assert cloud.faults.scripted == []


@pytest.mark.parametrize(
    ("method", "name", "body", "status"),
    [
        ("PUT", "faultInjection", {"sunshine": 1}, 400),
        ("POST", "faults", {"colour": 1}, 400),
        ("POST", "faults", {"path": "("}, 400),
        ("PUT", "clock", {"now": "noon"}, 400),
        ("PUT", "clock", [], 400),
        ("GET", "nothing", None, 404),
    ],
)
def test_control_refuses_what_it_does_not_understand(cloud, method, name, body, status):
    assert control(cloud, method, name, body)[0] == status


def test_the_former_name_of_the_setting_still_works(start):
    cloud = start(weather={"faults": [{"method": "GET", "status": 503}]})
    assert emulated.Client(cloud).get(exemptions_of(ONE)).status == 503
    assert control(cloud, "GET", "weather")[1] == control(cloud, "GET", "faultInjection")[1] == cloud.faults.settings


@pytest.mark.parametrize(
    "body",
    [{"advance": 1e18}, {"advance": -1e18}, {"advance": 1e308}, {"now": "9999-12-31T23:59:59Z"}, {"now": "0001-01-01"},
     {"advance": "x"}, {"now": 5}, {}, [], {"advance": None}],
)  # fmt: skip
def test_a_clock_that_cannot_be_is_refused(cloud, body):
    before = control(cloud, "GET", "clock")[1]["now"][:16]
    assert control(cloud, "PUT", "clock", body)[0] == 400
    assert control(cloud, "GET", "clock")[1]["now"][:13] == before[:13], "it goes on as it was"


@pytest.mark.parametrize(
    ("method", "path", "names"),
    [
        ("GET", f"{contoso.ROOT}", {"tenant-reads"}),
        ("PUT", f"{contoso.ROOT}", {"tenant-writes", "managementgroups-requests"}),
        (
            "GET",
            f"{contoso.ONE}/providers/Microsoft.Security/assessmentMetadata",
            {"subscription-reads", "subscription-global-reads", "subscription-resource-requests"},
        ),
        (
            "POST",
            f"{contoso.ONE}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults",
            {"policy-insights-requests"},
        ),
        ("POST", "/providers/Microsoft.ResourceGraph/resources", {"tenant-resource-requests"}),
    ],
)
def test_providers_tell_limits_of_their_own(start, method, path, names):
    arm = emulated.Client(start(faultInjection={"throttling": True}))
    prefix = "x-ms-ratelimit-remaining-"
    answer = arm.request(method, path, {"query": "resources"} if method != "GET" else None, version="2021-03-01")
    assert {name.removeprefix(prefix) for name in answer.headers if name.startswith(prefix)} == names
