"""Asking, renewing and retiring as people do: a bare repository as remote, GitHub on loopback, Azure on loopback."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import emulated
import hosting_service
import jsonschema
import pytest
import yaml
from cli.console import Ended, exempt
from clones import Clone, clone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from main_job.repositories import BENCHMARK, NIST, ROOT, assignment, git, subscription, tenant
from pipelines import runner
from typist import Typist

from reconciler.azure import client, credentials
from reconciler.requesting.issue_form import (
    CATEGORY,
    CVES,
    JUSTIFICATION,
    OWNER,
    RECOMMENDATION,
    RESOURCES,
    TICKET,
    UNTIL,
)

TDE = "651967bf-044e-4bde-8376-3e08e0600105"
PAGE = f"https://portal.azure.com/#view/Microsoft_Azure_Security/GenericRecommendationDetailsBlade/assessmentKey/{TDE}"
SERVER = subscription(1) + "/resourceGroups/rg-data/providers/Microsoft.Sql/servers/legacy-sql"
ORDERS, STOCK = f"{SERVER}/databases/orders", f"{SERVER}/databases/stock"
MINE = "exempt/orders-transparent-data-encryption-sql"
FILE = "exemptions/orders-transparent-data-encryption-sql.yaml"
ANSWERS = ("--category", "Waiver", "--justification", "It retires: soon.")
SCHEMAS = Path(__file__).parents[2] / "schemas"
SECRET = "secret-token-of-a-test"


def finding(resource: str) -> dict[str, Any]:
    return {
        "id": f"{resource}/providers/Microsoft.Security/assessments/{TDE}",
        "type": "Microsoft.Security/assessments",
        "name": TDE,
        "properties": {
            "displayName": "Transparent Data Encryption on SQL databases should be enabled",
            "resourceDetails": {"source": "Azure", "id": resource},
            "status": {"code": "Unhealthy"},
        },
    }


@pytest.fixture(scope="module")
def cloud() -> Iterator[emulated.Azure]:
    assigned = [
        assignment(ROOT, "SecurityCenterBuiltIn", BENCHMARK, displayName="Microsoft cloud security benchmark"),
        assignment(subscription(1), "nist", NIST, displayName="NIST SP 800-53"),
    ]
    resources = [{"id": text, "tags": {"purpose": "legacy"}} for text in (ORDERS, STOCK)]
    with emulated.running(
        tenant(*assigned, resources=[SERVER, *resources], assessments=[finding(ORDERS), finding(STOCK)])
    ) as running:
        yield running


@pytest.fixture
def github() -> Iterator[hosting_service.Service]:
    with hosting_service.running() as running:
        yield running


@pytest.fixture
def here(tmp_path: Path) -> Clone:
    return clone(tmp_path, rules={"maxLifetimeDays": 90})


def run(
    cloud: emulated.Azure | None, github: hosting_service.Service, here: Clone, *words: str, check: int = 0
) -> Ended:
    env = {"EXEMPT_PULL_REQUEST_ENDPOINT": github.endpoint, "GITHUB_TOKEN": SECRET}
    if cloud is None:
        env |= {
            "AZURE_TOKEN_CREDENTIALS": "dev",  # a managed identity that is not there is asked for five seconds
            "AZURE_CONFIG_DIR": str(here.root),
        }
    return exempt(cloud, *words, root=here.root, check=check, **env)


def test_whatever_a_request_asks_it_asks_over_one_connection_as_one_identity(
    cloud: emulated.Azure, github: hosting_service.Service, here: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    logins, connections = [], []
    choose, opened = credentials.choose, client.ArmClient
    monkeypatch.setattr(credentials, "choose", lambda *given: logins.append(given) or choose(*given))
    monkeypatch.setattr(client, "ArmClient", lambda *given: connections.append(given) or opened(*given))
    ended = run(cloud, github, here, "request", "--recommendation", TDE, "--resource", "orders", *ANSWERS)
    assert "will be created in: Microsoft cloud security benchmark, NIST SP 800-53" in ended.stderr
    assert (len(logins), len(connections)) == (1, 1)


def test_from_two_addresses_to_an_open_pull_request(
    cloud: emulated.Azure, github: hosting_service.Service, here: Clone
) -> None:
    (here.root / "notes.txt").write_text("mine\n")
    before = here.state()
    page = f"https://portal.azure.com/#@contoso.example/resource{ORDERS}/overview"
    ended = run(cloud, github, here, "request", PAGE, page, *ANSWERS)
    assert ended.stdout == "https://github.com/contoso/exemptions/pull/1\n"
    assert "will be created in: Microsoft cloud security benchmark, NIST SP 800-53" in ended.stderr
    assert "Low severity" in ended.stderr
    assert "Risk accepted (Waiver)" in ended.stderr
    assert "(in 90 days)" in ended.stderr
    assert here.state() == before
    written = yaml.safe_load(here.file(MINE, FILE))
    assert written["recommendation"] == TDE
    assert written["scopes"] == [ORDERS]
    assert written["owner"] == "ana@contoso.example"
    (pull,) = github.pulls
    assert pull["title"] == "Exempt orders from Transparent Data Encryption on SQL databases should be enabled"
    assert ORDERS in pull["body"]
    assert SECRET not in ended.stdout + ended.stderr
    again = run(cloud, github, here, "request", PAGE, page, *ANSWERS)
    assert again.stdout == ended.stdout
    assert len(github.pulls) == 1


def test_a_unique_name_is_enough_and_a_near_miss_is_named(
    cloud: emulated.Azure, github: hosting_service.Service, here: Clone
) -> None:
    missed = run(cloud, github, here, "request", "--recommendation", TDE, "--resource", "ordres", *ANSWERS, check=1)
    assert "no resource is called 'ordres'" in missed.stderr
    assert f"did you mean {ORDERS}?" in missed.stderr
    other = run(cloud, github, here, "request", "--recommendation", TDE, "--resource", "a/b", *ANSWERS, check=1)
    assert "'a/b' names no resource" in other.stderr
    found = run(cloud, github, here, "request", "--recommendation", TDE, "--resource", "orders", "--dry-run", *ANSWERS)
    assert ORDERS in found.stdout
    both = ("--resource", "orders", "--resource", STOCK)
    found = run(cloud, github, here, "request", "--recommendation", TDE, *both, "--dry-run", *ANSWERS)
    assert yaml.safe_load(found.stdout)["scopes"] == [ORDERS, STOCK]
    assert here.branches() == ["main"]


def test_everything_that_is_missing_is_said_at_once(
    cloud: emulated.Azure, github: hosting_service.Service, here: Clone
) -> None:
    ended = run(cloud, github, here, "request", check=1)
    for option in ("--recommendation", "--resource", "--category", "--justification"):
        assert f"{option} is missing" in ended.stderr
    words = run(cloud, github, here, "request", "--recommendation", "sql tde", "--resource", ORDERS, *ANSWERS, check=1)
    assert TDE in words.stderr


def test_a_target_that_does_not_exist_is_said_before_anything_is_proposed(
    cloud: emulated.Azure, github: hosting_service.Service, here: Clone
) -> None:
    ended = run(cloud, github, here, "request", PAGE, ORDERS + "x", *ANSWERS, check=1)
    assert f"did you mean {ORDERS}?" in ended.stderr
    assert here.branches() == ["main"]


def test_a_rule_refuses_before_anything_is_proposed(
    cloud: emulated.Azure, github: hosting_service.Service, here: Clone
) -> None:
    ended = run(cloud, github, here, "request", PAGE, ORDERS, "--until", "2099-01-01", *ANSWERS, check=1)
    assert "at most 90 days" in ended.stderr
    assert here.branches() == ["main"]


OFF = [{"kind": "policyEffect", "value": "Disabled"}]


@pytest.mark.parametrize(
    ("properties", "says"),
    [
        ({"notScopes": [SERVER]}, "by its notScopes, so it needs no exemption here"),
        ({"overrides": OFF}, "for when the policy is switched on again"),
    ],
    ids=["notScope", "disabled"],
)
def test_what_makes_an_exemption_needless_is_said(
    github: hosting_service.Service, here: Clone, properties: dict[str, Any], says: str
) -> None:
    assigned = assignment(ROOT, "SecurityCenterBuiltIn", BENCHMARK, **properties)
    with emulated.running(tenant(assigned, resources=[SERVER, ORDERS])) as cloud:
        ended = run(cloud, github, here, "request", PAGE, ORDERS, *ANSWERS)
        assert says in ended.stderr
        assert f"how to fix it instead: {PAGE}\n" in ended.stderr


def test_without_azure_it_is_proposed_all_the_same(github: hosting_service.Service, here: Clone) -> None:
    ended = run(None, github, here, "request", PAGE, ORDERS, *ANSWERS)
    assert "not checked against Azure" in ended.stderr
    assert here.file(MINE, FILE)
    for pointer, says in (
        (("--resource", "orders"), "'orders' is a name, and Azure cannot be asked whose"),
        (("--tag", "a=b"), "which resources bear a=b only Azure knows"),
    ):
        ended = run(None, github, here, "request", "--recommendation", TDE, *pointer, *ANSWERS, check=1)
        assert says in ended.stderr


# --- renew and retire --------------------------------------------------------------------------------------------


def declared(name: str, owner: str, until: str) -> dict[str, str | list[str]]:
    return {
        "name": name,
        "recommendation": TDE,
        "scopes": [f"{SERVER}/databases/{name}"],
        "owner": owner,
        "expiresOn": until,
    }


@pytest.fixture
def full(tmp_path: Path) -> Clone:
    soon = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 5 * 86400))
    files = [declared("one", "a@contoso.example", soon), declared("two", "b@contoso.example", soon)]
    return clone(tmp_path, declarations=[*files, declared("three", "a@contoso.example", "2099-01-01")])


def test_what_expires_is_renewed_one_pull_request_an_owner(github: hosting_service.Service, full: Clone) -> None:
    before = full.state()
    ended = run(None, github, full, "renew", "--expiring", "30d")
    assert ended.stdout.splitlines() == [f"https://github.com/contoso/exemptions/pull/{number}" for number in (1, 2)]
    for name, pull in zip(("one", "two"), github.pulls, strict=True):
        assert full.git("show", "--name-only", "--format=", f"origin/{pull['head']}") == f"exemptions/{name}.yaml"
    assert full.state() == before
    assert run(None, github, full, "renew", "--expiring", "30d").stdout == ended.stdout
    assert len(github.pulls) == 2


def test_retire_keeps_the_file_and_says_that_it_is_off(github: hosting_service.Service, full: Clone) -> None:
    path = "exemptions/three.yaml"
    (full.root / path).write_text("# why: see SEC-1\n" + (full.root / path).read_text())
    full.git("commit", "--quiet", "--all", "--message", "comment")
    full.git("push", "--quiet", "origin", "HEAD:main")
    shown = run(None, github, full, "retire", "--dry-run", "three").stdout
    assert "+enabled: false\n" in shown
    assert github.pulls == []
    assert "the pull request is open:" in run(None, github, full, "retire", "three").stderr.splitlines()
    text = full.file(github.pulls[0]["head"], path)
    assert text.startswith("# why: see SEC-1\n")
    assert yaml.safe_load(text)["enabled"] is False
    missing = run(None, github, full, "retire", "thre", check=1)
    assert "did you mean three" in missing.stderr


def test_the_log_tells_a_life_from_git_azure_and_github(
    cloud: emulated.Azure, github: hosting_service.Service, here: Clone
) -> None:
    run(cloud, github, here, "request", PAGE, ORDERS, *ANSWERS, "--name", "orders-tde", "--until", _day(20))
    here.git(
        "merge", "--quiet", "--no-ff", "-m", "Merge pull request #1 from contoso/exempt/orders-tde", "exempt/orders-tde"
    )
    here.git("push", "--quiet", "origin", "HEAD:main")
    asked = here.git("rev-parse", "HEAD")
    github.merged[asked] = 1
    github.reviews = [
        {"user": {"login": "reviewer"}, "state": "APPROVED"},
        {"user": {"login": "x"}, "state": "COMMENTED"},
    ]
    of_a_run = {"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com"}
    of_a_run |= {"GITHUB_REPOSITORY": "contoso/exemptions", "GITHUB_RUN_ID": "4711"}
    exempt(cloud, "apply", "--yes", root=here.root, **of_a_run)
    run(cloud, github, here, "renew", "orders-tde", "--until", _day(40))
    here.git("merge", "--quiet", "--ff-only", github.pulls[-1]["head"])
    here.git("push", "--quiet", "origin", "HEAD:main")
    run(cloud, github, here, "retire", "orders-tde")
    here.git("merge", "--quiet", "--ff-only", github.pulls[-1]["head"])
    told = run(cloud, github, here, "log", "orders-tde").stdout
    kinds = re.findall(r"^\d{4}-\d\d-\d\d  (\w+):", told, re.MULTILINE)
    assert sorted(kinds) == ["applied", "asked", "renewed", "retired"]
    assert "in pull request 1" in told
    assert "approved by reviewer" in told
    assert f"commit {asked[:12]}" in told
    assert "Ana Test <ana@contoso.example>" in told
    assert "run https://github.com/contoso/exemptions/actions/runs/4711\n" in told
    document = json.loads(run(cloud, github, here, "log", "orders-tde", "--format", "json").stdout)
    jsonschema.validate(document, json.loads((SCHEMAS / "log.schema.json").read_text()))
    assert document["unknown"] == []
    by_kind = {event["kind"]: event for event in document["events"]}
    assert by_kind["applied"]["run"].endswith("/runs/4711")
    assert (by_kind["asked"]["pullRequest"], by_kind["asked"]["approvedBy"]) == ("1", ["reviewer"])
    nobody = {"GITHUB_TOKEN": "", "GH_TOKEN": "", "GH_CONFIG_DIR": str(here.root)}
    alone = exempt(cloud, "log", "orders-tde", "--format", "json", root=here.root, check=0, **nobody)
    assert alone.json["unknown"] == ["who approved is known from commits alone: nobody is logged in at github.com"]
    assert [event["kind"] for event in alone.json["events"]] == [event["kind"] for event in document["events"]]
    run(cloud, github, here, "apply", "--yes", "--allow-deletes", "5")
    missing = run(cloud, github, here, "log", "order-tde", check=1)
    assert "did you mean orders-tde" in missing.stderr


def _day(ahead: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + ahead * 86400))


# --- issues ------------------------------------------------------------------------------------------------------


def issue(**answers: str) -> dict[str, Any]:
    labels = {"recommendation": RECOMMENDATION, "cves": CVES, "resources": RESOURCES, "category": CATEGORY, "until": UNTIL, "owner": OWNER,
              "ticket": TICKET, "justification": JUSTIFICATION}  # fmt: skip
    usual = {
        "recommendation": PAGE,
        "resources": ORDERS,
        "category": "Risk accepted (Waiver)",
        "justification": "It retires.",
    }
    said = usual | answers
    body = "\n\n".join(f"### {label}\n\n{said.get(name) or '_No response_'}" for name, label in labels.items())
    value = {"number": 7, "title": "Exemption: ", "body": body, "user": {"login": "octo-dev"}}
    return {"action": "opened", "issue": value | {"html_url": "https://github.com/contoso/exemptions/issues/7"}}


def test_a_filled_form_becomes_a_pull_request_and_an_edit_changes_it(
    github: hosting_service.Service, here: Clone, tmp_path: Path
) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps(issue()))
    ended = run(None, github, here, "request", "--from-issue", str(event))
    assert "https://github.com/contoso/exemptions/pull/1" in ended.stdout
    assert here.git("log", "-1", "--format=%an", here.pushed("exempt/issue-7")) == "octo-dev"
    written = yaml.safe_load(here.file("exempt/issue-7", FILE))
    assert written["owner"] == "@octo-dev"
    assert "Closes #7" in github.pulls[0]["body"]
    event.write_text(json.dumps(issue(justification="It retires in May.")))
    run(None, github, here, "request", "--from-issue", str(event))
    assert yaml.safe_load(here.file("exempt/issue-7", FILE))["justification"] == "It retires in May."
    assert len(github.pulls) == 1


def test_the_answer_names_the_branch_where_no_page_is_known(github: hosting_service.Service, tmp_path: Path) -> None:
    elsewhere = clone(tmp_path, "https://git.contoso.example/team/exemptions.git")
    event = tmp_path / "event.json"
    event.write_text(json.dumps(issue()))
    answer = run(None, github, elsewhere, "request", "--from-issue", str(event)).stdout
    assert "Thank you. The branch `exempt/issue-7` is ready; a reviewer opens its pull request.\n" in answer


def test_what_is_unclear_is_answered(github: hosting_service.Service, here: Clone, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps(issue(recommendation="sql tde", resources="legacy-sql", category="")))
    ended = run(None, github, here, "request", "--from-issue", str(event), check=1)
    for words in ("sql tde", "legacy-sql", "category", "Edit the issue"):
        assert words in ended.stdout
    assert here.branches() == ["main"]


HOSTILE = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        ["$(id)", "`id`", "${{ github.token }}", "x\nadopt: true", "x # y", "*a", "!!python/object:x", "\u202e", "a\n### Owner\nb",
         "@contoso/admins", "<!-- exempt:request -->", "]](http://evil.example)", "x\n---\nname: y"]
    ),
)  # fmt: skip


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(justification=HOSTILE, owner=HOSTILE, ticket=HOSTILE, cves=st.just("") | HOSTILE)
def test_hostile_text_never_leaves_its_scalar(
    github: hosting_service.Service, here: Clone, tmp_path: Path, justification: str, owner: str, ticket: str, cves: str
) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps(issue(justification=justification, owner=owner, ticket=ticket, cves=cves)))
    env = {"EXEMPT_PULL_REQUEST_ENDPOINT": github.endpoint}
    ended = exempt(None, "request", "--dry-run", "--from-issue", str(event), root=here.root, **env)
    if ended.code == 0:
        written = yaml.safe_load(ended.stdout)
        assert written.keys() <= {"name", "recommendation", "scopes", "category", "expiresOn", "justification", "owner", "ticket", "requestedBy"}  # fmt: skip
        assert written["recommendation"] == TDE
        assert written["scopes"] == [ORDERS]
    else:
        assert ended.stdout.startswith("<!-- exempt:request -->")
        outside_of_code = re.sub(r"(`+)[^\n]*?[^`]\1(?!`)", "", ended.stdout)
        assert outside_of_code.count("<!--") == 1


@pytest.mark.parametrize(
    ("category", "says"),
    [("Risk accepted (Waiver)", "contoso/exemptions/pull/1"), ("", "--category is missing")],
)
def test_the_workflow_opens_the_pull_request_and_answers_and_runs_no_hostile_text(
    github: hosting_service.Service, here: Clone, tmp_path: Path, category: str, says: str
) -> None:
    hostile = "$(touch pwned) `touch pwned` ${{ github.token }}'; touch pwned; '"
    event = tmp_path / "event.json"
    event.write_text(json.dumps(issue(category=category, justification=hostile)))
    temp = tmp_path / "temp"
    notes = runner.fake_gh(temp)
    context = {"github.repository": "contoso/exemptions", "github.event.issue.number": "7", "github.token": SECRET}
    env = {
        "GITHUB_EVENT_PATH": str(event),
        "EXEMPT_PULL_REQUEST_ENDPOINT": github.endpoint,
        "PYTHONPATH": str(runner.CHECKOUT),
        "IDENTITY_ENDPOINT": "http://127.0.0.1:9/",
    }
    done = runner.job(runner.load("request.yml"), "request", here.root, temp, context, env).run()
    assert done.failed == (not category), done.log
    assert "--method POST repos/contoso/exemptions/issues/7/comments" in notes.read_text()
    assert says in (temp / "comment.md").read_text()
    assert len(github.pulls) == bool(category)
    if category:
        assert yaml.safe_load(here.file("exempt/issue-7", FILE))["justification"] == hostile
        assert (
            here.git("log", "-1", "--format=%an %cn", here.pushed("exempt/issue-7")) == "octo-dev github-actions[bot]"
        )
    assert not list(tmp_path.rglob("pwned"))
    assert SECRET not in done.log


def test_the_weekly_run_proposes_renewals_one_pull_request_an_owner(
    github: hosting_service.Service, full: Clone, tmp_path: Path
) -> None:
    env = {
        "EXEMPT_PULL_REQUEST_ENDPOINT": github.endpoint, "PYTHONPATH": str(runner.CHECKOUT), "IDENTITY_ENDPOINT": "http://127.0.0.1:9/",
    }  # fmt: skip
    context = {"github.repository": "contoso/exemptions", "github.token": SECRET}
    done = runner.job(runner.load("reconcile.yml"), "renew", full.root, tmp_path / "temp", context, env).run()
    assert not done.failed, done.log
    assert len(github.pulls) == 2
    assert SECRET not in done.log


# --- on a terminal -----------------------------------------------------------------------------------------------


def test_a_short_conversation(cloud: emulated.Azure, github: hosting_service.Service, here: Clone) -> None:
    env = emulated.environment(
        cloud,
        EXEMPT_PULL_REQUEST_ENDPOINT=github.endpoint,
        GITHUB_TOKEN=SECRET,
    )
    typist = Typist(here.root, env, "request")
    typist.waits_for("Recommendation (paste")
    typist.types(PAGE + "\r")
    typist.waits_for("Defender calls these unhealthy")
    typist.types(" \r")
    typist.waits_for("Category?")
    typist.types("\r")
    typist.waits_for("Until which day (at most 90 days are allowed)?")
    typist.types("\r")
    typist.waits_for("Why is this acceptable?")
    typist.types("It retires.\r")
    typist.waits_for("Who answers for the risk?")
    typist.types("\r")
    typist.waits_for("will be created in: Microsoft cloud security benchmark")
    typist.waits_for("Open the pull request?")
    typist.types("y")
    typist.waits_for("https://github.com/contoso/exemptions/pull/1")
    assert typist.ends() == 0
    assert git(here.remote, "show", f"{MINE}:{FILE}").count(ORDERS) == 1


def test_a_beginner_pastes_the_resource_first_and_a_day_that_is_too_late(
    cloud: emulated.Azure, github: hosting_service.Service, tmp_path: Path
) -> None:
    here = clone(tmp_path, rules={"maxLifetimeDays": 90, "ticketPattern": "SEC-[0-9]+", "required": ["ticket"]})
    env = emulated.environment(
        cloud,
        EXEMPT_PULL_REQUEST_ENDPOINT=github.endpoint,
        GITHUB_TOKEN=SECRET,
    )
    typist = Typist(here.root, env, "request")
    for waits_for, types in (
        ("Recommendation (paste", f"https://portal.azure.com/#@contoso.example/resource{STOCK}/overview\r"),
        ("for servers/legacy-sql/databases/stock", PAGE + "\r"),
        ("Category?", "\r"),
        ("Until which day", "\x152099-01-01\r"),
        ("is the last that is allowed", "\x15\x7f" + _day(30) + "\r"),
        ("Why is this acceptable?", "\r"),
        ("the reviewer needs a reason", "It retires.\r"),
        ("Who answers for the risk?", "\r"),
        ("Ticket (of the form SEC-[0-9]+)?", "later\r"),
        ("is required", "\x15SEC-7\r"),
        ("will be created in: ", ""),
        ("Open the pull request?", "y"),
        ("https://github.com/contoso/exemptions/pull/1", ""),
    ):
        typist.waits_for(waits_for)
        if types:
            typist.types(types)
    assert typist.ends() == 0
    (branch,) = [name for name in here.branches() if name != "main"]
    written = yaml.safe_load(here.file(branch, branch.replace("exempt/", "exemptions/") + ".yaml"))
    assert written["scopes"] == [STOCK]
    assert (str(written["expiresOn"]), written["ticket"]) == (_day(30), "SEC-7")


def test_what_was_retired_is_said_before_anything_else_is_asked(
    cloud: emulated.Azure, github: hosting_service.Service, here: Clone
) -> None:
    env = emulated.environment(cloud)
    typist = Typist(here.root, env, "request", "--recommendation", "0354476c-a12a-4fcc-a79d-f0ab7ffffdbb")
    typist.waits_for("Microsoft retired it: another recommendation took its place")
    typist.waits_for("An exemption of it would do nothing.")
    typist.types("\r")
    typist.waits_for("Recommendation (paste")
    typist.types("009678ce-adce-4c94-9cc8-cfc2bd0c6a06\r")
    typist.waits_for("Resource (paste its portal address")
    typist.types("\x03")
    assert typist.ends() == 130
