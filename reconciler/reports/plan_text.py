"""The plan as text, for the person who must judge it in a minute: the verdict, what could not be read, then decision by
decision what is exempted more, less and otherwise, what is held, what is refused; the counts last, where eyes are.

`plan_lines` gives styled lines for a terminal, `plan_text` the same without colour. Times are told from when the plan was
taken, so that the same plan always reads the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from reconciler.model import Unread, count, unread_groups
from reconciler.planning.decisions import Decision
from reconciler.planning.values import Action, Change, Finding, Refusal
from reconciler.reports.context import NO_CONTEXT, Names, ReportContext
from reconciler.reports.decision_labels import (
    SELECTION_PATHS,
    effect_label,
    further_selection,
    highlight_labels,
    people,
    place_label,
    reasons,
    terms,
)
from reconciler.reports.fields import differences
from reconciler.reports.findings_text import finding_blocks
from reconciler.reports.labels import (
    SIGNS,
    assignment_label,
    object_label,
    policies_label,
    scope_label,
    source_label,
)
from reconciler.reports.obstacles import HeldGroup, held_groups, refusal_remedy
from reconciler.reports.plan import PlanReport, headline, relevant_findings, summary_line, totals
from reconciler.reports.problems import problem_lines
from reconciler.reports.score import TITLE, score_rows
from reconciler.reports.styled import BLANK, Line, Style, line, plain
from reconciler.reports.values_text import difference_line

INDENT: Final = " " * 12
FULL: Final = 100
"""So many decisions are told in full; what comes after them has a line each."""

LINES: Final = 1_000
"""So many lines: nobody reads more, and the JSON form has all."""

_FEW: Final = 4
_OTHERS: Final = 5
_NAME_WIDTH: Final = 32
_EFFECTS: Final = {
    "more": (Style.CREATE, "+"),
    "changes": (Style.UPDATE, "~"),
    "less": (Style.DELETE, "-"),
    "ends": (Style.DELETE, "-"),
    "ended": (Style.QUIET, "-"),
    "same": (Style.UPDATE, "~"),
}
_CATEGORY_PATHS: Final = {"exemptionCategory", "exemptionData.exemptionCategory"}
_STYLES: Final = {Action.CREATE: Style.CREATE, Action.UPDATE: Style.UPDATE, Action.DELETE: Style.DELETE}


def plan_text(report: PlanReport, context: ReportContext = NO_CONTEXT) -> str:
    """The plan as plain text."""
    return plain(plan_lines(report, context))


def plan_lines(report: PlanReport, context: ReportContext = NO_CONTEXT) -> Iterator[Line]:
    """The plan as styled lines."""
    plan, names = report.plan, context.names
    yield line((Style.HEADING, headline(report)))
    if plan.problems:
        yield BLANK
        yield line((Style.HEADING, "Invalid"))
        yield from problem_lines(plan.problems)
    yield from unread_section(plan.unread, names)
    yield from _decisions(report.proposed, report, context)
    if report.score is not None:
        yield BLANK
        yield line((Style.HEADING, TITLE))
        yield from (line(f"  {row}") for row in score_rows(report.score, names))
    yield from held_section(held_groups(plan.held, plan.unread, plan.problems))
    if plan.refusals:
        yield BLANK
        yield from (refusal_line(refusal, context) for refusal in plan.refusals)
    yield from _others(report.others, names)
    for title, findings in finding_sections(report):
        yield from section(title, finding_blocks(findings, names))
    yield BLANK
    if not plan.is_empty:
        yield line((Style.QUIET, f"Digest {plan.digest}"))
    yield line((Style.HEADING, summary_line(plan)))


def finding_sections(report: PlanReport) -> Iterator[tuple[str, list[Finding]]]:
    """What a reviewer should know beside the decisions: about what is declared here, then everything else."""
    about, rest = relevant_findings(report)
    yield "Worth knowing about these decisions", about
    yield "Other findings" if about else "Findings", rest


def section(title: str, blocks: Sequence[Sequence[Line]]) -> Iterator[Line]:
    """A heading with the number of blocks, and the blocks; nothing for none."""
    if not blocks:
        return
    yield BLANK
    yield line((Style.HEADING, f"{title} ({len(blocks):,})"))
    for block in blocks:
        yield from block


# --- decisions ---------------------------------------------------------------------------------------------------


def _decisions(decisions: Sequence[Decision], report: PlanReport, context: ReportContext) -> Iterator[Line]:
    width = name_width(decisions[:FULL])
    for decision in decisions[:FULL]:
        yield BLANK
        yield from decision_block(decision, report, context, width)
    if further := decisions[FULL:]:
        yield BLANK
        yield line((Style.HEADING, f"{count(len(further), 'more decision')}, a line each"))
        now = report.plan.taken_at
        yield from (one_line(decision, place_label(decision, context.names), now) for decision in further[:LINES])
        if len(further) > LINES:
            yield line((Style.QUIET, f"  and {count(len(further) - LINES, 'more decision')}, listed by --format json"))
    if len(decisions) > 1:
        yield BLANK
        yield line((Style.HEADING, f"In total {count(len(decisions), 'decision')}"), f": {totals(decisions)}")


def head_line(decision: Decision, where: str, width: int = 0) -> Line:
    """`  + more    legacy-sql-tde  servers/legacy-sql in rg rg-data`: effect, name, place."""
    effect = effect_label(decision)
    style, sign = _EFFECTS[effect]
    return line((style, f"  {sign} {effect:<7} "), (Style.NAME, decision.name.ljust(width)), "  ", where)


def title_line(decision: Decision) -> Line:
    """What, and how severe."""
    severity = (
        Style.ERROR if decision.is_severe else Style.PLAIN,
        f"{decision.severity}: " if decision.severity else "",
    )
    return line(INDENT, severity, decision.title)


def name_width(decisions: Iterable[Decision]) -> int:
    """How wide the column of these decisions' names is."""
    return min(_NAME_WIDTH, max((len(decision.name) for decision in decisions), default=0))


