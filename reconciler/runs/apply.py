"""An apply: the plan is recomputed, compared with what was approved, guarded and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from reconciler.applying import approvals
from reconciler.applying.approvals import SavedPlan, Selection
from reconciler.applying.engine import ApplyContext, apply_changes
from reconciler.applying.outcomes import Summary, refused_outcomes, summarise
from reconciler.applying.ports import Stop, Writer
from reconciler.applying.rate_limiter import RateLimiter
from reconciler.applying.record import Record, record_after
from reconciler.applying.whole_assignment import allowed_without_references
from reconciler.azure.raw_snapshot import RawSnapshot
from reconciler.azure.session import Azure, Login, connect
from reconciler.documents.json_input import LIMITS
from reconciler.documents.named_files import read_file
from reconciler.model import ArmId, Carrier, Settings, Snapshot, Verdict, arm_id, carrier_of, owner_scope
from reconciler.planning.allowances import Allowances
from reconciler.planning.guards import GuardContext, refusals
from reconciler.planning.marks import bears_our_mark, with_adopted, with_revision, with_run
from reconciler.planning.provenance import History
from reconciler.planning.tree import tree_of
from reconciler.planning.values import Change, Plan, Reason
from reconciler.problems import UsageError
from reconciler.reports.plan import PlanReport, plan_report
from reconciler.runs.context import Context
from reconciler.runs.loading import ApprovedState, Repository, load_repository, load_revision
from reconciler.runs.readers import pipeline_run
from reconciler.runs.reading import (
    display_names,
    load_record,
    plan_repository,
    planned_on,
    read_raw,
    resources_at_targets,
)

_NO_RECORD: Final = (
    "Nothing is healed: no production run is known to have completed a revision. The next apply that leaves nothing undone "
    "makes that record."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRequest:
    """What to write: the changes of the repository at `root` that the saved plan in `approvals` approves, if the plan's
    digest is `expected`, and whose reason is one of `only`; or those that the commit `revision`, which a production run
    completed, comes to as well. Without any of these, everything. `record` is a file with what earlier runs adopted.
    """

    root: Path
    base: str | None = None
    scope: ArmId | None = None
    approvals: Path | None = None
    expected: str | None = None
    only: frozenset[Reason] | None = None
    revision: str | None = None
    record: Path | None = None
    allowances: Allowances = field(default_factory=Allowances)


class Stopping(Stop, Protocol):
    """Whether the run was asked to end early, and how."""

    def finish_first(self) -> None:
        """From here on something is written: what is under way is finished before the run ends."""
        ...


Confirm = Callable[[Callable[[], PlanReport], dict[str, str]], bool]
"""Asked with what makes the report of what is about to be written, and display names by folded id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRun:
    """A finished apply. `summary` is None where the person who was asked did not agree, and nothing was written.
    `needless` are folded ids of approved changes that are no longer needed. `record` says what is known to be adopted after
    it; None where the run ended before it could know. `plan` is what was recomputed, `read` what it was made from.
    """

    summary: Summary | None
    names: dict[str, str]
    needless: tuple[str, ...] = ()
    record: Record | None = None
    plan: Plan | None = None
    read: RawSnapshot | None = None

    @property
    def verdict(self) -> Verdict:
        """The summary's own."""
        return Verdict.INCOMPLETE if self.summary is None else self.summary.verdict


def run(request: ApplyRequest, context: Context, confirm: Confirm, stop: Stopping) -> ApplyRun:
    """Loads, checks, reads, plans, compares with the approvals, guards, asks, writes.

    Raises:
        UsageError: approvals that do not go together, or a revision that git does not know.
        InvalidRepositoryError: the repository has errors.
        ApprovalError: what was approved is something else.
        ReconcilerError: git, Azure or a file refuses.
    """
    if request.revision is not None and (request.approvals, request.expected, request.only) != (None, None, None):
        raise UsageError("--approved goes without PLAN, --expect and --only", "leave them out: a revision approves")
    login = Login(context.environment)
    repository = load_repository(request.root, request.base, context, None if request.revision == "" else login.begin)
    if request.revision == "":
        return ApplyRun(summary=Summary(outcomes=(), note=_NO_RECORD), names={})
    approved = load_revision(request.root, request.revision, context) if request.revision is not None else None
    recorded = load_record(request.record, repository.settings, context)
    saved = _saved_plan(request.approvals, repository) if request.approvals is not None else None
    with connect(repository.settings, context.environment, context.observer.warning, login) as azure:
        repositories = (repository,) if approved is None else (repository, approved.repository)
        raw = read_raw(azure, context, *repositories, scope=request.scope)
        standards = [standard for declared in repositories for standard in declared.standards]
        snapshot = with_adopted(planned_on(raw, standards), recorded)
        names = display_names(snapshot, repository.catalogue)
        plan = plan_repository(repository, snapshot, context, request.allowances, request.scope)
        if request.expected is not None:  # an empty one is a variable that was not set: no approval of everything
            approvals.check_expected(plan, request.expected)
        selection = _selected(plan, snapshot, repository, request, context, saved=saved, approved=approved)
        plan = _guarded(plan, selection, repository, request.allowances)
        if (
            selection.approved
            and not plan.refusals
            and not confirm(partial(_report, azure, replace(plan, changes=selection.approved), context), names)
        ):
            return ApplyRun(summary=None, names=names)
        whole = allowed_without_references(selection.approved, snapshot, repository.declarations, repository.settings)
        stop.finish_first()
        summary = _write(plan, selection, partial(azure.writer, whole=whole), context, stop)
        if request.scope is not None or approved is not None:  # a part of the revision, however well it ended
            summary = replace(summary, revision=None)
    tree = tree_of(snapshot, repository.settings, request.scope.text if request.scope else None)
    return ApplyRun(
        summary=summary,
        names=names,
        needless=tuple(key for key in selection.already_done if tree.in_run(owner_scope(arm_id(key)))),
        record=record_after(snapshot, summary.outcomes, repository.settings, earlier=recorded, only=request.scope),
        plan=plan,
        read=raw,
    )


