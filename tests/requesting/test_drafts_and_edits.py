"""Every file that a request writes is valid and reads back as what was asked; every edit keeps the rest as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.catalog.catalogue import load
from reconciler.declarations import load_bytes
from reconciler.importing.text import declaration_text
from reconciler.model import Category, Cloud, Declaration, Rules, ScopeKind, Source, parse_scope
from reconciler.model.settings import FolderRule, LifetimeRule
from reconciler.reports.requests import request_body
from reconciler.requesting.drafts import Answers, draft, latest_end, place
from reconciler.requesting.edits import with_field, with_scopes
from reconciler.requesting.issue_form import JUSTIFICATION, OWNER, RECOMMENDATION, RESOURCES, answers_in, issue_form
from reconciler.requesting.subjects import find_subject

CATALOGUE = load()
TDE = find_subject(CATALOGUE, "651967bf-044e-4bde-8376-3e08e0600105").subjects[0]
SUB = "/subscriptions/00000000-0000-4000-8000-000000000001"
GROUP = parse_scope(SUB + "/resourceGroups/rg-data")
SERVER = parse_scope(GROUP.text + "/providers/Microsoft.Sql/servers/legacy-sql")
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
END = datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)
LINE = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=40)


def answers(**more: object) -> Answers:
    usual = {
        "choice": TDE,
        "scopes": (SERVER,),
        "category": Category.WAIVER,
        "justification": "It retires.",
        "owner": "team@contoso.example",
        "expires_on": END,
    }
    return Answers(**(usual | more))  # type: ignore[arg-type]


def drafted(asked: Answers, **more: object) -> Declaration:
    return draft(asked, **({"taken": (), "rules": Rules(), "declarations": ()} | more))  # type: ignore[arg-type]


def test_the_name_says_where_and_what_and_is_free() -> None:
    first = drafted(answers())
    assert first.name == "legacy-sql-transparent-data-encryption-sql"
    second = drafted(answers(), taken=[first.name.upper()])
    assert second.name == f"{first.name}-2"
    assert second.source.file == f"exemptions/{second.name}.yaml"


@settings(deadline=None, max_examples=80)
@given(justification=st.text(min_size=1, max_size=512), owner=LINE, ticket=LINE, asker=LINE, tag=LINE)
def test_what_is_written_is_valid_and_reads_back_equal_or_says_why_not(
    justification: str, owner: str, ticket: str, asker: str, tag: str
) -> None:
    asked = answers(
        justification=justification, owner=owner, ticket=ticket, requested_by=asker, selected_by={tag: ticket}, name="x"
    )
    declaration = drafted(asked)
    text = declaration_text(declaration, {TDE.subject.value: TDE.title})
    loaded, problems = load_bytes(text.encode("utf-8", "surrogatepass"), declaration.source.file)
    if loaded is None:
        assert problems
        assert all(problem.message and problem.source.file == declaration.source.file for problem in problems)
    else:
        assert replace(loaded, source=declaration.source) == declaration


def rule(folder: str, *below: str) -> FolderRule:
    return FolderRule(folder=folder, below=tuple(parse_scope(text) for text in below))


def test_a_file_goes_where_the_folder_rules_say() -> None:
    rules = Rules(folders=(rule("payments", SUB), rule("payments/data", GROUP.text), rule("shop", SUB[:-1] + "2")))
    assert place((SERVER,), rules, ()) == "payments/data"
    assert place((parse_scope(SUB + "/resourceGroups/other"),), rules, ()) == "payments"
    assert place((parse_scope(SUB[:-1] + "3"),), rules, ()) == ""


def test_otherwise_it_goes_to_its_neighbours() -> None:
    neighbour = replace(drafted(answers()), source=Source("exemptions/data/a.yaml"))
    assert place((SERVER,), Rules(), [neighbour]) == "data"
    assert place((parse_scope(SUB[:-1] + "3"),), Rules(), [neighbour]) == ""


def test_it_goes_to_no_neighbour_whose_folder_forbids_it() -> None:
    neighbour = replace(drafted(answers()), source=Source("exemptions/data/a.yaml"))
    groups_only = FolderRule(folder="data", kinds=(ScopeKind.RESOURCE_GROUP,))
    assert place((SERVER,), Rules(folders=(groups_only,)), [neighbour]) == ""
    assert place((SERVER,), Rules(folders=(rule("data", SUB[:-1] + "2"),)), [neighbour]) == ""


def test_the_longest_end_is_what_the_rules_allow() -> None:
    rules = Rules(lifetimes=(LifetimeRule(days=90), LifetimeRule(days=30, severity="High")))
    assert latest_end(rules, Category.WAIVER, frozenset({"Low"}), NOW)[0] == datetime(
        2027, 2, 18, 23, 59, 59, tzinfo=UTC
    )
    assert latest_end(rules, Category.WAIVER, frozenset({"High"}), NOW)[1] == 30
    assert latest_end(Rules(), Category.WAIVER, frozenset({"High"}), NOW)[1] is None


# --- edits -------------------------------------------------------------------------------------------------------

FILE = """\
# yaml-language-server: $schema=../schemas/exemption.schema.json
name: legacy   # the old one
recommendation: 651967bf-044e-4bde-8376-3e08e0600105 # TDE
scopes:
    # both retire
    - "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data"   # data
    - /subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-web
