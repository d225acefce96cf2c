"""`exempt list`: everything that is exempt, whoever made it, in every form."""

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import emulated
import hosting_service
import pytest
from drift.diagnosed import settled, with_one
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from main_job import repositories as repo
from planning import world

from reconciler.drift import DriftInputs, take_inventory
from reconciler.drift.inventory import Selection, select
from reconciler.model import ResourceSelector, Selector, SystemData
from reconciler.package_data import schema_path
from reconciler.planning.inputs import ResolvedDeclarations
from reconciler.planning.provenance import Approval, NoHistory
from reconciler.reports.inventory import inventory_csv, inventory_json, inventory_lines
from reconciler.reports.styled import plain

TRANSFER = "Secure transfer to storage accounts should be enabled"
REFERENCE = "secureTransferToStorageAccountMonitoring"
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
SCHEMA = json.loads(schema_path("list").read_text(encoding="utf-8"))
MINE = world.declaration("mine", expires_on=datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC))
PAST = world.live("past", world.SUB, expires_on="2026-11-18T00:00:00Z", description="Because it was old.")
THEIRS = world.live("epac", world.OTHER_SUB, metadata={"pacOwnerId": "epac-prod"})
GONE = world.assignment(world.RG, "gone", world.BENCHMARK.id)
TENANT = replace(
    with_one(settled(world.snapshot(), MINE), PAST, THEIRS, world.live("whole", world.ROOT, ()), world.live("orphan", to=GONE)),
    gone=frozenset({GONE.id.key}),
)  # fmt: skip


def listed(snapshot=TENANT, *declarations, only=None, history=NoHistory(), approvals=None, settings=world.SETTINGS):  # noqa: B008 - frozen
    inputs = DriftInputs(
        snapshot=snapshot,
        resolved=ResolvedDeclarations.of(declarations, world.CATALOGUE),
        catalogue=world.CATALOGUE,
        settings=settings,
        history=history,
        now=world.NOW,
    )
    return take_inventory(inputs, only, approvals or {})


def test_a_scope_shows_what_sits_there_and_below_and_not_what_is_inherited():
    """Azure's list of a subscription holds what is above it as well."""
    names = {entry.exemption.name.split("-")[0] for entry in listed(only=world.SUB).entries}
    assert names == {"mine", "past", "orphan"}
    assert {entry.exemption.name for entry in listed(only=world.ROOT).entries} >= {"whole", "epac"}


def test_everybodys_exemptions_are_listed_with_whose_they_are_and_whether_azure_honours_them():
    document = json.loads(inventory_json(listed()))
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(document)
    found = {
        each["name"].split("-")[0]: (each["ownership"], each["markedBy"], each["state"])
        for each in document["exemptions"]
    }
    assert found == {
        "mine": ("ours", world.SETTINGS.owner, "active"),
        "past": ("unowned", None, "expired"),
        "epac": ("foreign", "epac-prod", "active"),
        "whole": ("unowned", None, "active"),
        "orphan": ("unowned", None, "orphaned"),
    }
    assert document["summary"] == {
        "ours": 1,
        "forged": 0,
        "foreign": 1,
        "unowned": 3,
        "active": 3,
        "expired": 1,
        "orphaned": 1,
    }
    (mine,) = [each for each in document["exemptions"] if each["ownership"] == "ours"]
    assert mine["declaration"] == "mine"
    assert mine["expiresOn"] == "2027-01-31T23:59:59Z"


def test_the_text_says_what_where_until_when_why_and_by_whom():
    text = plain(inventory_lines(listed()))
    assert text.startswith("5 exemptions: 1 ours, 1 of other owners, 3 of nobody; 1 expired, 1 orphaned\n")
    for said in (
        "  unowned     past  Risk accepted (Waiver), expired 2026-11-18T00:00:00Z (2 days ago)\n",
        "  epac-prod   epac  Risk accepted (Waiver), never expires\n",
        "made by ann@contoso.example (User) on 2026-11-01\n",
        "              because: Because it was old.\n",
        "              the whole assignment\n",
        "declared by mine, which this repository does not have, made by pipeline@contoso.example (Application) on 2026-11-03\n",
        "applied on 2026-11-03 00:00 UTC at commit head\n",
        "              asked by data@contoso.example\n",
        "never expires, orphaned\n",
    ):
        assert said in text
    assert plain(inventory_lines(listed(world.snapshot()))) == "Nothing is exempt.\n"


