"""An auditor's bundle: what was exempt on a day, from git and the artefacts of runs, in which any changed byte is found."""

from __future__ import annotations

import csv
import io
import json
import os
import resource
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import emulated
import pytest
from cli.console import exempt
from hypothesis import given, settings
from hypothesis import strategies as st
from main_job import repositories as repo

from reconciler.problems import UsageError
from reconciler.runs.bundle import BundleRequest, check_bundle, make_bundle

TRANSFER = "Secure transfer to storage accounts should be enabled"
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)


def committed(root: Path, day: str, message: str) -> str:
    """A commit of that day."""
    os.environ |= {"GIT_AUTHOR_DATE": f"{day}T12:00:00Z", "GIT_COMMITTER_DATE": f"{day}T12:00:00Z"}
    try:
        return repo.commit(root, message)
    finally:
        del os.environ["GIT_AUTHOR_DATE"], os.environ["GIT_COMMITTER_DATE"]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Asked and applied in the first half of November, retired on the 20th; the artefacts of both runs."""
    folder = tmp_path_factory.mktemp("bundle")
    declaration = {"name": "transfer", "recommendation": TRANSFER, "scopes": [repo.subscription(1)], "ticket": "SEC-1"}
    root = repo.write(folder / "repository", [declaration])
    artefacts = folder / "artefacts"
    artefacts.mkdir()
    committed(root, "2026-11-03", "Merge pull request #7 from contoso/ask\n\nApproved-by: Bob <bob@contoso.example>")
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        for day, name in (("2026-11-04", "first"), ("2026-11-20", "second")):
            out = artefacts / f"{name}-outcomes.json"
            emulated.exempt(azure, "apply", "--yes", "--allow-deletes", "1", "--out", str(out), cwd=root, check=[0])
            saved = json.loads(out.read_text())
            out.write_text(json.dumps({**saved, "takenAt": f"{day}T13:00:00Z"}))
            repo.write(root, [])
            committed(root, "2026-11-20", "Retire")
    return root, artefacts


def bundle(story: tuple[Path, Path], day: int) -> bytes:
    root, artefacts = story
    return make_bundle(
        BundleRequest(root=root, as_of=datetime(2026, 11, day, 23, tzinfo=UTC), artefacts=artefacts)
    ).data


def rows(data: bytes) -> list[dict[str, str]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return list(csv.DictReader(archive.read("exempt.csv").decode().splitlines()))


def test_a_bundle_that_cannot_be_written_leaves_the_old_one_and_says_what_to_do(
    story: tuple[Path, Path], tmp_path: Path
) -> None:
    root, _ = story
    words = ("register", "--root", str(root), "--as-of", "2026-11-10", "--bundle")
    full = exempt(None, *words, "/dev/full", root=root, check=1)
    help_line = "help: name a file in a folder that exists, where this user may write and the disk has room"
    assert full.stderr.splitlines() == ["error: /dev/full cannot be written: No space left on device", help_line]
    old = tmp_path / "audit.zip"
    old.write_bytes(b"the old one")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        large = exempt(None, *words, str(old), root=root, check=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert large.stderr.splitlines() == [f"error: {old} cannot be written: File too large", help_line]
    assert (old.read_bytes(), list(tmp_path.iterdir())) == (b"the old one", [old])
    exempt(None, *words, str(old), root=root, check=0)
    assert check_bundle(old, None)


def test_what_was_exempt_that_day_who_agreed_and_which_run_wrote_it(story: tuple[Path, Path]) -> None:
    (row,) = rows(bundle(story, 10))
    assert row["declaration"] == "transfer"
    assert row["exempts"] == TRANSFER
    assert (row["pullRequest"], row["approvedBy"]) == ("7", "Bob <bob@contoso.example>")
    assert (row["owner"], row["requestedBy"]) == ("team@contoso.example", "test@contoso.example")
    assert row["committed"] == "2026-11-03T12:00:00Z"
    assert row["exemption"].startswith(
        f"{repo.subscription(1)}/providers/Microsoft.Authorization/policyExemptions/transfer-"
    )
    assert (row["run"], row["runReadAzure"]) == ("first-outcomes.json", "2026-11-04T13:00:00Z")
    (early,) = rows(bundle(story, 3))
    assert early["run"] == ""  # asked, and not applied yet
    assert rows(bundle(story, 21)) == []
    with pytest.raises(UsageError, match="nothing had been committed"):
        bundle(story, 1)


def test_the_command_makes_and_checks_it(story: tuple[Path, Path]) -> None:
    root, artefacts = story
    path = root.parent / "audit.zip"
    with emulated.running(repo.tenant()) as azure:
        options = ["--as-of", "2026-11-10", "--bundle", str(path), "--artefacts", str(artefacts)]
        made = emulated.exempt(azure, "register", *options, cwd=root, check=[0])
        digest = made.stderr.split("digest ")[1].split(":")[0]
        checked = emulated.exempt(azure, "register", "--check", str(path), "--digest", digest, cwd=root, check=[0])
        assert "is as it was made" in checked.stderr
        emulated.exempt(azure, "register", "--check", str(path), "--digest", "0" * 64, cwd=root, check=[1])
        dayless = emulated.exempt(azure, "register", "--bundle", "x", cwd=root, check=[1]).stderr
        assert "error: --bundle needs the day that it is about" in dayless
        assert "--as-of DATE" in dayless
        for moment in ("2026-11-10T12:00:00Z", "2026-11-10T14:00:00+02:00"):
            options = ["--as-of", moment, "--bundle", str(path)]
            made = emulated.exempt(azure, "register", *options, cwd=root, check=[0]).stderr
            assert "in force at 2026-11-10 12:00 UTC" in made
        assert (
            "no day"
            in emulated.exempt(
                azure, "register", "--as-of", "2026-11-10T12:00:00", "--bundle", "x", cwd=root, check=[1]
            ).stderr
        )
        assert (
            "no day"
            in emulated.exempt(azure, "register", "--as-of", "soon", "--bundle", "x", cwd=root, check=[1]).stderr
        )
        assert len(azure.requests) == 0


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_changed_byte_is_found(story: tuple[Path, Path], data: st.DataObject) -> None:
    path, original = story[0].parent / "changed.zip", story[0].parent / "original.zip"
    if not original.exists():
        original.write_bytes(bundle(story, 10))
        check_bundle(original, None)
    content = bytearray(original.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(UsageError):
        check_bundle(path, None)


@pytest.mark.parametrize("content", [b"", b"PK", b"nothing", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_bundle_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"x\.zip"):
        check_bundle(path, None)
