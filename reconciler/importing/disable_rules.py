"""Defender's old disable rules: found in the metadata of assignments, and said as far as anything public says what they mean.

Microsoft deprecated them without a migration. Only where they stand is published (`subAssessmentSettings.filters`), and
which exemption takes the place of which of the portal's conditions, but not their form: so CVEs, which name themselves,
are taken over, and the rest is for a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.importing.values import ImportRow, Outcome
from reconciler.model import Assignment, first_few

_CVE: Final = re.compile(r"\bCVE-\d{4}-\d{4,19}\b", re.IGNORECASE)
_MAX_CVES: Final = 20


def disable_rule_rows(assignments: Iterable[Assignment]) -> Iterator[ImportRow]:
    """A line of the report for each assignment that bears disable rules."""
    for assignment in assignments:
        if not assignment.disable_rules:
            continue
        cves = sorted({cve.upper() for cve in _CVE.findall(assignment.disable_rules)})
        listed = f"vulnerabilities: {{cves: [{first_few(cves, _MAX_CVES)}]}} says its CVEs; " if cves else ""
        yield ImportRow(
            source=assignment.id.text,
            title=assignment.display_name or assignment.id.name,
            outcome=Outcome.LEFT,
            message="it bears disable rules (subAssessmentSettings.filters), which Defender no longer honours for individual recommendations",
            remedy=f"write a declaration with recommendationCategory or recommendation at {assignment.scope}: {listed}"
            "of the portal's conditions IDs and security checks are recommendations, categories recommendationCategory, "
            "CVSS cvssBelow, minimum severity minSeverity; nothing public says how non-patchable is written",
        )
