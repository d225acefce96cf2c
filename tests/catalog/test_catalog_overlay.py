"""catalog.yaml: what it changes, that bad ones are problems and never exceptions, and that writing is stable."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from catalog_command import MCSB, SECURE_TRANSFER, TDE_KEY, TDE_POLICY, policy
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.catalog import Environment, Evidence, Obstacle, initiative_id, load, policy_id
from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.facts import Policy
from reconciler.catalog.overlay import InitiativeEntry, Overlay, RecommendationEntry
from reconciler.catalog.overlay_file import MAX_BYTES, read_overlay
from reconciler.catalog.overlay_text import overlay_text
from reconciler.documents.schema import is_surely_valid
from reconciler.model import Cloud, Member, assessment_id
from reconciler.package_data import schema_path
from reconciler.problems import Problem

VALIDATOR = jsonschema.Draft202012Validator(json.loads(schema_path("catalog").read_text()))
NEW_KEY = "0a0a0a0a-1111-2222-3333-444444444444"
OWN = "/providers/Microsoft.Management/managementGroups/contoso/providers/Microsoft.Authorization"
TDE_TITLE = "Transparent Data Encryption on SQL databases should be enabled"


@pytest.fixture
def overlaid(tmp_path):
    """A catalogue with this text as catalog.yaml."""

    def load_with(text):
        path = tmp_path / "catalog.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(Cloud.PUBLIC, path)

    return load_with


# --- what it changes


def test_a_recommendation_unknown_to_the_bundled_facts_becomes_usable(overlaid):
    catalogue = overlaid(f"""
recommendations:
  - key: {NEW_KEY.upper()}
    title: Contoso rule
    severity: High
    environment: Azure
    policies: [{SECURE_TRANSFER}, {OWN}/policyDefinitions/own]
""")
    (found,) = catalogue.find("contoso RULE")
    assert (found.key, found.severity, found.evidence, found.overlaid) == (NEW_KEY, "High", Evidence.LIVE, True)
    assert [one.name for one in found.policies] == [SECURE_TRANSFER, "own"]
    assert found.exemptable
    assert found in catalogue.resting_on(policy(SECURE_TRANSFER))
    assert catalogue.search("contoso rule")[0].item == found


def test_an_absent_field_stays_as_bundled(overlaid):
    (found,) = overlaid(f"recommendations: [{{key: {TDE_KEY}, severity: High}}]").find(TDE_KEY)
    (bundled,) = load().find(TDE_KEY)
    assert (found.severity, bundled.severity) == ("High", "Low")
    assert (found.title, found.policies, found.environment) == (bundled.title, bundled.policies, bundled.environment)


def test_a_former_title_still_names_its_recommendation(overlaid):
    catalogue = overlaid(f"recommendations: [{{key: {TDE_KEY}, title: TDE should be on}}]")
    assert [one.key for one in catalogue.find("TDE should be on")] == [TDE_KEY]
    assert [one.key for one in catalogue.find(TDE_TITLE)] == [TDE_KEY]
    assert catalogue.find(TDE_KEY)[0].former_titles == (TDE_TITLE,)


def test_a_current_title_wins_over_an_equal_former_one(overlaid):
    catalogue = overlaid(f"""
recommendations:
  - {{key: {TDE_KEY}, title: TDE should be on}}
  - {{key: {NEW_KEY}, title: {TDE_TITLE}, policies: [{SECURE_TRANSFER}]}}
""")
    assert [one.key for one in catalogue.find(TDE_TITLE)] == [NEW_KEY]


def test_policies_are_replaced_and_an_empty_list_means_none(overlaid):
    (found,) = overlaid(f"recommendations: [{{key: {TDE_KEY}, policies: []}}]").find(TDE_KEY)
    assert found.policies == ()
    assert (found.alone, found.obstacles) == (True, ())
    assert found.evaluators == (assessment_id(TDE_KEY),)


def test_custom_and_preview_are_told(overlaid):
    catalogue = overlaid(f"""
