"""`exempt drift --notify` and `--event`: each thing once, somebody's exemption by hand first, over a real socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import emulated
import pytest
from main_job import repositories as repo
from notifying.receiver import Receiver, receiving

REFERENCE = "secureTransferToStorageAccountMonitoring"
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
TRANSFER = "Secure transfer to storage accounts should be enabled"
BACKUP = "f2f595ec-5dc6-68b4-82ef-b63563e9c610"
DECLARED = {"name": "transfer", "recommendation": TRANSFER, "scopes": [repo.subscription(1)]}
HOOK = {"kind": "webhook", "urlFrom": "OUR_HOOK", "secretFrom": "OUR_KEY"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = repo.write(tmp_path / "repository", [DECLARED], notify=[HOOK])
    repo.commit(root)
    return root


def drift(
    azure: emulated.Azure, root: Path, hook: Receiver, *options: str, code: int = 2
) -> tuple[dict[str, Any], str]:
    done = emulated.exempt(
        azure, "drift", "--format", "json", "--notify", *options, cwd=root, check=[code],
        OUR_HOOK=hook.url, OUR_KEY="hush-hush",
    )  # fmt: skip
    assert "hush-hush" not in done.stdout + done.stderr
    assert "secret-path" not in done.stdout + done.stderr
    return json.loads(done.stdout), done.stderr


def test_each_thing_is_told_once_and_an_exemption_by_hand_first(root: Path) -> None:
    with emulated.running(repo.tenant(AT_ROOT)) as azure, receiving() as hook:
        last = root.parent / "last.json"
        emulated.exempt(azure, "drift", "--out", str(last), cwd=root, check=[2])
        by_hand = repo.exemption(repo.subscription(2), "by-hand", AT_ROOT["id"], [REFERENCE])
        emulated.Client(azure, emulated.PORTAL).put(by_hand["id"], by_hand["properties"])
        another = {"name": "another", "recommendation": BACKUP, "scopes": [repo.subscription(2)]}
        repo.write(root, [DECLARED, another], notify=[HOOK])
        drift(azure, root, hook, "--since", str(last), "--out", str(last))
        (body,) = hook.bodies
        assert (body["owner"], body["tenantId"]) == ("contoso/exemptions", repo.TENANT)
        first, second = body["notices"]
        assert second["title"] == "New finding: missing"
        assert first["title"] == "A user created an exemption"
        assert emulated.PORTAL in first["facts"]["who"]
        assert first["facts"]["where"] == "by-hand on sub Sub 2 00000000…0002"
        assert TRANSFER in first["facts"]["recommendation"]
        assert f"exempt import live --scope {repo.subscription(2)}" in first["remedy"]
        assert by_hand["id"] in first["remedy"]
        drift(azure, root, hook, "--since", str(last))
        assert len(hook.requests) == 1


def test_what_a_channel_does_not_take_is_told_by_the_next_run(root: Path) -> None:
    with emulated.running(repo.tenant(AT_ROOT)) as azure, receiving() as hook:
        last = root.parent / "last.json"
        emulated.exempt(azure, "drift", "--out", str(last), cwd=root, check=[2])
        by_hand = repo.exemption(repo.subscription(2), "by-hand", AT_ROOT["id"], [REFERENCE])
        emulated.Client(azure, emulated.PORTAL).put(by_hand["id"], by_hand["properties"])
        hook.answers = [(404, {})]
        report, said = drift(azure, root, hook, "--since", str(last), "--out", str(last), code=1)
        assert "not told: webhook:OUR_HOOK: 127.0.0.1 answered 404" in said
        assert report["untold"]["webhook:OUR_HOOK"]
        drift(azure, root, hook, "--since", str(last), "--out", str(last))
        assert [body["notices"][0]["title"] for body in hook.bodies] == ["A user created an exemption"] * 2
        drift(azure, root, hook, "--since", str(last))
        assert len(hook.requests) == 2


def event_forms(identifier: str) -> dict[str, Any]:
    """The same write as Event Grid, an activity log record and an alert tell it."""
    operation = "Microsoft.Authorization/policyExemptions/write"
    return {
        "grid": [{"subject": identifier, "data": {"resourceUri": identifier, "operationName": operation}}],
        "record": {"resourceId": identifier, "operationName": {"value": operation}, "caller": emulated.PORTAL},
        "alert": {"data": {"context": {"activityLog": {"resourceId": identifier.lower(), "operationName": operation}}}},
        "common": {"data": {"essentials": {"alertTargetIDs": [identifier]}}},
    }


@pytest.mark.parametrize("form", ["grid", "record", "alert", "common"])
def test_an_event_tells_of_that_exemption_alone_at_once(root: Path, form: str) -> None:
    one, two = (repo.exemption(repo.subscription(2), name, AT_ROOT["id"], [REFERENCE]) for name in ("one", "two"))
    with emulated.running(repo.tenant(AT_ROOT, exemptions=[one, two])) as azure, receiving() as hook:
        event = root.parent / "event.json"
        event.write_text(json.dumps(event_forms(one["id"])[form]))
        report, _ = drift(azure, root, hook, "--event", str(event))
        assert [finding["subject"] for finding in report["findings"]] == [one["id"]]
        assert [notice["title"] for notice in hook.bodies[0]["notices"]] == ["A user created an exemption"]


@pytest.mark.parametrize(
    "text", ["", "[", "{}", "[" * 100_000, json.dumps({"resourceId": "/subscriptions/x"}), json.dumps({"subject": 5})]
)
def test_an_event_that_is_none_is_a_clear_error(root: Path, text: str) -> None:
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        event = root.parent / "event.json"
        event.write_text(text)
        done = emulated.exempt(azure, "drift", "--event", str(event), cwd=root, check=[1])
        assert "event.json" in done.stderr
        assert "Traceback" not in done.stderr


def told(azure: emulated.Azure, root: Path, *options: str) -> list[str]:
    done = emulated.exempt(azure, "drift", "--notify", *options, cwd=root, check=[2])
    return [line for line in done.stderr.splitlines() if "--notify" in line]


def test_what_keeps_anybody_from_being_told_is_said(root: Path) -> None:
    nobody = "warning: --notify: reconciler.yaml has no channels under notify, so nobody is told"
    nothing = "warning: --notify: without --since nothing is known to be new, so only reminders of today are sent"
    by_hand = repo.exemption(repo.subscription(2), "by-hand", AT_ROOT["id"], [REFERENCE])
    with emulated.running(repo.tenant(AT_ROOT, exemptions=[by_hand])) as azure, receiving() as hook:
        _, said = drift(azure, root, hook)
        assert nothing in said.splitlines()
        assert nobody not in said
        assert hook.requests == []
        last, event = root.parent / "last.json", root.parent / "event.json"
        event.write_text(json.dumps(event_forms(by_hand["id"])["grid"]))
        repo.write(root, [DECLARED])
        assert told(azure, root, "--out", str(last)) == [nobody, nothing]
        assert told(azure, root, "--since", str(last)) == [nobody]
        assert told(azure, root, "--event", str(event)) == [nobody]
