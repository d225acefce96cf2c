"""`exempt fmt`: canonical order and style, comments kept with what they are about, idempotent, harmless."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.cli.main import guarded, main
from reconciler.declarations.comments import texts
from reconciler.declarations.formatting import ORDER, formatted
from reconciler.documents.strict import parse

EXAMPLES = Path(__file__).parents[1] / "examples"

MESSY = """\
# yaml-language-server: $schema=../../schemas/exemption.schema.json
# Agreed with the auditors.

# who answers
owner: 'data-platform@contoso.example'   # a team
name:   messy
scopes:
- "/subscriptions/6f0e1111-2222-4333-8444-555566667777/resourceGroups/rg" # first
# the second:
- /subscriptions/6f0e1111-2222-4333-8444-555566667778

  # - not yet
category: Waiver
ticket: "1432"
justification: "It retires: soon."
recommendation: Storage (all)
metadata:
  # of the risk register
  z: 1   # one
  a: [1, {x: "no"}]
  text: |
    line 1
    # no comment

    line 3
# the end
"""

NEAT = """\
# yaml-language-server: $schema=../../schemas/exemption.schema.json
# Agreed with the auditors.

name: messy
recommendation: Storage (all)
scopes:
  - /subscriptions/6f0e1111-2222-4333-8444-555566667777/resourceGroups/rg # first
  # the second:
  - /subscriptions/6f0e1111-2222-4333-8444-555566667778
  # - not yet
category: Waiver
justification: "It retires: soon."
# who answers
owner: data-platform@contoso.example # a team
ticket: "1432"
metadata:
  # of the risk register
  z: 1 # one
  a:
    - 1
    - x: "no"
  text: |
    line 1
    # no comment

    line 3
# the end
"""


def style(text: str) -> str | None:
    document, problems = parse(text, "x.yaml")
    assert document is not None
    assert problems == ()
    return formatted(text, document)


def test_fields_are_ordered_and_comments_move_with_them() -> None:
    assert style(MESSY) == NEAT
    assert style(NEAT) == NEAT


@pytest.mark.parametrize(
    ("messy", "neat"),
    [
        (  # beside what is listed in brackets, and beside the bracket
            "referenceIds: [a, # one\n  b] # two\nname: x\n",
            "name: x\nreferenceIds: # one\n  - a\n  - b # two\n",
        ),
        (
            "referenceIds: [a, # one\n  b # two\n ] # three\nname: x\n",
            "name: x\nreferenceIds: # one\n  - a\n  - b # two\n  # three\n",
        ),
        (  # behind a text of several lines, of which it must not become a part
            "owner: x\njustification: |\n  one\n  # two\n # three\n",
            "# three\njustification: |\n  one\n  # two\nowner: x\n",
        ),
        (
            "owner: x\njustification: |-\n  one\n  two\n # three\n",
            "# three\njustification: |-\n  one\n  two\nowner: x\n",
        ),
    ],
)
def test_comments_at_the_end_of_a_value_stay(messy: str, neat: str) -> None:
    assert style(messy) == neat
    assert style(neat) == neat


@pytest.mark.parametrize(
    ("messy", "neat"),
    [
        ("# one\nmetadata:\n  a: [1,2]\nname: x # two\n", "name: x # two\n# one\nmetadata:\n  a: [1, 2]\n"),
        ("metadata:\n  a: [1, # one\n    2 # two\n    ]\n", "metadata:\n  a: # one\n    - 1\n    - 2 # two\n"),
        ("metadata: {a: [[{x: 1},2]]}\n", "metadata:\n  a:\n    - [{x: 1}, 2]\n"),
    ],
)
def test_a_short_list_stays_in_brackets_unless_a_comment_is_about_an_item(messy: str, neat: str) -> None:
    assert style(messy) == neat
    assert style(neat) == neat


def test_long_text_is_folded_and_reads_the_same() -> None:
    text = "justification: " + "several words and " * 12 + "an end\n"
    found = style(text)
    assert found is not None
    assert max(map(len, found.splitlines())) <= 102
    assert parse(found, "x")[0].data == parse(text, "x")[0].data  # type: ignore[union-attr]


def test_a_word_that_is_longer_than_a_line_stays_whole() -> None:
    link = "https://risks.contoso.example/" + "a" * 90
    assert style(f"justification: See {link} of the register.\n") == (
        f"justification: >-\n  See\n  {link}\n  of the register.\n"
    )


@pytest.mark.parametrize(("length", "is_folded"), [(106, False), (107, True)])
def test_a_text_that_is_little_longer_than_a_line_stays_on_it(length: int, is_folded: bool) -> None:
    text = ("words " * 40)[:length].rstrip().ljust(length, "x")
    line = f"justification: {text}\n"
    assert (style(line) == line) is not is_folded


@pytest.mark.parametrize(("length", "is_in_brackets"), [(90, True), (91, False)])
def test_a_list_that_fits_a_line_stays_in_brackets(length: int, is_in_brackets: bool) -> None:
    line = f"metadata:\n  of: [{'x' * length}]\n"
    assert (style(line) == line) is is_in_brackets


@pytest.mark.parametrize("field", ["metadata", "selectedBy"])
def test_what_people_name_themselves_keeps_its_order(field: str) -> None:
    text = f"{field}:\n  ticket: b\n  owner: a\n  name: c\n"
    assert style(text) == text


@pytest.mark.parametrize("path", sorted((EXAMPLES / "valid").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_valid_example_can_be_formatted_once(path: Path) -> None:
    text = path.read_text("utf-8")
    once = style(text)
    assert once is not None
    assert style(once) == once


def test_check_changes_nothing_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "exemptions" / "messy.yaml"
    file.parent.mkdir()
    file.write_text(MESSY)
    assert main(["fmt", "--check", "--root", str(tmp_path)]) == 1
    assert file.read_text() == MESSY
    assert main(["fmt", "--root", str(tmp_path)]) == 0
    assert file.read_text() == NEAT
    assert main(["fmt", "--check", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert shown.out == "exemptions/messy.yaml\nexemptions/messy.yaml\n"
    assert shown.err == "1 file not in style\n1 file formatted\nevery file is in style\n"


def test_every_path_is_there_before_the_first_is_formatted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("name:   a\n")
    assert guarded(["fmt", str(file), str(tmp_path / "b.yaml"), str(tmp_path / "c.yaml")]) == 1
    shown = capsys.readouterr().err
    assert f"there is no file or folder {str(tmp_path / 'b.yaml')!r}, {str(tmp_path / 'c.yaml')!r}" in shown
    assert file.read_text() == "name:   a\n"


def test_what_is_no_sound_yaml_is_named_and_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in {"twice": "name: a\nname: b\n", "broken": "name: [a\n", "fine": "name:   a\n"}.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    assert main(["fmt", *(str(path) for path in sorted(tmp_path.iterdir()))]) == 1
    shown = capsys.readouterr().err
    assert "twice.yaml:2:1" in shown
    assert "broken.yaml:1:" in shown
    assert (tmp_path / "twice.yaml").read_text() == "name: a\nname: b\n"
    assert (tmp_path / "fine.yaml").read_text() == "name: a\n"


NESTED = """\
  b:
    - - 1
      - 2
