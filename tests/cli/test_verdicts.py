"""What a run comes to is said the same way by its text, its JSON and its exit code."""

from __future__ import annotations

import argparse
import importlib
import typing
from dataclasses import fields
from pathlib import Path

import emulated
import pytest
from cli.console import exempt
from main_job import repositories as repo

from reconciler.cli.exits import of_run
from reconciler.cli.main import COMMANDS
from reconciler.model import Verdict

KEY = "651967bf-044e-4bde-8376-3e08e0600105"
CLOUD = repo.tenant(repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK))


def repository(root: Path, *scopes: str, **settings: object) -> Path:
    return repo.write(root, [{"name": "one", "recommendation": KEY, "scopes": list(scopes)}], **settings)


def test_every_verdict_has_its_exit_code() -> None:
    assert {verdict.value: int(of_run(verdict)) for verdict in Verdict} == {
        "done": 0, "changes": 2, "awaiting approval": 2, "invalid": 1, "refused": 1, "incomplete": 1, "interrupted": 130,
    }  # fmt: skip


def test_a_plan_that_reads_nothing_saves_no_snapshot_and_says_so(tmp_path: Path) -> None:
    root = repository(tmp_path, repo.subscription(1))
    done = exempt(None, "plan", "--snapshot", "a.json", "--snapshot-out", "b.json", root=root, check=1)
    assert "--snapshot reads nothing from Azure, so --snapshot-out has nothing to save" in done.stderr
    assert "leave one out" in done.stderr


def test_a_target_that_only_azure_shows_to_be_outside_is_said_in_every_form_and_fails(tmp_path: Path) -> None:
    root = repository(tmp_path, repo.subscription(9))
    groups = [{"name": name, "displayName": name} for name in ("contoso", "fabrikam")]
    subscriptions = [
        {"id": repo.subscription(number).rsplit("/", 1)[-1], "managementGroup": group}
        for number, group in ((1, "contoso"), (9, "fabrikam"))
    ]
    with emulated.running(repo.tenant(managementGroups=groups, subscriptions=subscriptions)) as azure:
        document = exempt(azure, "plan", "--format", "json", root=root, check=1)
        text = exempt(azure, "plan", root=root, check=1)
        comment = exempt(azure, "plan", "--format", "markdown", root=root, check=1)
        report = exempt(azure, "drift", "--format", "json", root=root, check=1)
    assert document.json["verdict"] == report.json["verdict"] == "invalid"
    (problem,) = document.json["problems"]
    assert problem["code"] == "outside-scopes"
    assert problem["source"]["file"] == "exemptions/one.yaml"
    for form in (text.stdout, comment.stdout, document.stderr):
        assert "outside" in form


@pytest.mark.parametrize(
    ("options", "verdict", "code"),
    [
        ([], "changes", 0),
        (["--detailed-exitcode"], "changes", 2),
        (["--allow-creates", "0"], "refused", 1),
        (["--allow-creates", "0", "--detailed-exitcode"], "refused", 1),
    ],
)
def test_the_verdict_of_a_plan_is_its_exit_code(tmp_path: Path, options: list[str], verdict: str, code: int) -> None:
    root = repository(tmp_path, repo.subscription(1))
    with emulated.running(CLOUD) as azure:
        planned = exempt(azure, "plan", "--format", "json", *options, root=root, check=code)
    assert planned.json["verdict"] == verdict


def test_a_plan_without_changes_is_done_whatever_is_asked(tmp_path: Path) -> None:
    root = repository(tmp_path, repo.subscription(1))
    with emulated.running(CLOUD) as azure:
        assert exempt(azure, "apply", "--yes", "--format", "json", root=root, check=0).json["verdict"] == "done"
        planned = exempt(azure, "plan", "--format", "json", "--detailed-exitcode", root=root, check=0)
    assert planned.json["verdict"] == "done"


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"catalog", "import"}))
def test_every_option_of_a_command_is_a_field_of_its_options(command: str) -> None:
    module = importlib.import_module(f"reconciler.cli.{command}")
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    parsed = {action.dest for action in parser._actions} - {"help", "log_file"}
    assert parsed == {field.name for field in fields(module.Options)}


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"catalog", "import"}))
def test_what_is_declared_as_a_path_is_parsed_as_one(command: str) -> None:
    module = importlib.import_module(f"reconciler.cli.{command}")
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    types = typing.get_type_hints(module.Options)
    for action in parser._actions:
        is_path = Path in (types.get(action.dest), *typing.get_args(types.get(action.dest)))
        assert (action.type is Path) == (is_path or action.dest == "log_file"), action.dest
