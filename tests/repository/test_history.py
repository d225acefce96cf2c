"""Provenance and the base comparison, on real repositories made with git itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from reconciler.declarations import same_meaning
from reconciler.problems import ReconcilerError
from reconciler.repository import compare, open_work_tree, read
from reconciler.repository.work_tree import no_history

FILE = "exemptions/a.yaml"
TEXT = """\
name: a
recommendation: 651967bf-044e-4bde-8376-3e08e0600105
scopes:
  - /subscriptions/6f0e1111-2222-4333-8444-555566667777
category: Waiver
justification: It retires.
owner: data-platform@contoso.example
"""


def changed_since(root, *options):
    return compare(open_work_tree(root), root, *options).changed


class Git:
    """A work tree that is driven as a person would drive it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.minute = 0
        root.mkdir(parents=True, exist_ok=True)

    def __call__(self, *arguments: str) -> str:
        self.minute += 1
        when = f"2026-11-20T10:{self.minute % 60:02}:00+00:00"
        environment = {
            **os.environ,
            "GIT_AUTHOR_DATE": when,
            "GIT_COMMITTER_DATE": when,
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
        identity = ["-c", "user.name=Anna", "-c", "user.email=anna@contoso.example", "-c", "protocol.file.allow=always"]
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=self.root, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, name: str, text: str = TEXT) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, message: str = "change") -> str:
        self("add", "--all")
        self("commit", "--quiet", "--allow-empty", "-m", message)
        return self("rev-parse", "HEAD")


@pytest.fixture
def git(tmp_path: Path) -> Git:
    found = Git(tmp_path / "repo")
    found("init", "--quiet", "--initial-branch=main")
    return found


def with_remote(git: Git) -> None:
    """As after a clone: the remote's default branch is where we are now."""
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")


# --- provenance --------------------------------------------------------------------------------------------------


def test_without_git_there_is_no_history(tmp_path: Path) -> None:
    history = read(open_work_tree(tmp_path))
    assert (history.head, history.dirty, history.last_commit(FILE)) == (None, False, None)
    assert not history.contains("a", "a")


def test_without_a_commit_there_is_no_history(git: Git) -> None:
    assert read(open_work_tree(git.root)).head is None
    assert changed_since(git.root) is None


def test_each_file_has_its_last_commit(git: Git) -> None:
    git.write(FILE)
    first = git.commit()
    git.write("exemptions/deep/er/b.yaml")
    second = git.commit()
    git.write("README.md", "x")
    third = git.commit()
    history = read(open_work_tree(git.root))
    assert history.head == third
    assert history.last_commit(FILE).sha == first
    assert history.last_commit("exemptions/deep/er/b.yaml").sha == second
    assert history.last_commit(FILE).when.isoformat() == "2026-11-20T10:03:00+00:00"
    assert history.last_commit("exemptions/none.yaml") is None


def test_a_moved_file_keeps_the_commit_that_changed_it(git: Git) -> None:
    git.write(FILE)
    first = git.commit()
    git("mv", FILE, "exemptions/b.yaml")
    git.commit()
    (git.root / "exemptions/team").mkdir()
    git("mv", "exemptions/b.yaml", "exemptions/team/a.yaml")
    git.commit()
    assert read(open_work_tree(git.root)).last_commit("exemptions/team/a.yaml").sha == first


def test_a_moved_and_edited_file_has_the_edit(git: Git) -> None:
    git.write(FILE)
    git.commit()
    git("mv", FILE, "exemptions/b.yaml")
    git.write("exemptions/b.yaml", TEXT + "ticket: SEC-1\n")
    second = git.commit()
    assert read(open_work_tree(git.root)).last_commit("exemptions/b.yaml").sha == second


def test_a_name_that_was_used_before_does_not_inherit(git: Git) -> None:
    git.write(FILE)
    first = git.commit()
    git("mv", FILE, "exemptions/b.yaml")
    git.commit()
    git.write(FILE, TEXT + "ticket: SEC-2\n")
    third = git.commit()
    history = read(open_work_tree(git.root))
    assert history.last_commit("exemptions/b.yaml").sha == first
    assert history.last_commit(FILE).sha == third