"""
"""A list in a list, in whose place on one line there is no room for a comment."""


@pytest.mark.parametrize(
    "comment", [("- 2", "- 2 # two"), ("      - 2", "      # two\n      - 2")], ids=["beside", "above"]
)
def test_a_file_that_would_lose_a_comment_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], comment: tuple[str, str]
) -> None:
    file = tmp_path / "a.yaml"
    text = f"name:   a\nmetadata:\n{NESTED}".replace(*comment)
    file.write_text(text)
    assert main(["fmt", str(file)]) == 1
    assert file.read_text() == text
    shown = capsys.readouterr().err
    assert "it cannot be formatted without changing what it says, so it is left alone" in shown
    assert "move the comments inside a list in a list to lines of their own above its field" in shown
    file.write_text(f"name:   a\nmetadata:\n  # two\n{NESTED}")
    assert main(["fmt", str(file)]) == 0
    assert file.read_text() == "name: a\nmetadata:\n  # two\n  b:\n    - [1, 2]\n"


# --- laws --------------------------------------------------------------------------------------------------------

words = st.text(st.sampled_from("ab01 :-#'\"\\|>[]{},&*!%@`~=?.ä🔒"), max_size=30)
lines = st.lists(words, min_size=1, max_size=3).map("\n".join)
scalars = st.one_of(words, lines, st.integers(-5, 5), st.booleans(), st.none(), st.floats(-9, 9))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(st.sampled_from(ORDER) | words, values, min_size=1, max_size=6)


@given(documents)
def test_any_data_is_written_so_that_it_reads_the_same(data: dict[str, object]) -> None:
    text = yaml.dump(data, allow_unicode=True, sort_keys=False)
    document, problems = parse(text, "x.yaml")
    assume(document is not None and not problems)
    assert document is not None
    result = formatted(text, document)
    assert result is not None
    again, _ = parse(result, "x.yaml")
    assert again is not None
    assert again.data == document.data
    assert formatted(result, again) == result


ROWS = MESSY.replace("# the end\n", f"{NESTED}# the end\n").splitlines()
COMMENTS = st.tuples(
    st.integers(0, len(ROWS)), st.integers(0, 2), st.sampled_from(["# a note", "#note", "# name: no", "# 'x"])
)  # fmt: skip
"""Where a comment of its own stands, how far indented, and what it says."""


def test_comments_anywhere_are_kept_or_the_file_is_left_alone() -> None:
    """Each in a place of its own among the fields, their lists (one of them in a list) and their text of several lines."""
    formats: list[bool] = []

    @given(st.lists(COMMENTS, min_size=1, max_size=8))
    def law(comments: list[tuple[int, int, str]]) -> None:
        rows = [*ROWS]
        for place, indent, comment in sorted(comments, reverse=True):
            rows.insert(place, " " * indent + comment)
        text = "\n".join(rows) + "\n"
        document, problems = parse(text, "x.yaml")
        assume(document is not None and not problems)
        assert document is not None
        result = formatted(text, document)
        formats.append(result is not None)
        if result is not None:
            assert texts(result) == texts(text)
            assert style(result) == result

    law()
    assert sum(formats) > len(formats) / 2, "most files with comments can be formatted"
