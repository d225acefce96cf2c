"""A plan: what would change in Azure, and why. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from reconciler.model import ArmId, Verdict
from reconciler.planning.guards import Allowances
from reconciler.planning.values import Plan
from reconciler.problems import Problem
from reconciler.reports.plan import PlanReport, plan_report
from reconciler.runs.context import Context
from reconciler.runs.loading import load_repository
from reconciler.runs.reading import display_names, plan_repository, read_snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What to plan: the repository at `root`, judged against `base`, narrowed to `scope`, against a saved `snapshot`."""

    root: Path
    base: str | None = None
    scope: ArmId | None = None
    snapshot: Path | None = None
    allowances: Allowances = field(default_factory=Allowances)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRun:
    """A finished plan. `names` are display names by folded id, `warnings` those of the repository's files, `proposed`
    the declarations that the change under review is about (None: all).
    """

    plan: Plan
    names: dict[str, str]
    warnings: tuple[Problem, ...]
    proposed: frozenset[str] | None

    @property
    def report(self) -> PlanReport:
        """The plan as people are told of it, with the warnings for the files that changed."""
        warnings = (
            problem
            for problem in self.warnings
            if self.proposed is None or PurePosixPath(problem.source.file).stem in self.proposed
        )
        return plan_report(self.plan, self.proposed, warnings)

    @property
    def verdict(self) -> Verdict:
        """The plan's own."""
        return self.plan.verdict


def run(request: PlanRequest, context: Context) -> PlanRun:
    """Loads, checks, reads, resolves, decides, guards.

    Raises:
        InvalidRepositoryError: the repository has errors.
        ReconcilerError: git, Azure or a file refuses.
    """
    repository = load_repository(request.root, request.base, context)
    snapshot = read_snapshot(
        repository.settings, repository.declarations, context, file=request.snapshot, scope=request.scope
    )
    plan = plan_repository(repository, snapshot, context, request.allowances, request.scope)
    return PlanRun(plan=plan, names=display_names(snapshot), warnings=repository.warnings, proposed=repository.proposed)
