"""A status as Markdown: for a step's summary, and for the pull request of whoever waits for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from reconciler.assessments.report import EffectReport
from reconciler.assessments.values import DeclarationEffect, EffectState, TargetEffect
from reconciler.reports.labels import NO_NAMES, Names, scope_label
from reconciler.reports.markdown import LIMIT, bullets, folded, place, value
from reconciler.reports.status_text import LAG, heading, situation, status_lines
from reconciler.reports.styled import plain

MARKER: Final = "<!-- exempt:status -->"
"""The first line of a comment on a pull request, by which a later run knows its own."""
_SETTLED: Final = frozenset({EffectState.IN_FORCE, EffectState.INEFFECTIVE})


def status_markdown(report: EffectReport, names: Names = NO_NAMES, limit: int = LIMIT) -> str:
    """The status as Markdown of at most `limit` bytes: what needs somebody above the fold, everything below."""
    rows = [f"### {value(heading(report))}", f"\n{LAG}"]
    if report.counts:
        rows.append("\n| state | declarations | meaning |\n|---|---:|---|")
        rows += [f"| {state.value} | {number} | {state.meaning} |" for state, number in report.counts.items()]
    urgent = [declaration for declaration in report.declarations if declaration.state.needs_somebody]
    rows += bullets("For somebody", urgent, lambda declaration: _item(declaration, names))
    unneeded = [need for need in report.needs or () if need.unneeded]
    rows += bullets(
        "No longer needed", unneeded, lambda need: f"{value(need.name)}: {value(need.remedy)}{place(need.source)}"
    )
    above = "\n".join(rows) + "\n"
    text = plain(status_lines(report, names))
    blocks = [block + "\n" for block in text.rstrip("\n").split("\n\n")]
    return above + folded("Everything", len(blocks), blocks, "text", limit - len(above.encode()))


def _decisive_target(declaration: DeclarationEffect) -> TargetEffect:
    """The first target whose state is the declaration's."""
    return next(target for target in declaration.targets if target.state is declaration.state)


def _item(declaration: DeclarationEffect, names: Names) -> str:
    target = _decisive_target(declaration)
    first = target.diagnoses[0] if target.diagnoses else None
    why = f": {value(first.message)}; fix: {value(first.remedy)}" if first else ""
    where = value(scope_label(target.target, names))
    return f"**{declaration.state.value}** {value(declaration.name)} {where}{why}{place(declaration.source)}"


# --- for the requester -------------------------------------------------------------------------------------------


def settled_comments(
    report: EffectReport, earlier: Mapping[str, str] | None, names: Names = NO_NAMES
) -> dict[str, str]:
    """What to tell on each pull request (by number): its declarations that took effect, or did not, since an earlier
    report, whose states are given by name; without one, within as long as Defender may take. A pull request of which
    nothing changed is not told anything.
    """
    by_request: dict[str, list[DeclarationEffect]] = defaultdict(list)
    for declaration in report.declarations:
        if declaration.pull_request.isdecimal():
            by_request[declaration.pull_request].append(declaration)
    return {
        number: _comment(declarations, report, names)
        for number, declarations in sorted(by_request.items())
        if any(_is_news(declaration, report, earlier) for declaration in declarations)
    }


def _is_news(declaration: DeclarationEffect, report: EffectReport, earlier: Mapping[str, str] | None) -> bool:
    if declaration.state not in _SETTLED:
        return False
    if earlier is not None:
        return earlier.get(declaration.name) != declaration.state.value
    times = [target.since or target.due for target in declaration.targets]
    return any(time is not None and time > report.as_of - report.within for time in times)


def _comment(declarations: Iterable[DeclarationEffect], report: EffectReport, names: Names) -> str:
    listed = list(declarations)
    in_force = [declaration for declaration in listed if declaration.state is EffectState.IN_FORCE]
    others = [declaration for declaration in listed if declaration.state is not EffectState.IN_FORCE]
    rows = [MARKER, f"### Defender for Cloud, {report.as_of:%Y-%m-%d %H:%M} UTC"]
    rows += bullets(
        "In force",
        in_force,
        lambda declaration: (
            f"{value(declaration.name)} in force since "
            f"{f'{declaration.since:%Y-%m-%d %H:%M} UTC' if declaration.since else 'an instant that Defender does not tell'}"
        ),
    )
    rows += bullets(
        "Not in force",
        others,
        lambda declaration: f"{_item(declaration, names)} ({situation(_decisive_target(declaration), report)})",
    )
    rows.append(f"\n{LAG}")
    return "\n".join(rows) + "\n"
