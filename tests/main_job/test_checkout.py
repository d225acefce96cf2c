"""What the checkout lacks although the commit holds it is a fault that names it, and never a removal."""

from __future__ import annotations

import os
import shutil
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


LACKS = [skipped, assumed_unchanged, secretly_edited, sparse, submodule, without_index, pointer, conflict, catalogue]


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


def test_a_clone_without_the_commits_folders_is_a_fault(root: Path, tmp_path: Path) -> None:
    repo.git(root, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    repo.git(tmp_path, "clone", "--quiet", "--no-checkout", "--filter=tree:0", f"file://{root}", str(clone))
    shutil.copy(root / "reconciler.yaml", clone)
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        ended = exempt(azure, "plan", root=clone, check=1)
        assert "error: " in ended.stderr


def test_a_folder_that_cannot_be_read_is_no_removal(root: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (root / "exemptions").chmod(0)
    try:
        with emulated.running(repo.tenant(AT_ROOT)) as azure:
            exempt(azure, "plan", root=root, check=1)
    finally:
        (root / "exemptions").chmod(0o755)


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
