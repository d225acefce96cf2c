"""What is read without a parser is what both parsers read, to the character."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.documents.plain_lines import plain_fields
from reconciler.documents.reading import read_document
from reconciler.documents.strict import parse

DECLARATION = """\
# yaml-language-server: $schema=../../schemas/exemption.schema.json

name: legacy-sql-tde
recommendation: 651967bf-044e-4bde-8376-3e08e0600105  # Transparent Data Encryption: should be "on"
scopes:  # both
  - /subscriptions/6f0e1111-2222-4333-8444-555566667777/resourceGroups/rg-data
  # and this
  - /subscriptions/6f0e1111-2222-4333-8444-555566667777/resourceGroups/rg-more
category: Waiver
expiresOn: 2027-01-31
justification: Größtenteils erledigt, see https://wiki.contoso.example/lyra (it's agreed).
owner: data-platform@contoso.example
adopt: true
ticket: SEC-1432
"""

words = st.sampled_from(
    ["a", "b", "9", "/", "-", "- ", " - ", ":", ": ", " :", ":a", "://", "#", " #", "# ", " ", "  ", "'", '"', "[", "]", "{", "}", ",",
     "&", "*", "!", "|", ">", "%", "?", "~", "@", ".", "1.5", "1e400", "0x1f", "true", "null", "2027-01-31", "ä", "🔒", "\\ud83d",
     "a" * 1_100]
)  # fmt: skip
values = st.lists(words, max_size=3).map("".join)
plain = st.builds(lambda first, rest: first + rest, st.sampled_from(["a", "Z", "9", "/", "1.5", "true"]), values)
keys = st.sampled_from(["a", "b", "c", "d", "e", "true", "null", "y", "key_a", "x" * 100, "x" * 101])
comments = st.sampled_from(["", "", "", " ", "  # c", " # a: b", "#c"])
lines = st.one_of(
    st.builds("{}: {}{}".format, keys, plain, comments),
    st.builds("{}:{}{}".format, keys, values, comments),
    st.builds("{}:{}\n{}- {}{}".format, keys, comments, st.sampled_from(["", "  "]), plain, comments),
    st.builds(
        "{}-{}{}".format, st.sampled_from(["", "  ", "   "]), st.sampled_from([" a", " ", "", " /b", " c: d"]), comments
    ),
    st.sampled_from(["", "  ", "# c", "  # - c", "---", "...", "  a", "<<: a", "%YAML 1.1"]),
)
texts = st.builds(
    lambda lines, end: "\n".join(lines) + end, st.lists(lines, max_size=6), st.sampled_from(["\n", "", "\n\n", "\n "])
)


@settings(max_examples=600)
@given(texts)
@example("a: b\n  c\n")
@example("a: b\n- c\n")
@example("a:\n  - b\n - c\n")
@example("a:\n  - b\n  c\n")
@example("a:\nb: c\n")
@example("a: b\na: c\n")
@example("a: b:\n")
@example("a: b #c\n")
@example("a: b# c\n")
@example("a:\n- b\nc: d")
def test_plain_lines_mean_what_both_parsers_read(text: str) -> None:
    if (read := plain_fields(text)) is None:
        return
    data, line = read
    for accelerated in (True, False):
        document, problems = parse(text, "x.yaml", accelerated=accelerated)
        assert document is not None
        assert problems == ()
        assert repr(document.data) == repr(data), "the order of fields as well"
        assert (document.start, document.sound, document.is_one_line) == ((line, 1), True, True)


def test_a_usual_declaration_is_plain_lines() -> None:
    """Else nothing were gained, unnoticed."""
    read = plain_fields(DECLARATION)
    assert read is not None
    assert read[1] == 3
    assert (read[0]["adopt"], len(read[0]["scopes"])) == (True, 2)


def test_places_are_those_of_the_parser() -> None:
    document, problems = read_document(DECLARATION.encode(), "exemptions/x.yaml")
    parsed, _ = parse(DECLARATION, "exemptions/x.yaml")
    assert (problems, document is not None) == ((), True)
    assert document is not None
    assert parsed is not None
    assert (document.values, document.keys, document.raw) == (parsed.values, parsed.keys, parsed.raw)
    assert str(document.place(("scopes", 1))) == "exemptions/x.yaml:8:5"
    assert str(document.place(())) == "exemptions/x.yaml:3:1"


@pytest.mark.parametrize(
    "text",
    ["a: b\u00a0\n", "a: b\r\n", "a: b\tc\n", "a: \u202eb\n", "a: b\x85c: d\n"],
    ids=["no-break space", "CRLF", "tab", "bidirectional", "next line"],
)
def test_what_cannot_be_printed_goes_to_the_parser(text: str) -> None:
    """In a file of plain lines as well: the parser and what stands before it say what is refused."""
    document, problems = read_document(text.encode(), "x.yaml")
    parsed, refused = parse(text, "x.yaml")
    assert problems or (document and document.data) == (parsed and parsed.data)
    assert problems or problems == refused


def test_a_file_of_very_many_lines_meets_the_limits() -> None:
    text = "scopes:\n" + "- a\n" * 20_001
    assert plain_fields(text) is None
    document, problems = read_document(text.encode(), "x.yaml")
    assert document is None
    assert "more than 20,000 values" in problems[0].message
