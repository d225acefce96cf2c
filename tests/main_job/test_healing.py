"""Healing writes what a production run completed and what is still declared, and nothing else, whatever git's dates,
the marks in Azure or a branch from long ago say.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import emulated
import pytest
from cli.console import Ended, exempt
from main_job import repositories as repo

TRANSFER = {
    "name": "transfer",
    "recommendation": "Secure transfer to storage accounts should be enabled",
    "scopes": [repo.subscription(1)],
}
BACKUP = {
    "name": "backup",
    "policyDefinition": "013e242c-8828-4970-87b3-ab247555486d",
    "scopes": [repo.subscription(2)],
}
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
NIST_AT_ONE = repo.subscription(1) + repo.ASSIGNMENTS + "nist"


def completed(azure: emulated.Azure, root: Path, *options: str, check: int = 0) -> str | None:
    done = exempt(azure, "apply", "--yes", "--format", "json", *options, root=root, check=check)
    revision: str | None = done.json["revision"] if done.json["completed"] else None
    return revision


def heal(azure: emulated.Azure, root: Path, approved: str | None, check: int | None = None) -> Ended:
    assert approved
    return exempt(azure, "apply", "--yes", "--format", "json", "--approved", approved, root=root, check=check)


def declarations(azure: emulated.Azure) -> set[str]:
    return {body["properties"].get("metadata", {}).get("declaration") for body in azure.exemptions.values()}


def commit_all(root: Path, message: str, when: str) -> str:
    """A commit with a date of somebody's choosing."""
    repo.git(root, "add", "--all")
    dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
    who = [part for key in ("user.name=Test", "user.email=test@contoso.example") for part in ("-c", key)]
    subprocess.run(
        ["git", *who, "commit", "--quiet", "--message", message], cwd=root, check=True, env={**os.environ, **dates}
    )
    return repo.git(root, "rev-parse", "HEAD")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = repo.write(tmp_path / "repository", [TRANSFER])
    repo.commit(folder)
    return folder


def test_what_was_completed_is_restored_fanned_out_put_back_and_ended(root: Path) -> None:
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        approved = completed(azure, root)
        assert approved == repo.git(root, "rev-parse", "HEAD")
        portal = emulated.Client(azure, emulated.PORTAL)
        (only,) = azure.exemptions.values()
        portal.put(only["id"], only["properties"] | {"expiresOn": "2046-01-01T00:00:00Z"})
        portal.put(NIST_AT_ONE, {"policyDefinitionId": repo.NIST, "displayName": "NIST"})
        heal(azure, root, approved, check=0)
        assert len(azure.exemptions) == 2
        assert not any("expiresOn" in body["properties"] for body in azure.exemptions.values())
        portal.delete(only["id"])
        heal(azure, root, approved, check=0)
        assert len(azure.exemptions) == 2
        assert exempt(azure, "plan", "--detailed-exitcode", root=root, check=0)


def test_a_commit_with_an_old_date_behind_a_merge_is_not_healed(root: Path) -> None:
    """Committed on a branch before the initiative was assigned, merged after it: once a *fan-out*."""
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        approved = completed(azure, root)
        repo.git(root, "checkout", "--quiet", "-b", "topic")
        repo.write(root, [TRANSFER, BACKUP])
        commit_all(root, "Old", "2020-01-01T00:00:00Z")
        repo.git(root, "checkout", "--quiet", "main")
        repo.git(root, "merge", "--quiet", "--no-ff", "--no-edit", "topic")
        planned = exempt(azure, "plan", "--format", "json", root=root, check=0).json
        assert [change["declaration"] for change in planned["changes"]] == ["backup"]
        heal(azure, root, approved, check=2)
        assert declarations(azure) == {"transfer"}


