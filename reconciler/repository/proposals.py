"""A change proposed on a branch of its own, without touching the index and the working tree of whoever asks.

The change is made in a second working tree of the same repository, at the newest commit of the remote's default branch,
and goes when it is done. git itself commits there: hooks, signing and identity are the user's own. What is dirty,
detached or checked out elsewhere does not matter.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.problems import ReconcilerError, UsageError
from reconciler.repository.work_tree import WorkTree, no_history, open_work_tree, place_variables

if TYPE_CHECKING:
    import git

_BRANCHES: Final = ("main", "master")
_NAMED: Final = 5
"""So many branches are told."""
_SHOWN: Final = 1500
_UNREACHABLE: Final = "check the network and what `git fetch` says, or add --dry-run to see the file alone"
_NO_GIT: Final = (
    "run it in a clone of the repository of exemptions, where git is installed, or add --dry-run to see the file alone"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """The second working tree. `root` is the repository of exemptions in it, `base` the commit it starts from,
    `base_branch` its branch, `push_to` and `target` the remotes that get the branch and the pull request (empty: none).
    """

    root: Path
    folder: Path
    tree: WorkTree
    base: str
    base_branch: str
    push_to: str
    target: str

    def address(self, remote: str) -> str:
        """The address of a remote as it is configured, before git rewrites it."""
        return self.tree.ask("config", "--get", f"remote.{remote}.url") or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A branch that holds the change. `remote` is the one that has it too, empty where there is none; `is_new`: no earlier run
    had made it.
    """

    name: str
    commit: str
    remote: str
    is_new: bool


@contextlib.contextmanager
def workspace(root: Path, warn: Callable[[str], None]) -> Iterator[Workspace]:
    """A second working tree for one change; gone when the block ends. `warn` is told what a person should know.

    Raises:
        UsageError: there is no git repository with a commit, or several remotes and none is the one to push to.
        ReconcilerError: git refuses.
    """
    tree = open_work_tree(root)
    if tree is None:
        raise UsageError(f"{no_history(root)}, so there is nothing to propose to", _NO_GIT)
    push_to, target = _remotes(tree)
    base, branch = _base(tree, target, warn)
    folder = Path(tempfile.mkdtemp(prefix="exempt-proposal-"))
    own = _as_user(str(tree.repo.working_tree_dir))
    try:
        _run(own, ["-c", f"core.hooksPath={os.devnull}", "worktree", "add", "--quiet", "--detach", str(folder), base])
        yield Workspace(
            root=folder / tree.prefix,
            folder=folder,
            tree=tree,
            base=base,
            base_branch=branch,
            push_to=push_to,
            target=target,
        )
    finally:
        with contextlib.suppress(ReconcilerError):
            _run(own, ["worktree", "remove", "--force", str(folder)])
        shutil.rmtree(folder, ignore_errors=True)


def commit(  # noqa: PLR0913 - what a commit says
    space: Workspace, files: Mapping[str, str], name: str, *, message: str, author: str = "", replaces: bool = False
) -> Branch:
    """Writes files (by path below the root), commits them to the branch, and pushes it. A branch that holds the same already
    is taken as it is, so a run that was cut off is continued; one that was merged goes on from there. `author` is
    `NAME <ADDRESS>`. `replaces`: where the branch holds something else in one commit, this one takes its place.

    Raises:
        ReconcilerError: the branch holds something else, a hook or the remote refuses, or git does not know who commits.
    """
    git_here = _as_user(str(space.folder))
    _run(git_here, ["reset", "--quiet", "--mixed", space.base])  # an earlier change of this run is none of this one
    for path, text in files.items():
        file = space.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")
    paths = [space.tree.path(path) for path in files]
    _run(git_here, ["--literal-pathspecs", "add", "--all", "--", *paths])
    pushed, earlier = _earlier(space, git_here, name)
    if earlier and not _holds_the_same(git_here, earlier, paths):
        unmerged = int(_run(git_here, ["rev-list", "--count", earlier, f"^{space.base}"]))
        if unmerged > (1 if replaces else 0):
            where = f"on {space.push_to}" if pushed else "here"
            delete = f"git push {space.push_to} --delete {name}" if pushed else f"git branch -D {name}"
            raise ReconcilerError(
                f"the branch {name} is {where} already, with something else in it",
                f"go on with its pull request; or delete it with `{delete}` and run this again"
                + ("" if replaces else "; or give another --name"),  # a new branch is called as its declaration
            )
        earlier = ""
    sha = earlier or _commit(git_here, message, author)
    if sha != pushed:
        is_checked_out = f"branch refs/heads/{name}\n" in _run(git_here, ["worktree", "list", "--porcelain"])
        if not (is_checked_out and space.push_to):  # its files would seem to be edited back
            _run(git_here, ["branch", "--force", "--no-track", name, sha])
        if space.push_to:
            _push(git_here, space, sha, name, pushed)
    return Branch(name=name, commit=sha, remote=space.push_to, is_new=not earlier)