category: 'Waiver'
expiresOn: "2027-01-31"   # end of Lyra
justification: >-
  Server retires
  with Lyra.

owner: team@contoso.example
"""
FORMS = {
    "block": FILE,
    "crlf": FILE.replace("\n", "\r\n"),
    "without expiresOn": FILE.replace('expiresOn: "2027-01-31"   # end of Lyra\n', ""),
    "folded expiresOn": FILE.replace('"2027-01-31"   # end of Lyra', ">-\n  2027-01-31"),
    "no line end": FILE.rstrip("\n"),
    "block last": FILE.replace("owner: team@contoso.example\n", "").replace("name:", "owner: a@contoso.example\nname:"),
    "flow": '{name: legacy, policyDefinition: abc, scopes: ["/subscriptions/00000000-0000-4000-8000-000000000001"], '
    "category: Waiver, justification: It retires., owner: team}",
}


def read(text: str) -> Declaration:
    declaration, problems = load_bytes(text.encode(), "exemptions/legacy.yaml")
    assert declaration is not None, problems
    return declaration


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("field", "value"), [("expiresOn", "2028-02-29"), ("enabled", "false")])
def test_a_field_is_set_and_every_other_line_stays(form: str, field: str, value: str) -> None:
    text = FORMS[form]
    edited = with_field(text, field, value)
    assert edited is not None
    before, after = read(text), read(edited)
    if field == "enabled":
        assert after == replace(before, enabled=False, source=after.source)
    else:
        assert after == replace(before, expires_on=datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC), source=after.source)
    kept = [line for line in text.splitlines() if "2027-01-31" not in line and not line.startswith(("{", "expiresOn"))]
    assert [line for line in edited.splitlines() if line in kept] == kept
    assert edited.count("\n") == edited.count("\r\n") or "\r\n" not in edited + text, "line ends of one kind"
    if "end of Lyra" in text:
        assert "# end of Lyra" in edited


def test_scopes_come_and_go_and_the_others_keep_their_comments() -> None:
    kept, gone = (scope.text for scope in read(FILE).scopes)
    edited = with_scopes(FILE, [kept, SERVER.text])
    assert edited is not None
    assert [scope.text for scope in read(edited).scopes] == [kept, SERVER.text]
    assert "# data" in edited
    assert gone not in edited
    expected = FILE.replace(f"    - {gone}\n", f"    - {SERVER.text}\n")
    assert edited == expected


def test_scopes_in_brackets_are_written_in_brackets() -> None:
    edited = with_scopes(FORMS["flow"], [SERVER.text])
    assert edited is not None
    assert [scope.text for scope in read(edited).scopes] == [SERVER.text]


@settings(deadline=None, max_examples=60)
@given(justification=st.text(min_size=1, max_size=200), owner=st.text(min_size=1, max_size=60))
def test_no_text_leaves_its_place_in_the_pull_request(justification: str, owner: str) -> None:
    declaration = drafted(answers(justification=justification, owner=owner))
    usual = drafted(answers(justification="x", owner="y"))
    body, expected = (request_body(written, TDE, Cloud.PUBLIC, 7) for written in (declaration, usual))
    assert len(body.split("\n")) == len(expected.split("\n"))
    assert [line.split(" ")[:2] for line in body.split("\n")] == [line.split(" ")[:2] for line in expected.split("\n")]


# --- the issue form ----------------------------------------------------------------------------------------------


def test_a_filled_form_is_read() -> None:
    body = f"### {RECOMMENDATION}\r\n\r\nTDE\r\n\r\n### {RESOURCES}\n\n{SERVER.text}\n\n### {OWNER}\n\n_No response_\n\n### {JUSTIFICATION}\n\nIt retires."
    said, unclear = answers_in(body)
    assert said == {RECOMMENDATION: "TDE", RESOURCES: SERVER.text, JUSTIFICATION: "It retires."}
    assert not unclear


def test_headings_inside_the_justification_belong_to_it() -> None:
    body = f"### {OWNER}\n\nme\n\n### {JUSTIFICATION}\n\nyes\n\n### {OWNER}\n\nsomebody else"
    said, _ = answers_in(body)
    assert said[OWNER] == "me"
    assert said[JUSTIFICATION].endswith("somebody else")


@given(st.text())
def test_any_body_is_read(body: str) -> None:
    said, unclear = answers_in(body)
    assert bool(said) <= (not unclear)


def test_the_form_offers_the_catalogues_categories() -> None:
    form = issue_form(CATALOGUE.recommendation_categories)
    assert all(name in form for name in CATALOGUE.recommendation_categories)
