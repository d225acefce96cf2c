"""Law 9: any text renders safely, in every form. One text is put wherever a person or Azure could have written it."""

import dataclasses
import json
import re
import unicodedata
from html.parser import HTMLParser

import pytest
import samples
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reconciler.applying.outcomes import Outcome, summarise
from reconciler.kinds import FindingKind
from reconciler.model import (
    Category,
    Declaration,
    Exemption,
    ResourceSelector,
    Selector,
    Severity,
    Source,
    Status,
    Subject,
    SubjectKind,
    SystemData,
    Unread,
    arm_id,
)
from reconciler.planning.evidence import Evidence, FieldDifference
from reconciler.planning.values import Reason, Refusal, Request, Topic, Widening
from reconciler.problems import Problem
from reconciler.reports.context import ReportContext
from reconciler.reports.drift_html import drift_html
from reconciler.reports.drift_json import drift_json
from reconciler.reports.drift_markdown import drift_markdown
from reconciler.reports.drift_sarif import drift_sarif
from reconciler.reports.drift_text import drift_text
from reconciler.reports.markdown import LIMIT
from reconciler.reports.outcomes import outcome_report
from reconciler.reports.outcomes_json import outcomes_json
from reconciler.reports.outcomes_markdown import outcomes_markdown
from reconciler.reports.outcomes_text import outcomes_text
from reconciler.reports.plan import plan_report
from reconciler.reports.plan_json import plan_json_pieces
from reconciler.reports.problems import problems_github, problems_json, problems_sarif, problems_text

MARK = "Zq9"  # no word of ours holds it: where it stands, hostile text stands
FRAGMENTS = [
    "::error::x", "\n::add-mask::x", "##[group]", "##vso[task.complete]", "\x1b[2J", "\x1b]52;c;x\x07", "\x9b", "\x7f", "\x00", "\r", "\n", "\t",
    "\u202e", "\u2066", "\u200b", "\ufeff", "\u2028", "\U000e0041", "\ud800", "`", "```", "`````\n", "~~~", "|", "\\", "@everyone", "@a/b",
    "<script>alert(1)</script>", "<img src=http://x>", "</details>", "<!--", "-->", "](http://x)", "![x](http://x)", "http://x", "www.x.example",
    "# h", "- x", "> x", "&lt;", "&#64;", "%0A", "%25", ",", ":", "{0}", "'", '"', " ", "ü", "日本", "😀", "#1", "closes #1",
]  # fmt: skip
HOSTILE = st.lists(
    st.one_of(st.sampled_from(FRAGMENTS), st.text(st.characters(exclude_categories=()), max_size=8)), max_size=8
).map("".join)
MARKED = HOSTILE.map(lambda text: f"{text}{MARK}{text}")


def hostile_exemption(text, number=0):
    scope = f"/subscriptions/{text}/resourceGroups/{text}/providers/{text}/{text}/{text}{number}"
    return Exemption(
        id=arm_id(f"{scope}/providers/Microsoft.Authorization/policyExemptions/{text}"),
        assignment=arm_id(
            f"/providers/Microsoft.Management/managementGroups/{text}/providers/x/policyAssignments/{text}"
        ),
        category=text,
        reference_ids=(text, f"{text}{number}"),
        display_name=text,
        description=text,
        expires_on=text,
        selectors=(ResourceSelector(text, (Selector(kind=text, values=(text,)),)),),
        validation=text,
        metadata={text: text, "owner": text, "pacOwnerId": text, "nested": {text: [text, number]}},
        extra={f"x{text}": {text: number}},
        system=SystemData(created_by=text, created_by_type=text),
    )


