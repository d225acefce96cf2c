"""Who asked for a change and who approved it, as the commits of the main line say."""

from pathlib import Path

import pytest
from main_job import repositories as repo

from reconciler.planning.provenance import Approval
from reconciler.repository import approvals

TEST = "Test <test@contoso.example>"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Exempt it (#12)", {"pull_request": "12"}),
        ("Merged PR 34: Exempt it\n\nReviewed-by: Noor <noor@contoso.example>", {"pull_request": "34", "approvers": ("Noor <noor@contoso.example>",)}),
        ("Merge pull request #5 from contoso/ask\n\nx", {"pull_request": "5"}),
        ("Exempt it, see #12 (#13) there", {}),
        ("Exempt it\n\nApproved-by: A\napproved-by:  B \nApproved-by: A\nnot Approved-by: C", {"approvers": ("A", "B")}),
    ],
)  # fmt: skip
def test_a_commit_names_its_pull_request_and_its_approvers(
    tmp_path: Path, message: str, expected: dict[str, str]
) -> None:
    sha = repo.commit(repo.write(tmp_path, []), message)
    assert approvals(tmp_path, [sha]) == {sha: Approval(author=TEST, **expected)}


def test_a_merge_was_asked_for_by_whoever_wrote_the_branch(tmp_path: Path) -> None:
    root = repo.write(tmp_path, [])
    repo.commit(root)
    repo.git(root, "checkout", "--quiet", "-b", "ask")
    who = ("-c", "user.name=Lea\x01 (#9)", "-c", "user.email=lea@contoso.example")
    repo.git(root, *who, "commit", "--quiet", "--allow-empty", "-m", "Ask (#8)")
    repo.git(root, "checkout", "--quiet", "main")
    repo.git(root, "merge", "--quiet", "--no-ff", "-m", "Merge pull request #7 from contoso/ask", "ask")
    sha = repo.git(root, "rev-parse", "HEAD")
    assert approvals(root, [sha]) == {sha: Approval(author="Lea\x01 (#9) <lea@contoso.example>", pull_request="7")}


def test_without_git_or_commits_nobody_knows(tmp_path: Path) -> None:
    assert approvals(tmp_path, ["0" * 40]) == {}
    assert approvals(repo.write(tmp_path, []), []) == {}
