import dataclasses
import json
from html import escape
from html.parser import HTMLParser

import samples
from jsonschema import Draft202012Validator
from referencing import Registry

from reconciler.kinds import FindingKind
from reconciler.model import Severity, Source
from reconciler.package_data import schema_path
from reconciler.planning.evidence import Evidence
from reconciler.reports.drift import identify
from reconciler.reports.drift_html import drift_html
from reconciler.reports.drift_json import drift_json
from reconciler.reports.drift_markdown import drift_comment, drift_markdown
from reconciler.reports.drift_sarif import drift_sarif
from reconciler.reports.drift_text import drift_text
from reconciler.reports.markdown import LIMIT

SCHEMA = json.loads(schema_path("drift").read_text(encoding="utf-8"))
REPORT = samples.drift_report()


def test_every_form_of_the_report(golden):
    golden("drift.txt", drift_text(REPORT, samples.NAMES))
    golden("drift.json", drift_json(REPORT, "0.1.0"))
    golden("drift.md", drift_markdown(REPORT, samples.NAMES))
    golden("drift.sarif", drift_sarif(REPORT, samples.NAMES))
    golden("drift.html", drift_html(REPORT, samples.NAMES))


def test_the_json_form_is_what_the_schema_says():
    Draft202012Validator.check_schema(SCHEMA)
    validator = Draft202012Validator(SCHEMA, registry=Registry())
    earlier = {"0123456789abcdef": {"id": "0123456789abcdef", "kind": "missing"}}
    for report in (REPORT, samples.drift_report(findings=()), samples.incomplete_report(earlier=earlier)):
        document = json.loads(drift_json(report))
        validator.validate(document)
        assert set(document) == set(SCHEMA["properties"]) == set(SCHEMA["required"])
        for finding in document["findings"]:
            assert set(finding) == set(SCHEMA["$defs"]["finding"]["properties"])
    assert set(SCHEMA["$defs"]["finding"]["properties"]["kind"]["enum"]) == {kind.value for kind in FindingKind}


def test_a_clean_tenant_is_one_sentence():
    clean = samples.drift_report(findings=())
    assert drift_text(clean) == "No drift. Azure matches the declarations.\n"
    assert "No drift. Azure matches the declarations." in drift_html(clean)
    assert "### No drift. Azure matches the declarations.\n" in drift_markdown(clean)
    assert json.loads(drift_sarif(clean))["runs"][0]["results"] == []


def test_an_incomplete_read_never_claims_that_nothing_is_wrong():
    report = samples.incomplete_report()
    for write in (drift_text, drift_markdown, drift_html, drift_sarif):
        assert "matches the declarations" not in write(report)
        assert "silence about it means nothing" in write(report)
        assert "AuthorizationFailed" in write(report)
    assert json.loads(drift_json(report))["complete"] is False
    assert "not everything could be read" in drift_text(dataclasses.replace(report, findings=()))


def test_after_an_incomplete_read_nobody_claims_that_something_is_gone():
    earlier = {"0123456789abcdef": {"id": "0123456789abcdef", "kind": "missing", "subject": "/x"}}
    report = samples.incomplete_report(earlier=earlier)
    assert json.loads(drift_json(report))["gone"] == []
    assert "Since the earlier report: 1 new, 0 still there, what is gone is not known" in drift_text(report)


# --- ids ---------------------------------------------------------------------------------------------------------


def ids(*findings):
    return [each.id for each in identify(samples.drift_report(findings=findings))]


def test_an_id_does_not_move_with_dates_people_lines_or_order():
    finding = samples.findings()[1]
    later = dataclasses.replace(
        finding, message="expires in 8 days", remedy="", source=Source("other.yaml", 99), evidence=Evidence(count=1)
    )
    assert ids(finding) == ids(later)
    assert ids(*REPORT.findings) == ids(*reversed(REPORT.findings))


def test_an_id_tells_kind_subject_assignment_and_declaration_apart():
    finding = REPORT.findings[2]
    others = [
        dataclasses.replace(finding, kind=FindingKind.UNCOVERED),
        dataclasses.replace(finding, subject=REPORT.scopes[0]),
        dataclasses.replace(finding, assignment=None),
        dataclasses.replace(finding, declaration="other"),
    ]
    assert len({*ids(finding), *(ids(other)[0] for other in others)}) == 5


def test_findings_that_only_their_message_tells_apart_are_numbered():
    finding = samples.findings()[1]
    found = ids(dataclasses.replace(finding, message="b"), dataclasses.replace(finding, message="a"), finding)
    assert found == [found[0], f"{found[0]}-2", f"{found[0]}-3"]


def test_a_report_compares_itself_with_an_earlier_one():
    first = json.loads(drift_json(samples.drift_report(findings=REPORT.findings[:3])))
    earlier = {finding["id"]: finding for finding in first["findings"]}
    second = json.loads(drift_json(samples.drift_report(findings=REPORT.findings[1:4], earlier=earlier)))
    assert {finding["kind"]: finding["new"] for finding in second["findings"]} == {
        "missing": False,
        "modified": True,
        "expiring": False,
    }
    assert [finding["kind"] for finding in second["gone"]] == ["unmanaged"]
    text = drift_text(samples.drift_report(findings=REPORT.findings[1:4], earlier=earlier))
    assert "Gone since the earlier report (1)" in text
    assert "Since the earlier report: 1 new, 2 still there, 1 gone\n" in text
    assert "  warning   new  legacy-sql-tde" in text


