"""Recommendations that no policy stands behind: exempted by standard assignments, with the same promise."""

import json
from collections import deque

import emulated
import jsonschema
import pytest
import yaml
from main_job import repositories as repo

from reconciler.documents.schema import schema

ALONE = "48fad5ca-f530-41bb-9454-c6002bd1085c"
"""A rule of SQL vulnerability assessment, which is a recommendation of its own without a policy."""

ONE, TWO = repo.subscription(1), repo.subscription(2)
GROUP = f"{ONE}/resourceGroups/rg-data"
DATABASE = f"{GROUP}/providers/Microsoft.Sql/servers/legacy/databases/ledger"
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
VERSION = "2024-08-01"
PATH = "/providers/Microsoft.Security/standardAssignments"


def tenant(*standards, lists="below", **more):
    limits = {"standardAssignmentLists": lists}
    return repo.tenant(AT_ROOT, resources=[DATABASE], standardAssignments=list(standards), limits=limits, **more)


def declared(*scopes, name="cmdshell", **more):
    return {"name": name, "recommendation": ALONE, "scopes": list(scopes), **more}


def standard(scope, name, key=ALONE, **properties):
    """One that somebody made in the portal."""
    data = {"exemptionCategory": "waiver", "assignedAssessment": {"assessmentKey": key}}
    return {
        "id": f"{scope}{PATH}/{name}",
        "properties": {"displayName": "MDC-x", "effect": "Exempt", "exemptionData": data, **properties},
    }


def standards(azure):
    return {item.id.text: item.properties for item in azure.tenant.standard_assignments.by_id.values()}


def plan(azure, root, *options, check=(0,)):
    done = emulated.exempt(azure, "plan", "--format", "json", *options, cwd=root, check=list(check))
    return json.loads(done.stdout)


def apply(azure, root, *options, check=(0,)):
    return emulated.exempt(azure, "apply", "--yes", *options, cwd=root, check=list(check))


def actions(document):
    return [(*change["actions"], change["reason"]) for change in document["changes"]]


@pytest.fixture
def root(tmp_path):
    path = repo.write(tmp_path / "repository", [declared(DATABASE)])
    repo.commit(path)
    return path


@pytest.mark.parametrize("lists", ["below", "exact"])
@pytest.mark.parametrize("scope", [repo.ROOT, ONE, GROUP, DATABASE])
def test_it_is_planned_applied_settled_changed_and_removed(root, scope, lists):
    repo.write(root, [declared(scope)])
    repo.commit(root)
    with emulated.running(tenant(lists=lists)) as azure:
        assert actions(plan(azure, root)) == [("create", "declared")]
        apply(azure, root)
        ((identifier, values),) = standards(azure).items()
        assert identifier.startswith(f"{scope}{PATH}/")
        assert values["exemptionData"] == {
            "exemptionCategory": "waiver",
            "assignedAssessment": {"assessmentKey": ALONE},
        }
        assert (values["effect"], values["excludedScopes"]) == ("Exempt", [])
        assert plan(azure, root)["changes"] == []
        repo.write(root, [declared(scope, expiresOn="2099-01-31", category="Mitigated")])
        repo.commit(root)
        assert actions(plan(azure, root)) == [("update", "edited")]
        apply(azure, root)
        assert plan(azure, root)["changes"] == []
        repo.write(root, [declared(scope, enabled=False)])
        repo.commit(root)
        assert actions(plan(azure, root)) == [("delete", "removed")]
        apply(azure, root)
        assert standards(azure) == {}
        assert plan(azure, root)["changes"] == []


def test_the_mark_stands_in_the_description(root):
    with emulated.running(tenant()) as azure:
        apply(azure, root)
        (values,) = standards(azure).values()
    text, _, mark = values["description"].partition(" [exempt ")
    assert text == "It retires soon."
    fields = json.loads(mark.removesuffix("]"))
    assert fields["owner"] == "contoso/exemptions"
    assert (fields["declaration"], fields["target"]) == ("cmdshell", DATABASE)
    assert values["displayName"].startswith("cmdshell: Execute permissions on xp_cmdshell")