def one_line(decision: Decision, where: str, now: datetime) -> Line:
    """One decision on a line: sign, name, place, terms, and what must not be overlooked."""
    style, sign = _EFFECTS[effect_label(decision)]
    alert = f" ({'; '.join(highlight_labels(decision))})" if decision.highlights else ""
    listing = ", ".join(terms(decision, now))
    return line((style, f"  {sign} "), (Style.NAME, decision.name), f"  {where}: {listing}", (Style.WIDENS, alert))


def decision_block(decision: Decision, report: PlanReport, context: ReportContext, width: int = 0) -> Iterator[Line]:
    """One decision: effect, name and place; what, how severe; the terms; what must not be overlooked; why and by whom;
    the first exemptions that follow from it, or all; where it is declared.
    """
    names = context.names
    yield head_line(decision, place_label(decision, names), width)
    yield title_line(decision)
    yield line(INDENT, ", ".join(terms(decision, report.plan.taken_at)))
    yield from (line(INDENT, (Style.WIDENS, f"! {label}")) for label in highlight_labels(decision))
    if widenings := sorted({widening.value for change in decision.changes for widening in change.widens}):
        yield line(INDENT, (Style.WIDENS, f"exempts more than before by its {', '.join(widenings)}"))
    if also := list(dict.fromkeys(title for change in decision.changes for title in change.also_exempts)):
        yield line(INDENT, f"also exempts: {'; '.join(also)}")
    yield from _differences(decision, report, names)
    yield from (line(INDENT, reason) for reason in reasons(decision)[:_FEW])
    if decision.justification:
        yield line(INDENT, (Style.QUIET, "justification: "), decision.justification)
    if answerable := people(decision):
        yield line(INDENT, (Style.QUIET, ", ".join(f"{label} {text}" for label, text in answerable)))
    pairs = list(zip(decision.changes, decision.parts, strict=True))
    for change, part in pairs if context.verbose else pairs[:_FEW]:
        further = further_selection(decision, part.exemption), object_label(change, report.plan.owner)
        yield from _object(change, part, [text for text in further if text], names)
    if len(pairs) > _FEW and not context.verbose:
        yield line(INDENT, (Style.QUIET, f"and {count(len(pairs) - _FEW, 'more exemption')}, listed by --verbose"))
    if place := source_label(decision.source):
        yield line(INDENT, (Style.QUIET, place))


