"""From a filled issue form to the same branch that `exempt request` makes. Its text is hostile: it is only ever a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reconciler.model import Category
from reconciler.requesting import issue_form
from reconciler.requesting.drafts import CATEGORY_WORDS
from reconciler.requesting.subjects import SubjectChoice, Unclear, of_category
from reconciler.runs import request
from reconciler.runs.answering import RequestFields, answers_to
from reconciler.runs.context import Context
from reconciler.runs.proposing import Desk, Proposed, open_desk

_BULLET: Final = re.compile(r"^\s*(?:[-*]|\d+\.)\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRun:
    """What an issue came to: what is unclear about it, the file, and its pull request (None in a dry run)."""

    unclear: tuple[Unclear, ...] = ()
    draft: request.Draft | None = None
    proposed: Proposed | None = None


def run(data: bytes, origin: str, root: Path, context: Context, *, dry_run: bool = False) -> IssueRun:
    """Reads, finds, writes and proposes. Azure is not asked: who files an issue must not read by our identity.

    Raises:
        JsonInputError: the file is no issue.
        ReconcilerError: git refuses.
    """
    issue = issue_form.read_issue(data, origin)
    answers_by_field, unclear = issue_form.answers_in(issue.body)
    if unclear:
        return IssueRun(unclear=unclear)
    with open_desk(root, context, proposes=not dry_run) as desk:
        fields, unclear = _fields(answers_by_field, issue, desk)
        answers = answers_to(fields, replace(desk, user=""), None, context.now)
        if unclear or isinstance(answers, tuple):
            return IssueRun(unclear=(*unclear, *(answers if isinstance(answers, tuple) else ())))
        draft = request.draft(answers, desk, context, issue.number)
        if dry_run or not draft.is_valid:
            return IssueRun(draft=draft)
        author = f"{issue.author} <{issue.author}@users.noreply.github.com>" if issue.author else ""
        return IssueRun(
            draft=draft, proposed=request.propose_draft(draft, desk, context, author=author, issue=issue.number)
        )


def _fields(
    answers_by_field: Mapping[str, str], issue: issue_form.Issue, desk: Desk
) -> tuple[RequestFields, tuple[Unclear, ...]]:
    resources = answers_by_field.get(issue_form.RESOURCES, "").splitlines()
    author = f"@{issue.author}" if issue.author else ""
    choice, unclear = _category(answers_by_field, desk)
    cves = answers_by_field.get(issue_form.CVES, "").upper().replace(",", " ").split()
    fields = RequestFields(
        recommendation=answers_by_field.get(issue_form.RECOMMENDATION, ""),
        choice=choice,
        resources=tuple(text for line in resources if (text := _BULLET.sub("", line).strip())),
        category=next(
            (
                category
                for category in Category
                if answers_by_field.get(issue_form.CATEGORY) == CATEGORY_WORDS[category][0]
            ),
            None,
        ),
        until=answers_by_field.get(issue_form.UNTIL, ""),
        justification=answers_by_field.get(issue_form.JUSTIFICATION, ""),
        owner=answers_by_field.get(issue_form.OWNER, "") or author,
        ticket=answers_by_field.get(issue_form.TICKET, ""),
        requested_by=author,
        vulnerabilities={"cves": cves} if cves else {},
    )
    return fields, unclear


def _category(answers_by_field: Mapping[str, str], desk: Desk) -> tuple[SubjectChoice | None, tuple[Unclear, ...]]:
    """The category of recommendations that was chosen in place of one."""
    kind = answers_by_field.get(issue_form.KIND)
    if not kind:
        return None, ()
    if answers_by_field.get(issue_form.RECOMMENDATION):
        message = "both a recommendation and a category of them are named"
        return None, (Unclear(message=message, remedy="keep one of the two"),)
    categories = desk.contents.catalogue.recommendation_categories
    for name, label in categories.items():
        if kind == issue_form.kind_label(name, label):
            return of_category(name, label), ()
    why = Unclear(message=f"there is no category {kind[:100]!r}", remedy=f"choose one of {', '.join(categories)}")
    return None, (why,)