EDR = "d44de051-1862-48f8-8476-192aee854699"
AWS = "001ddfe0-1b98-443f-819d-99f060fd67d5"
GUID = "1f3afdf9-d0c9-4c3d-847f-89da613e70a"
CONNECTOR = f"{GROUP}/providers/Microsoft.Security/securityConnectors/aws-shop"
RULE = {
    "if": {
        "allOf": [
            {
                "field": "va.cve.cveId",
                "operationType": "ContainedInOperation",
                "operation": {"values": [{"title": "CVE-2020-1347"}]},
            },
            {"field": "va.cve.severity", "operationType": "LessThanFilterOperation", "operation": {"value": "Low"}},
            {"field": "va.cve.cvss", "operationType": "LessThanFilterOperation", "operation": {"value": "8.0"}},
        ]
    }
}


def test_conditions_are_written_as_documented_and_an_edit_in_the_portal_is_reverted(root):
    conditions = {"cves": ["CVE-2020-1347"], "minSeverity": "Low", "cvssBelow": 8}
    repo.write(root, [declared(ONE, recommendation=EDR, vulnerabilities=conditions)])
    repo.commit(root)
    with emulated.running(tenant()) as azure:
        apply(azure, root)
        ((identifier, values),) = standards(azure).items()
        assert values["exemptionData"]["subAssessmentExemptionRule"] == RULE
        broader = {**values, "exemptionData": {**values["exemptionData"], "subAssessmentExemptionRule": None}}
        broader["exemptionData"].pop("subAssessmentExemptionRule")
        emulated.Client(azure, emulated.PORTAL).put(identifier, broader, version=VERSION)
        done = emulated.exempt(azure, "drift", "--format", "json", cwd=root, check=[2])
        assert [finding["kind"] for finding in json.loads(done.stdout)["findings"]] == ["modified"]
        assert actions(plan(azure, root)) == [("update", "revert")]
        apply(azure, root)
        assert standards(azure)[identifier]["exemptionData"]["subAssessmentExemptionRule"] == RULE


RULE_FIELD = "subAssessmentExemptionRule"
BROKEN = [("b", ("severity", "Low\nadopt: true")), ("c", ("cvss", "high")), ("d", ("cvss", "10.5"))]
"""Values that Azure keeps and no declaration may have."""


def below(name, value):
    operation = {"operationType": "LessThanFilterOperation", "operation": {"value": value}}
    return {"if": {"allOf": [{"field": f"va.cve.{name}", **operation}]}}


def test_what_was_made_by_hand_is_imported_and_adopted(root):
    data = {
        "exemptionCategory": "Waiver",
        "assignedAssessment": {"assessmentKey": EDR},
        "subAssessmentExemptionRule": RULE,
    }
    found = [
        standard(TWO, GUID + "8", key=AWS, description="Reviewed."),
        standard(TWO, GUID + "9", exemptionData=data, description="Accepted."),
        standard(TWO, GUID + "a", exemptionData={"exemptionCategory": "waiver", "recommendationCategory": "X"}),
        *(standard(TWO, GUID + end, exemptionData={**data, RULE_FIELD: below(*broken)}) for end, broken in BROKEN),
    ]
    rules = {"subAssessmentSettings": {"filters": [{"cve": "cve-2021-44228"}]}}
    assigned = repo.assignment(repo.ROOT, "old", repo.BENCHMARK, metadata=rules)
    content = tenant(*found) | {"policyAssignments": [assigned]}
    repo.write(root, [])
    with emulated.running(content) as azure:
        left = emulated.exempt(azure, "import", "live", cwd=root, check=[0, 1])
        assert left.stdout.count("Azure does not say whether a person or an application made it") == 3 + len(BROKEN)
        assert "vulnerabilities: {cves: [CVE-2021-44228]} says its CVEs" in left.stdout
        done = emulated.exempt(azure, "import", "live", "--adopt", cwd=root, check=[1])
        assert "in a form that Microsoft has not published" in done.stdout
        assert done.stdout.count("are none that a declaration can have") == len(BROKEN)
        written = [yaml.safe_load(path.read_text("utf-8")) for path in root.glob("exemptions/imported/**/*.yaml")]
        assert {one["recommendation"] for one in written} == {EDR, AWS}
        narrowed = next(one for one in written if "vulnerabilities" in one)
        assert narrowed["vulnerabilities"] == {"cves": ["CVE-2020-1347"], "minSeverity": "Low", "cvssBelow": 8.0}
        assert emulated.exempt(azure, "fmt", "--check", cwd=root).returncode == 0
        repo.commit(root)
        assert actions(plan(azure, root)) == [("update", "adopt")] * 2
        apply(azure, root)
        assert plan(azure, root)["changes"] == []