def _differences(decision: Decision, report: PlanReport, names: Names) -> Iterator[Line]:
    """What else differs field by field, each once; what the terms say already is left out."""
    before, after = decision.before, decision.after
    paths = set()
    if before and after:
        paths |= {"expiresOn"} if before.expires_on != after.expires_on else set()
        paths |= _CATEGORY_PATHS if before.category != after.category else set()
        paths |= SELECTION_PATHS if before.selection != after.selection else set()
    lines = {
        difference_line(INDENT, difference, report.plan.taken_at, names): None
        for part in decision.parts[:_FEW]
        if part.before and part.after
        for difference in differences(part.before, part.after)
        if difference.path not in paths and not (part.reason.is_adoption and difference.is_new_mark)
    }
    yield from lines


def _object(change: Change, part: Change, further: Sequence[str], names: Names) -> Iterator[Line]:
    """One exemption: what happens to it, in which assignment, with which policies of the decision, and whose it was."""
    exemption = part.exemption
    parts = [assignment_label(exemption.assignment, names), policies_label(exemption, names), *further]
    yield line(
        INDENT,
        (_STYLES[change.action], f"{SIGNS[change.action]} {change.action.value}  "),
        (Style.QUIET, ", ".join(parts)),
    )


def _others(others: Sequence[Decision], names: Names) -> Iterator[Line]:
    """What the next apply brings beside the change under review, in short."""
    if not others:
        return
    yield BLANK
    exemptions = len({change.id.key for decision in others for change in decision.changes})
    yield line(
        (
            Style.HEADING,
            f"Not part of this change ({count(len(others), 'decision')}, {count(exemptions, 'exemption')})",
        ),
        ": the next apply brings it as well",
    )
    for decision in others[:_OTHERS]:
        why = "; ".join(reasons(decision))
        yield head_line(decision, f"{place_label(decision, names)}{f': {why}' if why else ''}")
    if len(others) > _OTHERS:
        yield line(INDENT, (Style.QUIET, f"and {count(len(others) - _OTHERS, 'more decision')}"))


# --- what stays --------------------------------------------------------------------------------------------------


def held_section(groups: Sequence[HeldGroup]) -> Iterator[Line]:
    """What cannot be decided now, a block for each cause with how much it concerns."""
    if not groups:
        return
    yield BLANK
    places = count(sum(group.places for group in groups), "place")
    yield line((Style.HEADING, f"Held at {places}"), ": nothing of it is deleted or shrunk")
    for group in groups:
        yield line((Style.WARNING, f"  ! {group.cause.value}  "), (Style.NAME, group.label()))
        yield line(INDENT, group.message)
        if group.remedy:
            yield line(INDENT, (Style.QUIET, "help: "), group.remedy)
        if place := source_label(group.source):
            yield line(INDENT, (Style.QUIET, place))


def unread_section(unread: Iterable[Unread], names: Names) -> Iterator[Line]:
    """What could not be read, and what to do about it."""
    blocks = []
    for part in unread_groups(unread):
        head = line((Style.ERROR, "  ! unread  "), (Style.NAME, part.what), " at ", scope_label(part.scope, names))
        block = [head, line(INDENT, part.message)]
        if part.remedy:
            block.append(line(INDENT, (Style.QUIET, "help: "), part.remedy))
        blocks.append(block)
    yield from section("Could not be read: nothing is deleted there", blocks)


def refusal_line(refusal: Refusal, context: ReportContext = NO_CONTEXT) -> Line:
    """A guard that stops the run, and what accepts exactly this plan."""
    remedy = refusal_remedy(refusal, context.pipeline)
    return line((Style.ERROR, "Refused: "), refusal.message.rstrip("."), f"; {remedy}" if remedy else "")