def texts_on_branch(space: Workspace, name: str, paths: Iterable[str]) -> Mapping[str, str]:
    """What an earlier run proposed for files (by path below the root), as far as there is such a branch and it has them."""
    _, earlier = _earlier(space, _as_user(str(space.folder)), name)
    texts = {path: space.tree.ask("show", f"{earlier}:{space.tree.path(path)}") for path in paths} if earlier else {}
    return {path: text for path, text in texts.items() if text is not None}


def _earlier(space: Workspace, git_here: git.Git, name: str) -> tuple[str, str]:
    """The commit that the remote has on the branch, and that or the local one; each empty where there is none."""
    pushed = ""
    if space.push_to:
        with contextlib.suppress(ReconcilerError):  # a remote that cannot be asked: the push will say why
            listing = _run(git_here, ["ls-remote", space.push_to, f"refs/heads/{name}"])
            if listing.strip():
                _run(git_here, ["fetch", "--quiet", "--no-tags", space.push_to, f"refs/heads/{name}"])
                pushed = listing.split()[0]
    return pushed, pushed or space.tree.ask("rev-parse", "--verify", "--quiet", f"refs/heads/{name}^{{commit}}") or ""


# --- steps -------------------------------------------------------------------------------------------------------


def _remotes(tree: WorkTree) -> tuple[str, str]:
    """Where a branch is pushed to, and where its pull request goes: of a fork, to `upstream`."""
    remotes = (tree.ask("remote") or "").split()
    chosen = tree.ask("config", "--get", "remote.pushDefault") or ("origin" if "origin" in remotes else "")
    push_to = chosen or (remotes[0] if len(remotes) == 1 else "")
    if remotes and push_to not in remotes:
        raise UsageError(
            f"the repository has the remotes {', '.join(remotes)}, and none of them is called origin",
            f"say which one gets the branch: git config remote.pushDefault {remotes[0]}",
        )
    return push_to, "upstream" if "upstream" in remotes else push_to


