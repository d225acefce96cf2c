"""One finding as a block of text: identity first, then what was found, what to do, and where it is declared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reconciler.model import Carrier, Severity, carrier_of, owner_scope
from reconciler.planning.values import Finding
from reconciler.reports.drift import worst_first
from reconciler.reports.labels import NO_NAMES, Names, assignment_label, scope_label, source_label
from reconciler.reports.styled import Line, Style, line

SEVERITY_STYLES: Final = {Severity.ERROR: Style.ERROR, Severity.WARNING: Style.WARNING, Severity.INFO: Style.INFO}
INDENT: Final = " " * 12
_VERBS: Final = frozenset({"made", "last changed", "assigned", "declared", "differs", "healed by", "only"})
_EXEMPTIONS: Final = "/providers/microsoft.authorization/policyexemptions/"


def finding_blocks(findings: Iterable[Finding], names: Names = NO_NAMES) -> list[list[Line]]:
    """One block for each finding, the worst first, for a plan."""
    return [
        [finding_head(finding, finding.kind.value, names), *finding_body(finding, names)]
        for finding in worst_first(findings)
    ]


def finding_head(finding: Finding, kind: str, names: Names = NO_NAMES) -> Line:
    """`  warning   expiring  legacy-sql-tde  servers/legacy-sql in rg rg-data, sub Payments`."""
    style = SEVERITY_STYLES[finding.severity]
    declaration = f"{finding.declaration}  " if finding.declaration else ""
    label = f"  {finding.severity.value:<8}  " + (f"{kind}  " if kind else "")
    return line((style, label), (Style.NAME, declaration), subject_label(finding, names))


def finding_body(finding: Finding, names: Names = NO_NAMES, evidence: Iterable[tuple[str, str]] = ()) -> list[Line]:
    """The lines below the head: where it applies, what was found, what was seen, what to do, where it is declared."""
    lines = [line(INDENT, assignment_label(finding.assignment, names))] if finding.assignment else []
    lines.append(line(INDENT, finding.message))
    lines += [
        line(INDENT, (Style.QUIET, label if label in _VERBS else f"{label}:"), f" {text}") for label, text in evidence
    ]
    if finding.remedy:
        lines.append(line(INDENT, (Style.QUIET, "help: "), finding.remedy))
    if place := source_label(finding.source):
        lines.append(line(INDENT, (Style.QUIET, place)))
    return lines


def subject_label(finding: Finding, names: Names = NO_NAMES) -> str:
    """The scope, led by the exemption's name where the subject is an exemption."""
    if _EXEMPTIONS not in finding.subject.key and carrier_of(finding.subject) is not Carrier.STANDARD:
        return scope_label(finding.subject, names)
    return f"{finding.subject.name} on {scope_label(owner_scope(finding.subject), names)}"