def hostile_plan(text, **fields):
    one, two = hostile_exemption(text, 1), hostile_exemption(text, 2)
    made = [
        samples.change(None, one, declaration=text, also_exempts=(text,)),
        samples.change(one, dataclasses.replace(two, reference_ids=()), Reason.TAKE_OVER, text, widens=tuple(Widening)),
        samples.change(one, two, Reason.ADOPT, None),
        samples.change(two, None, Reason.DUPLICATE, text, relies_on=(one,)),
    ]
    place = Source(text, 3, 4)
    held = dataclasses.replace(
        samples.held(), declaration=text, message=text, remedy=text, source=place, scope=arm_id(text)
    )
    return samples.plan(
        [dataclasses.replace(change, source=place) for change in made],
        **{"owner": text, "tenant_id": text, "revision": text, "scopes": (arm_id(text),), "held": (held,), "findings": hostile_findings(text),
           "requests": {text: Request(declaration=hostile_declaration(text), topics=(Topic(title=text, severity="High"),))},
           "refusals": (Refusal(rule=text, message=text, remedy=text),), "unread": (Unread(scope=arm_id(text), what=text, message=text, remedy=text),), **fields},
    )  # fmt: skip


def hostile_declaration(text):
    subject = Subject(kind=SubjectKind.RECOMMENDATION, value=text)
    return Declaration(
        name=text,
        subject=subject,
        scopes=(arm_id(text),),
        category=Category.WAIVER,
        justification=text,
        owner=text,
        source=Source(text),
        ticket=text,
        requested_by=text,
    )


def hostile_findings(text):
    flat = text.replace("\n", " ")
    texts = {
        field.name: (text,) if field.type.startswith("tuple[str") else text
        for field in dataclasses.fields(Evidence)
        if field.type in {"str", "tuple[str, ...]"}
    }
    evidence = Evidence(
        **{**texts, "patch": f"--- a/{flat}\n+++ b/{flat}\n@@ -1 +1 @@\n-{flat}\n+{flat}\n"},
        system=SystemData(
            created_by=text, created_by_type=text, last_modified_by=f"{text}!", last_modified_by_type=text
        ),
        changed=(
            FieldDifference(path=text, declared=text, existing=[text]),
            FieldDifference(path="x", declared=None, existing={text: 1}),
        ),
    )
    found = samples.findings()[0]
    made = {
        "subject": hostile_exemption(text).id,
        "message": text,
        "remedy": text,
        "evidence": evidence,
        "declaration": text,
    }
    return (
        dataclasses.replace(found, **made, source=Source(text, 3, 4)),
        dataclasses.replace(found, **made, kind=FindingKind.MISSING, severity_override=Severity.ERROR, assignment=None),
        dataclasses.replace(found, **{**made, "subject": arm_id(text)}, severity_override=Severity.WARNING),
    )


def hostile_report(text):
    earlier = {text: {"id": text, "kind": text, "subject": text}}
    return samples.drift_report(owner=text, tenant_id=text, revision=text, scopes=(arm_id(text),), findings=hostile_findings(text),
        unread=(Unread(scope=arm_id(text), what=text, message=text, remedy=text),), earlier=earlier)  # fmt: skip


def hostile_run(text):
    plan = hostile_plan(text, refusals=())
    statuses = [Status.DONE, Status.FAILED, Status.SKIPPED, Status.AWAITING]
    ended = summarise(
        plan,
        [
            Outcome(change=change, status=status, message=text, remedy=text, cause=None, correlation=text)
            for change, status in zip(plan.changes, statuses, strict=True)
        ],
    )
    return outcome_report(ended, plan)


def hostile_problems(text):
    made = [
        Problem(
            source=Source(f"{text}{n}", n, n),
            code=text,
            message=text,
            remedy=text,
            path=text,
            severity_override=severity,
        )
        for severity in Severity
        for n in range(1, 13)
    ]
    return [*made, Problem(source=Source(text), code="code", message=text, severity_override=Severity.WARNING)]


def names(text):
    keys = ("/subscriptions/", "/providers/microsoft.management/managementgroups/")
    assignment = hostile_exemption(text).assignment.key
    return {**{f"{key}{text}".lower(): text for key in keys}, assignment: text, text.lower(): text}


