"""The registry of problems: whoever adds a code learns here what it still lacks."""

from dataclasses import fields
from pathlib import Path

import pytest

from reconciler.catalog import Obstacle
from reconciler.codes import FileCode, RuleCode
from reconciler.model import Severity

PACKAGE = Path(__file__).parents[2] / "reconciler"
CODES = [*FileCode, *RuleCode]


@pytest.fixture(scope="module")
def source():
    modules = (path for path in PACKAGE.rglob("*.py") if path.parent.name != "codes")
    return "\n".join(path.read_text(encoding="utf-8") for path in modules)


def test_a_code_is_the_name_of_its_member():
    assert [code.value for code in CODES] == [code.name.lower().replace("_", "-") for code in CODES]
    assert len(set(CODES)) == len(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_code_says_everything_in_words_that_fit_a_table(code):
    for field in fields(code.rule):
        value = getattr(code.rule, field.name)
        assert value != "" or field.name == "exception", f"{code!r} has no {field.name}"
        assert "|" not in str(value)


@pytest.mark.parametrize("code", CODES)
def test_something_finds_problems_of_each_code(code, source):
    name = f"{type(code).__name__}.{code.name}"
    assert name in source or code.name.startswith("OBSTACLE_"), f"nothing makes {name}"


@pytest.mark.parametrize("obstacle", Obstacle)
def test_what_cannot_be_exempted_is_an_error(obstacle):
    severity = RuleCode[f"OBSTACLE_{obstacle.name}"].rule.severity
    assert (severity is Severity.ERROR) == (obstacle.blocks or obstacle is Obstacle.RETIRED)
