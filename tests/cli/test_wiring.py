"""Settings, options and exits reach what they are about: each test breaks if one wire is cut."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import emulated
import pytest
from cli.console import exempt
from main_job import repositories as repo

from reconciler.declarations import same_meaning
from reconciler.documents.named_files import read_file
from reconciler.problems import UsageError
from reconciler.reports.context import Pipeline
from reconciler.repository import compare, open_work_tree
from reconciler.runs.files import require_paths, require_places
from reconciler.runs.readers import pipeline_run, report_context

ONE, TWO = repo.subscription(1), repo.subscription(2)
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
TRANSFER = "Secure transfer to storage accounts should be enabled"
REFERENCE = "secureTransferToStorageAccountMonitoring"
IN_100_DAYS = str(datetime.now(UTC).date() + timedelta(days=100))
PORTAL = {"createdBy": "somebody@contoso.example", "createdByType": "User", "createdAt": "2025-01-01T00:00:00Z"}
UNREADABLE = {"path": f"{TWO}/providers/Microsoft.Authorization/policyExemptions", "status": 403, "count": None}


def declared(name: str, *scopes: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "recommendation": TRANSFER, "scopes": list(scopes), **more}


def by_hand(scope: str, name: str, *references: str, **more: Any) -> dict[str, Any]:
    """An exemption that a person made in the portal long ago."""
    made = repo.exemption(scope, name, AT_ROOT["id"], references, displayName=name, **more)
    return {**made, "systemData": PORTAL}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repo.write(tmp_path / "repository", [declared("one", ONE), declared("two", TWO)])


@pytest.fixture
def azure() -> Iterator[emulated.Azure]:
    with emulated.running(repo.tenant(AT_ROOT)) as cloud:
        yield cloud


# --- exits -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ["plan"],
        ["plan", "--detailed-exitcode"],
        ["apply", "--yes"],
        ["drift"],
        ["drift", "--fail-on", "never"],
        ["list"],
        ["explain", TWO],
        ["explain", "--declaration", "two"],
        ["snapshot"],
    ],
    ids=" ".join,
)
def test_what_could_not_be_read_is_1(azure: emulated.Azure, root: Path, command: list[str]) -> None:
    azure.inject_faults({"faults": [UNREADABLE]})
    ended = exempt(azure, *command, root=root, check=1)
    assert TWO in ended.stdout + ended.stderr
    assert TWO not in "".join(azure.exemptions)


def test_an_invalid_repository_is_1_whatever_drift_finds(azure: emulated.Azure, root: Path) -> None:
    outside = declared("three", repo.subscription(9))
    repo.write(root, [declared("one", ONE), outside])
    assert exempt(azure, "drift", root=root).code == 1


@pytest.mark.parametrize(("option", "code"), [([], 0), (["--fail-on", "info"], 2), (["--fail-on", "error"], 0)])
def test_what_is_only_good_to_know_fails_no_drift_by_default(
    azure: emulated.Azure, root: Path, option: list[str], code: int
) -> None:
    repo.write(root, [declared("one", ONE, expiresOn=IN_100_DAYS)], expiringDays=365)
    exempt(azure, "apply", "--yes", root=root, check=0)
    ended = exempt(azure, "drift", "--format", "json", *option, root=root, check=code)
    assert {finding["severity"] for finding in ended.json["findings"]} == {"info"}


# --- options -----------------------------------------------------------------------------------------------------


def test_a_scope_narrows_plan_and_apply_to_itself(azure: emulated.Azure, root: Path) -> None:
    planned = exempt(azure, "plan", "--scope", ONE, "--format", "json", root=root, check=0).json
    assert [change["declaration"] for change in planned["changes"]] == ["one"]
    assert not any(TWO in request.target for request in azure.requests)
    exempt(azure, "apply", "--yes", root=root, check=0)
    repo.write(root, [declared("third", ONE, category="Mitigated")])
    exempt(azure, "apply", "--yes", "--scope", ONE, "--allow-deletes", "9", root=root)
    assert {body["properties"]["metadata"]["declaration"] for body in azure.exemptions.values()} == {"third", "two"}


def test_the_base_is_where_the_branch_began_and_not_the_tip(azure: emulated.Azure, tmp_path: Path) -> None:
    """The others edit a file that the branch leaves alone: to the branch it has not changed."""
    origin = repo.write(tmp_path / "origin", [declared("one", ONE), declared("two", TWO)])
    repo.commit(origin)
    clone = tmp_path / "clone"
    repo.git(tmp_path, "clone", "--quiet", str(origin), str(clone))
    expired = declared("two", TWO, expiresOn="2020-01-01")
    repo.write(origin, [declared("one", ONE), expired])
    repo.commit(origin, "Others let it end")
    repo.git(clone, "fetch", "--quiet")
    repo.write(clone, [declared("one", ONE, ticket="SEC-1"), declared("two", TWO)])
    repo.commit(clone, "Mine")
    for base in ([], ["--base", "refs/remotes/origin/main"]):
        planned = exempt(azure, "plan", "--format", "json", *base, root=clone, check=0).json
        assert [c["declaration"] for c in planned["changes"]] == ["one", "two"]
    for base in (None, "refs/remotes/origin/main"):
        assert compare(open_work_tree(clone), clone, base, same_meaning).changed == {"one"}


@pytest.mark.parametrize("command", [["plan"], ["drift"], ["list"], ["explain", ONE]], ids=" ".join)
def test_a_snapshot_of_another_tenant_is_refused(
    azure: emulated.Azure, root: Path, tmp_path: Path, command: list[str]
) -> None:
    saved = tmp_path / "snapshot.json"
    exempt(azure, "snapshot", "--out", str(saved), root=root, check=0)
    repo.write(root, [], tenantId="c0ffee00-0000-4000-8000-000000000077")
    ended = exempt(azure, *command, "--snapshot", str(saved), root=root, check=1)
    assert f"is of tenant {repo.TENANT}" in ended.stderr


def refusals(planned: dict[str, Any]) -> dict[str, str]:
    return {refusal["rule"]: refusal["accept"] for refusal in planned["refusals"]}


def test_limits_and_their_options_stop_adoptions_creates_and_deletes(root: Path) -> None:
    hand = by_hand(ONE, "by-hand", REFERENCE)
    settings = {"limits": {"adoptions": 0, "creates": 0, "deletes": 0}}
    repo.write(root, [declared("one", ONE), declared("two", TWO)], **settings)
    with emulated.running(repo.tenant(AT_ROOT, exemptions=[hand])) as azure:
        stopped = exempt(azure, "plan", "--format", "json", root=root, check=1).json
        assert refusals(stopped) == {"adoptions": "--allow-adoptions 1", "creates": "--allow-creates 1"}
        exempt(azure, "apply", "--yes", "--allow-creates", "1", root=root, check=1)
        assert len(azure.exemptions) == 1
        exempt(azure, "apply", "--yes", "--allow-creates", "1", "--allow-adoptions", "1", root=root, check=0)
        repo.write(root, [declared("one", ONE)], **settings)
        assert refusals(exempt(azure, "plan", "--format", "json", root=root, check=1).json) == {
            "deletes": "--allow-deletes 1"
        }
        exempt(azure, "apply", "--yes", "--allow-deletes", "1", root=root, check=0)
        assert len(azure.exemptions) == 1


def test_the_share_of_deletes_counts_from_ten_owned_on(root: Path) -> None:
    groups = [f"{ONE}/resourceGroups/rg{number}" for number in range(10)]
    many = [declared(f"d{number}", group) for number, group in enumerate(groups)]
    repo.write(root, many, limits={"deletesPercent": 10})
    with emulated.running(repo.tenant(AT_ROOT, resources=groups)) as azure:
        exempt(azure, "apply", "--yes", root=root, check=0)
        repo.write(root, many[:8], limits={"deletesPercent": 10})
        stopped = exempt(azure, "plan", "--format", "json", root=root, check=1).json
        assert refusals(stopped) == {"deletes-percent": "--allow-deletes 2"}
        repo.write(root, many[:8], limits={"deletesPercent": 20})
        exempt(azure, "plan", root=root, check=0)


def test_a_limit_of_deletes_is_a_number(root: Path) -> None:
    groups = [f"{ONE}/resourceGroups/rg{number}" for number in range(4)]
    few = [declared(f"d{number}", group) for number, group in enumerate(groups)]
    with emulated.running(repo.tenant(AT_ROOT, resources=groups)) as azure:
        exempt(azure, "apply", "--yes", root=repo.write(root, few), check=0)
        for left, deletes in ((1, 3), (2, 2)):
            repo.write(root, few[:left], limits={"deletes": 2})
            ended = exempt(azure, "plan", "--format", "json", root=root, check=int(deletes > 2)).json
            assert ended["summary"]["delete"] == deletes
            assert refusals(ended) == ({"deletes": "--allow-deletes 3"} if deletes > 2 else {})


def test_unmanaged_exemptions_go_only_where_settings_and_limits_say_so(root: Path) -> None:
    hands = [by_hand(ONE, f"by-hand-{number}", REFERENCE) for number in range(2)]
    with emulated.running(repo.tenant(AT_ROOT, exemptions=hands)) as azure:

        def planned(*options: str, check: int = 0, **settings: Any) -> dict[str, Any]:
            repo.write(root, [declared("two", TWO)], **settings)
            document: dict[str, Any] = exempt(azure, "plan", "--format", "json", *options, root=root, check=check).json
            return document

        assert planned()["summary"]["delete"] == 0
        assert planned(unmanaged="delete")["summary"]["delete"] == 2
        assert planned(unmanaged="delete", limits={"minAge": "5000d"})["summary"]["delete"] == 0
        assert planned(unmanaged="delete", limits={"minAge": "5000h"})["summary"]["delete"] == 2
        few = {"unmanaged": "delete", "limits": {"unmanagedDeletes": 1}}
        assert refusals(planned(check=1, **few)) == {"unmanaged": "--allow-unmanaged-deletes 2"}
        assert planned("--allow-unmanaged-deletes", "2", **few)["refusals"] == []


def test_orphans_go_only_by_their_option(root: Path) -> None:
    extra = repo.assignment(ONE, "extra", repo.BENCHMARK)
    with emulated.running(repo.tenant(AT_ROOT, extra)) as azure:
        exempt(azure, "apply", "--yes", root=root, check=0)
        emulated.Client(azure, emulated.PORTAL).delete(extra["id"])
        assert exempt(azure, "plan", "--format", "json", root=root, check=0).json["summary"]["delete"] == 0
        planned = exempt(azure, "plan", "--delete-orphans", "1", "--format", "json", root=root, check=0).json
        assert [change["reason"] for change in planned["changes"]] == ["orphan"]
        assert "orphans" in refusals(
            exempt(azure, "plan", "--delete-orphans", "0", "--format", "json", root=root, check=1).json
        )


def test_strict_refuses_beside_an_exemption_of_a_whole_assignment(root: Path) -> None:
    with emulated.running(repo.tenant(AT_ROOT, exemptions=[by_hand(ONE, "everything")])) as azure:
        exempt(azure, "plan", root=root, check=0)
        stopped = exempt(azure, "plan", "--strict", "--format", "json", root=root, check=1).json
        assert "overlap" in refusals(stopped)
        exempt(azure, "apply", "--yes", "--strict", root=root, check=1)
        assert len(azure.exemptions) == 1


def test_guards_judge_only_what_this_run_writes(azure: emulated.Azure, root: Path) -> None:
    """The deletes of the plan are over the limit; a run that may only create writes none of them."""
    repo.write(root, [declared("one", ONE)], limits={"deletes": 0})
    exempt(azure, "apply", "--yes", root=root, check=0)
    repo.write(root, [declared("two", TWO)], limits={"deletes": 0})
    exempt(azure, "plan", root=root, check=1)
    exempt(azure, "apply", "--yes", "--only", "declared", root=root, check=2)
    marks = {body["properties"]["metadata"]["declaration"] for body in azure.exemptions.values()}
    assert marks == {"one", "two"}


def test_nothing_is_promised_to_be_healed_that_a_guard_stops(azure: emulated.Azure, root: Path) -> None:
    repo.write(root, [declared("one", ONE)])
    approved = repo.commit(root)
    exempt(azure, "apply", "--yes", root=root, check=0)
    (only,) = azure.exemptions
    emulated.Client(azure, emulated.PORTAL).delete(only)
    for creates, heals in ((5, 1), (0, 0)):
        repo.write(root, [declared("one", ONE)], limits={"creates": creates})
        report = exempt(azure, "drift", "--approved", approved, "--format", "json", root=root, check=2).json
        assert report["healing"]["heals"] == heals
        assert bool(report["healing"]["refusals"]) == (creates == 0)


# --- settings and declarations -----------------------------------------------------------------------------------


def test_a_former_owner_is_ours_and_any_other_is_not(azure: emulated.Azure, root: Path) -> None:
    repo.write(root, [declared("one", ONE)], owner="contoso/before")
    exempt(azure, "apply", "--yes", root=root, check=0)
    repo.write(root, [declared("one", ONE)], owner="contoso/now")
    assert exempt(azure, "plan", "--format", "json", root=root).json["held"][0]["cause"] == "foreign-owner"
    repo.write(root, [declared("one", ONE)], owner="contoso/now", formerOwners=["contoso/before"])
    planned = exempt(azure, "plan", "--format", "json", root=root, check=0).json
    assert [change["reason"] for change in planned["changes"]] == ["rename"]


def test_take_over_and_adopt_are_what_makes_the_others_exemption_ours(root: Path) -> None:
    terraform = {**by_hand(ONE, "terraform", REFERENCE), "systemData": {**PORTAL, "createdByType": "Application"}}
    epac = by_hand(TWO, "epac", REFERENCE, metadata={"pacOwnerId": "epac-owner"})
    with emulated.running(repo.tenant(AT_ROOT, exemptions=[terraform, epac])) as azure:
        held = exempt(azure, "plan", "--format", "json", root=root).json["held"]
        assert {line["cause"] for line in held} == {"not-adoptable", "foreign-owner"}
        repo.write(root, [declared("one", ONE, adopt=True), declared("two", TWO, takeOver="epac-owner")])
        planned = exempt(azure, "plan", "--format", "json", root=root, check=0).json
        assert {change["reason"] for change in planned["changes"]} == {"adopt", "take-over"}
        repo.write(root, [declared("one", ONE, adopt=True), declared("two", TWO, takeOver="somebody-else")])
        assert exempt(azure, "plan", "--format", "json", root=root).json["held"][0]["cause"] == "foreign-owner"


def test_the_days_before_an_end_are_those_of_the_settings(azure: emulated.Azure, root: Path) -> None:
    def kinds(**settings: Any) -> set[str]:
        repo.write(root, [declared("one", ONE, expiresOn=IN_100_DAYS)], **settings)
        findings = exempt(azure, "drift", "--format", "json", root=root).json["findings"]
        return {finding["kind"] for finding in findings}

    assert "expiring" not in kinds()
    assert "expiring" in kinds(expiringDays=101)


def test_the_api_version_of_the_settings_is_the_one_of_every_request(azure: emulated.Azure, root: Path) -> None:
    repo.write(root, [declared("one", ONE)], apiVersion="2022-07-01-preview")
    exempt(azure, "apply", "--yes", root=root, check=0)
    versions = {
        request.target.partition("api-version=")[2].partition("&")[0]
        for request in azure.requests
        if "policyexemptions" in request.target.lower()
    }
    assert versions == {"2022-07-01-preview"}


def test_another_cloud_is_another_azure(azure: emulated.Azure, root: Path) -> None:
    repo.write(root, [declared("one", ONE)], cloud="AzureChinaCloud")
    ended = exempt(azure, "doctor", "--format", "json", root=root, check=1)
    assert "China" in ended.stdout + ended.stderr or "partner.microsoftonline.cn" in ended.stdout + ended.stderr


# --- files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (["plan"], "--out"),
        (["drift"], "--out"),
        (["drift"], "--sarif"),
        (["snapshot"], "--out"),
        (["apply", "--yes"], "--out"),
    ],
)
def test_a_file_is_replaced_whole_or_not_at_all(
    azure: emulated.Azure, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], option: str
) -> None:
    target = tmp_path / "folder" / "out.json"
    target.parent.mkdir()
    target.write_text("the old one")

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    ended = exempt(azure, *command, option, str(target), root=root, check=1)
    assert "No space left" in ended.stderr
    assert target.read_text() == "the old one"
    assert [path.name for path in target.parent.iterdir()] == ["out.json"]
    monkeypatch.undo()
    assert exempt(azure, *command, option, str(target), root=root).code in {0, 2}
    assert json.loads(target.read_text())


# --- where a report is read ----------------------------------------------------------------------------------------

PLACES = {
    Pipeline.GITHUB: (
        {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": "WORKSPACE"},
        {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "contoso/secure", "GITHUB_SHA": "c0ffee"},
        "https://github.com/contoso/secure/blob/c0ffee/team%20a/{file}#L{line}",
        {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "contoso/secure", "GITHUB_RUN_ID": "7"},
        "https://github.com/contoso/secure/actions/runs/7",
    ),
    Pipeline.AZURE_DEVOPS: (
        {"TF_BUILD": "True", "BUILD_SOURCESDIRECTORY": "WORKSPACE"},
        {"BUILD_REPOSITORY_URI": "https://dev.azure.com/contoso/p/_git/secure", "BUILD_SOURCEVERSION": "c0ffee"},
        "https://dev.azure.com/contoso/p/_git/secure?path=/team%20a/{file}&version=GCc0ffee&line={line}",
        {
            "SYSTEM_COLLECTIONURI": "https://dev.azure.com/contoso/",
            "SYSTEM_TEAMPROJECTID": "p",
            "BUILD_BUILDID": "7",
        },
        "https://dev.azure.com/contoso/p/_build/results?buildId=7",
    ),
    Pipeline.GITLAB: (
        {"GITLAB_CI": "true", "CI_PROJECT_DIR": "WORKSPACE"},
        {"CI_PROJECT_URL": "https://gitlab.com/contoso/secure", "CI_COMMIT_SHA": "c0ffee"},
        "https://gitlab.com/contoso/secure/-/blob/c0ffee/team%20a/{file}#L{line}",
        {"CI_PIPELINE_URL": "https://gitlab.com/contoso/secure/-/pipelines/7"},
        "https://gitlab.com/contoso/secure/-/pipelines/7",
    ),
}
"""What each pipeline says of itself, of the files it checked out and of its run, and the addresses that this makes."""


@pytest.mark.parametrize("pipeline", PLACES)
def test_a_line_and_a_run_have_addresses_in_each_pipeline(tmp_path: Path, pipeline: Pipeline) -> None:
    itself, files, line, its_run, run = PLACES[pipeline]
    itself = {name: str(tmp_path) if value == "WORKSPACE" else value for name, value in itself.items()}
    root, names = tmp_path / "team a", {"a": "b"}
    context = report_context(root, {**itself, **files}, names)
    assert (context.file_url, context.pipeline, context.names) == (line, pipeline, names)
    assert report_context(tmp_path, {**itself, **files}, {}).file_url == line.replace("team%20a/", "")
    assert report_context(tmp_path.parent, {**itself, **files}, {}).file_url == line.replace("team%20a/", "")
    assert pipeline_run({**itself, **its_run}) == run
    for name in files:
        lacking = report_context(root, {**itself, **files, name: ""}, names)
        assert (lacking.file_url, lacking.pipeline, lacking.names) == ("", pipeline, names), name
    for name in its_run:
        assert pipeline_run({**itself, **its_run, name: ""}) == "", name
    others = dict.fromkeys(itself, "false") | files | its_run
    assert report_context(root, others, names).pipeline is Pipeline.NONE
    assert pipeline_run(others) == ""


def test_in_azure_devops_only_its_own_repositories_have_addresses(tmp_path: Path) -> None:
    for address in (
        "https://github.com/contoso/secure",
        "http://dev.azure.com/c/p/_git/s",
        "https://t@dev.azure.com/c/_git/s",
    ):
        environment = {"TF_BUILD": "true", "BUILD_REPOSITORY_URI": address, "BUILD_SOURCEVERSION": "c0ffee"}
        assert report_context(tmp_path, environment, {}).file_url == ""


# --- files that a command line names -------------------------------------------------------------------------------


def test_all_paths_that_are_not_there_are_named_at_once(tmp_path: Path) -> None:
    require_paths([tmp_path])
    one, two = tmp_path / "one", tmp_path / "two"
    for paths, words, remedy in (
        ([one, tmp_path], f"'{one}'", "correct the path"),
        ([one, two], f"'{one}', '{two}'", "correct the paths"),
    ):
        with pytest.raises(UsageError) as caught:
            require_paths(paths)
        assert (str(caught.value), caught.value.remedy) == (f"there is no file or folder {words}", remedy)


def test_a_file_that_cannot_be_read_is_named_with_what_it_should_be(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for name, words in (
        ("", f"'{tmp_path}' is a folder, and no record"),
        ("loop", f"record '{tmp_path / 'loop'}' cannot be read: Too many levels of symbolic links"),
    ):
        with pytest.raises(UsageError) as caught:
            read_file(tmp_path / name, label="record", remedy="name another", limit=9)
        assert (str(caught.value), caught.value.remedy) == (words, "name another")


def test_where_nothing_can_be_written_is_said_before_anything_is_done(tmp_path: Path) -> None:
    """Above all by apply: what it did in Azure must not be lost for want of a folder."""
    root = repo.write(tmp_path / "repository", [declared("one")])
    (tmp_path / "file").touch()
    folder, file, nowhere = str(tmp_path), str(tmp_path / "file"), str(tmp_path / "none" / "out.json")
    words = [f"'{folder}' is a folder", f"there is no folder '{tmp_path / 'none'}' for 'out.json'"]
    remedy = "help: name a file in a folder that exists, where this user may write and the disk has room"
    for command in (
        ["apply", "--yes", "--out", folder, "--plan-out", nowhere],
        ["apply", "--yes", "--record-out", folder, "--snapshot-out", nowhere],
        ["plan", "--out", folder, "--record-out", nowhere],
        ["plan", "--snapshot-out", nowhere, "--out", folder],
        ["drift", "--out", folder, "--comment", nowhere],
        ["drift", "--sarif", folder, "--comment", nowhere],
    ):
        told, *more = refused(root, *command)
        assert told.startswith("error: nothing could be saved: ")
        assert all(word in told for word in words)
        assert more == [remedy]
    for command in (["snapshot", "--out", folder], ["status", "--out", folder], ["register", "--bundle", folder]):
        assert refused(root, *command) == [f"error: nothing could be saved: '{folder}' is a folder", remedy]
    for command in (["status", "--comments", file], ["register", "--out", file]):
        assert refused(root, *command) == [f"error: nothing could be saved: '{file}' is a file, and no folder", remedy]
    require_places(
        [tmp_path / "new", tmp_path / "file", Path("/dev/stdout"), None], [tmp_path / "made" / "later", None]
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_where_this_user_may_not_write_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="this user may not write"):
        require_places([tmp_path / "new"])


def test_what_is_named_and_cannot_serve_is_told_with_the_same_words(tmp_path: Path) -> None:
    root = repo.write(tmp_path / "repository", [declared("one", ONE)])
    folder = str(tmp_path)
    take = "help: name what 'exempt snapshot --out FILE' saved"
    assert refused(root, "plan", "--snapshot", folder) == [f"error: '{folder}' is a folder, and no snapshot", take]
    assert refused(root, "list", "--snapshot", f"{folder}/x") == [f"error: there is no snapshot '{folder}/x'", take]
    (tmp_path / "empty").mkdir()
    assert refused(root, "import", "epac", f"{folder}/empty") == [
        f"error: '{folder}/empty' holds no file of EPAC's (.csv, .json, .jsonc)",
        "help: correct the path",
    ]
    assert refused(root, "import", "arm", folder) == [f"error: '{folder}' is a folder", "help: name a file in it"]
    day = IN_100_DAYS
    assert refused(root, "register", "--as-of", day, "--bundle", str(tmp_path / "x.zip")) == [
        f"error: --as-of: {day} is still to come, and nobody knows what will be exempt then",
        "help: name today or an earlier day",
    ]


# --- what keeps a command from beginning ---------------------------------------------------------------------------


def refused(root: Path, *words: str) -> list[str]:
    return exempt(None, *words, root=root, check=1).stderr.splitlines()


def test_a_command_that_cannot_begin_says_why_and_what_to_do(tmp_path: Path) -> None:
    root = repo.write(tmp_path / "repository", [declared("one")])
    assert refused(root, "apply", "--approved", "c0ffee", "--expect", "x", "--yes") == [
        "error: --approved goes without PLAN, --expect and --only",
        "help: leave them out: a revision approves",
    ]
    assert refused(tmp_path / "none", "plan") == [
        f"error: --root: '{tmp_path / 'none'}' is no folder",
        "help: name the folder that holds reconciler.yaml",
    ]
    assert refused(root, "plan")[-2:] == [
        "error: 1 error in 1 file",
        "help: correct them; 'exempt validate' shows them again",
    ]
    assert refused(root, "log", "one") == [
        f"error: '{root}' is in no git repository with a commit",
        "help: run it in a clone with its history, where git is installed",
    ]


def test_a_life_that_nobody_has_seen_is_committed_first_and_a_name_of_nothing_is_looked_up(tmp_path: Path) -> None:
    root = repo.write(tmp_path / "repository", [declared("one")])
    repo.commit(root)
    repo.write(root, [declared("one"), declared("two")])
    (root / "exemptions" / "three.yml").write_text("")
    assert refused(root, "log", "two") == ["error: no commit has the declaration 'two' yet", "help: commit it first"]
    for name in ("three", "nope"):
        assert refused(root, "log", name) == [
            f"error: there is no declaration '{name}', and the history has none either",
            "help: 'exempt export' lists those that there are now, 'git log --name-status -- exemptions' those that there were",
        ]
    assert refused(root, "log", "onee")[1:] == ["help: did you mean one?"]
    repo.commit(root)
    clone = tmp_path / "clone"
    repo.git(tmp_path, "clone", "--quiet", "--depth", "1", root.as_uri(), str(clone))
    assert refused(clone, "log", "nope") == [
        "error: there is no declaration 'nope', and the history of this shallow clone has none either",
        "help: fetch the rest of it: git fetch --unshallow",
    ]


def test_a_category_is_called_the_same_by_every_command(tmp_path: Path) -> None:
    root = repo.write(tmp_path / "repository", [declared("one", ONE), declared("two", TWO, category="Mitigated")])
    repo.commit(root)
    unmanaged = by_hand(ONE, "by-hand", "storageAccountsShouldPreventSharedKeyAccessMonitoring")
    with emulated.running(repo.tenant(AT_ROOT, exemptions=[unmanaged])) as azure:
        told = {
            words: exempt(azure, *words.split(), root=root).stdout for words in ("plan", "drift", "export", "log one")
        }
        exempt(azure, "apply", "--yes", root=root, check=0)
        told |= {words: exempt(azure, *words.split(), root=root).stdout for words in (f"explain {ONE}", "list")}
    for words, text in told.items():
        assert "Risk accepted (Waiver)" in text, (words, text)
        assert "Waiver" not in text.replace("Risk accepted (Waiver)", ""), (words, text)
        assert "Mitigated" not in text.replace("Resolved through 3rd party (Mitigated)", ""), (words, text)


def test_a_file_among_declarations_belongs_to_a_repository_that_lacks_its_settings(tmp_path: Path) -> None:
    root = repo.write(tmp_path / "repository", [declared("one")])
    (root / "reconciler.yaml").unlink()
    ended = exempt(None, "validate", str(root / "exemptions" / "one.yaml"), root=tmp_path, check=1)
    assert "1 problem in other files: 'exempt validate' without PATH shows all" in ended.stderr
