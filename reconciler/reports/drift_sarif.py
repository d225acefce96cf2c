"""The drift report as SARIF: GitHub code scanning opens an alert at the declaring line, and closes it with the drift."""

from __future__ import annotations

from typing import Final

from reconciler.kinds import FindingKind
from reconciler.reports.drift import DriftReport, identify
from reconciler.reports.evidence import evidence_labels
from reconciler.reports.findings_text import subject_label
from reconciler.reports.labels import NO_NAMES, Names
from reconciler.reports.sarif import Result, sarif_document

_SAID: Final = frozenset({"cause", "made", "last changed", "assigned", "differs"})
"""What an alert tells beside the finding itself: why, who and when."""


def drift_sarif(report: DriftReport, names: Names = NO_NAMES) -> str:
    """A SARIF 2.1.0 log, one rule for each kind of finding."""
    rules = {kind.value: f"An exemption {kind.meaning}" for kind in FindingKind}
    results = []
    for identified in identify(report):
        finding = identified.finding
        evidence = [(label, text) for label, text in evidence_labels(finding) if label in _SAID]
        details = "; ".join(text if label == "cause" else f"{label} {text}" for label, text in evidence)
        result = Result(
            rule=finding.kind.value,
            level=finding.severity.value,
            message=f"{subject_label(finding, names)}: {finding.message}{f' ({details})' if details else ''}",
            remedy=finding.remedy,
            source=finding.source,
            identity=(identified.id,),
        )
        results.append(result)
    return sarif_document(results, rules)
