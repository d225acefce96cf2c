"""Reports of worlds that hold both kinds of exemption: each kind in its own words, and nothing that holds for one alone."""

import json
import re

import emulated
import pytest
from main_job import repositories as repo
from main_job.test_standard_assignments import (
    AWS,
    CONNECTOR,
    DATABASE,
    EDR,
    GROUP,
    GUID,
    ONE,
    TWO,
    VERSION,
    apply,
    declared,
    standard,
    standards,
    tenant,
)

FOUND = {"cves": ["CVE-2020-1347"], "minSeverity": "Low"}
SELECTION = "only CVE in CVE-2020-1347 and severity below Low"
OURS = [
    declared(DATABASE),
    declared(ONE, name="edr", recommendation=EDR, vulnerabilities=FOUND),
    declared(TWO, name="lapsed"),
    declared(CONNECTOR, name="aws", recommendation=AWS),
    {"name": "policy", "recommendation": "Secure transfer to storage accounts should be enabled", "scopes": [TWO]},
]


def named(azure, declaration):
    """The id and properties of the standard assignment that a declaration has."""
    mark = f'"declaration":"{declaration}"'
    return next(item for item in standards(azure).items() if mark in item[1]["description"])


def text(azure, root, *arguments):
    return emulated.exempt(azure, *arguments, cwd=root).stdout


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Applied, then edited and deleted in the portal, with what others made beside it."""
    root = repo.write(tmp_path_factory.mktemp("mixed") / "repository", OURS)
    repo.commit(root)
    with emulated.running(tenant() | {"resources": [DATABASE, CONNECTOR]}) as azure:
        plan = text(azure, root, "plan"), text(azure, root, "plan", "--format", "markdown")
        decisions = json.loads(text(azure, root, "plan", "--format", "json"))["decisions"]
        apply(azure, root)
        applied = text(azure, root, "explain", DATABASE)
        portal = emulated.Client(azure, emulated.PORTAL)
        identifier, values = named(azure, "edr")
        data = {key: value for key, value in values["exemptionData"].items() if key != "subAssessmentExemptionRule"}
        portal.put(identifier, {**values, "exemptionData": data}, version=VERSION)
        portal.delete(named(azure, "aws")[0], version=VERSION)
        beside = [
            standard(DATABASE, GUID + "1"),
            standard(ONE, GUID + "2"),
            standard(ONE, GUID + "3", key=AWS, excludedScopes=[GROUP]),
        ]
        for made in beside:
            assert portal.put(made["id"], made["properties"], version=VERSION).status == 201
        repo.write(root, [{**one, **({"expiresOn": "2020-01-31"} if one["name"] == "lapsed" else {})} for one in OURS])
        repo.commit(root)
        reports = {name: text(azure, root, name) for name in ("plan", "drift", "list")}
        reports["comment"] = text(azure, root, "plan", "--format", "markdown")
        reports["explain"] = text(azure, root, "explain", DATABASE)
        reports["connector"] = text(azure, root, "explain", CONNECTOR)
        reports["declaration"] = text(azure, root, "explain", "--declaration", "edr")
    return {"first": plan, "decisions": decisions, "applied": applied, **reports}


def test_the_decision_says_which_findings_alone_are_meant(world):
    for form in world["first"]:
        assert form.partition("<details>")[0].count(SELECTION) == 1
    only = {decision["name"]: decision["after"]["only"] for decision in world["decisions"]}
    assert only == dict.fromkeys(("cmdshell", "lapsed", "aws", "policy")) | {"edr": SELECTION.removeprefix("only ")}


def test_to_exempt_some_findings_again_instead_of_all_is_less(world):
    (decision,) = [block for block in world["plan"].split("\n\n") if "  edr " in block]
    assert "- less" in decision
    assert f"all of it → {SELECTION}" in decision
    assert "**less** `edr`" in world["comment"]
    assert "changes `exemptionData`" not in world["comment"]


def test_drift_speaks_of_the_recommendation_and_its_findings(world):
    drift = world["drift"]
    assert "in Azure it exempts more findings than declared" in drift
    assert f"differs vulnerabilities: declared {SELECTION}, in Azure (none)" in drift
    assert "still exempts the recommendation without end, although its declaration has ended" in drift
    assert (
        "declared as Risk accepted (Waiver) without end for the recommendation, but its exemption is not there" in drift
    )
    assert "exempts the recommendation of declaration 'cmdshell' there as well" in drift
    assert "Azure does not say whether a person or an application made it" in drift
    for word in (
        "the whole assignment",
        "exemptionData",
        "was made by an application",
        "activity-log",
        "not yet in the initiative",
    ):
        assert word not in drift
    assert f"{GUID}1 on servers/legacy/databases/ledger in rg rg-data" in drift


def test_an_explanation_says_what_is_left_out_and_what_is_exempt_for_some_findings(world):
    assert "exempt for some findings  Anti-Virus scans" in world["applied"]
    assert "what it chooses would be evaluated again" in world["applied"]
    at_connector = next(block for block in world["connector"].split("\n\n") if GUID + "3" in block)
    assert f"no effect  {GUID}3" in at_connector
    assert f"it leaves out what lies below {GROUP} (excludedScopes)" in at_connector
    assert "unknown type" not in world["explain"]
    assert "so one standard assignment at the target exempts it" in world["declaration"]


def test_the_list_names_a_recommendation_once(world):
    entry = next(block for block in re.split(r"\n  (?=\S)", world["list"]) if "declared by edr" in block)
    assert entry.count("Anti-Virus scans") == 1
    assert "by a standard assignment" in entry