def test_a_category_is_read_from_the_tenant_reviewed_and_applied_and_a_new_member_follows(root):
    one, other = "0a0a0a0a-1111-4222-8333-444444444444", "0b0b0b0b-1111-4222-8333-444444444444"

    def metadata(key):
        values = {"displayName": f"Update {key[:8]}", "assessmentType": "BuiltIn", "severity": "High"}
        return {"name": key, "properties": {**values, "recommendationCategory": "SystemUpdate"}}

    wish = {"name": "updates", "recommendationCategory": "SystemUpdate", "scopes": [ONE]}
    repo.write(root, [wish])
    with emulated.running(tenant(assessmentMetadata=[metadata(one)])) as azure:
        emulated.exempt(azure, "catalog", "refresh", cwd=root, check=[0, 2])
        repo.commit(root)
        assert actions(plan(azure, root)) == [("create", "declared")]
        apply(azure, root)
        assert plan(azure, root)["changes"] == []
        content = azure.dump()
    content["assessmentMetadata"].append(metadata(other))
    with emulated.running(content) as azure:
        assert plan(azure, root)["changes"] == [], "a live difference is a finding, never a changed plan"
        emulated.exempt(azure, "catalog", "refresh", cwd=root, check=[0, 2])
        repo.commit(root)
        (change,) = plan(azure, root)["changes"]
        assert change["after"]["exemptionData"]["assignedAssessment"] == {"assessmentKey": other}


