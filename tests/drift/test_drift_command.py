"""`exempt drift` as a user runs it, against the embedded Azure over the socket."""

import json
from collections import Counter

import emulated
import pytest
from jsonschema import Draft202012Validator
from main_job import repositories as repo

from reconciler.catalog.catalogue import load
from reconciler.model import arm_id
from reconciler.package_data import schema_path

TRANSFER = "Secure transfer to storage accounts should be enabled"
BACKUP = "f2f595ec-5dc6-68b4-82ef-b63563e9c610"
ONE, TWO = repo.subscription(1), repo.subscription(2)
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
DECLARED = (
    {"name": "transfer", "recommendation": TRANSFER, "scopes": [ONE, TWO], "expiresOn": "2036-03-01"},
    {"name": "backup", "recommendation": BACKUP, "scopes": [ONE]},
)


@pytest.fixture
def root(tmp_path):
    found = repo.write(tmp_path / "repository", DECLARED)
    repo.commit(found)
    return found


@pytest.fixture
def drift(exempt):
    """The report as JSON."""

    def run(azure, root, *options, check):
        return json.loads(exempt(azure, "drift", "--format", "json", *options, cwd=root, check=[check]).stdout)

    return run


def kinds(report):
    return Counter(finding["kind"] for finding in report["findings"])


def by_kind(report, kind):
    return next(finding for finding in report["findings"] if finding["kind"] == kind)


def test_a_clean_tenant_is_silent_in_every_form_and_exits_with_0(exempt, drift, root):
    said = {
        "text": "No drift. Azure matches the declarations.\n",
        "sarif": '"results": []',
    }
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        exempt(azure, "apply", "--yes", cwd=root, check=[0])
        for form, words in said.items():
            done = exempt(azure, "drift", "--format", form, cwd=root, check=[0])
            assert words in done.stdout
            assert done.stderr == ""
        report = drift(azure, root, "--fail-on", "info", check=0)
    assert report["findings"] == []
    assert report["complete"] is True


def test_healing_settles_what_it_said_and_nothing_else_changes(exempt, drift, root, tmp_path):
    approved = repo.git(root, "rev-parse", "HEAD")
    earlier = tmp_path / "earlier.json"
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        exempt(azure, "apply", "--yes", cwd=root, check=[0])
        meddle(emulated.Client(azure, emulated.PORTAL), azure)
        before = drift(azure, root, "--approved", approved, "--out", str(earlier), check=2)
        assert kinds(before) == Counter(missing=1, modified=1, uncovered=1, unmanaged=1)
        assert json.loads(earlier.read_text()) == before
        exempt(azure, "apply", "--yes", "--approved", approved, cwd=root, check=[0])
        after = drift(azure, root, "--since", str(earlier), check=2)
    promised = {finding["id"] for finding in before["findings"] if finding["healedBy"]}
    assert before["healing"] == {"command": "exempt apply --approved REVISION", "heals": 3, "refusals": []}
    assert {finding["id"] for finding in after["gone"]} == promised
    assert {finding["id"] for finding in after["findings"]} == {each["id"] for each in before["findings"]} - promised
    assert not any(finding["new"] for finding in after["findings"])


def meddle(portal, azure):
    """One deleted, one prolonged, one made by hand, one initiative more."""
    by_scope = sorted(azure.exemptions)
    backup, transfer = by_scope[0], by_scope[1]
    assert "backup" in backup
    portal.delete(backup)
    portal.put(transfer, azure.exemptions[transfer]["properties"] | {"expiresOn": "2046-01-01T00:00:00Z"})
    new = TWO + repo.ASSIGNMENTS + "nist"
    portal.put(new, {"policyDefinitionId": repo.NIST, "displayName": "NIST"})
    by_hand = {"policyAssignmentId": new, "exemptionCategory": "Waiver", "displayName": "by hand"}
    reference = load().initiative(arm_id(repo.NIST)).members[0].reference_id
    answer = portal.put(TWO + repo.EXEMPTIONS + "mine", by_hand | {"policyDefinitionReferenceIds": [reference]})
    assert answer.status == 201, answer.body


