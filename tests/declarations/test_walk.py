"""The walk over `exemptions/`: it follows no link, opens nothing but regular files, stays inside, and says what it refuses."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from reconciler.declarations import load, load_files, walk
from reconciler.problems import Problem

GOOD = (Path(__file__).parents[1] / "examples" / "valid" / "by-key.yaml").read_bytes()
SETTINGS = (Path(__file__).parents[1] / "examples" / "valid" / "smallest-settings" / "reconciler.yaml").read_bytes()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "exemptions").mkdir()
    (tmp_path / "reconciler.yaml").write_bytes(SETTINGS)
    return tmp_path


def put(root: Path, name: str, data: bytes = GOOD) -> Path:
    path = root / "exemptions" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def codes(root: Path) -> list[tuple[str, str]]:
    return [(problem.code, problem.source.file) for problem in load(root).problems]


def names(root: Path) -> list[str]:
    return [found.name for found in load(root).declarations]


def test_files_of_any_depth_are_read(root: Path) -> None:
    put(root, "a/b/c/d/by-key.yaml")
    assert names(root) == ["by-key"]
    assert codes(root) == []


def test_no_folder_is_no_declarations(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_bytes(SETTINGS)
    loaded = load(tmp_path)
    assert (loaded.declarations, loaded.problems) == ((), ())
    assert loaded.settings is not None


def test_missing_settings_are_told(tmp_path: Path) -> None:
    assert codes(tmp_path) == [("no-settings", "reconciler.yaml")]
    (problem,) = load(tmp_path).problems
    assert problem.remedy.startswith("write one with owner, tenantId and scopes (`exempt init` does)")


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside.txt", "other.yaml", "nowhere"])
def test_a_link_is_not_followed_wherever_it_leads(root: Path, target: str) -> None:
    (root / "outside.txt").write_bytes(GOOD)
    (root / "exemptions" / "by-key.yaml").symlink_to(target)
    assert codes(root) == [("not-a-file", "exemptions/by-key.yaml")]
    assert "symbolic link" in load(root).problems[0].message
    assert names(root) == []


def test_a_linked_folder_is_not_entered(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "by-key.yaml").write_bytes(GOOD)
    (root / "exemptions" / "linked").symlink_to(elsewhere, target_is_directory=True)
    (root / "exemptions" / "loop").symlink_to(root, target_is_directory=True)
    assert codes(root) == [("not-a-file", "exemptions/linked"), ("not-a-file", "exemptions/loop")]
    assert names(root) == []


def test_exemptions_itself_may_not_be_a_link(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "by-key.yaml").write_bytes(GOOD)
    (tmp_path / "reconciler.yaml").symlink_to("/etc/hostname")
    (tmp_path / "exemptions").symlink_to(elsewhere, target_is_directory=True)
    assert codes(tmp_path) == [("not-a-file", "exemptions"), ("not-a-file", "reconciler.yaml")]


def test_pipes_and_sockets_are_not_opened(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(root / "exemptions" / "pipe.yaml")
    monkeypatch.chdir(root / "exemptions")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.yaml")
        assert codes(root) == [("not-a-file", "exemptions/pipe.yaml"), ("not-a-file", "exemptions/socket.yaml")]
        pipe, listener = (problem.message for problem in load(root).problems)
    assert pipe == "this is a named pipe where a file should be; it is not opened"
    assert listener == "this is a socket where a file should be; it is not opened"


@pytest.mark.parametrize(("path", "kind"), [("/dev/null", "a device"), ("/dev", "a folder")])
def test_a_device_or_folder_that_is_named_as_a_file_is_not_read(path: str, kind: str) -> None:
    (problem,) = load_files([(Path(path), "x.yaml")]).problems
    assert (problem.code, problem.source.file) == ("not-a-file", "x.yaml")
    assert problem.message == f"this is {kind} where a file should be; it is not opened"
    assert "put the file itself here" in problem.remedy


def test_a_pipe_given_as_settings_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "reconciler.yaml")
    assert codes(tmp_path) == [("not-a-file", "reconciler.yaml")]


def test_a_folder_called_like_a_file_is_a_folder(root: Path) -> None:
    put(root, "folder.yaml/by-key.yaml")
    assert (names(root), codes(root)) == (["by-key"], [])


@pytest.mark.parametrize("twin", ["BY-KEY.yaml", "By-Key.yaml"])
def test_names_that_differ_in_case_only_are_refused(root: Path, twin: str) -> None:
    put(root, "by-key.yaml")
    put(root, twin)
    if len(list((root / "exemptions").iterdir())) == 2:  # not on a file system that folds case
        assert "case-twin" in [code for code, _ in codes(root)]


def test_folders_that_differ_in_case_only_are_refused(root: Path) -> None:
    put(root, "Team/by-key.yaml")
    put(root, "team/other.yaml")
    if len(list((root / "exemptions").iterdir())) == 2:
        assert codes(root) == [("case-twin", "exemptions/team")]


@pytest.mark.parametrize("name", ["pay\u202ements", "pay\u200bments", "pay\u00a0ments", "pay\nments", "pay\x1b[31m"])
def test_folders_that_look_like_others_are_refused(root: Path, name: str) -> None:
    put(root, f"{name}/by-key.yaml")
    assert [code for code, _ in codes(root)] == ["hidden-character"]
    assert names(root) == []


def test_names_that_are_no_text_are_refused_and_can_be_shown(root: Path) -> None:
    put(root, os.fsdecode(b"caf\xe9.yaml"))
    (problem,) = load(root).problems
    assert problem.source.file.encode("utf-8") == b"exemptions/caf\\xe9.yaml"


@pytest.mark.parametrize("name", ["by-key.yml", "by-key.YAML", "by-key.Yml", "by-key.json"])
def test_a_mistaken_suffix_is_an_error_not_an_oversight(root: Path, name: str) -> None:
    put(root, name)
    (problem,) = load(root).problems
    assert (problem.code, problem.severity.value) == ("suffix", "error")
    assert "by-key.yaml" in problem.remedy


@pytest.mark.parametrize("name", ["README.md", ".gitkeep", "CODEOWNERS", "notes.txt", ".by-key.yaml.swp"])
def test_what_is_clearly_no_declaration_is_left_alone(root: Path, name: str) -> None:
    put(root, name)
    assert codes(root) == []


@pytest.mark.parametrize("name", ["by-key.yaml~", "by-key.yaml.bak", "by-key"])
def test_what_might_have_been_one_is_warned_about(root: Path, name: str) -> None:
    put(root, name)
    assert [(problem.code, problem.severity.value) for problem in load(root).problems] == [("suffix", "warning")]


def test_a_large_file_is_not_read(root: Path) -> None:
    put(root, "by-key.yaml", b"#" * (walk.MAX_BYTES + 1))
    (problem,) = load(root).problems
    assert problem.code == "too-large"
    assert "262,145 bytes; at most 262,144 are read" in problem.message
    assert problem.remedy.startswith("split it")


def test_folders_without_end_are_cut_off(root: Path) -> None:
    put(root, "/".join("d" * 30) + "/by-key.yaml")
    assert [code for code, _ in codes(root)] == ["too-deep"]
    assert names(root) == []


def test_there_is_a_limit_to_the_number_of_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MAX_FILES", 2)
    for name in "abc":
        put(root, f"{name}.yaml", GOOD.replace(b"by-key", name.encode()))
    (problem,) = load(root).problems
    assert (problem.code, problem.source.file) == ("too-many-files", "exemptions")
    assert problem.message == "more than 2 declarations; the rest is not read"
    assert problem.remedy.startswith("one declaration may name up to 1,000 scopes")
    assert names(root) == ["a", "b"]


def test_there_is_a_limit_to_all_files_together(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[load.__module__], "MAX_TOTAL_BYTES", 2 * len(GOOD))
    for name in ("aa-key", "bb-key", "cc-key", "dd-key"):
        put(root, f"{name}.yaml", GOOD.replace(b"by-key", name.encode()))
    (problem,) = load(root).problems
    assert (problem.code, problem.source.file) == ("too-large", "exemptions/cc-key.yaml")
    assert f"more than {2 * len(GOOD):,} bytes together; from here on none is read" in problem.message
    assert names(root) == ["aa-key", "bb-key"]


def test_a_file_that_vanishes_is_a_problem(tmp_path: Path) -> None:
    found = walk.read(walk.SourceFile(str(tmp_path / "gone.yaml"), "exemptions/gone.yaml"))
    assert isinstance(found, Problem)
    assert (found.code, found.source.file) == ("unreadable", "exemptions/gone.yaml")
    assert found.message == "it cannot be read: no such file or directory"
    assert found.remedy == "check that the file is there and may be read"


def test_a_declaration_beside_the_folder_is_noticed(root: Path) -> None:
    (root / "by-key.yaml").write_bytes(GOOD)
    (root / "compose.yaml").write_text("services: {}\n")
    assert codes(root) == [("stray-file", "by-key.yaml")]
    (root / "by-key.yaml").rename(root / "catalog.yaml")
    assert codes(root) == [], "what is read at the root is judged as what it is"


def test_a_folder_whose_name_is_nearly_right_is_noticed(root: Path) -> None:
    put(root, "by-key.yaml")
    (root / "exemptions").rename(root / "exemption")
    assert codes(root) == [("stray-folder", "exemption")]


@pytest.mark.parametrize("name", ["reconciler.yml", "Reconciler.yaml", "reconcilier.yaml"])
def test_settings_under_another_name_are_noticed(root: Path, name: str) -> None:
    (root / "reconciler.yaml").rename(root / name)
    (problem,) = load(root).problems
    assert problem.remedy == f"rename {name} to reconciler.yaml"


@pytest.mark.skipif(not Path("/proc/self/limits").is_file(), reason="a file whose size nobody says")
def test_a_file_is_read_to_its_end_whatever_its_size_is_said_to_be() -> None:
    path = "/proc/self/limits"
    assert Path(path).stat().st_size == 0
    assert walk.read(walk.SourceFile(path, "x.yaml")) == Path(path).read_bytes()


@pytest.mark.parametrize("stem", ["x" * 101, "-x", "x y"])
def test_a_file_whose_name_no_declaration_may_have_is_to_be_renamed(root: Path, stem: str) -> None:
    put(root, f"{stem}.yaml")
    assert [problem.remedy for problem in load(root).problems] == ["rename the file to by-key.yaml"]


def test_a_file_of_another_name_may_be_followed_or_renamed(root: Path) -> None:
    put(root, f"{'x' * 100}.yaml")
    assert [problem.remedy for problem in load(root).problems] == [
        f"write name: {'x' * 100}, or rename the file to by-key.yaml"
    ]
