"""`exempt export`: for spreadsheets, for programs, and in EPAC's form, which gives the same declarations when it is imported."""

import csv
import io
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from importing.hand_made import RECOMMENDATIONS
from laws.scenarios import NORTH, SQL, later
from main_job import repositories as repo
from planning.world import CATALOGUE, RG, SUB, declaration

from reconciler.cli.main import guarded
from reconciler.importing.epac import epac_rows
from reconciler.importing.foreign import import_rows
from reconciler.importing.row_rules import RowRules
from reconciler.importing.values import Outcome
from reconciler.model import Category, Subject, SubjectKind
from reconciler.reports.export import Export, export_epac

ASSIGNMENT = f"{SUB}/providers/Microsoft.Authorization/policyAssignments/mcsb"
SUBJECTS = [
    Subject(kind=SubjectKind.RECOMMENDATION, value=RECOMMENDATIONS[0].key),
    Subject(kind=SubjectKind.RECOMMENDATION, value=RECOMMENDATIONS[0].title, further=(RECOMMENDATIONS[1].key,)),
    Subject(kind=SubjectKind.POLICY, value="404c3081-a854-4457-ae30-26a93ef643f9"),
    Subject(kind=SubjectKind.POLICY, value=f"{SUB}/providers/Microsoft.Authorization/policyDefinitions/own"),
    Subject(kind=SubjectKind.INITIATIVE, value="1f3afdf9-d0c9-4c3d-847f-89da613e70a8", reference_ids=("secureTransferToStorageAccountMonitoring",)),
    Subject(kind=SubjectKind.ASSIGNMENT, value=ASSIGNMENT, reference_ids=("a", "b, c")),
    Subject(kind=SubjectKind.ASSIGNMENT, value=ASSIGNMENT),
]  # fmt: skip

declarations = st.builds(
    declaration,
    st.just("Any.Name-1") | st.just("x" * 90),
    st.just(RG),
    subject=st.sampled_from(SUBJECTS),
    scopes=st.sampled_from([(RG,), (RG, SUB)]),
    category=st.sampled_from(list(Category)),
    expires_on=later,
    ticket=st.sampled_from(["", "SEC-7"]),
    requested_by=st.sampled_from(["", "ann@contoso.example"]),
    display_name=st.sampled_from(["", "Shown"]),
    justification=st.sampled_from(["Because.", "Two\nlines: # yes"]),
    selectors=st.sampled_from([(), NORTH, SQL]),
    metadata=st.sampled_from([{}, {"costCentre": "17", "n": [1, {"a": None}], "ticketRef": "X-1"}]),
    adopt=st.booleans(),
    take_over=st.sampled_from([None, None, "epac"]),
)


@settings(max_examples=200, deadline=None)
@given(declarations)
def test_what_is_exported_in_epacs_form_and_imported_again_is_the_same(declared):
    if declared.take_over:
        declared = replace(declared, adopt=False)
    text = export_epac(Export(declarations=[declared], catalogue=CATALOGUE))
    imported = import_rows(list(epac_rows(text, "epac.json")), RowRules(catalogue=CATALOGUE), (), ()).imported
    (file,) = imported.files
    assert replace(file.declaration, source=declared.source) == declared
    assert not imported.count(Outcome.REFUSED)
    names = [row["name"] for row in json.loads(text)["exemptions"]]
    assert all(len(name) <= 64 for name in names)
    assert len(set(names)) == len(names)


@pytest.fixture
def root(tmp_path):
    secure = "Secure transfer to storage accounts should be enabled"
    rows = [
        {
            "name": "one",
            "recommendation": secure,
            "scopes": [RG.text],
            "justification": "=1+1",
            "expiresOn": "2027-01-31",
        },
        {"name": "two", "policyAssignment": ASSIGNMENT, "referenceIds": ["a"], "scopes": [SUB.text], "enabled": False},
    ]
    return repo.write(tmp_path, rows)


def test_csv_is_safe_in_a_spreadsheet_and_names_what_is_exempted(root, capsys):
    assert guarded(["export", "--format", "csv", "--root", str(root)]) == 0
    one, two = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (one["justification"], one["expiresOn"], two["enabled"]) == ("'=1+1", "2027-01-31", "no")
    assert one["title"].startswith("Secure transfer")


def test_json_has_the_fields_of_the_files_and_disabled_ones_have_no_row_in_epac(root, capsys):
    assert guarded(["export", "--format", "json", "--root", str(root)]) == 0
    one, two = json.loads(capsys.readouterr().out)["declarations"]
    assert (one["scopes"], two["enabled"], two["referenceIds"]) == ([RG.text], False, ["a"])
    assert guarded(["export", "--format", "epac", "--root", str(root)]) == 0
    shown = capsys.readouterr()
    assert len(json.loads(shown.out)["exemptions"]) == 1
    assert "two" in shown.err


def test_conditions_on_findings_are_written_as_such_and_epac_has_no_word_for_what_no_policy_stands_behind(
    tmp_path, capsys
):
    conditions = {"cves": ["CVE-2020-1347", "CVE-2021-44228"], "minSeverity": "Low", "cvssBelow": 8.0}
    alone = {
        "name": "findings",
        "recommendation": "d44de051-1862-48f8-8476-192aee854699",
        "vulnerabilities": conditions,
    }
    rows = [alone, {"name": "updates", "recommendationCategory": "SystemUpdate"}]
    root = repo.write(tmp_path, [{**row, "scopes": [SUB.text]} for row in rows])
    assert guarded(["export", "--format", "json", "--root", str(root)]) == 0
    findings, updates = json.loads(capsys.readouterr().out)["declarations"]
    assert (findings["vulnerabilities"], updates["recommendationCategory"]) == (conditions, "SystemUpdate")
    assert "resourceSelectors" not in findings
    assert guarded(["export", "--format", "csv", "--root", str(root)]) == 0
    row = next(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert row["vulnerabilities"] == "cves CVE-2020-1347, CVE-2021-44228; minSeverity Low; cvssBelow 8.0"
    assert guarded(["export", "--format", "epac", "--root", str(root)]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["exemptions"] == []
    assert "no policy stands behind Anti-Virus scans" in shown.err
    assert "SystemUpdate is a category of recommendations" in shown.err
