"""A retry goes on with what an earlier run proposed, on another day too, and one declaration stops no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hosting_service
import pytest
import yaml
from cli.console import Ended, exempt
from clones import Clone, clone

from reconciler.cli import common
from reconciler.requesting import issue_form
from reconciler.runs.changing import Intent, _branch
from reconciler.runs.proposing import with_earlier_end

TDE = "651967bf-044e-4bde-8376-3e08e0600105"
ORDERS = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.Sql/servers/legacy/databases/orders"
FRIDAY = datetime(2026, 11, 27, 23, 59, tzinfo=UTC)
SATURDAY = FRIDAY + timedelta(minutes=2)
ASK = ("request", TDE, ORDERS, "--name", "orders", "--category", "Waiver", "--justification", "It retires.", "--yes")
Run = Callable[..., Ended]


@pytest.fixture
def github() -> Iterator[hosting_service.Service]:
    with hosting_service.running() as running:
        yield running


@pytest.fixture
def run(github: hosting_service.Service, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in a clone at a time, with GitHub at hand and nobody logged in at Azure."""

    def run_at(when: datetime, here: Clone, *words: str, check: int = 0) -> Ended:
        monkeypatch.setattr(common, "now", lambda: when)
        env = {"EXEMPT_PULL_REQUEST_ENDPOINT": github.endpoint, "GITHUB_TOKEN": "secret-token-of-a-test"}
        env |= {"AZURE_TOKEN_CREDENTIALS": "dev"}  # a managed identity that is not there is asked for five seconds
        return exempt(None, *words, root=here.root, check=check, AZURE_CONFIG_DIR=str(here.root), **env)

    return run_at


@pytest.fixture
def here(tmp_path: Path) -> Clone:
    return clone(tmp_path, rules={"maxLifetimeDays": 90})


def declared(name: str, owner: str = "a@contoso.example", **fields: str) -> dict[str, str | list[str]]:
    usual = {"name": name, "recommendation": TDE, "owner": owner, "expiresOn": "2026-12-01"}
    return {**usual, "scopes": [ORDERS.replace("orders", name)], **fields}


def end_of(here: Clone, branch: str, name: str) -> str:
    return str(yaml.safe_load(here.file(branch, f"exemptions/{name}.yaml"))["expiresOn"])


def test_a_request_goes_on_after_midnight(run: Run, github: hosting_service.Service, here: Clone) -> None:
    github.refuses = 502
    refused = run(FRIDAY, here, *ASK)
    assert "not opened: " in refused.stderr
    assert "the branch exempt/orders is on the remote origin: open its pull request here:" in refused.stderr
    pushed = here.pushed("exempt/orders")
    github.refuses = 0
    done = run(SATURDAY, here, *ASK)
    assert done.stdout == "https://github.com/contoso/exemptions/pull/1\n"
    assert here.pushed("exempt/orders") == pushed
    assert end_of(here, "exempt/orders", "orders") == "2027-02-25"
    assert "2027-02-25" in github.pulls[0]["body"]
    other = run(SATURDAY, here, *ASK[:-1], "--yes", "--until", "2027-01-31", check=1)
    assert "something else in it" in other.stderr


def test_where_the_pull_request_cannot_be_opened_the_branch_is_named(run: Run, tmp_path: Path) -> None:
    declarations = [declared("one"), declared("two")]
    elsewhere = clone(
        tmp_path, "https://git.contoso.example/team/exemptions.git", declarations, rules={"maxLifetimeDays": 90}
    )
    for words, branch in (
        (ASK, "exempt/orders"),
        (("renew", "one"), "exempt/renew-one"),
        (("retire", "two"), "exempt/retire-two"),
    ):
        ended = run(FRIDAY, elsewhere, *words, check=0)
        assert ended.stdout == ""
        assert ended.stderr.splitlines()[-2:] == [
            "not opened: the remote's host has no interface that is known here",
            f"the branch {branch} is on the remote origin: open its pull request there",
        ]
        assert elsewhere.pushed(branch)


