"""What the Markdown reports share: lists above the fold, folded fences, and GitHub's limit.

Headings, bold words and folds are ours; every value stands in a code span or a fence (see `escape`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from reconciler.model import Source, Unread, and_more
from reconciler.planning.values import Refusal
from reconciler.problems import Problem
from reconciler.reports.context import NO_NAMES, Names, Pipeline, ReportContext
from reconciler.reports.escape import markdown_code, markdown_fence, printable
from reconciler.reports.labels import scope_label, source_label
from reconciler.reports.obstacles import HeldGroup, refusal_remedy
from reconciler.reports.problems import message as problem_message

LIMIT: Final = 60_000
"""Bytes of UTF-8. GitHub refuses a comment or an issue of more than 65,536 characters."""

_ABOVE: Final = 20
_LONGEST: Final = 500
_FRAME: Final = 400
SHARE: Final = LIMIT // 12
_Item = TypeVar("_Item")


def bullets(  # noqa: PLR0913 - all but the first three are by name and rare
    title: str,
    items: Iterable[_Item],
    show: Callable[[_Item], str],
    *,
    limit: int = _ABOVE,
    is_counted: bool = True,
    share: int = SHARE,
) -> Iterator[str]:
    """A bold title, with how many unless it says so itself, and the first items within a share of the comment; nothing
    for none. `share` is the part of the comment that they get, in bytes.
    """
    everything = list(items)
    if not everything:
        return
    total = f" ({len(everything):,})" if is_counted else ""
    yield f"\n**{title}{total}**\n" if title else ""
    rows = list(_fitting((f"- {show(item)}" for item in everything[:limit]), share, lambda row: f"{row}\n"))
    yield from rows
    if len(everything) > len(rows):
        yield f"-{and_more(len(everything) - len(rows))}"


def _fitting(texts: Iterable[str], room: int, form: Callable[[str], str]) -> Iterator[str]:
    """The first texts for which there is room, in bytes, in the form in which they will be written."""
    for text in texts:
        room -= len(form(text).encode())
        if room < 0:
            return
        yield text


def value(text: str) -> str:
    """A value above the fold: a code span, cut where live text is far longer than Azure's own limits."""
    safe = printable(text)
    return markdown_code(safe if len(safe) <= _LONGEST else f"{safe[:_LONGEST]}…")


def folded(title: str, total: int, blocks: Iterable[str], language: str, room: int) -> str:
    """A folded fence with as many whole blocks as there is room for (in bytes), and how many of the total are left
    out. Blocks that have no room are never made; newlines at an end of one are blank lines between.
    """
    if not total:
        return ""
    fitting = list(_fitting(blocks, room - _FRAME, markdown_fence))  # a mention grows when it is broken
    missing = total - len(fitting)
    note = f"\n\n{missing:,} more in the artifact." if missing else ""
    fence = markdown_fence("\n".join(fitting).strip("\n"), language) if fitting else ""
    return f"\n<details><summary>{title} ({total:,})</summary>\n\n{fence}{note}\n\n</details>\n"


# --- items -------------------------------------------------------------------------------------------------------


def linked(text: str, source: Source | None, context: ReportContext) -> str:
    """A value as code, a link to where it is declared where files have an address."""
    address = context.link(source) if source else ""
    return f"[{value(text)}]({address})" if address else value(text)


def place(source: Source | None) -> str:
    """`, file:line`, or nothing."""
    return f", {value(source_label(source))}" if source else ""


def problem_item(problem: Problem, context: ReportContext) -> str:
    """A mistake in a file: where, what, and what to do."""
    remedy = f"; {value(problem.remedy)}" if problem.remedy else ""
    return f"{linked(source_label(problem.source), problem.source, context)}: {value(problem_message(problem))}{remedy}"


def refusal_item(refusal: Refusal, pipeline: Pipeline = Pipeline.NONE) -> str:
    """A guard that stops the run, and what accepts exactly this plan."""
    remedy = refusal_remedy(refusal, pipeline)
    return value(refusal.message.rstrip(".")) + (f"; {value(remedy)}" if remedy else "")


def held_item(group: HeldGroup) -> str:
    """What cannot be decided now for one cause, how much, why, and what would free it."""
    remedy = f"; help: {value(group.remedy)}" if group.remedy else ""
    return f"**{group.cause.value}** {group.label(value)}: {value(group.message)}{remedy}{place(group.source)}"


def unread_item(unread: Unread, names: Names = NO_NAMES) -> str:
    """What could not be read, and what to do about it."""
    remedy = f"; help: {value(unread.remedy)}" if unread.remedy else ""
    where = value(scope_label(unread.scope, names))
    return f"{value(unread.what)} at {where}: {value(unread.message)}{remedy}"
