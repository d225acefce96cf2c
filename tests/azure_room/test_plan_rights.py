"""The portal's warning before creating, for a plan: from which assignments this identity may not exempt."""

import json

import emulated
import pytest
from main_job import repositories as repo

TRANSFER = "404c3081-a854-4457-ae30-26a93ef643f9"
PLATFORM = "/providers/Microsoft.Management/managementGroups/platform"
MCSB = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
NIST = repo.assignment(PLATFORM, "nist", repo.NIST)
ONE, TWO = repo.subscription(1), repo.subscription(2)
WRITER = "0b1ec7ed-0000-4000-8000-000000000001"
EXEMPTS = {"actions": ["Microsoft.Authorization/policyAssignments/exempt/action"], "scope": repo.ROOT}
WRITES = {"actions": ["Microsoft.Authorization/policyExemptions/*"], "scope": "/"}
READS = {"role": "Reader", "scope": "/"}


def tenant(*roles):
    content = repo.tenant(
        MCSB, NIST, principals=[{"objectId": WRITER, "name": "p", "type": "Application", "roles": roles}]
    )
    content["managementGroups"] = [{"name": "platform"}, {"name": "contoso", "parent": "platform"}]
    return content


def planned(content, root, *options):
    with emulated.running(content) as azure:
        document = json.loads(emulated.exempt(azure, "plan", "--format", "json", *options, cwd=root, check=[0]).stdout)
        text = emulated.exempt(azure, "plan", cwd=root, check=[0]).stdout
        asked = [one for one in azure.requests if "/permissions" in one.target]
    return document, [one for one in document["findings"] if "may not exempt" in one["message"]], text, asked


@pytest.fixture
def root(tmp_path):
    return repo.write(tmp_path, [{"name": "one", "policyDefinition": TRANSFER, "scopes": [ONE, TWO]}])


def test_creates_that_azure_will_refuse_are_marked_once_a_declaration_and_assignment(root):
    document, [finding], text, asked = planned(tenant(READS, WRITES, EXEMPTS), root)
    assert document["summary"]["create"] == 4, "the plan stays what is wanted"
    assert (finding["kind"], finding["severity"], finding["declaration"]) == ("uncovered", "warning", "one")
    assert finding["assignment"].lower() == NIST["id"].lower()
    assert "2 exemptions of 'one' will be refused there" in finding["message"]
    assert PLATFORM in finding["remedy"]
    assert "exempt doctor --role assignment" in finding["remedy"]
    assert "may not exempt from assignment" in text
    assert len(asked) == 2 * 2, "one request an assignment's scope, in each of the two runs"


@pytest.mark.parametrize("roles", [(READS, WRITES, EXEMPTS | {"scope": "/"}), (READS,)])
def test_whoever_may_exempt_everywhere_or_only_reads_marks_nothing(root, roles):
    assert planned(tenant(*roles), root)[1] == []


def test_a_writer_that_may_exempt_nowhere_marks_all(tmp_path):
    declared = [{"name": "one", "policyDefinition": TRANSFER, "scopes": [ONE, TWO]}]
    root = repo.write(tmp_path, declared, writers=[WRITER])
    assert len(planned(tenant(READS, WRITES), root)[1]) == 2


def test_where_nothing_is_created_nothing_is_asked(tmp_path):
    assert planned(tenant(READS), repo.write(tmp_path, []))[3] == []