def test_nothing_of_what_was_asked_for_is_not_nothing():
    """A filter or a scope that nothing meets says nothing of the rest."""
    everything = listed(TENANT, MINE)
    total = len(everything.entries)
    none = plain(inventory_lines(select(everything, Selection(owner="nobody at all"))))
    assert none == f"Of {total} exemptions, none is what was asked for.\n"
    some = plain(inventory_lines(select(everything, Selection(is_declared=True))))
    assert some.startswith(f"1 exemption of {total}: 1 ours")
    unread = replace(select(everything, Selection(owner="nobody at all")), complete=False)
    assert "there may be more" in plain(inventory_lines(unread))
    inherited = world.snapshot(world.live("above", world.ROOT))
    at_group = plain(inventory_lines(listed(inherited, only=world.RG)))
    assert at_group.startswith("No exemption sits at or below rg rg-data")
    assert "What sits above may reach it" in at_group


def test_what_selectors_choose_is_part_of_what_is_exempt():
    west = (ResourceSelector("west", (Selector(kind="resourceLocation", values=("westeurope",)),)),)
    found = listed(world.snapshot(world.live("x", selectors=west)))
    assert "              only resourceLocation in westeurope\n" in plain(inventory_lines(found))
    assert json.loads(inventory_json(found))["exemptions"][0]["resourceSelectors"] == "resourceLocation in westeurope"


def test_csv_has_a_row_for_each_and_the_columns_of_the_schema():
    rows = list(csv.DictReader(io.StringIO(inventory_csv(listed()), newline="")))
    assert len(rows) == 5
    assert set(rows[0]) == set(SCHEMA["$defs"]["exemption"]["properties"]) - {"id"}


@given(st.text(alphabet=st.sampled_from("=+-@\t\r\n\",;' aé\x1b\u202e"), max_size=12))
def test_no_text_breaks_a_cell_or_runs_in_a_spreadsheet(text):
    live = world.live("x", display_name=text, description=text)
    (row,) = csv.DictReader(io.StringIO(inventory_csv(listed(world.snapshot(live))), newline=""))
    for cell in (row["displayName"], row["description"]):
        assert cell.isprintable()
        assert not cell.lstrip().startswith(("=", "+", "-", "@"))


def test_who_answers_asked_and_approved_is_told_as_far_as_the_repository_knows():
    approval = Approval(author="Lea <lea@contoso.example>", pull_request="12", approvers=("Noor",))
    file = MINE.source.file
    found = listed(
        TENANT, MINE, history=world.Git(asked_by="lea@contoso.example"), approvals={f"sha of {file}": approval}
    )
    (mine,) = [entry for entry in json.loads(inventory_json(found))["exemptions"] if entry["declared"]]
    expected = {
        "owner": "data@contoso.example",
        "requestedBy": "lea@contoso.example",
        "pullRequest": "12",
        "approvedBy": ["Noor"],
    }
    assert {name: mine[name] for name in expected} == expected
    text = plain(inventory_lines(found))
    assert "owner data@contoso.example, asked by lea@contoso.example, approved by Noor, pull request 12\n" in text


NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        ({}, {"mine", "past", "epac", "whole", "orphan"}),
        ({"owner": "DATA@contoso"}, {"mine"}),
        ({"owner": "epac"}, {"epac"}),
        ({"category": "mitigated"}, set()),
        ({"expires_before": NEW_YEAR}, {"past"}),
        ({"never_ends": True}, {"epac", "whole", "orphan"}),
        ({"is_declared": True}, {"mine"}),
        ({"is_declared": False, "never_ends": False, "expires_before": NEW_YEAR}, {"past"}),
        ({"recommendation": "refa", "is_declared": True}, {"mine"}),
        ({"severity": "High"}, set()),
    ],
)
def test_an_auditor_asks_for_some_of_them(selection, names):
    found = select(listed(TENANT, MINE), Selection(**selection))
    assert {entry.exemption.name.split("-")[0] for entry in found.entries} == names


@pytest.mark.parametrize("form", ["text", "json", "csv"])
def test_the_command_reads_azure_and_never_claims_to_be_whole_when_it_is_not(exempt, tmp_path, form):
    root = repo.write(tmp_path, [])
    live = repo.exemption(repo.subscription(1), "mine", AT_ROOT["id"], ["secureTransferToStorageAccountMonitoring"])
    roles = [
        {"scope": repo.ROOT, "actions": ["Microsoft.Management/*/read"]},
        {"scope": repo.subscription(1), "role": "Reader"},
    ]
    robot = {"objectId": "0b1ec700-0000-4000-8000-000000000009", "name": "robot", "roles": roles}
    for principals, code in (([], 0), ([robot], 1)):
        with emulated.running(repo.tenant(AT_ROOT, exemptions=[live], principals=principals)) as azure:
            done = exempt(azure, "list", "--format", form, cwd=root, check=[code])
        assert "mine" in done.stdout
        assert bool(code) is ("not read: " in done.stderr)
        if form != "csv" and not code:
            assert "Secure transfer to storage accounts should be enabled" in done.stdout


def test_the_command_answers_from_the_history_and_without_any_repository(exempt, tmp_path):
    root = repo.write(
        tmp_path / "repository", [{"name": "old", "recommendation": TRANSFER, "scopes": [repo.subscription(2)]}]
    )
    repo.commit(root, "Start")
    repo.git(root, "checkout", "--quiet", "-b", "ask")
    transfer = {
        "name": "asked",
        "recommendation": TRANSFER,
        "scopes": [repo.subscription(1)],
        "owner": "risk@contoso.example",
    }
    repo.write(root, [{"name": "old", "recommendation": TRANSFER, "scopes": [repo.subscription(2)]}, transfer])
    repo.commit(root, "Ask for it")
    repo.git(root, "checkout", "--quiet", "main")
    message = "Merge pull request #7 from contoso/ask\n\nExempt it\n\nApproved-by: Noor <noor@contoso.example>"
    repo.git(root, "merge", "--quiet", "--no-ff", "-m", message, "ask")
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        exempt(azure, "apply", "--yes", cwd=root, check=[0])
        options = ["--format", "json", "--severity", "High", "--owner", "risk@"]
        (entry,) = json.loads(exempt(azure, "list", *options, cwd=root, check=[0]).stdout)["exemptions"]
        expected = {"declaration": "asked", "pullRequest": "7", "approvedBy": ["Noor <noor@contoso.example>"],
            "requestedBy": "test@contoso.example", "commit": repo.git(root, "rev-parse", "HEAD")}  # fmt: skip
        assert {name: entry[name] for name in expected} == expected
        elsewhere = tmp_path / "empty"
        elsewhere.mkdir()
        bare = ["list", "--tenant", repo.TENANT, "--scope", repo.ROOT, "--format", "csv"]
        rows = list(csv.DictReader(io.StringIO(exempt(azure, *bare, cwd=elsewhere, check=[0]).stdout)))
        assert [(row["markedBy"], row["owner"], row["requestedBy"], row["declared"]) for row in rows] == [
            ("contoso/exemptions", "", "test@contoso.example", "no"),
            ("contoso/exemptions", "", "test@contoso.example", "no"),
        ]
        assert "is no tenant id" in exempt(azure, "list", "--tenant", "contoso", cwd=elsewhere, check=[1]).stderr
        refused = exempt(azure, "list", "--silenced", "--format", "csv", cwd=root, check=[1])
        assert "--silenced counts what is no exemption, which has no place in a CSV" in refused.stderr


