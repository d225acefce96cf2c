"""A pull request decides everything about the folder that is judged: names, links, modules, what looks like git's own.

Nothing of it may run, be read from elsewhere, or speak to the pipeline in our place.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from main_job import repositories as repo
from pipelines import runner

DECLARATION = {"name": "a", "recommendation": "651967bf-044e-4bde-8376-3e08e0600105", "scopes": [repo.subscription(1)]}
COMMAND = re.compile(r"^\s*::|##\[|##vso\[", re.MULTILINE)
"""What a runner's log takes for a command."""

SECRET = "s3cr3t-of-this-job"
MODULES = ("yaml", "git", "venv", "pip", "json", "jsonschema", "sitecustomize", "usercustomize", "reconciler", "azure")


def exempt(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """The tool as the pipelines start it: from its own place, in the folder that is judged."""
    usual = {"PATH": os.environ["PATH"], "PYTHONPATH": str(runner.CHECKOUT), "HOME": str(cwd.parent), "TOKEN": SECRET}
    return subprocess.run(
        [sys.executable, "-P", "-m", "reconciler", *arguments],
        cwd=cwd,
        env=usual | env,
        capture_output=True,
        text=True,
        check=False,
    )


def two_commits(root: Path) -> str:
    """A repository with a base and a change; returns the base."""
    repo.write(root, [])
    base = repo.commit(root, "Start")
    repo.write(root, [DECLARATION])
    repo.commit(root, "Ask")
    return base


# --- modules -----------------------------------------------------------------------------------------------------


def plant_modules(root: Path) -> Path:
    """Modules that would be found first if Python looked where it works; each leaves a mark."""
    mark = root.parent / "ran"
    for name in MODULES:
        (root / f"{name}.py").write_text(f"open({str(mark)!r}, 'a').write({name!r})\n", encoding="utf-8")
    return mark


def test_the_modules_planted_here_would_run_without_our_precautions(tmp_path: Path) -> None:
    mark = plant_modules(repo.write(tmp_path / "data", []))
    subprocess.run([sys.executable, "-m", "pip", "--version"], cwd=tmp_path / "data", check=False, capture_output=True)
    assert "pip" in mark.read_text()


def test_the_action_runs_no_module_of_the_folder_that_it_judges(tmp_path: Path) -> None:
    data = repo.write(tmp_path / "data", [DECLARATION])
    mark = plant_modules(data)
    steps = yaml.safe_load((runner.CHECKOUT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    context = {
        "inputs.command": "validate",
        "inputs.directory": ".",
        "github.action_path": str(runner.CHECKOUT),
    }
    done = runner.job({"jobs": {"x": {"steps": steps}}}, "x", data, tmp_path / "temp", context, {}).run()
    assert done.outputs["run"] == {"code": "0"}, done.log
    assert not mark.exists()


def test_validate_runs_no_module_of_a_pull_request(tmp_path: Path) -> None:
    data = tmp_path / "data"
    base = two_commits(data)
    mark = plant_modules(data)
    (tmp_path / "tool").symlink_to(runner.CHECKOUT)
    event = {"github.event.pull_request.base.sha": base}
    done = runner.job(runner.load("validate.yml"), "validate", tmp_path, tmp_path / "temp", event, {}).run()
    assert not done.failed, done.log
    assert not mark.exists()


# --- git ---------------------------------------------------------------------------------------------------------


def trap(mark: Path) -> str:
    """A configuration of git that runs something on every occasion that we know of."""
    script = mark.parent / "trap.sh"
    script.write_text(f"#!/bin/sh\necho ran >>{mark}\nexit 1\n", encoding="utf-8")
    script.chmod(0o755)
    hooks = mark.parent / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-index-change", "post-checkout", "reference-transaction", "fsmonitor-watchman"):
        (hooks / name).write_text(script.read_text())
        (hooks / name).chmod(0o755)
    return f"""
[core]
    repositoryformatversion = 1
    fsmonitor = {script}
    hooksPath = {hooks}
    pager = {script}
    editor = {script}
    sshCommand = {script}
    gitProxy = {script}
    alternateRefsCommand = {script}
[extensions]
    partialClone = origin
[remote "origin"]
    url = ext::{script}
    promisor = true
    uploadpack = {script}
[protocol "ext"]
    allow = always
[diff]
    external = {script}
[diff "x"]
    textconv = {script}
    command = {script}
[log]
    showSignature = true
[gpg]
    program = {script}
[credential]
    helper = {script}
[alias]
    log = !{script}
    status = !{script}
"""


@pytest.mark.parametrize("missing", [False, True], ids=["whole", "with an object missing"])
def test_no_configuration_of_a_checkout_makes_git_run_anything(tmp_path: Path, missing: bool) -> None:
    root = tmp_path / "data"
    base = two_commits(root)
    mark = tmp_path / "ran"
    (root / ".gitattributes").write_text("* diff=x\n", encoding="utf-8")
    path = root / "exemptions" / "a.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    if missing:  # a partial clone: git would fetch it
        blob = repo.git(root, "rev-parse", "HEAD:exemptions/a.yaml")
        (root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with (root / ".git" / "config").open("a", encoding="utf-8") as config:
        config.write(trap(mark))
    done = exempt("validate", "--base", "HEAD", cwd=root)
    assert missing or done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert not mark.exists(), mark.read_text()
    exempt("validate", "--base", base, cwd=root)
    assert not mark.exists(), mark.read_text()


def test_a_folder_laid_out_as_a_repository_is_not_taken_for_one(tmp_path: Path) -> None:
    """Git tracks everything but `.git`: a pull request may add a bare repository with a configuration of its own."""
    root, mark = tmp_path / "data", tmp_path / "ran"
    folder = root / "team"
    base = two_commits(folder / "inner")  # only to have objects
    (folder / "inner" / ".git").rename(tmp_path / "bare")
    repo.write(folder, [DECLARATION])
    for name in ("HEAD", "objects", "refs"):
        (tmp_path / "bare" / name).rename(folder / name)
    (folder / "config").write_text(trap(mark) + f"[core]\n    worktree = {tmp_path}\n", encoding="utf-8")
    repo.commit(root, "Outer")
    done = exempt("validate", "--base", base, cwd=folder)
    assert "git knows no such revision" in done.stderr, "the outer repository answers, which lacks that commit"
    assert exempt("validate", "--base", "HEAD", cwd=folder).returncode == 0
    assert not mark.exists(), mark.read_text()


def test_attributes_that_change_what_reviewers_see_are_refused(tmp_path: Path) -> None:
    root = repo.write(tmp_path / "data", [DECLARATION])
    (root / "exemptions" / ".gitattributes").write_text("*.yaml linguist-generated -diff\n", encoding="utf-8")
    done = exempt("validate", cwd=root)
    assert done.returncode == 1
    assert "exemptions/.gitattributes:" in done.stdout


# --- links -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["exemptions/a.yaml", "exemptions/b.yaml", "reconciler.yaml", "catalog.yaml", "exemptions"]
)
@pytest.mark.parametrize("to", ["/proc/self/environ", "../secret.yaml", "../folder"])
def test_a_link_never_shows_what_it_leads_to(tmp_path: Path, name: str, to: str) -> None:
    root = repo.write(tmp_path / "data", [DECLARATION])
    (tmp_path / "secret.yaml").write_text(f"owner: {SECRET}\n", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "c.yaml").write_text(f"owner: {SECRET}\n", encoding="utf-8")
    path = root / name
    if path.is_dir():
        path.rename(tmp_path / "away")
    else:
        path.unlink(missing_ok=True)
    path.symlink_to(to)
    done = exempt("validate", cwd=root)
    assert done.returncode == 1, done.stdout
    assert SECRET not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


# --- names -------------------------------------------------------------------------------------------------------

NAMES = [
    "::error::fake.yaml",
    " ::add-mask::fake.yaml",
    "##[error]fake.yaml",
    "##vso[task.setvariable variable=x]y.yaml",
    "$(touch pwned).yaml",
    "`touch pwned`.yaml",
    ";touch pwned;.yaml",
    "line\n::error::fake.yaml",
    "line\r::error::fake.yaml",
    "\x1b]52;c;cHduZWQ=\x07.yaml",
    "\u202efdp.yaml",
    "-rf.yaml",
    "--help.yaml",
    "ünïcode.yaml",
    "<img src=x>@contoso.yaml",
    "'\".yaml",
]


def plant_names(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        (folder / name).write_text("name: x\n", encoding="utf-8")
    (folder / os.fsdecode(b"\xff\xfe.yaml")).write_text("name: x\n", encoding="utf-8")


@pytest.mark.parametrize("form", ["text", "github", "json", "sarif"])
def test_no_name_of_a_file_commands_the_pipeline_or_the_terminal(tmp_path: Path, form: str) -> None:
    root = repo.write(tmp_path / "data", [])
    plant_names(root / "exemptions")
    done = exempt("validate", "--format", form, cwd=root)
    assert done.returncode == 1
    ours = re.compile(r"^::(error|warning) (file=\S.*|title=exempt)::", re.MULTILINE)
    text = ours.sub("", done.stdout) + done.stderr
    assert not COMMAND.search(text), text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\x80-\x9f\u202e]", text)
    assert not (root / "pwned").exists()


def unmixed(root: Path, base: str) -> runner.Job:
    event = {"github.event.pull_request.base.sha": base, "github.event.pull_request.head.sha": "HEAD"}
    return runner.job(runner.load("validate.yml"), "unmixed", root, root.parent / "temp", event, {}).run()


def test_odd_names_below_exemptions_are_declarations_all_the_same(tmp_path: Path) -> None:
    root = repo.write(tmp_path / "data", [])
    base = repo.commit(root, "Start")
    plant_names(root / "exemptions")
    repo.commit(root, "Odd")
    done = unmixed(root, base)
    assert not done.failed, done.log


@pytest.mark.parametrize(
    "other",
    [".github/workflows/plan.yml", "reconciler/cli/plan.py", "schemas/exemption.schema.json", "reconciler.yaml",
     "catalog.yaml", "action.yml", ".gitattributes", "exemptions.yaml", "Exemptions/a.yaml", *NAMES],
)  # fmt: skip
def test_a_declaration_with_anything_else_is_refused_and_no_name_commands_the_log(tmp_path: Path, other: str) -> None:
    root = repo.write(tmp_path / "data", [])
    base = repo.commit(root, "Start")
    repo.write(root, [DECLARATION])
    path = root / other
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("changed\n", encoding="utf-8")
    repo.commit(root, "Both")
    done = unmixed(root, base)
    assert done.failed
    ours = [line for line in done.log.splitlines() if line.startswith("::error title=mixed pull request::")]
    assert len(ours) == 1
    assert not COMMAND.search(done.log.replace(ours[0], "")), done.log
    assert done.log.isascii()
    assert not (root / "pwned").exists()


def test_a_comparison_that_fails_is_not_taken_for_an_unmixed_pull_request(tmp_path: Path) -> None:
    root = repo.write(tmp_path / "data", [DECLARATION])
    repo.commit(root, "Start")
    assert unmixed(root, "0" * 40).failed


# --- many --------------------------------------------------------------------------------------------------------


def test_a_bomb_of_aliases_and_a_folder_without_end_end_quickly(tmp_path: Path) -> None:
    root = repo.write(tmp_path / "data", [])
    rows = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    (root / "exemptions" / "bomb.yaml").write_text("\n".join(rows), encoding="utf-8")
    merge = "b0: &b0 {x: 1}\n" + "".join(f"b{n}: &b{n}\n  <<: [*b{n - 1}, *b{n - 1}]\n" for n in range(1, 40))
    (root / "exemptions" / "merge.yaml").write_text(merge, encoding="utf-8")
    (root / "exemptions" / "deep.yaml").write_text("[" * 20_000, encoding="utf-8")
    deep: Any = root / "exemptions"
    for _ in range(60):
        deep = deep / "d"
        deep.mkdir()
    (root / "catalog.yaml").write_text(merge, encoding="utf-8")
    done = exempt("validate", cwd=root)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for name in ("bomb.yaml", "merge.yaml", "deep.yaml", "catalog.yaml", "nested more than"):
        assert name in done.stdout
