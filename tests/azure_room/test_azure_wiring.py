"""What settings, answers and headers say reaches the place where it counts."""

import json
import time
from email.utils import formatdate

import emulated
import interposed
import pytest
from emulated import running
from interposed import error
from main_job import repositories as repo
from tenants import subscription
from urllib3 import HTTPHeaderDict

from reconciler.azure.api_versions import Api
from reconciler.azure.request_monitor import retry_after
from reconciler.model import Operation, arm_id
from reconciler.problems import AzureError

LIST = f"{subscription(0)}/providers/Microsoft.Authorization/policyExemptions"
TRANSFER = "404c3081-a854-4457-ae30-26a93ef643f9"
MCSB = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
DECLARED = {"name": "one", "policyDefinition": TRANSFER, "scopes": [repo.subscription(1)]}


# --- how long Azure asks to wait -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "7.5"}, 7.5),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"x-ms-retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "1500", "Retry-After": "60"}, 1.5),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"retry-after-ms": "soon", "Retry-After": "2"}, 2.0),
    ],
)
def test_a_wait_is_read_in_each_of_the_forms_that_azure_writes(headers, seconds):
    assert retry_after(HTTPHeaderDict(headers)) == seconds


def test_a_wait_until_a_date_is_counted_from_now():
    assert 200 < retry_after({"Retry-After": formatdate(time.time() + 250, usegmt=True)}) <= 250


@pytest.mark.parametrize(("header", "value"), [("retry-after-ms", "1500"), ("Retry-After", "2")])
def test_a_read_waits_as_long_as_the_header_says_and_the_observer_hears_it(interrupted, header, value):
    heard = []
    with interrupted() as (door, azure):
        azure.client.monitor.add_observer(lambda *told: heard.append(told))
        door.answer = lambda seen: error(429, "TooManyRequests", **{header: value}) if seen.count == 1 else None
        began = time.monotonic()
        azure.client.pages(LIST, Api.EXEMPTIONS)
        assert time.monotonic() - began >= 1.5
    assert (heard[0][0], heard[0][1]) == (subscription(0).rsplit("/", 1)[-1], Operation.READS)
    assert heard[0][3] == (1.5 if header == "retry-after-ms" else 2.0)


def test_the_observer_hears_what_each_bucket_has_left(interrupted):
    heard = []
    left = {"x-ms-ratelimit-remaining-subscription-writes": "17", "x-ms-ratelimit-remaining-subscription-reads": "99"}
    with interrupted() as (door, azure):
        writer = azure.writer(lambda *told: heard.append(told))
        door.answer = lambda _: error(400, "BadRequest", **left)
        for request in (writer.read, writer.delete):
            with pytest.raises(AzureError):
                request(arm_id(f"{LIST}/one"))
    assert [(told[1], told[2]) for told in heard] == [(Operation.READS, 99), (Operation.DELETES, None)]


def test_the_observer_hears_of_no_refusal_that_does_not_say_how_long(interrupted):
    """It would pass for an answer, and the pause after the next refusal would be as short as after the first."""
    heard = []
    with interrupted() as (door, azure):
        writer = azure.writer(lambda *told: heard.append(told))
        for headers in ({}, {"Retry-After": "7"}):
            door.answer = lambda _, headers=headers: error(429, "TooManyRequests", **headers)
            with pytest.raises(AzureError):
                writer.delete(arm_id(f"{LIST}/one"))
    assert [told[3] for told in heard] == [7.0]


# --- secrets -------------------------------------------------------------------------------------------------------


def test_a_token_that_azure_echoes_is_nowhere_in_what_a_command_says(tmp_path):
    """In an error to a list and in one to a write: not in text, JSON, the outcomes' file or the log."""
    root = repo.write(tmp_path / "repository", [DECLARED])
    log, out = tmp_path / "log", tmp_path / "outcomes.json"
    tokens = set()

    def echo(seen):
        token = seen.headers.get("Authorization", "").removeprefix("Bearer ")
        tokens.add(token)
        words = f"the header Authorization: Bearer {token} of {token} was not understood"
        unreadable = seen.method == "GET" and seen.path.startswith(f"{repo.subscription(2)}/")
        return error(403, "AuthorizationFailed", words) if seen.method == "PUT" or unreadable else None

    with running(repo.tenant(MCSB)) as cloud, interposed.between(cloud) as door:
        door.answer = echo
        options = ("--log-file", str(log))
        said = []
        for form in ("text", "json", "markdown"):
            done = emulated.exempt(
                cloud, "apply", "--yes", "--format", form, "--out", str(out), *options, cwd=root, check=[1], **door.env
            )
            said += [done.stdout, done.stderr, out.read_text("utf-8")]
        done = emulated.exempt(cloud, "plan", "--format", "json", *options, cwd=root, check=[1], **door.env)
        said += [done.stdout, done.stderr, log.read_text("utf-8")]
    assert json.loads(done.stdout)["unread"]
    assert any("[token removed]" in text for text in said)
    assert tokens - {""}
    assert not [text for text in said for token in tokens if token and (token in text or token[:40] in text)]


# --- settings ------------------------------------------------------------------------------------------------------


def test_the_cloud_of_the_settings_decides_the_audience_of_the_token(tmp_path):
    root = repo.write(tmp_path, [], cloud="AzureChinaCloud")
    with running(repo.tenant()) as cloud:
        done = emulated.exempt(cloud, "plan", cwd=root, check=[1])
        told = emulated.exempt(cloud, "doctor", "--format", "json", cwd=root)
    assert "correct `cloud` in reconciler.yaml" in done.stdout + done.stderr
    checks = {check["name"]: check for check in json.loads(told.stdout)["checks"]}
    assert "AzureChinaCloud" in checks["cloud"]["message"]


def test_the_api_version_of_the_settings_is_used_for_get_and_put_alike(tmp_path):
    root = repo.write(tmp_path, [DECLARED], apiVersion="2022-07-01-preview")
    with running(repo.tenant(MCSB)) as cloud:
        emulated.exempt(cloud, "apply", "--yes", cwd=root, check=[0])
        versions = {
            (request.method, request.target.partition("api-version=")[2].partition("&")[0])
            for request in cloud.requests
            if "/policyExemptions" in request.target
        }
    assert versions == {("GET", "2022-07-01-preview"), ("PUT", "2022-07-01-preview")}


def test_young_exemptions_that_nobody_manages_are_left_alone_until_they_are_as_old_as_the_settings_say(tmp_path):
    """`minAge` is read: what is made just now is deleted only where the settings ask for no age."""
    live = repo.exemption(repo.subscription(1), "portal", MCSB["id"], ["secureTransferToStorageAccountMonitoring"])
    elsewhere = {**DECLARED, "scopes": [repo.subscription(2)]}
    for age, left in (("7d", 1), ("0d", 0)):
        root = repo.write(tmp_path / age, [elsewhere], unmanaged="delete", limits={"minAge": age})
        with running(repo.tenant(MCSB, exemptions=[live])) as cloud:
            emulated.exempt(cloud, "apply", "--yes", "--allow-unmanaged-deletes", "1", cwd=root, check=[0])
            assert sum(key.endswith("/portal") for key in cloud.exemptions) == left, age
