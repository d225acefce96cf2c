"""The register: everything that is exempt, declared or found, with its history. Writes nothing to Azure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reconciler import package_data
from reconciler.assessments.report import effect_report, states_by_exemption
from reconciler.azure.session import Azure, Login, connect
from reconciler.drift import DriftInputs, find_drift, take_inventory
from reconciler.drift.register import Register, make_register
from reconciler.model import ArmId, ScopeKind, Snapshot, Unread, Verdict
from reconciler.planning.allowances import Allowances
from reconciler.planning.marks import with_adopted
from reconciler.planning.score.actual import ScoreReport, score_report
from reconciler.problems import AzureError
from reconciler.reports.register_html import SiteAssets
from reconciler.runs.context import Context
from reconciler.runs.loading import Repository, load_repository
from reconciler.runs.reading import display_names, load_record, plan_repository, read_declared, saved_snapshot
from reconciler.runs.status import read_effects


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterRequest:
    """What to show: the repository at `root` and what Azure holds, or a saved `snapshot`. `record` is a file with what
    earlier runs adopted.
    """

    root: Path
    scope: ArmId | None = None
    snapshot: Path | None = None
    record: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterRun:
    """The register; `names` are display names by folded id, `unread` what could not be read. `in_force` is what Defender
    says of exemptions by folded id, `score` the secure score with exemptions and without; empty and None where not asked.
    """

    register: Register
    names: dict[str, str]
    unread: tuple[Unread, ...]
    in_force: Mapping[str, str] = field(default_factory=dict)
    score: ScoreReport | None = None

    @property
    def verdict(self) -> Verdict:
        """Incomplete where something could not be read; what differs is no fault of a register."""
        return Verdict.INCOMPLETE if self.unread else Verdict.DONE


def run(request: RegisterRequest, context: Context) -> RegisterRun:
    """Loads, reads, plans, diagnoses, and looks up who asked and who approved.

    Raises:
        InvalidRepositoryError: the repository has errors.
        ReconcilerError: git, Azure or a file refuses.
    """
    from reconciler.repository import approvals, journals  # noqa: PLC0415 - GitPython is slow to import

    login = Login(context.environment)
    log_in = login.begin if request.snapshot is None else None
    repository = load_repository(request.root, None, context, log_in)
    recorded = load_record(request.record, repository.settings, context)
    in_force: Mapping[str, str] = {}
    score: ScoreReport | None = None
    if request.snapshot is not None:
        snapshot = with_adopted(saved_snapshot(request.snapshot, repository.settings), recorded)
    else:
        with connect(repository.settings, context.environment, context.observer.warning, login) as azure:
            snapshot = read_declared(azure, context, repository, request.scope)
            snapshot = with_adopted(snapshot, recorded)
            in_force, score = _defender(azure, repository, snapshot, context)
    plan = plan_repository(repository, snapshot, context, Allowances(), request.scope)
    inputs = DriftInputs(
        snapshot=snapshot,
        resolved=repository.resolved,
        catalogue=repository.catalogue,
        settings=repository.settings,
        history=repository.history,
        now=context.now,
    )
    commits = [repository.history.last_commit(declaration.source.file) for declaration in repository.declarations]
    agreed = approvals(request.root, [commit.sha for commit in commits if commit])
    register = make_register(
        take_inventory(inputs, request.scope, agreed),
        inputs,
        journals=journals(request.root),
        findings=find_drift(plan, inputs),
        revision=plan.revision,
    )
    return RegisterRun(
        register=register,
        names=display_names(snapshot, repository.catalogue),
        unread=snapshot.unread,
        in_force=in_force,
        score=score,
    )


def _defender(
    azure: Azure, repository: Repository, snapshot: Snapshot, context: Context
) -> tuple[Mapping[str, str], ScoreReport | None]:
    """What Defender says of exemptions, by folded id, and the secure score. Not to know either makes no register wrong."""
    from reconciler.azure.posture import read_posture  # noqa: PLC0415 - loads the SDK

    try:
        report = effect_report(read_effects(azure, repository, snapshot, context))
        managed = [scope for scope in snapshot.expected if scope.kind is ScopeKind.SUBSCRIPTION]
        score = score_report(read_posture(azure.client, managed, managed), managed)
    except AzureError as error:
        context.observer.warning(f"what Defender says is not shown: {error.message}")
        return {}, None
    return {key: state.value for key, state in states_by_exemption(report).items()}, score


def site_assets() -> SiteAssets:
    """The styles and scripts of the register's page, as they come with the package."""
    return SiteAssets(
        styles=tuple(package_data.site(name) for name in ("vendor/tabulator.css", "page.css", "register.css")),
        scripts=tuple(package_data.site(name) for name in ("vendor/tabulator.js", "vendor/chart.js", "register.js")),
    )
