"""The rules of reconciler.yaml as `exempt validate` judges them, and that no catalog.yaml and no detour weakens them."""

from __future__ import annotations

import json
import math
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import emulated
import pytest
from cli.console import exempt
from hypothesis import given
from hypothesis import strategies as st
from main_job import repositories as repo

from reconciler.catalog import Catalogue, load
from reconciler.catalog.facts import Obstacle
from reconciler.catalog.overlay import Overlay, RecommendationEntry
from reconciler.cli import common
from reconciler.cli.main import main
from reconciler.declarations import Loaded
from reconciler.declarations.check import check
from reconciler.model import Category, FolderRule, LifetimeRule, Rules, Settings, parse_object, parse_scope
from reconciler.model.declaration import Declaration, Source, Subject, SubjectKind

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SUBSCRIPTION = "/subscriptions/6f0e1111-2222-4333-8444-555566667777"
SETTINGS = f"""\
owner: contoso-exemptions
tenantId: 11111111-2222-4333-8444-555566667777
scopes: [{SUBSCRIPTION}]
"""
SHIPPED = load()
MCSB = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
HIGH = next(
    entry
    for entry in SHIPPED.recommendations.values()
    if entry.severity == "High" and len(entry.policies) == 1 and not entry.obstacles
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(common, "now", lambda: NOW)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reconciler.yaml").write_text(SETTINGS)
    (tmp_path / "exemptions").mkdir()
    return tmp_path


def declare(root: Path, subject: str, *, expires: str = "2027-10-01", more: str = "") -> None:
    (root / "exemptions" / "one.yaml").write_text(
        f"name: one\n{subject}\nscopes: [{SUBSCRIPTION}]\ncategory: Waiver\nexpiresOn: {expires}\n"
        f"justification: Server retires.\nowner: data-platform@contoso.example\n{more}"
    )


def codes(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """Code and level of each problem that `exempt validate` reports."""
    main(["validate", "--format", "json"])
    return [(row["code"], row["level"]) for row in json.loads(capsys.readouterr().out)["problems"]]


def rules(root: Path, text: str) -> None:
    (root / "reconciler.yaml").write_text(SETTINGS + "rules:\n" + text)


# --- catalog.yaml only tightens ----------------------------------------------------------------------------------


def test_a_severity_lowered_in_the_overlay_is_reported_and_does_not_lengthen_a_lifetime(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules(root, "  maxLifetimeDays: [{days: 90, severity: High}]\n")
    declare(root, f"recommendation: {HIGH.key}")
    assert codes(capsys) == [("rule-lifetime", "error")]
    (root / "catalog.yaml").write_text(f"recommendations:\n  - key: {HIGH.key}\n    severity: Low\n")
    assert codes(capsys) == [("catalogue-weaker", "warning"), ("rule-lifetime", "error")]
    main(["validate"])
    shown = capsys.readouterr().out
    assert (
        f"catalog.yaml:3:15: warning: this weakens a bundled fact: {HIGH.title!r} is Low here and High in the bundled"
        in shown
    )


def test_a_severity_lowered_together_with_the_policies_does_not_lengthen_a_lifetime(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lowered, and moved to a policy of low severity: the title still means what is bundled."""
    low = next(
        recommendation.policies[0]
        for recommendation in SHIPPED.recommendations.values()
        if recommendation.policies
        and {behind.severity for behind in SHIPPED.resting_on(recommendation.policies[0])} == {"Low"}
    )
    rules(root, "  maxLifetimeDays: [{days: 90, severity: High}]\n")
    moved = f"recommendations:\n  - key: {HIGH.key}\n    severity: Low\n    policies: [{low.name}]\n"
    (root / "catalog.yaml").write_text(moved)
    declare(root, f"recommendation: {HIGH.key}")
    assert codes(capsys) == [("catalogue-weaker", "warning")] * 2 + [("rule-lifetime", "error")]


def test_a_policy_taken_from_a_recommendation_stays_protected(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (policy,) = HIGH.policies
    rules(root, f"  neverExempt: {{recommendations: [{HIGH.key}]}}\n")
    declare(root, f"policyDefinition: {policy.name}")
    assert codes(capsys) == [("rule-never", "error")]
    (root / "catalog.yaml").write_text(f"recommendations:\n  - key: {HIGH.key}\n    policies: []\n")
    assert codes(capsys) == [("catalogue-weaker", "warning"), ("rule-never", "error")]


def test_a_title_given_to_something_else_still_protects_the_bundled_one(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = next(entry for entry in SHIPPED.recommendations.values() if entry.exemptable and entry.key != HIGH.key)
    rules(root, f"  neverExempt: {{recommendations: [{json.dumps(HIGH.title)}]}}\n")
    declare(root, f"recommendation: {HIGH.key}")
    (root / "catalog.yaml").write_text(
        f"recommendations:\n  - {{key: {HIGH.key}, title: Harmless}}\n"
        f"  - {{key: {other.key}, title: {json.dumps(HIGH.title)}}}\n"
    )
    assert ("rule-never", "error") in codes(capsys)


def test_an_initiative_that_hides_a_member_is_judged_by_the_bundled_one(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    initiative = SHIPPED.initiative(next(entry.id for entry in SHIPPED.initiatives.values() if entry.id.name == MCSB))
    assert initiative is not None
    member = initiative.members[0]
    rules(root, f"  neverExempt: {{policies: [{member.definition.name}]}}\n")
    declare(root, f"policySetDefinition: {MCSB}\nreferenceIds: [{member.reference_id}]")
    assert ("rule-never", "error") in codes(capsys)
    (root / "catalog.yaml").write_text(f"initiatives:\n  - id: {MCSB}\n    removed: [{member.reference_id}]\n")
    assert {("catalogue-weaker", "warning"), ("rule-never", "error")} <= set(codes(capsys))


@pytest.mark.parametrize(
    "overlay", ["severity: High", "severity: Critical", "preview: true", "custom: true", "title: Another"]
)
def test_a_fact_made_stricter_or_another_is_no_warning(
    root: Path, capsys: pytest.CaptureFixture[str], overlay: str
) -> None:
    (root / "catalog.yaml").write_text(f"recommendations:\n  - {{key: {HIGH.key}, {overlay}}}\n")
    assert codes(capsys) == []


RECOMMENDATIONS = [entry for entry in SHIPPED.recommendations.values() if entry.policies][:12]
POLICIES = sorted({policy for entry in RECOMMENDATIONS for policy in entry.policies})
entries = st.builds(
    RecommendationEntry,
    key=st.sampled_from([entry.key for entry in RECOMMENDATIONS]),
    title=st.none() | st.sampled_from([entry.title for entry in RECOMMENDATIONS]),
    severity=st.none() | st.sampled_from(["Low", "Medium", "High", "Critical"]),
    policies=st.none() | st.lists(st.sampled_from(POLICIES), max_size=2, unique=True).map(tuple),
)


@given(
    st.lists(entries, max_size=4, unique_by=lambda entry: entry.key),
    st.sampled_from(POLICIES),
    st.lists(st.sampled_from([text for entry in RECOMMENDATIONS for text in (entry.key, entry.title)]), max_size=3),
)
def test_whatever_an_overlay_says_no_rule_becomes_weaker(
    overlay: list[RecommendationEntry], policy: object, never: list[str]
) -> None:
    """A policy that is refused by the bundled facts is refused under every catalog.yaml."""
    declaration = Declaration(
        name="one", subject=Subject(kind=SubjectKind.POLICY, value=str(policy)), scopes=(parse_scope(SUBSCRIPTION),),
        category=Category.WAIVER, justification="j", owner="o", source=Source("exemptions/one.yaml"),
    )  # fmt: skip
    lifetimes = tuple(LifetimeRule(days=days, severity=severity) for severity, days in (("High", 30), ("Medium", 60)))
    settings = Settings(
        owner="o", tenant_id="t", scopes=(parse_scope(SUBSCRIPTION),),
        rules=Rules(never_recommendations=tuple(never), lifetimes=lifetimes),
    )  # fmt: skip
    loaded = Loaded(settings=settings, declarations=(declaration,), problems=())

    def judged(catalogue: Catalogue) -> tuple[set[str], float]:
        """What is never exempted, and how many days are allowed."""
        problems = check(loaded, catalogue, NOW, None)
        never = {problem.message.split("; it rests")[0] for problem in problems if problem.code == "rule-never"}
        days = [re.search(r"at most (\d+) days", problem.message) for problem in problems]
        return never, min((int(match[1]) for match in days if match), default=math.inf)

    bundled, overlaid = judged(SHIPPED), judged(Catalogue(SHIPPED.cloud, Overlay(recommendations=tuple(overlay))))
    assert bundled[0] <= overlaid[0]
    assert bundled[1] >= overlaid[1]


# --- a lifetime by severity --------------------------------------------------------------------------------------


def test_what_nobody_rates_counts_as_the_strictest(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unrated = next(
        policy for policy in SHIPPED.policies.values() if not SHIPPED.resting_on(policy.id) and policy.exemptable
    )
    rules(root, "  maxLifetimeDays: [{days: 90, severity: High}]\n")
    declare(root, f"policyDefinition: {unrated.id.name}")
    assert ("rule-lifetime", "error") in codes(capsys)
    main(["validate"])
    assert "for severity High, which counts here because the severity is not known" in capsys.readouterr().out


def test_what_only_azure_knows_is_left_to_the_plan(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules(root, "  maxLifetimeDays: [{days: 90, severity: High}]\n")
    assignment = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/policyAssignments/mcsb"
    declare(root, f"policyAssignment: {assignment}\nreferenceIds: [a]")
    assert codes(capsys) == []


@pytest.mark.parametrize(
    ("severities", "days"),
    [({"High"}, 30), ({"Low"}, 365), ({"Low", "High"}, 30), ({""}, 30), (set(), 30), ({"Critical"}, 30), (None, 365)],
)
def test_the_strictest_lifetime(severities: set[str] | None, days: int) -> None:
    rules = Rules(lifetimes=(LifetimeRule(days=365), LifetimeRule(days=30, severity="High")))
    rule = rules.strictest_lifetime(Category.WAIVER, severities)
    assert rule is not None
    assert rule.days == days


# --- by folder ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "folder"),
    [
        ("exemptions/a.yaml", ""),
        ("exemptions/shop/a.yaml", "shop"),
        ("exemptions/shop/cdn/a.yaml", "shop/cdn"),
        ("exemptions/shopping/a.yaml", ""),
        ("exemptions/Shop/a.yaml", ""),
        ("exemptions/shop.yaml", ""),
    ],
)
def test_the_longest_folder_that_sets_a_rule_counts(file: str, folder: str) -> None:
    folders = (
        FolderRule(folder="shop/cdn", adopt=True),
        FolderRule(folder="", adopt=False, take_over=False),
        FolderRule(folder="shop", adopt=False),
    )
    rules = Rules(folders=folders)
    rule = rules.folder_rule(file, lambda rule: rule.adopt)
    assert rule is not None
    assert rule.folder == folder
    over = rules.folder_rule(file, lambda rule: rule.take_over)
    assert over is not None
    assert over.folder == "", "a folder that says nothing about a rule leaves it to the one above"


def test_narrowed_by_selectors_a_whole_scope_is_allowed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules(root, "  folders: [{folder: ., wholeScopes: false}]\n")
    declare(root, f"recommendation: {HIGH.key}")
    assert ("rule-whole-scope", "error") in codes(capsys)
    selector = "resourceSelectors: [{name: europe, selectors: [{kind: resourceLocation, in: [westeurope]}]}]\n"
    declare(root, f"recommendation: {HIGH.key}", more=selector)
    assert codes(capsys) == []


def test_places_below_a_management_group_are_judged_in_the_plan(tmp_path: Path) -> None:
    """Only Azure knows which subscriptions lie below a group: validate lets them pass, the plan does not."""
    groups = [
        {"name": "contoso", "displayName": "Contoso"},
        {"name": "shop", "displayName": "Shop", "parent": "contoso"},
        {"name": "payments", "displayName": "Payments", "parent": "contoso"},
    ]
    subscriptions = [
        {"id": repo.subscription(number).rsplit("/", 1)[-1], "managementGroup": group}
        for number, group in ((1, "shop"), (2, "payments"))
    ]
    places = [{"folder": ".", "below": ["/providers/Microsoft.Management/managementGroups/shop"]}]
    declared = [
        {"name": name, "recommendation": HIGH.key, "scopes": [repo.subscription(number)]}
        for number, name in ((1, "inside"), (2, "outside"))
    ]
    root = repo.write(tmp_path, declared, rules={"folders": places})
    assert main(["validate", "--root", str(root)]) == 0
    at_root = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
    with emulated.running(repo.tenant(at_root, managementGroups=groups, subscriptions=subscriptions)) as azure:
        done = emulated.exempt(azure, "plan", "--format", "json", cwd=root, check=[1])
    planned = json.loads(done.stdout)
    assert [(problem["code"], problem["source"]["file"]) for problem in planned["problems"]] == [
        ("rule-place", "exemptions/outside.yaml")
    ]
    assert [change["declaration"] for change in planned["changes"]] == ["inside"]
    assert [line["cause"] for line in planned["held"]] == ["outside-places"]


SECURE = "Secure transfer to storage accounts should be enabled"
REFERENCE = "secureTransferToStorageAccountMonitoring"
IGNORED = next(
    member.reference_id
    for member in SHIPPED.initiative_contents(parse_object(repo.BENCHMARK))[0].members
    if (facts := SHIPPED.policy(member.definition)) and Obstacle.UNSUPPORTED in facts.obstacles
)


@pytest.mark.parametrize(
    ("rule", "subject", "code", "cause"),
    [
        ({"neverExempt": {"recommendations": [SECURE]}}, {"referenceIds": [REFERENCE]}, "rule-never", "never-exempt"),
        ({"maxLifetimeDays": [{"days": 9, "severity": "High"}]}, {"referenceIds": [REFERENCE]}, "rule-lifetime", "lifetime"),
        ({"strictUnsupported": True}, {"referenceIds": [IGNORED]}, "obstacle-unsupported", "unsupported"),
        ({}, {}, "rule-whole-assignment", "whole-assignment"),
    ],
    ids=["never", "lifetime", "unsupported", "whole"],
)  # fmt: skip
def test_every_rule_that_only_the_plan_can_judge_has_the_same_verdict(
    tmp_path: Path, rule: dict[str, Any], subject: dict[str, Any], code: str, cause: str
) -> None:
    """An address hides the policies from validate. In what changed, breaking a rule is an error of the plan; elsewhere it
    is held only, and blocks nobody else.
    """
    at_root = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
    broken = {"name": "broken", "policyAssignment": at_root["id"], "scopes": [repo.subscription(1)], **subject}
    fine = {"name": "fine", "recommendation": HIGH.key, "scopes": [repo.subscription(2)], "expiresOn": "2027-01-01"}
    root = repo.write(tmp_path, [broken], rules=rule)
    base = repo.commit(root)
    assert main(["validate", "--root", str(root)]) == 0
    with emulated.running(repo.tenant(at_root)) as azure:
        planned = exempt(azure, "plan", "--format", "json", root=root, check=1).json
        assert [(problem["code"], problem["source"]["file"]) for problem in planned["problems"]] == [
            (code, "exemptions/broken.yaml")
        ]
        assert [line["cause"] for line in planned["held"]] == [cause]
        assert (
            exempt(azure, "plan", "--format", "markdown", root=root, check=1).stdout.count("exemptions/broken.yaml")
            >= 1
        )
        repo.write(
            root, [broken, {**fine, "expiresOn": (datetime.now(UTC) + timedelta(5)).date().isoformat()}], rules=rule
        )
        planned = exempt(azure, "plan", "--base", base, "--format", "json", root=root, check=0).json
        assert (planned["verdict"], planned["problems"]) == ("changes", [])
        assert [line["cause"] for line in planned["held"]] == [cause]


# --- patterns of people ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern", ["a?" * 40 + "a" * 40, "(a|a)" * 30 + "c", "(a*)*c", "(?:a+)+c", "a*a*a*a*a*a*a*a*c"]
)
def test_no_pattern_of_a_pull_request_hangs(root: Path, capsys: pytest.CaptureFixture[str], pattern: str) -> None:
    rules(root, f"  ticketPattern: {json.dumps(pattern)}\n")
    declare(root, f"recommendation: {HIGH.key}", more=f"ticket: {'a' * 63}b\n")
    start = time.process_time()
    judged = codes(capsys)
    assert time.process_time() - start < 5
    assert judged == [("rule-ticket", "error")]


@pytest.mark.parametrize(
    ("pattern", "ticket", "fits"),
    [
        ("SEC-[0-9]+", "SEC-1", True),
        ("SEC-[0-9]+", "SEC-1x", False),
        ("(?:SEC|RISK)-\\d{4}", "RISK-1234", True),
        ("SEC-\\d+", "SEC-٣", False),
        ("Ä-[0-9]", "Ä-1", True),
    ],
)
def test_a_ticket_fits_its_pattern_as_a_whole(
    root: Path, capsys: pytest.CaptureFixture[str], pattern: str, ticket: str, fits: bool
) -> None:
    rules(root, f"  ticketPattern: {json.dumps(pattern, ensure_ascii=False)}\n")
    declare(root, f"recommendation: {HIGH.key}", more=f"ticket: {ticket}\n")
    assert (codes(capsys) == []) is fits


# --- required fields, and scopes beside an assignment ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("ticket", "ticket: SEC-1"),
        ("displayName", "displayName: one"),
        ("metadata", "metadata: {a: b}"),
        (
            "resourceSelectors",
            "resourceSelectors: [{name: a, selectors: [{kind: resourceLocation, in: [westeurope]}]}]",
        ),
    ],
)
def test_a_required_field_is_missed_at_its_name(
    root: Path, capsys: pytest.CaptureFixture[str], field: str, line: str
) -> None:
    rules(root, f"  required: [{field}]\n")
    declare(root, f"recommendation: {HIGH.key}")
    main(["validate", "--format", "json"])
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["code"], problem["path"]) == ("rule-required", field)
    assert problem["message"] == f"{field} is missing; this repository requires it (rules.required)"
    declare(root, f"recommendation: {HIGH.key}", more=line + "\n")
    assert codes(capsys) == []


@pytest.mark.parametrize(
    ("place", "is_beside"),
    [("", False), ("/resourceGroups/rg", False), ("/resourceGroups/rg/providers/Microsoft.Sql/servers/s", True)],
)
def test_an_assignment_above_or_below_a_scope_is_not_beside_it(
    root: Path, capsys: pytest.CaptureFixture[str], place: str, is_beside: bool
) -> None:
    assignment = f"{SUBSCRIPTION}{place}/providers/Microsoft.Authorization/policyAssignments/a"
    declare(root, f"policyAssignment: {assignment}\nreferenceIds: [a]")
    path = root / "exemptions" / "one.yaml"
    for scope in (
        SUBSCRIPTION,
        f"{SUBSCRIPTION}/resourceGroups/rg",
        f"{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Sql/servers/t",
    ):
        path.write_text(path.read_text().replace(f"scopes: [{SUBSCRIPTION}]", f"scopes: [{scope}]"))
        is_told = "beside-assignment" in {code for code, _ in codes(capsys)}
        assert is_told is (is_beside and scope.endswith("/t"))
        path.write_text(path.read_text().replace(f"scopes: [{scope}]", f"scopes: [{SUBSCRIPTION}]"))


@pytest.mark.parametrize("line", ["ahead: true", "assignmentScopeValidation: DoNotValidate"])
def test_a_scope_beside_an_assignment_is_meant_where_the_declaration_says_so(
    root: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    servers = f"{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Sql/servers"
    assignment = f"{servers}/s/providers/Microsoft.Authorization/policyAssignments/a"
    path = root / "exemptions" / "one.yaml"
    for more, is_told in (("", True), (line + "\n", False)):
        declare(root, f"policyAssignment: {assignment}\nreferenceIds: [a]", more=more)
        path.write_text(path.read_text().replace(f"scopes: [{SUBSCRIPTION}]", f"scopes: [{servers}/t]"))
        assert ("beside-assignment" in {code for code, _ in codes(capsys)}) is is_told


@pytest.mark.parametrize(("managed", "more"), [(3, ""), (4, " …")])
def test_a_scope_outside_is_told_with_the_first_of_what_is_managed(
    root: Path, capsys: pytest.CaptureFixture[str], managed: int, more: str
) -> None:
    roots = [f"/subscriptions/6f0e1111-2222-4333-8444-55556666000{number}" for number in range(managed)]
    (root / "reconciler.yaml").write_text(SETTINGS.replace(f"[{SUBSCRIPTION}]", f"[{', '.join(roots)}]"))
    declare(root, f"recommendation: {HIGH.key}")
    main(["validate", "--format", "json"])
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    shown = ", ".join(roots[:3]) + more
    assert problem["message"] == f"{SUBSCRIPTION} is outside of what this repository manages ({shown})"
