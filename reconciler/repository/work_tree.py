"""One git work tree, asked through GitPython in a way that no configuration can bend, whoever wrote it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.problems import ReconcilerError

if TYPE_CHECKING:
    import git

FOLDER: Final = "exemptions"
"""Where the declarations are."""

READ_FROM: Final = (FOLDER, "reconciler.yaml", "catalog.yaml")
"""All that exempt reads of a repository of exemptions."""

RUN_IN_A_CLONE: Final = "run it in a clone with its history, where git is installed"
"""What to do where there is no work tree."""

WHOLE_CLONE: Final = "clone without a filter (in a pipeline: fetch-depth 0), or run `git fetch --refetch`"
"""What to do where a partial clone lacks something."""

_CONFIGURATION: Final = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.quotePath": "true",
    "i18n.logOutputEncoding": "UTF-8",
    "log.mailmap": "false",
    "log.showSignature": "false",
    "mailmap.blob": "",
    "mailmap.file": os.devnull,  # whose names these are is said by the repository's own .mailmap, the same on every machine
    "safe.bareRepository": "explicit",  # a folder of a pull request may look like one, with a configuration of its own
    "submodule.recurse": "false",
}
"""Stronger than any file of configuration; git must answer, never run something or ask another machine."""

_STABLE: Final = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,  # what somebody wrote beside the history is no history
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",  # older git has no GIT_NO_LAZY_FETCH: then it may fetch, but by no protocol
    "GIT_CONFIG_COUNT": str(len(_CONFIGURATION)),
    **{f"GIT_CONFIG_KEY_{number}": key for number, key in enumerate(_CONFIGURATION)},
    **{f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(_CONFIGURATION.values())},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkTree:
    """An open git repository. `prefix` is where the repository of exemptions lies in it: empty, or `path/to/it/`. `head`
    is the commit that is checked out; empty where there is none yet.
    """

    repo: git.Repo
    prefix: str
    head: str = ""

    def run(self, command: str, *arguments: str) -> str:
        """Standard output of git for a command with its options (`ls-tree -r -z`) and further arguments, which may hold
        spaces; paths that are no UTF-8 survive as surrogates.

        Raises:
            ReconcilerError: git refuses.
        """
        out = self._call(command, arguments)
        name = command.partition(" ")[0]
        if out is None and self.is_partial:
            folder = self.repo.working_tree_dir
            raise ReconcilerError(f"git {name} failed: {folder} is a partial clone (--filter)", WHOLE_CLONE)
        if out is None:
            raise ReconcilerError(
                f"git {name} failed in {self.repo.working_tree_dir}", f"run `git {name}` there to see what it says"
            )
        return out

    def ask(self, command: str, *arguments: str) -> str | None:
        """The same, without a trailing line end, or None where git says no."""
        out = self._call(command, arguments)
        return None if out is None else out.strip()

    @property
    def is_partial(self) -> bool:
        """Whether the clone left things out (`--filter`), which nothing here fetches."""
        return self.ask("config", "--get-regexp", r"^remote\..*\.(promisor|partialclonefilter)$") is not None

    def path(self, name: str) -> str:
        """A path of the repository of exemptions as git's whole repository has it."""
        return self.prefix + name

    def blob(self, sha: str, name: str = "") -> bytes:
        """The contents of a file as git keeps it; `name` is the file's, for the message. One process serves all questions.

        Raises:
            ReconcilerError: the clone lacks it; nothing is fetched.
        """
        try:
            data: bytes = self.repo.odb.stream(bytes.fromhex(sha)).read()
        except ValueError as error:
            label = name or "a file's contents"
            raise ReconcilerError(
                f"the clone in {self.repo.working_tree_dir} lacks {label} ({sha[:12]})",
                WHOLE_CLONE,
            ) from error
        return data

    def _call(self, command: str, arguments: tuple[str, ...]) -> str | None:
        import git  # noqa: PLC0415 - a tenth of a second that commands without history need not pay

        try:
            out = self.repo.git.execute(
                ["git", "--literal-pathspecs", *command.split(), *arguments],
                strip_newline_in_stdout=False,
                stdout_as_string=False,
            )
        except git.CommandError:
            return None
        assert isinstance(out, bytes)
        return out.decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a checkout comes from: the address of its remote `origin` (empty: none), and the commit that is checked out."""

    remote: str
    commit: str


def origin(root: Path) -> Origin | None:
    """Where the checkout around `root` comes from; None where there is no git or no commit.

    Raises:
        ReconcilerError: git refuses to read it because somebody else owns it.
    """
    tree = open_work_tree(root)
    return Origin(remote=_remote(tree), commit=tree.head) if tree else None


def create(root: Path, message: str, author: tuple[str, str]) -> None:
    """Makes a git repository of a folder, with everything in it as one commit by `author` (name and address).

    Raises:
        ReconcilerError: there is no git, or it refuses.
    """
    try:
        import git  # noqa: PLC0415 - as below
    except ImportError:
        raise ReconcilerError("git is not installed", "install git; declarations live in it") from None
    name, address = author
    people = {
        f"GIT_{role}_{part}": text
        for role in ("AUTHOR", "COMMITTER")
        for part, text in (("NAME", name), ("EMAIL", address))
    }
    try:
        repo = git.Repo.init(root)
        repo.git.update_environment(**_STABLE, **people)
        repo.git.execute(["git", "add", "--all"])
        repo.git.execute(["git", "-c", "commit.gpgSign=false", "commit", "--quiet", "--message", message])
    except git.CommandError as error:
        raise ReconcilerError(f"git cannot make a repository of {root}", str(error.stderr).strip()) from None


def open_work_tree(root: Path) -> WorkTree | None:
    """The work tree around `root`, or None where there is no git or no repository with a commit.

    Raises:
        ReconcilerError: there is one that git refuses to read because somebody else owns it.
    """
    tree = _tree_around(root)
    return tree if tree and tree.head else None


def no_history(root: Path) -> str:
    """Why there is no work tree around `root`: the repository is missing, or git itself."""
    if shutil.which("git") is None:
        return "git is not installed, or not on the PATH"
    return f"{str(root)!r} is in no git repository with a commit"


def remote_of(root: Path) -> str:
    """The address of the remote `origin`, of a repository without commits too; empty where there is none.

    Raises:
        ReconcilerError: git refuses to read the repository because somebody else owns it.
    """
    tree = _tree_around(root)
    return _remote(tree) if tree else ""


def _remote(tree: WorkTree) -> str:
    return tree.ask("remote", "get-url", "origin") or ""


def _tree_around(root: Path) -> WorkTree | None:
    place = root.resolve()
    folder = next((candidate for candidate in (place, *place.parents) if (candidate / ".git").exists()), None)
    if folder is None:  # a folder that is itself laid out as a repository is never taken for one
        return None
    try:
        import git  # noqa: PLC0415 - as above; it fails where no git is installed
    except ImportError:
        return None
    try:
        repo = git.Repo(folder)
    except git.InvalidGitRepositoryError:
        return None
    if repo.working_tree_dir is None:
        return None
    repo.git.update_environment(**_STABLE, **place_variables(repo))
    inside = place.relative_to(Path(repo.working_tree_dir).resolve()).as_posix()
    tree = WorkTree(repo=repo, prefix="" if inside == "." else inside + "/")
    head = tree.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if head is None and tree.ask("rev-parse", "--git-dir") is None:  # else its history would silently count as missing
        raise ReconcilerError(
            f"git refuses to read {folder}, probably because another user owns it",
            f"run `git config --global --add safe.directory {folder}`, or give the folder to the user who runs this",
        )
    return replace(tree, head=head or "")


def place_variables(repo: git.Repo) -> dict[str, str]:
    """Where this repository is, against variables that a hook of another one has set. Only against those: told its
    place, git would no longer refuse a repository of somebody else.
    """
    place = {
        "GIT_DIR": str(repo.git_dir),
        "GIT_WORK_TREE": str(repo.working_tree_dir),
        "GIT_INDEX_FILE": str(Path(repo.git_dir, "index")),
    }
    return {name: value for name, value in place.items() if name in os.environ}