def test_a_connector_is_exempted_and_a_retired_recommendation_moves_on_without_a_gap(root):
    grouped = "17618b1a-ed14-49bb-b37f-9f8ba967be8b"
    overlay = {"recommendations": [{"key": EDR, "recommendationCategory": "ExposedSecrets"}]}
    (root / "catalog.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
    aws = {"name": "aws", "recommendation": AWS, "scopes": [CONNECTOR]}
    repo.write(root, [{"name": "secrets", "recommendation": grouped, "scopes": [GROUP]}, aws])
    repo.commit(root)
    with emulated.running(tenant(lists="exact") | {"resources": [DATABASE, CONNECTOR]}) as azure:
        apply(azure, root, "--base", "HEAD")
        assert [identifier.startswith(CONNECTOR) for identifier in standards(azure)] == [True]
        (before,) = azure.exemptions
        emulated.exempt(azure, "fmt", "--migrate", cwd=root, check=[0])
        repo.commit(root)
        assert sorted(actions(plan(azure, root))) == [("create", "declared"), ("delete", "removed")]
        azure.inject_faults({"faults": [{"method": "PUT", "path": "standardAssignments", "status": 403}]})
        apply(azure, root, check=[1])
        assert list(azure.exemptions) == [before], "the old one stays until the new one is there"
        azure.inject_faults({})
        apply(azure, root)
        assert azure.exemptions == {}
        assert len(standards(azure)) == 2
        assert plan(azure, root)["changes"] == []


def test_who_declares_none_needs_no_rights_in_defender(root):
    actions_of = ["Microsoft.Authorization/*/read", "Microsoft.Management/*/read", "Microsoft.Resources/*/read"]
    grants = [{"actions": actions_of, "scope": "/"}]
    robot = {
        "objectId": "11111111-1111-4111-8111-111111111111",
        "name": "pipeline",
        "type": "Application",
        "roles": grants,
    }
    plain = {
        "name": "plain",
        "recommendation": "Secure transfer to storage accounts should be enabled",
        "scopes": [ONE],
    }
    repo.write(root, [plain])
    repo.commit(root)
    with emulated.running(tenant(principals=[robot])) as azure:
        assert plan(azure, root, check=(1,))["complete"] is False, (
            "whether what this commit took out is gone is not known"
        )
        (root / "README.md").write_text("Ours.\n", encoding="utf-8")
        repo.commit(root)
        assert plan(azure, root)["complete"] is True
        for command in ("drift", "list"):
            reported = emulated.exempt(azure, command, "--format", "json", cwd=root, check=[1])
            document = json.loads(reported.stdout)
            assert document["complete"] is False, "what Defender refuses to show may be exempt there"
            assert "held" not in {line.get("kind") for line in document.get("findings", ())}
        shown = emulated.exempt(azure, "import", "live", cwd=root, check=[1])
        assert "standard assignments" in shown.stdout + shown.stderr
        checked = emulated.exempt(azure, "doctor", cwd=root).stdout
        assert "the standard assignments of 3 scopes cannot be read. No declaration needs it" in checked
        saved = root.parent / "snapshot.json"
        emulated.exempt(azure, "snapshot", "--out", str(saved), cwd=root, check=[1])
        assert {line["what"] for line in json.loads(saved.read_text("utf-8"))["unread"]} == {"standard assignments"}
        from_file = plan(azure, root, "--snapshot", str(saved))
        assert (from_file["complete"], len(from_file["changes"])) == (True, 1), "as the plan of what was read just now"
        older = json.loads(saved.read_text("utf-8"))
        for line in older["unread"]:
            assert line.pop("refused") is True
        (root.parent / "older.json").write_text(json.dumps(older), encoding="utf-8")
        from_older = plan(azure, root, "--snapshot", "../older.json", check=(1,))
        assert from_older["complete"] is False, "whether a right was missing is not known"
        emulated.exempt(azure, "list", "--snapshot", str(saved), cwd=root, check=[1])
        beside = [str(root.parent / name) for name in ("plan.json", "read.json")]
        emulated.exempt(azure, "plan", "--out", beside[0], "--snapshot-out", beside[1], cwd=root, check=[0])
        assert json.loads((root.parent / "read.json").read_text("utf-8"))["complete"] is False
        emulated.exempt(azure, "verify", beside[0], "--snapshot", beside[1], cwd=root, check=[0])
        repo.write(root, [plain, declared(ONE)])
        repo.commit(root)
        document = plan(azure, root, check=(1,))
    assert {line["what"] for line in document["unread"]} == {"standard assignments"}
    assert {line["cause"] for line in document["held"]} == {"unread"}


def refused_list(status, code):
    """Defender's list of one subscription, refused each time that it is asked for; a retry need not wait."""
    fault = {"method": "GET", "path": f"{ONE}{PATH}", "status": status, "code": code, "message": "Not now."}
    headers = {"retry-after-ms": "1"} if status >= 500 else {}
    return {"faults": [{**fault, "count": None, "headers": headers}]}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "AuthorizationFailed"),
        (404, "InvalidResourceType"),
        (409, "MissingSubscriptionRegistration"),
        (409, "Conflict"),
        (500, "InternalServerError"),
        (503, "ServiceUnavailable"),
    ],
)
def test_a_list_that_defender_does_not_give_stops_nothing_else_and_deletes_nothing(root, status, code):
    """One was taken out and another, elsewhere, is new: what the list would have shown is unread."""
    other = f"{TWO}/resourceGroups/rg/providers/Microsoft.Sql/servers/other/databases/one"
    there = {**tenant(), "resources": [DATABASE, other]}
    repo.write(root, [declared(ONE, name="gone")])
    repo.commit(root)
    with emulated.running(there) as azure:
        apply(azure, root)
        (identifier,) = standards(azure)
        repo.write(root, [declared(other, name="elsewhere")])
        repo.commit(root)
        azure.inject_faults(refused_list(status, code))
        document = plan(azure, root, check=(1,))
        assert document["complete"] is False
        unread = [(line["scope"].lower(), line["what"]) for line in document["unread"]]
        assert unread == [(ONE.lower(), "standard assignments")]
        assert "Not now." in document["unread"][0]["reason"], document["unread"]
        assert not [change for change in document["changes"] if "delete" in change["actions"]]
        shown = emulated.exempt(azure, "plan", cwd=root, check=[1])
        assert "standard assignments" in shown.stdout + shown.stderr
        apply(azure, root, check=(1,))
        assert identifier in standards(azure)
        assert len(standards(azure)) == 2, "what does not depend on it is done"
        azure.inject_faults({})
        apply(azure, root)
        assert [key.startswith(TWO) for key in standards(azure)] == [True]


