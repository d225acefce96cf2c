"""From declarations and a snapshot to a plan. Pure: the clock, git and the options come in as values.

`make_plan` is the way in: what is decided (`deliberation`), told as changes (`changes`) with what a reviewer should
know (`notes`, `horizon`), and whether all that is too much at once (`guards`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from reconciler.catalog.catalogue import Catalogue
from reconciler.model import ArmId, Declaration, Exemption, Settings, Snapshot
from reconciler.planning.changes import changes_of
from reconciler.planning.deliberation import Decided, Inputs, Wishes, deliberate
from reconciler.planning.fingerprint import digest
from reconciler.planning.guards import Allowances, Circumstances, refusals
from reconciler.planning.horizon import ahead
from reconciler.planning.notes import notes
from reconciler.planning.provenance import History
from reconciler.planning.values import Change, Finding, Held, Plan


def make_plan(  # noqa: PLR0913, PLR0917 - these are the inputs of a plan
    declarations: Iterable[Declaration],
    catalogue: Catalogue,
    snapshot: Snapshot,
    settings: Settings,
    history: History,
    now: datetime,
    allowed: Allowances = Allowances(),  # noqa: B008 - frozen
    only: ArmId | None = None,
) -> Plan:
    """The plan of one run. `only` narrows it to a scope and everything below."""
    wishes = Wishes.of(declarations, catalogue)
    return plan_of(
        deliberate(
            Inputs(
                wishes=wishes,
                catalogue=catalogue,
                snapshot=snapshot,
                settings=settings,
                history=history,
                now=now,
                allowed=allowed,
                only=only,
            )
        )
    )


def plan_of(decided: Decided) -> Plan:
    """What is decided, as a plan."""
    return _assembled(decided, changes_of(decided), _findings(decided))


def _findings(decided: Decided) -> tuple[Finding, ...]:
    inputs = decided.inputs
    confirmed = [final.wish for final in decided.finals]
    found = [
        *decided.findings,
        *notes(confirmed, decided.lives, decided.drafts, inputs.snapshot, inputs.catalogue, decided.tree),
        *ahead(confirmed, decided.lives, decided.drafts, inputs.settings, inputs.now),
    ]
    return tuple(sorted(found, key=_finding_order))


def _assembled(decided: Decided, changes: Sequence[Change], findings: tuple[Finding, ...]) -> Plan:
    inputs, tree = decided.inputs, decided.tree
    written = {change.id.key for change in changes}
    confirmed = {final.exemption.id.key for final in decided.finals}
    untouched = [live for live in decided.lives if live.exemption.id.key not in written]
    owned = sum(live.ours for live in decided.lives if tree.managed(live.scope))
    declared = len(inputs.wishes.declarations)
    facts = Circumstances(owned=owned, declarations=declared, findings=findings)
    return Plan(
        tenant_id=inputs.snapshot.tenant_id,
        owner=inputs.settings.owner,
        scopes=inputs.snapshot.expected,
        revision=inputs.history.head,
        taken_at=inputs.snapshot.taken_at,
        changes=tuple(changes),
        unchanged=_sorted(live.exemption for live in untouched if live.exemption.id.key in confirmed),
        foreign=_sorted(live.exemption for live in untouched if not live.ours and tree.managed(live.scope)),
        held=tuple(sorted(decided.held, key=_held_order)),
        findings=findings,
        refusals=refusals(changes, inputs.settings.limits, inputs.allowed, facts),
        unread=inputs.snapshot.unread,
        digest=digest(change.fingerprint for change in changes),
        dirty=inputs.history.dirty,
        owned=owned,
        declared=declared,
    )


def _sorted(exemptions: Iterable[Exemption]) -> tuple[Exemption, ...]:
    return tuple(sorted(exemptions, key=lambda exemption: exemption.id.key))


def _finding_order(finding: Finding) -> tuple[str, ...]:
    return finding.kind.value, finding.subject.key, finding.declaration or "", finding.message.lower()


def _held_order(held: Held) -> tuple[str, ...]:
    where = held.assignment.key if held.assignment else ""
    standing = held.exemption.key if held.exemption else ""
    return held.declaration, held.scope.key, where, standing, held.cause.value, held.message.lower()
