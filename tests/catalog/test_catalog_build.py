"""The script that builds the bundled facts: from a checkout, from extracts, from metadata; the same bytes each time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "build_catalog.py"
PREFIX = "/providers/Microsoft.Authorization/"
KEY = "0a0a0a0a-1111-2222-3333-444444444444"
NAMED_KEY = "0b0b0b0b-1111-2222-3333-444444444444"


def build(out, *arguments):
    command = [sys.executable, str(SCRIPT), "--out", str(out), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def put(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def rows(out, name):
    return json.loads((out / f"{name}.json").read_text(encoding="utf-8"))


def policy(name, **more):
    rule = {
        "if": {"allOf": [{"field": "type", "in": ["Contoso.Web/sites", "Contoso.Web/slots"]},
                         {"field": "type", "in": "[parameters('types')]"}, {"field": "type", "notEquals": "Contoso.Web/no"},
                         {"not": {"field": "type", "equals": "Contoso.Web/never"}}]},
        "then": {"effect": "[parameters('effect')]", **more.pop("then", {})},
    }  # fmt: skip
    properties = {
        "displayName": f"Policy {name}", "policyType": "BuiltIn", "mode": "Indexed", "description": "never taken over",
        "metadata": {"version": "1.2.3", "category": "Web"},
        "parameters": {"effect": {"defaultValue": "Audit"}}, "policyRule": rule, **more,
    }  # fmt: skip
    return {"properties": properties, "id": f"{PREFIX}policyDefinitions/{name}", "name": name}


def initiative(name, category, *members):
    entries = [
        {"policyDefinitionId": f"{PREFIX}policyDefinitions/{one}", "policyDefinitionReferenceId": f"Ref {one} | (1)"}
        for one in members
    ]
    metadata = {"version": "2.0.0", "category": category, "deprecated": True}
    properties = {
        "displayName": f"Set {name}",
        "policyType": "BuiltIn",
        "metadata": metadata,
        "policyDefinitions": entries,
    }
    return {"properties": properties, "id": f"{PREFIX}policySetDefinitions/{name}", "name": name}


@pytest.fixture
def checkout(tmp_path):
    """A small one of the same shape as Azure/azure-policy."""
    root = tmp_path / "azure-policy"
    definitions, sets = (
        root / "built-in-policies" / "policyDefinitions",
        root / "built-in-policies" / "policySetDefinitions",
    )
    assessed = {"details": {"type": "Microsoft.Security/assessments", "name": NAMED_KEY.upper()}}
    put(definitions / "Web" / "b.json", policy("b"))
    put(definitions / "Web" / "a.json", policy("a", then=assessed))
    put(definitions / "Web" / "tagged.json", policy("tagged"))
    put(definitions / "Web" / "unused.json", policy("unused"))
    put(definitions / "Azure Government" / "Web" / "b.json", policy("b", mode="All"))
    put(sets / "Security Center" / "one.json", initiative("one", "Security Center", "b", "a"))
    put(sets / "Tags" / "other.json", initiative("other", "Tags", "tagged"))
    put(
        sets / "Azure Government" / "Regulatory Compliance" / "gov.json",
        initiative("gov", "Regulatory Compliance", "b"),
    )
    git = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@contoso.example"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "Release 9"]):
        subprocess.run([*git, *command], check=True)
    return root


@pytest.fixture
def extracts(tmp_path):
    """Extracts of the documentation."""
    folder = tmp_path / "defender"
    fact = {
        "displayName": " Sites should be safe ", "policyDefinitionId": f"{PREFIX}policyDefinitions/b", "severity": "High",
        "environment": "Azure", "resourceTypes": [], "policyMappingSource": "docs", "policyDisplayName": "Policy b",
        "policyMode": "Indexed",
    }  # fmt: skip
    put(folder / "recommendations.json", {
        "_source": {"docsCommit": f"{'a' * 40} (2026-06-16)"},
        "recommendations": {KEY.upper(): fact},
        "docRecommendationsWithoutKnownKey": [
            {"displayName": "No key", "severity": None, "section": "AWS data", "policyDefinitionIds": []}],
    })  # fmt: skip
    listed = [{"displayName": "Sites should be safe", "assessmentKeys": [KEY]}]
    put(folder / "unsupported-exemptions.json", {"_source": "FAQ of 2026-04-14", "recommendations": listed})
    return folder


def test_a_checkout_gives_both_editions(tmp_path, checkout, extracts):
    out = tmp_path / "out"
    done = build(out, "--policy", checkout, "--defender", extracts)
    assert done.returncode == 0, done.stderr
    assert rows(out, "public/initiatives") == [
        {"name": "one", "title": "Set one", "version": "2.0.0", "category": "Security Center", "flags": ["deprecated"], "members": 2},
        {"name": "other", "title": "Set other", "version": "2.0.0", "category": "Tags", "flags": ["deprecated"], "members": 1},
    ]  # fmt: skip
    assert rows(out, "public/members/one") == [["a", "Ref a | (1)"], ["b", "Ref b | (1)"]]
    assert rows(out, "public/policies") == [
        {"name": "a", "title": "Policy a", "version": "1.2.3", "mode": "Indexed", "effect": "Audit",
         "types": ["contoso.web/sites", "contoso.web/slots"], "assessment": NAMED_KEY},
        {"name": "b", "title": "Policy b", "version": "1.2.3", "mode": "Indexed", "effect": "Audit",
         "types": ["contoso.web/sites", "contoso.web/slots"], "flags": ["unsupported"]},
        {"name": "tagged", "title": "Policy tagged", "version": "1.2.3", "mode": "Indexed", "effect": "Audit",
         "types": ["contoso.web/sites", "contoso.web/slots"]},
    ]  # fmt: skip
    assert [one["mode"] for one in rows(out, "usgov/policies")] == ["All"]
    assert [one["name"] for one in rows(out, "usgov/initiatives")] == ["gov"]
    sources = json.loads((out / "sources.json").read_text())
    assert sources["public"]["release"] == "Release 9"
    assert len(sources["public"]["commit"]) == 40
    assert sources["defender"]["release"] == "list of unsupported exemptions of 2026-04-14"


def test_recommendations_come_from_the_documentation_and_from_policies_that_name_one(tmp_path, checkout, extracts):
    out = tmp_path / "out"
    build(out, "--policy", checkout, "--defender", extracts)
    assert rows(out, "recommendations") == [
        {"key": KEY, "title": "Sites should be safe", "severity": "High", "environment": "Azure", "policies": ["b"],
         "types": ["contoso.web/sites", "contoso.web/slots"], "evidence": "docs", "flags": ["unsupported"]},
        {"key": NAMED_KEY, "title": "Policy a", "environment": "Azure", "types": ["contoso.web/sites", "contoso.web/slots"],
         "policies": ["a"], "evidence": "azure-policy"},
    ]  # fmt: skip
    assert rows(out, "keyless") == [{"title": "No key", "environment": "AWS"}]


def document(extracts, *titles):
    """Extracts that hold recommendations of these titles, each with a key of its own."""
    path = extracts / "recommendations.json"
    documented = json.loads(path.read_text())
    (fact,) = documented["recommendations"].values()
    documented["recommendations"] = {
        KEY.replace("4" * 12, f"{number:012}"): {**fact, "displayName": title} for number, title in enumerate(titles)
    }
    put(path, documented)


@pytest.mark.parametrize(
    ("documented", "shown"),
    [
        ("Deprecated]: Sites should be safe", "[Deprecated]: Sites should be safe"),
        ("Preview] Sites should be safe", "[Preview] Sites should be safe"),
        ("[Preview] Sites should be safe", "[Preview] Sites should be safe"),
        (f"Sites should be safe (key: {KEY})", "Sites should be safe"),
        ("Sites should be safe (powered by Contoso", "Sites should be safe (powered by Contoso)"),
        ("Sites should be safe (Preview)", "Sites should be safe (Preview)"),
    ],
)
def test_a_documented_title_becomes_the_one_that_defender_shows(tmp_path, checkout, extracts, documented, shown):
    document(extracts, documented)
    out = tmp_path / "out"
    done = build(out, "--policy", checkout, "--defender", extracts)
    assert done.returncode == 0, done.stderr
    assert shown in [one["title"] for one in rows(out, "recommendations")]


def test_a_title_with_half_a_pair_of_brackets_is_refused(tmp_path, checkout, extracts):
    document(extracts, "Sites] should be safe", "Sites should be safe", "Sites) should be safe")
    done = build(tmp_path / "out", "--policy", checkout, "--defender", extracts)
    assert done.returncode == 1
    assert "2 titles have a bracket without its counterpart, such as 'Sites] should be safe'" in done.stderr


def test_a_tenants_metadata_brings_titles_severities_and_policies_up_to_date(tmp_path, checkout, extracts):
    out = tmp_path / "out"
    properties = {"displayName": "Sites must be safe", "severity": "Low", "assessmentType": "BuiltIn",
                  "policyDefinitionId": f"{PREFIX}policyDefinitions/a"}  # fmt: skip
    listed = [
        {"name": KEY, "properties": properties},
        {"name": NAMED_KEY.replace("0b", "0c"), "properties": {**properties, "displayName": "no key"}},
        {"name": NAMED_KEY.replace("0b", "0d"), "properties": {**properties, "assessmentType": "CustomPolicy"}},
    ]
    put(tmp_path / "metadata.json", {"value": listed})
    done = build(out, "--policy", checkout, "--defender", extracts, "--metadata", tmp_path / "metadata.json")
    assert done.returncode == 0, done.stderr
    found = {one["key"]: one for one in rows(out, "recommendations")}
    assert len(found) == 3
    assert (found[KEY]["title"], found[KEY]["severity"]) == ("Sites must be safe", "Low")
    assert (found[KEY]["policies"], found[KEY]["evidence"]) == (["a"], "live")
    assert rows(out, "keyless") == []


def test_the_same_input_gives_the_same_bytes(tmp_path, checkout, extracts):
    outs = [tmp_path / "one", tmp_path / "two"]
    for out in outs:
        build(out, "--policy", checkout, "--defender", extracts)
    files = [{path.relative_to(out): path.read_bytes() for path in out.rglob("*.json")} for out in outs]
    assert files[0] == files[1]
    assert len(files[0]) == 12


def test_without_documentation_the_bundled_recommendations_stay(tmp_path, checkout):
    out = tmp_path / "out"
    done = build(out, "--policy", checkout)
    assert done.returncode == 0, done.stderr
    bundled = SCRIPT.parent.parent / "reconciler" / "catalog" / "data"
    kept = {one["key"]: one for one in rows(out, "recommendations")}
    assert all(kept[one["key"]] == one for one in rows(bundled, "recommendations"))
    assert NAMED_KEY in kept


def test_an_initiative_with_an_undefined_policy_is_refused(tmp_path, checkout, extracts):
    (checkout / "built-in-policies" / "policyDefinitions" / "Web" / "a.json").unlink()
    done = build(tmp_path / "out", "--policy", checkout, "--defender", extracts)
    assert done.returncode == 1
    assert "1 policies are in initiatives but not defined, such as a" in done.stderr


def test_no_description_is_taken_over(tmp_path, checkout, extracts):
    out = tmp_path / "out"
    build(out, "--policy", checkout, "--defender", extracts)
    assert not any("never taken over" in path.read_text() for path in out.rglob("*.json"))


# --- what only reads an assessment, recordings, the transition of 2026


READS_EXISTENCE = {"existenceCondition": {"field": "Microsoft.Security/assessments/status", "exists": True}}


@pytest.mark.parametrize(
    ("details", "effect"), [(READS_EXISTENCE, "AuditIfNotExists"), ({}, "DeployIfNotExists"), ({}, "deployIfNotExists")]
)
def test_a_policy_that_only_reads_an_assessment_does_not_stand_behind_it(tmp_path, checkout, extracts, details, effect):
    assessed = {"details": {"type": "Microsoft.Security/assessments", "name": NAMED_KEY, **details}, "effect": effect}
    path = checkout / "built-in-policies" / "policyDefinitions" / "Web" / "a.json"
    put(path, policy("a", then=assessed))
    out = tmp_path / "out"
    assert build(out, "--policy", checkout, "--defender", extracts).returncode == 0
    assert [one["key"] for one in rows(out, "recommendations")] == [KEY]
    assert not any("assessment" in one for one in rows(out, "public/policies"))


def test_a_known_reader_stays_one_whatever_its_rule_says(tmp_path, checkout, extracts):
    path = extracts / "recommendations.json"
    documented = json.loads(path.read_text())
    fact = documented["recommendations"][KEY.upper()]
    documented["recommendations"][NAMED_KEY] = {
        **fact, "policies": [{"policyDefinitionId": fact["policyDefinitionId"], "sources": ["docs"]}],
        "readBy": [{"policyDefinitionId": f"{PREFIX}policyDefinitions/a"}],
    }  # fmt: skip
    put(path, documented)
    out = tmp_path / "out"
    assert build(out, "--policy", checkout, "--defender", extracts).returncode == 0
    found = {one["key"]: one for one in rows(out, "recommendations")}
    assert (found[NAMED_KEY]["policies"], found[NAMED_KEY]["readBy"]) == (["b"], ["a"])
    assert not any("assessment" in one for one in rows(out, "public/policies"))


def test_a_superseded_policy_is_left_out(tmp_path, checkout, extracts):
    path = extracts / "recommendations.json"
    documented = json.loads(path.read_text())
    documented["recommendations"][KEY.upper()]["policies"] = [
        {"policyDefinitionId": f"{PREFIX}policyDefinitions/b", "sources": ["docs"]},
        {"policyDefinitionId": f"{PREFIX}policyDefinitions/a", "sources": ["recorded"], "superseded": True},
    ]
    put(path, documented)
    out = tmp_path / "out"
    assert build(out, "--policy", checkout, "--defender", extracts).returncode == 0
    assert rows(out, "recommendations")[0]["policies"] == ["b"]


RECORDED_KEY = "0c0c0c0c-1111-2222-3333-444444444444"


def recording(extracts, **entries):
    row = {"displayName": "Sites should be recorded", "policyDefinitionId": None, "severity": "Low", "preview": True,
           "categories": ["Data"], "cloudProviders": ["AWS"]}  # fmt: skip
    listed = {RECORDED_KEY: row, KEY: {**row, "policyDefinitionId": f"{PREFIX}policydefinitions/A", **entries}}
    source = {"recordedAt": "2022-10-25T09:38:04Z"}
    put(extracts / "assessment-metadata-2022-10.json", {"_source": source, "assessmentMetadata": listed})


def test_a_recording_adds_keys_with_its_date_and_policies_where_nothing_firmer_names_them(tmp_path, checkout, extracts):
    recording(extracts)
    out = tmp_path / "out"
    done = build(out, "--policy", checkout, "--defender", extracts)
    assert done.returncode == 0, done.stderr
    found = {one["key"]: one for one in rows(out, "recommendations")}
    assert found[RECORDED_KEY] == {
        "key": RECORDED_KEY, "title": "Sites should be recorded", "severity": "Low", "environment": "AWS",
        "categories": ["Data"], "recorded": "2022-10-25", "flags": ["preview"],
    }  # fmt: skip
    assert (found[KEY]["title"], found[KEY]["severity"]) == ("Sites should be safe", "High")
    assert (found[KEY]["policies"], found[KEY]["evidence"]) == (["a"], "recorded")


def transition(extracts):
    put(extracts / "transition-2026.json", {
        "categories": {"values": ["SystemUpdate", "SoftwareUpdate"], "portalLabels": {"SystemUpdate": "System updates"}},
        "retiredGrouped": {"removed": "2026-07-31", "keys": {
            KEY: {"displayName": "Sites", "plan": "Servers", "category": "SoftwareUpdate"},
            "0d": {"displayName": "EC2 instances", "plan": "Servers", "category": None, "newIndividual": ["0e"]},
            "0f": {"displayName": "GitHub repositories", "plan": "DevOps", "category": None}}},
        "newIndividual": {"keys": {"0e": "Something new"}},
        "replacedIdentity": {"retired": None, "keys": {"1a": {"displayName": "Guests", "successor": "1b"}}},
        "deprecatedKubernetesFamilies": {"deprecated": "2026-07-01", "families": [{"assessmentKeys": [NAMED_KEY]}]},
        "sqlVulnerabilityRules": {"keys": {"1c": {"displayName": "A rule", "ruleSeverity": "High"}}},
    })  # fmt: skip


def test_what_was_retired_says_when_and_what_came_instead(tmp_path, checkout, extracts):
    path = extracts / "recommendations.json"
    documented = json.loads(path.read_text())
    documented["recommendations"][NAMED_KEY] = documented["recommendations"][KEY.upper()]
    put(path, documented)
    transition(extracts)
    out = tmp_path / "out"
    done = build(out, "--policy", checkout, "--defender", extracts)
    assert done.returncode == 0, done.stderr
    found = {one["key"]: one for one in rows(out, "recommendations")}
    assert {key: one["retired"] for key, one in found.items() if "retired" in one} == {
        KEY: {"reason": "grouped", "date": "2026-07-31", "category": "SoftwareUpdate"},
        "0d": {"reason": "grouped", "date": "2026-07-31", "successors": ["0e"]},
        "0f": {"reason": "grouped", "date": "2026-07-31"},
        "1a": {"reason": "replaced", "successors": ["1b"]},
        NAMED_KEY: {"reason": "deprecated", "date": "2026-07-01"},
    }
    assert [(found[key]["title"], found[key].get("environment")) for key in ("0d", "0e", "0f", "1b", "1c")] == [
        ("EC2 instances", "AWS"), ("Something new", None), ("GitHub repositories", "DevOps"), ("Guests", "Azure"), ("A rule", "Azure"),
    ]  # fmt: skip
    assert found["1c"]["severity"] == "High"
    assert rows(out, "categories") == [{"name": "SoftwareUpdate"}, {"name": "SystemUpdate", "label": "System updates"}]


# --- versions of initiatives


def extracted(folder, *, members, version="2.0.0"):
    source = {"repo": "r", "commit": "c", "release": "l", "date": "2026-01-01"}
    entries = [
        {"policyDefinitionId": f"{PREFIX}policyDefinitions/{name}", "policyDefinitionReferenceId": reference}
        for name, reference in members
    ]
    row = {"displayName": "Set one", "category": "C", "version": version, "policyDefinitions": entries}
    fact = {"displayName": "P", "version": "1.0.0", "mode": "All", "effectDefault": "Audit"}
    for part in (folder, folder / "usgov"):
        put(part / "initiatives.json", {"_source": source, "initiatives": {f"{PREFIX}policySetDefinitions/one": row}})
        put(part / "policies.json", {"policies": {f"{PREFIX}policyDefinitions/{name}": fact for name in "abc"}})


def test_versions_are_written_as_differences_from_the_current_one(tmp_path, extracts):
    folder, out = tmp_path / "policy", tmp_path / "out"
    extracted(folder, members=[("a", "1"), ("b", "2")])
    contents = [
        {"versions": ["2.0.0", "1.9.0"]},
        {"versions": ["1.0.0"], "with": [["C", "3"]], "without": [["a", "1"]]},
    ]
    history = {"public": {f"{PREFIX}policySetDefinitions/one": {"contents": contents}}, "usgov": {}}
    put(folder / "initiative-versions.json", history)
    done = build(out, "--policy", folder, "--defender", extracts)
    assert done.returncode == 0, done.stderr
    assert rows(out, "public/versions/one") == [
        {"versions": ["2.0.0", "1.9.0"]},
        {"versions": ["1.0.0"], "without": [["a", "1"]], "with": [["c", "3"]]},
    ]
    assert not (out / "usgov" / "versions").exists()


def test_a_checkout_keeps_the_bundled_versions_before_its_own(tmp_path, checkout, extracts):
    bundled = SCRIPT.parent.parent / "reconciler" / "catalog" / "data" / "public"
    name = "03055927-78bd-4236-86c0-f36125a10dc9"
    put(
        checkout / "built-in-policies" / "policySetDefinitions" / "n.json",
        initiative(name, "Regulatory Compliance", "b"),
    )
    out = tmp_path / "out"
    done = build(out, "--policy", checkout, "--defender", extracts)
    assert done.returncode == 0, done.stderr
    before = json.loads((bundled / "versions" / f"{name}.json").read_text())
    after = rows(out, f"public/versions/{name}")
    assert [one["versions"] for one in after] == [["2.0.0"], *(one["versions"] for one in before)]
    assert sorted(after[1]["with"]) == json.loads((bundled / "members" / f"{name}.json").read_text())
    assert after[1]["without"] == [["b", "Ref b | (1)"]]
