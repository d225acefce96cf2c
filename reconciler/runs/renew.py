"""Renews and retires declarations, and chooses anew what a tag chose, each by a pull request; one for each owner."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from reconciler.azure.session import connect
from reconciler.declarations import load_bytes
from reconciler.declarations.build import last_instant
from reconciler.declarations.subjects import declared_subject
from reconciler.documents.suggest import did_you_mean, nearest_few
from reconciler.importing.naming import slug
from reconciler.importing.text import expiry_value
from reconciler.model import Declaration, Verdict, first_few
from reconciler.problems import Problem, ReconcilerError, UsageError, has_errors
from reconciler.reports.requests import changes_body, renewal_title, retirement_title, selection_title
from reconciler.repository.pull_requests import Text
from reconciler.requesting.drafts import latest_end
from reconciler.requesting.edits import with_field, with_scopes
from reconciler.requesting.subjects import Unclear
from reconciler.runs.choosing import of_types_of, scopes_by_tag
from reconciler.runs.context import Context
from reconciler.runs.proposing import Desk, Proposal, Proposed, open_desk, problems_of, propose, write_changes


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewRequest:
    """What to renew in the repository at `root`: the declarations of these `names`, or all that end within `expiring` from
    now; `until` is a day, empty for the longest that the rules allow. `selected` chooses scopes anew instead of an end.
    `dry_run` proposes nothing.
    """

    root: Path
    names: tuple[str, ...] = ()
    until: str = ""
    expiring: timedelta | None = None
    selected: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireRequest:
    """What to retire: the declarations of these `names`, which stay for the record. `dry_run` proposes nothing."""

    root: Path
    names: tuple[str, ...]
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One declaration with its file as it would be; `was` and `becomes` say the difference."""

    declaration: Declaration
    text: str
    was: str
    becomes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRun:
    """What was proposed, each with its edits (nothing in a dry run), and which declarations need no change, with the reason."""

    edits: tuple[Edit, ...]
    proposed: tuple[Proposed, ...]
    unchanged: Mapping[str, str]

    @property
    def verdict(self) -> Verdict:
        """Done; what cannot be edited is raised."""
        return Verdict.DONE


def renew(request: RenewRequest, context: Context) -> ChangeRun:
    """Proposes later ends, or scopes chosen anew.

    Raises:
        UsageError: a name is unknown, or the day is none.
        ReconcilerError: a rule refuses, a file is written in a way that is beyond an edit, or git refuses.
    """
    with open_desk(request.root, context, proposes=not request.dry_run) as desk:
        chosen = _chosen(request, desk, context.now)
        if request.selected:
            edits, unchanged = _reselected(chosen, desk, context)
            return _propose(edits, unchanged, desk, context, "reselect")
        edits, unchanged = _renewed(chosen, request, desk, context)
        return _propose(edits, unchanged, desk, context, "renew")


def retire(request: RetireRequest, context: Context) -> ChangeRun:
    """Proposes that declarations want nothing any more; their files stay for the record.

    Raises:
        UsageError: a name is unknown.
        ReconcilerError: a file is written in a way that is beyond an edit, or git refuses.
    """
    with open_desk(request.root, context, proposes=not request.dry_run) as desk:
        edits, unchanged = [], {}
        for declaration in _named(request.names, desk):
            if not declaration.enabled:
                unchanged[declaration.name] = "it is retired already"
                continue
            text = with_field(_text(desk, declaration), "enabled", "false")
            edits.append(_edit(declaration, replace(declaration, enabled=False), text, "in force", "retired"))
        return _propose(edits, unchanged, desk, context, "retire")


# --- which -------------------------------------------------------------------------------------------------------


def _named(names: Iterable[str], desk: Desk) -> tuple[Declaration, ...]:
    declared = {declaration.name: declaration for declaration in desk.contents.loaded.declarations}
    for name in names:
        if name not in declared:
            near = nearest_few(name, declared, 3)
            raise UsageError(
                f"there is no declaration {name!r}", did_you_mean(near, "'exempt list --declared' shows them")
            )
    return tuple(declared[name] for name in dict.fromkeys(names))


def _chosen(request: RenewRequest, desk: Desk, now: datetime) -> tuple[Declaration, ...]:
    declared = desk.contents.loaded.declarations
    if request.names:
        return _named(request.names, desk)
    if request.selected:
        return tuple(declaration for declaration in declared if declaration.selected_by and declaration.enabled)
    limit = now + (request.expiring or timedelta())
    return tuple(
        declaration
        for declaration in declared
        if declaration.enabled and declaration.expires_on is not None and now < declaration.expires_on <= limit
    )


# --- what becomes of them ----------------------------------------------------------------------------------------


def _renewed(
    chosen: Sequence[Declaration], request: RenewRequest, desk: Desk, context: Context
) -> tuple[list[Edit], dict[str, str]]:
    try:
        wanted_end = last_instant(request.until) if request.until else None
    except ValueError:
        raise UsageError(f"--until: {request.until!r} is no day", "write it as 2027-01-31") from None
    edits: list[Edit] = []
    unchanged: dict[str, str] = {}
    for declaration in chosen:
        end = wanted_end or _longest(declaration, desk, context.now)
        if declaration.expires_on is None:
            unchanged[declaration.name] = "it never ends"
        elif declaration.expires_on >= end:
            unchanged[declaration.name] = f"it runs until {expiry_value(declaration.expires_on)} already"
        else:
            text = with_field(_text(desk, declaration), "expiresOn", expiry_value(end))
            after = replace(declaration, expires_on=end)
            edits.append(_edit(declaration, after, text, expiry_value(declaration.expires_on), expiry_value(end)))
    return edits, unchanged


