"""Defender's old disable rules: found in the metadata of assignments, and said as far as anything public says what they mean.

Microsoft deprecated them without a migration. Where they stand is published (`subAssessmentSettings.filters`), and which
exemption takes the place of which of the portal's conditions, but not in which form they are stored. So what is taken
over is what needs no guess: a rule in the published form of an exemption's conditions, whole, and CVEs, which name
themselves. The rest is quoted for a person.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.arm.standard_properties import decode_conditions, vulnerability_fields
from reconciler.importing.values import ImportRow, Outcome
from reconciler.model import JSON, Assignment, and_more, first_few

_CVE: Final = re.compile(r"\bCVE-[0-9]{4}-[0-9]{4,19}\b", re.IGNORECASE)
_MAX_CVES: Final = 20
_MAX_RULES: Final = 10
_MAX_QUOTED: Final = 120


def disable_rule_rows(assignments: Iterable[Assignment]) -> Iterator[ImportRow]:
    """A line of the report for each assignment that bears disable rules."""
    for assignment in assignments:
        if not assignment.disable_rules:
            continue
        rules = list(_declared(assignment.disable_rules))
        yield ImportRow(
            source=assignment.id.text,
            title=assignment.display_name or assignment.id.name,
            outcome=Outcome.LEFT,
            message="it bears disable rules (subAssessmentSettings.filters), which Defender no longer honours for individual recommendations",
            remedy=f"write a declaration with recommendationCategory or recommendation at {assignment.scope} for each: "
            f"{'; '.join(rules[:_MAX_RULES])}{and_more(len(rules) - _MAX_RULES)}; "
            "of the portal's conditions IDs and security checks are recommendations, categories recommendationCategory, "
            "CVSS cvssBelow, minimum severity minSeverity; nothing public says how non-patchable is written",
        )


def _declared(filters: str) -> Iterator[str]:
    """`vulnerabilities: {…}` for each alternative of each rule; what cannot be said whole, with the CVEs that it names."""
    rules: JSON = filters
    with contextlib.suppress(ValueError, RecursionError):
        rules = json.loads(filters)
    # Nothing says how several bare conditions combine, so that these stay together, as one.
    if not isinstance(rules, list) or (
        len(rules) != 1 and not all(isinstance(rule, dict) and rule.keys() == {"if"} for rule in rules)
    ):
        rules = [rules]
    for rule in rules:
        is_condition = isinstance(rule, dict) and "field" in rule
        groups = decode_conditions({"if": {"allOf": [rule]}} if is_condition else rule, ())
        alternatives = [fields for group in groups if (fields := vulnerability_fields((group,))) is not None]
        if alternatives and len(alternatives) == len(groups):
            for fields in alternatives:
                values = (
                    (name, f"[{', '.join(value)}]" if name == "cves" else value) for name, value in fields.items()
                )
                yield f"vulnerabilities: {{{', '.join(f'{name}: {value}' for name, value in values)}}}"
            continue
        text = rule if isinstance(rule, str) else json.dumps(rule)
        quoted = text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]}…"
        cves = sorted({cve.upper() for cve in _CVE.findall(text)})
        named = f"vulnerabilities: {{cves: [{first_few(cves, _MAX_CVES)}]}} says its CVEs, " if cves else ""
        yield f"{named}{'but not what else is in' if cves else 'no public form describes'} {quoted}"
