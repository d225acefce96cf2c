"""Who asked for a declaration: whoever began the branch that brought it, the same on every machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from main_job import repositories as repo

from reconciler.repository import open_work_tree, read
from reconciler.repository.approval import requester

FILE = "exemptions/one.yaml"


def write(root: Path, text: str, file: str = FILE) -> None:
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(text)
    repo.git(root, "add", "--all")


def commit(root: Path, who: str, name: str = "Somebody") -> None:
    options = ("-c", f"user.name={name}", "-c", f"user.email={who}")
    repo.git(root, *options, "commit", "--quiet", "--allow-empty", "-m", "x")


def merge(root: Path, branch: str, *options: str) -> None:
    repo.git(root, "checkout", "--quiet", "main")
    repo.git(root, "merge", "--quiet", "--no-ff", "-m", "Merge pull request #7 from x", *options, branch)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = repo.write(tmp_path / "repository", [])
    repo.commit(root, "Start")
    return root


def test_edits_moves_and_formatting_do_not_change_who_asked(root: Path) -> None:
    write(root, "a: 1\n")
    commit(root, "lea@contoso.example")
    write(root, "a: 2\n")
    commit(root, "noor@contoso.example")
    (root / "exemptions/team").mkdir()
    repo.git(root, "mv", FILE, "exemptions/team/one.yaml")
    commit(root, "platform@contoso.example")
    history = read(open_work_tree(root))
    assert history.requester("exemptions/team/one.yaml") == "lea@contoso.example"
    assert history.requester(FILE) == ""


def test_of_a_merge_it_is_whoever_began_the_branch(root: Path) -> None:
    repo.git(root, "checkout", "--quiet", "-b", "ask")
    write(root, "a: 1\n")
    commit(root, "lea@contoso.example")
    repo.git(root, "checkout", "--quiet", "main")
    write(root, "a: 1\n", "exemptions/other.yaml")
    commit(root, "ana@contoso.example")
    repo.git(root, "checkout", "--quiet", "ask")
    repo.git(root, "merge", "--quiet", "--no-edit", "main")
    write(root, "a: 2\n")
    commit(root, "noor@contoso.example")
    merge(root, "ask")
    repo.git(root, "checkout", "--quiet", "ask")
    write(root, "a: 1\n", "exemptions/later.yaml")
    commit(root, "sam@contoso.example")
    merge(root, "ask")
    history = read(open_work_tree(root))
    names = ("one", "other", "later")
    assert [history.requester(f"exemptions/{name}.yaml") for name in names] == [
        "lea@contoso.example",
        "ana@contoso.example",
        "sam@contoso.example",
    ]


def test_who_asks_again_for_what_was_deleted_asked(root: Path) -> None:
    for who in ("lea@contoso.example", "noor@contoso.example"):
        write(root, "a: 1\n")
        commit(root, who)
        assert read(open_work_tree(root)).requester(FILE) == who
        (root / FILE).unlink()
        repo.git(root, "add", "--all")
        commit(root, "platform@contoso.example")


def test_files_that_move_in_one_commit_keep_theirs(root: Path) -> None:
    other = "exemptions/other.yaml"
    for file, who in ((FILE, "lea@contoso.example"), (other, "noor@contoso.example")):
        write(root, f"file: {file}\n", file)
        commit(root, who)
    repo.git(root, "mv", FILE, "exemptions/x.yaml")
    repo.git(root, "mv", other, "exemptions/y.yaml")
    commit(root, "platform@contoso.example")
    history = read(open_work_tree(root))
    assert history.requester("exemptions/x.yaml") == "lea@contoso.example"
    assert history.requester("exemptions/y.yaml") == "noor@contoso.example"


def test_only_the_repositorys_own_mailmap_counts(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, "a: 1\n")
    commit(root, "lea@old.example")
    machine = tmp_path / "mailmap"
    machine.write_text("Eve <eve@machine.example> <lea@old.example>\n")
    configuration = tmp_path / "gitconfig"
    configuration.write_text(f"[mailmap]\nfile = {machine}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
    repo.git(root, "config", "mailmap.file", str(machine))
    assert read(open_work_tree(root)).requester(FILE) == "lea@old.example"
    (root / ".mailmap").write_text("Data platform <data-platform@contoso.example> <lea@old.example>\n")
    assert read(open_work_tree(root)).requester(FILE) == "data-platform@contoso.example"


def test_a_shallow_clone_says_nothing(root: Path, tmp_path: Path) -> None:
    write(root, "a: 1\n")
    commit(root, "lea@contoso.example")
    commit(root, "noor@contoso.example")
    repo.git(tmp_path, "clone", "--quiet", "--depth", "1", root.as_uri(), "shallow")
    assert read(open_work_tree(tmp_path / "shallow")).requester(FILE) == ""


@pytest.mark.parametrize(
    ("author", "name"),
    [
        ("Lea <lea@contoso.example>", "lea@contoso.example"),
        ("Lea <Lea> <lea@contoso.example>", "lea@contoso.example"),
        ("Lea <1234567+lea-dev@users.noreply.github.com>", "@lea-dev"),
        ("lea <lea@users.noreply.github.com>", "@lea"),
        ("lea <lea@users.noreply.contoso.ghe.com>", "@lea"),
        ("github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>", ""),
        ("Lea <lea>", ""),
        ("Lea <>", ""),
        ("Lea <@contoso.example>", ""),
        ("Lea <lea smith@contoso.example>", ""),
        ("Lea <lea\u202e@contoso.example>", ""),
        ("Lea <lea\udcff@contoso.example>", ""),
        (f"Lea <{'x' * 250}@contoso.example>", ""),
    ],
)
def test_an_author_is_named_by_the_address_alone(author: str, name: str) -> None:
    assert requester(author) == name
