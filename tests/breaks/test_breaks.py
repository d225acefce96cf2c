"""Every break of tests/breaks still applies, and names tests that exist. `make breaks` runs them."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATCHES = sorted(Path(__file__).parent.glob("*.patch"))


def test_there_are_breaks_of_every_room():
    assert len(PATCHES) >= 60
    touched = {
        line.split("/")[2] for path in PATCHES for line in path.read_text().splitlines() if line.startswith("--- ")
    }
    rooms = {"planning", "applying", "azure", "runs", "declarations", "cli", "repository", "emulator", "arm", "model"}
    assert touched >= rooms


def test_every_break_still_applies():
    """Code that moves takes its breaks along; `scripts/breaks.py` says how."""
    checked = subprocess.run(
        [sys.executable, ROOT / "scripts" / "breaks.py", "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("path", PATCHES, ids=lambda path: path.stem)
def test_every_break_names_tests_that_exist(path):
    for named in path.read_text().splitlines()[1].removeprefix("# tests: ").split():
        file, _, test = named.partition("::")
        assert (ROOT / file).exists(), named
        assert not test or f"def {test}(" in (ROOT / file).read_text(), named
