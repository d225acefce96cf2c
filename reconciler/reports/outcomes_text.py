"""A run of apply as text: what was written in a line each, what was not with cause and remedy, the verdict last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from reconciler.model import Status, Verdict, agree, count
from reconciler.planning.values import Action, Change
from reconciler.reports.labels import NO_NAMES, Names, assignment_label, scope_label, source_label
from reconciler.reports.obstacles import held_groups
from reconciler.reports.outcomes import Outcome, Summary
from reconciler.reports.plan_text import INDENT, held_section, name_of, refusal_line, section, unread_section
from reconciler.reports.styled import BLANK, Line, Style, line, plain

_DID: Final = {Action.CREATE: "created", Action.UPDATE: "updated", Action.DELETE: "deleted"}
_STYLES: Final = {
    Status.DONE: Style.GOOD,
    Status.UNCHANGED: Style.QUIET,
    Status.AWAITING: Style.INFO,
    Status.FAILED: Style.ERROR,
}
_COUNTED: Final = {Status.DONE: "written", Status.UNCHANGED: "already so"}
_WIDTH: Final = 9


def outcomes_text(summary: Summary, names: Names = NO_NAMES) -> str:
    """The run as plain text."""
    return plain(outcome_lines(summary, names))


def outcome_lines(summary: Summary, names: Names = NO_NAMES) -> Iterator[Line]:
    """What was written, a line each; then what was not, with cause and remedy; the verdict last, where eyes are."""
    for outcome in summary.outcomes:
        if outcome.status.is_settled:
            yield settled_line(outcome, names)
    stuck = [list(outcome_block(outcome, names)) for outcome in summary.outcomes if not outcome.status.is_settled]
    yield from section("Not written", stuck)
    yield from unread_section(summary.unread, names)
    yield from held_section(held_groups(summary.held, summary.unread))
    if summary.refusals:
        yield BLANK
        yield from (refusal_line(refusal) for refusal in summary.refusals)
    yield BLANK
    style = Style.GOOD if summary.verdict is Verdict.DONE else Style.WARNING
    yield line((style, verdict_sentence(summary)))


def settled_line(outcome: Outcome, names: Names) -> Line:
    """`  created  legacy-sql-tde  servers/legacy-sql in rg rg-data, sub Payments / asb at mg contoso`."""
    change = outcome.change
    did = _DID[change.action] if outcome.status is Status.DONE else "unchanged"
    head = (_STYLES[outcome.status], f"  {did:<{_WIDTH}} ")
    return line(head, (Style.NAME, name_of(change)), "  ", where_label(change, names))


def outcome_block(outcome: Outcome, names: Names) -> Iterator[Line]:
    """One change that was not written: what should have been, why it was not, what to do about it."""
    change = outcome.change
    head = (_STYLES.get(outcome.status, Style.WARNING), f"  {status_label(outcome):<{_WIDTH}} ")
    yield line(
        head, f"{change.action.value} ", (Style.NAME, name_of(change)), "  ", scope_label(change.exemption.scope, names)
    )
    yield line(INDENT, assignment_label(change.exemption.assignment, names))
    if outcome.message:
        yield line(INDENT, outcome.message)
    if outcome.remedy:
        yield line(INDENT, (Style.QUIET, "help: "), outcome.remedy)
    if outcome.correlation:
        yield line(INDENT, (Style.QUIET, f"correlation id {outcome.correlation}"))
    if place := source_label(change.source):
        yield line(INDENT, (Style.QUIET, place))


def where_label(change: Change, names: Names) -> str:
    """Scope and assignment on one line."""
    return f"{scope_label(change.exemption.scope, names)} / {assignment_label(change.exemption.assignment, names)}"


def status_label(outcome: Outcome) -> str:
    """The status in one word of text."""
    return "awaiting" if outcome.status is Status.AWAITING else str(outcome.status)


def verdict_sentence(summary: Summary) -> str:
    """The sentence that a person reads instead of the exit code."""
    if summary.note:
        return summary.note
    match summary.verdict:
        case Verdict.DONE:
            sentence = "Done" if summary.outcomes else "Nothing to do"
        case Verdict.AWAITING:
            sentence = "Done, but for what awaits approval"
        case Verdict.INTERRUPTED:
            sentence = "Interrupted; the next run finishes the work"
        case Verdict.REFUSED:
            sentence = "Refused, nothing was written"
        case _:
            sentence = "Incomplete"
    return f"{sentence}: {counts}" if (counts := status_counts(summary)) else f"{sentence}."


def status_counts(summary: Summary) -> str:
    """The counts, `12 written, 1 failed, 2 held, 1 unread`, and what is wanted and yet not there."""
    counts = Counter(summary.counts)
    counts[Status.HELD] += len(summary.held)
    parts = [f"{number} {_COUNTED.get(status, status)}" for status, number in counts.items() if number]
    parts += [f"{len(summary.unread)} unread"] if summary.unread else []
    bare = sum(outcome.leaves_uncovered for outcome in summary.outcomes)
    missing = f"; {count(bare, 'wanted exemption')} {agree(bare, 'is', 'are')} not there" if bare else ""
    return f"{', '.join(parts)}{missing}." if parts else ""
