"""A declared resource that does not exist: a slip where it is new, news where it was there before."""

import json

import emulated
import pytest
from main_job import repositories as repo

TRANSFER = "Secure transfer to storage accounts should be enabled"
ONE = repo.subscription(1)
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
WEB = f"{ONE}/resourceGroups/rg-web"
BLOGS = f"{WEB}/providers/Microsoft.Storage/storageAccounts/stweblogs"
TYPO = f"{WEB}/providers/Microsoft.Storage/storageAccounts/stwebblog"
TENANT = repo.tenant(AT_ROOT, resources=[BLOGS, f"{WEB}/providers/Microsoft.Storage/storageAccounts/other"])


def declared(*scopes, name="transfer"):
    return {"name": name, "recommendation": TRANSFER, "scopes": list(scopes)}


@pytest.fixture
def root(tmp_path):
    path = repo.write(tmp_path / "repository", [declared(BLOGS)])
    repo.commit(path)
    return path


def test_a_new_target_that_does_not_exist_is_an_error_that_names_what_was_meant(root):
    repo.write(root, [declared(BLOGS), declared(TYPO, name="typo")])
    repo.commit(root)
    with emulated.running(TENANT) as azure:
        done = emulated.exempt(azure, "plan", "--base", "HEAD~1", cwd=root, check=[1])
        document = json.loads(
            emulated.exempt(azure, "plan", "--base", "HEAD~1", "--format", "json", cwd=root, check=[1]).stdout
        )
    assert "exemptions/typo.yaml:4:3: scopes[0]: Azure finds no " + TYPO in done.stdout
    assert "did you mean stweblogs?" in done.stdout
    assert [held["cause"] for held in document["held"]] == ["resource-gone"]


def test_without_a_base_what_was_never_applied_is_new(root):
    repo.write(root, [declared(BLOGS), declared(TYPO, name="typo")])
    repo.commit(root)
    with emulated.running(TENANT) as azure:
        done = emulated.exempt(azure, "plan", cwd=root, check=[1])
    assert "[target-not-found]" in done.stdout


def test_a_target_that_existed_before_is_held_as_gone_and_blocks_nobody(root):
    repo.write(root, [declared(BLOGS, TYPO)])
    repo.commit(root)
    document = {**declared(BLOGS, TYPO), "justification": "Another reason."}
    repo.write(root, [document])
    repo.commit(root)
    with emulated.running(TENANT) as azure:
        done = emulated.exempt(azure, "plan", "--base", "HEAD~1", "--format", "json", cwd=root, check=[0])
        applied = emulated.exempt(azure, "apply", "--yes", "--base", "HEAD~1", "--format", "json", cwd=root)
    assert [held["cause"] for held in json.loads(done.stdout)["held"]] == ["resource-gone"]
    assert applied.returncode == 0, applied.stderr


def test_a_target_that_moves_from_one_declaration_to_another_is_not_new(root):
    repo.write(root, [declared(BLOGS), declared(TYPO, name="first")])
    repo.commit(root)
    repo.write(root, [declared(BLOGS), declared(TYPO, name="second")])
    repo.commit(root)
    with emulated.running(TENANT) as azure:
        emulated.exempt(azure, "plan", "--base", "HEAD~1", cwd=root, check=[0])


def test_a_missing_group_names_the_groups_that_are_alike(root):
    repo.write(root, [declared(BLOGS), declared(f"{ONE}/resourceGroups/rg-wbe", name="typo")])
    repo.commit(root)
    with emulated.running(TENANT) as azure:
        done = emulated.exempt(azure, "plan", "--base", "HEAD~1", cwd=root, check=[1])
    assert "did you mean rg-web?" in done.stdout


def test_drift_and_explain_name_what_was_meant_too(root):
    repo.write(root, [declared(TYPO, name="typo")])
    repo.commit(root)
    with emulated.running(TENANT) as azure:
        done = emulated.exempt(azure, "drift", "--format", "json", cwd=root, check=[2])
        explained = emulated.exempt(azure, "explain", TYPO, cwd=root, check=[0])
        undeclared = emulated.exempt(azure, "explain", TYPO + "2", cwd=root, check=[0])
        meant = emulated.exempt(azure, "explain", "--declaration", "typo", cwd=root, check=[0])
    (finding,) = json.loads(done.stdout)["findings"]
    assert finding["kind"] == "resource-gone"
    assert finding["remedy"] == (
        "did you mean stweblogs? Else git rm exemptions/typo.yaml, since it declares nothing else; or restore the resource"
    )
    assert "nothing exempts it: declaration 'typo' lists it, but is held\n" in explained.stdout
    assert meant.stdout.count("it is mistyped") == 1, "one line a cause, whatever number of assignments evaluate it"
    for answer in (explained, undeclared):
        assert "Azure finds no resource of this id" in answer.stdout
        assert f"did you mean {BLOGS}?" in answer.stdout
