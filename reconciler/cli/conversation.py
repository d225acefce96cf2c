"""The short conversation of `exempt request`: asks for what the command line does not say, on standard error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from reconciler.azure.session import Azure
from reconciler.cli.prompts import Prompts, prompts
from reconciler.cli.terminal import say
from reconciler.documents.patterns import compile_pattern
from reconciler.importing.text import expiry_value
from reconciler.model import ArmId, Category, first_few
from reconciler.reports.labels import scope_label
from reconciler.reports.requests import diagnostic_lines, fix_lines
from reconciler.reports.styled import Style, line
from reconciler.requesting.drafts import CATEGORY_WORDS
from reconciler.requesting.pasted import scopes_in
from reconciler.requesting.subjects import SubjectChoice, better_than_exempting, find_subject
from reconciler.runs import choosing
from reconciler.runs.answering import RequestFields, is_day, longest_end
from reconciler.runs.context import Context
from reconciler.runs.proposing import Desk

_LONGEST_JUSTIFICATION: Final = 512
_AT_ONCE: Final = 50
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Room:
    """What a question may need to be asked well."""

    desk: Desk
    azure: Azure | None
    context: Context
    ask: Prompts


def complete(fields: RequestFields, desk: Desk, azure: Azure | None, context: Context) -> RequestFields:
    """What the command line says, and what the person answers to the rest."""
    ask = prompts()
    fields, choice = _subject(fields, desk, ask)
    while not _is_wanted(choice, desk, ask):
        fields, choice = _subject(replace(fields, choice=None), desk, ask)
    fields = _resources(fields, choice, _Room(desk=desk, azure=azure, context=context, ask=ask))
    category = fields.category or _category(ask)
    fields = replace(fields, category=category)
    if not fields.until:
        end, days = longest_end(choice, category, desk, context.now)
        why = f"at most {days} days are allowed" if days else "no rule limits it; a year is proposed"
        latest, today = expiry_value(end), f"{context.now:%Y-%m-%d}"

        def is_allowed(text: str) -> bool | str:
            if not is_day(text):
                return "as 2027-01-31"
            if text < today:
                return "that day is past"
            return days is None or text <= latest or f"{latest} is the last that is allowed"

        fields = replace(fields, until=ask.text(f"Until which day ({why})?", latest, is_allowed))
    if not fields.justification:
        fields = replace(fields, justification=ask.text("Why is this acceptable?", check=_is_reason))
    if not fields.owner:
        fields = replace(
            fields,
            owner=ask.text("Who answers for the risk?", desk.user, lambda text: bool(text.strip()) or "an address"),
        )
    rules = desk.contents.settings.rules
    if not fields.ticket and ("ticket" in rules.required or rules.ticket_pattern):
        pattern = compile_pattern(rules.ticket_pattern or ".+")
        form = f" (of the form {rules.ticket_pattern})" if rules.ticket_pattern else ""
        is_optional = "ticket" not in rules.required
        ticket = ask.text(
            f"Ticket{form}{', if there is one' if is_optional else ''}?",
            check=lambda text: (
                bool(pattern.fullmatch(text) or (is_optional and not text)) or f"a ticket{form} is required"
            ),
        )
        fields = replace(fields, ticket=ticket)
    return fields


def _is_wanted(choice: SubjectChoice, desk: Desk, ask: Prompts) -> bool:
    """Whether it is asked for although something is better or in its way, all of which is told."""
    severity = f" ({choice.severity} severity)" if choice.severity else ""
    say(line((Style.HEADING, choice.title), severity))
    say(*diagnostic_lines(better_than_exempting(choice, desk.contents.catalogue)))
    say(*fix_lines(choice, desk.contents.settings.cloud))
    recommendation = choice.recommendation
    if recommendation is None or (recommendation.exemptable and recommendation.retirement is None):
        return True
    return ask.one(
        "An exemption of it would do nothing.", [("choose another recommendation", False), ("go on all the same", True)]
    )


def _is_reason(text: str) -> bool | str:
    if not text.strip():
        return "the reviewer needs a reason"
    return len(text) <= _LONGEST_JUSTIFICATION or f"Azure holds {_LONGEST_JUSTIFICATION} characters of it"


def _subject(fields: RequestFields, desk: Desk, ask: Prompts) -> tuple[RequestFields, SubjectChoice]:
    """What is to be exempted. Whoever pastes the page of a resource first is asked for the recommendation next."""
    choice = fields.choice
    while choice is None:
        text = fields.subject_text
        if not text:
            text = ask.text("Recommendation (paste its portal address, or words of its title):")
        search = find_subject(desk.contents.catalogue, text)
        candidates = search.subjects or search.near
        scopes = scopes_in(fields.pasted or text)
        if search.is_clear:
            choice = search.subjects[0]
        elif candidates:
            options = [(_described(candidate), candidate) for candidate in candidates]
            choice = ask.one("Which one?", [*options, ("none of these: other words", None)])
        elif scopes:
            say(f"for {first_few([scope_label(scope) for scope in scopes], _SHOWN)}")
        elif text:
            say(*diagnostic_lines([search.unclear], Style.ERROR, ""))
        fields = replace(fields, scopes=(*fields.scopes, *scopes), recommendation="", pasted="")
    return replace(fields, choice=choice), choice


def _described(choice: SubjectChoice) -> str:
    recommendation = choice.recommendation
    marks = [choice.severity] if choice.severity else []
    if recommendation is not None and recommendation.retirement is not None:
        marks.append("retired")
    elif recommendation is not None and not recommendation.exemptable:
        marks.append("cannot be exempted")
    return f"{choice.title} ({', '.join(marks)})" if marks else choice.title


def _resources(fields: RequestFields, choice: SubjectChoice, room: _Room) -> RequestFields:
    desk, azure, ask = room.desk, room.azure, room.ask
    chosen = choosing.choose_scopes(fields, choice, desk, azure, room.context.now)
    if chosen.scopes and not chosen.unclear:
        say(*diagnostic_lines(chosen.notes))
        return replace(fields, located=chosen)
    say(*diagnostic_lines(chosen.unclear, Style.ERROR, ""))
    fields = replace(fields, scopes=(), resources=(), tags={}, pasted="")
    scopes: tuple[ArmId, ...] = ()
    offer = choosing.unhealthy_resources(choice, desk, azure, room.context)
    if offer.resources:
        number = len(offer.resources)
        some = f", the first {_AT_ONCE} of {number:,}" if number > _AT_ONCE else ""
        options = [(scope_label(resource, offer.names), resource) for resource in offer.resources[:_AT_ONCE]]
        picked = ask.several(
            f"Which resources? Defender calls these unhealthy{some}", [*options, ("another: paste its address", None)]
        )
        scopes = tuple(scope for scope in picked if scope is not None)
        if len(scopes) == len(picked):
            return replace(fields, scopes=scopes)
    while True:
        text = ask.text("Resource (paste its portal address or id, or its name):")
        located = choosing.find_scopes(choosing.Pointers(resources=(text,)), desk, azure)
        if located.named and not located.unclear:
            return replace(fields, scopes=(*scopes, *located.named))
        say(*diagnostic_lines(located.unclear, Style.ERROR, ""))


def _category(ask: Prompts) -> Category:
    for words, effect in CATEGORY_WORDS.values():
        say(line((Style.QUIET, f"{words}: {effect}")))
    return ask.one("Category?", [(words, category) for category, (words, _) in CATEGORY_WORDS.items()])
