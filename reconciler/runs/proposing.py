"""What request, renew and retire share: the repository as it is now at its remote, what a change of it would do, and the
pull request that proposes it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from reconciler.applying.ports import Observer as WriteObserver
from reconciler.azure.session import Azure
from reconciler.declarations import load_bytes
from reconciler.declarations.subjects import meaning
from reconciler.importing.text import expiry_value
from reconciler.model import Declaration, Verdict
from reconciler.planning.values import Action
from reconciler.problems import Problem, ReconcilerError
from reconciler.repository.proposals import Branch, Workspace, commit, workspace
from reconciler.repository.pull_requests import PullRequest, Text, open_pull_request, page_for
from reconciler.repository.rest import HostError
from reconciler.repository.work_tree import open_work_tree
from reconciler.requesting import drafts
from reconciler.requesting.edits import with_field
from reconciler.runs import plan
from reconciler.runs.contents import RepositoryContents, load_contents
from reconciler.runs.context import Context, Observer, ReadProgress
from reconciler.runs.files import write_file
from reconciler.runs.loading import judge, load_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where a change is prepared: the repository at `root`, with what it declares. `space` is None where nothing will be
    proposed. `user` is the address that git knows the user by, empty where it knows none.
    """

    root: Path
    contents: RepositoryContents
    space: Workspace | None
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a change would do in Azure. `assignments` are the names of those in which exemptions are created; `run` is the
    whole plan. Without a plan `why_not` says the reason.
    """

    run: plan.PlanRun | None = None
    assignments: tuple[str, ...] = ()
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """One change that was proposed: its branch and pull request, with what it says."""

    branch: Branch
    pull_request: PullRequest
    text: Text

    @property
    def verdict(self) -> Verdict:
        """Done, whoever opens the pull request: a person may have to."""
        return Verdict.DONE


@contextlib.contextmanager
def open_desk(root: Path, context: Context, *, proposes: bool = True) -> Iterator[Desk]:
    """The repository as its remote has it now, in a working tree of its own; the folder itself where nothing is proposed.

    Raises:
        InvalidRepositoryError: reconciler.yaml has errors.
        ReconcilerError: git refuses.
    """
    tree = open_work_tree(root)
    user = (tree.ask("config", "--get", "user.email") if tree else None) or ""
    if not proposes:
        yield Desk(root=root, contents=load_contents(root, context), space=None, user=user)
        return
    with workspace(root, context.observer.warning) as space:
        yield Desk(root=space.root, contents=load_contents(space.root, context), space=space, user=user)


def write_changes(desk: Desk, files: Mapping[str, str]) -> None:
    """Writes files, by path, into the desk's own working tree; nothing where it has none."""
    if desk.space is not None:
        for path, text in files.items():
            (desk.root / path).parent.mkdir(parents=True, exist_ok=True)
            write_file(desk.root / path, text)


def with_earlier_end(text: str, earlier: str, file: str, after: datetime) -> str:
    """A declaration's text with the end that an earlier run proposed for it, if that is all that differs, nearer, and later
    than `after`: the longest end moves on every day, and a retry shall go on all the same.
    """
    drafted, _ = load_bytes(text.encode("utf-8", "surrogateescape"), file)
    proposed, _ = load_bytes(earlier.encode("utf-8", "surrogateescape"), file)
    if drafted is None or proposed is None or drafted.expires_on is None or proposed.expires_on is None:
        return text
    is_nearer = after < proposed.expires_on < drafted.expires_on
    if not is_nearer or replace(proposed, expires_on=drafted.expires_on, source=drafted.source) != drafted:
        return text
    return with_field(text, "expiresOn", expiry_value(proposed.expires_on)) or text


def latest_end(declaration: Declaration, desk: Desk, now: datetime) -> tuple[datetime, int | None]:
    """The longest end that the rules allow for a declaration, and the days that a rule sets (None: no rule does)."""
    meant = meaning(declaration.subject, desk.contents.catalogue)
    severities = meant.severities if meant else None
    return drafts.latest_end(desk.contents.settings.rules, declaration.category, severities, now)


def problems_of(desk: Desk, files: Sequence[str], context: Context) -> tuple[Problem, ...]:
    """What `exempt validate` says to these files, which are written already."""
    loaded, catalogue = load_all(desk.root)
    base = desk.space.base if desk.space else None
    _, problems = judge(desk.root, base, loaded, catalogue, context)
    return tuple(problem for problem in problems if problem.source.file in files)


def preview(desk: Desk, names: Sequence[str], azure: Azure, context: Context) -> Preview:
    """What the files that are written would do in Azure, over the connection that is open."""
    base = desk.space.base if desk.space else None
    quiet = replace(context, observer=_Quiet(context.observer))
    try:
        run = plan.run(plan.PlanRequest(root=desk.root, base=base), quiet, azure)
    except ReconcilerError as error:
        return Preview(why_not=error.message)
    creates = [
        change.exemption.assignment
        for change in run.plan.changes
        if change.declaration in names and change.action is Action.CREATE
    ]
    assignments = {assignment.key: run.names.get(assignment.key) or assignment.name for assignment in creates}
    return Preview(run=run, assignments=tuple(sorted(assignments.values())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is to be proposed: `files` by path, on which branch, with what words, by whom (`NAME <ADDRESS>`; empty: the user).
    `replaces`: the only commit of an earlier run makes way.
    """

    files: Mapping[str, str]
    branch: str
    text: Text
    author: str = ""
    replaces: bool = False


def propose(desk: Desk, proposal: Proposal, context: Context) -> Proposed:
    """Commits, pushes, and opens the pull request or names the page on which a person does. A retry goes on.

    Raises:
        ReconcilerError: git refuses.
    """
    assert desk.space is not None
    branch, text = proposal.branch, proposal.text
    proposed_branch = commit(
        desk.space,
        proposal.files,
        branch,
        message=text.title,
        author=proposal.author,
        replaces=proposal.replaces,
    )
    if not proposed_branch.remote:
        why = f"the repository has no remote, so the commit is on the local branch {branch}: add a remote and push it"
        return Proposed(branch=proposed_branch, pull_request=PullRequest(address="", why=why), text=text)
    try:
        opened = open_pull_request(desk.space, proposed_branch, text, context.environment)
    except HostError as error:
        why = f"{error.message}; {error.remedy}" if error.remedy else error.message
        opened = page_for(desk.space, branch, why, context.environment)
    return Proposed(branch=proposed_branch, pull_request=opened, text=text)


@dataclass(frozen=True, slots=True)
class _Quiet:
    """Tells of progress alone: what is wrong was told before."""

    observer: Observer

    def problems(self, problems: Sequence[Problem]) -> None:
        pass

    def warning(self, message: str) -> None:
        pass

    def reading(self, label: str) -> AbstractContextManager[ReadProgress]:
        return self.observer.reading(label)

    def writing(self, total: int) -> AbstractContextManager[WriteObserver | None]:
        return self.observer.writing(total)
