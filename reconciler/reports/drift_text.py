"""The drift report as text, for the person who looks once a day: counts, then kind by kind with what the kind means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.drift import HEALING_COMMAND
from reconciler.model import Severity, and_more, count, first_few
from reconciler.reports.drift import FEW, DriftReport, Identified, by_cause, by_kind, gone, identify
from reconciler.reports.evidence import evidence_labels, patch_lines, portal_link
from reconciler.reports.findings_text import INDENT, SEVERITY_STYLES, finding_body, finding_head, subject_label
from reconciler.reports.labels import NO_NAMES, Names
from reconciler.reports.styled import BLANK, Line, Style, line, plain

_MANY: Final = {Severity.ERROR: "errors", Severity.WARNING: "warnings", Severity.INFO: "info"}
_PATCH: Final = {"+": Style.CREATE, "-": Style.DELETE}
_NO_DRIFT: Final = "No drift. Azure matches the declarations."
_NO_DRIFT_SEEN: Final = "No drift seen, but not everything could be read."


def drift_text(report: DriftReport, names: Names = NO_NAMES) -> str:
    """The report as plain text."""
    return plain(drift_lines(report, names))


def drift_lines(report: DriftReport, names: Names = NO_NAMES) -> Iterator[Line]:
    """The report as styled lines."""
    yield line((Style.HEADING, heading(report)))
    for kind, findings in by_kind(identify(report)).items():
        yield BLANK
        yield line((Style.HEADING, f"{kind.value} ({len(findings)})"), f": {kind.meaning}")
        for position, group in enumerate(by_cause(findings)):
            if position:
                yield BLANK
            yield from group_block(group, names)
    for sentence in (healing_sentence(report), comparison_sentence(report)):
        if sentence:
            yield BLANK
            yield line(sentence)
    if absent := gone(report):
        yield BLANK
        yield line((Style.GOOD, f"Gone since the earlier report ({len(absent)})"))
    for finding in absent:
        yield line(
            f"  {finding.get('kind', '')}  {finding.get('declaration') or finding.get('subject', '')}  id {finding.get('id', '')}"
        )


def heading(report: DriftReport) -> str:
    """What was compared and how many findings of each severity there are; a sentence where nothing is wrong."""
    if not report.findings:
        return _NO_DRIFT if report.complete else _NO_DRIFT_SEEN
    counts = severity_counts(report)
    return f"Drift of {report.owner} at {report.taken_at:%Y-%m-%d %H:%M} UTC, {count(len(report.scopes), 'scope')}: {counts}"


def severity_counts(report: DriftReport) -> str:
    """`1 error, 3 warnings, 1 info`; nothing where nothing was found."""
    parts = [count(number, severity.value, _MANY[severity]) for severity, number in report.counts.items() if number]
    return ", ".join(parts)


def healing_sentence(report: DriftReport) -> str:
    """What a healing run would settle, or the guard that would stop it; nothing where there is nothing to heal."""
    if report.refusals:
        why = "; ".join(f"{refusal.message} (accept with {refusal.remedy})" for refusal in report.refusals)
        return f"A healing run ({HEALING_COMMAND}) would be refused: {why}"
    healed = report.healed
    return (
        f"A healing run ({HEALING_COMMAND}) settles {healed} of {count(len(report.findings), 'finding')}"
        if healed
        else ""
    )


def comparison_sentence(report: DriftReport) -> str:
    """How many findings are new, gone and still there; nothing without an earlier report."""
    if report.earlier is None:
        return ""
    findings = identify(report)
    new = sum(bool(identified.is_new) for identified in findings)
    lost = (
        f"{len(gone(report))} gone"
        if report.complete
        else "what is gone is not known, since not everything could be read"
    )
    return f"Since the earlier report: {new} new, {len(findings) - new} still there, {lost}"


def group_block(group: Sequence[Identified], names: Names = NO_NAMES) -> Iterator[Line]:
    """One finding, or many of one cause in one block: how many, of which declarations, where."""
    if len(group) == 1:
        yield from finding_block(group[0], names)
        return
    first = group[0].finding
    declarations = list(
        dict.fromkeys(identified.finding.declaration for identified in group if identified.finding.declaration)
    )
    places = list(dict.fromkeys(subject_label(identified.finding, names) for identified in group))
    new = "new, " if group[0].is_new else ""
    yield line(
        (SEVERITY_STYLES[first.severity], f"  {first.severity.value:<8}  "),
        f"{new}{count(len(group), 'finding')} of one cause",
        (Style.NAME, f": {first_few(declarations, FEW)}" if declarations else ""),
    )
    yield line(INDENT, first.message)
    yield line(INDENT, (Style.QUIET, "cause:"), f" {first.cause}")
    if first.remedy:
        yield line(INDENT, (Style.QUIET, "help: "), first.remedy)
    listing = "; ".join(places[:FEW]) + and_more(len(places) - FEW)
    yield line(INDENT, (Style.QUIET, f"at {listing}"))
    yield line(INDENT, (Style.QUIET, "each with its id: --format json"))


def finding_block(identified: Identified, names: Names = NO_NAMES) -> Iterator[Line]:
    """One finding with its evidence, links and id."""
    yield finding_head(identified.finding, "new" if identified.is_new else "", names)
    yield from finding_body(identified.finding, names, evidence_labels(identified.finding))
    for text in patch_lines(identified.finding):
        yield line(INDENT, (_PATCH.get(text[:1], Style.QUIET), text))
    if link := portal_link(identified.finding):
        yield line(INDENT, (Style.QUIET, link))
    yield line(INDENT, (Style.QUIET, f"id {identified.id}"))