def test_which_run_applied_it_and_who_approved_on_github(tmp_path):
    declared = {"name": "asked", "recommendation": TRANSFER, "scopes": [repo.subscription(1)]}
    root = repo.write(tmp_path, [declared])
    head = repo.commit(root, "Squashed (#12)")
    repo.git(root, "remote", "add", "origin", "https://github.com/contoso/exemptions.git")
    run = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "contoso/exemptions",
        "GITHUB_RUN_ID": "4711",
    }
    with hosting_service.running() as github, emulated.running(repo.tenant(AT_ROOT)) as azure:
        github.merged = {head: 12}
        github.reviews = [
            {"state": "APPROVED", "user": {"login": "noor"}},
            {"state": "APPROVED", "user": {"login": "kim"}},
            {"state": "CHANGES_REQUESTED", "user": {"login": "kim"}},
        ]
        token = {"EXEMPT_PULL_REQUEST_ENDPOINT": github.endpoint, "GITHUB_TOKEN": "ghp_planted"}
        emulated.exempt(azure, "snapshot", "--out", "before.json", cwd=root, check=[0])
        emulated.exempt(azure, "plan", "--snapshot", "before.json", "--out", "plan.json", cwd=root, check=[0])
        emulated.exempt(azure, "apply", "plan.json", "--yes", "--out", "outcomes.json", cwd=root, check=[0], **run)
        emulated.exempt(azure, "plan", "--detailed-exitcode", cwd=root, check=[0])
        emulated.exempt(azure, "plan", "--detailed-exitcode", cwd=root, check=[0], **(run | {"GITHUB_RUN_ID": "9"}))
        emulated.exempt(azure, "snapshot", "--out", "after.json", cwd=root, check=[0])
        proof = ["--snapshot", "before.json", "--outcomes", "outcomes.json", "--after", "after.json"]
        emulated.exempt(azure, "verify", "plan.json", *proof, cwd=root, check=[0])
        done = emulated.exempt(azure, "list", "--format", "json", cwd=root, check=[0], **run, **token)
        (entry,) = json.loads(done.stdout)["exemptions"]
        assert entry["run"] == "https://github.com/contoso/exemptions/actions/runs/4711"
        assert (entry["pullRequest"], entry["approvedBy"]) == ("12", ["noor"])
        assert entry["appliedAt"] == entry["lastModifiedAt"]
        text = emulated.exempt(azure, "list", cwd=root, check=[0], **run, **token).stdout
        assert re.search(
            f"applied on [-0-9]+ [0-9:]+ UTC at commit {head[:12]} by https://.*/actions/runs/4711\n", text
        )
        github.refuses = 403
        done = emulated.exempt(azure, "list", "--format", "json", cwd=root, check=[0], **run, **token)
        assert json.loads(done.stdout)["exemptions"][0]["approvedBy"] == []
        assert "who approved is known from the history alone: " in done.stderr
        assert "ghp_planted" not in done.stdout + done.stderr


