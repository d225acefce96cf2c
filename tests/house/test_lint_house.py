"""What the house's own linter refuses, and that it finds its fault in a module that has one."""

import subprocess
import sys
from pathlib import Path

import pytest

LINTER = Path(__file__).parents[2] / "scripts" / "lint_house.py"


def lint(folder: Path, module: str) -> subprocess.CompletedProcess[str]:
    """The linter's run over a package of one module."""
    (folder / "reconciler").mkdir()
    (folder / "reconciler" / "sample.py").write_text(module)
    return subprocess.run([sys.executable, LINTER], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("def add(found):\n    return found\n", "sample.py:1: found says nothing; name it for what it holds"),
        ("def add():\n    for each in (1, 2):\n        yield -each\n", "sample.py:2: each says nothing"),
        ("def add():\n    return [it for it in (1, 2)]\n", "sample.py:2: it says nothing"),
        ("print(1, 2, 3, 4, 5, 6)\n", "sample.py:1: a call of 6 positional arguments; name them"),
        (
            "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Place:\n    a: int\n    b: int\n    c: int\n",
            "sample.py:3: dataclass Place has 3 fields and is not kw_only",
        ),
    ],
)
def test_a_breach_is_named_with_its_place(tmp_path, module, expected):
    run = lint(tmp_path, module)
    assert (run.returncode, run.stderr) == (1, "")
    assert expected in run.stdout


def test_a_module_that_keeps_the_rules_passes(tmp_path):
    run = lint(tmp_path, "def add(names):\n    return [name.upper() for name in names]\n")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