def test_a_name_that_was_merged_and_is_free_again_goes_on_from_there(run: Run, here: Clone) -> None:
    run(FRIDAY, here, *ASK)
    here.git("merge", "--quiet", "--no-ff", "--no-edit", "exempt/orders")
    here.git("rm", "--quiet", "exemptions/orders.yaml")
    here.git("commit", "--quiet", "-m", "Not needed")
    here.git("push", "--quiet", "origin", "HEAD:main")
    run(SATURDAY, here, *ASK, "--until", "2027-01-31")
    assert here.git("rev-parse", f"{here.pushed('exempt/orders')}^") == here.pushed("main")


@pytest.fixture
def full(tmp_path: Path) -> Clone:
    return clone(
        tmp_path, rules={"maxLifetimeDays": 90}, declarations=[declared("one"), declared("two", "b@contoso.example")]
    )


def test_a_weekly_run_goes_on_with_its_pull_requests_and_adds_to_them(
    run: Run, github: hosting_service.Service, full: Clone
) -> None:
    first = run(FRIDAY, full, "renew", "--expiring", "30d")
    heads = {pull["head"]: full.pushed(pull["head"]) for pull in github.pulls}
    assert len(heads) == 2
    again = run(SATURDAY, full, "renew", "--expiring", "30d")
    assert again.stdout == first.stdout
    assert "one: 2026-12-01 -> 2027-02-25" in again.stderr
    assert {name: full.pushed(name) for name in heads} == heads
    (full.root / "exemptions/three.yaml").write_text(
        (full.root / "exemptions/one.yaml").read_text().replace("name: one", "name: three").replace("/one", "/three")
    )
    full.git("add", "--all")
    full.git("commit", "--quiet", "-m", "A third")
    full.git("push", "--quiet", "origin", "HEAD:main")
    run(SATURDAY, full, "renew", "--expiring", "30d")
    assert len(github.pulls) == 2
    (pull,) = [pull for pull in github.pulls if "three" in pull["title"]]
    assert "`three`" in pull["body"]
    assert [end_of(full, pull["head"], name) for name in ("one", "three")] == ["2027-02-25", "2027-02-26"]


def test_another_day_for_the_same_declaration_changes_its_pull_request(
    run: Run, github: hosting_service.Service, full: Clone
) -> None:
    run(FRIDAY, full, "renew", "one")
    run(SATURDAY, full, "renew", "one", "--until", "2027-01-31")
    assert [pull["title"] for pull in github.pulls] == ["Renew one until 2027-01-31"]
    assert end_of(full, "exempt/renew-one", "one") == "2027-01-31"


def test_what_is_retired_goes_by_one_pull_request_an_owner(
    run: Run, github: hosting_service.Service, full: Clone
) -> None:
    for when in (FRIDAY, SATURDAY):
        run(when, full, "retire", "one", "two")
        assert [pull["title"] for pull in github.pulls] == ["Retire one", "Retire two"]
    assert run(FRIDAY, full, "renew", "one", "two", "--dry-run").stdout.count("+expiresOn: 2027-02-25") == 2


def test_what_somebody_added_to_the_branch_is_never_replaced(run: Run, full: Clone) -> None:
    run(FRIDAY, full, "renew", "one")
    full.git("checkout", "--quiet", "exempt/renew-one")
    full.git("commit", "--quiet", "--allow-empty", "-m", "By a reviewer")
    full.git("push", "--quiet", "origin", "exempt/renew-one")
    refused = run(FRIDAY, full, "renew", "one", "--until", "2027-01-31", check=1)
    assert "something else in it" in refused.stderr
    assert "--name" not in refused.stderr


def test_a_branch_that_is_checked_out_keeps_its_files(run: Run, full: Clone) -> None:
    run(FRIDAY, full, "renew", "one")
    full.git("checkout", "--quiet", "exempt/renew-one")
    before = full.state()
    run(FRIDAY, full, "renew", "one", "--until", "2027-01-31")
    assert full.state() == before
    assert end_of(full, "exempt/renew-one", "one") == "2027-01-31"