def test_a_file_that_came_back_has_the_commit_that_brought_it(git: Git) -> None:
    git.write(FILE)
    git.commit()
    git("rm", "--quiet", FILE)
    git.commit()
    assert read(open_work_tree(git.root)).last_commit(FILE) is None
    git.write(FILE)
    third = git.commit()
    assert read(open_work_tree(git.root)).last_commit(FILE).sha == third


def test_a_change_made_on_a_branch_counts_from_the_merge_that_brought_it(git: Git) -> None:
    git.write(FILE)
    git.commit()
    git("checkout", "--quiet", "-b", "topic")
    git.write(FILE, TEXT + "ticket: SEC-3\n")
    git.commit()
    git("checkout", "--quiet", "main")
    git.write("exemptions/b.yaml")
    git.commit()
    git("merge", "--quiet", "--no-ff", "--no-edit", "topic")
    merge = git("rev-parse", "HEAD")
    assert read(open_work_tree(git.root)).last_commit(FILE).sha == merge


def test_a_merge_that_settles_a_conflict_is_a_change(git: Git) -> None:
    git.write(FILE)
    git.commit()
    git("checkout", "--quiet", "-b", "topic")
    git.write(FILE, TEXT + "ticket: SEC-4\n")
    git.commit()
    git("checkout", "--quiet", "main")
    git.write(FILE, TEXT + "ticket: SEC-5\n")
    git.commit()
    with pytest.raises(subprocess.CalledProcessError):
        git("merge", "--quiet", "--no-edit", "topic")
    git.write(FILE, TEXT + "ticket: SEC-6\n")
    merged = git.commit("settled")
    assert read(open_work_tree(git.root)).last_commit(FILE).sha == merged


def test_contains_follows_the_graph(git: Git) -> None:
    git.write(FILE)
    first = git.commit()
    git("checkout", "--quiet", "-b", "topic")
    side = git.commit("side")
    git("checkout", "--quiet", "main")
    second = git.commit("second")
    history = read(open_work_tree(git.root))
    assert history.contains(second, first)
    assert history.contains(first, first)
    assert not history.contains(first, second)
    assert not history.contains(second, side)
    assert not history.contains("f" * 40, first)
    assert not history.contains(first, "f" * 40)


def test_a_shallow_clone_does_not_guess(git: Git, tmp_path: Path) -> None:
    git.write(FILE)
    git.commit()
    git.write("exemptions/b.yaml")
    git.commit()
    clone = Git(tmp_path)
    clone("clone", "--quiet", "--depth", "1", git.root.as_uri(), "clone")
    history = read(open_work_tree(tmp_path / "clone"))
    assert history.head is not None
    assert history.last_commit(FILE) is None


@pytest.mark.parametrize("name", [FILE, "exemptions/new.yaml", "reconciler.yaml", "catalog.yaml"])
def test_what_is_not_committed_makes_the_tree_dirty(git: Git, name: str) -> None:
    git.write(FILE)
    git.commit()
    assert not read(open_work_tree(git.root)).dirty
    git.write(name, "changed")
    assert read(open_work_tree(git.root)).dirty


def test_other_files_do_not_make_it_dirty(git: Git) -> None:
    git.write(FILE)
    git.commit()
    git.write("notes.txt", "x")
    assert not read(open_work_tree(git.root)).dirty


def test_a_repository_of_exemptions_may_lie_inside_another(git: Git) -> None:
    git.write("azure/policy/exemptions/a.yaml")
    first = git.commit()
    git.write("exemptions/a.yaml")
    git.commit()
    root = git.root / "azure" / "policy"
    assert read(open_work_tree(root)).last_commit(FILE).sha == first
    assert changed_since(root, "HEAD~1") == frozenset()


