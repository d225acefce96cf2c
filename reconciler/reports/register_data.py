"""The register as the data of its page: rows of small numbers into one table of texts, so that 20,000 stay small."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from reconciler import __version__
from reconciler.arm.canonical import category, instant_text
from reconciler.drift.inventory import InventoryEntry, State
from reconciler.drift.register import DeclarationRecord, Register
from reconciler.model import JSON, owner_scope
from reconciler.planning.marks import Ownership
from reconciler.planning.provenance import Step
from reconciler.planning.score.actual import ScoreReport
from reconciler.planning.values import Finding
from reconciler.reports.decision_labels import category_label
from reconciler.reports.drift import finding_id
from reconciler.reports.escape import printable
from reconciler.reports.labels import Names, assignment_label, expiry_date, scope_label, source_label

COLUMNS: Final = (
    "declaration", "name", "recommendation", "severity", "place", "subscription", "assignment", "category", "ends", "state",
    "inForce", "whose", "owner", "requestedBy", "approvedBy", "pullRequest", "ticket", "commit", "appliedAt", "why", "madeBy",
    "madeAt", "scope", "references",
)  # fmt: skip
"""One row's cells, in order; the page's script reads them by name."""

FIELDS: Final = (
    "status", "title", "severity", "source", "category", "ends", "why", "owner", "requestedBy", "ticket",
)  # fmt: skip
STEP: Final = ("when", "what", "commit", "by", "pullRequest", "approvedBy")

_WHOSE: Final = {
    Ownership.OURS: "ours",
    Ownership.FORGED: "forged mark",
    Ownership.FOREIGN: "another owner's",
    Ownership.UNOWNED: "nobody's",
}


def register_data(
    register: Register, names: Names, in_force: Mapping[str, str], score: ScoreReport | None = None
) -> dict[str, JSON]:
    """Everything that the page shows. `in_force` says of folded exemption ids what Defender says of them, `score` the secure
    score with exemptions and without, where known.
    """
    inventory = register.inventory
    rows = [[*_cells(entry, names, in_force.get(entry.exemption.id.key, ""))] for entry in inventory.entries]
    declarations = {record.name: (_facts(record), [*map(_step, record.steps)]) for record in register.records}
    lists = [*rows, *(cells for facts, steps in declarations.values() for cells in (facts, *steps))]
    uses = Counter(text for cells in lists for text in cells)
    # The place of every text, those that are used most first: their numbers are the shortest.
    place = {text: number for number, (text, _) in enumerate(uses.most_common())}
    return {
        "about": {
            "owner": printable(inventory.owner),
            "tenantId": inventory.tenant_id,
            "takenAt": instant_text(inventory.taken_at),
            "now": instant_text(inventory.now),
            "revision": register.revision or "",
            "complete": inventory.complete,
            "version": __version__,
        },
        "score": _score(score, names) if score else [],
        "columns": list(COLUMNS),
        "rows": [[place[text] for text in cells] for cells in rows],
        "fields": list(FIELDS),
        "step": list(STEP),
        "declarations": {
            printable(name): [[place[text] for text in facts], [[place[text] for text in step] for step in steps]]
            for name, (facts, steps) in declarations.items()
        },
        "findings": [_finding(finding, names) for finding in register.findings],
        "texts": [printable(text) for text in place],
    }


def _score(report: ScoreReport, names: Names) -> list[JSON]:
    """A row for each subscription that has a score: shares of the reachable points, from 0 to 1, or null where none can be reached."""
    return [
        {
            "place": printable(scope_label(row.subscription, names)),
            "reported": None if row.reported.percentage is None else float(row.reported.percentage),
            "raw": None if row.raw.percentage is None else float(row.raw.percentage),
            "exempt": row.exempt,
        }
        for row in report.subscriptions
        if row.reported.max or row.raw.max  # a subscription of which nothing was assessed has no row
    ]


def _cells(entry: InventoryEntry, names: Names, in_force: str) -> Iterable[str]:
    exemption = entry.exemption
    system = exemption.system
    subscription = exemption.scope.subscription
    yield entry.declaration
    yield exemption.name
    yield "; ".join(entry.recommendations)
    yield entry.severity
    yield scope_label(exemption.scope, names)
    yield (names.get(f"/subscriptions/{subscription.lower()}") or subscription) if subscription else "management group"
    yield assignment_label(exemption.assignment, names)
    yield category_label(category(exemption.category))
    yield expiry_date(exemption.expires_on) if exemption.expires_on else ""
    yield "" if entry.state is State.ACTIVE else entry.state.value
    yield in_force
    yield entry.marked_by if entry.ownership is Ownership.FOREIGN and entry.marked_by else _WHOSE[entry.ownership]
    yield entry.owner
    yield entry.requested_by
    yield ", ".join(entry.approval.approvers)
    yield entry.approval.pull_request
    yield entry.ticket
    yield entry.commit
    yield instant_text(system.last_modified_at)[:10] if system and system.last_modified_at and entry.commit else ""
    yield exemption.description
    yield system.created_by if system else ""
    yield instant_text(system.created_at)[:10] if system and system.created_at else ""
    yield exemption.scope.text
    yield ", ".join(exemption.reference_ids) or "the whole assignment"


def _facts(record: DeclarationRecord) -> list[str]:
    """A declaration's fields in the order of `FIELDS`."""
    declaration = record.declaration
    facts = [record.status.value, record.title, record.severity]
    if declaration is not None:
        facts += [
            source_label(declaration.source),
            category_label(declaration.category.value),
            instant_text(declaration.expires_on)[:10] if declaration.expires_on else "",
            declaration.justification,
            declaration.owner,
            record.requester,
            declaration.ticket,
        ]
    return facts


def _step(step: Step) -> list[str]:
    """One step of a history in the order of `STEP`."""
    return [
        instant_text(step.commit.when)[:10],
        step.kind.value,
        step.commit.sha,
        step.approval.author,
        step.approval.pull_request,
        ", ".join(step.approval.approvers),
    ]


def _finding(finding: Finding, names: Names) -> JSON:
    return {
        "id": finding_id(finding),
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "declaration": printable(finding.declaration or ""),
        "place": printable(scope_label(owner_scope(finding.subject), names)),
        "message": printable(finding.message),
        "remedy": printable(finding.remedy),
    }
