"""`exempt validate` as people and pipelines run it: forms, exit codes, what PATH means, what the base decides."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
from referencing.exceptions import Unresolvable

from reconciler.cli import common
from reconciler.cli.main import guarded, main
from reconciler.documents.schema import validator_for
from reconciler.package_data import schema_path

EXAMPLES = Path(__file__).parents[1] / "examples"
SETTINGS = (EXAMPLES / "valid" / "smallest-settings" / "reconciler.yaml").read_text()
GOOD = (EXAMPLES / "valid" / "by-key.yaml").read_text()
LONG = SETTINGS + "rules:\n  maxLifetimeDays: 30\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one good declaration, which is also the working folder."""
    monkeypatch.setattr(common, "now", lambda: datetime(2026, 11, 20, 12, tzinfo=UTC))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reconciler.yaml").write_text(SETTINGS)
    (tmp_path / "exemptions" / "data").mkdir(parents=True)
    (tmp_path / "exemptions" / "data" / "by-key.yaml").write_text(GOOD)
    return tmp_path


def put_bad(root: Path, name: str = "bad") -> Path:
    path = root / "exemptions" / f"{name}.yaml"
    path.write_text(GOOD.replace("name: by-key", f"name: {name}").replace("Waiver", "waiver"))
    return path


def git(*arguments: str) -> None:
    identity = ["-c", "user.name=Anna", "-c", "user.email=anna@contoso.example"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True, env=environment)


def test_a_good_repository_says_so_and_prints_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "1 declaration checked: no problems\n")


def test_no_declarations_are_fine(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "exemptions" / "data" / "by-key.yaml").unlink()
    assert main(["validate"]) == 0
    assert "0 declarations checked" in capsys.readouterr().err


