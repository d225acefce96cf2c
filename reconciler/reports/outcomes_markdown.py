"""A run of apply as a step's summary: the verdict, then the decisions that are not done, then those that are, folded."""

from __future__ import annotations

from typing import Final

from reconciler.model import unread_groups
from reconciler.reports.context import NO_CONTEXT, ReportContext
from reconciler.reports.decision_labels import effect_label, reasons, targets_label, terms
from reconciler.reports.labels import Names
from reconciler.reports.markdown import LIMIT, bullets, folded, held_item, linked, refusal_item, unread_item, value
from reconciler.reports.obstacles import held_groups
from reconciler.reports.outcomes import DecisionOutcome, Outcome, OutcomeReport, verdict_sentence, written_label
from reconciler.reports.outcomes_text import where_label
from reconciler.reports.plan_text import one_line
from reconciler.reports.styled import line, plain

MARKER: Final = "<!-- exempt:apply -->"
_FEW: Final = 4


def outcomes_markdown(report: OutcomeReport, context: ReportContext = NO_CONTEXT, limit: int = LIMIT) -> str:
    """The run as Markdown of at most `limit` bytes, cut between decisions."""
    summary, names = report.summary, context.names
    unread = unread_groups(summary.unread)
    rows = [MARKER, f"### {verdict_sentence(report)}"]
    rows += bullets("Refused", summary.refusals, refusal_item)
    title = "Not done, or only in part"
    rows += bullets(title, report.stuck, lambda item: _stuck_decision(item, report, context), share=limit // 2)
    rows += bullets("Could not be read: nothing is deleted there", unread, lambda item: unread_item(item, names))
    rows += bullets("Held: nothing of it is deleted or shrunk", held_groups(summary.held, summary.unread), held_item)
    above = "\n".join(rows) + "\n"
    lines = (_done_row(item, report, names) for item in report.done)
    return above + folded("Done", len(report.done), lines, "diff", limit - len(above.encode()))


def _stuck_decision(item: DecisionOutcome, report: OutcomeReport, context: ReportContext) -> str:
    """Effect, name, severity and title; place and terms; what became of its exemptions; each that was not written."""
    decision = item.decision
    severity = (
        f"**{decision.severity}** " if decision.is_severe else f"{decision.severity} " if decision.severity else ""
    )
    name = linked(decision.name, decision.source, context)
    rows = [
        f"**{effect_label(decision)}** {name}: {severity}{value(decision.title)}",
        f"{targets_label(decision, context.names, value)}: {', '.join(terms(decision, report.taken_at, value))}",
        *(value(reason) for reason in reasons(decision)),
        f"**{item.ending}**: {written_label(item)}",
        *(_stuck_item(outcome, context.names) for outcome in item.stuck[:_FEW]),
    ]
    if len(item.stuck) > _FEW:
        rows.append(f"and {len(item.stuck) - _FEW:,} more in the artifact")
    return "<br>".join(rows)


def _stuck_item(outcome: Outcome, names: Names) -> str:
    change = outcome.change
    message = f": {value(outcome.message)}" if outcome.message else ""
    remedy = f"; help: {value(outcome.remedy)}" if outcome.remedy else ""
    support = f"; correlation id {value(outcome.correlation)}" if outcome.correlation else ""
    head = f"**{outcome.status}** {change.action.value} {value(change.exemption.name)}"
    return f"{head} at {value(where_label(change, names))}{message}{remedy}{support}"


def _done_row(item: DecisionOutcome, report: OutcomeReport, names: Names) -> str:
    row = one_line(item.decision, targets_label(item.decision, names), report.taken_at)
    return plain([(*row, *line(f"; {written_label(item)}"))]).strip()
