"""The plan as a comment on a pull request, or a step's summary.

Above the fold stands what a reviewer must not miss: the counts, what is refused, everything that exempts more than
before, everything that is deleted, what is held or unread. Below it every change, cut between changes at GitHub's limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from reconciler.model import count
from reconciler.planning.values import Action, Change, Plan
from reconciler.reports.escape import markdown_code
from reconciler.reports.findings_text import finding_blocks
from reconciler.reports.lines import Line, plain
from reconciler.reports.markdown import (
    LIMIT,
    bullets,
    folded,
    held_item,
    place,
    problem_item,
    refusal_item,
    unread_item,
    value,
)
from reconciler.reports.plan_text import (
    change_block,
    continues,
    counts_words,
    heading,
    in_reading_order,
    name_of,
    new_breadth,
)
from reconciler.reports.words import (
    NO_NAMES,
    SIGNS,
    Names,
    assignment_words,
    object_words,
    scope_words,
    selection_words,
)

MARKER: Final = "<!-- exempt:plan -->"
"""The comment's first line, by which the next run finds it to update in place."""


def plan_markdown(plan: Plan, names: Names = NO_NAMES, limit: int = LIMIT) -> str:
    """The plan as Markdown of at most `limit` bytes."""
    found = "\n".join(_above_the_fold(plan, names)) + "\n"
    below = f"\nDigest {markdown_code(plan.digest)}\n" if plan.changes else ""
    left = limit - len((found + below).encode())
    findings = finding_blocks(plan.findings, names)
    told = _changes(plan, names, left - left // 4 if findings else left)
    shown = folded("Findings", len(findings), map(_dedent, findings), "text", left - len(told.encode()))
    return found + told + shown + below


def _changes(plan: Plan, names: Names, room: int) -> str:
    ordered = [None, *in_reading_order(plan.changes)]
    blocks = (_diff_block(change, previous, plan, names) for previous, change in pairwise(ordered) if change)
    return folded("All changes", len(plan.changes), blocks, "diff", room)


def _above_the_fold(plan: Plan, names: Names) -> Iterator[str]:
    yield MARKER
    if plan.is_empty:
        yield f"### {plain([heading(plan)]).strip()}"
    else:
        yield f"### {counts_words(plan)}"
        revision = f" for {markdown_code(plan.revision[:12])}" if plan.revision else ""
        dirty = " with uncommitted changes" if plan.dirty else ""
        rest = f"{len(plan.unchanged)} unchanged, {len(plan.foreign)} not ours, {len(plan.held)} held"
        yield f"\nPlan{revision}{dirty} over {count(len(plan.scopes), 'scope')}; {rest}."
    yield from bullets("Invalid", plan.problems, problem_item)
    yield from bullets("Refused", plan.refusals, refusal_item)
    widening = [change for change in plan.changes if change.widens]
    yield from bullets(
        "Exempts more than before", in_reading_order(widening), lambda item: _change_item(item, plan, names)
    )
    broad = [change for change in plan.changes if new_breadth(change) and not change.widens]
    yield from bullets(
        "Covers a whole subscription or management group",
        in_reading_order(broad),
        lambda item: _change_item(item, plan, names),
    )
    deleted = [change for change in plan.changes if change.action is Action.DELETE]
    yield from bullets("Deletes", in_reading_order(deleted), lambda item: _change_item(item, plan, names))
    yield from bullets("Held: nothing of it is deleted or shrunk", plan.held, lambda item: held_item(item, names))
    yield from bullets(
        "Could not be read: nothing is deleted there", plan.unread, lambda item: unread_item(item, names)
    )


def _change_item(change: Change, plan: Plan, names: Names) -> str:
    subject = change.exemption
    where = f"{scope_words(subject.scope, names)} / {assignment_words(subject.assignment, names)}"
    why = f"**{', '.join(change.widens)}**" if change.widens else f"*{change.reason.value}*"
    more = "".join(f", {value(said)}" for said in (object_words(change, plan.owner), selection_words(subject)) if said)
    return f"{change.action.value} {value(name_of(change))} ({why}) at {value(where)}{more}{place(change.source)}"


# --- below the fold ----------------------------------------------------------------------------------------------


def _diff_block(change: Change, previous: Change | None, plan: Plan, names: Names) -> str:
    """The text's block with its sign in the first column, where a diff fence colours it (`!` for an update)."""
    text = _dedent(list(change_block(change, plan, names, previous=previous))).rstrip("\n")
    signed = "!" + text[1:] if text.startswith(SIGNS[Action.UPDATE]) else text
    return signed if continues(previous, change) else "\n" + signed


def _dedent(lines: list[Line]) -> str:
    return "\n".join(found.removeprefix("  ") for found in plain(lines).split("\n"))
