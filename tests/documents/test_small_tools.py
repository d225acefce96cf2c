"""Suggestions, scalars and GUIDs: the small tools that every room shares."""

import re
import uuid

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.documents.scalar_text import scalar_text
from reconciler.documents.strict import parse
from reconciler.documents.suggest import did_you_mean, nearest, nearest_few
from reconciler.model import guids_in, is_guid

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp", "Cn", "Co"]), min_size=1)
TRICKY = st.sampled_from(
    [
        "no",
        "1_000",
        "0b1",
        "2027-01-31",
        "58.0.0",
        "a: b",
        "a #b",
        "-",
        "- a",
        "a:",
        "{a",
        "a,b",
        "~",
        "null",
        "1:30",
        "<<",
        "a ",
    ]
)


@given(text=TEXTS | TRICKY, in_flow=st.booleans(), plain_days=st.booleans())
def test_a_scalar_means_its_text_to_us_and_to_readers_of_yaml_1_1(text, in_flow, plain_days):
    written = scalar_text(text, in_flow=in_flow, plain_days=plain_days)
    line = f"a: [{written}]\n" if in_flow else f"a: {written}\n"
    document, problems = parse(line, "x.yaml")
    assert problems == ()
    assert document.data == {"a": [text] if in_flow else text}
    if not (plain_days and re.match(r"\d{4}-\d{2}-\d{2}", text)):
        assert yaml.safe_load(line) == document.data


@pytest.mark.parametrize(
    "text", ["2027-01-31", "Waiver", "a b", "SEC-1432", "(x)", "a,b", "/subscriptions/x", "data@contoso.example"]
)
def test_what_reads_as_itself_stays_plain(text):
    assert scalar_text(text) == text


@pytest.mark.parametrize("text", ["no", "58.0.0", "1", "a: b", "", "true", "a #b", "1:30"])
def test_what_somebody_could_misread_is_quoted(text):
    assert scalar_text(text) == f'"{text}"'


@pytest.mark.parametrize(
    ("word", "best"),
    [
        ("valdate", "validate"),
        ("VALIDATE", "validate"),
        ("plan2", "plan"),
        ("applyy", "apply"),
        ("zzz", None),
        ("", None),
        ("x" * 10_000, None),
    ],
)
def test_the_nearest_word_is_the_one_that_was_meant(word, best):
    assert nearest(word, ["plan", "apply", "validate"]) == best


def test_several_candidates_are_asked_about_best_first():
    near = nearest_few("refD", ["refA", "refB", "other"], 2)
    assert sorted(near) == ["refA", "refB"]
    assert did_you_mean(["'a'", "'b'"]) == "did you mean 'a' or 'b'?"
    assert did_you_mean([], "look there") == "look there"


@given(guid=st.uuids().map(str), upper=st.booleans())
def test_a_guid_is_one_in_either_case_and_nothing_around_it(guid, upper):
    written = guid.upper() if upper else guid
    assert is_guid(written)
    assert not is_guid(f"{written}\n")
    assert not is_guid(written.replace("-", ""))
    assert guids_in(f"/x/{written}/y {written}") == [written, written]
    assert uuid.UUID(written)
    assert not is_guid("17k78e20-9358-41c9-923c-fb736d382a12")