def _selected(  # noqa: PLR0913 - the plan, and what approves it
    plan: Plan,
    snapshot: Snapshot,
    repository: Repository,
    request: ApplyRequest,
    context: Context,
    *,
    saved: SavedPlan | None,
    approved: ApprovedState | None,
) -> Selection:
    """What of the plan is approved, as it is to be written: stamped with the commits and the run that it comes from."""
    if approved is None:
        selection = approvals.select(plan, saved, request.only)
        if selection.withheld or request.scope:
            selection = replace(selection, approved=_stamped_apart(selection.approved, repository.history))
    else:
        approved_plan = plan_repository(approved.repository, snapshot, context, Allowances(), request.scope)
        selection = approvals.intersect(
            plan, approved_plan, approved.came_back, approved.came_back_files, repository.settings.writers
        )
    if address := pipeline_run(context.environment):
        selection = replace(selection, approved=_by_run(selection.approved, address, repository.settings))
    return selection


def _report(azure: Azure, plan: Plan, context: Context) -> PlanReport:
    """The plan as the person is told of it who is asked."""
    return plan_report(plan, resources=resources_at_targets(azure, plan, None, context))


def _saved_plan(path: Path, repository: Repository) -> SavedPlan:
    data = read_file(path, label="plan", remedy=approvals.NEW_PLAN, limit=LIMITS.size)
    settings = repository.settings
    return approvals.read_plan(data, origin=str(path), tenant_id=settings.tenant_id, owner=settings.owner)


def _stamped_apart(changes: Iterable[Change], history: History) -> tuple[Change, ...]:
    """A run that leaves something out must not claim the whole revision, or a later plan tells a reviewer that what was
    left out had been applied. Each object is stamped with its own declaration's last commit instead.
    """

    def stamped(change: Change) -> Change:
        if change.after is None:
            return change
        commit = history.last_commit(change.source.file) if change.source else None
        return replace(change, after=with_revision(change.after, commit.sha if commit else None))

    return tuple(stamped(change) for change in changes)


def _by_run(changes: Iterable[Change], address: str, settings: Settings) -> tuple[Change, ...]:
    """The changes with the address of the run in what bears our mark; a standard assignment has no room for it."""
    return tuple(
        replace(change, after=with_run(change.after, address))
        if change.after is not None
        and bears_our_mark(change.after, settings)
        and carrier_of(change.id) is not Carrier.STANDARD
        else change
        for change in changes
    )


def _guarded(plan: Plan, selection: Selection, repository: Repository, allowances: Allowances) -> Plan:
    """The plan with the refusals that concern what this run would write."""
    facts = GuardContext(owned=plan.owned, declarations=plan.declared, findings=plan.findings)
    return replace(plan, refusals=refusals(selection.approved, repository.settings.limits, allowances, facts))


def _write(
    plan: Plan, selection: Selection, writer: Callable[[RateLimiter], Writer], context: Context, stop: Stop
) -> Summary:
    """The outcome of every change of the plan."""
    if plan.refusals:
        return summarise(plan, (*selection.withheld, *refused_outcomes(selection.approved)))
    limiter = RateLimiter()
    with context.observer.writing(len(selection.approved)) as observer:
        engine = ApplyContext(writer=writer(limiter), rate_limiter=limiter, stop=stop, observer=observer)
        return summarise(plan, (*selection.withheld, *apply_changes(selection.approved, engine)))
