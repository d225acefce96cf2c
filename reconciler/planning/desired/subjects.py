"""What a declaration means, through reviewed facts only: the policies it exempts, in which assignments, under which
reference ids.

Matching goes by policy definition id. Reference ids differ between initiatives (98 of 100 pairs do), and one
initiative holds the same policy ten times: every entry counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from reconciler.catalog.subjects import ResolvedSubject
from reconciler.model import Assignment, Initiative, SubjectKind

WHOLE: Final = "*"
"""The only cell of an assignment without an initiative."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectMatch:
    """How an assignment evaluates a subject: the reference ids to exempt, as the initiative writes them.

    `whole` says that the entire assignment is meant (no references, or a single policy); `cells` are the folded
    reference ids, `*` for a single policy; `policies` the folded definitions behind them; `unknown` the references
    asked for that the initiative does not have.
    """

    references: tuple[str, ...]
    cells: frozenset[str]
    policies: tuple[str, ...]
    whole: bool = False
    unknown: tuple[str, ...] = ()

    def of(self, cells: frozenset[str]) -> SubjectMatch:
        """The part of it with these cells, which is the entire assignment no longer."""
        references = tuple(reference for reference in self.references if reference.lower() in cells)
        return replace(self, references=references, cells=cells, whole=False)


def match_subject(
    subject: ResolvedSubject, assignment: Assignment, initiative: Initiative | None
) -> SubjectMatch | None:
    """Which cells of an assignment the subject covers; None where it does not evaluate it.

    An assigned initiative must be given; the caller holds what could not be read.
    """
    if subject.kind is SubjectKind.ASSIGNMENT and assignment.id.key != subject.only:
        return None
    if subject.kind is SubjectKind.INITIATIVE and assignment.definition.key != subject.only:
        return None
    if not assignment.is_initiative:
        if subject.only is None and assignment.definition.key not in subject.policies:
            return None
        return SubjectMatch(
            references=(),
            cells=frozenset({WHOLE}),
            policies=(assignment.definition.key,),
            whole=True,
            unknown=tuple(subject.references.values()),
        )
    assert initiative is not None
    return _match_members(subject, initiative)


def _match_members(subject: ResolvedSubject, initiative: Initiative) -> SubjectMatch | None:
    """Which members of an initiative the subject covers: by the policies that it means, or of an address all, or those
    whose references it names.
    """
    unknown: tuple[str, ...] = ()
    if subject.only:
        by_reference = {member.reference_id.lower(): member for member in initiative.members}
        if not subject.references:
            return SubjectMatch(references=(), cells=frozenset(by_reference), policies=(WHOLE,), whole=True)
        members = [by_reference[key] for key in subject.references if key in by_reference]
        unknown = tuple(text for key, text in sorted(subject.references.items()) if key not in by_reference)
    else:
        members = [member for member in initiative.members if member.definition.key in subject.policies]
        if not members:
            return None
    references = tuple(sorted({member.reference_id for member in members}, key=str.lower))
    return SubjectMatch(
        references=references,
        cells=frozenset(reference.lower() for reference in references),
        policies=tuple(sorted({member.definition.key for member in members})),
        unknown=unknown,
    )


def cells_of(references: Iterable[str], assignment: Assignment | None, initiative: Initiative | None) -> frozenset[str]:
    """The cells an existing exemption covers: an empty list counts as every reference of the initiative.

    Of an assignment that is gone or unreadable only what the object itself lists is known.
    """
    listed = frozenset(reference.lower() for reference in references)
    if assignment is not None and not assignment.is_initiative:
        return frozenset({WHOLE})
    if listed:
        return listed
    return frozenset(initiative.texts) if initiative else frozenset({WHOLE})


def still_means_any(
    subject: ResolvedSubject, cells: frozenset[str], assignment: Assignment, initiative: Initiative | None
) -> bool:
    """Whether the subject still covers any definition behind these cells of an assignment (reason *removed*).

    Cells that the initiative has no more do not count. Where none is left nobody can say which definitions were behind
    them: they may still be meant, for a new version of an initiative is no edit of the repository.
    """
    if subject.kind is SubjectKind.ASSIGNMENT and assignment.id.key != subject.only:
        return False
    if assignment.is_initiative and initiative is None:
        return True
    current = existing_cells(cells, initiative)
    matched = match_subject(subject, assignment, initiative)
    return not current or bool(matched and matched.cells & current)


def existing_cells(cells: frozenset[str], initiative: Initiative | None) -> frozenset[str]:
    """Those of the cells that the initiative still has; all of them where there is none."""
    if initiative is None:
        return cells
    return cells if cells <= initiative.texts.keys() else cells & initiative.texts.keys()


def reference_texts(cells: frozenset[str], initiative: Initiative | None) -> tuple[str, ...]:
    """The reference ids of some cells, as the initiative writes them; none for a single policy."""
    texts = initiative.texts if initiative else {}
    return tuple(texts.get(cell, cell) for cell in sorted(cells) if cell != WHOLE)