@pytest.mark.parametrize(
    "setting", ["log.showSignature=true", "color.ui=always", "diff.renames=false", "core.quotePath=true", "log.follow=true", "diff.noprefix=true", "diff.relative=true"]
)  # fmt: skip
def test_no_configuration_bends_the_answers(git: Git, setting: str) -> None:
    git.write("exemptions/ä.yaml")
    first = git.commit()
    git("mv", "exemptions/ä.yaml", "exemptions/ö.yaml")
    git.commit()
    git("config", *setting.split("=", 1))
    assert read(open_work_tree(git.root)).last_commit("exemptions/ö.yaml").sha == first
    assert changed_since(git.root, "HEAD") == frozenset()


def test_a_hook_of_another_repository_does_not_lead_astray(
    git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git.write(FILE)
    first = git.commit()
    other = Git(tmp_path / "other")
    other("init", "--quiet")
    other.commit()
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.root / ".git" / "index"))
    history = read(open_work_tree(git.root))
    assert (history.head, history.last_commit(FILE).sha, history.dirty) == (first, first, False)
    assert changed_since(git.root, "HEAD") == frozenset()


def test_inside_a_hook_of_its_own_repository(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    git.write(FILE)
    first = git.commit()
    monkeypatch.chdir(git.root)
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
    assert read(open_work_tree(git.root)).last_commit(FILE).sha == first


def test_a_linked_work_tree_has_its_own_head(git: Git, tmp_path: Path) -> None:
    git.write(FILE)
    first = git.commit()
    git("worktree", "add", "--quiet", "-b", "topic", str(tmp_path / "linked"))
    linked = Git(tmp_path / "linked")
    linked.write("exemptions/b.yaml")
    second = linked.commit()
    assert read(open_work_tree(linked.root)).head == second
    assert read(open_work_tree(linked.root)).last_commit(FILE).sha == first
    assert changed_since(linked.root, "main") == {"b"}


# --- the base ----------------------------------------------------------------------------------------------------


def test_without_a_remote_everything_counts_as_changed(git: Git) -> None:
    git.write(FILE)
    git.commit()
    assert changed_since(git.root) is None


def test_only_what_differs_from_the_remotes_branch_is_changed(git: Git) -> None:
    git.write(FILE)
    git.write("exemptions/b.yaml", TEXT.replace("name: a", "name: b"))
    git.commit()
    with_remote(git)
    assert changed_since(git.root) == frozenset()
    git("checkout", "--quiet", "-b", "topic")
    git.write("exemptions/b.yaml", TEXT.replace("Waiver", "Mitigated"))
    git.write("exemptions/c.yaml")
    git.commit()
    git.write("exemptions/d.yaml")
    assert changed_since(git.root) == {"b", "c", "d"}


def test_what_others_merged_meanwhile_is_not_ours(git: Git) -> None:
    git.write(FILE)
    git.commit()
    git("checkout", "--quiet", "-b", "topic")
    git.write("exemptions/mine.yaml")
    git.commit()
    git("checkout", "--quiet", "main")
    git.write("exemptions/theirs.yaml")
    git.commit()
    with_remote(git)
    git("checkout", "--quiet", "topic")
    assert changed_since(git.root) == {"mine"}
    assert changed_since(git.root, "main") == {"mine"}


def test_a_moved_file_is_nothing(git: Git) -> None:
    git.write(FILE)
    git.commit()
    with_remote(git)
    (git.root / "exemptions/team").mkdir()
    git("mv", FILE, "exemptions/team/a.yaml")
    assert changed_since(git.root) == frozenset()
    git.commit()
    assert changed_since(git.root) == frozenset()


def test_a_file_moved_without_git_mv_is_nothing_either(git: Git) -> None:
    git.write(FILE)
    git.commit()
    (git.root / "exemptions/team").mkdir()
    (git.root / FILE).rename(git.root / "exemptions/team/a.yaml")
    assert changed_since(git.root, "HEAD") == frozenset()


def test_comments_and_order_are_no_change(git: Git) -> None:
    git.write(FILE)
    git.commit()
    git.write(FILE, "# note\n" + TEXT.replace("category: Waiver\n", "") + "category: Waiver\n")
    assert changed_since(git.root, "HEAD", same_meaning) == frozenset()
    assert changed_since(git.root, "HEAD") == {"a"}
    git.write(FILE, TEXT.replace("retires", "stays"))
    assert changed_since(git.root, "HEAD", same_meaning) == {"a"}


def test_a_deleted_declaration_is_changed(git: Git) -> None:
    git.write(FILE)
    git.commit()
    (git.root / FILE).unlink()
    assert changed_since(git.root, "HEAD") == {"a"}


def test_a_renamed_declaration_is_changed(git: Git) -> None:
    git.write(FILE)
    git.commit()
    git("mv", FILE, "exemptions/b.yaml")
    assert changed_since(git.root, "HEAD", same_meaning) == {"b"}


@pytest.mark.parametrize("base", ["no-such-branch", "--output=x", "-h", "HEAD~99", ""])
def test_a_mistyped_base_is_refused(git: Git, base: str) -> None:
    git.write(FILE)
    git.commit()
    with pytest.raises(ReconcilerError, match="--base"):
        changed_since(git.root, base)


def test_a_base_without_git_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReconcilerError, match="in no git repository with a commit"):
        changed_since(tmp_path, "main")


