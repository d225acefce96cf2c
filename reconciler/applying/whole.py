"""Which exemptions may be written without reference ids: on an initiative an empty list exempts all that it evaluates.

Decided from the snapshot, the declarations and the rules, and not from the plan: the writer refuses every other empty
list, whatever defect made it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reconciler.model import Declaration, Exemption, Rules, Snapshot, SubjectKind
from reconciler.planning.values import Change

_KINDS: Final = frozenset({SubjectKind.INITIATIVE, SubjectKind.ASSIGNMENT})


def without_references(
    changes: Iterable[Change], snapshot: Snapshot, declarations: Iterable[Declaration], rules: Rules
) -> frozenset[str]:
    """The folded ids of the exemptions that these changes may write with an empty list."""
    meant = (
        {each.name for each in declarations if _means_all(each)} if rules.allow_whole_assignment else frozenset[str]()
    )
    return frozenset(
        change.id.key
        for change in changes
        if change.after and (change.declaration in meant or _is_single(change.after, snapshot))
    )


def _means_all(declaration: Declaration) -> bool:
    return declaration.enabled and declaration.subject.kind in _KINDS and not declaration.subject.reference_ids


def _is_single(exemption: Exemption, snapshot: Snapshot) -> bool:
    """Whether one policy is assigned, which has no references; an assignment that is not known counts as an initiative."""
    assignment = snapshot.assignments.get(exemption.assignment.key)
    return assignment is not None and not assignment.is_initiative
