"""An exemption made in the portal and adopted in place stays ours when somebody edits it: the record of the production
run says so, since Azure then shows nothing but strangers. Without a record the mark proves nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import emulated
import jsonschema
import pytest
from cli.console import Ended, exempt
from main_job import repositories as repo

from reconciler.emulator.state.principals import PIPELINE
from reconciler.package_data import schema_path

TRANSFER = {
    "name": "transfer",
    "recommendation": "Secure transfer to storage accounts should be enabled",
    "scopes": [repo.subscription(1)],
}
REFERENCE = "secureTransferToStorageAccountMonitoring"
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
PORTAL_MADE = repo.subscription(1) + repo.EXEMPTIONS + "by-hand"
WRITERS = {"writers": [PIPELINE.object_id]}


def exempted(azure: emulated.Azure, name: str = "by-hand") -> dict[str, Any]:
    """The properties of the exemption with that name."""
    (properties,) = (body["properties"] for key, body in azure.exemptions.items() if key.lower().endswith("/" + name))
    return properties


def portal(azure: emulated.Azure) -> emulated.Client:
    return emulated.Client(azure, emulated.PORTAL)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = repo.write(tmp_path / "repository", [TRANSFER], **WRITERS)
    repo.commit(folder)
    return folder


class Production:
    """Apply as the pipeline runs it: with the newest record, leaving the next one; and the runs that read it."""

    def __init__(self, azure: emulated.Azure, root: Path, record: Path) -> None:
        self.azure, self.root, self.record = azure, root, record

    def run(self, command: str, *options: str, check: int | None = None, recorded: bool = True) -> Ended:
        record = ["--record", str(self.record)] if recorded and self.record.exists() else []
        yes = ["--yes"] if command == "apply" else []
        return exempt(self.azure, command, *yes, "--format", "json", *record, *options, root=self.root, check=check)

    def apply(self, *options: str, check: int = 0, recorded: bool = True) -> Ended:
        return self.run("apply", "--record-out", str(self.record), *options, check=check, recorded=recorded)

    @property
    def adopted(self) -> list[str]:
        document = json.loads(self.record.read_text())
        jsonschema.validate(document, json.loads(schema_path("record").read_text()))
        return document["adopted"]

    def edit(self, **changes: Any) -> None:
        answer = portal(self.azure).put(PORTAL_MADE, exempted(self.azure) | changes)
        assert answer.status in {200, 201}, answer.body


@pytest.fixture
def production(root: Path, tmp_path: Path) -> Any:
    """A production run has adopted what somebody made in the portal."""
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        body = {
            "policyAssignmentId": AT_ROOT["id"],
            "exemptionCategory": "Waiver",
            "policyDefinitionReferenceIds": [REFERENCE],
        }
        portal(azure).put(PORTAL_MADE, body)
        run = Production(azure, root, tmp_path / "record.json")
        ended = run.apply()
        assert [outcome["reason"] for outcome in ended.json["outcomes"]] == ["adopt"]
        assert run.adopted == [PORTAL_MADE.lower()]
        yield run


def test_what_was_adopted_and_edited_is_modified_and_healed(production: Production) -> None:
    approved = repo.git(production.root, "rev-parse", "HEAD")
    production.edit(exemptionCategory="Mitigated")
    report = production.run("drift", "--approved", approved, check=2).json
    assert [finding["kind"] for finding in report["findings"]] == ["modified"]
    (row,) = production.run("list").json["exemptions"]
    assert row["ownership"] == "ours"
    for recorded, state in ((True, "waiting"), (False, "held")):
        assert production.run("status", recorded=recorded).json["summary"] == {state: 1}
    ended = production.run("apply", "--approved", approved, check=0)
    assert [(outcome["status"], outcome["reason"]) for outcome in ended.json["outcomes"]] == [("done", "revert")]
    assert exempted(production.azure)["exemptionCategory"] == "Waiver"


def test_what_was_adopted_and_edited_goes_with_its_declaration(production: Production) -> None:
    production.edit(exemptionCategory="Mitigated")
    repo.write(production.root, [{**TRANSFER, "scopes": [repo.subscription(2)]}], **WRITERS)
    repo.commit(production.root, "Elsewhere")
    planned = production.run("plan", check=0).json
    assert [(change["actions"], change["reason"]) for change in planned["changes"]] == [
        (["delete"], "removed"),
        (["create"], "declared"),
    ]
    production.apply()
    assert PORTAL_MADE.lower() not in {key.lower() for key in production.azure.exemptions}
    assert production.adopted == []


def test_without_a_record_it_is_forged_and_what_the_message_proposes_frees_it(production: Production) -> None:
    production.edit(exemptionCategory="Mitigated")
    approved = repo.git(production.root, "rev-parse", "HEAD")
    ended = production.run("apply", "--approved", approved, recorded=False, check=1)
    (held,) = ended.json["held"]
    assert (held["cause"], ended.json["outcomes"]) == ("forged", [])
    assert "no record of a production run (--record) says that it was adopted" in held["message"]
    assert emulated.PORTAL in held["message"]
    assert "'adopt: true'" in held["remedy"]
    assert exempted(production.azure)["exemptionCategory"] == "Mitigated"
    # first proposal: the record
    planned = production.run("plan", check=0).json
    assert not planned["held"]
    # second proposal: adopt it anew
    repo.write(production.root, [{**TRANSFER, "adopt": True}], **WRITERS)
    repo.commit(production.root, "Adopt it")
    production.apply(recorded=False)
    assert exempted(production.azure)["exemptionCategory"] == "Waiver"
    assert production.adopted == [PORTAL_MADE.lower()]


def test_undeclared_and_without_a_record_it_stays_until_a_person_removes_it_or_declares_it(
    production: Production,
) -> None:
    production.edit(exemptionCategory="Mitigated")
    elsewhere = {**TRANSFER, "scopes": [repo.subscription(2)]}
    repo.write(production.root, [elsewhere], **WRITERS)
    repo.commit(production.root, "Elsewhere")
    report = production.run("drift", recorded=False, check=2).json
    (finding,) = (finding for finding in report["findings"] if finding["kind"] == "forged")
    assert "no record of a production run (--record) says that it was adopted" in finding["message"]
    assert "remove it in the portal" in finding["remedy"]
    production.apply(recorded=False)
    assert exempted(production.azure)["exemptionCategory"] == "Mitigated"
    assert production.adopted == [], "the proof is lost with the record"
    repo.write(production.root, [elsewhere, {**TRANSFER, "name": "anew", "adopt": True}], **WRITERS)
    repo.commit(production.root, "Declare it")
    production.apply(recorded=False)
    repo.write(production.root, [elsewhere], **WRITERS)
    repo.commit(production.root, "And retire it")
    production.apply()
    assert PORTAL_MADE.lower() not in {key.lower() for key in production.azure.exemptions}


def test_the_record_goes_on_from_run_to_run(production: Production) -> None:
    production.edit(exemptionCategory="Mitigated")
    refused = production.apply("--allow-creates", "0", "--only", "declared", check=2)
    assert refused.json["verdict"] == "awaiting approval"
    assert production.adopted == [PORTAL_MADE.lower()], "a run that leaves it out does not forget it"
    production.apply("--scope", repo.subscription(2), check=0)
    assert production.adopted == [PORTAL_MADE.lower()], "nor does one that does not look there"
    fault = {"path": repo.subscription(1), "status": 403, "code": "AuthorizationFailed", "count": None}
    production.azure.inject_faults({"faults": [fault]})
    production.apply(check=1)
    assert production.adopted == [PORTAL_MADE.lower()], "nor one that may not look there"
    production.azure.inject_faults({"faults": []})
    production.apply()
    assert exempted(production.azure)["exemptionCategory"] == "Waiver"
    portal(production.azure).delete(PORTAL_MADE)
    production.apply()
    assert production.adopted == [], "what is gone is left out, and what we made needs no record"
    assert len(production.azure.exemptions) == 1


def test_a_record_without_writers_names_what_a_run_adopted_and_no_forgery(root: Path, tmp_path: Path) -> None:
    """So that setting `writers` later loses nothing and believes no mark that was there before."""
    repo.write(root, [TRANSFER])
    repo.commit(root, "Believe all")
    mark = {"managedBy": "exempt", "owner": "contoso/exemptions", "declaration": "transfer"}
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        body = {"policyAssignmentId": AT_ROOT["id"], "exemptionCategory": "Waiver"}
        listed = {**body, "policyDefinitionReferenceIds": [REFERENCE]}
        portal(azure).put(PORTAL_MADE, listed)
        forged = repo.subscription(2) + repo.EXEMPTIONS + "forged"
        portal(azure).put(forged, {**listed, "metadata": {**mark, "target": repo.subscription(1)}})
        run = Production(azure, root, tmp_path / "record.json")
        run.apply("--only", "adopt")
        assert run.adopted == [PORTAL_MADE.lower()]


def test_healing_adopts_only_what_can_be_proven_later(production: Production) -> None:
    """What healing adopted would be in no record, so the next edit of it would make it a forgery."""
    approved = repo.git(production.root, "rev-parse", "HEAD")
    azure = production.azure
    metadata = exempted(azure)["metadata"]
    production.edit(metadata={})
    ended = production.run("apply", "--approved", approved, check=0)
    assert [outcome["reason"] for outcome in ended.json["outcomes"]] == ["adopt"], "the record names it"
    assert exempted(azure)["metadata"].keys() == metadata.keys()
    portal(azure).delete(PORTAL_MADE)
    other = repo.subscription(1) + repo.EXEMPTIONS + "another"
    body = {"policyAssignmentId": AT_ROOT["id"], "exemptionCategory": "Waiver"}
    portal(azure).put(other, {**body, "policyDefinitionReferenceIds": [REFERENCE]})
    ended = production.run("apply", "--approved", approved, check=2)
    (outcome,) = ended.json["outcomes"]
    assert (outcome["status"], outcome["reason"]) == ("awaiting approval", "adopt")
    assert "needs the record of a production run" in outcome["message"]
    assert "metadata" not in exempted(azure, "another")
    production.apply()
    assert production.adopted == [other.lower()]


@pytest.mark.parametrize("others", [0, 12])
def test_a_record_makes_nothing_else_ours(production: Production, others: int) -> None:
    """Twelve forged marks in one group, beside what was really adopted, stop nobody and are the cause of nothing."""
    body = exempted(production.azure)
    for number in range(others):
        place = f"{repo.subscription(2)}/resourceGroups/mine{repo.EXEMPTIONS}forged{number}"
        mark = {**body["metadata"], "declaration": f"gone{number}"}
        portal(production.azure).put(place, {**body, "metadata": mark})
    before = {key for key in production.azure.exemptions if "forged" in key.lower()}
    production.edit(exemptionCategory="Mitigated")
    ended = production.apply()
    assert [outcome["reason"] for outcome in ended.json["outcomes"]] == ["revert"]
    assert production.adopted == [PORTAL_MADE.lower()]
    assert {key for key in production.azure.exemptions if "forged" in key.lower()} == before


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[", b"[" * 100_000, b"null", b'{"format_version": "99.0"}',
        json.dumps({"format_version": "1.0", "tenantId": "x", "owner": "contoso/exemptions", "adopted": []}).encode(),
        json.dumps({"format_version": "1.0", "tenantId": repo.TENANT, "owner": "else", "adopted": []}).encode(),
        json.dumps({"format_version": "1.0", "tenantId": repo.TENANT, "owner": "contoso/exemptions", "adopted": [5]}).encode(),
        json.dumps({"format_version": "1.0", "tenantId": repo.TENANT, "owner": "contoso/exemptions", "adopted": ["/x"]}).encode(),
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_used_is_said_and_stops_nothing(production: Production, content: bytes) -> None:
    production.edit(exemptionCategory="Mitigated")
    production.record.write_bytes(content)
    for command in ("plan", "apply", "drift", "list"):
        ended = production.run(command)
        assert "record.json" in ended.stderr
        assert "is not used" in ended.stderr
        assert ended.stdout
    assert exempted(production.azure)["exemptionCategory"] == "Mitigated"


def test_a_record_that_is_not_there_is_a_mistake(production: Production) -> None:
    empty = production.record.parent / "empty"
    empty.mkdir()
    for path in (production.record.parent / "absent.json", empty):
        ended = production.run("plan", "--record", str(path), check=1)
        assert path.name in ended.stderr
        assert "--record-out" in ended.stderr


def test_a_former_owners_record_counts(production: Production) -> None:
    production.edit(exemptionCategory="Mitigated")
    repo.write(production.root, [TRANSFER], **WRITERS, owner="contoso/new", formerOwners=["contoso/exemptions"])
    repo.commit(production.root, "Rename")
    assert not production.run("plan", check=0).json["held"]