def test_what_the_rules_refuse_stops_nobody_else(run: Run, github: hosting_service.Service, tmp_path: Path) -> None:
    files = [
        declared("one"),
        declared("never", "b@contoso.example", recommendation="1f7c564c-0a90-4d44-b7e1-9d456cffaee8"),
    ]
    full = clone(
        tmp_path,
        declarations=files,
        rules={"neverExempt": {"recommendations": ["1f7c564c-0a90-4d44-b7e1-9d456cffaee8"]}},
    )
    ended = run(FRIDAY, full, "renew", "--expiring", "30d", check=1)
    assert [pull["title"] for pull in github.pulls] == ["Renew one until 2027-11-27"]
    assert "never: the rules refuse this" in ended.stderr


@pytest.mark.parametrize(
    ("cloud", "portal"),
    [("AzureUSGovernment", "https://portal.azure.us/"), ("AzureChinaCloud", "https://portal.azure.cn/")],
)
def test_the_page_that_tells_how_to_fix_it_is_of_the_declared_cloud(
    run: Run, github: hosting_service.Service, tmp_path: Path, cloud: str, portal: str
) -> None:
    here = clone(tmp_path, cloud=cloud)
    page = f"{portal}#view/Microsoft_Azure_Security/GenericRecommendationDetailsBlade/assessmentKey/{TDE}"
    resource = f"{portal}#@contoso.example/resource{ORDERS}/overview"
    ended = run(FRIDAY, here, "request", page, resource, *ASK[3:])
    assert f"how to fix it instead: {page}" in ended.stderr
    assert f"({page})" in github.pulls[0]["body"]
    assert yaml.safe_load(here.file("exempt/orders", "exemptions/orders.yaml"))["scopes"] == [ORDERS]


# --- kinds that no policy stands behind --------------------------------------------------------------------------


def test_a_category_is_asked_for_by_its_name_or_the_portals_label(run: Run, tmp_path: Path) -> None:
    for number, words in enumerate((["SystemUpdate"], ["System", "updates"], ["--recommendation", "system updates"])):
        (tmp_path / str(number)).mkdir()
        here = clone(tmp_path / str(number))
        run(FRIDAY, here, "request", *words, ORDERS, *ASK[3:])
        assert (
            yaml.safe_load(here.file("exempt/orders", "exemptions/orders.yaml"))["recommendationCategory"]
            == "SystemUpdate"
        )


def test_a_connector_is_asked_for_as_itself(run: Run, here: Clone) -> None:
    connector = ORDERS.split("/providers/", maxsplit=1)[0] + "/providers/Microsoft.Security/securityConnectors/aws-shop"
    aws = ["--recommendation", "001ddfe0-1b98-443f-819d-99f060fd67d5", "--resource", connector]
    shown = run(FRIDAY, here, "request", *aws, *ASK[3:], "--dry-run")
    assert yaml.safe_load(shown.stdout)["scopes"] == [connector]