def test_where_git_is_not_installed_that_is_the_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert no_history(tmp_path) == "git is not installed, or not on the PATH"


def test_a_link_in_place_of_a_file_counts_as_changed(git: Git) -> None:
    git.write(FILE)
    git.commit()
    (git.root / FILE).unlink()
    (git.root / FILE).symlink_to("/etc/passwd")
    assert changed_since(git.root, "HEAD", same_meaning) == {"a"}


@pytest.mark.parametrize("suffix", ["", "~0", "^{commit}"])
def test_a_base_that_is_a_tag_and_a_branch_is_refused(git: Git, suffix: str) -> None:
    git.write(FILE)
    first = git.commit()
    git.write(FILE, TEXT + "ticket: SEC-3\n")
    git.commit()
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    git("tag", "origin/main", first)
    with pytest.raises(ReconcilerError, match="ambiguous") as refused:
        changed_since(git.root, f"origin/main{suffix}", same_meaning)
    assert "refs/remotes/origin/main" in refused.value.remedy
    assert changed_since(git.root, "refs/remotes/origin/main", same_meaning) == frozenset()
    assert changed_since(git.root, "refs/tags/origin/main", same_meaning) == {"a"}


def test_a_commit_whose_date_no_calendar_has_is_no_commit_known(git: Git) -> None:
    git.write(FILE)
    git.commit()
    git.write(FILE, TEXT + "ticket: SEC-3\n")
    git("add", "--all")
    tree, parent = git("write-tree"), git("rev-parse", "HEAD")
    people = "".join(f"{role} A <a@contoso.example> 253402300800 +0000\n" for role in ("author", "committer"))
    content = f"tree {tree}\nparent {parent}\n{people}\nFar\n"
    command = ["git", "hash-object", "-t", "commit", "-w", "--stdin"]
    done = subprocess.run(command, cwd=git.root, input=content, capture_output=True, text=True, check=True)
    git("update-ref", "refs/heads/main", done.stdout.strip())
    history = read(open_work_tree(git.root))
    assert history.head == done.stdout.strip()
    assert history.last_commit(FILE) is None
    assert history.contains(history.head, parent)


def test_a_merge_that_brings_a_file_nothing_is_not_its_commit(git: Git) -> None:
    git.write(FILE)
    git.commit()
    git("branch", "topic")
    git.write(FILE, TEXT + "ticket: SEC-3\n")
    edited = git.commit()
    git("checkout", "--quiet", "topic")
    git.write("exemptions/b.yaml")
    git.commit()
    git("checkout", "--quiet", "main")
    git("merge", "--quiet", "--no-ff", "--no-edit", "topic")
    history = read(open_work_tree(git.root))
    assert history.last_commit(FILE).sha == edited
    assert history.last_commit("exemptions/b.yaml").sha == git("rev-parse", "HEAD")
