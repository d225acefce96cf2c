"""Asks for an exemption: from what a person says to a declaration on a branch, with its pull request."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reconciler.azure.session import Azure
from reconciler.declarations import load_bytes
from reconciler.declarations.check import check
from reconciler.importing.text import declaration_text
from reconciler.model import Declaration, Diagnostic, Verdict
from reconciler.problems import Problem, has_errors
from reconciler.reports.requests import request_body, request_title
from reconciler.repository.proposals import texts_on_branch
from reconciler.repository.pull_requests import Text
from reconciler.requesting import drafts
from reconciler.requesting.drafts import Answers
from reconciler.requesting.subjects import Unclear, better_than_exempting
from reconciler.runs.answering import RequestFields, answers_to, longest_end
from reconciler.runs.context import Context
from reconciler.runs.proposing import (
    Desk,
    Preview,
    Proposal,
    Proposed,
    preview,
    problems_of,
    propose,
    with_earlier_end,
    write_changes,
)


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


# --- the file, and the pull request ------------------------------------------------------------------------------


def prepare(fields: RequestFields, desk: Desk, azure: Azure | None, context: Context) -> Prepared:
    """From what somebody said to the draft, and to what it would do where Azure can be asked.

    Raises:
        AzureError: a name or a tag must be looked up, and Resource Graph refuses.
    """
    complete = answers_to(fields, desk, azure, context.now)
    if isinstance(complete, tuple):
        return Prepared(unclear=complete)
    prepared = Prepared(draft=draft(complete, desk, context))
    if prepared.verdict is not Verdict.DONE or desk.space is None or prepared.draft is None:
        return prepared
    if azure is None:
        return replace(prepared, preview=Preview(why_not="nobody is logged in"))
    return replace(prepared, preview=preview(desk, [prepared.draft.declaration.name], azure, context))


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
        notes=(*better_than_exempting(complete.choice, contents.catalogue), *complete.notes),
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
