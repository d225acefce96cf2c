"""What Azure holds, from Azure or from a saved snapshot, and the plan that follows from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from reconciler.applying import record
from reconciler.azure.raw_snapshot import RawSnapshot, snapshot_of
from reconciler.azure.session import Azure, connect
from reconciler.catalog.catalogue import Catalogue
from reconciler.codes import RuleCode
from reconciler.declarations import SETTINGS_FILE
from reconciler.documents.json_input import JsonInputError
from reconciler.documents.named_files import read_file
from reconciler.kinds import HeldCause
from reconciler.model import (
    ArmId,
    Declaration,
    Settings,
    Severity,
    Snapshot,
    Source,
    assessment_id,
    without_needless,
)
from reconciler.planning.allowances import Allowances
from reconciler.planning.covered import TypeCounts
from reconciler.planning.values import Plan
from reconciler.problems import AzureError, Problem, UsageError
from reconciler.runs.context import Context
from reconciler.runs.loading import Repository

_NO_RECORD: Final = "name what 'exempt apply --record-out FILE' saved, or leave the option out"


def read_raw(azure: Azure, context: Context, *repositories: Repository, scope: ArmId | None = None) -> RawSnapshot:
    """What plans of the repositories need, as ARM gave it, for a file that a later proof rests on; `scope` narrows it."""
    with context.observer.reading("reading Azure") as progress:
        return azure.reader().raw_snapshot(
            azure.settings,
            [declaration for repository in repositories for declaration in repository.declarations],
            scope,
            progress,
            list(dict.fromkeys(standard for repository in repositories for standard in repository.standards)),
            former=list(dict.fromkeys(standard for repository in repositories for standard in repository.former)),
        )


def read_declared(azure: Azure, context: Context, repository: Repository, scope: ArmId | None = None) -> Snapshot:
    """Everything that a report of the repository needs; `scope` narrows it.

    A report says what is exempt in Azure, so what Defender refuses to show is unread, whoever declares what.
    """
    return snapshot_of(read_raw(azure, context, repository, scope=scope))


def read_azure(
    azure: Azure,
    context: Context,
    declarations: Sequence[Declaration] = (),
    *,
    scope: ArmId | None = None,
    standards: Sequence[ArmId] = (),
) -> Snapshot:
    """Everything that a report needs that plans nothing; `scope` narrows it, `standards` are looked for by name."""
    with context.observer.reading("reading Azure") as progress:
        return snapshot_of(azure.reader().raw_snapshot(azure.settings, declarations, scope, progress, standards))


def planned_on(raw: RawSnapshot, standards: Collection[ArmId]) -> Snapshot:
    """What a plan rests on: who declares no `standards` needs no right to read those of others."""
    return without_needless(snapshot_of(raw), is_declared=bool(standards))


def read_snapshot(  # noqa: PLR0913 - what is read, and from where
    settings: Settings,
    declarations: Sequence[Declaration],
    context: Context,
    *,
    file: Path | None,
    scope: ArmId | None = None,
    standards: Sequence[ArmId] = (),
) -> Snapshot:
    """As `read_azure`, from a saved snapshot where a file is named, else over a connection of its own.

    Raises:
        UsageError: the file's snapshot is of another tenant.
    """
    if file is not None:
        return saved_snapshot(file, settings)
    with connect(settings, context.environment, context.observer.warning) as azure:
        return read_azure(azure, context, declarations, scope=scope, standards=standards)


def saved_snapshot(file: Path, settings: Settings) -> Snapshot:
    """A snapshot from a file instead of Azure.

    Raises:
        UsageError: it is of another tenant.
    """
    from reconciler.azure.snapshot_file import load_snapshot  # noqa: PLC0415 - rarely needed

    snapshot = load_snapshot(file)
    if snapshot.tenant_id.lower() != settings.tenant_id.lower():
        raise UsageError(
            f"--snapshot: {file} is of tenant {snapshot.tenant_id}, but reconciler.yaml names {settings.tenant_id}",
            "take a new one with 'exempt snapshot --out FILE'",
        )
    return snapshot


def load_record(file: Path | None, settings: Settings, context: Context) -> frozenset[str]:
    """The folded ids that a record names, or those of all records in a folder; none where no file is named.

    A record that cannot be used is a warning and no fault: without one a run only believes less, and a broken one must
    not stop every run until its successor is made.

    Raises:
        UsageError: there is no such file, or none in the folder.
    """
    if file is None:
        return frozenset()
    if file.is_dir():  # runs in parts each left theirs
        parts = sorted(file.glob("*.json"))
        if not parts:
            raise UsageError(f"{file} holds no record (*.json)", _NO_RECORD)
        return frozenset().union(*(load_record(part, settings, context) for part in parts))
    data = read_file(file, label="record", remedy=_NO_RECORD, limit=record.LIMITS.size)
    try:
        return record.read_record(data, origin=str(file), settings=settings)
    except JsonInputError as error:
        context.observer.warning(
            f"the record is not used: {error.message}; adopted exemptions that were edited since count as forged"
        )
        return frozenset()


def plan_repository(
    repository: Repository, snapshot: Snapshot, context: Context, allowances: Allowances, scope: ArmId | None = None
) -> Plan:
    """The plan of the repository against what Azure holds."""
    # Importing how to decide takes as long as logging in, and comes after the first request.
    from reconciler.planning.planner import plan_from  # noqa: PLC0415

    plan = plan_from(repository.plan_inputs(snapshot, context.now, allowances, scope))
    # What breaks a rule of reconciler.yaml, as only Azure's hierarchy and initiatives show, in declarations that
    # changed. Elsewhere it is held only, so that a subscription which somebody moves, or a day that passes,
    # blocks nobody else's pull request.
    problems = (
        Problem(
            source=decision.source or Source(SETTINGS_FILE),
            code=_PROBLEM_CODES[decision.cause],
            severity_override=Severity.ERROR,
            message=decision.message,
            remedy=decision.remedy,
        )
        for decision in plan.held
        if decision.cause in _PROBLEM_CODES
        and (repository.changed is None or decision.declaration in repository.changed)
    )
    return replace(
        plan, problems=(*tuple(dict.fromkeys(problems)), *missing_targets(plan, repository, repository.changed or ()))
    )


_PROBLEM_CODES: Final = {
    HeldCause.OUTSIDE_SCOPES: RuleCode.OUTSIDE_SCOPES,
    HeldCause.OUTSIDE_PLACES: RuleCode.RULE_PLACE,
    HeldCause.NEVER_EXEMPT: RuleCode.RULE_NEVER,
    HeldCause.LIFETIME: RuleCode.RULE_LIFETIME,
    HeldCause.UNSUPPORTED: RuleCode.OBSTACLE_UNSUPPORTED,
    HeldCause.WHOLE_ASSIGNMENT: RuleCode.RULE_WHOLE_ASSIGNMENT,
}
"""The rules of reconciler.yaml that only Azure's answers let judge, by the codes that `validate` gives them."""


