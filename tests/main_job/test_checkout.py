"""What the checkout lacks although the commit holds it is a fault that names it, and never a removal."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import emulated
import pytest
from cli.console import exempt
from main_job import repositories as repo

AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
DECLARED = [
    {
        "name": name,
        "recommendation": "Secure transfer to storage accounts should be enabled",
        "scopes": [repo.subscription(number)],
    }
    for number, name in ((1, "one"), (2, "two"))
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = repo.write(tmp_path / "repository", DECLARED)
    repo.commit(folder)
    return folder


def skipped(root: Path) -> str:
    repo.git(root, "update-index", "--skip-worktree", "exemptions/two.yaml")
    (root / "exemptions" / "two.yaml").unlink()
    return "exemptions/two.yaml"


def assumed_unchanged(root: Path) -> str:
    repo.git(root, "update-index", "--assume-unchanged", "exemptions/two.yaml")
    (root / "exemptions" / "two.yaml").unlink()
    return "exemptions/two.yaml"


def secretly_edited(root: Path) -> str:
    repo.git(root, "update-index", "--assume-unchanged", "exemptions/two.yaml")
    path = root / "exemptions" / "two.yaml"
    path.write_text(path.read_text() + "enabled: false\n")
    return "exemptions/two.yaml"


def edited_behind_gits_back(root: Path) -> str:
    repo.git(root, "update-index", "--skip-worktree", "exemptions/two.yaml")
    path = root / "exemptions" / "two.yaml"
    path.write_text(path.read_text() + "enabled: false\n")
    return "exemptions/two.yaml"


def sparse(root: Path) -> str:
    (root / "other").mkdir()
    (root / "other" / "file").write_text("")
    repo.commit(root, "Another folder")
    repo.git(root, "sparse-checkout", "set", "--cone", "other")
    return "exemptions/one.yaml"


def submodule(root: Path) -> str:
    repo.git(root, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},exemptions/shared")
    repo.git(root, "-c", "user.name=t", "-c", "user.email=t@contoso.example", "commit", "--quiet", "-m", "Share")
    (root / "exemptions" / "shared").mkdir()
    return "exemptions/shared"


def without_index(root: Path) -> str:
    (root / ".git" / "index").unlink()
    shutil.rmtree(root / "exemptions")
    return "nothing of the commit is checked out"


def pointer(root: Path) -> str:
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 120\n"
    (root / "exemptions" / "two.yaml").write_text(text)
    return "pointer of Git LFS"


def conflict(root: Path) -> str:
    path = root / "exemptions" / "two.yaml"
    text = path.read_text()
    path.write_text(f"name: two\n<<<<<<< HEAD\n{text}=======\ncategory: Mitigated\n>>>>>>> topic\n")
    return "exemptions/two.yaml:2:1: a merge conflict is left unresolved"


def catalogue(root: Path) -> str:
    (root / "catalog.yaml").write_text('formatVersion: "1.0"\n')
    repo.commit(root)
    repo.git(root, "update-index", "--skip-worktree", "catalog.yaml")
    (root / "catalog.yaml").unlink()
    return "catalog.yaml"


def replaced(root: Path) -> str:
    head = repo.git(root, "rev-parse", "HEAD")
    repo.git(root, "rm", "--quiet", "exemptions/two.yaml")
    other = repo.git(root, "commit-tree", "-m", "Other", repo.git(root, "write-tree"))
    repo.git(root, "replace", head, other)
    repo.git(root, "reset", "--quiet", "--hard", head)
    assert repo.git(root, "status", "--porcelain") == "", "whoever looks sees nothing"
    return "exemptions/two.yaml:1:1: the commit holds it, but `git replace` shows another one"


def replaced_folder(root: Path) -> str:
    folder = repo.git(root, "rev-parse", "HEAD:exemptions")
    repo.git(root, "rm", "--quiet", "exemptions/two.yaml")
    repo.git(root, "replace", folder, repo.git(root, "rev-parse", repo.git(root, "write-tree") + ":exemptions"))
    repo.git(root, "reset", "--quiet", "--hard")
    return "exemptions/two.yaml:1:1: the commit holds it, but `git replace` shows another one"


LACKS = [
    replaced,
    replaced_folder,
    skipped,
    assumed_unchanged,
    secretly_edited,
    edited_behind_gits_back,
    sparse,
    submodule,
    without_index,
    pointer,
    conflict,
    catalogue,
]


@pytest.mark.parametrize("lack", LACKS)
def test_what_the_checkout_lacks_is_named_and_nothing_is_deleted(root: Path, lack: object) -> None:
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        exempt(azure, "apply", "--yes", root=root, check=0)
        before = dict(azure.exemptions)
        assert len(before) == 2
        named = lack(root)  # type: ignore[operator]
        for command in (["plan"], ["apply", "--yes"], ["drift"], ["validate"]):
            ended = exempt(azure, *command, root=root, check=1)
            assert named in ended.stderr + ended.stdout
        assert azure.exemptions == before


@pytest.mark.parametrize("is_begun", [True, False])
def test_a_partial_clone_whose_remote_is_gone_names_the_declarations(
    root: Path, tmp_path: Path, *, is_begun: bool
) -> None:
    """Also where git's index knows the files, so that each of them looks deleted."""
    repo.git(root, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    repo.git(tmp_path, "clone", "--quiet", "--no-checkout", "--filter=blob:none", f"file://{root}", str(clone))
    root.rename(tmp_path / "gone")
    shutil.copy(tmp_path / "gone" / "reconciler.yaml", clone)
    if is_begun:
        repo.git(clone, "read-tree", "HEAD")
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        exempt(azure, "apply", "--yes", root=tmp_path / "gone", check=0)
        for command in (["plan"], ["apply", "--yes"], ["drift"], ["validate"], ["plan", "--base", "HEAD"]):
            ended = exempt(azure, *command, root=clone, check=1)
            for name in ("one", "two"):
                assert f"exemptions/{name}.yaml:1:1: " in ended.stderr + ended.stdout
        assert len(azure.exemptions) == 2
    root_again = tmp_path / "gone"
    root_again.rename(root)
    repo.git(clone, "checkout", "HEAD", "--", ".")
    assert exempt(None, "validate", root=clone, check=0), "what the message proposes"


def test_a_clone_without_the_commits_folders_is_a_fault(root: Path, tmp_path: Path) -> None:
    repo.git(root, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    repo.git(tmp_path, "clone", "--quiet", "--no-checkout", "--filter=tree:0", f"file://{root}", str(clone))
    shutil.copy(root / "reconciler.yaml", clone)
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        ended = exempt(azure, "plan", root=clone, check=1)
        assert "error: " in ended.stderr


@pytest.mark.parametrize("place", ["exemptions", "exemptions/below"])
def test_a_folder_that_cannot_be_read_is_no_removal(root: Path, place: str) -> None:
    """Root may read everything unless the process gives up that right."""
    is_root = os.geteuid() == 0
    if is_root and shutil.which("setpriv") is None:
        pytest.skip("root may read everything, and there is no setpriv")
    limited = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if is_root else []
    (root / "exemptions" / "below").mkdir()
    repo.git(root, "mv", "exemptions/two.yaml", "exemptions/below/two.yaml")
    repo.commit(root, "Move")
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        exempt(azure, "apply", "--yes", root=root, check=0)
        (root / place).chmod(0)
        try:
            for command in (["plan"], ["apply", "--yes", "--allow-deletes", "9"]):
                ended = subprocess.run(
                    [*limited, sys.executable, "-m", "reconciler", *command],
                    cwd=root, env=emulated.environment(azure), capture_output=True, text=True, check=False,
                )  # fmt: skip
                assert ended.returncode == 1
                assert ended.stderr.startswith(f"{place}:1:1: it cannot be read: permission denied")
        finally:
            (root / place).chmod(0o755)
        assert len(azure.exemptions) == 2


@pytest.mark.parametrize("lack", [replaced, replaced_folder])
def test_what_is_proposed_against_a_replacement_brings_the_files_back(root: Path, lack: object) -> None:
    lack(root)  # type: ignore[operator]
    ended = exempt(None, "validate", root=root, check=1)
    assert "`git replace -d`" in ended.stdout
    assert "`git checkout HEAD -- .`" in ended.stdout
    repo.git(root, "replace", "-d", *repo.git(root, "replace", "--list").split())
    repo.git(root, "checkout", "HEAD", "--", ".")
    assert exempt(None, "validate", root=root, check=0)
    assert repo.git(root, "status", "--porcelain") == ""


def test_a_clone_that_lacks_earlier_commits_folders_says_what_to_do(root: Path, tmp_path: Path) -> None:
    repo.write(root, DECLARED[:1])
    repo.commit(root, "Retire")
    repo.git(root, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    repo.git(tmp_path, "clone", "--quiet", "--filter=tree:0", f"file://{root}", str(clone))
    root.rename(tmp_path / "gone")
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        ended = exempt(azure, "plan", root=clone, check=1)
    assert "is a partial clone" in ended.stderr
    assert "git fetch --refetch" in ended.stderr
    (tmp_path / "gone").rename(root)
    repo.git(clone, "config", "--unset", "remote.origin.partialclonefilter")
    repo.git(clone, "fetch", "--quiet", "--refetch")
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        exempt(azure, "plan", root=clone, check=0)


def test_what_somebody_visibly_deletes_moves_or_edits_is_an_edit(root: Path) -> None:
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        exempt(azure, "apply", "--yes", root=root, check=0)
        (root / "exemptions" / "two.yaml").unlink()
        planned = exempt(azure, "plan", "--format", "json", root=root, check=0).json
        assert [change["reason"] for change in planned["changes"]] == ["removed"]
        repo.git(root, "rm", "--quiet", "exemptions/two.yaml")
        assert exempt(azure, "plan", "--format", "json", root=root, check=0).json["changes"] == planned["changes"]
        (root / "exemptions" / "below").mkdir()
        repo.git(root, "mv", "exemptions/one.yaml", "exemptions/below/one.yaml")
        assert exempt(azure, "plan", "--format", "json", root=root, check=0).json["changes"] == planned["changes"]


def test_a_repository_inside_another_is_compared_with_its_own_part(tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    inner = repo.write(outer / "policy" / "exempt", DECLARED)
    repo.commit(outer)
    assert exempt(None, "validate", root=inner, check=0)
    repo.git(outer, "update-index", "--skip-worktree", "policy/exempt/exemptions/two.yaml")
    (inner / "exemptions" / "two.yaml").unlink()
    assert (
        "exemptions/two.yaml:1:1: left out by a sparse checkout" in exempt(None, "validate", root=inner, check=1).stdout
    )
