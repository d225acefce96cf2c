import json
import re
from dataclasses import replace

import pytest

from reconciler.codes import FileCode, RuleCode
from reconciler.model import Severity, Source
from reconciler.problems import Problem
from reconciler.reports.problems import (
    problems_github,
    problems_json,
    problems_sarif,
    problems_summary,
    problems_text,
)
from reconciler.reports.sarif import MOST

WEB = Source("exemptions/web.yaml", 7, 15)
MISTAKES = [
    Problem(
        source=WEB,
        code=FileCode.SCHEMA,
        message="'waiver' is not one of 'Waiver', 'Mitigated'",
        remedy="categories are case-sensitive",
        path="category",
    ),
    Problem(
        source=Source("exemptions/web.yaml", 2, 1),
        code=RuleCode.RULE_LIFETIME,
        message="scopes[0] may run 90 days at most",
        remedy="",
        path="scopes[0]",
    ),
    Problem(
        source=Source("exemptions/data/a,b.yaml"),
        code="type",
        message="sub/x is no parent: 100%",
        remedy="drop it\nor not",
        severity_override=Severity.WARNING,
    ),
]


def test_text_says_where_what_and_what_to_do():
    assert problems_text(MISTAKES) == (
        "exemptions/data/a,b.yaml:1:1: warning: sub/x is no parent: 100% [type]\n"
        "help: drop it\\nor not\n"
        "exemptions/web.yaml:2:1: scopes[0] may run 90 days at most [rule-lifetime]\n"
        "exemptions/web.yaml:7:15: category: 'waiver' is not one of 'Waiver', 'Mitigated' [schema]\n"
        "help: categories are case-sensitive\n"
    )
    assert problems_text([]) == ""


def test_summary_counts_errors_warnings_and_files():
    assert problems_summary(MISTAKES) == "2 errors, 1 warning in 2 files"
    assert problems_summary([]) == "no problems"


def test_json_is_sorted_and_says_whether_anything_fails():
    found = json.loads(problems_json(MISTAKES))
    assert found["valid"] is False
    assert [each["line"] for each in found["problems"]] == [1, 2, 7]
    assert found["problems"][2] == {
        "level": "error", "code": "schema", "file": "exemptions/web.yaml", "line": 7, "column": 15, "path": "category",
        "message": "'waiver' is not one of 'Waiver', 'Mitigated'", "help": "categories are case-sensitive",
    }  # fmt: skip
    assert json.loads(problems_json(MISTAKES[2:]))["valid"] is True
    assert json.loads(problems_json([]))["problems"] == []


def test_annotations_stand_at_the_mistake():
    assert problems_github(MISTAKES).splitlines() == [
        "::error file=exemptions/web.yaml,line=2,col=1,title=exempt%3A rule-lifetime::scopes[0] may run 90 days at most",
        "::error file=exemptions/web.yaml,line=7,col=15,title=exempt%3A schema::category: 'waiver' is not one of 'Waiver', 'Mitigated'%0Ahelp: categories are case-sensitive",
        "::warning file=exemptions/data/a%2Cb.yaml,line=1,col=1,title=exempt%3A type::sub/x is no parent: 100%25%0Ahelp: drop it\\nor not",
    ]


@pytest.mark.parametrize(("number", "annotations", "listed"), [(10, 10, 0), (11, 10, 2), (500, 10, 491)])
def test_annotations_keep_within_githubs_limit_and_lose_nothing(number, annotations, listed):
    mistakes = [
        Problem(source=Source(f"exemptions/{n:03}.yaml"), code=FileCode.SCHEMA, message=f"mistake {n:03}")
        for n in range(number)
    ]
    lines = problems_github([*mistakes, MISTAKES[2]]).splitlines()
    assert sum(line.startswith("::error ") for line in lines) == annotations
    assert sum(line.startswith("::warning ") for line in lines) == 1
    assert sum(bool(re.match(r"exemptions/\d{3}\.yaml:1:1: ", line)) for line in lines) == listed
    assert all(any(f"mistake {n:03}" in line for line in lines) for n in range(number))
    assert bool(listed) == any(f"and {listed} more errors" in line for line in lines)


def test_sarif_has_a_rule_for_each_code_and_a_place_for_each_result():
    (run,) = json.loads(problems_sarif(MISTAKES))["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["rule-lifetime", "schema", "type"]
    results = run["results"]
    assert [run["tool"]["driver"]["rules"][each["ruleIndex"]]["id"] for each in results] == [
        each["ruleId"] for each in results
    ]
    place = results[2]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "exemptions/web.yaml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 7, "startColumn": 15}
    assert results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "exemptions/data/a%2Cb.yaml"


def test_a_result_is_the_same_alert_when_lines_move_and_another_beside_its_like():
    def fingerprints(problems):
        return [
            each["partialFingerprints"]["exempt/v1"]
            for each in json.loads(problems_sarif(problems))["runs"][0]["results"]
        ]

    moved = [replace(MISTAKES[0], source=Source(WEB.file, 90, 3))]
    assert fingerprints(moved) == fingerprints(MISTAKES[:1])
    assert len(set(fingerprints([*MISTAKES, *moved]))) == 4


def test_sarif_keeps_within_what_code_scanning_takes_and_says_what_it_left_out():
    mistakes = [Problem(source=Source(f"{n:05}.yaml"), code=FileCode.SCHEMA, message="wrong") for n in range(MOST + 5)]
    results = json.loads(problems_sarif(mistakes))["runs"][0]["results"]
    assert len(results) == MOST
    assert results[-1]["message"]["text"].startswith("6 more results are left out")
    assert len(json.loads(problems_sarif(mistakes[:MOST]))["runs"][0]["results"]) == MOST
