"""Every break of tests/breaks can still be made, and names tests that exist. `make breaks` runs them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import breaks  # noqa: E402

BREAKS = list(breaks.load())
SOURCE = """
class Guard:
    def limit(self) -> int:
        return self.number

    def is_met(self, number: int) -> bool:
        if number > self.number:
            return False
        return self.judge(number, strict=True)


def limit() -> int:
    return self.number
"""


def test_there_are_breaks_of_every_room():
    assert len(BREAKS) >= 95
    assert len({broken.name for broken in BREAKS}) == len(BREAKS)
    rooms = {"planning", "applying", "azure", "runs", "declarations", "cli", "repository", "emulator", "arm", "model"}
    assert {broken.file.split("/")[1] for broken in BREAKS} >= rooms


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.name)
def test_every_break_can_be_made_and_names_tests_that_exist(broken: breaks.Break):
    """Code that moves takes its breaks along; `scripts/breaks.py` says how."""
    broken.make((ROOT / broken.file).read_text(encoding="utf-8"))
    assert broken.tests
    for named in broken.tests:
        file, _, test = named.partition("::")
        assert (ROOT / file).exists(), named
        assert not test or f"def {test.partition('[')[0]}(" in (ROOT / file).read_text(encoding="utf-8"), named


def make(old: str, new: str = "", within: str = "") -> str:
    entry = breaks.Break(name="b", what="w", file="reconciler/none.py", old=old, new=new, within=within, tests=("t",))
    return entry.make(SOURCE)


def test_a_break_is_found_by_its_words_alone():
    assert "        pass\n        return self" in make("if number > self.number:\n    return False", "pass")
    assert "return True\n\n\ndef" in make("self.judge(\n    number,\n    strict=True,\n)", "True")
    assert "        return False\n\n\ndef" in make("return self.judge(number, strict=True)", "return False")


@pytest.mark.parametrize(
    ("old", "new", "within", "why"),
    [
        ("return self.numbers", "return 1", "", "stands in reconciler/none.py 0 times"),
        ("return self.number", "return 1", "", "stands in reconciler/none.py 2 times"),
        ("return self.number", "return 1", "is_met", "stands in reconciler/none.py, is_met 0 times"),
        ("return self.number", "return 1", "limit", "limit is defined 2 times"),
        ("return False", "return ?", "", "does not compile"),
        ("if number > self.number:\n    return False", "if number>self.number: return False", "", "means the same"),
    ],
)
def test_a_break_that_cannot_be_made_says_why(old: str, new: str, within: str, why: str):
    with pytest.raises(breaks.BreakError, match=why):
        make(old, new, within)