def test_text_says_where_what_and_what_to_do(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put_bad(root)
    assert main(["validate"]) == 1
    shown = capsys.readouterr()
    assert shown.out == (
        "exemptions/bad.yaml:5:11: category: 'waiver' is not Waiver or Mitigated: letter case counts here [schema]\n"
        "help: write Waiver\n"
    )
    assert shown.err == "2 declarations checked: 1 error in 1 file\n"


def test_json_keeps_its_schema_also_where_it_fails(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(schema_path("validate").read_text())
    for code in (0, 1):
        assert main(["validate", "--format", "json"]) == code
        found = json.loads(capsys.readouterr().out)
        jsonschema.Draft202012Validator(schema).validate(found)
        assert found["valid"] is (code == 0)
        put_bad(root)


def test_every_invalid_example_keeps_the_schema_of_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(schema_path("validate").read_text()))
    for example in sorted((EXAMPLES / "invalid").glob("*.yaml"))[::5]:
        main(["validate", str(example), "--format", "json"])
        validator.validate(json.loads(capsys.readouterr().out))


def test_annotations_and_sarif_name_files_from_the_working_folder(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put_bad(root)
    monkeypatch.chdir(root.parent)
    assert main(["validate", "--root", root.name, "--format", "github"]) == 1
    assert capsys.readouterr().out.startswith(f"::error file={root.name}/exemptions/bad.yaml,line=5,col=11,")
    assert main(["validate", "--root", root.name, "--format", "sarif"]) == 1
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == f"{root.name}/exemptions/bad.yaml"
    assert place["region"] == {"startLine": 5, "startColumn": 11}


# --- PATH --------------------------------------------------------------------------------------------------------


def test_a_path_inside_the_repository_narrows_what_is_shown(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put_bad(root)
    assert main(["validate", "exemptions/data"]) == 0
    assert "1 problem in other files" in capsys.readouterr().err
    assert main(["validate", "exemptions/bad.yaml"]) == 1
    assert main(["validate", "exemptions/data", "exemptions/bad.yaml"]) == 1
    assert main(["validate", "reconciler.yaml"]) == 0
    assert main(["validate", "."]) == 1


def test_a_file_is_judged_with_the_others_of_its_repository(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    twin = root / "exemptions" / "twin.yaml"
    twin.write_text(GOOD.replace("name: by-key", "name: twin"))
    assert main(["validate", str(twin)]) == 1
    assert "'by-key' (exemptions/data/by-key.yaml:4)" in capsys.readouterr().out


def test_a_repository_can_be_named_from_elsewhere(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_bad(root)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert main(["validate", str(root)]) == 1
    assert main(["validate", str(root / "exemptions" / "data" / "by-key.yaml")]) == 0
    assert main(["validate", "--root", str(root)]) == 1


def test_files_outside_of_any_repository_stand_for_themselves(tmp_path: Path) -> None:
    (tmp_path / "by-key.yaml").write_text(GOOD)
    assert main(["validate", str(tmp_path / "by-key.yaml")]) == 0
    assert main(["validate", str(tmp_path)]) == 0
    (tmp_path / "by-key.yaml").write_text(GOOD + "&")
    assert main(["validate", str(tmp_path)]) == 1


def test_a_folder_inside_the_repository_narrows_too(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put_bad(root, "data/bad").rename(root / "exemptions" / "data" / "bad.yaml")
    put_bad(root)
    put_bad(root, "worse")
    assert main(["validate", "exemptions/data"]) == 1
    shown = capsys.readouterr()
    assert "exemptions/data/bad.yaml" in shown.out
    assert "exemptions/bad.yaml" not in shown.out
    counted = "2 declarations checked: 2 errors in 1 file\n2 problems in other files: 'exempt validate' without PATH shows all\n"
    assert shown.err == counted
    assert main(["validate", "exemptions/data/by-key.yaml"]) == 0
    assert capsys.readouterr().err.startswith("1 declaration checked: no problems\n")
    assert main(["validate", "reconciler.yaml"]) == 0
    assert capsys.readouterr().err.startswith("0 declarations checked: no problems\n")


def test_a_file_of_the_repository_that_declares_nothing_there_stands_for_itself(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "drafts").mkdir()
    put_bad(root).rename(root / "drafts" / "bad.yaml")
    assert main(["validate"]) == 0
    assert main(["validate", "drafts/bad.yaml"]) == 1
    assert "drafts/bad.yaml" in capsys.readouterr().out


def test_what_a_loose_folder_holds_that_no_walk_follows_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "drafts").mkdir()
    (tmp_path / "drafts" / "by-key.yaml").write_text(GOOD)
    (tmp_path / "drafts" / "link.yaml").symlink_to(tmp_path / "drafts" / "by-key.yaml")
    assert main(["validate", str(tmp_path / "drafts")]) == 1
    shown = capsys.readouterr()
    assert "drafts/link.yaml" in shown.out
    assert "1 declaration checked: 1 error" in shown.err


def test_paths_that_cannot_be_checked_together_say_what_to_do(
    root: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "exemptions").mkdir()
    assert guarded(["validate", "exemptions", str(other)]) == 1
    shown = capsys.readouterr().err
    assert "the paths belong to different repositories" in shown
    assert "check them one after the other" in shown
    assert guarded(["validate", "exemptoins"]) == 1
    shown = capsys.readouterr().err
    assert "there is no file or folder 'exemptoins'" in shown
    assert "correct the path" in shown


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere.yaml"], "there is no file or folder 'nowhere.yaml'"),
        (["--root", "nowhere"], "is no folder"),
        (["--base", "nowhere"], "is in no git repository with a commit"),
        (["--format", "xml"], "invalid choice: 'xml'"),
        (["--bsae"], "unrecognized arguments: --bsae"),
    ],
)
def test_a_mistyped_command_line_exits_with_1(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    try:
        code = guarded(["validate", *arguments])
    except SystemExit as left:
        code = int(left.code or 0)
    assert code == 1
    assert told in capsys.readouterr().err


def test_a_repository_without_settings_is_told_how_to_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--root", str(tmp_path)]) == 1
    assert "reconciler.yaml:1:1: there is no reconciler.yaml at the root" in capsys.readouterr().out


# --- the base ----------------------------------------------------------------------------------------------------


def test_time_fails_only_what_changed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The day on which a lifetime rule is broken must not block who changes something else."""
    (root / "reconciler.yaml").write_text(LONG)
    assert main(["validate"]) == 1
    assert "rule-lifetime" in capsys.readouterr().out
    git("init", "--quiet", "--initial-branch=main")
    git("add", ".")
    git("commit", "--quiet", "-m", "one")
    assert main(["validate"]) == 1, "without a remote everything counts as changed"
    assert main(["validate", "--base", "HEAD"]) == 0
    assert "warning: " in capsys.readouterr().out
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    assert main(["validate"]) == 0
    (root / "exemptions" / "data" / "by-key.yaml").write_text(GOOD.replace("Lyra", "Vega"))
    assert main(["validate"]) == 1
    (root / "exemptions" / "data" / "by-key.yaml").write_text("# a note\n" + GOOD)
    assert main(["validate"]) == 0


def test_rules_that_no_clock_decides_fail_everywhere(root: Path) -> None:
    (root / "reconciler.yaml").write_text(SETTINGS + "rules:\n  required: [ticket]\n")
    git("init", "--quiet", "--initial-branch=main")
    git("add", ".")
    git("commit", "--quiet", "-m", "one")
    assert main(["validate", "--base", "HEAD"]) == 1


def test_an_expired_declaration_is_unwanted_not_invalid(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = GOOD.replace("2099-01-31", "2026-11-19")
    (root / "exemptions" / "data" / "by-key.yaml").write_text(old)
    (root / "exemptions" / "twin.yaml").write_text(GOOD.replace("name: by-key", "name: twin"))
    assert main(["validate"]) == 0, "what is expired conflicts with nothing"
    assert "it expired on 2026-11-19" in capsys.readouterr().out


@pytest.mark.parametrize(("day", "expired"), [("2026-11-20", False), ("2026-11-19", True)])
def test_a_date_counts_through_the_end_of_that_day(
    root: Path, capsys: pytest.CaptureFixture[str], day: str, expired: bool
) -> None:
    (root / "exemptions" / "data" / "by-key.yaml").write_text(GOOD.replace("2099-01-31", day))
    assert main(["validate"]) == 0
    assert ("expired" in capsys.readouterr().out) is expired


@pytest.mark.parametrize(("day", "code"), [("2026-12-20", 0), ("2026-12-21", 1)])
def test_the_allowed_date_is_allowed(root: Path, capsys: pytest.CaptureFixture[str], day: str, code: int) -> None:
    (root / "reconciler.yaml").write_text(LONG)
    (root / "exemptions" / "data" / "by-key.yaml").write_text(GOOD.replace("2099-01-31", day))
    assert main(["validate"]) == code
    if code:
        assert "write expiresOn: 2026-12-20, or an earlier day" in capsys.readouterr().out


# --- what it needs -----------------------------------------------------------------------------------------------


def test_validate_loads_no_azure_module(root: Path) -> None:
    probe = "import sys\nfrom reconciler.cli.main import main\nmain(['validate'])\nprint([name for name in sys.modules if name.split('.')[0] in {'azure', 'msal', 'requests'}])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_where_no_git_is_around_nothing_is_imported_to_ask_it(root: Path) -> None:
    probe = (
        "import sys\nfrom reconciler.cli.main import main\nmain(['validate', '--root', sys.argv[1]])\n"
        "print({'git', 'reconciler.applying.ports'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", probe, str(root)], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_no_reference_of_a_schema_is_ever_fetched() -> None:
    """A schema that points elsewhere is refused at once; nothing asks the network for it."""
    with pytest.raises(Unresolvable):
        validator_for({"$ref": "http://127.0.0.1:9/x"}).is_valid({})


def test_too_many_entries_are_told_with_how_many_there_may_be(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    groups = "".join(
        f"  - /subscriptions/6f0e1111-2222-4333-8444-555566667777/resourceGroups/g{n}\n" for n in range(1001)
    )
    metadata = "".join(f"  key{n}: a\n" for n in range(51))
    text = GOOD[: GOOD.index("scopes:")] + f"scopes:\n{groups}metadata:\n{metadata}"
    text += "category: Waiver\nexpiresOn: 2027-01-31\njustification: It retires.\nowner: data@contoso.example\n"
    (root / "exemptions" / "data" / "by-key.yaml").write_text(text)
    assert main(["validate", "--format", "json"]) == 1
    problems = json.loads(capsys.readouterr().out)["problems"]
    told = {problem["path"]: (problem["message"], problem["help"]) for problem in problems}
    assert told["scopes"] == ("it has 1,001 entries; 1,000 are possible", "split it over several files")
    assert told["metadata"] == ("it has 51 entries; 50 are possible", "split it over several files")
