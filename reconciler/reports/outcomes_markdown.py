"""A run of apply as a step's summary: verdict and counts, then what was not written, then the rest folded."""

from __future__ import annotations

from typing import Final

from reconciler.model import unread_groups
from reconciler.reports.labels import NO_NAMES, Names
from reconciler.reports.markdown import LIMIT, bullets, folded, held_item, place, refusal_item, unread_item, value
from reconciler.reports.obstacles import held_groups
from reconciler.reports.outcomes import Outcome, Summary
from reconciler.reports.outcomes_text import settled_line, verdict_sentence, where_label
from reconciler.reports.plan_text import name_of
from reconciler.reports.styled import plain

MARKER: Final = "<!-- exempt:apply -->"


def outcomes_markdown(summary: Summary, names: Names = NO_NAMES, limit: int = LIMIT) -> str:
    """The run as Markdown of at most `limit` bytes, cut between changes."""
    settled = [outcome for outcome in summary.outcomes if outcome.status.is_settled]
    stuck = [outcome for outcome in summary.outcomes if not outcome.status.is_settled]
    unread = unread_groups(summary.unread)
    rows = [MARKER, f"### {verdict_sentence(summary)}"]
    rows += bullets("Refused", summary.refusals, refusal_item)
    rows += bullets("Not written", stuck, lambda item: _stuck_item(item, names))
    rows += bullets("Could not be read: nothing is deleted there", unread, lambda item: unread_item(item, names))
    rows += bullets("Held: nothing of it is deleted or shrunk", held_groups(summary.held, summary.unread), held_item)
    above = "\n".join(rows) + "\n"
    lines = (plain([settled_line(outcome, names)]).strip() for outcome in settled)
    return above + folded("Written or already so", len(settled), lines, "text", limit - len(above.encode()))


def _stuck_item(outcome: Outcome, names: Names) -> str:
    change = outcome.change
    message = f": {value(outcome.message)}" if outcome.message else ""
    remedy = f"; help: {value(outcome.remedy)}" if outcome.remedy else ""
    support = f"; correlation id {value(outcome.correlation)}" if outcome.correlation else ""
    head = f"**{outcome.status}** {change.action.value} {value(name_of(change))}"
    return f"{head} at {value(where_label(change, names))}{message}{remedy}{support}{place(change.source)}"