def test_some_vulnerabilities_alone_are_asked_for_by_option_and_by_form(
    run: Run, github: hosting_service.Service, here: Clone, tmp_path: Path
) -> None:
    conditions = ("--cve", "CVE-2021-44228", "--cve", "CVE-2020-1347", "--cvss-below", "7.5")
    asked = run(FRIDAY, here, "request", "SoftwareUpdate", ORDERS, *ASK[3:], *conditions)
    assert "vulnerabilities CVE-2021-44228, CVE-2020-1347; CVSS score below 7.5" in asked.stderr
    assert "CVSS score below 7.5" in github.pulls[0]["body"]
    written = yaml.safe_load(here.file("exempt/orders", "exemptions/orders.yaml"))
    assert written["vulnerabilities"] == {"cves": ["CVE-2021-44228", "CVE-2020-1347"], "cvssBelow": 7.5}
    answers = {
        issue_form.KIND: "SoftwareUpdate",
        issue_form.CVES: "CVE-2021-44228, cve-2020-1347",
        issue_form.RESOURCES: ORDERS,
        issue_form.CATEGORY: "Risk accepted (Waiver)",
        issue_form.JUSTIFICATION: "Not reachable.",
    }
    body = "\n\n".join(f"### {label}\n\n{text}" for label, text in answers.items())
    issue = {"number": 7, "title": "Exemption: ", "body": body, "user": {"login": "octo-dev"}}
    (tmp_path / "issue.json").write_text(json.dumps(issue))
    run(FRIDAY, here, "request", "--from-issue", str(tmp_path / "issue.json"))
    (file,) = here.git("diff", "--name-only", "origin/main", here.pushed("exempt/issue-7")).splitlines()
    written = yaml.safe_load(here.file("exempt/issue-7", file))
    assert written["vulnerabilities"] == {"cves": ["CVE-2021-44228", "CVE-2020-1347"]}
    assert (written["owner"], written["requestedBy"]) == ("@octo-dev", "@octo-dev")
    for dry_run in ([], ["--dry-run"]):
        policy = ["request", TDE, ORDERS, *ASK[3:], "--cve", "CVE-2021-44228", "--name", "x", *dry_run]
        refused = run(FRIDAY, here, *policy, check=1)
        assert "conditions on findings are only for recommendations without one" in refused.stderr
        assert refused.stdout == ""


def test_all_that_is_unclear_is_said_at_once_with_what_would_do(run: Run, here: Clone) -> None:
    words = ["request", "SoftwareUpdate", "a/b", "--resource", "x/y", "--until", "next year", "--cve", "CVE-1"]
    unclear = run(FRIDAY, here, *words, "--justification", " ", "--tag", "purpose=x", "--yes", check=1)
    page = "paste the address of its page in the portal, or its id (on that page, under JSON View)"
    assert unclear.stderr.splitlines()[1:] == [
        "error: no recommendation has the key, the title or the address 'SoftwareUpdate a/b'",
        "help: paste the address of the recommendation's page in the portal, or its title: 'exempt catalog search WORDS' finds it",
        "error: 'x/y' names no resource",
        f"help: {page}",
        "error: which resources bear purpose=x only Azure knows",
        "help: log in: az login",
        "error: --category is missing",
        "help: Waiver (the risk is accepted) or Mitigated (it is met in another way)",
        "error: --justification is missing",
        "help: a sentence that tells the reviewer why this is acceptable",
        "error: 'CVE-1' is no CVE",
        "help: write it as CVE-2021-44228",
        "error: 'next year' is no day",
        "help: write it as 2027-01-31",
    ]
    missing = run(FRIDAY, here, "request", "--yes", check=1).stderr.splitlines()[1:]
    assert missing[:4] == [
        "error: --recommendation is missing",
        "help: paste the address of its page in the portal, or its title",
        "error: --resource is missing",
        f"help: {page}",
    ]


@pytest.mark.parametrize(
    ("kind", "recommendation", "words"),
    [
        ("Nonsense", "", ["there is no category 'Nonsense'", "choose one of "]),
        ("SoftwareUpdate", TDE, ["both a recommendation and a category of them are named", "keep one of the two"]),
        ("", "", ["--recommendation is missing", "paste the address of its page in the portal, or its title"]),
    ],
)
def test_a_form_that_says_not_what_is_exempted_is_told_so(
    run: Run, here: Clone, tmp_path: Path, kind: str, recommendation: str, words: list[str]
) -> None:
    answers = {
        issue_form.RECOMMENDATION: recommendation,
        issue_form.KIND: kind,
        issue_form.RESOURCES: ORDERS,
        issue_form.CATEGORY: "Risk accepted (Waiver)",
        issue_form.JUSTIFICATION: "Not reachable.",
    }
    body = "\n\n".join(f"### {label}\n\n{text}" for label, text in answers.items() if text)
    issue = {"number": 7, "title": "Exemption: ", "body": body, "user": {"login": "octo-dev"}}
    (tmp_path / "issue.json").write_text(json.dumps(issue))
    refused = run(FRIDAY, here, "request", "--from-issue", str(tmp_path / "issue.json"), check=1)
    assert all(word in refused.stderr for word in words), refused.stderr
    assert [name for name in here.branches() if name.startswith("exempt/")] == []


