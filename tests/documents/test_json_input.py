"""The one door for JSON from outside: what it lets in is safe to use, and what it refuses is named with its place."""

import enum
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.documents.json_input import JsonInputError, JsonLimits, read_json

CHARACTERS = st.characters(exclude_categories=["Cs"])
NUMBERS = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(CHARACTERS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(CHARACTERS), inner, max_size=4),
    max_leaves=20,
)


def read(data, **limits):
    return read_json(data, origin="plan.json", remedy="plan again", limits=JsonLimits(**limits))


def value_or_error(data):
    try:
        return read(data).value
    except JsonInputError as error:
        return error


def refusal(data, **limits):
    with pytest.raises(JsonInputError) as caught:
        read(data, **limits)
    assert caught.value.origin == "plan.json"
    return str(caught.value)


@given(value=VALUES, ascii_only=st.booleans())
def test_what_a_json_writer_writes_is_read_as_it_was(value, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert read(text.encode()).value == read(text).value == value


@given(data=st.binary() | st.text() | VALUES.map(lambda value: json.dumps(value)[:-1]))
def test_any_bytes_are_read_or_refused_with_their_origin(data):
    value = value_or_error(data)
    if isinstance(value, JsonInputError):
        assert str(value).startswith("plan.json: ")
    else:
        assert json.loads(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        ("", "not JSON: Expecting value at line 1, column 1"),
        ('{"a": 1,\n "b" 2}', "not JSON: Expecting ':' delimiter at line 2, column 6"),
        (b"\xff\xfe{\x00}\x00", "byte 0 is not valid UTF-8; it looks like UTF-16"),
        (b'{"a": "\xff"}', "byte 7 is not valid UTF-8"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', 'one object says "c" twice'),
        ('{"a": NaN}', "NaN is no JSON number"),
        ("[-Infinity]", "-Infinity is no JSON number"),
        ("[1e999]", "the number 1e999 is too large"),
        ('{"a": ' + "1" * 5000 + "}", "a number has 5,000 digits; the limit is 40"),
        (r'["\ud83d"]', r"half of a surrogate pair, \ud83d"),
        (r'{"\udc00x": 1}', r"half of a surrogate pair, \udc00"),
        ("[" * 61 + "]" * 61, "nested more than 60 deep"),
        ('{"a":' * 100_000, "nested more than 60 deep"),
        ("[" * 100_000 + "]" * 100_000, "nested more than 60 deep"),
    ],
)
def test_what_is_refused_and_why(data, cause):
    assert cause in refusal(data)


def test_the_limits_are_the_callers():
    assert "it has 6 bytes; the limit is 5" in refusal("[1, 2]", size=5)
    assert read("[1, 2]", size=6).value == [1, 2]
    assert "nested more than 2 deep" in refusal("[[[]]]", depth=2)
    assert read('[{"a": 1}]', depth=2).value == [{"a": 1}]
    assert "a number has 4 digits; the limit is 3" in refusal("[1000]", digits=3)
    assert read("[999]", digits=3).value == [999]


def test_what_others_write_is_read():
    assert read(b'\xef\xbb\xbf{"a": 1}').value == {"a": 1}
    assert read(r'["\ud83d\ude00", "\\ud83d"]').value == ["\U0001f600", "\\ud83d"]
    assert math.isclose(read("1e-400").value, 0)
    assert read("[" * 60 + "]" * 60).value


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


DOCUMENT = {"changes": [{"n": 1}, {"n": True, "colour": "green"}], "name": "x", "on": False, "none": None}


@pytest.mark.parametrize(
    ("use", "cause"),
    [
        (lambda document: document.as_list(), "an array is expected, not an object"),
        (lambda document: document.member("name").as_object(), 'name: an object is expected, not "x"'),
        (lambda document: document.member("name").as_boolean(), 'name: true or false is expected, not "x"'),
        (lambda document: document.member("on").as_text(), "on: a string is expected, not false"),
        (lambda document: document.member("none").as_text(), "none: a string is expected, not null"),
        (lambda document: document.member("nme"), '"nme" is missing'),
        (lambda document: [item.member("n").as_integer() for item in document.member("changes").items()],
         "changes[1].n: a whole number is expected, not true"),
        (lambda document: [*document.member("changes").items()][1].member("colour").as_choice(Colour),
         'changes[1].colour: one of red, blue is expected, not "green"'),
        (lambda document: document.check_format(document="a plan", reads="1.0"), "not a plan: it has no format_version"),
    ],
)  # fmt: skip
def test_a_wrong_shape_is_named_with_its_place(use, cause):
    with pytest.raises(JsonInputError) as caught:
        use(read(json.dumps(DOCUMENT)))
    assert str(caught.value) == f"plan.json: {cause}"


def test_right_shapes_are_given():
    document = read(json.dumps(DOCUMENT))
    assert document.member("name").as_text() == "x"
    assert document.member("on").as_boolean() is False
    assert [item.as_object() for item in document.member("changes").items()] == DOCUMENT["changes"]
    assert next(document.member("changes").items()).member("n").as_integer() == 1
    assert document.optional("none") is document.optional("absent") is None
    assert document.optional("name").path == "name"
    assert dict(document.entries())["name"].value == "x"
    assert read('"blue"').as_choice(Colour) is Colour.BLUE


@pytest.mark.parametrize(
    ("version", "cause"),
    [
        ("2.0", "it has format 2.0, written by exempt 9; this version of exempt reads 1.x"),
        ("0.9", "it has format 0.9, written by exempt 9; this version of exempt reads 1.x"),
        (1, "not a plan: format_version 1 is no version"),
        ("1." + "0" * 5000, "is no version"),
        ("9" * 5000, "is no version"),
        ("\u0661.0", r'format_version "\u0661.0" is no version'),
    ],
)
def test_the_version_of_a_form(version, cause):
    document = {"format_version": version, "tool_version": "9"}
    with pytest.raises(JsonInputError) as caught:
        read(json.dumps(document)).check_format(document="a plan", reads="1.0")
    assert cause in str(caught.value)
    read('{"format_version": "1.7"}').check_format(document="a plan", reads="1.0")


# --- repeated keys ---

PIECES = st.recursive(
    st.sampled_from(["1", "null", '"a"', '"a\\":"', '"a\\\\"', '":"', '"\\u0022:"', '""']),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.lists(
            st.tuples(
                st.sampled_from(['"a"', '"b"', '"a\\""', '"a\\\\"', '"\\u0061"', '":"']),
                st.sampled_from([":", ": ", " :", "\t:", "\n:", "\r:", "  :"]),
                inner,
            ),
            max_size=3,
        ).map(lambda members: "{" + ",".join("".join(member) for member in members) + "}")
    ),
    max_leaves=8,
)


@given(PIECES)
def test_a_key_is_found_twice_exactly_where_it_stands_twice(text):
    def repeats(pairs):
        twice.append(len(dict(pairs)) != len(pairs))
        return dict(pairs)

    twice = []
    json.loads(text, object_pairs_hook=repeats)
    if any(twice):
        with pytest.raises(JsonInputError, match="twice"):
            read_json(text, origin="x")
    else:
        assert read_json(text, origin="x").value == json.loads(text)
