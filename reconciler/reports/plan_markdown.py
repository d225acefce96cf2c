"""The plan as a comment on a pull request, or a step's summary.

First the verdict in words, then what catalog.yaml weakens, a line a decision, and what stands in the way; the exemptions
that follow from all that are folded. It always fits: what has no room is counted, never silently dropped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.catalog import weakening
from reconciler.model import count, unread_groups
from reconciler.planning.decisions import Decision
from reconciler.planning.values import Change
from reconciler.reports.context import NO_CONTEXT, ReportContext
from reconciler.reports.decision_labels import (
    details,
    effect_label,
    highlight_labels,
    people,
    place_label,
    reasons,
    rewording,
    terms,
)
from reconciler.reports.escape import markdown_code
from reconciler.reports.findings_text import finding_blocks
from reconciler.reports.labels import SIGNS, assignment_label, policies_label, scope_label
from reconciler.reports.markdown import (
    LIMIT,
    bullets,
    folded,
    held_item,
    linked,
    problem_item,
    refusal_item,
    unread_item,
    value,
)
from reconciler.reports.obstacles import held_groups
from reconciler.reports.plan import PlanReport, headline, summary_line, totals
from reconciler.reports.plan_text import finding_sections, one_line
from reconciler.reports.score import TITLE, score_rows
from reconciler.reports.styled import BLANK, Line, line, plain

MARKER: Final = "<!-- exempt:plan -->"
"""The comment's first line, by which the next run finds it to update in place."""

_OPEN: Final = 20
_FEW: Final = 2


def plan_markdown(report: PlanReport, context: ReportContext = NO_CONTEXT, limit: int = LIMIT) -> str:
    """The plan as Markdown of at most `limit` bytes."""
    above = "\n".join(_above_the_fold(report, context)) + "\n"
    below = f"\n{summary_line(report.plan, value)}."
    below += f" Digest {markdown_code(report.plan.digest)}\n" if report.plan.changes else "\n"
    room = limit - len((above + below).encode())
    folds = ""
    for title, total, blocks, language in _folds(report, context):
        share = room - len(folds.encode())
        folds += folded(title, total, blocks, language, share - share // 3)
    return above + folds + below


def _above_the_fold(report: PlanReport, context: ReportContext) -> Iterator[str]:
    plan, names = report.plan, context.names
    yield MARKER
    yield f"### {headline(report, value)}"
    weaker = [problem for problem in report.warnings if problem.code == weakening.CODE]
    further = [problem for problem in report.warnings if problem.code != weakening.CODE]
    yield from bullets("Bundled facts that this weakens", weaker, lambda item: problem_item(item, context))
    yield from bullets("Invalid", plan.problems, lambda item: problem_item(item, context))
    yield from bullets(
        "Could not be read: nothing is deleted there",
        unread_groups(plan.unread),
        lambda item: unread_item(item, names),
    )
    if report.proposed:
        is_first = not (weaker or plan.problems or plan.unread)
        yield from bullets(
            "" if is_first else "Decisions",
            report.proposed,
            lambda item: _decision(item, report, context),
            limit=_OPEN,
            share=LIMIT // 2,
        )
    if len(report.proposed) > 1:
        yield f"\n**In total {count(len(report.proposed), 'decision')}:** {totals(report.proposed, value)}."
    if report.score is not None:
        rows = score_rows(report.score, names, value)
        yield from bullets(TITLE, rows, lambda row: row, is_counted=False)
    yield from bullets("Warnings for the changed files", further, lambda item: problem_item(item, context))
    groups = held_groups(plan.held, plan.unread, plan.problems)
    title = f"Held at {count(sum(group.places for group in groups), 'place')}: nothing of it is deleted or shrunk"
    yield from bullets(title, groups, held_item, is_counted=False)
    yield from bullets("Refused: nothing is written", plan.refusals, lambda item: refusal_item(item, context.pipeline))


def _decision(decision: Decision, report: PlanReport, context: ReportContext) -> str:
    """Effect, name, severity and title; place and terms; what must not be overlooked; why; justification and people."""
    severity = f"{decision.severity} " if decision.severity else ""
    severity = f"**{severity.strip()}** " if decision.is_severe else severity
    name = linked(decision.name, decision.source, context)
    parts = [*terms(decision, report.plan.taken_at, value), rewording(decision, value)]
    rows = [
        f"**{effect_label(decision)}** {name}: {severity}{value(decision.title)}",
        f"{place_label(decision, context.names, value)}: {', '.join(filter(None, parts))}",
    ]
    if decision.highlights:
        rows.append(f"⚠️ **{'; '.join(highlight_labels(decision, value))}**")
    rows += [value(text) for text in (*reasons(decision)[:_FEW], *details(decision, report.plan.owner)[:_FEW])]
    answerable = ", ".join(f"{label} {value(text)}" for label, text in people(decision))
    why = value(decision.justification) if decision.justification else ""
    if why or answerable:
        rows.append(" — ".join(filter(None, (why, answerable))))
    return "<br>".join(rows)


# --- below the fold ----------------------------------------------------------------------------------------------


def _folds(report: PlanReport, context: ReportContext) -> Iterator[tuple[str, int, Iterator[str], str]]:
    """Title, how many, the blocks, and the language of each folded fence; blocks are made only where they have room."""
    names = context.names

    def row(decision: Decision) -> str:
        return _plain([one_line(decision, place_label(decision, names), report.plan.taken_at)])

    further = report.proposed[_OPEN:]
    yield "Further decisions", len(further), (row(item) for item in further), "diff"
    changes = [*{change.id.key: change for decision in report.proposed for change in decision.changes}.values()]
    yield "Exemptions by initiative", len(changes), _by_assignment(changes, context), "diff"
    others = report.others
    exemptions = len({change.id.key for decision in others for change in decision.changes})
    title = f"Not part of this change: {count(exemptions, 'exemption')} of other decisions that the next apply writes as well"
    yield title, len(others), (row(item) for item in others), "diff"
    for title, findings in finding_sections(report):
        blocks = finding_blocks(findings, names)
        yield title, len(blocks), map(_plain, blocks), "text"


def _plain(lines: Sequence[Line]) -> str:
    return "\n".join(row.removeprefix("  ") for row in plain(lines).rstrip("\n").split("\n"))


def _by_assignment(changes: Sequence[Change], context: ReportContext) -> Iterator[str]:
    """A block a change, led by the assignment's name where that is another one than before."""
    groups: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        groups[change.exemption.assignment.key].append(change)
    for group in groups.values():
        title = [BLANK, line(f"{assignment_label(group[0].exemption.assignment, context.names)} ({len(group)})"), BLANK]
        for change in group:
            exemption = change.exemption
            sign = SIGNS[change.action].replace("~", "!")  # where a diff fence colours it
            where = f"{scope_label(exemption.scope, context.names)}, {policies_label(exemption, context.names)}"
            yield plain([*title, line(f"{sign} {exemption.name}  {where}")]).rstrip("\n")
            title = []