# --- forms -------------------------------------------------------------------------------------------------------


def test_the_worst_comes_first_and_every_kind_once():
    text = drift_text(REPORT)
    heads = [line.split(" (")[0] for line in text.splitlines() if line and line[0].islower()]
    assert heads == ["missing", "expiring", "modified", "unmanaged"]
    assert "missing (1): declared, but not in Azure\n" in text


def test_who_when_and_what_differs_is_said():
    text = drift_text(REPORT)
    for said in (
        "made by alice@contoso.example (User) on 2025-03-01 00:00 UTC",
        "last changed by bob@contoso.example on 2026-11-02 00:00 UTC",
        "cause: changed in Azure",
        "differs exemptionCategory: declared Waiver, in Azure Mitigated",
        "healed by exempt apply --approved REVISION",
        "+category: Mitigated",
        "count: 12",
    ):
        assert f"            {said}\n" in text


def test_only_the_portal_is_ever_a_link():
    finding = samples.findings()[0]
    for link in (
        "javascript:alert(1)",
        "https://portal.azure.evil.example/",
        "https://portal.azure.com",
        "https://portal.azure.com/a b",
        'https://portal.azure.com/"onclick="x',
    ):
        hostile = dataclasses.replace(finding, evidence=Evidence(portal=link))
        report = samples.drift_report(findings=(hostile,))
        assert "href" not in drift_html(report).replace('href="#', "")
        assert link not in drift_text(report)


def test_errors_stand_above_the_fold_and_the_comment_keeps_within_githubs_limit():
    finding = REPORT.findings[2]
    many = [dataclasses.replace(finding, declaration=f"d{n}", message=f"{n} {'m' * 300}") for n in range(3000)]
    text = drift_markdown(samples.drift_report(findings=tuple(many)))
    above = text.partition("<details>")[0]
    assert len(text.encode()) <= LIMIT
    assert "| missing | 3000 | declared, but not in Azure |" in above
    assert 5 < above.count("- **missing** ") <= 20
    assert " more in the artifact." in text


def test_sarif_levels_rules_and_places():
    (run,) = json.loads(drift_sarif(REPORT))["runs"]
    assert [result["level"] for result in run["results"]] == ["error", "warning", "warning", "warning", "note"]
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert places[0]["artifactLocation"]["uri"] == "exemptions/data/legacy-sql-tde.yaml"
    assert places[-1]["artifactLocation"]["uri"] == "reconciler.yaml"
    assert len({result["partialFingerprints"]["exempt/v1"] for result in run["results"]}) == 5
    assert Severity.INFO.value == "info"


class Page(HTMLParser):
    VOID = frozenset({"meta", "br"})

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.attributes, self.headings = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)
        if tag in {"h1", "h2", "h3"}:
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_needs_nothing_else_and_can_be_navigated():
    page = Page(drift_html(REPORT, samples.NAMES))
    assert page.open == []
    assert not {"script", "img", "link", "iframe", "form", "object"} & set(page.seen)
    assert ("html", "lang", "en") in page.attributes
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in zip(page.headings, page.headings[1:], strict=False))
    targets = {value for _, name, value in page.attributes if name == "id"}
    assert {value[1:] for _, name, value in page.attributes if name == "href" and value.startswith("#")} <= targets
    assert {value for _, name, value in page.attributes if name == "aria-labelledby"} <= targets
    assert sum(name == "id" for _, name, _ in page.attributes) == len(targets)


def test_many_findings_of_one_cause_are_told_once():
    finding = dataclasses.replace(REPORT.findings[2], source=None)
    many = [dataclasses.replace(finding, declaration=f"d{n}") for n in range(407)]
    text = drift_text(samples.drift_report(findings=tuple(many)))
    assert "  error     407 findings of one cause: d0, d1, d2 and 404 more\n" in text
    assert text.count(finding.message) == 1
    assert len(json.loads(drift_json(samples.drift_report(findings=tuple(many))))["findings"]) == 407
    assert drift_text(samples.drift_report(findings=tuple(many[:3]))).count(finding.message) == 3
    report = samples.drift_report(findings=tuple(many), earlier={})
    html = drift_html(report)
    page = Page(html)
    assert page.open == []
    assert html.count(f"<dd>{escape(finding.message)}</dd>") == 1
    assert sum(name == "id" and value.startswith("f-") for _, name, value in page.attributes) == 407
    for markdown in (drift_markdown(report), drift_comment(report)):
        above, _, _ = markdown.partition("<details>")
        assert above.count("407 times") == 1


def test_what_was_not_read_stands_before_every_other_error():
    forged = dataclasses.replace(REPORT.findings[2], kind=FindingKind.FORGED)
    report = samples.incomplete_report(forged)
    assert identify(report)[0].finding.kind is FindingKind.INCOMPLETE
