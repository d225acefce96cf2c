"""Where the running tool comes from, as installers and builds note it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from reconciler.repository.tool import web_address

CHECKOUT = Path(__file__).parents[2]
COMMIT = "0123456789" * 4


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/contoso/exempt.git", "https://github.com/contoso/exempt"),
        ("https://user:secret@github.com/contoso/exempt", "https://github.com/contoso/exempt"),
        ("git@github.com:contoso/exempt.git", "https://github.com/contoso/exempt"),
        ("ssh://git@github.com/contoso/exempt", "https://github.com/contoso/exempt"),
        ("https://dev.azure.com/contoso/shop/_git/exempt", "https://dev.azure.com/contoso/shop/_git/exempt"),
        ("file:///srv/exempt", ""),
        ("/srv/exempt.git", ""),
        ("http://github.com/contoso/exempt", ""),
    ],
)
def test_the_web_address_of_a_remote(remote: str, address: str) -> None:
    assert web_address(remote) == address


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


def build(folder: Path) -> Path:
    """A wheel of this checkout, as CI builds it at a commit."""
    env = {
        **os.environ,
        "GITHUB_SHA": COMMIT,
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "contoso/exempt",
    }
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=CHECKOUT, env=env, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def installed(wheel: Path, folder: Path, direct_url: object = None) -> Path:
    """The wheel's contents as an installer lays them out, with what it notes of where it got them."""
    zipfile.ZipFile(wheel).extractall(folder)
    if direct_url is not None:
        (info,) = folder.glob("*.dist-info")
        (info / "direct_url.json").write_text(json.dumps(direct_url))
    return folder


def exempt(folder: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "reconciler", *arguments], cwd=cwd, capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "HOME": str(cwd)},
    )  # fmt: skip


def test_two_builds_of_a_commit_are_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    assert build(tmp_path).read_bytes() == wheel.read_bytes()


@pytest.mark.parametrize(
    ("note", "commit"),
    [
        (None, COMMIT),  # what the build noted
        ({"url": "https://github.com/contoso/exempt.git", "vcs_info": {"vcs": "git", "commit_id": "a" * 40}}, "a" * 40),
        ({"url": "file:///srv/wheels/exempt.whl", "archive_info": {}}, COMMIT),
    ],
)
def test_an_installed_tool_knows_its_commit_and_starts_a_repository(
    wheel: Path, tmp_path: Path, note: object, commit: str
) -> None:
    folder = installed(wheel, tmp_path / "site", note)
    assert exempt(folder, "--version", cwd=tmp_path).stdout.endswith(f"(commit {commit})\n")
    done = exempt(folder, "init", "new", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "new" / "requirements-tool.txt").read_text().splitlines()[-1] == (
        f"exempt @ git+https://github.com/contoso/exempt@{commit}"
    )
    assert "--hash=sha256:" in (tmp_path / "new" / "requirements.txt").read_text()
    devops = exempt(folder, "init", "devops", "--pipelines", "azure-devops", cwd=tmp_path)
    assert devops.returncode == 0, devops.stderr
    assert commit in (tmp_path / "devops" / "azure-pipelines" / "tool.yml").read_text()


def test_a_tool_that_does_not_know_its_commit_says_what_to_do(wheel: Path, tmp_path: Path) -> None:
    folder = installed(wheel, tmp_path / "site")
    (folder / "reconciler" / "build.json").unlink()
    refused = exempt(folder, "init", "new", cwd=tmp_path)
    assert refused.returncode == 1
    assert "--tool ORGANISATION/REPOSITORY@COMMIT" in refused.stderr
    assert exempt(folder, "init", "new", "--pipelines", "none", cwd=tmp_path).returncode == 0
    assert "exempt==" in (tmp_path / "new" / "requirements-tool.txt").read_text()