def test_votes_in_azure_devops_are_approvals(tmp_path):
    declared = {"name": "asked", "recommendation": TRANSFER, "scopes": [repo.subscription(1)]}
    root = repo.write(tmp_path, [declared])
    head = repo.commit(root, "Merged PR 12: Exempt it")
    repo.git(root, "remote", "add", "origin", "https://dev.azure.com/contoso/policy/_git/exemptions")
    votes = {"noor": 10, "kim": 5, "lea": 0, "ana": -5, "tom": -10}
    with hosting_service.running() as service, emulated.running(repo.tenant(AT_ROOT)) as azure:
        service.merged = {head: 12}
        service.reviews = [{"uniqueName": f"{name}@contoso.example", "vote": vote} for name, vote in votes.items()]
        service.reviews.append({"displayName": "[policy]\\Approvers", "vote": 10, "isContainer": True})
        token = {"EXEMPT_PULL_REQUEST_ENDPOINT": service.endpoint, "SYSTEM_ACCESSTOKEN": "planted"}
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        done = emulated.exempt(azure, "list", "--format", "json", cwd=root, check=[0], **token)
        (entry,) = json.loads(done.stdout)["exemptions"]
        approvers = ["noor@contoso.example", "kim@contoso.example"]
        assert (entry["pullRequest"], entry["approvedBy"]) == ("12", approvers)
        assert [call.path for call in service.calls] == [
            "/contoso/policy/_apis/git/repositories/exemptions/pullrequestquery",
            "/contoso/policy/_apis/git/repositories/exemptions/pullRequests/12/reviewers",
        ]
        assert {call.authorization for call in service.calls} == {"Bearer planted"}
        text = emulated.exempt(azure, "log", "asked", cwd=root, check=[0], **token).stdout
        assert all(name in text.replace("\n", " ") for name in approvers)
        service.completes = "abandoned"
        done = emulated.exempt(azure, "list", "--format", "json", cwd=root, check=[0], **token)
        assert json.loads(done.stdout)["exemptions"][0]["approvedBy"] == []
        service.merged = {}
        done = emulated.exempt(azure, "list", "--format", "json", cwd=root, check=[0], **token)
        assert json.loads(done.stdout)["exemptions"][0]["approvedBy"] == []
        service.refuses = 401
        done = emulated.exempt(azure, "list", cwd=root, check=[0], **token)
        assert "who approved is known from the history alone: " in done.stderr
        assert "planted" not in done.stdout + done.stderr


def test_what_somebody_else_wrote_last_was_not_applied_then():
    system = SystemData(created_by="w1", last_modified_by="ann@contoso.example", last_modified_at=world.NOW)
    (mine,) = settled(world.snapshot(), MINE).exemptions
    snapshot = replace(TENANT, exemptions=(replace(mine, system=system),))
    assert listed(snapshot).entries[0].applied_at == world.NOW
    settings = replace(world.SETTINGS, writers=frozenset({"w1"}))
    assert listed(snapshot, settings=settings).entries[0].applied_at is None


def test_whether_each_is_in_force_is_asked_of_defender(exempt, tmp_path):
    declared = {"name": "asked", "recommendation": TRANSFER, "scopes": [repo.subscription(1)]}
    root = repo.write(tmp_path, [declared])
    by_hand = repo.exemption(repo.subscription(2), "by-hand", AT_ROOT["id"], [REFERENCE])
    with emulated.running(repo.tenant(AT_ROOT, exemptions=[by_hand])) as azure:
        exempt(azure, "apply", "--yes", cwd=root, check=[0])
        earlier = len(azure.requests)
        rows = json.loads(exempt(azure, "list", "--in-force", "--format", "json", cwd=root, check=[0]).stdout)
        lists = [
            request.target for request in azure.requests[earlier:] if "/policyexemptions?" in request.target.lower()
        ]
        assert len(lists) == len(set(lists)) == 3, "Azure is read once"
        in_force = {row["declaration"]: row["inForce"] for row in rows["exemptions"]}
        statuses = json.loads(exempt(azure, "status", "--format", "json", cwd=root).stdout)["declarations"]
        assert in_force == {"asked": statuses[0]["state"], None: None}
        assert f"in Defender: {statuses[0]['state']}\n" in exempt(azure, "list", "--in-force", cwd=root).stdout
        azure.inject_faults(
            {
                "faults": [
                    {"path": "Microsoft.ResourceGraph", "status": 403, "code": "AuthorizationFailed", "count": None}
                ]
            }
        )
        done = exempt(azure, "list", "--in-force", cwd=root, check=[0])
        assert "what is in force is not known" in done.stderr
        assert "in Defender" not in done.stdout
        assert (
            "leave out --tenant"
            in exempt(azure, "list", "--in-force", "--tenant", repo.TENANT, cwd=root, check=[1]).stderr
        )
