"""The drift report as a step's summary or the body of an issue: counts by kind, errors above the fold, the rest below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from reconciler.model import Severity, count, first_few
from reconciler.reports.drift import FEW, DriftReport, Identified, by_cause, by_kind, identify
from reconciler.reports.drift_text import comparison_sentence, group_block, heading, healing_sentence, severity_counts
from reconciler.reports.findings_text import subject_label
from reconciler.reports.labels import NO_NAMES, Names
from reconciler.reports.markdown import LIMIT, bullets, folded, place, value
from reconciler.reports.styled import plain

_NAMED: Final = 20
"""So many causes of new findings stand above the fold of a comment."""

MARKER: Final = "<!-- exempt:drift -->"
"""The first line, by which the next run finds its issue."""


def drift_markdown(report: DriftReport, names: Names = NO_NAMES, limit: int = LIMIT) -> str:
    """The report as Markdown of at most `limit` bytes, cut between findings."""
    findings = identify(report)
    counts = severity_counts(report)
    revision = f", revision {value(report.revision[:12])}" if report.revision else ""
    rows = [
        MARKER,
        f"### Drift: {counts}" if counts else f"### {heading(report)}",
        f"\n{value(report.owner)} at {report.taken_at:%Y-%m-%d %H:%M} UTC, {count(len(report.scopes), 'scope')}{revision}.",
    ]
    if findings:
        rows.append("\n| kind | findings | meaning |\n|---|---:|---|")
        rows += [f"| {kind.value} | {len(of)} | {kind.meaning} |" for kind, of in by_kind(findings).items()]
    worst = [identified for identified in findings if identified.finding.severity is Severity.ERROR]
    title = f"Errors ({len(worst):,})"
    rows += bullets(title, by_cause(worst), lambda group: _item(group, names), is_counted=False)
    rows += [f"\n{value(text)}" for text in (healing_sentence(report), comparison_sentence(report)) if text]
    above = "\n".join(rows) + "\n"
    groups = by_cause(findings)
    blocks = (_block(group, names) for group in groups)
    title = "All findings" if len(groups) == len(findings) else f"All {len(findings):,} findings, by cause"
    return above + folded(title, len(groups), blocks, "text", limit - len(above.encode()))


def drift_comment(report: DriftReport, names: Names = NO_NAMES, limit: int = LIMIT) -> str:
    """What is new since the earlier report, as Markdown for a comment; empty where nothing is, or without an earlier one.

    A platform tells people of a comment, and not of an edit of the report that stands above it.
    """
    fresh = [identified for identified in identify(report) if identified.is_new]
    if not fresh:
        return ""
    worst = (
        f", {errors} of them errors"
        if (errors := sum(identified.finding.severity is Severity.ERROR for identified in fresh))
        else ""
    )
    above = f"### New since the last report: {count(len(fresh), 'finding')}{worst}\n"
    groups = by_cause(fresh)
    rows = bullets("", groups[:_NAMED], lambda group: _item(group, names), share=LIMIT // 2)
    above += "\n".join(rows) + "\n"
    blocks = (_block(group, names) for group in groups[_NAMED:])
    return above + folded("More", len(groups[_NAMED:]), blocks, "text", limit - len(above.encode()))


def _item(group: Sequence[Identified], names: Names) -> str:
    """One finding, or many of one cause with the first places."""
    finding = group[0].finding
    remedy = f"; help: {value(finding.remedy)}" if finding.remedy else ""
    if len(group) > 1:
        places = dict.fromkeys(subject_label(identified.finding, names) for identified in group)
        listing = first_few([value(where) for where in places], FEW)
        return f"**{finding.kind.value}** {len(group):,} times: {value(finding.message)}{remedy}, at {listing}"
    declared = f"{value(finding.declaration)} " if finding.declaration else ""
    where = f"{declared}{value(subject_label(finding, names))}"
    return f"**{finding.kind.value}** {where}: {value(finding.message)}{remedy}{place(finding.source)}"


def _block(group: Sequence[Identified], names: Names) -> str:
    """The text's block; the kind, which is a heading there, stands on its first line here."""
    text = plain(group_block(group, names))
    kind = f"{group[0].finding.kind.value}\n"
    return kind + text
