"""What a release does: tag, version and changelog agree, nothing writes more than its job needs, everything is pinned."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pipelines import runner

SCRIPT = runner.CHECKOUT / "scripts" / "release.py"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of version 1.2.0 as far as a release looks at it."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "reconciler").mkdir()
    shutil.copy(SCRIPT, tmp_path / "scripts")
    (tmp_path / "reconciler" / "__init__.py").write_text('__version__ = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## Unreleased\n\n## 1.2.0 (2026-12-01)\n\n- New.\n\n## 1.1.0\n\n- Old.\n"
    )
    return tmp_path


def release(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(checkout / "scripts" / "release.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_tag_version_and_changelog_must_agree(checkout: Path) -> None:
    assert release(checkout, "check", "v1.2.0").returncode == 0
    assert "the tag says 1.3.0, reconciler/__init__.py 1.2.0" in release(checkout, "check", "v1.3.0").stderr
    (checkout / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.0\n\n## 1.1.0\n\n- Old.\n")
    assert "has no section '## 1.2.0'" in release(checkout, "check", "v1.2.0").stderr


def test_the_notes_are_the_versions_section_alone(checkout: Path) -> None:
    assert release(checkout, "notes", "v1.2.0").stdout == "- New.\n"
    assert release(checkout, "notes", "v9.9.9").returncode == 1


def test_only_the_job_that_needs_it_may_publish_and_reviewers_stand_before_it() -> None:
    jobs = runner.load("release.yml")["jobs"]
    assert jobs["publish"]["environment"] == "release"
    assert {name for name, job in jobs.items() if job["permissions"].get("contents") == "write"} == {"release"}
    assert {name for name, job in jobs.items() if job["permissions"].get("packages") == "write"} == {"image"}
    for name in ("image", "release"):
        assert jobs[name]["needs"] == "publish"
    writing = [step for step in jobs["release"]["steps"] if "pip install" in step.get("run", "")]
    assert writing == []  # a job that may write installs nothing


def test_the_image_starts_from_a_digest_and_every_ecosystem_is_updated() -> None:
    (base,) = re.findall(r"^FROM (\S+)", (runner.CHECKOUT / "Containerfile").read_text(), re.MULTILINE)
    assert re.search(r"@sha256:[0-9a-f]{64}$", base)
    updates = yaml.safe_load((runner.CHECKOUT / ".github" / "dependabot.yml").read_text())["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"github-actions", "pip", "docker", "pre-commit"}
    assert all(update["cooldown"]["default-days"] >= 7 for update in updates)
