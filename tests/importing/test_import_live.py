"""`exempt import live` end to end: what people made by hand becomes files, and a plan adopts it without creating anything."""

import argparse
import importlib
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import emulated
import pytest
import yaml
from cli.console import exempt
from importing.portal import (
    ACCOUNT,
    BY_APPLICATION,
    MCSB,
    NIST,
    OTHER,
    OWNERS,
    REFERENCE,
    RG,
    SUB,
    by_name,
    facts,
    live,
    references,
    run,
)
from main_job import repositories as repo

from reconciler.importing.values import ImportedFile
from reconciler.runs.new_files import write_new

ADOPTING = {"adopt", "take-over", "narrow", "duplicate"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    repo.write(tmp_path, [])
    repo.commit(tmp_path)
    return tmp_path


def assert_adopts_only(azure: emulated.Azure, root: Path) -> dict[str, Any]:
    """The plan adopts, narrows and removes duplicates; after apply the same is exempt and nothing is left to do."""
    before = facts(azure)
    plan = run(azure, root, "plan")
    assert {change["reason"] for change in plan["changes"]} <= ADOPTING
    assert not any(change["actions"] == ["create"] for change in plan["changes"])
    assert not plan["held"]
    emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
    assert facts(azure) == before
    assert run(azure, root, "plan")["changes"] == []
    return plan


def texts(root: Path) -> dict[str, dict[str, Any]]:
    return {path.stem: yaml.safe_load(path.read_text()) for path in root.glob("exemptions/imported/**/*.yaml")}


def test_one_recommendation_over_two_initiatives_and_two_scopes_is_one_declaration(root: Path) -> None:
    alike = {"displayName": "Legacy storage", "description": "Retires in 2027.", "expiresOn": "2027-03-31T23:59:59Z"}
    nist = repo.assignment(repo.ROOT, "nist", repo.NIST)
    with emulated.running(repo.tenant(MCSB, nist)) as azure:
        (in_nist,) = references(azure, nist["id"], "404c3081-a854-4457-ae30-26a93ef643f9")
        portal = emulated.Client(azure, emulated.PORTAL)
        for scope in (SUB, OTHER):
            for to, reference in ((MCSB, REFERENCE), (nist, in_nist)):
                each = repo.exemption(scope, f"made-{to['properties']['displayName']}", to["id"], [reference], **alike)
                assert portal.put(each["id"], each["properties"]).status == 201
        report = live(azure, root)
        assert [row["outcome"] for row in report["rows"]] == ["imported"] * 4
        assert texts(root) == {
            "legacy-storage": {
                "name": "legacy-storage",
                "recommendation": "1c5de8e1-f68d-6a17-e0d2-ec259c42768c",
                "scopes": [SUB, OTHER],
                "category": "Waiver",
                "expiresOn": yaml.safe_load("2027-03-31"),
                "justification": "Retires in 2027.",
                "owner": emulated.PORTAL,
                "displayName": "Legacy storage",
            }
        }
        assert (root / "exemptions/imported/several/legacy-storage.yaml").exists()
        emulated.exempt(azure, "fmt", "--check", cwd=root, check=[0])
        assert live(azure, root)["files"] == []
        assert_adopts_only(azure, root)


def test_what_misses_an_initiative_is_declared_for_its_assignment_alone(root: Path) -> None:
    made = repo.exemption(SUB, "half", MCSB["id"], [REFERENCE], displayName="Half")
    nist = repo.assignment(repo.ROOT, "nist", repo.NIST)
    with emulated.running(repo.tenant(MCSB, nist, exemptions=[made])) as azure:
        live(azure, root)
        ((_, found),) = texts(root).items()
        assert (found["policyAssignment"], found["referenceIds"]) == (MCSB["id"], [REFERENCE])
        assert_adopts_only(azure, root)


def test_several_recommendations_in_one_object_are_one_declaration_and_one_update(root: Path) -> None:
    with emulated.running(repo.tenant(MCSB)) as azure:
        portal = emulated.Client(azure, emulated.PORTAL)
        members = portal.get(repo.BENCHMARK).json["properties"]["policyDefinitions"]
        known = {each["policyDefinitionReferenceId"] for each in members}
        assert set(OWNERS) <= known
        made = repo.exemption(
            SUB, "mfa", MCSB["id"], OWNERS, displayName="Owners by the partner", description="Partner's."
        )
        portal.put(made["id"], made["properties"])
        live(azure, root)
        (found,) = texts(root).values()
        assert len(found["recommendations"]) == 2
        plan = assert_adopts_only(azure, root)
        assert [change["reason"] for change in plan["changes"]] == ["adopt"]


def test_metadata_ticket_and_requester_are_kept(root: Path) -> None:
    metadata = {
        "requestedBy": "ann@contoso.example",
        "approvedBy": "bob@contoso.example",
        "ticketRef": "SEC-7",
        "n": [1],
    }
    made = repo.exemption(SUB, "one", MCSB["id"], [REFERENCE], metadata=metadata, description="Known risk.")
    with emulated.running(repo.tenant(MCSB, exemptions=[made])) as azure:
        live(azure, root)
        (found,) = texts(root).values()
        assert (found["requestedBy"], found["ticket"]) == ("ann@contoso.example", "SEC-7")
        assert found["metadata"] == {"approvedBy": "bob@contoso.example", "ticketRef": "SEC-7", "n": [1]}
        assert_adopts_only(azure, root)
        (after,) = azure.exemptions.values()
        assert metadata.items() <= after["properties"]["metadata"].items()


def test_duplicates_are_shown_and_the_one_that_lasts_longest_is_declared(root: Path) -> None:
    made = [
        repo.exemption(SUB, "short", MCSB["id"], [REFERENCE], displayName="A", expiresOn="2027-01-31T00:00:00Z"),
        repo.exemption(SUB, "long", MCSB["id"], [REFERENCE], displayName="B", expiresOn="2027-06-30T00:00:00Z"),
    ]
    with emulated.running(repo.tenant(MCSB, exemptions=made)) as azure:
        rows = by_name(live(azure, root))
        assert (rows["long"]["outcome"], rows["short"]["outcome"]) == ("imported", "duplicate")
        assert "its end differs" in " ".join(rows["short"]["notes"])
        plan = assert_adopts_only(azure, root)
        assert sorted(change["reason"] for change in plan["changes"]) == ["adopt", "duplicate"]
        (left,) = azure.exemptions.values()
        assert left["properties"]["expiresOn"].startswith("2027-06-30T00:00:00")


def test_what_is_left_ends_no_earlier_for_what_is_imported(root: Path) -> None:
    """The middle one is left for the sake of the first, and lasts longer than the last: a second import takes both."""
    made = [
        repo.exemption(SUB, "forever", MCSB["id"], [REFERENCE]),
        repo.exemption(SUB, "middle", MCSB["id"], [REFERENCE, *OWNERS], expiresOn="2027-06-30T00:00:00Z"),
        repo.exemption(SUB, "short", MCSB["id"], OWNERS, expiresOn="2027-01-31T00:00:00Z"),
    ]
    with emulated.running(repo.tenant(MCSB, exemptions=made)) as azure:
        rows = by_name(live(azure, root, check=(1,)))
        assert {name: row["outcome"] for name, row in rows.items()} == {
            "forever": "imported", "middle": "refused", "short": "refused",
        }  # fmt: skip
        assert rows["short"]["message"].count("/policyExemptions/middle, which ends or judges otherwise") == 1
        assert_adopts_only(azure, root)
        repo.commit(root)
        assert by_name(live(azure, root))["middle"]["outcome"] == "imported"
        plan = assert_adopts_only(azure, root)
        assert sorted(change["reason"] for change in plan["changes"]) == ["adopt", "duplicate"]
        ends = {each["properties"].get("expiresOn", "")[:10] for each in azure.exemptions.values()}
        assert ends == {"", "2027-06-30"}


def test_each_that_is_not_imported_is_listed_with_the_reason(root: Path) -> None:
    application = {**repo.exemption(OTHER, "pipeline", MCSB["id"], [REFERENCE]), "systemData": BY_APPLICATION}
    made = [
        application,
        repo.exemption(SUB, "theirs", MCSB["id"], [REFERENCE], metadata={"pacOwnerId": "epac-1"}),
        repo.exemption(RG, "over", MCSB["id"], [OWNERS[0]], expiresOn="2026-01-01T00:00:00Z"),
        repo.exemption(RG, "whole", MCSB["id"]),
        repo.exemption(ACCOUNT, "dead", MCSB["id"], ["noLongerThere"]),
    ]
    with emulated.running(repo.tenant(MCSB, resources=[ACCOUNT], exemptions=made)) as azure:
        rows = by_name(live(azure, root, check=(1,)))
        assert {name: row["outcome"] for name, row in rows.items()} == {
            "pipeline": "left",
            "theirs": "left",
            "over": "left",
            "whole": "refused",
            "dead": "refused",
        }
        assert "--adopt" in rows["pipeline"]["remedy"]
        assert "--take-over epac-1" in rows["theirs"]["remedy"]
        assert "allowWholeAssignment" in rows["whole"]["message"]
        assert "noLongerThere" in rows["dead"]["message"]
        rows = by_name(live(azure, root, "--adopt", "--take-over", "epac-1", check=(1,)))
        assert (rows["pipeline"]["outcome"], rows["theirs"]["outcome"]) == ("imported", "imported")
        plan = run(azure, root, "plan")
        assert sorted(change["reason"] for change in plan["changes"]) == ["adopt", "take-over"]


def test_what_another_exempts_from_above_is_refused_and_named(root: Path) -> None:
    made = [
        repo.exemption(scope, name, MCSB["id"], [REFERENCE]) for scope, name in ((SUB, "outer"), (ACCOUNT, "inner"))
    ]
    with emulated.running(repo.tenant(MCSB, resources=[ACCOUNT], exemptions=made)) as azure:
        rows = by_name(live(azure, root, check=(1,)))
    assert {name: row["outcome"] for name, row in rows.items()} == {"outer": "imported", "inner": "refused"}
    assert rows["inner"]["message"] == f"{made[0]['id']} exempts the same at a scope that contains its own"


def test_a_dead_reference_is_dropped_and_said_and_selectors_and_groups_are_kept(root: Path) -> None:
    selector = {"name": "west", "selectors": [{"kind": "resourceLocation", "in": ["westeurope"]}]}
    made = [
        repo.exemption(SUB, "half-dead", MCSB["id"], [REFERENCE, "noLongerThere"]),
        repo.exemption(repo.ROOT, "west", MCSB["id"], [OWNERS[0]], resourceSelectors=[selector]),
    ]
    with emulated.running(repo.tenant(MCSB, exemptions=made)) as azure:
        rows = by_name(live(azure, root))
        assert "nolongerthere" in rows["half-dead"]["notes"][-1].lower()
        found = next(each for each in texts(root).values() if "resourceSelectors" in each)
        assert found["resourceSelectors"] == [selector]
        before = facts(azure)
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        assert facts(azure) == {each for each in before if each[2] != "nolongerthere"}


def test_broken_rules_are_listed_beside_and_never_satisfied(root: Path) -> None:
    repo.write(root, [], rules={"required": ["ticket"], "maxLifetimeDays": 30})
    made = repo.exemption(SUB, "one", MCSB["id"], [REFERENCE], displayName="One")
    with emulated.running(repo.tenant(MCSB, exemptions=[made])) as azure:
        report = live(azure, root, check=(1,))
        (file,) = report["files"]
        codes = {problem["code"] for problem in file["problems"]}
        assert len(codes) == 2, file["problems"]
        assert "ticket" not in yaml.safe_load(file["text"])
        invalid = emulated.exempt(azure, "validate", cwd=root, check=[1])
        assert "ticket" in invalid.stdout + invalid.stderr


def test_filters_dry_run_snapshot_and_folder(root: Path, tmp_path: Path) -> None:
    made = [
        repo.exemption(SUB, "one", MCSB["id"], [REFERENCE], displayName="Storage one"),
        repo.exemption(OTHER, "two", MCSB["id"], [REFERENCE], displayName="Storage two"),
    ]
    saved = tmp_path / "snapshot.json"
    with emulated.running(repo.tenant(MCSB, NIST, exemptions=made)) as azure:
        assert len(live(azure, root, "--dry-run")["rows"]) == 2
        assert texts(root) == {}
        for options in (["--scope", SUB], ["--title", "storage ONE"]):
            assert list(by_name(live(azure, root, "--dry-run", *options))) == ["one"]
        assert live(azure, root, "--dry-run", "--created-by", "nobody")["rows"] == []
        assert live(azure, root, "--dry-run", "--recommendation", "no such one")["rows"] == []
        assert len(live(azure, root, "--dry-run", "--assignment", "mcsb")["rows"]) == 2
        emulated.exempt(azure, "snapshot", "--out", str(saved), cwd=root, check=[0])
    done = emulated.exempt(azure, "import", "live", "--snapshot", str(saved), "--into", "portal/{category}", cwd=root)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (root / "exemptions/portal/waiver").iterdir()} == {
        "storage-one.yaml",
        "storage-two.yaml",
    }
    refused = emulated.exempt(azure, "import", "live", "--snapshot", str(saved), "--into", "../x", cwd=root, check=[1])
    assert "--into" in refused.stderr


