"""A root that cannot be read: that is the cause, told first, and nothing that would follow from it is stated as a fact."""

import json

import emulated
import pytest
from main_job import repositories as repo

TRANSFER = "Secure transfer to storage accounts should be enabled"
ONE = repo.subscription(1)
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
STORE = f"{ONE}/resourceGroups/rg-web/providers/Microsoft.Storage/storageAccounts/stweblogs"
OUTSIDE = "outside the scopes"
REFUSED = {
    "faults": [
        {"path": "managementGroups/contoso", "status": 403, "code": "AuthorizationFailed", "message": "no right", "count": None}
    ]
}  # fmt: skip


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """`refused(*arguments)` runs the command where the root group answers 403 to everything."""
    root = repo.write(
        tmp_path_factory.mktemp("root") / "repository",
        [{"name": "transfer", "recommendation": TRANSFER, "scopes": [ONE, STORE]}],
    )
    repo.commit(root)
    with emulated.running(repo.tenant(AT_ROOT, resources=[STORE])) as azure:
        azure.inject_faults(REFUSED)
        yield lambda *arguments: emulated.exempt(azure, *arguments, cwd=root, check=[1])


def test_a_plan_names_the_root_and_calls_nothing_outside_of_it(refused):
    done = refused("plan")
    assert "could not be read: no right" in done.stdout
    assert OUTSIDE not in done.stdout + done.stderr
    document = json.loads(refused("plan", "--format", "json").stdout)
    assert {held["cause"] for held in document["held"]} == {"unread"}


def test_drift_leads_with_what_could_not_be_read(refused):
    document = json.loads(refused("drift", "--format", "json").stdout)
    kinds = [finding["kind"] for finding in document["findings"]]
    assert kinds[0] == "incomplete"
    assert set(kinds) == {"incomplete", "held"}
    assert OUTSIDE not in json.dumps(document)


@pytest.mark.parametrize("question", [(STORE,), ("--declaration", "transfer")], ids=["resource", "declaration"])
def test_an_explanation_leads_with_it_and_fails(refused, question):
    done = refused("explain", *question)
    lines = done.stdout.splitlines()
    assert next(line for line in lines[1:] if "exemptions/" not in line).startswith("  could not be read: ")
    assert OUTSIDE not in done.stdout
    assert "nothing exempts it" not in done.stdout
    assert lines[-1] == "held  transfer: until it can be read"


def test_a_list_of_nothing_is_no_proof_that_nothing_is_exempt(refused):
    done = refused("list")
    assert done.stdout.startswith("What is exempt is not known: not everything could be read.")
    assert done.stderr.count("not read: ") == 1, "one line: one role at the group gives all that is missing"
    assert f"not read: assignments, descendants, exemptions, standard assignments at {repo.ROOT}: " in done.stderr
    assert f'--role "Reader" --scope {repo.ROOT};' in done.stderr


def test_doctor_calls_nothing_ok_that_it_could_not_see(refused):
    done = refused("doctor")
    states = {line[8:20].strip(): line[:8].strip() for line in done.stdout.splitlines() if not line.startswith(" ")}
    assert (states["reading"], states["assignments"], states["benchmark"]) == ("failed", "unknown", "unknown")
    assert "/descendants:" not in done.stdout


def test_the_remedy_names_the_group_itself(refused):
    done = refused("plan", "--format", "json")
    assert "managementGroups/contoso/descendants" not in done.stdout
