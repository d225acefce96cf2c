"""Retired recommendations: validation says what serves instead, an error for who begins with one; fmt migrates."""

import subprocess

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.catalog import load
from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.overlay import Overlay, RecommendationEntry
from reconciler.catalog.retirement import (
    Replacement,
    ReplacementField,
    is_declarable,
    replacement,
    retirement_cause,
    retirement_remedy,
)
from reconciler.cli.main import main
from reconciler.declarations.migration import migrate
from reconciler.documents.strict import parse
from reconciler.model import Cloud

GROUPED = "1195afff-c881-495e-9bc5-1486211ae03f"
REPLACED = "fde1c0c9-0fd2-4ecc-87b5-98956cbc1095"
REPLACED_TITLE = "Guest accounts with read permissions on Azure resources should be removed"
SUCCESSOR = "422107c6-5b9a-46a6-bb1d-26ef1cc52d65"
DEPRECATED = "f0debc84-981c-4a0d-924d-aa4bd7d55fef"
"""A Kubernetes recommendation; container-level ones without a policy, whose keys are not public, took its place."""
DEPRECATED_POLICY = "098fc59e-46c7-4d99-9b16-64990e543d75"
POLICY = "e9ac8f8e-ce22-4355-8f04-99b911d6be52"
DECLARATION = """\
name: guests
# why this one
recommendation: {recommendation} # retired
scopes:
  - /subscriptions/6f0e0000-0000-4000-8000-000000000001
category: Waiver
justification: Partners read our tenant for the joint project.
owner: identity@contoso.example
"""
SETTINGS = "owner: contoso/exemptions\ntenantId: 11111111-1111-4111-8111-111111111111\nscopes:\n  - /subscriptions/6f0e0000-0000-4000-8000-000000000001\n"
OVERLAY = f"recommendations:\n  - key: {SUCCESSOR}\n    policies:\n      - {POLICY}\n"
WITH_POLICY = Catalogue(
    Cloud.PUBLIC,
    Overlay(recommendations=(RecommendationEntry(key=SUCCESSOR, policies=load().recommendations[REPLACED].policies),)),
)


def git(root, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@contoso.example"]
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "exemptions").mkdir()
    (tmp_path / "reconciler.yaml").write_text(SETTINGS)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "settings")
    return tmp_path


def declare(root, recommendation):
    path = root / "exemptions" / "guests.yaml"
    path.write_text(DECLARATION.format(recommendation=recommendation))
    return path


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_new_declaration_of_a_retired_recommendation_is_an_error_and_an_old_one_a_warning(repository, capsys):
    declare(repository, REPLACED)
    code, out, _ = run(capsys, "validate", "--root", repository, "--base", "HEAD")
    assert code == 1
    assert "Microsoft retired it: another recommendation took its place" in out
    assert f"write recommendation: {SUCCESSOR} in its place" in out
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "guests")
    code, out, _ = run(capsys, "validate", "--root", repository, "--base", "HEAD")
    assert code == 0
    assert "warning" in out
    assert "obstacle-retired" in out


def test_the_policy_that_the_remedy_proposes_is_accepted(repository, capsys):
    declare(repository, DEPRECATED)
    _, out, _ = run(capsys, "validate", "--root", repository)
    assert f"write policyDefinition: {DEPRECATED_POLICY}" in out
    path = repository / "exemptions" / "guests.yaml"
    path.write_text(path.read_text().replace(f"recommendation: {DEPRECATED}", f"policyDefinition: {DEPRECATED_POLICY}"))
    assert run(capsys, "validate", "--root", repository)[0] == 0


@pytest.mark.parametrize("written", [REPLACED, REPLACED.upper(), REPLACED_TITLE])
def test_migration_writes_the_successor_where_an_exemption_reaches_it(repository, capsys, written):
    path = declare(repository, written)
    (repository / "catalog.yaml").write_text(OVERLAY)
    _, out, _ = run(capsys, "validate", "--root", repository)
    assert f"write recommendation: {SUCCESSOR} in its place" in out
    assert run(capsys, "fmt", "--migrate", "--check", "--root", repository)[0] == 1
    assert path.read_text() == DECLARATION.format(recommendation=written)
    code, out, _ = run(capsys, "fmt", "--migrate", "--root", repository)
    assert (code, out) == (0, "exemptions/guests.yaml\n")
    assert path.read_text() == DECLARATION.format(recommendation=SUCCESSOR)
    assert run(capsys, "validate", "--root", repository)[0] == 0


def test_what_cannot_be_migrated_stays_and_is_named(repository, capsys):
    path = declare(repository, DEPRECATED)
    code, out, err = run(capsys, "fmt", "--migrate", "--root", repository)
    assert (code, out) == (0, "")
    assert "cannot be migrated" in err
    assert f"write policyDefinition: {DEPRECATED_POLICY}" in err
    assert path.read_text() == DECLARATION.format(recommendation=DEPRECATED)