def _longest(declaration: Declaration, desk: Desk, now: datetime) -> datetime:
    resolved = declared_subject(declaration, desk.contents.catalogue)
    end, _ = latest_end(
        desk.contents.settings.rules, declaration.category, resolved.severities if resolved else None, now
    )
    return end


def _reselected(chosen: Sequence[Declaration], desk: Desk, context: Context) -> tuple[list[Edit], dict[str, str]]:
    edits: list[Edit] = []
    unchanged: dict[str, str] = {}
    with connect(desk.contents.settings, context.environment, context.observer.warning) as azure:
        for declaration in chosen:
            scopes = scopes_by_tag(declaration.selected_by, desk, azure) if declaration.selected_by else ()
            if isinstance(scopes, Unclear):
                unchanged[declaration.name] = f"{scopes.message} any more: retire it"
                continue
            scopes = of_types_of(scopes, declaration, desk)
            before, after = ({scope.key: scope for scope in side} for side in (declaration.scopes, scopes))
            if not declaration.selected_by or before.keys() == after.keys():
                unchanged[declaration.name] = (
                    "its tags choose the same" if declaration.selected_by else "it has no selectedBy"
                )
                continue
            remaining = tuple(scope for scope in declaration.scopes if scope.key in after)
            new = (*remaining, *(scope for key, scope in after.items() if key not in before))
            text = with_scopes(_text(desk, declaration), [scope.text for scope in new])
            dropped = [scope.name for key, scope in before.items() if key not in after]
            added = [scope.name for key, scope in after.items() if key not in before]
            edits.append(
                _edit(
                    declaration, replace(declaration, scopes=new), text, _some("without", dropped), _some("with", added)
                )
            )
    return edits, unchanged


def _some(word: str, names: Sequence[str]) -> str:
    return f"{word} {first_few(list(names), 5)}" if names else "the same"


def _text(desk: Desk, declaration: Declaration) -> str:
    """The file as it is, line ends included."""
    return (desk.root / declaration.source.file).read_bytes().decode("utf-8")


def _edit(before: Declaration, after: Declaration, text: str | None, was: str, becomes: str) -> Edit:
    """The edit, if the file means just that afterwards.

    Raises:
        ReconcilerError: it does not.
    """
    reread, _ = load_bytes(text.encode(), before.source.file) if text is not None else (None, ())
    if text is None or reread is None or replace(reread, source=before.source) != replace(after, source=before.source):
        raise ReconcilerError(
            f"{before.source.file} is written in a way that is beyond this edit",
            "edit it by hand, or run 'exempt fmt' on it first",
        )
    return Edit(declaration=before, text=text, was=was, becomes=becomes)


# --- one pull request an owner -----------------------------------------------------------------------------------


def _propose(edits: Sequence[Edit], unchanged: Mapping[str, str], desk: Desk, context: Context, word: str) -> ChangeRun:
    files = {edit.declaration.source.file: edit.text for edit in edits}
    proposed: list[Proposed] = []
    if desk.space is not None and edits:
        write_changes(desk, files)
        problems = problems_of(desk, list(files), context)
        context.observer.problems(problems)
        if has_errors(problems):
            raise ReconcilerError("the rules refuse this", _what_to_do(problems))
        by_owner: dict[str, list[Edit]] = defaultdict(list)
        for edit in edits:
            by_owner[edit.declaration.owner].append(edit)
        for owner, group in sorted(by_owner.items()):
            proposal = Proposal(
                files={edit.declaration.source.file: edit.text for edit in group},
                branch=f"exempt/{word}-{_stem(owner, group)}",
                text=_words(word, group),
            )
            proposed.append(propose(desk, proposal, context))
    return ChangeRun(edits=tuple(edits), proposed=tuple(proposed), unchanged=dict(unchanged))


def _what_to_do(problems: Sequence[Problem]) -> str:
    return next((problem.remedy for problem in problems if problem.remedy), "correct it")


def _stem(owner: str, group: Sequence[Edit]) -> str:
    """The same for the same change, so that a retry goes on: the name of the only one, or the owner; and what becomes of it."""
    meaning = "\0".join(f"{edit.declaration.name}={edit.text}" for edit in group)
    digest = hashlib.sha256(meaning.encode()).hexdigest()[:8]
    return f"{slug(group[0].declaration.name if len(group) == 1 else owner) or 'several'}-{digest}"


def _words(word: str, group: Sequence[Edit]) -> Text:
    names = [edit.declaration.name for edit in group]
    rows = [(edit.declaration.name, edit.was, edit.becomes) for edit in group]
    match word:
        case "renew":
            title = renewal_title(names, max(last_instant(edit.becomes) for edit in group))
            note = (
                "Is each still needed, and is the reason still true? Who approves this accepts the risk for that time."
            )
        case "retire":
            title = retirement_title(names)
            note = "Defender shows the findings again, up to a day after the next apply. The files stay for the record."
        case _:
            title = selection_title(names)
            note = "The tags in `selectedBy` choose other resources than when this was written."
    return Text(title=title, body=changes_body(rows, note))
