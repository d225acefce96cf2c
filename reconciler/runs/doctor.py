"""An examination, before anything is written: can plan and apply do their work? Writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reconciler.azure.checks import Check, State
from reconciler.azure.doctor import run_checks
from reconciler.azure.session import connect
from reconciler.model import Verdict
from reconciler.planning.desired.assessments import known_standards
from reconciler.planning.inputs import ResolvedDeclarations
from reconciler.problems import CredentialError
from reconciler.runs.context import Context
from reconciler.runs.loading import load_all, load_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorRun:
    """Every check that was made, in order."""

    checks: tuple[Check, ...]

    @property
    def failed(self) -> int:
        """How many checks failed."""
        return sum(check.state is State.FAILED for check in self.checks)

    @property
    def verdict(self) -> Verdict:
        """Incomplete where a check failed: a run would be."""
        return Verdict.INCOMPLETE if self.failed else Verdict.DONE


def run(root: Path, context: Context, observe: Callable[[Check], None], *, read_only: bool) -> DoctorRun:
    """Makes every check that can be made; each is observed as soon as it is done. `read_only`: only what plan and drift
    need.

    Raises:
        InvalidRepositoryError: reconciler.yaml has errors.
        ReconcilerError: Azure refuses in a way that no check is about.
    """
    settings, declarations = load_settings(root, context)
    subjects = ResolvedDeclarations.of(declarations, load_all(root)[1]).subjects
    standards = known_standards(declarations, subjects, settings)
    checks: list[Check] = []

    def tell(check: Check) -> None:
        checks.append(check)
        observe(check)

    try:
        with connect(settings, context.environment, context.observer.warning) as azure:
            environment = context.environment
            run_checks(azure, declarations, environment, standards=standards, read_only=read_only, on_check=tell)
    except CredentialError as error:
        tell(Check(name="identity", state=State.FAILED, message=error.message, remedy=error.remedy))
    return DoctorRun(checks=tuple(checks))