def test_a_run_that_leaves_something_out_completes_nothing(root: Path, tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        exempt(azure, "plan", "--out", str(saved), root=root, check=0)
        repo.write(root, [TRANSFER, BACKUP])
        repo.commit(root)
        assert completed(azure, root, "--scope", repo.subscription(1)) is None
        assert completed(azure, root, str(saved), check=2) is None
        assert completed(azure, root, "--only", "expired", check=2) is None
        assert completed(azure, root) == repo.git(root, "rev-parse", "HEAD")
        (root / "exemptions" / "transfer.yaml").write_text((root / "exemptions" / "backup.yaml").read_text())
        repo.write(root, [BACKUP])
        assert completed(azure, root) is None, "the work tree is not what any commit holds"


def test_a_run_that_is_refused_holds_or_cannot_read_something_completes_nothing(root: Path) -> None:
    gone = {**BACKUP, "scopes": [repo.subscription(2) + "/resourceGroups/rg/providers/Microsoft.Sql/servers/none"]}
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        assert completed(azure, root, "--allow-creates", "0", check=1) is None
        repo.write(root, [TRANSFER, gone])
        repo.commit(root)
        assert completed(azure, root) is None, "the resource does not exist, so nobody saw what it comes to"


def test_a_forged_mark_heals_nothing(root: Path) -> None:
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        approved = completed(azure, root)
        repo.write(root, [TRANSFER, BACKUP])
        head = repo.commit(root)
        (ours,) = azure.exemptions.values()
        mark = {**ours["properties"]["metadata"], "declaration": "backup", "revision": head}
        group = repo.subscription(1) + "/resourceGroups/mine"
        portal = emulated.Client(azure, emulated.PORTAL)
        portal.put(group + repo.EXEMPTIONS + "forged", {**ours["properties"], "metadata": mark})
        heal(azure, root, approved)
        scopes = {body["id"].lower().split("/providers/")[0] for body in azure.exemptions.values()}
        assert repo.subscription(2) not in scopes


@pytest.mark.parametrize("retired_in_production", [True, False])
def test_a_retired_declaration_that_an_old_branch_brings_back_is_not_healed(
    root: Path, *, retired_in_production: bool
) -> None:
    repo.write(root, [TRANSFER, BACKUP])
    repo.commit(root)
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        approved = completed(azure, root)
        repo.write(root, [TRANSFER])
        repo.commit(root, "Retire")
        if retired_in_production:
            approved = completed(azure, root)
        else:  # its exemption went by hand, so that no production run had anything to do
            (backup,) = (body for body in azure.exemptions.values() if "/backup" in body["id"])
            emulated.Client(azure, emulated.PORTAL).delete(backup["id"])
        repo.write(root, [TRANSFER, BACKUP])
        repo.commit(root, "Bring it back")
        ended = heal(azure, root, approved, check=2)
        assert declarations(azure) == {"transfer"}
    if not retired_in_production:
        (waiting,) = ended.json["outcomes"]
        assert "came back" in waiting["message"]


NEVER = {"neverExempt": {"recommendations": [TRANSFER["recommendation"]]}}


@pytest.mark.parametrize(
    ("settings", "catalogue", "file"),
    [
        ({"rules": NEVER}, "", "reconciler.yaml"),
        ({"scopes": [repo.subscription(2)]}, "", "reconciler.yaml"),
        ({}, "formatVersion: '1.0'\n", "catalog.yaml"),
        ({"limits": {"deletes": 3}, "expiringDays": 9}, "", ""),
    ],
    ids=["rule", "scopes", "catalogue", "what says nothing of what is exempt"],
)
def test_settings_and_catalogue_that_were_changed_and_changed_back_await_approval(
    root: Path, settings: dict[str, Any], catalogue: str, file: str
) -> None:
    """An old branch may bring a rule's absence back as well as a declaration: a person approves that."""
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        approved = completed(azure, root)
        emulated.Client(azure, emulated.PORTAL).delete(next(iter(azure.exemptions)))
        repo.write(root, [TRANSFER], **settings)
        if catalogue:
            (root / "catalog.yaml").write_text(catalogue)
        repo.commit(root, "Change")
        repo.write(root, [TRANSFER])
        (root / "catalog.yaml").unlink(missing_ok=True)
        repo.commit(root, "Change it back")
        ended = heal(azure, root, approved, check=2 if file else 0)
        assert bool(azure.exemptions) is not bool(file)
        if file:
            (waiting,) = ended.json["outcomes"]
            assert waiting["message"] == f"{file} was changed since the approved revision, and changed back"
            heal(azure, root, completed(azure, root), check=0)
            assert azure.exemptions, "what the message proposes"


@pytest.mark.parametrize("between", [[], [{**BACKUP, "category": "Mitigated"}]])
def test_what_waits_for_its_removal_to_be_approved_is_not_deleted(root: Path, between: list[dict[str, Any]]) -> None:
    repo.write(root, [TRANSFER, BACKUP])
    repo.commit(root)
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        approved = completed(azure, root)
        if between:
            repo.write(root, [TRANSFER, *between])
            repo.commit(root, "Change it first")
        repo.write(root, [TRANSFER])
        repo.commit(root, "Retire")
        heal(azure, root, approved, check=2)
        assert declarations(azure) == {"transfer", "backup"}


def test_a_widening_that_replaces_an_old_one_deletes_nothing_before_it_is_approved(root: Path) -> None:
    """The retired one is deleted at either revision, but here its cover waits for approval."""
    narrow = {**TRANSFER, "name": "narrow", "scopes": [repo.subscription(1) + "/resourceGroups/rg"]}
    cloud = repo.tenant(AT_ROOT, resources=[repo.subscription(1) + "/resourceGroups/rg"])
    repo.write(root, [narrow])
    repo.commit(root)
    with emulated.running(cloud) as azure:
        approved = completed(azure, root)
        (ours,) = azure.exemptions.values()
        repo.write(root, [])
        retired = completed(azure, root, "--allow-deletes", "1") or repo.commit(root, "Retire")
        portal = emulated.Client(azure, emulated.PORTAL)
        portal.put(ours["id"], ours["properties"])  # somebody puts it back by hand, mark and all
        repo.write(root, [TRANSFER])
        repo.commit(root, "Widen")
        heal(azure, root, retired)
        assert ours["id"].lower() in {key.lower() for key in azure.exemptions}
        assert approved != retired


def test_without_a_record_nothing_is_healed_and_the_run_says_so(root: Path) -> None:
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        for form in ("text", "markdown", "json"):
            ended = exempt(azure, "apply", "--yes", "--approved", "", "--format", form, root=root, check=0)
            assert "Nothing is healed" in ended.stdout
        assert ended.json["completed"] is False
        assert azure.exemptions == {}
        assert len(azure.requests) == 0


@pytest.mark.parametrize("name", ["main", "HEAD", "0000000", "f" * 40, "--all", "refs/heads/main"])
def test_only_a_whole_hash_that_git_knows_is_an_approved_revision(root: Path, name: str) -> None:
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        ended = exempt(azure, "apply", "--yes", f"--approved={name}", root=root, check=1)
        assert "--approved" in ended.stderr
        assert azure.exemptions == {}


def test_a_branch_named_like_a_commit_is_not_taken_for_it(root: Path) -> None:
    repo.write(root, [TRANSFER, BACKUP])
    head = repo.commit(root)
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        approved = repo.git(root, "rev-parse", "HEAD~1")
        repo.git(root, "update-ref", f"refs/heads/{approved}", head)
        heal(azure, root, approved, check=2)
        assert declarations(azure) == {"transfer"}
