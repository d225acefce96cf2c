"""Findings as text: the worst first, each with its identity, what was seen and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reconciler.model import owner_scope
from reconciler.planning.values import Finding, Severity
from reconciler.reports.lines import Line, Style, line
from reconciler.reports.words import NO_NAMES, Names, assignment_words, place_words, scope_words

_STYLES: Final = {Severity.ERROR: Style.ERROR, Severity.WARNING: Style.WARNING, Severity.INFO: Style.INFO}
_INDENT: Final = " " * 12


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Errors, warnings, then what is only good to know; inside of that by kind and subject."""
    order = {severity: place for place, severity in enumerate((Severity.ERROR, Severity.WARNING, Severity.INFO))}
    return sorted(findings, key=lambda found: (order[found.severity], found.kind.value, found.subject.key))


def finding_blocks(findings: Iterable[Finding], names: Names = NO_NAMES) -> list[list[Line]]:
    """One block for each finding, the worst first."""
    return [_block(finding, names) for finding in worst_first(findings)]


def _block(finding: Finding, names: Names) -> list[Line]:
    kind = f"  {finding.severity.value:<8}"
    who = f"{finding.declaration}  " if finding.declaration else ""
    found = [
        line(
            (_STYLES[finding.severity], f"{kind}  {finding.kind.value}  "), (Style.NAME, who), _subject(finding, names)
        )
    ]
    if finding.assignment:
        found.append(line(_INDENT, assignment_words(finding.assignment, names)))
    found.append(line(_INDENT, finding.message))
    if finding.remedy:
        found.append(line(_INDENT, (Style.QUIET, "fix: "), finding.remedy))
    if place := place_words(finding.source):
        found.append(line(_INDENT, (Style.QUIET, place)))
    return found


def _subject(finding: Finding, names: Names) -> str:
    """The scope, led by the exemption's name where the subject is an exemption."""
    if "/providers/microsoft.authorization/policyexemptions/" not in finding.subject.key:
        return scope_words(finding.subject, names)
    return f"{finding.subject.name} on {scope_words(owner_scope(finding.subject), names)}"
