"""A file named on the command line may hold anything: it is a fault that names the file, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import emulated
import pytest
from cli.console import exempt
from main_job import repositories as repo

ORIGIN = {"format_version": "1.0", "tenantId": repo.TENANT, "owner": "contoso/exemptions"}
HOSTILE = {
    "nothing": b"",
    "no text": b"\xff\xfe\x00",
    "half a surrogate pair": b'{"format_version": "\\ud800"}',
    "deep": b"[" * 100_000,
    "deep inside": json.dumps(ORIGIN)[:-1].encode() + b', "findings": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "many digits": b'{"format_version": ' + b"9" * 5000 + b"}",
    "a version of many digits": b'{"format_version": "' + b"9" * 5000 + b'"}',
    "a higher version": b'{"format_version": "99.0"}',
    "not a number": b'{"format_version": NaN}',
    "a key twice": b'{"format_version": "1.0", "format_version": "1.0"}',
    "a list": b"[]",
    "a number": b"5",
    "null": b"null",
    "nothing else": json.dumps(ORIGIN).encode(),
    "wrong types": json.dumps(ORIGIN | {"findings": 5, "changes": {"a": None}, "hierarchy": "x", "unread": 1}).encode(),
    "wrong items": json.dumps(ORIGIN | {"findings": [[]], "changes": [5], "digest": [], "hierarchy": [{}]}).encode(),
    "another tenant": json.dumps(ORIGIN | {"tenantId": 5}).encode(),
}


@pytest.fixture(scope="module")
def azure() -> object:
    with emulated.running(repo.tenant(repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK))) as cloud:
        yield cloud


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize(
    "command",
    [
        ["plan", "--snapshot"],
        ["drift", "--snapshot"],
        ["list", "--snapshot"],
        ["explain", repo.ROOT, "--snapshot"],
        ["drift", "--since"],
        ["drift", "--outcomes"],
        ["apply", "--yes"],
    ],
    ids=" ".join,
)
def test_a_hostile_file_is_a_fault_that_names_it(
    azure: emulated.Azure, tmp_path: Path, command: list[str], content: bytes
) -> None:
    root = repo.write(tmp_path / "repository", [])
    file = tmp_path / "hostile.json"
    file.write_bytes(content)
    ended = exempt(azure, *command, str(file), root=root, check=1)
    assert "hostile.json" in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize("command", [["plan", "--snapshot"], ["drift", "--since"], ["apply", "--yes"]], ids=" ".join)
def test_no_file_or_a_folder_is_said(azure: emulated.Azure, tmp_path: Path, command: list[str]) -> None:
    root = repo.write(tmp_path / "repository", [])
    for path in (tmp_path / "absent.json", tmp_path):
        ended = exempt(azure, *command, str(path), root=root, check=1)
        assert path.name in ended.stderr