def test_a_name_that_no_declaration_has_is_told_what_is_near(run: Run, tmp_path: Path) -> None:
    here = clone(tmp_path, declarations=[declared("orders")])
    near = run(FRIDAY, here, "renew", "ordres", check=1)
    assert near.stderr.splitlines()[-2:] == ["error: there is no declaration 'ordres'", "help: did you mean orders?"]
    for command in (["renew"], ["retire"], ["status"], ["explain", "--declaration"]):
        far = run(FRIDAY, here, *command, "nothing-like-it", check=1)
        assert far.stderr.splitlines()[-1] == "help: 'exempt export' lists every declaration with its recommendation"
        part = run(FRIDAY, here, *command, "RDER", check=1)
        assert part.stderr.splitlines()[-1] == "help: did you mean orders?"
    assert "orders  Risk accepted (Waiver)" in run(FRIDAY, here, "export", check=0).stdout
    both = run(FRIDAY, here, "retire", "nothing-like-it", "orders", "ordres", "nothing-like-it", check=1)
    assert both.stderr.splitlines()[-2:] == [
        "error: there is no declaration 'nothing-like-it' or 'ordres'",
        "help: did you mean orders?",
    ]
    empty = run(FRIDAY, clone(tmp_path / "empty"), "renew", "orders", check=1)
    assert empty.stderr.splitlines()[-1] == (
        "help: nothing is declared here: 'exempt request' asks for an exemption, 'exempt list' shows those in Azure"
    )
    again = run(FRIDAY, here, "retire", "ORDERS", "orders", "--dry-run", check=0)
    assert again.stderr == "orders: in force -> retired\n"


def test_the_same_declarations_have_the_same_branch_and_others_another() -> None:
    both = _branch(Intent.RENEW, "Data Team", ["a", "b"])
    assert both.startswith("exempt/renew-data-team-")
    assert both == _branch(Intent.RENEW, "Data Team", ["b", "a"])
    others = [
        _branch(Intent.RENEW, "Data-Team", ["a", "b"]),
        _branch(Intent.RENEW, "Data Team", ["a", "c"]),
        _branch(Intent.RENEW, "Data Team", []),
        _branch(Intent.RETIRE, "Data Team", ["a", "b"]),
    ]
    assert len({both, *others}) == 5
    assert _branch(Intent.RENEW, "Data Team", ["a"]) == "exempt/renew-a"
    assert _branch(Intent.RETIRE, "\u8a9e", ["a", "b"]).startswith("exempt/retire-several-")


@pytest.mark.parametrize(
    ("earlier", "is_taken"),
    [
        ({"expiresOn": "2026-11-30"}, True),
        ({"expiresOn": "2026-11-27"}, True),
        ({"expiresOn": "2026-11-26"}, False),
        ({"expiresOn": "2026-12-01"}, False),
        ({"expiresOn": "2026-12-02"}, False),
        ({"expiresOn": "2026-11-30", "justification": "Another."}, False),
        ({"expiresOn": "2026-11-30T00:00:00Z", "justification": "\udcff"}, False),
    ],
)
def test_an_end_that_was_proposed_is_kept_where_it_is_nearer_still_to_come_and_all_else_is_the_same(
    earlier: dict[str, str], is_taken: bool
) -> None:
    usual = {**declared("orders"), "category": "Waiver", "justification": "It retires.", "expiresOn": "2026-12-01"}
    text = yaml.safe_dump(usual, sort_keys=False)
    before = text
    for name, value in earlier.items():
        before = before.replace(
            f"{name}: {usual[name]!r}" if name == "expiresOn" else f"{name}: {usual[name]}", f"{name}: {value}"
        )
    proposed = with_earlier_end(text, before, "exemptions/orders.yaml", FRIDAY)
    assert (proposed != text) is is_taken
    if is_taken:
        assert yaml.safe_load(proposed.replace(earlier["expiresOn"], f"'{earlier['expiresOn']}'")) == {
            **usual,
            **earlier,
        }
