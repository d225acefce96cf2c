"""From declarations and a snapshot to a plan. Pure: the clock, git and the options come in as values.

`make_plan` is the way in: what is decided (`stages`), told as changes (`changes`) with what a reviewer should know
(`findings`), and whether all that is too much at once (`guards`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from reconciler.catalog.catalogue import Catalogue
from reconciler.model import ArmId, Declaration, Exemption, Settings, Snapshot
from reconciler.planning.allowances import NO_ALLOWANCES, Allowances
from reconciler.planning.changes import describe_changes
from reconciler.planning.findings.checks import review_findings
from reconciler.planning.findings.upcoming import upcoming_findings
from reconciler.planning.fingerprint import digest
from reconciler.planning.guards import GuardContext, refusals
from reconciler.planning.inputs import PlanInputs, ResolvedDeclarations
from reconciler.planning.marks import declaration_of
from reconciler.planning.provenance import History
from reconciler.planning.stages import PlanBasis, decide
from reconciler.planning.topics import evaluated, former_topics, request_of
from reconciler.planning.values import Finding, Held, Plan, Request


def make_plan(  # noqa: PLR0913, PLR0917 - these are the inputs of a plan
    declarations: Iterable[Declaration],
    catalogue: Catalogue,
    snapshot: Snapshot,
    settings: Settings,
    history: History,
    now: datetime,
    allowed: Allowances = NO_ALLOWANCES,
    only: ArmId | None = None,
) -> Plan:
    """The plan of one run. `only` narrows it to a scope and everything below."""
    resolved = ResolvedDeclarations.of(declarations, catalogue)
    return plan_from(
        PlanInputs(
            declarations=resolved,
            catalogue=catalogue,
            snapshot=snapshot,
            settings=settings,
            history=history,
            now=now,
            allowed=allowed,
            only=only,
        )
    )


def plan_from(inputs: PlanInputs) -> Plan:
    """The plan of one run whose declarations are resolved."""
    return assemble_plan(decide(inputs))


def assemble_plan(basis: PlanBasis) -> Plan:
    """What is decided, as a plan."""
    inputs, tree = basis.inputs, basis.tree
    changes = describe_changes(basis)
    findings = [*basis.findings, *review_findings(basis), *upcoming_findings(basis)]
    findings.sort(key=_finding_order)
    changed = {change.id.key for change in changes}
    confirmed = {item.exemption.id.key for item in basis.confirmed}
    untouched = [existing for existing in basis.existing if existing.exemption.id.key not in changed]
    owned = sum(existing.ours for existing in basis.existing if tree.managed(existing.scope))
    declared = len(inputs.declarations.declarations)
    scopes = inputs.snapshot.expected
    if inputs.only is not None:
        scopes = tuple(scope for scope in scopes if tree.in_run(scope)) or (inputs.only,)
    context = GuardContext(owned=owned, declarations=declared, findings=findings)
    unchanged = _sorted(existing.exemption for existing in untouched if existing.exemption.id.key in confirmed)
    requests = _requests(basis, {change.declaration for change in changes if change.declaration})
    former = former_topics(changes, requests, inputs.snapshot, inputs.catalogue)
    of_several = {name for name, request in requests.items() if len(request.topics) > 1} | former.keys()
    in_parts = [change.exemption for change in changes if (change.declaration or change.id.key) in of_several]
    in_parts += [exemption for exemption in unchanged if of_several and declaration_of(exemption) in of_several]
    return Plan(
        tenant_id=inputs.snapshot.tenant_id,
        owner=inputs.settings.owner,
        scopes=scopes,
        revision=inputs.history.head,
        taken_at=inputs.snapshot.taken_at,
        changes=changes,
        unchanged=unchanged,
        foreign=_sorted(item.exemption for item in untouched if not item.ours and tree.managed(item.scope)),
        held=tuple(sorted(basis.held, key=_held_order)),
        findings=tuple(findings),
        refusals=refusals(changes, inputs.settings.limits, inputs.allowed, context),
        unread=inputs.snapshot.unread,
        digest=digest(change.fingerprint for change in changes),
        dirty=inputs.history.dirty,
        owned=owned,
        declared=declared,
        subjects=inputs.declarations.subjects,
        requests=requests,
        former=former,
        evaluated=evaluated(in_parts, inputs.snapshot),
    )


def _requests(basis: PlanBasis, names: Collection[str]) -> dict[str, Request]:
    """The declarations behind the changes, as a reviewer needs them."""
    inputs = basis.inputs
    subjects = inputs.declarations.subjects
    return {
        declaration.name: request_of(declaration, inputs.history, subjects[declaration.name], inputs.catalogue)
        for declaration in inputs.declarations.declarations
        if declaration.name in names and declaration.name in subjects
    }


def _sorted(exemptions: Iterable[Exemption]) -> tuple[Exemption, ...]:
    return tuple(sorted(exemptions, key=lambda exemption: exemption.id.key))


def _finding_order(finding: Finding) -> tuple[str, ...]:
    return finding.kind.value, finding.subject.key, finding.declaration or "", finding.message.lower()


def _held_order(line: Held) -> tuple[str, ...]:
    where = line.assignment.key if line.assignment else ""
    existing = line.exemption.key if line.exemption else ""
    return line.declaration, line.scope.key, where, existing, line.cause.value, line.message.lower()
