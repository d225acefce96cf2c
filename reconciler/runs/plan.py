"""A plan: what would change in Azure, and why. Writes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from reconciler.azure.session import Azure, Login, connect
from reconciler.model import ArmId, Verdict, without_needless
from reconciler.planning.allowances import Allowances
from reconciler.problems import Problem
from reconciler.runs.context import Context
from reconciler.runs.loading import Repository, load_repository

if TYPE_CHECKING:  # what reads, plans and shows is imported when Azure was asked who we are
    from reconciler.applying.record import Record
    from reconciler.azure.raw_snapshot import RawSnapshot
    from reconciler.model import Snapshot
    from reconciler.planning.covered import TypeCounts
    from reconciler.planning.score.values import ScoreEstimate
    from reconciler.planning.values import Change, Plan
    from reconciler.reports.plan import PlanReport


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What to plan: the repository at `root`, judged against `base`, narrowed to `scope`, against a saved `snapshot`.
    `record` is a file, or a folder of files, with what earlier runs adopted.
    """

    root: Path
    base: str | None = None
    scope: ArmId | None = None
    snapshot: Path | None = None
    record: Path | None = None
    allowances: Allowances = field(default_factory=Allowances)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRun:
    """A finished plan. `names` are display names by folded id, `warnings` those of the repository's files, `proposed`
    the declarations that the change under review is about (None: all), `resources` what is at scopes now, `score` what it
    does to the secure score, `read` what Azure gave (None: a file was read instead), `record` what is adopted now.
    """

    plan: Plan
    names: dict[str, str]
    warnings: tuple[Problem, ...]
    proposed: frozenset[str] | None
    resources: Mapping[str, TypeCounts]
    record: Record
    score: ScoreEstimate | None = None
    read: RawSnapshot | None = None

    @property
    def report(self) -> PlanReport:
        """The plan as people are told of it, with the warnings for the files that changed."""
        from reconciler.reports.plan import plan_report  # noqa: PLC0415 - what is shown is imported when Azure has answered

        warnings = (
            problem
            for problem in self.warnings
            if self.proposed is None or PurePosixPath(problem.source.file).stem in self.proposed
        )
        return replace(plan_report(self.plan, self.proposed, warnings, self.resources), score=self.score)

    @property
    def verdict(self) -> Verdict:
        """The plan's own."""
        return self.plan.verdict


def run(request: PlanRequest, context: Context, connected: Azure | None = None) -> PlanRun:
    """Loads, checks, reads, resolves, decides, guards. `connected` is a connection for the same settings that is open already and
    stays so.

    Raises:
        InvalidRepositoryError: the repository has errors.
        ReconcilerError: git, Azure or a file refuses.
    """
    login = Login(context.environment)
    log_in = login.begin if request.snapshot is None and connected is None else None
    repository = load_repository(request.root, request.base, context, log_in)
    from reconciler.applying.record import record_after  # noqa: PLC0415 - as above
    from reconciler.planning.marks import with_adopted  # noqa: PLC0415 - as above
    from reconciler.runs import reading  # noqa: PLC0415 - as above
    from reconciler.runs.rights import unexemptable_assignments  # noqa: PLC0415 - as above

    resources: Mapping[str, TypeCounts] = {}
    recorded = reading.load_record(request.record, repository.settings, context)
    score = raw = None
    if request.snapshot is not None:
        saved = reading.saved_snapshot(request.snapshot, repository.settings)
        snapshot = with_adopted(without_needless(saved, is_declared=bool(repository.standards)), recorded)
        plan = reading.plan_repository(repository, snapshot, context, request.allowances, request.scope)
    else:
        with (
            contextlib.nullcontext(connected)
            if connected is not None
            else connect(repository.settings, context.environment, context.observer.warning, login)
        ) as azure:
            raw = reading.read_raw(azure, context, repository, scope=request.scope)
            snapshot = with_adopted(reading.planned_on(raw, repository.standards), recorded)
            plan = reading.plan_repository(repository, snapshot, context, request.allowances, request.scope)
            plan = _with_missing_rights(plan, snapshot, unexemptable_assignments(azure, plan))
            resources = reading.resources_at_targets(azure, plan, repository.proposed, context)
            from reconciler.runs.score import estimated_score  # noqa: PLC0415 - as above

            score = estimated_score(azure, plan, snapshot, repository.catalogue, context)
    if repository.changed is None:  # no base: what no run has applied yet is new
        problems = reading.missing_targets(plan, repository, _never_applied(repository, snapshot))
        plan = replace(plan, problems=(*plan.problems, *problems))
    return PlanRun(
        plan=plan,
        names=reading.display_names(snapshot, repository.catalogue),
        warnings=repository.warnings,
        proposed=repository.proposed,
        resources=resources,
        record=record_after(snapshot, (), repository.settings, earlier=recorded, only=request.scope),
        score=score,
        read=raw,
    )


def _with_missing_rights(plan: Plan, snapshot: Snapshot, assignments: frozenset[str] | None) -> Plan:
    """The plan with a finding for each declaration and assignment whose creates Azure will refuse to this identity."""
    from reconciler.planning.findings.about_declarations import unexemptable  # noqa: PLC0415 - as above
    from reconciler.planning.values import Action  # noqa: PLC0415 - as above

    creates = [change for change in plan.changes if change.action is Action.CREATE]
    refused = [change for change in creates if change.exemption.assignment.key in (assignments or ())]
    by_cause: dict[tuple[str, str], list[Change]] = {}
    for change in refused:
        by_cause.setdefault((change.declaration or "", change.exemption.assignment.key), []).append(change)
    findings = (
        unexemptable(changes, snapshot.assignments.get(assignment)) for (_, assignment), changes in by_cause.items()
    )
    return replace(plan, findings=(*plan.findings, *findings))


def _never_applied(repository: Repository, snapshot: Snapshot) -> set[str]:
    """The declarations whose last commit no revision contains that an exemption of ours in Azure bears."""
    from reconciler.planning.marks import Ownership, ownership, revision_of  # noqa: PLC0415 - as above

    ours = (
        exemption for exemption in snapshot.exemptions if ownership(exemption, repository.settings) is Ownership.OURS
    )
    revisions = {revision_of(owned) for owned in ours} - {""}
    names = set()
    for declaration in repository.declarations:
        commit = repository.history.last_commit(declaration.source.file)
        if commit is None or not any(repository.history.contains(revision, commit.sha) for revision in revisions):
            names.add(declaration.name)
    return names