@pytest.mark.parametrize(
    ("status", "code", "is_complete"),
    [(409, "MissingSubscriptionRegistration", True), (409, "Conflict", False), (500, "InternalServerError", False)],
)
def test_who_declares_none_is_content_without_a_list_but_not_with_one_that_fails(tmp_path, status, code, is_complete):
    plain = {"name": "plain", "policyDefinition": "404c3081-a854-4457-ae30-26a93ef643f9", "scopes": [ONE]}
    root = repo.write(tmp_path / "plain", [plain])
    repo.commit(root)
    with emulated.running(tenant()) as azure:
        azure.inject_faults(refused_list(status, code))
        document = plan(azure, root, check=(0,) if is_complete else (1,))
        assert document["complete"] is is_complete
        assert [change["actions"] for change in document["changes"]] == [["create"]]


def test_a_saved_plan_approves_exactly_what_it_shows(root, tmp_path):
    saved = tmp_path / "plan.json"
    with emulated.running(tenant()) as azure:
        emulated.exempt(azure, "plan", "--out", str(saved), cwd=root, check=[0])
        edited = json.loads(saved.read_text("utf-8"))
        assert list(jsonschema.Draft202012Validator(schema("plan")).iter_errors(edited)) == []
        edited["changes"][0]["after"]["exemptionData"]["exemptionCategory"] = "mitigated"
        (tmp_path / "edited.json").write_text(json.dumps(edited), encoding="utf-8")
        refused = emulated.exempt(azure, "apply", str(tmp_path / "edited.json"), "--yes", cwd=root, check=[1])
        assert "does not match its own fingerprint" in refused.stderr
        emulated.exempt(azure, "apply", str(saved), "--yes", cwd=root, check=[0])
        assert len(standards(azure)) == 1


def test_every_report_sees_what_stands_at_a_resource_although_no_list_shows_it(root):
    repo.git(root, "remote", "add", "origin", "https://git.contoso.example/exemptions.git")
    with emulated.running(tenant(lists="exact")) as azure:
        apply(azure, root)
        (entry,) = json.loads(emulated.exempt(azure, "list", "--format", "json", cwd=root, check=[0]).stdout)[
            "exemptions"
        ]
        assert (entry["scope"], entry["declaration"]) == (DATABASE, "cmdshell")
        status = json.loads(emulated.exempt(azure, "status", "--format", "json", cwd=root).stdout)
        assert status["declarations"][0]["state"] != "not applied"
        assert "applied" in emulated.exempt(azure, "log", "cmdshell", cwd=root, check=[0]).stdout
        imported = emulated.exempt(azure, "import", "live", "--dry-run", "--format", "json", cwd=root, check=[0])
        assert DATABASE in imported.stdout


class Watch(deque):
    """The embedded Azure's request log, which looks after every write whether anything exempts."""

    def __init__(self, azure):
        super().__init__()
        self.azure, self.writes, self.bare = azure, [], []

    def append(self, logged):
        super().append(logged)
        if logged.method in {"PUT", "DELETE"}:
            self.writes.append(logged.method)
            if not self.azure.exemptions and not standards(self.azure):
                self.bare.append(logged.target)