def _base(tree: WorkTree, remote: str, warn: Callable[[str], None]) -> tuple[str, str]:
    """The commit to start from and its branch: the remote's default one as it is now, or as it was last fetched."""
    if not remote:
        head = tree.run("rev-parse", "HEAD").strip()
        return head, tree.ask("symbolic-ref", "--short", "--quiet", "HEAD") or ""
    own = _as_user(str(tree.repo.working_tree_dir))
    try:
        listing = _run(own, ["ls-remote", "--symref", remote, "HEAD"])
        rows = (line.split() for line in listing.splitlines())
        branch = next((row[1].removeprefix("refs/heads/") for row in rows if row[0] == "ref:"), "")
        branch = branch or _where_head_names_none(tree, own, remote, warn)
        ref = f"refs/remotes/{remote}/{branch}"
        refspec = f"+refs/heads/{branch}:{ref}"
        _run(own, ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", remote, refspec])
    except UsageError:
        raise
    except ReconcilerError as error:
        candidates = [name for name in (_known_default(tree, remote), *_BRANCHES) if name]
        fetched = {name: f"refs/remotes/{remote}/{name}" for name in candidates}
        branch = next((name for name, ref in fetched.items() if tree.ask("rev-parse", "--verify", "--quiet", ref)), "")
        if not branch:
            raise ReconcilerError(f"{remote} cannot be reached: {error.message}", _UNREACHABLE) from None
        ref = fetched[branch]
        warn(f"{remote} cannot be reached, so this starts from what was last fetched of {branch}: {error.message}")
    return tree.run("rev-parse", "--verify", f"{ref}^{{commit}}").strip(), branch


def _where_head_names_none(tree: WorkTree, own: git.Git, remote: str, warn: Callable[[str], None]) -> str:
    """The branch to start from where the remote's HEAD leads to none: the only one, or the one that this clone says.

    Raises:
        UsageError: there is none, or it is not clear which.
        ReconcilerError: the remote does not answer.
    """
    rows = _run(own, ["ls-remote", "--heads", remote]).splitlines()
    branches = [row.partition("refs/heads/")[2] for row in rows]
    if not branches:
        raise UsageError(f"the remote {remote} has no branch yet", f"push one first: git push {remote} HEAD:main")
    if (default := _known_default(tree, remote)) in branches:
        return default
    if len(branches) == 1:
        warn(f"HEAD of the remote {remote} names no branch of it, so this starts from its only one, {branches[0]}")
        return branches[0]
    others = len(branches) - _NAMED
    listed = ", ".join(branches[:_NAMED]) + (f" and {others} more" if others > 0 else "")
    likely = next((name for name in _BRANCHES if name in branches), branches[0])
    raise UsageError(
        f"HEAD of the remote {remote} names no branch of it, so which one a change starts from is not known; it has {listed}",
        "set its default branch where it is hosted, or say it in this clone: "
        f"git fetch {remote} && git remote set-head {remote} {likely}",
    )


def _known_default(tree: WorkTree, remote: str) -> str:
    """What this clone has as the remote's default branch; empty where it has none."""
    head = f"refs/remotes/{remote}/"
    return (tree.ask("symbolic-ref", "--quiet", f"{head}HEAD") or "").removeprefix(head)


def _holds_the_same(git_here: git.Git, earlier: str, paths: list[str]) -> bool:
    """Whether a commit has at these paths what the index has."""
    try:
        _run(git_here, ["--literal-pathspecs", "diff-index", "--cached", "--quiet", earlier, "--", *paths])
    except ReconcilerError:
        return False
    return True


def _commit(git_here: git.Git, message: str, author: str) -> str:
    try:
        _run(git_here, ["commit", "--quiet", *([f"--author={author}"] if author else []), f"--message={message}"])
    except ReconcilerError as error:
        if "tell me who you are" in error.message or "user.email" in error.message:
            raise ReconcilerError(
                "git does not know who you are",
                "say it once: git config --global user.name 'YOUR NAME' and git config --global user.email YOU@COMPANY",
            ) from None
        raise ReconcilerError(
            f"git would not commit: {error.message}", "mend what a hook or the signing says, and run this again"
        ) from None
    return _run(git_here, ["rev-parse", "HEAD"]).strip()


def _push(git_here: git.Git, space: Workspace, sha: str, name: str, replaced: str) -> None:
    lease = [f"--force-with-lease=refs/heads/{name}:{replaced}"] if replaced else []
    try:
        _run(git_here, ["push", "--quiet", *lease, space.push_to, f"{sha}:refs/heads/{name}"])
    except ReconcilerError as error:
        raise ReconcilerError(
            f"{space.push_to} does not take the branch {name}: {error.message}",
            f"the commit waits on the local branch {name}: run the same again, or git push {space.push_to} {name}. "
            "Without the right to push, push to a fork: git config remote.pushDefault YOUR-FORK",
        ) from None


def _as_user(folder: str) -> git.Git:
    """Git as the user has configured it, in a folder, whatever a hook of another repository says in the environment."""
    import git  # noqa: PLC0415 - slow to import

    program = git.Git(folder)
    program.update_environment(LC_ALL="C", **place_variables(git.Repo(folder)))
    return program


def _run(program: git.Git, arguments: Sequence[str]) -> str:
    """Standard output of git.

    Raises:
        ReconcilerError: it refuses; the message is what it says.
    """
    import git  # noqa: PLC0415 - as above

    try:
        return str(program.execute(["git", *arguments], strip_newline_in_stdout=False))
    except git.CommandError as error:
        answer = str(error.stderr).strip().removeprefix("stderr:").strip().removeprefix("'").removesuffix("'").strip()
        words = " ".join(answer.split()) or f"git {arguments[0]} ended with {error.status}"
        raise ReconcilerError(words[:_SHOWN]) from None
