"""What renew and retire share: edits of declarations that exist, proposed by one pull request for each owner."""

from __future__ import annotations

import enum
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.declarations import load_bytes
from reconciler.declarations.build import last_instant
from reconciler.importing.naming import slug
from reconciler.importing.text import expiry_value
from reconciler.model import Declaration, Severity, Verdict
from reconciler.reports.requests import changes_body, renewal_title, retirement_title, selection_title
from reconciler.repository.proposals import texts_on_branch
from reconciler.repository.pull_requests import Text
from reconciler.runs.context import Context
from reconciler.runs.proposing import Desk, Proposal, Proposed, problems_of, propose, with_earlier_end, write_changes


class Intent(enum.StrEnum):
    """Why declarations are edited; the first part of the branch's name."""

    RENEW = "renew"
    RESELECT = "reselect"
    RETIRE = "retire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One declaration with its file as it would be; `was` and `becomes` say the difference."""

    declaration: Declaration
    text: str
    was: str
    becomes: str


@dataclass(kw_only=True)
class Edits:
    """What becomes of each declaration that was chosen: an edit, nothing for a reason, or an edit that cannot be.
    `has_default_end`: nobody named the end, so that a nearer one which an earlier run proposed will do.
    """

    has_default_end: bool = False
    edits: list[Edit] = field(default_factory=list)
    unchanged: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def add(self, before: Declaration, after: Declaration, text: str | None, was: str, becomes: str) -> None:
        """The edit to this text, if the file means just `after` then; None: its form is beyond an edit."""
        reread, _ = load_bytes(text.encode(), before.source.file) if text is not None else (None, ())
        if text is not None and reread is not None and replace(reread, source=after.source) == after:
            self.edits.append(Edit(declaration=before, text=text, was=was, becomes=becomes))
        else:
            self.refused[before.name] = (
                f"{before.source.file} is written in a way that is beyond this edit: "
                "edit it by hand, or run 'exempt fmt' on it first"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRun:
    """What was proposed, each with its edits (nothing in a dry run); which declarations need no change, and which cannot be
    changed so, each with the reason.
    """

    edits: tuple[Edit, ...]
    proposed: tuple[Proposed, ...]
    unchanged: Mapping[str, str]
    refused: Mapping[str, str]

    @property
    def verdict(self) -> Verdict:
        """Done, unless something could not be changed."""
        return Verdict.INCOMPLETE if self.refused else Verdict.DONE


def text_of(desk: Desk, declaration: Declaration) -> str:
    """The file as it is, line ends included."""
    return (desk.root / declaration.source.file).read_bytes().decode("utf-8")


def propose_edits(edits: Edits, intent: Intent, names: Sequence[str], desk: Desk, context: Context) -> ChangeRun:
    """One pull request for each owner; what the rules refuse is left out of it. `names` are those that somebody chose, empty
    where a time or tags chose: then the branch is the owner's, and a later run adds to it.

    Raises:
        ReconcilerError: git refuses.
    """
    proposed: list[Proposed] = []
    changed = list(edits.edits)
    refused = dict(edits.refused)
    if desk.space is not None and edits.edits:
        write_changes(desk, {edit.declaration.source.file: edit.text for edit in edits.edits})
        problems = problems_of(desk, [edit.declaration.source.file for edit in edits.edits], context)
        context.observer.problems(problems)
        wrong = {problem.source.file: problem for problem in problems if problem.severity is Severity.ERROR}
        by_owner: dict[str, list[Edit]] = defaultdict(list)
        changed = []
        for edit in edits.edits:
            if problem := wrong.get(edit.declaration.source.file):
                refused[edit.declaration.name] = f"the rules refuse this: {problem.message}"
            else:
                by_owner[edit.declaration.owner].append(edit)
        for owner, group in sorted(by_owner.items()):
            branch = _branch(intent, owner, names and [edit.declaration.name for edit in group])
            continued = _continued(group, branch, desk) if edits.has_default_end else group
            proposal = Proposal(
                files={edit.declaration.source.file: edit.text for edit in continued},
                branch=branch,
                text=_words(intent, continued),
                replaces=True,
            )
            proposed.append(propose(desk, proposal, context))
            changed += continued
    return ChangeRun(
        edits=tuple(changed),
        proposed=tuple(proposed),
        unchanged=edits.unchanged,
        refused=refused,
    )


def _branch(intent: Intent, owner: str, names: Sequence[str]) -> str:
    """The same for the same declarations, whatever becomes of them, so that a run on another day goes on with its pull
    request.
    """
    if len(names) == 1:
        return f"exempt/{intent}-{names[0]}"
    digest = hashlib.sha256("\0".join([owner, *sorted(names)]).encode()).hexdigest()[:8]
    return f"exempt/{intent}-{slug(owner) or 'several'}-{digest}"


def _continued(group: Sequence[Edit], branch: str, desk: Desk) -> list[Edit]:
    """With the ends that an earlier run proposed on the branch."""
    assert desk.space is not None
    earlier = texts_on_branch(desk.space, branch, [edit.declaration.source.file for edit in group])
    continued = []
    for edit in group:
        file, end = edit.declaration.source.file, edit.declaration.expires_on
        text = with_earlier_end(edit.text, earlier.get(file, ""), file, end) if end else edit.text
        after, _ = load_bytes(text.encode(), file)
        becomes = expiry_value(after.expires_on) if after and after.expires_on else edit.becomes
        continued.append(replace(edit, text=text, becomes=becomes))
    return continued


def _words(intent: Intent, group: Sequence[Edit]) -> Text:
    names = [edit.declaration.name for edit in group]
    rows = [(edit.declaration.name, edit.was, edit.becomes) for edit in group]
    match intent:
        case Intent.RENEW:
            title = renewal_title(names, max(last_instant(edit.becomes) for edit in group))
            note = (
                "Is each still needed, and is the reason still true? Who approves this accepts the risk for that time."
            )
        case Intent.RETIRE:
            title = retirement_title(names)
            note = "Defender shows the findings again, up to a day after the next apply. The files stay for the record."
        case Intent.RESELECT:
            title = selection_title(names)
            note = "The tags in `selectedBy` choose other resources than when this was written."
    return Text(title=title, body=changes_body(rows, note))
