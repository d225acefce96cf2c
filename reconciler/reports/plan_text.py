"""The plan as text, for the person who must judge it in a minute: counts first, then what exempts more than before,
then every change in a block that begins with its identity, then what stays undecided and what is refused.

`plan_lines` gives styled lines for a terminal, `plan_text` the same without colour. `now` is when the plan was taken,
so that the same plan always reads the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise
from typing import Final

from reconciler.arm.canonical import category
from reconciler.model import Exemption, Unread, agree, count
from reconciler.planning.marks import OWN_KEYS
from reconciler.planning.values import Action, Change, FindingKind, Held, Plan, Reason, Refusal
from reconciler.reports.fields import REFERENCES, Difference, differences
from reconciler.reports.findings_text import finding_blocks
from reconciler.reports.lines import BLANK, Line, Style, line, plain
from reconciler.reports.problems import problem_lines
from reconciler.reports.values_text import difference_line
from reconciler.reports.words import (
    NO_NAMES,
    SIGNS,
    Names,
    assignment_words,
    breadth_words,
    expiry_words,
    object_words,
    place_words,
    policies_words,
    reason_words,
    scope_words,
    selection_words,
)

INDENT: Final = " " * 12
_NAME_WIDTH: Final = 32
_STYLES: Final = {Action.CREATE: Style.CREATE, Action.UPDATE: Style.UPDATE, Action.DELETE: Style.DELETE}


def plan_text(plan: Plan, names: Names = NO_NAMES) -> str:
    """The plan as plain text."""
    return plain(plan_lines(plan, names))


def plan_lines(plan: Plan, names: Names = NO_NAMES) -> Iterator[Line]:
    """The plan as styled lines. `names` maps folded ids to display names."""
    yield heading(plan)
    yield from _changes(plan, names)
    yield from section("Held: nothing of it is deleted or shrunk", [held_block(held, names) for held in plan.held])
    yield from section("Could not be read: nothing is deleted there", [unread_block(u, names) for u in plan.unread])
    yield from section("Findings", finding_blocks(plan.findings, names))
    if plan.problems:
        yield BLANK
        yield line((Style.HEADING, "Invalid"))
        yield from problem_lines(plan.problems)
    if plan.refusals:
        yield BLANK
        yield from (refusal_line(refusal) for refusal in plan.refusals)
    if not plan.is_empty:
        yield BLANK
        yield line((Style.QUIET, f"Digest {plan.digest}"))


def heading(plan: Plan) -> Line:
    """What is planned, from what, and how much of it; a sentence that says so where nothing is."""
    if plan.is_empty:
        return line((Style.HEADING, _empty_sentence(plan)), f" {_rest_words(plan)}.")
    told = f"Plan{_revision_words(plan)}, {count(len(plan.scopes), 'scope')}: "
    return line((Style.HEADING, told + counts_words(plan)), f" {_rest_words(plan)}")


def counts_words(plan: Plan) -> str:
    """`1 to create, 0 to update, 2 to delete`."""
    return ", ".join(f"{plan.count(action)} to {action.value}" for action in Action)


def _revision_words(plan: Plan) -> str:
    told = f" for {plan.revision[:12]}" if plan.revision else ""
    return told + (" with uncommitted changes" if plan.dirty else "")


def _rest_words(plan: Plan) -> str:
    parts = [f"{len(plan.unchanged)} unchanged", f"{len(plan.foreign)} not ours"]
    return f"({', '.join([*parts, f'{len(plan.held)} held'] if plan.held else parts)})"


def _empty_sentence(plan: Plan) -> str:
    if not plan.complete:
        return "No changes in what could be read, but not everything could be"
    if plan.held:
        return "No changes, but not everything can be decided now"
    idle = len({found.declaration for found in plan.findings if found.kind is FindingKind.UNCOVERED})
    if idle:
        return f"No changes, but {count(idle, 'declaration')} {agree(idle, 'exempts', 'exempt')} nothing at some target"
    return "No changes. Azure matches the declarations"


def section(title: str, blocks: list[list[Line]]) -> Iterator[Line]:
    """A heading with the number of blocks, and the blocks; nothing for none."""
    if not blocks:
        return
    yield BLANK
    yield line((Style.HEADING, f"{title} ({len(blocks)})"))
    for block in blocks:
        yield from block


# --- changes -----------------------------------------------------------------------------------------------------


def in_reading_order(changes: Iterable[Change]) -> list[Change]:
    """By declaration, then deletes last, then by id: what belongs together stands together."""
    order = {action: place for place, action in enumerate(Action)}
    return sorted(changes, key=lambda change: (name_of(change).lower(), order[change.action], change.id.key))


def _changes(plan: Plan, names: Names) -> Iterator[Line]:
    widening = in_reading_order(change for change in plan.changes if change.widens)
    others = in_reading_order(change for change in plan.changes if not change.widens)
    width = min(_NAME_WIDTH, max((len(name_of(change)) for change in plan.changes), default=0))
    if widening:
        yield BLANK
        yield line((Style.WIDENS, f"Exempts more than before ({len(widening)})"))
        yield from _blocks(widening, plan, names, width)
        if others:
            yield BLANK
            yield line((Style.HEADING, f"Other changes ({len(others)})"))
    yield from _blocks(others, plan, names, width)


def _blocks(changes: list[Change], plan: Plan, names: Names, width: int) -> Iterator[Line]:
    for previous, change in pairwise([None, *changes]):
        assert change is not None
        if not continues(previous, change):
            yield BLANK
        yield from change_block(change, plan, names, width, previous)


def continues(previous: Change | None, change: Change) -> bool:
    """Whether a create belongs to the same declaration and scope as the one before it, so that they read as one."""
    if previous is None or (previous.action, change.action) != (Action.CREATE, Action.CREATE):
        return False
    return previous.declaration == change.declaration and previous.exemption.scope == change.exemption.scope


def change_block(
    change: Change, plan: Plan, names: Names = NO_NAMES, width: int = 0, previous: Change | None = None
) -> Iterator[Line]:
    """One change: sign, action, declaration and scope; which object, where that is not plain; what it says; the
    assignment; what differs; why; where.

    A declaration makes one exemption for each assignment. Beside identity and what exempts more, the further ones say
    only what the `previous` one has not said.
    """
    head, *rest = _full_block(change, plan, names, width)
    said = set(_full_block(previous, plan, names, width)) if previous and continues(previous, change) else set()
    yield head
    yield from (found for found in rest if found not in said or found[-1].style is Style.WIDENS)


def _full_block(change: Change, plan: Plan, names: Names, width: int) -> Iterator[Line]:
    style, subject, now = _STYLES[change.action], change.exemption, plan.taken_at
    sign = f"  {SIGNS[change.action]} {change.action.value}  "
    yield line((style, sign), (Style.NAME, name_of(change).ljust(width)), "  ", scope_words(subject.scope, names))
    if whose := object_words(change, plan.owner):
        yield line(INDENT, whose)
    found = _differences(change)
    differing = frozenset(difference.path for difference in found)
    if (title := title_of(change)) and "displayName" not in differing:
        yield line(INDENT, f'"{title}"')
    if said := what_words(subject, now, differing):
        yield line(INDENT, said)
    policies = "" if REFERENCES in differing else f", {policies_words(subject.reference_ids)}"
    yield line(INDENT, assignment_words(subject.assignment, names), policies)
    if "resourceSelectors" not in differing and (selection := selection_words(subject)):
        yield line(INDENT, selection)
    if change.widens:
        yield line(INDENT, (Style.WIDENS, f"exempts more: {', '.join(change.widens)}"))
    if breadth := new_breadth(change):
        yield line(INDENT, (Style.WIDENS, f"covers {breadth}"))
    if change.also_exempts:
        yield line(INDENT, f"also exempts: {'; '.join(change.also_exempts)}")
    for difference in found:
        yield difference_line(INDENT, difference, now)
    yield from _why_and_where(change)


def new_breadth(change: Change) -> str:
    """What a create covers that a reviewer must not miss: a whole subscription or management group."""
    found = breadth_words(change.exemption.scope) if change.action is Action.CREATE else ""
    return f"{found}, as far as its resource selectors choose" if found and change.exemption.selectors else found


def _differences(change: Change) -> list[Difference]:
    """What differs; the marks that an adoption adds say no more than that it is one."""
    if not change.before or not change.after:
        return []
    found = differences(change.before, change.after)
    if change.reason is not Reason.ADOPT:
        return list(found)
    return [each for each in found if each.before is not None or each.path.removeprefix("metadata.") not in OWN_KEYS]


def _why_and_where(change: Change) -> Iterator[Line]:
    if why := reason_words(change):
        yield line(INDENT, why)
    if place := place_words(change.source):
        yield line(INDENT, (Style.QUIET, place))


def name_of(change: Change) -> str:
    """The declaration's name, or the exemption's own where no declaration stands behind it."""
    return change.declaration or change.exemption.name


def title_of(change: Change) -> str:
    """The display name, without the declaration's name that stands beside it already."""
    return change.exemption.display_name.removeprefix(f"{name_of(change)}: ")


