"""Suggestions, scalars and GUIDs: the small tools that every room shares."""

import re
import sys
import unicodedata
import uuid

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.documents.characters import FORBIDDEN, not_one_line
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


KNOWN_WORDS = ["demo", "drift", "export", "fmt", "list", "log", "renew", "request", "retire", "status", "validate", "verify",
    "scopes", "resourceSelectors", "expiresOn", "apiVersion", "legacy-sql-tde"]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "best"),
    [("stauts", "status"), ("exprot", "export"), ("format", "fmt"), ("lst", "list"), ("fnt", "fmt"), ("login", "log"), ("expires", "expiresOn"),
     ("resource", "resourceSelectors"), ("version", "apiVersion"), ("legacy-sql", "legacy-sql-tde"), ("sql-tde", "legacy-sql-tde")],
)  # fmt: skip
def test_what_is_near_is_proposed(word, best):
    assert nearest(word, KNOWN_WORDS) == best


@pytest.mark.parametrize(
    "word",
    ["deploy", "remove", "create", "refresh", "expiry", "date", "tags", "severity", "quiet", "reason", "cost", "nope"],
)
def test_what_is_far_is_not_proposed(word):
    assert nearest(word, KNOWN_WORDS) is None


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


def test_every_character_that_nobody_sees_is_refused_in_a_line_and_no_other():
    """What Python calls printable decides it; here the categories of Unicode say the same."""
    characters = list(map(chr, range(sys.maxunicode + 1)))
    unseen = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp", "Zs"}
    odd = {character for character in characters if unicodedata.category(character) in unseen} - {" "}
    assert {character for character in characters if not_one_line(character)} == odd
    assert set(filter(FORBIDDEN.match, characters)) < odd


def test_a_document_says_where_keys_and_values_stand_and_how_values_were_written():
    document, problems = parse("a: 1\nb:\n  - {c: 0x10, d: x}\n  - y\n", "x.yaml")
    assert problems == ()
    assert document.values == {
        (): (1, 1), ("a",): (1, 4), ("b",): (3, 3), ("b", 0): (3, 5), ("b", 0, "c"): (3, 9), ("b", 0, "d"): (3, 18),
        ("b", 1): (4, 5),
    }  # fmt: skip
    assert document.keys == {("a",): (1, 1), ("b",): (2, 1), ("b", 0, "c"): (3, 6), ("b", 0, "d"): (3, 15)}
    assert document.raw == {("a",): "1", ("b", 0, "c"): "0x10"}


def test_of_a_field_that_is_written_twice_the_first_counts_and_has_its_place():
    document, problems = parse("a: {b: c}\na: [d, {e: f}]\ng: h\n", "x.yaml")
    (problem,) = problems
    assert problem.code == "yaml-duplicate"
    assert "the first is in line 1" in problem.message
    assert not document.sound
    assert document.data == {"a": {"b": "c"}, "g": "h"}
    assert [document.at(path) for path in document.values] == [document.data, {"b": "c"}, "c", "h"]
