"""Asks for an exemption: from what a person says to a declaration on a branch, with its pull request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from reconciler.azure.session import Azure
from reconciler.declarations import load_bytes
from reconciler.declarations.build import last_instant
from reconciler.declarations.subjects import declared_subject
from reconciler.importing.text import declaration_text
from reconciler.model import Category, Declaration, Diagnostic, Severity, Source
from reconciler.problems import Problem
from reconciler.reports.requests import request_body, request_title
from reconciler.repository.pull_requests import Text
from reconciler.requesting import drafts
from reconciler.requesting.drafts import Answers
from reconciler.requesting.subjects import SubjectChoice, SubjectSearch, Unclear, better_than_exempting, find_subject
from reconciler.runs.choosing import HOW_TO_NAME, Pointers, find_scopes, of_types
from reconciler.runs.context import Context
from reconciler.runs.proposing import Desk, Preview, Proposal, Proposed, preview, problems_of, propose, write_changes

if TYPE_CHECKING:
    pass

_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFields(Pointers):
    """What a person said, as they said it; an empty text is not said. `pasted` may name the recommendation as well."""

    recommendation: str = ""
    category: Category | None = None
    until: str = ""
    justification: str = ""
    owner: str = ""
    ticket: str = ""
    requested_by: str = ""
    name: str = ""
    choice: SubjectChoice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The file that a request comes to. `problems` are what keeps it from being valid; `notes` what a person should
    know before it is proposed.
    """

    declaration: Declaration
    answers: Answers
    text: str
    problems: tuple[Problem, ...]
    notes: tuple[Diagnostic, ...]

    @property
    def file(self) -> str:
        """Where it is written, relative to the repository."""
        return self.declaration.source.file

    @property
    def is_valid(self) -> bool:
        """Whether nothing keeps it from being proposed."""
        return all(problem.severity is not Severity.ERROR for problem in self.problems)


# --- what is asked -----------------------------------------------------------------------------------------------


def search_subject(fields: RequestFields, desk: Desk) -> SubjectSearch:
    """What the recommendation that somebody named may mean."""
    return find_subject(desk.contents.catalogue, fields.recommendation or fields.pasted)


def answers(fields: RequestFields, desk: Desk, azure: Azure | None, now: datetime) -> Answers | tuple[Unclear, ...]:
    """All that a request needs, or everything that is not clear about it, at once.

    Raises:
        AzureError: a name or a tag must be looked up, and Resource Graph refuses.
    """
    choice, unclear = _subject(fields, desk)
    scopes, problems = find_scopes(fields, desk, azure)
    if choice is not None and fields.tags:
        scopes = of_types(scopes, choice)
    unclear += problems
    if not scopes and not problems:
        unclear.append(_missing("--resource", HOW_TO_NAME))
    unclear += _unsaid(fields, desk)
    if unclear or choice is None or fields.category is None:
        return tuple(unclear)
    end = last_instant(fields.until) if fields.until else longest_end(choice, fields.category, desk, now)[0]
    owner = fields.owner or desk.user
    return Answers(
        choice=choice,
        scopes=scopes,
        category=fields.category,
        justification=fields.justification,
        owner=owner,
        expires_on=end,
        ticket=fields.ticket,
        requested_by=fields.requested_by or (desk.user if desk.user != owner else ""),
        name=fields.name,
        selected_by=fields.tags,
    )


def _subject(fields: RequestFields, desk: Desk) -> tuple[SubjectChoice | None, list[Unclear]]:
    if fields.choice is not None:
        return fields.choice, []
    search = search_subject(fields, desk)
    if search.is_clear:
        return search.subjects[0], []
    if search.text:
        return None, [search.unclear]
    return None, [_missing("--recommendation", "paste the address of its page in the portal, or its title")]


def _unsaid(fields: RequestFields, desk: Desk) -> Iterator[Unclear]:
    """What is missing of that which needs no looking up."""
    if fields.category is None:
        yield _missing("--category", "Waiver (the risk is accepted) or Mitigated (it is met in another way)")
    if not fields.justification.strip():
        yield _missing("--justification", "a sentence that tells the reviewer why this is acceptable")
    if not (fields.owner or desk.user):
        yield _missing("--owner", "who answers for the risk, such as data-platform@contoso.example")
    if fields.until and not is_day(fields.until):
        yield Unclear(field="--until", message=f"{fields.until[:100]!r} is no day", remedy="write it as 2027-01-31")


def is_day(text: str) -> bool:
    """Whether a text is a day as a declaration writes it."""
    try:
        last_instant(text)
    except ValueError:
        return False
    return len(text) == 10


def _missing(option: str, remedy: str) -> Unclear:
    return Unclear(field=option, message=f"{option} is missing", remedy=remedy)


def longest_end(choice: SubjectChoice, category: Category, desk: Desk, now: datetime) -> tuple[datetime, int | None]:
    """The longest end that the rules allow for this, and the days that a rule sets (None: no rule does)."""
    probe = Declaration(
        name="probe",
        subject=choice.subject,
        scopes=(),
        category=category,
        justification="",
        owner="",
        source=Source(""),
    )
    resolved = declared_subject(probe, desk.contents.catalogue)
    severities = resolved.severities if resolved else None
    return drafts.latest_end(desk.contents.settings.rules, category, severities, now)


# --- the file, and the pull request ------------------------------------------------------------------------------


def draft(given_answers: Answers, desk: Desk, context: Context) -> Draft:
    """Writes the declaration into the desk's working tree and judges it there."""
    contents = desk.contents
    declaration = drafts.draft(
        given_answers,
        taken=contents.names,
        rules=contents.settings.rules,
        declarations=contents.loaded.declarations,
    )
    title = given_answers.choice.title
    text = declaration_text(declaration, {given_answers.choice.subject.value: title})
    loaded, problems = load_bytes(text.encode("utf-8", "surrogatepass"), declaration.source.file)
    if loaded is not None and desk.space is not None:
        write_changes(desk, {declaration.source.file: text})
        problems = problems_of(desk, [declaration.source.file], context)
    return Draft(
        declaration=loaded or declaration,
        answers=given_answers,
        text=text,
        problems=problems,
        notes=better_than_exempting(given_answers.choice, contents.catalogue),
    )


def preview_draft(prepared: Draft, desk: Desk, context: Context) -> Preview:
    """What the declaration would do in Azure."""
    return preview(desk, [prepared.declaration.name], context)


def propose_draft(prepared: Draft, desk: Desk, context: Context, author: str = "", issue: int = 0) -> Proposed:
    """Opens the pull request of a valid draft. `issue` is the number of the one that asked for it: an edit of it changes the
    branch that it made before.

    Raises:
        ReconcilerError: git refuses.
    """
    choice = prepared.answers.choice
    body = request_body(prepared.declaration, choice, issue)
    proposal = Proposal(
        files={prepared.file: prepared.text},
        branch=f"exempt/issue-{issue}" if issue else f"exempt/{prepared.declaration.name}",
        text=Text(title=request_title(prepared.declaration, choice), body=body),
        author=author,
        replaces=bool(issue),
    )
    return propose(desk, proposal, context)
