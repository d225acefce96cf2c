"""A request in words: what it asks for, what it would do, its pull request, and the answer on its issue.

Whoever asks may write anything, so in Markdown every value stands in a code span.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from reconciler.arm.canonical import instant_text
from reconciler.arm.standard_properties import vulnerability_fields
from reconciler.model import JSON, Cloud, Declaration, Diagnostic, Severity, SubjectKind, and_more, first_few
from reconciler.planning.values import Action, Plan
from reconciler.problems import Problem
from reconciler.reports.context import NO_NAMES, Names
from reconciler.reports.decision_labels import category_label
from reconciler.reports.findings_text import subject_label
from reconciler.reports.labels import distance, expiry_date, scope_label
from reconciler.reports.markdown import value
from reconciler.reports.styled import Line, Style, line
from reconciler.requesting.drafts import CATEGORY_WORDS
from reconciler.requesting.subjects import SubjectChoice, Unclear

_FEW: Final = 5
_LONGEST_TITLE: Final = 160


def request_lines(
    declaration: Declaration, choice: SubjectChoice, now: datetime, names: Names = NO_NAMES
) -> Iterator[Line]:
    """What is asked for, as a person checks it before it is proposed."""
    severity = f" ({choice.severity} severity)" if choice.severity else ""
    yield line((Style.HEADING, choice.title), severity)
    for scope in declaration.scopes[:_FEW]:
        yield line("  on         ", scope_label(scope, names))
    if len(declaration.scopes) > _FEW:
        yield line(f"             {and_more(len(declaration.scopes) - _FEW).lstrip()}")
    if conditions := vulnerability_fields(declaration.selectors):
        yield line("  only       ", _conditions(conditions))
    yield line("  category   ", category_label(declaration.category.value))
    yield line((Style.QUIET, f"             {CATEGORY_WORDS[declaration.category][1]}"))
    far = distance(_end(declaration), now)
    yield line("  until      ", expiry_date(_end(declaration)), f" ({far})" if far else "")
    yield line("  because    ", declaration.justification)
    yield line("  owner      ", declaration.owner)
    if declaration.ticket:
        yield line("  ticket     ", declaration.ticket)
    yield line("  file       ", (Style.NAME, declaration.source.file))


def fix_lines(choice: SubjectChoice, cloud: Cloud) -> Iterator[Line]:
    """Where the portal tells how to fix what is to be exempted."""
    if page := choice.page(cloud):
        yield line((Style.QUIET, "how to fix it instead: "), page)


def diagnostic_lines(
    diagnostics: Sequence[Diagnostic], style: Style = Style.WARNING, word: str = "note: "
) -> Iterator[Line]:
    """What a person should know, each with what to do."""
    for diagnostic in diagnostics:
        yield line((style, word), diagnostic.message)
        if diagnostic.remedy:
            yield line((Style.QUIET, "help: "), diagnostic.remedy)


def effect_lines(
    plan: Plan | None, names_of: Sequence[str], assignments: Sequence[str], why_not: str
) -> Iterator[Line]:
    """What the declarations of these names would do in Azure, and what is better than that or in its way."""
    if plan is None:
        yield line((Style.WARNING, "not checked against Azure: "), why_not)
        yield line(
            (Style.QUIET, "help: "), "log in with 'az login' to see it now; the pull request shows it in any case"
        )
        return
    changes = [change for change in plan.changes if change.declaration in names_of]
    if assignments:
        yield line((Style.CREATE, "will be created in: "), ", ".join(assignments))
    for action, words in ((Action.UPDATE, "will be updated: "), (Action.DELETE, "will be deleted: ")):
        affected = [change.exemption.name for change in changes if change.action is action]
        if affected:
            yield line((Style.UPDATE, words), first_few(affected, _FEW))
    held_lines = {cells.message: cells for cells in plan.held if cells.declaration in names_of}
    if not changes and not held_lines:
        yield line(
            (Style.INFO, "nothing would change in Azure"), ": it is exempt already, or nothing evaluates it there"
        )
    findings = {
        message: Diagnostic(message=message, remedy=finding.remedy)
        for finding in plan.findings
        if finding.declaration in names_of
        for message in [f"{subject_label(finding)}: {finding.message}"]
    }
    also = sorted({title for change in changes for title in change.also_exempts})
    if also:
        yield line((Style.WIDENS, "also exempts: "), first_few(also, _FEW))
    yield from diagnostic_lines([*held_lines.values(), *findings.values()])


# --- the pull request --------------------------------------------------------------------------------------------


def request_title(declaration: Declaration, choice: SubjectChoice) -> str:
    """One line for the commit and the pull request."""
    first, *others = declaration.scopes
    where = first.name + and_more(len(others))
    return _cut(f"Exempt {where} from {choice.title}")


def request_body(declaration: Declaration, choice: SubjectChoice, cloud: Cloud, closes: int = 0) -> str:
    """What a reviewer reads before the plan comes."""
    severity = f", {choice.severity} severity" if choice.severity else ""
    key = f" ({value(choice.subject.value)})" if choice.subject.kind is SubjectKind.RECOMMENDATION else ""
    scopes = ", ".join(value(scope.text) for scope in declaration.scopes[:_FEW])
    where = f"{scopes}{and_more(len(declaration.scopes) - _FEW)}"
    rows = [f"- **Recommendation:** {value(choice.title)}{key}{severity}", f"- **Where:** {where}"]
    if conditions := vulnerability_fields(declaration.selectors):
        rows.append(f"- **Only:** {value(_conditions(conditions))}")
    rows += [
        f"- **Category:** {category_label(declaration.category.value)}: {CATEGORY_WORDS[declaration.category][1]}",
        f"- **Until:** {value(expiry_date(_end(declaration)))}",
        f"- **Why:** {value(declaration.justification)}",
        f"- **Owner:** {value(declaration.owner)}",
    ]
    if declaration.requested_by:
        rows.append(f"- **Asked by:** {value(declaration.requested_by)}")
    if declaration.ticket:
        rows.append(f"- **Ticket:** {value(declaration.ticket)}")
    if declaration.selected_by:
        tags = ", ".join(f"{tag}={text}" for tag, text in declaration.selected_by.items())
        rows.append(f"- **Chosen by tag:** {value(tags)}, as it was when this was asked")
    if page := choice.page(cloud):
        rows.append(f"\nHow to fix it instead: [the recommendation in the portal]({page}).")
    rows.append("\nWritten by `exempt request`; the plan is a comment below.")
    if closes:  # GitHub starts no checks for what a workflow opened by itself
        rows.append(f"\nCloses #{closes}. If no check runs here, close and reopen this pull request.")
    return "\n".join(rows) + "\n"


def renewal_title(names: Sequence[str], until: datetime) -> str:
    """One line for a renewal."""
    return _cut(f"Renew {first_few(list(names), 3)} until {until:%Y-%m-%d}")


def retirement_title(names: Sequence[str]) -> str:
    """One line for a retirement."""
    return _cut(f"Retire {first_few(list(names), 3)}")


def selection_title(names: Sequence[str]) -> str:
    """One line for scopes that were chosen anew."""
    return _cut(f"Choose the scopes of {first_few(list(names), 3)} anew")


def changes_body(rows: Sequence[tuple[str, str, str]], note: str) -> str:
    """What a reviewer reads: the name, what was and what is proposed, and why this came."""
    lines = [f"- {value(name)}: {value(before)} → {value(after)}" for name, before, after in rows]
    return "\n".join([*lines, "", note]) + "\n"


def _conditions(fields: Mapping[str, JSON]) -> str:
    """Conditions on findings as people read them."""
    words = {"cves": "vulnerabilities", "minSeverity": "severity below", "cvssBelow": "CVSS score below"}
    values = {name: ", ".join(field) if isinstance(field, list) else str(field) for name, field in fields.items()}
    return "; ".join(f"{words[name]} {text}" for name, text in values.items())


def _end(declaration: Declaration) -> str:
    return instant_text(declaration.expires_on) if declaration.expires_on else ""


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 1]}…"


# --- the answer on an issue --------------------------------------------------------------------------------------

MARKER: Final = "<!-- exempt:request -->"
"""By which the workflow finds its own comment."""


def answer_opened(
    branch: str, address: str, declaration: Declaration, notes: Sequence[Diagnostic], *, is_open: bool
) -> str:
    """That the pull request is there, or of which branch somebody opens it, and where; and what happens now."""
    where = f"The pull request is {address}"
    if not is_open:
        where = f"The branch {value(branch)} is ready; a reviewer opens its pull request" + (
            f": {address}" if address else "."
        )
    lines = [
        MARKER,
        f"Thank you. {where}\n\nReviewers see there what it would do.",
        f"It asks until {value(expiry_date(_end(declaration)))}. Once it is merged and applied, Defender may take up to a day to show it.",
    ]
    lines += [f"- {value(note.message)}{f'; {value(note.remedy)}' if note.remedy else ''}" for note in notes]
    return "\n\n".join(lines) + "\n"


def answer_unclear(unclear: Sequence[Unclear], problems: Sequence[Problem]) -> str:
    """What is missing or wrong, and that an edit of the issue tries again."""
    lines = [MARKER, "This cannot become a pull request yet:", ""]
    lines += [f"- {value(item.message)}{f': {value(item.remedy)}' if item.remedy else ''}" for item in unclear]
    lines += [
        f"- {value(problem.message)}{f': {value(problem.remedy)}' if problem.remedy else ''}"
        for problem in problems
        if problem.severity is Severity.ERROR
    ]
    return "\n".join([*lines, "", "Edit the issue, and it is read again."]) + "\n"
