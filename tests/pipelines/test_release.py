"""What a release does: tag, version and changelog agree, nothing writes more than its job needs, everything is pinned."""

from __future__ import annotations

import json
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


def test_a_releases_schemas_name_the_place_of_that_version(tmp_path: Path) -> None:
    done = release(runner.CHECKOUT, "schemas", "v1.2.0", "contoso/exempt", str(tmp_path))
    assert done.returncode == 0, done.stderr
    place = "https://raw.githubusercontent.com/contoso/exempt/v1.2.0/schemas/"
    for name in ("exemption", "reconciler", "catalog"):
        text = (tmp_path / f"{name}.schema.json").read_text(encoding="utf-8")
        assert json.loads(text)["$id"] == f"{place}{name}.schema.json"
        ours = (runner.CHECKOUT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")
        assert text.replace(place, "") == ours, "a checkout's id is relative, so it names the place where it is read"
    entries = json.loads((tmp_path / "schemastore.json").read_text(encoding="utf-8"))
    assert [entry["url"].rpartition("/")[0] + "/" for entry in entries] == [place] * 3
    assert all(entry["name"] and entry["description"] for entry in entries)
    steps = [step.get("run", "") for step in runner.load("release.yml")["jobs"]["build"]["steps"]]
    assert 'release.py schemas "$TAG" "$REPOSITORY" dist' in "\n".join(steps)


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
    assert {update["package-ecosystem"] for update in updates} == {
        "github-actions",
        "pip",
        "docker",
        "pre-commit",
        "npm",
    }
    assert all(update["cooldown"]["default-days"] >= 7 for update in updates)
