"""Every file of tests/examples is a test: what is in `valid` has no errors; what is in `invalid` carries its messages.

A file stands for itself; a folder with a reconciler.yaml is a whole repository. `# expect:` and `#   help:` lines are
the messages, in order and complete. `# schema: accepts` says that JSON Schema cannot express the rule; everywhere else
check-jsonschema, which shares no code with us, must give the same verdict.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.cli import common
from reconciler.cli.main import main

EXAMPLES = Path(__file__).parents[1] / "examples"
SCHEMAS = Path(__file__).parents[2] / "schemas"
VALID = sorted(path for path in (EXAMPLES / "valid").iterdir())
INVALID = sorted(path for path in (EXAMPLES / "invalid").iterdir())
TOO_MUCH_FOR_IT = {"directive.yaml", "emoji-escaped-as-in-json.yaml"}
"""The other tool's YAML library reads all later files of a run as YAML 1.1 once one says so, and leaves an escaped emoji
as two halves, on which its schema library ends in a traceback.
"""
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "now", lambda: NOW)


def validate(example: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, object]]]:
    """Judges a copy outside of any repository, where everything counts as changed."""
    copy = folder / example.name
    shutil.copytree(example, copy) if example.is_dir() else shutil.copy(example, copy)
    code = main(["validate", str(copy), "--format", "json"])
    return code, json.loads(capsys.readouterr().out)["problems"]


def files_of(example: Path) -> list[Path]:
    return sorted(path for path in example.rglob("*") if path.is_file()) if example.is_dir() else [example]


def expected(example: Path) -> list[str]:
    """The messages that the files of an example carry, with the file for those of a repository."""
    found = []
    for path in files_of(example):
        shown = f"{path.relative_to(example).as_posix()}:" if example.is_dir() else ""
        for line in path.read_bytes().decode("utf-8", "replace").splitlines():
            text = line.removeprefix("\ufeff")
            if text.startswith("# expect: "):
                found.append(shown + text.removeprefix("# expect: "))
            elif text.startswith("#   help: "):
                found[-1] += "\n" + text.removeprefix("#   help: ")
    return found


def told(problem: dict[str, object], example: Path) -> str:
    path, message = str(problem["path"]), str(problem["message"])
    led = message if message.startswith(path) else f"{path}: {message}"
    shown = f"{problem['file']}:" if example.is_dir() else ""
    place = f"{problem['line']}:{problem['column']}"
    return f"{shown}{place} {problem['level']} {problem['code']}: {led}\n{problem['help']}"


@pytest.mark.parametrize("example", VALID, ids=lambda path: path.stem)
def test_a_valid_example_has_no_problems(example: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, problems = validate(example, tmp_path, capsys)
    assert (code, problems) == (0, [])


@pytest.mark.parametrize("example", INVALID, ids=lambda path: path.stem)
def test_an_invalid_example_is_told_exactly_what_it_carries(
    example: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, problems = validate(example, tmp_path, capsys)
    assert sorted(told(problem, example) for problem in problems) == sorted(expected(example))
    assert problems
    assert code == (1 if any(problem["level"] == "error" for problem in problems) else 0)


@pytest.mark.parametrize("schema", ["exemption", "reconciler"])
def test_check_jsonschema_gives_the_same_verdict(schema: str) -> None:
    """One run over all files: whatever JSON Schema can express, an independent tool judges as we do."""
    wanted = {True: set(), False: set()}
    for folder, verdict in (("valid", True), ("invalid", False)):
        for path in files_of(EXAMPLES / folder):
            is_settings = path.name == "reconciler.yaml"
            if path.name in TOO_MUCH_FOR_IT or path.suffix != ".yaml":
                continue
            if is_settings == (schema == "reconciler"):
                carries = path.read_bytes()
                accepted = verdict or b"# schema: accepts" in carries or b"# expect:" not in carries
                wanted[accepted].add(str(path))
    refused = refused_by_check_jsonschema(schema, sorted(wanted[True] | wanted[False]))
    assert refused & wanted[True] == set(), "check-jsonschema refuses what we accept"
    assert wanted[False] - refused == set(), "check-jsonschema accepts what we refuse by schema"


def refused_by_check_jsonschema(schema: str, paths: list[str]) -> set[str]:
    tool = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--no-cache",
        "--schemafile",
        str(SCHEMAS / f"{schema}.schema.json"),
    ]
    done = subprocess.run([*tool, "-o", "json", *paths], capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    failures: dict[str, list[object]] = defaultdict(list)
    for error in (*report.get("errors", ()), *report.get("parse_errors", ())):
        failures[error["filename"]].append(error)
    return set(failures)