recommendations:
  - {{key: {TDE_KEY}, preview: true}}
  - {{key: {NEW_KEY}, title: Own, custom: true, policies: [{SECURE_TRANSFER}]}}
""")
    assert catalogue.find(TDE_KEY)[0].obstacles == (Obstacle.PREVIEW,)
    assert catalogue.find("Own")[0].obstacles == (Obstacle.CUSTOM,)
    assert catalogue.find("Own")[0].exemptable


def test_a_key_for_a_keyless_title_takes_it_off_that_list(overlaid):
    title = "SQL servers should have a Microsoft Entra administrator provisioned"
    catalogue = overlaid(f"recommendations: [{{key: {NEW_KEY}, title: {title}, policies: []}}]")
    assert catalogue.without_key(title) is None
    assert catalogue.find(title)[0].key == NEW_KEY


def test_the_mode_of_a_custom_policy_can_make_it_not_exemptable(overlaid):
    catalogue = overlaid(f"""
recommendations: [{{key: {NEW_KEY}, title: Own, policies: [{OWN}/policyDefinitions/own]}}]
policies: [{{id: {OWN}/policyDefinitions/own, title: Own policy, mode: Microsoft.Own.Data}}]
""")
    assert catalogue.find("Own")[0].obstacles == (Obstacle.MODE,)
    assert catalogue.policy(policy_id(f"{OWN}/policyDefinitions/own")).title == "Own policy"


def test_a_newer_version_of_an_initiative_is_added_to_and_removed_from(overlaid):
    catalogue = overlaid(f"""
initiatives:
  - id: {MCSB}
    version: 58.0.0
    added: {{brandNew: 0004bbf0-5099-4179-869e-e9ffe5fb0945}}
    removed: [SQLDBENCRYPTIONMONITORING]
""")
    found = catalogue.initiative(initiative_id(MCSB))
    assert (found.version, found.overlaid, len(found.members)) == ("58.0.0", True, 223)
    assert found.reference_ids(policy(TDE_POLICY)) == ()
    assert found in catalogue.initiatives_with(policy("0004bbf0-5099-4179-869e-e9ffe5fb0945"))
    assert found not in catalogue.initiatives_with(policy(TDE_POLICY))


def test_a_custom_initiative_has_its_members(overlaid):
    catalogue = overlaid(f"""
initiatives:
  - id: {OWN}/policySetDefinitions/own
    title: Own set
    members: {{"a: b": {SECURE_TRANSFER}}}
