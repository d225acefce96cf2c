"""What became of one declaration. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from reconciler.declarations import FOLDER, load_bytes
from reconciler.declarations.walk import SourceFile, walk
from reconciler.documents.suggest import did_you_mean, nearest_few
from reconciler.drift.life import Life, Version, life_of
from reconciler.model import Exemption, Verdict
from reconciler.planning.desired.assessments import known_standards
from reconciler.planning.inputs import ResolvedDeclarations
from reconciler.planning.provenance import Approval, Step, StepKind
from reconciler.problems import ReconcilerError, UsageError
from reconciler.repository.hosting import credential, hosted
from reconciler.repository.journal import journals
from reconciler.repository.reviews import Review, reviews_of
from reconciler.repository.work_tree import RUN_IN_A_CLONE, WorkTree, no_history, open_work_tree
from reconciler.runs.contents import load_contents
from reconciler.runs.context import Context
from reconciler.runs.reading import read_snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRequest:
    """Whose life: the declaration `name`. Azure is read, or a saved `snapshot`."""

    root: Path
    name: str
    snapshot: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRun:
    """What became of it."""

    life: Life

    @property
    def verdict(self) -> Verdict:
        """Done: what could not be asked was told to the observer, and is told in the report."""
        return Verdict.DONE


def run(request: LogRequest, context: Context) -> LogRun:
    """Reads git, GitHub and Azure, the last two as far as they answer.

    Raises:
        UsageError: there is no git, or its history never had such a declaration.
        InvalidRepositoryError: reconciler.yaml has errors.
    """
    tree = open_work_tree(request.root)
    if tree is None:
        raise UsageError(no_history(request.root), RUN_IN_A_CLONE)
    steps = journals(request.root)
    if request.name not in steps:
        raise _unknown(request, steps, tree)
    contents = load_contents(request.root, context)
    reviews: Mapping[str, Review] = {}
    unknown: list[str] = []
    try:
        address = tree.ask("config", "--get", "remote.origin.url") or ""
        reviews = reviews_of(address, tuple(step.commit.sha for step in steps[request.name]), context.environment)
        host = hosted(address, context.environment)
        if host is not None and not reviews and credential(host, context.environment) is None:
            unknown.append(f"who approved is known from commits alone: nobody is logged in at {host.host}")
    except ReconcilerError as error:
        unknown.append(f"who approved is known from commits alone: {error.message}")
    versions = _versions(tree, steps[request.name], reviews)
    exemptions: Sequence[Exemption] = ()
    try:
        declarations = contents.loaded.declarations
        subjects = ResolvedDeclarations.of(declarations, contents.catalogue).subjects
        standards = known_standards(declarations, subjects, contents.settings)
        exemptions = read_snapshot(
            contents.settings, declarations, context, file=request.snapshot, standards=standards
        ).exemptions
    except UsageError:
        raise
    except ReconcilerError as error:
        unknown.append(f"what was applied is not known: {error.message}")
    for message in unknown:
        context.observer.warning(message)
    events = life_of(versions, exemptions, contents.settings, request.name, context.now)
    return LogRun(life=Life(name=request.name, events=events, unknown=tuple(unknown)))


def _unknown(request: LogRequest, steps: Iterable[str], tree: WorkTree) -> UsageError:
    """Why there is nothing to tell of a declaration: it waits for its first commit, or there is none of that name."""
    name, files = request.name, walk(request.root, FOLDER)
    if name in {PurePosixPath(file.name).stem for file in files if isinstance(file, SourceFile)}:
        return UsageError(f"no commit has the declaration {name!r} yet", "commit it first")
    is_shallow = tree.ask("rev-parse", "--is-shallow-repository") == "true"
    listed = (
        f"'exempt export' lists those that there are now, 'git log --name-status -- {FOLDER}' those that there were"
    )
    remedy = "fetch the rest of it: git fetch --unshallow" if is_shallow else listed
    return UsageError(
        f"there is no declaration {name!r}, and the history{' of this shallow clone' * is_shallow} has none either",
        did_you_mean(nearest_few(name, steps, 3), remedy),
    )


def _versions(tree: WorkTree, steps: Sequence[Step], reviews: Mapping[str, Review]) -> list[Version]:
    """Each step with the declaration as the file said it then, and with what the hosting service says of the pull request
    beside what the commit says.
    """
    versions = []
    for step in steps:
        declaration, approval = None, step.approval
        if step.kind is not StepKind.REMOVED:
            text = tree.ask("show", f"{step.commit.sha}:{tree.path(step.file)}")
            declaration = load_bytes((text or "").encode("utf-8", "surrogateescape"), step.file)[0]
        if (review := reviews.get(step.commit.sha)) is not None:
            approval = Approval(
                author=approval.author or review.author,
                pull_request=approval.pull_request or review.number,
                approvers=tuple(dict.fromkeys([*approval.approvers, *review.approvers])),
            )
        versions.append(Version(step=replace(step, approval=approval), declaration=declaration))
    return versions
