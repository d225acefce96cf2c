"""A drift report: every difference between the repository and Azure. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reconciler.applying import approvals
from reconciler.assessments.findings import effect_findings
from reconciler.assessments.report import effect_report
from reconciler.azure.session import Azure, Login, connect
from reconciler.catalog.live import live_recommendations
from reconciler.documents.json_input import LIMITS
from reconciler.documents.named_files import read_file
from reconciler.drift import (
    DriftInputs,
    PastOutcome,
    catalogue_findings,
    find_drift,
    read_earlier,
    read_outcomes,
    with_patches,
)
from reconciler.drift.earlier_report import read_told
from reconciler.drift.events import exemptions_of_event
from reconciler.kinds import FindingKind
from reconciler.model import JSON, ArmId, Severity, Snapshot, SubjectKind, Verdict
from reconciler.planning.allowances import Allowances
from reconciler.planning.guards import GuardContext, refusals
from reconciler.planning.marks import with_adopted
from reconciler.planning.values import Action, Finding, Plan, Refusal
from reconciler.problems import AzureError
from reconciler.reports.drift import DriftReport
from reconciler.runs.context import Context
from reconciler.runs.loading import ApprovedState, Repository, load_repository, load_revision
from reconciler.runs.notify import tell
from reconciler.runs.reading import display_names, load_record, plan_repository, read_declared, saved_snapshot
from reconciler.runs.rights import unexemptable_assignments
from reconciler.runs.status import read_effects

_SEVERITIES: Final = tuple(Severity)
_ALWAYS: Final = frozenset({FindingKind.INCOMPLETE})
_NO_EVENT: Final = "save the body of Azure's alert or event to a file"
_EVENT_LIMIT: Final = 1 << 20
_NO_OUTCOMES: Final = "name what 'exempt apply --out FILE' saved, or leave the option out"
_NO_REPORT: Final = "name what 'exempt drift --out FILE' saved, or leave the option out"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRequest:
    """What to report: findings of `kinds` (None: all), compared with the earlier report in `since`, with
    what an earlier apply in `outcomes` made. `record` is a file with what earlier runs adopted. A finding of severity
    `fail_on` or worse is drift; None: nothing is. `revision` is the commit by which a healing run would heal (`apply
    --approved`), empty or None where there is none. `event` is a file with what Azure sent when somebody wrote an exemption:
    only that is reported then. With `notify` the channels of the settings are told what is new.
    """

    root: Path
    base: str | None = None
    snapshot: Path | None = None
    revision: str | None = None
    since: Path | None = None
    outcomes: Path | None = None
    record: Path | None = None
    kinds: frozenset[FindingKind] | None = None
    fail_on: Severity | None = Severity.WARNING
    event: Path | None = None
    notify: bool = False

    @property
    def shown_kinds(self) -> frozenset[FindingKind]:
        """The requested kinds; silence must never come from what could not be read."""
        return _ALWAYS | (frozenset(FindingKind) if self.kinds is None else self.kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRun:
    """A finished report; `names` are display names by folded id."""

    report: DriftReport
    names: dict[str, str]

    @property
    def verdict(self) -> Verdict:
        """The report's own."""
        return self.report.verdict


def run(request: DriftRequest, context: Context) -> DriftRun:
    """Loads, checks, reads, plans, diagnoses, compares.

    Raises:
        InvalidRepositoryError: the repository has errors.
        ReconcilerError: git, Azure or a file refuses.
    """
    login = Login(context.environment)
    log_in = login.begin if request.snapshot is None else None
    repository = load_repository(request.root, request.base, context, log_in)
    earlier = _earlier(request, repository) if request.since is not None else None
    event_ids = _written(request.event) if request.event is not None else None
    outcomes = _outcomes(request.outcomes) if request.outcomes is not None else {}
    evidence = _evidence(request, repository, context, login)
    plan = evidence.plan
    approved = load_revision(request.root, request.revision, context) if request.revision else None
    healed, stopped = _healing(evidence, repository, approved, context) if approved else (frozenset(), ())
    inputs = DriftInputs(
        snapshot=evidence.snapshot,
        resolved=repository.resolved,
        catalogue=repository.catalogue,
        settings=repository.settings,
        history=repository.history,
        now=context.now,
        healed=healed,
        forbidden=evidence.forbidden,
        outcomes=outcomes,
    )
    everything = find_drift(plan, inputs, (*evidence.catalogue, *evidence.effects))
    findings = tuple(
        finding
        for finding in everything
        if finding.kind in request.shown_kinds
        and (event_ids is None or finding.subject in event_ids or finding.kind in _ALWAYS)
    )
    report = DriftReport(
        tenant_id=plan.tenant_id,
        owner=plan.owner,
        scopes=plan.scopes,
        revision=plan.revision,
        taken_at=plan.taken_at,
        findings=with_patches(findings, inputs, lambda file: _text(repository.root / file)),
        unread=plan.unread,
        earlier=earlier,
        refusals=stopped,
        verdict=_verdict(plan, findings, request.fail_on),
    )
    names = display_names(evidence.snapshot, repository.catalogue)
    if request.notify:
        report = _told(report, request, repository, names, context)
    return DriftRun(report=report, names=names)


def _written(path: Path) -> frozenset[ArmId]:
    data = read_file(path, label="event", remedy=_NO_EVENT, limit=_EVENT_LIMIT)
    return exemptions_of_event(data, origin=str(path))


