"""Asks for an exemption: from what a person says to a declaration on a branch, with its pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from reconciler.azure.session import Azure
from reconciler.declarations import check, load_bytes
from reconciler.declarations.build import last_instant
from reconciler.importing.text import declaration_text
from reconciler.model import JSON, Category, Declaration, Diagnostic, Source, Verdict
from reconciler.problems import Problem, has_errors
from reconciler.reports.requests import request_body, request_title
from reconciler.repository.proposals import texts_on_branch
from reconciler.repository.pull_requests import Text
from reconciler.requesting import drafts
from reconciler.requesting.drafts import Answers
from reconciler.requesting.pasted import scopes_in
from reconciler.requesting.subjects import SubjectChoice, Unclear, better_than_exempting, find_subject
from reconciler.runs.choosing import HOW_TO_NAME, Pointers, declared_already, find_scopes, of_types
from reconciler.runs.context import Context
from reconciler.runs.proposing import (
    Desk,
    Preview,
    Proposal,
    Proposed,
    latest_end,
    preview,
    problems_of,
    propose,
    with_earlier_end,
    write_changes,
)

_CVE: Final = re.compile(r"CVE-[0-9]{4}-[0-9]{4,19}")


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
    vulnerabilities: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def subject_text(self) -> str:
        """What says the recommendation: the words that were pasted, or else what may have it on a resource's page."""
        words = " ".join(line for line in self.pasted.splitlines() if not scopes_in(line))
        return self.recommendation or words or self.pasted


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The file that a request comes to, and the branch that it goes to. `problems` are what keeps it from being valid;
    `notes` what a person should know before it is proposed.
    """

    declaration: Declaration
    answers: Answers
    text: str
    branch: str
    problems: tuple[Problem, ...]
    notes: tuple[Diagnostic, ...]

    @property
    def file(self) -> str:
        """Where it is written, relative to the repository."""
        return self.declaration.source.file

    @property
    def is_valid(self) -> bool:
        """Whether nothing keeps it from being proposed."""
        return not has_errors(self.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a request comes to before anything is proposed: all that is unclear about it, or its draft with what it would do
    (None: nobody looked).
    """

    unclear: tuple[Unclear, ...] = ()
    draft: Draft | None = None
    preview: Preview | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the file, by itself or in the tenant as it is."""
        if self.draft is None:
            return ()
        plan = self.preview.run.plan if self.preview and self.preview.run else None
        planned = [problem for problem in plan.problems if problem.source.file == self.draft.file] if plan else []
        return tuple(sorted({*self.draft.problems, *planned}))

    @property
    def does_nothing(self) -> bool:
        """Whether the plan says that Azure would stay as it is."""
        plan = self.preview.run.plan if self.preview and self.preview.run else None
        names = {change.declaration for change in plan.changes} if plan else set()
        return plan is not None and self.draft is not None and self.draft.declaration.name not in names

    @property
    def verdict(self) -> Verdict:
        """Whether it can be proposed."""
        return Verdict.INVALID if self.draft is None or has_errors(self.problems) else Verdict.DONE


# --- what is asked -----------------------------------------------------------------------------------------------


def answers(fields: RequestFields, desk: Desk, azure: Azure | None, now: datetime) -> Answers | tuple[Unclear, ...]:
    """All that a request needs, or everything that is not clear about it, at once.

    Raises:
        AzureError: a name or a tag must be looked up, and Resource Graph refuses.
    """
    choice, unclear = _subject(fields, desk)
    scopes, problems = find_scopes(fields, desk, azure)
    if choice is not None and fields.tags:
        scopes = of_types(scopes, choice)
    is_by_tag = fields.tags and not (fields.resources or fields.scopes)
    already = declared_already(scopes, choice, desk, now) if choice is not None and is_by_tag else {}
    scopes = tuple(scope for scope in scopes if scope not in already)
    unclear += problems
    if already and not scopes:
        names = ", ".join(map(repr, sorted(set(already.values()))))
        message = f"everything that bears the tag is declared already, by {names}"
        unclear.append(
            Unclear(field="--tag", message=message, remedy="change that declaration, or choose by another tag")
        )
    elif not scopes and not problems:
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
        vulnerabilities=fields.vulnerabilities,
        already={scope.text: name for scope, name in already.items()},
    )


def _subject(fields: RequestFields, desk: Desk) -> tuple[SubjectChoice | None, list[Unclear]]:
    if fields.choice is not None:
        return fields.choice, []
    search = find_subject(desk.contents.catalogue, fields.subject_text)
    if search.is_clear:
        return search.subjects[0], []
    if fields.subject_text and not scopes_in(fields.subject_text):
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
    for cve in fields.vulnerabilities.get("cves") or ():
        if not _CVE.fullmatch(cve):
            yield Unclear(field="--cve", message=f"{cve[:100]!r} is no CVE", remedy="write it as CVE-2021-44228")
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
    return latest_end(probe, desk, now)


# --- the file, and the pull request ------------------------------------------------------------------------------


def prepare(fields: RequestFields, desk: Desk, azure: Azure | None, context: Context) -> Prepared:
    """From what somebody said to the draft, and to what it would do where Azure can be asked.

    Raises:
        AzureError: a name or a tag must be looked up, and Resource Graph refuses.
    """
    complete = answers(fields, desk, azure, context.now)
    if isinstance(complete, tuple):
        return Prepared(unclear=complete)
    prepared = Prepared(draft=draft(complete, desk, context))
    if prepared.verdict is not Verdict.DONE or desk.space is None or prepared.draft is None:
        return prepared
    if azure is None:
        return replace(prepared, preview=Preview(why_not="nobody is logged in"))
    return replace(prepared, preview=preview(desk, [prepared.draft.declaration.name], context))


def draft(complete: Answers, desk: Desk, context: Context, issue: int = 0) -> Draft:
    """Writes the declaration into the desk's working tree and judges it there. `issue` is the number of the one that asks:
    an edit of it changes the branch that it made before.
    """
    contents = desk.contents
    declaration = drafts.draft(
        complete,
        taken=contents.names,
        rules=contents.settings.rules,
        declarations=contents.loaded.declarations,
    )
    file = declaration.source.file
    branch = f"exempt/issue-{issue}" if issue else f"exempt/{declaration.name}"
    text = declaration_text(declaration, {complete.choice.subject.value: complete.choice.title})
    if (
        desk.space is not None
        and complete.expires_on == longest_end(complete.choice, complete.category, desk, context.now)[0]
    ):
        earlier = texts_on_branch(desk.space, branch, [file])
        text = with_earlier_end(text, earlier.get(file, ""), file, context.now)
    loaded, problems = load_bytes(text.encode("utf-8", "surrogatepass"), file)
    if loaded is not None and desk.space is not None:
        write_changes(desk, {file: text})
        problems = problems_of(desk, [file], context)
    elif loaded is not None:  # a dry run writes nothing, and refuses the same
        whole = replace(contents.loaded, declarations=(*contents.loaded.declarations, loaded))
        judged = check(whole, contents.catalogue, context.now, frozenset({loaded.name}))
        problems = tuple(sorted(problem for problem in {*problems, *judged} if problem.source.file == file))
    return Draft(
        declaration=loaded or declaration,
        answers=complete,
        text=text,
        branch=branch,
        problems=problems,
        notes=(
            *better_than_exempting(complete.choice, contents.catalogue),
            *(
                Diagnostic(message=f"left out, since declaration {name!r} exempts it already: {scope}", remedy="")
                for scope, name in complete.already.items()
            ),
        ),
    )


def propose_draft(draft: Draft, desk: Desk, context: Context, author: str = "", issue: int = 0) -> Proposed:
    """Opens the pull request of a valid draft; `issue` is the number of the one that asked for it.

    Raises:
        ReconcilerError: git refuses.
    """
    choice = draft.answers.choice
    proposal = Proposal(
        files={draft.file: draft.text},
        branch=draft.branch,
        text=Text(
            title=request_title(draft.declaration, choice),
            body=request_body(draft.declaration, choice, desk.contents.settings.cloud, issue),
        ),
        author=author,
        replaces=bool(issue),
    )
    return propose(desk, proposal, context)
