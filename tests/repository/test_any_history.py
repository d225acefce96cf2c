"""Any history is read or is a fault: names, dates, encodings, mailmaps, merges, grafts, replacements, cut-off clones."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import emulated
import pytest
from cli.console import exempt
from hypothesis import given, settings
from hypothesis import strategies as st
from laws.profile import EXAMPLES
from main_job import repositories as repo

from reconciler.declarations import same_meaning, same_rules
from reconciler.problems import ReconcilerError
from reconciler.repository import compare, missing_files, open_work_tree, read, read_revision

_NAME_BYTES = st.binary(min_size=1, max_size=8).filter(lambda name: not {0, 47} & {*name} and name not in {b".", b".."})
NAMES = st.sampled_from(
    [b"a.yaml", b"b.yaml", b"\x01.yaml", b"\n.yaml", b":100644.yaml", b'"q".yaml', b"\xff.yaml", "é.yaml".encode()]
) | _NAME_BYTES.filter(lambda name: name.lower() != b".git")
DATES = st.sampled_from(
    ["0 +0000", "253402300800 +0000", "99999999999999999999 +0000", "-1 +0000", "1700000000 +9999", "", "x y", "1 1 1"]
) | st.integers(0, 2**40).map(lambda seconds: f"{seconds} +0100")
HEADERS = st.sampled_from(
    [b"", b"encoding UTF-16\n", b"encoding nonsense\n", b"encoding ISO-8859-1\n", b"gpgsig x\n", b"mergetag y\n"]
)
PEOPLE = st.sampled_from([b"A <a@contoso.example>", b"", b"<", b"\xff\xfe <x>", b"A <a@contoso.example> <b>"])


@dataclass(frozen=True, slots=True)
class Made:
    """One commit: its files, who and when, further headers, how many parents of the commits before it."""

    files: dict[bytes, bytes]
    person: bytes
    date: str
    header: bytes
    parents: list[int]
    message: bytes


commits = st.lists(
    st.builds(
        Made,
        files=st.dictionaries(NAMES, st.binary(max_size=12), max_size=3),
        person=PEOPLE,
        date=DATES,
        header=HEADERS,
        parents=st.lists(st.integers(1, 4), max_size=4, unique=True),
        message=st.binary(max_size=12),
    ),
    min_size=1,
    max_size=5,
)
beside = st.fixed_dictionaries(
    {"mailmap": st.booleans(), "graft": st.booleans(), "replace": st.booleans(), "shallow": st.booleans()}
)


def git(root: Path, *arguments: str, data: bytes = b"") -> str:
    done = subprocess.run(["git", *arguments], cwd=root, input=data, capture_output=True, check=True)
    return done.stdout.decode().strip()


def build(root: Path, made: list[Made], around: dict[str, bool]) -> list[str]:
    """Writes the objects themselves, past every check that `git commit` makes."""
    git(root, "init", "--quiet", "--initial-branch", "main")
    shas: list[str] = []
    for commit in made:
        rows = b"".join(
            b"100644 blob " + git(root, "hash-object", "-w", "--stdin", data=text).encode() + b"\t" + name + b"\0"
            for name, text in commit.files.items()
        )
        folder = git(root, "mktree", "-z", data=rows)
        top = git(root, "mktree", "-z", data=f"040000 tree {folder}\texemptions\0".encode())
        parents = [shas[-number] for number in commit.parents if number <= len(shas)]
        lines = [b"tree " + top.encode(), *(b"parent " + sha.encode() for sha in parents)]
        lines += [role + b" " + commit.person + b" " + commit.date.encode() for role in (b"author", b"committer")]
        content = b"\n".join(lines) + b"\n" + commit.header + b"\n" + commit.message
        shas.append(git(root, "hash-object", "-t", "commit", "-w", "--stdin", "--literally", data=content))
    git(root, "update-ref", "refs/heads/main", shas[-1])
    git(root, "read-tree", shas[-1])
    if around["mailmap"]:
        (root / ".mailmap").write_bytes(b"\xff <\n<a@contoso.example> \x00\n")
    if around["graft"]:
        (root / ".git" / "info").mkdir(exist_ok=True)
        (root / ".git" / "info" / "grafts").write_text(f"{shas[-1]} {'1' * 40}\nnonsense\n")
    if around["replace"]:
        git(root, "update-ref", f"refs/replace/{shas[-1]}", shas[0])
    if around["shallow"]:
        (root / ".git" / "shallow").write_text(f"{shas[0]}\n")
    return shas


@settings(max_examples=max(20, EXAMPLES // 10), deadline=None)
@given(commits, beside)
def test_any_history_is_read_or_is_a_fault(made: list[Made], around: dict[str, bool]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shas = build(root, made, around)
        for ask in (
            lambda: read(open_work_tree(root)),
            lambda: compare(open_work_tree(root), root, shas[0], same_meaning),
            lambda: missing_files(open_work_tree(root), root),
            lambda: read_revision(root, shas[0], same_meaning, same_rules),
        ):
            try:
                ask()
            except ReconcilerError as error:
                assert error.message  # noqa: PT017 - either way is right, any other exception is not


@pytest.mark.parametrize("seconds", ["253402300800", "99999999999999"])
def test_a_commit_of_the_far_future_stops_nothing_and_nothing_is_said_of_it(tmp_path: Path, seconds: str) -> None:
    root = repo.write(tmp_path, [{"name": "one", "recommendation": "x", "scopes": [repo.subscription(1)]}])
    (root / "exemptions" / "one.yaml").unlink()
    for folder, name in ((root / "exemptions", "\x01.yaml"), (root / "exemptions", "gone.yaml")):
        (folder / name).write_text("name: gone\n")
        repo.git(root, "init", "--quiet", "--initial-branch", "main")
        repo.git(root, "add", "--all")
        when = f"{seconds} +0000"
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@contoso.example", "commit", "--quiet", "-m", "Odd"]
        content = {"GIT_COMMITTER_DATE": f"@{when}", "GIT_AUTHOR_DATE": f"@{when}"}
        subprocess.run(command, cwd=root, check=True, env={**os.environ, **content})
        (folder / name).unlink()
        repo.commit(root, "Revert")
    with emulated.running(repo.tenant(repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK))) as azure:
        for command in (["plan"], ["apply", "--yes"], ["drift"]):
            exempt(azure, *command, root=root, check=0)
        head = repo.git(root, "rev-parse", "HEAD~1")
        exempt(azure, "apply", "--yes", "--approved", head, root=root)