def test_a_grouped_recommendation_becomes_its_category(repository, capsys):
    path = declare(repository, GROUPED)
    assert run(capsys, "fmt", "--migrate", "--root", repository)[:2] == (0, "exemptions/guests.yaml\n")
    retired = DECLARATION.format(recommendation=GROUPED)
    assert path.read_text() == retired.replace(f"recommendation: {GROUPED}", "recommendationCategory: SoftwareUpdate")
    code, out, _ = run(capsys, "validate", "--root", repository)
    assert (code, "unknown-category" in out) == (0, True)


def test_in_a_list_of_recommendations_there_is_no_place_for_a_category(repository, capsys):
    path = declare(repository, REPLACED)
    listed = path.read_text().replace(f"recommendation: {REPLACED} #", f"recommendations:\n  - {GROUPED} #")
    path.write_text(listed)
    code, out, err = run(capsys, "fmt", "--migrate", "--root", repository)
    assert (code, out, path.read_text()) == (0, "", listed)
    assert "exemptions/guests.yaml:4:5: warning: recommendations[0]: " in err
    remedy = (
        "help: delete it here, and write recommendationCategory: SoftwareUpdate in a declaration of its own, or write"
    )
    assert remedy in err
    assert remedy in run(capsys, "validate", "--root", repository)[1]


def test_without_migrate_fmt_replaces_nothing(repository, capsys):
    path = declare(repository, REPLACED)
    (repository / "catalog.yaml").write_text(OVERLAY)
    assert run(capsys, "fmt", "--root", repository)[0] == 0
    assert path.read_text() == DECLARATION.format(recommendation=REPLACED)


STYLES = st.sampled_from(
    [
        "recommendation: {}",
        "recommendation: {} # retired",
        'recommendation: "{}"',
        "'recommendation': '{}'",
        "recommendation:\n  {}",
        "? recommendation\n: {}",
        "recommendation: >-\n  {}",
        "recommendation: |-\n  {}",
    ]
)


@given(
    style=STYLES,
    name=st.sampled_from([REPLACED, REPLACED_TITLE]),
    before=st.sampled_from(["", "a: {recommendation: x}\n", "a:\n  - recommendation\n", "b: recommendation\n"]),
)
def test_only_the_field_changes_however_it_is_written(style, name, before):
    text = before + style.format(name) + "\nother: é\nlast: [recommendation, 1]\n"
    document, problems = parse(text, "x.yaml")
    assert problems == ()
    migrated = migrate(text, document, WITH_POLICY)
    assert migrated.problem is None
    assert yaml.safe_load(migrated.text) == {**yaml.safe_load(text), "recommendation": SUCCESSOR}
    assert ("# retired" in migrated.text) == ("# retired" in text)


@given(
    style=st.sampled_from(["  - {}\n", "  - {} # retired\n", '  - "{}"\n', "  - >-\n    {}\n"]),
    name=st.sampled_from([REPLACED, REPLACED_TITLE]),
    index=st.integers(0, 2),
    flow=st.booleans(),
)
def test_an_item_of_a_list_changes_alone(style, name, index, flow):
    items = ["651967bf-044e-4bde-8376-3e08e0600105", "Management ports should be closed on your virtual machines"]
    items.insert(index, name)
    lines = "".join(style.format(item) for item in items)
    listed = f"recommendations: [{', '.join(items)}]\n" if flow else f"recommendations:\n{lines}"
    text = f"name: x\n{listed}other: é\nlast: [recommendations, 1]\n"
    document, problems = parse(text, "x.yaml")
    assert problems == ()
    migrated = migrate(text, document, WITH_POLICY)
    assert migrated.problem is None
    items[index] = SUCCESSOR
    assert yaml.safe_load(migrated.text) == {**yaml.safe_load(text), "recommendations": items}


def test_every_retired_recommendation_has_a_cause_and_a_remedy():
    catalogue = load()
    for recommendation in catalogue.recommendations.values():
        if recommendation.retirement:
            assert retirement_cause(recommendation.retirement).startswith("Microsoft retired it")
            remedy = retirement_remedy(recommendation, catalogue, is_listed=False)
            instead = replacement(recommendation.retirement)
            assert ("fmt --migrate" in remedy) == (instead is not None)
            assert instead is None or is_declarable(instead, catalogue)
            assert remedy.startswith(("write ", "delete this declaration"))


def test_several_successors_are_a_choice_that_nobody_makes_for_the_user():
    catalogue = load()
    configuration = catalogue.recommendations["dc5357d0-3858-4d17-a1a3-072840bff5be"]
    assert replacement(configuration.retirement) is None
    assert "506d18a1-d571-4341-aad5-a7d363c5bbd4" in retirement_remedy(configuration, catalogue, is_listed=False)
    by_category = catalogue.recommendations[GROUPED].retirement
    assert replacement(by_category) == Replacement(ReplacementField.CATEGORY, "SoftwareUpdate")
