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
from reconciler.reports.requests import diagnostic_lines
from reconciler.reports.styled import Style, line
from reconciler.requesting.drafts import CATEGORY_WORDS
from reconciler.requesting.subjects import FoundSubject, better_than_exempting
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


def complete(asked: request.Asked, desk: Desk, azure: Azure | None, context: Context) -> request.Asked:
    """What the command line says, and what the person answers to the rest."""
    ask = prompts()
    found = _subject(asked, desk, ask)
    asked = replace(asked, found=found)
    severity = f" ({found.severity} severity)" if found.severity else ""
    say(line((Style.HEADING, found.title), severity))
    say(*diagnostic_lines(better_than_exempting(found, desk.contents.catalogue)))
    if found.portal_address:
        say(line((Style.QUIET, "how to fix it instead: "), found.portal_address))
    asked = _resources(asked, found, _Room(desk=desk, azure=azure, context=context, ask=ask))
    category = asked.category or _category(ask)
    asked = replace(asked, category=category)
    if not asked.until:
        end, days = request.longest_end(found, category, desk, context.now)
        why = f"at most {days} days are allowed" if days else "no rule limits it; a year is proposed"
        until = ask.text(
            f"Until which day ({why})?", expiry_value(end), lambda text: request.is_day(text) or "as 2027-01-31"
        )
        asked = replace(asked, until=until)
    if not asked.justification:
        asked = replace(asked, justification=ask.text("Why is this acceptable?", check=_is_reason))
    if not asked.owner:
        asked = replace(
            asked,
            owner=ask.text("Who answers for the risk?", desk.user, lambda text: bool(text.strip()) or "an address"),
        )
    rules = desk.contents.settings.rules
    if not asked.ticket and ("ticket" in rules.required or rules.ticket_pattern):
        form = f" (of the form {rules.ticket_pattern})" if rules.ticket_pattern else ""
        asked = replace(asked, ticket=ask.text(f"Ticket{form}?"))
    return asked


def _is_reason(text: str) -> bool | str:
    if not text.strip():
        return "the reviewer needs a reason"
    return len(text) <= _LONGEST_JUSTIFICATION or f"Azure holds {_LONGEST_JUSTIFICATION} characters of it"


def _subject(asked: request.Asked, desk: Desk, ask: Prompts) -> FoundSubject:
    while True:
        if asked.found is not None:
            return asked.found
        if not (asked.recommendation or asked.pasted):
            text = ask.text("Recommendation (paste its portal address, or words of its title):")
            asked = replace(asked, recommendation=text)
            continue
        search = request.search_subject(asked, desk)
        if search.is_clear:
            return search.subjects[0]
        candidates = search.subjects or search.near
        if candidates:
            options = [(_described(each), each) for each in candidates]
            picked = ask.one("Which one?", [*options, ("none of these: other words", None)])
            if picked is not None:
                return picked
        elif asked.recommendation:
            say(*diagnostic_lines([search.unclear], Style.ERROR, ""))
        asked = replace(asked, recommendation="", pasted="")


def _described(found: FoundSubject) -> str:
    recommendation = found.recommendation
    marks = [found.severity] if found.severity else []
    if recommendation is not None and recommendation.retirement is not None:
        marks.append("retired")
    elif recommendation is not None and not recommendation.exemptable:
        marks.append("cannot be exempted")
    return f"{found.title} ({', '.join(marks)})" if marks else found.title


def _resources(asked: request.Asked, found: FoundSubject, room: _Room) -> request.Asked:
    desk, azure, ask = room.desk, room.azure, room.ask
    scopes, unclear = choosing.find_scopes(asked, desk, azure)
    if scopes and not unclear:
        return replace(
            asked, scopes=choosing.of_types(scopes, found) if asked.tags else scopes, resources=(), pasted=""
        )
    say(*diagnostic_lines(unclear, Style.ERROR, ""))
    offered = choosing.unhealthy_resources(found, desk, azure, room.context)[:_AT_ONCE]
    if offered:
        options = [(scope_label(each.resource), each.resource) for each in offered]
        picked = ask.several(
            "Which of those that Defender calls unhealthy? (space picks; none: paste another)", options
        )
        if picked:
            return replace(asked, scopes=tuple(picked), resources=(), pasted="")
    while True:
        text = ask.text("Resource (paste its portal address or id, or its name):")
        located, unclear = choosing.find_scopes(choosing.Pointers(resources=(text,)), desk, azure)
        if located and not unclear:
            return replace(asked, scopes=located, resources=(), pasted="")
        say(*diagnostic_lines(unclear, Style.ERROR, ""))


def _category(ask: Prompts) -> Category:
    for words, effect in CATEGORY_WORDS.values():
        say(line((Style.QUIET, f"{words}: {effect}")))
    return ask.one("Category?", [(words, category) for category, (words, _) in CATEGORY_WORDS.items()])
