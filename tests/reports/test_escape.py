import json
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reconciler.reports.escape import (
    html_text,
    json_document,
    markdown_code,
    markdown_fence,
    printable,
    sarif_text,
    workflow_data,
    workflow_property,
)

ANY = st.text(st.characters(exclude_categories=()))
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, with ümlauts, 日本 and a \\ backslash", "plain text, with ümlauts, 日本 and a \\ backslash"),
        ("\x1b]8;;http://evil\x07click\x1b]8;;\x07", r"\x1b]8;;http://evil\x07click\x1b]8;;\x07"),
        ("\x1b[2K\rDone", r"\x1b[2K\rDone"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x9b31m", r"\x9b31m"),
        ("\x7f", r"\x7f"),
        ("admin\u202egnp.exe", r"admin\u202egnp.exe"),
        ("pay\u200bments\ufeff", r"pay\u200bments\ufeff"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
        ("\u3164\u2800\ufe0f", r"\u3164\u2800\ufe0f"),
        ("no\u00a0break\u3000space", "no\u00a0break\u3000space"),
        ("::error::owned", r"\x3a:error::owned"),
        ("\u3000 ::add-mask::x", "\u3000 \\x3a:add-mask::x"),
        ("scope a::b", "scope a::b"),
        ("x ##[group]y ##VSO[task.setvariable]z ## [fine]", r"x #\x23[group]y #\x23VSO[task.setvariable]z ## [fine]"),
    ],
)
def test_what_is_hidden_or_commands_is_shown_as_an_escape(text, shown):
    assert printable(text) == shown


@given(ANY)
@example("\u00ad::error::x")
@example("##\x00[x]")
def test_printable_text_stays_in_its_line_and_says_nothing_hidden(text):
    shown = printable(text)
    assert not [character for character in shown if unicodedata.category(character) in HIDDEN]
    assert "\n" not in shown
    assert not shown.lstrip().startswith("::")
    assert "##[" not in shown
    assert "##vso[" not in shown.lower()
    assert printable(shown) == shown
    assert shown.encode().decode() == shown


# --- Markdown ----------------------------------------------------------------------------------------------------

MARKDOWN = MarkdownIt("commonmark").enable("table")
NASTY = st.lists(
    st.one_of(
        ANY, st.sampled_from(["`", "``", "|", "\\", "\\|", "@team", "<b>", "](x)", "\n", "~~~", "- ", "# ", "::"])
    )
).map("".join)


@given(NASTY)
@example("`")
@example(" ` ")
@example("\\")
@example("   ")
def test_a_code_span_holds_the_whole_text_and_nothing_else_is_on_its_line(text):
    tokens = MARKDOWN.parse(f"- {markdown_code(text)}")
    inline = next(token for token in tokens if token.type == "inline")
    assert [token.type for token in inline.children] == ["code_inline"]
    shown = printable(text)
    wanted = "(empty)" if not shown.strip() else shown
    assert inline.children[0].content.replace(r"\x40", "@") == wanted.replace(r"\x40", "@")


@given(st.lists(NASTY, min_size=1).map("\n".join))
@example("```\n</details>\n# approved")
@example("~~~")
def test_a_fence_closes_where_we_close_it(text):
    tokens = MARKDOWN.parse(markdown_fence(text) + "\n\nafter")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert tokens[0].content.count("\n") == text.count("\n") + 1


@pytest.mark.parametrize("write", [markdown_code, markdown_fence])
def test_nobody_is_pinged(write):
    assert "@contoso" not in write("thanks @contoso/security and @contoso")
    assert "alice@contoso.example" in write("alice@contoso.example")


# --- other forms -------------------------------------------------------------------------------------------------


def test_workflow_commands_are_escaped_as_the_runner_reads_them():
    assert workflow_data("100% of a,b: c") == "100%25 of a,b: c"
    assert workflow_data("one", "two") == "one%0Atwo"
    assert workflow_property("a,b: 100%") == "a%2Cb%3A 100%25"
    assert workflow_data("one\r\n::set-output::") == r"one\r\n::set-output::"


def test_html_takes_text_and_quoted_attributes():
    assert html_text("<img src=x onerror='a'> & \"b\"") == "&lt;img src=x onerror=&#x27;a&#x27;&gt; &amp; &quot;b&quot;"


def test_sarif_text_makes_no_links():
    assert sarif_text("[here](http://evil)") == r"[here]\x28http://evil)"


@given(st.recursive(ANY | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(ANY, inner)))
def test_json_is_ascii_and_gives_back_what_went_in(value):
    text = json_document({"field": value, "list": [value, value]})
    assert text.isascii()
    assert all(character.isprintable() or character == "\n" for character in text)
    assert json.loads(text) == {"field": value, "list": [value, value]}