def _told(
    report: DriftReport, request: DriftRequest, repository: Repository, names: dict[str, str], context: Context
) -> DriftReport:
    """The report when the channels have been told what is new; incomplete where one of them could not be."""
    since, owed = (
        read_told(_earlier_report(request.since), origin=f"--since: {request.since}") if request.since else (None, {})
    )
    untold = tell(
        report,
        repository.settings,
        repository.resolved.by_name(),
        names,
        context,
        since=since,
        untold=owed,
        everything=request.event is not None,
    )
    is_incomplete = untold and report.verdict is not Verdict.INVALID
    return replace(report, untold=untold, verdict=Verdict.INCOMPLETE if is_incomplete else report.verdict)


def _verdict(plan: Plan, findings: Iterable[Finding], fail_on: Severity | None) -> Verdict:
    """Invalid, incomplete, drifted or in sync. What a guard of a plan refuses is no fault of a report."""
    if plan.verdict in {Verdict.INVALID, Verdict.INCOMPLETE}:
        return plan.verdict
    bad = _SEVERITIES[_SEVERITIES.index(fail_on) :] if fail_on is not None else ()
    return Verdict.CHANGES if any(finding.severity in bad for finding in findings) else Verdict.DONE


def _earlier_report(path: Path) -> bytes:
    return read_file(path, label="earlier report (--since)", remedy=_NO_REPORT, limit=LIMITS.size)


def _earlier(request: DriftRequest, repository: Repository) -> Mapping[str, JSON]:
    """The findings of the earlier report, of the requested kinds."""
    assert request.since is not None
    earlier = read_earlier(_earlier_report(request.since), repository.settings, origin=f"--since: {request.since}")
    return {key: finding for key, finding in earlier.items() if finding["kind"] in request.shown_kinds}


def _outcomes(path: Path) -> Mapping[str, PastOutcome]:
    data = read_file(path, label="file of outcomes (--outcomes)", remedy=_NO_OUTCOMES, limit=LIMITS.size)
    return read_outcomes(data, origin=f"--outcomes: {path}")


def _text(path: Path) -> str:
    """A declaration's own text, for patches; none where it is no text that could be patched."""
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


# --- what is asked beside the plan ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """What this run knows of Azure: the plan, what the live catalogue and Defender say, and from which assignments (folded
    ids) this identity may not exempt, None where that is not known.
    """

    snapshot: Snapshot
    plan: Plan
    catalogue: tuple[Finding, ...] = ()
    effects: tuple[Finding, ...] = ()
    forbidden: frozenset[str] | None = None


def _evidence(request: DriftRequest, repository: Repository, context: Context, login: Login) -> _Evidence:
    recorded = load_record(request.record, repository.settings, context)
    if request.snapshot is not None:
        snapshot = with_adopted(saved_snapshot(request.snapshot, repository.settings), recorded)
        return _Evidence(snapshot=snapshot, plan=plan_repository(repository, snapshot, context, Allowances()))
    with connect(repository.settings, context.environment, context.observer.warning, login) as azure:
        snapshot = read_declared(azure, context, repository)
        snapshot = with_adopted(snapshot, recorded)
        plan = plan_repository(repository, snapshot, context, Allowances())
        return _Evidence(
            snapshot=snapshot,
            plan=plan,
            catalogue=_live_catalogue(azure, snapshot, repository, context),
            effects=_effects(azure, snapshot, repository, context),
            forbidden=unexemptable_assignments(azure, plan),
        )


def _live_catalogue(azure: Azure, snapshot: Snapshot, repository: Repository, context: Context) -> tuple[Finding, ...]:
    """What the tenant says of declared recommendations. Not to know it makes no exemption wrong, so it fails nothing."""
    from reconciler.azure.metadata import read_built_in  # noqa: PLC0415 - loads the SDK

    if not any(declaration.subject.kind is SubjectKind.RECOMMENDATION for declaration in repository.declarations):
        return ()
    try:
        rows = read_built_in(azure.client, [scope for scope in snapshot.expected if scope.subscription])
    except AzureError as error:
        context.observer.warning(f"the catalogue was not compared with the tenant: {error.message}")
        return ()
    return catalogue_findings(repository.catalogue, live_recommendations(rows), repository.declarations)


def _effects(azure: Azure, snapshot: Snapshot, repository: Repository, context: Context) -> tuple[Finding, ...]:
    """What has no effect in Defender, and what is no longer needed. Not to know it fails nothing: `exempt status` does."""
    if not repository.declarations:
        return ()
    try:
        inputs = read_effects(azure, repository, snapshot, context, with_states=True)
    except AzureError as error:
        context.observer.warning(f"Defender was not asked what took effect: {error.message}")
        return ()
    for content in dict.fromkeys(line.what for line in inputs.view.unread):
        context.observer.warning(f"Defender was not asked in full what took effect: {content} could not be read")
    return effect_findings(effect_report(inputs, with_needs=True))


def _healing(
    evidence: _Evidence, repository: Repository, approved: ApprovedState, context: Context
) -> tuple[frozenset[str], tuple[Refusal, ...]]:
    """The folded ids that `apply --approved` would write now, or the guards that stop it."""
    plan = evidence.plan
    approved_plan = plan_repository(approved.repository, evidence.snapshot, context, Allowances())
    selected = approvals.intersect(
        plan, approved_plan, approved.came_back, approved.came_back_files, repository.settings.writers
    ).approved
    facts = GuardContext(owned=plan.owned, declarations=plan.declared, findings=plan.findings)
    stopped = refusals(selected, repository.settings.limits, Allowances(), facts)
    healable = () if stopped else selected
    forbidden = evidence.forbidden or frozenset()
    healed = frozenset(
        change.id.key
        for change in healable
        if change.action is not Action.CREATE or change.exemption.assignment.key not in forbidden
    )
    return healed, stopped
