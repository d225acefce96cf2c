"""The drift report as a step's summary or the body of an issue: counts by kind, errors above the fold, the rest below."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.planning.values import Finding, Severity
from reconciler.reports.drift import DriftReport, Identified, by_kind, identify
from reconciler.reports.drift_text import compared_words, counts_words, finding_block, heading_words, healing_words
from reconciler.reports.findings_text import subject_words
from reconciler.reports.lines import plain
from reconciler.reports.markdown import LIMIT, bullets, folded, place, value
from reconciler.reports.words import NO_NAMES, Names, count

MARKER: Final = "<!-- exempt:drift -->"
"""The first line, by which the next run finds its issue."""


def drift_markdown(report: DriftReport, names: Names = NO_NAMES, limit: int = LIMIT) -> str:
    """The report as Markdown of at most `limit` bytes, cut between findings."""
    found = identify(report)
    above = "\n".join(_above_the_fold(report, found, names)) + "\n"
    blocks = (_block(each, names) for each in found)
    return above + folded("All findings", len(found), blocks, "text", limit - len(above.encode()))


def _above_the_fold(report: DriftReport, found: list[Identified], names: Names) -> Iterator[str]:
    yield MARKER
    told = counts_words(report)
    yield f"### Drift: {told}" if told else f"### {heading_words(report)}"
    revision = f", revision {value(report.revision[:12])}" if report.revision else ""
    yield f"\n{value(report.owner)} at {report.taken_at:%Y-%m-%d %H:%M} UTC, {count(len(report.scopes), 'scope')}{revision}."
    if found:
        yield "\n| kind | findings | meaning |\n|---|---:|---|"
        yield from (f"| {kind.value} | {len(of)} | {kind.meaning} |" for kind, of in by_kind(found).items())
    worst = [each.finding for each in found if each.finding.severity is Severity.ERROR]
    yield from bullets("Errors", worst, lambda finding: _item(finding, names))
    for said in (healing_words(report), compared_words(report)):
        if said:
            yield f"\n{value(said)}"


def _item(finding: Finding, names: Names) -> str:
    declared = f"{value(finding.declaration)} " if finding.declaration else ""
    remedy = f"; fix: {value(finding.remedy)}" if finding.remedy else ""
    where = f"{declared}{value(subject_words(finding, names))}"
    return f"**{finding.kind.value}** {where}: {value(finding.message)}{remedy}{place(finding.source)}"


def _block(each: Identified, names: Names) -> str:
    """The text's block; the kind, which is a heading there, stands on its first line here."""
    text = plain(finding_block(each, names))
    kind = f"{each.finding.kind.value}\n"
    return kind + text
