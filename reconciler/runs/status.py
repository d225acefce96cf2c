"""A status: what Defender says now of every declared exemption, why not, and whether it is still needed. Writes nothing."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from reconciler.assessments.case import EffectInputs
from reconciler.assessments.question import question_of
from reconciler.assessments.report import EffectReport, effect_report, only
from reconciler.assessments.returned import read_deleted
from reconciler.azure.session import Azure, Login, connect
from reconciler.documents.named_files import read_file
from reconciler.model import ArmId, Snapshot, Verdict
from reconciler.planning.marks import with_adopted
from reconciler.planning.planner import assemble_plan
from reconciler.planning.stages import decide
from reconciler.runs.context import Context
from reconciler.runs.loading import Repository, load_repository, named
from reconciler.runs.reading import display_names, load_record, planned_on, read_raw
from reconciler.runs.rights import unexemptable_assignments

_LARGEST: Final = 64 << 20
_NO_OUTCOMES: Final = "name what 'exempt apply --out FILE' saved, or leave the option out"
_SKEW: Final = timedelta(minutes=5)
"""So much may our clock differ from Azure's without anything being judged anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """What to report: all declarations, or some by `names`, or what lies below `scope`. `within` is how long Defender may
    take, None: as reconciler.yaml says. `with_needs`: also whether they are still needed. `outcomes` is what an earlier
    apply saved, so that what it deleted and is there again shows; `record` what earlier runs adopted.
    """

    root: Path
    names: tuple[str, ...] = ()
    scope: ArmId | None = None
    within: timedelta | None = None
    with_needs: bool = False
    outcomes: Path | None = None
    record: Path | None = None
    is_waited_for: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRun:
    """A finished report; `names` are display names by folded id."""

    report: EffectReport
    names: Mapping[str, str]

    @property
    def verdict(self) -> Verdict:
        """The report's own."""
        return self.report.verdict


def run(request: StatusRequest, context: Context) -> StatusRun:
    """Loads, checks, reads, decides as the plan does, asks Defender, judges: once.

    Raises:
        InvalidRepositoryError: the repository has errors.
        UsageError: there is no declaration of a name.
        ReconcilerError: git, Azure or a file refuses.
    """
    reports = observe(request, context)
    try:
        return next(reports)
    finally:
        reports.close()


def observe(request: StatusRequest, context: Context) -> Generator[StatusRun, None, None]:
    """The same, and again each time that the next report is taken: then only Defender is asked anew.

    Raises:
        InvalidRepositoryError: the repository has errors.
        UsageError: there is no declaration of a name.
        ReconcilerError: git, Azure or a file refuses.
    """
    login = Login(context.environment)
    repository = load_repository(request.root, None, context, login.begin)
    chosen = [declaration.name for declaration in named(request.names, repository.declarations)]
    deleted: frozenset[str] = frozenset()
    if request.outcomes:
        data = read_file(request.outcomes, label="file of outcomes", remedy=_NO_OUTCOMES, limit=_LARGEST)
        deleted = read_deleted(data, origin=f"--outcomes: {request.outcomes}")
    recorded = load_record(request.record, repository.settings, context)
    with connect(repository.settings, context.environment, context.observer.warning, login) as azure:
        # It speaks of what is declared here alone: who declares nothing of Defender's own kind needs no right to it.
        raw = read_raw(azure, context, repository, scope=request.scope)
        snapshot = with_adopted(planned_on(raw, repository.standards), recorded)
        names = display_names(snapshot, repository.catalogue)
        while True:
            inputs = read_effects(
                azure,
                repository,
                snapshot,
                context,
                request.scope,
                within=request.within,
                with_states=request.with_needs,
            )
            report = effect_report(inputs, deleted, with_needs=request.with_needs)
            report = only(report, chosen, request.scope)
            yield StatusRun(
                report=replace(with_origin(report, repository), is_waited_for=request.is_waited_for), names=names
            )


def read_effects(  # noqa: PLR0913 - what is known, and what is asked
    azure: Azure,
    repository: Repository,
    snapshot: Snapshot,
    context: Context,
    scope: ArmId | None = None,
    *,
    within: timedelta | None = None,
    with_states: bool = False,
) -> EffectInputs:
    """What Defender says of the declarations, beside what was read of Azure; `scope` narrows it to what lies at or below.

    Raises:
        AzureError: Resource Graph does not answer.
    """
    from reconciler.azure.assessments import read_defender  # noqa: PLC0415 - loads the SDK

    basis = decide(repository.plan_inputs(snapshot, context.now, only=scope))
    question = question_of(basis, repository.settings, with_states=with_states)
    with context.observer.reading("asking Defender") as progress:
        progress("assessments", 0, 1)
        view = read_defender(azure.client, question)
        progress("assessments", 1, 1)
    if abs(view.as_of - context.now) > _SKEW:  # ends and ages count by Azure's clock
        basis = decide(repository.plan_inputs(snapshot, view.as_of, only=scope))
    plan = assemble_plan(basis)
    return EffectInputs(
        basis=basis,
        plan=plan,
        view=view,
        within=within or timedelta(hours=repository.settings.evaluation_hours),
        forbidden=unexemptable_assignments(azure, plan),
    )


def with_origin(report: EffectReport, repository: Repository) -> EffectReport:
    """The report with the pull request of each declaration, as far as the commit that last changed it names one."""
    from reconciler import repository as git  # noqa: PLC0415 - GitPython is slow to import

    commits = {item.name: repository.history.last_commit(item.source.file) for item in report.declarations}
    approvals = git.approvals(repository.root, [commit.sha for commit in commits.values() if commit])
    numbers = {
        name: approvals[commit.sha].pull_request
        for name, commit in commits.items()
        if commit is not None and commit.sha in approvals
    }
    declarations = (replace(item, pull_request=numbers.get(item.name, "")) for item in report.declarations)
    return replace(report, declarations=tuple(declarations))
