"""Defender's old disable rules: what a published form describes is translated, the rest is quoted and nothing guessed."""

import json

import pytest

from reconciler.arm import objects
from reconciler.importing.disable_rules import disable_rule_rows

SCOPE = "/subscriptions/6f0e0000-0000-4000-8000-000000000001"


def condition(name, value):
    operation = "ContainedInOperation" if name == "cveId" else "LessThanFilterOperation"
    said = {"values": [{"title": title} for title in value]} if name == "cveId" else {"value": value}
    return {"field": f"va.cve.{name}", "operationType": operation, "operation": said}


CVES = condition("cveId", ["CVE-2020-1347"])
LOW = condition("severity", "Low")
SCORE = condition("cvss", "8.0")
PATCHABLE = {"field": "va.cve.patchable", "operationType": "EqualsOperation", "operation": {"value": "false"}}


def remedies(filters):
    properties = {
        "policyDefinitionId": "/providers/Microsoft.Authorization/policySetDefinitions/s",
        "metadata": {"subAssessmentSettings": {"filters": filters}},
    }
    name = f"{SCOPE}/providers/Microsoft.Authorization/policyAssignments/old"
    assignment = objects.decode_assignment({"id": name, "name": "old", "properties": properties})
    return [row.remedy for row in disable_rule_rows([assignment])]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (
            [{"if": {"allOf": [CVES, LOW, SCORE]}}],
            ["vulnerabilities: {cves: [CVE-2020-1347], minSeverity: Low, cvssBelow: 8.0}"],
        ),
        (
            [{"if": {"anyOf": [LOW, SCORE]}}],
            ["vulnerabilities: {minSeverity: Low}", "vulnerabilities: {cvssBelow: 8.0}"],
        ),
        ([{"if": {"allOf": [LOW]}}, {"if": {"allOf": [SCORE]}}], ["{minSeverity: Low}; ", "{cvssBelow: 8.0}; "]),
        ([SCORE], ["vulnerabilities: {cvssBelow: 8.0}"]),
        ([{"cve": "cve-2021-44228"}], ["{cves: [CVE-2021-44228]} says its CVEs, but not what else is in"]),
    ],
)
def test_what_a_published_form_describes_is_translated(filters, expected):
    for form in (filters, json.dumps(filters)):
        (remedy,) = remedies(form)
        assert all(text in remedy for text in expected)


@pytest.mark.parametrize(
    "filters",
    [
        [{"if": {"allOf": [LOW, PATCHABLE]}}],
        [PATCHABLE],
        [LOW, SCORE],
        [{"if": {"allOf": [LOW, condition("severity", "High")]}}],
        [condition("severity", "low}, adopt: true")],
        [condition("cvss", "10.5")],
        [condition("cvss", "nan")],
        [condition("cvss", "high")],
        [condition("cveId", ["every one"])],
        "severity < Medium",
        "[" * 5000,
    ],
)
def test_what_none_describes_is_quoted_and_never_half_translated(filters):
    (remedy,) = remedies(filters)
    assert "no public form describes" in remedy
    assert "vulnerabilities: {" not in remedy
    assert "nothing public says how non-patchable is written" in remedy


def test_without_any_there_is_no_row():
    assert remedies([]) == remedies("") == []
