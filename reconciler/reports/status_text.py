"""A status as text: how many declarations are in which state, then state by state, what needs somebody first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from reconciler.assessments.report import EffectReport
from reconciler.assessments.unneeded import DeclarationNeed, Need, TargetNeed
from reconciler.assessments.values import (
    DeclarationEffect,
    Diagnosis,
    EffectState,
    ReturnedExemption,
    Shown,
    TargetEffect,
)
from reconciler.model import and_more, count, owner_scope
from reconciler.reports.labels import NO_NAMES, Names, scope_label, source_label
from reconciler.reports.styled import BLANK, Line, Style, line

LAG: Final = "What Defender says comes from Resource Graph, which follows it by minutes."
_INDENT: Final = " " * 6
_FEW: Final = 3
_STYLES: Final = {
    EffectState.IN_FORCE: Style.GOOD,
    EffectState.WAITING: Style.INFO,
    EffectState.OFF: Style.INFO,
    EffectState.NOT_COUNTED: Style.INFO,
    EffectState.NOT_ASSESSED: Style.INFO,
    EffectState.UNDECIDED: Style.INFO,
    EffectState.NOT_VISIBLE: Style.ERROR,
}
_NEEDS: Final = {
    Need.UNNEEDED: (Style.INFO, "unneeded"),
    Need.UNDECIDED: (Style.QUIET, "undecided"),
    Need.NEEDED: (Style.GOOD, "needed"),
}


def status_lines(report: EffectReport, names: Names = NO_NAMES) -> Iterator[Line]:
    """The status as styled lines; only what is unneeded where that was asked for."""
    if report.needs is not None:
        yield from _needs(report, report.needs, names)
        return
    yield line((Style.HEADING, heading(report)))
    yield line((Style.QUIET, LAG))
    for unread in report.unread[:_FEW]:
        yield line(
            (Style.ERROR, "not read: "), f"{unread.what} at {scope_label(unread.scope, names)}: {unread.message}"
        )
    if rest := and_more(len(report.unread) - _FEW):
        yield line(rest.strip())
    for state in report.counts:
        yield BLANK
        yield line((_STYLES.get(state, Style.WARNING), state.value), (Style.QUIET, f": {state.meaning}"))
        for declaration in report.declarations:
            if declaration.state is state:
                yield from _declaration(declaration, report, names)
    if report.returned:
        yield BLANK
        yield line((Style.WARNING, "deleted, and there again"))
    for back in report.returned:
        yield from returned_lines(back, names)


def heading(report: EffectReport) -> str:
    """`Status of contoso at 2026-11-20 12:00 UTC, 3 declarations: 1 ineffective, 2 in force`."""
    counts = ", ".join(f"{number} {state.value}" for state, number in report.counts.items())
    total = count(len(report.declarations), "declaration")
    return f"Status of {report.owner} at {_instant(report.as_of)}, {total}{f': {counts}' if counts else ''}"


# --- one declaration ---------------------------------------------------------------------------------------------


def _declaration(declaration: DeclarationEffect, report: EffectReport, names: Names) -> Iterator[Line]:
    """All its targets, each with its own state where that is another one."""
    for target in declaration.targets:
        state = "" if target.state is declaration.state else f"{target.state.value}  "
        yield line(
            "  ", (_STYLES.get(target.state, Style.WARNING), state), (Style.NAME, declaration.name), "  ",
            scope_label(target.target, names),
        )  # fmt: skip
        yield line(_INDENT, target.title)
        yield line(_INDENT, (Style.QUIET, situation(target, report)))
        if target.state is EffectState.INEFFECTIVE:
            for resource in target.counted[:_FEW]:
                yield line(_INDENT, (Style.WARNING, "unhealthy: "), scope_label(resource, names))
            if rest := and_more(len(target.counted) - _FEW):
                yield line(_INDENT, rest.strip())
        for number, diagnosis in enumerate(target.diagnoses, start=1):
            yield from _diagnosis(diagnosis, number, len(target.diagnoses))
    if declaration.state.needs_somebody:
        yield line(_INDENT, (Style.QUIET, source_label(declaration.source)))


def situation(target: TargetEffect, report: EffectReport) -> str:
    """What Defender shows, since when or until when: `2 exempt, 1 unhealthy; last written 2026-11-18 09:00 UTC`."""
    order = (Shown.UNHEALTHY, Shown.HEALTHY, Shown.EXEMPT, Shown.OFF, Shown.NOT_APPLICABLE)
    counts = ", ".join(f"{target.counts[kind]} {kind.value}" for kind in order if target.counts.get(kind))
    parts = [counts or "no assessment"]
    match target.state:
        case EffectState.IN_FORCE if target.since:
            parts.append(f"in force since {_instant(target.since)}")
        case EffectState.WAITING if target.due:
            parts.append(f"{time_left(target.due - report.as_of)} left, until {_instant(target.due)}")
        case _ if target.written_at:
            parts.append(f"last written {_instant(target.written_at)}")
    return "; ".join(parts)


def time_left(remaining: timedelta) -> str:
    """`23 h 5 min`, `40 min`, `less than a minute`."""
    minutes = int(remaining.total_seconds() // 60)
    if minutes < 1:
        return "less than a minute"
    hours, odd = divmod(minutes, 60)
    return f"{hours} h {odd} min" if hours and odd else f"{hours} h" if hours else f"{odd} min"


def _diagnosis(diagnosis: Diagnosis, number: int, total: int) -> Iterator[Line]:
    head = f"{number}. " if total > 1 else ""
    yield line(
        _INDENT,
        head,
        (Style.WARNING, f"{diagnosis.cause.value}, {diagnosis.confidence.value}"),
        f": {diagnosis.message}",
    )
    for label, text in diagnosis.evidence:
        yield line(_INDENT, "   ", (Style.QUIET, f"{label}: {text}"))
    if diagnosis.remedy:
        yield line(_INDENT, "   ", (Style.QUIET, "fix: "), diagnosis.remedy)


def returned_lines(back: ReturnedExemption, names: Names) -> Iterator[Line]:
    """One exemption that came back."""
    declared = f" of declaration {back.declaration}" if back.declaration else ""
    where = scope_label(owner_scope(back.id), names)
    yield line("  ", (Style.WARNING, back.how.value), "  ", (Style.NAME, back.id.name), f"{declared} on {where}")
    yield line(_INDENT, back.message)
    yield line(_INDENT, (Style.QUIET, "fix: "), back.remedy)


def _instant(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


# --- still needed? -----------------------------------------------------------------------------------------------


def _needs(report: EffectReport, needs: tuple[DeclarationNeed, ...], names: Names) -> Iterator[Line]:
    unneeded = [need for need in needs if need.unneeded]
    undecided = [need for need in needs if not need.unneeded and need.need is Need.UNDECIDED]
    counts = (
        f"{len(unneeded)} unneeded, {len(undecided)} undecided, {len(needs) - len(unneeded) - len(undecided)} needed"
    )
    yield line(
        (
            Style.HEADING,
            f"Need of {report.owner} at {_instant(report.as_of)}, {count(len(needs), 'declaration')}: {counts}",
        )
    )
    yield line((Style.QUIET, LAG))
    for need in (*unneeded, *undecided):
        yield BLANK
        is_part = bool(need.unneeded) and need.need is not Need.UNNEEDED
        style, word = _NEEDS[Need.UNNEEDED if is_part else need.need]
        yield line(
            (style, f"{word}, in part" if is_part else word),
            "  ",
            (Style.NAME, need.name),
            "  ",
            (Style.QUIET, source_label(need.source)),
        )
        for target in need.targets:
            yield from _need(target, names)
        if need.remedy:
            yield line(_INDENT, (Style.QUIET, "fix: "), need.remedy)


def _need(target: TargetNeed, names: Names) -> Iterator[Line]:
    style, word = _NEEDS[target.need]
    yield line(_INDENT, (style, word), "  ", scope_label(target.target, names))
    yield line(_INDENT, "   ", target.title)
    yield line(_INDENT, "   ", target.message)
    for label, text in target.evidence:
        yield line(_INDENT, "   ", (Style.QUIET, f"{label}: {text}"))
