"""Twenty declarations under initiatives that cannot be read: one line a cause, with Azure's reason and a remedy that fits."""

import json

import emulated
import pytest
from main_job import repositories as repo

TRANSFER = "Secure transfer to storage accounts should be enabled"
POLICY = "/providers/Microsoft.Authorization/policyDefinitions/404c3081-a854-4457-ae30-26a93ef643f9"
ONE = repo.subscription(1)
GROUPS = [f"{ONE}/resourceGroups/rg{number}" for number in range(20)]
OWN = [f"{repo.ROOT}{repo.SETS}own{number}" for number in range(3)]
TENANT = repo.tenant(
    *(repo.assignment(repo.ROOT, name.rpartition("/")[2], name) for name in OWN),
    repo.assignment(repo.ROOT, "nist", repo.NIST),
    policySetDefinitions=[
        {
            "id": name,
            "name": name.rpartition("/")[2],
            "properties": {
                "policyType": "Custom",
                "policyDefinitions": [{"policyDefinitionId": POLICY, "policyDefinitionReferenceId": "a"}],
            },
        }
        for name in OWN
    ],
    resources=[f"{group}/providers/Microsoft.Storage/storageAccounts/x" for group in GROUPS],
)
REFUSED = {"status": 403, "code": "AuthorizationFailed", "message": "not for you", "count": None}


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    root = repo.write(
        tmp_path_factory.mktemp("root") / "repository",
        [{"name": f"d{n}", "recommendation": TRANSFER, "scopes": [group]} for n, group in enumerate(GROUPS)],
    )
    repo.commit(root)
    with emulated.running(TENANT) as azure:
        faults = [{"path": "policySetDefinitions/own", **REFUSED}, {"path": "policySetDefinitions/179d1daa", **REFUSED}]
        azure.inject_faults({"faults": faults})
        yield lambda *arguments: emulated.exempt(azure, *arguments, cwd=root, check=[1]).stdout


@pytest.mark.parametrize("command", ["plan", "drift"])
def test_each_cause_is_told_once_with_its_reason(refused, command):
    text = refused(command)
    for number in range(3):
        told = f"initiative 'own{number}' could not be read, so its reference ids are unknown: not for you"
        assert text.count(told) == 1
    assert "where it is defined" not in text, "nobody gives a right where a built-in is defined"


def test_the_json_form_has_every_line_with_the_remedy_of_what_was_not_read(refused):
    document = json.loads(refused("plan", "--format", "json"))
    assert len(document["held"]) == 4 * len(GROUPS)
    assert {held["cause"] for held in document["held"]} == {"initiative-unread"}
    remedies = {unread["remedy"] for unread in document["unread"]}
    assert {held["remedy"] for held in document["held"]} <= remedies
    (built_in,) = (remedy for remedy in remedies if "built in" in remedy)
    assert "on any managed scope" in built_in
    assert not any("Reader at /providers/Microsoft.Authorization" in remedy for remedy in remedies)


def test_an_initiative_that_is_gone_asks_for_no_right(tmp_path):
    root = repo.write(tmp_path / "repository", [{"name": "one", "recommendation": TRANSFER, "scopes": [GROUPS[0]]}])
    repo.commit(root)
    gone = {"status": 404, "code": "PolicySetDefinitionNotFound", "message": "could not be found", "count": None}
    with emulated.running(TENANT) as azure:
        azure.inject_faults({"faults": [{"path": "policySetDefinitions/own0", **gone}]})
        text = emulated.exempt(azure, "plan", cwd=root, check=[1]).stdout
    assert "no right is missing: the initiative is gone, so make it again" in " ".join(text.split())
    assert "policySetDefinitions/read" not in text