def test_a_finding_says_who_when_what_and_where(exempt, drift, root):
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        exempt(azure, "apply", "--yes", cwd=root, check=[0])
        meddle(emulated.Client(azure, emulated.PORTAL), azure)
        report = drift(azure, root, check=2)
        text = exempt(azure, "drift", "--kind", "modified,missing", cwd=root, check=[2]).stdout
    schema = json.loads(schema_path("drift").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(report)
    modified = by_kind(report, "modified")
    assert modified["severity"] == "error"
    assert modified["systemData"]["lastModifiedBy"] == emulated.PORTAL
    assert modified["changed"] == [
        {"path": "expiresOn", "declared": "2036-03-01T23:59:59Z", "live": "2046-01-01T00:00:00Z"}
    ]
    assert modified["source"] == {"file": "exemptions/transfer.yaml", "line": 6}
    assert "+expiresOn: 2046-01-01T00:00:00Z" in modified["patch"]
    assert by_kind(report, "uncovered")["evidence"]["assignedBy"] == emulated.PORTAL
    assert by_kind(report, "unmanaged")["systemData"]["createdByType"] == "User"
    assert "modified (1)" in text
    assert "missing (1)" in text
    assert "unmanaged" not in text


def test_a_patch_applies_and_makes_peace(exempt, drift, root):
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        exempt(azure, "apply", "--yes", cwd=root, check=[0])
        portal = emulated.Client(azure, emulated.PORTAL)
        for name, body in azure.exemptions.items():
            if "transfer" in name:
                portal.put(name, body["properties"] | {"expiresOn": "2046-01-01T00:00:00Z"})
        (root.parent / "it.patch").write_text(by_kind(drift(azure, root, check=2), "modified")["patch"])
        repo.git(root, "apply", str(root.parent / "it.patch"))
        assert drift(azure, root, check=0)["findings"] == []


def test_an_unread_scope_is_incomplete_and_never_0(exempt, drift, root, tmp_path):
    robot = {"objectId": "0b1ec700-0000-4000-8000-000000000009", "name": "robot"}
    seen = [{"scope": repo.ROOT, "actions": ["Microsoft.Management/*/read"]}, {"scope": ONE, "role": "Reader"}]
    tenant = repo.tenant(AT_ROOT, principals=[robot | {"roles": seen}])
    with emulated.running(tenant) as azure:
        report = drift(azure, root, "--fail-on", "never", check=1)
        only = drift(azure, root, "--kind", "duplicate", check=1)
    assert report["complete"] is False
    assert TWO in {finding["subject"] for finding in report["findings"] if finding["kind"] == "incomplete"}
    assert set(kinds(only)) == {"incomplete"}, "a filter never hides what could not be read"


def test_partial_rights_are_uncovered_and_not_promised_to_the_healing_run(exempt, drift, root):
    """The identity may exempt from the subscription's initiative, but not from the group's: the portal's own case."""
    nist = repo.assignment(ONE, "nist", repo.NIST)
    writer = ["Microsoft.Authorization/*"]
    roles = [{"scope": repo.ROOT, "role": "Reader"}, {"scope": ONE, "actions": writer}]
    robot = {"objectId": "0b1ec700-0000-4000-8000-000000000009", "name": "robot", "roles": roles}
    repo.write(root, [{"name": "transfer", "recommendation": TRANSFER, "scopes": [ONE]}])
    repo.commit(root)
    with emulated.running(repo.tenant(AT_ROOT, nist, principals=[robot])) as azure:
        exempt(azure, "apply", "--yes", cwd=root, check=[1])
        assert len(azure.exemptions) == 1
        report = drift(azure, root, check=2)
    assert kinds(report) == Counter(uncovered=1)
    finding = by_kind(report, "uncovered")
    assert finding["assignment"] == AT_ROOT["id"]
    assert f"policyAssignments/exempt/action at {repo.ROOT}" in finding["remedy"]
    assert finding["healedBy"] is None
    assert report["healing"]["heals"] == 0


def test_the_outcomes_of_an_apply_tell_what_was_refused_from_what_was_deleted(exempt, drift, root, tmp_path):
    refused = {"method": "PUT", "path": TWO + repo.EXEMPTIONS, "status": 400, "code": "TooMuch", "message": "No more."}
    outcomes = tmp_path / "outcomes.json"
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        azure.inject_faults({"faults": [refused]})
        exempt(azure, "apply", "--yes", "--out", str(outcomes), cwd=root, check=[1])
        for key in [*azure.exemptions]:
            emulated.Client(azure, emulated.PORTAL).delete(key)
        without, by_outcomes = (
            {
                (finding["declaration"], finding["subject"].partition(repo.EXEMPTIONS)[0]): finding
                for finding in findings
            }
            for options in ((), ("--outcomes", str(outcomes)))
            for findings in [drift(azure, root, *options, check=2)["findings"]]
        )
    places = [("backup", ONE), ("transfer", ONE), ("transfer", TWO)]
    assert [without[place]["cause"] for place in places] == ["not applied yet"] * 3
    assert [by_outcomes[place]["cause"] for place in places] == [
        "deleted in Azure",
        "deleted in Azure",
        "not made when it was applied",
    ]
    assert by_outcomes["transfer", TWO]["message"].endswith("; when it was applied: 400 TooMuch: No more.")


def test_a_reader_of_the_managed_group_sees_as_much_and_is_told_nothing_else(exempt, drift, root):
    robot = {
        "objectId": "0b1ec700-0000-4000-8000-000000000009",
        "name": "robot",
        "roles": [{"scope": repo.ROOT, "role": "Reader"}],
    }
    with emulated.running(repo.tenant(AT_ROOT, principals=[robot])) as azure:
        done = exempt(azure, "drift", "--format", "json", cwd=root, check=[2])
        assert done.stderr == ""
        assert kinds(json.loads(done.stdout)) == Counter(missing=3)


def test_a_recommendation_that_the_tenant_sees_otherwise_is_a_catalogue_finding(exempt, drift, root):
    other = "/providers/Microsoft.Authorization/policyDefinitions/ac7e5fc0-c029-4b12-91d4-a8500ce697f9"
    metadata = {"name": BACKUP, "properties": {"displayName": "Backup", "policyDefinitionId": other, "severity": "Low"}}
    with emulated.running(repo.tenant(AT_ROOT, assessmentMetadata=[metadata])) as azure:
        exempt(azure, "apply", "--yes", cwd=root, check=[0])
        report = drift(azure, root, check=2)
        exempt(azure, "catalog", "refresh", cwd=root, check=[0])
        assert "catalogue" not in kinds(drift(azure, root, check=2)), "the reviewed overlay says the same"
    assert kinds(report) == Counter(catalogue=1)
    finding = by_kind(report, "catalogue")
    assert (finding["declaration"], finding["severity"]) == ("backup", "warning")
    assert "exempt catalog refresh" in finding["remedy"]


def test_an_earlier_report_of_another_repository_or_no_report_is_refused(exempt, root, tmp_path):
    foreign = tmp_path / "foreign.json"
    base = {"format_version": "1.0", "tenantId": repo.TENANT, "owner": "contoso/exemptions", "findings": []}
    cases = {
        "{": "not JSON",
        "[]": "an object is expected",
        json.dumps(base | {"format_version": "2.0"}): "2.0",
        json.dumps(base | {"owner": "somebody"}): "is of owner 'somebody'",
        json.dumps(base | {"tenantId": "another"}): "is of tenant another",
        json.dumps(base | {"findings": [{"id": 1}]}): "findings[0]",
    }
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        for text, said in cases.items():
            foreign.write_text(text)
            done = exempt(azure, "drift", "--since", str(foreign), cwd=root, check=[1])
            assert said in done.stderr
            assert "Traceback" not in done.stderr
        requests = list(azure.requests)
    assert requests == [], "a wrong file is refused before Azure is asked anything"


def test_a_mistyped_option_is_1_and_says_what_there_is(exempt, root):
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        done = exempt(azure, "drift", "--kind", "mising", cwd=root, check=[1])
        assert "'mising' is no kind; one or more of missing, modified" in done.stderr
        exempt(azure, "drift", "--fail-on", "fatal", cwd=root, check=[1])


RETIRED = "0354476c-a12a-4fcc-a79d-f0ab7ffffdbb"
"""Replaced by a recommendation of another key."""


GROUPED = "1195afff-c881-495e-9bc5-1486211ae03f"
"""Became a category, which cannot stand in a list of recommendations."""


def test_a_declaration_of_a_retired_recommendation_says_what_serves_instead(exempt, drift, tmp_path):
    listed = {"name": "machines", "recommendations": [GROUPED], "scopes": [ONE]}
    root = repo.write(tmp_path / "repository", [{"name": "guests", "recommendation": RETIRED, "scopes": [ONE]}, listed])
    repo.commit(root)
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        report = drift(azure, root, "--kind", "retired,unsupported", "--base", "HEAD", check=2)
        planned = json.loads(exempt(azure, "plan", "--base", "HEAD", "--format", "json", cwd=root).stdout)
    finding, other = sorted(report["findings"], key=lambda finding: finding["declaration"])
    assert other["remedy"].startswith("delete it here, and write recommendationCategory: SoftwareUpdate")
    assert (finding["kind"], finding["severity"], finding["declaration"]) == ("retired", "warning", "guests")
    assert finding["cause"].startswith("Microsoft retired it")
    assert "009678ce-adce-4c94-9cc8-cfc2bd0c6a06" in finding["remedy"]
    assert "retired" in {found["kind"] for found in planned["findings"]}
