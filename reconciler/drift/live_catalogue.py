"""Declared recommendations of which the tenant says otherwise than the catalogue: told, never acted upon.

Only what changes the meaning of a declaration counts: which policies stand behind it, what it is called, whether it
is a preview or custom. The difference reaches the plan through a reviewed catalog.yaml alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.compare import Difference, Entry, FieldChange, differences, gone_entries, with_declarations
from reconciler.catalog.live import LiveRecommendation
from reconciler.catalog.refresh import LiveFacts, gone, refreshed
from reconciler.kinds import FindingKind
from reconciler.model import JSON, Declaration, Severity, arm_id
from reconciler.planning.evidence import Evidence, FieldDifference
from reconciler.planning.values import Finding

_MEANINGFUL: Final = frozenset({"policies", "title", "preview", "custom"})
_METADATA: Final = "/providers/Microsoft.Security/assessmentMetadata/"
_REMEDY: Final = "run 'exempt catalog refresh' and review what it changes in catalog.yaml"


def catalogue_findings(
    current: Catalogue, live: Iterable[LiveRecommendation], declarations: Iterable[Declaration]
) -> tuple[Finding, ...]:
    """One finding for each declaration whose recommendation is another one in the tenant. No list, no findings."""
    facts = LiveFacts(recommendations=tuple(live))
    named = {declaration.name: declaration for declaration in declarations if declaration.enabled}
    if not facts.recommendations or not named:
        return ()
    bundled = current.bundled
    as_live = Catalogue(current.cloud, refreshed(bundled, current.overlay, facts))
    entries = differences(current, as_live, named.values())
    lost = with_declarations(gone_entries(gone(bundled, facts)), current, as_live, named.values())
    findings: list[Finding] = []
    for entry in (*entries, *lost):
        changes = [change for change in entry.changes if change.name in _MEANINGFUL]
        if changes or entry.difference is Difference.GONE:
            findings += [_finding(entry, changes, named[name]) for name in entry.declarations]
    return tuple(findings)


def _finding(entry: Entry, changes: list[FieldChange], declaration: Declaration) -> Finding:
    is_gone = entry.difference is Difference.GONE
    serious = any(change.name == "policies" for change in changes)
    names = {"policies": "other policies stand behind it", "title": "it has another title"}
    respects = " and ".join(names.get(change.name, f"{change.name} differs") for change in changes)
    difference = "is not listed by the tenant any more" if is_gone else f"is otherwise in the tenant: {respects}"
    fields = tuple(
        FieldDifference(path=change.name, declared=_json(change.before), existing=_json(change.after))
        for change in changes
    )
    return Finding(
        kind=FindingKind.CATALOGUE,
        severity_override=None if serious else Severity.INFO,
        subject=arm_id(_METADATA + entry.identifier),
        message=f"recommendation {entry.title!r} {difference}",
        remedy=_REMEDY,
        declaration=declaration.name,
        source=declaration.source,
        evidence=Evidence(changed=fields),
    )


def _json(value: str | bool | tuple[str, ...]) -> JSON:
    return list(value) if isinstance(value, tuple) else value