def what_words(exemption: Exemption, now: datetime, leaving_out: frozenset[str] = frozenset()) -> str:
    """`Waiver, expires 2027-01-31 (in 72 days)`; without what a difference says already."""
    parts = {"exemptionCategory": category(exemption.category), "expiresOn": expiry_words(exemption.expires_on, now)}
    return ", ".join(said for path, said in parts.items() if path not in leaving_out)


# --- what stays --------------------------------------------------------------------------------------------------


def held_block(held: Held, names: Names = NO_NAMES) -> list[Line]:
    """What cannot be decided now, why, and what would free it."""
    found = [
        line((Style.WARNING, "  ! held    "), (Style.NAME, held.declaration), "  ", scope_words(held.scope, names))
    ]
    if held.assignment:
        found.append(line(INDENT, assignment_words(held.assignment, names)))
    found.append(line(INDENT, held.message))
    if held.remedy:
        found.append(line(INDENT, (Style.QUIET, "to free it: "), held.remedy))
    if place := place_words(held.source):
        found.append(line(INDENT, (Style.QUIET, place)))
    return found


def unread_block(unread: Unread, names: Names = NO_NAMES) -> list[Line]:
    """What could not be read, and what to do about it."""
    head = line((Style.ERROR, "  ! unread  "), (Style.NAME, unread.what), " at ", scope_words(unread.scope, names))
    found = [head, line(INDENT, unread.message)]
    return [*found, line(INDENT, (Style.QUIET, "help: "), unread.remedy)] if unread.remedy else found


def refusal_line(refusal: Refusal) -> Line:
    """A guard that stops the run, and the option that accepts exactly this plan."""
    accept = f"; rerun with {refusal.remedy} to accept exactly this" if refusal.remedy else ""
    return line((Style.ERROR, "Refused: "), refusal.message.rstrip("."), accept)
