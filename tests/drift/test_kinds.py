"""The registry of kinds: whoever adds one learns here what it still lacks."""

import importlib.util
from dataclasses import fields
from pathlib import Path

import pytest

from reconciler.kinds import FindingKind, HeldCause

ROOT = Path(__file__).parents[2]


def test_generated_text_is_up_to_date():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "scripts" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.stale() == [], "run: python scripts/generate.py"


@pytest.mark.parametrize("member", [*FindingKind, *HeldCause])
def test_a_kind_says_everything_in_words_that_fit_a_table(member):
    for field in fields(member.facts):
        value = getattr(member.facts, field.name)
        assert value != "" or field.name == "exception", f"{member!r} has no {field.name}"
        assert "|" not in str(value)


@pytest.mark.parametrize("member", [*FindingKind, *HeldCause])
def test_something_makes_findings_of_each_kind(member):
    name = f"{type(member).__name__}.{member.name}"
    modules = (ROOT / "reconciler").rglob("*.py")
    producers = [path for path in modules if path.name != "kinds.py" and name in path.read_text(encoding="utf-8")]
    assert producers, f"nothing makes {name}"
