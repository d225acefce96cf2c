"""The short conversation of `exempt request`: asks for what the command line does not say, on standard error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from reconciler.azure.session import Azure
from reconciler.cli.prompts import Prompts, prompts
from reconciler.cli.terminal import say
from reconciler.importing.text import expiry_value
from reconciler.model import Category
from reconciler.reports.labels import scope_label
from reconciler.reports.requests import diagnostic_lines, fix_lines
from reconciler.reports.styled import Style, line
from reconciler.requesting.drafts import CATEGORY_WORDS
from reconciler.requesting.subjects import SubjectChoice, better_than_exempting
from reconciler.runs import choosing, request
from reconciler.runs.context import Context
from reconciler.runs.proposing import Desk

_LONGEST_JUSTIFICATION: Final = 512
_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Room:
    """What a question may need to be asked well."""

    desk: Desk
    azure: Azure | None
    context: Context
    ask: Prompts


def complete(fields: request.RequestFields, desk: Desk, azure: Azure | None, context: Context) -> request.RequestFields:
    """What the command line says, and what the person answers to the rest."""
    ask = prompts()
    choice = _subject(fields, desk, ask)
    fields = replace(fields, choice=choice)
    severity = f" ({choice.severity} severity)" if choice.severity else ""
    say(line((Style.HEADING, choice.title), severity))
    say(*diagnostic_lines(better_than_exempting(choice, desk.contents.catalogue)))
    say(*fix_lines(choice, desk.contents.settings.cloud))
    fields = _resources(fields, choice, _Room(desk=desk, azure=azure, context=context, ask=ask))
    category = fields.category or _category(ask)
    fields = replace(fields, category=category)
    if not fields.until:
        end, days = request.longest_end(choice, category, desk, context.now)
        why = f"at most {days} days are allowed" if days else "no rule limits it; a year is proposed"
        until = ask.text(
            f"Until which day ({why})?", expiry_value(end), lambda text: request.is_day(text) or "as 2027-01-31"
        )
        fields = replace(fields, until=until)
    if not fields.justification:
        fields = replace(fields, justification=ask.text("Why is this acceptable?", check=_is_reason))
    if not fields.owner:
        fields = replace(
            fields,
            owner=ask.text("Who answers for the risk?", desk.user, lambda text: bool(text.strip()) or "an address"),
        )
    rules = desk.contents.settings.rules
    if not fields.ticket and ("ticket" in rules.required or rules.ticket_pattern):
        form = f" (of the form {rules.ticket_pattern})" if rules.ticket_pattern else ""
        fields = replace(fields, ticket=ask.text(f"Ticket{form}?"))
    return fields


def _is_reason(text: str) -> bool | str:
    if not text.strip():
        return "the reviewer needs a reason"
    return len(text) <= _LONGEST_JUSTIFICATION or f"Azure holds {_LONGEST_JUSTIFICATION} characters of it"


def _subject(fields: request.RequestFields, desk: Desk, ask: Prompts) -> SubjectChoice:
    while True:
        if fields.choice is not None:
            return fields.choice
        if not (fields.recommendation or fields.pasted):
            text = ask.text("Recommendation (paste its portal address, or words of its title):")
            fields = replace(fields, recommendation=text)
            continue
        search = request.search_subject(fields, desk)
        if search.is_clear:
            return search.subjects[0]
        candidates = search.subjects or search.near
        if candidates:
            options = [(_described(candidate), candidate) for candidate in candidates]
            picked = ask.one("Which one?", [*options, ("none of these: other words", None)])
            if picked is not None:
                return picked
        elif fields.recommendation:
            say(*diagnostic_lines([search.unclear], Style.ERROR, ""))
        fields = replace(fields, recommendation="", pasted="")


def _described(choice: SubjectChoice) -> str:
    recommendation = choice.recommendation
    marks = [choice.severity] if choice.severity else []
    if recommendation is not None and recommendation.retirement is not None:
        marks.append("retired")
    elif recommendation is not None and not recommendation.exemptable:
        marks.append("cannot be exempted")
    return f"{choice.title} ({', '.join(marks)})" if marks else choice.title


def _resources(fields: request.RequestFields, choice: SubjectChoice, room: _Room) -> request.RequestFields:
    desk, azure, ask = room.desk, room.azure, room.ask
    scopes, unclear = choosing.find_scopes(fields, desk, azure)
    if scopes and not unclear:
        return replace(
            fields, scopes=choosing.of_types(scopes, choice) if fields.tags else scopes, resources=(), pasted=""
        )
    say(*diagnostic_lines(unclear, Style.ERROR, ""))
    offered = choosing.unhealthy_resources(choice, desk, azure, room.context)[:_AT_ONCE]
    if offered:
        options = [(scope_label(assessment.resource), assessment.resource) for assessment in offered]
        picked = ask.several(
            "Which of those that Defender calls unhealthy? (space picks; none: paste another)", options
        )
        if picked:
            return replace(fields, scopes=tuple(picked), resources=(), pasted="")
    while True:
        text = ask.text("Resource (paste its portal address or id, or its name):")
        located, unclear = choosing.find_scopes(choosing.Pointers(resources=(text,)), desk, azure)
        if located and not unclear:
            return replace(fields, scopes=located, resources=(), pasted="")
        say(*diagnostic_lines(unclear, Style.ERROR, ""))


def _category(ask: Prompts) -> Category:
    for words, effect in CATEGORY_WORDS.values():
        say(line((Style.QUIET, f"{words}: {effect}")))
    return ask.one("Category?", [(words, category) for category, (words, _) in CATEGORY_WORDS.items()])
