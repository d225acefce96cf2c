"""An explanation as text: the verdict of each assignment first, then every exemption with why, whose and until when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.arm.canonical import category
from reconciler.documents.suggest import did_you_mean
from reconciler.kinds import HeldCause
from reconciler.model import Carrier, Declaration, Unread, is_assessment
from reconciler.planning.explain.declaration import AssignmentRow, DeclarationExplanation, Participation
from reconciler.planning.explain.values import (
    AssignmentCoverage,
    CoveringExemption,
    RemovalImpact,
    ResourceExplanation,
    Role,
)
from reconciler.planning.provenance import Commit
from reconciler.planning.values import Held
from reconciler.reports.decision_labels import category_label
from reconciler.reports.labels import (
    NO_NAMES,
    Names,
    assignment_label,
    expiry_label,
    policies_label,
    scope_label,
    selection_label,
)
from reconciler.reports.styled import BLANK, Line, Style, line

_STYLES: Final = {Role.AUTHORITATIVE: Style.GOOD, Role.ALSO: Style.INFO, Role.NO_EFFECT: Style.QUIET}
_PARTS: Final = {Participation.IN: Style.GOOD, Participation.HELD: Style.WARNING, Participation.OUT: Style.QUIET}
_INDENT: Final = "      "


def explanation_lines(explanation: ResourceExplanation, names: Names = NO_NAMES) -> Iterator[Line]:
    """Why a resource is exempt."""
    about = f", from {explanation.title!r}" if explanation.title else ""
    yield line((Style.HEADING, scope_label(explanation.resource, names)), about)
    yield from _unread(explanation.unread, names)
    if explanation.is_gone:
        yield line((Style.WARNING, "  Azure finds no resource of this id"), ": it is mistyped, or was deleted or moved")
        if explanation.similar:
            yield line(_INDENT, did_you_mean([candidate.text for candidate in explanation.similar]))
    if not explanation.managed:
        yield line("  lies outside the scopes of reconciler.yaml: only what it inherits is known here")
    if not explanation.situations:
        yield line("  ", _nothing(explanation, about))
    for situation in explanation.situations:
        yield BLANK
        yield from _situation(situation, explanation, names)
    yield from _held_elsewhere(explanation.held, names)


def _nothing(explanation: ResourceExplanation, about: str) -> str:
    """What no exemption comes from: nobody wants one, nothing evaluates what they want, or it is not known."""
    if explanation.unread:
        return f"what exempts it{about} is not known"
    if not explanation.managed:
        return f"nothing that is known here exempts it{about}"
    held_declarations = {cells.declaration for cells in explanation.held}
    if waiting := [name for name in explanation.wanted_by if name in held_declarations]:
        several = len(waiting) > 1
        subject = f"{'declarations' if several else 'declaration'} {', '.join(map(repr, waiting))}"
        return f"nothing exempts it{about}: {subject} {'list it, but are' if several else 'lists it, but is'} held"
    if explanation.wanted_by:
        names = ", ".join(map(repr, explanation.wanted_by))
        several = len(explanation.wanted_by) > 1
        subject = f"declarations {names} list" if several else f"declaration {names} lists"
        return f"nothing exempts it{about}: {subject} it, but no assignment at or above it evaluates what {'they declare' if several else 'it declares'}"
    return f"nothing exempts it{about}, and no declaration wants it"


def _situation(situation: AssignmentCoverage, whole: ResourceExplanation, names: Names) -> Iterator[Line]:
    unknown = ", as far as it could be read" if whole.unread else ""
    style, verdict = (Style.GOOD, "exempt") if situation.is_exempt else (Style.WARNING, f"not exempt{unknown}")
    if situation.moot:
        style, verdict = Style.QUIET, "not evaluated"
    elif situation.bare and len(situation.bare) < len(situation.references):
        verdict = f"exempt but for {', '.join(situation.bare)}"
    elif situation.is_selective and situation.is_exempt:
        verdict = (
            "exempt for some findings"
            if is_assessment(situation.assignment.id.key)
            else "exempt where resource selectors choose it"
        )
    yield line((style, verdict), "  ", (Style.NAME, assignment_label(situation.assignment.id, names)))
    if situation.moot:
        yield line("  ", situation.moot)
    for cover in situation.covers:
        yield from _cover(cover, whole, names)
    for loss in situation.losses:
        yield from _loss(loss)
    for held_cells in situation.held:
        yield line("  ", (Style.WARNING, "held"), f"  {held_cells.declaration}: {held_cells.message}")
        yield line(_INDENT, (Style.QUIET, "help: "), held_cells.remedy)


def _cover(cover: CoveringExemption, whole: ResourceExplanation, names: Names) -> Iterator[Line]:
    where = f" on {scope_label(cover.exemption.scope, names)}" + (" (inherited)" if cover.inherited else "")
    role = cover.role.value if cover.is_live else f"{cover.role.value}, once it is created"
    yield line("  ", (_STYLES[cover.role], role), "  ", (Style.NAME, cover.exemption.name), where)
    yield line(_INDENT, f"{cover.whose}: {cover.why}")
    until = expiry_label(cover.exemption.expires_on, whole.taken_at)
    yield line(
        _INDENT,
        f"{policies_label(cover.exemption, names, cover.references)}; {category_label(category(cover.exemption.category))}, {until}",
    )
    if selection := selection_label(cover.exemption):
        yield line(_INDENT, selection)
    if cover.declaration:
        yield line(_INDENT, (Style.QUIET, _declared(cover.declaration, cover.commit)))


def _declared(declaration: Declaration, commit: Commit | None) -> str:
    at = f", last changed by {commit.sha[:12]} on {commit.when:%Y-%m-%d}" if commit else ""
    return f"{declaration.source.file}:{declaration.source.line}{at}"


def _loss(loss: RemovalImpact) -> Iterator[Line]:
    text = f"  if {loss.exemption.name} were removed: "
    if loss.kept_by:
        text += f"still exempt by {', '.join(exemption.name for exemption in loss.kept_by)}"
        text += f", but {', '.join(loss.exposed)} would be evaluated again" if loss.exposed else ""
    else:
        is_chosen = loss.exemption.carrier is Carrier.STANDARD and loss.exemption.selectors
        text += (
            f"{'what it chooses' if is_chosen else 'it'} would be evaluated again, and count as unhealthy within a day"
        )
    if loss.partly:
        chooser = "conditions" if loss.exemption.carrier is Carrier.STANDARD else "resource selectors"
        text += f", except what the {chooser} of {', '.join(exemption.name for exemption in loss.partly)} choose"
    yield line(text)
    if loss.returns:
        yield line(_INDENT, "the next apply creates it again, as long as its declaration wants it")


def _unread(unread: Sequence[Unread], names: Names) -> Iterator[Line]:
    """What could not be read, one line a cause: everything below follows only from the rest."""
    by_cause: dict[tuple[str, str, str], list[str]] = {}
    for entry in unread:
        by_cause.setdefault((scope_label(entry.scope, names), entry.message, entry.remedy), []).append(entry.what)
    for (scope, message, remedy), parts in by_cause.items():
        yield line((Style.ERROR, "  could not be read"), f": {', '.join(parts)} at {scope}: {message}")
        if remedy:
            yield line(_INDENT, (Style.QUIET, "help: "), remedy)


def _held_elsewhere(holds: Sequence[Held], names: Names) -> Iterator[Line]:
    """What is held whatever the assignment; what only waits for something unread, which is told above, in one line."""
    waiting = [line for line in holds if line.cause is HeldCause.UNREAD]
    others = [line for line in holds if line.cause is not HeldCause.UNREAD]
    if holds:
        yield BLANK
    if waiting:
        declarations = ", ".join(dict.fromkeys(line.declaration for line in waiting))
        yield line((Style.WARNING, "held  "), f"{declarations}: until it can be read")
    for cells in others:
        yield line(
            (Style.WARNING, "held  "), f"{cells.declaration} at {scope_label(cells.scope, names)}: {cells.message}"
        )
        yield line(_INDENT, (Style.QUIET, "help: "), cells.remedy)


def fan_out_lines(fan_out: DeclarationExplanation, names: Names = NO_NAMES) -> Iterator[Line]:
    """What a declaration comes to."""
    declaration = fan_out.declaration
    yield line((Style.HEADING, declaration.name), f": {fan_out.title}")
    yield line("  ", (Style.QUIET, _declared(declaration, fan_out.commit)))
    yield from _unread(fan_out.unread, names)
    if fan_out.wants_nothing:
        yield line(f"  wants nothing: {fan_out.wants_nothing}")
    elif not fan_out.rows and not fan_out.held and not fan_out.unread:
        yield line(f"  exempts nothing: no assignment at, above or below its scopes evaluates {fan_out.title!r}")
    if fan_out.also:
        exempts = "would also exempt" if fan_out.wants_nothing else "also exempts"
        yield line(f"  {exempts} {', '.join(fan_out.also)}: they rest on the same policies")
    for part in Participation:
        rows = [row for row in fan_out.rows if row.part is part]
        if rows:
            yield BLANK
            yield line((Style.HEADING, f"{part.value} ({len(rows)})"))
        for number, row in enumerate(rows):
            yield from _row(row, names, told_below=number + 1 < len(rows) and rows[number + 1].why == row.why)
    if fan_out.leftovers:
        yield BLANK
        yield line((Style.HEADING, f"goes ({len(fan_out.leftovers)})"))
        for change in fan_out.leftovers:
            yield line(
                "  ",
                (Style.NAME, change.id.name),
                f" on {scope_label(change.exemption.scope, names)}: {change.reason.value}",
            )
    reasons = [row.why for row in fan_out.rows if row.part is Participation.HELD]
    further = [cells for cells in fan_out.held if not any(why.startswith(cells.message) for why in reasons)]
    yield from _held_elsewhere(further, names)


def _row(row: AssignmentRow, names: Names, *, told_below: bool) -> Iterator[Line]:
    """One assignment. `told_below`: the next one has the same reason, which stands there once, and nothing else is known."""
    where = f": exemption on {scope_label(row.scope, names)}" if row.scope else ""
    yield line("  ", (_PARTS[row.part], assignment_label(row.assignment.id, names)), where)
    if not (told_below and row.exemption is None):
        yield line(_INDENT, row.why)
    if row.exemption is not None:
        state = (
            f"the plan will {row.change.action.value} it ({row.change.reason.value})" if row.change else "as declared"
        )
        selection = f", {words}" if (words := selection_label(row.exemption)) else ""
        yield line(
            _INDENT,
            (Style.NAME, row.exemption.name),
            f": {policies_label(row.exemption, names, row.references)}{selection}; {state}",
        )
