"""The secure score: what a plan does to it, and how it is now. Writes nothing.

A Defender that cannot be read fails no plan, but a report on the score itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from reconciler.azure.session import Azure, connect
from reconciler.catalog.catalogue import Catalogue
from reconciler.documents.json_input import LIMITS, JsonInput, read_json
from reconciler.documents.named_files import read_file
from reconciler.model import ArmId, Diagnostic, ScopeKind, Settings, Snapshot, Unread, Verdict, arm_id
from reconciler.planning.score.actual import EarlierEstimate, ScoreReport, score_report
from reconciler.planning.score.estimate import affected_subscriptions, estimate
from reconciler.planning.score.exempted import Facts
from reconciler.planning.score.formula import Score
from reconciler.planning.score.values import ScoreEstimate
from reconciler.planning.tree import tree_of
from reconciler.planning.values import Plan
from reconciler.problems import AzureError, UsageError
from reconciler.runs.context import Context
from reconciler.runs.loading import load_settings
from reconciler.runs.reading import read_azure

_MAKE: Final = "save one before the change is applied, with: exempt plan --out FILE"


def estimated_score(
    azure: Azure, plan: Plan, snapshot: Snapshot, catalogue: Catalogue, context: Context
) -> ScoreEstimate | None:
    """The estimate for a plan; None where it changes nothing in any subscription."""
    from reconciler.azure.posture import read_posture  # noqa: PLC0415 - loads the SDK

    tree = tree_of(snapshot, azure.settings)
    affected = affected_subscriptions(plan, tree)
    if not affected:
        return None
    managed = {scope for scope in plan.scopes if scope.kind is ScopeKind.SUBSCRIPTION}
    try:
        with context.observer.reading("reading Defender"):
            posture = read_posture(azure.client, sorted(managed.union(affected)), affected)
    except AzureError as error:
        return ScoreEstimate(unread=Diagnostic(message=error.message, remedy=error.remedy))
    return estimate(plan, posture, Facts(snapshot=snapshot, catalogue=catalogue, tree=tree, now=context.now))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRequest:
    """Which scores to report: of what the settings at `root` manage, below `scope` where given, beside what the plan saved
    in `estimate` said.
    """

    root: Path
    scope: ArmId | None = None
    estimate: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRun:
    """The report; `names` are display names by folded id, `unread` what could not be read of the hierarchy."""

    report: ScoreReport
    names: Mapping[str, str]
    unread: tuple[Unread, ...]

    @property
    def verdict(self) -> Verdict:
        """Incomplete where something could not be read."""
        return Verdict.INCOMPLETE if self.unread else Verdict.DONE


def run(request: ScoreRequest, context: Context) -> ScoreRun:
    """Reads Defender and compares.

    Raises:
        InvalidRepositoryError: reconciler.yaml has errors.
        UsageError: the plan holds no estimate, or is of another tenant.
        ReconcilerError: Azure or a file refuses.
    """
    from reconciler.azure.posture import read_posture  # noqa: PLC0415 - loads the SDK

    settings, _ = load_settings(request.root, context)
    earlier, revision = _estimate(request.estimate, settings) if request.estimate else ((), "")
    with connect(settings, context.environment, context.observer.warning) as azure:
        snapshot = read_azure(azure, context, scope=request.scope)
        managed = [scope for scope in snapshot.expected if scope.kind is ScopeKind.SUBSCRIPTION]
        with context.observer.reading("reading Defender"):
            posture = read_posture(azure.client, managed, managed)
    report = score_report(posture, managed, earlier, revision)
    return ScoreRun(report=report, names=snapshot.names, unread=snapshot.unread)


def _estimate(path: Path, settings: Settings) -> tuple[tuple[EarlierEstimate, ...], str]:
    """The estimates that a saved plan holds, and its revision."""
    data = read_file(path, label="plan", remedy=_MAKE, limit=LIMITS.size)
    document = read_json(data, origin=str(path), remedy=_MAKE)
    document.check_format(document="a plan", reads="1.1")
    tenant = document.member("tenantId").as_text()
    if tenant.lower() != settings.tenant_id.lower():
        raise UsageError(
            f"{path} is of tenant {tenant}, but reconciler.yaml names {settings.tenant_id}", "name another plan"
        )
    score = document.optional("score")
    if score is None or score.optional("unread") is not None:
        raise UsageError(f"{path} holds no estimate of the secure score", _MAKE)
    rows = tuple(
        EarlierEstimate(
            subscription=arm_id(row.member("id").as_text()),
            now=_points(row.member("now")),
            after=_points(row.member("after")),
            upper=_points(row.member("upper")),
        )
        for row in score.member("subscriptions").items()
    )
    revision = document.optional("revision")
    return rows, revision.as_text() if revision else ""


def _points(row: JsonInput) -> Score:
    current = row.member("current")
    if isinstance(current.value, bool) or not isinstance(current.value, int | float):
        raise current.error("a number is expected")
    return Score(
        current=Fraction(str(current.value)),
        max=row.member("max").as_integer(),
        weight=row.member("weight").as_integer(),
    )