TEXT = {
    "plan": lambda text: samples.text_of(hostile_plan(text), names(text)),
    "outcomes": lambda text: outcomes_text(hostile_run(text), ReportContext(names=names(text), verbose=True)),
    "drift": lambda text: drift_text(hostile_report(text), names(text)),
    "problems": lambda text: problems_text(hostile_problems(text)),
}
MARKDOWN = {
    "plan": lambda text: samples.comment_of(hostile_plan(text), names(text)),
    "outcomes": lambda text: outcomes_markdown(hostile_run(text), ReportContext(names=names(text))),
    "drift": lambda text: drift_markdown(hostile_report(text), names(text)),
}
JSON = {
    "plan": lambda text: "".join(plan_json_pieces(plan_report(hostile_plan(text)))),
    "outcomes": lambda text: outcomes_json(hostile_run(text), 1),
    "drift": lambda text: drift_json(hostile_report(text)),
    "problems": lambda text: problems_json(hostile_problems(text)),
}
SARIF = {
    "drift": lambda text: drift_sarif(hostile_report(text), names(text)),
    "problems": lambda text: problems_sarif(hostile_problems(text)),
}
law = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check_characters(output):
    hidden = {
        character
        for character in output
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    }
    assert hidden <= {"\n"}
    assert output.encode().decode() == output


def check_no_command(output):
    """As GitHub's runner and Azure's agent look for commands."""
    for line in output.split("\n"):
        assert not line.strip().startswith("::")
    assert "##[" not in output
    assert "##vso[" not in output.lower()


@pytest.mark.parametrize("form", TEXT)
@given(text=MARKED)
@example(text="\n".join(FRAGMENTS) + MARK)
@law
def test_text_has_no_control_and_no_command(form, text):
    output = TEXT[form](text)
    check_characters(output)
    check_no_command(output)
    assert MARK in output


@pytest.mark.parametrize("form", TEXT)
@given(text=MARKED)
@law
def test_a_value_never_adds_a_line(form, text):
    assert TEXT[form](text).count("\n") == TEXT[form](MARK).count("\n")


@pytest.mark.parametrize("form", JSON)
@given(text=MARKED)
@example(text="\n".join(FRAGMENTS) + MARK)
@law
def test_json_is_ascii_and_says_exactly_what_was_written(form, text):
    output = JSON[form](text)
    assert output.isascii()
    check_characters(output)
    check_no_command(output)
    assert text in strings(json.loads(output))


@pytest.mark.parametrize("form", SARIF)
@given(text=MARKED)
@law
def test_sarif_is_json_without_links(form, text):
    output = SARIF[form](text)
    check_characters(output)
    check_no_command(output)
    messages = [result["message"]["text"] for run in json.loads(output)["runs"] for result in run["results"]]
    assert any(MARK in message for message in messages)
    for message in messages:
        check_characters(message)
        assert "](" not in message


def strings(value):
    if isinstance(value, dict):
        return {each for pair in value.items() for part in pair for each in strings(part)}
    if isinstance(value, list):
        return {each for part in value for each in strings(part)}
    return {value} if isinstance(value, str) else set()


# --- Markdown ----------------------------------------------------------------------------------------------------

PARSER = MarkdownIt("commonmark").enable("table")
FOLD = re.compile(r"(<!-- exempt:\w+ -->|<details><summary>[A-Za-z ]+ \(\d+\)</summary>|</details>)\n?")


def outside_code(token):
    """The texts of a paragraph, heading or cell that stand outside of code."""
    return [child.content for child in token.children if child.type != "code_inline"]


