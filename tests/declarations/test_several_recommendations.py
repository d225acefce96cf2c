"""One decision over several recommendations: one declaration, one exemption in each initiative that evaluates any."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import emulated
import pytest
from main_job import repositories as repo

from reconciler.catalog import Catalogue, initiative_id, load
from reconciler.cli.main import main

CATALOGUE = load()


def evaluated_by(catalogue: Catalogue, *names: str) -> list[Any]:
    """Recommendations without obstacles whose one policy is in all of these initiatives, by key."""
    initiatives = [catalogue.initiative(initiative_id(name)) for name in names]
    members = [{member.definition for member in initiative.members} for initiative in initiatives if initiative]
    return [
        entry
        for entry in catalogue.recommendations.values()
        if len(entry.policies) == 1
        and not entry.obstacles
        and len(catalogue.resting_on(entry.policies[0])) == 1
        and all(entry.policies[0] in policies for policies in members)
    ]


MCSB, NIST = repo.BENCHMARK.rsplit("/", 1)[-1], repo.NIST.rsplit("/", 1)[-1]
ONE, TWO, THREE = evaluated_by(CATALOGUE, MCSB, NIST)[:3]
SUB = repo.subscription(1)
DECLARATION = {"name": "three", "recommendations": [ONE.key, TWO.title, THREE.key], "scopes": [SUB]}
MCSB_HERE = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
NIST_HERE = repo.assignment(SUB, "nist", repo.NIST)


def references(name: str, *recommendations: Any) -> list[str]:
    initiative = CATALOGUE.initiative(initiative_id(name))
    assert initiative is not None
    return sorted(
        (text for entry in recommendations for text in initiative.reference_ids(entry.policies[0])), key=str.lower
    )


def plan(azure: emulated.Azure, root: Path, *, check: int = 0) -> dict[str, Any]:
    return json.loads(emulated.exempt(azure, "plan", "--format", "json", cwd=root, check=[check]).stdout)


def test_each_initiative_gets_one_exemption_with_all_of_them_and_the_next_plan_is_empty(tmp_path: Path) -> None:
    root = repo.write(tmp_path, [DECLARATION])
    with emulated.running(repo.tenant(MCSB_HERE, NIST_HERE)) as azure:
        planned = plan(azure, root)
        after = {change["key"]["assignment"].rsplit("/", 1)[-1]: change["after"] for change in planned["changes"]}
        assert planned["summary"]["create"] == 2
        assert after["mcsb"]["policyDefinitionReferenceIds"] == references(MCSB, ONE, TWO, THREE)
        assert after["nist"]["policyDefinitionReferenceIds"] == references(NIST, ONE, TWO, THREE)
        assert after["mcsb"]["metadata"]["declaration"] == "three"
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        assert plan(azure, root)["changes"] == []
        text = emulated.exempt(azure, "explain", "--declaration", "three", cwd=root, check=[0]).stdout
        assert all(entry.title[:30] in text.replace("\n", " ") for entry in (ONE, TWO, THREE))


def test_adopting_an_object_of_three_references_is_one_update_in_place(tmp_path: Path) -> None:
    """What somebody made in the portal for three recommendations needs no second object and no new name."""
    root = repo.write(tmp_path, [DECLARATION])
    portal = repo.exemption(SUB, "by-hand", MCSB_HERE["id"], references(MCSB, ONE, TWO, THREE))
    with emulated.running(repo.tenant(MCSB_HERE, exemptions=[portal])) as azure:
        planned = plan(azure, root)
        (change,) = planned["changes"]
        assert (change["actions"], change["reason"], change["key"]["name"]) == (["update"], "adopt", "by-hand")
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        (live,) = emulated.Client(azure).list(f"{SUB}/providers/Microsoft.Authorization/policyExemptions")
        assert live["properties"]["policyDefinitionReferenceIds"] == references(MCSB, ONE, TWO, THREE)
        assert plan(azure, root)["changes"] == []


def test_from_one_recommendation_to_several_is_an_update_and_back_takes_only_those_away(tmp_path: Path) -> None:
    single = {"name": "three", "recommendation": ONE.key, "scopes": [SUB]}
    root = repo.write(tmp_path, [single])
    with emulated.running(repo.tenant(MCSB_HERE)) as azure:
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        repo.write(root, [DECLARATION])
        (wider,) = plan(azure, root)["changes"]
        assert (wider["actions"], wider["after"]["policyDefinitionReferenceIds"]) == (
            ["update"],
            references(MCSB, ONE, TWO, THREE),
        )
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        repo.write(root, [single])
        (narrower,) = plan(azure, root)["changes"]
        assert (narrower["actions"], narrower["after"]["policyDefinitionReferenceIds"]) == (
            ["update"],
            references(MCSB, ONE),
        )


def test_an_initiative_that_evaluates_only_one_of_them_gets_that_one(tmp_path: Path) -> None:
    nist = {entry.key for entry in evaluated_by(CATALOGUE, NIST)}
    only_mcsb = next(entry for entry in evaluated_by(CATALOGUE, MCSB) if entry.key not in nist)
    root = repo.write(tmp_path, [{**DECLARATION, "recommendations": [ONE.key, only_mcsb.key]}])
    with emulated.running(repo.tenant(MCSB_HERE, NIST_HERE)) as azure:
        changes = plan(azure, root)["changes"]
        after = {change["key"]["assignment"].rsplit("/", 1)[-1]: change["after"] for change in changes}
        assert after["nist"]["policyDefinitionReferenceIds"] == references(NIST, ONE)
        assert after["mcsb"]["policyDefinitionReferenceIds"] == references(MCSB, ONE, only_mcsb)


# --- offline -----------------------------------------------------------------------------------------------------


def validate(root: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    main(["validate", "--root", str(root), "--format", "json"])
    return json.loads(capsys.readouterr().out)["problems"]


def test_another_declaration_of_one_of_them_is_a_conflict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = repo.write(tmp_path, [DECLARATION, {"name": "two", "recommendation": TWO.key, "scopes": [SUB]}])
    assert [problem["code"] for problem in validate(root, capsys)] == ["conflict"]
    root = repo.write(
        tmp_path, [DECLARATION, {"name": "two", "recommendation": TWO.key, "scopes": [repo.subscription(2)]}]
    )
    assert validate(root, capsys) == []


def test_repeats_inside_one_declaration_collapse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = repo.write(tmp_path, [{**DECLARATION, "recommendations": [ONE.key, ONE.title, ONE.key]}])
    assert validate(root, capsys) == []


def test_each_of_them_is_judged_where_it_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = {"neverExempt": {"recommendations": [TWO.key]}}
    root = repo.write(tmp_path, [DECLARATION], rules=rules)
    (never,) = validate(root, capsys)
    assert (never["code"], never["path"], never["line"]) == ("rule-never", "recommendations[1]", 4)
    root = repo.write(
        tmp_path, [{**DECLARATION, "recommendations": [ONE.key, "no such thing at all", ONE.key[:-1] + "x"]}]
    )
    unknown = validate(root, capsys)
    assert [(problem["code"], problem["path"]) for problem in unknown] == [
        ("unknown-recommendation", "recommendations[1]"),
        ("unknown-recommendation", "recommendations[2]"),
    ]


def test_the_strictest_severity_of_all_decides_the_lifetime(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entries = evaluated_by(CATALOGUE, MCSB)
    low, high = (next(entry for entry in entries if entry.severity == severity) for severity in ("Low", "High"))
    rules = {"maxLifetimeDays": [{"days": 90, "severity": "High"}]}
    for recommendations, codes in (([low.key], []), ([low.key, high.key], ["rule-lifetime"])):
        root = repo.write(tmp_path, [{**DECLARATION, "recommendations": recommendations}], rules=rules)
        assert [problem["code"] for problem in validate(root, capsys)] == codes


def test_one_of_recommendation_and_recommendations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = repo.write(tmp_path, [{**DECLARATION, "recommendation": ONE.key}])
    (problem,) = validate(root, capsys)
    assert problem["code"] == "subject"
    assert "recommendation and recommendations each say what is exempted" in problem["message"]


# --- who asked ---------------------------------------------------------------------------------------------------


def test_who_asked_before_an_adoption_is_kept_under_a_key_of_its_own(tmp_path: Path) -> None:
    declaration = {"name": "one", "recommendation": ONE.key, "scopes": [SUB], "requestedBy": "app-team@contoso.example"}
    theirs = {"requestedBy": "anna@contoso.example", "ticketRef": "CHG-7", "owner": "Shop"}
    portal = repo.exemption(SUB, "by-hand", MCSB_HERE["id"], references(MCSB, ONE), metadata=theirs)
    root = repo.write(tmp_path, [declaration])
    with emulated.running(repo.tenant(MCSB_HERE, exemptions=[portal])) as azure:
        for _ in range(2):
            emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
            (live,) = emulated.Client(azure).list(f"{SUB}/providers/Microsoft.Authorization/policyExemptions")
            metadata = live["properties"]["metadata"]
            assert metadata["requestedBy"] == "app-team@contoso.example"
            assert metadata["originalRequestedBy"] == "anna@contoso.example"
            assert (metadata["originalOwner"], metadata["ticketRef"]) == ("Shop", "CHG-7")
            assert plan(azure, root)["changes"] == []


def test_taking_over_keeps_who_asked_and_drops_the_other_mark(tmp_path: Path) -> None:
    declaration = {"name": "one", "recommendation": ONE.key, "scopes": [SUB], "takeOver": "fabrikam/exemptions"}
    theirs = {
        "managedBy": "exempt",
        "owner": "fabrikam/exemptions",
        "requestedBy": "anna@contoso.example",
        "declaration": "x",
    }
    other = repo.exemption(SUB, "theirs", MCSB_HERE["id"], references(MCSB, ONE), metadata=theirs)
    root = repo.write(tmp_path, [declaration])
    with emulated.running(repo.tenant(MCSB_HERE, exemptions=[other])) as azure:
        (change,) = plan(azure, root)["changes"]
        assert change["reason"] == "take-over"
        metadata = change["after"]["metadata"]
        assert metadata["originalRequestedBy"] == "anna@contoso.example"
        assert metadata["owner"] == "contoso/exemptions"
        assert "originalOwner" not in metadata