""")
    found = catalogue.initiative(initiative_id(f"{OWN}/policysetdefinitions/OWN"))
    assert found.reference_ids(policy(SECURE_TRANSFER)) == ("a: b",)
    assert catalogue.initiatives_titled("own  SET") == (found,)


def test_nothing_else_changes(overlaid):
    catalogue, bundled = overlaid(f"recommendations: [{{key: {TDE_KEY}, severity: High}}]"), load()
    others = {key: one for key, one in catalogue.recommendations.items() if key != TDE_KEY}
    assert others == {key: one for key, one in bundled.recommendations.items() if key != TDE_KEY}
    assert dict(catalogue.policies) == dict(bundled.policies)


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "null"])
def test_an_empty_overlay_is_none(overlaid, text):
    catalogue = overlaid(text)
    assert catalogue.problems == ()
    assert catalogue.overlay == Overlay()


def test_a_missing_overlay_is_none(tmp_path):
    assert load(Cloud.PUBLIC, tmp_path / "catalog.yaml").problems == ()


# --- bad ones


@pytest.mark.parametrize(
    ("text", "line", "code", "words"),
    [
        ("a: [", 2, "yaml-syntax", "not YAML"),
        ("recommendations: 3", 1, "schema", "not of type 'array'"),
        ("\nrecomendations: []", 2, "schema", "no field 'recomendations'"),
        ("recommendations:\n- key: nonsense", 2, "schema", "'nonsense' is not of the form"),
        (f"recommendations:\n- key: {NEW_KEY}", 2, "schema", "needs a title"),
        (f"recommendations:\n- key: {TDE_KEY}\n  severity: high", 3, "schema", "'high' is not one of"),
        (f"recommendations:\n- key: {TDE_KEY}\n  title: 1.0", 3, "schema", "not of type 'string'"),
        (f"recommendations:\n- key: {TDE_KEY}\n- key: {TDE_KEY.upper()}", 3, "duplicate", "already in line 2"),
        (f"recommendations:\n- key: {TDE_KEY}\n  key: {TDE_KEY}", 3, "yaml-duplicate", "written twice"),
        ("a: &x 1", 1, "yaml-anchor", "anchors are not read"),
        ("b: *x", 1, "yaml-alias", "aliases are not read"),
        ("<<: {}", 1, "yaml-merge", "merge keys are not read"),
        ("a: !!python/object:os.system x", 1, "yaml-tag", "tag"),
        ("{}\n---\n{}", 2, "yaml-documents", "a second document"),
        ("~\n---\n{}", 2, "yaml-documents", "a second document"),
        ("- a", 1, "not-a-mapping", "a list"),
        ("[[[[[[[[[[[[[1]]]]]]]]]]]]]", 1, "yaml-depth", "nested"),
        ("? [a]\n: b", 1, "yaml-key", "where a key should stand"),
        ("1: b", 1, "yaml-key", "no text"),
        ('a: "\\u202e"', 1, "hidden-character", "U+202E"),
        ('"a\\u200b": b', 1, "hidden-character", "U+200B"),
        ("{}\n# \u202e", 2, "hidden-character", "U+202E"),
        ("a:\n- \u200b", 2, "hidden-character", "U+200B"),
        (b"a: \xff", 1, "encoding", "UTF-8"),
        (b"\xef\xbb\xbf{}", 1, "encoding", "byte order mark"),
        (b"\x00", 1, "hidden-character", "NUL"),
        (b"#" * (MAX_BYTES + 1), 1, "too-large", "bytes"),
        ("a: [" + "1," * 200_000 + "]", 1, "yaml-size", "values"),
        ("a: 9" + "9" * 40, 1, "yaml-number", "digits"),
    ],
)
def test_a_bad_overlay_is_problems_with_their_place_and_changes_nothing(overlaid, text, line, code, words):
    catalogue = overlaid(text)
    (problem,) = catalogue.problems
    assert (problem.source.file, problem.source.line, problem.code) == ("catalog.yaml", line, code)
    assert words in problem.message
    assert problem.remedy
    assert catalogue.overlay == Overlay()
    assert catalogue.find(TDE_TITLE)


def test_all_mistakes_are_told_at_once(overlaid):
    catalogue = overlaid(f"recommendations:\n- key: x\n- key: {TDE_KEY}\n  severity: high\n  preview: maybe")
    assert [(problem.source.line, problem.path) for problem in catalogue.problems] == [
        (2, "recommendations[0].key"),
        (5, "recommendations[1].preview"),
        (4, "recommendations[1].severity"),
    ]


def test_a_number_where_text_is_wanted_proposes_quotes(overlaid):
    (problem,) = overlaid(f"initiatives: [{{id: {MCSB}, version: 2}}]").problems
    assert problem.remedy == "put the value in quotes"


def test_what_declarations_read_as_a_number_is_one_here_too(overlaid):
    for written in ("1_000", "0b1"):
        (problem,) = overlaid(f"recommendations: [{{key: {TDE_KEY}, title: {written}}}]").problems
        assert problem.remedy == "put the value in quotes"


def test_a_yaml_library_without_its_accelerator_will_do(overlaid, monkeypatch):
    monkeypatch.delattr(yaml, "cyaml")
    assert overlaid(f"recommendations: [{{key: {TDE_KEY}, severity: High}}]").find(TDE_KEY)[0].severity == "High"
    assert overlaid("a: [").problems[0].code == "yaml-syntax"


def test_no_and_dates_are_text(overlaid):
    assert overlaid(f"recommendations: [{{key: {TDE_KEY}, title: no}}]").find("no")
    assert overlaid(f"recommendations: [{{key: {TDE_KEY}, title: 2027-01-31}}]").find("2027-01-31")


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero"),
                                  lambda path: path.symlink_to("nowhere")])  # fmt: skip
def test_anything_but_a_regular_file_is_a_problem(tmp_path, make):
    make(tmp_path / "catalog.yaml")
    path = tmp_path / "catalog.yaml"
    (problem,) = load(Cloud.PUBLIC, path).problems
    assert problem.code == "unreadable"
    assert ("it is a symbolic link" in problem.message) is path.is_symlink()


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet="ab:-[]{}&*!'\"\n #?|>%@\\\x00\u202e0.", max_size=60).map(str.encode))
def test_any_bytes_are_an_overlay_or_problems(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    overlay, problems = read_overlay(path)
    assert isinstance(overlay, Overlay)
    assert all(isinstance(problem, Problem) for problem in problems)
    assert overlay == Overlay() or not problems


# --- writing


shown = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp")), min_size=1)
names = st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True)
guids = st.uuids().map(str)
entries = st.builds(
    RecommendationEntry,
    key=guids,
    title=shown.filter(lambda text: len(text) <= 512),
    severity=st.none() | st.sampled_from(["High", "Low"]),
    environment=st.none() | st.sampled_from([Environment.AZURE, Environment.AWS]),
    policies=st.none()
    | st.lists(names, max_size=3, unique=True).map(lambda found: tuple(policy(one) for one in found)),
    preview=st.none() | st.booleans(),
)
references = st.lists(shown.filter(lambda text: len(text) <= 400), max_size=4, unique_by=str.lower)


def members(found):
    return tuple(
        sorted(
            (Member(definition=policy(SECURE_TRANSFER), reference_id=one) for one in found),
            key=lambda one: one.reference_id.lower(),
        )
    )


initiatives = st.builds(
    lambda name, held, gone: InitiativeEntry(
        id=initiative_id(name), version="1.0", added=members(held), removed=tuple(sorted(gone, key=str.lower))
    ),
    names,
    references,
    references,
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(entries, max_size=3, unique_by=lambda one: one.key),
    st.lists(initiatives, max_size=2, unique_by=lambda one: one.id),
)
def test_what_is_written_reads_back_the_same_and_by_other_readers_too(tmp_path_factory, recommendations, sets):
    overlay = Overlay(
        recommendations=tuple(sorted(recommendations, key=lambda one: one.key)),
        policies=(),
        initiatives=tuple(sorted(sets, key=lambda one: one.id)),
    )
    text = overlay_text(overlay)
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    path.write_text(text, encoding="utf-8")
    assert read_overlay(path) == (overlay, ())
    other = yaml.safe_load(text)
    assert [one["title"] for one in other.get("recommendations", ())] == [one.title for one in overlay.recommendations]


def test_the_file_is_sorted_short_and_says_what_it_is():
    overlay = Overlay(
        recommendations=(
            RecommendationEntry(key=TDE_KEY, title="TDE: on", policies=(policy(TDE_POLICY),), preview=False),
        ),
        policies=(Policy(id=policy_id(f"{OWN}/policyDefinitions/own"), title="Own policy", mode="Indexed"),),
        initiatives=(InitiativeEntry(id=initiative_id(MCSB), version="58.0.0", added=members(["yes", "b c"])),),
    )
    written = overlay_text(overlay)
    assert written.startswith("# yaml-language-server: $schema=schemas/catalog.schema.json\n")
    assert (
        written.split("\n", 3)[3]
        == f"""\
