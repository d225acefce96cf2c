"""An explanation as text: the verdict of each assignment first, then every exemption with why, whose and until when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.model import Declaration
from reconciler.planning.explanation import Cover, Explanation, Loss, Role, Situation
from reconciler.planning.fan_out import FanOut, Part, Row
from reconciler.planning.provenance import Commit
from reconciler.planning.values import Held
from reconciler.reports.lines import BLANK, Line, Style, line
from reconciler.reports.words import (
    NO_NAMES,
    Names,
    assignment_words,
    expiry_words,
    policies_words,
    scope_words,
    selection_words,
)

_STYLES: Final = {Role.AUTHORITATIVE: Style.GOOD, Role.ALSO: Style.INFO, Role.NO_EFFECT: Style.QUIET}
_PARTS: Final = {Part.IN: Style.GOOD, Part.HELD: Style.WARNING, Part.OUT: Style.QUIET}
_INDENT: Final = "      "


def explanation_lines(found: Explanation, names: Names = NO_NAMES) -> Iterator[Line]:
    """Why a resource is exempt."""
    about = f", from {found.title!r}" if found.title else ""
    yield line((Style.HEADING, scope_words(found.resource, names)), about)
    if not found.managed:
        yield line("  lies outside the scopes of reconciler.yaml: only what it inherits is known here")
    if not found.situations:
        yield line("  ", _nothing(found, about))
    for situation in found.situations:
        yield BLANK
        yield from _situation(situation, found, names)
    yield from _trailing(found.held, found.unread, names)


def _nothing(found: Explanation, about: str) -> str:
    """What no exemption comes from: nobody wants one, nothing evaluates what they want, or it is not known."""
    if found.unread:
        return f"what exempts it{about} is not known: not everything at or above it could be read"
    if not found.managed:
        return f"nothing that is known here exempts it{about}"
    if found.wanted_by:
        names = ", ".join(map(repr, found.wanted_by))
        several = len(found.wanted_by) > 1
        who = f"declarations {names} list" if several else f"declaration {names} lists"
        return f"nothing exempts it{about}: {who} it, but no assignment at or above it evaluates what {'they declare' if several else 'it declares'}"
    return f"nothing exempts it{about}, and no declaration wants it"


def _situation(found: Situation, whole: Explanation, names: Names) -> Iterator[Line]:
    style, verdict = (Style.GOOD, "exempt") if found.is_exempt else (Style.WARNING, "not exempt")
    if found.moot:
        style, verdict = Style.QUIET, "not evaluated"
    elif found.bare and len(found.bare) < len(found.references):
        verdict = f"exempt but for {', '.join(found.bare)}"
    elif found.selective and found.is_exempt:
        verdict = "exempt where resource selectors choose it"
    yield line((style, verdict), "  ", (Style.NAME, assignment_words(found.assignment.id, names)))
    if found.moot:
        yield line("  ", found.moot)
    for cover in found.covers:
        yield from _cover(cover, whole, names)
    for loss in found.losses:
        yield from _loss(loss)
    for held in found.held:
        yield from _held(held)


def _cover(cover: Cover, whole: Explanation, names: Names) -> Iterator[Line]:
    where = f" on {scope_words(cover.exemption.scope, names)}" + (" (inherited)" if cover.inherited else "")
    role = cover.role.value if cover.is_live else f"{cover.role.value}, once it is created"
    yield line("  ", (_STYLES[cover.role], role), "  ", (Style.NAME, cover.exemption.name), where)
    yield line(_INDENT, f"{cover.whose}: {cover.why}")
    until = expiry_words(cover.exemption.expires_on, whole.taken_at)
    yield line(_INDENT, f"{policies_words(cover.references)}; {cover.exemption.category}, {until}")
    if selection := selection_words(cover.exemption):
        yield line(_INDENT, selection)
    if cover.declaration:
        yield line(_INDENT, (Style.QUIET, _declared(cover.declaration, cover.commit)))


def _declared(declaration: Declaration, commit: Commit | None) -> str:
    at = f", last changed by {commit.sha[:12]} on {commit.when:%Y-%m-%d}" if commit else ""
    return f"{declaration.source.file}:{declaration.source.line}{at}"


def _loss(loss: Loss) -> Iterator[Line]:
    told = f"  if {loss.exemption.name} were removed: "
    if loss.kept_by:
        told += f"still exempt by {', '.join(kept.name for kept in loss.kept_by)}"
        told += f", but {', '.join(loss.exposed)} would be evaluated again" if loss.exposed else ""
    else:
        told += "it would be evaluated again, and count as unhealthy within a day"
    if loss.partly:
        told += f", except what the resource selectors of {', '.join(kept.name for kept in loss.partly)} choose"
    yield line(told)
    if loss.returns:
        yield line(_INDENT, "the next apply creates it again, as long as its declaration wants it")


def _held(held: Held) -> Iterator[Line]:
    yield line("  ", (Style.WARNING, "held"), f"  {held.declaration}: {held.message}")
    yield line(_INDENT, (Style.QUIET, "fix: "), held.remedy)


def _trailing(held: tuple[Held, ...], unread: tuple[str, ...], names: Names) -> Iterator[Line]:
    if held or unread:
        yield BLANK
    for each in held:
        yield line((Style.WARNING, "held  "), f"{each.declaration} at {scope_words(each.scope, names)}: {each.message}")
        yield line(_INDENT, (Style.QUIET, "fix: "), each.remedy)
    for text in unread:
        yield line((Style.ERROR, "could not be read  "), text)


def fan_out_lines(found: FanOut, names: Names = NO_NAMES) -> Iterator[Line]:
    """What a declaration comes to."""
    declaration = found.declaration
    yield line((Style.HEADING, declaration.name), f": {found.title}")
    yield line("  ", (Style.QUIET, _declared(declaration, found.commit)))
    if found.wants_nothing:
        yield line(f"  wants nothing: {found.wants_nothing}")
    elif not found.rows and not found.held and not found.unread:
        yield line(f"  exempts nothing: no assignment at, above or below its scopes evaluates {found.title!r}")
    if found.also:
        exempts = "would also exempt" if found.wants_nothing else "also exempts"
        yield line(f"  {exempts} {', '.join(found.also)}: they rest on the same policies")
    for part in Part:
        rows = [row for row in found.rows if row.part is part]
        if rows:
            yield BLANK
            yield line((Style.HEADING, f"{part.value} ({len(rows)})"))
        for row in rows:
            yield from _row(row, names)
    if found.leftovers:
        yield BLANK
        yield line((Style.HEADING, f"goes ({len(found.leftovers)})"))
        for change in found.leftovers:
            yield line(
                "  ",
                (Style.NAME, change.id.name),
                f" on {scope_words(change.subject.scope, names)}: {change.reason.value}",
            )
    yield from _trailing(found.held, found.unread, names)


def _row(row: Row, names: Names) -> Iterator[Line]:
    where = f": exemption on {scope_words(row.scope, names)}" if row.scope else ""
    yield line("  ", (_PARTS[row.part], assignment_words(row.assignment.id, names)), where)
    yield line(_INDENT, row.why)
    if row.exemption is not None:
        state = (
            f"the plan will {row.change.action.value} it ({row.change.reason.value})" if row.change else "as declared"
        )
        selection = f", {said}" if (said := selection_words(row.exemption)) else ""
        yield line(_INDENT, (Style.NAME, row.exemption.name), f": {policies_words(row.references)}{selection}; {state}")