def test_what_moves_between_the_kinds_is_bare_after_no_single_write(root):
    by_policy = {"name": "moving", "recommendation": "17618b1a-ed14-49bb-b37f-9f8ba967be8b", "scopes": [GROUP]}
    by_standard = by_policy | {"recommendation": EDR}
    repo.write(root, [by_policy])
    repo.commit(root)
    with emulated.running(tenant(lists="exact")) as azure:
        apply(azure, root, "--base", "HEAD")
        for wish in (by_standard, by_policy):
            repo.write(root, [wish])
            repo.commit(root)
            assert sorted(actions(plan(azure, root, "--base", "HEAD"))) == [
                ("create", "declared"),
                ("delete", "removed"),
            ]
            azure._gateway.log = watch = Watch(azure)
            apply(azure, root, "--base", "HEAD")
            assert (watch.writes, watch.bare) == (["PUT", "DELETE"], [])
            assert plan(azure, root, "--base", "HEAD")["changes"] == []


@pytest.mark.parametrize("refused", ["PUT", "DELETE"])
def test_a_move_that_stops_at_any_write_is_finished_by_the_next_run(root, refused):
    by_policy = {"name": "moving", "recommendation": "17618b1a-ed14-49bb-b37f-9f8ba967be8b", "scopes": [GROUP]}
    repo.write(root, [by_policy])
    repo.commit(root)
    with emulated.running(tenant(lists="exact")) as azure:
        apply(azure, root, "--base", "HEAD")
        repo.write(root, [by_policy | {"recommendation": EDR}])
        repo.commit(root)
        azure.inject_faults({"faults": [{"method": refused, "status": 403}]})
        apply(azure, root, check=[1])
        assert (len(azure.exemptions), len(standards(azure))) == (1, 0 if refused == "PUT" else 1)
        azure.inject_faults({})
        apply(azure, root)
        assert (len(azure.exemptions), len(standards(azure))) == (0, 1)


def test_one_at_a_resource_that_no_list_shows_is_known_by_its_declaration_and_confirmed(root):
    with emulated.running(tenant(lists="exact")) as azure:
        apply(azure, root)
        (identifier,) = standards(azure)
        portal = emulated.Client(azure, emulated.PORTAL)
        portal.put(identifier, {**standards(azure)[identifier], "expiresOn": "2031-01-01T00:00:00Z"}, version=VERSION)
        done = emulated.exempt(azure, "drift", "--format", "json", cwd=root, check=[2])
        assert [finding["kind"] for finding in json.loads(done.stdout)["findings"]] == ["modified"]
        azure.inject_faults({"faults": [{"method": "GET", "path": identifier.rpartition("/")[2], "status": 403}]})
        done = emulated.exempt(azure, "drift", "--format", "json", cwd=root, check=[1])
        assert json.loads(done.stdout)["complete"] is False, "what was not read is not missing"
        azure.inject_faults({})
        portal.delete(identifier, version=VERSION)
        done = emulated.exempt(azure, "drift", "--format", "json", cwd=root, check=[2])
        assert [finding["kind"] for finding in json.loads(done.stdout)["findings"]] == ["missing"]
        repo.write(root, [declared(DATABASE, enabled=False)])
        repo.commit(root)
        assert plan(azure, root)["changes"] == []


def test_one_that_no_list_shows_goes_when_its_declaration_does(root):
    with emulated.running(tenant(lists="exact")) as azure:
        apply(azure, root)
        repo.write(root, [{"name": "other", "recommendation": AWS, "scopes": [ONE]}])
        repo.commit(root)
        assert sorted(actions(plan(azure, root))) == [("create", "declared"), ("delete", "removed")]
        apply(azure, root)
        assert [identifier.startswith(f"{ONE}{PATH}") for identifier in standards(azure)] == [True]