recommendations:
  - key: {TDE_KEY}
    title: "TDE: on"
    policies:
      - {TDE_POLICY}
    preview: false
policies:
  - id: {OWN}/policyDefinitions/own
    title: Own policy
    mode: Indexed
initiatives:
  - id: {MCSB}
    version: "58.0.0"
    added:
      b c: {SECURE_TRANSFER}
      "yes": {SECURE_TRANSFER}
"""
    )


def test_the_schema_is_one_and_check_jsonschema_agrees(tmp_path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(overlay_text(Overlay(recommendations=(RecommendationEntry(key=NEW_KEY, title="no", policies=()),))))
    bad.write_text(f"recommendations: [{{key: {NEW_KEY}, title: 1.0}}]\n")
    schema = str(schema_path("catalog"))
    command = [sys.executable, "-m", "check_jsonschema"]
    meta = subprocess.run([*command, "--check-metaschema", schema], capture_output=True, check=False)
    assert meta.returncode == 0, meta.stdout
    verdicts = [
        subprocess.run([*command, "--schemafile", schema, str(path)], capture_output=True, check=False).returncode
        for path in (good, bad)
    ]
    assert verdicts == [0, 1]
    assert read_overlay(good)[1] == ()
    assert read_overlay(bad)[1] != ()


texts = st.sampled_from(
    ["", "x", "High", "high", "Azure", NEW_KEY, MCSB, "a b", " ", "/a/policyDefinitions/b", "/policySetDefinitions/b",
     f"{OWN}/policySetDefinitions/own", f"{OWN}/policyDefinitions/own\n", "y" * 500, "z" * 1200]
)  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
rows = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("policies", "resourceTypes", "members", "added", "removed", "unknown"), values),
        **dict.fromkeys(("title", "severity", "environment", "version", "mode", "defaultEffect"), texts),
        "key": st.just(NEW_KEY) | texts,
        "id": st.just(MCSB) | texts,
        "preview": st.booleans() | texts,
        "custom": st.booleans() | values,
    },
)
sections = st.fixed_dictionaries(
    {},
    optional={
        name: st.lists(rows, max_size=2) | values for name in ("recommendations", "policies", "initiatives", "x")
    },
)


@settings(max_examples=300, deadline=None)
@given(sections | values)
def test_the_fast_path_and_the_judge_agree(data):
    assert is_surely_valid("catalog", data) is VALIDATOR.is_valid(data)


@settings(max_examples=60, deadline=None)
@given(st.lists(entries, max_size=3), st.lists(initiatives, max_size=2))
def test_what_a_refresh_writes_is_surely_valid(recommendations, sets):
    data = yaml.safe_load(
        overlay_text(Overlay(recommendations=tuple(recommendations), policies=(), initiatives=tuple(sets)))
    )
    assert is_surely_valid("catalog", data)


def test_a_valid_overlay_loads_no_judge(tmp_path):
    (tmp_path / "catalog.yaml").write_text(
        f"recommendations: [{{key: {TDE_KEY}, severity: High}}]\ninitiatives: [{{id: own, members: {{a: {TDE_POLICY}}}}}]\n"
    )
    code = (
        "import sys; from pathlib import Path; from reconciler.catalog import load;"
        f"assert load(overlay=Path({str(tmp_path / 'catalog.yaml')!r})).find({TDE_KEY!r})[0].severity == 'High';"
        "print('jsonschema' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_every_property_of_the_schema_is_explained():
    schema = json.loads(schema_path("catalog").read_text())
    for definition in (schema, *schema["$defs"].values()):
        for name, value in definition.get("properties", {}).items():
            assert "title" in value or "$ref" in value, name


def test_a_catalogue_made_from_an_overlay_needs_no_file():
    catalogue = Catalogue(
        Cloud.PUBLIC, Overlay(recommendations=(RecommendationEntry(key=NEW_KEY, title="Own", policies=()),))
    )
    assert catalogue.find("own")[0].key == NEW_KEY
