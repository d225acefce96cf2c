"""The plan as a comment on a pull request, or a step's summary.

Above the fold stands what a reviewer must not miss: the counts, what is refused, held or unread, everything that
exempts more than before and everything that is deleted. Values stand only in code spans and fences (see `escape`). The
comment keeps below GitHub's 65,536 characters by leaving out whole changes, and says how many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from reconciler.model import Source, Unread
from reconciler.planning.values import Action, Change, Held, Plan, Refusal
from reconciler.reports.escape import markdown_code, markdown_fence
from reconciler.reports.findings_text import finding_blocks
from reconciler.reports.lines import Line, plain
from reconciler.reports.plan_text import change_block, counts_words, heading, in_reading_order, name_of
from reconciler.reports.words import NO_NAMES, SIGNS, Names, assignment_words, count, place_words, scope_words

MARKER: Final = "<!-- exempt:plan -->"
"""The comment's first line, by which the next run finds it to update in place."""

LIMIT: Final = 60_000
"""Bytes of UTF-8. GitHub refuses a body over 65,536 characters."""

_ABOVE: Final = 20
_Item = TypeVar("_Item")


def plan_markdown(plan: Plan, names: Names = NO_NAMES, limit: int = LIMIT) -> str:
    """The plan as Markdown of at most `limit` bytes, cut between changes."""
    above = list(_above_the_fold(plan, names))
    below = f"\nDigest {markdown_code(plan.digest)}\n" if plan.changes else ""
    found = "\n".join(above) + "\n"
    found += _folded("Findings", [_dedent(block) for block in finding_blocks(plan.findings, names)], "text", limit // 4)
    changes = [_diff_block(change, plan, names) for change in in_reading_order(plan.changes)]
    left = limit - len((found + below).encode("utf-8", "replace"))
    return found + _folded("All changes", changes, "diff", left) + below


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
    yield from _list("Refused", plan.refusals, _refusal_item)
    widening = [change for change in plan.changes if change.widens]
    yield from _list("Exempts more than before", in_reading_order(widening), lambda item: _change_item(item, names))
    deleted = [change for change in plan.changes if change.action is Action.DELETE]
    yield from _list("Deletes", in_reading_order(deleted), lambda item: _change_item(item, names))
    yield from _list("Held: nothing of it is deleted or shrunk", plan.held, lambda item: _held_item(item, names))
    yield from _list("Could not be read: nothing is deleted there", plan.unread, lambda item: _unread_item(item, names))


def _list(title: str, items: Iterable[_Item], show: Callable[[_Item], str]) -> Iterator[str]:
    found = list(items)
    if not found:
        return
    yield f"\n**{title} ({len(found)})**\n"
    yield from (f"- {show(item)}" for item in found[:_ABOVE])
    if len(found) > _ABOVE:
        yield f"- and {len(found) - _ABOVE} more"


def _refusal_item(refusal: Refusal) -> str:
    accept = f"; rerun with {markdown_code(refusal.accept)} to accept exactly this" if refusal.accept else ""
    return markdown_code(refusal.message.rstrip(".")) + accept


def _change_item(change: Change, names: Names) -> str:
    subject = change.subject
    where = f"{scope_words(subject.scope, names)} / {assignment_words(subject.assignment, names)}"
    why = f"**{', '.join(change.widens)}**" if change.widens else f"*{change.reason.value}*"
    return f"{change.action.value} {markdown_code(name_of(change))} ({why}) at {markdown_code(where)}{_place(change.source)}"


def _held_item(held: Held, names: Names) -> str:
    remedy = f"; to free it: {markdown_code(held.remedy)}" if held.remedy else ""
    where = scope_words(held.scope, names)
    if held.assignment:
        where = f"{where} / {assignment_words(held.assignment, names)}"
    head = f"{markdown_code(held.declaration)} at {markdown_code(where)}"
    return f"{head}: {markdown_code(held.message)}{remedy}{_place(held.source)}"


def _unread_item(unread: Unread, names: Names) -> str:
    remedy = f"; help: {markdown_code(unread.remedy)}" if unread.remedy else ""
    where = markdown_code(scope_words(unread.scope, names))
    return f"{markdown_code(unread.what)} at {where}: {markdown_code(unread.reason)}{remedy}"


def _place(source: Source | None) -> str:
    return f", {markdown_code(place_words(source))}" if source else ""


# --- below the fold ----------------------------------------------------------------------------------------------


def _diff_block(change: Change, plan: Plan, names: Names) -> str:
    """The text's block with its sign in the first column, where a diff fence colours it (`!` for an update)."""
    text = _dedent(list(change_block(change, plan.taken_at, names)))
    return "!" + text[1:] if text.startswith(SIGNS[Action.UPDATE]) else text


def _dedent(lines: list[Line]) -> str:
    return "\n".join(found.removeprefix("  ") for found in plain(lines).rstrip("\n").split("\n"))


def _folded(title: str, blocks: list[str], language: str, room: int) -> str:
    """A folded fence with as many whole blocks as there is room for."""
    if not blocks:
        return ""
    fits = _fitting(blocks, room - 400)
    left = len(blocks) - fits
    more = f"\n\n{left} more in the artifact." if left else ""
    fence = markdown_fence("\n\n".join(blocks[:fits]), language) if fits else ""
    return f"\n<details><summary>{title} ({len(blocks)})</summary>\n\n{fence}{more}\n\n</details>\n"


def _fitting(blocks: list[str], room: int) -> int:
    """How many blocks fit, counted as they will be written: a mention grows when it is broken."""
    for place, block in enumerate(blocks):
        room -= len(markdown_fence(block).encode("utf-8", "replace")) + 2
        if room < 0:
            return place
    return len(blocks)