def test_one_that_no_list_shows_is_found_again_where_the_run_that_should_remove_it_failed(root, tmp_path):
    with emulated.running(tenant(lists="exact")) as azure:
        apply(azure, root)
        repo.write(root, [{"name": "other", "recommendation": AWS, "scopes": [ONE]}])
        repo.commit(root)
        azure.inject_faults({"faults": [{"method": "DELETE", "status": 403}]})
        apply(azure, root, check=[1])
        azure.inject_faults({})
        (root / "README.md").write_text("Ours.\n", encoding="utf-8")
        repo.commit(root)
        repo.write(root, [{"name": "other", "recommendation": AWS, "scopes": [ONE], "category": "Mitigated"}])
        repo.commit(root)
        saved = str(tmp_path / "snapshot.json")
        emulated.exempt(azure, "snapshot", "--out", saved, cwd=root, check=[0])
        expected = [("delete", "removed"), ("update", "edited")]
        assert sorted(actions(plan(azure, root, "--snapshot", saved))) == expected
        assert sorted(actions(plan(azure, root))) == expected
        apply(azure, root)
        assert [identifier.startswith(f"{ONE}{PATH}") for identifier in standards(azure)] == [True]


def test_every_report_speaks_of_all_kinds_alike(root):
    """A policy's, a category's, conditions on findings and a connector's: the same lines, and what carries them last."""
    key = "0a0a0a0a-1111-4222-8333-444444444444"
    update = {"displayName": "Update it", "assessmentType": "BuiltIn", "severity": "High"}
    metadata = {"name": key, "properties": {**update, "recommendationCategory": "SystemUpdate"}}
    found = {"cves": ["CVE-2021-44228"], "minSeverity": "Low", "cvssBelow": 8}
    wishes = [
        {"name": "policy", "recommendation": "Secure transfer to storage accounts should be enabled", "scopes": [TWO]},
        {"name": "category", "recommendationCategory": "SystemUpdate", "scopes": [ONE]},
        {"name": "findings", "recommendation": EDR, "scopes": [GROUP], "vulnerabilities": found},
        {"name": "connector", "recommendation": AWS, "scopes": [CONNECTOR]},
    ]
    names = {wish["name"] for wish in wishes}
    repo.write(root, wishes)
    with emulated.running(tenant(assessmentMetadata=[metadata]) | {"resources": [DATABASE, CONNECTOR]}) as azure:
        emulated.exempt(azure, "catalog", "refresh", cwd=root, check=[0, 2])
        repo.commit(root)
        comment = emulated.exempt(azure, "plan", "--format", "markdown", cwd=root, check=[0]).stdout
        decisions = [line for line in comment.splitlines() if line.startswith("- **more**")]
        assert {line.split("`")[1] for line in decisions} == names
        shared = (
            "Risk accepted (Waiver)",
            "never ends",
            "`It retires soon.`",
            "owner `team@contoso.example`, asked by",
        )
        assert all(text in line for line in decisions for text in shared)
        carriers = [("by 1 standard assignment" in line, "in 1 initiative" in line) for line in decisions]
        assert sorted(carriers) == [(False, True), *[(True, False)] * 3]
        assert (
            sum("only CVE in CVE-2021-44228 and severity below Low and CVSS below 8.0" in line for line in decisions)
            == 1
        )
        apply(azure, root)
        status = json.loads(emulated.exempt(azure, "status", "--format", "json", cwd=root).stdout)["declarations"]
        states = {row["declaration"]: row["state"] for row in status}
        assert states == dict.fromkeys(names, "waiting") | {"findings": "undecided"}
        listed = json.loads(emulated.exempt(azure, "list", "--format", "json", cwd=root).stdout)["exemptions"]
        assert {row["declaration"] for row in listed} == names
        assert len({tuple(row) for row in listed}) == 1, "the same columns"
        text = emulated.exempt(azure, "list", cwd=root).stdout
        for words in (
            "Risk accepted (Waiver), never expires",
            "because: It retires soon.",
            "applied on",
            "declared by",
        ):
            assert text.count(words) == len(names)