def test_a_link_out_of_the_repository_is_not_followed_and_nothing_is_half_written(root: Path, tmp_path: Path) -> None:
    made = [repo.exemption(scope, "one", MCSB["id"], [REFERENCE], displayName=scope[-1]) for scope in (SUB, OTHER)]
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "exemptions/imported").mkdir()
    (root / "exemptions/imported/sub-2").symlink_to(outside)
    with emulated.running(repo.tenant(MCSB, exemptions=made)) as azure:
        refused = emulated.exempt(azure, "import", "live", cwd=root, check=[1])
    assert refused.stderr.splitlines()[-2:] == [
        "error: exemptions/imported/sub-2 is a symbolic link, so nothing is written below it",
        "help: name another folder: --into",
    ]
    assert list(outside.iterdir()) == []
    assert texts(root) == {}


def test_a_file_that_came_meanwhile_is_never_replaced(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was not there when the repository was read."""
    made = [repo.exemption(scope, "one", MCSB["id"], [REFERENCE], displayName=scope[-1]) for scope in (SUB, OTHER)]
    theirs = root / "exemptions/imported/sub-2/2.yaml"

    def written_meanwhile(root: Path, files: Sequence[ImportedFile]) -> None:
        theirs.parent.mkdir(parents=True)
        theirs.write_text("theirs", encoding="utf-8")
        write_new(root, files)

    monkeypatch.setattr("reconciler.runs.import_.write_new", written_meanwhile)
    with emulated.running(repo.tenant(MCSB, exemptions=made)) as azure:
        refused = exempt(azure, "import", "live", root=root, check=1)
    assert refused.stderr.splitlines()[-2:] == [
        f"error: {theirs} cannot be written: File exists; nothing was imported",
        "help: make room for it and import again",
    ]
    assert list(root.glob("exemptions/**/*.yaml")) == [theirs]
    assert theirs.read_text(encoding="utf-8") == "theirs"


def test_every_option_is_read() -> None:
    module = importlib.import_module("reconciler.cli.import")
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    (sources,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    options = {action.dest for each in sources.choices.values() for action in each._actions} - {"help", "log_file"}
    classes = [each for each in vars(module).values() if is_dataclass(each) and each.__module__ == module.__name__]
    assert options | {"source"} == {field.name for each in classes for field in fields(each)}


def test_what_is_not_imported_and_may_be_deleted_is_warned_of(root: Path) -> None:
    made = repo.exemption(SUB, "whole", MCSB["id"])
    for unmanaged, is_warned in (("report", False), ("delete", True)):
        repo.write(root, [], unmanaged=unmanaged)
        with emulated.running(repo.tenant(MCSB, exemptions=[made])) as azure:
            done = emulated.exempt(azure, "import", "live", cwd=root, check=[1])
        warning = (
            "warning: reconciler.yaml says `unmanaged: delete`: an apply may delete those of the 1 not imported that "
            "people made"
        )
        assert (warning in done.stderr.splitlines()) is is_warned