@pytest.mark.parametrize("form", MARKDOWN)
@given(text=MARKED)
@example(text="\n".join(FRAGMENTS) + MARK)
@example(text=f"`{MARK}" * 300)
@law
def test_markdown_holds_values_in_code_and_nowhere_else(form, text):
    output = MARKDOWN[form](text)
    check_characters(output)
    check_no_command(output)
    assert len(output.encode()) <= LIMIT
    assert not re.search(r"(?<!\w)@\w", output, re.ASCII)
    tokens = PARSER.parse(output)
    inlines = [token for token in tokens if token.type == "inline"]
    assert not [said for token in inlines for said in outside_code(token) if MARK in said]
    assert {child.type for token in inlines for child in token.children} <= {
        "text", "code_inline", "strong_open", "strong_close", "em_open", "em_close", "softbreak", "html_inline",
    }  # fmt: skip
    html = [child.content for token in inlines for child in token.children if child.type == "html_inline"]
    assert set(html) <= {"<br>"}
    assert all(FOLD.fullmatch(token.content) for token in tokens if token.type == "html_block")
    assert any(MARK in token.content for token in tokens if token.type in {"inline", "fence"})


@pytest.mark.parametrize("form", MARKDOWN)
@given(text=HOSTILE.map(lambda text: f"{MARK}{text}"[:40]))
@law
def test_markdown_has_the_same_shape_for_every_text(form, text):
    """Same headings, lists, tables and fences; `x` stands in, so that nothing is left out for being empty or too long."""
    shapes = [[token.type for token in PARSER.parse(MARKDOWN[form](each))] for each in (text, MARK)]
    assert shapes[0] == shapes[1]


# --- HTML --------------------------------------------------------------------------------------------------------


class Shape(HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.links, self.said = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in {"href", "src"}]
        assert {name for name, _ in attrs} <= {
            "lang",
            "charset",
            "http-equiv",
            "content",
            "name",
            "class",
            "id",
            "aria-labelledby",
            "href",
            "scope",
            "rel",
        }
        assert not [value for name, value in attrs if MARK in value]

    def handle_endtag(self, tag):
        self.tags.append(f"/{tag}")

    def handle_comment(self, data):
        raise AssertionError(data)

    def handle_data(self, data):
        self.said.append(data)


@given(text=MARKED)
@example(text="\n".join(FRAGMENTS) + MARK)
@law
def test_the_page_has_the_same_shape_for_every_text(text):
    output = drift_html(hostile_report(text), names(text))
    check_characters(output)
    check_no_command(output)
    found, wanted = Shape(output), Shape(drift_html(hostile_report(MARK), names(MARK)))
    assert found.tags == wanted.tags
    assert all(link.startswith("#") for link in found.links)
    assert any(MARK in said for said in found.said)


# --- GitHub ------------------------------------------------------------------------------------------------------


def command(line):
    """A workflow command as the runner reads it: name, properties and message, or None for a plain line."""
    if not line.lstrip().startswith("::"):
        return None
    head, found, data = line.lstrip()[2:].partition("::")
    assert found
    name, _, properties = head.partition(" ")
    pairs = dict(pair.split("=", 1) for pair in properties.split(","))
    unescaped = {key: unescape(value, ":,") for key, value in pairs.items()}
    return name, unescaped, unescape(data, "")


def unescape(text, extra):
    for character in ("\r", "\n", *extra, "%"):
        text = text.replace(f"%{ord(character):02X}", character)
    return text


@given(text=MARKED)
@example(text="\n".join(FRAGMENTS) + MARK)
@law
def test_annotations_are_our_commands_alone(text):
    output = problems_github(hostile_problems(text))
    check_characters(output)
    assert "##[" not in output
    commands = [found for found in map(command, output.rstrip("\n").split("\n")) if found]
    assert [name for name, _, _ in commands] == ["error"] * 10 + ["warning"] * 10 + ["notice"] * 10
    for _, properties, message in commands:
        assert set(properties) in ({"file", "line", "col", "title"}, {"title"})
        assert MARK in message or message.startswith("and ")
        check_characters(message)
        check_characters(properties.get("file", ""))