def missing_targets(plan: Plan, repository: Repository, changed: Collection[str]) -> tuple[Problem, ...]:
    """Targets of changed declarations that no file listed at the base, and that do not exist: mistyped, most likely.
    One that was listed before is held as gone, so that a resource which somebody deletes blocks nobody.
    """
    declarations = {declaration.name: declaration for declaration in repository.declarations}
    problems = []
    for cells in plan.held:
        is_new = cells.declaration in changed and cells.scope.key not in repository.base_targets
        if is_new and cells.cause is HeldCause.RESOURCE_GONE:
            declaration = declarations[cells.declaration]
            index = declaration.scopes.index(cells.scope)
            problems.append(
                Problem(
                    source=declaration.place(f"scopes.{index}"),
                    code=RuleCode.TARGET_NOT_FOUND,
                    message=cells.message,
                    remedy=cells.remedy,
                    path=f"scopes[{index}]",
                )
            )
    return tuple(problems)


def resources_at_targets(
    azure: Azure, plan: Plan, proposed: frozenset[str] | None, context: Context
) -> Mapping[str, TypeCounts]:
    """What is now at the targets of the decisions that people judge. Where it cannot be read it is not known: that is no
    reason to fail.
    """
    from reconciler.azure.counts import count_resources  # noqa: PLC0415 - loads the SDK
    from reconciler.planning.decisions import target_of  # noqa: PLC0415 - as in plan_repository

    scopes = [
        target_of(change.exemption) for change in plan.changes if proposed is None or change.declaration in proposed
    ]
    try:
        return count_resources(azure.client, scopes)
    except AzureError as error:
        context.observer.warning(f"how many resources the decisions cover is not known: {error.message}")
        return {}


def display_names(snapshot: Snapshot, catalogue: Catalogue) -> dict[str, str]:
    """Folded ids of groups, subscriptions, assignments and assessments, and reference ids that are opaque, to the names
    people know them by: for a reference the title of its policy.
    """
    references = {
        member.reference_id.lower(): policy.title
        for initiative in snapshot.initiatives.values()
        for member in initiative.members
        if member.is_opaque and (policy := catalogue.policy(member.definition)) is not None
    }
    assignments = {
        key: assignment.display_name for key, assignment in snapshot.assignments.items() if assignment.display_name
    }
    assessments = {
        assessment_id(recommendation.key).key: recommendation.title
        for recommendation in catalogue.recommendations.values()
        if recommendation.alone
    }
    return {**references, **snapshot.names, **assignments, **assessments}
