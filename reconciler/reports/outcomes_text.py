"""A run of apply as text: the decisions that are done, those that are not with what stopped them, the verdict last."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from reconciler.model import Status, Verdict, count
from reconciler.planning.values import Action, Change
from reconciler.reports.context import NO_CONTEXT, ReportContext
from reconciler.reports.decision_labels import reasons, targets_label, terms
from reconciler.reports.labels import Names, assignment_label, scope_label, source_label
from reconciler.reports.obstacles import held_groups
from reconciler.reports.outcomes import DecisionOutcome, Outcome, OutcomeReport, verdict_sentence, written_label
from reconciler.reports.plan_text import (
    FULL,
    INDENT,
    LINES,
    head_line,
    held_section,
    name_width,
    one_line,
    refusal_line,
    title_line,
    unread_section,
)
from reconciler.reports.styled import BLANK, Line, Style, line, plain

_DID: Final = {Action.CREATE: "created", Action.UPDATE: "updated", Action.DELETE: "deleted"}
_STYLES: Final = {
    Status.DONE: Style.GOOD,
    Status.UNCHANGED: Style.QUIET,
    Status.AWAITING: Style.INFO,
    Status.FAILED: Style.ERROR,
}
_WIDTH: Final = 9


def outcomes_text(report: OutcomeReport, context: ReportContext = NO_CONTEXT) -> str:
    """The run as plain text."""
    return plain(outcome_lines(report, context))


def outcome_lines(report: OutcomeReport, context: ReportContext = NO_CONTEXT) -> Iterator[Line]:
    """The decisions that Azure now holds; then those that it does not, each with what was not written, why, and what to do;
    the verdict last, where eyes are.
    """
    return itertools.dropwhile(lambda row: row == BLANK, _sections(report, context))


def _sections(report: OutcomeReport, context: ReportContext) -> Iterator[Line]:
    summary, names = report.summary, context.names
    yield from _decisions("Done", report.done, report, context)
    yield from _decisions("Not done, or only in part", report.stuck, report, context)
    yield from unread_section(summary.unread, names)
    yield from held_section(held_groups(summary.held, summary.unread))
    if summary.refusals:
        yield BLANK
        yield from (refusal_line(refusal) for refusal in summary.refusals)
    yield BLANK
    style = Style.GOOD if summary.verdict is Verdict.DONE else Style.WARNING
    yield line((style, verdict_sentence(report)))


def _decisions(
    title: str, items: Sequence[DecisionOutcome], report: OutcomeReport, context: ReportContext
) -> Iterator[Line]:
    """The first in full, the others a line each; what was not written is named in every case."""
    if not items:
        return
    yield BLANK
    yield line((Style.HEADING, f"{title} ({len(items):,})"))
    width = name_width(item.decision for item in items[:FULL])
    for item in items[:FULL]:
        yield BLANK
        yield from _block(item, report, context, width)
    if further := items[FULL:]:
        yield BLANK
    for item in further[:LINES]:
        decision = item.decision
        yield one_line(decision, targets_label(decision, context.names), report.taken_at)
        yield from (_stuck_line(outcome, f": {outcome.message}" if outcome.message else "") for outcome in item.stuck)
    if len(further) > LINES:
        yield line((Style.QUIET, f"  and {count(len(further) - LINES, 'more decision')}, listed by --format json"))


def _block(item: DecisionOutcome, report: OutcomeReport, context: ReportContext, width: int) -> Iterator[Line]:
    """One decision as the plan tells it, in short, and what became of its exemptions."""
    decision, names = item.decision, context.names
    yield head_line(decision, targets_label(decision, names), width)
    yield title_line(decision)
    yield line(INDENT, ", ".join(terms(decision, report.taken_at)))
    yield from (line(INDENT, reason) for reason in reasons(decision))
    if decision.justification:
        yield line(INDENT, (Style.QUIET, "justification: "), decision.justification)
    yield line(INDENT, (Style.WARNING if item.stuck else Style.GOOD, written_label(item)))
    if context.verbose:
        settled = (outcome for outcome in item.outcomes if outcome.status.is_settled)
        yield from (_settled_line(outcome, names) for outcome in settled)
    yield from _stuck_lines(item.stuck, names)
    if item.stuck and (place := source_label(decision.source)):
        yield line(INDENT, (Style.QUIET, place))


def _settled_line(outcome: Outcome, names: Names) -> Line:
    """`created   legacy-sql-tde-0d1c  servers/legacy-sql in rg rg-data / mcsb at mg contoso`."""
    did = _DID[outcome.change.action] if outcome.status is Status.DONE else "unchanged"
    head = (_STYLES[outcome.status], f"{did:<{_WIDTH}} ")
    return line(INDENT, head, (Style.NAME, outcome.change.exemption.name), "  ", where_label(outcome.change, names))


def _stuck_lines(outcomes: Iterable[Outcome], names: Names) -> Iterator[Line]:
    """The exemptions of a decision that were not written: which, where, and what stopped them and what to do, once for all
    that it stopped.
    """
    causes: dict[tuple[str, str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        causes[outcome.message, outcome.remedy, outcome.correlation].append(outcome)
    indent = f"{INDENT}{'':<{_WIDTH}} "
    for (message, remedy, correlation), group in causes.items():
        yield from (_stuck_line(outcome, f"  {where_label(outcome.change, names)}") for outcome in group)
        if message:
            yield line(indent, message)
        if remedy:
            yield line(indent, (Style.QUIET, "help: "), remedy)
        if correlation:
            yield line(indent, (Style.QUIET, f"correlation id {correlation}"))


def _stuck_line(outcome: Outcome, further: str) -> Line:
    """Which exemption was not written, and the rest of the line."""
    head = (_STYLES.get(outcome.status, Style.WARNING), f"{status_label(outcome):<{_WIDTH}} ")
    change = outcome.change
    return line(INDENT, head, f"{change.action.value} ", (Style.NAME, change.exemption.name), further)


def where_label(change: Change, names: Names) -> str:
    """Scope and assignment on one line."""
    return f"{scope_label(change.exemption.scope, names)} / {assignment_label(change.exemption.assignment, names)}"


def status_label(outcome: Outcome) -> str:
    """The status in one word of text."""
    return "awaiting" if outcome.status is Status.AWAITING else str(outcome.status)
