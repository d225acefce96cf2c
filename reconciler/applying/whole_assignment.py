"""Which exemptions may be written without reference ids: on an initiative an empty list exempts all that it evaluates.

Decided from the snapshot, the declarations and the rules, and not from the plan: the writer refuses every other empty
list, whatever defect made it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reconciler.model import Declaration, Exemption, Settings, Snapshot, SubjectKind
from reconciler.planning.marks import bears_our_mark, declaration_of, target_of
from reconciler.planning.values import Change

_KINDS: Final = frozenset({SubjectKind.INITIATIVE, SubjectKind.ASSIGNMENT})


def allowed_without_references(
    changes: Iterable[Change], snapshot: Snapshot, declarations: Iterable[Declaration], settings: Settings
) -> frozenset[str]:
    """The folded ids of the exemptions that these changes may write with an empty list."""
    declared = {
        declaration.name: {scope.key for scope in declaration.scopes}
        for declaration in declarations
        if settings.rules.allow_whole_assignment
        and declaration.enabled
        and declaration.subject.kind in _KINDS
        and not declaration.subject.reference_ids
    }

    def is_declared(after: Exemption) -> bool:
        """Whether it will bear the marks of such a declaration and of one of its scopes."""
        return bears_our_mark(after, settings) and target_of(after) in declared.get(declaration_of(after), ())

    def is_single(after: Exemption) -> bool:
        """Whether one policy is assigned, which has no references; an unknown assignment counts as an initiative."""
        assignment = snapshot.assignments.get(after.assignment.key)
        return assignment is not None and not assignment.is_initiative

    return frozenset(
        change.id.key for change in changes if (after := change.after) and (is_single(after) or is_declared(after))
    )
